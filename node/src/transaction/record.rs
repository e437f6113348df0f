//! An issuer certifies a record: a leaf from the end of the epoch.

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    id::{AccountId, BodyCommitment, ConsentCommitment},
    merkle::leaf,
};
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    epoch::queue_leaf,
    event::Event,
    execute::{Context, require_issuer},
    state::{Draft, Registration, StateRead},
    transaction::consent::zero_leaf,
    units::LeafIndex,
};

/// A certified record, as commitments.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct RegisterRecord {
    /// Hiding commitment to the record.
    pub body: BodyCommitment,
    /// Hiding commitment to the owner's terms.
    pub consent: ConsentCommitment,
    /// The owner's pseudonymous key, which may change or revoke the consent.
    pub owner: AccountId,
    /// The same owner's earlier record from the same issuer, which this one replaces: rotation of a nullifier key.
    pub replaces: Option<LeafIndex>,
}

impl RegisterRecord {
    pub(super) fn execute(
        &self,
        sender: AccountId,
        draft: &mut Draft<'_>,
        context: &Context<'_>,
    ) -> Result<Vec<Event>, Error> {
        require_issuer(draft, sender, "certify a record")?;
        if let Some(earlier) = self.replaces {
            replace(earlier, sender, self.owner, draft)?;
        }
        if let Some(index) = draft.body(self.body)? {
            let remedy = "rotate the nullifier key to register the person again";
            return Err(Error::Duplicate { what: "record body at leaf", id: index.to_string(), remedy });
        }
        let count = draft.registration_count()?.unwrap_or_default();
        let next = count.checked_add(1).ok_or(Error::Overflow { what: "record count" })?;
        let index = LeafIndex::new(count);
        let registration = Registration {
            body: self.body,
            consent: self.consent,
            owner: self.owner,
            issuer: sender,
            registration_epoch: context.epoch,
            revoked: false,
        };
        draft.put_registration_count(&next)?;
        draft.put_body(self.body, &index)?;
        draft.put_registration(index, &registration)?;
        queue_leaf(draft, index, leaf(self.body, &sender, self.consent, context.epoch.get()))?;
        Ok(vec![Event::RecordRegistered { record: index, issuer: sender, owner: self.owner, body: self.body }])
    }
}

/// Revokes the record that is replaced, which must be the same owner's: else certifying one person would strike another.
fn replace(earlier: LeafIndex, issuer: AccountId, owner: AccountId, draft: &mut Draft<'_>) -> Result<(), Error> {
    let unknown = || Error::Unknown { what: "record", id: earlier.to_string() };
    let mut registration = draft.registration(earlier)?.ok_or_else(unknown)?;
    if registration.issuer != issuer {
        let remedy = "the issuer that certified it does";
        return Err(Error::Unauthorized { account: issuer, action: "replace this record", remedy });
    }
    if registration.owner != owner {
        let why =
            format!("record {earlier} is not one of owner {owner}; name an earlier record of the same owner, or none");
        return Err(Error::Refused { what: "replacement", why });
    }
    if !registration.revoked {
        registration.revoked = true;
        draft.put_registration(earlier, &registration)?;
        queue_leaf(draft, earlier, zero_leaf()?)?;
    }
    Ok(())
}
