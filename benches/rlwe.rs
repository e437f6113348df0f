//! Encryption, the streamed sum beside the memory bandwidth of the same run, a release's components, and, with the
//! feature `bench-peers`, the sum that tfhe's high-level integers would make of it.

#![allow(clippy::expect_used, missing_docs, reason = "a bench stops at the first failure")]

use std::{hint::black_box, num::NonZeroUsize, time::Duration};

use circuits::{
    id::{ChainId, QueryId},
    quorum::{Quorum, SubsetIndex},
    rlwe::{
        Accumulator, Ciphertext, KeyEpoch, Plaintext, encrypt,
        params::{LAYOUT_SLOTS, RING_DEGREE},
    },
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use market::{
    committee::{
        ReleaseContext, component, sealed_components,
        testing::{Committee, generate},
    },
    sealing::SealingSecretKey,
};
use rand::{Rng, SeedableRng, rngs::StdRng};

const CHAIN: ChainId = ChainId::from_bytes([1; 32]);
const EPOCH: KeyEpoch = KeyEpoch::new(0);
/// Bytes of a ciphertext in memory.
const UNPACKED_BYTES: u64 = 2 * RING_DEGREE as u64 * 16;
/// Ciphertexts of the streamed sum: 512 MiB, far beyond any cache.
const STREAMED: usize = 4096;
const THREADS: NonZeroUsize = NonZeroUsize::new(2).expect("two threads");

fn committee(rng: &mut StdRng) -> Committee {
    generate(CHAIN, EPOCH, Quorum::DEFAULT, rng).expect("honest members")
}

fn full_plaintext() -> Plaintext {
    Plaintext::new((0..LAYOUT_SLOTS as u32).map(|slot| slot % 2).collect()).expect("slots within bounds")
}

fn encryption(criterion: &mut Criterion) {
    let mut rng = StdRng::seed_from_u64(1);
    let (key, plaintext) = (committee(&mut rng).public_key, full_plaintext());
    criterion.bench_function("encrypt", |bench| bench.iter(|| encrypt(&key, &plaintext, &mut rng)));
    let bytes = encrypt(&key, &plaintext, &mut rng).0.to_packed_bytes();
    criterion.bench_function("unpack_ciphertext", |bench| bench.iter(|| Ciphertext::from_packed_bytes(&bytes)));
    criterion.bench_function("add_packed", |bench| {
        bench.iter_batched_ref(Accumulator::default, |sum| sum.add_packed(&bytes), criterion::BatchSize::SmallInput);
    });
}

/// Reads every word once on two threads and folds it, which is the least any sum does.
fn read_bandwidth(words: &[u64]) -> u64 {
    let fold = |words: &[u64]| {
        let mut sums = [0u64; 16];
        for lane in words.as_chunks::<16>().0 {
            sums.iter_mut().zip(lane).for_each(|(sum, word)| *sum = sum.wrapping_add(*word));
        }
        sums.iter().fold(0u64, |sum, word| sum.wrapping_add(*word))
    };
    let (low, high) = words.split_at(words.len() / 2);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| fold(low));
        fold(high).wrapping_add(other.join().expect("the reader ends"))
    })
}

fn streamed_sum(criterion: &mut Criterion) {
    let mut rng = StdRng::seed_from_u64(2);
    let mut group = criterion.benchmark_group("stream_512_mib_2_threads");
    group.throughput(Throughput::Bytes(STREAMED as u64 * UNPACKED_BYTES)).sample_size(20);
    group.measurement_time(Duration::from_secs(8));
    {
        let words: Vec<u64> = (0..STREAMED as u64 * UNPACKED_BYTES / 8).collect();
        group.bench_function("memory_read", |bench| bench.iter(|| read_bandwidth(black_box(&words))));
    }
    // Random bytes with clear spare bits: sums do not care what they add.
    let mut bytes = vec![0; circuits::rlwe::params::CIPHERTEXT_BYTES];
    rng.fill_bytes(&mut bytes);
    bytes.iter_mut().skip(11).step_by(12).for_each(|byte| *byte &= 0x1f);
    let one = Ciphertext::from_packed_bytes(&bytes).expect("canonical");
    let ciphertexts = vec![one; STREAMED];
    group.bench_function("ciphertext_sum", |bench| {
        bench.iter(|| {
            let mut sum = Accumulator::default();
            sum.add_all(black_box(&ciphertexts), THREADS).expect("within the exact range");
            sum
        });
    });
    group.finish();
}

fn release(criterion: &mut Criterion) {
    let mut rng = StdRng::seed_from_u64(3);
    let committee = committee(&mut rng);
    let mut sum = Accumulator::default();
    sum.add(&encrypt(&committee.public_key, &full_plaintext(), &mut rng).0).expect("one contribution");
    let aggregate = sum.finish();
    let query = (QueryId::from_bytes([1; 32]), 0);
    let context = ReleaseContext::new((CHAIN, EPOCH), query, aggregate.digest(), LAYOUT_SLOTS as u16).expect("slots");
    let key = committee.members.get(1).expect("four members");
    criterion.bench_function("component", |bench| {
        bench.iter(|| component(key, &aggregate, &context, SubsetIndex::new(0)).expect("held"));
    });
    let researcher = SealingSecretKey::random(&mut rng).public_key();
    criterion.bench_function("sealed_components_of_a_member_2_of_4", |bench| {
        bench.iter(|| sealed_components(key, &aggregate, &context, &researcher).expect("held"));
    });
    criterion.bench_function("key_generation_2_of_4_all_members", |bench| {
        bench.iter(|| generate(CHAIN, EPOCH, Quorum::DEFAULT, &mut rng).expect("honest members"));
    });
}

/// One slot of eight people with tfhe's high-level integers, to set beside 4,032 slots of thousands of people.
#[cfg(feature = "bench-peers")]
fn peers(criterion: &mut Criterion) {
    use tfhe::{ConfigBuilder, FheUint32, generate_keys, prelude::FheEncrypt, set_server_key};
    let (client, server) = generate_keys(ConfigBuilder::default().build());
    set_server_key(server);
    let values: Vec<FheUint32> = (0..8u32).map(|value| FheUint32::encrypt(value, &client)).collect();
    let mut group = criterion.benchmark_group("tfhe_high_level_sum_of_fhe_uint32");
    group.throughput(Throughput::Elements(values.len() as u64)).sample_size(10);
    group.bench_function("8_values", |bench| bench.iter(|| values.iter().sum::<FheUint32>()));
    group.finish();
}

#[cfg(not(feature = "bench-peers"))]
fn peers(_: &mut Criterion) {}

criterion_group!(benches, encryption, streamed_sum, release, peers);
criterion_main!(benches);
