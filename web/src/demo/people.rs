//! The people of the demo: real genotypes, and attributes that are real or from a public clinical table.

use std::path::Path;

use circuits::{
    consent::{ConsentFlags, ConsentTerms, Day, Purposes, Regions},
    criteria::Criteria,
    record::{ATTRIBUTES, Attributes, Dosage, MISSING},
    schema::{Attribute, Schema, VariantPanel},
};
use market::import::{AttributeRow, ImportOptions, SampleGenotypes, import_attributes, import_file, import_variants};
use zeroize::Zeroizing;

use super::{
    PEOPLE_MIN,
    tables::{Genomes, Plaintext},
    truth,
};
use crate::Error;

/// 100 people of the 1000 Genomes Project, 735 sites of chromosome 22; see `tests/data/README.md`.
const GENOMES: &[u8] = include_bytes!("../../../tests/data/demo/genomes.vcf");
/// Their attributes, and which of them are real.
const ATTRIBUTES_CSV: &str = include_str!("../../../tests/data/demo/attributes.csv");
const ATTRIBUTES_JSON: &[u8] = include_bytes!("../../../tests/data/demo/attributes.json");

/// The price a contribution earns, in minor units.
pub(super) const PRICE: u64 = 500;
/// The largest privacy loss of one query that people allow, in thousandths of ε.
const EPSILON_MILLI_MAX: u32 = 10_000;

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

/// What the built-in attributes are, which nobody should take for facts about these genomes.
const PAIRED: &str = "age, follow-up and death are not these people's own: they are those of the patients of the Stanford \
                      heart transplant study, paired with the genomes in file order; sex and population are real";

/// What everybody's data is: the genotypes and attributes at hand.
pub(super) struct Sources {
    pub(super) schema: Schema,
    pub(super) panel: VariantPanel,
    pub(super) rows: Vec<AttributeRow>,
    pub(super) name: String,
    /// What to know of them before believing a result.
    pub(super) note: Option<&'static str>,
    samples: Vec<SampleGenotypes>,
}

/// Refuses what the truth is not counted from, before anything is made.
fn check_text(path: &Path) -> Result<(), Error> {
    let refuse = |why: String| Error::Input { what: "--vcf", why: format!("{}: {why}", path.display()) };
    if truth::is_text(path).map_err(|error| refuse(error.to_string()))? {
        return Ok(());
    }
    let why = "the demo counts the truth from VCF text alone, plain or compressed; rewrite it with `bcftools view -Oz`";
    Err(refuse(why.into()))
}

impl Sources {
    /// Imports the built-in people, or a file's: of these nothing but the genotypes is known.
    ///
    /// # Errors
    /// [`Error::Market`] when the file is not imported, [`Error::Input`] when the truth cannot be counted from it.
    pub(super) fn import(vcf: Option<&Path>) -> Result<Self, Error> {
        let options = ImportOptions { build: vcf.is_none().then(|| "GRCh37".to_owned()) };
        let (imported, _) = match vcf {
            Some(path) => import_file(path, &options)?,
            None => import_variants("the built-in genomes", GENOMES, &options)?,
        };
        if let Some(path) = vcf {
            check_text(path)?;
        }
        let described: Vec<Attribute> = if vcf.is_none() { builtin_attributes()? } else { vec![] };
        let schema = Schema { name: "locus demo".into(), attributes: described, panel: imported.panel.reference()? };
        let rows = match vcf {
            None => import_attributes("the built-in attributes", ATTRIBUTES_CSV.as_bytes(), &schema)?,
            Some(_) => vec![],
        };
        let name = vcf.map_or_else(|| "1000 Genomes, chromosome 22".into(), |path| path.display().to_string());
        let note = vcf.is_none().then_some(PAIRED);
        Ok(Self { schema, panel: imported.panel, rows, name, note, samples: imported.samples })
    }

    /// Refuses a number of people that nobody's criteria could make possible.
    ///
    /// # Errors
    /// [`Error::Input`] that says how many may be asked.
    pub(super) fn check_number(&self, contributors: usize, attackers: usize) -> Result<(), Error> {
        check_number(contributors, attackers, ("people with genomes", self.samples.len()))
    }

    /// Casts `contributors` people who meet the criteria and so many attackers, and where there are more, one outside
    /// them and one who forbids the purpose, to show that nothing is counted of theirs.
    ///
    /// # Errors
    /// [`Error::Input`] that says how many may be asked, when too few people meet them.
    pub(super) fn cast(
        &self,
        criteria: &Criteria,
        contributors: usize,
        attackers: usize,
    ) -> Result<Vec<Person>, Error> {
        let mut people = vec![];
        let mut spare = vec![Part::OutsideCriteria, Part::ForbidsPurpose];
        for sample in &self.samples {
            let row = self.rows.iter().find(|row| row.sample == sample.name);
            let attributes = row.map_or_else(|| Attributes::new([MISSING; ATTRIBUTES]), |row| row.attributes.clone());
            let part =
                match (criteria.hold(&attributes), count(&people, Part::Contributes), count(&people, Part::Attacks)) {
                    (true, contributing, _) if contributing < contributors => Part::Contributes,
                    (true, _, attacking) if attacking < attackers => Part::Attacks,
                    (true, ..) => Part::ForbidsPurpose,
                    (false, ..) => Part::OutsideCriteria,
                };
            let wanted = matches!(part, Part::Contributes | Part::Attacks) || spare.contains(&part);
            if wanted {
                spare.retain(|other| *other != part);
                let dosages = Zeroizing::new(sample.dosages.to_vec());
                people.push(Person { name: sample.name.clone(), part, attributes, dosages });
            }
        }
        let meet = count(&people, Part::Contributes) + count(&people, Part::Attacks);
        check_number(contributors, attackers, ("people who meet the criteria", meet))?;
        Ok(people)
    }
}

/// Refuses a number of contributors beside so many attackers that these people are not enough for, or that is less than the
/// least cohort.
fn check_number(contributors: usize, attackers: usize, (who, people): (&str, usize)) -> Result<(), Error> {
    let most = people.saturating_sub(attackers);
    if (PEOPLE_MIN..=most).contains(&contributors) {
        return Ok(());
    }
    let beside = if attackers == 0 { "" } else { " beside the dishonest one" };
    let why = if most < PEOPLE_MIN {
        format!("{who}: {people}, and the demo takes {PEOPLE_MIN} or more{beside}; give genomes of more people")
    } else {
        format!("{contributors} asked; {who}: {people}; ask {PEOPLE_MIN} to {most}{beside}")
    };
    Err(Error::Input { what: "--people", why })
}

fn count(people: &[Person], part: Part) -> usize {
    people.iter().filter(|person| person.part == part).count()
}

fn builtin_attributes() -> Result<Vec<Attribute>, Error> {
    serde_json::from_slice(ATTRIBUTES_JSON)
        .map_err(|error| Error::Input { what: "built-in attributes", why: error.to_string() })
}

/// What a person of the demo allows: exact statistics, and with `screening` that studies recruit them.
pub(super) fn consent(part: Part, today: Day, cohort_min: u32, screening: bool, salt: [u8; 31]) -> ConsentTerms {
    let purposes = match part {
        Part::ForbidsPurpose => Purposes::ANCESTRY,
        Part::Contributes | Part::OutsideCriteria | Part::Attacks => {
            Purposes::GENERAL_RESEARCH.union(Purposes::HEALTH_RESEARCH)
        }
    };
    ConsentTerms {
        salt,
        purposes: purposes.union(Purposes::NOTHING_REQUIRED),
        disease: 0,
        regions: Regions::ALL,
        expiry: Day(today.0.saturating_add(365)),
        price_min: PRICE,
        epsilon_milli_max: EPSILON_MILLI_MAX,
        cohort_min,
        flags: if screening { ConsentFlags::EXACT.union(ConsentFlags::SCREENING) } else { ConsentFlags::EXACT },
    }
}

/// What the plaintext says, for a truth that is counted by code of its own.
pub(super) fn plaintext(vcf: Option<&Path>) -> Plaintext<'_> {
    match vcf {
        Some(path) => Plaintext { table: "", attributes: b"[]", genomes: Genomes::File(path) },
        None => Plaintext { table: ATTRIBUTES_CSV, attributes: ATTRIBUTES_JSON, genomes: Genomes::Text(GENOMES) },
    }
}
