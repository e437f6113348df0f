//! Blobs: stored under their digest alone, within bounds and quota.

use circuits::{
    id::{Digest, QueryId},
    quorum::{Quorum, SubsetIndex},
};
use market::objects::{self, BlobAccess, BlobAddress, BlobKind, Objects};
use node::{
    signature::sign,
    state::QueryStatus,
    transaction::{Action, CommitteeReveal, ComponentDigests, SubmitComponents, aggregate_message},
    units::CommitteeEpoch,
};
use proptest::prelude::*;
use web::client::RemoteBlobs;

use super::server::{BYTES, DOCUMENTS_QUOTA, QUOTA, Server};
use crate::world::{World, digest, genesis, key, member_name};

pub fn path(address: BlobAddress) -> String {
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
    let room = usize::try_from(DOCUMENTS_QUOTA).unwrap() - large.len();
    let beyond = vec![2; room + 1];
    let limit = DOCUMENTS_QUOTA.to_string();
    server.put(&path(BlobAddress::of(BlobKind::Blob, &beyond)), BYTES, &beyond).refused(507, &limit);
    let last = vec![2; room];
    assert_eq!(server.put(&path(BlobAddress::of(BlobKind::Blob, &last)), BYTES, &last).status, 201);
    // What is here already needs no room, and documents leave the protocol its own.
    assert_eq!(server.put(&path(blob), BYTES, &large).status, 204);
    let sum = vec![3; 98_304];
    assert_eq!(server.put(&path(BlobAddress::of(BlobKind::Aggregate, &sum)), BYTES, &sum).status, 201);
}

#[test]
fn repro_a_full_node_takes_uploads_again_once_blobs_were_removed_beside_it() {
    let server = Server::start();
    let blob = |number| vec![number; 1 << 20];
    let at = |bytes: &[u8]| BlobAddress::of(BlobKind::Blob, bytes);
    let put = |number| server.put(&path(at(&blob(number))), BYTES, &blob(number)).status;
    let full = u8::try_from(DOCUMENTS_QUOTA >> 20).unwrap();
    assert!((0..full).all(|number| put(number) == 201));
    // As `locus objects gc` does, on the folder where the node runs.
    let store = Objects::directory(&server.directory.path().join("blobs")).unwrap();
    store.remove(at(&blob(0))).unwrap();
    assert_eq!(put(full), 201);
    assert_eq!(put(full + 1), 507, "what is there still counts");
}

/// Fills the protocol's share of a server's disk with blobs that nobody asked for.
pub fn fill(server: &Server) {
    let junk = |number: u8| {
        let mut bytes = vec![number; 1 << 20];
        bytes[0] = !number;
        bytes
    };
    for number in 0..=u8::MAX {
        let bytes = junk(number);
        let address = BlobAddress::of(BlobKind::Ciphertext, &bytes);
        match server.put(&path(address), BYTES, &bytes).status {
            201 => {}
            status => {
                assert_eq!((status, u64::from(number) << 20), (507, QUOTA - DOCUMENTS_QUOTA));
                return;
            }
        }
    }
}

#[test]
fn repro_a_store_that_strangers_filled_takes_what_the_ledger_names() {
    let (named, stranger) = (vec![4; 98_304], vec![5; 98_304]);
    let message = BlobAddress::of(BlobKind::KeyGeneration, &named);
    let mut world = World::bare(genesis(Quorum::DEFAULT));
    world.commit_all(CommitteeEpoch::new(0));
    let reveal =
        CommitteeReveal { epoch: CommitteeEpoch::new(0), subset: SubsetIndex::new(0), message: message.digest };
    world.act("member 1", Action::CommitteeReveal(reveal)).unwrap();
    world.block();
    let nothing = QueryId::from_bytes([0; 32]);
    let server = Server::over(world.sequencer, nothing, nothing);
    fill(&server);
    server.put(&path(BlobAddress::of(BlobKind::KeyGeneration, &stranger)), BYTES, &stranger).refused(507, "no room");
    let unnamed = BlobAddress { kind: BlobKind::SealedComponent, ..BlobAddress::of(BlobKind::SealedComponent, &named) };
    server.put(&path(unnamed), BYTES, &named).refused(507, "no room");
    assert_eq!(server.put(&path(message), BYTES, &named).status, 201);
    assert_eq!(server.get(&path(message)).body, named);
}

/// A released query whose first ciphertext, sum and components have these digests.
pub fn released(world: &mut World, ciphertext: Digest, sum: Digest, sealed: Digest) -> QueryId {
    let query = world.open(world.query()).unwrap();
    for number in 0..2 {
        let mut contribution = world.contribution(query, number);
        if number == 0 {
            contribution.parts[0].ciphertext = ciphertext;
            world.prove(&mut contribution, 0);
            contribution.parts[0].receipts = world.receipts(&contribution, 0, &[0, 1, 2]);
        }
        world.contribute(contribution).unwrap();
    }
    world.block();
    world.pass_days(11);
    world.act("friend", Action::Seal(query)).unwrap();
    world.block();
    let mut aggregate = world.aggregate(query, &[0, 1]);
    aggregate.parts = vec![sum];
    let message = aggregate_message(&world.ledger().chain(), &query, &aggregate.set, &aggregate.parts);
    for signed in &mut aggregate.signatures {
        signed.signature = sign(&key(&member_name(signed.member.get())), &message);
    }
    world.act("friend", Action::Aggregate(aggregate)).unwrap();
    for member in 0..3 {
        let component = ComponentDigests { sealed, opened: digest("opened") };
        let components = SubmitComponents { query, parts: vec![vec![component; 3]] };
        world.act(&member_name(member), Action::SubmitComponents(components)).unwrap();
    }
    world.block();
    assert!(matches!(world.state(query).status, QueryStatus::Released { .. }));
    query
}

#[test]
fn repro_a_full_store_takes_admitted_ciphertexts_signed_sums_and_accepted_components() {
    let bytes = [7, 8, 9].map(|number| vec![number; 98_304]);
    let kinds = [BlobKind::Ciphertext, BlobKind::Aggregate, BlobKind::SealedComponent];
    let named: [BlobAddress; 3] = std::array::from_fn(|place| BlobAddress::of(kinds[place], &bytes[place]));
    let mut world = World::ready(Quorum::DEFAULT);
    released(&mut world, named[0].digest, named[1].digest, named[2].digest);
    let nothing = QueryId::from_bytes([0; 32]);
    let server = Server::over(world.sequencer, nothing, nothing);
    fill(&server);
    for kind in kinds {
        let stranger = vec![10; 98_304];
        server.put(&path(BlobAddress::of(kind, &stranger)), BYTES, &stranger).refused(507, "no room");
    }
    for (address, bytes) in named.into_iter().zip(&bytes) {
        assert_eq!(server.put(&path(address), BYTES, bytes).status, 201, "{address}");
    }
}

#[test]
fn repro_a_blob_uploaded_many_times_at_once_is_counted_once() {
    let server = Server::start();
    let bytes = vec![6; 1 << 20];
    let address = BlobAddress::of(BlobKind::SealedComponent, &bytes);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let put = || scope.spawn(|| server.put(&path(address), BYTES, &bytes).status);
        let uploads: Vec<_> = (0..8).map(|_| put()).collect();
        uploads.into_iter().map(|upload| upload.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    let metrics = String::from_utf8(server.get("/metrics").body).unwrap();
    assert!(metrics.contains("locus_blobs_kept_bytes 1048576"), "{metrics}");
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
