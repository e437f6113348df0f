//! Researchers introduce themselves for their queries: what visas show and what they promise reaches the decision of the
//! owner's agent, and what is expired, forged, foreign or somebody else's counts for nothing, for a reason in words.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::Barrier,
    thread,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use circuits::{
    consent::{ConsentTerms, Purposes},
    id::{AccountId, ChainId, QueryId},
    quorum::Quorum,
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use market::{
    agent::{OpenQuery, Outcome, Outlook},
    data_use::{DeclaredUse, Modifier},
    introduction::{INTRODUCTION_DAYS_KEPT, INTRODUCTIONS_MAX, Introduction, Introductions, Keeping, KnownAsker},
    passport::{IdentityRegister, Policy, Requirement, SigningAlgorithm, TrustedIssuer, TrustedIssuers, VisaIdentity},
    wallet::{PartyKey, Role, Wallet},
};
use node::{state::QueryStatus, units::Timestamp};
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};

use crate::{
    data_use::set,
    postgres::on_both,
    world::{World, four_people, terms, today},
};

const ISSUER: &str = "https://visas.example.org/";
const AUDIENCE: &str = "https://locus.example.org";
const HOUR: u64 = 3_600;
const DAY: u32 = 86_400;

/// What a query declares that demands health research and nothing else.
fn exemplary() -> DeclaredUse {
    let text = "purpose = \"health-research\"\nmethods = false\nfor_profit = false\ncommercial = false\ngenetic = true\n\
                ethics_approval = \"REC-2026-17\"\npublishes = true\ncollaborates = true\nreturns_results = true\n";
    DeclaredUse::from_toml("tests", text).unwrap()
}

fn keys() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/passport/keys.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// One issuer with this audience, and what it is asked to show of an approval.
pub fn trust(require: Vec<Requirement>) -> TrustedIssuers {
    let mut key = keys()["ec"]["public"].take();
    key["kid"] = json!("key-1");
    let algorithms = BTreeSet::from([SigningAlgorithm::ES256]);
    let issuer = TrustedIssuer::new(&json!({ "keys": [key] }).to_string(), None, Some(AUDIENCE.into()), algorithms);
    let issuers = BTreeMap::from([(ISSUER.to_owned(), issuer.unwrap())]);
    TrustedIssuers::new(issuers, Policy::new(require).unwrap()).unwrap()
}

/// A visa of now with what a case changes of it.
fn visa(subject: &str, kind: &str, value: &str, change: impl FnOnce(&mut Value)) -> String {
    let now = today().get();
    let mut claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": subject, "iat": now - HOUR, "exp": now + HOUR,
        "ga4gh_visa_v1": { "type": kind, "asserted": now - HOUR, "value": value, "source": "https://uni.example", "by": "so" }
    });
    change(&mut claims);
    let key = EncodingKey::from_ec_der(&STANDARD.decode(keys()["ec"]["private_pkcs8"].as_str().unwrap()).unwrap());
    encode(&Header { kid: Some("key-1".into()), ..Header::new(Algorithm::ES256) }, &claims, &key).unwrap()
}

fn affiliation(subject: &str, change: impl FnOnce(&mut Value)) -> String {
    visa(subject, "AffiliationAndRole", "faculty@uni.example", change)
}

/// The token with another signature of the right length.
fn forged(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { 'B' } else { 'A' };
    format!("{signed}.{other}{}", &signature[1..])
}

/// A world with one query, and a first person whose consent has these conditions.
fn asked(folder: &Path, conditions: Vec<Modifier>) -> (World, Vec<Wallet>, QueryId) {
    let mut world = World::ready(folder, Quorum::DEFAULT);
    let mut wallets = world.people(&four_people());
    let query = world.query(2, 10);
    let sound: ConsentTerms = terms(Purposes::HEALTH_RESEARCH, &mut StdRng::seed_from_u64(7));
    set(&world, &mut wallets[0], &sound, conditions);
    (world, wallets, query)
}

fn introduction(world: &World, query: QueryId, declared: Option<&DeclaredUse>, passport: Option<&str>) -> Introduction {
    let chain = world.ledger().chain();
    Introduction::new((&chain, query), declared, passport, today(), &world.keys.researcher.signing_key()).unwrap()
}

/// The query as an agent opens it that found this and trusts these.
fn opened(world: &World, query: QueryId, found: Option<Introduction>, trust: Option<&TrustedIssuers>) -> OpenQuery {
    let mut opened = OpenQuery::fetch(world.ledger(), query).unwrap();
    let verified = found.map(|found| found.verify(&world.ledger().chain(), query, opened.state()));
    let known = KnownAsker::of_query(opened.state(), verified, trust, today());
    opened.introduce(known);
    opened
}

/// Why the first person's agent declines; nothing when it answers.
fn told(world: &World, wallets: &[Wallet], opened: &OpenQuery) -> Option<String> {
    match opened.outlook(world.ledger(), &wallets[0]).unwrap() {
        Outlook::Answer { .. } => None,
        Outlook::Decline { reasons } => Some(reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_visa_that_counts_admits_whom_the_consent_names_and_any_other_is_declined_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let institution = Modifier::Institutions(["uni.example".parse().unwrap()].into());
    let (world, mut wallets, query) = asked(folder.path(), vec![institution]);
    let researcher = world.keys.researcher.account();
    let own = format!("account:{researcher}");
    let somebody = format!("account:{}", world.keys.governor.account());
    let good = affiliation(&own, |_| ());
    let linked = |to: &str| {
        json!([affiliation("ada", |_| ()), visa("ada", "LinkedIdentities", &format!("{to},locus"), |_| ()),])
            .to_string()
    };
    fn own_word(claims: &mut Value) {
        claims["ga4gh_visa_v1"]["by"] = json!("self");
    }
    let linked_by_own_word =
        json!([affiliation("ada", |_| ()), visa("ada", "LinkedIdentities", &format!("{own},locus"), own_word)])
            .to_string();
    let trust = trust(vec![]);
    let declined = [
        (None, "whoever asks is not shown to belong to one of them (DUO:0000028 IS)"),
        (Some(affiliation(&own, |claims| claims["exp"] = json!(today().get() - HOUR))), "it expired at"),
        (Some(affiliation(&own, |claims| claims["nbf"] = json!(today().get() + HOUR))), "it counts from"),
        (Some(forged(&good)), "its signature is not the issuer's"),
        (
            Some(affiliation(&own, |claims| claims["iss"] = json!("https://other.example/"))),
            "is not among those trusted",
        ),
        (
            Some(affiliation(&own, |claims| claims["aud"] = json!("https://other.example"))),
            "it is meant for others than",
        ),
        (Some(affiliation("ada", |_| ())), "nothing shows that this is account"),
        (Some(affiliation(&somebody, |_| ())), "nothing shows that this is account"),
        (Some(linked(&somebody)), "nothing shows that this is account"),
        (Some(visa(&own, "AffiliationAndRole", "faculty@other.example", |_| ())), "not shown to belong"),
        (Some(affiliation(&own, own_word)), "the researcher says it of themselves (by is self)"),
        (Some(linked_by_own_word), "nothing shows that this is account"),
        (Some("no passport".into()), "the passport counts for nothing"),
    ];
    for (passport, why) in declined {
        let found = passport.as_deref().map(|passport| introduction(&world, query, None, Some(passport)));
        let told = told(&world, &wallets, &opened(&world, query, found, Some(&trust))).expect(why);
        assert!(told.contains("DUO:0000028 IS") && told.contains(why), "{why}: {told}");
    }
    let of = |passport: &str| Some(introduction(&world, query, None, Some(passport)));
    let why = told(&world, &wallets, &opened(&world, query, of(&good), None)).unwrap();
    assert!(why.contains("this agent trusts no issuer"), "{why}");

    let identity = BTreeSet::from([VisaIdentity { iss: ISSUER.into(), sub: "ada".into() }]);
    let mut register = IdentityRegister::default();
    register.bind(&identity, researcher).unwrap();
    let knowing = trust.clone().knowing(register);
    let ada = affiliation("ada", |_| ());
    assert_eq!(told(&world, &wallets, &opened(&world, query, of(&ada), Some(&knowing))), None, "a known researcher");
    assert_eq!(told(&world, &wallets, &opened(&world, query, of(&linked(&own)), Some(&trust))), None, "a linked one");

    let introduced = opened(&world, query, of(&good), Some(&trust));
    let (agent, mut rng) = (world.agent(), StdRng::seed_from_u64(3));
    let outcome = agent.answer_opened(&mut wallets[0], &introduced, &mut rng).unwrap();
    assert!(matches!(outcome, Outcome::Admitted { .. }), "{outcome:?}");
}

#[test]
fn an_approval_that_an_agent_asks_to_see_is_shown_by_a_visa_or_the_query_declined() {
    let folder = tempfile::tempdir().unwrap();
    let (world, wallets, query) = asked(folder.path(), vec![Modifier::EthicsApproval]);
    let require = json!({ "type": "ControlledAccessGrants", "value": "const:https://hospital.example/studies/17", "by": "const:dac" });
    let asking = trust(vec![serde_json::from_value(require).unwrap()]);
    let own = format!("account:{}", world.keys.researcher.account());
    let grant = |value: &str, by: &str| {
        let visa = visa(&own, "ControlledAccessGrants", value, |claims| claims["ga4gh_visa_v1"]["by"] = json!(by));
        Some(introduction(&world, query, Some(&exemplary()), Some(&visa)))
    };
    let approved = "https://hospital.example/studies/17";
    // The query names an approval, which is all that a proof can hold it to.
    assert_eq!(told(&world, &wallets, &opened(&world, query, None, Some(&trust(vec![])))), None);
    for found in [None, grant("https://hospital.example/studies/18", "dac"), grant(approved, "self")] {
        let told = told(&world, &wallets, &opened(&world, query, found, Some(&asking))).unwrap();
        assert!(told.contains("what this agent asks for is not shown") && told.contains("DUO:0000021 IRB"), "{told}");
    }
    assert_eq!(told(&world, &wallets, &opened(&world, query, grant(approved, "dac"), Some(&asking))), None);
}

#[test]
fn what_a_researcher_promises_of_a_query_is_held_against_the_consent() {
    let folder = tempfile::tempdir().unwrap();
    let kinds = Modifier::ResearchKinds(["oncology".parse().unwrap(), "cardiology".parse().unwrap()].into());
    let later = Modifier::PublicationFrom(node::calendar::parse_date("2030-01-01").unwrap());
    let (world, wallets, query) = asked(folder.path(), vec![kinds, later]);
    let promising = |kinds: &[&str], from: Option<&str>| {
        let research_kinds = kinds.iter().map(|kind| kind.parse().unwrap()).collect();
        let declared = DeclaredUse { research_kinds, publishes_from: from.map(Into::into), ..exemplary() };
        let found = introduction(&world, query, Some(&declared), None);
        told(&world, &wallets, &opened(&world, query, Some(found), None))
    };
    let unsaid = told(&world, &wallets, &opened(&world, query, None, None)).unwrap();
    assert!(unsaid.contains("DUO:0000012 RS") && unsaid.contains("DUO:0000024 MOR"), "{unsaid}");
    assert!(promising(&["oncology", "ancestry"], Some("2030-01-01")).unwrap().contains("DUO:0000012 RS"));
    assert!(promising(&["oncology"], Some("2029-12-31")).unwrap().contains("DUO:0000024 MOR"));
    assert_eq!(promising(&["oncology"], Some("2030-01-01")), None);
}

#[test]
fn an_introduction_is_one_accounts_for_one_query_of_one_chain_and_says_what_the_ledger_says() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::ready(folder.path(), Quorum::DEFAULT);
    world.pass_epoch();
    let (query, other) = (world.query(2, 10), world.query(2, 11));
    let state = world.state(query);
    let chain = world.ledger().chain();
    let good = introduction(&world, query, Some(&exemplary()), Some("a passport"));
    assert!(good.clone().verify(&chain, query, &state).is_ok());
    let refused = |introduction: Introduction, chain: &ChainId, query: QueryId| {
        introduction.verify(chain, query, &state).unwrap_err().to_string()
    };
    assert!(refused(good.clone(), &chain, other).contains("it is for query"));
    assert!(refused(good.clone(), &ChainId::from_bytes([9; 32]), query).contains("signature"));
    let altered = |field: &str, value: Value| {
        let mut json = serde_json::to_value(&good).unwrap();
        json[field] = value;
        refused(serde_json::from_value(json).unwrap(), &chain, query)
    };
    assert!(altered("passport", json!("another passport")).contains("signature"));
    assert!(altered("passport", Value::Null).contains("signature"));
    assert!(altered("declared", json!("purpose = \"any-use\"")).contains("signature"));
    assert!(altered("written", json!(today().get() + 1)).contains("signature"));
    assert!(altered("researcher", json!(AccountId::from_bytes([1; 32]))).contains("wrote it, and account"));
    let stranger = PartyKey::random(Role::Researcher, &mut StdRng::seed_from_u64(99)).signing_key();
    let theirs = Introduction::new((&chain, query), None, Some("a passport"), today(), &stranger).unwrap();
    assert!(refused(theirs, &chain, query).contains("wrote it, and account"));
    let lying = introduction(&world, query, Some(&DeclaredUse { for_profit: true, ..exemplary() }), None);
    assert!(refused(lying, &chain, query).contains("another use than the query has on the ledger"));
    let long = "a".repeat(market::introduction::INTRODUCTION_BYTES_MAX + 1);
    for nothing in [None, Some(""), Some(long.as_str())] {
        let made = Introduction::new((&chain, query), None, nothing, today(), &stranger);
        assert!(made.unwrap_err().to_string().contains("bytes; 1 to"));
    }
}

on_both! {
    fn the_newest_introduction_of_a_query_is_kept(backend) {
        let database = backend.database();
        let kept = Introductions::new(database.open());
        let key = PartyKey::random(Role::Researcher, &mut StdRng::seed_from_u64(99)).signing_key();
        let (chain, query) = (ChainId::from_bytes([1; 32]), QueryId::from_bytes([2; 32]));
        let made = |second: u64, text: &str| {
            Introduction::new((&chain, query), None, Some(text), Timestamp::new(second), &key).unwrap()
        };
        assert_eq!(kept.of(query).unwrap(), None);
        assert!(kept.keep(&made(10, "first")).unwrap());
        assert!(!kept.keep(&made(10, "first")).unwrap());
        for late in [made(10, "other"), made(9, "older")] {
            assert!(kept.keep(&late).unwrap_err().to_string().contains("as new or newer"));
        }
        // A character that PostgreSQL has no place for is kept escaped.
        assert!(kept.keep(&made(11, "second\0")).unwrap());
        assert_eq!(Introductions::new(database.open()).of(query).unwrap(), Some(made(11, "second\0")));
        assert_eq!(kept.of(QueryId::from_bytes([3; 32])).unwrap(), None);
    }
}

on_both! {
    fn repro_of_two_first_introductions_at_once_the_newer_is_kept_whichever_comes_first(backend) {
        let database = backend.database();
        let open = || Introductions::new(database.open());
        let (first, second) = (open(), open());
        let key = PartyKey::random(Role::Researcher, &mut StdRng::seed_from_u64(99)).signing_key();
        for round in 0..100 {
            let query = QueryId::from_bytes([round; 32]);
            let made = |second: u64| {
                let chain = ChainId::from_bytes([1; 32]);
                Introduction::new((&chain, query), None, Some("a passport"), Timestamp::new(second), &key).unwrap()
            };
            let (older, newer) = (made(10), made(11));
            let together = Barrier::new(2);
            let keep = |kept: &Introductions, introduction: &Introduction| {
                together.wait();
                kept.keep(introduction)
            };
            let (older_kept, newer_kept) = thread::scope(|scope| {
                let older = scope.spawn(|| keep(&first, &older));
                let newer = keep(&second, &newer);
                (older.join().unwrap(), newer)
            });
            assert!(newer_kept.unwrap_or_else(|error| panic!("round {round}: {error}")));
            if let Err(error) = older_kept {
                assert!(error.to_string().contains("as new or newer"), "round {round}: {error}");
            }
            assert_eq!(first.of(query).unwrap(), Some(newer), "round {round}");
        }
    }
}

on_both! {
    fn a_promise_can_be_added_and_never_taken_back(backend) {
        let database = backend.database();
        let kept = Introductions::new(database.open());
        let key = PartyKey::random(Role::Researcher, &mut StdRng::seed_from_u64(99)).signing_key();
        let (chain, query) = (ChainId::from_bytes([1; 32]), QueryId::from_bytes([2; 32]));
        let made = |second: u64, declared: Option<&DeclaredUse>, text: &str| {
            Introduction::new((&chain, query), declared, Some(text), Timestamp::new(second), &key).unwrap()
        };
        let (promised, other) = (exemplary(), DeclaredUse { returns_results: false, ..exemplary() });
        assert!(kept.keep(&made(10, None, "first")).unwrap());
        assert!(kept.keep(&made(11, Some(&promised), "first")).unwrap());
        for taken_back in [made(12, None, "first"), made(12, Some(&other), "first")] {
            let why = kept.keep(&taken_back).unwrap_err().to_string();
            assert!(why.contains("people answer on what the kept one declares") && why.contains("--file"), "{why}");
        }
        assert!(kept.keep(&made(12, Some(&promised), "second")).unwrap());
        assert_eq!(kept.of(query).unwrap(), Some(made(12, Some(&promised), "second")));
    }
}

on_both! {
    fn a_query_is_introduced_so_many_times_and_no_more(backend) {
        let database = backend.database();
        let kept = Introductions::new(database.open());
        let key = PartyKey::random(Role::Researcher, &mut StdRng::seed_from_u64(99)).signing_key();
        let chain = ChainId::from_bytes([1; 32]);
        let made = |query: u8, second: u32| {
            let query = QueryId::from_bytes([query; 32]);
            Introduction::new((&chain, query), None, Some("a passport"), Timestamp::new(second.into()), &key).unwrap()
        };
        for second in 1..=INTRODUCTIONS_MAX {
            assert!(kept.keep(&made(2, second)).unwrap());
        }
        let why = kept.keep(&made(2, INTRODUCTIONS_MAX + 1)).unwrap_err().to_string();
        assert!(why.contains("was introduced 64 times at this node"), "{why}");
        // What is here is still here, may be sent again, and is in no other query's way.
        assert!(!kept.keep(&made(2, INTRODUCTIONS_MAX)).unwrap());
        assert_eq!(kept.of(QueryId::from_bytes([2; 32])).unwrap(), Some(made(2, INTRODUCTIONS_MAX)));
        assert!(kept.keep(&made(3, 1)).unwrap());
    }

    fn an_introduction_is_forgotten_long_after_its_query_is_over_and_not_before(backend) {
        let (folder, database) = (tempfile::tempdir().unwrap(), backend.database());
        let kept = Introductions::new(database.open());
        let opened = |clock: fn() -> Timestamp| World::open_by(folder.path(), Quorum::DEFAULT, |_| {}, clock);
        let world = World::ready(folder.path(), Quorum::DEFAULT);
        world.pass_epoch();
        // More than one round looks at, the last of which stays open.
        let queries: Vec<QueryId> = (0..20).map(|_| world.query(2, 10)).collect();
        for query in &queries {
            assert!(kept.keep(&introduction(&world, *query, None, Some("a passport"))).unwrap());
        }
        let stranger = QueryId::from_bytes([1; 32]);
        let key = world.keys.researcher.signing_key();
        let unknown = Introduction::new((&world.ledger().chain(), stranger), None, Some("x"), today(), &key).unwrap();
        assert!(kept.keep(&unknown).unwrap());
        drop(world);
        let (open, over) = queries.split_last().unwrap();
        let there = || queries.iter().filter(|query| kept.of(**query).unwrap().is_some()).count();
        let rounds = |world: &World| {
            let keeping = Keeping::new(kept.clone());
            (0..4).map(|_| keeping.round(world.ledger.mempool().ledger()).unwrap()).sum::<usize>()
        };
        let world = opened(ended);
        world.pass_blocks(1);
        over.iter().for_each(|query| world.seal(*query));
        assert!(over.iter().all(|query| matches!(world.state(*query).status, QueryStatus::Refunded { .. })));
        assert_eq!((rounds(&world), there()), (0, 20));
        drop(world);
        let world = opened(still_kept);
        world.pass_blocks(1);
        assert_eq!((rounds(&world), there()), (0, 20));
        drop(world);
        let world = opened(too_old);
        world.pass_blocks(1);
        assert_eq!((rounds(&world), there()), (19, 1));
        assert!(kept.of(*open).unwrap().is_some(), "one that collects stays");
        assert!(kept.of(stranger).unwrap().is_some(), "and one that this ledger does not know yet");
    }
}

/// Past the last day of every query.
fn ended() -> Timestamp {
    today().after(31 * DAY)
}

/// The last day for which introductions of queries stay that ended then.
fn still_kept() -> Timestamp {
    ended().after(INTRODUCTION_DAYS_KEPT * DAY)
}

fn too_old() -> Timestamp {
    still_kept().after(DAY)
}
