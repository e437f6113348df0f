//! Answering an invitation: the answer into the wallet, then the sealed contact to the store, then the ledger. A crash
//! between two steps, or a repeated call, goes on with the same bytes.

use circuits::id::ScreeningId;
use node::{
    state::{ResponseStatus, StateRead},
    transaction::{Action, AnswerInvitation, InvitationAnswer},
    units::ResponseIndex,
};
use rand::CryptoRng;

use super::{
    Contact, ScreeningAgent,
    letter::{contact_context, seal_letter},
    refused,
};
use crate::{
    Error,
    ledger::{act, require_screening},
    objects::{BlobKind, offer},
    sealing::SealingPublicKey,
    wallet::{InvitationReply, Response, Wallet},
};

/// A wallet's response as the ledger has it.
struct Own {
    response: Response,
    index: ResponseIndex,
    status: ResponseStatus,
}

impl ScreeningAgent<'_> {
    /// Accepts the invitation to a wallet's response: the sponsor learns this contact, and that whoever left it met the
    /// criteria. Goes on with an acceptance that was begun.
    ///
    /// # Errors
    /// [`Error::Screening`] when there is no invitation, or another answer was begun or given; [`Error::Sealing`] for a
    /// sponsor's key that is none; [`Error::BlobStore`] when the contact cannot be stored.
    pub fn accept(
        &self,
        wallet: &mut Wallet,
        id: ScreeningId,
        contact: &Contact,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<ResponseStatus, Error> {
        let own = self.own(wallet, id)?;
        match &own.response.answer {
            None => {
                let sealed = self.seal_contact(id, &own, contact, rng)?;
                self.begin(wallet, id, own, InvitationReply::Accept { contact: contact.clone(), sealed })
            }
            Some(InvitationReply::Accept { contact: begun, .. }) if begun == contact => self.finish(id, &own),
            Some(_) => Err(begun_otherwise(id)),
        }
    }

    /// Declines the invitation to a wallet's response. Who does not answer at all says as much.
    ///
    /// # Errors
    /// As [`ScreeningAgent::accept`].
    pub fn decline(&self, wallet: &mut Wallet, id: ScreeningId) -> Result<ResponseStatus, Error> {
        let own = self.own(wallet, id)?;
        match &own.response.answer {
            None => self.begin(wallet, id, own, InvitationReply::Decline),
            Some(InvitationReply::Decline) => self.finish(id, &own),
            Some(_) => Err(begun_otherwise(id)),
        }
    }

    /// The wallet's own response. The ledger is asked for it by name: an answer names it anyway.
    fn own(&self, wallet: &Wallet, id: ScreeningId) -> Result<Own, Error> {
        let missing =
            || refused(id, "the wallet has no response to it that the ledger admitted under the wallet's keys");
        let response = wallet.responses().get(&id).ok_or_else(missing)?.clone();
        let index = response.place().ok_or_else(missing)?;
        let state = self.ledger.response(id, index)?.filter(|state| state.reply == response.reply_account());
        let status = state.ok_or_else(missing)?.status;
        Ok(Own { response, index, status })
    }

    fn seal_contact(
        &self,
        id: ScreeningId,
        own: &Own,
        contact: &Contact,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<u8>, Error> {
        let ResponseStatus::Invited { invitation, .. } = &own.status else { return Err(not_invited(id, &own.status)) };
        let reader = require_screening(self.ledger, id)?.screening.sealing;
        let context = contact_context(&self.ledger.chain(), id, own.index, invitation);
        seal_letter(&SealingPublicKey::from_bytes(reader.as_bytes())?, &context, contact, rng)
    }

    fn begin(
        &self,
        wallet: &mut Wallet,
        id: ScreeningId,
        mut own: Own,
        answer: InvitationReply,
    ) -> Result<ResponseStatus, Error> {
        if !matches!(own.status, ResponseStatus::Invited { .. }) {
            return Err(not_invited(id, &own.status));
        }
        own.response.answer = Some(answer);
        wallet.note_response(id, own.response.clone())?;
        self.finish(id, &own)
    }

    /// Sends what the wallet noted, unless the ledger has it already.
    fn finish(&self, id: ScreeningId, own: &Own) -> Result<ResponseStatus, Error> {
        let missing = || refused(id, "the wallet began no answer");
        let (answer, offered) = match own.response.answer.as_ref().ok_or_else(missing)? {
            InvitationReply::Accept { sealed, .. } => {
                let offered = offer(self.blobs, BlobKind::Contact, sealed.clone());
                (InvitationAnswer::Accept { contact: offered.digest() }, Some(offered))
            }
            InvitationReply::Decline => (InvitationAnswer::Decline, None),
        };
        let mut status = own.status;
        if !is_given(&status, &answer) {
            let action = Action::AnswerInvitation(AnswerInvitation { screening: id, response: own.index, answer });
            let sent = act(self.ledger, &own.response.reply_key(), action);
            let missing = || refused(id, "the ledger has no such response any more");
            status = self.ledger.response(id, own.index)?.ok_or_else(missing)?.status;
            // After a lost answer the ledger may hold what was sent.
            if !is_given(&status, &answer) {
                return Err(sent.err().unwrap_or_else(|| not_invited(id, &status)));
            }
        }
        offered.map_or(Ok(()), |offered| offered.settle(self.blobs))?;
        Ok(status)
    }
}

/// Whether the ledger holds this answer.
fn is_given(status: &ResponseStatus, answer: &InvitationAnswer) -> bool {
    match (status, answer) {
        (ResponseStatus::Accepted { contact, .. }, InvitationAnswer::Accept { contact: sent }) => contact == sent,
        (ResponseStatus::Declined { .. }, InvitationAnswer::Decline) => true,
        _ => false,
    }
}

fn begun_otherwise(id: ScreeningId) -> Error {
    let why = "another answer was begun and may be under way; repeat that one exactly to finish it, or leave it: who does \
               not answer stays unknown";
    refused(id, why)
}

fn not_invited(id: ScreeningId, status: &ResponseStatus) -> Error {
    let why = match status {
        ResponseStatus::Eligible => "there is no invitation to answer yet",
        ResponseStatus::Invited { .. } => "the ledger did not take the answer; try again",
        ResponseStatus::Accepted { .. } => "the invitation was accepted already, and an answer is final",
        ResponseStatus::Declined { .. } => "the invitation was declined already, and an answer is final",
    };
    refused(id, why)
}
