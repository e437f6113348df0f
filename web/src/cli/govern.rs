//! What the governor signs.

use std::path::PathBuf;

use circuits::{id::AccountId, quorum::Quorum};
use clap::{Args, Subcommand};
use market::{
    ledger::act,
    wallet::{PartyKey, Role},
};
use node::{
    genesis::{Committee, Member},
    transaction::{Action, Governance},
};

use super::{Home, Output, demo::parse_quorum, session::read_json};
use crate::Error;

/// Accredit, suspend, and seat the committee.
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
    /// Seat another committee: the next key is made among these members, and so is every later one.
    ///
    /// No query opens until all of them confirmed that key, so each should run `locus committee serve` soon. The members
    /// before finish the queries opened under their key, and delete it once the retention of the genesis has passed.
    ReplaceCommittee(Replacing),
}

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
    fn run(self, home: &Home, output: &Output) -> Result<(), Error> {
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
        let (party, what, governance): (_, _, fn(AccountId, String) -> Governance) = match self {
            Self::AccreditIssuer(party) => {
                (party, "accredited issuer", |account, name| Governance::AccreditIssuer { account, name })
            }
            Self::SuspendIssuer(party) => (party, "suspended issuer", |account, _| Governance::SuspendIssuer(account)),
            Self::AccreditResearcher(party) => {
                (party, "accredited researcher", |account, name| Governance::AccreditResearcher { account, name })
            }
            Self::SuspendResearcher(party) => {
                (party, "suspended researcher", |account, _| Governance::SuspendResearcher(account))
            }
            Self::ReplaceCommittee(replacing) => return replacing.run(home, output),
        };
        let Party { account, name, key } = party;
        let governance = governance(account, name);
        let key = governor_key(home, key)?;
        let connection = home.connect()?;
        let inclusion = act(&*connection.ledger, &key.signing_key(), Action::Govern(governance))?;
        output.result(&inclusion, |inclusion| format!("{what} {account} in block {}", inclusion.height))
    }
}
