//! People with records, and their real proofs.

use circuits::{
    consent::{ConsentFlags, ConsentTerms, Day, Purposes, Regions},
    eligibility::{EligibilityWitness, binding, prove},
    id::AccountId,
    record::{ATTRIBUTES, Attributes, Dosage, Genotypes, NullifierKey, Record},
};
use node::transaction::{Action, Contribution, RegisterRecord};
use rand::{SeedableRng, rngs::StdRng};

use crate::world::{TODAY, World, account, digest, payout_name, proving_key, schema};

pub struct Person {
    pub record: Record,
    pub consent: ConsentTerms,
}

pub fn person(number: u64) -> Person {
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

pub fn real_contribution(world: &World, query: circuits::id::QueryId, place: u32, person: &Person) -> Contribution {
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

/// Brings a bare chain to its second epoch with these people's records.
pub fn prepare(world: &mut World, people: &[Person]) {
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
}
