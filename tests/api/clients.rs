//! The HTTP ledger is a ledger like any other, and a lying server is noticed.

use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
};

use circuits::id::ChainId;
use market::ledger::{LedgerAccess, QueryWatch, act, sync_tree, tip};
use node::{
    state::{StateKey, StateRead},
    transaction::{Action, Transfer},
    units::{Amount, Height},
};
use web::client::{Remote, RemoteBlobs, RemoteLedger};

use super::server::Server;
use crate::world::{account, key};

#[test]
fn a_remote_ledger_reads_what_the_ledger_holds() {
    let server = Server::start();
    let remote = RemoteLedger::connect_to(server.remote(), server.chain.ledger().chain()).unwrap();
    let snapshot = server.chain.snapshot().unwrap();
    assert_eq!(remote.genesis(), server.chain.ledger().genesis());
    assert_eq!(tip(&remote).unwrap(), snapshot.latest().unwrap());
    assert_eq!(remote.query(server.collecting).unwrap(), snapshot.query(server.collecting).unwrap());
    assert_eq!(remote.account(account("nobody")).unwrap(), None);
    let height = snapshot.latest().unwrap().height;
    assert_eq!(remote.block(height).unwrap(), snapshot.block(height).unwrap());
    assert_eq!(remote.header(height).unwrap(), snapshot.header(height).unwrap());
    assert_eq!(remote.block(height.next()).unwrap(), None);
    let proof = remote.prove(height, StateKey::Query(server.aggregated)).unwrap();
    proof.verify(snapshot.header(height).unwrap().unwrap().header.state).unwrap();
    assert_eq!(sync_tree(&remote).unwrap().root, server.chain.ledger().leaf_tree().root());
    let opened = QueryWatch::default().poll(&remote).unwrap();
    assert_eq!(opened, vec![server.aggregated, server.collecting]);
}

#[test]
fn an_action_through_the_remote_ledger_settles() {
    let server = Server::start();
    let remote = RemoteLedger::connect(server.remote()).unwrap();
    let transfer = || Action::Transfer(Transfer { to: account("sponsor"), amount: Amount::new(1) });
    let first = act(&remote, &key("friend"), transfer()).unwrap();
    let second = act(&remote, &key("friend"), transfer()).unwrap();
    assert!(first.height < second.height);
    assert!(remote.prove(Height::new(1_000_000), StateKey::Tip()).is_err());
}

#[test]
fn a_server_of_another_chain_is_refused() {
    let server = Server::start();
    let expected = ChainId::from_bytes([9; 32]);
    let error = RemoteLedger::connect_to(server.remote(), expected).unwrap_err().to_string();
    assert!(error.contains(&expected.to_string()), "{error}");
}

/// A server that answers every request with these bytes.
fn liar(answer: &'static [u8]) -> Remote {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().take(8) {
            let mut stream = stream.unwrap();
            let mut request = [0; 4_096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer);
        }
    });
    Remote::new(&url).unwrap()
}

#[test]
fn foreign_malformed_and_endless_answers_are_named_as_such() {
    let page = liar(b"HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\nconnection: close\r\n\r\nnope");
    let error = RemoteLedger::connect(page).unwrap_err().to_string();
    assert!(error.contains("without a problem document"), "{error}");
    let garbage = liar(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc");
    let error = RemoteLedger::connect(garbage).unwrap_err().to_string();
    assert!(error.contains("unusable answer"), "{error}");
    let endless = liar(
        b"HTTP/1.1 200 OK\r\ncontent-length: 200\r\nconnection: close\r\n\r\nabcdefghijklmnopqrstuvwxyz\
          abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz\
          abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
    );
    assert!(endless.bytes("/v1/head", 10).unwrap_err().to_string().contains("longer than 10 bytes"));
    let moved =
        liar(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    assert!(moved.bytes("/v1/head", 10).is_err());
}

#[test]
fn a_server_that_alters_a_blob_is_noticed() {
    let altering = liar(b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\nconnection: close\r\n\r\naltered");
    let address = market::objects::BlobAddress::of(market::objects::BlobKind::Blob, b"honest");
    let got = market::objects::get(&RemoteBlobs::new(altering), address, 100);
    assert!(matches!(got, Err(market::Error::BlobDamaged { .. })));
}

#[test]
fn an_address_that_is_no_http_server_is_refused_with_the_remedy() {
    for url in ["https://localhost:1", "localhost:8080", "ftp://x", "", "http//x"] {
        let error = Remote::new(url).unwrap_err().to_string();
        assert!(error.contains("http://host:port"), "{url}: {error}");
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = RemoteLedger::connect(Remote::new(&url).unwrap()).unwrap_err().to_string();
    assert!(error.contains("locus serve") && error.contains(&url), "{error}");
}
