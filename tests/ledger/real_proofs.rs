//! Real proofs through the ledger.

use circuits::quorum::Quorum;
use node::{Ledger, query::CohortQuery};

use crate::{
    prover::{person, prepare, real_contribution},
    world::{World, account, digest, genesis, refused},
};

#[test]
fn real_proofs_are_admitted_and_bind_payout_ciphertext_and_query() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::over(Ledger::open(&folder.path().join("ledger.redb"), genesis(Quorum::DEFAULT)).unwrap());
    let people = [person(1), person(2)];
    prepare(&mut world, &people);
    let query = CohortQuery { contributions_max: 2, ..world.query() };
    let id = world.open(query.clone()).unwrap();
    let other = world.open(query).unwrap();

    let good = real_contribution(&world, id, 0, &people[0]);
    let mut stolen = good.clone();
    stolen.payout = account("thief");
    refused(world.contribute(stolen), "does not verify");
    let mut swapped = good.clone();
    swapped.parts[0].ciphertext = digest("swapped");
    swapped.parts[0].receipts = world.receipts(&swapped.parts[0], id, 0, &[0, 1, 2]);
    refused(world.contribute(swapped), "does not verify");
    let mut elsewhere = good.clone();
    elsewhere.query = other;
    elsewhere.parts[0].receipts = world.receipts(&elsewhere.parts[0], other, 0, &[0, 1, 2]);
    refused(world.contribute(elsewhere), "does not verify");
    let mut garbage = good.clone();
    garbage.parts[0].proof = circuits::eligibility::EligibilityProof::from_bytes([0xff; 128]);
    refused(world.contribute(garbage), "does not verify");

    world.contribute(good).unwrap();
    world.contribute(real_contribution(&world, id, 1, &people[1])).unwrap();
    world.block();
    assert_eq!(world.state(id).surviving, 2);
    refused(world.contribute(real_contribution(&world, other, 0, &people[0])), "one exact release of a measure");
}
