//! The people of the demo: real genotypes, and attributes that are real or from a public clinical table.

use std::path::Path;

use circuits::{
    consent::{ConsentFlags, ConsentTerms, Day, Purposes, Regions},
    criteria::{Clause, Criteria},
    record::{ATTRIBUTES, Attributes, Dosage, MISSING},
    schema::{Attribute, Schema, VariantPanel},
};
use market::import::{AttributeRow, ImportOptions, import_attributes, import_file, import_variants};
use zeroize::Zeroizing;

use super::{PEOPLE_MIN, truth};
use crate::Error;

/// 100 people of the 1000 Genomes Project, 735 sites of chromosome 22; see `tests/data/README.md`.
const GENOMES: &[u8] = include_bytes!("../../../tests/data/demo/genomes.vcf");
/// Their attributes, and which of them are real.
const ATTRIBUTES_CSV: &[u8] = include_bytes!("../../../tests/data/demo/attributes.csv");
const ATTRIBUTES_JSON: &[u8] = include_bytes!("../../../tests/data/demo/attributes.json");

/// The price a contribution earns, in minor units.
pub(super) const PRICE: u64 = 500;

/// Why a person takes part in the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Meets the criteria and consents.
    Contributes,
    /// Consents but is outside the criteria.
    OutsideCriteria,
    /// Meets the criteria but forbids the purpose.
    ForbidsPurpose,
    /// Meets the criteria and consents, but is dishonest.
    Attacks,
}

/// A person with what an issuer measures of them.
pub(super) struct Person {
    pub(super) name: String,
    pub(super) part: Part,
    pub(super) attributes: Attributes,
    pub(super) dosages: Zeroizing<Vec<Dosage>>,
}

/// The people invited, the schema of their records, and the criteria asked.
pub(super) struct Cast {
    pub(super) people: Vec<Person>,
    pub(super) schema: Schema,
    pub(super) panel: VariantPanel,
    pub(super) criteria: Criteria,
    pub(super) criteria_text: String,
    pub(super) source: String,
}

/// Casts `contributors` people who meet the criteria and so many attackers, and where there are more, one outside them
/// and one who forbids the purpose, to show that nothing is counted of theirs.
///
/// # Errors
/// [`Error::Market`] when the file is not imported; [`Error::Input`] when it has too few people.
pub(super) fn cast(vcf: Option<&Path>, contributors: usize, attackers: usize) -> Result<Cast, Error> {
    let options = ImportOptions { build: vcf.is_none().then(|| "GRCh37".to_owned()) };
    let (imported, _) = match vcf {
        Some(path) => import_file(path, &options)?,
        None => import_variants("the built-in genomes", GENOMES, &options)?,
    };
    let described: Vec<Attribute> = if vcf.is_none() { builtin_attributes()? } else { vec![] };
    let schema = Schema { name: "locus demo".into(), attributes: described, panel: imported.panel.reference()? };
    let rows = match vcf {
        None => import_attributes("the built-in attributes", ATTRIBUTES_CSV, &schema)?,
        Some(_) => vec![],
    };
    let (criteria, criteria_text) = criteria(&schema, &rows, contributors + attackers);
    let mut people = vec![];
    let mut spare = vec![Part::OutsideCriteria, Part::ForbidsPurpose];
    for mut sample in imported.samples {
        let row = rows.iter().find(|row| row.sample == sample.name);
        let attributes = row.map_or_else(|| Attributes::new([MISSING; ATTRIBUTES]), |row| row.attributes.clone());
        let eligible = criteria.hold(&attributes);
        let part = match (eligible, count(&people, Part::Contributes), count(&people, Part::Attacks)) {
            (true, contributing, _) if contributing < contributors => Part::Contributes,
            (true, _, attacking) if attacking < attackers => Part::Attacks,
            (true, ..) => Part::ForbidsPurpose,
            (false, ..) => Part::OutsideCriteria,
        };
        let wanted = matches!(part, Part::Contributes | Part::Attacks) || spare.contains(&part);
        if wanted {
            spare.retain(|other| *other != part);
            let dosages = Zeroizing::new(std::mem::take(&mut sample.dosages));
            people.push(Person { name: sample.name.clone(), part, attributes, dosages });
        }
    }
    let (meet, asked) = (count(&people, Part::Contributes) + count(&people, Part::Attacks), contributors + attackers);
    if meet < asked || contributors < PEOPLE_MIN {
        let why = format!("{asked} asked, {meet} meet the criteria; at least {PEOPLE_MIN} are needed");
        return Err(Error::Input { what: "number of people", why });
    }
    let source = vcf.map_or_else(|| "1000 Genomes, chromosome 22".into(), |path| path.display().to_string());
    Ok(Cast { people, schema, panel: imported.panel, criteria, criteria_text, source })
}

fn count(people: &[Person], part: Part) -> usize {
    people.iter().filter(|person| person.part == part).count()
}

fn builtin_attributes() -> Result<Vec<Attribute>, Error> {
    serde_json::from_slice(ATTRIBUTES_JSON)
        .map_err(|error| Error::Input { what: "built-in attributes", why: error.to_string() })
}

/// The criteria for so many people: European and aged 30 to 65 where enough are, European otherwise, and everybody where
/// the schema does not know.
fn criteria(schema: &Schema, rows: &[AttributeRow], people: usize) -> (Criteria, String) {
    let index = |name: &str| schema.attribute_index(name).and_then(|index| u8::try_from(index).ok());
    let (Some(age), Some(superpopulation)) = (index("age"), index("superpopulation")) else {
        return (Criteria::default(), "everybody".into());
    };
    let clause = |attribute, lo, hi| vec![Clause { attribute, lo, hi, negated: false }];
    let european = Criteria { groups: vec![clause(superpopulation, 4, 4)] };
    let scale = schema.attributes.get(usize::from(age)).map_or(1, |attribute| attribute.scale);
    let of_age = Criteria { groups: vec![clause(superpopulation, 4, 4), clause(age, 30 * scale, 65 * scale)] };
    let meet = rows.iter().filter(|row| of_age.hold(&row.attributes)).count();
    if meet >= people {
        (of_age, "European superpopulation, age 30 to 65".into())
    } else {
        (european, "European superpopulation".into())
    }
}

/// What a person of the demo allows.
pub(super) fn consent(part: Part, today: Day, cohort_min: u32, salt: [u8; 31]) -> ConsentTerms {
    let purposes = match part {
        Part::ForbidsPurpose => Purposes::ANCESTRY,
        Part::Contributes | Part::OutsideCriteria | Part::Attacks => {
            Purposes::GENERAL_RESEARCH.union(Purposes::HEALTH_RESEARCH)
        }
    };
    ConsentTerms {
        salt,
        purposes,
        disease: 0,
        regions: Regions::ALL,
        expiry: Day(today.0.saturating_add(365)),
        price_min: PRICE,
        epsilon_milli_max: 0,
        cohort_min,
        flags: ConsentFlags::EXACT,
    }
}

/// The truth, counted from the text by code that shares nothing with the import.
///
/// # Errors
/// [`Error::Input`] when the text cannot be read.
pub(super) fn count_truth(vcf: Option<&Path>, names: &[String]) -> Result<Vec<truth::VariantTruth>, Error> {
    let counted = match vcf {
        Some(path) => truth::count_file(path, names),
        None => truth::count(GENOMES, names),
    };
    counted.map_err(|error| Error::Input { what: "genotypes for the truth", why: error.to_string() })
}
