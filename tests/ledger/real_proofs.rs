//! Real proofs through the ledger.

use circuits::{
    groth16::{PROOF_BYTES, ProofBytes},
    quorum::Quorum,
};
use node::{
    Error, Ledger,
    genesis::Genesis,
    inclusion::transactions_root,
    query::CohortQuery,
    transaction::{Action, Contribution, Governance, Transaction},
    units::{CommitteeEpoch, Height},
};

use crate::{
    life::opening,
    prover::{Person, attest, person, prepare, real_contribution},
    world::{World, account, digest, genesis, refused},
};

pub fn real_world(people: &[Person], genesis: Genesis) -> (tempfile::TempDir, World) {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::over(Ledger::open(&folder.path().join("ledger.redb"), genesis).unwrap());
    prepare(&mut world, people);
    (folder, world)
}

/// One alteration of a proven contribution, which members then attest.
type Alteration = fn(&mut Contribution);

#[test]
fn real_proofs_are_admitted_and_bind_payout_ciphertext_opening_and_query() {
    let people = [person(1), person(2)];
    let (_folder, mut world) = real_world(&people, genesis(Quorum::DEFAULT));
    let query = CohortQuery { contributions_max: 2, ..world.query() };
    let id = world.open(query.clone()).unwrap();
    let other = world.open(query).unwrap();

    let good = real_contribution(&world, id, 0, &people[0]);
    let second = real_contribution(&world, id, 1, &people[1]);
    let alterations: [Alteration; 5] = [
        |c| c.payout = account("thief"),
        |c| c.parts[0].ciphertext = digest("swapped"),
        |c| c.parts[0].contribution.opening = opening(7),
        |c| c.parts[0].contribution.opening.c0 = c.parts[0].contribution.opening.c1,
        |c| c.parts[0].scope_nullifier = circuits::id::ScopeNullifier::from_bytes(&[0; 32]).unwrap(),
    ];
    for alter in alterations {
        let mut altered = good.clone();
        alter(&mut altered);
        refused(world.contribute(altered.clone()), "signature of");
        attest(&world, &mut altered);
        refused(world.contribute(altered), "does not verify");
    }
    let mut elsewhere = Contribution { query: other, ..good.clone() };
    refused(world.contribute(elsewhere.clone()), "signature of");
    attest(&world, &mut elsewhere);
    refused(world.contribute(elsewhere), "does not verify");

    // D is drawn before the challenge: another one, here a proof's of the same record, moves it.
    let mut mixed = good.parts[0].contribution.proof.as_bytes().to_owned();
    mixed[PROOF_BYTES - 32..].copy_from_slice(&second.parts[0].contribution.proof.as_bytes()[PROOF_BYTES - 32..]);
    let mut altered = good.clone();
    altered.parts[0].contribution.proof = ProofBytes::new(mixed);
    refused(world.contribute(altered.clone()), "signature of");
    attest(&world, &mut altered);
    refused(world.contribute(altered), "does not verify");
    let mut garbage = good.clone();
    garbage.parts[0].contribution.proof = ProofBytes::new([0xff; PROOF_BYTES]);
    refused(world.contribute(garbage), "does not verify");

    world.contribute(good).unwrap();
    world.contribute(second).unwrap();
    world.block();
    assert_eq!(world.state(id).surviving, 2);
    refused(world.contribute(real_contribution(&world, other, 0, &people[0])), "one exact release of a measure");
}

#[test]
fn a_proof_serves_no_other_chain_and_no_other_committee_key() {
    let people = [person(1)];
    let (_folder, mut world) = real_world(&people, genesis(Quorum::DEFAULT));
    let renamed = Genesis { name: "another chain".into(), ..genesis(Quorum::DEFAULT) };
    let (_other_folder, mut there) = real_world(&people, renamed);
    let (here, elsewhere) = (world.open(world.query()).unwrap(), there.open(there.query()).unwrap());
    let mut foreign = real_contribution(&there, elsewhere, 0, &people[0]);
    foreign.query = here;
    attest(&world, &mut foreign);
    refused(world.contribute(foreign), "does not verify");

    let under_the_first = real_contribution(&world, here, 0, &people[0]);
    world.act("governor", Action::Govern(Governance::RekeyCommittee)).unwrap();
    world.generate_key(CommitteeEpoch::new(1));
    let next = world.open(world.query()).unwrap();
    assert_ne!(world.state(next).committee_key, world.state(here).committee_key);
    let mut moved = Contribution { query: next, ..under_the_first.clone() };
    attest(&world, &mut moved);
    refused(world.contribute(moved), "does not verify");
    world.contribute(under_the_first).unwrap();
}

#[test]
fn a_block_of_proofs_is_verified_together_and_a_wrong_one_among_them_is_named() {
    let people = [person(1), person(2)];
    let (_folder, mut world) = real_world(&people, genesis(Quorum::DEFAULT));
    let id = world.open(world.query()).unwrap();
    for (place, person) in (0..).zip(&people) {
        world.contribute(real_contribution(&world, id, place, person)).unwrap();
    }
    let sound = world.block().block;

    // Another validator has all blocks but the last, and has seen none of the proofs.
    let folder = tempfile::tempdir().unwrap();
    let other = Ledger::open(&folder.path().join("ledger.redb"), genesis(Quorum::DEFAULT)).unwrap();
    let now = world.now;
    for height in 1..sound.header.height.get() {
        let block = world.ledger().snapshot().unwrap().block(Height::new(height)).unwrap().unwrap();
        other.import(block, now).unwrap();
    }
    let mut wrong = sound.clone();
    let Transaction::Contribute(second) = &mut wrong.transactions[1] else { panic!() };
    second.parts[0].contribution.opening = opening(7);
    attest(&world, second);
    wrong.header.transactions = transactions_root(&wrong.transactions).unwrap();
    let outcome = other.check(wrong.header, wrong.transactions, now).map(|_| ());
    let Err(Error::Block { why, .. }) = outcome else { panic!("{outcome:?}") };
    assert!(why.contains("number 1 is refused") && why.contains("does not verify"), "{why}");
    other.import(sound, now).unwrap();
}
