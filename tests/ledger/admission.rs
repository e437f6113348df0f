//! Contributions: what is admitted, what is not, and withdrawal.

use circuits::{
    consent::Day,
    id::{EpochRoot, ScopeNullifier},
    layout::Layout,
    quorum::Quorum,
};
use node::{
    Error,
    query::CohortQuery,
    state::{QueryStatus, StateRead},
    transaction::{Action, Contribution, Withdraw},
    units::{ContributionIndex, LeafIndex},
};

use crate::life::opening;
use crate::world::{TODAY, World, account, digest, element, owner_name, payout_name, refused};

#[test]
fn contributions_are_admitted_in_order_with_all_their_parts() {
    let mut world = World::ready(Quorum::DEFAULT);
    let parts = vec![Layout::count(), Layout::genotypes(0, 0, 32)];
    let id = world.collect(CohortQuery { parts, ..world.query() }, 0..3);
    let snapshot = world.ledger().snapshot().unwrap();
    let admitted = snapshot.contributions(id).unwrap();
    assert_eq!(admitted.iter().map(|c| c.payout).collect::<Vec<_>>(), [0, 1, 2].map(|n| account(&payout_name(n))));
    let spent = snapshot.nullifier(admitted[1].parts[1].nullifier).unwrap().unwrap();
    assert_eq!((spent.query, spent.contribution), (id, ContributionIndex::new(1)));
    assert!(snapshot.transaction(admitted[2].transaction).unwrap().is_some());
}

/// Members' word for what every part now says.
fn attest(world: &World, contribution: &mut Contribution) {
    for index in 0..contribution.parts.len() as u8 {
        contribution.parts[usize::from(index)].receipts = world.receipts(contribution, index, &[0, 1, 2]);
    }
}

/// One alteration of a valid contribution, with the text of its refusal.
type Alteration = (&'static str, fn(&World, &mut Contribution));

#[test]
fn tampered_contributions_are_refused_each_with_its_own_error() {
    let mut world = World::ready(Quorum::DEFAULT);
    let parts = vec![Layout::count(), Layout::genotypes(0, 0, 32)];
    let id = world.collect(CohortQuery { parts, ..world.query() }, 0..1);
    let alterations: [Alteration; 18] = [
        ("its parts have different nullifiers", |world, c| {
            c.parts[1] = world.contribution(c.query, 8).parts.remove(1);
        }),
        ("signature of", |_, c| c.payout = account("thief")),
        ("does not verify", |world, c| {
            c.payout = account("thief");
            attest(world, c);
        }),
        ("signature of", |_, c| c.parts[0].ciphertext = digest("another")),
        ("does not verify", |world, c| {
            c.parts[0].ciphertext = digest("another");
            attest(world, c);
        }),
        ("signature of", |_, c| c.parts[0].contribution.opening = opening(7)),
        ("does not verify", |world, c| {
            c.parts[0].contribution.opening = opening(7);
            attest(world, c);
        }),
        ("signature of", |world, c| {
            let mut other = c.clone();
            other.parts[0].contribution.opening = opening(7);
            c.parts[0].receipts = world.receipts(&other, 0, &[0, 1, 2]);
        }),
        ("signature of", |world, c| {
            let mut other = c.clone();
            other.parts[0].contribution.proof = c.parts[1].contribution.proof;
            c.parts[0].receipts = world.receipts(&other, 0, &[0, 1, 2]);
        }),
        ("has receipts of 0 distinct members in standing and needs 3", |_, c| c.parts[1].receipts.clear()),
        ("has receipts of 2 distinct members in standing and needs 3", |world, c| {
            c.parts[0].receipts = world.receipts(c, 0, &[0, 1, 1]);
        }),
        ("signature of", |world, c| c.parts[0].receipts = world.receipts(c, 1, &[0, 1, 2])),
        ("committee member 9", |_, c| c.parts[0].receipts[0].member = circuits::quorum::MemberIndex::new(9)),
        ("send all parts", |_, c| drop(c.parts.pop())),
        ("the latest epoch root", |_, c| c.parts[0].root = EpochRoot::from_bytes(&element(1)).unwrap()),
        ("does not verify", |world, c| {
            c.parts[0].scope_nullifier = ScopeNullifier::from_bytes(&[0; 32]).unwrap();
            attest(world, c);
        }),
        ("does not verify", |world, c| {
            c.parts[0].contribution = c.parts[1].contribution;
            attest(world, c);
        }),
        ("signature of", |_, c| c.parts.swap(0, 1)),
    ];
    for (number, (text, alter)) in alterations.into_iter().enumerate() {
        let mut contribution = world.contribution(id, 1);
        alter(&world, &mut contribution);
        let error = world.contribute(contribution).unwrap_err().to_string();
        assert!(error.contains(text), "alteration {number}: {error}");
    }
    world.contribute(world.contribution(id, 1)).unwrap();
}

#[test]
fn a_proof_for_another_chain_is_refused() {
    let world = World::ready(Quorum::DEFAULT);
    let mut renamed = world.ledger().genesis().clone();
    renamed.name = "another chain".into();
    let (mut world, mut other) = (world, World::prepared(renamed));
    let (here, there) = (world.open(world.query()).unwrap(), other.open(other.query()).unwrap());
    let mut contribution = other.contribution(there, 1);
    refused(world.contribute(contribution.clone()), "query");
    contribution.query = here;
    refused(world.contribute(contribution.clone()), "availability receipt: the signature");
    attest(&world, &mut contribution);
    refused(world.contribute(contribution), "contribution proof does not verify");
}

#[test]
fn the_same_person_twice_is_refused() {
    let mut world = World::ready(Quorum::DEFAULT);
    let id = world.collect(world.query(), 0..1);
    let mut again = world.contribution(id, 0);
    again.payout = account("second payout");
    again.parts[0].ciphertext = digest("fresh ciphertext");
    world.prove(&mut again, 0);
    attest(&world, &mut again);
    refused(world.contribute(again), "a record contributes once");
}

#[test]
fn a_record_enters_one_exact_release_of_a_measure_in_a_period() {
    let mut world = World::ready(Quorum::DEFAULT);
    let first = world.collect(world.query(), 0..1);
    let second = world.open(world.query()).unwrap();
    refused(world.contribute(world.contribution(second, 0)), "one exact release of a measure");
    world.contribute(world.contribution(second, 1)).unwrap();
    world.pass_epoch();
    let third = world.open(world.query()).unwrap();
    world.contribute(world.contribution(third, 0)).unwrap();
    assert_ne!(first, third);
}

#[test]
fn a_refunded_query_frees_the_scope_of_its_contributors_and_a_released_one_does_not() {
    let mut world = World::ready(Quorum::DEFAULT);
    let later = CohortQuery { closing: Day(TODAY + 20), ..world.query() };
    let next = world.open(later).unwrap();
    let refunded = world.collect(world.query(), 0..1);
    refused(world.contribute(world.contribution(next, 0)), "one exact release of a measure");
    world.pass_days(11);
    world.act("friend", Action::Seal(refunded)).unwrap();
    world.block();
    assert!(matches!(world.state(refunded).status, QueryStatus::Refunded { .. }));
    refused(world.contribute(world.contribution(refunded, 1)), "no longer collects");
    world.contribute(world.contribution(next, 0)).unwrap();
    world.block();
    let scope = world.contribution(next, 0).parts[0].scope_nullifier;
    assert_eq!(world.ledger().snapshot().unwrap().scope_nullifier(scope).unwrap().unwrap().query, next);

    let mut world = World::ready(Quorum::DEFAULT);
    let later = CohortQuery { closing: Day(TODAY + 20), ..world.query() };
    let next = world.open(later).unwrap();
    let released = world.aggregated(world.query(), 0..3);
    for member in 0..3 {
        refused(world.contribute(world.contribution(next, 0)), "one exact release of a measure");
        world.act(&format!("member {member}"), world.components(released, member, false)).unwrap();
    }
    world.block();
    assert!(matches!(world.state(released).status, QueryStatus::Released { .. }));
    refused(world.contribute(world.contribution(next, 0)), "one exact release of a measure");
    world.contribute(world.contribution(next, 3)).unwrap();
}

#[test]
fn a_copied_ciphertext_is_refused() {
    let mut world = World::ready(Quorum::DEFAULT);
    let id = world.collect(world.query(), 0..1);
    let mut copy = world.contribution(id, 1);
    copy.parts[0].ciphertext = world.contribution(id, 0).parts[0].ciphertext;
    world.prove(&mut copy, 0);
    attest(&world, &mut copy);
    refused(world.contribute(copy), "encrypt again");
}

#[test]
fn an_older_epoch_root_is_refused_once_a_record_is_revoked() {
    let mut world = World::ready(Quorum::DEFAULT);
    let id = world.open(world.query()).unwrap();
    let early = world.contribution(id, 0);
    world.act(&owner_name(2), Action::RevokeConsent(LeafIndex::new(2))).unwrap();
    world.pass_epoch();
    refused(world.contribute(early), "the latest epoch root");
    world.contribute(world.contribution(id, 0)).unwrap();
}

#[test]
fn a_query_admits_within_its_days_and_up_to_its_maximum() {
    let mut world = World::ready(Quorum::DEFAULT);
    let later = CohortQuery { opening: Day(TODAY + 2), ..world.query() };
    let id = world.open(later).unwrap();
    refused(world.contribute(world.contribution(id, 0)), "it collects from 2024-10-06 to 2024-10-14");
    world.pass_days(2);
    for number in 0..5 {
        world.contribute(world.contribution(id, number)).unwrap();
    }
    refused(world.contribute(world.contribution(id, 5)), "all 5 contributions");
    world.block();
    world.pass_days(9);
    refused(world.contribute(world.contribution(id, 6)), "it collects from 2024-10-06 to 2024-10-14");
}

#[test]
fn only_the_payout_key_withdraws_once_and_before_sealing() {
    let mut world = World::ready(Quorum::DEFAULT);
    let id = world.collect(world.query(), 0..4);
    let withdraw = |number| Action::Withdraw(Withdraw { query: id, contribution: ContributionIndex::new(number) });
    refused(world.act(&payout_name(2), withdraw(1)), "payout key does");
    refused(world.act(&payout_name(2), withdraw(9)), "contribution 9");
    world.act(&payout_name(1), withdraw(1)).unwrap();
    refused(world.act(&payout_name(1), withdraw(1)), "withdrawn already");
    world.block();
    assert_eq!((world.state(id).admitted, world.state(id).surviving), (4, 3));
    let mut again = world.contribution(id, 1);
    again.payout = account("second payout");
    attest(&world, &mut again);
    refused(world.contribute(again), "stays spent");
    world.pass_days(11);
    world.act("friend", Action::Seal(id)).unwrap();
    refused(world.act(&payout_name(2), withdraw(2)), "its set is frozen");
    world.block();
    assert_eq!(world.surviving(id).len(), 3);
}

#[test]
fn an_unknown_query_is_named() {
    let mut world = World::ready(Quorum::DEFAULT);
    let id = world.open(world.query()).unwrap();
    let mut contribution = world.contribution(id, 0);
    contribution.query = circuits::id::QueryId::from_bytes([5; 32]);
    let outcome = world.contribute(contribution);
    assert!(matches!(outcome, Err(Error::Unknown { what: "query", .. })));
}
