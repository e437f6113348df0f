//! What the governor signs.

use std::path::PathBuf;

use circuits::id::AccountId;
use clap::{Args, Subcommand};
use market::{ledger::act, wallet::Role};
use node::transaction::{Action, Governance};

use super::{
    Home, Output,
    passport::{CheckPassport, PresentPassport, Presented},
};
use crate::Error;

/// Accredit and suspend.
#[derive(Debug, Subcommand)]
pub enum Govern {
    /// Accredit an issuer: a laboratory or hospital that certifies records.
    AccreditIssuer(Party),
    /// Suspend an issuer: it registers no more records. Those registered stay.
    SuspendIssuer(Party),
    /// Accredit a researcher, who may then open queries; with a passport only if its visas meet the policy.
    AccreditResearcher(Researcher),
    /// Suspend a researcher.
    SuspendResearcher(Party),
    /// Explain each visa of a passport: accepted, or refused and why. Accredits nobody.
    CheckPassport(CheckPassport),
    /// Sign a passport with the account's key, for the governor to accredit that account (the researcher).
    PresentPassport(PresentPassport),
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
    /// The presented passport, if one decides.
    fn presented(&self) -> Option<Presented<'_>> {
        let (passport, trust) = (self.passport.as_deref()?, self.trust.as_deref()?);
        Some(Presented { passport, trust, account: self.party.account })
    }
}

impl Govern {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        let (party, what) = match &self {
            Self::AccreditIssuer(party) => (party, "accredited issuer"),
            Self::SuspendIssuer(party) => (party, "suspended issuer"),
            Self::AccreditResearcher(researcher) => (&researcher.party, "accredited researcher"),
            Self::SuspendResearcher(party) => (party, "suspended researcher"),
            Self::CheckPassport(check) => return check.run(output),
            Self::PresentPassport(present) => return present.run(home, output),
        };
        let path = party.key.clone().unwrap_or_else(|| home.keys_path().join("governor.key"));
        let (account, name) = (party.account, party.name.clone());
        let governance = match &self {
            Self::AccreditIssuer(_) => Governance::AccreditIssuer { account, name },
            Self::SuspendIssuer(_) => Governance::SuspendIssuer(account),
            Self::AccreditResearcher(_) => Governance::AccreditResearcher { account, name },
            _ => Governance::SuspendResearcher(account),
        };
        let key = home.key(&path, Role::Governor)?;
        let connection = home.connect()?;
        if let Self::AccreditResearcher(researcher) = &self
            && let Some(presented) = researcher.presented()
        {
            presented.check(home, output, connection.ledger.chain())?;
        }
        let inclusion = act(&*connection.ledger, &key.signing_key(), Action::Govern(governance))?;
        output.result(&inclusion, |inclusion| format!("{what} {account} in block {}", inclusion.height))
    }
}
