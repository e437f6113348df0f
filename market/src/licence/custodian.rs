//! The custodian: who may have the file now, and the receipt that comes before the bytes.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use circuits::{
    consent::Day,
    id::{AccountId, DatasetId, Digest, LicenceId},
};
use ed25519_dalek::SigningKey;
use node::{
    signature::account_of,
    state::{LicenceState, LicenceStatus, Standing, StateRead},
    transaction::{AccessKind, Action, RecordAccess, Transaction},
};

use crate::{
    Error,
    index::{Index, LicenceFilter, Order, PAGE_ROWS_MAX, Paging},
    ledger::{Inclusion, LedgerAccess, settle},
};

/// The latest licences that are looked through for an account and a dataset.
const LATEST: Paging = Paging { after: None, limit: PAGE_ROWS_MAX, order: Order::Newest };

/// A licence that gives access today, and the header that was made under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The licence.
    pub licence: LicenceId,
    /// SHA-256 of the licensee's own header.
    pub header: Digest,
    /// How it stands.
    pub state: LicenceState,
}

/// The licence under which an account may have a dataset's file today: granted, not revoked, within its term, and held by a
/// researcher who is accredited. An embargo hides no data. The index says which licences there are, the ledger how each
/// stands.
///
/// # Errors
/// [`Error::Database`] or [`Error::Ledger`] when one of the two fails.
pub fn active_licence(
    view: &impl StateRead,
    index: &Index,
    dataset: DatasetId,
    account: AccountId,
    today: Day,
) -> Result<Option<Given>, Error> {
    let researcher = view.researcher(account)?;
    let accredited = researcher.is_some_and(|party| party.standing == Standing::Accredited);
    let filter = LicenceFilter { dataset: Some(dataset), licensee: Some(account) };
    for row in index.licences(&filter, &LATEST)?.items {
        let Some(state) = view.licence(row.id)? else { continue };
        let is_theirs = state.licensee == account && state.request.dataset == dataset;
        if let LicenceStatus::Granted { header, .. } = state.status
            && accredited
            && is_theirs
            && state.is_active(today)
        {
            return Ok(Some(Given { licence: row.id, header, state }));
        }
    }
    Ok(None)
}

/// A custodian's account, which signs a receipt before anything is given.
pub struct Custodian {
    key: SigningKey,
    /// Held while a receipt takes its nonce and is sent: two at once would take the same.
    turn: Mutex<()>,
}

impl fmt::Debug for Custodian {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Custodian({}, key redacted)", self.account())
    }
}

impl Custodian {
    /// The custodian with this key.
    #[must_use]
    pub const fn new(key: SigningKey) -> Self {
        Self { key, turn: Mutex::new(()) }
    }

    /// Its account, which a dataset's offer names.
    #[must_use]
    pub fn account(&self) -> AccountId {
        account_of(&self.key)
    }

    /// Puts a receipt of access on the ledger, and returns once it is in a block. Give nothing before.
    ///
    /// # Errors
    /// [`Error::Ledger`] with the ledger's refusal, as of a licence that ended; [`Error::Unsettled`] when no block takes
    /// it in time.
    pub fn record(
        &self,
        ledger: &dyn LedgerAccess,
        licence: LicenceId,
        kind: AccessKind,
        digest: Digest,
    ) -> Result<Inclusion, Error> {
        let receipt = Action::RecordAccess(RecordAccess { licence, kind, digest });
        let sent = {
            let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
            let nonce = ledger.next_nonce(self.account())?;
            ledger.submit(Transaction::sign(ledger.chain(), &self.key, nonce, receipt)?)?
        };
        settle(ledger, sent)
    }
}
