//! Reading invitations without saying whose.
//!
//! Whoever asks a node for one response, or for one sealed invitation, tells it that this response is theirs. So responses
//! and invitations are fetched in runs, whole, and looked through here.

use std::collections::{BTreeMap, BTreeSet};

use circuits::id::{ChainId, Digest, ScreeningId};
use node::{
    state::{ResponseState, ResponseStatus},
    units::ResponseIndex,
};
use serde::Serialize;

use super::{
    Invitation, ScreeningAgent,
    letter::{invitation_context, open_letter, sealed_bytes},
};
use crate::{
    Error,
    objects::{BlobAccess, BlobAddress, BlobKind, get},
    wallet::Wallet,
};

/// Responses, counted from the screening's first, among which a node cannot tell whose invitations are read: all of them in a
/// screening of no more.
pub const INVITATIONS_RUN: u32 = 1_024;

/// The runs of a screening's responses in which some wallets' lie, with every invitation of them.
pub struct Mailbox {
    chain: ChainId,
    screening: ScreeningId,
    responses: BTreeMap<ResponseIndex, ResponseState>,
    /// Sealed invitations by digest, or why one cannot be had.
    sealed: BTreeMap<Digest, Result<Vec<u8>, String>>,
}

/// An invitation to a wallet's response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReceivedInvitation {
    /// The screening.
    pub screening: ScreeningId,
    /// The response's place in it.
    pub response: ResponseIndex,
    /// What became of the response.
    pub status: ResponseStatus,
    /// What the sponsor wrote.
    pub invitation: Option<Invitation>,
    /// Why it cannot be read, when it cannot.
    pub problem: Option<String>,
}

/// The digest of the invitation that a response was sent.
pub(super) const fn invitation_of(status: &ResponseStatus) -> Option<Digest> {
    match status {
        ResponseStatus::Eligible => None,
        ResponseStatus::Invited { invitation, .. }
        | ResponseStatus::Accepted { invitation, .. }
        | ResponseStatus::Declined { invitation, .. } => Some(*invitation),
    }
}

impl ScreeningAgent<'_> {
    /// Fetches the runs in which these wallets' responses to a screening lie, whole; nothing when they have none.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the ledger cannot be reached.
    pub fn mailbox<'w>(
        &self,
        screening: ScreeningId,
        wallets: impl IntoIterator<Item = &'w Wallet>,
    ) -> Result<Mailbox, Error> {
        let places = wallets.into_iter().filter_map(|wallet| wallet.responses().get(&screening)?.place());
        let runs: BTreeSet<u32> = places.map(|place| place.get() / INVITATIONS_RUN).collect();
        let (mut responses, mut sealed) = (BTreeMap::new(), BTreeMap::new());
        for first in runs.into_iter().map(|run| run * INVITATIONS_RUN) {
            let run = self.ledger.responses(screening, ResponseIndex::new(first), INVITATIONS_RUN)?;
            for digest in run.iter().filter_map(|response| invitation_of(&response.status)) {
                sealed.insert(digest, fetch(self.blobs, digest).map_err(|error| error.to_string()));
            }
            responses.extend((first..).map(ResponseIndex::new).zip(run));
        }
        Ok(Mailbox { chain: self.ledger.chain(), screening, responses, sealed })
    }
}

fn fetch(blobs: &dyn BlobAccess, digest: Digest) -> Result<Vec<u8>, Error> {
    get(blobs, BlobAddress { kind: BlobKind::Invitation, digest }, sealed_bytes::<Invitation>())
}

impl Mailbox {
    /// The invitation to a wallet's response; `None` when it did not respond or was not invited.
    #[must_use]
    pub fn open(&self, wallet: &Wallet) -> Option<ReceivedInvitation> {
        let own = wallet.responses().get(&self.screening)?;
        let response = own.place()?;
        let state = self.responses.get(&response).filter(|state| state.reply == own.reply_account())?;
        let sealed = self.sealed.get(&invitation_of(&state.status)?)?;
        let context = invitation_context(&self.chain, self.screening, response, &state.reply);
        let opened = sealed.as_ref().map_err(Clone::clone).and_then(|sealed| {
            open_letter::<Invitation>(&own.secret(), &context, sealed).map_err(|error| error.to_string())
        });
        let (invitation, problem) = match opened {
            Ok(invitation) => (Some(invitation), None),
            Err(problem) => (None, Some(problem)),
        };
        Some(ReceivedInvitation { screening: self.screening, response, status: state.status, invitation, problem })
    }
}
