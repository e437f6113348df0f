//! The certified contribution: set-up, key files, proving, verification one by one and in a batch, openings.

#![allow(clippy::expect_used, clippy::indexing_slicing, missing_docs, reason = "a bench stops at the first failure")]

use std::{
    num::NonZeroUsize,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use circuits::{
    consent::{ConsentDemand, ConsentFlags, ConsentTerms, Day, Purposes, Regions},
    contribution::{
        ContributionStatement, ContributionTerms, ContributionVerifier, ContributionWitness, Opening, ProvingKey,
        UnverifiedContribution, VerifyingKey, insecure_proving_key_from_seed, prove,
    },
    criteria::{Clause, Criteria, MatchClause, MatchCriteria},
    domain::ByteTag,
    eligibility::{EligibilityInstance, EligibilityTerms, binding},
    groth16::side_by_side,
    id::{AccountId, ChainId, Leaf, QueryId, SchemaId},
    layout::{Axis, Layout, Moment, Statistic, Subject},
    merkle::LeafTree,
    record::{ATTRIBUTES, Attributes, Dosage, Genotypes, NullifierKey, Record},
    rlwe::{Ciphertext, KeyEpoch, PublicKey, RingElement, Xof, encrypt},
};
use criterion::{BatchSize, Criterion, Throughput, criterion_group};
use rand::{SeedableRng, rngs::StdRng};
use rayon::prelude::*;

/// Proofs that the process which only proves makes one after another.
const PROOFS: u32 = 8;
/// Contributions of a batch.
const BATCH: usize = 64;

struct Prepared {
    terms: ContributionTerms,
    committee: PublicKey,
    instance: EligibilityInstance,
    ciphertext: Ciphertext,
    witness: ContributionWitness,
}

/// People whose contributions one agent proves side by side, as a hospital's does.
const PEOPLE: u64 = 100;

/// Names the key file for the process that only proves, so that its memory is that of proving.
const KEY_FILE: &str = "LOCUS_BENCH_KEY_FILE";

/// Everything the algebra has: a grouping axis of each kind, moments, match criteria over attributes and a dosage.
fn prepared(rng: &mut StdRng) -> Prepared {
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
        epsilon_milli_max: 1_000,
        cohort_min: 2,
        flags: ConsentFlags::default(),
    };
    let clause = Clause { attribute: 3, lo: 18, hi: 65, negated: false };
    let matching = |subject, hi| MatchClause { subject, lo: 0, hi, negated: false };
    let terms = ContributionTerms {
        eligibility: EligibilityTerms {
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
                epsilon_milli: 1_000,
                cohort_min: 10,
                flags: ConsentFlags::default(),
            },
            registered_before: 5,
            exact: None,
        },
        matching: MatchCriteria {
            groups: vec![vec![matching(Subject::Attribute(4), 90)], vec![matching(Subject::Dosage(700), 1)]],
        },
        layout: Layout {
            window: 0,
            axes: vec![
                Axis::Thresholds { attribute: 5, cuts: vec![30, 60] },
                Axis::Dosage { variant: 5 },
                Axis::Bins { attribute: 6, lo: 0, width: 20, count: 3 },
            ],
            statistic: Statistic::Moments {
                attributes: (0..4).map(|attribute| Moment { attribute, lo: 0, hi: 120 }).collect(),
            },
        },
    };
    let b = RingElement::from_xof(&mut Xof::new(ByteTag::CommonPolynomial, &[b"bench"]));
    let committee = PublicKey::new(ChainId::from_bytes([5; 32]), KeyEpoch::new(1), b);
    let plaintext =
        terms.layout.plaintext(&terms.matching, &record.attributes, &record.genotypes).expect("a sound layout");
    let (ciphertext, randomness) = encrypt(&committee, &plaintext, rng);
    let path = LeafTree::from_leaves([Leaf::from_element(0u64.into())]).path(0).expect("one leaf");
    let encrypted = (&committee, &ciphertext, randomness);
    let witness = ContributionWitness::new(&terms, &record, consent, 0, path, encrypted).expect("an encryption");
    let payout = AccountId::from_bytes([6; 32]);
    let binding = binding(committee.chain(), &terms.eligibility.query, 0, &payout, &ciphertext.digest());
    let instance = witness.instance(&terms, binding);
    Prepared { terms, committee, instance, ciphertext, witness }
}

impl Prepared {
    fn prove(&self, key: &ProvingKey, rng: &mut StdRng) -> UnverifiedContribution {
        let statement = ContributionStatement { terms: &self.terms, key: &self.committee, instance: &self.instance };
        prove(key, &statement, &self.ciphertext, &self.witness, rng).expect("a true statement")
    }
}

/// Peak resident memory of this process in MiB, where the system tells.
fn peak_memory_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib / 1024)
}

/// Processor time of this process so far, all threads together, in seconds: what load by others disturbs least.
fn processor_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let after_name = stat.rsplit(')').next()?;
    let ticks: Vec<u64> =
        after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    Some(ticks.iter().sum::<u64>() as f64 / 100.0)
}

/// What a process that only loads the key and proves takes: one proof at a time with every core, then a hospital's people
/// side by side, a core each.
fn prove_only(key_file: &Path) {
    let start = Instant::now();
    let bytes = std::fs::read(key_file).expect("the key file");
    let (verifying, points): (VerifyingKey, Vec<u8>) = borsh::from_slice(&bytes).expect("a key");
    drop(bytes);
    let read = start.elapsed();
    let start = Instant::now();
    let key = ProvingKey::from_bytes(&points, &verifying).expect("its own key");
    drop(points);
    eprintln!(
        "load the proving key: {:.0?}, after {read:.0?} for reading the file and the verifying key",
        start.elapsed()
    );

    let mut rng = StdRng::seed_from_u64(1);
    let prepared = prepared(&mut rng);
    prepared.prove(&key, &mut rng);
    let (start, before) = (Instant::now(), processor_seconds());
    for _ in 0..PROOFS {
        prepared.prove(&key, &mut rng);
    }
    let wall = start.elapsed().as_secs_f64() / f64::from(PROOFS);
    let processor = processor_seconds().zip(before).map(|(after, before)| (after - before) / f64::from(PROOFS));
    eprintln!("one proof: {wall:.2} s, processor time {processor:.2?} s, peak memory {:?} MiB", peak_memory_mib());

    let cores = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let start = Instant::now();
    let prove = |person| prepared.prove(&key, &mut StdRng::seed_from_u64(person));
    side_by_side((0..PEOPLE).collect(), cores, prove).expect("threads start");
    let minutes = start.elapsed().as_secs_f64() / 60.0;
    eprintln!(
        "{PEOPLE} people, {cores} side by side: {:.0} proofs a minute, peak memory {:?} MiB",
        PEOPLE as f64 / minutes,
        peak_memory_mib()
    );
}

fn contribution(criterion: &mut Criterion) {
    let mut rng = StdRng::seed_from_u64(1);
    let start = Instant::now();
    let key = insecure_proving_key_from_seed([0; 32]).expect("a sound circuit");
    eprintln!("set-up: {:.2} s; peak memory {:?} MiB", start.elapsed().as_secs_f64(), peak_memory_mib());
    let verifying = key.verifying_key().clone();
    let key_file = tempfile::NamedTempFile::new().expect("a temporary file");
    let points = key.to_bytes().expect("points are written");
    eprintln!("proving key: {:.1} MB", points.len() as f64 / 1e6);
    let bytes = borsh::to_vec(&(&verifying, points)).expect("bytes");
    std::fs::write(key_file.path(), bytes).expect("the file is written");
    let this = std::env::current_exe().expect("this program");
    let status = Command::new(this).env(KEY_FILE, key_file.path()).status().expect("a process of its own");
    assert!(status.success(), "the process that proves");

    let mut group = criterion.benchmark_group("contribution");
    group.sample_size(10).measurement_time(Duration::from_secs(15));
    let prepared = prepared(&mut rng);
    group.bench_function("prove", |bench| bench.iter(|| prepared.prove(&key, &mut rng)));
    group.bench_function("fold the terms", |bench| {
        bench
            .iter(|| ContributionVerifier::new(&verifying, &prepared.terms, &prepared.committee).expect("sound terms"));
    });
    let proofs: Vec<_> = (0..4).map(|_| (prepared.instance, prepared.prove(&key, &mut rng))).collect();
    let (_, proof) = proofs[0];
    let verifier = ContributionVerifier::new(&verifying, &prepared.terms, &prepared.committee).expect("sound terms");
    group.bench_function("verify", |bench| {
        bench.iter(|| verifier.verify(&prepared.instance, &proof).expect("a true proof"));
    });
    let packed = prepared.ciphertext.to_packed_bytes();
    group.bench_function("check an opening: digest, decode, evaluate", |bench| {
        bench.iter(|| {
            let digest = Ciphertext::digest_of_packed(&packed);
            let ciphertext = Ciphertext::from_packed_bytes(&packed).expect("canonical");
            let gamma = verifier.challenges(&prepared.instance, &proof.proof).expect("a proof").gamma;
            assert_eq!((digest, Opening::of(&ciphertext, gamma)), (prepared.ciphertext.digest(), proof.opening));
        });
    });
    group.throughput(Throughput::Elements(BATCH as u64));
    let batch: Vec<_> = proofs.iter().cycle().take(BATCH).copied().collect();
    group.bench_function("verify a batch of 64", |bench| {
        bench.iter_batched(
            || batch.clone(),
            |batch| verifier.verify_batch(&batch).expect("true proofs"),
            BatchSize::LargeInput,
        );
    });
    group.bench_function("verify a batch of 64 with its openings", |bench| {
        bench.iter(|| {
            let opened = |(instance, proof): &(EligibilityInstance, UnverifiedContribution)| {
                let digest = Ciphertext::digest_of_packed(&packed);
                let ciphertext = Ciphertext::from_packed_bytes(&packed).expect("canonical");
                let gamma = verifier.challenges(instance, &proof.proof).expect("a proof").gamma;
                assert_eq!((digest, Opening::of(&ciphertext, gamma)), (prepared.ciphertext.digest(), proof.opening));
            };
            batch.par_iter().for_each(opened);
            verifier.verify_batch(&batch).expect("true proofs")
        });
    });
    group.finish();
}

criterion_group!(benches, contribution);

fn main() {
    if let Some(key_file) = std::env::var_os(KEY_FILE) {
        return prove_only(Path::new(&key_file));
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}
