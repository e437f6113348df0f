//! The Beacon over real sockets, from releases with real proofs: every answer is valid by the published schemas, and
//! nothing serves that does not verify.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use market::{
    beacon::{Beacon, Floors, Trusted},
    objects::{BlobAccess, BlobAddress, BlobKind, Objects},
    receipt::Receipt,
};
use node::genesis::Genesis;
use proptest::prelude::*;
use serde_json::{Value, json};
use web::{
    api::{Metrics, Publishing, ServedBeacon, Service, StoredBytes, UploadQuota},
    chain::Chain,
    serve::{StopOn, serve},
};

use super::{
    beacon_node::{FLOORS, open, published},
    beacon_schemas::{self, CHECKED},
    server::{Server, agent, answer, index_at},
};
use crate::market_world::today;

/// The query string of a variant's allele.
fn allele(start: u64) -> String {
    format!("assemblyId=GRCh37&referenceName=chr20&start={start}&referenceBases=A&alternateBases=G")
}

#[test]
fn what_a_beacon_says_of_itself_is_valid() {
    let published = published();
    for (path, schema) in [
        ("/beacon/v2/", "beaconInfoResponse"),
        ("/beacon/v2/info", "beaconInfoResponse"),
        ("/beacon/v2/service-info", "ga4gh-service-info-1-0-0-schema"),
        ("/service-info", "ga4gh-service-info-1-0-0-schema"),
        ("/beacon/v2/configuration", "beaconConfigurationResponse"),
        ("/beacon/v2/entry_types", "beaconEntryTypesResponse"),
        ("/beacon/v2/map", "beaconMapResponse"),
        ("/beacon/v2/filtering_terms", "beaconFilteringTermsResponse"),
        ("/beacon/v2/filtering_terms?skip=7&limit=1", "beaconFilteringTermsResponse"),
    ] {
        let answer = published.get(path);
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), "application/json");
        beacon_schemas::check(&format!("framework/json/responses/{schema}.json"), &answer.json());
    }
    let info = published.get("/beacon/v2/info").json();
    assert_eq!(info["response"]["id"], "org.example.locus.beacon");
    assert_eq!(published.get("/service-info").json()["id"], "org.example.locus.node");
    let terms = published.get("/beacon/v2/filtering_terms").json();
    assert_eq!(terms["response"]["filteringTerms"][0]["id"], "age");
    let map = published.get("/beacon/v2/map").json();
    let root = &map["response"]["endpointSets"]["genomicVariant"]["rootUrl"];
    assert_eq!(root, "https://locus.example.org/beacon/v2/g_variants");
}

#[test]
fn every_answer_of_a_node_that_is_reached_over_tls_keeps_browsers_to_it() {
    for path in ["/beacon/v2/info", "/", "/no/such/page", "/v1/no/such/endpoint"] {
        assert_eq!(published().get(path).header("strict-transport-security"), "max-age=31536000", "{path}");
    }
    // Without TLS a browser would lose a server that says so.
    assert_eq!(Server::start().get("/").header("strict-transport-security"), "");
}

#[test]
fn a_schema_refuses_an_altered_answer() {
    let mut answer = published().ask("/beacon/v2/individuals");
    assert!(CHECKED.iter().all(|path| beacon_schemas::is_there(path)));
    answer["responseSummary"]["numTotalResults"] = json!(-1);
    assert!(!beacon_schemas::holds("framework/json/responses/beaconCountResponse.json", &answer));
    answer["responseSummary"]["numTotalResults"] = json!(6);
    assert!(beacon_schemas::holds("framework/json/responses/beaconCountResponse.json", &answer));
    answer["meta"]["receivedRequestSummary"].as_object_mut().unwrap().remove("pagination");
    assert!(!beacon_schemas::holds("framework/json/responses/beaconCountResponse.json", &answer));
}

#[test]
fn datasets_are_the_releases_that_verified() {
    let published = published();
    let answer = published.ask("/beacon/v2/datasets");
    let mut listed: Vec<&str> = vec![];
    for dataset in answer["response"]["collections"].as_array().unwrap() {
        beacon_schemas::check("models/json/beacon-v2-default-model/datasets/defaultSchema.json", dataset);
        assert_eq!(dataset["name"], "Allele frequencies");
        assert_eq!(dataset["info"]["records"], 6);
        listed.push(dataset["id"].as_str().unwrap());
    }
    let mut expected = [published.exact, published.private].map(|query| query.to_string());
    expected.sort();
    assert_eq!(listed, expected);
    assert_eq!(published.request("/beacon/v2/datasets", json!({}))["response"], answer["response"]);
    assert!(published.ask("/beacon/v2/datasets?requestedGranularity=count").get("response").is_none());
    let boolean = published.ask("/beacon/v2/datasets?requestedGranularity=boolean");
    assert_eq!(boolean["responseSummary"], json!({ "exists": true }));
    let second = published.ask("/beacon/v2/datasets?skip=1&limit=1");
    assert_eq!(second["response"]["collections"][0]["id"], expected[1].as_str());
    let one = format!("/beacon/v2/datasets?datasets={}", published.private);
    assert_eq!(published.ask(&one)["responseSummary"]["numTotalResults"], 1);
}

#[test]
fn individuals_are_counted_as_released_or_not_at_all() {
    let published = published();
    let everybody = published.ask("/beacon/v2/individuals");
    assert_eq!(everybody["responseSummary"], json!({ "exists": true, "numTotalResults": 6 }));
    assert_eq!(everybody["response"]["resultSets"].as_array().unwrap().len(), 2);
    let own = published.ask("/beacon/v2/individuals?filters=age>=18,age<=65");
    assert_eq!(own["responseSummary"], everybody["responseSummary"]);
    assert_eq!(own["meta"]["receivedRequestSummary"]["filters"], json!(["age>=18", "age<=65"]));
    let miss = published.ask("/beacon/v2/individuals?filters=age>=40");
    assert_eq!(miss["responseSummary"], json!({ "exists": false }), "another question than the one released");
    assert_eq!(miss["meta"]["returnedGranularity"], "boolean");
    assert!(!miss.to_string().contains("numTotalResults"));

    let carriers = published.ask(&format!("/beacon/v2/individuals?{}", allele(9)));
    assert_eq!(carriers["responseSummary"], json!({ "exists": true, "numTotalResults": 3 }));
    let few = published.ask(&format!("/beacon/v2/individuals?{}", allele(29)));
    assert_eq!(few["responseSummary"], json!({ "exists": false }), "one carrier");
    let none = published.ask(&format!("/beacon/v2/individuals?{}", allele(1_000)));
    let unlike = |answer: &Value| {
        let mut answer = answer.clone();
        answer["meta"]["receivedRequestSummary"]["requestParameters"].take();
        answer
    };
    assert_eq!(unlike(&few), unlike(&none), "few and none look the same");
}

#[test]
fn variants_are_found_by_allele_range_and_bracket() {
    let published = published();
    let found = |query: &str| {
        let answer = published.ask(&format!("/beacon/v2/g_variants?{query}"));
        answer["responseSummary"]["numTotalResults"].as_u64().unwrap_or(0)
    };
    assert_eq!(found(""), 2, "the third has one carrier");
    assert_eq!(found(&allele(9)), 1);
    assert_eq!(found(&allele(10)), 0, "Beacon counts from 0, VCF from 1");
    assert_eq!(found(&allele(29)), 0);
    assert_eq!(found("assemblyId=hg19&referenceName=20&start=0&end=20"), 2);
    assert_eq!(found("assemblyId=hg19&referenceName=20&start=0&end=19"), 1);
    assert_eq!(found("assemblyId=GRCh38&referenceName=20&start=0&end=20"), 0);
    assert_eq!(found("referenceName=refseq:NC_000020.10&start=0,10&end=10,20"), 1);
    assert_eq!(found("alternateBases=N"), 2);
    assert_eq!(found("alternateBases=C"), 0);
    let answer = published.ask("/beacon/v2/g_variants?limit=1&skip=1");
    let info = &answer["response"]["resultSets"][0]["info"];
    assert_eq!(info["variantCount"], 2);
    assert_eq!(info["variants"].as_array().unwrap().len(), 1, "the second page of one");
    assert_eq!(info["variants"][0]["start"], 19);
    assert_eq!(info["variants"][0]["carriers"]["count"], 3);
}

#[test]
fn a_body_asks_what_a_query_string_asks() {
    let published = published();
    let variant = json!({
        "assemblyId": "GRCh37", "referenceName": "chr20", "start": [9], "referenceBases": "A", "alternateBases": "G"
    });
    let by_body = published.request(
        "/beacon/v2/g_variants",
        json!({ "requestParameters": { "g_variant": variant }, "filters": [{ "id": "age", "operator": ">=", "value": "18" }] }),
    );
    let by_string = published.ask(&format!("/beacon/v2/g_variants?filters=age>=18&{}", allele(9)));
    assert_eq!(by_body, by_string);
    assert_eq!(by_body["responseSummary"]["numTotalResults"], 1);
    let filters = json!({ "filters": [{ "id": "LOINC:30525-0", "operator": "<", "value": "66" }] });
    assert_eq!(published.request("/beacon/v2/individuals", filters)["responseSummary"]["numTotalResults"], 6);
    let one = json!({ "requestParameters": { "datasets": { "datasetIds": [published.private.to_string()] } } });
    let answer = published.request("/beacon/v2/individuals", one);
    assert_eq!(answer["response"]["resultSets"].as_array().unwrap().len(), 1);
    assert_eq!(answer["response"]["resultSets"][0]["id"], published.private.to_string());
}

#[test]
fn granularity_and_result_sets_are_as_asked_and_records_are_never_told() {
    let published = published();
    let record = published.request("/beacon/v2/individuals", json!({ "requestedGranularity": "record" }));
    assert_eq!(record["meta"]["returnedGranularity"], "count");
    assert_eq!(record["meta"]["receivedRequestSummary"]["requestedGranularity"], "record");
    for set in record["response"]["resultSets"].as_array().unwrap() {
        assert_eq!(set["results"], json!([]));
    }
    let boolean =
        published.request("/beacon/v2/individuals", json!({ "requestedGranularity": "boolean", "testMode": true }));
    assert_eq!(boolean["responseSummary"], json!({ "exists": true }));
    assert!(boolean.get("response").is_none() && boolean["meta"]["testMode"] == true);
    let sets = |include: &str| {
        let path = format!("/beacon/v2/g_variants?includeResultsetResponses={include}&{}", allele(9));
        let answer = published.ask(&path);
        let sets = answer["response"]["resultSets"].as_array().cloned();
        sets.map(|sets| sets.iter().map(|set| set["exists"].as_bool().unwrap()).collect::<Vec<_>>())
    };
    assert_eq!(sets("HIT"), Some(vec![true]));
    assert_eq!(sets("MISS"), Some(vec![false]));
    assert_eq!(sets("ALL").map(|sets| sets.len()), Some(2));
    assert_eq!(sets("NONE"), None);
}

#[test]
fn the_same_question_gets_the_same_answer() {
    let published = published();
    for path in ["/beacon/v2/individuals", "/beacon/v2/g_variants?includeResultsetResponses=ALL", "/beacon/v2/datasets"]
    {
        let first = published.get(path).body;
        assert!((0..5).all(|_| published.get(path).body == first), "{path}");
    }
    let genesis = published.world.ledger.ledger().genesis();
    let receipts = published.folder.path().join("receipts");
    let (again, _) = open(&receipts, &published.world, genesis, FLOORS);
    let question = market::beacon::Question::default();
    let counts = again.individuals(&question).unwrap().into_iter().map(|(_, count)| count.unwrap().count);
    assert_eq!(counts.collect::<Vec<_>>(), [6, 6], "loaded anew");
}

#[test]
fn a_receipt_that_does_not_verify_is_of_another_chain_or_comes_again_never_serves() {
    let published = published();
    let refused: Vec<(String, String)> = published
        .refused
        .iter()
        .map(|refused| (refused.path.file_name().unwrap().to_string_lossy().into_owned(), refused.error.to_string()))
        .collect();
    for (file, says) in [("3-again.json", "a file before it"), ("4-forged.json", "R7"), ("5-truncated.json", "format")]
    {
        let found =
            refused.iter().find(|(name, _)| name == file).unwrap_or_else(|| panic!("{file} serves: {refused:?}"));
        assert!(found.1.contains(says), "{found:?} does not say {says:?}");
    }
    assert_eq!(refused.len(), 3);

    let receipts = published.folder.path().join("receipts");
    let foreign = Genesis { name: "another chain".into(), ..published.world.ledger.ledger().genesis().clone() };
    let (beacon, refused) = open(&receipts, &published.world, &foreign, FLOORS);
    assert_eq!(beacon.releases().len(), 0);
    assert!(refused[0].error.to_string().contains("this node's is"), "{}", refused[0].error);

    let genesis = published.world.ledger.ledger().genesis();
    let (private, refused) = open(&receipts, &published.world, genesis, Floors { exact: false, ..FLOORS });
    assert_eq!(private.releases().map(|release| release.query()).collect::<Vec<_>>(), [published.private]);
    assert!(refused[0].error.to_string().contains("exact"), "{}", refused[0].error);
}

#[test]
fn repro_a_receipt_whose_ciphertexts_are_away_is_told_apart_and_served_once_they_are_here() {
    let published = published();
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(published.folder.path().join("receipts/1-exact.json")).unwrap();
    let mut receipt = Receipt::from_json(&text).unwrap();
    receipt.contributions.iter_mut().for_each(|evidence| evidence.ciphertexts.clear());
    let path = folder.path().join("large.json");
    fs::write(&path, receipt.to_json().unwrap()).unwrap();
    let view = published.world.ledger.ledger().snapshot().unwrap();
    let genesis = published.world.ledger.ledger().genesis();
    let away = Trusted { view: &view, genesis, blobs: &Objects::memory() };
    let (beacon, refused) = Beacon::open(folder.path(), away, FLOORS, |_| {}).unwrap();
    assert_eq!((beacon.releases().len(), refused.len()), (0, 1));
    assert!(refused[0].error.unread().unwrap().contains("is not here"), "{}", refused[0].error);
    let served = ServedBeacon::from(beacon);
    assert!(matches!(served.add(&path, away), Err(web::Error::Market(error)) if error.unread().is_some()));
    assert_eq!(served.now().releases().len(), 0);
    served.add(&path, Trusted { blobs: published.world.blobs.as_ref(), ..away }).unwrap();
    let now = served.now();
    assert_eq!(now.releases().map(|release| release.query()).collect::<Vec<_>>(), [published.exact]);
}

/// A store of which it is not known whether another node has the panels.
struct PanelsAway<'b>(&'b dyn BlobAccess);

impl BlobAccess for PanelsAway<'_> {
    fn write(&self, address: BlobAddress, bytes: Vec<u8>) -> Result<(), market::Error> {
        self.0.write(address, bytes)
    }

    fn read(&self, address: BlobAddress, bytes_max: usize) -> Result<Option<Vec<u8>>, market::Error> {
        match address.kind {
            BlobKind::Panel => Err(market::Error::BlobBusy { address, why: "a node does not answer".into() }),
            _ => self.0.read(address, bytes_max),
        }
    }

    fn list(&self, kind: BlobKind) -> Result<Vec<BlobAddress>, market::Error> {
        self.0.list(kind)
    }
}

#[test]
fn repro_a_receipt_whose_panel_may_be_at_a_node_that_does_not_answer_is_not_served_without_its_variants() {
    let published = published();
    let path = published.folder.path().join("receipts/1-exact.json");
    let view = published.world.ledger.ledger().snapshot().unwrap();
    let genesis = published.world.ledger.ledger().genesis();
    let here = Trusted { view: &view, genesis, blobs: published.world.blobs.as_ref() };
    let served = ServedBeacon::from(Beacon::empty(FLOORS));
    let Err(web::Error::Market(error)) = served.add(&path, Trusted { blobs: &PanelsAway(here.blobs), ..here }) else {
        panic!("it is served");
    };
    assert!(error.unread().is_some_and(|what| what.contains(BlobKind::Panel.name())), "{error}");
    assert_eq!(served.now().releases().len(), 0);
    served.add(&path, here).unwrap();
    assert_eq!(served.now().releases().len(), 1);
}

#[test]
fn a_folder_of_too_many_receipts_is_refused_before_any_is_read() {
    let published = published();
    let folder = tempfile::tempdir().unwrap();
    for number in 0..=market::beacon::RECEIPTS_MAX {
        fs::write(folder.path().join(number.to_string()), "{").unwrap();
    }
    let view = published.world.ledger.ledger().snapshot().unwrap();
    let genesis = published.world.ledger.ledger().genesis();
    let trusted = Trusted { view: &view, genesis, blobs: published.world.blobs.as_ref() };
    let opened = |folder: &Path| Beacon::open(folder, trusted, FLOORS, |_| {}).unwrap_err().to_string();
    assert!(opened(folder.path()).contains("more than 256 files"));
    assert!(opened(&PathBuf::from("/nowhere")).contains("list the receipts"));
}

#[test]
fn what_is_not_understood_is_refused_and_never_answered_for_something_wider() {
    let published = published();
    for (query, says) in [
        ("geneId=BRCA1", "not supported"),
        ("variantType=DEL", "not supported"),
        ("start=5", "alternateBases"),
        ("start=5&alternateBases=G", "referenceName and assemblyId"),
        ("start=5&start=6&start=7", "positions"),
        ("start=x", "positions"),
        ("alternateBases=%3CDEL%3E", "A, C, G, T"),
        ("filters=HP:0000822", "operator"),
        ("filters=height>3", "no dataset has"),
        ("requestedGranularity=everything", "requestedGranularity"),
        ("includeResultsetResponses=SOME", "includeResultsetResponses"),
        ("skip=-1", "whole numbers"),
        ("skip=99999999", "skip"),
        ("testMode=maybe", "testMode"),
        ("apiVersion=v1.0", "apiVersion"),
    ] {
        published.refuses(&published.get(&format!("/beacon/v2/g_variants?{query}")), 400, says);
    }
    published.refuses(&published.get("/beacon/v2/datasets?filters=age>3"), 400, "neither filters");
    published.refuses(&published.get("/beacon/v2/biosamples"), 404, "no endpoint");
    published.refuses(&published.get("/beacon/v2"), 404, "no endpoint");
    published.refuses(&published.post("/beacon/v2/info", b"{}"), 405, "does not take POST");
    let many = vec!["age>1"; 17].join(",");
    published.refuses(&published.get(&format!("/beacon/v2/individuals?filters={many}")), 400, "at most 16");
    assert_eq!(published.get("/beacon/v3/info").header("content-type"), "application/problem+json");
}

#[test]
fn hostile_bodies_are_refused() {
    let published = published();
    let with = |query: Value| serde_json::to_vec(&json!({ "meta": { "apiVersion": "2.0" }, "query": query })).unwrap();
    let filters = |filter: Value| with(json!({ "filters": [filter] }));
    let deep = format!("{{\"meta\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let bodies: Vec<(Vec<u8>, &str)> = vec![
        (b"".to_vec(), "malformed"),
        (b"{".to_vec(), "malformed"),
        (b"[]".to_vec(), "malformed"),
        (b"\xff\xfe".to_vec(), "malformed"),
        (b"{}".to_vec(), "meta"),
        (deep.into_bytes(), "malformed"),
        (br#"{"meta":{"apiVersion":"3"}}"#.to_vec(), "apiVersion"),
        (with(json!({ "filters": vec![json!({ "id": "age", "operator": ">", "value": "1" }); 17] })), "at most 16"),
        (filters(json!({ "id": "x".repeat(300), "operator": ">", "value": "1" })), "longer than"),
        (filters(json!({ "id": "age", "operator": "~", "value": "1" })), "operator"),
        (filters(json!({ "id": "age", "operator": ">", "value": { "a": 1 } })), "text or a number"),
        (filters(json!({ "id": "age", "operator": ">", "value": "1", "scope": "biosamples" })), "scope"),
        (filters(json!({ "id": "age", "value": "1", "similarity": "low" })), "similarity"),
        (with(json!({ "pagination": { "limit": -1 } })), "malformed"),
        (with(json!({ "requestParameters": { "geneId": "BRCA1" } })), "geneId"),
        (with(json!({ "requestParameters": { "g_variant": { "start": [1, 2, 3], "end": [4] } } })), "two of each"),
        (with(json!({ "requestParameters": { "g_variant": { "start": [u64::MAX], "end": [0] } } })), "0-based"),
        (with(json!({ "requestParameters": { "g_variant": { "referenceBases": "A".repeat(2_000) } } })), "bases"),
        (with(json!({ "requestParameters": { "g_variant": {}, "start": [1] } })), "beside it"),
        (with(json!({ "requestParameters": { "datasets": { "datasetIds": vec!["x"; 65] } } })), "at most 64"),
    ];
    for (body, says) in &bodies {
        published.refuses(&published.post("/beacon/v2/g_variants", body), 400, says);
    }
    let large = vec![b' '; 65 << 10];
    published.refuses(&published.post("/beacon/v2/g_variants", &large), 413, "exceeds");
    let url = format!("{}/beacon/v2/individuals", published.running.url());
    let media = answer(agent().post(url).content_type("text/plain").send(b"{}"));
    published.refuses(&media, 415, "application/json");
}

#[test]
fn a_node_without_receipts_has_no_beacon_and_still_says_what_it_is() {
    let published = published();
    let chain = Arc::new(Chain::with_clock(Arc::clone(published.world.ledger.mempool()), today));
    let folder = tempfile::tempdir().unwrap();
    let service = Service {
        publishing: Publishing::nothing(chain.ledger().chain()),
        blobs: Arc::clone(&published.world.blobs) as _,
        index: Arc::new(index_at(&folder.path().join("index"), chain.ledger().chain())),
        chain,
        others: Arc::default(),
        quota: Arc::new(UploadQuota::new(1 << 20, StoredBytes::default())),
        metrics: Metrics::default(),
        engine: None,
        custody: None,
        replay: web::signed_request::Replay::new(node::units::Timestamp::new(0)),
        sign_in: web::sign_in::SignIn::default(),
    };
    let running = serve(service, "127.0.0.1:0", StopOn::Request).unwrap();
    let get = |path: &str| answer(agent().get(format!("{}{path}", running.url())).call());
    for path in ["", "info", "service-info", "map", "individuals", "g_variants", "datasets", "filtering_terms"] {
        published.refuses(&get(&format!("/beacon/v2/{path}")), 404, "locus serve --beacon DIR");
    }
    beacon_schemas::check(
        "framework/json/responses/ga4gh-service-info-1-0-0-schema.json",
        &get("/service-info").json(),
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_query_string_is_answered_or_refused_as_the_schemas_say(
        text in "((filters|start|end|assemblyId|referenceName|alternateBases|limit|skip|[a-z]{1,8})=[A-Za-z0-9>=<,.:%]{0,12}&){0,5}"
    ) {
        let published = published();
        for path in ["individuals", "g_variants", "datasets", "filtering_terms"] {
            let answer = published.get(&format!("/beacon/v2/{path}?{}", text.replace('%', "%25").replace('<', "%3C").replace('>', "%3E")));
            match answer.status {
                200 => beacon_schemas::check_answer(&answer.json()),
                status => published.refuses(&answer, status, ""),
            }
            prop_assert!(answer.status < 500);
        }
    }
}
