//! People's attributes from clinical sources: FHIR R4, GA4GH Phenopackets v2 and tables, by a schema's mapping file.
//!
//! Every source is first read into what it says of each person ([`facts`]), then the mapping's rules are applied
//! ([`evaluate`]). A value is used only when the source says it: what is absent, doubtful, ambiguous or in a unit
//! that does not convert stays missing, and the [`ConversionReport`] says where it stands and why. The result does
//! not depend on the order of resources or files.
//!
//! Input is not trusted: everything is bounded ([`limits`]), and a file that breaks its format is refused whole, with
//! its JSON pointer, line or row.

mod age;
mod cause;
mod code;
mod evaluate;
mod facts;
mod fhir;
mod json;
pub mod limits;
mod mapping;
mod moment;
mod number;
mod phenopacket;
mod report;
mod table;
mod unit;
mod written;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::Read as _,
    path::Path,
};

use circuits::consent::Day;
use serde_json::Value;

pub use self::{
    cause::{Cause, Verdict},
    mapping::{
        AgeRule, AttributeMapping, CategoryRule, CheckedMapping, ClinicalRule, CodedRule, CsvAge, CsvCategory,
        CsvNumber, CsvRule, Definition, ImpreciseAges, MAPPING_EXAMPLE, Mapping, MappingFormat, MeasuredRule,
        OnsetRule, PersonNaming, PhenopacketName, PresenceOfDeath, PresenceRule, Take, Verification, parse_day,
    },
    report::{AttributeReport, CauseTotal, ConversionReport, FileReport, Note, PersonReport, Place, Totals},
    written::write_attributes,
};
use self::{
    evaluate::{Asked, Kind, Outcomes, combined},
    fhir::Collected,
    limits::{CLINICAL_BYTES_MAX, FILES_MAX},
    phenopacket::Phenopackets,
};
use super::{AttributeRow, refusal::Refusal};
use crate::Error;

/// A clinical file's name, for messages and to tell tables and NDJSON, and its bytes.
#[derive(Clone)]
pub struct ClinicalFile {
    /// The name.
    pub name: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What a conversion gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion {
    /// A row to each person, by name.
    pub rows: Vec<AttributeRow>,
    /// What was used, what was left out and why.
    pub report: ConversionReport,
}

impl ClinicalFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::UnreadableInput`] when it cannot be read, [`Error::InvalidInput`] beyond [`CLINICAL_BYTES_MAX`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let name = path.display().to_string();
        let unreadable = |error| Refusal::Unreadable(error).at(&name, "reading");
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(unreadable)?;
        file.take(CLINICAL_BYTES_MAX.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
        Ok(Self { name, bytes })
    }

    /// Whether it is JSON: its first letter opens an object. What is anything else is a table.
    fn is_json(&self) -> bool {
        let start = self.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.bytes);
        let json_name = [".json", ".ndjson", ".jsonl"].iter().any(|end| self.name.to_ascii_lowercase().ends_with(end));
        json_name || start.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| b"{[".contains(byte))
    }
}

/// Converts clinical files by a mapping. Ages and windows refer to the day `on`, or else to the mapping's own, or
/// else to `today`.
///
/// # Errors
/// [`Error::InvalidInput`] with file, place and remedy for a file that breaks its format, more files or
/// people than the bounds allow, and two people of one name; [`Error::UnsupportedInput`] for a bundle of histories,
/// and a family or cohort of phenopackets. Nothing is returned then.
pub fn convert(
    files: &[ClinicalFile],
    mapping: &CheckedMapping,
    on: Option<Day>,
    today: Day,
) -> Result<Conversion, Error> {
    let asked = Asked { on: mapping.reference(on, today), mapping };
    let mut reading = Reading::default();
    for (index, file) in files.iter().enumerate() {
        if index >= FILES_MAX {
            return Err(too_many(file, format!("there are more than {FILES_MAX} files"), "convert fewer at once"));
        }
        reading.file(file, asked)?;
    }
    let (people, unattached) = reading.fhir.people(&mapping.naming)?;
    let mut outcomes = reading.outcomes;
    people.iter().for_each(|person| asked.person(person, Kind::Fhir, &mut outcomes));
    for person in reading.phenopackets.into_people() {
        asked.person(&person, Kind::Phenopacket, &mut outcomes);
    }
    let combine = |(name, outcomes)| combined(name, outcomes, &mapping.targets);
    let (rows, people) = outcomes.into_iter().map(combine).unzip();
    Ok(Conversion { rows, report: ConversionReport::new(asked.on.to_string(), reading.reports, people, unattached) })
}

/// What has been read of the files so far.
#[derive(Default)]
struct Reading {
    fhir: Collected,
    phenopackets: Phenopackets,
    rows: BTreeSet<String>,
    outcomes: Outcomes,
    reports: Vec<FileReport>,
}

impl Reading {
    fn file(&mut self, file: &ClinicalFile, asked: Asked<'_>) -> Result<(), Error> {
        let ClinicalFile { name, bytes } = file;
        if bytes.len() as u64 > CLINICAL_BYTES_MAX {
            return Err(too_many(
                file,
                format!("the file is longer than {CLINICAL_BYTES_MAX} bytes"),
                "split it by people",
            ));
        }
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(too_many(file, "the file is empty".into(), "give FHIR, a phenopacket or a table"));
        }
        if !file.is_json() {
            let report = table::read(name, bytes, asked, &mut self.rows, &mut self.outcomes)?;
            self.reports.push(report);
            return Ok(());
        }
        let report = |kind| FileReport { file: name.clone(), kind, read: BTreeMap::new(), not_read: BTreeMap::new() };
        let (mut fhir, mut phenopacket) = (report("fhir"), report("phenopacket"));
        if fhir::is_lines(name) {
            self.fhir.lines(name, bytes, &mut fhir)?;
            self.reports.push(fhir);
            return Ok(());
        }
        let document = json::parse(name, bytes, 1)?;
        if is_phenopacket(&document) {
            self.phenopackets.document(name, &document, &asked.mapping.naming, &mut phenopacket)?;
            self.reports.push(phenopacket);
        } else {
            self.fhir.document(name, &document, &mut fhir)?;
            self.reports.push(fhir);
        }
        Ok(())
    }
}

/// What FHIR always has and phenopackets never have.
fn is_phenopacket(document: &Value) -> bool {
    let member = |name| document.get(name).is_some();
    !member("resourceType") && (member("metaData") || member("subject") || member("proband") || member("members"))
}

fn too_many(file: &ClinicalFile, why: String, remedy: &str) -> Error {
    Refusal::Invalid { why, remedy: remedy.into() }.at(&file.name, "whole file")
}
