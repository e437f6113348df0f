//! What committee members do again and again, and what they do meanwhile.

use std::{
    fs,
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

use circuits::{id::QueryId, quorum::Quorum};
use market::{
    Error,
    aggregator::sum_part,
    committee::{
        access::{CommitteeAccess, KeepCiphertext, SignAggregate},
        local::LocalCommittee,
        member::Member,
    },
    ledger::surviving,
    objects::{BlobAccess, BlobAddress, BlobKind, Objects},
};
use node::state::QueryStatus;

use crate::world::{World, four_people, member, member_folder};

/// A sealed query of four people, and what members are asked to sign for it.
fn sealed(folder: &std::path::Path) -> (World, SignAggregate) {
    let mut world = World::ready(folder, Quorum::DEFAULT);
    let mut wallets = world.people(&four_people());
    let query = world.query(2, 10);
    world.answer_all(&mut wallets, query);
    world.seal(query);
    let state = world.state(query);
    let QueryStatus::Sealed { set, .. } = state.status else { panic!("{:?}", state.status) };
    let contributions = surviving(world.ledger(), query, &state).unwrap();
    let sum = |part| sum_part(world.blobs.as_ref(), &contributions, part).unwrap().finish().digest();
    let parts = (0..state.query.parts.len()).map(sum).collect();
    (world, SignAggregate { query, set, parts })
}

#[test]
fn a_member_adds_up_a_sealed_set_once_and_signs_no_other_sum_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (world, request) = sealed(folder.path());
    let first = world.committee.sign(member(0), &request).unwrap();
    for place in [world.root.join("blobs"), member_folder(&world.root, 0), member_folder(&world.root, 1)] {
        fs::remove_dir_all(place.join("ciphertexts").join("ciphertext")).ok();
        fs::remove_dir_all(place.join("ciphertext")).ok();
    }
    assert_eq!(world.committee.sign(member(0), &request).unwrap(), first);
    let mut other = request.clone();
    other.parts.swap(0, 1);
    assert!(world.committee.sign(member(0), &other).unwrap_err().to_string().contains("its own sums"));
    assert!(matches!(world.committee.sign(member(1), &request), Err(Error::BlobMissing { .. })));
}

/// A store that, whenever it is read, asks the reading member for something else.
struct Interrupting {
    inner: Arc<Objects>,
    query: QueryId,
    committee: OnceLock<Weak<LocalCommittee>>,
    refusals: AtomicUsize,
}

impl BlobAccess for Interrupting {
    fn write(&self, address: BlobAddress, bytes: Vec<u8>) -> Result<(), Error> {
        self.inner.write(address, bytes)
    }

    fn read(&self, address: BlobAddress, bytes_max: usize) -> Result<Option<Vec<u8>>, Error> {
        let committee = self.committee.get().unwrap().upgrade().unwrap();
        let late = KeepCiphertext { query: self.query, part: 0, ciphertext: vec![] };
        assert!(committee.keep(member(0), &late).unwrap_err().to_string().contains("collects no part"));
        self.refusals.fetch_add(1, Ordering::SeqCst);
        self.inner.read(address, bytes_max)
    }

    fn list(&self, kind: BlobKind) -> Result<Vec<BlobAddress>, Error> {
        self.inner.list(kind)
    }
}

#[test]
fn a_member_answers_others_while_it_adds_up() {
    let folder = tempfile::tempdir().unwrap();
    let (world, request) = sealed(folder.path());
    let own = member_folder(&world.root, 0);
    fs::remove_dir_all(own.join("ciphertexts")).unwrap();
    let member_0 = Member::open(&own, world.keys.members[0].clone(), world.ledger()).unwrap();
    let blobs = Arc::new(Interrupting {
        inner: Arc::clone(&world.blobs),
        query: request.query,
        committee: OnceLock::new(),
        refusals: AtomicUsize::new(0),
    });
    let committee =
        Arc::new(LocalCommittee::new(vec![member_0], Arc::clone(&world.ledger) as _, Arc::clone(&blobs) as _));
    blobs.committee.set(Arc::downgrade(&committee)).unwrap();
    committee.sign(member(0), &request).unwrap();
    // Four ciphertexts of each of two parts, every one read once.
    assert_eq!(blobs.refusals.load(Ordering::SeqCst), 8);
    committee.sign(member(0), &request).unwrap();
    assert_eq!(blobs.refusals.load(Ordering::SeqCst), 8);
}
