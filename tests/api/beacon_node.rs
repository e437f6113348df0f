//! A served Beacon of releases with real proofs.

use std::{
    fs,
    path::Path,
    sync::{Arc, OnceLock},
};

use circuits::{
    id::QueryId,
    quorum::Quorum,
    record::Dosage,
    schema::{Variant, VariantPanel},
};
use market::{
    beacon::{Beacon, Floors, RefusedReceipt, Trusted},
    objects::{BlobKind, put},
    receipt::{Receipt, collect},
    researcher::decrypt,
};
use node::genesis::Genesis;
use serde_json::{Value, json};
use tempfile::TempDir;
use web::{
    api::{Identity, Metrics, Publishing, Service, StoredBytes, UploadQuota},
    chain::Chain,
    serve::{Running, StopOn, serve},
};

use super::{
    beacon_schemas,
    server::{Answer, agent, answer, index_at},
};
use crate::market_world::{World, four_people, person, today};

/// Floors at which six people are shown, as the chain's floor for exact sums is 2.
pub const FLOORS: Floors = Floors { count_min: 2, exact: true };

/// A served chain with two releases, and their receipts.
pub struct Published {
    pub world: World,
    pub running: Running,
    /// Exact: a count, and three variants of six people of 18 to 65.
    pub exact: QueryId,
    /// Private: the same count.
    pub private: QueryId,
    pub refused: Vec<RefusedReceipt>,
    pub folder: TempDir,
}

pub fn published() -> &'static Published {
    static PUBLISHED: OnceLock<Published> = OnceLock::new();
    PUBLISHED.get_or_init(publish)
}

fn panel() -> VariantPanel {
    let variant = |pos| Variant { chrom: "20".into(), pos, reference: "A".into(), alternate: "G".into() };
    VariantPanel { build: "GRCh37".into(), variants: [10, 20, 30].map(variant).into() }
}

fn release(world: &mut World, wallets: &mut [market::wallet::Wallet], query: QueryId) -> String {
    world.answer_all(wallets, query);
    world.seal(query);
    world.aggregate(query).unwrap();
    world.work();
    let result = decrypt(world.ledger(), world.blobs.as_ref(), &world.keys.researcher, query).unwrap();
    let receipt = collect(world.ledger(), world.blobs.as_ref(), query, result.components(), result.slots()).unwrap();
    receipt.to_json().unwrap()
}

pub fn open(folder: &Path, world: &World, genesis: &Genesis, floors: Floors) -> (Beacon, Vec<RefusedReceipt>) {
    let view = world.ledger.ledger().snapshot().unwrap();
    let trusted = Trusted { view: &view, genesis, blobs: world.blobs.as_ref() };
    Beacon::open(folder, trusted, floors, |_| {}).unwrap()
}

fn publish() -> Published {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::ready(&folder.path().join("world"), Quorum::DEFAULT);
    let mut people = four_people();
    people.extend([person(30, [Dosage::HomRef; 3]), person(60, [Dosage::HomRef; 3])]);
    let mut wallets = world.people(&people);
    put(world.blobs.as_ref(), BlobKind::Panel, borsh::to_vec(&panel()).unwrap()).unwrap();
    let exact = world.query(2, 10);
    let private = world.private_query(2, 10, 5_000);
    let receipts = [exact, private].map(|query| release(&mut world, &mut wallets, query));

    let receipts_folder = folder.path().join("receipts");
    fs::create_dir(&receipts_folder).unwrap();
    let write = |name: &str, text: &str| fs::write(receipts_folder.join(name), text).unwrap();
    write("1-exact.json", &receipts[0]);
    write("2-private.json", &receipts[1]);
    write("3-again.json", &receipts[0]);
    let mut forged = Receipt::from_json(&receipts[1]).unwrap();
    forged.result[0][0] += 1;
    write("4-forged.json", &forged.to_json().unwrap());
    write("5-truncated.json", &receipts[1][..receipts[1].len() / 2]);
    write(".6-hidden.json", &receipts[1]);
    let genesis = world.ledger.ledger().genesis().clone();
    let (beacon, refused) = open(&receipts_folder, &world, &genesis, FLOORS);

    let chain = Arc::new(Chain::with_clock(Arc::clone(world.ledger.mempool()), today));
    let id = chain.ledger().chain();
    let url = "https://locus.example.org";
    let identity = Identity::new(id, Some("org.example.locus".into()), "Example".into(), None, url).unwrap();
    let service = Service {
        publishing: Publishing { identity, beacon: Some(beacon.into()), diseases: None },
        blobs: Arc::clone(&world.blobs) as _,
        index: Arc::new(index_at(&folder.path().join("index"), id)),
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
    Published { world, running, exact, private, refused, folder }
}

impl Published {
    pub fn get(&self, path: &str) -> Answer {
        // A URI has no such signs (RFC 3986, appendix A); clients encode them.
        let path = path.replace('<', "%3C").replace('>', "%3E");
        answer(agent().get(format!("{}{path}", self.running.url())).call())
    }

    pub fn post(&self, path: &str, body: &[u8]) -> Answer {
        answer(agent().post(format!("{}{path}", self.running.url())).content_type("application/json").send(body))
    }

    /// A GET's answer, which the schemas allow.
    #[track_caller]
    pub fn ask(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        beacon_schemas::check_answer(&answer.json());
        answer.json()
    }

    /// A POST's answer to a request, both of which the schemas allow.
    #[track_caller]
    pub fn request(&self, path: &str, query: Value) -> Value {
        let body = json!({ "meta": { "apiVersion": "2.0" }, "query": query });
        beacon_schemas::check("framework/json/requests/beaconRequestBody.json", &body);
        let answer = self.post(path, &serde_json::to_vec(&body).unwrap());
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        beacon_schemas::check_answer(&answer.json());
        answer.json()
    }

    /// An answer that refuses, with the framework's error.
    #[track_caller]
    pub fn refuses(&self, answer: &Answer, status: u16, says: &str) {
        let error = answer.json();
        assert_eq!(answer.status, status, "{error}");
        beacon_schemas::check("framework/json/responses/beaconErrorResponse.json", &error);
        assert_eq!(error["error"]["errorCode"], status);
        let message = error["error"]["errorMessage"].as_str().unwrap();
        assert!(message.contains(says), "{message:?} does not say {says:?}");
    }
}
