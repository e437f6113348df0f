//! Random operations and faults against real processes, compared with a simple model of the ledger.
//!
//! The model knows what each party sent and what follows from it: balances, nonces, studies, who is accredited, and which
//! change of the consortium has its three votes. What it allows: a transaction that only a killed node had may be
//! forgotten until it is sent again. What it forbids: a fork, a transaction in two blocks, one out of turn, money made or
//! lost, a decision without its votes. A failure prints the seed; keep it as a `repro_` test.

use std::{collections::BTreeMap, thread, time::Duration};

use circuits::id::{Digest, StudyId};
use node::{
    transaction::{Action, ConsortiumChange, Governance, StudyRegistration, Transaction, Transfer},
    units::Amount,
};
use rand::{RngExt as _, SeedableRng, rngs::StdRng};

use super::{
    crashes::seed,
    lan::Lan,
    namespaces,
    town::{Town, listed, name, wait},
};
use crate::{
    skipped::{REQUIRE_ROOT, nothing_checked},
    world::{ENDOWMENT, account, key},
};

/// Who pays `friend`.
const PAYERS: [&str; 2] = ["researcher", "sponsor"];
/// Validators that approve every change of the consortium, which are as many as must.
const VOTERS: usize = 3;
/// Changes by which one voter may be ahead of another: the ledger has a bound on open votes.
const VOTES_AHEAD_MAX: usize = 8;
/// What a sender sends again at once: a node lets so many of one sender wait.
const SENT_AGAIN_MAX: usize = 128;

/// Operations of one run; `LOCUS_OPERATIONS` asks for more.
fn operations() -> u64 {
    std::env::var("LOCUS_OPERATIONS").map_or(60, |text| text.parse().unwrap())
}

/// What a transaction does once it is in a block.
#[derive(Clone)]
enum Effect {
    Pays(u64),
    Registers(StudyId),
    /// Lets the researcher ask, before anything goes wrong.
    Founds,
    /// Lets `guest` ask, or stops it.
    Accredits(bool),
    /// Approves the next change of the consortium.
    Approves,
}

/// The ledger as it should be.
#[derive(Default)]
struct Model {
    /// What each sender sent, in order of nonce.
    sent: BTreeMap<String, Vec<(Transaction, Effect)>>,
}

impl Model {
    fn nonce(&self, sender: &str) -> usize {
        self.sent.get(sender).map_or(0, Vec::len)
    }

    fn paid(&self, sender: &str) -> u64 {
        let effects = self.sent.get(sender).into_iter().flatten();
        effects.map(|(_, effect)| if let Effect::Pays(amount) = effect { *amount } else { 0 }).sum()
    }

    /// What `guest` may do: what the governor said last.
    fn standing(&self) -> &'static str {
        match self.sent.get("governor").and_then(|sent| sent.last()) {
            Some((_, Effect::Accredits(true))) => "Accredited",
            Some((_, Effect::Accredits(false))) => "Suspended",
            _ => "unknown",
        }
    }

    /// The last change of the consortium that every voter approved.
    fn changed(&self) -> Option<usize> {
        (0..VOTERS).map(|voter| self.nonce(&name(voter))).min().unwrap_or_default().checked_sub(1)
    }
}

/// The change that has a number: where an observer listens, who is never there.
fn change(number: usize) -> ConsortiumChange {
    ConsortiumChange::SetValidator(listed("observer", &observed(number), 0))
}

fn observed(number: usize) -> String {
    format!("/ip4/127.0.0.1/tcp/{}", 1 + number % 1_000)
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
    /// Transactions that somebody sent, and those of them that a node took.
    tried: u64,
    taken: u64,
}

impl Simulation {
    fn step(&mut self) {
        match self.rng.random_range(0..17) {
            0 => drop(self.kill()),
            1 | 12 => self.start(),
            6 => self.set_a_clock(),
            7 => self.send_again(),
            8 => self.wipe(),
            2 => self.pause(),
            3 => self.go_on(),
            4 => self.cut(),
            5 => self.heal(),
            9 => self.send_false(),
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

    fn found(&mut self) {
        let founding = Action::Govern(accredit("researcher"));
        let transaction = Transaction::sign(self.town.chain(), &key("governor"), 0, founding).unwrap();
        assert_eq!(self.town.node(0).submit(&transaction), "taken");
        self.town.settle(&transaction);
        self.model.sent.insert("governor".into(), vec![(transaction, Effect::Founds)]);
    }

    fn send(&mut self) {
        let awake = self.awake();
        let Some(node) = self.choose(&awake) else { return };
        // A node without the first block knows nobody who may do anything but pay.
        let (founding, _) = self.model.sent["governor"][0].clone();
        if !self.town.node(node).has(&founding) {
            return;
        }
        let Some((sender, action, effect)) = self.act() else { return };
        let nonce = self.model.nonce(&sender);
        let transaction = Transaction::sign(self.town.chain(), &key(&sender), nonce as u64, action).unwrap();
        self.tried += 1;
        let mut said = self.town.node(node).submit(&transaction);
        if let Some(known) = next_nonce(&said) {
            self.send_forgotten(node, &sender, known);
            said = self.town.node(node).submit(&transaction);
        }
        assert!(said == "taken" || next_nonce(&said).is_some() || is_full(&said), "{sender}: {said}");
        if said == "taken" {
            self.taken += 1;
            self.model.sent.entry(sender).or_default().push((transaction, effect));
        }
    }

    /// A node that lags, or lost what waited, is sent what a sender sent from the nonce on that it names.
    fn send_forgotten(&mut self, node: usize, sender: &str, known: usize) {
        let sent = self.model.sent.get(sender).cloned().unwrap_or_default();
        for (transaction, _) in sent.into_iter().skip(known).take(SENT_AGAIN_MAX) {
            let said = self.town.node(node).submit(&transaction);
            if is_full(&said) {
                return;
            }
            assert!(said == "taken" || is_known(&said), "{sender}: {said}");
        }
    }

    /// What the ledger must refuse, whoever is asked: more than there is, a vote without a seat, another's decision.
    fn send_false(&mut self) {
        let awake = self.awake();
        let Some(node) = self.choose(&awake) else { return };
        let (sender, action) = match self.rng.random_range(0..3) {
            0 => ("researcher", pay(2 * ENDOWMENT)),
            1 => ("sponsor", Action::ApproveChange(change(0))),
            _ => ("sponsor", Action::Govern(accredit("guest"))),
        };
        let nonce = self.model.nonce(sender) as u64;
        let transaction = Transaction::sign(self.town.chain(), &key(sender), nonce, action).unwrap();
        let said = self.town.node(node).submit(&transaction);
        assert!(said.starts_with("refused"), "{sender}: {said}");
    }

    /// What somebody does next.
    fn act(&mut self) -> Option<(String, Action, Effect)> {
        match self.rng.random_range(0..8) {
            0 => {
                let nonce = self.model.nonce("researcher");
                let (title, protocol) = (format!("Study {nonce}"), Digest::from_bytes([1; 32]));
                let study = StudyRegistration { title, protocol, ethics: "EC-1".into() };
                let id = study.id(&self.town.chain(), &account("researcher"), nonce as u64).unwrap();
                Some(("researcher".into(), Action::RegisterStudy(study), Effect::Registers(id)))
            }
            1 => {
                let (guest, accredits) = (account("guest"), self.model.standing() != "Accredited");
                let decision = if accredits { accredit("guest") } else { Governance::SuspendResearcher(guest) };
                Some(("governor".into(), Action::Govern(decision), Effect::Accredits(accredits)))
            }
            2..=4 => {
                let voter = name(self.rng.random_range(0..VOTERS));
                let next = self.model.nonce(&voter);
                let decided = self.model.changed().map_or(0, |changed| changed + 1);
                let vote = || (voter, Action::ApproveChange(change(next)), Effect::Approves);
                (next < decided + VOTES_AHEAD_MAX).then(vote)
            }
            _ => {
                let (payer, amount) = (self.rng.random_range(0..PAYERS.len()), self.rng.random_range(1..100));
                Some((PAYERS[payer].into(), pay(amount), Effect::Pays(amount)))
            }
        }
    }

    /// What a node has in a block it takes no second time.
    fn send_again(&mut self) {
        let (awake, sender) = (self.awake(), PAYERS[self.rng.random_range(0..PAYERS.len())]);
        let (Some(node), Some(last)) = (self.choose(&awake), self.model.nonce(sender).checked_sub(1)) else {
            return;
        };
        let (transaction, _) = self.model.sent[sender][self.rng.random_range(0..=last)].clone();
        if self.town.node(node).has(&transaction) {
            let said = self.town.node(node).submit(&transaction);
            assert!(is_known(&said), "{said}");
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
        self.finish_votes();
        for (sender, sent) in self.model.sent.clone() {
            for (transaction, _) in sent {
                if !self.town.node(0).has(&transaction) {
                    let mut said = String::new();
                    wait("there is room for it", || {
                        said = self.town.node(0).submit(&transaction);
                        !is_full(&said)
                    });
                    assert!(said == "taken" || is_known(&said), "{sender}: {said}");
                    self.town.settle(&transaction);
                }
            }
        }
        for (sender, sent) in &self.model.sent {
            println!("{sender}: {} transactions", sent.len());
        }
        println!("{} of {} were taken at once", self.taken, self.tried);
        assert!(2 * self.taken >= self.tried, "faults hit a chain on which nothing happens");
        (0..4).for_each(|number| self.compare(number));
        self.town.agree();
    }

    /// Lets every voter approve what another has approved.
    fn finish_votes(&mut self) {
        let most = (0..VOTERS).map(|voter| self.model.nonce(&name(voter))).max().unwrap_or_default();
        for voter in (0..VOTERS).map(name) {
            for number in self.model.nonce(&voter)..most {
                let action = Action::ApproveChange(change(number));
                let vote = Transaction::sign(self.town.chain(), &key(&voter), number as u64, action).unwrap();
                self.model.sent.entry(voter.clone()).or_default().push((vote, Effect::Approves));
            }
        }
    }

    /// Compares a node that has everything with the model.
    fn compare(&mut self, number: usize) {
        for (sender, sent) in &self.model.sent {
            for (transaction, effect) in sent {
                self.town.settle_at(&[number], transaction);
                if let Effect::Registers(study) = effect {
                    assert_eq!(self.town.node(number).ask(&format!("study {study}")).unwrap(), "true", "{sender}");
                }
            }
            let endowment = if PAYERS.contains(&sender.as_str()) { ENDOWMENT } else { 0 };
            let expected = (endowment - self.model.paid(sender), sent.len() as u64);
            assert_eq!(self.town.account(number, sender), expected, "of {sender}");
        }
        let paid: u64 = PAYERS.iter().map(|payer| self.model.paid(payer)).sum();
        assert_eq!(self.town.account(number, "friend").0, ENDOWMENT + paid);
        let standing = self.town.node(number).ask(&format!("researcher {}", account("guest"))).unwrap();
        assert_eq!(standing, self.model.standing());
        let listed = self.town.node(number).ask(&format!("listed {}", account("observer"))).unwrap();
        assert_eq!(listed, self.model.changed().map_or("nowhere".into(), observed));
        for validator in 0..4 {
            let said = self.town.node(number).ask(&format!("equivocated {}", account(&name(validator)))).unwrap();
            assert_eq!(said, "false", "validator {validator} is honest");
        }
    }
}

/// The nonce that a node expects, if that is why it refuses.
fn next_nonce(said: &str) -> Option<usize> {
    said.split_once("next nonce is ").map(|(_, nonce)| nonce.trim().parse().unwrap())
}

/// Whether a node refuses a transaction because it has it, or one in its place.
fn is_known(said: &str) -> bool {
    said.contains("already on this ledger") || next_nonce(said).is_some()
}

/// Whether as many of a sender's wait as may: no block is made, or on a node that lost its files nobody else's votes decide.
fn is_full(said: &str) -> bool {
    said.contains("wait for approvals") || said.contains("of this sender wait already")
}

fn accredit(name: &str) -> Governance {
    Governance::AccreditResearcher { account: account(name), name: name.into() }
}

fn pay(amount: u64) -> Action {
    Action::Transfer(Transfer { to: account("friend"), amount: Amount::new(amount) })
}

fn simulate(seed: u64) {
    let lan = Lan::new();
    if lan.is_none() {
        nothing_checked(REQUIRE_ROOT, "links that are cut", "network namespaces take root and iproute2");
    }
    let town = lan.as_ref().map_or_else(Town::running, namespaces::town);
    let (model, rng) = (Model::default(), StdRng::seed_from_u64(seed));
    let mut simulation =
        Simulation { town, model, rng, paused: None, wiped: 0, wrong: None, lan, cut: None, tried: 0, taken: 0 };
    simulation.found();
    (0..operations()).for_each(|_| simulation.step());
    simulation.check();
}

#[test]
fn random_operations_and_faults_leave_the_ledger_that_the_model_says() {
    simulate(seed());
}
