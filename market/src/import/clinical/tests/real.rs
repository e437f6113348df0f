//! Synthea bundles, HL7's examples and published phenopackets.

use serde_json::Value;

use super::*;
use crate::skipped::{REQUIRE_DATA, nothing_checked};

/// What `tests/reference/clinical.py` says, which reads the raw JSON on its own.
fn expected(group: &str) -> Value {
    let text = std::fs::read_to_string(data("expected.json")).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()[group].clone()
}

fn assert_as_expected(conversion: &Conversion, group: &str) {
    let expected = expected(group);
    let expected = expected.as_object().unwrap();
    assert_eq!(conversion.rows.len(), expected.len());
    for person in &conversion.report.people {
        let wanted = expected[&person.person].as_object().unwrap();
        assert_eq!(person.attributes.len(), wanted.len());
        for attribute in &person.attributes {
            let wanted = wanted[&attribute.attribute].as_u64();
            assert_eq!(attribute.stored.map(u64::from), wanted, "{} of {}", attribute.attribute, person.person);
        }
    }
}

const CASES: &str = r#"
format = "locus/mapping/1"
person = { phenopacket = "packet" }
[[attribute]]
name = "sex"
define = { coding = "", lo = 1, hi = 2, sensitivity = "public" }
phenopacket = { from = "sex", values = { MALE = 1, FEMALE = 2 } }
[[attribute]]
name = "age"
define = { unit = "a", coding = "", lo = 0, hi = 120, sensitivity = "public" }
phenopacket = { from = "age_at_last_encounter" }
[[attribute]]
name = "omim_onset"
define = { unit = "a", coding = "", lo = 0, hi = 120, sensitivity = "public" }
phenopacket = { from = "onset", codes = [OMIM] }
[[attribute]]
name = "seizures"
define = { coding = "", lo = 0, hi = 1, sensitivity = "sensitive" }
phenopacket = { from = "feature", codes = ["HP:0001250"] }
[[attribute]]
name = "hyperpigmentation"
define = { coding = "", lo = 0, hi = 1, sensitivity = "sensitive" }
phenopacket = { from = "feature", codes = ["HP:0000953"] }
[[attribute]]
name = "estradiol_abnormal"
define = { coding = "", lo = 0, hi = 1, sensitivity = "sensitive" }
phenopacket = { from = "feature", codes = ["HP:0025133"] }
[[attribute]]
name = "deceased"
define = { coding = "", lo = 0, hi = 1, sensitivity = "sensitive" }
phenopacket = { from = "deceased" }
[[attribute]]
name = "diabetes"
define = { coding = "", lo = 0, hi = 1, sensitivity = "sensitive" }
phenopacket = { from = "disease", codes = ["MONDO:0005015"] }
[[attribute]]
name = "testosterone"
define = { unit = "nmol/L", coding = "LOINC:14913-8", scale = 100, lo = 0, hi = 10000, sensitivity = "sensitive" }
phenopacket = { from = "measurement", codes = ["LOINC:2986-8"], molar_mass = 288.42 }
[[attribute]]
name = "cortisol"
define = { unit = "nmol/L", coding = "LOINC:14675-3", lo = 0, hi = 10000, sensitivity = "sensitive" }
phenopacket = { from = "measurement", codes = ["LOINC:2143-6"] }
"#;

/// The OMIM terms of the cases: their onsets are asked for one by one.
fn cases() -> CheckedMapping {
    let terms = ["147791", "201910", "612690", "618089", "616370", "302350", "620816", "621393"];
    let terms: Vec<_> = terms.iter().map(|term| format!("\"OMIM:{term}\"")).collect();
    mapped(&CASES.replace("OMIM]", &format!("{}]", terms.join(", ")))).1
}

#[test]
fn synthea_bundles_give_what_an_independent_reading_gives() {
    let conversion = converted(&folder(&data("synthea")), &mapped(&EXAMPLE).1);
    assert_as_expected(&conversion, "synthea");
    assert!(conversion.report.unattached.is_empty(), "{:?}", conversion.report.summary());
    let encounters = conversion.report.files.iter().all(|file| file.not_read.contains_key("Encounter"));
    assert!(encounters, "what no rule reads is counted");
}

#[test]
fn published_phenopackets_give_what_an_independent_reading_gives() {
    let conversion = converted(&folder(&data("phenopackets")), &cases());
    assert_as_expected(&conversion, "phenopackets");
}

#[test]
fn every_missing_value_of_the_published_cases_is_silence_or_has_its_reason() {
    let conversion = converted(&folder(&data("phenopackets")), &cases());
    let attribute = |person: &str, name: &str| {
        let person = conversion.report.people.iter().find(|found| found.person == person).unwrap();
        person.attributes.iter().find(|found| found.attribute == name).unwrap().clone()
    };
    for (person, name, cause) in [
        ("PMID_15266616_100", "omim_onset", Some(Cause::UnreadableDate)), // congenital onset, a class
        ("PMID_40930097_Family_A_II_1", "age", Some(Cause::UnreadableDate)), // a gestational age
        ("PMID_40930097_Family_A_II_1", "sex", Some(Cause::NoValue)),     // UNKNOWN_SEX
        ("PMID_25539947_25539947_P1", "deceased", Some(Cause::Undated)),  // deceased, but not when
        ("PMID_30642278_individual_II_5", "seizures", None),              // not named at all
    ] {
        let found = attribute(person, name);
        assert_eq!((found.stored, found.notes.first().map(|note| note.cause)), (None, cause), "{person} {name}");
    }
}

#[test]
fn all_shared_bundles_and_phenopackets_convert() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    for (path, mapping, people) in [
        ("fhir/synthea", mapped(&EXAMPLE).1, 8),
        ("fhir/hl7_r4_examples", mapped(&EXAMPLE).1, 32),
        ("phenopackets/store", cases(), 30),
    ] {
        if !shared.join(path).exists() {
            nothing_checked(REQUIRE_DATA, path, "it is not beside the repository");
            continue;
        }
        let conversion = converted(&folder(&shared.join(path)), &mapping);
        assert_eq!(conversion.rows.len(), people, "{path}");
        println!("{path}: {}", conversion.report.summary().join("\n  "));
    }
}

const EXAMPLES: &str = r#"
format = "locus/mapping/1"
on = "2013-06-01"
[[attribute]]
name = "age"
define = { unit = "a", coding = "", lo = 0, hi = 120, sensitivity = "public" }
fhir = { from = "age" }
[[attribute]]
name = "cancer"
define = { coding = "", lo = 0, hi = 1, sensitivity = "sensitive" }
fhir = { from = "condition", codes = ["SNOMED:363346000"], otherwise = 0 }
[[attribute]]
name = "cancer_onset"
define = { unit = "a", coding = "", lo = 0, hi = 120, sensitivity = "sensitive" }
fhir = { from = "onset", codes = ["SNOMED:363346000"] }
[[attribute]]
name = "renal_failure"
define = { coding = "", lo = 0, hi = 1, sensitivity = "sensitive" }
fhir = { from = "condition", codes = ["SNOMED:36225005"], otherwise = 0 }
[[attribute]]
name = "burn"
define = { coding = "", lo = 0, hi = 1, sensitivity = "sensitive" }
fhir = { from = "condition", codes = ["SNOMED:39065001"], otherwise = 0 }
[[attribute]]
name = "fever_onset"
define = { unit = "mo", coding = "", lo = 0, hi = 1500, sensitivity = "sensitive" }
fhir = { from = "onset", codes = ["SNOMED:386661006"] }
"#;

/// By hand from the files: Roel was born on 13 March 1960, had cancer at 52 as stated, a differential diagnosis of
/// renal failure, and a fever on 2 April 2013, 53 years and 20 days, 636 months. Pieter was born on 17 November 1944,
/// the example patient on 25 December 1974, and burnt an ear on 24 May 2012.
#[test]
fn hl7_examples_in_files_of_their_own_are_put_to_their_patients() {
    let conversion = converted(&folder(&data("hl7")), &mapped(EXAMPLES).1);
    let row = |name: &str| {
        let row = conversion.rows.iter().find(|row| row.sample == name).unwrap();
        row.attributes.values()[..6].iter().map(|value| (*value != MISSING).then_some(*value)).collect::<Vec<_>>()
    };
    assert_eq!(row("f201"), [Some(53), Some(1), Some(52), None, Some(0), Some(636)]);
    assert_eq!(row("f001"), [Some(68), Some(0), None, Some(0), Some(0), None]);
    assert_eq!(row("example"), [Some(38), Some(0), None, Some(0), Some(1), None]);
    assert_eq!(row("1")[0], Some(40), "Eve Everywoman of the bundle, born on 31 May 1973");
    let doubt = &conversion.report.people.iter().find(|person| person.person == "f201").unwrap().attributes[3];
    assert_eq!(doubt.notes[0].cause, Cause::NotVerified, "a differential diagnosis is neither 1 nor 0");
}

#[test]
fn a_condition_about_nobody_here_is_reported() {
    let files = [ClinicalFile::open(&data("hl7/condition-example.json")).unwrap()];
    let conversion = converted(&files, &mapped(EXAMPLES).1);
    assert!(conversion.rows.is_empty());
    let note = &conversion.report.unattached[0];
    assert_eq!((note.cause, note.found.as_str()), (Cause::SubjectUnresolved, "Patient/example"));
    assert!(conversion.report.summary().iter().any(|line| line.contains("Patient of these files")));
}
