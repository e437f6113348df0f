//! An anonymous response to a screening: somebody proves to be eligible, leaves keys for an answer, and no name.

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    domain::{ByteTag, hash},
    eligibility::{EligibilityInstance, EligibilityProof, binding},
    id::{AccountId, ChainId, EpochRoot, Nullifier, ScopeNullifier, ScreeningId},
};
use serde::{Deserialize, Serialize};

use super::{
    TransactionId,
    contribute::check_root,
    screening::{refused, require_collecting, require_screening},
};
use crate::{
    Error,
    calendar::date,
    event::Event,
    execute::{Context, credit},
    query::SealingKey,
    screening::{ScreeningStatement, as_query},
    state::{Draft, ResponseAdmission, ResponseState, ResponseStatus, ScreeningState, StateRead},
    units::ResponseIndex,
};

/// A response as an agent sends it. It carries no contact: only who accepts an invitation leaves one.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ScreeningResponse {
    /// The screening it answers.
    pub screening: ScreeningId,
    /// The one-time key that is paid and answers an invitation.
    pub reply: AccountId,
    /// The one-time key that an invitation is sealed to.
    pub sealing: SealingKey,
    /// The epoch root the proof was made against; must be the latest.
    pub root: EpochRoot,
    /// The record's nullifier for this screening.
    pub nullifier: Nullifier,
    /// The proof that a registered record is eligible and its consent allows screening.
    pub proof: EligibilityProof,
}

impl ScreeningResponse {
    /// The public side of the proof, with the binding that only this chain, screening and these two keys give.
    ///
    /// # Errors
    /// Never in practice: zero is a canonical scope nullifier.
    pub fn instance(&self, chain: &ChainId) -> Result<EligibilityInstance, Error> {
        let sealing = hash(ByteTag::ReplyKey, &[self.sealing.as_bytes()]);
        Ok(EligibilityInstance {
            root: self.root,
            nullifier: self.nullifier,
            scope_nullifier: ScopeNullifier::from_bytes(&[0; 32])?,
            binding: binding(chain, &as_query(self.screening), 0, &self.reply, &sealing),
        })
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        self.sealing.check()
    }

    pub(super) fn execute(
        &self,
        transaction: TransactionId,
        draft: &mut Draft<'_>,
        context: &Context<'_>,
    ) -> Result<Vec<Event>, Error> {
        let mut state = require_screening(self.screening, draft)?;
        self.check_open(&state, context)?;
        check_root(self.root, draft, context)?;
        let response = ResponseIndex::new(state.eligible);
        self.spend(response, draft)?;
        // The pairing comes last: everything cheaper has been checked.
        let terms = state.terms(self.screening);
        let statement = ScreeningStatement { key: &context.genesis.eligibility, terms: &terms };
        context.proofs.verify_response(&statement, &(self.instance(&context.chain)?, self.proof))?;

        let price = state.screening.price;
        state.escrow = state.escrow.minus(price)?;
        credit(draft, self.reply, price)?;
        state.eligible = state.eligible.checked_add(1).ok_or(Error::Overflow { what: "response count" })?;
        let admitted = ResponseState {
            reply: self.reply,
            sealing: self.sealing.clone(),
            nullifier: self.nullifier,
            transaction,
            height: context.height,
            status: ResponseStatus::Eligible,
        };
        draft.put_response(self.screening, response, &admitted)?;
        draft.put_screening(self.screening, &state)?;
        Ok(vec![Event::ResponseAdmitted { screening: self.screening, response, paid: price }])
    }

    fn check_open(&self, state: &ScreeningState, context: &Context<'_>) -> Result<(), Error> {
        require_collecting(self.screening, state)?;
        let (day, screening) = (context.time.day(), &state.screening);
        if day < screening.opening || day > screening.closing {
            let (first, last, today) = (date(screening.opening), date(screening.closing), date(day));
            return Err(refused(self.screening, &format!("it runs from {first} to {last}; this is {today}")));
        }
        if state.eligible >= screening.responses_max {
            let why = format!("it has all {} responses it pays for", screening.responses_max);
            return Err(refused(self.screening, &why));
        }
        Ok(())
    }

    fn spend(&self, response: ResponseIndex, draft: &mut Draft<'_>) -> Result<(), Error> {
        if draft.screening_nullifier(self.nullifier)?.is_some() {
            let (id, remedy) = (self.nullifier.to_string(), "a record answers each screening once");
            return Err(Error::Duplicate { what: "screening nullifier", id, remedy });
        }
        draft.put_screening_nullifier(self.nullifier, &ResponseAdmission { screening: self.screening, response })
    }
}
