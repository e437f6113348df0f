//! Ledger transactions per second, from submission to the durable block: without proofs and with them.
//!
//! Each iteration submits a batch to a sequencer and produces the block; chains with proofs are rebuilt before each, so
//! that no verification is remembered.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(missing_docs, dead_code, unreachable_pub)]

#[path = "../tests/ledger/life.rs"]
mod life;
#[path = "../tests/ledger/prover.rs"]
mod prover;
#[path = "../tests/ledger/world.rs"]
mod world;

use circuits::quorum::Quorum;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use node::{
    Groth16Verifier, Ledger,
    block::Block,
    query::CohortQuery,
    transaction::{Action, Contribution, Transaction, Transfer},
    units::{Amount, Height},
};
use prover::{Person, person, prepare, real_contribution};
use world::{World, account, genesis, key};

/// Transfers of one block.
const TRANSFERS: u64 = 1_000;
/// Contributions of one block; each carries one proof, one anonymous signature set of three receipts.
const CONTRIBUTIONS: u64 = 16;

fn transfers(world: &World, first_nonce: u64) -> Vec<Transaction> {
    let transfer = Action::Transfer(Transfer { to: account("heir"), amount: Amount::new(1) });
    let chain = world.ledger().chain();
    let nonces = first_nonce..first_nonce + TRANSFERS;
    nonces.map(|nonce| Transaction::sign(chain, &key("friend"), nonce, transfer.clone()).unwrap()).collect()
}

fn submit_all(world: &World, transactions: Vec<Transaction>) {
    for transaction in transactions {
        world.sequencer.mempool().submit(transaction, world.now).unwrap();
    }
    world.sequencer.produce_block(world.now).unwrap();
}

fn without_proofs(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let world = World::on_disk(&folder.path().join("ledger.redb"), genesis(Quorum::DEFAULT));
    let mut group = criterion.benchmark_group("ledger");
    group.sample_size(10).throughput(Throughput::Elements(TRANSFERS));
    let next = || world.sequencer.mempool().next_nonce(account("friend")).unwrap();
    group.bench_function("1000 transfers, durable", |bencher| {
        bencher.iter_batched(
            || transfers(&world, next()),
            |transactions| submit_all(&world, transactions),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

/// A chain with an open query, as blocks, and everybody's contribution to it.
fn contributions() -> (Vec<Block>, Vec<Contribution>) {
    let people: Vec<Person> = (0..CONTRIBUTIONS).map(person).collect();
    let mut world = fresh(&[]);
    prepare(&mut world, &people);
    let id = world.open(CohortQuery { contributions_max: 100, ..world.query() }).unwrap();
    let contributions =
        (0u32..).zip(&people).map(|(place, person)| real_contribution(&world, id, place, person)).collect();
    let snapshot = world.ledger().snapshot().unwrap();
    let heights = 1..=snapshot.latest().unwrap().height.get();
    (heights.map(|height| snapshot.block(Height::new(height)).unwrap().unwrap()).collect(), contributions)
}

fn fresh(blocks: &[Block]) -> World {
    let genesis = genesis(Quorum::DEFAULT);
    let proofs = Groth16Verifier::new(genesis.contribution.clone());
    let world = World::over(Ledger::in_memory(genesis, Box::new(proofs)).unwrap());
    for block in blocks {
        world.ledger().import(block.clone(), world.now).unwrap();
    }
    world
}

fn with_proofs(criterion: &mut Criterion) {
    let (blocks, contributions) = contributions();
    let mut group = criterion.benchmark_group("ledger");
    group.sample_size(10).throughput(Throughput::Elements(CONTRIBUTIONS));
    group.bench_function("16 contributions with proofs", |bencher| {
        bencher.iter_batched(
            || (fresh(&blocks), contributions.iter().cloned().map(Transaction::Contribute).collect()),
            |(world, transactions)| submit_all(&world, transactions),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, without_proofs, with_proofs);
criterion_main!(benches);
