//! A researcher introduces themselves for a query on the command line, and an agent decides by it: through a live node, with
//! consents in the terms of the Data Use Ontology.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use circuits::id::QueryId;
use market::{
    ledger::{LedgerAccess as _, act, require_query},
    wallet::{PartyKey, Protection, Role},
};
use node::transaction::Action;
use web::client::{Remote, RemoteLedger};

use crate::network::{Place, Server, Watch, certify_under, consortium, new_key, text};

const ISSUER: &str = "https://visas.example.org/";
const APPROVED: &str = "https://hospital.example/studies/17";

fn keys() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/passport/keys.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// A visa that expires so many seconds from now.
fn visa(subject: &str, kind: &str, value: &str, seconds: i64) -> String {
    let now = i64::try_from(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
    let claims = json!({
        "iss": ISSUER, "aud": "us", "sub": subject, "iat": now - 7_200, "exp": now + seconds,
        "ga4gh_visa_v1": {
            "type": kind, "asserted": now - 7_200, "value": value, "source": "https://uni.example", "by": "dac"
        }
    });
    let key = EncodingKey::from_ec_der(&STANDARD.decode(keys()["ec"]["private_pkcs8"].as_str().unwrap()).unwrap());
    encode(&Header { kid: Some("key-1".into()), ..Header::new(Algorithm::ES256) }, &claims, &key).unwrap()
}

/// Two files of trusted issuers: one that asks for no more than the word that an ethics committee approved, and one that
/// asks to see it.
fn write_trust(place: &Place) {
    let mut key = keys()["ec"]["public"].take();
    key["kid"] = json!("key-1");
    place.write("jwks.json", &json!({ "keys": [key] }));
    let issuer = format!("[[issuer]]\niss = \"{ISSUER}\"\njwks = \"jwks.json\"\naudience = \"us\"\n");
    let require = format!("[[require]]\ntype = \"ControlledAccessGrants\"\nvalue = \"const:{APPROVED}\"\n");
    fs::write(place.path("issuers.toml"), &issuer).unwrap();
    fs::write(place.path("asking.toml"), format!("{issuer}{require}")).unwrap();
}

/// A node, its committee, two hospitals, a researcher, and people who allow health research that an ethics committee
/// approved, by one institution. Returns the schema.
fn found(place: &mut Place) -> (Server, Vec<Server>, String) {
    let (node, members) = consortium(place, "introductions");
    place.write(
        "duo.json",
        &json!({ "duoDataUse": [
        { "id": "DUO:0000006" }, { "id": "DUO:0000021" },
        { "id": "DUO:0000028", "modifiers": [{ "id": "uni.example" }] }
    ] }),
    );
    let offer = ["--price-min", "500", "--cohort-min", "2", "--days", "365", "--exact", "--out", "given.json"];
    place.locus(&[&["consent", "import", "duo.json"][..], &offer].concat());
    let consent = serde_json::from_str(&fs::read_to_string(place.path("given.json")).unwrap()).unwrap();
    let schema = certify_under(place, &consent);
    (node, members, schema)
}

/// Opens a query that names an approval, with visas if there are any. Returns its id.
fn ask(place: &Place, schema: &str, name: &str, visas: &[String]) -> String {
    fs::write(place.path("protocol.md"), format!("Count alleles, {name}.")).unwrap();
    let study = ["study", "register", name, "--protocol", "protocol.md", "--ethics", "2026-1"];
    let study = place.locus(&[&study[..], &["--key", "researcher.key"]].concat());
    place.write("query.json", &json!({
        "study": study["study"], "schema": schema, "criteria": [], "privacy": "exact",
        "data_use": {
            "purpose": "health-research", "methods": false, "for_profit": false, "commercial": false, "genetic": true,
            "ethics_approval": "REC-2026-17"
        },
        "measures": [{ "statistic": "allele_frequencies", "variants": { "first": 0, "count": 128 } }],
        "price": 500, "contributions_min": 2, "contributions_max": 4, "days": 7
    }));
    let passport: &[&str] = if visas.is_empty() {
        &[]
    } else {
        place.write("visas.json", &json!(visas));
        &["--passport", "visas.json"]
    };
    let open = ["query", "open", "query.json", "--key", "researcher.key", "--yes"];
    let opened = place.locus(&[&open[..], passport].concat());
    assert_eq!(opened["introduced"], json!(true), "{opened}");
    text(&opened["id"])
}

/// What the agent of everybody would do with the query, in one word each, and why.
fn foreseen(place: &Place, query: &str, trust: &[&str]) -> (Vec<String>, String) {
    let run = ["agent", "dry-run", "--wallets", "wallets", "--custodian", "custodian.key", "--query", query];
    let answers = place.locus(&[&run[..], trust].concat())["answers"].take();
    let outlooks = answers.as_array().unwrap().iter().map(|answer| text(&answer["outlook"])).collect();
    (outlooks, answers.to_string())
}

/// Asks what another query asks, as a program does that introduces nobody. Returns its id.
fn ask_bare(place: &Place, node: &Server, query: &str) -> String {
    let ledger = RemoteLedger::connect(Remote::new(&node.url).unwrap()).unwrap();
    let phrase = Protection::passphrase("three random words").unwrap();
    let key = PartyKey::open(&place.path("researcher.key"), Role::Researcher, &phrase).unwrap();
    let query = require_query(&ledger, query.parse().unwrap()).unwrap().query;
    let nonce = ledger.next_nonce(key.account()).unwrap();
    let id: QueryId = query.id(&ledger.chain(), &key.account(), nonce).unwrap();
    act(&ledger, &key.signing_key(), Action::OpenQuery(Box::new(query))).unwrap();
    id.to_string()
}

#[test]
fn repro_a_watching_agent_that_declined_before_an_introduction_came_answers_in_the_same_epoch() {
    let mut place = Place::new();
    let (node, members, schema) = found(&mut place);
    write_trust(&place);
    // From here on only transactions make blocks, so that no epoch begins while the agent waits.
    let address = node.url.trim_start_matches("http://").to_owned();
    node.stop();
    place.url = None;
    let node = place.serve(&["serve", "--listen", &address, "--heartbeat", "3600"]);
    place.url = Some(node.url.clone());
    let query = ask_bare(&place, &node, &ask(&place, &schema, "shown", &[]));
    let urls = members.iter().map(|member| member.url.clone()).collect::<Vec<_>>().join(",");
    let agent = Watch::start(&place, &urls, &["--trust", "issuers.toml", "--query", &query]);
    for _ in 0..4 {
        agent.until(|line| line["outcome"] == "declined");
    }
    let height = place.locus(&["ledger", "head"])["height"].as_u64().unwrap();
    let account = text(&place.locus(&["keys", "show", "researcher.key"])["account"]);
    let affiliation = visa(&format!("account:{account}"), "AffiliationAndRole", "faculty@uni.example", 3_600);
    place.write("visas.json", &json!([affiliation]));
    let introduce = ["query", "introduce", &query, "--key", "researcher.key", "--passport", "visas.json"];
    place.locus(&[&introduce[..], &["--file", "query.json"]].concat());
    agent.until(|line| line["outcome"] == "admitted");
    // Their answers are more blocks, and an epoch can end among them: the first of them shows what was waited for.
    let next = place.locus(&["ledger", "block", &(height + 1).to_string()]);
    let did = &next["events"]["transactions"][0][0]["event"];
    assert_eq!(did, "contribution_admitted", "it was the introduction that was seen, and not a block: {next}");
    agent.stop();
}

#[test]
fn an_agent_answers_a_researcher_whose_visas_show_what_its_owners_demand() {
    let mut place = Place::new();
    let (_node, _members, schema) = found(&mut place);
    write_trust(&place);
    let account = text(&place.locus(&["keys", "show", "researcher.key"])["account"]);
    let own = format!("account:{account}");
    let declined = |query: &str, trust: &[&str], why: &str| {
        let (outlooks, said) = foreseen(&place, query, trust);
        assert_eq!(outlooks, ["decline"; 4], "{said}");
        assert!(said.contains(why), "{why:?} is not in {said}");
    };
    let affiliation = |subject: &str, seconds| visa(subject, "AffiliationAndRole", "faculty@uni.example", seconds);
    // What a query is opened with can be replaced after a minute, so this one is opened first and replaced last.
    let query = ask(&place, &schema, "bare", &[]);
    let bare = Instant::now();
    declined(&query, &["--trust", "issuers.toml"], "not shown to belong to one of them (DUO:0000028 IS)");
    let other = ask(&place, &schema, "expired", &[affiliation(&own, -3_600)]);
    declined(&other, &["--trust", "issuers.toml"], "counts for nothing: the passport is refused: it expired at");
    let other = ask(&place, &schema, "foreign", &[affiliation("ada", 3_600)]);
    declined(&other, &["--trust", "issuers.toml"], "nothing shows that this is account");
    let other = ask(&place, &schema, "affiliated", &[affiliation(&own, 3_600)]);
    declined(&other, &[], "this agent trusts no issuer of visas");
    declined(&other, &["--trust", "asking.toml"], "what this agent asks for is not shown");
    let (outlooks, said) = foreseen(&place, &other, &["--trust", "issuers.toml"]);
    assert_eq!(outlooks, ["answer"; 4], "{said}");

    place
        .write("visas.json", &json!([affiliation(&own, 3_600), visa(&own, "ControlledAccessGrants", APPROVED, 3_600)]));
    let introduce = |query: &str, more: &[&str]| {
        let how = ["query", "introduce", query, "--key", "researcher.key", "--passport", "visas.json"];
        [&how[..], more].concat().into_iter().map(String::from).collect::<Vec<_>>()
    };
    let refused = |arguments: &[String]| place.refused(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let at_once = ask(&place, &schema, "at once", &[]);
    // One of the same second is refused as one that is no newer.
    std::thread::sleep(Duration::from_millis(1_100));
    let said = refused(&introduce(&at_once, &["--file", "query.json"]));
    assert!(said.contains("too many tries; wait"), "{said}");
    std::thread::sleep(Duration::from_secs(61).saturating_sub(bare.elapsed()));
    let said = refused(&introduce(&query, &[]));
    assert!(said.contains("people answer on what the kept one declares"), "{said}");
    let replacing = introduce(&query, &["--file", "query.json"]);
    place.locus(&replacing.iter().map(String::as_str).collect::<Vec<_>>());
    let (outlooks, said) = foreseen(&place, &query, &["--trust", "asking.toml"]);
    assert_eq!(outlooks, ["answer"; 4], "{said}");

    new_key(&place, "researcher", "stranger");
    let how = ["query", "introduce", &query, "--key", "stranger.key", "--passport", "visas.json"];
    assert!(place.refused(&how).contains("wrote it, and account"));
    let nothing = ["query", "introduce", &query, "--key", "researcher.key"];
    assert!(place.refused(&nothing).contains("--passport"));
}
