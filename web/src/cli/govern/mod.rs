//! What the governor signs, and what is in force.

mod fees;
mod researcher;
mod show;

use std::path::PathBuf;

use circuits::id::AccountId;
use clap::{Args, Subcommand};
use market::{
    ledger::act,
    wallet::{PartyKey, Role},
};
use node::{
    transaction::{Action, Governance},
    units::Amount,
};

use self::{fees::Fees, researcher::Researcher};
use super::{
    Home, Output,
    passport::{CheckPassport, PresentPassport},
};
use crate::Error;

/// Accredit, suspend, and set fees; show what is in force.
#[derive(Debug, Subcommand)]
pub enum Govern {
    /// Show who decides, what validators vote on, the version of the protocol, the fees in force, all the money there is, and
    /// what the genesis fixed.
    Show,
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
    /// Let an institution credit what it was paid off the ledger, up to a cap, and pay out what accounts withdraw.
    AccreditSettlement {
        #[command(flatten)]
        party: Party,
        /// What it may have credited and not paid out again, at most, in minor units: the money it could invent.
        #[arg(long, value_name = "AMOUNT")]
        cap: u64,
    },
    /// Suspend a settlement institution: it credits and pays out no more.
    SuspendSettlement(Party),
    /// Set what queries pay for each contribution beside its price, from the next one on.
    SetFees(Fees),
}

/// The governor's key at a path, else where `network init` writes it.
fn governor_key(home: &Home, path: Option<PathBuf>) -> Result<PartyKey, Error> {
    home.key(&path.unwrap_or_else(|| home.keys_path().join("governor.key")), Role::Governor)
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
        let (governance, key, what) = match self {
            Self::Show => return show::show(home, output),
            Self::AccreditIssuer(Party { account, name, key }) => {
                (Governance::AccreditIssuer { account, name }, key, format!("accredited issuer {account}"))
            }
            Self::SuspendIssuer(Party { account, key, .. }) => {
                (Governance::SuspendIssuer(account), key, format!("suspended issuer {account}"))
            }
            Self::AccreditResearcher(researcher) => return researcher.run(home, output),
            Self::CheckPassport(check) => return check.run(output),
            Self::PresentPassport(present) => return present.run(home, output),
            Self::SuspendResearcher(Party { account, key, .. }) => {
                (Governance::SuspendResearcher(account), key, format!("suspended researcher {account}"))
            }
            Self::AccreditSettlement { party: Party { account, name, key }, cap } => {
                let cap = Amount::new(cap);
                let what = format!("accredited settlement institution {account} up to {cap}");
                (Governance::AccreditSettlement { account, name, cap }, key, what)
            }
            Self::SuspendSettlement(Party { account, key, .. }) => {
                (Governance::SuspendSettlement(account), key, format!("suspended settlement institution {account}"))
            }
            Self::SetFees(fees) => {
                let schedule = fees.schedule();
                schedule.check()?;
                output.confirm(fees.yes, "Set these fees for every query that opens from now on?")?;
                (Governance::SetFees(schedule), fees.key, "fees set".into())
            }
        };
        let key = governor_key(home, key)?;
        let connection = home.connect()?;
        let inclusion = act(&*connection.ledger, &key.signing_key(), Action::Govern(governance))?;
        output.result(&inclusion, |inclusion| format!("{what} in block {}", inclusion.height))
    }
}
