//! The eligibility proof: set-up, proving, verification, and folding a query's public inputs.

#![allow(clippy::expect_used, missing_docs, reason = "a bench stops at the first failure")]

use circuits::{
    consent::{ConsentDemand, ConsentFlags, ConsentTerms, Day, Purposes, Regions},
    criteria::{Clause, Criteria},
    eligibility::{EligibilityTerms, EligibilityVerifier, EligibilityWitness, insecure_proving_key_from_seed, prove},
    id::{AccountId, Digest, QueryId, SchemaId},
    merkle::LeafTree,
    nullifier::ExactScope,
    record::{ATTRIBUTES, Attributes, Dosage, Genotypes, NullifierKey, Record},
};
use criterion::{Criterion, criterion_group, criterion_main};
use rand::{SeedableRng, rngs::StdRng};

fn statement(rng: &mut StdRng) -> (EligibilityTerms, EligibilityWitness) {
    let record = Record {
        schema: SchemaId::from_bytes([1; 32]),
        issuer: AccountId::from_bytes([2; 32]),
        attributes: Attributes::new([40; ATTRIBUTES]),
        genotypes: Genotypes::new(&[Dosage::Het; 1024]).expect("one window"),
        nullifier_key: NullifierKey::random(rng),
    };
    let consent = ConsentTerms {
        salt: ConsentTerms::random_salt(rng),
        purposes: Purposes::GENERAL_RESEARCH,
        disease: 0,
        regions: Regions::ALL,
        expiry: Day(30_000),
        price_min: 1,
        epsilon_milli_max: 0,
        cohort_min: 2,
        flags: ConsentFlags::EXACT,
    };
    let clause = Clause { attribute: 3, lo: 18, hi: 65, negated: false };
    let terms = EligibilityTerms {
        query: QueryId::from_bytes([3; 32]),
        part: 0,
        schema: record.schema,
        criteria: Criteria { groups: vec![vec![clause]; 8] },
        issuers: vec![record.issuer],
        demand: ConsentDemand {
            purposes: Purposes::GENERAL_RESEARCH,
            disease: 0,
            regions: Regions(1),
            closing: Day(20_000),
            price: 5,
            epsilon_milli: 0,
            cohort_min: 10,
            flags: ConsentFlags::EXACT,
        },
        registered_before: 5,
        exact: Some(ExactScope { period: 1, measure: Digest::from_bytes([4; 32]) }),
    };
    let empty = LeafTree::from_leaves([circuits::id::Leaf::from_element(0u64.into())]);
    let path = empty.path(0).expect("one leaf");
    (terms, EligibilityWitness::new(&record, consent, 0, path))
}

fn eligibility(criterion: &mut Criterion) {
    let rng = &mut StdRng::seed_from_u64(1);
    let (terms, witness) = statement(rng);
    let instance = witness.instance(&terms, Digest::from_bytes([7; 32]));
    let key = insecure_proving_key_from_seed([0; 32]).expect("set-up");
    let verifier = EligibilityVerifier::new(key.verifying_key(), &terms).expect("terms");
    let proof = prove(&key, &terms, &instance, &witness, rng).expect("proof");

    let mut group = criterion.benchmark_group("eligibility");
    group.sample_size(10);
    group.bench_function("setup", |bench| bench.iter(|| insecure_proving_key_from_seed([0; 32])));
    group.bench_function("prove", |bench| bench.iter(|| prove(&key, &terms, &instance, &witness, rng)));
    group.bench_function("fold terms", |bench| bench.iter(|| EligibilityVerifier::new(key.verifying_key(), &terms)));
    group.bench_function("verify", |bench| bench.iter(|| verifier.verify(&instance, &proof).expect("verifies")));
    group.finish();
}

criterion_group!(benches, eligibility);
criterion_main!(benches);
