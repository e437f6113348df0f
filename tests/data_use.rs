//! Consent in the field's formats and passports, as people use them on the command line.

use std::{fs, path::Path, time::SystemTime};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::cli::{accepted, locus, refusal};

const OFFER: [&str; 7] = ["--price-min", "500", "--cohort-min", "20", "--days", "365", "--exact"];

fn import(folder: &Path, document: &Value, more: &[&str]) -> std::process::Output {
    fs::write(folder.join("given.json"), document.to_string()).unwrap();
    let command = ["--json", "consent", "import", "given.json", "--out", "consent.json"];
    locus(folder, &[&command[..], &OFFER, more].concat())
}

#[test]
fn consent_goes_from_duo_to_fhir_and_back_without_losing_a_term() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("regions.json"), json!([["CH"], ["DE", "AT"]]).to_string()).unwrap();
    let given = json!({ "duoDataUse": [
        { "id": "DUO:0000007", "modifiers": [{ "id": "ICD10:E11" }] }, { "id": "DUO:0000021" }, { "id": "DUO:0000018" },
        { "id": "DUO:0000022", "modifiers": [{ "id": "ISO3166-1:CH" }] },
        { "id": "DUO:0000028", "modifiers": [{ "id": "uni.example" }] },
        { "id": "DUO:0000025", "modifiers": [{ "id": "date:2099-01-31" }] }
    ] });
    let said = refusal(&import(folder, &given, &[]));
    assert!(said.contains("no region") && !folder.join("consent.json").exists(), "{said}");
    let imported: Value =
        serde_json::from_str(&accepted(&import(folder, &given, &["--regions", "regions.json"]))).unwrap();
    assert_eq!(imported["left_to_the_agent"], json!(["DUO:0000028"]));

    let resource = accepted(&locus(folder, &["consent", "export", "consent.json"]));
    let resource: Value = serde_json::from_str(&resource).unwrap();
    assert_eq!(resource["provision"]["purpose"][0]["code"], json!("DSRCH"));
    let again: Value =
        serde_json::from_str(&accepted(&import(folder, &resource, &["--regions", "regions.json"]))).unwrap();
    assert_eq!(again["data_use"], imported["data_use"]);
    let duo = accepted(&locus(folder, &["--json", "consent", "export", "consent.json", "--format", "duo"]));
    assert_eq!(serde_json::from_str::<Value>(&duo).unwrap(), imported["data_use"]);
}

#[test]
fn a_consent_to_treatment_writes_no_file_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/fhir/consent-example.json");
    let document = serde_json::from_str(&fs::read_to_string(example).unwrap()).unwrap();
    let said = refusal(&import(folder.path(), &document, &[]));
    assert!(said.contains("scope") && said.contains("provision.period.end: it has ended"), "{said}");
    assert!(!folder.path().join("consent.json").exists());
}

/// Visas of one person, signed by the tests' issuer as of now.
fn passport(subject: &str, kinds: &[&str]) -> String {
    let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/passport/keys.json");
    let keys: Value = serde_json::from_str(&fs::read_to_string(keys).unwrap()).unwrap();
    let key = EncodingKey::from_ec_der(&STANDARD.decode(keys["ec"]["private_pkcs8"].as_str().unwrap()).unwrap());
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let visa = |kind: &&str| {
        let claims = json!({
            "iss": "https://visas.example.org/", "sub": subject, "iat": now, "exp": now + 3_600,
            "ga4gh_visa_v1": { "type": kind, "asserted": now, "value": "yes", "source": "https://uni.example", "by": "so" }
        });
        encode(&Header { kid: Some("key-1".into()), ..Header::new(Algorithm::ES256) }, &claims, &key).unwrap()
    };
    json!(kinds.iter().map(visa).collect::<Vec<_>>()).to_string()
}

fn write_trust(folder: &Path) {
    let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/passport/keys.json");
    let mut key = serde_json::from_str::<Value>(&fs::read_to_string(keys).unwrap()).unwrap()["ec"]["public"].take();
    key["kid"] = json!("key-1");
    fs::write(folder.join("jwks.json"), json!({ "keys": [key] }).to_string()).unwrap();
    let trust = "[[issuer]]\niss = \"https://visas.example.org/\"\njwks = \"jwks.json\"\n\n[[require]]\n\
                 type = \"ResearcherStatus\"\nvalue = \"const:yes\"\n";
    fs::write(folder.join("issuers.toml"), trust).unwrap();
}

fn account(folder: &Path, name: &str) -> String {
    let made = accepted(&locus(folder, &["--json", "keys", "new", "researcher", &format!("{name}.key")]));
    serde_json::from_str::<Value>(&made).unwrap()["account"].as_str().unwrap().to_owned()
}

#[test]
fn a_researcher_is_accredited_only_with_a_passport_that_the_account_presents_and_the_policy_accepts() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    accepted(&locus(folder, &["network", "init", "ours"]));
    write_trust(folder);
    let (ada, eve) = (account(folder, "ada"), account(folder, "eve"));
    let present = |holder: &str, text: String| {
        fs::write(folder.join("passport.json"), text).unwrap();
        let key = format!("{holder}.key");
        let command = ["govern", "present-passport", "passport.json", "--key", &key, "--out", "presented.json"];
        accepted(&locus(folder, &command));
    };
    let accredit = |account: &str| {
        let command = ["govern", "accredit-researcher", account, "--passport", "presented.json"];
        locus(folder, &[&command[..], &["--trust", "issuers.toml"]].concat())
    };

    present("ada", passport("ada", &["AffiliationAndRole"]));
    assert!(refusal(&accredit(&ada)).contains("lack a ResearcherStatus"));
    present("ada", passport("ada", &["AffiliationAndRole", "ResearcherStatus"]));
    assert!(refusal(&accredit(&eve)).contains("presents it, not"));
    let checked = accepted(&locus(folder, &["govern", "check-passport", "passport.json", "--trust", "issuers.toml"]));
    assert!(checked.contains("visa 1  accepted: ResearcherStatus") && checked.contains("policy  met"), "{checked}");
    let late = ["govern", "check-passport", "passport.json", "--trust", "issuers.toml", "--at", "2099-01-01"];
    let late = accepted(&locus(folder, &late));
    assert!(late.contains("expired at") && late.contains("policy  not met"), "{late}");
    assert!(accepted(&accredit(&ada)).contains("accredited researcher"));

    present("eve", passport("ada", &["ResearcherStatus"]));
    assert!(refusal(&accredit(&eve)).contains("was accredited with account"));
    present("eve", passport("eve", &["ResearcherStatus"]));
    assert!(accepted(&accredit(&eve)).contains("accredited researcher"));
}

#[test]
fn a_request_for_a_licence_states_its_use_once() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = "00".repeat(32);
    let ask = |more: &[&str]| {
        let command = ["licence", "request", &dataset, "--days", "1", "--reader", "reader.pub", "--key", "key"];
        refusal(&locus(folder.path(), &[&command[..], more].concat()))
    };
    assert!(ask(&[]).contains("--purpose <NAME>"), "{}", ask(&[]));
    for more in [["--purpose", "methods"], ["--disease", "7"], ["--regions", "1"]] {
        let said = ask(&[&["--data-use", "use.toml"][..], &more].concat());
        assert!(said.contains("cannot be used with"), "{said}");
    }
    let said = ask(&["--purpose", "methods", "--region-table", "regions.json"]);
    assert!(said.contains("cannot be used with"), "{said}");
}
