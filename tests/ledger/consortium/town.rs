//! Four validators with their files, of which each runs or does not.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use circuits::{id::ChainId, quorum::Quorum};
use node::{
    genesis::Genesis,
    transaction::{Action, Transaction, Transfer},
    units::{Amount, Timestamp},
    validator::{Validator, ValidatorSet},
};
use tempfile::TempDir;

use super::process::{NodeProcess, Plan, links};
use crate::{
    ports::free_port,
    world::{self, account, key},
};

/// How long anything here may take before the test fails.
pub const PATIENCE: Duration = Duration::from_secs(120);

pub fn name(number: usize) -> String {
    format!("validator {number}")
}

/// An address of this machine for a node's links, with a port of its own.
pub fn free_address() -> String {
    format!("/ip4/127.0.0.1/tcp/{}", free_port())
}

pub fn listed(name: &str, address: &str, power: u32) -> Validator {
    Validator { account: account(name), peer: links(name).peer_key(), address: address.into(), power }
}

/// The consortium's files and processes.
pub struct Town {
    pub folder: TempDir,
    pub genesis: Genesis,
    pub plans: Vec<Plan>,
    /// Commands that processes are started through.
    pub through: Vec<Vec<String>>,
    pub nodes: Vec<Option<NodeProcess>>,
    /// The last block that each node had when it was killed: it may not forget it.
    had: BTreeMap<usize, (u64, String)>,
}

impl Town {
    /// Four validators of this machine, none running.
    pub fn found() -> Self {
        let addresses: Vec<_> = (0..4).map(|_| free_address()).collect();
        Self::at(&addresses, vec![])
    }

    /// One validator for each address, and observers beside them.
    pub fn at(addresses: &[String], observers: Vec<Validator>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut genesis = world::genesis(Quorum::DEFAULT);
        genesis.time = Timestamp::new(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() - 1);
        let validators = (0..).zip(addresses).map(|(number, address)| listed(&name(number), address, 1));
        genesis.validators = ValidatorSet::new(validators.chain(observers).collect()).unwrap();
        let path = folder.path().join("genesis.json");
        std::fs::write(&path, serde_json::to_vec(&genesis).unwrap()).unwrap();
        let mut town = Self { folder, genesis, plans: vec![], through: vec![], nodes: vec![], had: BTreeMap::new() };
        for (number, address) in addresses.iter().enumerate() {
            town.add(&name(number), address);
        }
        town
    }

    /// Plans a node that does not run yet, and returns its number.
    pub fn add(&mut self, name: &str, address: &str) -> usize {
        let number = self.plans.len();
        let directory = self.folder.path().join(number.to_string());
        std::fs::create_dir(&directory).unwrap();
        self.plans.push(Plan {
            name: name.into(),
            links: name.into(),
            genesis: self.folder.path().join("genesis.json"),
            directory,
            memory: self.folder.path().join(format!("{number}.signed")),
            listen: address.into(),
            gullible: false,
            withholding: false,
            ahead: 0,
        });
        self.through.push(vec![]);
        self.nodes.push(None);
        number
    }

    /// Four validators of this machine, all running.
    pub fn running() -> Self {
        let mut town = Self::found();
        (0..4).for_each(|number| town.start(number));
        town
    }

    pub fn chain(&self) -> ChainId {
        self.genesis.chain_id().unwrap()
    }

    /// Starts a node, and asserts that it has every block still that it had when it was killed.
    #[track_caller]
    pub fn start(&mut self, number: usize) {
        let through: Vec<_> = self.through[number].iter().map(String::as_str).collect();
        let mut node = NodeProcess::start(&self.plans[number], &through).unwrap();
        if let Some((height, header)) = self.had.remove(&number) {
            assert_eq!(node.ask(&format!("header {height}")).unwrap(), header, "validator {number} forgot a block");
        }
        self.nodes[number] = Some(node);
    }

    /// SIGKILL.
    pub fn kill(&mut self, number: usize) {
        let mut node = self.nodes[number].take().unwrap();
        let height = node.height();
        self.had.insert(number, (height, node.ask(&format!("header {height}")).unwrap()));
        node.kill();
    }

    /// Takes a killed node's files away, but for what its key remembers: it may begin anew.
    pub fn wipe(&mut self, number: usize) {
        std::fs::remove_dir_all(&self.plans[number].directory).unwrap();
        std::fs::create_dir(&self.plans[number].directory).unwrap();
        self.had.remove(&number);
    }

    pub fn node(&mut self, number: usize) -> &mut NodeProcess {
        self.nodes[number].as_mut().unwrap()
    }

    pub fn ledger_path(&self, number: usize) -> PathBuf {
        self.plans[number].directory.join("ledger.redb")
    }

    /// The numbers of the nodes that run.
    pub fn up(&self) -> Vec<usize> {
        (0..self.nodes.len()).filter(|number| self.nodes[*number].is_some()).collect()
    }

    pub fn transfer(&self, sender: &str, nonce: u64, amount: u64) -> Transaction {
        let action = Action::Transfer(Transfer { to: account("friend"), amount: Amount::new(amount) });
        Transaction::sign(self.chain(), &key(sender), nonce, action).unwrap()
    }

    /// Waits until every running node has a transaction.
    #[track_caller]
    pub fn settle(&mut self, transaction: &Transaction) {
        let up = self.up();
        self.settle_at(&up, transaction);
    }

    #[track_caller]
    pub fn settle_at(&mut self, numbers: &[usize], transaction: &Transaction) {
        for number in numbers {
            let node = self.node(*number);
            wait(&format!("node {number} has the transaction"), || node.has(transaction));
        }
    }

    /// Sends a transfer of 1 to a node, and waits until every running node has it.
    #[track_caller]
    pub fn pay(&mut self, asked: usize, sender: &str, nonce: u64) {
        let transfer = self.transfer(sender, nonce, 1);
        assert_eq!(self.node(asked).submit(&transfer), "taken");
        self.settle(&transfer);
    }

    /// Waits until no block is in the making, and returns the height of all running nodes.
    #[track_caller]
    pub fn rest(&mut self) -> u64 {
        let mut before = vec![];
        wait("all rest at one height", || {
            thread::sleep(Duration::from_millis(400));
            let up = self.up();
            let heights: Vec<_> = up.iter().map(|number| self.node(*number).height()).collect();
            let rest = heights == before && heights.iter().all(|height| *height == heights[0]);
            before = heights;
            rest
        });
        before[0]
    }

    /// Whose turn the first round of a height is.
    pub fn proposer(&self, height: u64) -> usize {
        let voters: Vec<_> = self.genesis.validators.voters().map(|voter| voter.account).collect();
        let account_in_turn = voters[(height % voters.len() as u64) as usize];
        (0..voters.len()).find(|number| account(&name(*number)) == account_in_turn).unwrap()
    }

    /// What a node logged.
    pub fn log(&self, number: usize) -> String {
        std::fs::read_to_string(self.plans[number].directory.with_extension("log")).unwrap()
    }

    /// Asserts that all running nodes have the same blocks as far as the shortest chain goes, and returns its height.
    #[track_caller]
    pub fn agree(&mut self) -> u64 {
        self.agree_from(1)
    }

    /// As [`Town::agree`], of the blocks from a height on.
    #[track_caller]
    pub fn agree_from(&mut self, first: u64) -> u64 {
        let up = self.up();
        let common = up.iter().map(|number| self.node(*number).height()).min().unwrap();
        for height in first..=common {
            let headers: Vec<_> =
                up.iter().map(|number| self.node(*number).ask(&format!("header {height}")).unwrap()).collect();
            assert!(headers.iter().all(|header| *header == headers[0]), "a fork at {height}: {headers:?}");
        }
        common
    }

    /// An account's balance and nonce, on which all running nodes agree once they have the same blocks.
    pub fn account(&mut self, number: usize, name: &str) -> (u64, u64) {
        let said = self.node(number).ask(&format!("account {}", account(name))).unwrap();
        let (balance, nonce) = said.split_once(' ').unwrap();
        (balance.parse().unwrap(), nonce.parse().unwrap())
    }
}

#[track_caller]
pub fn wait(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "in vain: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}
