//! The consortium's decisions in words, for the command line and the pages.

use market::so_many;
use node::{
    fees::{BASIS_POINTS, FeeRate},
    genesis::{Committee, Member},
    state::{Protocol, Upgrade},
    transaction::ConsortiumChange,
    units::Amount,
    validator::Validator,
};

use crate::pages::number;

/// What a change would do.
#[must_use]
pub(crate) fn in_words(change: &ConsortiumChange) -> String {
    match change {
        ConsortiumChange::SetValidator(Validator { account, peer, address, power }) => {
            let role = match power {
                0 => "as an observer without a vote".into(),
                power => format!("with {}", votes(*power)),
            };
            format!("{account} takes part at {address} {role}, its links under key {peer}")
        }
        ConsortiumChange::RemoveValidator(account) => format!("{account} leaves the network"),
        ConsortiumChange::SeatCommittee(Committee { quorum, members }) => {
            let accounts: Vec<_> = members.iter().map(|Member { account, .. }| account.to_string()).collect();
            format!("the next committee key is made by {}, any {quorum} of whom decrypt", accounts.join(", "))
        }
        ConsortiumChange::Upgrade(Upgrade { version, height }) => {
            format!("blocks from {height} on are executed by version {version} of the protocol")
        }
    }
}

/// A fee.
#[must_use]
pub(crate) fn fee_in_words(rate: FeeRate) -> String {
    match rate {
        FeeRate::Units(amount) if amount == Amount::default() => "nothing".into(),
        FeeRate::Units(amount) => format!("{} for each paid contribution", number(amount)),
        FeeRate::BasisPoints(points) => {
            let percent = 100.0 * f64::from(points) / f64::from(BASIS_POINTS);
            format!("{percent} % of the price of each paid contribution")
        }
    }
}

/// The version of the protocol, and one to come.
#[must_use]
pub(crate) fn protocol_in_words(protocol: &Protocol) -> String {
    let to_come = protocol.upgrade.map(|Upgrade { version, height }| format!("; from block {height} on {version}"));
    format!("{}{}", protocol.version, to_come.unwrap_or_default())
}

/// A validator's votes.
#[must_use]
pub(crate) fn votes_in_words(power: u32) -> String {
    match power {
        0 => "observes, without a vote".into(),
        power => votes(power),
    }
}

/// How many votes.
#[must_use]
pub(crate) fn votes(power: u32) -> String {
    so_many(power, "vote", "votes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fees_read_as_money_or_as_a_share() {
        assert_eq!(fee_in_words(FeeRate::default()), "nothing");
        assert_eq!(fee_in_words(FeeRate::Units(Amount::new(1_200))), "1,200 for each paid contribution");
        assert_eq!(fee_in_words(FeeRate::BasisPoints(250)), "2.5 % of the price of each paid contribution");
    }
}
