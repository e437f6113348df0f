//! Receipts of access to licensed data: whoever serves the object says so on the ledger, or whoever received it.

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::id::{AccountId, Digest, LicenceId};
use serde::{Deserialize, Serialize};

use super::{
    dataset::require_dataset,
    licence::{refused, require_licence},
};
use crate::{
    Error,
    calendar::date,
    event::Event,
    execute::{Context, require_researcher},
    state::{Access, AccessParty, Draft, LicenceStatus},
    units::AccessIndex,
};

/// Receipts of access under one licence.
pub const ACCESSES_MAX: u32 = 65_536;

/// What was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessKind {
    /// The header made for the licensee.
    Header,
    /// The encrypted body, whole.
    Body,
    /// A range of the encrypted body.
    Range {
        /// Its first byte.
        first: u64,
        /// How many bytes.
        length: u64,
    },
}

/// A receipt of one access. The dataset's custodian leaves it when it serves, the licensee to acknowledge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct RecordAccess {
    /// The licence.
    pub licence: LicenceId,
    /// What was given.
    pub kind: AccessKind,
    /// SHA-256 of the bytes given.
    pub digest: Digest,
}

impl RecordAccess {
    pub(super) fn check(&self) -> Result<(), Error> {
        if let AccessKind::Range { length: 0, .. } = self.kind {
            return Err(Error::Refused { what: "access receipt", why: "the range is empty".into() });
        }
        Ok(())
    }

    pub(super) fn execute(
        &self,
        sender: AccountId,
        draft: &mut Draft<'_>,
        context: &Context<'_>,
    ) -> Result<Vec<Event>, Error> {
        let mut state = require_licence(self.licence, draft)?;
        let dataset = require_dataset(state.request.dataset, draft)?;
        let party = match sender {
            account if account == dataset.offer.custodian => AccessParty::Custodian,
            account if account == state.licensee => AccessParty::Licensee,
            account => {
                let remedy = "the custodian that the dataset names does, or the licensee";
                return Err(Error::Unauthorized { account, action: "record access under this licence", remedy });
            }
        };
        let LicenceStatus::Granted { header, until, .. } = state.status else {
            return Err(refused(self.licence, format!("it is {}; access needs a granted one", state.status)));
        };
        if !state.is_active(context.time.day()) {
            return Err(refused(self.licence, format!("its term ended on {}; ask for another licence", date(until))));
        }
        require_researcher(draft, state.licensee, "have access under this licence")?;
        self.check_fits(header, &dataset.offer)?;
        if state.accesses >= ACCESSES_MAX {
            return Err(refused(self.licence, format!("it has {ACCESSES_MAX} receipts, the most there are")));
        }
        let index = AccessIndex::new(state.accesses);
        state.accesses = state.accesses.saturating_add(1);
        draft.put_access(self.licence, index, &Access { receipt: *self, party, height: context.height })?;
        draft.put_licence(self.licence, &state)?;
        Ok(vec![Event::LicenceAccessed { licence: self.licence, access: index, party }])
    }

    /// What is known of the object must agree with the receipt.
    fn check_fits(&self, header: Digest, offer: &super::OfferDataset) -> Result<(), Error> {
        let refuse = |why: &str| Err(Error::Refused { what: "access receipt", why: why.into() });
        match self.kind {
            AccessKind::Header if self.digest != header => refuse("the licence was granted with another header"),
            AccessKind::Body if self.digest != offer.body => refuse("the dataset has another body"),
            AccessKind::Range { first, length }
                if first.checked_add(length).is_none_or(|end| end > offer.body_bytes) =>
            {
                refuse("the range ends beyond the dataset's body")
            }
            _ => Ok(()),
        }
    }
}
