//! The people of the cohort, each made anew from its number, and what is asked of them.

use circuits::{
    consent::{ConsentTerms, Day, Purposes, Regions},
    criteria::{Clause, Criteria, MatchCriteria},
    id::{AccountId, Digest, QueryId, field_to_bytes},
    layout::Layout,
    record::{ATTRIBUTES, Attributes, Dosage, Genotypes, MISSING, NullifierKey, Record},
};
use market::{
    issuer::{Enrolment, Measurements, certify},
    ledger::{act, next_nonce},
};
use node::{
    query::{CohortQuery, DataUse, PrivacyMode},
    transaction::Action,
    units::Amount,
};
use rand::{SeedableRng, rngs::StdRng};

use crate::world::{PRICE, TODAY, World, schema, sealing_key, terms};

/// People certified by one call: the issuers take turns by such a number.
const CERTIFIED_AT_ONCE: usize = 500;
const SEED: u64 = 10_000;
const AGE: u32 = 44;

pub struct Person {
    pub record: Record,
    pub consent: ConsentTerms,
}

/// Dosages that differ from person to person, with a missing one among five.
fn dosages(number: usize) -> [Dosage; 3] {
    let kinds = [Dosage::HomRef, Dosage::Het, Dosage::HomAlt, Dosage::Missing, Dosage::Het];
    [number, number / 5, number / 25].map(|place| kinds[place % kinds.len()])
}

/// Who is certified by which issuer.
const fn issuer(number: usize) -> usize {
    number / CERTIFIED_AT_ONCE % 2
}

pub fn person(world: &World, number: usize) -> Person {
    let mut rng = StdRng::seed_from_u64(SEED + number as u64);
    let mut attributes = [MISSING; ATTRIBUTES];
    attributes[0] = AGE;
    let record = Record {
        schema: schema().id().unwrap(),
        issuer: world.keys.issuers[issuer(number)].account(),
        attributes: Attributes::new(attributes),
        genotypes: Genotypes::new(&dosages(number)).unwrap(),
        nullifier_key: NullifierKey::random(&mut rng),
    };
    Person { record, consent: terms(Purposes::HEALTH_RESEARCH, &mut rng) }
}

fn enrolled(world: &World, number: usize) -> (Measurements, Enrolment) {
    let Person { record, consent } = person(world, number);
    let mut owner = [0; 32];
    owner[..8].copy_from_slice(&(number as u64).to_le_bytes());
    let enrolment = Enrolment {
        owner: AccountId::from_bytes(owner),
        consent: consent.commitment(),
        nullifier_key: Digest::from_bytes(field_to_bytes(&record.nullifier_key.commitment())),
        replaces: None,
    };
    let Record { schema, attributes, genotypes, .. } = record;
    (Measurements { schema, attributes, genotypes }, enrolment)
}

/// Certifies everybody, each by a signed transaction, as many in a block as one issuer may have waiting.
pub fn register(world: &World, records: usize) {
    let numbers: Vec<usize> = (0..records).collect();
    for some in numbers.chunks(CERTIFIED_AT_ONCE) {
        let people: Vec<_> = some.iter().map(|number| enrolled(world, *number)).collect();
        let certified = certify(world.ledger(), &world.keys.issuers[issuer(some[0])], &people).unwrap();
        assert!(certified.iter().zip(some).all(|(one, number)| one.leaf.get() as usize == *number));
    }
}

/// Opens a query for three variants of this many people, at the beginning of an epoch, in which all of them answer.
pub fn ask(world: &World, contributions: usize) -> QueryId {
    let count = u32::try_from(contributions).unwrap();
    world.pass_epoch();
    let study = world.study();
    world.pass_epoch();
    let query = CohortQuery {
        study,
        schema: schema().id().unwrap(),
        criteria: Criteria { groups: vec![vec![Clause { attribute: 0, lo: 18, hi: 65, negated: false }]] },
        matching: MatchCriteria::default(),
        issuers: vec![],
        parts: vec![Layout::genotypes(0, 0, 32)],
        data_use: DataUse { purposes: Purposes::HEALTH_RESEARCH, disease: 0, regions: Regions(1) },
        price: Amount::new(PRICE),
        contributions_min: count,
        contributions_max: count,
        privacy: PrivacyMode::Exact,
        opening: Day(TODAY),
        closing: Day(TODAY + 30),
        aggregate_blocks_max: 1_000,
        release_blocks_max: 1_000,
        sealing: sealing_key(&world.keys.researcher),
    };
    let key = world.keys.researcher.signing_key();
    let nonce = next_nonce(world.ledger(), &key).unwrap();
    let id = query.id(&world.ledger().chain(), &world.keys.researcher.account(), nonce).unwrap();
    act(world.ledger(), &key, Action::OpenQuery(Box::new(query))).unwrap();
    id
}

/// Het, homozygous alternate and called of each variant, over the first people.
pub fn truth(contributions: usize) -> Vec<i32> {
    let mut slots = vec![0; 96];
    for variant in 0..3 {
        let among = (0..contributions).map(|number| dosages(number)[variant]);
        for dosage in among {
            slots[3 * variant] += i32::from(dosage == Dosage::Het);
            slots[3 * variant + 1] += i32::from(dosage == Dosage::HomAlt);
            slots[3 * variant + 2] += i32::from(dosage != Dosage::Missing);
        }
    }
    slots
}
