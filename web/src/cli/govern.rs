//! What the governor signs.

use std::path::PathBuf;

use circuits::id::AccountId;
use clap::{Args, Subcommand};
use market::{ledger::act, wallet::Role};
use node::{
    fees::{FeeRate, FeeSchedule, Treasury},
    transaction::{Action, Governance},
    units::Amount,
};

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

/// Fees for each paid contribution; what is not given is nothing.
#[derive(Debug, Args)]
pub struct Fees {
    /// For the committee's members together: minor units such as 5, or a share of the price such as 2.5%.
    #[arg(long, default_value = "0", value_name = "FEE", value_parser = parse_rate)]
    committee: FeeRate,
    /// For the validators together.
    #[arg(long, default_value = "0", value_name = "FEE", value_parser = parse_rate)]
    validators: FeeRate,
    /// For the treasury.
    #[arg(long, default_value = "0", value_name = "FEE", value_parser = parse_rate, requires = "treasury_account")]
    treasury: FeeRate,
    /// The treasury's account.
    #[arg(long, value_name = "ACCOUNT")]
    treasury_account: Option<AccountId>,
    /// The governor's key file.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Set them without asking.
    #[arg(long)]
    yes: bool,
}

/// Minor units, or hundredths of a percent written as a percentage.
fn parse_rate(text: &str) -> Result<FeeRate, String> {
    let wrong = || format!("{text:?} is no fee; give minor units such as 5, or a percentage such as 2.5%");
    let Some(percent) = text.strip_suffix('%') else {
        return text.parse().map(|units| FeeRate::Units(Amount::new(units))).map_err(|_| wrong());
    };
    let (whole, part) = percent.split_once('.').unwrap_or((percent, ""));
    let hundredths = match part.len() {
        0 => "00".into(),
        1 => format!("{part}0"),
        2 => part.into(),
        _ => return Err(wrong()),
    };
    format!("{whole}{hundredths}").parse().map(FeeRate::BasisPoints).map_err(|_| wrong())
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

impl Fees {
    fn schedule(&self) -> FeeSchedule {
        let treasury = self.treasury_account.map(|account| Treasury { account, rate: self.treasury });
        FeeSchedule { committee: self.committee, validators: self.validators, treasury }
    }
}

impl Govern {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        let (governance, key, what) = match self {
            Self::AccreditIssuer(Party { account, name, key }) => {
                (Governance::AccreditIssuer { account, name }, key, format!("accredited issuer {account}"))
            }
            Self::SuspendIssuer(Party { account, key, .. }) => {
                (Governance::SuspendIssuer(account), key, format!("suspended issuer {account}"))
            }
            Self::AccreditResearcher(Party { account, name, key }) => {
                (Governance::AccreditResearcher { account, name }, key, format!("accredited researcher {account}"))
            }
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
        let path = key.unwrap_or_else(|| home.keys_path().join("governor.key"));
        let key = home.key(&path, Role::Governor)?;
        let connection = home.connect()?;
        let inclusion = act(&*connection.ledger, &key.signing_key(), Action::Govern(governance))?;
        output.result(&inclusion, |inclusion| format!("{what} in block {}", inclusion.height))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fee_is_minor_units_or_a_percentage_of_two_places() {
        assert_eq!(parse_rate("5"), Ok(FeeRate::Units(Amount::new(5))));
        for (text, points) in [("2.5%", 250), ("0.01%", 1), ("100%", 10_000), ("0%", 0)] {
            assert_eq!(parse_rate(text), Ok(FeeRate::BasisPoints(points)), "{text}");
        }
        for wrong in ["", "%", "-1", "1.005%", "1.2.3%", "a%", "5.5"] {
            assert!(parse_rate(wrong).is_err(), "{wrong}");
        }
    }
}
