//! Clinical sources against published files, an independent restatement, and hand-written twins.

mod ages;
mod hostile;
mod properties;
mod real;
mod rules;
mod tables;
mod units;

use std::{
    path::{Path, PathBuf},
    sync::LazyLock,
};

use circuits::{
    record::MISSING,
    schema::{Schema, VariantPanel},
};

use super::*;

/// The day on which every conversion here that gives none takes place: 1 January 2020.
const TODAY: Day = Day(18_262);

/// The example with the day that it has in a comment, for which these files' ages are stated.
static EXAMPLE: LazyLock<String> = LazyLock::new(|| MAPPING_EXAMPLE.replace("# on = ", "on = "));

/// The repository's test data.
fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/clinical").join(path)
}

/// The JSON files of a folder, by name.
fn folder(path: &Path) -> Vec<ClinicalFile> {
    let mut paths: Vec<_> = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    paths.sort();
    paths.iter().map(|path| ClinicalFile::open(path).unwrap()).collect()
}

fn file(name: &str, text: &str) -> ClinicalFile {
    ClinicalFile { name: name.into(), bytes: text.as_bytes().to_vec() }
}

/// A schema of the attributes that a mapping defines, and the mapping checked against it.
fn mapped(text: &str) -> (Schema, CheckedMapping) {
    let mapping = Mapping::parse("mapping.toml", text).unwrap();
    let schema = schema_of(&mapping);
    let checked = mapping.check("mapping.toml", &schema).unwrap_or_else(|error| panic!("{error}"));
    (schema, checked)
}

fn schema_of(mapping: &Mapping) -> Schema {
    let panel = VariantPanel { build: "GRCh37".into(), variants: Vec::new() }.reference().unwrap();
    Schema { name: "test".into(), attributes: mapping.definitions("mapping.toml").unwrap(), panel }
}

/// A mapping of one attribute `x` with this unit, scale, greatest value and rules.
fn one(unit: &str, scale: u32, hi: u32, rules: &str) -> CheckedMapping {
    mapped(&format!(
        "format = \"locus/mapping/1\"\n{}[[attribute]]\nname = \"x\"\n\
         define = {{ unit = \"{unit}\", coding = \"\", scale = {scale}, lo = 0, hi = {hi}, \
         sensitivity = \"sensitive\" }}\n\
         {rules}\n",
        "[units]\n\"mg/dl\" = \"mg/dL\"\n[code_sets]\ns = [\"LOINC:1-8\"]\n"
    ))
    .1
}

fn converted(files: &[ClinicalFile], mapping: &CheckedMapping) -> Conversion {
    convert(files, mapping, None, TODAY).unwrap_or_else(|error| panic!("{error}"))
}

fn refusal(files: &[ClinicalFile], mapping: &CheckedMapping) -> String {
    convert(files, mapping, None, TODAY).unwrap_err().to_string()
}

/// The value of the only attribute of the only person, and the causes that the report gives.
fn only(files: &[ClinicalFile], mapping: &CheckedMapping) -> (Option<u32>, Vec<Cause>) {
    let conversion = converted(files, mapping);
    assert_eq!(conversion.rows.len(), 1, "{:?}", conversion.report.lines());
    let attribute = &conversion.report.people[0].attributes[0];
    let stored = conversion.rows[0].attributes.values()[0];
    assert_eq!(attribute.stored, (stored != MISSING).then_some(stored));
    let unattached = conversion.report.unattached.iter().map(|note| note.cause);
    (attribute.stored, attribute.notes.iter().map(|note| note.cause).chain(unattached).collect())
}

/// A bundle of a patient, born on 1 March 1980, and these resources; `SUBJECT` stands for the reference to the patient.
fn bundle(resources: &[&str]) -> ClinicalFile {
    let patient = r#"{"resourceType":"Patient","id":"p","gender":"female","birthDate":"1980-03-01"}"#;
    let resources = resources.iter().map(|text| text.replace("SUBJECT", r#""subject":{"reference":"Patient/p"}"#));
    let entries: Vec<_> =
        [patient.to_owned()].into_iter().chain(resources).map(|text| format!("{{\"resource\":{text}}}")).collect();
    file(
        "bundle.json",
        &format!("{{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[{}]}}", entries.join(",")),
    )
}

/// A final observation of `LOINC:1-8` at a time, with this value.
fn observation(time: &str, value: &str) -> String {
    let time = if time.is_empty() { String::new() } else { format!("\"effectiveDateTime\":\"{time}\",") };
    format!(
        "{{\"resourceType\":\"Observation\",\"status\":\"final\",SUBJECT,{time}\
         \"code\":{{\"coding\":[{{\"system\":\"http://loinc.org\",\"code\":\"1-8\"}}]}},{value}}}"
    )
}

fn quantity(value: &str, unit: &str) -> String {
    format!(
        "\"valueQuantity\":{{\"value\":{value},\"unit\":\"{unit}\",\
         \"system\":\"http://unitsofmeasure.org\",\"code\":\"{unit}\"}}"
    )
}

/// A condition of `SNOMED:1` with these further members.
fn condition(members: &str) -> String {
    format!(
        "{{\"resourceType\":\"Condition\",SUBJECT,\
         \"code\":{{\"coding\":[{{\"system\":\"http://snomed.info/sct\",\"code\":\"1\"}}]}}{members}}}"
    )
}
