use super::*;

fn checked(passport: &str, trust: &TrustedIssuers) -> Vec<CheckedVisa> {
    check_passport(passport, trust, Timestamp::new(NOW)).unwrap()
}

#[test]
fn a_passport_comes_as_a_token_an_object_a_list_or_one_visa() {
    let visas = [visa("ResearcherStatus", BONA_FIDE), "x.y.z".to_owned()];
    let token = |iss: &str, key: &str| {
        let claims = json!({ "iss": iss, "sub": "ada", "iat": NOW, "exp": NOW + DAY, "ga4gh_passport_v1": visas });
        encode(&header(Algorithm::ES256, "broker-1"), &claims, &ec(key)).unwrap()
    };
    let forms = [
        token(BROKER, "ec"),
        json!({ "sub": "ada", "ga4gh_passport_v1": visas }).to_string(),
        json!(visas).to_string(),
    ];
    for form in forms {
        let found = checked(&form, &trust());
        assert_eq!((found.len(), found[0].outcome.is_ok(), found[1].outcome.is_ok()), (2, true, false));
        assert_eq!((found[0].claimed_issuer.as_deref(), found[1].claimed_issuer.as_deref()), (Some(ISSUER), None));
    }
    assert!(checked(&visas[0], &trust())[0].outcome.is_ok());
    let why = |text: &str| check_passport(text, &trust(), Timestamp::new(NOW)).unwrap_err().to_string();
    assert!(why(&token(BROKER, "stranger")).contains("signature is not the issuer's"));
    assert!(why(&token("https://evil.example.org/", "ec")).contains("not among those trusted"));
    assert!(why("{\"visas\":[]}").contains("ga4gh_passport_v1"));
    assert!(why(&json!(vec!["x"; VISAS_MAX + 1]).to_string()).contains("at most 128"));
    assert!(why(&" x".repeat(PASSPORT_BYTES_MAX)).contains("at most 1048576"));
}

#[test]
fn conditions_are_met_by_other_accepted_visas_of_the_same_person_alone() {
    let conditional = |sub: &str, conditions: Value| {
        let mut claims = claims("ControlledAccessGrants", "https://data.example/1");
        claims["sub"] = json!(sub);
        claims["ga4gh_visa_v1"]["conditions"] = conditions;
        signed(&claims)
    };
    let faculty = json!([[{ "type": "AffiliationAndRole", "value": "pattern:faculty@*", "by": "const:so" }]]);
    let affiliation = visa("AffiliationAndRole", "faculty@uni.example");
    let accepted = |visas: &[&String]| -> Vec<bool> {
        checked(&json!(visas).to_string(), &trust()).iter().map(|visa| visa.outcome.is_ok()).collect()
    };
    let sound = conditional("ada", faculty.clone());
    assert_eq!(accepted(&[&sound, &affiliation]), [true, true]);
    assert_eq!(accepted(&[&sound]), [false]);
    assert_eq!(accepted(&[&sound, &visa("AffiliationAndRole", "student@uni.example")]), [false, true]);
    assert_eq!(accepted(&[&conditional("eve", faculty.clone()), &affiliation]), [false, true]);
    let mut lapsed = claims("AffiliationAndRole", "faculty@uni.example");
    lapsed["exp"] = json!(NOW - DAY);
    assert_eq!(accepted(&[&sound, &signed(&lapsed)]), [false, false]);
    for unmet in [
        json!([[]]),
        json!([[{ "type": "AffiliationAndRole" }]]),
        json!([[{ "type": "AffiliationAndRole", "value": "regex:.*" }]]),
        json!([[{ "type": "AffiliationAndRole", "asserted": "const:1" }]]),
        json!([[{ "type": "AffiliationAndRole", "value": "const:faculty" }]]),
    ] {
        assert_eq!(accepted(&[&conditional("ada", unmet.clone()), &affiliation]), [false, true], "{unmet}");
    }
    // A link that waits for conditions itself makes nobody the same person.
    let mut link = claims("LinkedIdentities", "eve,https:%2F%2Fvisas.example.org%2F");
    let eve = conditional("eve", faculty.clone());
    assert_eq!(accepted(&[&eve, &affiliation, &signed(&link)]), [true, true, true]);
    link["ga4gh_visa_v1"]["conditions"] = json!([[{ "type": "ResearcherStatus", "value": "pattern:*" }]]);
    assert_eq!(accepted(&[&eve, &affiliation, &signed(&link)]), [false, true, false]);
    // A visa with conditions meets none of another's.
    let on_grant = json!([[{ "type": "ControlledAccessGrants", "value": "pattern:*" }]]);
    assert_eq!(accepted(&[&conditional("ada", on_grant), &sound, &affiliation]), [false, true, true]);
    let many = json!(vec![faculty[0].clone(); CLAUSES_MAX + 1]);
    assert_eq!(accepted(&[&conditional("ada", many), &affiliation]), [false, true]);
}

fn registered_access() -> Policy {
    let require = |kind: &str, value: &str| json!({ "type": kind, "value": value, "by": "const:so", "asserted_within_days": 365 });
    let both = json!([
        require("ResearcherStatus", &format!("const:{BONA_FIDE}")),
        require("AcceptedTermsAndPolicies", &format!("const:{BONA_FIDE}"))
    ]);
    Policy::new(serde_json::from_value(both).unwrap()).unwrap()
}

#[test]
fn a_policy_is_met_by_one_persons_visas_and_lists_what_is_lacking() {
    let decide = |tokens: &[String]| {
        let checked = checked(&json!(tokens).to_string(), &trust());
        let accepted: Vec<_> = checked.iter().filter_map(|visa| visa.outcome.as_ref().ok()).collect();
        registered_access().check(&accepted, (Timestamp::new(NOW), None)).map_err(|error| error.to_string())
    };
    let (status, terms) = (visa("ResearcherStatus", BONA_FIDE), visa("AcceptedTermsAndPolicies", BONA_FIDE));
    let person = decide(&[status.clone(), terms.clone()]).unwrap();
    assert_eq!(person.iter().map(ToString::to_string).collect::<Vec<_>>(), [format!("ada at {ISSUER}")]);
    let lacking = decide(std::slice::from_ref(&status)).unwrap_err();
    assert!(lacking.contains("AcceptedTermsAndPolicies") && !lacking.contains("a ResearcherStatus"), "{lacking}");
    assert!(decide(&[]).unwrap_err().contains("no visa"));

    let vary = |change: fn(&mut Value)| {
        let mut claims = claims("AcceptedTermsAndPolicies", BONA_FIDE);
        change(&mut claims);
        signed(&claims)
    };
    let others = [
        vary(|claims| claims["sub"] = json!("eve")),
        vary(|claims| claims["ga4gh_visa_v1"]["by"] = json!("self")),
        vary(|claims| drop(claims["ga4gh_visa_v1"].as_object_mut().unwrap().remove("by"))),
        vary(|claims| claims["ga4gh_visa_v1"]["asserted"] = json!(NOW - 366 * DAY)),
        vary(|claims| claims["ga4gh_visa_v1"]["value"] = json!(format!("{BONA_FIDE}/"))),
    ];
    for other in others {
        assert!(decide(&[status.clone(), other]).unwrap_err().contains("AcceptedTermsAndPolicies"));
    }
    // Another identity counts once a visa links it.
    let elsewhere = vary(|claims| claims["sub"] = json!("lovelace"));
    let link = visa("LinkedIdentities", "lovelace,https:%2F%2Fvisas.example.org%2F;x,y");
    assert!(decide(&[status.clone(), elsewhere.clone()]).is_err());
    assert_eq!(decide(&[status.clone(), elsewhere.clone(), link]).unwrap().len(), 3);
    // Unless nobody but the researcher says so.
    let mut own_word = claims("LinkedIdentities", "lovelace,https:%2F%2Fvisas.example.org%2F");
    own_word["ga4gh_visa_v1"]["by"] = json!("self");
    assert!(decide(&[status, elsewhere, signed(&own_word)]).is_err());
    assert!(
        Policy::default().check(&[], (Timestamp::new(NOW), None)).unwrap_err().to_string().contains("demands nothing")
    );
    for odd in
        [json!({ "type": "T" }), json!({ "type": "T", "value": "x" }), json!({ "type": "T", "color": "const:x" })]
    {
        assert!(Policy::new(vec![serde_json::from_value(odd).unwrap()]).is_err());
    }
}

#[test]
fn repro_what_a_researcher_says_of_themselves_meets_no_requirement() {
    let anybody = json!({ "type": "AffiliationAndRole", "value": "pattern:*@uni.example" });
    let policy = Policy::new(vec![serde_json::from_value(anybody).unwrap()]).unwrap();
    let is_met = |token: String| {
        let checked = checked(&json!([token]).to_string(), &trust());
        let accepted: Vec<_> = checked.iter().filter_map(|visa| visa.outcome.as_ref().ok()).collect();
        assert_eq!(accepted.len(), 1);
        policy.check(&accepted, (Timestamp::new(NOW), None)).is_ok()
    };
    let mut affiliation = claims("AffiliationAndRole", "faculty@uni.example");
    assert!(is_met(signed(&affiliation)));
    affiliation["ga4gh_visa_v1"]["by"] = json!("self");
    assert!(!is_met(signed(&affiliation)));
}

#[test]
fn repro_a_visa_of_one_study_shows_nothing_of_an_approval_that_another_names() {
    let grant = json!({ "type": "ControlledAccessGrants", "by": "const:so", "names_approval": true });
    let policy = Policy::new(vec![serde_json::from_value(grant).unwrap()]).unwrap();
    let checked =
        checked(&json!([visa("ControlledAccessGrants", "https://hospital.example/studies/17")]).to_string(), &trust());
    let accepted: Vec<_> = checked.iter().filter_map(|visa| visa.outcome.as_ref().ok()).collect();
    let shown = |approval| policy.check(&accepted, (Timestamp::new(NOW), approval));
    assert!(shown(Some("https://hospital.example/studies/17")).is_ok());
    for other in [Some("https://hospital.example/studies/99"), Some("anything"), None] {
        let lacking = shown(other).unwrap_err().to_string();
        assert!(lacking.contains("the approval that the query names as its value"), "{lacking}");
    }
}

#[test]
fn a_presentation_speaks_for_one_account_on_one_chain() {
    let (key, chain) = (SigningKey::from_bytes(&[7; 32]), ChainId::from_bytes([1; 32]));
    let presentation = Presentation::new(" passport\n", &chain, &key).unwrap();
    let verified = presentation.clone().verify(&chain).unwrap();
    assert_eq!((verified.account(), verified.passport()), (account_of(&key), "passport"));
    assert!(presentation.clone().verify(&ChainId::from_bytes([2; 32])).is_err());
    let altered = |name: &str, value: Value| {
        let mut json = serde_json::to_value(&presentation).unwrap();
        json[name] = value;
        serde_json::from_value::<Presentation>(json).unwrap().verify(&chain)
    };
    assert!(altered("passport", json!("another")).is_err());
    assert!(altered("account", json!(account_of(&SigningKey::from_bytes(&[8; 32])))).is_err());
    assert!(altered("signature", json!("00".repeat(64))).is_err());
    assert!(altered("passport", json!("passport")).is_ok());
    assert!(Presentation::new(&"x".repeat(PASSPORT_BYTES_MAX + 1), &chain, &key).is_err());
}

#[test]
fn one_person_is_accredited_with_one_account() {
    let identity = |sub: &str| VisaIdentity { iss: ISSUER.into(), sub: sub.into() };
    let (one, other) = (AccountId::from_bytes([1; 32]), AccountId::from_bytes([2; 32]));
    let mut register = IdentityRegister::default();
    register.bind(&BTreeSet::from([identity("ada")]), one).unwrap();
    register.bind(&BTreeSet::from([identity("ada"), identity("lovelace")]), one).unwrap();
    let error = register.bind(&BTreeSet::from([identity("lovelace"), identity("new")]), other).unwrap_err().to_string();
    assert!(error.contains("lovelace at") && error.contains("accredited with account 0101"), "{error}");
    register.bind(&BTreeSet::from([identity("eve")]), other).unwrap();
    let text = serde_json::to_string(&register).unwrap();
    assert_eq!(serde_json::from_str::<IdentityRegister>(&text).unwrap(), register);
    assert_eq!(register.accounts()[&one].len(), 2);
}

#[test]
fn a_file_of_trusted_issuers_is_read_with_its_keys_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
    write("jwks.json", json!({ "keys": [jwk("ec", "key-1")] }).to_string());
    let listed = format!("[[issuer]]\niss = \"{ISSUER}\"\njwks = \"jwks.json\"\n");
    let require = format!("[[require]]\ntype = \"ResearcherStatus\"\nvalue = \"const:{BONA_FIDE}\"\n");
    let open = |text: String| {
        write("issuers.toml", text);
        TrustedIssuers::open(&folder.path().join("issuers.toml")).map_err(|error| error.to_string())
    };
    let trust = open(format!("{listed}\n{require}")).unwrap();
    assert_eq!(trust.policy().requirements().len(), 1);
    assert!(verify(&visa("ResearcherStatus", BONA_FIDE), &trust).is_ok());
    assert!(open(format!("{listed}{listed}")).unwrap_err().contains("listed twice"));
    assert!(open(format!("{listed}algorithms = [\"HS256\"]\n")).unwrap_err().contains("HS256"));
    assert!(open(format!("{listed}algorithms = [\"none\"]\n")).unwrap_err().contains("none"));
    assert!(open(format!("{listed}fetch = true\n")).unwrap_err().contains("fetch"));
    assert!(open(listed.replace("jwks.json", "absent.json")).unwrap_err().contains("absent.json"));
    assert!(open("x".repeat(usize::try_from(TRUST_BYTES_MAX).unwrap() + 1)).unwrap_err().contains("longer than"));
}
