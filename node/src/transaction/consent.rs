//! An owner changes or revokes the consent of a record.

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    id::{AccountId, ConsentCommitment, Leaf},
    merkle::leaf,
};
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    epoch::queue_leaf,
    event::Event,
    state::{Draft, Registration, StateRead},
    units::LeafIndex,
};

/// New terms for a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ChangeConsent {
    /// The record's leaf.
    pub record: LeafIndex,
    /// Hiding commitment to the new terms.
    pub consent: ConsentCommitment,
}

/// The leaf of a revoked record, which no proof can open.
pub(super) fn zero_leaf() -> Result<Leaf, Error> {
    Ok(Leaf::from_bytes(&[0; 32])?)
}

impl ChangeConsent {
    /// The leaf is recomputed from the same body and the first registration epoch, so that a change of consent neither
    /// swaps the record nor makes it younger.
    pub(super) fn execute(&self, sender: AccountId, draft: &mut Draft<'_>) -> Result<Vec<Event>, Error> {
        let mut registration = owned(self.record, sender, draft)?;
        registration.consent = self.consent;
        draft.put_registration(self.record, &registration)?;
        let changed =
            leaf(registration.body, &registration.issuer, self.consent, registration.registration_epoch.get());
        queue_leaf(draft, self.record, changed)?;
        Ok(vec![Event::ConsentChanged { record: self.record }])
    }
}

pub(super) fn revoke(record: LeafIndex, sender: AccountId, draft: &mut Draft<'_>) -> Result<Vec<Event>, Error> {
    let mut registration = owned(record, sender, draft)?;
    registration.revoked = true;
    draft.put_registration(record, &registration)?;
    queue_leaf(draft, record, zero_leaf()?)?;
    Ok(vec![Event::ConsentRevoked { record }])
}

fn owned(record: LeafIndex, sender: AccountId, draft: &Draft<'_>) -> Result<Registration, Error> {
    let unknown = || Error::Unknown { what: "record", id: record.to_string() };
    let registration = draft.registration(record)?.ok_or_else(unknown)?;
    if registration.owner != sender {
        let remedy = "the owner key named at its registration does";
        return Err(Error::Unauthorized { account: sender, action: "change this record's consent", remedy });
    }
    if registration.revoked {
        let why = format!("record {record} was revoked for ever; ask its issuer to certify a new one");
        return Err(Error::Refused { what: "consent change", why });
    }
    Ok(registration)
}
