//! The consortium's decisions in words, for the command line and the pages.

use node::{
    genesis::{Committee, Member},
    state::Upgrade,
    transaction::ConsortiumChange,
    validator::Validator,
};

/// What a change would do.
#[must_use]
pub(crate) fn in_words(change: &ConsortiumChange) -> String {
    match change {
        ConsortiumChange::SetValidator(Validator { account, peer, address, power }) => {
            let role = match power {
                0 => "as an observer without a vote".into(),
                1 => "with 1 vote".into(),
                power => format!("with {power} votes"),
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
