//! The mapping file, `locus/mapping/1`: where each attribute of a schema comes from, for each kind of source.

mod checked;
mod rules;

use std::{collections::BTreeMap, fs, io::Read as _, path::Path};

use circuits::schema::{Attribute, Sensitivity};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(super) use self::checked::{Age, Measured, Naming, Presence, Rule, Table, TableRule, Target};
pub use self::checked::{CheckedMapping, parse_day};
use super::limits::MAPPING_BYTES_MAX;
use crate::{Error, import::refusal::Refusal};

/// A mapping with one attribute of every kind, as `locus schema mapping --example` prints it.
pub const MAPPING_EXAMPLE: &str = include_str!("example.toml");

/// The format's name and version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MappingFormat {
    /// The first version.
    #[serde(rename = "locus/mapping/1")]
    V1,
}

/// A mapping file as people write it, in TOML.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// `locus/mapping/1`.
    pub format: MappingFormat,
    /// The day to which ages and windows refer, `YYYY-MM-DD`; what came after it is left out. `--on` overrides it.
    pub on: Option<String>,
    /// How people are named, so that the names are those of the genotypes' file.
    #[serde(default)]
    pub person: PersonNaming,
    /// Units as sources write them, with the UCUM codes that they mean: `"mg/dl" = "mg/dL"`, `"NCIT:C67245" = "10*3"`.
    #[serde(default)]
    pub units: BTreeMap<String, String>,
    /// Named lists of codes; a rule takes one by `@name`.
    #[serde(default)]
    pub code_sets: BTreeMap<String, Vec<String>>,
    /// The attributes, in the schema's order where the schema is derived from this file.
    #[serde(rename = "attribute")]
    pub attributes: Vec<AttributeMapping>,
}

/// How people are named in each kind of source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonNaming {
    /// The system of the `Patient.identifier` that names a person; `Patient.id` without it.
    pub fhir_identifier: Option<String>,
    /// What names a phenopacket's person.
    #[serde(default)]
    pub phenopacket: PhenopacketName,
    /// The column of a table that names a person; `sample` without it.
    pub csv_column: Option<String>,
}

/// What names a phenopacket's person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PhenopacketName {
    /// `subject.id`.
    #[default]
    Subject,
    /// The phenopacket's own `id`.
    Packet,
}

/// Where one attribute comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttributeMapping {
    /// The attribute's name in the schema.
    pub name: String,
    /// What the attribute is, for `locus schema derive --mapping`; checked against the schema where both are given.
    pub define: Option<Definition>,
    /// Where it comes from in FHIR R4 resources.
    pub fhir: Option<ClinicalRule>,
    /// Where it comes from in GA4GH Phenopackets v2.
    pub phenopacket: Option<ClinicalRule>,
    /// Where it comes from in CSV and TSV tables.
    pub csv: Option<CsvRule>,
}

/// An attribute of a schema without its name and its digits, which follow from the range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// UCUM code of the unit, or empty.
    #[serde(default)]
    pub unit: String,
    /// Code in a public vocabulary, or what each value stands for.
    pub coding: String,
    /// Stored value = measured value × scale.
    #[serde(default = "one")]
    pub scale: u32,
    /// Least stored value.
    pub lo: u32,
    /// Greatest stored value.
    pub hi: u32,
    /// `public` or `sensitive`.
    #[schemars(with = "String")]
    pub sensitivity: Sensitivity,
}

/// A rule for FHIR or phenopackets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum ClinicalRule {
    /// Age on the reference day, from `Patient.birthDate` or `subject.dateOfBirth`, in the attribute's unit
    /// (`a`, `mo`, `wk` or `d`), cut to completed steps.
    Age(AgeRule),
    /// Phenopackets: the age at the last encounter, as stated.
    AgeAtLastEncounter(AgeRule),
    /// FHIR: the administrative gender (`male`, `female`, `other`, `unknown`).
    Gender(CodedRule),
    /// Phenopackets: the phenotypic sex (`MALE`, `FEMALE`, `OTHER_SEX`).
    Sex(CodedRule),
    /// 1 when the person had died by the reference day, 0 when the source says that they had not.
    Deceased(PresenceOfDeath),
    /// FHIR: 1 when a Condition with such a code is there, 0 when one is refuted.
    Condition(PresenceRule),
    /// FHIR: 1 when such a Procedure was done, 0 when it is said not to have been.
    Procedure(PresenceRule),
    /// FHIR: 1 when a MedicationRequest orders such a medication.
    Medication(PresenceRule),
    /// Phenopackets: 1 when such a phenotypic feature is present, 0 when it is excluded.
    Feature(PresenceRule),
    /// Phenopackets: 1 when such a disease is present, 0 when it is excluded.
    Disease(PresenceRule),
    /// Age at the earliest onset of such a Condition (FHIR), disease or feature (phenopackets).
    Onset(OnsetRule),
    /// FHIR: the number in an Observation or one of its components.
    Observation(MeasuredRule),
    /// Phenopackets: the number in a measurement.
    Measurement(MeasuredRule),
    /// The code or the truth value in an Observation, a component or a measurement, as a number by a table.
    Category(CategoryRule),
}

/// How an age is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgeRule {
    /// What to do where the dates leave several ages open.
    #[serde(default)]
    pub imprecise: ImpreciseAges,
}

/// What to do where dates leave several ages open, such as a year of birth alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImpreciseAges {
    /// Refuse the value, which is then missing.
    #[default]
    Refuse,
    /// Take the middle; the report says so for each.
    Middle,
}

/// A number for each code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CodedRule {
    /// Number by code; a code that is not here is missing.
    pub values: BTreeMap<String, u32>,
}

/// When a person counts as not deceased.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PresenceOfDeath {
    /// The number where the source says nothing; missing without it.
    pub otherwise: Option<u32>,
}

/// When something counts as present.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PresenceRule {
    /// Codes, `@sets`, and branches such as `ICD10CM:E11*`.
    pub codes: Vec<String>,
    /// The number where the source says nothing; missing without it. Give 0 only where the sources are known to be
    /// complete. It is not used where the source says something doubtful.
    pub otherwise: Option<u32>,
    /// Conditions: only those whose clinical status is active, recurrence or relapse.
    #[serde(default)]
    pub active: bool,
    /// Conditions: verification statuses that count as present; `none` is a condition without one.
    #[serde(default = "verified")]
    pub verification: Vec<Verification>,
}

/// A FHIR R4 `verificationStatus` that may count as present, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verification {
    /// `confirmed`.
    Confirmed,
    /// `provisional`.
    Provisional,
    /// `differential`.
    Differential,
    /// `unconfirmed`.
    Unconfirmed,
    /// No status is given.
    None,
}

/// Age at onset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OnsetRule {
    /// As in a rule for presence.
    pub codes: Vec<String>,
    /// What to do where the dates leave several ages open.
    #[serde(default)]
    pub imprecise: ImpreciseAges,
    /// As in a rule for presence.
    #[serde(default = "verified")]
    pub verification: Vec<Verification>,
}

/// Which of several values is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Take {
    /// There may be one value only, or several that are equal.
    #[default]
    Only,
    /// The last in time.
    Latest,
    /// The first in time.
    First,
    /// The arithmetic mean, rounded at the end.
    Mean,
    /// The least.
    Min,
    /// The greatest.
    Max,
}

/// A measured number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MeasuredRule {
    /// Codes of the observation or its component.
    pub codes: Vec<String>,
    /// Which of several values is taken.
    #[serde(default)]
    pub take: Take,
    /// Only values of the last so many days up to the reference day.
    pub within_days: Option<u32>,
    /// Only values of this day or later, `YYYY-MM-DD`.
    pub since: Option<String>,
    /// Molar mass in g/mol, to turn mass into substance or back.
    pub molar_mass: Option<f64>,
    /// It is HbA1c: percent is NGSP, mmol/mol is IFCC, and the published equation leads from one to the other.
    #[serde(default)]
    pub hba1c: bool,
}

/// A measured code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CategoryRule {
    /// Codes of the observation or its component.
    pub codes: Vec<String>,
    /// Number by code (`SNOMED:8517006`), or by `true` and `false`.
    pub values: BTreeMap<String, u32>,
    /// Which of several values is taken: `only`, `latest`, `first`, `min` or `max`.
    #[serde(default)]
    pub take: Take,
    /// Only values of the last so many days up to the reference day.
    pub within_days: Option<u32>,
    /// Only values of this day or later, `YYYY-MM-DD`.
    pub since: Option<String>,
}

/// A rule for a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum CsvRule {
    /// A decimal number in a unit.
    Number(CsvNumber),
    /// A number by the cell's text.
    Category(CsvCategory),
    /// Age on the reference day, from a column of birth dates (`YYYY-MM-DD`, `YYYY-MM` or `YYYY`).
    Age(CsvAge),
}

/// A column of numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CsvNumber {
    /// The column's name.
    pub column: String,
    /// UCUM code of its unit; `1` for a number without one.
    pub unit: String,
    /// Molar mass in g/mol, to turn mass into substance or back.
    pub molar_mass: Option<f64>,
    /// It is HbA1c, as in a rule for an observation.
    #[serde(default)]
    pub hba1c: bool,
}

/// A column of codes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CsvCategory {
    /// The column's name.
    pub column: String,
    /// Number by the cell's text; a text that is not here is refused.
    pub values: BTreeMap<String, u32>,
}

/// A column of birth dates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CsvAge {
    /// The column's name.
    pub column: String,
    /// What to do where the date leaves several ages open.
    #[serde(default)]
    pub imprecise: ImpreciseAges,
}

const fn one() -> u32 {
    1
}

fn verified() -> Vec<Verification> {
    vec![Verification::Confirmed, Verification::None]
}

impl Mapping {
    /// Reads a mapping file.
    ///
    /// # Errors
    /// [`Error::UnreadableInput`] when it cannot be read, [`Error::InvalidInput`] as [`Mapping::parse`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let name = path.display().to_string();
        let unreadable = |error| Refusal::Unreadable(error).at(&name, "reading");
        let mut text = String::new();
        let file = fs::File::open(path).map_err(unreadable)?;
        file.take(MAPPING_BYTES_MAX + 1).read_to_string(&mut text).map_err(unreadable)?;
        Self::parse(&name, &text)
    }

    /// Reads TOML; `name` says whose in errors.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] with the line, for what is no mapping or is longer than [`MAPPING_BYTES_MAX`].
    pub fn parse(name: &str, text: &str) -> Result<Self, Error> {
        if text.len() as u64 > MAPPING_BYTES_MAX {
            return Err(refused(name, "end", format!("the mapping is longer than {MAPPING_BYTES_MAX} bytes")));
        }
        toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
            refused(name, &format!("line {line}"), error.message().to_owned())
        })
    }

    /// The schema's attributes that this mapping defines, in order.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when an attribute has no `define`.
    pub fn definitions(&self, name: &str) -> Result<Vec<Attribute>, Error> {
        let defined = |attribute: &AttributeMapping| {
            let refuse = || refused(name, &format!("attribute {:?}", attribute.name), "it has no `define`".into());
            attribute.define.as_ref().map(|define| define.attribute(&attribute.name)).ok_or_else(refuse)
        };
        self.attributes.iter().map(defined).collect()
    }
}

impl Definition {
    fn attribute(&self, name: &str) -> Attribute {
        let Self { unit, coding, scale, lo, hi, sensitivity } = self.clone();
        let bits = u32::BITS - hi.saturating_sub(lo).leading_zeros();
        let digits = u8::try_from(bits.div_ceil(8).max(1)).unwrap_or(4);
        Attribute { name: name.to_owned(), unit, coding, scale, lo, hi, digits, sensitivity }
    }
}

fn refused(name: &str, place: &str, why: String) -> Error {
    let remedy = "see `locus schema mapping --example` and docs/guide/records.md".into();
    Refusal::Invalid { why, remedy }.at(name, place)
}
