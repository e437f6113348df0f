//! What is for everybody: the same answer for every role, about what is its own and about what is another's, and for whoever
//! signs nothing.

use std::collections::HashMap;

use circuits::{
    id::{AccountId, ScreeningId},
    schema::Schema,
};
use market::{
    introduction::Introduction,
    ledger::{Inclusion, act, next_nonce, require_query, require_screening},
    objects::{self, BlobAddress, BlobKind},
};
use node::{
    query::CohortQuery,
    screening::ScreeningQuery,
    state::StateKey,
    transaction::{Action, StudyRegistration},
    units::Height,
};
use serde_json::{Value, json};
use web::{
    access::Role,
    signed_request::{Covered, content_digest, sign},
};

use super::{
    authorization::{Holder, holders},
    introductions::passport,
    licences::Town,
    routes::PUBLIC,
    screenings::screened,
    server::{Answer, BYTES, agent, answer, clock, id, world},
};
use crate::world::{account, digest, key, schema};

const JSON: &str = "application/json";

/// What somebody has at the node, by ids in hex.
struct Things {
    /// Whose they are.
    account: AccountId,
    query: String,
    schema: String,
    screening: String,
    study: String,
    /// A transaction that a block holds, and its bytes.
    transaction: String,
    sent: Vec<u8>,
    blob: BlobAddress,
    bytes: Vec<u8>,
    introduction: Introduction,
}

impl Things {
    /// What the ledger has of a query and a screening, beside a blob and an introduction that are stored now.
    fn of(town: &Town, name: &str, query: &CohortQuery, screening: ScreeningId, included: (Height, u32)) -> Self {
        let ledger = town.server.chain.access();
        let opened = require_screening(ledger, screening).unwrap();
        assert_eq!((opened.screening.study, opened.sponsor), (query.study, account(name)));
        let id = ledger.queries().unwrap().into_iter().find(|id| require_query(ledger, *id).unwrap().query == *query);
        let id = id.unwrap();
        let (height, index) = included;
        let block = ledger.block(height).unwrap().unwrap();
        let transaction = &block.transactions[index as usize];
        let bytes = format!("What {name} tells everybody.").into_bytes();
        let blob = objects::put(&town.blobs(), BlobKind::Blob, bytes.clone()).unwrap();
        let introduction =
            Introduction::new((&ledger.chain(), id), None, Some(&passport("a passport")), clock(), &key(name)).unwrap();
        let path = format!("/v1/queries/{id}/introduction");
        assert_eq!(town.server.put(&path, JSON, &serde_json::to_vec(&introduction).unwrap()).status, 201);
        Self {
            account: account(name),
            query: id.to_string(),
            schema: opened.screening.schema.to_string(),
            screening: screening.to_string(),
            study: query.study.to_string(),
            transaction: transaction.id().unwrap().to_string(),
            sent: transaction.to_bytes().unwrap(),
            blob,
            bytes,
            introduction,
        }
    }

    /// What the endpoints of a collection are asked about.
    fn id(&self, path: &str, account: &str) -> String {
        match path.split('/').nth(2) {
            Some("accounts") => account.into(),
            Some("queries") => self.query.clone(),
            Some("schemas") => self.schema.clone(),
            Some("screenings") => self.screening.clone(),
            Some("studies") => self.study.clone(),
            Some("transactions") => self.transaction.clone(),
            _ => panic!("{path} is of things that this test does not know"),
        }
    }
}

/// A town with a screening of the researcher's, to which two responded, and one more study, schema, query and screening, which
/// are the sponsor's.
fn town() -> (Town, [Things; 2]) {
    let (world, collecting, aggregated) = world();
    let mut town = Town::over(world, clock);
    (town.server.collecting, town.server.aggregated) = (collecting, aggregated);
    let screening = screened(&town.server, 2);
    let ledger = town.server.chain.access();
    let query = require_query(ledger, collecting).unwrap().query;
    let researchers = Things::of(&town, "researcher", &query, screening, (Height::new(1), 0));

    let (chain, sponsor) = (ledger.chain(), account("sponsor"));
    let nonce = || next_nonce(ledger, &key("sponsor")).unwrap();
    let sign = |action| act(ledger, &key("sponsor"), action).unwrap();
    let study = StudyRegistration { title: "Another study".into(), protocol: digest("another"), ethics: "EC-2".into() };
    let study_id = study.id(&chain, &sponsor, nonce()).unwrap();
    sign(Action::RegisterStudy(study));
    let schema = Schema { name: "others".into(), ..schema() };
    let schema_id = schema.id().unwrap();
    sign(Action::RegisterSchema(schema));
    let others = CohortQuery { study: study_id, schema: schema_id, ..query };
    sign(Action::OpenQuery(Box::new(others.clone())));
    let opened = require_screening(ledger, screening).unwrap().screening;
    let screening = ScreeningQuery { study: study_id, schema: schema_id, ..opened };
    let screening_id = screening.id(&chain, &sponsor, nonce()).unwrap();
    let Inclusion { height, index, .. } = sign(Action::OpenScreening(Box::new(screening)));
    let sponsors = Things::of(&town, "sponsor", &others, screening_id, (height, index));
    (town, [researchers, sponsors])
}

/// A request of an endpoint about somebody's things, with what the endpoint takes. Of a stream the head alone is asked for: it
/// ends with its query.
struct Asked {
    method: &'static str,
    path: String,
    query: String,
    media: &'static str,
    body: Vec<u8>,
}

impl Asked {
    fn of(town: &Town, (method, template): (&'static str, &str), things: &Things, account: &str) -> Self {
        let mut path = template.to_owned();
        if path.contains("{id}") {
            path = path.replace("{id}", &things.id(template, account));
        }
        let state_key = hex::encode(StateKey::Account(things.account).encode().unwrap());
        let digest = things.blob.digest.to_string();
        for (name, value) in [
            ("{digest}", digest.as_str()),
            ("{epoch}", "0"),
            ("{height}", "1"),
            ("{key}", &state_key),
            ("{kind}", "blob"),
            ("{text}", &things.screening),
        ] {
            path = path.replace(name, value);
        }
        assert!(!path.contains('{'), "{path} has a parameter that this test does not know");
        let length = things.bytes.len();
        let query = match (method, template) {
            ("get", "/v1/diseases") => "name=diabetes".into(),
            ("get", "/v1/uploads/{kind}/{digest}") => format!("bytes={length}"),
            ("patch", "/v1/uploads/{kind}/{digest}") => format!("bytes={length}&offset=0"),
            _ => String::new(),
        };
        let (media, body) = body(town, (method, template), things);
        let method = if template.ends_with("/progress") { "head" } else { method };
        Self { method, path, query, media, body }
    }

    /// Sends it, signed by somebody or by nobody.
    fn send(&self, town: &Town, signer: Option<&str>) -> Answer {
        let Self { path, query, media, body, .. } = self;
        let (method, is_read) = (self.method.to_uppercase(), ["get", "head"].contains(&self.method));
        let target = if query.is_empty() { path.clone() } else { format!("{path}?{query}") };
        let url = format!("{}{target}", town.server.running.url());
        let mut request = ureq::http::Request::builder().method(method.as_str()).uri(url);
        if let Some(name) = signer {
            let (host, chain) = (town.server.running.address().to_string(), town.server.chain.ledger().chain());
            let digest = (!is_read).then(|| content_digest(body));
            let content_digest = digest.as_deref();
            let covered = Covered { method: &method, authority: &host, path, query, content_digest };
            let signed = sign(&covered, &key(name), &chain, clock(), &mut rand::rng()).unwrap();
            request = request.header("signature-input", signed.input).header("signature", signed.signature);
            if let Some(digest) = &digest {
                request = request.header("content-digest", digest);
            }
        }
        if is_read {
            return answer(agent().run(request.body(()).unwrap()));
        }
        answer(agent().run(request.header("content-type", *media).body(body.as_slice()).unwrap()))
    }
}

/// What an endpoint takes: what is here already, or a question.
fn body(town: &Town, (method, template): (&str, &str), things: &Things) -> (&'static str, Vec<u8>) {
    let json = |value: Value| (JSON, value.to_string().into_bytes());
    let variant = json!({
        "assemblyId": "GRCh37", "referenceName": "chr20", "start": [9], "referenceBases": "A", "alternateBases": "G"
    });
    match (method, template) {
        ("get", _) => (BYTES, vec![]),
        ("put", "/v1/blobs/{kind}/{digest}") | ("patch", _) => (BYTES, things.bytes.clone()),
        ("put", "/v1/queries/{id}/introduction") => (JSON, serde_json::to_vec(&things.introduction).unwrap()),
        ("post", "/v1/transactions") => (BYTES, things.sent.clone()),
        ("post", "/v1/receipts/verify") => {
            (JSON, town.server.get(&format!("/v1/screenings/{}/receipt", things.screening)).body)
        }
        ("post", "/v1/analyses") => json(json!({ "result": { "query": things.query, "slots": [] } })),
        ("post", "/v1/plans" | "/v1/query-files") => json(json!({
            "study": things.study, "schema": things.schema, "purposes": ["health-research"], "price": 10,
            "contributions_min": 100, "contributions_max": 200, "days": 7, "privacy": { "epsilon": 1.0 },
            "measures": [{ "statistic": "count", "by": [{ "attribute": "age", "cuts": [40, 60] }] }],
        })),
        ("post", "/beacon/v2/g_variants") => {
            json(json!({ "meta": { "apiVersion": "v2.0.0" }, "query": { "requestParameters": variant } }))
        }
        ("post", _) if template.starts_with("/beacon/v2/") => json(json!({ "meta": { "apiVersion": "v2.0.0" } })),
        _ => panic!("{method} {template} takes something that this test does not know"),
    }
}

/// What each endpoint answers to what it is sent here. What would change something finds that it is there already.
fn expected(method: &str, template: &str) -> u16 {
    match (method, template) {
        ("put", _) => 204,
        ("patch", _) => 201,
        // In a block already.
        ("post", "/v1/transactions") => 409,
        // Nobody has the sums of a query that still collects.
        ("post", "/v1/analyses") => 400,
        _ => 200,
    }
}

/// What counts requests, and what the node does beside, is another each time.
const COUNTING: [&str; 2] = ["/metrics", "/v1/jobs"];

#[test]
fn what_is_for_everybody_is_the_same_for_every_role() {
    let (town, things) = town();
    let holders = holders(&town);
    assert_eq!(holders.iter().map(|holder| holder.role).collect::<Vec<_>>(), Role::ALL);
    town.server.index.follow(town.server.chain.ledger()).unwrap();
    let head = town.server.get("/v1/head").json();
    for (method, template) in PUBLIC {
        let mut to_nobody: HashMap<(String, Vec<u8>), Answer> = HashMap::new();
        for Holder { role, name, .. } in &holders {
            let own = usize::from(name == "sponsor");
            for (things, account) in [(&things[own], id(name)), (&things[1 - own], id("payout 0"))] {
                let asked = Asked::of(&town, (method, template), things, &account);
                let same = (format!("{}?{}", asked.path, asked.query), asked.body.clone());
                let unsigned = to_nobody.entry(same).or_insert_with(|| asked.send(&town, None));
                let told = String::from_utf8_lossy(&unsigned.body);
                assert_eq!(unsigned.status, expected(method, template), "{method} {}: {told}", asked.path);
                let signed = asked.send(&town, Some(name));
                assert_eq!(signed.status, unsigned.status, "{role:?} {method} {}", asked.path);
                assert_eq!(signed.header("content-type"), unsigned.header("content-type"), "{role:?} {}", asked.path);
                let is_same = signed.body == unsigned.body || COUNTING.contains(&template);
                assert!(is_same, "{role:?} {method} {}: {told}", asked.path);
            }
        }
    }
    assert_eq!(town.server.get("/v1/head").json(), head, "nothing of it changed the ledger");
}
