//! People's attributes from clinical files.

use std::path::{Path, PathBuf};

use circuits::{consent::Day, schema::Schema};
use clap::Args;
use market::import::clinical::{
    CheckedMapping, ClinicalFile, Conversion, FileReport, Mapping, Totals, convert, parse_day, write_attributes,
};
use serde::Serialize;

use super::{
    Output,
    session::{read_json, write_private_file},
};
use crate::{Error, chain::now};

/// Endings of the files that are read of a folder.
const ENDINGS: [&str; 6] = ["json", "ndjson", "jsonl", "csv", "tsv", "tab"];

/// How clinical files are read.
#[derive(Debug, Args)]
pub(super) struct Reading {
    /// Mapping file (TOML) that says where each attribute comes from; `locus schema mapping --example` prints one.
    // Not required where all of this is optional.
    #[arg(long, value_name = "FILE", required = false)]
    mapping: PathBuf,
    /// The day to which ages and windows refer, YYYY-MM-DD; by default the mapping's own, else today.
    #[arg(long, value_name = "DATE", value_parser = parse_day, requires = "mapping")]
    on: Option<Day>,
}

/// Which files become a table of attributes.
#[derive(Debug, Args)]
#[command(mut_arg("mapping", |mapping| mapping.required(true)))]
pub struct Convert {
    /// The schema: schema.json, as `schema derive` writes it.
    #[arg(long, value_name = "FILE")]
    schema: PathBuf,
    #[command(flatten)]
    reading: Reading,
    /// FHIR R4 bundles, resources or NDJSON, Phenopackets v2, CSV or TSV tables; of a folder, all such files in it.
    #[arg(value_name = "INPUT", required = true)]
    inputs: Vec<PathBuf>,
    /// Table of attributes (CSV), for `record certify --attributes`.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Report of every value and of all that was left out: JSON, or text when the name ends in .txt.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// What was converted; the report has the rest.
#[derive(Debug, Serialize)]
struct Converted<'a> {
    on: &'a str,
    totals: &'a Totals,
    files: &'a [FileReport],
    attributes: &'a Path,
    report: Option<&'a Path>,
}

impl Reading {
    /// Converts files and folders under a schema.
    ///
    /// # Errors
    /// [`Error::Market`] when the mapping does not fit the schema, or a file is refused.
    pub(super) fn convert(&self, inputs: &[PathBuf], schema: &Schema) -> Result<Conversion, Error> {
        let mapping = self.checked(schema)?;
        let mut files = Vec::new();
        for path in inputs.iter().map(|path| listed(path)).collect::<Result<Vec<_>, _>>()?.concat() {
            files.push(ClinicalFile::open(&path)?);
        }
        Ok(convert(&files, &mapping, self.on, now().day())?)
    }

    fn checked(&self, schema: &Schema) -> Result<CheckedMapping, Error> {
        Ok(Mapping::open(&self.mapping)?.check(&self.mapping.display().to_string(), schema)?)
    }
}

impl Convert {
    pub(super) fn run(&self, output: &Output) -> Result<(), Error> {
        let schema: Schema = read_json("schema", &self.schema)?;
        schema.check().map_err(market::Error::from)?;
        let Conversion { rows, report } = self.reading.convert(&self.inputs, &schema)?;
        let table = write_attributes(&rows, &schema)?;
        if let Some(path) = &self.report {
            let text = match path.extension().is_some_and(|ending| ending == "txt") {
                true => report.lines().join("\n") + "\n",
                false => {
                    serde_json::to_string_pretty(&report).map_err(|error| Error::Output { why: error.to_string() })?
                }
            };
            write_private_file("report", path, text.as_bytes())?;
        }
        write_private_file("table of attributes", &self.out, table.as_bytes())?;
        let converted = Converted {
            on: &report.on,
            totals: &report.totals,
            files: &report.files,
            attributes: &self.out,
            report: self.report.as_deref(),
        };
        output.result(&converted, |_| {
            let written =
                format!("wrote {}; it holds people's data, keep it where the sources are", self.out.display());
            report.summary().into_iter().chain([written]).collect::<Vec<_>>().join("\n")
        })
    }
}

/// A file itself; the clinical files of a folder by name.
fn listed(path: &Path) -> Result<Vec<PathBuf>, Error> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let failed = |error: std::io::Error| Error::Input { what: "input", why: format!("{}: {error}", path.display()) };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
        if path.is_file() && ENDINGS.contains(&ending.as_str()) {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        let why = format!("{} has no file that ends in {}", path.display(), ENDINGS.join(", "));
        return Err(Error::Input { what: "input", why });
    }
    paths.sort();
    Ok(paths)
}
