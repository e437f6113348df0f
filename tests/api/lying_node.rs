//! A node that lies about state, headers or inclusion is not believed.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use circuits::id::Digest;
use market::ledger::LedgerAccess;
use node::{
    block::SignedHeader,
    state::{StateKey, StateRead},
    units::Height,
};
use web::{
    api::ProvenState,
    client::{Remote, RemoteLedger},
};

use super::server::{Server, agent, answer};
use crate::world::account;

/// A proxy in front of an honest server; `alter` may change the path asked for and the body answered.
fn proxy(
    server: &Server,
    path: impl Fn(&str) -> String + Send + 'static,
    body: impl Fn(&str, Vec<u8>) -> Vec<u8> + Send + 'static,
) -> Remote {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let honest = server.running.url();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let Some(first) = lines.next() else { continue };
            let bytes = lines.take_while(|line| !line.is_empty()).any(|line| line.contains("octet-stream"));
            let asked = first.split(' ').nth(1).unwrap().to_owned();
            let accept = if bytes { "application/octet-stream" } else { "application/json" };
            let reply = answer(agent().get(format!("{honest}{}", path(&asked))).header("accept", accept).call());
            let media = reply.header("content-type").to_owned();
            let body = body(&asked, reply.body);
            let head = format!(
                "HTTP/1.1 {} X\r\ncontent-type: {media}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                reply.status,
                body.len()
            );
            let _ = stream.write_all(&[head.as_bytes(), &body].concat());
        }
    });
    Remote::new(&url).unwrap()
}

/// A ledger whose proven states are altered once the lying begins.
fn altered(server: &Server, alter: fn(&mut ProvenState)) -> RemoteLedger {
    let remote = proxy(server, str::to_owned, move |asked, body| {
        if !asked.starts_with("/v1/state-proofs/") {
            return body;
        }
        let mut proven: ProvenState = borsh::from_slice(&body).unwrap();
        alter(&mut proven);
        borsh::to_vec(&proven).unwrap()
    });
    RemoteLedger::connect(remote).unwrap()
}

#[track_caller]
fn disbelieved<T: std::fmt::Debug>(outcome: Result<T, impl std::fmt::Display + std::fmt::Debug>, text: &str) {
    let error = outcome.unwrap_err().to_string();
    assert!(error.contains(text), "{error:?} does not say {text:?}");
}

#[test]
fn an_unaltered_answer_through_the_proxy_is_believed() {
    let server = Server::start();
    let ledger = altered(&server, |_| {});
    assert_eq!(
        ledger.account(account("friend")).unwrap(),
        server.chain.snapshot().unwrap().account(account("friend")).unwrap()
    );
    assert_eq!(ledger.account(account("nobody")).unwrap(), None);
}

#[test]
fn an_altered_invented_or_hidden_value_is_not_believed() {
    let server = Server::start();
    let ledger = altered(&server, |proven| {
        if let Some(value) = &mut proven.proof.value {
            value[0] ^= 1;
        } else {
            proven.proof.value = Some(vec![1; 16]);
        }
    });
    disbelieved(ledger.account(account("friend")), "does not verify against root");
    disbelieved(ledger.account(account("nobody")), "does not verify against root");
    let ledger = altered(&server, |proven| proven.proof.value = None);
    disbelieved(ledger.query(server.collecting), "does not verify against root");
}

#[test]
fn repro_a_node_that_names_a_later_nonce_is_not_asked() {
    let server = Server::start();
    let later = |asked: &str, body: Vec<u8>| if asked.ends_with("next-nonce") { vec![9; 8] } else { body };
    let ledger = RemoteLedger::connect(proxy(&server, str::to_owned, later)).unwrap();
    let friend = server.chain.snapshot().unwrap().account(account("friend")).unwrap().unwrap();
    assert_eq!(ledger.next_nonce(account("friend")).unwrap(), friend.nonce);
    assert_eq!(ledger.next_nonce(account("nobody")).unwrap(), 0);
}

#[test]
fn a_value_of_another_key_is_not_believed() {
    let server = Server::start();
    let other = hex::encode(StateKey::Account(account("sponsor")).encode().unwrap());
    let remote = proxy(
        &server,
        move |asked| if asked.contains("state-proofs") { format!("/v1/state-proofs/{other}") } else { asked.into() },
        |_, body| body,
    );
    let ledger = RemoteLedger::connect(remote).unwrap();
    assert!(ledger.account(account("sponsor")).unwrap().is_some());
    disbelieved(ledger.account(account("friend")), "another key");
}

#[test]
fn a_header_that_the_validators_did_not_sign_is_not_believed() {
    let server = Server::start();
    let ledger = altered(&server, |proven| {
        proven.header.as_mut().unwrap().header.state = Digest::from_bytes([7; 32]);
    });
    disbelieved(ledger.account(account("friend")), "signature");
    let ledger = altered(&server, |proven| proven.header.as_mut().unwrap().certificate.signatures.clear());
    disbelieved(ledger.account(account("friend")), "validators with 0 of 1 votes signed");
    let ledger = altered(&server, |proven| proven.header = None);
    disbelieved(ledger.account(account("friend")), "does not verify against root");
}

#[test]
fn a_node_that_goes_back_to_an_older_state_is_not_believed() {
    let server = Server::start();
    let lying = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&lying);
    let remote = proxy(
        &server,
        move |asked| {
            let old = told.load(Ordering::Relaxed) && asked.contains("state-proofs");
            if old { format!("{asked}?height=2") } else { asked.into() }
        },
        |_, body| body,
    );
    let ledger = RemoteLedger::connect(remote).unwrap();
    assert!(ledger.account(account("friend")).unwrap().is_some());
    lying.store(true, Ordering::Relaxed);
    disbelieved(ledger.account(account("friend")), "went back");
}

#[test]
fn blocks_headers_and_inclusions_are_those_asked_for() {
    let server = Server::start();
    let shifted = |asked: &str| asked.replace("/v1/blocks/3", "/v1/blocks/2");
    let ledger = RemoteLedger::connect(proxy(&server, shifted, |_, body| body)).unwrap();
    assert!(ledger.block(Height::new(2)).unwrap().is_some());
    disbelieved(ledger.block(Height::new(3)), "not the one asked for");
    disbelieved(ledger.header(Height::new(3)), "not the one asked for");
    let cut = |asked: &str, body: Vec<u8>| {
        if asked != "/v1/blocks/1" {
            return body;
        }
        let mut block: node::block::Block = borsh::from_slice(&body).unwrap();
        block.transactions.pop();
        borsh::to_vec(&block).unwrap()
    };
    let ledger = RemoteLedger::connect(proxy(&server, str::to_owned, cut)).unwrap();
    disbelieved(ledger.block(Height::new(1)), "transaction_count");

    let snapshot = server.chain.snapshot().unwrap();
    let transaction = snapshot.block(Height::new(1)).unwrap().unwrap().transactions[1].id().unwrap();
    let elsewhere = |_: &str, body: Vec<u8>| match String::from_utf8(body) {
        Ok(text) => text.replace("\"index\":1", "\"index\":2").into_bytes(),
        Err(error) => error.into_bytes(),
    };
    let ledger = RemoteLedger::connect(proxy(&server, str::to_owned, elsewhere)).unwrap();
    disbelieved(ledger.status(transaction), "another transaction");
    let _: SignedHeader = RemoteLedger::connect(server.remote()).unwrap().header(Height::new(1)).unwrap().unwrap();
    assert!(RemoteLedger::connect(server.remote()).unwrap().status(transaction).is_ok());
}

#[test]
fn what_another_number_of_transactions_did_is_not_believed() {
    let server = Server::start();
    let [honest, lying] = [false, true].map(|lies| {
        let path = move |asked: &str| match asked {
            "/v1/blocks/1/events" if lies => "/v1/blocks/2/events".into(),
            asked => asked.to_owned(),
        };
        RemoteLedger::connect(proxy(&server, path, |_, body| body)).unwrap()
    });
    let snapshot = server.chain.snapshot().unwrap();
    let of = |height| snapshot.events(Height::new(height)).unwrap();
    assert_ne!(of(1).unwrap().transactions.len(), of(2).unwrap().transactions.len());
    assert_eq!(honest.events(Height::new(1)).unwrap(), of(1));
    assert_eq!(lying.events(Height::new(2)).unwrap(), of(2));
    disbelieved(lying.events(Height::new(1)), "another number of transactions");
    assert_eq!(honest.events(Height::new(1_000)).unwrap(), None);
}

#[test]
fn the_state_before_the_first_block_is_the_geneses_own() {
    let genesis = crate::world::genesis(circuits::quorum::Quorum::DEFAULT);
    let world = crate::world::World::bare(genesis.clone());
    let snapshot = world.ledger().snapshot().unwrap();
    let proof = snapshot.prove(StateKey::Account(account("friend")), Height::default()).unwrap();
    proof.verify(node::genesis_root(&genesis).unwrap()).unwrap();
}
