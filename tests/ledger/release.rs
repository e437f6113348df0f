//! From sealing to release or refund: money moves exactly once.

use circuits::quorum::{MemberIndex, Quorum};
use node::{
    event::Event,
    query::CohortQuery,
    state::{QueryStatus, RefundReason},
    transaction::{Action, SubmitComponents, aggregate_message},
    units::Amount,
};

use crate::world::{ENDOWMENT, FEE, World, account, digest, genesis, key, payout_name, refused};

fn refund_reason(world: &World, id: circuits::id::QueryId) -> RefundReason {
    match world.state(id).status {
        QueryStatus::Refunded { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_released_query_pays_each_contribution_and_returns_the_rest() {
    let mut world = World::ready(Quorum::DEFAULT);
    let id = world.aggregated(world.query(), 0..3);
    for member in 0..3 {
        world.act(&format!("member {member}"), world.components(id, member, false)).unwrap();
    }
    world.block();
    let state = world.state(id);
    let QueryStatus::Released { components, .. } = &state.status else { panic!("{:?}", state.status) };
    assert_eq!((components.len(), components[0].len(), state.escrow), (1, 4, Amount::new(0)));
    assert_eq!([0, 1, 2, 3].map(|number| world.balance(&payout_name(number))), [100, 100, 100, 0]);
    assert_eq!((world.balance("researcher"), world.fees()), (ENDOWMENT - 300 - FEE, FEE));
    refused(world.act("member 3", world.components(id, 3, false)), "only between its aggregate");
    refused(world.act("friend", Action::Refund(id)), "was released and paid");
    world.pass_blocks(9);
    refused(world.act("friend", Action::Refund(id)), "was released and paid");
}

#[test]
fn a_cohort_below_the_minimum_is_refunded_to_the_unit_and_the_fee_kept() {
    let mut world = World::ready(Quorum::DEFAULT);
    let id = world.sealed(world.query(), 0..1);
    assert_eq!(refund_reason(&world, id), RefundReason::BelowMinimum);
    assert_eq!((world.balance("researcher"), world.fees()), (ENDOWMENT - FEE, FEE));
    assert_eq!(world.balance(&payout_name(0)), 0);
    refused(world.act("friend", Action::Seal(id)), "frozen already");
    refused(world.act("friend", Action::Refund(id)), "refunded already");
}

#[test]
fn a_query_is_sealed_when_full_or_closed_and_not_before() {
    let mut world = World::ready(Quorum::DEFAULT);
    let id = world.collect(world.query(), 0..4);
    refused(world.act("researcher", Action::Seal(id)), "it has 4");
    world.contribute(world.contribution(id, 4)).unwrap();
    world.act("friend", Action::Seal(id)).unwrap();
    world.block();
    assert!(matches!(world.state(id).status, QueryStatus::Sealed { .. }));
}

#[test]
fn only_a_demonstration_lets_the_researcher_seal_early_and_only_above_the_minimum() {
    let mut lenient = genesis(Quorum::DEFAULT);
    lenient.parameters.early_sealing_allowed = true;
    let mut world = World::prepared(lenient);
    let id = world.collect(world.query(), 0..1);
    refused(world.act("researcher", Action::Seal(id)), "it has 1");
    world.contribute(world.contribution(id, 1)).unwrap();
    refused(world.act("friend", Action::Seal(id)), "it has 2");
    world.act("researcher", Action::Seal(id)).unwrap();
}

#[test]
fn an_aggregate_needs_t_distinct_members_over_the_sealed_set() {
    let mut world = World::ready(Quorum::DEFAULT);
    let collecting = world.collect(world.query(), 0..2);
    refused(world.act("friend", Action::Aggregate(world.aggregate(collecting, &[0, 1]))), "seal it first");
    let id = world.sealed(CohortQuery { closing: circuits::consent::Day(20_009), ..world.query() }, 2..5);
    let good = world.aggregate(id, &[0, 1]);
    refused(world.act("friend", Action::Aggregate(world.aggregate(id, &[1]))), "1 distinct members in standing signed");
    refused(
        world.act("friend", Action::Aggregate(world.aggregate(id, &[1, 1]))),
        "1 distinct members in standing signed",
    );
    let mut altered = good.clone();
    altered.parts[0] = digest("another sum");
    refused(world.act("friend", Action::Aggregate(altered)), "does not verify");
    let mut wrong_set = good.clone();
    wrong_set.set = digest("another set");
    refused(world.act("friend", Action::Aggregate(wrong_set)), "was sealed");
    let mut more = good.clone();
    more.parts.push(digest("more"));
    let message = aggregate_message(&world.ledger().chain(), &id, &more.set, &more.parts);
    for (signature, member) in more.signatures.iter_mut().zip(["member 0", "member 1"]) {
        signature.signature = node::signature::sign(&key(member), &message);
    }
    refused(world.act("friend", Action::Aggregate(more)), "the aggregate has 2");
    world.act("friend", Action::Aggregate(good.clone())).unwrap();
    refused(world.act("friend", Action::Aggregate(good)), "no second one is accepted");
}

#[test]
fn a_second_aggregate_over_another_set_after_a_failed_release_is_refused() {
    let mut world = World::ready(Quorum::DEFAULT);
    let id = world.aggregated(world.query(), 0..3);
    let second = world.aggregate(id, &[2, 3]);
    world.pass_blocks(4);
    world.act("friend", Action::Refund(id)).unwrap();
    world.block();
    assert_eq!(refund_reason(&world, id), RefundReason::NotReleased);
    let mut other = second.clone();
    other.set = digest("a set without the target");
    for aggregate in [second, other] {
        refused(world.act("friend", Action::Aggregate(aggregate)), "never aggregated again");
    }
    refused(world.act("member 0", world.components(id, 0, false)), "only between its aggregate");
    assert_eq!(world.balance("researcher"), ENDOWMENT - FEE);
}

#[test]
fn a_missed_deadline_refunds_once_and_not_before() {
    let mut world = World::ready(Quorum::DEFAULT);
    let id = world.collect(world.query(), 0..3);
    refused(world.act("friend", Action::Refund(id)), "it still collects");
    world.pass_days(11);
    world.act("friend", Action::Seal(id)).unwrap();
    world.block();
    let late = world.aggregate(id, &[0, 1]);
    refused(world.act("friend", Action::Refund(id)), "is due until block");
    world.pass_blocks(3);
    refused(world.act("friend", Action::Aggregate(late)), "can only be refunded");
    world.act("friend", Action::Refund(id)).unwrap();
    refused(world.act("sponsor", Action::Refund(id)), "refunded already");
    world.block();
    assert_eq!(refund_reason(&world, id), RefundReason::NotAggregated);
    assert_eq!(world.balance("researcher"), ENDOWMENT - FEE);
}

#[test]
fn too_few_components_release_nothing_and_end_in_a_refund() {
    let mut world = World::ready(Quorum::DEFAULT);
    let id = world.aggregated(world.query(), 0..3);
    for member in 0..2 {
        world.act(&format!("member {member}"), world.components(id, member, false)).unwrap();
    }
    refused(world.act("member 1", world.components(id, 1, false)), "reported its components already");
    world.block();
    assert!(matches!(world.state(id).status, QueryStatus::Aggregated { .. }));
    world.pass_blocks(3);
    refused(world.act("member 2", world.components(id, 2, false)), "can only be refunded");
    world.act("friend", Action::Refund(id)).unwrap();
    world.block();
    assert_eq!((world.balance("researcher"), world.balance(&payout_name(0))), (ENDOWMENT - FEE, 0));
}

#[test]
fn a_lying_member_is_outvoted_and_named() {
    let mut world = World::ready(Quorum::DEFAULT);
    let id = world.aggregated(world.query(), 0..3);
    for member in 0..4 {
        world.act(&format!("member {member}"), world.components(id, member, member == 1)).unwrap();
    }
    let block = world.block().block;
    let events = world.ledger().snapshot().unwrap().events(block.header.height).unwrap().unwrap();
    let named = Event::LiarNamed { query: id, member: MemberIndex::new(1) };
    assert_eq!(events.transactions.iter().flatten().filter(|event| **event == named).count(), 1);
    assert_eq!(world.state(id).liars, [MemberIndex::new(1)]);
    assert!(matches!(world.state(id).status, QueryStatus::Released { .. }));
    assert_eq!(world.balance(&payout_name(0)), 100);
}

#[test]
fn below_three_t_minus_two_a_lie_is_a_dispute_and_refunds() {
    let mut world = World::ready(Quorum::new(2, 3).unwrap());
    let id = world.aggregated(world.query(), 0..3);
    world.act("member 0", world.components(id, 0, true)).unwrap();
    world.act("member 1", world.components(id, 1, false)).unwrap();
    world.block();
    assert_eq!(refund_reason(&world, id), RefundReason::ComponentsDisputed);
    assert_eq!((world.balance("researcher"), world.fees()), (ENDOWMENT - FEE, FEE));
    refused(world.act("member 2", world.components(id, 2, false)), "only between its aggregate");
}

#[test]
fn components_come_from_members_and_in_full() {
    let mut world = World::ready(Quorum::DEFAULT);
    let id = world.aggregated(world.query(), 0..3);
    let components = world.components(id, 0, false);
    refused(world.act("friend", components.clone()), "the committee members of its key");
    let Action::SubmitComponents(SubmitComponents { query, mut parts }) = components else { panic!() };
    parts[0].pop();
    let truncated = Action::SubmitComponents(SubmitComponents { query, parts: parts.clone() });
    refused(world.act("member 0", truncated), "give 3 components");
    parts.clear();
    refused(world.act("member 0", Action::SubmitComponents(SubmitComponents { query, parts })), "its 1 parts");
}

#[test]
fn a_withdrawn_contribution_is_not_paid() {
    let mut world = World::ready(Quorum::DEFAULT);
    let id = world.collect(world.query(), 0..3);
    let contribution = node::units::ContributionIndex::new(0);
    let withdraw = node::transaction::Withdraw { query: id, contribution };
    world.act(&payout_name(0), Action::Withdraw(withdraw)).unwrap();
    world.pass_days(11);
    world.act("friend", Action::Seal(id)).unwrap();
    world.block();
    world.act("friend", Action::Aggregate(world.aggregate(id, &[2, 3]))).unwrap();
    for member in 0..3 {
        world.act(&format!("member {member}"), world.components(id, member, false)).unwrap();
    }
    world.block();
    assert_eq!([0, 1, 2].map(|number| world.balance(&payout_name(number))), [0, 100, 100]);
    assert_eq!(world.balance("researcher"), ENDOWMENT - 200 - FEE);
    assert_eq!(account("researcher"), world.state(id).researcher);
}
