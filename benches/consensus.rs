//! The consortium's ledger: commit latency, transactions per second, start and catching up, with one validator and with
//! four.
//!
//! Not criterion: each line is one run of real engines over sockets of this machine, all on the same cores. Arguments
//! choose sections: `latency`, `transfers`, `blocks`, `contributions`, `store`, `start`, `away`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(missing_docs, dead_code, unreachable_pub)]

#[path = "../tests/ledger/life.rs"]
mod life;
#[path = "../tests/ledger/prover.rs"]
mod prover;
#[path = "../tests/ledger/world.rs"]
mod world;

use std::{
    net::TcpListener,
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use circuits::quorum::Quorum;
use node::{
    Groth16Verifier, Ledger, Mempool, ProofVerifier,
    consensus::{Engine, EngineOptions, Guarded, Pace, PeerSecret, Timeouts},
    genesis::Genesis,
    query::CohortQuery,
    signature::account_of,
    transaction::{Action, Transaction, TransactionId, Transfer},
    units::{Amount, SECONDS_PER_DAY, Timestamp},
    validator::{Validator, ValidatorSet},
};
use prover::{Person, person, prepare, real_contribution};
use tempfile::TempDir;
use world::{DigestInsteadOfPairing, TODAY, World, account, genesis, key};

const SENDERS: usize = 128;
const LEDGER: &str = "ledger.redb";
/// How long transactions gather, unless a section says otherwise.
const GATHER: Duration = Duration::from_millis(5);
/// How long a block's transactions gather in [`blocks`], so that all are admitted before it begins.
const GATHERED: Duration = Duration::from_secs(2);
/// How many people's agents send side by side, at most.
const ARRIVALS: usize = 16;

/// This time of the day on the day of the tests' consents.
fn now() -> Timestamp {
    let real = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    Timestamp::new(u64::from(TODAY) * SECONDS_PER_DAY + real % SECONDS_PER_DAY)
}

fn validator_name(number: usize) -> String {
    format!("validator {number}")
}

fn secret(name: &str) -> PeerSecret {
    PeerSecret::from_bytes(key(&format!("links of {name}")).to_bytes())
}

fn sender(number: usize) -> String {
    format!("sender {number}")
}

fn consortium(count: usize) -> Genesis {
    observed_consortium(count, 0)
}

/// Validators, and after them nodes that only follow.
fn observed_consortium(count: usize, observers: usize) -> Genesis {
    let listed = |number: usize| {
        let (name, port) =
            (validator_name(number), TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port());
        Validator {
            account: account(&name),
            peer: secret(&name).peer_key(),
            address: format!("/ip4/127.0.0.1/tcp/{port}"),
            power: u32::from(number < count),
        }
    };
    let mut genesis = genesis(Quorum::DEFAULT);
    genesis.time = Timestamp::new(now().get() - 1);
    genesis.parameters.epoch_blocks = 64;
    genesis.validators = ValidatorSet::new((0..count + observers).map(listed).collect()).unwrap();
    genesis.balances.extend((0..SENDERS).map(|number| (account(&sender(number)), Amount::new(1_000_000))));
    genesis
}

/// Running nodes of one process, with their files.
#[derive(Default)]
struct Nodes {
    mempools: Vec<Arc<Mempool>>,
    engines: Vec<Engine>,
    folders: Vec<TempDir>,
}

impl Nodes {
    /// Starts the next validator, with a copy of a chain's files.
    fn start_next(
        &mut self,
        genesis: &Genesis,
        chain: Option<&Path>,
        proofs: Box<dyn ProofVerifier>,
        gather: Duration,
    ) {
        let (name, folder) = (validator_name(self.engines.len()), tempfile::tempdir().unwrap());
        let path = folder.path().join(LEDGER);
        if let Some(chain) = chain {
            std::fs::copy(chain, &path).unwrap();
        }
        let ledger = Ledger::open_with(&path, genesis.clone(), proofs).unwrap();
        let mempool = Arc::new(Mempool::new(Arc::new(ledger)));
        let options = EngineOptions {
            directory: folder.path().into(),
            listen: genesis.validators.get(account(&name)).unwrap().address.clone(),
            peer: secret(&name),
            signer: Arc::new(Guarded::open(Arc::new(key(&name)), &folder.path().join("signed")).unwrap()),
            pace: Pace { gather, heartbeat: Duration::from_secs(3_600) },
            timeouts: Timeouts::default(),
            clock: now,
        };
        self.engines.push(Engine::start(Arc::clone(&mempool), options).unwrap());
        self.mempools.push(mempool);
        self.folders.push(folder);
    }

    fn with_double(count: usize, gather: Duration) -> Self {
        let (genesis, mut nodes) = (consortium(count), Self::default());
        (0..count).for_each(|_| nodes.start_next(&genesis, None, Box::new(DigestInsteadOfPairing), gather));
        nodes
    }

    fn height(&self, node: usize) -> u64 {
        self.mempools[node].ledger().snapshot().unwrap().latest().unwrap().height.get()
    }

    fn wait(&self, id: TransactionId) {
        let mut heights = self.mempools[0].ledger().watch();
        while self.mempools[0].ledger().snapshot().unwrap().location(id).unwrap().is_none() {
            futures::executor::block_on(heights.changed()).unwrap();
        }
    }

    fn transfer(&self, number: usize, nonce: u64) -> Transaction {
        let action = Action::Transfer(Transfer { to: account("friend"), amount: Amount::new(1) });
        Transaction::sign(self.mempools[0].ledger().chain(), &key(&sender(number)), nonce, action).unwrap()
    }

    /// So many transfers, the senders in turn, each with its next number.
    fn transfers(&self, size: usize, next: &mut [u64; SENDERS]) -> Vec<Transaction> {
        let signed = |place: usize| {
            let number = place % SENDERS;
            next[number] += 1;
            self.transfer(number, next[number] - 1)
        };
        (0..size).map(signed).collect()
    }
}

fn percentile(sorted: &[Duration], share: f64) -> Duration {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

fn latency() {
    for count in [1, 4] {
        let nodes = Nodes::with_double(count, GATHER);
        let mut times = vec![];
        for nonce in 0..220 {
            let transfer = nodes.transfer(0, nonce);
            let started = Instant::now();
            let id = nodes.mempools[0].submit(transfer, now()).unwrap();
            nodes.wait(id);
            // The first ones find connections still being made.
            if nonce >= 20 {
                times.push(started.elapsed());
            }
        }
        times.sort();
        println!(
            "latency, {count} validators: submission to commit p50 {:.1?}, p99 {:.1?} (200 transfers, one at a time; 5 ms of it is gathering)",
            percentile(&times, 0.5),
            percentile(&times, 0.99)
        );
    }
}

fn transfers() {
    floor();
    for count in [1, 4] {
        let nodes = Nodes::with_double(count, GATHER);
        let mut next = [0u64; SENDERS];
        nodes.wait(nodes.mempools[0].submit(nodes.transfer(SENDERS - 1, 0), now()).unwrap());
        next[SENDERS - 1] = 1;
        for size in [1usize, 16, 256, 4_096] {
            let Burst { committed: time, blocks, .. } = nodes.burst(&nodes.transfers(size, &mut next), 1);
            println!(
                "transfers, {count} validators: {size} at once take {time:.1?} in {blocks} blocks, {:.0} per second",
                size as f64 / time.as_secs_f64()
            );
        }
    }
}

/// What every validator does at least once for each transfer: the check of its form and its signature, on one thread.
fn floor() {
    const CHECKED: usize = 4_096;
    let nodes = Nodes::with_double(1, GATHER);
    let (chain, transfers) = (nodes.mempools[0].ledger().chain(), nodes.transfers(CHECKED, &mut [0; SENDERS]));
    let started = Instant::now();
    transfers.iter().for_each(|sent| sent.check(&chain).unwrap());
    println!("transfers: one is checked in {:.1?} of one core", started.elapsed() / CHECKED as u32);
}

/// A burst of transactions: how long until all were admitted, until all were committed, and in how many blocks.
struct Burst {
    admitted: Duration,
    committed: Duration,
    blocks: u64,
}

impl Nodes {
    /// Submits all to the first node, from so many senders side by side, and waits until the last is in a block.
    fn burst(&self, transactions: &[Transaction], senders: usize) -> Burst {
        let (before, started) = (self.height(0), Instant::now());
        let submitted = |sent: &Transaction| self.mempools[0].submit(sent.clone(), now()).unwrap();
        let mut ids = vec![];
        thread::scope(|scope| {
            let shares: Vec<_> = transactions
                .chunks(transactions.len().div_ceil(senders))
                .map(|share| scope.spawn(move || share.iter().map(submitted).collect::<Vec<_>>()))
                .collect();
            shares.into_iter().for_each(|share| ids.extend(share.join().unwrap()));
        });
        let admitted = started.elapsed();
        ids.into_iter().for_each(|id| self.wait(id));
        Burst { admitted, committed: started.elapsed(), blocks: self.height(0) - before }
    }
}

/// Blocks of one size: all transactions of a block gather first, so that each is one block.
fn blocks() {
    const ROUNDS: usize = 3;
    for count in [1, 4] {
        let nodes = Nodes::with_double(count, GATHERED);
        let mut next = [0u64; SENDERS];
        for size in [1usize, 16, 64, 256, 1_024] {
            let (mut times, mut made) = (vec![], 0);
            for _ in 0..ROUNDS {
                let burst = nodes.burst(&nodes.transfers(size, &mut next), 1);
                times.push(burst.committed.saturating_sub(GATHERED));
                made += burst.blocks;
            }
            times.sort();
            let time = percentile(&times, 0.5);
            println!(
                "blocks, {count} validators: {size} transfers in a block ({made} blocks in {ROUNDS} rounds) are committed {time:.1?} after it begins, {:.0} per second",
                size as f64 / time.as_secs_f64()
            );
        }
    }
    const SIZES: [usize; 4] = [1, 8, 32, 64];
    for count in [1, 4] {
        let proven = Proven::new(count, SIZES.iter().sum());
        let nodes = proven.nodes(GATHERED);
        let mut left = proven.contributions.as_slice();
        for size in SIZES {
            let (share, rest) = left.split_at(size);
            left = rest;
            let burst = nodes.burst(share, ARRIVALS);
            let time = burst.committed.saturating_sub(GATHERED);
            println!(
                "blocks, {count} validators: {size} contributions in {} blocks are verified in {:.1?} and committed {time:.1?} after the first begins, {:.0} per second",
                burst.blocks,
                burst.admitted,
                size as f64 / (burst.admitted + time).as_secs_f64()
            );
        }
    }
}

/// A consortium's ledger with an open query, and a proven contribution of each of its people.
struct Proven {
    genesis: Genesis,
    folder: TempDir,
    contributions: Vec<Transaction>,
}

impl Proven {
    fn new(validators: usize, people: usize) -> Self {
        let people: Vec<Person> = (0..people as u64).map(person).collect();
        let (genesis, folder) = (consortium(validators), tempfile::tempdir().unwrap());
        let verifier = Box::new(Groth16Verifier::new(genesis.contribution.clone()));
        let ledger = Ledger::open_with(&folder.path().join(LEDGER), genesis.clone(), verifier).unwrap();
        let mut world = World::with_keys(ledger, (0..validators).map(|number| key(&validator_name(number))).collect());
        prepare(&mut world, &people);
        world.now = now();
        let query = CohortQuery { contributions_max: people.len() as u32, ..world.query() };
        let id = world.open(query).unwrap();
        let proving = Instant::now();
        let contributions: Vec<_> = (0u32..)
            .zip(&people)
            .map(|(place, person)| Transaction::Contribute(real_contribution(&world, id, place, person)))
            .collect();
        let bytes = contributions[0].to_bytes().unwrap().len();
        println!(
            "contributions: {} proven in {:.1?}; each is {bytes} bytes on the ledger",
            contributions.len(),
            proving.elapsed()
        );
        Self { genesis, folder, contributions }
    }

    /// Running validators that verify proofs, each with a copy of the ledger.
    fn nodes(&self, gather: Duration) -> Nodes {
        let mut nodes = Nodes::default();
        for _ in self.genesis.validators.iter() {
            let verifier = Box::new(Groth16Verifier::new(self.genesis.contribution.clone()));
            nodes.start_next(&self.genesis, Some(&self.folder.path().join(LEDGER)), verifier, gather);
        }
        nodes
    }
}

fn contributions() {
    const SIZES: [usize; 4] = [1, 8, 32, 64];
    for count in [1usize, 4] {
        let proven = Proven::new(count, SIZES.iter().sum());
        let nodes = proven.nodes(GATHER);
        let mut left = proven.contributions.as_slice();
        for size in SIZES {
            let (share, rest) = left.split_at(size);
            left = rest;
            let burst = nodes.burst(share, ARRIVALS);
            println!(
                "contributions, {count} validators: {size} from {ARRIVALS} senders at most are admitted in {:.1?} and committed in {:.1?} in {} blocks, {:.0} per second",
                burst.admitted,
                burst.committed,
                burst.blocks,
                size as f64 / burst.committed.as_secs_f64()
            );
        }
    }
}

fn store() {
    const TRANSACTIONS: u64 = 100_000;
    const BLOCK: u64 = 1_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(LEDGER);
    let genesis = {
        let mut genesis = genesis(Quorum::DEFAULT);
        genesis.balances.extend((0..SENDERS).map(|number| (account(&sender(number)), Amount::new(1_000_000))));
        genesis
    };
    let world = World::on_disk(&path, genesis.clone());
    let chain = world.ledger().chain();
    let keys: Vec<_> = (0..SENDERS).map(|number| key(&sender(number))).collect();
    let mut next = [0u64; SENDERS];
    let action = Action::Transfer(Transfer { to: account_of(&keys[0]), amount: Amount::new(1) });
    let mut spent = Duration::ZERO;
    for _ in 0..TRANSACTIONS / BLOCK {
        let transactions: Vec<_> = (0..BLOCK as usize)
            .map(|place| {
                let number = place % SENDERS;
                next[number] += 1;
                Transaction::sign(chain, &keys[number], next[number] - 1, action.clone()).unwrap()
            })
            .collect();
        let started = Instant::now();
        for transaction in transactions {
            world.sequencer.mempool().submit(transaction, world.now).unwrap();
        }
        world.sequencer.produce_block(world.now).unwrap();
        spent += started.elapsed();
    }
    drop(world);
    let bytes = std::fs::metadata(&path).unwrap().len();
    println!(
        "store: {TRANSACTIONS} transfers in blocks of {BLOCK} take {spent:.1?}, {:.0} per second, and {} MiB of disk",
        TRANSACTIONS as f64 / spent.as_secs_f64(),
        bytes >> 20
    );
    let started = Instant::now();
    let ledger = Ledger::open_with(&path, genesis.clone(), Box::new(DigestInsteadOfPairing)).unwrap();
    println!("store: a ledger of them opens in {:.1?}", started.elapsed());
    let (copy, started) = (folder.path().join("copy"), Instant::now());
    let tip = ledger.copy_to(&copy, node::units::Height::new(1)).unwrap();
    println!("store: a backup takes {:.1?}", started.elapsed());
    let snapshot = folder.path().join("snapshot");
    ledger.copy_to(&snapshot, tip.height).unwrap();
    let started = Instant::now();
    node::archive::restore(&snapshot, &genesis).unwrap();
    println!(
        "store: a snapshot is {} MiB and is verified in {:.1?}",
        std::fs::metadata(&snapshot).unwrap().len() >> 20,
        started.elapsed()
    );
}

fn start() {
    const TIMES: usize = 20;
    let mut times = vec![];
    for _ in 0..TIMES {
        let started = Instant::now();
        let nodes = Nodes::with_double(4, GATHER);
        nodes.wait(nodes.mempools[0].submit(nodes.transfer(0, 0), now()).unwrap());
        times.push(started.elapsed());
    }
    times.sort();
    println!(
        "start: four validators commit their first transfer after {:.1?} at best, {:.1?} at worst of {TIMES} starts",
        times[0],
        times[TIMES - 1]
    );
}

/// A node that begins when the others, who rest, have many blocks.
fn away() {
    const BLOCKS: u64 = 1_000;
    let genesis = observed_consortium(4, 1);
    let double = || -> Box<dyn ProofVerifier> { Box::new(DigestInsteadOfPairing) };
    let mut nodes = Nodes::default();
    (0..4).for_each(|_| nodes.start_next(&genesis, None, double(), GATHER));
    for nonce in 0..BLOCKS {
        nodes.wait(nodes.mempools[0].submit(nodes.transfer(0, nonce), now()).unwrap());
    }
    let (blocks, started) = (nodes.height(0), Instant::now());
    nodes.start_next(&genesis, None, double(), GATHER);
    let mut heights = nodes.mempools[4].ledger().watch();
    while nodes.height(4) < blocks {
        futures::executor::block_on(heights.changed()).unwrap();
    }
    let time = started.elapsed();
    println!(
        "away: a node that lacks {blocks} blocks has them after {time:.1?}, {:.0} per second",
        blocks as f64 / time.as_secs_f64()
    );
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let sections: [(&str, fn()); 7] = [
        ("latency", latency),
        ("transfers", transfers),
        ("blocks", blocks),
        ("contributions", contributions),
        ("store", store),
        ("start", start),
        ("away", away),
    ];
    for (name, run) in sections {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            run();
        }
    }
}
