//! What committee members do again and again, what they do meanwhile, and what they do when time passes.

use std::{
    fs,
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

use circuits::{
    id::{AccountId, Digest, QueryId},
    quorum::{Quorum, SubsetIndex},
};
use market::{
    Error,
    aggregator::sum,
    committee::{
        access::{CommitteeAccess, SignAggregate},
        local::LocalCommittee,
        member::{Duty, Member},
    },
    ledger::{act, tip},
    objects::{BlobAccess, BlobAddress, BlobKind, Objects},
    researcher::decrypt,
};
use node::{
    state::{CommitteeStage, QueryStatus, StateRead},
    transaction::{Action, CommitteeReveal},
    units::CommitteeEpoch,
};
use rand::{SeedableRng, rngs::StdRng};

use crate::{
    fault::{Fault, FaultyLedger, keep_nothing},
    world::{FOUR_PEOPLE_SUMS, KEY_RETENTION_BLOCKS, KEY_STEP_BLOCKS_MAX, World, four_people, member, member_folder},
};

/// A sealed query of four people, and what members are asked to sign for it.
fn sealed(folder: &std::path::Path) -> (World, SignAggregate) {
    let mut world = World::ready(folder, Quorum::DEFAULT);
    let mut wallets = world.people(&four_people());
    let query = world.query(2, 10);
    world.answer_all(&mut wallets, query);
    world.seal(query);
    let state = world.state(query);
    let QueryStatus::Sealed { set, .. } = state.status else { panic!("{:?}", state.status) };
    let sums = sum(world.ledger(), world.blobs.as_ref(), query, &state, &mut |_| Ok(())).unwrap();
    let parts = sums.into_iter().map(|sum| sum.finish().digest()).collect();
    (world, SignAggregate { query, set, parts })
}

#[test]
fn a_member_adds_up_a_sealed_set_once_and_signs_no_other_sum_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (world, request) = sealed(folder.path());
    let first = world.committee.sign(world.account(0), &request).unwrap();
    let own = |index| member_folder(&world.root, index).join("epochs/0/ciphertexts");
    for place in [world.root.join("blobs"), own(0), own(1)] {
        fs::remove_dir_all(place.join("ciphertext")).unwrap();
    }
    assert_eq!(world.committee.sign(world.account(0), &request).unwrap(), first);
    let mut other = request.clone();
    other.parts.swap(0, 1);
    assert!(world.committee.sign(world.account(0), &other).unwrap_err().to_string().contains("its own sums"));
    assert!(matches!(world.committee.sign(world.account(1), &request), Err(Error::BlobMissing { .. })));
}

/// A store that, whenever it is read, asks the reading member for something else.
struct Interrupting {
    inner: Arc<Objects>,
    query: QueryId,
    member: AccountId,
    committee: OnceLock<Weak<LocalCommittee>>,
    refusals: AtomicUsize,
}

impl BlobAccess for Interrupting {
    fn write(&self, address: BlobAddress, bytes: Vec<u8>) -> Result<(), Error> {
        self.inner.write(address, bytes)
    }

    fn read(&self, address: BlobAddress, bytes_max: usize) -> Result<Option<Vec<u8>>, Error> {
        let committee = self.committee.get().unwrap().upgrade().unwrap();
        let late = keep_nothing(self.query);
        assert!(committee.keep(self.member, &late).unwrap_err().to_string().contains("collects no part"));
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
    fs::remove_dir_all(own.join("epochs/0/ciphertexts")).unwrap();
    let member_0 = Member::open(&own, world.keys.members[0].clone(), world.ledger()).unwrap();
    let blobs = Arc::new(Interrupting {
        inner: Arc::clone(&world.blobs),
        query: request.query,
        member: world.account(0),
        committee: OnceLock::new(),
        refusals: AtomicUsize::new(0),
    });
    let committee =
        Arc::new(LocalCommittee::new(vec![member_0], Arc::clone(&world.ledger) as _, Arc::clone(&blobs) as _));
    blobs.committee.set(Arc::downgrade(&committee)).unwrap();
    committee.sign(world.account(0), &request).unwrap();
    // Four ciphertexts of each of two parts, every one read once.
    assert_eq!(blobs.refusals.load(Ordering::SeqCst), 8);
    committee.sign(world.account(0), &request).unwrap();
    assert_eq!(blobs.refusals.load(Ordering::SeqCst), 8);
}

/// Which of the members hold anything of a key.
fn holders(world: &World, epoch: u32) -> Vec<bool> {
    let folder = |index| member_folder(&world.root, index).join("epochs").join(epoch.to_string());
    (0..world.keys.members.len()).map(|index| folder(index).exists()).collect()
}

#[test]
fn members_delete_what_belongs_to_a_past_key_once_its_retention_passed() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::ready(folder.path(), Quorum::DEFAULT);
    world.rekey();
    assert_eq!((holders(&world, 0), holders(&world, 1)), (vec![true; 4], vec![true; 4]));
    world.pass_blocks(KEY_RETENTION_BLOCKS - 1);
    world.work();
    assert_eq!(holders(&world, 0), [true; 4]);
    world.pass_blocks(1);
    world.work();
    assert_eq!((holders(&world, 0), holders(&world, 1)), (vec![false; 4], vec![true; 4]));
    drop(world);
    let mut world = World::open(folder.path(), Quorum::DEFAULT);
    assert!(world.committee.step(&mut world.rng).unwrap().is_empty());
}

#[test]
fn a_query_in_flight_finishes_under_a_past_key_which_is_deleted_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let (mut world, request) = sealed(folder.path());
    world.rekey();
    world.pass_blocks(KEY_RETENTION_BLOCKS);
    // Members that start again know the query from the blocks.
    drop(world);
    let mut world = World::open(folder.path(), Quorum::DEFAULT);
    world.work();
    assert_eq!(holders(&world, 0), [true; 4]);
    world.aggregate(request.query).unwrap();
    world.work();
    let result = decrypt(world.ledger(), world.blobs.as_ref(), &world.keys.researcher, request.query).unwrap();
    assert_eq!(result.slots(), [vec![4], FOUR_PEOPLE_SUMS.to_vec()]);
    assert_eq!((holders(&world, 0), holders(&world, 1)), (vec![false; 4], vec![true; 4]));
    drop(world);
    let mut world = World::open(folder.path(), Quorum::DEFAULT);
    assert!(world.committee.step(&mut world.rng).unwrap().is_empty());
}

#[test]
fn repro_a_member_that_is_shown_too_few_blocks_deletes_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let (mut world, request) = sealed(folder.path());
    world.rekey();
    world.pass_blocks(KEY_RETENTION_BLOCKS);
    let opened = world.state(request.query).opened;
    let open = |world: &World| {
        Member::open(&member_folder(&world.root, 0), world.keys.members[0].clone(), world.ledger()).unwrap()
    };
    let (blobs, mut rng) = (Arc::clone(&world.blobs), StdRng::seed_from_u64(6));
    // A node that lags, hides the block that opened the query, or says that it keeps it no more, shows a member that
    // started again no open query.
    let latest = tip(world.ledger()).unwrap().height;
    let pruned = [true, false].map(|lists| Fault::BlocksPruned { first: latest, lists });
    for fault in [Fault::BlocksHidden(opened), Fault::BlocksHidden(latest)].into_iter().chain(pruned) {
        let hiding = FaultyLedger::new(world.ledger(), fault, 0);
        let started = open(&world);
        for _ in 0..3 {
            assert!(started.step(&hiding, blobs.as_ref(), &mut rng).unwrap().is_empty());
        }
    }
    assert!(open(&world).step(world.ledger.as_ref(), blobs.as_ref(), &mut rng).unwrap().is_empty());
    assert_eq!(holders(&world, 0), [true; 4]);
}

#[test]
fn a_leader_that_stays_away_is_named_and_the_next_attempt_makes_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::open(folder.path(), Quorum::DEFAULT);
    // Member 1 leads the subset that excludes member 0.
    let open = |index| {
        Member::open(&member_folder(&world.root, index), world.keys.members[index].clone(), world.ledger()).unwrap()
    };
    let present = [0, 2, 3].map(open).into();
    let present = LocalCommittee::new(present, Arc::clone(&world.ledger) as _, Arc::clone(&world.blobs) as _);
    let mut rng = StdRng::seed_from_u64(4);
    while !present.step(&mut rng).unwrap().is_empty() {}
    let epoch = CommitteeEpoch::new(0);
    assert_eq!(world.ledger().committee(epoch).unwrap().unwrap().stage, CommitteeStage::Committing);
    world.pass_blocks(KEY_STEP_BLOCKS_MAX);
    assert!(present.step(&mut rng).unwrap().contains(&(world.account(0), Duty::Expired { epoch })));
    let expired = world.ledger().committee(epoch).unwrap().unwrap().stage;
    assert_eq!(expired, CommitteeStage::Expired { absent: [member(1)].into() });
    world.work();
    assert!(world.ledger().committee(epoch.next()).unwrap().unwrap().active_key().is_some());
}

#[test]
fn a_leader_that_withholds_its_announced_share_is_named_once_the_deadline_passed() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::open(folder.path(), Quorum::DEFAULT);
    world.committee.step(&mut StdRng::seed_from_u64(1)).unwrap();
    let epoch = CommitteeEpoch::new(0);
    let message = Digest::from_bytes([3; 32]);
    let reveal = CommitteeReveal { epoch, subset: SubsetIndex::new(0), message };
    act(world.ledger(), &world.keys.members[1].signing_key(), Action::CommitteeReveal(reveal)).unwrap();
    world.work();
    assert_eq!(world.ledger().committee(epoch).unwrap().unwrap().stage, CommitteeStage::Confirming);
    world.pass_blocks(KEY_STEP_BLOCKS_MAX);
    world.work();
    let abandoned = world.ledger().committee(epoch).unwrap().unwrap().stage;
    assert!(matches!(abandoned, CommitteeStage::Abandoned { accused, .. } if accused == member(1)), "{abandoned:?}");
    assert!(world.ledger().committee(epoch.next()).unwrap().unwrap().active_key().is_some());
}

#[test]
fn repro_members_that_ask_another_node_than_they_gave_their_messages_to_offer_them_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::open(folder.path(), Quorum::DEFAULT);
    let epoch = CommitteeEpoch::new(0);
    let revealed = |world: &World| {
        let state = world.ledger().committee(epoch).unwrap().unwrap_or_default();
        state.reveals.len() == Quorum::DEFAULT.subset_count()
    };
    while !revealed(&world) {
        world.committee.step(&mut world.rng).unwrap();
    }
    let stage = |world: &World| world.ledger().committee(epoch).unwrap().unwrap().stage;
    assert_eq!(stage(&world), CommitteeStage::Confirming);
    let members = (0..4).map(|index| {
        Member::open(&member_folder(&world.root, index), world.keys.members[index].clone(), world.ledger()).unwrap()
    });
    let elsewhere = Arc::new(Objects::memory());
    let moved = LocalCommittee::new(members.collect(), Arc::clone(&world.ledger) as _, Arc::clone(&elsewhere) as _);
    for _ in 0..3 {
        moved.step(&mut world.rng).unwrap();
    }
    assert!(matches!(stage(&world), CommitteeStage::Active { .. }), "{:?}", stage(&world));
    assert_eq!(elsewhere.list(BlobKind::KeyGeneration).unwrap().len(), Quorum::DEFAULT.subset_count());
    moved.step(&mut world.rng).unwrap();
    let kept = |index| member_folder(&world.root, index).join("epochs/0/messages").exists();
    assert!(!(0..4).any(kept), "messages of a key that is made are kept");
}
