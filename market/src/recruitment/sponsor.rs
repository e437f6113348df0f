//! The sponsor's side: open, invite, read the contacts of those who accept, close.

use std::collections::BTreeSet;

use circuits::{domain::ByteTag, id::ScreeningId};
use hkdf::Hkdf;
use node::{
    screening::ScreeningQuery,
    state::{ResponseState, ResponseStatus, ScreeningState},
    transaction::{Action, Invite},
    units::ResponseIndex,
};
use serde::Serialize;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{
    Contact, Invitation, Letter,
    letter::{contact_context, invitation_context, open_letter, padded, sealed_bytes},
    mailbox::{INVITATIONS_RUN, invitation_of},
    refused,
};
use crate::{
    Error,
    ledger::{Inclusion, LedgerAccess, act, act_all, next_nonce, require_screening},
    objects::{BlobAccess, BlobAddress, BlobKind, Offered, get, offer},
    sealing::{SEALING_RANDOMNESS_BYTES, SealingPublicKey, SealingSecretKey, seal_deterministic},
    wallet::PartyKey,
};

/// What a sponsor works with.
#[derive(Clone, Copy)]
pub struct Sponsor<'a> {
    /// The ledger.
    pub ledger: &'a dyn LedgerAccess,
    /// Where invitations go and contacts lie.
    pub blobs: &'a dyn BlobAccess,
    /// The key that opens screenings, invites, and reads contacts.
    pub key: &'a PartyKey,
}

/// What became of one invitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Invited {
    /// It is stored, and the ledger names it since this call.
    Invited {
        /// Whom.
        response: ResponseIndex,
    },
    /// The very same invitation was sent before; it is stored.
    AlreadyInvited {
        /// Whom.
        response: ResponseIndex,
    },
    /// Another invitation was sent before, and once is enough.
    InvitedOtherwise {
        /// Whom.
        response: ResponseIndex,
    },
    /// The response's key is none that anything can be sealed to.
    Unreachable {
        /// Whom.
        response: ResponseIndex,
        /// What is wrong with the key.
        why: String,
    },
}

/// A response as its sponsor sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answered {
    /// Its place in the screening.
    pub response: ResponseIndex,
    /// What became of it.
    pub status: ResponseStatus,
    /// How to reach somebody who accepted.
    pub contact: Option<Contact>,
    /// Why the contact of somebody who accepted cannot be read, when it cannot.
    pub problem: Option<String>,
}

/// An invitation under way.
struct Sealed {
    /// None when another was sent before.
    offered: Option<Offered>,
    action: Option<Action>,
    outcome: Invited,
}

impl Sponsor<'_> {
    /// Opens a screening. It locks price × maximum responses and pays the opening fee.
    ///
    /// # Errors
    /// [`Error::Screening`] when contacts would be sealed to another key than this sponsor's; [`Error::Ledger`] with the
    /// ledger's refusal.
    pub fn open(&self, screening: ScreeningQuery) -> Result<(ScreeningId, ScreeningState), Error> {
        let signer = self.key.signing_key();
        let id = screening.id(&self.ledger.chain(), &self.key.account(), next_nonce(self.ledger, &signer)?)?;
        if screening.sealing.as_bytes() != self.secret().public_key().to_bytes() {
            return Err(refused(
                id,
                "contacts would be sealed to another key than the sponsor's; nobody could read them",
            ));
        }
        act(self.ledger, &signer, Action::OpenScreening(Box::new(screening)))?;
        Ok((id, require_screening(self.ledger, id)?))
    }

    /// Sends an invitation to these responses. The same call again sends to nobody twice and mends what a crash left:
    /// the same text to the same response is the same sealed bytes.
    ///
    /// # Errors
    /// [`Error::Letter`] for a text that cannot be sent, [`Error::Screening`] for another's screening, [`Error::Ledger`] for
    /// a response that is not there.
    pub fn invite(
        &self,
        id: ScreeningId,
        responses: &BTreeSet<ResponseIndex>,
        invitation: &Invitation,
    ) -> Result<Vec<Invited>, Error> {
        invitation.check()?;
        self.own(id)?;
        let mut outcomes = vec![];
        let responses: Vec<_> = responses.iter().copied().collect();
        for batch in responses.chunks(INVITATIONS_RUN as usize) {
            let mut under_way = vec![];
            for index in batch {
                let missing = || node::Error::Unknown { what: "screening response", id: index.to_string() };
                let state = self.ledger.responses(id, *index, 1)?.into_iter().next().ok_or_else(missing)?;
                match self.seal(id, *index, &state, invitation) {
                    Ok(sealed) => under_way.push(sealed),
                    Err(error) => outcomes.push(Invited::Unreachable { response: *index, why: error.to_string() }),
                }
            }
            let actions = under_way.iter().filter_map(|sealed| sealed.action.clone()).collect();
            act_all(self.ledger, &self.key.signing_key(), actions)?;
            for Sealed { offered, outcome, .. } in under_way {
                offered.map_or(Ok(()), |offered| offered.settle(self.blobs))?;
                outcomes.push(outcome);
            }
        }
        Ok(outcomes)
    }

    /// Every response in order, with the contacts of those who accepted.
    ///
    /// # Errors
    /// [`Error::Screening`] for another's screening, [`Error::Ledger`] when the ledger cannot be reached.
    pub fn answers(&self, id: ScreeningId) -> Result<Vec<Answered>, Error> {
        let state = self.own(id)?;
        let mut answers = vec![];
        for first in (0..state.eligible).step_by(INVITATIONS_RUN as usize) {
            let run = self.ledger.responses(id, ResponseIndex::new(first), INVITATIONS_RUN)?;
            answers.extend((first..).map(ResponseIndex::new).zip(run).map(|(response, state)| {
                let (contact, problem) = match self.contact(id, response, &state.status) {
                    Ok(contact) => (contact, None),
                    Err(error) => (None, Some(error.to_string())),
                };
                Answered { response, status: state.status, contact, problem }
            }));
        }
        Ok(answers)
    }

    /// Ends a screening: what is left of the escrow goes back. Invitations and answers may follow.
    ///
    /// # Errors
    /// [`Error::Ledger`] with the ledger's refusal.
    pub fn close(&self, id: ScreeningId) -> Result<Inclusion, Error> {
        act(self.ledger, &self.key.signing_key(), Action::CloseScreening(id))
    }

    fn secret(&self) -> SealingSecretKey {
        SealingSecretKey::from_bytes(self.key.sealing_seed().as_bytes())
    }

    fn own(&self, id: ScreeningId) -> Result<ScreeningState, Error> {
        let state = require_screening(self.ledger, id)?;
        if state.sponsor == self.key.account() {
            return Ok(state);
        }
        Err(refused(id, format!("sponsor {} opened it, and only their key invites and reads contacts", state.sponsor)))
    }

    fn seal(
        &self,
        id: ScreeningId,
        index: ResponseIndex,
        state: &ResponseState,
        invitation: &Invitation,
    ) -> Result<Sealed, Error> {
        let reader = SealingPublicKey::from_bytes(state.sealing.as_bytes())?;
        let padded = padded(invitation)?;
        let context = invitation_context(&self.ledger.chain(), id, index, &state.reply);
        let sealed = seal_deterministic(&reader, &context, &padded, &*self.randomness(id, index, &padded)?)?;
        let digest = BlobKind::Invitation.digest(&sealed);
        let store = || Some(offer(self.blobs, BlobKind::Invitation, sealed));
        Ok(match invitation_of(&state.status) {
            None => {
                let invite = Invite { screening: id, response: index, invitation: digest };
                let action = Some(Action::Invite(invite));
                Sealed { offered: store(), action, outcome: Invited::Invited { response: index } }
            }
            Some(sent) if sent == digest => {
                Sealed { offered: store(), action: None, outcome: Invited::AlreadyInvited { response: index } }
            }
            Some(_) => Sealed { offered: None, action: None, outcome: Invited::InvitedOtherwise { response: index } },
        })
    }

    /// The randomness of one invitation's sealing: from the sponsor's secret, the response and the text, so that a repeated
    /// call makes the same bytes and another text has randomness of its own.
    fn randomness(
        &self,
        id: ScreeningId,
        index: ResponseIndex,
        padded: &[u8],
    ) -> Result<Zeroizing<[u8; SEALING_RANDOMNESS_BYTES]>, Error> {
        let mut randomness = Zeroizing::new([0; SEALING_RANDOMNESS_BYTES]);
        let kdf = Hkdf::<Sha256>::new(Some(ByteTag::Invitation.text().as_bytes()), self.key.sealing_seed().as_bytes());
        let chain = self.ledger.chain();
        let parts: [&[u8]; 4] = [chain.as_bytes(), id.as_bytes(), &index.get().to_le_bytes(), padded];
        kdf.expand_multi_info(&parts, randomness.as_mut())
            .map_err(|_| Error::Sealing { why: "key derivation failed".into() })?;
        Ok(randomness)
    }

    fn contact(
        &self,
        id: ScreeningId,
        index: ResponseIndex,
        status: &ResponseStatus,
    ) -> Result<Option<Contact>, Error> {
        let ResponseStatus::Accepted { invitation, contact, .. } = status else { return Ok(None) };
        let address = BlobAddress { kind: BlobKind::Contact, digest: *contact };
        let sealed = get(self.blobs, address, sealed_bytes::<Contact>())?;
        let context = contact_context(&self.ledger.chain(), id, index, invitation);
        open_letter(&self.secret(), &context, &sealed).map(Some)
    }
}
