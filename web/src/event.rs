//! What transactions are and what happened, in words, for the command line and the pages.

use std::fmt::Display;

use market::so_many;
use node::{event::Event, state::Conformance, transaction::Transaction};

use crate::{
    Error,
    pages::{number, words},
};

/// Something that happened, with the page of what it happened to, if there is one.
pub(crate) struct Happening {
    pub(crate) says: String,
    pub(crate) link: Option<(String, String)>,
}

impl Happening {
    /// On a line of text: what it says, and of what, as its page has it.
    pub(crate) fn line(self) -> String {
        match self.link {
            Some((_, id)) => format!("{} {id}", self.says),
            None => self.says,
        }
    }
}

fn plain(says: impl Into<String>) -> Happening {
    Happening { says: says.into(), link: None }
}

fn of(says: impl Into<String>, place: &str, id: impl Display) -> Happening {
    Happening { says: says.into(), link: Some((format!("/{place}/{id}"), id.to_string())) }
}

/// What a transaction does, by its name in JSON.
///
/// # Errors
/// [`Error::Internal`] for an action without one.
pub(crate) fn kind(transaction: &Transaction) -> Result<String, Error> {
    let signed = match transaction {
        Transaction::Signed(signed) => signed,
        Transaction::Contribute(_) => return Ok("Contribute".into()),
        Transaction::Respond(_) => return Ok("Respond to a screening".into()),
    };
    let failed = |error: serde_json::Error| Error::Internal { action: "name a transaction", why: error.to_string() };
    let action = serde_json::to_value(&signed.action).map_err(failed)?;
    let name = action.as_str().or_else(|| action.as_object()?.keys().next().map(String::as_str));
    Ok(words::action(name.unwrap_or_default()))
}

/// An event in words.
pub(crate) fn in_words(event: &Event) -> Happening {
    match event {
        Event::IssuerAccredited { account, name } => of(format!("{name} may certify records"), "accounts", account),
        Event::IssuerSuspended { account } => of("An issuer may no longer certify", "accounts", account),
        Event::ResearcherAccredited { account, name } => of(format!("{name} may ask queries"), "accounts", account),
        Event::ResearcherSuspended { account } => of("A researcher may no longer ask", "accounts", account),
        Event::SchemaRegistered { schema, name } => of(format!("Schema {name} is known"), "schemas", schema),
        Event::StudyRegistered { study, .. } => of("A study is registered", "studies", study),
        Event::RecordRegistered { record, issuer, .. } => {
            of(format!("Record {} is certified by an issuer", record.get()), "accounts", issuer)
        }
        Event::ConsentChanged { record } => {
            plain(format!("The consent of record {} changes with the next epoch", record.get()))
        }
        Event::ConsentRevoked { record } => {
            plain(format!("Record {} is revoked; it ends with this epoch", record.get()))
        }
        Event::EpochClosed { epoch, leaves, .. } => {
            let records = so_many(number(*leaves), "certified record", "certified records");
            plain(format!("Epoch {epoch} ended with {records}"))
        }
        Event::QueryOpened { query, escrow, .. } => {
            of(format!("A query opened and locked {}", number(escrow)), "queries", query)
        }
        Event::ContributionAdmitted { query, contribution } => {
            of(format!("Contribution {} was admitted to a query", contribution.get()), "queries", query)
        }
        Event::ContributionWithdrawn { query, contribution } => {
            of(format!("Contribution {} was withdrawn from a query", contribution.get()), "queries", query)
        }
        Event::QuerySealed { query, contributions, .. } => {
            let sealed = so_many(contributions, "contribution", "contributions");
            of(format!("A query was sealed with {sealed}"), "queries", query)
        }
        Event::QueryAggregated { query, .. } => of("The committee signed the sum of a query", "queries", query),
        Event::ComponentsSubmitted { query, member } => {
            of(format!("Committee member {member} reported its components of a query"), "queries", query)
        }
        Event::LiarNamed { query, member } => {
            of(format!("A component of committee member {member} differs from the accepted one"), "queries", query)
        }
        Event::QueryReleased { query, paid, price, .. } => {
            let whom = so_many(paid, "contributor was", "contributors were");
            of(format!("A query was released; {whom} paid {price} each"), "queries", query)
        }
        Event::QueryRefunded { query, reason, amount } => {
            of(format!("{amount} of a query's escrow went back: {}", words::refund(*reason)), "queries", query)
        }
        Event::Transferred { to, amount, .. } => of(format!("{} moved to an account", number(amount)), "accounts", to),
        Event::MemberSuspended { member, .. } => {
            plain(format!("Committee member {member} signed what its own receipt refutes and is suspended"))
        }
        committee @ (Event::CommitteeStarted { .. }
        | Event::CommitteeCommitted { .. }
        | Event::CommitteeConfirming { .. }
        | Event::CommitteeRevealed { .. }
        | Event::CommitteeConfirmed { .. }
        | Event::CommitteeActive { .. }
        | Event::CommitteeComplained { .. }
        | Event::CommitteeExpired { .. }
        | Event::CommitteeDisputed { .. }) => of_committee(committee),
        Event::ConsortiumChangeApproved { validator, .. } => {
            of("A validator wants a change of the consortium", "accounts", validator)
        }
        Event::ConsortiumApprovalWithdrawn { validator, .. } => {
            of("A validator no longer wants a change of the consortium", "accounts", validator)
        }
        Event::ConsortiumChanged { .. } => plain("More than two thirds approved a change of the consortium"),
        Event::ProtocolUpgraded { version, height } => {
            plain(format!("From block {height} on, version {version} of the protocol holds"))
        }
        Event::ValidatorEquivocated { validator, height, .. } => {
            of(format!("A validator signed two contradicting statements at block {height}"), "accounts", validator)
        }
        Event::StudyDesigned { study, version } => {
            of(format!("Version {version} of a study has a design"), "studies", study)
        }
        Event::StudyAmended { study, version } => {
            of(format!("A study has version {version} of its protocol"), "studies", study)
        }
        Event::QueryCompared { query, conformance, .. } => {
            let says = match conformance {
                Conformance::Unplanned => "The query's study had registered no plan",
                Conformance::Planned => "The query is one that its study planned",
                Conformance::Deviates => "The query deviates from what its study planned",
            };
            of(says, "queries", query)
        }
        Event::OutcomePosted { study, .. } => of("A study posted an outcome", "studies", study),
        Event::StudyClosed { study } => of("A study is closed: nothing opens for it any more", "studies", study),
        Event::FeesSet { .. } => plain("Queries that open from now on pay other fees"),
        Event::FeesPaid { query, .. } => of("A release paid those who run the network", "queries", query),
        Event::SettlementAccredited { account, name, cap } => {
            of(format!("{name} may bring money, up to {}", number(cap)), "accounts", account)
        }
        Event::SettlementSuspended { account } => of("An institution may bring no more money", "accounts", account),
        Event::Deposited { to, amount, .. } => {
            of(format!("{} came to an account from outside", number(amount)), "accounts", to)
        }
        Event::WithdrawalRequested { account, amount, .. } => {
            of(format!("{} left an account and wait to be paid out", number(amount)), "accounts", account)
        }
        Event::WithdrawalSettled { amount, .. } => plain(format!("{} were paid out", number(amount))),
        Event::WithdrawalRejected { account, returned, .. } => {
            of(format!("{} that waited went back to their account", number(returned)), "accounts", account)
        }
        Event::CommitteeReplaced { epoch, members } => {
            plain(format!("{} other members make committee key {epoch}", members.len()))
        }
        licence @ (Event::DatasetOffered { .. }
        | Event::DatasetWithdrawn { .. }
        | Event::LicenceRequested { .. }
        | Event::LicenceGranted { .. }
        | Event::LicenceDeclined { .. }
        | Event::LicenceReclaimed { .. }
        | Event::LicenceRevoked { .. }
        | Event::LicenceAccessed { .. }) => of_licence(licence),
        screening @ (Event::ScreeningOpened { .. }
        | Event::ResponseAdmitted { .. }
        | Event::Invited { .. }
        | Event::InvitationAccepted { .. }
        | Event::InvitationDeclined { .. }
        | Event::ScreeningClosed { .. }) => of_screening(screening),
    }
}

/// What happened to raw data, in words.
fn of_licence(event: &Event) -> Happening {
    match event {
        Event::DatasetOffered { owner, .. } => of("Raw data may be licensed", "accounts", owner),
        Event::DatasetWithdrawn { .. } => plain("Raw data may no longer be licensed"),
        Event::LicenceRequested { licensee, price, .. } => {
            of(format!("A licence was asked for, at {}", number(price)), "accounts", licensee)
        }
        Event::LicenceGranted { paid, .. } => plain(format!("A licence was granted and {} paid", number(paid))),
        Event::LicenceDeclined { .. } => plain("A licence was declined and its price returned"),
        Event::LicenceReclaimed { .. } => plain("A licence was not answered in time and its price returned"),
        Event::LicenceRevoked { .. } => plain("A licence was revoked: it gives no further access"),
        Event::LicenceAccessed { .. } => plain("Licensed data was given"),
        _ => plain("A licence took a step"),
    }
}

/// A step of a screening, in words.
fn of_screening(event: &Event) -> Happening {
    match event {
        Event::ScreeningOpened { study, .. } => of("A screening opened for a study", "studies", study),
        Event::ResponseAdmitted { paid, .. } => {
            plain(format!("Somebody is eligible for a screening and was paid {}", number(paid)))
        }
        Event::Invited { .. } => plain("Somebody who is eligible was invited"),
        Event::InvitationAccepted { .. } => plain("Somebody accepted an invitation"),
        Event::InvitationDeclined { .. } => plain("Somebody declined an invitation"),
        Event::ScreeningClosed { eligible, .. } => plain(format!("A screening ended with {eligible} eligible people")),
        _ => plain("A screening took a step"),
    }
}

/// A step of a committee key, in words.
fn of_committee(event: &Event) -> Happening {
    match event {
        Event::CommitteeStarted { epoch } => plain(format!("Committee key {epoch} is in the making")),
        Event::CommitteeCommitted { epoch, .. } => plain(format!("A leader committed to a share of key {epoch}")),
        Event::CommitteeConfirming { epoch } => plain(format!("Every share of key {epoch} is committed")),
        Event::CommitteeRevealed { epoch, .. } => plain(format!("A leader revealed a share of key {epoch}")),
        Event::CommitteeConfirmed { epoch, member } => {
            plain(format!("Committee member {member} confirmed key {epoch}"))
        }
        Event::CommitteeActive { epoch, .. } => plain(format!("Committee key {epoch} is active: queries may open")),
        Event::CommitteeComplained { epoch, by, accused, .. } => {
            plain(format!("Member {by} complained of member {accused}; key {epoch} starts over"))
        }
        Event::CommitteeExpired { epoch, .. } => {
            plain(format!("A step of key {epoch} was not done in time; it starts over"))
        }
        Event::CommitteeDisputed { epoch, .. } => {
            plain(format!("Members confirmed different keys; key {epoch} starts over"))
        }
        _ => plain("The committee took a step"),
    }
}
