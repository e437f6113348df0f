use super::*;

#[test]
fn a_visa_of_a_trusted_issuer_is_accepted_with_what_it_says() {
    let visa = verify(&visa("AffiliationAndRole", "faculty@uni.example"), &trust()).unwrap();
    assert_eq!((visa.identity().iss.as_str(), visa.identity().sub.as_str()), (ISSUER, "ada"));
    assert_eq!((visa.affiliation(), visa.object().by), (Some("uni.example"), Some(Authority::So)));
    let mut own_word = claims("AffiliationAndRole", "faculty@uni.example");
    own_word["ga4gh_visa_v1"]["by"] = json!("self");
    assert_eq!(verify(&signed(&own_word), &trust()).unwrap().affiliation(), None);
    let mut rsa = claims("ResearcherStatus", BONA_FIDE);
    rsa["iss"] = json!(RSA_ISSUER);
    let key = EncodingKey::from_rsa_der(&bytes("rsa", "private_pkcs1"));
    let token = encode(&header(Algorithm::RS256, "rsa-1"), &rsa, &key).unwrap();
    assert_eq!(verify(&token, &trust()).unwrap().affiliation(), None);
}

#[test]
fn a_signature_of_anybody_else_is_refused() {
    let claims = claims("ResearcherStatus", BONA_FIDE);
    let stranger = encode(&header(Algorithm::ES256, "key-1"), &claims, &ec("stranger")).unwrap();
    assert!(refused(&stranger).contains("signature is not the issuer's"));
    let sound = signed(&claims);
    let (body, signature) = sound.rsplit_once('.').unwrap();
    let mut altered = claims.clone();
    altered["sub"] = json!("eve");
    let (header, _) = body.split_once('.').unwrap();
    let moved = format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(altered.to_string()));
    assert!(refused(&moved).contains("signature is not the issuer's"));
    assert!(refused(&format!("{body}.")).contains("signature is not the issuer's"));
    assert!(verify(&sound, &trust()).is_ok());
}

#[test]
fn an_issuer_that_is_not_listed_is_refused_whoever_signs() {
    let mut claims = claims("ResearcherStatus", BONA_FIDE);
    for iss in ["https://visas.example.org", "https://evil.example.org/", ""] {
        claims["iss"] = json!(iss);
        assert!(refused(&signed(&claims)).contains("not among those trusted"), "{iss}");
    }
    // A listed issuer's name under another listed issuer's key.
    claims["iss"] = json!(RSA_ISSUER);
    assert!(refused(&signed(&claims)).contains("no key \"key-1\""));
    claims["iss"] = json!(ISSUER);
    assert!(verify(&signed(&claims), &trust()).is_ok());
}

#[test]
fn an_audience_is_named_exactly_when_one_is_configured() {
    let ours = trust_with(Some("https://locus.example"), Policy::default());
    let with = |audience: Value| {
        let mut claims = claims("ResearcherStatus", BONA_FIDE);
        claims["aud"] = audience;
        signed(&claims)
    };
    for audience in [json!("https://locus.example"), json!(["https://other.example", "https://locus.example"])] {
        assert!(verify(&with(audience.clone()), &ours).is_ok(), "{audience}");
        assert!(refused(&with(audience)).contains("none is configured"));
    }
    for audience in [json!("https://other.example"), json!(["https://other.example"])] {
        assert!(verify(&with(audience), &ours).unwrap_err().contains("meant for others"));
    }
    assert!(verify(&visa("ResearcherStatus", BONA_FIDE), &ours).unwrap_err().contains("no aud"));
    assert!(verify(&visa("ResearcherStatus", BONA_FIDE), &trust()).is_ok());
}

#[test]
fn times_are_those_of_the_callers_clock() {
    let with = |name: &str, value: Value| {
        let mut claims = claims("ResearcherStatus", BONA_FIDE);
        claims[name] = value;
        signed(&claims)
    };
    assert!(refused(&with("exp", json!(NOW - CLOCK_SKEW_SECONDS))).contains("expired"));
    assert!(verify(&with("exp", json!(NOW - CLOCK_SKEW_SECONDS + 1)), &trust()).is_ok());
    for name in ["nbf", "iat"] {
        assert!(refused(&with(name, json!(NOW + CLOCK_SKEW_SECONDS + 1))).contains("counts from"), "{name}");
        assert!(verify(&with(name, json!(NOW + CLOCK_SKEW_SECONDS)), &trust()).is_ok(), "{name}");
    }
    for (name, value) in [("exp", Value::Null), ("iat", Value::Null), ("nbf", json!("soon")), ("iat", json!(-1))] {
        assert!(verify(&with(name, value.clone()), &trust()).is_err(), "{name} {value}");
    }
    assert!(verify(&with("exp", json!(u64::MAX)), &trust()).is_ok());
    let mut claims = claims("ResearcherStatus", BONA_FIDE);
    claims["ga4gh_visa_v1"]["asserted"] = json!(NOW + DAY);
    assert!(refused(&signed(&claims)).contains("asserted in the future"));
}

#[test]
fn no_token_chooses_an_algorithm_that_its_issuer_does_not_sign_with() {
    let claims = claims("ResearcherStatus", BONA_FIDE);
    for name in ["none", "None", "NONE", "", "HS256", "HS512", "ES384", "EdDSA", "PS256"] {
        let token = raw(&json!({ "alg": name, "kid": "key-1" }), &claims, b"");
        assert!(refused(&token).contains("trusted to sign with"), "{name}");
    }
    // A shared-secret signature whose secret is the public key that everybody has.
    let mut rsa = claims.clone();
    rsa["iss"] = json!(RSA_ISSUER);
    for secret in [keys()["rsa"]["public"]["n"].as_str().unwrap().to_owned(), jwk("rsa", "rsa-1").to_string()] {
        let secret = EncodingKey::from_secret(secret.as_bytes());
        let token = encode(&header(Algorithm::HS256, "rsa-1"), &rsa, &secret).unwrap();
        assert!(refused(&token).contains("trusted to sign with"));
    }
    let token =
        encode(&header(Algorithm::RS256, "key-1"), &claims, &EncodingKey::from_rsa_der(&bytes("rsa", "private_pkcs1")));
    assert!(refused(&token.unwrap()).contains("does not sign with RS256"));
    assert!(verify(&signed(&claims), &trust()).is_ok());
}

#[test]
fn a_token_names_a_key_that_its_issuer_has_and_brings_none() {
    let claims = claims("ResearcherStatus", BONA_FIDE);
    let with = |header: Header| encode(&header, &claims, &ec("ec")).unwrap();
    assert!(refused(&with(header(Algorithm::ES256, "key-2"))).contains("no key \"key-2\""));
    assert!(refused(&with(Header { kid: None, ..header(Algorithm::ES256, "") })).contains("no key (kid)"));
    let jku = |jku: &str| with(Header { jku: Some(jku.into()), ..header(Algorithm::ES256, "key-1") });
    assert!(refused(&jku("https://evil.example.org/jwks")).contains("configured jku"));
    assert!(verify(&jku("https://visas.example.org/jwks"), &trust()).is_ok());
    for extra in [json!({ "jwk": jwk("stranger", "key-1") }), json!({ "crit": ["exp"] })] {
        let mut header = json!({ "alg": "ES256", "kid": "key-1" });
        header.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        assert!(refused(&raw(&header, &claims, &[1; 64])).contains("not understood"));
    }
}

#[test]
fn tokens_that_are_long_nested_or_garbage_are_refused_without_panic() {
    let mut long = claims("ResearcherStatus", BONA_FIDE);
    long["padding"] = json!("x".repeat(TOKEN_BYTES_MAX));
    assert!(refused(&signed(&long)).contains("at most 65536 bytes"));
    let nested = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    let deep = |part: &str| URL_SAFE_NO_PAD.encode(format!("{{\"alg\":\"ES256\",\"iss\":\"a\",\"x\":{part}}}"));
    let sound = visa("ResearcherStatus", BONA_FIDE);
    let garbage = [
        String::new(),
        ".".into(),
        "..".into(),
        "a.b.c".into(),
        format!("{sound}.x"),
        sound.replace('.', " "),
        format!("{0}.{0}.{0}", deep(&nested)),
        format!("{}.{}.x", URL_SAFE_NO_PAD.encode("{}"), URL_SAFE_NO_PAD.encode("[]")),
        "ü.ü.ü".into(),
    ];
    for token in garbage {
        assert!(verify(&token, &trust()).is_err(), "{token:.40}");
        assert!(check_passport(&token, &trust(), Timestamp::new(NOW)).map_or(true, |visas| visas[0].outcome.is_err()));
    }
    let mut claims = claims("ResearcherStatus", BONA_FIDE);
    claims["ga4gh_visa_v1"]["source"] = json!(format!("https://{}", "x".repeat(250)));
    assert!(refused(&signed(&claims)).contains("255 characters"));
    claims["ga4gh_visa_v1"] = json!({ "type": "ResearcherStatus" });
    assert!(refused(&signed(&claims)).contains("cannot be read"));
}

proptest! {
    #[test]
    fn no_altered_byte_of_a_visa_is_accepted(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_-]") {
        let token = visa("ResearcherStatus", BONA_FIDE);
        let place = at.index(token.len());
        prop_assume!(token[place..=place] != to && &token[place..=place] != ".");
        let altered = format!("{}{to}{}", &token[..place], &token[place + 1..]);
        prop_assert!(verify(&altered, &trust()).is_err(), "byte {}", place);
    }

    #[test]
    fn patterns_match_as_their_definition_says(pattern in "[ab?*]{0,8}", text in "[ab]{0,8}") {
        fn defined(pattern: &[u8], text: &[u8]) -> bool {
            match (pattern.split_first(), text.split_first()) {
                (None, None) => true,
                (Some((b'*', rest)), _) => (0..=text.len()).any(|taken| defined(rest, &text[taken..])),
                (Some((b'?', pattern)), Some((_, text))) => defined(pattern, text),
                (Some((one, pattern)), Some((other, text))) => one == other && defined(pattern, text),
                _ => false,
            }
        }
        let object = VisaObject {
            kind: "T".into(), asserted: 0, value: text.clone(), source: String::new(), by: None, conditions: Conditions::default(),
        };
        let clause = Clause { kind: "T".into(), claims: BTreeMap::from([("value".into(), format!("pattern:{pattern}"))]) };
        prop_assert_eq!(clause.matches(&object), defined(pattern.as_bytes(), text.as_bytes()));
    }
}

#[test]
fn a_key_set_with_a_secret_a_weak_or_a_nameless_key_is_refused() {
    let mut secret = json!({ "kty": "oct", "k": "c2VjcmV0", "kid": "key-1" });
    let why = |keys: &[Value]| issuer(keys, None, None).unwrap_err().to_string();
    assert!(why(&[secret.clone()]).contains("shared secret"));
    secret["kid"] = json!("key-2");
    assert!(why(&[jwk("ec", "key-1"), secret]).contains("shared secret"));
    assert!(why(&[jwk("rsa_1024", "small")]).contains("2048 bits"));
    assert!(why(&[keys()["ec"]["public"].clone()]).contains("no kid"));
    assert!(why(&[jwk("ec", "same"), jwk("rsa", "same")]).contains("two keys"));
    assert!(why(&[]).contains("1 to 64 keys"));
    let mut encrypting = jwk("rsa", "rsa-1");
    encrypting["use"] = json!("enc");
    assert!(why(&[encrypting]).contains("not for signatures"));
    assert!(issuer(&[jwk("rsa", "a"), jwk("ec", "b")], None, None).is_ok());
}
