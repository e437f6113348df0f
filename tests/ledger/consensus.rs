//! The consensus engine over real sockets of this machine: one validator, and four of which some fail.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use circuits::quorum::Quorum;
use node::{
    Error, Ledger, Mempool,
    consensus::{ConsensusSigner, Engine, EngineOptions, Guarded, Pace, PeerSecret, Timeouts, Votes},
    genesis::Genesis,
    light::LightClient,
    state::{StateRead, Upgrade},
    transaction::{Action, ConsortiumChange, Transaction, TransactionId, Transfer},
    units::{Amount, Height, Timestamp},
    validator::{Validator, ValidatorSet},
};
use tempfile::TempDir;

use crate::{
    consortium::town::free_address,
    device::Device,
    world::{self, DigestInsteadOfPairing, account, key},
};

/// How long anything here may take before the test fails; none of it takes a quarter of that.
const PATIENCE: Duration = Duration::from_secs(120);

fn now() -> Timestamp {
    Timestamp::new(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs())
}

fn secret(name: &str) -> PeerSecret {
    PeerSecret::from_bytes(key(&format!("links of {name}")).to_bytes())
}

fn listed(name: &str, power: u32) -> Validator {
    Validator { account: account(name), peer: secret(name).peer_key(), address: free_address(), power }
}

fn name(number: usize) -> String {
    format!("validator {number}")
}

/// A node's parts that survive its engine.
struct Node {
    name: String,
    signer: Arc<dyn ConsensusSigner>,
    clock: fn() -> Timestamp,
    mempool: Arc<Mempool>,
    engine: Option<Engine>,
    directory: TempDir,
}

impl Node {
    fn open(name: &str, genesis: &Genesis) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mempool = Arc::new(Mempool::new(ledger(directory.path(), genesis)));
        Self { name: name.into(), signer: Arc::new(key(name)), clock: now, mempool, engine: None, directory }
    }

    fn start(&mut self, heartbeat: Duration) {
        let validators = self.mempool.ledger().snapshot().unwrap().validators().unwrap().unwrap();
        let address = validators.get(account(&self.name)).unwrap().address.clone();
        self.start_at(&address, heartbeat);
    }

    fn start_at(&mut self, address: &str, heartbeat: Duration) {
        self.engine = Some(self.try_start(address, heartbeat).unwrap());
    }

    fn try_start(&self, address: &str, heartbeat: Duration) -> Result<Engine, Error> {
        let options = EngineOptions {
            directory: self.directory.path().into(),
            listen: address.into(),
            peer: secret(&self.name),
            signer: Arc::new(Guarded::open(Arc::clone(&self.signer), &self.directory.path().join("signed")).unwrap()),
            pace: Pace { gather: Duration::from_millis(5), heartbeat },
            timeouts: Timeouts {
                propose: Duration::from_millis(500),
                vote: Duration::from_millis(200),
                rebroadcast: Duration::from_millis(500),
            },
            clock: self.clock,
        };
        Engine::start(Arc::clone(&self.mempool), options)
    }

    fn stop(&mut self) {
        self.engine.take().unwrap().stop().unwrap();
    }

    fn votes(&self) -> Votes {
        futures::executor::block_on(self.engine.as_ref().unwrap().handle().votes()).unwrap()
    }

    fn height(&self) -> u64 {
        self.mempool.ledger().snapshot().unwrap().latest().unwrap().height.get()
    }

    fn transfer(&self, sender: &str, amount: u64) -> TransactionId {
        let nonce = self.mempool.next_nonce(account(sender)).unwrap();
        let action = Action::Transfer(Transfer { to: account("friend"), amount: Amount::new(amount) });
        self.send(sender, nonce, action)
    }

    fn send(&self, sender: &str, nonce: u64, action: Action) -> TransactionId {
        let transaction = Transaction::sign(self.mempool.ledger().chain(), &key(sender), nonce, action).unwrap();
        self.mempool.submit(transaction, now()).unwrap()
    }

    fn has(&self, id: TransactionId) -> bool {
        self.block_of(id).is_some()
    }

    /// The height of the block that a transaction is in.
    fn block_of(&self, id: TransactionId) -> Option<u64> {
        self.mempool.ledger().snapshot().unwrap().location(id).unwrap().map(|(height, _)| height.get())
    }
}

fn ledger(directory: &Path, genesis: &Genesis) -> Arc<Ledger> {
    let path = directory.join("ledger.redb");
    Arc::new(Ledger::open_with(&path, genesis.clone(), Box::new(DigestInsteadOfPairing)).unwrap())
}

#[track_caller]
fn wait(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn genesis(validators: Vec<Validator>) -> Genesis {
    let mut genesis = world::genesis(Quorum::DEFAULT);
    genesis.time = Timestamp::new(now().get() - 1);
    genesis.validators = ValidatorSet::new(validators).unwrap();
    genesis
}

const SELDOM: Duration = Duration::from_secs(3_600);

/// Four validators of one vote each, running.
fn four() -> Vec<Node> {
    let genesis = genesis((0..4).map(|number| listed(&name(number), 1)).collect());
    let mut nodes: Vec<_> = (0..4).map(|number| Node::open(&name(number), &genesis)).collect();
    nodes.iter_mut().for_each(|node| node.start(SELDOM));
    nodes
}

/// Every node's chain is a prefix of the longest, header by header.
#[track_caller]
fn agree(nodes: &[Node]) {
    let snapshots: Vec<_> = nodes.iter().map(|node| node.mempool.ledger().snapshot().unwrap()).collect();
    let common = nodes.iter().map(Node::height).min().unwrap();
    for height in (1..=common).map(Height::new) {
        let hashes: Vec<_> =
            snapshots.iter().map(|chain| chain.header(height).unwrap().unwrap().header.hash().unwrap()).collect();
        assert!(hashes.iter().all(|hash| *hash == hashes[0]), "a fork at {height}");
    }
}

#[test]
fn a_chain_with_one_validator_makes_blocks_on_demand_only() {
    let genesis = genesis(vec![Validator { address: String::new(), ..listed("validator", 1) }]);
    let mut node = Node::open("validator", &genesis);
    node.start_at("/ip4/127.0.0.1/tcp/0", SELDOM);
    thread::sleep(Duration::from_millis(300));
    assert_eq!(node.height(), 0);
    let id = node.transfer("researcher", 5);
    wait("the transfer is in a block", || node.has(id));
    assert_eq!(node.height(), 1);
    node.engine.as_ref().unwrap().handle().request_block();
    wait("the block asked for", || node.height() == 2);
    node.stop();

    // The same chain goes on after a restart, and so does its light client.
    node.start_at("/ip4/127.0.0.1/tcp/0", SELDOM);
    let id = node.transfer("researcher", 6);
    wait("the second transfer is in a block", || node.has(id));
    let client = LightClient::new(node.mempool.ledger().genesis()).unwrap();
    let snapshot = node.mempool.ledger().snapshot().unwrap();
    for height in (1..=node.height()).map(Height::new) {
        client.verify(&snapshot.header(height).unwrap().unwrap()).unwrap();
    }
}

#[test]
fn a_heartbeat_makes_blocks_without_work() {
    let genesis = genesis(vec![Validator { address: String::new(), ..listed("validator", 1) }]);
    let mut node = Node::open("validator", &genesis);
    node.start_at("/ip4/127.0.0.1/tcp/0", Duration::from_millis(200));
    wait("three blocks of nothing", || node.height() >= 3);
    let snapshot = node.mempool.ledger().snapshot().unwrap();
    let empty = |height| snapshot.header(Height::new(height)).unwrap().unwrap().header.transaction_count == 0;
    assert!((1..=3).all(empty));
}

#[test]
fn four_validators_without_work_make_their_first_block_and_no_other() {
    let nodes = four();
    wait("the first block", || nodes.iter().all(|node| node.height() == 1));
    thread::sleep(Duration::from_secs(1));
    assert!(nodes.iter().all(|node| node.height() == 1));
    let id = nodes[2].transfer("researcher", 1);
    wait("a block for the transfer", || nodes.iter().all(|node| node.has(id)));
    let block = nodes[2].block_of(id).unwrap();
    // Whoever hears of votes before it hears of the transfer proposes an empty block first.
    assert!((2..=3).contains(&block), "the transfer is in block {block}");
    thread::sleep(Duration::from_secs(1));
    assert!(nodes.iter().all(|node| node.height() == block));
}

#[test]
fn repro_an_upgrade_stops_every_node_of_the_old_release_and_refuses_its_restart() {
    // A validator ends a heartbeat after the last block it may make, and until then serves whoever lacks that block.
    const HEARTBEAT: Duration = Duration::from_secs(5);
    let observer = listed("observer", 0);
    let genesis = genesis((0..4).map(|number| listed(&name(number), 1)).chain([observer]).collect());
    let names = (0..4).map(name).chain(["observer".into()]);
    let mut nodes: Vec<_> = names.map(|name| Node::open(&name, &genesis)).collect();
    nodes.iter_mut().for_each(|node| node.start(HEARTBEAT));
    let upgrade = ConsortiumChange::Upgrade(Upgrade { version: 2, height: Height::new(7) });
    for (number, node) in nodes[..3].iter().enumerate() {
        node.send(&name(number), 0, Action::ApproveChange(upgrade.clone()));
    }
    for node in &mut nodes {
        let handle = node.engine.as_ref().unwrap().handle().clone();
        wait(&format!("{} stops", node.name), || handle.outcome().is_some());
        let why = node.engine.take().unwrap().stop().unwrap_err();
        assert!(matches!(why, Error::Version { found: 2, .. }), "{why}");
        assert_eq!(node.height(), 6);
        let address = node.mempool.ledger().genesis().validators.get(account(&node.name)).unwrap().address.clone();
        let refused = node.try_start(&address, HEARTBEAT).err().unwrap().to_string();
        assert!(refused.contains("block 7 is of protocol version 2") && refused.contains("install"), "{refused}");
    }
}

#[test]
fn four_validators_agree_whoever_is_asked() {
    let nodes = four();
    for round in 0..3 {
        for (number, node) in nodes.iter().enumerate() {
            let sender = ["researcher", "sponsor"][number % 2];
            let id = node.transfer(sender, 1 + round);
            wait("every node has the transfer", || nodes.iter().all(|node| node.has(id)));
        }
    }
    agree(&nodes);
}

#[test]
fn one_of_four_may_fail_and_two_halt_the_chain_until_one_is_back() {
    let mut nodes = four();
    let first = nodes[0].transfer("researcher", 1);
    wait("all four have the first transfer", || nodes.iter().all(|node| node.has(first)));
    nodes[3].stop();
    let second = nodes[0].transfer("researcher", 2);
    wait("three go on", || nodes[..3].iter().all(|node| node.has(second)));
    nodes[2].stop();
    wait("one knows that two are too few", || nodes[0].votes().connected == 2);
    assert!(!nodes[0].votes().are_enough());
    let third = nodes[0].transfer("researcher", 3);
    thread::sleep(Duration::from_secs(2));
    assert!(!nodes[0].has(third) && !nodes[1].has(third), "two of four decided");
    nodes[3].start(SELDOM);
    wait("three resume", || [0, 1, 3].iter().all(|number| nodes[*number].has(third)));
    nodes[2].start(SELDOM);
    let last = nodes[2].height();
    wait("the last one catches up", || nodes[2].has(third));
    assert!(nodes[2].height() > last);
    agree(&nodes);
}

#[test]
fn validators_let_an_observer_in_give_it_a_vote_and_a_light_client_follows() {
    let mut nodes = four();
    let newcomer = listed("newcomer", 0);
    let genesis = nodes[0].mempool.ledger().genesis().clone();
    let approve = |nodes: &[Node], change: &ConsortiumChange| {
        let ids: Vec<_> = (0..3)
            .map(|number| {
                let nonce = nodes[number].mempool.next_nonce(account(&name(number))).unwrap();
                nodes[number].send(&name(number), nonce, Action::ApproveChange(change.clone()))
            })
            .collect();
        wait("the approvals are in blocks", || ids.iter().all(|id| nodes[..4].iter().all(|node| node.has(*id))));
    };
    approve(&nodes, &ConsortiumChange::SetValidator(newcomer.clone()));
    let mut node = Node::open("newcomer", &genesis);
    node.start_at(&newcomer.address, SELDOM);
    nodes.push(node);
    let id = nodes[0].transfer("researcher", 7);
    wait("the observer has the transfer", || nodes[4].has(id));
    let votes = nodes[4].votes();
    assert!(!votes.votes && votes.nodes > 0 && votes.are_enough(), "{votes:?}");

    approve(&nodes, &ConsortiumChange::SetValidator(Validator { power: 1, ..newcomer }));
    let id = nodes[4].transfer("sponsor", 8);
    wait("five have the transfer", || nodes.iter().all(|node| node.has(id)));
    agree(&nodes);

    let snapshot = nodes[0].mempool.ledger().snapshot().unwrap();
    let handovers = snapshot.handovers(Height::new(0)).unwrap();
    assert_eq!(handovers.len(), 2);
    let last = snapshot.header(snapshot.latest().unwrap().height).unwrap().unwrap();
    let mut client = LightClient::new(&genesis).unwrap();
    let stale = client.verify(&last).unwrap_err().to_string();
    assert!(stale.contains("validators"), "{stale}");
    handovers.iter().for_each(|handover| client.follow(handover).unwrap());
    client.verify(&last).unwrap();
}

#[test]
fn a_key_in_a_device_signs_a_validators_blocks_and_without_it_the_node_stops() {
    let genesis = genesis((0..4).map(|number| listed(&name(number), 1)).collect());
    let mut nodes: Vec<_> = (0..4).map(|number| Node::open(&name(number), &genesis)).collect();
    let device = Arc::new(Device::with(key(&name(0))));
    nodes[0].signer = Arc::clone(&device) as _;
    nodes.iter_mut().for_each(|node| node.start(SELDOM));
    for amount in 1..=8 {
        let id = nodes[amount as usize % 4].transfer("researcher", amount);
        wait("all four have the transfer", || nodes.iter().all(|node| node.has(id)));
    }
    let signed = device.signed();
    assert!(signed.proposals >= 1 && signed.votes >= 8, "{signed:?}");
    // The others hold blocks with its signature, which a light client counts.
    let (client, snapshot) = (LightClient::new(&genesis).unwrap(), nodes[1].mempool.ledger().snapshot().unwrap());
    let headers: Vec<_> =
        (1..=nodes[1].height()).map(|height| snapshot.header(Height::new(height)).unwrap().unwrap()).collect();
    assert!(headers.iter().all(|header| client.verify(header).is_ok()));
    let signatures = headers.iter().flat_map(|header| &header.certificate.signatures);
    assert!(signatures.filter(|signed| signed.validator == account(&name(0))).count() >= 1);

    device.plug(false);
    let id = nodes[1].transfer("sponsor", 1);
    wait("the others go on without it", || nodes[1..].iter().all(|node| node.has(id)));
    wait("the node without its key stops", || nodes[0].engine.as_ref().unwrap().handle().outcome().is_some());
    let why = nodes[0].engine.take().unwrap().stop().unwrap_err().to_string();
    assert!(why.contains("its engine ended: signature is refused: the device is unplugged"), "{why}");
    device.plug(true);
    nodes[0].start(SELDOM);
    nodes[3].stop();
    let id = nodes[0].transfer("sponsor", 1);
    wait("its vote counts again", || nodes[..3].iter().all(|node| node.has(id)));
    agree(&nodes);
}

/// Seconds by which the lone validator's clock is ahead.
static AHEAD: AtomicU64 = AtomicU64::new(0);

#[test]
fn a_lone_validator_whose_clock_is_set_back_makes_no_block_until_it_is_right() {
    let genesis = genesis(vec![Validator { address: String::new(), ..listed("validator", 1) }]);
    let mut node = Node::open("validator", &genesis);
    node.clock = || Timestamp::new(now().get() + AHEAD.load(Ordering::SeqCst));
    node.start_at("/ip4/127.0.0.1/tcp/0", SELDOM);
    AHEAD.store(3_600, Ordering::SeqCst);
    let id = node.transfer("researcher", 1);
    wait("an hour passes in one block", || node.has(id));
    AHEAD.store(0, Ordering::SeqCst);
    let id = node.transfer("researcher", 2);
    thread::sleep(Duration::from_secs(2));
    assert!(!node.has(id), "a block of an hour ahead was made");
    AHEAD.store(3_600, Ordering::SeqCst);
    wait("the transfer is in a block", || node.has(id));
    let snapshot = node.mempool.ledger().snapshot().unwrap();
    let time = |height| snapshot.header(Height::new(height)).unwrap().unwrap().header.time;
    assert!(time(node.height()) >= time(node.height() - 1));
}

#[test]
fn repro_a_node_whose_thread_panicked_ended_as_if_it_had_been_told_to() {
    let genesis = genesis(vec![Validator { address: String::new(), ..listed("validator", 1) }]);
    let mut node = Node::open("validator", &genesis);
    node.clock = || if PANICS.load(Ordering::SeqCst) { panic!("as a test asks") } else { now() };
    node.start_at("/ip4/127.0.0.1/tcp/0", SELDOM);
    let id = node.transfer("researcher", 1);
    wait("the transfer is in a block", || node.has(id));
    PANICS.store(true, Ordering::SeqCst);
    let engine = node.engine.take().unwrap();
    engine.handle().request_block();
    futures::executor::block_on(engine.handle().ended());
    assert!(engine.handle().outcome().unwrap().unwrap_err().to_string().contains("panicked"));
    assert!(engine.stop().unwrap_err().to_string().contains("panicked"));
}

/// Whether the lone validator's clock panics.
static PANICS: AtomicBool = AtomicBool::new(false);

#[test]
fn repro_a_lone_validator_restored_from_a_block_before_signed_that_block_anew() {
    let genesis = genesis(vec![Validator { address: String::new(), ..listed("validator", 1) }]);
    let mut node = Node::open("validator", &genesis);
    node.start_at("/ip4/127.0.0.1/tcp/0", SELDOM);
    let first = node.transfer("researcher", 1);
    wait("the transfer is in a block", || node.has(first));
    node.stop();
    let (files, copies) = (["ledger.redb", "consensus.wal"], tempfile::tempdir().unwrap());
    let copy = |from: &Path, to: &Path| {
        for file in files {
            std::fs::copy(from.join(file), to.join(file)).unwrap();
        }
    };
    copy(node.directory.path(), copies.path());
    node.start_at("/ip4/127.0.0.1/tcp/0", SELDOM);
    let second = node.transfer("researcher", 2);
    wait("the transfer is in a block", || node.has(second));
    node.stop();
    let (height, memory) = (node.height(), std::fs::read(node.directory.path().join("signed")).unwrap());

    // Ledger and log are older; the key's memory is not.
    let mut restored = Node::open("validator", &genesis);
    drop(std::mem::replace(&mut restored.mempool, Arc::clone(&node.mempool)));
    copy(copies.path(), restored.directory.path());
    std::fs::write(restored.directory.path().join("signed"), memory).unwrap();
    restored.mempool = Arc::new(Mempool::new(ledger(restored.directory.path(), &genesis)));
    assert_eq!(restored.height() + 1, height);
    restored.start_at("/ip4/127.0.0.1/tcp/0", SELDOM);
    let other = restored.transfer("sponsor", 3);
    wait("it signs no other block", || restored.engine.as_ref().unwrap().handle().outcome().is_some());
    let why = restored.engine.take().unwrap().stop().unwrap_err().to_string();
    assert!(why.contains("signed for block") && !restored.has(other), "{why}");
}
