//! Fees, as the governor types them.

use std::path::PathBuf;

use circuits::id::AccountId;
use clap::Args;
use node::{
    fees::{FeeRate, FeeSchedule, Treasury},
    units::Amount,
};

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
    pub(super) key: Option<PathBuf>,
    /// Set them without asking.
    #[arg(long)]
    pub(super) yes: bool,
}

/// Minor units, or hundredths of a percent written as a percentage.
fn parse_rate(text: &str) -> Result<FeeRate, String> {
    let wrong = || format!("{text:?} is no fee; give minor units such as 5, or a percentage such as 2.5%");
    let Some(percent) = text.strip_suffix('%') else {
        return text.parse().map(|units| FeeRate::Units(Amount::new(units))).map_err(|_| wrong());
    };
    let (whole, part) = percent.split_once('.').unwrap_or((percent, ""));
    let hundredths = match part.len() {
        _ if whole.is_empty() => return Err(wrong()),
        0 => "00".into(),
        1 => format!("{part}0"),
        2 => part.into(),
        _ => return Err(wrong()),
    };
    format!("{whole}{hundredths}").parse().map(FeeRate::BasisPoints).map_err(|_| wrong())
}

impl Fees {
    pub(super) fn schedule(&self) -> FeeSchedule {
        let treasury = self.treasury_account.map(|account| Treasury { account, rate: self.treasury });
        FeeSchedule { committee: self.committee, validators: self.validators, treasury }
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
