//! The people of the cohort, each made anew from its number, and what is asked of them.

use circuits::{
    consent::{ConsentTerms, Day, Purposes, Regions},
    criteria::{Clause, Criteria, MatchCriteria},
    id::{AccountId, Digest, QueryId, field_to_bytes},
    layout::{Axis, Layout, Statistic},
    record::{ATTRIBUTES, Attributes, Dosage, Genotypes, MISSING, NullifierKey, Record},
    schema::{Schema, Variant, VariantPanel},
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

use crate::{
    Size,
    world::{self, PRICE, TODAY, World, sealing_key, terms},
};

/// People certified by one call: the issuers take turns by such a number.
const CERTIFIED_AT_ONCE: usize = 500;
const SEED: u64 = 10_000;
/// Ages of people in turn; whoever has the second is a case.
const AGES: [u32; 2] = [44, 54];
const CASES_FROM: u32 = 50;
/// Variants of one part where cases and controls are counted apart; there would be room for 672.
const PART_VARIANTS: usize = 512;
/// The variants that a part reads at least.
const BLOCK_VARIANTS: usize = 32;

pub struct Person {
    pub record: Record,
    pub consent: ConsentTerms,
}

/// A dosage that differs from person to person and from variant to variant, a missing one among five.
const fn dosage(number: usize, variant: usize) -> Dosage {
    let kinds = [Dosage::HomRef, Dosage::Het, Dosage::HomAlt, Dosage::Missing, Dosage::Het];
    kinds[(number / 5usize.pow(variant as u32 % 3) + variant / 3) % kinds.len()]
}

const fn age(number: usize) -> u32 {
    AGES[number % AGES.len()]
}

/// The tests' schema with a panel of so many variants.
fn schema(variants: usize) -> Schema {
    let variant =
        |place| Variant { chrom: "20".into(), pos: 10 * (place + 1), reference: "A".into(), alternate: "G".into() };
    let panel = VariantPanel { build: "GRCh37".into(), variants: (0..variants as u32).map(variant).collect() };
    Schema { panel: panel.reference().unwrap(), ..world::schema() }
}

/// What each part counts.
pub fn parts(variants: usize) -> Vec<Layout> {
    if variants <= BLOCK_VARIANTS {
        return vec![Layout::genotypes(0, 0, BLOCK_VARIANTS as u16)];
    }
    let part = |first: usize| {
        let length = PART_VARIANTS.min(variants - first).next_multiple_of(BLOCK_VARIANTS) as u16;
        let statistic = Statistic::Genotypes { first: first as u16, length };
        Layout { window: 0, axes: vec![Axis::Thresholds { attribute: 0, cuts: vec![CASES_FROM] }], statistic }
    };
    (0..variants).step_by(PART_VARIANTS).map(part).collect()
}

/// Who is certified by which issuer.
const fn issuer(number: usize) -> usize {
    number / CERTIFIED_AT_ONCE % 2
}

pub fn person(world: &World, number: usize, variants: usize) -> Person {
    let mut rng = StdRng::seed_from_u64(SEED + number as u64);
    let mut attributes = [MISSING; ATTRIBUTES];
    attributes[0] = age(number);
    let dosages: Vec<_> = (0..variants).map(|variant| dosage(number, variant)).collect();
    let record = Record {
        schema: schema(variants).id().unwrap(),
        issuer: world.keys.issuers[issuer(number)].account(),
        attributes: Attributes::new(attributes),
        genotypes: Genotypes::new(&dosages).unwrap(),
        nullifier_key: NullifierKey::random(&mut rng),
    };
    Person { record, consent: terms(Purposes::HEALTH_RESEARCH, &mut rng) }
}

fn enrolled(world: &World, number: usize, variants: usize) -> (Measurements, Enrolment) {
    let Person { record, consent } = person(world, number, variants);
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
pub fn register(world: &World, size: Size) {
    let schema = schema(size.variants);
    if schema.id().unwrap() != world::schema().id().unwrap() {
        act(world.ledger(), &world.keys.issuers[0].signing_key(), Action::RegisterSchema(schema)).unwrap();
    }
    let numbers: Vec<usize> = (0..size.records).collect();
    for some in numbers.chunks(CERTIFIED_AT_ONCE) {
        let people: Vec<_> = some.iter().map(|number| enrolled(world, *number, size.variants)).collect();
        let certified = certify(world.ledger(), &world.keys.issuers[issuer(some[0])], &people).unwrap();
        assert!(certified.iter().zip(some).all(|(one, number)| one.leaf.get() as usize == *number));
    }
}

/// Opens a query for the variants of this many people, at the beginning of an epoch, in which all of them answer.
pub fn ask(world: &World, size: Size) -> QueryId {
    let count = u32::try_from(size.contributions).unwrap();
    world.pass_epoch();
    let study = world.study();
    world.pass_epoch();
    let query = CohortQuery {
        study,
        schema: schema(size.variants).id().unwrap(),
        criteria: Criteria { groups: vec![vec![Clause { attribute: 0, lo: 18, hi: 65, negated: false }]] },
        matching: MatchCriteria::default(),
        issuers: vec![],
        parts: parts(size.variants),
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

/// Het, homozygous alternate and called of each variant, controls before cases where they are apart, over the first people.
pub fn truth(size: Size) -> Vec<Vec<i32>> {
    let part = |layout: &Layout| {
        let Statistic::Genotypes { first, length } = layout.statistic else { unreachable!("parts count genotypes") };
        let mut slots = vec![0; usize::from(layout.slots_used())];
        for number in 0..size.contributions {
            let cell = if layout.axes.is_empty() { 0 } else { usize::from(age(number) >= CASES_FROM) };
            for place in 0..usize::from(length).min(size.variants - usize::from(first)) {
                let (dosage, slot) =
                    (dosage(number, usize::from(first) + place), 3 * (cell * usize::from(length) + place));
                slots[slot] += i32::from(dosage == Dosage::Het);
                slots[slot + 1] += i32::from(dosage == Dosage::HomAlt);
                slots[slot + 2] += i32::from(dosage != Dosage::Missing);
            }
        }
        slots
    };
    parts(size.variants).iter().map(part).collect()
}
