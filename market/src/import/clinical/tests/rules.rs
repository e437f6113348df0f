//! Presence, values of several measurements, and references: each rule with the twins that it must not take.

use super::*;

fn present(members: &[&str], rule: &str) -> (Option<u32>, Vec<Cause>) {
    let mapping = one("", 1, 1, &format!("fhir = {{ from = \"condition\", codes = [\"SNOMED:1\"]{rule} }}"));
    let conditions: Vec<_> = members.iter().map(|members| condition(members)).collect();
    only(&[bundle(&conditions.iter().map(String::as_str).collect::<Vec<_>>())], &mapping)
}

fn status(verification: &str) -> String {
    format!(r#","verificationStatus":{{"coding":[{{"code":"{verification}"}}]}}"#)
}

#[test]
fn a_condition_is_present_refuted_doubtful_or_not_named() {
    let (confirmed, refuted, error) = (status("confirmed"), status("refuted"), status("entered-in-error"));
    let (confirmed, refuted, error) = (confirmed.as_str(), refuted.as_str(), error.as_str());
    let provisional = &status("provisional");
    assert_eq!(present(&[""], ""), (Some(1), vec![]), "no status is the resource's own word");
    assert_eq!(present(&[confirmed], ""), (Some(1), vec![]));
    assert_eq!(present(&[refuted], ""), (Some(0), vec![]));
    assert_eq!(present(&[error], ""), (None, vec![Cause::EnteredInError]));
    assert_eq!(present(&[provisional], ""), (None, vec![Cause::NotVerified]));
    assert_eq!(present(&[&status("nonsense")], ""), (None, vec![Cause::NotVerified]));
    assert_eq!(present(&[], ""), (None, vec![]), "silence is missing");
    assert_eq!(present(&[], ", otherwise = 0"), (Some(0), vec![]), "unless the mapping says what it means");
    assert_eq!(present(&[error], ", otherwise = 0").0, Some(0));
    assert_eq!(present(&[provisional], ", otherwise = 0").0, None, "a doubt is no silence");
    assert_eq!(present(&[provisional], ", verification = [\"provisional\"]").0, Some(1));
    assert_eq!(present(&[""], ", verification = [\"confirmed\"]"), (None, vec![Cause::NotVerified]));
    assert_eq!(present(&[confirmed, refuted], ""), (None, vec![Cause::Contradiction; 2]));
    assert_eq!(present(&[confirmed, provisional], "").0, Some(1));
}

#[test]
fn only_active_conditions_before_the_reference_day_count_where_asked() {
    let clinical = |status: &str| format!(r#","clinicalStatus":{{"coding":[{{"code":"{status}"}}]}}"#);
    let active = ", active = true, otherwise = 0";
    assert_eq!(present(&[&clinical("relapse")], active).0, Some(1));
    assert_eq!(present(&[&clinical("resolved")], active), (Some(0), vec![Cause::NotActive]));
    assert_eq!(present(&[&clinical("resolved")], "").0, Some(1));
    assert_eq!(present(&[""], active), (None, vec![Cause::NotActive]));
    let later = r#","onsetDateTime":"2020-01-02""#;
    assert_eq!(present(&[later], ", otherwise = 0"), (Some(0), vec![Cause::AfterReferenceDay]));
    assert_eq!(present(&[r#","recordedDate":"2020""#], ", otherwise = 0"), (None, vec![Cause::ImpreciseDate]));
}

#[test]
fn procedures_and_medications_have_their_own_statuses() {
    let coded = r#"{"coding":[{"system":"http://snomed.info/sct","code":"1"}]}"#;
    let procedure =
        |status: &str| format!(r#"{{"resourceType":"Procedure",SUBJECT,"status":"{status}","code":{coded}}}"#);
    let medication = |members: &str| {
        format!(r#"{{"resourceType":"MedicationRequest",SUBJECT,"medicationCodeableConcept":{coded},{members}}}"#)
    };
    for (rule, resource, expected) in [
        ("procedure", procedure("completed"), (Some(1), vec![])),
        ("procedure", procedure("not-done"), (Some(0), vec![])),
        ("procedure", procedure("entered-in-error"), (None, vec![Cause::EnteredInError])),
        ("procedure", procedure("preparation"), (None, vec![Cause::NotFinal])),
        ("medication", medication(r#""status":"stopped","intent":"order""#), (Some(1), vec![])),
        ("medication", medication(r#""status":"active","intent":"proposal""#), (None, vec![Cause::NotFinal])),
        ("medication", medication(r#""status":"active","doNotPerform":true"#), (None, vec![Cause::NotFinal])),
        ("medication", medication(r#""status":"cancelled""#), (None, vec![Cause::EnteredInError])),
        ("medication", medication(r#""status":"draft""#), (None, vec![Cause::NotFinal])),
    ] {
        let mapping = one("", 1, 1, &format!("fhir = {{ from = \"{rule}\", codes = [\"SNOMED:1\"] }}"));
        assert_eq!(only(&[bundle(&[&resource])], &mapping), expected, "{resource}");
    }
}

fn measured(observations: &[String], rule: &str) -> (Option<u32>, Vec<Cause>) {
    let mapping = one("mmol/L", 10, 1000, &format!("fhir = {{ from = \"observation\", codes = [\"@s\"]{rule} }}"));
    only(&[bundle(&observations.iter().map(String::as_str).collect::<Vec<_>>())], &mapping)
}

fn of(time: &str, value: &str) -> String {
    observation(time, &quantity(value, "mmol/L"))
}

#[test]
fn the_mapping_says_which_of_several_values_is_taken() {
    let series = [of("2018-01-01", "5.04"), of("2019-06-01T10:00:00Z", "7"), of("2019-01-01", "6.2")];
    assert_eq!(measured(&series, ", take = \"latest\""), (Some(70), vec![Cause::NotTaken; 2]));
    assert_eq!(measured(&series, ", take = \"first\"").0, Some(50));
    assert_eq!(measured(&series, ", take = \"min\"").0, Some(50));
    assert_eq!(measured(&series, ", take = \"max\"").0, Some(70));
    assert_eq!(measured(&series, ", take = \"mean\""), (Some(61), vec![]), "18.24 / 3 = 6.08");
    assert_eq!(measured(&series, ""), (None, vec![Cause::SeveralValues; 3]));
    assert_eq!(measured(&series[..1], "").0, Some(50));
    assert_eq!(measured(&[of("2018", "5.0"), of("2017", "5.00")], "").0, Some(50), "two that are equal are one");
    assert_eq!(measured(&[], ", take = \"mean\""), (None, vec![]));
}

#[test]
fn windows_leave_out_what_lies_outside_and_what_lies_after_the_reference_day() {
    let latest = |rule: &str, times: &[&str]| {
        measured(&times.iter().map(|time| of(time, "5")).collect::<Vec<_>>(), &format!(", take = \"latest\"{rule}"))
    };
    assert_eq!(latest(", within_days = 1", &["2020-01-01"]).0, Some(50));
    assert_eq!(latest(", within_days = 1", &["2019-12-31"]), (None, vec![Cause::OutsideWindow]));
    assert_eq!(latest(", within_days = 2", &["2019-12-31"]).0, Some(50));
    assert_eq!(latest(", since = \"2019-12-31\"", &["2019-12-31"]).0, Some(50));
    assert_eq!(latest(", since = \"2019-12-31\"", &["2019-12-30"]), (None, vec![Cause::OutsideWindow]));
    assert_eq!(latest("", &["2020-01-02"]), (None, vec![Cause::AfterReferenceDay]));
    assert_eq!(latest(", within_days = 9", &["2019-12"]), (None, vec![Cause::ImpreciseDate]));
    assert_eq!(latest(", within_days = 9", &[""]), (None, vec![Cause::Undated]));
    assert_eq!(latest("", &[""]).0, Some(50), "one value needs no date where there is no window");
    assert_eq!(latest("", &["", "2019"]), (None, vec![Cause::Undated; 2]));
}

#[test]
fn values_at_one_time_that_differ_are_refused() {
    let take = ", take = \"latest\"";
    let same = [of("2019-06-01", "5"), of("2019-06-01T12:00:00Z", "6")];
    assert_eq!(measured(&same, take), (None, vec![Cause::SameTime; 2]));
    assert_eq!(measured(&[of("2019-06-01", "5"), of("2019-06-01", "5.0")], take).0, Some(50));
    let earlier = [of("2019-06-01T13:00:00+02:00", "5"), of("2019-06-01T12:00:00Z", "6")];
    assert_eq!(measured(&earlier, take).0, Some(60), "offsets count");
}

#[test]
fn a_value_that_cannot_be_read_blocks_unless_its_time_shows_that_it_is_not_the_one() {
    let bad = observation("2019-01-01", &quantity("5", "furlong"));
    let (before, after) = (of("2018-01-01", "4"), of("2019-12-01", "6"));
    let latest = ", take = \"latest\"";
    assert_eq!(measured(&[bad.clone(), after.clone()], latest), (Some(60), vec![Cause::UnknownUnit]));
    assert_eq!(measured(&[bad.clone(), before], latest).0, None);
    assert_eq!(measured(&[bad, after], ", take = \"max\"").0, None);
}

/// Each differs from an observation that is accepted in one thing.
#[test]
fn observations_are_refused_or_skipped_for_their_reason() {
    let value = |value: &str| measured(&[observation("2019-06-01", value)], ", take = \"latest\"");
    assert_eq!(value(&quantity("5", "mmol/L")), (Some(50), vec![]));
    assert_eq!(value(&quantity("5000", "umol/L")), (Some(50), vec![]));
    assert_eq!(value(r#""valueQuantity":{"value":5}"#), (None, vec![Cause::NoUnit]));
    assert_eq!(value(r#""valueQuantity":{"value":5,"unit":"mmol/L"}"#), (None, vec![Cause::UnknownUnit]));
    assert_eq!(value(&quantity("5", "mg/dL")), (None, vec![Cause::NeedsMolarMass]));
    assert_eq!(value(r#""valueQuantity":{"value":5,"unit":"mg/dl"}"#), (None, vec![Cause::NeedsMolarMass]));
    assert_eq!(value(&quantity("5", "kg")), (None, vec![Cause::OtherUnit]));
    assert_eq!(value(&quantity("101", "mmol/L")), (None, vec![Cause::OutOfRange]));
    assert_eq!(value(&quantity("-5", "mmol/L")), (None, vec![Cause::OutOfRange]));
    let bound = quantity("5", "mmol/L").replace("{\"value\"", "{\"comparator\":\"<\",\"value\"");
    assert_eq!(value(&bound), (None, vec![Cause::Bound]));
    assert_eq!(value(r#""valueString":"five""#), (None, vec![Cause::OtherKind]));
    assert_eq!(value(r#""dataAbsentReason":{"text":"lost"}"#), (None, vec![Cause::NoValue]));
    assert_eq!(value(r#""valueBoolean":true"#), (None, vec![Cause::OtherKind]));
    for (status, cause) in [("entered-in-error", Cause::EnteredInError), ("preliminary", Cause::NotFinal)] {
        let other = of("2019-06-01", "5").replace("final", status);
        assert_eq!(measured(&[other], ""), (None, vec![cause]));
    }
    let amended = of("2019-06-01", "5").replace("final", "amended");
    assert_eq!(measured(&[amended], "").0, Some(50));
    let words = of("", "5").replace("SUBJECT,", "SUBJECT,\"effectiveDateTime\":\"last spring\",");
    assert_eq!(measured(&[words], ""), (None, vec![Cause::UnreadableDate]));
}

#[test]
fn a_component_is_found_by_its_own_code() {
    let panel = observation(
        "2019-06-01",
        &format!(
            r#""component":[{{"code":{{"coding":[{{"system":"http://loinc.org","code":"2-6"}}]}},{}}}]"#,
            quantity("5", "mmol/L")
        ),
    );
    let rule = "fhir = { from = \"observation\", codes = [\"LOINC:2-6\"] }";
    assert_eq!(only(&[bundle(&[&panel])], &one("mmol/L", 10, 100, rule)), (Some(50), vec![]));
    assert_eq!(measured(&[panel], ""), (None, vec![Cause::NoValue]), "the panel's own code has no value");
}

#[test]
fn coded_and_boolean_values_become_numbers_by_the_table() {
    let rule =
        "fhir = { from = \"category\", codes = [\"@s\"], values = { \"SNOMED:1\" = 1, \"SNOMED:2\" = 2, true = 3 } }";
    let mapping = one("", 1, 3, rule);
    let value = |value: &str| only(&[bundle(&[&observation("2019", value)])], &mapping);
    let coded = |codes: &[&str]| {
        let coding = |code: &&str| format!(r#"{{"system":"http://snomed.info/sct","code":"{code}"}}"#);
        let codings = codes.iter().map(coding).collect::<Vec<_>>().join(",");
        value(&format!(r#""valueCodeableConcept":{{"coding":[{codings}]}}"#))
    };
    assert_eq!(coded(&["2"]), (Some(2), vec![]));
    assert_eq!(coded(&["9", "1"]), (Some(1), vec![]));
    assert_eq!(coded(&["9"]), (None, vec![Cause::CodeNotMapped]));
    assert_eq!(coded(&["1", "2"]), (None, vec![Cause::SeveralValues]));
    assert_eq!(value(r#""valueBoolean":true"#), (Some(3), vec![]));
    assert_eq!(value(r#""valueBoolean":false"#), (None, vec![Cause::CodeNotMapped]));
    assert_eq!(value(&quantity("1", "1")), (None, vec![Cause::OtherKind]));
}

#[test]
fn references_are_resolved_by_full_url_base_and_id() {
    let mapping = one("", 1, 1, "fhir = { from = \"condition\", codes = [\"SNOMED:1\"] }");
    let about = |url: &str, own: &str, reference: &str| {
        let condition =
            condition("").replace("SUBJECT", &format!(r#""id":"c","subject":{{"reference":"{reference}"}}"#));
        let text = format!(
            r#"{{"resourceType":"Bundle","type":"searchset","entry":[
              {{"fullUrl":"{own}","resource":{condition}}},
              {{"fullUrl":"{url}","resource":{{"resourceType":"Patient","id":"p"}}}}]}}"#
        );
        only(&[file("bundle.json", &text)], &mapping)
    };
    let (base, uuid) = ("https://a.example/fhir", "urn:uuid:6e0f715c-f1da-49b9-912d-536127e27653");
    let (patient, own) = (format!("{base}/Patient/p"), format!("{base}/Condition/c"));
    assert_eq!(about(uuid, "urn:uuid:1", uuid).0, Some(1));
    assert_eq!(about(&patient, &own, "Patient/p").0, Some(1));
    assert_eq!(about(&patient, &own, &patient).0, Some(1));
    assert_eq!(about(&patient, &own, "Patient/p/_history/3").0, Some(1));
    for stranger in ["Patient/q", "https://b.example/fhir/Patient/p", "urn:uuid:2", "#p", "Group/p", ""] {
        assert_eq!(about(&patient, &own, stranger), (None, vec![Cause::SubjectUnresolved]), "{stranger}");
    }
}

#[test]
fn duplicates_count_once_and_conflicting_ones_not_at_all() {
    let of = |value: &str| of("2019-06-01", value).replace("SUBJECT", "\"id\":\"o\",SUBJECT");
    let mean = ", take = \"mean\"";
    assert_eq!(measured(&[of("5"), of("5.0")], mean), (Some(50), vec![Cause::Duplicate]));
    let conflict = measured(&[of("5"), of("6")], mean);
    assert_eq!(conflict, (None, vec![Cause::ConflictingDuplicate; 3]));
}

#[test]
fn several_patients_and_files_are_kept_apart() {
    let mapping = one("", 1, 2, "fhir = { from = \"gender\", values = { male = 1, female = 2 } }");
    let patient = |id: &str, gender: &str| format!(r#"{{"resourceType":"Patient","id":"{id}","gender":"{gender}"}}"#);
    let lines = file("Patient.ndjson", &format!("{}\n{}\r\n\n", patient("a", "male"), patient("b", "female")));
    let conversion = converted(&[lines, file("c.json", &patient("c", "unknown"))], &mapping);
    let values: Vec<_> = conversion.rows.iter().map(|row| row.attributes.values()[0]).collect();
    assert_eq!(values, [1, 2, MISSING]);
    assert_eq!(conversion.report.people[2].attributes[0].notes[0].found, "unknown");
    let same = [file("1.json", &patient("a", "male")), file("2.json", &patient("a", "female"))];
    assert_eq!(only(&same, &mapping), (None, vec![Cause::NoValue, Cause::ConflictingDuplicate]));
}

#[test]
fn people_are_named_by_the_identifier_that_the_mapping_chooses() {
    let text = "format = \"locus/mapping/1\"\nperson = { fhir_identifier = \"urn:study\" }\n\
                [[attribute]]\nname = \"x\"\n\
                define = { coding = \"\", lo = 0, hi = 2, sensitivity = \"public\" }\n\
                fhir = { from = \"gender\", values = { male = 1 } }\n";
    let (_, mapping) = mapped(text);
    let patient = |id: &str, identifiers: &[&str]| {
        let identifier = |value: &&str| format!(r#"{{"system":"urn:study","value":"{value}"}}"#);
        let identifiers = identifiers.iter().map(identifier).collect::<Vec<_>>().join(",");
        file(id, &format!(r#"{{"resourceType":"Patient","id":"{id}","gender":"male","identifier":[{identifiers}]}}"#))
    };
    let conversion = converted(&[patient("a", &["HG1"]), patient("b", &[]), patient("c", &["HG2", "HG3"])], &mapping);
    assert_eq!(conversion.rows.len(), 1);
    assert_eq!(conversion.rows[0].sample, "HG1");
    assert!(conversion.report.unattached.iter().all(|note| note.cause == Cause::Unnamed));
    let twice = refusal(&[patient("a", &["HG1"]), patient("b", &["HG1"])], &mapping);
    assert!(twice.contains("two patients are named \"HG1\""), "{twice}");
}
