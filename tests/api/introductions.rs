//! Introductions over HTTP: kept when the query's researcher signed them, given to whoever decides, refused otherwise.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use market::introduction::{INTRODUCTION_JSON_BYTES_MAX, Introduction};
use node::units::Timestamp;
use serde_json::{Value, json};

use super::server::{Answer, Server, clock};
use crate::world::key;

/// A token that says no more than for whom it is meant; nobody here looks at its signature.
pub fn token(name: &str, audience: Value) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let mut claims = json!({ "iss": "https://visas.example.org/", "sub": name });
    if !audience.is_null() {
        claims["aud"] = audience;
    }
    format!("{}.{}.AA", part(json!({ "alg": "ES256", "kid": "key-1" })), part(claims))
}

/// A passport that may be public.
pub fn passport(name: &str) -> String {
    token(name, json!("https://queries.locus.example.org"))
}

const JSON: &str = "application/json";

pub fn introduction(server: &Server, passport: Option<&str>, written: Timestamp) -> Introduction {
    let chain = server.chain.ledger().chain();
    Introduction::new((&chain, server.collecting), None, passport, written, &key("researcher")).unwrap()
}

fn path(server: &Server) -> String {
    format!("/v1/queries/{}/introduction", server.collecting)
}

pub fn introduce(server: &Server, introduction: &Introduction) -> Answer {
    server.put(&path(server), JSON, &serde_json::to_vec(introduction).unwrap())
}

#[test]
fn the_newest_introduction_of_a_query_is_given_to_everybody() {
    let server = Server::start();
    server.get(&path(&server)).refused(404, "introduction");
    assert_eq!(server.remote().introduction(server.collecting).unwrap(), None);
    let before =
        |seconds: u64| introduction(&server, Some(&passport("long ago")), Timestamp::new(clock().get() - seconds));
    assert_eq!(introduce(&server, &before(3_600)).status, 201);
    introduce(&server, &before(1_800)).refused(422, "written too long ago");
    let first = introduction(&server, Some(&passport("a passport")), clock());
    assert_eq!(introduce(&server, &first).status, 201);
    assert_eq!(introduce(&server, &first).status, 204);
    assert_eq!(server.get(&path(&server)).json(), serde_json::to_value(&first).unwrap());
    let older = introduction(&server, Some(&passport("another")), Timestamp::new(clock().get() - 1));
    introduce(&server, &older).refused(422, "as new or newer");
    introduce(&server, &introduction(&server, Some(&passport("another")), clock().after(59)))
        .refused(429, "wait 60 seconds");
    let newer = introduction(&server, Some(&passport("another")), clock().after(60));
    server.remote().introduce(&newer).unwrap();
    assert_eq!(server.remote().introduction(server.collecting).unwrap(), Some(newer));
}

#[test]
fn an_introduction_that_its_researcher_did_not_sign_for_a_collecting_query_is_refused() {
    let server = Server::start();
    let chain = server.chain.ledger().chain();
    let good = introduction(&server, Some(&passport("a passport")), clock());
    let put = |path: &str, value: &Value| server.put(path, JSON, value.to_string().as_bytes());
    let json = serde_json::to_value(&good).unwrap();
    let altered = |field: &str, value: Value| {
        let mut json = json.clone();
        json[field] = value;
        put(&path(&server), &json)
    };
    altered("passport", json!(passport("another"))).refused(403, "signature");
    altered("researcher", json!("00".repeat(32))).refused(422, "wrote it, and account");
    altered("query", json!("00".repeat(32))).refused(422, "it is for query");
    altered("more", json!(1)).refused(400, "unknown field");
    let stranger =
        Introduction::new((&chain, server.collecting), None, Some(&passport("a passport")), clock(), &key("friend"));
    introduce(&server, &stranger.unwrap()).refused(422, "wrote it, and account");
    introduce(&server, &introduction(&server, Some(&passport("a passport")), clock().after(3_600)))
        .refused(422, "in the future");
    let elsewhere = format!("/v1/queries/{}/introduction", "00".repeat(32));
    put(&elsewhere, &json).refused(404, "query");
    let frozen = format!("/v1/queries/{}/introduction", server.aggregated);
    put(&frozen, &json).refused(422, "frozen");
    let long = vec![b' '; INTRODUCTION_JSON_BYTES_MAX + 1];
    server.put(&path(&server), JSON, &long).refused(413, "body");
    server.put(&path(&server), "text/plain", b"{}").refused(415, "application/json");
    server.put(&path(&server), JSON, "[".repeat(100_000).as_bytes()).refused(400, "introduction");
    server.get(&path(&server)).refused(404, "introduction");
}

#[test]
fn a_visa_that_others_would_take_is_not_made_public() {
    let server = Server::start();
    let refused = |passport: &str, why: &str| {
        introduce(&server, &introduction(&server, Some(passport), clock())).refused(422, why);
        server.get(&path(&server)).refused(404, "introduction");
    };
    refused(&token("ada", Value::Null), "names no audience (aud)");
    refused(&token("ada", json!("")), "names no audience (aud)");
    refused(&token("ada", json!([])), "names no audience (aud)");
    refused(&token("ada", json!(["https://one.example", "https://other.example"])), "names 2 audiences (aud)");
    refused(&json!([passport("ada"), token("bob", Value::Null)]).to_string(), "visa 1 of");
    refused(&json!({ "ga4gh_passport_v1": [token("ada", Value::Null)] }).to_string(), "visa 0 of");
    refused("what nobody can read", "a token is three parts");
    let around = |audience: Value, visas: &[String]| {
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let claims = json!({ "iss": "https://broker.example.org/", "aud": audience, "ga4gh_passport_v1": visas });
        format!("{}.{}.AA", part(json!({ "alg": "ES256", "kid": "key-1" })), part(claims))
    };
    refused(&around(Value::Null, &[passport("ada")]), "the passport of");
    refused(&around(json!("us"), &[token("ada", Value::Null)]), "visa 0 of");
    let sound = introduction(&server, Some(&around(json!(["us"]), &[passport("ada"), passport("bob")])), clock());
    assert_eq!(introduce(&server, &sound).status, 201);
}
