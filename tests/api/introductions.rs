//! Introductions over HTTP: kept when the query's researcher signed them, given to whoever decides, refused otherwise.

use market::introduction::{INTRODUCTION_JSON_BYTES_MAX, Introduction};
use node::units::Timestamp;
use serde_json::{Value, json};

use super::server::{Answer, Server, clock};
use crate::world::key;

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
    let before = |seconds: u64| introduction(&server, Some("long ago"), Timestamp::new(clock().get() - seconds));
    assert_eq!(introduce(&server, &before(3_600)).status, 201);
    introduce(&server, &before(1_800)).refused(422, "written too long ago");
    let first = introduction(&server, Some("a passport"), clock());
    assert_eq!(introduce(&server, &first).status, 201);
    assert_eq!(introduce(&server, &first).status, 204);
    assert_eq!(server.get(&path(&server)).json(), serde_json::to_value(&first).unwrap());
    let older = introduction(&server, Some("another"), Timestamp::new(clock().get() - 1));
    introduce(&server, &older).refused(422, "as new or newer");
    introduce(&server, &introduction(&server, Some("another"), clock().after(59))).refused(429, "wait 60 seconds");
    let newer = introduction(&server, Some("another"), clock().after(60));
    server.remote().introduce(&newer).unwrap();
    assert_eq!(server.remote().introduction(server.collecting).unwrap(), Some(newer));
}

#[test]
fn an_introduction_that_its_researcher_did_not_sign_for_a_collecting_query_is_refused() {
    let server = Server::start();
    let chain = server.chain.ledger().chain();
    let good = introduction(&server, Some("a passport"), clock());
    let put = |path: &str, value: &Value| server.put(path, JSON, value.to_string().as_bytes());
    let json = serde_json::to_value(&good).unwrap();
    let altered = |field: &str, value: Value| {
        let mut json = json.clone();
        json[field] = value;
        put(&path(&server), &json)
    };
    altered("passport", json!("another")).refused(403, "signature");
    altered("researcher", json!("00".repeat(32))).refused(422, "wrote it, and account");
    altered("query", json!("00".repeat(32))).refused(422, "it is for query");
    altered("more", json!(1)).refused(400, "unknown field");
    let stranger = Introduction::new((&chain, server.collecting), None, Some("a passport"), clock(), &key("friend"));
    introduce(&server, &stranger.unwrap()).refused(422, "wrote it, and account");
    introduce(&server, &introduction(&server, Some("a passport"), clock().after(3_600))).refused(422, "in the future");
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
