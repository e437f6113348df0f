use serde_json::{Value, json};

use super::*;

const TODAY: Day = Day(20_000); // 2024-10-04

proptest! {
    #[test]
    fn terms_survive_both_formats(terms in any_terms()) {
        let document = DuoDocument::from(&terms);
        let text = serde_json::to_string(&document).unwrap();
        let again: DuoDocument = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&again.terms(TODAY).unwrap(), &terms);

        let resource = fhir::write(&terms, Day(19_000)).unwrap().to_string();
        let fhir::Imported { report, terms: read } = fhir::read(&resource, Day(19_000)).unwrap();
        prop_assert_eq!(read.as_ref(), Some(&terms), "{:?}", report);
    }

    #[test]
    fn what_terms_are_stored_as_gives_them_back(terms in any_terms()) {
        let bytes = borsh::to_vec(&terms).unwrap();
        prop_assert_eq!(borsh::from_slice::<DataUseTerms>(&bytes).unwrap(), terms);
    }

    #[test]
    fn an_altered_resource_is_never_wider(
        terms in any_terms(),
        at in any::<prop::sample::Index>(),
        name in "[a-zA-Z]{1,12}",
    ) {
        // An element that is not known, anywhere in the resource or its provision, gives no terms or the same.
        let mut resource = fhir::write(&terms, Day(19_000)).unwrap();
        let place = if at.index(2) == 0 { &mut resource } else { &mut resource["provision"] };
        prop_assume!(place.get(&name).is_none());
        place[&name] = json!({ "reference": "Group/1" });
        if let Ok(fhir::Imported { terms: Some(read), .. }) = fhir::read(&resource.to_string(), Day(19_000)) {
            prop_assert_eq!(read, terms);
        }
    }
}

#[test]
fn the_example_of_beacon_v2_is_read_as_it_is_meant() {
    let document: DuoDocument = serde_json::from_value(json!({ "duoDataUse": [{
        "id": "DUO:0000007", "label": "disease specific research", "version": "17-07-2016",
        "modifiers": [{ "id": "EFO:0001645", "label": "coronary artery disease" }]
    }] }))
    .unwrap();
    let terms = document.terms(TODAY).unwrap();
    assert_eq!(terms.disease().unwrap().as_str(), "EFO:0001645");
    let two = json!({ "id": "DUO:0000007", "modifiers": [{ "id": "EFO:0001645" }, { "id": "EFO:0001655" }] });
    let document: DuoDocument = serde_json::from_value(json!({ "duoDataUse": [two] })).unwrap();
    assert!(document.terms(TODAY).unwrap_err().to_string().contains("a proof knows one"));
}

#[test]
fn a_condition_that_is_not_understood_is_never_dropped() {
    let read = |entries: Value| {
        let document: DuoDocument = serde_json::from_value(json!({ "duoDataUse": entries })).unwrap();
        document.terms(TODAY).map_err(|error| error.to_string())
    };
    let gru = json!({ "id": "DUO:0000042" });
    assert!(read(json!([gru])).is_ok());
    let limited = read(json!([gru, { "id": "TS", "modifiers": [{ "id": "duration:P24M" }] }])).unwrap();
    assert_eq!(limited.modifiers().collect::<Vec<_>>(), [&Modifier::Until(Day(20_730))], "to 2026-10-04");
    let refused = [
        (json!([]), "0 permissions"),
        (json!([gru, { "id": "DUO:0000006" }]), "2 permissions"),
        (json!([gru, { "id": "DUO:0000099" }]), "no data use term"),
        (json!([gru, { "id": "GS" }]), "must name"),
        (json!([gru, { "id": "GS", "modifiers": [{ "id": "Europe" }] }]), "no country"),
        (json!([gru, { "id": "GS", "modifiers": [{ "id": "ISO3166-1:XX" }] }]), "no country"),
        (json!([gru, { "id": "TS" }]), "limit in time"),
        (json!([gru, { "id": "TS", "modifiers": [{ "id": "duration:P2W" }] }]), "limit in time"),
        (json!([gru, { "id": "IRB", "modifiers": [{ "id": "local" }] }]), "completed by nothing"),
        (json!([{ "id": "DUO:0000042", "modifiers": [{ "id": "MONDO:1" }] }]), "completed by nothing"),
        (json!([gru, { "id": "US", "modifiers": [{ "id": " " }] }]), "no name"),
        (json!(vec![gru.clone(); 65]), "at most 64"),
    ];
    for (entries, why) in refused {
        let error = read(entries.clone()).unwrap_err();
        assert!(error.contains(why), "{entries}: {error}");
    }
}

#[test]
fn no_published_example_of_consent_to_treatment_becomes_consent_to_research() {
    let mut read = 0;
    for entry in fs::read_dir(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/data/fhir")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let imported = fhir::read(&text, TODAY).unwrap();
        assert_eq!(imported.terms, None, "{}", path.display());
        let paths: Vec<_> = imported.report.refused.iter().map(|element| element.path.as_str()).collect();
        assert!(paths.contains(&"scope"), "{}: {paths:?}", path.display());
        assert!(imported.report.ignored.iter().any(|element| element.path == "patient"));
        read += 1;
    }
    assert!(read >= 5, "{read}");
}

fn research() -> Value {
    json!({
        "resourceType": "Consent", "id": "research-1", "status": "active",
        "text": { "status": "generated", "div": "<div/>" },
        "scope": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "research" }] },
        "category": [{ "coding": [{ "system": "http://loinc.org", "code": "59284-0" }] }],
        "patient": { "reference": "Patient/f001" }, "dateTime": "2024-05-11T09:00:00+02:00",
        "policyRule": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTIN" }] },
        "provision": {
            "period": { "start": "2024-05-11", "end": "2029-05-11" },
            "action": [{ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/consentaction", "code": "use" }] }],
            "purpose": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HRESCH" }],
            "provision": [{
                "type": "deny",
                "purpose": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "POARCH" }]
            }]
        }
    })
}

#[test]
fn a_consent_to_research_is_read_and_each_alteration_that_limits_it_is_refused() {
    let imported = fhir::read(&research().to_string(), TODAY).unwrap();
    let terms = imported.terms.unwrap_or_else(|| panic!("{:?}", imported.report));
    assert_eq!(*terms.permission(), Permission::HealthResearch);
    let modifiers: Vec<_> = terms.modifiers().cloned().collect();
    assert_eq!(modifiers, [Modifier::Until(Day(21_680)), Modifier::NoAncestry]);
    assert_eq!(imported.report.used.len() + imported.report.ignored.len(), 14, "{:?}", imported.report);

    let reference = json!({ "reference": "Organization/f001" });
    let twins: [(&str, Value, &str); 20] = [
        ("/resourceType", json!("Contract"), "resourceType"),
        ("/status", json!("inactive"), "status"),
        ("/scope/coding/0/code", json!("patient-privacy"), "scope"),
        ("/policyRule/coding/0/code", json!("OPTOUT"), "policyRule"),
        ("/dateTime", json!("2024-10-05"), "dateTime"),
        ("/dateTime", json!("2024"), "dateTime"),
        ("/implicitRules", json!("http://example.org/rules"), "implicitRules"),
        ("/modifierExtension", json!([{ "url": "http://example.org" }]), "modifierExtension"),
        ("/policy", json!([{ "uri": "http://example.org" }]), "policy"),
        ("/provision/type", json!("deny"), "provision.type"),
        ("/provision/period/start", json!("2024-10-05"), "provision.period.start"),
        ("/provision/period/end", json!("2024-10-03"), "provision.period.end"),
        ("/provision/period/end", json!("2029"), "provision.period.end"),
        ("/provision/action/0/coding/0/code", json!("access"), "provision.action"),
        ("/provision/purpose/0/code", json!("CLINTRCH"), "provision.purpose[0]"),
        ("/provision/purpose", json!([]), "provision"),
        ("/provision/actor", json!([{ "reference": reference }]), "provision.actor"),
        ("/provision/data", json!([{ "meaning": "related", "reference": reference }]), "provision.data"),
        ("/provision/modifierExtension", json!([{ "url": "http://example.org" }]), "provision.modifierExtension[0]"),
        ("/provision/provision/0/type", json!("permit"), "provision.provision[0]"),
    ];
    for (pointer, value, path) in twins {
        let mut altered = research();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        altered.pointer_mut(parent).unwrap()[name] = value;
        let imported = fhir::read(&altered.to_string(), TODAY).unwrap();
        assert_eq!(imported.terms, None, "{pointer}");
        let refused: Vec<_> = imported.report.refused.iter().map(|element| element.path.as_str()).collect();
        assert_eq!(refused, [path], "{pointer}");
    }
}

#[test]
fn a_condition_of_the_ontology_is_an_extension_that_nobody_may_pass_over() {
    let condition = |term: DuoTerm, name: &str, value: Value| json!({ "url": term.iri(), name: value });
    let read = |extensions: Value| {
        let mut resource = research();
        resource["provision"]["modifierExtension"] = extensions;
        fhir::read(&resource.to_string(), TODAY).unwrap()
    };
    let swiss = json!({ "system": "urn:iso:std:iso:3166", "code": "CH" });
    let terms = read(json!([
        condition(DuoTerm::Irb, "valueBoolean", json!(true)),
        condition(DuoTerm::Gs, "valueCoding", swiss.clone()),
        condition(DuoTerm::Gs, "valueCoding", json!({ "system": "urn:iso:std:iso:3166", "code": "GB" })),
        condition(DuoTerm::Ts, "valueString", json!("duration:P12M")),
    ]))
    .terms
    .unwrap();
    assert!(terms.modifiers().any(|modifier| *modifier == Modifier::EthicsApproval));
    assert!(terms.modifiers().any(|modifier| *modifier == Modifier::Countries(countries(&["CH", "GB"]))));
    assert!(terms.modifiers().any(|modifier| *modifier == Modifier::Until(Day(20_219))), "12 months from 2024-05-11");
    for (extension, why) in [
        (condition(DuoTerm::Irb, "valueBoolean", json!(false)), "no value, false"),
        (json!({ "url": DuoTerm::Irb.iri() }), "no value"),
        (condition(DuoTerm::Irb, "valueString", json!("local")), "completed by nothing"),
        (condition(DuoTerm::Gs, "valueCoding", json!({ "system": "urn:x", "code": "CH" })), "no system"),
        (condition(DuoTerm::Ds, "valueString", json!("ICD10:E11")), "completed by nothing"),
        (condition(DuoTerm::Gru, "valueBoolean", json!(true)), "is a permission"),
    ] {
        let imported = read(json!([extension]));
        assert_eq!(imported.terms, None, "{extension}");
        assert!(imported.report.refused.iter().any(|element| element.why.contains(why)), "{:?}", imported.report);
    }
}

#[test]
fn a_resource_that_is_long_deep_or_garbage_is_refused_without_panic() {
    let long = format!("{{\"resourceType\":\"{}\"}}", "x".repeat(fhir::CONSENT_BYTES_MAX));
    let deep = format!(
        "{{\"resourceType\":\"Consent\",\"status\":\"active\",\"a\":{}1{}}}",
        "[".repeat(4_000),
        "]".repeat(4_000)
    );
    for text in [long.as_str(), deep.as_str(), "", "[]", "{}", "{\"resourceType\":1}"] {
        assert!(fhir::read(text, TODAY).is_err());
    }
}
