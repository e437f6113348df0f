//! Seating another committee.

use std::path::PathBuf;

use circuits::quorum::Quorum;
use clap::Args;
use market::ledger::act;
use node::{
    genesis::{Committee, Member},
    transaction::{Action, Governance},
};

use super::governor_key;
use crate::{
    Error,
    cli::{Home, Output, demo::parse_quorum, session::read_json},
};

/// Who sits, and who says so.
#[derive(Debug, Args)]
pub struct Replacing {
    /// How many members can decrypt, of how many.
    #[arg(long, default_value = "2/4", value_name = "T/N", value_parser = parse_quorum)]
    committee: Quorum,
    /// Files of the new members from `locus keys member`, as many as --committee says; their order is the members' order.
    #[arg(long = "member", required = true, num_args = 1.., value_name = "FILE")]
    members: Vec<PathBuf>,
    /// The governor's key file.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Replace without asking.
    #[arg(long)]
    yes: bool,
}

impl Replacing {
    pub(super) fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
        let members = self.members.iter().map(|path| read_json::<Member>("member", path));
        let seats = Committee { quorum: self.committee, members: members.collect::<Result<_, _>>()? };
        let connection = home.connect()?;
        seats.check(connection.ledger.genesis().network)?;
        for (index, member) in (0u8..).zip(&seats.members) {
            output.say(format!("member {index}  {}", member.account));
        }
        let question =
            format!("Seat this committee ({})? Queries open again once its members made a key.", seats.quorum);
        output.confirm(self.yes, &question)?;
        let key = governor_key(home, self.key)?;
        let action = Action::Govern(Governance::ReplaceCommittee(seats));
        let inclusion = act(&*connection.ledger, &key.signing_key(), action)?;
        output.result(&inclusion, |inclusion| {
            format!("seated in block {}; `locus committee show` says how far their key is", inclusion.height)
        })
    }
}
