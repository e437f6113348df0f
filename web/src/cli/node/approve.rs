//! A validator's approval of a change of the consortium.

use std::path::PathBuf;

use circuits::id::AccountId;
use clap::Subcommand;
use market::{ledger::act, wallet::Role};
use node::{
    state::{StateRead, Upgrade},
    transaction::{Action, ConsortiumChange},
    units::Height,
    validator::Validator,
};

use crate::{
    Error,
    cli::{Home, Output, session::read_json},
};

/// A change that validators decide on.
#[derive(Debug, Subcommand)]
pub enum Approve {
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
}

impl Approve {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        let change = match self {
            Self::SetValidator { file } => ConsortiumChange::SetValidator(read_json::<Validator>("validator", &file)?),
            Self::RemoveValidator { account } => ConsortiumChange::RemoveValidator(account),
            Self::Upgrade { version, height } => {
                ConsortiumChange::Upgrade(Upgrade { version, height: Height::new(height) })
            }
        };
        let connection = home.connect()?;
        let key = home.key(&home.validator_path(), Role::Validator)?;
        let digest = change.digest()?;
        let inclusion = act(&*connection.ledger, &key.signing_key(), Action::ApproveChange(change))?;
        // Approvals are forgotten once the change holds.
        let waiting = connection.ledger.approvals(digest)?.map(|approvals| approvals.validators.len());
        let outcome = serde_json::json!({ "change": digest, "height": inclusion.height, "approvals": waiting });
        output.result(&outcome, |_| match waiting {
            Some(count) => format!("approved; {count} validators did so far, which is no quorum yet"),
            None => format!("approved, and decided: it holds from block {} on", inclusion.height.next()),
        })
    }
}
