//! The OpenAPI document and the routes are the same set.

use std::collections::BTreeSet;

use circuits::{
    id::SchemaId,
    schema::{Schema, Variant, VariantPanel},
};
use market::{
    ledger::act,
    objects::{BlobAddress, BlobKind},
};
use node::transaction::Action;
use serde_json::{Value, json};
use web::access::Operation;

use super::{
    authenticator::{Authenticator, Visitor},
    blobs::path,
    introductions::{introduce, introduction, passport},
    routes::{OWN_ACCOUNT, every},
    screenings::screened,
    server::{BYTES, Server, agent, answer, clock, id},
};
use crate::world::{key, schema};

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
    let expected: BTreeSet<_> = every().iter().map(|(method, path)| ((*method).into(), (*path).into())).collect();
    assert_eq!(listed, expected);
}

#[test]
fn every_listed_route_is_served_and_every_other_method_refused() {
    let server = Server::start();
    for (_, path) in every() {
        let served: Vec<_> = every().iter().filter(|(_, other)| *other == path).map(|(method, _)| *method).collect();
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
    for (method, path) in every() {
        let operation = &document["paths"][path][method];
        assert!(operation["summary"].as_str().is_some_and(|text| text.len() > 10), "{method} {path}");
        assert!(operation["responses"].as_object().is_some_and(|all| !all.is_empty()), "{method} {path}");
    }
}

/// The schema that a reference names, or the schema itself.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

#[test]
fn every_answer_has_a_schema() {
    let server = Server::start();
    let document = server.get("/openapi.json").json();
    for (method, path) in every() {
        let responses = document["paths"][path][method]["responses"].as_object().unwrap();
        let mut described = 0;
        for (status, response) in responses.iter().filter(|(_, response)| response["content"].is_object()) {
            for (media, content) in response["content"].as_object().unwrap() {
                let schema = resolved(&document, &content["schema"]);
                assert!(schema.is_object(), "{method} {path}: {status} {media} has no schema");
                described += 1;
            }
        }
        assert!(described > 0, "{method} {path} describes no answer");
        if !matches!(method, "get" | "delete") {
            let content = &document["paths"][path][method]["requestBody"]["content"];
            let is_bytes = resolved(&document, &content[BYTES]["schema"])["format"] == "binary";
            assert!(is_bytes || content["application/json"]["schema"].is_object(), "{method} {path}");
        }
    }
}

/// Checks that an object has exactly the properties of its schema; one that may be absent may lack.
fn conforms(document: &Value, schema: &Value, found: &Value, place: &str) {
    let schema = resolved(document, schema);
    if let (Some(items), Some(item)) = (schema.get("items"), found.as_array().and_then(|all| all.first())) {
        return conforms(document, items, item, place);
    }
    let Some(properties) = schema["properties"].as_object() else { return };
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    for name in found.as_object().unwrap().keys() {
        assert!(properties.contains_key(name), "{place}: the schema lacks {name}");
    }
    for name in required {
        assert!(found.get(name.as_str().unwrap()).is_some(), "{place}: the answer lacks {name}");
    }
    for (name, property) in properties.iter().filter(|(name, _)| !found[name.as_str()].is_null()) {
        let kind = property["type"].as_str();
        let fits = match kind {
            Some("string") => found[name].is_string(),
            Some("integer") => found[name].is_u64(),
            Some("boolean") => found[name].is_boolean(),
            Some("array") => found[name].is_array(),
            Some("object") => found[name].is_object(),
            _ => true,
        };
        assert!(fits, "{place}: {name} is {}, not {kind:?}", found[name]);
        conforms(document, property, &found[name], &format!("{place}.{name}"));
    }
}

/// Registers a schema whose panel the server has.
fn with_panel(server: &Server) -> SchemaId {
    let variant = |pos| Variant { chrom: "20".into(), pos, reference: "A".into(), alternate: "G".into() };
    let panel = VariantPanel { build: "GRCh37".into(), variants: [10, 20].map(variant).into() };
    let schema = Schema { name: "with a panel".into(), panel: panel.reference().unwrap(), ..schema() };
    act(server.chain.access(), &key("researcher"), Action::RegisterSchema(schema.clone())).unwrap();
    let bytes = borsh::to_vec(&panel).unwrap();
    let place = path(BlobAddress::of(BlobKind::Panel, &bytes));
    assert_eq!(server.put(&place, BYTES, &bytes).status, 201);
    schema.id().unwrap()
}

#[test]
fn each_schema_is_that_of_what_is_served() {
    let server = Server::start();
    let document = server.get("/openapi.json").json();
    let query = server.get(&format!("/v1/queries/{}", server.collecting)).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let researcher = text(&query["researcher"]);
    let sent = server.get(&format!("/v1/accounts/{researcher}/transactions")).json();
    let transaction = text(&sent["items"][0]["id"]);
    let screening = screened(&server, 1).to_string();
    introduce(&server, &introduction(&server, Some(&passport("ada")), clock()));
    let named = with_panel(&server).to_string();
    let variants = server.get(&format!("/v1/schemas/{named}/variants")).json();
    assert_eq!(variants["items"].as_array().unwrap().len(), 2, "there is a variant to compare: {variants}");
    let ids = [
        ("/v1/accounts/{id}", id("friend")),
        ("/v1/accounts/{id}/next-nonce", id("friend")),
        ("/v1/accounts/{id}/postings", researcher.clone()),
        ("/v1/accounts/{id}/transactions", researcher),
        ("/v1/queries/{id}", server.collecting.to_string()),
        ("/v1/queries/{id}/contributions", server.collecting.to_string()),
        ("/v1/queries/{id}/file", server.collecting.to_string()),
        ("/v1/queries/{id}/introduction", server.collecting.to_string()),
        ("/v1/queries/{id}/stages", server.aggregated.to_string()),
        ("/v1/screenings/{id}", screening.clone()),
        ("/v1/screenings/{id}/response-proofs", screening.clone()),
        ("/v1/screenings/{id}/receipt", screening.clone()),
        ("/v1/screenings/{id}/responses", screening),
        ("/v1/schemas/{id}", text(&query["query"]["schema"])),
        ("/v1/schemas/{id}/variants", named),
        ("/v1/studies/{id}", text(&query["query"]["study"])),
        ("/v1/studies/{id}/outcomes", text(&query["query"]["study"])),
        ("/v1/studies/{id}/versions", text(&query["query"]["study"])),
        ("/v1/transactions/{id}", transaction.clone()),
        ("/v1/transactions/{id}/proof", transaction),
        ("/v1/blobs/{kind}", "ciphertext".into()),
        ("/v1/uploads/{kind}/{digest}", format!("genome/{}?bytes=1", "00".repeat(32))),
        ("/v1/blocks/{height}", "1".into()),
        ("/v1/blocks/{height}/events", "1".into()),
        ("/v1/blocks/{height}/header", "1".into()),
        ("/v1/committee/{epoch}", "0".into()),
        ("/v1/search/{text}", "1".into()),
        ("/v1/state-proofs/{key}", hex::encode(node::state::StateKey::Tip().encode().unwrap())),
    ];
    let mut compared = 0;
    // What is for one party alone has schemas of others (`licences`).
    let signed = |path: &str| path.starts_with("/ga4gh/drs/v1/objects") || path == "/v1/me";
    let compared_with = |(method, path): &(&str, &str)| *method == "get" && *path != "/openapi.json" && !signed(path);
    for (_, path) in every().into_iter().filter(compared_with) {
        let content = &document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"];
        let Some(schema) = content.get("schema") else { continue };
        let mut given = ids.iter().find(|(route, _)| *route == path).map_or("", |(_, id)| id).split('/');
        let mut filled = |part| if str::starts_with(part, '{') { given.next().unwrap() } else { part };
        let parts: Vec<_> = path.split('/').map(&mut filled).collect();
        let asked = if path == "/v1/diseases" { "?name=diabetes" } else { "" };
        let answer = server.get(&(parts.join("/") + asked));
        assert_eq!(answer.status, 200, "{path}");
        conforms(&document, schema, &answer.json(), path);
        compared += 1;
    }
    assert!(compared > 25, "only {compared} answers were compared");
}

#[test]
fn each_change_of_the_own_account_says_what_it_carries_and_the_account_gives_it() {
    let server = Server::start();
    let document = server.get("/openapi.json").json();
    for (method, path, operation) in OWN_ACCOUNT {
        let parameters = document["paths"][path][method]["parameters"].as_array().cloned().unwrap_or_default();
        let carried = parameters.iter().find(|parameter| parameter["name"] == "x-form-token");
        let said = carried.map(|parameter| (parameter["in"].clone(), parameter["required"].clone()));
        let expected = (operation == Operation::ChangeAccount).then(|| (json!("header"), json!(true)));
        assert_eq!(said, expected, "{method} {path}");
    }
    let mut ada = Visitor::at(&server.running.url());
    ada.sign_up("Ada", &mut Authenticator::new(1));
    let (me, page) = (ada.me().unwrap(), String::from_utf8(ada.get("/you").body).unwrap());
    let schema = &document["paths"]["/v1/me"]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
    conforms(&document, schema, &me, "/v1/me");
    let token = me["form_token"].as_str().unwrap();
    assert!(token.len() == 64 && page.contains(&format!("name=\"form_token\" value=\"{token}\"")), "{page}");
    assert!(!ada.is_told_by(&page) && !ada.is_told_by(&me.to_string()), "a cookie is told");
}
