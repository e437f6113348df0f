use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use circuits::id::{AccountId, ChainId};
use ed25519_dalek::SigningKey;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use node::{signature::account_of, units::Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const NOW: u64 = 1_800_000_000;
const DAY: u64 = 86_400;
const ISSUER: &str = "https://visas.example.org/";
const RSA_ISSUER: &str = "https://rsa.example.org/";
const BROKER: &str = "https://broker.example.org/";
const BONA_FIDE: &str = "https://doi.org/10.1038/s41431-018-0219-y";

fn keys() -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/data/passport/keys.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn bytes(key: &str, form: &str) -> Vec<u8> {
    STANDARD.decode(keys()[key][form].as_str().unwrap()).unwrap()
}

fn ec(key: &str) -> EncodingKey {
    EncodingKey::from_ec_der(&bytes(key, "private_pkcs8"))
}

/// A public key as a set lists it.
fn jwk(key: &str, kid: &str) -> Value {
    let mut jwk = keys()[key]["public"].clone();
    jwk["kid"] = json!(kid);
    jwk
}

fn issuer(keys: &[Value], jku: Option<&str>, audience: Option<&str>) -> Result<TrustedIssuer, Error> {
    let usual = BTreeSet::from([SigningAlgorithm::RS256, SigningAlgorithm::ES256]);
    TrustedIssuer::new(&json!({ "keys": keys }).to_string(), jku.map(Into::into), audience.map(Into::into), usual)
}

fn trust_with(audience: Option<&str>, policy: Policy) -> TrustedIssuers {
    let jku = Some("https://visas.example.org/jwks");
    let issuers = BTreeMap::from([
        (ISSUER.to_owned(), issuer(&[jwk("ec", "key-1")], jku, audience).unwrap()),
        (BROKER.to_owned(), issuer(&[jwk("ec", "broker-1")], None, audience).unwrap()),
        (RSA_ISSUER.to_owned(), issuer(&[jwk("rsa", "rsa-1")], None, None).unwrap()),
    ]);
    TrustedIssuers::new(issuers, policy).unwrap()
}

fn trust() -> TrustedIssuers {
    trust_with(None, Policy::default())
}

fn claims(kind: &str, value: &str) -> Value {
    json!({
        "iss": ISSUER, "sub": "ada", "iat": NOW - DAY, "exp": NOW + DAY, "jti": "visa-1", "scope": "openid",
        "ga4gh_visa_v1": { "type": kind, "asserted": NOW - 30 * DAY, "value": value,
                           "source": "https://uni.example", "by": "so" }
    })
}

fn header(algorithm: Algorithm, kid: &str) -> Header {
    Header { kid: Some(kid.into()), typ: Some("vnd.ga4gh.visa+jwt".into()), ..Header::new(algorithm) }
}

fn signed(claims: &Value) -> String {
    encode(&header(Algorithm::ES256, "key-1"), claims, &ec("ec")).unwrap()
}

fn visa(kind: &str, value: &str) -> String {
    signed(&claims(kind, value))
}

fn verify(token: &str, trust: &TrustedIssuers) -> Result<VerifiedVisa, String> {
    let verified = UnverifiedVisa::parse(token).and_then(|visa| visa.verify(trust, Timestamp::new(NOW)));
    verified.map_err(|error| error.to_string())
}

fn refused(token: &str) -> String {
    verify(token, &trust()).unwrap_err()
}

/// A token with other parts than any library would write.
fn raw(header: &Value, claims: &Value, signature: &[u8]) -> String {
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    format!("{}.{}.{}", part(header.to_string().as_bytes()), part(claims.to_string().as_bytes()), part(signature))
}

#[test]
fn a_visa_of_a_trusted_issuer_is_accepted_with_what_it_says() {
    let visa = verify(&visa("AffiliationAndRole", "faculty@uni.example"), &trust()).unwrap();
    assert_eq!((visa.identity().iss.as_str(), visa.identity().sub.as_str()), (ISSUER, "ada"));
    assert_eq!((visa.affiliation(), visa.object().by), (Some("uni.example"), Some(Authority::So)));
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
        registered_access().check(&accepted, Timestamp::new(NOW)).map_err(|error| error.to_string())
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
    assert_eq!(decide(&[status, elsewhere, link]).unwrap().len(), 3);
    assert!(Policy::default().check(&[], Timestamp::new(NOW)).unwrap_err().to_string().contains("demands nothing"));
    for odd in
        [json!({ "type": "T" }), json!({ "type": "T", "value": "x" }), json!({ "type": "T", "color": "const:x" })]
    {
        assert!(Policy::new(vec![serde_json::from_value(odd).unwrap()]).is_err());
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
