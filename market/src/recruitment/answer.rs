//! Answering an invitation: the answer into the wallet, then to the ledger, and the sealed contact to the store unless the
//! ledger refused at once. A crash between two steps, or a repeated call, goes on with the same bytes.
//!
//! An answer that the ledger refused, and that was never sent before, is forgotten: no contact left the wallet, and another
//! answer may be given. One that was sent before may be under way, whatever is said of it later: it is kept, and sent again
//! bit for bit.

use circuits::id::ScreeningId;
use node::{
    state::{ResponseStatus, StateRead},
    transaction::{Action, AnswerInvitation, InvitationAnswer, Transaction},
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
    ledger::{next_nonce, require_screening, settle, submit},
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

/// What sending an answer came to.
enum Sent {
    /// The ledger has it.
    Given(ResponseStatus),
    /// The ledger refused it now. Whether it takes what was sent earlier is not said by that.
    Refused(node::Error),
}

impl ScreeningAgent<'_> {
    /// Accepts the invitation to a wallet's response: the sponsor learns this contact, and that whoever left it met the
    /// criteria. Goes on with an acceptance that was begun.
    ///
    /// # Errors
    /// [`Error::Screening`] when there is no invitation, or another answer was begun or given; [`Error::AnswerRefused`] when
    /// the ledger refused and nothing is kept; [`Error::Sealing`] for a sponsor's key that is none; [`Error::BlobStore`] when
    /// the contact cannot be stored.
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
            Some(InvitationReply::Accept { contact: begun, .. }) if begun == contact => self.resume(id, &own),
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
            Some(InvitationReply::Decline) => self.resume(id, &own),
            Some(_) => Err(begun_otherwise(id)),
        }
    }

    /// Goes on with the answer that a wallet keeps, as it is: whatever of it the ledger or the store lacks is sent again.
    ///
    /// # Errors
    /// [`Error::Screening`] when the wallet keeps none or the ledger has another one, else as [`ScreeningAgent::accept`].
    pub fn finish(&self, wallet: &Wallet, id: ScreeningId) -> Result<ResponseStatus, Error> {
        self.resume(id, &self.own(wallet, id)?)
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
        match self.give(id, &own)? {
            Sent::Given(status) => Ok(status),
            // It was never sent before, so nothing of it can be under way.
            Sent::Refused(source) => {
                wallet.note_response(id, Response { answer: None, ..own.response })?;
                Err(Error::AnswerRefused { screening: id, source })
            }
        }
    }

    /// Goes on with an answer that was begun earlier, and stays kept whatever comes of it now.
    fn resume(&self, id: ScreeningId, own: &Own) -> Result<ResponseStatus, Error> {
        match self.give(id, own)? {
            Sent::Given(status) => Ok(status),
            Sent::Refused(refusal) => Err(refusal.into()),
        }
    }

    /// Sends what the wallet noted, unless the ledger has it already.
    fn give(&self, id: ScreeningId, own: &Own) -> Result<Sent, Error> {
        let missing = || refused(id, "the wallet began no answer");
        let (answer, contact) = match own.response.answer.as_ref().ok_or_else(missing)? {
            InvitationReply::Accept { sealed, .. } => {
                (InvitationAnswer::Accept { contact: BlobKind::Contact.digest(sealed) }, Some(sealed))
            }
            InvitationReply::Decline => (InvitationAnswer::Decline, None),
        };
        let store = || contact.map(|sealed| offer(self.blobs, BlobKind::Contact, sealed.clone()));
        let (mut status, mut offered) = (own.status, None);
        if !is_given(&status, &answer) {
            if !matches!(status, ResponseStatus::Invited { .. }) {
                return Err(not_invited(id, &status));
            }
            let action = Action::AnswerInvitation(AnswerInvitation { screening: id, response: own.index, answer });
            let key = own.response.reply_key();
            let signed = Transaction::sign(self.ledger.chain(), &key, next_nonce(self.ledger, &key)?, action)?;
            let transaction = signed.id()?;
            let sent = submit(self.ledger, signed);
            // A contact whose answer was refused stays here: its reader could find it in the store and open it.
            if !sent.as_ref().is_err_and(is_refusal) {
                offered = store();
            }
            let settled = sent.and_then(|transaction| settle(self.ledger, transaction));
            // After a lost answer the ledger may hold what was sent.
            status = self.ledger.response(id, own.index)?.map_or(status, |state| state.status);
            if !is_given(&status, &answer) {
                return match settled {
                    Err(Error::Ledger(refusal)) if refusal.is_refusal() => Ok(Sent::Refused(refusal)),
                    Err(error) => Err(error),
                    Ok(_) => {
                        let why = "the state that was read does not show it yet; look again, and send it again then";
                        Err(Error::Unsettled { transaction, why: why.into() })
                    }
                };
            }
        }
        offered.or_else(store).map_or(Ok(()), |offered| offered.settle(self.blobs))?;
        Ok(Sent::Given(status))
    }
}

/// Whether the ledger says that it did not take what was sent.
const fn is_refusal(error: &Error) -> bool {
    matches!(error, Error::Ledger(refusal) if refusal.is_refusal())
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
