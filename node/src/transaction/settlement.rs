//! The seam for a settlement rail: an accredited institution credits what it was paid off the ledger, and pays out what
//! accounts withdraw. The ledger's unit is the consortium's unit of account; nothing here sets a price for it.

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    domain::{ByteTag, hash},
    id::{AccountId, ChainId, Digest, WithdrawalId},
};
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    codec::encode,
    event::Event,
    execute::{Context, credit, debit},
    state::{DepositRecord, Draft, Settlement, Standing, StateRead, WithdrawalState, WithdrawalStatus},
    units::Amount,
};

/// Money that an institution received off the ledger, for an account on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Deposit {
    /// Who is credited.
    pub to: AccountId,
    /// How much.
    pub amount: Amount,
    /// SHA-256 of the institution's reference of the payment. One reference is credited once.
    pub reference: Digest,
}

/// Money that an account takes off the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct RequestWithdrawal {
    /// How much.
    pub amount: Amount,
    /// The institution that is to pay it out.
    pub institution: AccountId,
    /// SHA-256 of the payment order that the institution was given off the ledger: where the money goes.
    pub reference: Digest,
}

/// An institution's word that it paid a withdrawal out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct SettleWithdrawal {
    /// The withdrawal.
    pub withdrawal: WithdrawalId,
    /// SHA-256 of the institution's receipt of the payment.
    pub receipt: Digest,
}

fn check_amount(what: &'static str, amount: Amount) -> Result<(), Error> {
    if amount == Amount::default() {
        return Err(Error::Refused { what, why: "it moves nothing; give an amount of at least 1".into() });
    }
    Ok(())
}

impl Deposit {
    pub(super) fn check(&self) -> Result<(), Error> {
        check_amount("deposit", self.amount)
    }

    pub(super) fn execute(
        &self,
        sender: AccountId,
        draft: &mut Draft<'_>,
        context: &Context<'_>,
    ) -> Result<Vec<Event>, Error> {
        let mut institution = require_institution(sender, "deposit money", draft)?;
        if draft.deposit(sender, self.reference)?.is_some() {
            let (id, remedy) = (self.reference.to_string(), "a payment is credited once; it need not be sent again");
            return Err(Error::Duplicate { what: "deposit", id, remedy });
        }
        institution.deposited = institution.deposited.plus(self.amount)?;
        check_cap(&institution)?;
        let supply = draft.supply()?.unwrap_or_default().plus(self.amount)?;
        draft.put_supply(&supply)?;
        draft.put_settlement(sender, &institution)?;
        credit(draft, self.to, self.amount)?;
        let (to, amount, reference) = (self.to, self.amount, self.reference);
        draft.put_deposit(sender, reference, &DepositRecord { to, amount, height: context.height })?;
        Ok(vec![Event::Deposited { institution: sender, to, amount, reference }])
    }
}

/// What an institution credited and did not pay out again is what its word alone made.
fn check_cap(institution: &Settlement) -> Result<(), Error> {
    let Settlement { cap, deposited, settled, .. } = institution;
    if u128::from(deposited.get()) > u128::from(cap.get()) + u128::from(settled.get()) {
        let why = format!(
            "the institution would have deposited {deposited} and settled {settled}; its cap is {cap}: settle              withdrawals first, or ask the governor for a higher cap"
        );
        return Err(Error::Refused { what: "deposit", why });
    }
    Ok(())
}

impl RequestWithdrawal {
    /// The withdrawal's id.
    ///
    /// # Errors
    /// Never in practice: every field has a fixed length.
    pub fn id(&self, chain: &ChainId, account: &AccountId, nonce: u64) -> Result<WithdrawalId, Error> {
        let bytes = encode("withdrawal", self)?;
        let digest = hash(ByteTag::Withdrawal, &[chain.as_bytes(), account.as_bytes(), &nonce.to_le_bytes(), &bytes]);
        Ok(WithdrawalId::from_bytes(digest.to_bytes()))
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        check_amount("withdrawal", self.amount)
    }

    pub(super) fn execute(
        &self,
        sender: AccountId,
        nonce: u64,
        draft: &mut Draft<'_>,
        context: &Context<'_>,
    ) -> Result<Vec<Event>, Error> {
        let mut institution = require_institution(self.institution, "pay out a withdrawal", draft)?;
        debit(draft, sender, self.amount)?;
        institution.pending = institution.pending.plus(self.amount)?;
        draft.put_settlement(self.institution, &institution)?;
        let id = self.id(&context.chain, &sender, nonce)?;
        let (height, status) = (context.height, WithdrawalStatus::Pending);
        draft.put_withdrawal(id, &WithdrawalState { request: *self, account: sender, height, status })?;
        let (institution, amount) = (self.institution, self.amount);
        Ok(vec![Event::WithdrawalRequested { withdrawal: id, account: sender, institution, amount }])
    }
}

impl SettleWithdrawal {
    pub(super) fn execute(
        &self,
        sender: AccountId,
        draft: &mut Draft<'_>,
        context: &Context<'_>,
    ) -> Result<Vec<Event>, Error> {
        let mut state = require_pending(self.withdrawal, draft)?;
        let amount = state.request.amount;
        if state.request.institution != sender {
            let remedy = "the institution that the withdrawal names does";
            return Err(Error::Unauthorized { account: sender, action: "settle this withdrawal", remedy });
        }
        let mut institution = require_institution(sender, "settle a withdrawal", draft)?;
        institution.pending = institution.pending.minus(amount)?;
        institution.settled = institution.settled.plus(amount)?;
        let supply = draft.supply()?.unwrap_or_default().minus(amount)?;
        draft.put_supply(&supply)?;
        draft.put_settlement(sender, &institution)?;
        state.status = WithdrawalStatus::Settled { height: context.height, receipt: self.receipt };
        draft.put_withdrawal(self.withdrawal, &state)?;
        Ok(vec![Event::WithdrawalSettled { withdrawal: self.withdrawal, amount, receipt: self.receipt }])
    }
}

/// Gives a withdrawal back: by its institution, or by the governor once that institution is suspended.
pub(super) fn reject(
    id: WithdrawalId,
    sender: AccountId,
    draft: &mut Draft<'_>,
    context: &Context<'_>,
) -> Result<Vec<Event>, Error> {
    let mut state = require_pending(id, draft)?;
    let WithdrawalState { request, account, .. } = state;
    let unknown = || Error::Unknown { what: "settlement institution", id: request.institution.to_string() };
    let mut institution = draft.settlement(request.institution)?.ok_or_else(unknown)?;
    let suspended = institution.party.standing == Standing::Suspended;
    if sender != request.institution && !(suspended && sender == context.genesis.governor) {
        let remedy = "the institution that the withdrawal names does, or the governor once that is suspended";
        return Err(Error::Unauthorized { account: sender, action: "reject this withdrawal", remedy });
    }
    institution.pending = institution.pending.minus(request.amount)?;
    draft.put_settlement(request.institution, &institution)?;
    credit(draft, account, request.amount)?;
    state.status = WithdrawalStatus::Rejected { height: context.height };
    draft.put_withdrawal(id, &state)?;
    Ok(vec![Event::WithdrawalRejected { withdrawal: id, account, returned: request.amount }])
}

fn require_institution(account: AccountId, action: &'static str, draft: &Draft<'_>) -> Result<Settlement, Error> {
    match draft.settlement(account)? {
        Some(institution) if institution.party.standing == Standing::Accredited => Ok(institution),
        _ => {
            let remedy = "it is no accredited settlement institution; governance accredits them";
            Err(Error::Unauthorized { account, action, remedy })
        }
    }
}

fn require_pending(id: WithdrawalId, draft: &Draft<'_>) -> Result<WithdrawalState, Error> {
    let state = draft.withdrawal(id)?.ok_or_else(|| Error::Unknown { what: "withdrawal", id: id.to_string() })?;
    match state.status {
        WithdrawalStatus::Pending => Ok(state),
        WithdrawalStatus::Settled { height, .. } => {
            Err(Error::Refused { what: "withdrawal", why: format!("{id} was settled in block {height}") })
        }
        WithdrawalStatus::Rejected { height } => {
            Err(Error::Refused { what: "withdrawal", why: format!("{id} was rejected in block {height}") })
        }
    }
}
