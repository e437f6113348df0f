//! Real proofs through the ledger.

use circuits::{
    consent::{ConsentFlags, ConsentTerms, Day, Purposes, Regions},
    eligibility::{EligibilityWitness, binding, prove},
    id::AccountId,
    quorum::Quorum,
    record::{ATTRIBUTES, Attributes, Dosage, Genotypes, NullifierKey, Record},
};
use node::{
    Ledger,
    query::CohortQuery,
    transaction::{Action, Contribution, RegisterRecord},
};
use rand::{SeedableRng, rngs::StdRng};

use crate::world::{TODAY, World, account, digest, genesis, payout_name, proving_key, refused, schema};

struct Person {
    record: Record,
    consent: ConsentTerms,
}

fn person(number: u64) -> Person {
    let mut rng = StdRng::seed_from_u64(number);
    let record = Record {
        schema: schema().id().unwrap(),
        issuer: account("issuer 0"),
        attributes: Attributes::new([50; ATTRIBUTES]),
        genotypes: Genotypes::new(&[Dosage::Het; 20]).unwrap(),
        nullifier_key: NullifierKey::random(&mut rng),
    };
    let consent = ConsentTerms {
        salt: ConsentTerms::random_salt(&mut rng),
        purposes: Purposes::GENERAL_RESEARCH,
        disease: 0,
        regions: Regions::ALL,
        expiry: Day(TODAY + 100),
        price_min: 1,
        epsilon_milli_max: 0,
        cohort_min: 2,
        flags: ConsentFlags::EXACT,
    };
    Person { record, consent }
}

fn contribution(world: &World, query: circuits::id::QueryId, place: u32, person: &Person) -> Contribution {
    let payout: AccountId = account(&payout_name(u64::from(place)));
    let terms = world.state(query).terms(query, 0).unwrap();
    let path = world.ledger().leaf_tree().path(place).unwrap();
    let witness = EligibilityWitness::new(&person.record, person.consent.clone(), 0, path);
    let mut contribution = world.contribution(query, u64::from(place));
    contribution.payout = payout;
    let part = &mut contribution.parts[0];
    part.ciphertext = digest(&format!("real ciphertext {place}"));
    let binding = binding(&world.ledger().chain(), &query, 0, &payout, &part.ciphertext);
    let instance = witness.instance(&terms, binding);
    (part.root, part.nullifier, part.scope_nullifier) = (instance.root, instance.nullifier, instance.scope_nullifier);
    part.proof = prove(proving_key(), &terms, &instance, &witness, &mut StdRng::seed_from_u64(9)).unwrap();
    part.receipts = world.receipts(part, query, 0, &[0, 1, 2]);
    contribution
}

#[test]
fn real_proofs_are_admitted_and_bind_payout_ciphertext_and_query() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::over(Ledger::open(&folder.path().join("ledger.redb"), genesis(Quorum::DEFAULT)).unwrap());
    let people = [person(1), person(2)];
    world.accredit();
    world.act("researcher", Action::RegisterSchema(schema())).unwrap();
    world.register_study();
    for (number, person) in people.iter().enumerate() {
        let record = RegisterRecord {
            body: person.record.body(),
            consent: person.consent.commitment(),
            owner: account(&format!("owner {number}")),
            replaces: None,
        };
        world.act("issuer 0", Action::RegisterRecord(record)).unwrap();
    }
    world.generate_key(node::units::CommitteeEpoch::new(0));
    world.pass_epoch();
    let query = CohortQuery { contributions_max: 2, ..world.query() };
    let id = world.open(query.clone()).unwrap();
    let other = world.open(query).unwrap();

    let good = contribution(&world, id, 0, &people[0]);
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
    world.contribute(contribution(&world, id, 1, &people[1])).unwrap();
    world.block();
    assert_eq!(world.state(id).surviving, 2);
    refused(world.contribute(contribution(&world, other, 0, &people[0])), "one exact release of a measure");
}
