//! People with records, and their real proofs.

use std::sync::OnceLock;

use circuits::{
    consent::{ConsentFlags, ConsentTerms, Day, Purposes, Regions},
    contribution::{ContributionStatement, ContributionWitness, prove},
    eligibility::binding,
    id::QueryId,
    record::{ATTRIBUTES, Attributes, Dosage, Genotypes, NullifierKey, Record},
    rlwe::{Ciphertext, encrypt},
};
use node::{
    Groth16Verifier, committee_key,
    transaction::{Action, Contribution, ContributionPart, RegisterRecord},
};
use rand::{SeedableRng, rngs::StdRng};

use crate::world::{TODAY, World, account, payout_name, proving_key, schema};

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

/// The verifier that members and validators of these tests have.
pub fn groth16() -> &'static Groth16Verifier {
    static VERIFIER: OnceLock<Groth16Verifier> = OnceLock::new();
    VERIFIER.get_or_init(|| Groth16Verifier::new(proving_key().verifying_key().clone()))
}

/// Members' word for what the first part now says, under the real challenge.
pub fn attest(world: &World, contribution: &mut Contribution) {
    contribution.parts[0].receipts = world.receipts_under(groth16(), contribution, 0, &[0, 1, 2]);
}

/// A contribution of the person at this place of the tree.
pub fn real_contribution(world: &World, query: QueryId, place: u32, person: &Person) -> Contribution {
    proven(world, query, place, person).0
}

/// A contribution with its ciphertext, which encrypts what the layout makes of the record.
pub fn proven(world: &World, query: QueryId, place: u32, person: &Person) -> (Contribution, Ciphertext) {
    let (state, chain) = (world.state(query), world.ledger().chain());
    let mut rng = StdRng::seed_from_u64(u64::from(place));
    let payout = account(&payout_name(u64::from(place)));
    let terms = state.terms(query, 0).unwrap();
    let key = committee_key(&world.ledger().snapshot().unwrap(), chain, &state).unwrap();
    let record = &person.record;
    let plaintext = terms.layout.plaintext(&terms.matching, &record.attributes, &record.genotypes).unwrap();
    let (ciphertext, randomness) = encrypt(&key, &plaintext, &mut rng);
    let path = world.ledger().leaf_tree().path(place).unwrap();
    let encrypted = (&key, &ciphertext, randomness);
    let witness = ContributionWitness::new(&terms, record, person.consent.clone(), 0, path, encrypted).unwrap();
    let instance = witness.instance(&terms, binding(&chain, &query, 0, &payout, &ciphertext.digest()));
    let statement = ContributionStatement { terms: &terms, key: &key, instance: &instance };
    let part = ContributionPart {
        root: instance.root,
        nullifier: instance.nullifier,
        scope_nullifier: instance.scope_nullifier,
        ciphertext: ciphertext.digest(),
        contribution: prove(proving_key(), &statement, &ciphertext, &witness, &mut rng).unwrap(),
        receipts: vec![],
    };
    let mut contribution = Contribution { query, payout, parts: vec![part] };
    attest(world, &mut contribution);
    (contribution, ciphertext)
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
