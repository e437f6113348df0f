//! Files and mappings that must be refused, with the place and what to do.

use super::*;
use crate::import::clinical::{evaluate::Asked, json};

fn mapping() -> CheckedMapping {
    mapped(&EXAMPLE).1
}

#[test]
fn broken_json_is_refused_with_its_line_or_pointer() {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let patient = r#"{"resourceType":"Patient","id":"p""#;
    for (text, place, why) in [
        (patient.to_owned(), "line 1", "EOF"),
        (format!("{patient}}} x"), "line 1", "trailing"),
        (format!("{patient},\n\"id\":\"q\"}}"), "line 2", "\"id\" appears twice"),
        (format!("{patient},\n\"birthDate\":NaN}}"), "line 2", "expected"),
        (format!("{patient},\"x\":1e999}}"), "line 1", "out of range"),
        (format!("{patient},\"x\":{deep}}}"), "line 1", "recursion limit"),
        (format!("{patient},\"x\":\"\u{1}\"}}"), "line 1", "control character"),
        (format!("{patient},\"birthDate\":19800301}}"), "/birthDate", "a number stands where a text belongs"),
        (format!("{patient},\"identifier\":{{}}}}"), "/identifier", "an object stands where an array belongs"),
        (r#"{"resourceType":"Bundle","entry":[{"resource":[]}]}"#.into(), "/entry/0/resource", "an array"),
        (
            r#"{"resourceType":"Bundle","entry":[{"resource":{"id":"p"}}]}"#.into(),
            "/entry/0/resource",
            "no resourceType",
        ),
        (r#"{"resourceType":"Bundle","type":"history"}"#.into(), "top level", "histories"),
        (r#"{"resourceType":7}"#.into(), "/resourceType", "a number"),
        ("[]".into(), "top level", "an array"),
        ("{}".into(), "top level", "no resourceType"),
        (r#"{"id":"x","subject":{"id":"s"},"diseases":[{"excluded":"no"}]}"#.into(), "/diseases/0/excluded", "a text"),
        (r#"{"id":"x","metaData":{}}"#.into(), "top level", "no subject"),
        (r#"{"id":"x","proband":{}}"#.into(), "top level", "family"),
        (r#"{"id":"","subject":{"id":"s"}}"#.into(), "top level", "no name"),
        ("   ".into(), "whole file", "empty"),
    ] {
        let refusal = refusal(&[file("hostile.json", &text)], &mapping());
        assert!(refusal.starts_with("hostile.json, "), "{refusal}");
        assert!(refusal.contains(place) && refusal.contains(why), "{text:.80}: {refusal}");
    }
}

#[test]
fn a_number_beyond_any_clinical_value_is_refused_with_its_pointer() {
    let refusal = refusal(&[bundle(&[&observation("2019", &quantity("1e300", "mg"))])], &mapping());
    assert!(refusal.contains("/entry/1/resource/valueQuantity/value"), "{refusal}");
}

#[test]
fn a_byte_order_mark_and_carriage_returns_are_read_and_utf_16_is_refused() {
    let text = "\u{feff}{\r\n\"resourceType\":\"Patient\",\r\n\"id\":\"p\"}\r\n";
    assert_eq!(converted(&[file("patient.json", text)], &mapping()).rows.len(), 1);
    let utf16: Vec<u8> = "\u{feff}{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let refused = convert(&[ClinicalFile { name: "patient.json".into(), bytes: utf16 }], &mapping(), None, TODAY);
    assert!(refused.unwrap_err().to_string().contains("UTF-16"));
}

#[test]
fn a_broken_line_of_ndjson_is_refused_with_its_number() {
    let lines = "{\"resourceType\":\"Patient\",\"id\":\"p\"}\n\n{\"resourceType\":\n";
    let said = refusal(&[file("Patient.ndjson", lines)], &mapping());
    assert!(said.contains("line 3"), "{said}");
    let wrong = "\n{\"resourceType\":\"Patient\",\"id\":7}\n";
    let said = refusal(&[file("Patient.ndjson", wrong)], &mapping());
    assert!(said.contains("line 2/id"), "{said}");
}

#[test]
fn two_phenopackets_of_one_person_are_refused_unless_they_are_named_by_packet() {
    let packet = |id: &str| file(id, &format!(r#"{{"id":"{id}","subject":{{"id":"individual 1"}}}}"#));
    let files = [packet("a.json"), packet("b.json")];
    assert_eq!(converted(&files, &mapping()).rows.len(), 2);
    let by_subject = mapped(&EXAMPLE.replace("phenopacket = \"packet\" ", "")).1;
    assert!(refusal(&files, &by_subject).contains("person.phenopacket"));
}

#[test]
fn broken_mappings_are_refused_with_their_line() {
    for (from, to, place, why) in [
        ("locus/mapping/1", "locus/mapping/2", "line 2", "locus/mapping/1"),
        ("name = \"age\"", "nme = \"age\"", "line", "unknown field `nme`"),
        ("from = \"gender\"", "from = \"gendre\"", "line", "gendre"),
        ("take = \"latest\"", "take = \"newest\"", "line", "newest"),
        ("[person]", "[[person", "line 7", "unclosed"),
    ] {
        let text = EXAMPLE.replace(from, to);
        let said = Mapping::parse("mapping.toml", &text).unwrap_err().to_string();
        assert!(said.starts_with("mapping.toml, ") && said.contains(place) && said.contains(why), "{from}: {said}");
    }
    let long = format!("#{}", "x".repeat(5 << 20));
    assert!(Mapping::parse("mapping.toml", &long).unwrap_err().to_string().contains("longer"));
}

#[test]
fn mappings_that_do_not_fit_their_schema_are_refused_with_attribute_and_source() {
    let sound = Mapping::parse("mapping.toml", &EXAMPLE).unwrap();
    let schema = schema_of(&sound);
    for (from, to, place, why) in [
        ("on = \"2020-01-01\"", "on = \"2020-01\"", "on", "YYYY-MM-DD"),
        ("name = \"sex\"", "name = \"height\"", "attribute \"height\"", "no such attribute"),
        ("name = \"sex\"", "name = \"age\"", "attribute \"age\"", "mapped twice"),
        ("lo = 1, hi = 2", "lo = 1, hi = 3", "attribute \"sex\"", "defines it otherwise"),
        ("male = 1, female = 2", "male = 3, female = 2", "\"sex\", fhir", "not within 1 to 2"),
        ("from = \"gender\"", "from = \"sex\"", "\"sex\", fhir", "phenopackets alone"),
        ("from = \"feature\"", "from = \"condition\"", "\"seizures\", phenopacket", "FHIR alone"),
        ("\"LOINC:2093-3\"", "\"2093-3\"", "\"cholesterol\", fhir", "no code"),
        ("\"LOINC:2093-3\"", "\"@none\"", "\"cholesterol\", fhir", "no code set"),
        ("[\"LOINC:2093-3\"]", "[]", "\"cholesterol\", fhir", "0 codes"),
        ("\"SNOMED:38341003\"", "\"SNOMED:38341003*\"", "\"hypertension\", fhir", "list the descendants"),
        ("unit = \"%\"", "unit = \"percent\"", "\"hba1c\", csv", "no UCUM unit"),
        ("= \"mg/dL\"", "= \"mg per dL\"", "units", "no UCUM unit"),
        ("within_days = 730", "within_days = 0", "\"hba1c\", fhir", "within_days"),
        ("molar_mass = 386.65", "molar_mass = -1.0", "\"cholesterol\", fhir", "no molar mass"),
        ("molar_mass = 386.65", "molar_mass = nan", "\"cholesterol\", fhir", "no molar mass"),
    ] {
        let text = EXAMPLE.replacen(from, to, 1);
        assert_ne!(text, *EXAMPLE, "{from}");
        let said = Mapping::parse("mapping.toml", &text).unwrap().check("mapping.toml", &schema);
        let said = said.unwrap_err().to_string();
        assert!(said.contains(place) && said.contains(why), "{from}: {said}");
    }
    let years = Mapping::parse("m", &EXAMPLE.replace("unit = \"a\"", "unit = \"kg\"")).unwrap();
    assert!(years.check("m", &schema_of(&years)).unwrap_err().to_string().contains("a, mo, wk or d"));
}

#[test]
fn a_mapping_without_definitions_derives_no_schema_but_applies_to_one() {
    let text = "format = \"locus/mapping/1\"\n[[attribute]]\nname = \"sex\"\n\
                fhir = { from = \"gender\", values = { male = 1 } }\n";
    let mapping = Mapping::parse("m", text).unwrap();
    assert!(mapping.definitions("m").unwrap_err().to_string().contains("define"));
    let schema = schema_of(&Mapping::parse("m", &EXAMPLE).unwrap());
    assert!(mapping.check("m", &schema).is_ok());
}

#[test]
fn more_values_than_the_bound_are_refused() {
    let many = format!("[{}0]", "0,".repeat(limits::JSON_VALUES_MAX));
    let said = json::parse("many.json", many.as_bytes(), 1).unwrap_err().to_string();
    assert!(said.contains("JSON values"), "{said}");
}

#[test]
fn the_reference_day_is_the_callers_then_the_mappings_then_today() {
    let own = mapping();
    let none = mapped(&EXAMPLE.replace("on = \"2020-01-01\"", "")).1;
    let day = |mapping: &CheckedMapping, on| mapping.reference(on, Day(0)).to_string();
    assert_eq!(day(&own, Some(Day(31))), "1970-02-01");
    assert_eq!(day(&own, None), "2020-01-01");
    assert_eq!(day(&none, None), "1970-01-01");
    assert_eq!(day(&mapped(MAPPING_EXAMPLE).1, None), "1970-01-01", "who copies the example has ages of today");
    assert_eq!(Asked { on: own.reference(None, TODAY), mapping: &own }.on, none.reference(Some(TODAY), Day(0)));
}
