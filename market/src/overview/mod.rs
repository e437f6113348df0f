//! What an owner is shown of a wallet: records in words, rules, who asked, invitations, money and the privacy that is spent.
//!
//! An [`Overview`] holds no key and no secret, so that it may be shown and saved. The genome is counted and left out. What
//! the ledger adds comes from a [`LedgerView`], which is fetched once for all wallets: whoever serves it learns of none.

mod asked;
mod ledger_view;
mod record;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use circuits::{
    id::{AccountId, ChainId, ScreeningId},
    privacy::{Epsilon, Rho},
};
use node::{
    state::ResponseStatus,
    units::{Amount, Height, Timestamp},
};
use serde::Serialize;

pub use self::{
    asked::{AskedQuery, AskedScreening, Asker, Decision, EarlyEnd},
    ledger_view::{ASKED_MAX, LedgerView},
    record::{AttributeValue, GenomeSize, HeldRecord, RecordStanding},
};
use crate::{
    Error,
    agent::{EarningState, Statement, spent, statement},
    ledger::LedgerAccess,
    objects::BlobKind,
    recruitment::{Contact, ReceivedInvitation, ScreeningAgent},
    wallet::{InvitationReply, ResponseStage, Wallet},
};

/// The privacy that a wallet's answers spent, of what its owner allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PrivacyBudget {
    /// ε spent so far by all answers together, in thousandths.
    #[serde(rename = "epsilon_milli_spent")]
    pub spent: Epsilon,
    /// ε that the owner allows to all together, in thousandths.
    #[serde(rename = "epsilon_milli_limit")]
    pub limit: Epsilon,
    /// Private answers that count.
    pub answers: usize,
    /// What is spent of the limit, from 0 to 100. Losses add up as ρ, so this is the share of that.
    pub percent: u8,
}

/// What a response to a screening earned. It is paid when it is admitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScreeningEarning {
    /// The screening.
    pub screening: ScreeningId,
    /// What it pays, in minor units.
    pub price: Amount,
    /// Paid, or pending until the ledger has the response.
    pub state: EarningState,
}

/// Everything that an owner is shown.
#[derive(Debug, Clone, Serialize)]
pub struct Overview {
    /// The name the owner gave the wallet.
    pub label: String,
    /// The owner's pseudonymous account.
    pub owner: AccountId,
    /// The chain.
    pub chain: ChainId,
    /// The block of which this is a picture.
    pub height: Height,
    /// Its time.
    pub time: Timestamp,
    /// The records.
    pub records: Vec<HeldRecord>,
    /// The queries asked, the newest first.
    pub queries: Vec<AskedQuery>,
    /// The screenings, the newest first.
    pub screenings: Vec<AskedScreening>,
    /// Invitations to the wallet's responses.
    pub invitations: Vec<ReceivedInvitation>,
    /// The contacts that were left for those who invited, or began to be: the wallet keeps an answer before it is sent. None of
    /// an answer that the ledger has otherwise.
    pub contacts: BTreeMap<ScreeningId, Contact>,
    /// The invitations that were declined, or began to be.
    pub declines: BTreeSet<ScreeningId>,
    /// What answers earned.
    pub statement: Statement,
    /// What responses to screenings earned.
    pub responses: Vec<ScreeningEarning>,
    /// The privacy spent.
    pub budget: PrivacyBudget,
    /// Seconds within which a change of rules counts, about; nothing while nobody can tell.
    #[serde(skip)]
    pub epoch_seconds: Option<u64>,
}

impl Overview {
    /// Whether an answer to an invitation was begun that the ledger does not have, as far as it is known. The wallet gives no
    /// other one.
    #[must_use]
    pub fn is_begun(&self, received: &ReceivedInvitation) -> bool {
        let id = &received.screening;
        let is_open = matches!(received.status, ResponseStatus::Invited { .. });
        is_open && (self.contacts.contains_key(id) || self.declines.contains(id))
    }

    /// The overview of a wallet. The ledger says which chain it is; it is asked nothing.
    ///
    /// # Errors
    /// [`Error::Statement`] for a query whose terms cannot be read, [`Error::Ledger`] when prices add up beyond 2^64 − 1.
    pub fn of(
        ledger: &dyn LedgerAccess,
        wallet: &Wallet,
        view: &LedgerView,
        invitations: Vec<ReceivedInvitation>,
    ) -> Result<Self, Error> {
        let tip = view.tip();
        let (mut contacts, mut declines) = (BTreeMap::new(), BTreeSet::new());
        for (screening, reply) in replies(wallet, &invitations) {
            match reply {
                InvitationReply::Accept { contact, .. } => {
                    contacts.insert(screening, contact.clone());
                }
                InvitationReply::Decline => {
                    declines.insert(screening);
                }
            }
        }
        Ok(Self {
            label: wallet.label().into(),
            owner: wallet.owner(),
            chain: wallet.chain(),
            height: tip.height,
            time: tip.time,
            records: record::all(wallet, view),
            queries: asked::queries(ledger, wallet, view)?,
            screenings: asked::screenings(ledger, wallet, view),
            contacts,
            invitations,
            declines,
            statement: statement(wallet)?,
            responses: responses(wallet),
            budget: budget(wallet),
            epoch_seconds: view.epoch_seconds(),
        })
    }
}

/// The invitations to a wallet's responses. They are fetched in runs, so that nobody learns which are whose.
///
/// # Errors
/// [`Error::Ledger`] when the ledger cannot be reached.
pub fn invitations(agent: &ScreeningAgent<'_>, wallet: &Wallet) -> Result<Vec<ReceivedInvitation>, Error> {
    let mut received = vec![];
    for screening in wallet.responses().keys() {
        received.extend(agent.mailbox(*screening, [wallet])?.open(wallet));
    }
    Ok(received)
}

/// The answers that a wallet keeps, but for those where the ledger has another one, which another copy of the wallet gave.
fn replies<'w>(
    wallet: &'w Wallet,
    invitations: &[ReceivedInvitation],
) -> impl Iterator<Item = (ScreeningId, &'w InvitationReply)> {
    let is_otherwise = |id: ScreeningId, reply: &InvitationReply| {
        let found = invitations.iter().find(|received| received.screening == id);
        found.is_some_and(|received| match (&received.status, reply) {
            (ResponseStatus::Accepted { contact, .. }, InvitationReply::Accept { sealed, .. }) => {
                *contact != BlobKind::Contact.digest(sealed)
            }
            (ResponseStatus::Accepted { .. }, InvitationReply::Decline)
            | (ResponseStatus::Declined { .. }, InvitationReply::Accept { .. }) => true,
            _ => false,
        })
    };
    let kept = wallet.responses().iter().filter_map(|(id, response)| Some((*id, response.answer.as_ref()?)));
    kept.filter(move |(id, reply)| !is_otherwise(*id, reply))
}

/// What a wallet's responses to screenings earned.
#[must_use]
pub fn responses(wallet: &Wallet) -> Vec<ScreeningEarning> {
    let earning = |(screening, response): (&ScreeningId, &crate::wallet::Response)| {
        let state = match response.stage {
            ResponseStage::Proven(_) => EarningState::Pending,
            ResponseStage::Admitted { .. } => EarningState::Paid,
        };
        ScreeningEarning { screening: *screening, price: response.price, state }
    };
    wallet.responses().iter().map(earning).collect()
}

fn budget(wallet: &Wallet) -> PrivacyBudget {
    let (spent, limit) = (spent(wallet, None), wallet.budget());
    let answers = wallet.answers().values().filter(|answer| answer.counts() && answer.rho > Rho::default()).count();
    PrivacyBudget { spent: spent.epsilon(), limit, answers, percent: percent(spent, limit.rho()) }
}

/// A share in whole percent, rounded up, so that what is spent never reads as nothing.
fn percent(spent: Rho, limit: Rho) -> u8 {
    let (spent, limit) = (u128::from(spent.billionths()), u128::from(limit.billionths()));
    if spent == 0 {
        return 0;
    }
    let share = (spent * 100).div_ceil(limit.max(1)).min(100);
    u8::try_from(share).unwrap_or(100)
}
