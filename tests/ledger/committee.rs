//! The committee's key on the ledger.

use std::collections::BTreeSet;

use circuits::{
    consent::Day,
    layout::Layout,
    quorum::{MemberIndex, Quorum, SubsetIndex},
};
use node::{
    event::Event,
    query::{CohortQuery, PARTS_MAX, RELEASES_PER_KEY_MAX},
    state::{CommitteeStage, QueryStatus, StateRead},
    transaction::{
        Action, CommitteeCommit, CommitteeComplain, CommitteeConfirm, CommitteeReveal, CommitteeShare, Governance,
    },
    units::{Amount, CommitteeEpoch},
};

use crate::world::{TODAY, World, digest, genesis, member_name, polynomial, refused};

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

/// A key whose shares are all committed and revealed, so that members confirm.
fn confirming(quorum: Quorum) -> World {
    let mut world = World::bare(genesis(quorum));
    let leader = |subset| member_name(quorum.leader(subset).unwrap().get());
    world.commit_all(FIRST);
    for subset in quorum.subsets() {
        let reveal = CommitteeReveal { epoch: FIRST, subset, message: digest("message") };
        world.act(&leader(subset), Action::CommitteeReveal(reveal)).unwrap();
    }
    world.block();
    world
}

#[test]
fn repro_a_member_that_confirms_another_key_first_is_named_and_the_honest_are_not() {
    let mut world = confirming(Quorum::DEFAULT);
    for (member, key) in [(2, "mine"), (0, "key"), (1, "key"), (3, "key")] {
        world.act(&member_name(member), confirm(FIRST, key)).unwrap();
    }
    let block = world.block().block.header.height;
    let outside: BTreeSet<_> = [MemberIndex::new(2)].into();
    assert_eq!(stage(&world, FIRST), CommitteeStage::Disputed { outside: outside.clone() });
    assert_eq!(stage(&world, SECOND), CommitteeStage::Committing);
    let events = world.ledger().snapshot().unwrap().events(block).unwrap().unwrap();
    let disputed = Event::CommitteeDisputed { epoch: FIRST, outside };
    assert_eq!(events.transactions[3][1..], [disputed, Event::CommitteeStarted { epoch: SECOND }]);
    world.generate_key(SECOND);
    world.block();
    assert!(matches!(stage(&world, SECOND), CommitteeStage::Active { .. }));
}

#[test]
fn a_key_that_too_few_confirmed_alike_names_nobody() {
    let mut world = confirming(Quorum::new(2, 3).unwrap());
    for (member, key) in [(0, "one"), (1, "two"), (2, "three")] {
        world.act(&member_name(member), confirm(FIRST, key)).unwrap();
    }
    world.block();
    assert_eq!(stage(&world, FIRST), CommitteeStage::Disputed { outside: BTreeSet::new() });
}

#[test]
fn past_the_deadline_the_absent_and_those_outside_the_key_are_named() {
    let deadline = genesis(Quorum::DEFAULT).parameters.key_step_blocks_max;
    let five = Quorum::new(2, 5).unwrap();
    let cases: [(Quorum, &[(u8, &str)], &[u8]); 3] = [
        (five, &[(0, "mine"), (1, "key"), (2, "key"), (3, "key"), (4, "key")], &[]),
        (five, &[(0, "mine"), (1, "key"), (2, "key"), (3, "key")], &[4]),
        (Quorum::new(3, 5).unwrap(), &[(0, "mine"), (1, "key"), (2, "key"), (3, "key")], &[0, 4]),
    ];
    for (quorum, confirmations, named) in cases {
        let mut world = confirming(quorum);
        for (member, key) in confirmations {
            world.act(&member_name(*member), confirm(FIRST, key)).unwrap();
        }
        world.pass_blocks(deadline);
        if named.is_empty() {
            assert_eq!(stage(&world, FIRST), CommitteeStage::Disputed { outside: [MemberIndex::new(0)].into() });
            continue;
        }
        world.act("friend", Action::CommitteeExpire(FIRST)).unwrap();
        world.block();
        let absent = named.iter().copied().map(MemberIndex::new).collect();
        assert_eq!(stage(&world, FIRST), CommitteeStage::Expired { absent });
    }
}

#[test]
fn a_key_serves_so_many_releases_and_refunded_queries_count_none() {
    let mut world = World::ready(Quorum::DEFAULT);
    let releases =
        |world: &World, epoch| world.ledger().snapshot().unwrap().committee(epoch).unwrap().unwrap().releases;
    // Queries of whole eights but for one; their parts are all that counts.
    let asking = |world: &World, parts: usize| CohortQuery {
        parts: vec![Layout::count(); parts],
        price: Amount::new(1),
        contributions_max: 2,
        ..world.query()
    };
    let spent = world.open(asking(&world, 4)).unwrap();
    assert_eq!(releases(&world, FIRST), 4);
    for _ in 0..(RELEASES_PER_KEY_MAX as usize - 4) / PARTS_MAX {
        world.open(asking(&world, PARTS_MAX)).unwrap();
    }
    assert_eq!(releases(&world, FIRST), RELEASES_PER_KEY_MAX - 4);
    refused(world.open(asking(&world, 5)), "has 4 left of 1024; ask the governor to start a new committee key");
    world.pass_days(11);
    world.act("friend", Action::Seal(spent)).unwrap();
    world.block();
    assert!(matches!(world.state(spent).status, QueryStatus::Refunded { .. }));
    assert_eq!(releases(&world, FIRST), RELEASES_PER_KEY_MAX - 8);
    let later = |world: &World, parts| CohortQuery { closing: Day(TODAY + 20), ..asking(world, parts) };
    refused(world.open(later(&world, 9)), "query parts");
    world.open(later(&world, 8)).unwrap();
    refused(world.open(later(&world, 1)), "has 0 left");
    world.act("governor", Action::Govern(Governance::RekeyCommittee)).unwrap();
    world.generate_key(SECOND);
    world.block();
    world.open(later(&world, 1)).unwrap();
    assert_eq!((releases(&world, FIRST), releases(&world, SECOND)), (RELEASES_PER_KEY_MAX, 1));
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
