//! Blobs that a node lacks and another has.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, mpsc},
    thread,
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
use crate::world::{World, genesis, schema};

const NOTHING: &str = r#"{"type":"/problems/unknown","title":"Nothing here","status":404,"detail":"not here"}"#;

/// Another node, which answers every request alike and remembers what it was asked.
struct Other {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
    /// It answers nobody while this is held.
    gate: Arc<Mutex<()>>,
}

impl Other {
    fn start(status: &str, media: &str, body: &[u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: {media}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        let gate: Arc<Mutex<()>> = Arc::default();
        let (reply, heard, held) = ([head.as_bytes(), body].concat(), Arc::clone(&asked), Arc::clone(&gate));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (reply, heard, held) = (reply.clone(), Arc::clone(&heard), Arc::clone(&held));
                thread::spawn(move || answer(stream.unwrap(), (&heard, &held), &reply));
            }
        });
        Self { url, asked, gate }
    }

    fn without() -> Self {
        Self::start("404", "application/problem+json", NOTHING.as_bytes())
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(mut stream: TcpStream, (heard, gate): (&Mutex<Vec<String>>, &Mutex<()>), reply: &[u8]) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let Some(first) = lines.next() else { return };
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    heard.lock().unwrap().push(first.split(' ').nth(1).unwrap().to_owned());
    drop(gate.lock());
    drop(stream.write_all(reply));
}

/// A node beside others, whose ledger names a message of the key in the making, and the message's address.
fn naming(message: &[u8], others: &[String]) -> (Server, BlobAddress) {
    let named = BlobAddress::of(BlobKind::KeyGeneration, message);
    let mut world = World::bare(genesis(Quorum::DEFAULT));
    world.commit_all(CommitteeEpoch::new(0));
    let reveal = CommitteeReveal { epoch: CommitteeEpoch::new(0), subset: SubsetIndex::new(0), message: named.digest };
    world.act("member 1", Action::CommitteeReveal(reveal)).unwrap();
    world.block();
    (Server::beside(world.sequencer, others), named)
}

static MESSAGE: [u8; 98_304] = [4; 98_304];

#[test]
fn a_blob_that_a_node_lacks_comes_from_another_and_stays() {
    let (without, having) = (Other::without(), Server::start());
    let address = BlobAddress::of(BlobKind::KeyGeneration, &MESSAGE);
    assert_eq!(having.put(&path(address), BYTES, &MESSAGE).status, 201);
    let (server, named) = naming(&MESSAGE, &[without.url.clone(), having.running.url()]);
    assert_eq!(server.get(&path(named)).body, MESSAGE);
    let listed = server.get("/v1/blobs/key-generation").json();
    assert_eq!(listed["digests"], serde_json::json!([address.digest]));
    drop(having);
    assert_eq!(server.get(&path(named)).body, MESSAGE);
    assert!(without.asked().len() <= 1, "what is here is sought nowhere");
    let metrics = String::from_utf8(server.get("/metrics").body).unwrap();
    assert!(metrics.contains("locus_blobs_kept_bytes 98304"), "{metrics}");
}

#[test]
fn repro_readers_of_a_blob_that_is_being_fetched_wait_for_the_one_fetch_and_all_get_it() {
    let having = Other::start("200", BYTES, &MESSAGE);
    let (server, named) = naming(&MESSAGE, std::slice::from_ref(&having.url));
    let closed = having.gate.lock().unwrap();
    thread::scope(|scope| {
        let readers: Vec<_> = (0..4).map(|_| scope.spawn(|| server.get(&path(named)))).collect();
        while having.asked().is_empty() {
            thread::yield_now();
        }
        // Time for the others to come too. Who comes later finds it here, which is as right.
        (0..20).for_each(|_| assert_eq!(server.get("/health").status, 200));
        drop(closed);
        for reader in readers {
            let answer = reader.join().unwrap();
            assert_eq!((answer.status, answer.body.as_slice()), (200, &MESSAGE[..]));
        }
    });
    assert_eq!(having.asked().len(), 1);
}

#[test]
fn repro_clients_beyond_those_who_may_wait_for_a_blob_hear_so_at_once_and_what_blocks_is_still_answered() {
    let having = Other::start("200", BYTES, &MESSAGE);
    let (server, named) = naming(&MESSAGE, std::slice::from_ref(&having.url));
    let closed = having.gate.lock().unwrap();
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        // One fetches and six wait: three are left.
        for _ in 0..10 {
            let (tell, server) = (tell.clone(), &server);
            scope.spawn(move || tell.send(server.get(&path(named))).unwrap());
        }
        for answer in told.iter().take(3) {
            answer.refused(503, "who wait");
            assert_eq!(answer.header("retry-after"), "1");
        }
        assert_eq!(server.get("/v1/blobs/key-generation").json()["digests"], serde_json::json!([]));
        drop(closed);
        assert!(told.iter().take(7).all(|answer| answer.status == 200 && answer.body == MESSAGE));
    });
    assert_eq!(having.asked().len(), 1);
}

#[test]
fn repro_a_node_that_refuses_a_blob_is_not_asked_for_it_again_at_once_and_nobody_hears_that_there_is_none() {
    let refusing = Other::start("500", "text/plain", b"broken");
    let (server, named) = naming(&MESSAGE, std::slice::from_ref(&refusing.url));
    server.get(&path(named)).refused(503, &named.digest.to_string());
    server.get(&path(named)).refused(503, "try again");
    assert_eq!(refusing.asked().len(), 1);
}

#[test]
fn whether_a_panel_is_missing_is_not_said_before_every_node_was_asked() {
    let listed = |other: &Other| {
        let server = Server::beside(World::ready(Quorum::DEFAULT).sequencer, std::slice::from_ref(&other.url));
        server.index.follow(server.chain.ledger()).unwrap();
        server.get(&format!("/v1/schemas/{}/variants", schema().id().unwrap()))
    };
    let (refusing, without) = (Other::start("500", "text/plain", b"broken"), Other::without());
    let unsure = listed(&refusing);
    unsure.refused(503, &schema().panel.digest.to_string());
    assert_eq!(unsure.header("retry-after"), "1");
    let missing = listed(&without);
    assert_eq!(missing.status, 200);
    assert_eq!(missing.json(), serde_json::json!({ "at_hand": false, "items": [], "next": null }));
    assert_eq!([&refusing, &without].map(|other| other.asked().len()), [1, 1]);
}

#[test]
fn a_node_that_another_asks_asks_nobody() {
    let other = Other::without();
    let (server, named) = naming(&MESSAGE, std::slice::from_ref(&other.url));
    let marked = format!("{}?own=true", path(named));
    server.get(&marked).refused(404, &named.digest.to_string());
    assert!(other.asked().is_empty());
    server.get(&format!("{}?own=perhaps", path(named))).refused(400, "query string");
    server.get(&path(named)).refused(404, &named.digest.to_string());
    assert_eq!(other.asked(), [marked], "a node that asks says so");
}

#[test]
fn other_bytes_than_those_asked_for_are_refused_and_the_next_node_is_asked() {
    let ok = |bytes: &[u8]| Other::start("200", BYTES, bytes);
    let (lying, honest) = (ok(b"altered"), ok(&MESSAGE));
    let (server, named) = naming(&MESSAGE, &[lying.url.clone(), honest.url.clone()]);
    assert_eq!(server.get(&path(named)).body, MESSAGE);
    assert_eq!([&lying, &honest].map(|other| other.asked().len()), [1, 1]);
    let (server, named) = naming(&MESSAGE, std::slice::from_ref(&lying.url));
    server.get(&path(named)).refused(503, &named.digest.to_string());
    let kept = server.get("/v1/blobs/key-generation").json();
    assert_eq!(kept["digests"], serde_json::json!([]), "what is wrong is kept");
}

#[test]
fn what_nobody_has_is_not_sought_again_at_once() {
    let other = Other::without();
    let (server, named) = naming(&MESSAGE, std::slice::from_ref(&other.url));
    for _ in 0..20 {
        server.get(&path(named)).refused(404, &named.digest.to_string());
    }
    assert!(other.asked().len() < 5, "{:?}", other.asked());
}

#[test]
fn what_the_ledger_does_not_name_is_sought_nowhere_and_spreads_nowhere() {
    let having = Other::start("200", BYTES, &MESSAGE);
    let (server, _) = naming(b"another", std::slice::from_ref(&having.url));
    for kind in BlobKind::ALL {
        let address = BlobAddress::of(kind, &MESSAGE);
        server.get(&path(address)).refused(404, &address.digest.to_string());
    }
    assert!(having.asked().is_empty(), "{:?}", having.asked());
}

#[test]
fn a_node_that_cannot_be_reached_keeps_nobody_from_the_others() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let having = Other::start("200", BYTES, &MESSAGE);
    let (server, named) = naming(&MESSAGE, &[format!("http://{gone}"), having.url.clone()]);
    assert_eq!(server.get(&path(named)).body, MESSAGE);
}
