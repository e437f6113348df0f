//! The schemas of Beacon v2 as published, read from `tests/data/ga4gh/beacon-v2`.

use std::{collections::BTreeMap, error::Error, fs, path::PathBuf, sync::Mutex};

use jsonschema::{Retrieve, Uri, Validator};
use serde_json::{Value, json};

/// Where the schemas say that they are.
const BASE: &str = "https://raw.githubusercontent.com/ga4gh-beacon/beacon-v2/main/";
/// Every schema that tests hold answers to.
pub const CHECKED: [&str; 4] = [
    "framework/json/responses/beaconBooleanResponse.json",
    "framework/json/responses/beaconCountResponse.json",
    "framework/json/responses/beaconResultsetsResponse.json",
    "framework/json/responses/beaconCollectionsResponse.json",
];

/// Reads schemas from files, and nothing from anywhere else.
struct Files;

impl Retrieve for Files {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        let path = uri.as_str().strip_prefix(BASE).ok_or("it lies elsewhere")?;
        Ok(serde_json::from_slice(&fs::read(file(path))?)?)
    }
}

fn file(path: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/data/ga4gh/beacon-v2");
    // The model's copy of it is the framework's.
    let path = path.replace("models/json/beacon-v2-default-model/common/info.json", "framework/json/common/info.json");
    root.join(path.replacen("/json/", "/", 1))
}

pub fn is_there(path: &str) -> bool {
    file(path).exists()
}

/// What is wrong with a value by a schema.
fn errors(path: &str, value: &Value) -> Vec<String> {
    static VALIDATORS: Mutex<BTreeMap<String, Validator>> = Mutex::new(BTreeMap::new());
    let mut validators = VALIDATORS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let validator = validators.entry(path.into()).or_insert_with(|| {
        let options = jsonschema::options().with_retriever(Files).should_validate_formats(true);
        options.build(&json!({ "$ref": format!("{BASE}{path}") })).unwrap()
    });
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

pub fn holds(path: &str, value: &Value) -> bool {
    errors(path, value).is_empty()
}

#[track_caller]
pub fn check(path: &str, value: &Value) {
    let errors = errors(path, value);
    assert!(errors.is_empty(), "{path}: {errors:?}\n{value}");
}

/// Holds an answer to the schema of its granularity, and to that of what it lists.
#[track_caller]
pub fn check_answer(answer: &Value) {
    let framework = |name: &str| format!("framework/json/responses/{name}.json");
    if answer["response"].get("filteringTerms").is_some() {
        return check(&framework("beaconFilteringTermsResponse"), answer);
    }
    match answer["meta"]["returnedGranularity"].as_str().unwrap() {
        "boolean" => check(&framework("beaconBooleanResponse"), answer),
        "count" => check(&framework("beaconCountResponse"), answer),
        "record" => check(&framework("beaconCollectionsResponse"), answer),
        other => panic!("there is no granularity {other}"),
    }
    if answer["response"].get("resultSets").is_some() {
        check(&framework("beaconResultsetsResponse"), answer);
    }
}
