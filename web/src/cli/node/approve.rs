//! A validator's approval of a change of the consortium.

use std::{path::PathBuf, time::Duration};

use circuits::{
    id::{AccountId, Digest},
    quorum::Quorum,
};
use clap::{Args, Subcommand};
use market::{ledger::LedgerAccess, wallet::Role};
use node::{
    genesis::{Committee, Member},
    state::{StateRead, Upgrade},
    transaction::{Action, ConsortiumChange},
    units::Height,
    validator::{Validator, ValidatorSet},
};

use super::standing::act_aloud;
use crate::{
    Error,
    api::Vote,
    cli::{Home, Output, demo::parse_quorum, session::read_json},
    consortium::in_words,
};

/// An approval, and how long to wait for it.
#[derive(Debug, Args)]
pub struct Approve {
    #[command(subcommand)]
    change: Wanted,
    /// Seconds to wait for the block that takes the approval; 60 and twice the interval between blocks without it. It stays
    /// sent after that: as long as no block has it, the same command waits for it again.
    #[arg(long, global = true, value_name = "SECONDS")]
    wait: Option<u64>,
}

/// A change that validators decide on.
#[derive(Debug, Subcommand)]
enum Wanted {
    /// Add a validator or an observer, or give one other terms, from the file that `locus node init` wrote there.
    SetValidator {
        /// The file.
        file: PathBuf,
    },
    /// Take a validator or an observer off the network.
    RemoveValidator {
        /// Its account.
        account: AccountId,
    },
    /// Execute blocks by the next version of the protocol from a height on. Nodes that do not speak it stop there.
    Upgrade {
        /// The version.
        version: u16,
        /// The first block of it.
        height: u64,
    },
    /// Seat another committee: the next key is made among these members, and so is every later one.
    ///
    /// No query opens until all of them confirmed that key, so each should run `locus committee serve` soon. The members
    /// before finish the queries opened under their key, and delete it once the retention of the genesis has passed. Where the
    /// same members sit already, it has them make another key.
    SeatCommittee {
        /// How many members can decrypt, of how many.
        #[arg(long, default_value = "2/4", value_name = "T/N", value_parser = parse_quorum)]
        committee: Quorum,
        /// Files of the new members from `locus keys member`, as many as --committee says; their order is the members' order.
        #[arg(long = "member", required = true, num_args = 1.., value_name = "FILE")]
        members: Vec<PathBuf>,
    },
    /// Take this validator's approval of a change back, while it is not decided.
    Withdraw {
        /// The change's digest, as `locus node changes` shows it.
        change: Digest,
    },
}

impl Approve {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        let patience = self.wait.map(Duration::from_secs);
        let change = match self.change {
            Wanted::SetValidator { file } => {
                ConsortiumChange::SetValidator(read_json::<Validator>("validator", &file)?)
            }
            Wanted::RemoveValidator { account } => ConsortiumChange::RemoveValidator(account),
            Wanted::Upgrade { version, height } => {
                ConsortiumChange::Upgrade(Upgrade { version, height: Height::new(height) })
            }
            Wanted::SeatCommittee { committee, members } => {
                let members = members.iter().map(|path| read_json::<Member>("member", path));
                let seats = Committee { quorum: committee, members: members.collect::<Result<_, _>>()? };
                ConsortiumChange::SeatCommittee(seats)
            }
            Wanted::Withdraw { change } => return withdraw(change, home, patience, output),
        };
        let connection = home.connect()?;
        if holds(&*connection.ledger, &change)? {
            let why = format!("it holds already: {}", in_words(&change));
            return Err(Error::Input { what: "change", why });
        }
        output.say(format!("approving: {}", in_words(&change)));
        let key = home.key(&home.validator_path(), Role::Validator)?;
        let digest = change.digest()?;
        let action = Action::ApproveChange(change);
        let inclusion = act_aloud((home, &connection), &key, action, patience, output)?;
        // Approvals are forgotten once the change holds.
        let approvals = connection.ledger.approvals(digest)?;
        let waiting = approvals.as_ref().map(|approvals| approvals.validators.len());
        let validators = connection.ledger.validators()?;
        let total = validators.as_ref().map_or(0, ValidatorSet::total_power);
        let given: u64 = approvals
            .iter()
            .flat_map(|approvals| &approvals.validators)
            .fold(0, |sum, account| sum + validators.as_ref().map_or(0, |validators| validators.power(*account)));
        let outcome = serde_json::json!({ "change": digest, "height": inclusion.height, "approvals": waiting });
        output.result(&outcome, |_| match waiting {
            Some(_) => format!(
                "approved in block {}; {given} of {total} votes so far, and it takes more than two thirds: `locus node \
                 changes` shows who did",
                inclusion.height
            ),
            None => format!("approved, and decided: it holds from block {} on", inclusion.height.next()),
        })
    }
}

/// Whether a change is in force: an approval of it would open a vote on what is decided.
fn holds(ledger: &dyn LedgerAccess, change: &ConsortiumChange) -> Result<bool, Error> {
    let listed = |account| Ok::<_, Error>(ledger.validators()?.and_then(|validators| validators.get(account).cloned()));
    Ok(match change {
        ConsortiumChange::SetValidator(validator) => listed(validator.account)?.as_ref() == Some(validator),
        ConsortiumChange::RemoveValidator(account) => listed(*account)?.is_none(),
        // The same members seated anew make another key, which may be what is wanted.
        ConsortiumChange::SeatCommittee(_) | ConsortiumChange::Upgrade(_) => false,
    })
}

fn withdraw(change: Digest, home: &Home, patience: Option<Duration>, output: &Output) -> Result<(), Error> {
    let connection = home.connect()?;
    let key = home.key(&home.validator_path(), Role::Validator)?;
    let action = Action::WithdrawApproval(change);
    let inclusion = act_aloud((home, &connection), &key, action, patience, output)?;
    let outcome = serde_json::json!({ "change": change, "height": inclusion.height });
    output.result(&outcome, |_| "withdrawn; this validator no longer wants the change".into())
}

/// Shows the changes that validators vote on.
pub(super) fn show_changes(home: &Home, output: &Output) -> Result<(), Error> {
    let votes = Vote::open(&*home.connect_reading()?.ledger)?;
    output.result(&votes, |votes| describe_votes(votes))
}

/// Open votes with who approves each, in words.
pub(in crate::cli) fn describe_votes(votes: &[Vote]) -> String {
    if votes.is_empty() {
        return "no change waits for approvals".into();
    }
    let line = |vote: &Vote| {
        let Vote { digest, approvals, power, total, .. } = vote;
        let change = in_words(&approvals.change);
        let by: Vec<_> = approvals.validators.iter().map(|account| format!("\n    {account}")).collect();
        let opened = approvals.opened;
        format!("{digest}\n  {change}\n  {power} of {total} votes since block {opened}, of{}", by.concat())
    };
    votes.iter().map(line).collect::<Vec<_>>().join("\n")
}
