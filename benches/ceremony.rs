//! A whole set-up ceremony for one circuit at full size, each step once: they take seconds to minutes.
//!
//! `cargo bench --profile release -p circuits --bench ceremony -- eligibility`, or `-- contribution`.

#![allow(clippy::expect_used, missing_docs, reason = "a bench stops at the first failure")]

use std::time::Instant;

use circuits::{
    ceremony::{CircuitKey, Powers, UnverifiedCircuitKey, UnverifiedPowers},
    contribution, eligibility,
};
use rand::{SeedableRng, rngs::StdRng};

fn timed<T>(what: &str, step: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = step();
    println!("{what:<40} {:>8.1} s", start.elapsed().as_secs_f64());
    result
}

fn main() {
    let rng = &mut StdRng::seed_from_u64(1);
    let name = || "somebody".parse().expect("name");
    let contribution = std::env::args().any(|argument| argument == "contribution");
    let relation = if contribution { contribution::relation() } else { eligibility::relation() }.expect("circuit");
    let rows = relation.constraints() + relation.inputs();
    let terms: usize = relation.matrices().iter().flatten().map(Vec::len).sum();
    println!("{relation:?}, {terms} terms");
    let log2_size = u8::try_from(rows.next_power_of_two().ilog2()).expect("size");

    let powers = Powers::new(log2_size).expect("powers");
    let powers = timed("phase 1: contribute", || powers.contribute(name(), rng).expect("contribution"));
    let bytes = timed("phase 1: encode", || powers.to_bytes().expect("bytes"));
    println!("{:<40} {:>8.1} MB", "phase 1: file", bytes.len() as f64 / 1e6);
    let read = timed("phase 1: decode", || UnverifiedPowers::from_bytes(&bytes).expect("powers"));
    let powers = timed("phase 1: verify", || read.verify(rng).expect("valid"));

    let key = timed("phase 2: start", || CircuitKey::start(&powers, &relation).expect("key"));
    let key = timed("phase 2: contribute", || key.contribute(name(), rng).expect("contribution"));
    let bytes = timed("phase 2: encode", || key.to_bytes().expect("bytes"));
    println!("{:<40} {:>8.1} MB", "phase 2: file", bytes.len() as f64 / 1e6);
    let read = timed("phase 2: decode", || UnverifiedCircuitKey::from_bytes(&bytes).expect("key"));
    let key = timed("phase 2: verify", || read.verify(&powers, &relation, rng).expect("valid"));
    timed("finalize", || key.finalize().expect("contributed"));
}
