//! What anybody may do for a query, done by a node: sealed once waiting brings nothing, refunded once its sum is too late, and
//! left alone otherwise, however often the process is killed.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use circuits::{
    id::{ChainId, QueryId},
    quorum::Quorum,
};
use ed25519_dalek::SigningKey;
use market::{
    Error,
    agent::withdraw,
    database::Database,
    index::Index,
    introduction::{Introductions, Keeping},
    jobs::{
        Duty, FollowDuty, JobKind, JobState, Lookout, QUERIES_PER_ROUND, Queue, Runner, RunnerOptions, StepDuty, due,
        follow_job,
    },
    ledger::{LedgerAccess, TransactionStatus, tip},
};
use node::{
    Ledger, StateProof,
    block::Block,
    genesis::Genesis,
    light::Handover,
    state::{QueryStatus, RefundReason, StateKey, StateRead as _, StateView},
    transaction::{Action, Transaction, TransactionId},
    units::{Height, SECONDS_PER_DAY, Timestamp},
};
use rand::{SeedableRng, rngs::StdRng};

use crate::{
    postgres::{TestDatabase, on_both},
    world::{FEE, TODAY, World, four_people, today},
};

/// Blocks that a query's sum may take.
const SUM_BLOCKS: u32 = 3;
/// How long a node may take for a round.
const PATIENCE: Duration = Duration::from_secs(120);

/// A day past the last one of every query of these tests.
fn later() -> Timestamp {
    Timestamp::new(u64::from(TODAY + 40) * SECONDS_PER_DAY)
}

/// Past the end of every lease that was taken [`later`].
fn later_still() -> Timestamp {
    later().after(3_600)
}

fn opened(root: &Path, clock: fn() -> Timestamp) -> World {
    World::open_by(root, Quorum::DEFAULT, |_| {}, clock)
}

fn following(ledger: &Arc<Ledger>, database: Database, lookout: Lookout, clock: fn() -> Timestamp) -> Arc<dyn Duty> {
    let index = Arc::new(Index::open(database.clone(), ledger.chain()).unwrap());
    let keeping = Keeping::new(Introductions::new(database));
    Arc::new(FollowDuty { ledger: Arc::clone(ledger), index, keeping, lookout: Some(lookout), clock })
}

/// A node that follows its ledger and has these duties.
struct Node {
    queue: Queue,
    runner: Runner,
    clock: fn() -> Timestamp,
}

impl Node {
    fn start(world: &World, database: &TestDatabase, mut duties: Vec<Arc<dyn Duty>>, clock: fn() -> Timestamp) -> Self {
        let ledger = Arc::clone(world.ledger.mempool().ledger());
        let queue = Queue::new(database.open());
        let kinds = [JobKind::SealQuery, JobKind::RefundQuery].into();
        duties.push(following(&ledger, database.open(), Lookout::new(queue.clone(), kinds), clock));
        let options = RunnerOptions { workers: 2, poll: Duration::from_millis(20), clock };
        let runner = Runner::start(queue.clone(), duties, options, StdRng::seed_from_u64(1)).unwrap();
        Self { queue, runner, clock }
    }

    /// The one that does what it finds due.
    fn working(world: &World, database: &TestDatabase, clock: fn() -> Timestamp) -> Self {
        let ledger = || Arc::clone(&world.ledger) as Arc<dyn LedgerAccess>;
        let sender = stranger();
        let duties: Vec<Arc<dyn Duty>> = vec![
            Arc::new(StepDuty::sealing(ledger(), sender.clone())),
            Arc::new(StepDuty::refunding(ledger(), sender)),
        ];
        Self::start(world, database, duties, clock)
    }

    /// Tells it of a block, and waits until it has done what follows.
    #[track_caller]
    fn round(&self) {
        self.queue.enqueue(&follow_job(), (self.clock)()).unwrap();
        self.runner.wake();
        let started = Instant::now();
        while count(&self.queue, JobKind::FollowIndex, JobState::Done) == 0 || self.is_at_work() {
            let jobs = self.queue.list(None, None, 10).unwrap().items;
            assert!(started.elapsed() < PATIENCE && jobs.iter().all(|job| job.error.is_none()), "{jobs:?}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether a job is left that somebody here does.
    fn is_at_work(&self) -> bool {
        let mut counts = self.queue.counts().unwrap();
        counts.retain(|count| count.state != JobState::Done);
        !counts.is_empty()
    }

    fn done(&self, kind: JobKind) -> u64 {
        count(&self.queue, kind, JobState::Done)
    }
}

fn count(queue: &Queue, kind: JobKind, state: JobState) -> u64 {
    let counts = queue.counts().unwrap();
    counts.iter().find(|one| (one.kind, one.state) == (kind, state)).map_or(0, |one| one.count)
}

/// Somebody who has nothing to do with any query, and no money.
fn stranger() -> SigningKey {
    SigningKey::from_bytes(&[77; 32])
}

fn is_refunded(world: &World, query: QueryId, why: RefundReason) -> bool {
    matches!(world.state(query).status, QueryStatus::Refunded { reason, .. } if reason == why)
}

fn is_collecting(world: &World, query: QueryId) -> bool {
    world.state(query).status == QueryStatus::Collecting
}

fn balance(world: &World) -> u64 {
    world.ledger().account(world.keys.researcher.account()).unwrap().unwrap().balance.get()
}

const fn is_sealing(action: &Action) -> bool {
    matches!(action, Action::Seal(_))
}

/// How often the ledger took a seal.
fn seals(world: &World) -> usize {
    let blocks = (1..).map_while(|height| world.ledger().block(Height::new(height)).unwrap());
    let is_seal = |one: &&Transaction| matches!(one, Transaction::Signed(signed) if is_sealing(&signed.action));
    blocks.map(|block| block.transactions.iter().filter(is_seal).count()).sum()
}

on_both! {
    fn a_full_query_is_sealed_a_late_one_refunded_and_an_open_one_left_alone(backend) {
        let (folder, database) = (tempfile::tempdir().unwrap(), backend.database());
        let mut world = World::ready(folder.path(), Quorum::DEFAULT);
        let mut wallets = world.people(&four_people()[..3]);
        let before = balance(&world);
        let (full, open) = (world.hurried_query(2, 2, SUM_BLOCKS), world.query(2, 10));
        let node = Node::working(&world, &database, today);
        world.answer_all(&mut wallets[..1], full);
        node.round();
        assert!(is_collecting(&world, full) && is_collecting(&world, open), "both have free places");
        // A place that is free again before anybody looked.
        world.answer_all(&mut wallets[1..2], full);
        withdraw(world.ledger(), &mut wallets[1], full).unwrap();
        node.round();
        assert!(is_collecting(&world, full));
        assert_eq!(node.done(JobKind::SealQuery), 0, "nobody asks to seal what may not be sealed");
        world.answer_all(&mut wallets[2..], full);
        node.round();
        assert!(matches!(world.state(full).status, QueryStatus::Sealed { .. }), "{:?}", world.state(full).status);
        assert!(is_collecting(&world, open));
        world.pass_blocks(SUM_BLOCKS);
        node.round();
        assert!(matches!(world.state(full).status, QueryStatus::Sealed { .. }), "its sum may come in the last block");
        world.pass_blocks(1);
        node.round();
        assert!(is_refunded(&world, full, RefundReason::NotAggregated));
        assert!(is_collecting(&world, open));
        assert_eq!((node.done(JobKind::SealQuery), node.done(JobKind::RefundQuery)), (1, 1));
        node.runner.stop();
        drop(world);

        let world = opened(folder.path(), later);
        let node = Node::working(&world, &database, later);
        node.round();
        assert!(is_collecting(&world, open), "the last block is of its days, and no block says otherwise");
        world.pass_blocks(1);
        node.round();
        assert!(is_refunded(&world, open, RefundReason::BelowMinimum));
        assert_eq!(balance(&world), before - 2 * FEE, "all money is back but for the fees");
        node.round();
        assert_eq!(seals(&world), 2);
        node.runner.stop();
    }

    fn more_queries_than_a_block_looks_at_are_looked_at_in_turn(backend) {
        let (folder, database) = (tempfile::tempdir().unwrap(), backend.database());
        let world = World::ready(folder.path(), Quorum::DEFAULT);
        world.pass_epoch();
        let queries: Vec<_> = (0..=QUERIES_PER_ROUND).map(|_| world.query(2, 10)).collect();
        drop(world);
        let world = opened(folder.path(), later);
        world.pass_blocks(1);
        let at = tip(world.ledger()).unwrap();
        assert!(queries.iter().all(|query| due(&world.state(*query), &at) == Some(JobKind::SealQuery)));
        // Nobody here seals, so that what is asked for stays.
        let node = Node::start(&world, &database, vec![], later);
        let asked = |number: usize| {
            node.queue.enqueue(&follow_job(), later()).unwrap();
            node.runner.wake();
            let started = Instant::now();
            while count(&node.queue, JobKind::SealQuery, JobState::Waiting) != number as u64
                || count(&node.queue, JobKind::FollowIndex, JobState::Done) == 0
            {
                assert!(started.elapsed() < PATIENCE, "{:?}", node.queue.counts());
                thread::sleep(Duration::from_millis(20));
            }
        };
        asked(QUERIES_PER_ROUND);
        asked(QUERIES_PER_ROUND + 1);
        asked(QUERIES_PER_ROUND + 1);
        node.runner.stop();
    }

    fn a_process_killed_before_or_after_its_seal_leaves_one_seal(backend) {
        for moment in [Moment::Sent, Moment::Included] {
            let (folder, database) = (tempfile::tempdir().unwrap(), backend.database());
            let world = World::ready(folder.path(), Quorum::DEFAULT);
            world.pass_epoch();
            let query = world.query(2, 10);
            drop(world);
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "steps::sealing_process", "--nocapture", "--test-threads=1"])
                .env(FOLDER, folder.path())
                .env(ADDRESS, &database.address)
                .env(MOMENT, if moment == Moment::Sent { "sent" } else { "included" })
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            let is_there = lines.any(|line| line.is_ok_and(|line| line.ends_with("in the middle")));
            child.kill().unwrap();
            child.wait().unwrap();
            assert!(is_there, "the child did not get there");
            let world = opened(folder.path(), later_still);
            assert_eq!(seals(&world), usize::from(moment == Moment::Included));
            let node = Node::working(&world, &database, later_still);
            node.round();
            node.round();
            assert!(is_refunded(&world, query, RefundReason::BelowMinimum));
            assert_eq!((seals(&world), node.done(JobKind::SealQuery)), (1, 1));
            node.runner.stop();
        }
    }
}

const FOLDER: &str = "LOCUS_STEPS_FOLDER";
const ADDRESS: &str = "LOCUS_STEPS_DATABASE";
const MOMENT: &str = "LOCUS_STEPS_MOMENT";

/// When the process stands still, to be killed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// The seal waits for its block.
    Sent,
    /// It is in a block, and nobody noted that the job is done.
    Included,
}

/// The process that is killed: it seals, and stands still in the middle, when the variables say where.
#[test]
fn sealing_process() {
    let (Ok(folder), Ok(address), Ok(moment)) = (std::env::var(FOLDER), std::env::var(ADDRESS), std::env::var(MOMENT))
    else {
        return;
    };
    let world = opened(Path::new(&folder), later);
    world.pass_blocks(1);
    let open = || Database::open(&address.parse().unwrap()).unwrap();
    let ledger = Arc::clone(world.ledger.mempool().ledger());
    let queue = Queue::new(open());
    let lookout = Lookout::new(queue.clone(), [JobKind::SealQuery].into());
    let moment = if moment == "sent" { Moment::Sent } else { Moment::Included };
    let stalling: Arc<dyn LedgerAccess> = Arc::new(Stalling { inner: Arc::clone(&world.ledger) as _, moment });
    let duties: Vec<Arc<dyn Duty>> =
        vec![Arc::new(StepDuty::sealing(stalling, stranger())), following(&ledger, open(), lookout, later)];
    let options = RunnerOptions { workers: 2, poll: Duration::from_millis(20), clock: later };
    queue.enqueue(&follow_job(), later()).unwrap();
    let _runner = Runner::start(queue, duties, options, StdRng::seed_from_u64(1)).unwrap();
    loop {
        thread::park();
    }
}

/// A ledger that never says what became of a transaction.
struct Stalling {
    inner: Arc<dyn LedgerAccess>,
    moment: Moment,
}

impl StateView for Stalling {
    fn bytes(&self, key: &[u8]) -> Result<Option<Vec<u8>>, node::Error> {
        self.inner.bytes(key)
    }
}

impl LedgerAccess for Stalling {
    fn genesis(&self) -> &Genesis {
        self.inner.genesis()
    }

    fn chain(&self) -> ChainId {
        self.inner.chain()
    }

    fn submit(&self, transaction: Transaction) -> Result<TransactionId, Error> {
        self.inner.submit(transaction)
    }

    fn status(&self, transaction: TransactionId) -> Result<TransactionStatus, Error> {
        if self.moment == Moment::Included {
            // Its block is made by asking.
            self.inner.status(transaction)?;
        }
        loop {
            writeln!(std::io::stdout().lock(), "\nin the middle").unwrap();
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn block(&self, height: Height) -> Result<Option<Block>, Error> {
        self.inner.block(height)
    }

    fn handovers(&self, after: Height) -> Result<Vec<Handover>, Error> {
        self.inner.handovers(after)
    }

    fn prove(&self, height: Height, key: StateKey) -> Result<StateProof, Error> {
        self.inner.prove(height, key)
    }

    fn queries(&self) -> Result<Vec<QueryId>, Error> {
        self.inner.queries()
    }
}
