//! Another committee from the next key on, while the one before finishes what it began.

use circuits::quorum::{MemberIndex, Quorum};
use node::{
    Ledger,
    genesis::{Committee, Member},
    query::{CohortQuery, SealingKey},
    state::{CommitteeStage, QueryStatus, StateRead, committee_of},
    transaction::{Action, CommitteeCommit, CommitteeConfirm, CommitteeShare, ConsortiumChange, Governance},
    units::CommitteeEpoch,
    validator::ValidatorSet,
};

use crate::world::{
    DigestInsteadOfPairing, World, account, digest, genesis, key, member_name, polynomial, refused, validator,
};

const FIRST: CommitteeEpoch = CommitteeEpoch::new(0);
const SECOND: CommitteeEpoch = CommitteeEpoch::new(1);

/// Three members, of whom the first sat before, at another place.
fn heirs() -> Committee {
    let names = ["heir 0".into(), "heir 1".into(), member_name(0)];
    let member = |(place, name): (u8, &String)| Member {
        account: account(name),
        sealing: SealingKey::new(vec![100 + place; 32]),
    };
    Committee { quorum: Quorum::new(2, 3).unwrap(), members: (0..).zip(&names).map(member).collect() }
}

fn replace(committee: Committee) -> Action {
    Action::ApproveChange(ConsortiumChange::SeatCommittee(committee))
}

fn name(index: MemberIndex) -> String {
    ["heir 0".into(), "heir 1".into(), member_name(0)][usize::from(index.get())].clone()
}

fn generate(world: &mut World) {
    let quorum = heirs().quorum;
    let share = CommitteeShare { public: digest("b"), prf: digest("k") };
    for subset in quorum.subsets() {
        let commit = CommitteeCommit { epoch: SECOND, subset, share };
        world.act(&name(quorum.leader(subset).unwrap()), Action::CommitteeCommit(commit)).unwrap();
    }
    for member in quorum.all_members() {
        let confirm = CommitteeConfirm { epoch: SECOND, polynomial: polynomial("key") };
        world.act(&name(member), Action::CommitteeConfirm(confirm)).unwrap();
    }
    world.block();
}

fn stage(world: &World, epoch: CommitteeEpoch) -> CommitteeStage {
    world.ledger().snapshot().unwrap().committee(epoch).unwrap().unwrap().stage
}

#[test]
fn a_query_in_flight_finishes_under_the_members_it_opened_with() {
    let mut world = World::ready(Quorum::DEFAULT);
    let id = world.collect(world.query(), 0..3);
    world.act("validator", replace(heirs())).unwrap();
    generate(&mut world);
    assert!(matches!(stage(&world, FIRST), CommitteeStage::Retired { .. }));
    assert!(matches!(stage(&world, SECOND), CommitteeStage::Active { .. }));
    let snapshot = world.ledger().snapshot().unwrap();
    assert_eq!(committee_of(&snapshot, FIRST).unwrap(), genesis(Quorum::DEFAULT).committee);
    assert_eq!(committee_of(&snapshot, SECOND).unwrap(), heirs());

    world.contribute(world.contribution(id, 3)).unwrap();
    world.block();
    world.pass_days(11);
    world.act("friend", Action::Seal(id)).unwrap();
    world.block();
    world.act("friend", Action::Aggregate(world.aggregate(id, &[2, 3]))).unwrap();
    refused(world.act("heir 0", world.components(id, 0, false)), "the committee members of its key");
    for member in 0..3 {
        world.act(&member_name(member), world.components(id, member, false)).unwrap();
    }
    world.block();
    assert!(matches!(world.state(id).status, QueryStatus::Released { .. }));
}

#[test]
fn the_next_query_is_the_new_members_alone() {
    let mut world = World::ready(Quorum::DEFAULT);
    world.act("validator", replace(heirs())).unwrap();
    let commit = CommitteeCommit {
        epoch: SECOND,
        subset: circuits::quorum::SubsetIndex::new(0),
        share: CommitteeShare { public: digest("b"), prf: digest("k") },
    };
    refused(world.act(&member_name(1), Action::CommitteeCommit(commit)), "the committee members of its key");
    generate(&mut world);
    let today = world.now.day();
    let query = CohortQuery { opening: today, closing: circuits::consent::Day(today.0 + 1), ..world.query() };
    let id = world.open(query).unwrap();
    assert_eq!(world.state(id).committee, SECOND);
    // The double's receipts are signed by the first members, who do not sit for this key.
    refused(world.contribute(world.contribution(id, 0)), "availability receipt");
}

#[test]
fn a_committee_is_replaced_also_while_its_key_is_in_the_making() {
    let mut world = World::bare(genesis(Quorum::DEFAULT));
    world.act("validator", replace(heirs())).unwrap();
    world.block();
    assert_eq!((stage(&world, FIRST), stage(&world, SECOND)), (CommitteeStage::Replaced, CommitteeStage::Committing));
    generate(&mut world);
    assert!(matches!(stage(&world, SECOND), CommitteeStage::Active { .. }));
    world.act("governor", Action::Govern(Governance::RekeyCommittee)).unwrap();
    world.block();
    let snapshot = world.ledger().snapshot().unwrap();
    assert_eq!(committee_of(&snapshot, CommitteeEpoch::new(2)).unwrap(), heirs(), "they sit until others do");
    refused(committee_of(&snapshot, CommitteeEpoch::new(3)), "committee key 3 is not on this ledger");
}

#[test]
fn only_validators_seat_a_committee_and_only_a_sound_one() {
    let mut world = World::ready(Quorum::DEFAULT);
    for stranger in ["friend", "governor"] {
        refused(world.act(stranger, replace(heirs())), "the validators do, each with its own key");
    }
    let altered = |alter: fn(&mut Committee)| {
        let mut committee = heirs();
        alter(&mut committee);
        replace(committee)
    };
    refused(world.act("validator", altered(|committee| drop(committee.members.pop()))), "as many members");
    let twice = altered(|committee| committee.members[1].account = committee.members[0].account);
    refused(world.act("validator", twice), "account is listed twice");
    let shared = altered(|committee| committee.members[1].sealing = committee.members[0].sealing.clone());
    refused(world.act("validator", shared), "sealing key is listed twice");
    refused(
        world.act("validator", altered(|committee| committee.members[0].sealing = SealingKey::new(vec![]))),
        "empty",
    );
    world.block();
    assert!(matches!(stage(&world, FIRST), CommitteeStage::Active { .. }));
}

#[test]
fn repro_one_key_of_several_seats_no_committee() {
    let mut genesis = genesis(Quorum::DEFAULT);
    let validators = vec![validator("validator", 1), validator("second validator", 1), validator("third validator", 1)];
    genesis.validators = ValidatorSet::new(validators).unwrap();
    let names = ["validator", "second validator", "third validator"];
    let ledger = Ledger::in_memory(genesis, Box::new(DigestInsteadOfPairing)).unwrap();
    let mut world = World::with_keys(ledger, names.map(key).to_vec());
    world.prepare();
    for name in names {
        assert!(matches!(stage(&world, FIRST), CommitteeStage::Active { .. }));
        world.act(name, replace(heirs())).unwrap();
        world.block();
    }
    assert!(matches!(stage(&world, FIRST), CommitteeStage::Retired { .. }));
    assert_eq!(committee_of(&world.ledger().snapshot().unwrap(), SECOND).unwrap(), heirs());
}
