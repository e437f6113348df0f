//! What holds for any order, and any bytes.

use bolero::check;
use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// Rounds of each fuzz target under `cargo test`.
const ITERATIONS: usize = 500;

fn synthea() -> Value {
    let path = folder(&data("synthea")).remove(0);
    serde_json::from_slice(&path.bytes).unwrap()
}

fn small() -> String {
    let observations = [observation("2019-06-01", &quantity("5", "mmol/L")), condition("")];
    String::from_utf8(bundle(&observations.iter().map(String::as_str).collect::<Vec<_>>()).bytes).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn the_order_of_a_bundle_does_not_matter(seed in any::<u64>()) {
        let (mapping, mut bundle) = (mapped(&EXAMPLE).1, synthea());
        let rows = converted(&[file("a.json", &bundle.to_string())], &mapping).rows;
        let entries = bundle["entry"].as_array_mut().unwrap();
        let mut state = seed | 1;
        for last in (1..entries.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            entries.swap(last, usize::try_from(state >> 33).unwrap() % (last + 1));
        }
        prop_assert_eq!(converted(&[file("a.json", &bundle.to_string())], &mapping).rows, rows);
    }
}

#[test]
fn the_order_of_files_and_their_number_do_not_matter() {
    let (mapping, files) = (mapped(&EXAMPLE).1, folder(&data("synthea")));
    let rows = converted(&files, &mapping).rows;
    let reversed: Vec<_> = files.iter().rev().cloned().collect();
    assert_eq!(converted(&reversed, &mapping).rows, rows);
    let lines = |file: &ClinicalFile| {
        let bundle: Value = serde_json::from_slice(&file.bytes).unwrap();
        let entries = bundle["entry"].as_array().unwrap().iter();
        entries.map(|entry| entry["resource"].to_string().replace("urn:uuid:", "Patient/")).collect::<Vec<_>>()
    };
    let ndjson = file("all.ndjson", &files.iter().flat_map(lines).collect::<Vec<_>>().join("\n"));
    assert_eq!(converted(&[ndjson], &mapping).rows, rows);
}

#[test]
fn every_value_and_every_note_of_a_report_has_its_place() {
    let conversion = converted(&folder(&data("synthea")), &mapped(&EXAMPLE).1);
    let json = serde_json::to_value(&conversion.report).unwrap();
    let people = json["people"].as_array().unwrap();
    let from = &people[0]["attributes"][0]["from"][0];
    assert!(
        from["at"].as_str().unwrap().starts_with("/entry/") && from["of"].as_str().unwrap().starts_with("Patient/")
    );
    let totals = &conversion.report.totals;
    assert_eq!(totals.values + totals.missing, 3 * 9);
    let notes: u64 = totals.causes.iter().map(|total| total.count).sum();
    let listed = conversion.report.people.iter().flat_map(|person| &person.attributes).map(|found| found.notes.len());
    assert_eq!(notes, listed.sum::<usize>() as u64);
    assert!(conversion.report.lines().len() > conversion.report.summary().len() + 3 * 9);
}

#[test]
fn any_bytes_are_converted_or_refused() {
    let mapping = mapped(&EXAMPLE).1;
    for name in ["a.json", "a.csv", "a.ndjson", "a"] {
        check!().with_iterations(ITERATIONS).for_each(|bytes: &[u8]| {
            let file = ClinicalFile { name: name.into(), bytes: bytes.to_vec() };
            drop(convert(&[file], &mapping, None, TODAY));
        });
    }
}

#[test]
fn any_change_to_a_bundle_is_converted_or_refused_with_its_place() {
    let (mapping, valid) = (mapped(&EXAMPLE).1, small());
    check!().with_iterations(ITERATIONS).with_type::<(Vec<(u16, u8)>, u8)>().for_each(|(edits, cut)| {
        let mut bytes = valid.clone().into_bytes();
        for (place, value) in edits {
            let length = bytes.len();
            bytes[usize::from(*place) % length] = *value;
        }
        bytes.truncate(bytes.len() - usize::from(*cut) % 8);
        if let Err(error) = convert(&[ClinicalFile { name: "a.json".into(), bytes }], &mapping, None, TODAY) {
            assert!(error.to_string().starts_with("a.json, "), "{error}");
        }
    });
}
