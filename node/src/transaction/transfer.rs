//! Moving money between accounts.

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::id::AccountId;
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    event::Event,
    execute::{credit, debit},
    state::Draft,
    units::Amount,
};

/// Money from the sender to another account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Transfer {
    /// The receiver.
    pub to: AccountId,
    /// How much.
    pub amount: Amount,
}

impl Transfer {
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.amount == Amount::default() {
            let why = "it moves nothing; give an amount of at least 1".into();
            return Err(Error::Refused { what: "transfer", why });
        }
        Ok(())
    }

    pub(super) fn execute(&self, sender: AccountId, draft: &mut Draft<'_>) -> Result<Vec<Event>, Error> {
        debit(draft, sender, self.amount)?;
        credit(draft, self.to, self.amount)?;
        Ok(vec![Event::Transferred { from: sender, to: self.to, amount: self.amount }])
    }
}
