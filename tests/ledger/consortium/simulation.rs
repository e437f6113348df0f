//! Random operations and faults against real processes, compared with a simple model of the ledger.
//!
//! The model knows balances and nonces, and which transfers were sent. What it allows: a transfer that only a killed
//! node had may be forgotten until it is sent again. What it forbids: a fork, a transfer in two blocks, one out of turn,
//! money made or lost. A failure prints the seed; keep it as a `repro_` test.

use std::{thread, time::Duration};

use node::transaction::Transaction;
use rand::{RngExt as _, SeedableRng, rngs::StdRng};

use super::{crashes::seed, lan::Lan, namespaces, town::Town};
use crate::world::ENDOWMENT;

const SENDERS: [&str; 2] = ["researcher", "sponsor"];

/// Operations of one run; `LOCUS_OPERATIONS` asks for more.
fn operations() -> u64 {
    std::env::var("LOCUS_OPERATIONS").map_or(60, |text| text.parse().unwrap())
}

/// The ledger as it should be.
#[derive(Default)]
struct Model {
    /// Transfers of each sender in order of nonce, with their amounts.
    sent: [Vec<(Transaction, u64)>; 2],
}

struct Simulation {
    town: Town,
    model: Model,
    rng: StdRng,
    paused: Option<usize>,
    /// The block that must be decided before another node loses its files.
    wiped: u64,
    /// Whose clock is an hour off.
    wrong: Option<usize>,
    /// Hosts of their own, where this machine lets the test make them. After the town, which is gone before them.
    lan: Option<Lan>,
    /// The cable that is cut.
    cut: Option<String>,
}

impl Simulation {
    fn step(&mut self) {
        match self.rng.random_range(0..16) {
            0 => drop(self.kill()),
            1 | 12 => self.start(),
            6 => self.set_a_clock(),
            7 => self.send_again(),
            8 => self.wipe(),
            2 => self.pause(),
            3 => self.go_on(),
            4 => self.cut(),
            5 => self.heal(),
            _ => self.send(),
        }
        thread::sleep(Duration::from_micros(self.rng.random_range(0..60_000)));
    }

    fn awake(&self) -> Vec<usize> {
        self.town.up().into_iter().filter(|number| Some(*number) != self.paused).collect()
    }

    fn choose(&mut self, among: &[usize]) -> Option<usize> {
        (!among.is_empty()).then(|| among[self.rng.random_range(0..among.len())])
    }

    fn send(&mut self) {
        let awake = self.awake();
        let Some(node) = self.choose(&awake) else { return };
        let sender = self.rng.random_range(0..SENDERS.len());
        let nonce = self.model.sent[sender].len() as u64;
        let amount = self.rng.random_range(1..100);
        let transaction = self.town.transfer(SENDERS[sender], nonce, amount);
        let said = self.town.node(node).submit(&transaction);
        // A node that lags, or lost what waited, does not know the nonces before this one yet.
        assert!(said == "taken" || said.contains("next nonce"), "{said}");
        if said == "taken" {
            self.model.sent[sender].push((transaction, amount));
        }
    }

    /// What a node has in a block it takes no second time.
    fn send_again(&mut self) {
        let (awake, sender) = (self.awake(), self.rng.random_range(0..SENDERS.len()));
        let (Some(node), Some(last)) = (self.choose(&awake), self.model.sent[sender].len().checked_sub(1)) else {
            return;
        };
        let (transaction, _) = self.model.sent[sender][self.rng.random_range(0..=last)].clone();
        if self.town.node(node).has(&transaction) {
            let said = self.town.node(node).submit(&transaction);
            assert!(said.contains("already on this ledger") || said.contains("next nonce"), "{said}");
        }
    }

    fn kill(&mut self) -> Option<usize> {
        let awake = self.awake();
        let node = self.choose(&awake)?;
        self.town.kill(node);
        self.wrong = self.wrong.filter(|wrong| *wrong != node);
        Some(node)
    }

    /// Loses a node's files. Until the block that its key may have signed is decided it does not vote, so that two that lost
    /// theirs at one height would be more faults than four validators bear: the next one waits for that block everywhere.
    fn wipe(&mut self) {
        let awake = self.awake();
        let heights: Vec<_> = awake.iter().map(|number| self.town.node(*number).height()).collect();
        if awake.len() == 4
            && heights.iter().all(|height| *height >= self.wiped)
            && let Some(node) = self.kill()
        {
            self.wiped = heights.into_iter().max().unwrap_or_default() + 1;
            self.town.wipe(node);
            self.town.start(node);
        }
    }

    /// Sets one clock wrong by an hour, or right again.
    fn set_a_clock(&mut self) {
        let (awake, ahead) = (self.awake(), if self.rng.random() { 3_600 } else { -3_600 });
        match self.wrong {
            Some(wrong) if awake.contains(&wrong) => self.set_clocks_right(),
            Some(_) => {}
            None => {
                self.wrong = self.choose(&awake);
                if let Some(node) = self.wrong {
                    self.town.node(node).ask(&format!("clock {ahead}")).unwrap();
                }
            }
        }
    }

    fn set_clocks_right(&mut self) {
        if let Some(node) = self.wrong.take() {
            self.town.node(node).ask("clock 0").unwrap();
        }
    }

    fn start(&mut self) {
        let down: Vec<_> = (0..4).filter(|number| !self.town.up().contains(number)).collect();
        if let Some(node) = self.choose(&down) {
            self.town.start(node);
        }
    }

    fn pause(&mut self) {
        let awake = self.awake();
        if self.paused.is_none()
            && let Some(node) = self.choose(&awake)
        {
            self.town.node(node).signal("-STOP");
            self.paused = Some(node);
        }
    }

    fn go_on(&mut self) {
        if let Some(node) = self.paused.take() {
            self.town.node(node).signal("-CONT");
        }
    }

    /// Cuts one validator off, or two from two.
    fn cut(&mut self) {
        let which = self.rng.random_range(0..5);
        if let (Some(lan), None) = (&self.lan, &self.cut) {
            let cable = if which == 4 { lan.trunk("a") } else { lan.port(which) };
            lan.set(&cable, "down");
            self.cut = Some(cable);
        }
    }

    fn heal(&mut self) {
        if let (Some(lan), Some(cable)) = (&self.lan, self.cut.take()) {
            lan.set(&cable, "up");
        }
    }

    /// Heals everything, sends again what was forgotten, and compares.
    fn check(mut self) {
        self.heal();
        self.go_on();
        self.set_clocks_right();
        for number in 0..4 {
            if !self.town.up().contains(&number) {
                self.town.start(number);
            }
        }
        for sender in 0..SENDERS.len() {
            for (transaction, _) in self.model.sent[sender].clone() {
                if !self.town.node(0).has(&transaction) {
                    let said = self.town.node(0).submit(&transaction);
                    let known = ["already on this ledger", "next nonce"].iter().any(|text| said.contains(text));
                    assert!(said == "taken" || known, "{said}");
                    self.town.settle(&transaction);
                }
            }
        }
        let sums = self.model.sent.each_ref().map(|sent| sent.iter().map(|(_, amount)| amount).sum::<u64>());
        for number in 0..4 {
            for (sender, sent) in self.model.sent.iter().enumerate() {
                for (transaction, _) in sent {
                    self.town.settle_at(&[number], transaction);
                }
                let expected = (ENDOWMENT - sums[sender], sent.len() as u64);
                assert_eq!(self.town.account(number, SENDERS[sender]), expected, "of {}", SENDERS[sender]);
            }
            assert_eq!(self.town.account(number, "friend").0, ENDOWMENT + sums.iter().sum::<u64>());
        }
        self.town.agree();
    }
}

fn simulate(seed: u64) {
    let lan = Lan::new();
    if lan.is_none() {
        println!("no link is cut: network namespaces take root and iproute2");
    }
    let town = lan.as_ref().map_or_else(Town::running, namespaces::town);
    let (model, rng) = (Model::default(), StdRng::seed_from_u64(seed));
    let mut simulation = Simulation { town, model, rng, paused: None, wiped: 0, wrong: None, lan, cut: None };
    (0..operations()).for_each(|_| simulation.step());
    simulation.check();
}

#[test]
fn random_operations_and_faults_leave_the_ledger_that_the_model_says() {
    simulate(seed());
}
