//! Blobs that a node lacks and another has.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use circuits::quorum::{Quorum, SubsetIndex};
use market::objects::{BlobAddress, BlobKind};
use node::{
    transaction::{Action, CommitteeReveal},
    units::CommitteeEpoch,
};

use super::{
    blobs::path,
    server::{BYTES, Server},
};
use crate::world::{World, genesis};

const NOTHING: &str = r#"{"type":"/problems/unknown","title":"Nothing here","status":404,"detail":"not here"}"#;
const PATIENCE: Duration = Duration::from_secs(60);

/// Another node, which answers every request alike and remembers what it was asked.
struct Other {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Other {
    fn start(status: &str, media: &str, body: &[u8], hold: Arc<AtomicBool>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: {media}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        let (reply, heard) = ([head.as_bytes(), body].concat(), Arc::clone(&asked));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (reply, heard, hold) = (reply.clone(), Arc::clone(&heard), Arc::clone(&hold));
                thread::spawn(move || answer(stream.unwrap(), &heard, &hold, &reply));
            }
        });
        Self { url, asked }
    }

    fn without() -> Self {
        Self::start("404", "application/problem+json", NOTHING.as_bytes(), Arc::default())
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(mut stream: TcpStream, heard: &Mutex<Vec<String>>, hold: &AtomicBool, reply: &[u8]) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let Some(first) = lines.next() else { return };
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    heard.lock().unwrap().push(first.split(' ').nth(1).unwrap().to_owned());
    while hold.load(Ordering::Acquire) {
        thread::sleep(Duration::from_millis(5));
    }
    drop(stream.write_all(reply));
}

fn beside(others: &[&Other]) -> Server {
    let others: Vec<_> = others.iter().map(|other| other.url.clone()).collect();
    Server::beside(World::bare(genesis(Quorum::DEFAULT)).sequencer, &others)
}

#[test]
fn a_blob_that_a_node_lacks_comes_from_another_and_stays() {
    let (without, having) = (Other::without(), Server::start());
    let address = BlobAddress::of(BlobKind::Blob, b"a protocol");
    assert_eq!(having.put(&path(address), BYTES, b"a protocol").status, 201);
    let others = [without.url.clone(), having.running.url()];
    let server = Server::beside(World::bare(genesis(Quorum::DEFAULT)).sequencer, &others);
    assert_eq!(server.get(&path(address)).body, b"a protocol");
    let listed = server.get("/v1/blobs/blob").json();
    assert_eq!(listed["digests"], serde_json::json!([address.digest]));
    drop(having);
    assert_eq!(server.get(&path(address)).body, b"a protocol");
    assert_eq!(without.asked().len(), 1, "what is here is sought nowhere");
    let metrics = String::from_utf8(server.get("/metrics").body).unwrap();
    assert!(metrics.contains("locus_blobs_kept_bytes 10"), "{metrics}");
}

#[test]
fn a_node_that_another_asks_asks_nobody() {
    let other = Other::without();
    let server = beside(&[&other]);
    let address = BlobAddress::of(BlobKind::Blob, b"nowhere");
    let marked = format!("{}?own=true", path(address));
    server.get(&marked).refused(404, &address.digest.to_string());
    assert!(other.asked().is_empty());
    server.get(&format!("{}?own=perhaps", path(address))).refused(400, "query string");
    server.get(&path(address)).refused(404, &address.digest.to_string());
    assert_eq!(other.asked(), [marked], "a node that asks says so");
}

#[test]
fn other_bytes_than_those_asked_for_are_refused_and_the_next_node_is_asked() {
    let (lying, honest) = (b"altered", b"honest!");
    let ok = |bytes: &[u8]| Other::start("200", BYTES, bytes, Arc::default());
    let others = [ok(lying), ok(honest)];
    let server = beside(&[&others[0], &others[1]]);
    let address = BlobAddress::of(BlobKind::Blob, honest);
    assert_eq!(server.get(&path(address)).body, honest);
    assert_eq!(others.map(|other| other.asked().len()), [1, 1]);
    let (only, address) = (ok(lying), BlobAddress::of(BlobKind::Blob, b"a third"));
    let server = beside(&[&only]);
    server.get(&path(address)).refused(404, &address.digest.to_string());
    assert_eq!(server.get("/v1/blobs/blob").json()["digests"], serde_json::json!([]), "what is wrong is kept");
}

#[test]
fn what_nobody_has_is_not_sought_again_at_once() {
    let other = Other::without();
    let server = beside(&[&other]);
    let address = BlobAddress::of(BlobKind::Blob, b"nowhere");
    for _ in 0..20 {
        server.get(&path(address)).refused(404, &address.digest.to_string());
    }
    assert!(other.asked().len() < 5, "{:?}", other.asked());
}

#[test]
fn what_strangers_make_up_is_sought_for_a_few_at_once() {
    let hold = Arc::new(AtomicBool::new(true));
    let other = Other::start("404", "application/problem+json", NOTHING.as_bytes(), Arc::clone(&hold));
    let server = beside(&[&other]);
    let sought = |number: u8| path(BlobAddress::of(BlobKind::Blob, &[number]));
    thread::scope(|scope| {
        let (server, sought) = (&server, &sought);
        let waiting: Vec<_> = (0..4).map(|number| scope.spawn(move || server.get(&sought(number)).status)).collect();
        let started = Instant::now();
        while other.asked().len() < 4 {
            assert!(started.elapsed() < PATIENCE, "only {:?} were asked for", other.asked());
            thread::sleep(Duration::from_millis(5));
        }
        let refused = server.get(&sought(4));
        hold.store(false, Ordering::Release);
        refused.refused(503, "try again in a moment");
        assert_eq!(refused.header("retry-after"), "1");
        waiting.into_iter().for_each(|waiting| assert_eq!(waiting.join().unwrap(), 404));
    });
    assert_eq!(other.asked().len(), 4);
    assert_eq!(server.get(&sought(4)).status, 404);
}

#[test]
fn ciphertexts_and_key_messages_are_sought_once_the_ledger_names_them_and_genomes_never() {
    let message = [4; 98_304];
    let having = Other::start("200", BYTES, &message, Arc::default());
    let nobody = beside(&[&having]);
    for kind in [BlobKind::KeyGeneration, BlobKind::Ciphertext, BlobKind::Genome, BlobKind::GenomeHeader] {
        let address = BlobAddress::of(kind, &message);
        nobody.get(&path(address)).refused(404, &address.digest.to_string());
    }
    assert!(having.asked().is_empty(), "{:?}", having.asked());

    let named = BlobAddress::of(BlobKind::KeyGeneration, &message);
    let mut world = World::bare(genesis(Quorum::DEFAULT));
    world.commit_all(CommitteeEpoch::new(0));
    let reveal = CommitteeReveal { epoch: CommitteeEpoch::new(0), subset: SubsetIndex::new(0), message: named.digest };
    world.act("member 1", Action::CommitteeReveal(reveal)).unwrap();
    world.block();
    let server = Server::beside(world.sequencer, &[having.url.clone()]);
    assert_eq!(server.get(&path(named)).body, message);
    assert_eq!(having.asked().len(), 1);
}

#[test]
fn a_node_that_cannot_be_reached_keeps_nobody_waiting() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let having = Server::start();
    let address = BlobAddress::of(BlobKind::Panel, b"a panel");
    assert_eq!(having.put(&path(address), BYTES, b"a panel").status, 201);
    let others = [format!("http://{gone}"), having.running.url()];
    let server = Server::beside(World::bare(genesis(Quorum::DEFAULT)).sequencer, &others);
    assert_eq!(server.get(&path(address)).body, b"a panel");
}
