//! Where a member sits. A key belongs to the committee seated when its generation began, and an account may have another
//! index in the next committee, or none.

use std::sync::{Arc, PoisonError};

use circuits::quorum::MemberIndex;
use node::{
    genesis::Committee,
    state::{CommitteeState, StateKey, StateRead},
    units::CommitteeEpoch,
};

use super::Member;
use crate::{
    Error,
    ledger::{LedgerAccess, verified_tip},
};

impl Member {
    /// The committee whose key this is. It is proven once, and never changes.
    pub(super) fn committee(&self, ledger: &dyn LedgerAccess, epoch: CommitteeEpoch) -> Result<Arc<Committee>, Error> {
        let known = self.committees.lock().unwrap_or_else(PoisonError::into_inner).get(&epoch).cloned();
        if let Some(committee) = known {
            return Ok(committee);
        }
        let committee = Arc::new(prove_committee(ledger, epoch)?);
        self.committees.lock().unwrap_or_else(PoisonError::into_inner).insert(epoch, Arc::clone(&committee));
        Ok(committee)
    }

    /// This member's index in the committee whose key this is; none where it does not sit.
    pub(super) fn index(&self, ledger: &dyn LedgerAccess, epoch: CommitteeEpoch) -> Result<Option<MemberIndex>, Error> {
        Ok(self.committee(ledger, epoch)?.index_of(self.account()))
    }

    /// As [`Member::index`], refusing what only members of that committee do.
    pub(super) fn require_index(
        &self,
        ledger: &dyn LedgerAccess,
        epoch: CommitteeEpoch,
        action: &'static str,
    ) -> Result<MemberIndex, Error> {
        match self.index(ledger, epoch)? {
            Some(index) => Ok(index),
            None => self.refused(action, format!("it does not sit in the committee of key {epoch}")),
        }
    }

    /// Whether others sit in the committee and no key is left here.
    pub(super) fn has_left(&self, ledger: &dyn LedgerAccess) -> Result<bool, Error> {
        let latest = ledger.committee_epoch()?.unwrap_or_default();
        Ok(self.store.epochs()?.is_empty() && self.index(ledger, latest)?.is_none())
    }
}

/// The committee of a key, read under a header that the validators signed. Whoever names other members would be sent the
/// shares of a key in the making. Key 0 is the genesis' committee's, which no header has to prove.
fn prove_committee(ledger: &dyn LedgerAccess, epoch: CommitteeEpoch) -> Result<Committee, Error> {
    if epoch == CommitteeEpoch::default() {
        return Ok(ledger.genesis().committee.clone());
    }
    let header = verified_tip(ledger)?;
    let height = header.header().height;
    let unknown = || node::Error::Unknown { what: "committee key", id: epoch.to_string() };
    let key = StateKey::Committee(epoch);
    let state: CommitteeState = header.read(key, &ledger.prove(height, key)?)?.ok_or_else(unknown)?;
    let key = StateKey::CommitteeMembers(state.seated);
    Ok(header.read(key, &ledger.prove(height, key)?)?.ok_or_else(unknown)?)
}
