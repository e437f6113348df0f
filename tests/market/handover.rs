//! Another committee: the members before finish what was opened under their key, the new ones do the rest.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use circuits::{
    id::{AccountId, QueryId},
    quorum::Quorum,
};
use market::{
    committee::{
        access::{CommitteeAccess, SignAggregate},
        local::LocalCommittee,
        member::{Duty, Member},
    },
    ledger::act,
    receipt::{Receipt, collect, verify},
    researcher::decrypt,
    wallet::{PartyKey, Role, Wallet},
};
use node::{
    StateProof,
    genesis::{Committee, Member as Seat},
    query::PrivacyMode,
    state::{QueryStatus, StateKey},
    transaction::{Action, ConsortiumChange},
    units::CommitteeEpoch,
};
use rand::{SeedableRng, rngs::StdRng};

use crate::{
    fault::keep_nothing,
    world::{FOUR_PEOPLE_SUMS, KEY_RETENTION_BLOCKS, World, four_people, member_folder, sealing_key},
};

const FIRST: CommitteeEpoch = CommitteeEpoch::new(0);
const SECOND: CommitteeEpoch = CommitteeEpoch::new(1);

/// Two who never sat, and the first member of the committee before, now at another place.
fn heirs(world: &World) -> Vec<PartyKey> {
    let mut rng = StdRng::seed_from_u64(8);
    let mut new = || PartyKey::random(Role::Member, &mut rng);
    vec![new(), new(), world.keys.members[0].clone()]
}

fn open(world: &World, number: usize, key: &PartyKey) -> Result<Member, market::Error> {
    Member::open(&member_folder(&world.root, number), key.clone(), world.ledger())
}

/// Seats the heirs, and runs everybody who sits or sat: each account once. The heirs make their key.
fn hand_over(world: &mut World) -> Vec<PartyKey> {
    let heirs = heirs(world);
    let seat = |key: &PartyKey| Seat { account: key.account(), sealing: sealing_key(key) };
    let seats = Committee { quorum: Quorum::new(2, 3).unwrap(), members: heirs.iter().map(seat).collect() };
    let seating = Action::ApproveChange(ConsortiumChange::SeatCommittee(seats));
    act(world.ledger(), &world.keys.validator.signing_key(), seating).unwrap();
    let everybody = world.keys.members.iter().chain(&heirs[..2]).enumerate();
    let members = everybody.map(|(number, key)| open(world, number, key).unwrap()).collect();
    world.committee = LocalCommittee::new(members, Arc::clone(&world.ledger) as _, Arc::clone(&world.blobs) as _);
    world.work();
    heirs
}

/// Which of the four members and the two new heirs hold anything of a key.
fn holders(world: &World, epoch: CommitteeEpoch) -> Vec<usize> {
    let holds = |number: &usize| member_folder(&world.root, *number).join(format!("epochs/{epoch}")).exists();
    (0..6).filter(holds).collect()
}

/// Releases a query of four people. Returns its receipt, and who reported its components.
fn finish(world: &mut World, query: QueryId) -> (Receipt, BTreeSet<AccountId>) {
    world.seal(query);
    world.aggregate(query).unwrap();
    let mut reporters = BTreeSet::new();
    loop {
        let duties = world.committee.step(&mut world.rng).unwrap();
        if duties.is_empty() {
            break;
        }
        let reports = duties.into_iter().filter(|(_, duty)| *duty == Duty::Reported { query });
        reporters.extend(reports.map(|(account, _)| account));
    }
    assert!(matches!(world.state(query).status, QueryStatus::Released { .. }));
    let result = decrypt(world.ledger(), world.blobs.as_ref(), &world.keys.researcher, query).unwrap();
    // A private sum has noise: that it is the one of the ciphertexts and components is for the receipt's check to say.
    if world.state(query).query.privacy == PrivacyMode::Exact {
        assert_eq!(result.slots(), [vec![4], FOUR_PEOPLE_SUMS.to_vec()]);
    }
    let receipt = collect(world.ledger(), world.blobs.as_ref(), query, result.components(), result.slots()).unwrap();
    (receipt, reporters)
}

/// A chain that handed over while a query of four people was half answered.
fn in_flight(folder: &Path) -> (World, Vec<Wallet>, QueryId, Vec<PartyKey>) {
    let mut world = World::ready(folder, Quorum::DEFAULT);
    let mut wallets = world.people(&four_people());
    let query = world.query(2, 10);
    world.answer_all(&mut wallets[..2], query);
    let heirs = hand_over(&mut world);
    world.answer_all(&mut wallets[2..], query);
    (world, wallets, query, heirs)
}

fn refused(receipt: &Receipt, says: &str) {
    let error = verify(receipt, None).unwrap_err().to_string();
    assert!(error.contains(says), "{error:?} does not say {says:?}");
}

/// Proofs of another committee under the very header that released the query.
fn with_another_committee(world: &World, sound: &Receipt, other: CommitteeEpoch) {
    let prove = |key| world.ledger().prove(sound.header.header.height, key).unwrap();
    let (key, members) = (prove(StateKey::Committee(other)), prove(StateKey::CommitteeMembers(other)));
    refused(&swapped(sound, &key, &sound.committee_members), "R2 query");
    refused(&swapped(sound, &key, &sound.committee_members), "the proof of its committee is not of key");
    refused(&swapped(sound, &key, &members), "the proof of its committee is not of key");
    refused(&swapped(sound, &sound.committee_key, &members), "the members are not those seated for committee key");
}

fn swapped(sound: &Receipt, key: &StateProof, members: &StateProof) -> Receipt {
    let mut receipt = sound.clone();
    (receipt.committee_key, receipt.committee_members) = (key.clone(), members.clone());
    receipt
}

#[test]
fn a_query_is_finished_by_the_committee_it_opened_under_and_both_receipts_verify() {
    let folder = tempfile::tempdir().unwrap();
    let (mut world, mut wallets, before, heirs) = in_flight(folder.path());
    world.pass_blocks(KEY_RETENTION_BLOCKS);
    world.work();
    assert_eq!(holders(&world, FIRST), [0, 1, 2, 3], "the open query keeps the key");
    world.pass_epoch();
    // Private: nobody enters two exact releases of one measure.
    let after = world.private_query(2, 10, 1_000);
    assert_eq!([before, after].map(|query| world.state(query).committee), [FIRST, SECOND]);
    world.answer_all(&mut wallets, after);

    let (of_before, reporters) = finish(&mut world, before);
    assert_eq!(reporters, [0, 1, 2].map(|index| world.account(index)).into(), "three of four release it");
    with_another_committee(&world, &of_before, SECOND);
    let prove = |key| world.ledger().prove(of_before.header.header.height, key).unwrap();
    let (key, members) = (prove(StateKey::Committee(SECOND)), prove(StateKey::CommitteeMembers(SECOND)));
    let (of_after, reporters) = finish(&mut world, after);
    assert_eq!(reporters, heirs.iter().map(PartyKey::account).collect(), "all three, one of whom sat before");
    with_another_committee(&world, &of_after, FIRST);
    for receipt in [&of_before, &of_after] {
        assert_eq!(verify(receipt, None).unwrap().records(), 4);
        assert_eq!(verify(&Receipt::from_json(&receipt.to_json().unwrap()).unwrap(), None).unwrap().records(), 4);
    }
    // Proofs of the right keys, under the header of another release.
    refused(&swapped(&of_after, &key, &of_after.committee_members), "does not verify against root");
    refused(&swapped(&of_after, &of_after.committee_key, &members), "does not verify against root");
    refused(&swapped(&of_after, &of_before.committee_key, &of_before.committee_members), "is not of key 1");

    // Nothing is open under the first key any more; its retention passed long ago.
    world.work();
    assert_eq!(holders(&world, FIRST), [0usize; 0]);
    assert_eq!(holders(&world, SECOND), [0, 4, 5]);
    assert!(open(&world, 4, &heirs[0]).is_ok());
}

#[test]
fn members_do_for_a_key_only_what_is_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let (world, _, before, heirs) = in_flight(folder.path());
    world.seal(before);
    let QueryStatus::Sealed { set, .. } = world.state(before).status else { panic!("not sealed") };
    let asked = SignAggregate { query: before, set, parts: vec![] };
    let sign = |account| world.committee.sign(account, &asked).unwrap_err().to_string();
    assert!(sign(heirs[0].account()).contains("does not sit in the committee of key 0"));
    assert!(sign(world.account(3)).contains("its own sums"));
    world.pass_epoch();
    let after = world.query(2, 10);
    let keep = |account: AccountId| world.committee.keep(account, &keep_nothing(after)).unwrap_err().to_string();
    assert!(keep(world.account(3)).contains("no share of committee key 1"));
    assert!(keep(heirs[0].account()).contains("98304 expected"), "it would keep a ciphertext");
}

#[test]
fn who_left_forgets_the_key_after_its_retention_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::ready(folder.path(), Quorum::DEFAULT);
    let heir = heirs(&world)[0].clone();
    let early = open(&world, 4, &heir).unwrap_err().to_string();
    assert!(early.contains("sits in no committee of this chain now"), "{early}");

    hand_over(&mut world);
    assert_eq!(holders(&world, SECOND), [0, 4, 5]);
    world.pass_blocks(KEY_RETENTION_BLOCKS - 1);
    world.work();
    assert_eq!(holders(&world, FIRST), [0, 1, 2, 3]);
    world.pass_blocks(1);
    let duties = world.committee.step(&mut world.rng).unwrap();
    assert_eq!(holders(&world, FIRST), [0usize; 0]);
    assert_eq!(holders(&world, SECOND), [0, 4, 5]);
    let did = |duty: Duty| {
        let doing = duties.iter().filter(|(_, done)| *done == duty);
        doing.map(|(account, _)| *account).collect::<Vec<_>>()
    };
    assert_eq!(did(Duty::Forgot { epoch: FIRST }), [0, 1, 2, 3].map(|index| world.account(index)));
    assert_eq!(did(Duty::Left), [1, 2, 3].map(|index| world.account(index)), "the first member sits on");
    let left = open(&world, 1, &world.keys.members[1]).unwrap_err().to_string();
    assert!(left.contains("its folder holds no key"), "{left}");
    assert!(open(&world, 0, &world.keys.members[0]).is_ok());
}
