//! Accrediting a researcher, who may have to show who they are.

use std::path::PathBuf;

use clap::Args;
use market::ledger::act;
use node::transaction::{Action, Governance};

use super::{Party, governor_key};
use crate::{
    Error,
    cli::{Home, Output, passport::Presented},
};

/// A researcher, and how they show who they are.
#[derive(Debug, Args)]
pub struct Researcher {
    /// Whom, and who says so.
    #[command(flatten)]
    party: Party,
    /// The passport that the account presents, as `govern present-passport` wrote it.
    #[arg(long, value_name = "FILE", requires = "trust")]
    passport: Option<PathBuf>,
    /// The trusted issuers and the policy, in TOML.
    #[arg(long, value_name = "FILE", requires = "passport")]
    trust: Option<PathBuf>,
}

impl Researcher {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        let Party { account, name, key } = self.party;
        let key = governor_key(home, key)?;
        let connection = home.connect()?;
        if let (Some(passport), Some(trust)) = (&self.passport, &self.trust) {
            Presented { passport, trust, account }.check(home, output, connection.ledger.chain())?;
        }
        let action = Action::Govern(Governance::AccreditResearcher { account, name });
        let inclusion = act(&*connection.ledger, &key.signing_key(), action)?;
        output.result(&inclusion, |inclusion| format!("accredited researcher {account} in block {}", inclusion.height))
    }
}
