//! What the governor signs.

use std::path::PathBuf;

use circuits::id::AccountId;
use clap::{Args, Subcommand};
use market::{ledger::act, wallet::Role};
use node::transaction::{Action, Governance};

use super::{Home, Output};
use crate::Error;

/// Accredit and suspend.
#[derive(Debug, Subcommand)]
pub enum Govern {
    /// Accredit an issuer: a laboratory or hospital that certifies records.
    AccreditIssuer(Party),
    /// Suspend an issuer: it registers no more records. Those registered stay.
    SuspendIssuer(Party),
    /// Accredit a researcher, who may then open queries.
    AccreditResearcher(Party),
    /// Suspend a researcher.
    SuspendResearcher(Party),
}

/// Whom, and who says so.
#[derive(Debug, Args)]
pub struct Party {
    /// The party's account, 64 hex digits.
    account: AccountId,
    /// The party's name, for lists.
    #[arg(long, default_value = "")]
    name: String,
    /// The governor's key file.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

impl Govern {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        let (party, what) = match &self {
            Self::AccreditIssuer(party) => (party, "accredited issuer"),
            Self::SuspendIssuer(party) => (party, "suspended issuer"),
            Self::AccreditResearcher(party) => (party, "accredited researcher"),
            Self::SuspendResearcher(party) => (party, "suspended researcher"),
        };
        let path = party.key.clone().unwrap_or_else(|| home.keys_path().join("governor.key"));
        let (account, name) = (party.account, party.name.clone());
        let governance = match &self {
            Self::AccreditIssuer(_) => Governance::AccreditIssuer { account, name },
            Self::SuspendIssuer(_) => Governance::SuspendIssuer(account),
            Self::AccreditResearcher(_) => Governance::AccreditResearcher { account, name },
            Self::SuspendResearcher(_) => Governance::SuspendResearcher(account),
        };
        let key = home.key(&path, Role::Governor)?;
        let connection = home.connect()?;
        let inclusion = act(&*connection.ledger, &key.signing_key(), Action::Govern(governance))?;
        output.result(&inclusion, |inclusion| format!("{what} {account} in block {}", inclusion.height))
    }
}
