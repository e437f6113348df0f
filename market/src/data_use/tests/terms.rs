use std::collections::BTreeMap;

use circuits::consent::{ConsentFlags, Purposes};

use super::*;

#[test]
fn the_terms_are_those_of_the_ontologys_own_list() {
    let listed = data("duo/duo.csv");
    let mut reader = csv::Reader::from_reader(listed.as_bytes());
    let mut rows: BTreeMap<String, (String, String)> = reader
        .records()
        .map(|row| row.unwrap())
        .map(|row| (row[0].to_owned(), (row[1].to_owned(), row[2].to_owned())))
        .collect();
    // The two classes that permissions and conditions belong to say nothing themselves.
    assert!(rows.remove("DUO:0000001").is_some() && rows.remove("DUO:0000017").is_some());
    assert_eq!(rows.len(), DuoTerm::ALL.len());
    for term in DuoTerm::ALL {
        let (shorthand, label) = &rows[term.id()];
        assert_eq!((term.shorthand(), term.label()), (shorthand.as_str(), label.as_str()));
        for text in [term.id(), term.iri(), term.shorthand(), &term.id().replace(':', "_")] {
            assert_eq!(text.parse::<DuoTerm>().unwrap(), *term);
        }
    }
    for unknown in ["", "DUO:0000001", "DUO:42", "duo:0000042", "GRUU", "http://purl.obolibrary.org/obo/DUO_0000017"] {
        assert!(unknown.parse::<DuoTerm>().is_err(), "{unknown}");
    }
}

#[test]
fn what_proofs_and_agents_enforce_is_as_the_page_says() {
    let page =
        fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/protocol/data-use.md")).unwrap();
    for term in DuoTerm::ALL {
        let row = page.lines().find(|line| line.starts_with(&format!("| {} |", term.id()))).unwrap();
        let by = match term.enforcement() {
            Enforcement::Proof => "| proof |",
            Enforcement::Agent => "| agent |",
            Enforcement::Ledger => panic!("no term of a consent is the ledger's to enforce"),
        };
        assert!(row.contains(by) && row.contains(term.shorthand()), "{row}");
    }
}

#[test]
fn a_prohibition_is_a_bit_that_is_missing() {
    let allowed = |permission, modifiers: &[Modifier]| {
        DataUseTerms::new(permission, modifiers.iter().cloned()).unwrap().purposes()
    };
    let general = allowed(Permission::GeneralResearch, &[]);
    assert!(general.contains(Purposes::NOTHING_REQUIRED.union(Purposes::METHODS).union(Purposes::ANCESTRY)));
    assert!(!general.contains(Purposes::CLINICAL_CARE) && !general.contains(Purposes::ANY_USE));
    let neither = allowed(Permission::GeneralResearch, &[Modifier::NonProfitNonCommercial, Modifier::EthicsApproval]);
    let missing = Purposes::COMMERCIAL.union(Purposes::COMMERCIAL_USE).union(Purposes::WITHOUT_ETHICS_APPROVAL);
    assert_eq!(neither, general.without(missing));
    assert!(!allowed(Permission::HealthResearch, &[]).contains(Purposes::ANCESTRY));
    assert!(allowed(Permission::Ancestry, &[Modifier::ClinicalCare]).contains(Purposes::CLINICAL_CARE));
}

#[test]
fn terms_commit_to_their_disease_and_their_earlier_last_day() {
    let disease: DiseaseCode = "ICD10:E11".parse().unwrap();
    let terms =
        DataUseTerms::new(Permission::DiseaseSpecific(disease.clone()), [Modifier::Until(Day(25_000))]).unwrap();
    let committed = terms.commit(&offer(), &RegionTable::default(), [1; 31]).unwrap();
    assert_eq!((committed.disease, committed.expiry), (disease.number(), Day(25_000)));
    assert_eq!(committed.flags, ConsentFlags::EXACT.union(ConsentFlags::ONLY_THIS_DISEASE));
    let open = DataUseTerms::new(Permission::GeneralResearch, []).unwrap();
    let committed = open.commit(&offer(), &RegionTable::default(), [1; 31]).unwrap();
    assert_eq!((committed.disease, committed.expiry, committed.flags), (0, Day(30_000), ConsentFlags::EXACT));
}

#[test]
fn terms_that_contradict_themselves_or_name_nobody_are_refused() {
    let refused =
        |permission, modifiers: Vec<Modifier>| DataUseTerms::new(permission, modifiers).unwrap_err().to_string();
    assert!(refused(Permission::Ancestry, vec![Modifier::NoAncestry]).contains("ancestry"));
    let twice = vec![Modifier::Until(Day(1)), Modifier::Until(Day(2))];
    assert!(refused(Permission::GeneralResearch, twice).contains("twice"));
    assert!(refused(Permission::GeneralResearch, vec![Modifier::Users(BTreeSet::new())]).contains("1 to 256"));
    assert!(refused(Permission::GeneralResearch, vec![Modifier::Countries(BTreeSet::new())]).contains("1 to 256"));
    let many = (0..257).map(|number| format!("account:{number}").parse().unwrap()).collect();
    assert!(refused(Permission::GeneralResearch, vec![Modifier::Users(many)]).contains("1 to 256"));
}

#[test]
fn diseases_have_one_canonical_text_and_one_number() {
    let code = |text: &str| text.parse::<DiseaseCode>().unwrap();
    for text in ["ICD10:E11.9", "icd10:e119", " ICD10:E119 "] {
        assert_eq!(code(text).as_str(), "ICD10:E11.9");
    }
    assert_eq!(code("ICD10CM:S72.001A").as_str(), "ICD10CM:S72.001A");
    assert_eq!(code("mondo:0005148").as_str(), "MONDO:0005148");
    // Written down so that no change of the map goes unnoticed: it would orphan every consent to one disease.
    assert_eq!(code("ICD10:E11").number(), 0x6b72_a671);
    assert_ne!(code("ICD10:E11").number(), code("ICD10CM:E11").number());
    for text in
        ["", "E11", "ICD10:", "ICD10:E1", "ICD10:E1.19", "ICD10:E11.", "ICD10:11E", "ICD9:250", "MONDO:a b", "HP:é"]
    {
        assert!(text.parse::<DiseaseCode>().is_err(), "{text}");
    }
    assert!(format!("MONDO:{}", "1".repeat(33)).parse::<DiseaseCode>().is_err());
}

#[test]
fn a_disease_lies_within_its_ancestors_and_no_loop_traps_the_search() {
    let code = |text: &str| text.parse::<DiseaseCode>().unwrap();
    let obo = "format-version: 1.2\n\n[Term]\nid: MONDO:0005148\nname: type 2 diabetes mellitus\nis_a: MONDO:0005015 ! \
               diabetes mellitus\n\n[Term]\nid: MONDO:0005015\nis_a: MONDO:0002356\nis_a: UBERON:0000001 ! passed over\n\n\
               [Term]\nid: MONDO:0002356\nis_a: MONDO:0005148 ! a loop\n\n[Typedef]\nid: MONDO:0000001\nis_a: MONDO:0005015\n";
    let hierarchy = DiseaseHierarchy::from_obo("mondo.obo", obo.as_bytes()).unwrap();
    assert!(hierarchy.is_within(&code("MONDO:0005148"), &code("MONDO:0002356")));
    assert!(hierarchy.is_within(&code("MONDO:0005148"), &code("MONDO:0005148")));
    assert!(!hierarchy.is_within(&code("MONDO:0005148"), &code("MONDO:0000001")));
    assert!(hierarchy.is_within(&code("ICD10:E11.9"), &code("ICD10:E11")));
    assert!(!hierarchy.is_within(&code("ICD10:E11"), &code("ICD10:E11.9")));
    assert!(!hierarchy.is_within(&code("ICD10CM:E11.9"), &code("ICD10:E11")));
    assert!(DiseaseHierarchy::from_obo("empty", "[Term]\nid: X:1\n".as_bytes()).is_err());
}

#[test]
fn a_declared_use_that_does_not_hold_together_is_refused() {
    let sound: DeclaredUse = toml::from_str(
        "purpose = \"disease-specific\"\ndisease = \"ICD10:E11.9\"\nasks_under = \"ICD10:E11\"\nmethods = false\n\
         for_profit = false\ncommercial = false\ngenetic = false\n",
    )
    .unwrap();
    let hierarchy = DiseaseHierarchy::default();
    sound.check(&hierarchy).unwrap();
    let refused = |used: DeclaredUse| used.check(&hierarchy).unwrap_err().to_string();
    assert!(refused(DeclaredUse { disease: None, ..sound.clone() }).contains("names its disease"));
    let asks_under = Some("ICD10:C50".parse().unwrap());
    assert!(refused(DeclaredUse { asks_under, ..sound.clone() }).contains("does not lie within"));
    let orphan = DeclaredUse { purpose: Purpose::HealthResearch, disease: None, ..sound.clone() };
    assert!(refused(orphan).contains("studies none"));
    assert!(refused(DeclaredUse { publishes_from: Some("soon".into()), ..sound }).contains("no date"));
    assert!(toml::from_str::<DeclaredUse>("purpose = \"health-research\"").is_err(), "nothing is affirmed by silence");
}

#[test]
fn a_region_table_holds_each_country_once_and_leaves_a_bit_for_elsewhere() {
    assert!(RegionTable::new(vec![countries(&["CH"]), countries(&["CH", "DE"])]).is_err());
    assert!(RegionTable::new(vec![BTreeSet::new()]).is_err());
    let codes = ["AD", "AE", "AF", "AG", "AI", "AL", "AM", "AO", "AQ", "AR", "AS", "AT", "AU", "AW", "AX", "AZ"];
    let more = ["BA", "BB", "BD", "BE", "BF", "BG", "BH", "BI", "BJ", "BL", "BM", "BN", "BO", "BQ", "BR", "BS"];
    let all: Vec<_> = codes.iter().chain(&more).map(|code| countries(&[code])).collect();
    assert!(RegionTable::new(all.clone()).is_err());
    assert!(RegionTable::new(all[..31].to_vec()).is_ok());
    assert!("UK".parse::<Country>().is_err() && "Switzerland".parse::<Country>().is_err());
    assert_eq!("gb".parse::<Country>().unwrap().to_string(), "GB");
}

#[test]
fn repro_a_list_of_uses_includes_what_the_permission_of_its_name_allows() {
    for (named, permission) in [
        (Purposes::ANY_USE, Permission::NoRestriction),
        (Purposes::GENERAL_RESEARCH, Permission::GeneralResearch),
        (Purposes::HEALTH_RESEARCH, Permission::HealthResearch),
        (Purposes::ANCESTRY, Permission::Ancestry),
    ] {
        let included = with_included(named);
        assert!(included.contains(permission.allows()), "{named:?}");
        assert_eq!(with_included(included), included);
    }
    let any = with_included(Purposes::ANY_USE);
    assert_eq!(any, Permission::NoRestriction.allows());
    for beside in [Purposes::METHODS, Purposes::COMMERCIAL, Purposes::COMMERCIAL_USE] {
        assert!(!any.contains(beside), "companies and methods are chosen for themselves");
    }
    assert_eq!(with_included(Purposes::GENERAL_RESEARCH), Permission::GeneralResearch.allows());
    for narrow in [Purposes::DISEASE_SPECIFIC, Purposes::ANCESTRY, Purposes::METHODS, Purposes::default()] {
        assert_eq!(with_included(narrow), narrow);
    }
}
