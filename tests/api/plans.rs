//! Planning over the wire: the same plan as at home, and nothing opened.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::server::Server;

const JSON: &str = "application/json";

/// A private count of the server's study.
fn file(server: &Server) -> Value {
    let query = server.get(&format!("/v1/queries/{}", server.collecting)).json()["query"].clone();
    json!({
        "study": query["study"], "schema": query["schema"], "purposes": ["health-research"], "price": 10,
        "contributions_min": 100, "contributions_max": 200, "days": 7, "privacy": { "epsilon": 1.0 },
        "measures": [{ "statistic": "count", "by": [{ "attribute": "age", "cuts": [40, 60] }] }],
    })
}

#[test]
fn a_plan_tells_parts_money_privacy_and_precision_and_opens_nothing() {
    let server = Server::start();
    let before = server.get("/v1/head").json();
    let answer = server.post("/v1/plans?cohort=150", JSON, file(&server).to_string().as_bytes());
    let plan = answer.json();
    assert_eq!(
        (answer.status, &plan["parts"], &plan["escrow"], &plan["refusal"]),
        (200, &1.into(), &2_000.into(), &Value::Null),
        "{plan}"
    );
    assert_eq!((&plan["privacy"]["epsilon_milli"], &plan["slots"]), (&1_000.into(), &json!([3])));
    assert_eq!(plan["proofs"], 200, "one part of 200 contributions");
    assert_eq!(plan["expectations"][0]["people"], 50.0);
    assert!(plan["expectations"][0]["noise_error"].as_f64().unwrap() > 1.0, "{plan}");
    assert_eq!(server.get("/v1/head").json(), before);
}

#[test]
fn a_plan_says_why_the_ledger_would_refuse_and_a_file_that_means_nothing_is_refused() {
    let server = Server::start();
    let mut exact = file(&server);
    exact["privacy"] = "exact".into();
    exact["contributions_min"] = 5.into();
    let plan = server.post("/v1/plans", JSON, exact.to_string().as_bytes()).json();
    assert!(plan["refusal"].as_str().unwrap().contains("needs a minimum of 6"), "{plan}");
    let mut unknown = file(&server);
    unknown["measures"][0]["by"][0]["attribute"] = "height".into();
    server
        .post("/v1/plans", JSON, unknown.to_string().as_bytes())
        .refused(400, "the schema has no attribute \"height\"");
    server.post("/v1/plans", JSON, b"{").refused(400, "query file");
    server.post("/v1/plans", "text/plain", b"{}").refused(415, JSON);
    server.post("/v1/plans", JSON, &vec![b' '; (1 << 20) + 1]).refused(413, "1048576");
}

#[test]
fn the_schema_that_is_served_takes_every_example_and_no_mistyped_one() {
    let schema = Server::start().get("/v1/query-schema").json();
    assert_eq!(schema["title"], "QueryFile");
    let validator = jsonschema::validator_for(&schema).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/queries");
    let read = |path: PathBuf| -> Value {
        let text = fs::read_to_string(&path).unwrap();
        if path.extension().is_some_and(|ending| ending == "json") {
            serde_json::from_str(&text).unwrap()
        } else {
            toml::from_str(&text).unwrap()
        }
    };
    let examples: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| read(entry.unwrap().path())).collect();
    assert_eq!(examples.len(), 11);
    for example in &examples {
        let found: Vec<_> = validator.iter_errors(example).map(|error| error.to_string()).collect();
        assert!(found.is_empty(), "{example}: {found:?}");
    }
    let mistyped: [fn(&mut Value); 5] = [
        |file| file["prize"] = 1.into(),
        |file| drop(file.as_object_mut().unwrap().remove("price")),
        |file| file["privacy"] = json!({ "epsilon": "much" }),
        |file| file["measures"][0]["statistic"] = "horoscope".into(),
        |file| file["measures"][0]["colour"] = "red".into(),
    ];
    for (place, mistype) in mistyped.into_iter().enumerate() {
        for mut example in examples.clone() {
            mistype(&mut example);
            assert!(!validator.is_valid(&example), "{place}: {example}");
        }
    }
}
