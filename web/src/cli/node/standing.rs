//! Waiting for a block that takes what a validator sent, and saying meanwhile what the chain waits for.

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use circuits::id::AccountId;
use futures::executor::block_on;
use market::{
    ledger::{Inclusion, LedgerAccess, SETTLE_TIME_MAX, TransactionStatus, block_interval, next_nonce, tip},
    wallet::PartyKey,
};
use node::{
    calendar::utc,
    consensus::Peer,
    state::{StateRead, Tip},
    transaction::{Action, Transaction, TransactionId},
    validator::{Validator, ValidatorSet},
};

use crate::{
    Error,
    api::Health,
    chain::now,
    cli::{Home, Output, session::Connection},
    client::Remote,
};

/// How often the ledger is asked.
const POLL_TIME: Duration = Duration::from_millis(100);
/// How long a block may take before it is said what the wait is for, where blocks may follow each other faster.
const QUIET_TIME_MIN: Duration = Duration::from_secs(2);
/// How often that is said again.
const SAY_TIME: Duration = Duration::from_secs(15);
/// What to do where nobody knows what became of a transaction. Until a block has it, the same command signs the same one; after
/// that it signs another, which can be another vote.
const AGAIN: &str = "look it up with `locus ledger transaction`; as long as no block has it, run the same command again, which \
                     waits for it or sends it once more";

/// Where a chain stands, and who makes its blocks.
struct Standing {
    tip: Tip,
    validators: ValidatorSet,
    /// Those whom the asked node reaches, itself among them; none where no node tells.
    connected: Option<BTreeSet<AccountId>>,
}

impl Standing {
    fn read(home: &Home, connection: &Connection) -> Result<Self, Error> {
        let ledger = &*connection.ledger;
        let missing = || Error::NotFound { what: "validators", id: "now".into() };
        let remote = home.url().map(Remote::new).transpose()?;
        let (own, peers) = match (remote, &connection.engine) {
            (Some(remote), _) => {
                let health: Option<Health> = remote.json("/health")?;
                (health.and_then(|health| health.validator), remote.json("/v1/peers")?)
            }
            (None, Some(engine)) => (Some(engine.handle().account()), Some(block_on(engine.handle().peers())?)),
            (None, None) => (None, None),
        };
        let accounts = |peers: Vec<Peer>| -> BTreeSet<AccountId> {
            peers.iter().filter_map(|peer| peer.validator.as_deref()?.parse().ok()).chain(own).collect()
        };
        Ok(Self {
            tip: tip(ledger)?,
            validators: ledger.validators()?.ok_or_else(missing)?,
            connected: peers.map(accounts),
        })
    }

    fn reached(&self) -> Option<u64> {
        Some(self.connected.as_ref()?.iter().map(|account| self.validators.power(*account)).sum())
    }

    fn in_words(&self) -> String {
        let Tip { height, time, .. } = self.tip;
        let ago = now().get().saturating_sub(time.get());
        let stands = format!("the chain stands at block {height} since {}, {ago} s ago", utc(time));
        let (Some(connected), Some(reached)) = (&self.connected, self.reached()) else { return stands };
        let total = self.validators.total_power();
        if self.validators.is_quorum(reached) {
            return format!("{stands}; {reached} of {total} votes are connected, which is enough: see the node's log");
        }
        let missing = self.validators.iter().filter(|one| one.power > 0 && !connected.contains(&one.account));
        let missing: Vec<String> =
            missing.map(|Validator { account, address, .. }| format!("{account} at {address}")).collect();
        format!(
            "{stands}; the node reaches {reached} of {total} votes, and a block takes more than two thirds; not \
             connected: {}",
            missing.join(", ")
        )
    }
}

/// Where the chain stands, or why that is not known.
fn standing(home: &Home, connection: &Connection) -> String {
    match Standing::read(home, connection) {
        Ok(standing) => standing.in_words(),
        Err(error) => format!("where the chain stands is not known: {error}"),
    }
}

/// Sends a transaction, unless the ledger has it: who repeats a command while no block comes sends the same one again.
///
/// # Errors
/// What the ledger refuses.
fn send(ledger: &dyn LedgerAccess, signed: Transaction) -> Result<&'static str, Error> {
    let id = signed.id()?;
    let Err(refusal) = ledger.submit(signed) else { return Ok("sent") };
    match ledger.status(id) {
        Ok(TransactionStatus::Pending | TransactionStatus::Included { .. }) => Ok("sent before"),
        Ok(TransactionStatus::Unknown | TransactionStatus::Refused { .. }) => Err(refusal.into()),
        Err(error) => {
            let why = format!("{refusal}; whether the node has it from before is not known: {error}; {AGAIN}");
            Err(unsettled(id, why))
        }
    }
}

/// Sends an action and waits for the block that takes it: at most so long, or for the time that blocks take. While none
/// comes, says what is waited for. A node that does not answer meanwhile is asked again.
///
/// # Errors
/// What the ledger refuses; [`market::Error::Unsettled`] with where the chain stands when no block took it in time.
pub(super) fn act_aloud(
    (home, connection): (&Home, &Connection),
    key: &PartyKey,
    action: Action,
    patience: Option<Duration>,
    output: &Output,
) -> Result<Inclusion, Error> {
    let ledger = &*connection.ledger;
    let key = key.signing_key();
    let signed = Transaction::sign(ledger.chain(), &key, next_nonce(ledger, &key)?, action)?;
    let transaction = signed.id()?;
    let sent = send(ledger, signed)?;
    output.say(format!("{sent} as {transaction}; waiting for a block that takes it"));
    let interval = block_interval(ledger);
    let (patience, quiet) = (patience.unwrap_or(SETTLE_TIME_MAX + interval * 2), QUIET_TIME_MIN.max(interval));
    let (started, mut said) = (Instant::now(), None::<Instant>);
    loop {
        let unanswered = match ledger.status(transaction) {
            Ok(TransactionStatus::Included { height, index }) => return Ok(Inclusion { transaction, height, index }),
            Ok(TransactionStatus::Refused { why }) => return Err(unsettled(transaction, why)),
            Ok(TransactionStatus::Unknown) => {
                return Err(unsettled(transaction, format!("the node lost it, as in a restart; {AGAIN}")));
            }
            Ok(TransactionStatus::Pending) => None,
            Err(error) => Some(format!("what became of it is not known: {error}")),
        };
        let waits_for = || unanswered.clone().unwrap_or_else(|| standing(home, connection));
        if started.elapsed() >= patience {
            let kept = match home.url() {
                Some(_) => format!("it waits in that node's memory: {AGAIN}"),
                None => {
                    "it may end with this command: run this organisation's node and give its address with --url".into()
                }
            };
            let why = format!(
                "it was {sent}, and no block took it within {} s: {}; {kept}. Get the missing validators to run, watch with \
                 `locus node status` and `locus node changes`, or wait longer with --wait",
                patience.as_secs(),
                waits_for()
            );
            return Err(unsettled(transaction, why));
        }
        if said.map_or(started.elapsed() > quiet, |said| said.elapsed() > SAY_TIME) {
            output.say(waits_for());
            said = Some(Instant::now());
        }
        thread::sleep(POLL_TIME.min(patience));
    }
}

fn unsettled(transaction: TransactionId, why: String) -> Error {
    market::Error::Unsettled { transaction, why }.into()
}
