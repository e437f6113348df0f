//! The OpenAPI document and the routes are the same set.

use std::collections::BTreeSet;

use super::server::{BYTES, Server, agent, answer};

/// Every route, stated here once more on purpose: a route added or lost must be a decision.
const ROUTES: [(&str, &str); 33] = [
    ("get", "/health"),
    ("get", "/metrics"),
    ("get", "/openapi.json"),
    ("get", "/v1/accounts/{id}"),
    ("get", "/v1/accounts/{id}/next-nonce"),
    ("get", "/v1/accounts/{id}/transactions"),
    ("get", "/v1/blobs/{kind}"),
    ("get", "/v1/blobs/{kind}/{digest}"),
    ("put", "/v1/blobs/{kind}/{digest}"),
    ("get", "/v1/blocks"),
    ("get", "/v1/blocks/{height}"),
    ("get", "/v1/blocks/{height}/events"),
    ("get", "/v1/blocks/{height}/header"),
    ("get", "/v1/committee"),
    ("get", "/v1/committee/{epoch}"),
    ("get", "/v1/epoch"),
    ("get", "/v1/genesis"),
    ("get", "/v1/head"),
    ("get", "/v1/issuers"),
    ("get", "/v1/leaves"),
    ("get", "/v1/queries"),
    ("get", "/v1/queries/{id}"),
    ("get", "/v1/queries/{id}/contributions"),
    ("get", "/v1/researchers"),
    ("get", "/v1/schemas"),
    ("get", "/v1/schemas/{id}"),
    ("get", "/v1/state-proofs/{key}"),
    ("get", "/v1/state/{key}"),
    ("get", "/v1/studies"),
    ("get", "/v1/studies/{id}"),
    ("post", "/v1/transactions"),
    ("get", "/v1/transactions/{id}"),
    ("get", "/v1/transactions/{id}/proof"),
];

#[test]
fn the_document_lists_exactly_the_routes() {
    let server = Server::start();
    let document = server.get("/openapi.json").json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    let listed: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| methods.as_object().unwrap().keys().map(|method| (method.clone(), path.clone())))
        .collect();
    let expected: BTreeSet<_> = ROUTES.iter().map(|(method, path)| ((*method).into(), (*path).into())).collect();
    assert_eq!(listed, expected);
}

#[test]
fn every_listed_route_is_served_and_every_other_method_refused() {
    let server = Server::start();
    for (_, path) in ROUTES {
        let served: Vec<_> = ROUTES.iter().filter(|(_, other)| *other == path).map(|(method, _)| *method).collect();
        for method in ["get", "put", "post"] {
            let url = format!("{}{path}", server.running.url()).replace(['{', '}'], "");
            let reply = match method {
                "get" => answer(agent().get(&url).call()),
                "put" => answer(agent().put(&url).content_type(BYTES).send(b"")),
                _ => answer(agent().post(&url).content_type(BYTES).send(b"")),
            };
            let refused = reply.status == 405;
            assert_eq!(refused, !served.contains(&method), "{method} {path}: {}", reply.status);
            let no_route = String::from_utf8_lossy(&reply.body).contains("there is no endpoint");
            assert!(!no_route, "{method} {path}");
        }
    }
}

#[test]
fn every_operation_is_described() {
    let server = Server::start();
    let document = server.get("/openapi.json").json();
    for (method, path) in ROUTES {
        let operation = &document["paths"][path][method];
        assert!(operation["summary"].as_str().is_some_and(|text| text.len() > 10), "{method} {path}");
        assert!(operation["responses"].as_object().is_some_and(|all| !all.is_empty()), "{method} {path}");
    }
}
