//! The committee's key on the ledger.

use circuits::quorum::{MemberIndex, Quorum, SubsetIndex};
use node::{
    state::{CommitteeStage, StateRead},
    transaction::{
        Action, CommitteeCommit, CommitteeComplain, CommitteeConfirm, CommitteeReveal, CommitteeShare, Governance,
    },
    units::CommitteeEpoch,
};

use crate::world::{World, digest, genesis, polynomial, refused};

const FIRST: CommitteeEpoch = CommitteeEpoch::new(0);
const SECOND: CommitteeEpoch = CommitteeEpoch::new(1);

fn commit(epoch: CommitteeEpoch, subset: u8) -> Action {
    let share = CommitteeShare { public: digest("b"), prf: digest("k") };
    Action::CommitteeCommit(CommitteeCommit { epoch, subset: SubsetIndex::new(subset), share })
}

fn confirm(epoch: CommitteeEpoch, key: &str) -> Action {
    Action::CommitteeConfirm(CommitteeConfirm { epoch, polynomial: polynomial(key) })
}

fn complain(epoch: CommitteeEpoch) -> Action {
    let accused = MemberIndex::new(0);
    Action::CommitteeComplain(CommitteeComplain { epoch, accused, reason: "not small".into() })
}

fn stage(world: &World, epoch: CommitteeEpoch) -> CommitteeStage {
    world.ledger().snapshot().unwrap().committee(epoch).unwrap().unwrap().stage
}

#[test]
fn a_key_is_active_once_every_leader_committed_and_every_member_confirmed() {
    let mut world = World::bare(genesis(Quorum::DEFAULT));
    refused(world.act("member 0", confirm(FIRST, "key")), "after every share is committed");
    refused(world.act("member 1", commit(FIRST, 1)), "only the subset's leader");
    refused(world.act("friend", commit(FIRST, 1)), "the committee members");
    refused(world.act("member 0", commit(FIRST, 4)), "subset");
    refused(world.act("member 0", commit(SECOND, 1)), "the key in the making is 0");
    world.act("member 0", commit(FIRST, 1)).unwrap();
    refused(world.act("member 0", commit(FIRST, 1)), "a commitment is final");
    for (leader, subset) in [("member 1", 0), ("member 0", 2), ("member 0", 3)] {
        world.act(leader, commit(FIRST, subset)).unwrap();
    }
    world.block();
    assert_eq!(stage(&world, FIRST), CommitteeStage::Confirming);
    world.act("member 0", confirm(FIRST, "key")).unwrap();
    refused(world.act("member 0", confirm(FIRST, "key")), "confirmed already");
    refused(world.act("member 1", confirm(FIRST, "other")), "another member confirmed");
    for member in ["member 1", "member 2", "member 3"] {
        world.act(member, confirm(FIRST, "key")).unwrap();
    }
    world.block();
    assert_eq!(stage(&world, FIRST), CommitteeStage::Active { key: world.key_digest(FIRST, "key") });
    let kept = world.ledger().snapshot().unwrap().committee_polynomial(FIRST).unwrap();
    assert_eq!(kept, Some(polynomial("key")));
    refused(world.act("member 0", complain(FIRST)), "it is active");
}

#[test]
fn a_share_is_revealed_by_its_leader_once_and_after_all_are_committed() {
    let mut world = World::bare(genesis(Quorum::DEFAULT));
    let reveal = |subset| {
        let subset = SubsetIndex::new(subset);
        Action::CommitteeReveal(CommitteeReveal { epoch: FIRST, subset, message: digest("message") })
    };
    for (leader, subset) in [("member 1", 0), ("member 0", 1), ("member 0", 2)] {
        world.act(leader, commit(FIRST, subset)).unwrap();
    }
    refused(world.act("member 1", reveal(0)), "after every one is committed");
    world.act("member 0", commit(FIRST, 3)).unwrap();
    refused(world.act("member 0", reveal(0)), "only the subset's leader");
    world.act("member 1", reveal(0)).unwrap();
    refused(world.act("member 1", reveal(0)), "a reveal is final");
    world.block();
    let state = world.ledger().snapshot().unwrap().committee(FIRST).unwrap().unwrap();
    assert_eq!(state.reveals.get(&SubsetIndex::new(0)), Some(&digest("message")));
}

#[test]
fn a_complaint_names_the_leader_and_starts_over() {
    let mut world = World::bare(genesis(Quorum::DEFAULT));
    world.act("member 0", commit(FIRST, 1)).unwrap();
    world.act("member 2", complain(FIRST)).unwrap();
    world.block();
    let expected = CommitteeStage::Abandoned { by: MemberIndex::new(2), accused: MemberIndex::new(0) };
    assert_eq!((stage(&world, FIRST), stage(&world, SECOND)), (expected, CommitteeStage::Committing));
    world.generate_key(SECOND);
    world.block();
    assert!(matches!(stage(&world, SECOND), CommitteeStage::Active { .. }));
}

#[test]
fn a_leader_that_never_commits_is_named_once_its_deadline_passed() {
    let mut world = World::bare(genesis(Quorum::DEFAULT));
    let deadline = world.ledger().genesis().parameters.key_step_blocks_max;
    world.act("member 0", commit(FIRST, 1)).unwrap();
    world.act("member 0", commit(FIRST, 2)).unwrap();
    world.act("member 0", commit(FIRST, 3)).unwrap();
    world.pass_blocks(deadline - 1);
    refused(world.act("friend", Action::CommitteeExpire(FIRST)), "until block 8 for this step; this is block 8");
    refused(world.act("friend", Action::CommitteeExpire(SECOND)), "the key in the making is 0");
    world.block();
    world.act("friend", Action::CommitteeExpire(FIRST)).unwrap();
    world.block();
    assert_eq!(stage(&world, FIRST), CommitteeStage::Expired { absent: [MemberIndex::new(1)].into() });
    refused(world.act("member 1", commit(FIRST, 0)), "the key in the making is 1");
    refused(world.act("friend", Action::CommitteeExpire(SECOND)), "until block 17");
    world.generate_key(SECOND);
    world.pass_blocks(2 * deadline);
    assert!(matches!(stage(&world, SECOND), CommitteeStage::Active { .. }));
    refused(world.act("friend", Action::CommitteeExpire(SECOND)), "its generation is over");
}

#[test]
fn reveal_and_confirmation_have_deadlines_of_their_own() {
    let mut world = World::bare(genesis(Quorum::DEFAULT));
    let deadline = world.ledger().genesis().parameters.key_step_blocks_max;
    let leader = |subset| if subset == 0 { "member 1" } else { "member 0" };
    let reveal = |epoch, subset| {
        let (subset, message) = (SubsetIndex::new(subset), digest("message"));
        Action::CommitteeReveal(CommitteeReveal { epoch, subset, message })
    };
    for epoch in [FIRST, SECOND] {
        world.pass_blocks(deadline - 1);
        for subset in 0..4 {
            world.act(leader(subset), commit(epoch, subset)).unwrap();
        }
        world.pass_blocks(deadline);
        refused(world.act("friend", Action::CommitteeExpire(epoch)), "have until block");
        for subset in 0..3 {
            world.act(leader(subset), reveal(epoch, subset)).unwrap();
        }
        if epoch == SECOND {
            world.act(leader(3), reveal(epoch, 3)).unwrap();
            world.pass_blocks(deadline);
            for member in ["member 0", "member 1", "member 2"] {
                world.act(member, confirm(epoch, "key")).unwrap();
            }
            refused(world.act("friend", Action::CommitteeExpire(epoch)), "have until block");
        }
        world.block();
        world.act("friend", Action::CommitteeExpire(epoch)).unwrap();
        world.block();
    }
    assert_eq!(stage(&world, FIRST), CommitteeStage::Expired { absent: [MemberIndex::new(0)].into() });
    assert_eq!(stage(&world, SECOND), CommitteeStage::Expired { absent: [MemberIndex::new(3)].into() });
}

#[test]
fn no_query_opens_while_the_key_is_in_the_making_and_queries_in_flight_finish_under_theirs() {
    let mut world = World::ready(Quorum::DEFAULT);
    let id = world.collect(world.query(), 0..1);
    refused(world.act("friend", Action::Govern(Governance::RekeyCommittee)), "the governor");
    world.act("governor", Action::Govern(Governance::RekeyCommittee)).unwrap();
    refused(world.act("governor", Action::Govern(Governance::RekeyCommittee)), "is not active");
    world.block();
    refused(world.open(world.query()), "committee key 1 is not active");
    world.contribute(world.contribution(id, 1)).unwrap();
    world.generate_key(SECOND);
    let next = world.open(world.query()).unwrap();
    assert_eq!((world.state(id).committee, world.state(next).committee), (FIRST, SECOND));
}
