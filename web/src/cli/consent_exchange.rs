//! Consent in the formats that the field exchanges: the `duoDataUse` of Beacon v2, and FHIR R4 Consent resources.

use std::path::PathBuf;

use circuits::consent::Day;
use clap::{Args, ValueEnum};
use market::{
    consent::{ConsentFile, everywhere},
    data_use::{DuoDocument, DuoTerm, RegionTable, fhir},
};
use serde::Serialize;
use serde_json::Value;

use super::{
    Output,
    consent::read,
    session::{read_json, read_text},
    write_json,
};
use crate::{Error, chain::now};

/// A format of data use terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// `duoDataUse` of Beacon v2: terms of the Data Use Ontology in JSON.
    Duo,
    /// A FHIR R4 Consent in JSON.
    Fhir,
}

/// Reads data use terms, says what became of each element, and writes a consent file.
#[derive(Debug, Args)]
pub struct Import {
    /// The document: JSON with a `resourceType` is read as FHIR, other JSON as `duoDataUse`.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where to write the consent file, which `record certify` and `consent change` take.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Least price of a contribution, in minor units.
    #[arg(long, value_name = "AMOUNT")]
    price_min: u64,
    /// Least cohort a query must demand.
    #[arg(long, value_name = "PEOPLE")]
    cohort_min: u32,
    /// Days on which queries may still close, from the day the consent is used; a time limit in the terms is kept
    /// besides.
    #[arg(long, value_name = "DAYS")]
    days: u32,
    /// Greatest privacy loss ε of a query, in thousandths; 0 allows no private query.
    #[arg(long, value_name = "THOUSANDTHS", default_value_t = 0)]
    epsilon_milli_max: u32,
    /// Allow exact statistics without noise.
    #[arg(long)]
    exact: bool,
    /// Allow screening, which can lead to an invitation.
    #[arg(long)]
    screening: bool,
    /// The network's regions: a JSON list of lists of countries. Terms that name countries need it.
    #[arg(long, value_name = "FILE")]
    regions: Option<PathBuf>,
}

/// What an import found and wrote.
#[derive(Debug, Serialize)]
struct Imported {
    consent_file: PathBuf,
    data_use: DuoDocument,
    /// Terms that no proof enforces, and that the owner's agent decides on.
    left_to_the_agent: Vec<DuoTerm>,
    report: fhir::Report,
}

impl Import {
    pub(super) fn run(self, output: &Output) -> Result<(), Error> {
        let today = now().day();
        let text = read_text("consent document", &self.file)?;
        let name = self.file.display();
        let malformed = |why: String| Error::Input { what: "consent document", why: format!("{name}: {why}") };
        let value: Value = serde_json::from_str(&text).map_err(|error| malformed(error.to_string()))?;
        let (terms, report) = if value.get("resourceType").is_some() {
            let fhir::Imported { report, terms } = fhir::read(&text, today)?;
            let refused = || report.refused.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            (
                terms.ok_or_else(|| {
                    malformed(format!("nothing is written, for it would widen or lose terms: {}", refused()))
                })?,
                report,
            )
        } else {
            let document: DuoDocument = serde_json::from_value(value).map_err(|error| malformed(error.to_string()))?;
            (document.terms(today)?, fhir::Report::default())
        };
        let region_table: RegionTable = match &self.regions {
            Some(path) => read_json("table of regions", path)?,
            None => RegionTable::default(),
        };
        let data_use = DuoDocument::from(&terms);
        let file = ConsentFile {
            purposes: vec![],
            data_use: Some(data_use.clone()),
            region_table,
            only_disease: 0,
            regions: everywhere(),
            days: self.days,
            price_min: self.price_min,
            epsilon_milli_max: self.epsilon_milli_max,
            cohort_min: self.cohort_min,
            exact: self.exact,
            screening: self.screening,
        };
        file.resolve(today, [0; 31])?;
        write_json("consent file", &self.out, &file)?;
        let left_to_the_agent = terms.left_to_the_agent().collect();
        let imported = Imported { consent_file: self.out, data_use, left_to_the_agent, report };
        output.result(&imported, describe)
    }
}

fn describe(imported: &Imported) -> String {
    let terms = imported.data_use.duo_data_use.iter().map(|entry| {
        let codes: Vec<&str> = entry.modifiers.iter().map(|code| code.id.as_str()).collect();
        let label = entry.label.as_deref().unwrap_or_default();
        format!("term     {} {label} {}", entry.id, codes.join(", ")).trim_end().to_owned()
    });
    let ignored = imported.report.ignored.iter().map(|element| format!("ignored  {element}"));
    let agent =
        imported.left_to_the_agent.iter().map(|term| format!("agent    decides on {term}; no proof enforces it"));
    let written = format!("written  {}", imported.consent_file.display());
    terms.chain(ignored).chain(agent).chain([written]).collect::<Vec<_>>().join("\n")
}

/// Writes data use terms for others.
#[derive(Debug, Args)]
pub struct Export {
    /// The consent file; it must say what is allowed with `data_use`.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The format.
    #[arg(long, value_enum, default_value = "fhir")]
    format: Format,
    /// Where to write it; standard output without it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Export {
    pub(super) fn run(self, output: &Output) -> Result<(), Error> {
        let today = now().day();
        let terms = read(&self.file)?.data_use(today)?.ok_or_else(|| Error::Input {
            what: "consent file",
            why: format!(
                "{} lists purposes, which no data use term says exactly; say what is allowed with data_use",
                self.file.display()
            ),
        })?;
        let document = encode(&terms, self.format, today)?;
        match &self.out {
            Some(path) => {
                write_json("consent document", path, &document)?;
                output.result(&document, |_| format!("written  {}", path.display()))
            }
            None => output.result(&document, |document| serde_json::to_string_pretty(document).unwrap_or_default()),
        }
    }
}

fn encode(terms: &market::data_use::DataUseTerms, format: Format, given: Day) -> Result<Value, Error> {
    match format {
        Format::Fhir => Ok(fhir::write(terms, given)?),
        Format::Duo => serde_json::to_value(DuoDocument::from(terms))
            .map_err(|error| Error::Input { what: "consent document", why: error.to_string() }),
    }
}
