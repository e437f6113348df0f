//! Recruitment: a sponsor looks for eligible people, and learns who somebody is only from those who accept.
//!
//! A sponsor writes a [`ScreeningFile`], opens the screening, invites and reads the contacts of those who accept, as
//! [`Sponsor`]. A person's [`ScreeningAgent`] responds where the consent allows it, with one-time keys, and fetches
//! invitations in runs, so that no node learns which is whose. What is written travels as letters of one length, sealed to
//! one reader. `docs/protocol/recruitment.md` has the steps and what each must not show.

mod answer;
mod consider;
mod file;
mod letter;
mod mailbox;
mod respond;
mod sponsor;
pub mod table;
#[cfg(test)]
mod tests;

use circuits::{eligibility::ProvingKey, id::ScreeningId};
use node::{
    state::ScreeningState,
    transaction::TransactionId,
    units::{Amount, ResponseIndex},
};
use serde::{Deserialize, Serialize};

pub use self::{
    consider::{consider, weigh},
    file::ScreeningFile,
    letter::{CONTACT_BYTES_MAX, Contact, INVITATION_TEXT_BYTES_MAX, INVITATION_TITLE_BYTES_MAX, Invitation, Letter},
    mailbox::{INVITATIONS_RUN, Mailbox, ReceivedInvitation},
    sponsor::{Answered, Invited, Sponsor},
};
use crate::{
    Error,
    agent::Refusal,
    introduction::KnownAsker,
    ledger::{LedgerAccess, SyncedTree, require_screening, sync_tree},
    objects::BlobAccess,
};

/// What a person's side of recruitment works with. One serves any number of wallets.
#[derive(Clone, Copy)]
pub struct ScreeningAgent<'a> {
    /// The ledger.
    pub ledger: &'a dyn LedgerAccess,
    /// Where contacts go and invitations lie.
    pub blobs: &'a dyn BlobAccess,
}

/// A screening with everything that responding to it needs, fetched once for all wallets.
pub struct OpenScreening {
    id: ScreeningId,
    state: ScreeningState,
    tree: SyncedTree,
    asker: KnownAsker,
}

/// What the agent would do with a screening, without doing it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outlook")]
pub enum Outlook {
    /// It would prove and respond.
    Respond {
        /// Which of the wallet's records it would use.
        holding: u32,
        /// What the screening pays.
        price: Amount,
    },
    /// It responded before.
    Responded {
        /// The response's place.
        response: ResponseIndex,
    },
    /// It would not respond.
    Decline {
        /// One reason for each of the wallet's records, or one for the screening.
        reasons: Vec<Refusal>,
    },
}

/// What the agent did with a screening.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// The ledger admitted the response in this call, and paid.
    Admitted {
        /// Its place in the screening.
        response: ResponseIndex,
        /// The transaction that carried it.
        transaction: TransactionId,
    },
    /// The ledger had admitted it before.
    AlreadyAdmitted {
        /// Its place in the screening.
        response: ResponseIndex,
    },
    /// The consent or the record does not allow a response.
    Declined {
        /// Why.
        reasons: Vec<Refusal>,
    },
}

impl OpenScreening {
    /// The screening.
    #[must_use]
    pub const fn id(&self) -> ScreeningId {
        self.id
    }

    /// How far the screening was when it was fetched.
    #[must_use]
    pub const fn state(&self) -> &ScreeningState {
        &self.state
    }

    /// Lets it be decided on by what is known of its sponsor, instead of by what the ledger says of them.
    pub fn introduce(&mut self, asker: KnownAsker) {
        self.asker = asker;
    }
}

impl<'a> ScreeningAgent<'a> {
    /// Fetches a screening and the leaves of the current epoch.
    ///
    /// # Errors
    /// [`Error::Ledger`] for an unknown screening, or when the ledger cannot be reached.
    pub fn open(&self, id: ScreeningId) -> Result<OpenScreening, Error> {
        let state = require_screening(self.ledger, id)?;
        let asker = KnownAsker::of_ledger(&state.sponsor, &state.screening.study);
        Ok(OpenScreening { id, state, tree: sync_tree(self.ledger)?, asker })
    }

    /// What the agent would do with a screening for a wallet.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the ledger cannot be reached.
    pub fn dry_run(&self, wallet: &crate::wallet::Wallet, opened: &OpenScreening) -> Result<Outlook, Error> {
        consider(self.ledger, wallet, opened.id, &opened.state, (&opened.tree, &opened.asker))
    }

    /// The same agent with what it needs to prove: the key that makes eligibility proofs, whose verifying key must be the
    /// genesis'.
    #[must_use]
    pub const fn proving(self, key: &'a ProvingKey) -> Respondent<'a> {
        Respondent { agent: self, key }
    }
}

/// A [`ScreeningAgent`] that can prove.
#[derive(Clone, Copy)]
pub struct Respondent<'a> {
    agent: ScreeningAgent<'a>,
    key: &'a ProvingKey,
}

fn refused(screening: ScreeningId, why: impl Into<String>) -> Error {
    Error::Screening { screening, why: why.into() }
}
