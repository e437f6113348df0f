//! The Data Repository Service's answers, by the schemas that GA4GH publishes.

use std::{fs, path::Path};

use circuits::{id::QueryId, quorum::Quorum};
use node::transaction::Action;
use serde_json::{Value, json};

use super::town::Town;
use crate::{
    api::{
        beacon_schemas,
        server::{Answer, Server, agent, answer, clock},
    },
    world::World,
};

/// A schema of the specification with those that it refers to.
fn schema(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/ga4gh/drs");
    let mut definitions = serde_json::Map::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap().replace("\"./", "\"#/$defs/").replace(".yaml\"", "\"");
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        definitions.insert(stem, serde_json::from_str(&text).unwrap());
    }
    json!({ "$defs": definitions, "$ref": format!("#/$defs/{name}") })
}

/// What holds values to a schema, and dates in them to their form.
fn validator(name: &str) -> jsonschema::Validator {
    jsonschema::options().should_validate_formats(true).build(&schema(name)).unwrap()
}

#[track_caller]
fn conforms(name: &str, value: &Value) {
    let validator = validator(name);
    let errors: Vec<_> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:?} in {value}");
}

/// Asserts that this is an error of the specification with a status, whose message contains a text.
#[track_caller]
pub fn refused(answer: &Answer, status: u16, says: &str) {
    let error = answer.json();
    assert_eq!((answer.status, answer.header("content-type")), (status, "application/json"), "{error}");
    conforms("Error", &error);
    // The schema requires neither and takes anything besides, so a problem document would pass it.
    let names: Vec<&String> = error.as_object().unwrap().keys().collect();
    assert_eq!(names, ["msg", "status_code"], "{error}");
    assert_eq!(error["status_code"], status);
    assert!(error["msg"].as_str().unwrap().contains(says), "{error} does not say {says:?}");
}

/// The schema refuses what lacks a part, so that it means something that answers pass.
#[test]
fn an_object_without_checksums_is_no_object() {
    let validator = validator("DrsObject");
    let mut object = json!({ "id": "a", "self_uri": "drs://h/a", "size": 1, "created_time": "2024-01-01T00:00:00Z",
                             "checksums": [{ "checksum": "00", "type": "sha-256" }] });
    assert!(validator.is_valid(&object));
    object["checksums"] = json!([{ "type": "sha-256" }]);
    assert!(!validator.is_valid(&object));
    object["checksums"] = json!([]);
    assert!(!validator.is_valid(&object));
}

#[test]
fn an_object_of_no_day_is_no_object() {
    let object = |created: &str| {
        json!({ "id": "a", "self_uri": "drs://h/a", "size": 1, "created_time": created,
                "checksums": [{ "checksum": "00", "type": "sha-256" }] })
    };
    let validator = validator("DrsObject");
    assert!(validator.is_valid(&object("2024-02-29T23:59:59Z")));
    for created in ["second 7", "2024-02-30T00:00:00Z", "2024-02-29"] {
        assert!(!validator.is_valid(&object(created)), "{created}");
    }
}

#[test]
fn service_info_is_for_everybody_and_as_specified() {
    let town = Town::new();
    let answer = town.server.get("/ga4gh/drs/v1/service-info");
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    let info = answer.json();
    conforms("DrsService", &info);
    assert_eq!(info["type"], json!({ "group": "org.ga4gh", "artifact": "drs", "version": "1.4.0" }));
    let service_info = "framework/json/responses/ga4gh-service-info-1-0-0-schema.json";
    beacon_schemas::check(service_info, &info);
    let mut lacking = info;
    lacking["organization"]["url"] = json!("no address");
    assert!(!beacon_schemas::holds(service_info, &lacking), "the schema says what an address is");
}

#[test]
fn unknown_paths_and_methods_below_the_root_are_refused_as_specified() {
    let nothing = QueryId::from_bytes([0; 32]);
    let world = World::ready(Quorum::DEFAULT);
    let server = Server::with_custody(world.sequencer, (nothing, nothing), clock, None);
    let url = |path: &str| format!("{}/ga4gh/drs/v1{path}", server.running.url());
    for path in ["", "/", "/objects", "/objects/", "/objects/a/access", "/objects/a/b/c", "/OBJECTS/a", "/openapi.json"]
    {
        refused(&answer(agent().get(url(path)).call()), 404, "there is no endpoint");
        refused(
            &answer(agent().post(url(path)).content_type("application/json").send("{}")),
            404,
            "there is no endpoint",
        );
        let page = agent().get(url(path)).header("accept", "text/html,*/*").call();
        refused(&answer(page), 404, "there is no endpoint");
    }
    for path in ["/service-info", "/objects/a", "/objects/a/access/https"] {
        let sent = [
            ("POST", agent().post(url(path)).content_type("application/json").send("{}")),
            ("PUT", agent().put(url(path)).content_type("application/json").send("{}")),
            ("PATCH", agent().patch(url(path)).content_type("application/json").send("{}")),
            ("DELETE", agent().delete(url(path)).call()),
            ("OPTIONS", agent().options(url(path)).call()),
        ];
        for (method, sent) in sent {
            refused(&answer(sent), 405, &format!("does not take {method}"));
        }
    }
    for beside in ["/ga4gh/drs", "/ga4gh/drs/v10", "/ga4gh/drs/v1.4/objects/a"] {
        server.get(beside).refused(404, "there is no endpoint");
    }
}

#[test]
fn a_dataset_is_a_bundle_of_the_licensees_header_and_the_body() {
    let town = Town::new();
    let id = town.licensed("researcher");
    let get = |path: &str| {
        let answer = town.get("researcher", &format!("/ga4gh/drs/v1/objects/{path}"));
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    };
    let bundle = get(&town.dataset.to_string());
    conforms("DrsObject", &bundle);
    let mut whole = vec![];
    let mut size = 0;
    for content in bundle["contents"].as_array().unwrap() {
        let id = content["id"].as_str().unwrap();
        let object = get(id);
        conforms("DrsObject", &object);
        let method = object["access_methods"][0].clone();
        conforms("AccessMethod", &method);
        let access = get(&format!("{id}/access/{}", method["access_id"].as_str().unwrap()));
        conforms("AccessURL", &access);
        let url = access["url"].as_str().unwrap();
        let path = &url[url.find("/v1/").unwrap()..];
        let bytes = town.get("researcher", path).body;
        let digest = market::objects::BlobKind::Genome.digest(&bytes).to_string();
        assert_eq!(object["checksums"], json!([{ "type": "sha-256", "checksum": digest }]));
        assert_eq!(object["size"], bytes.len());
        size += bytes.len();
        whole.extend(bytes);
    }
    assert_eq!(bundle["size"], size);
    assert_eq!(town.licence(id).accesses, 2, "describing leaves no receipt, giving does");
    // The two parts in their order are a Crypt4GH file for the licensee.
    let mut rest = &whole[..];
    let header = market::crypt4gh::Header::read(&mut rest).unwrap().open(&town.reader).unwrap();
    let text = header.decrypt(rest, vec![]).unwrap().verify(&town.manifest).unwrap().into_inner();
    assert_eq!(text, town.plaintext);
}

#[test]
fn what_is_not_for_the_signer_is_as_what_is_not_there() {
    let town = Town::new();
    let licence = town.licensed("researcher");
    let absent = "00".repeat(32);
    let refused = |name: &str, id: &str, rest: &str| {
        let answer = town.get(name, &format!("/ga4gh/drs/v1/objects/{id}{rest}"));
        self::refused(&answer, 404, id);
        answer.json()["msg"].as_str().unwrap().replace(id, "ID")
    };
    let here = town.dataset.to_string();
    for rest in ["", "/access/https"] {
        assert_eq!(refused("sponsor", &here, rest), refused("sponsor", &absent, rest));
        assert_eq!(refused("sponsor", "nonsense", rest), refused("sponsor", &absent, rest));
    }
    refused("researcher", &here, "/access/https");
    refused("researcher", &format!("{here}.body"), "/access/other");
    refused("researcher", &format!("{here}.tail"), "");
    town.act_as_owner(Action::RevokeLicence(licence));
    assert_eq!(refused("researcher", &here, ""), refused("researcher", &absent, ""));
}
