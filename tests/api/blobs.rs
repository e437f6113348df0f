//! Blobs: stored under their digest alone, within bounds and quota.

use market::objects::{self, BlobAccess, BlobAddress, BlobKind};
use proptest::prelude::*;
use web::client::RemoteBlobs;

use super::server::{BYTES, QUOTA, Server};

fn path(address: BlobAddress) -> String {
    format!("/v1/blobs/{}/{}", address.kind.name(), address.digest)
}

#[test]
fn a_blob_is_stored_once_served_for_ever_and_listed() {
    let server = Server::start();
    let bytes = vec![7; 98_304];
    let address = BlobAddress::of(BlobKind::Ciphertext, &bytes);
    server.get(&path(address)).refused(404, &address.digest.to_string());
    assert_eq!(server.put(&path(address), BYTES, &bytes).status, 201);
    assert_eq!(server.put(&path(address), BYTES, &bytes).status, 204);
    let got = server.get(&path(address));
    assert_eq!((got.status, got.body.as_slice()), (200, bytes.as_slice()));
    assert!(got.header("cache-control").contains("immutable"));
    assert_eq!(got.header("content-length"), "98304");
    let listed = server.get("/v1/blobs/ciphertext").json();
    assert_eq!(listed, serde_json::json!({"digests": [address.digest], "next": null}));
}

#[test]
fn bytes_under_another_digest_or_kind_are_refused_and_nothing_is_kept() {
    let server = Server::start();
    let address = BlobAddress::of(BlobKind::Ciphertext, b"honest");
    server.put(&path(address), BYTES, b"altered").refused(400, &address.digest.to_string());
    let other_kind = BlobAddress { kind: BlobKind::Aggregate, ..address };
    server.put(&path(other_kind), BYTES, b"honest").refused(400, "its digest is");
    server.put("/v1/blobs/secret/00", BYTES, b"x").refused(400, "kind of blob");
    server.put("/v1/blobs/blob/00", BYTES, b"x").refused(400, "64 hex digits");
    server.put(&path(address), "text/plain", b"honest").refused(415, BYTES);
    server.get("/v1/blobs/blob?after=x").refused(400, "64 hex digits");
    for kind in BlobKind::ALL {
        assert_eq!(server.get(&format!("/v1/blobs/{}", kind.name())).json()["digests"].as_array().unwrap().len(), 0);
    }
}

#[test]
fn an_oversized_blob_and_one_beyond_the_quota_are_refused() {
    let server = Server::start();
    let large = vec![1; (1 << 20) + 1];
    let ciphertext = BlobAddress::of(BlobKind::Ciphertext, &large);
    server.put(&path(ciphertext), BYTES, &large).refused(413, "1048576");
    let blob = BlobAddress::of(BlobKind::Blob, &large);
    assert_eq!(server.put(&path(blob), BYTES, &large).status, 201);
    let room = usize::try_from(QUOTA).unwrap() - large.len();
    let beyond = vec![2; room + 1];
    server.put(&path(BlobAddress::of(BlobKind::Blob, &beyond)), BYTES, &beyond).refused(507, &QUOTA.to_string());
    let last = vec![2; room];
    assert_eq!(server.put(&path(BlobAddress::of(BlobKind::Blob, &last)), BYTES, &last).status, 201);
    // What is here already needs no room.
    assert_eq!(server.put(&path(blob), BYTES, &large).status, 204);
}

#[test]
fn a_blob_damaged_on_disk_is_not_served_and_a_second_upload_heals_it() {
    let server = Server::start();
    let address = BlobAddress::of(BlobKind::Blob, b"sound");
    assert_eq!(server.put(&path(address), BYTES, b"sound").status, 201);
    let digest = address.digest.to_string();
    let file = server.directory.path().join("blobs/blob").join(&digest[..2]).join(&digest);
    std::fs::write(&file, b"altered").unwrap();
    let answer = server.get(&path(address));
    answer.refused(500, "operator");
    assert!(!String::from_utf8_lossy(&answer.body).contains("altered"));
    assert_eq!(server.put(&path(address), BYTES, b"sound").status, 201);
    assert_eq!(server.get(&path(address)).body, b"sound");
}

#[test]
fn the_client_is_a_store_like_any_other() {
    let server = Server::start();
    let store = RemoteBlobs::new(server.remote());
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(12));
    runner
        .run(&any::<Vec<u8>>(), |bytes| {
            let address = objects::put(&store, BlobKind::SealedComponent, bytes.clone()).unwrap();
            prop_assert_eq!(objects::get(&store, address, 1 << 20).unwrap(), bytes);
            prop_assert!(store.list(BlobKind::SealedComponent).unwrap().contains(&address));
            Ok(())
        })
        .unwrap();
    let absent = BlobAddress::of(BlobKind::Blob, b"absent");
    assert!(
        matches!(objects::get(&store, absent, 10), Err(market::Error::BlobMissing { address }) if address == absent)
    );
    let address = objects::put(&store, BlobKind::Blob, vec![0; 101]).unwrap();
    assert!(matches!(objects::get(&store, address, 100), Err(market::Error::BlobStore { .. })));
}

#[test]
fn a_listing_of_more_blobs_than_a_page_is_complete() {
    let server = Server::start();
    let store = market::objects::Objects::directory(&server.directory.path().join("blobs")).unwrap();
    let put = |number: u32| objects::put(&store, BlobKind::Blob, number.to_le_bytes().to_vec()).unwrap();
    let mut expected: Vec<_> = (0..501).map(put).collect();
    expected.sort_unstable();
    assert_eq!(RemoteBlobs::new(server.remote()).list(BlobKind::Blob).unwrap(), expected);
}
