//! Inviting somebody of whom nothing is known but eligibility, and the answer.

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::id::{AccountId, Digest, ScreeningId};
use serde::{Deserialize, Serialize};

use super::screening::require_screening;
use crate::{
    Error,
    event::Event,
    execute::{Context, require_researcher},
    state::{Draft, ResponseState, ResponseStatus, StateRead},
    units::ResponseIndex,
};

/// A sponsor's invitation. It lies off the ledger, sealed to the response's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Invite {
    /// The screening.
    pub screening: ScreeningId,
    /// Whom.
    pub response: ResponseIndex,
    /// Digest of the sealed invitation.
    pub invitation: Digest,
}

/// What the person says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvitationAnswer {
    /// Yes, and here is how to reach me.
    Accept {
        /// Digest of the contact, sealed to the sponsor's key.
        contact: Digest,
    },
    /// No. Who does not answer at all says as much, and leaves no trace more.
    Decline,
}

/// An answer, signed by the response's one-time key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct AnswerInvitation {
    /// The screening.
    pub screening: ScreeningId,
    /// The response that was invited.
    pub response: ResponseIndex,
    /// The answer; there is one.
    pub answer: InvitationAnswer,
}

fn require_response(id: ScreeningId, index: ResponseIndex, draft: &Draft<'_>) -> Result<ResponseState, Error> {
    draft.response(id, index)?.ok_or_else(|| Error::Unknown { what: "screening response", id: index.to_string() })
}

fn refused(what: &'static str, why: &str) -> Error {
    Error::Refused { what, why: why.into() }
}

impl Invite {
    pub(super) fn execute(
        &self,
        sender: AccountId,
        draft: &mut Draft<'_>,
        context: &Context<'_>,
    ) -> Result<Vec<Event>, Error> {
        require_researcher(draft, sender, "invite")?;
        let mut screening = require_screening(self.screening, draft)?;
        if screening.sponsor != sender {
            let remedy = "the account that opened the screening does";
            return Err(Error::Unauthorized { account: sender, action: "invite for this screening", remedy });
        }
        let mut response = require_response(self.screening, self.response, draft)?;
        if response.status != ResponseStatus::Eligible {
            return Err(refused("invitation", "this person was invited already, and once is enough"));
        }
        response.status = ResponseStatus::Invited { height: context.height, invitation: self.invitation };
        screening.invited = screening.invited.saturating_add(1);
        draft.put_response(self.screening, self.response, &response)?;
        draft.put_screening(self.screening, &screening)?;
        let Self { screening, response, invitation } = *self;
        Ok(vec![Event::Invited { screening, response, invitation }])
    }
}

impl AnswerInvitation {
    pub(super) fn execute(
        &self,
        sender: AccountId,
        draft: &mut Draft<'_>,
        context: &Context<'_>,
    ) -> Result<Vec<Event>, Error> {
        let mut state = require_screening(self.screening, draft)?;
        let mut response = require_response(self.screening, self.response, draft)?;
        if response.reply != sender {
            let remedy = "the one-time key of the response does";
            return Err(Error::Unauthorized { account: sender, action: "answer this invitation", remedy });
        }
        let invitation = match response.status {
            ResponseStatus::Invited { invitation, .. } => invitation,
            ResponseStatus::Eligible => return Err(refused("answer", "there is no invitation to answer yet")),
            ResponseStatus::Accepted { .. } | ResponseStatus::Declined { .. } => {
                return Err(refused("answer", "the invitation was answered already, and an answer is final"));
            }
        };
        let (height, screening, index) = (context.height, self.screening, self.response);
        let event = match self.answer {
            InvitationAnswer::Accept { contact } => {
                state.accepted = state.accepted.saturating_add(1);
                response.status = ResponseStatus::Accepted { height, invitation, contact };
                Event::InvitationAccepted { screening, response: index, contact }
            }
            InvitationAnswer::Decline => {
                state.declined = state.declined.saturating_add(1);
                response.status = ResponseStatus::Declined { height, invitation };
                Event::InvitationDeclined { screening, response: index }
            }
        };
        draft.put_response(self.screening, self.response, &response)?;
        draft.put_screening(self.screening, &state)?;
        Ok(vec![event])
    }
}
