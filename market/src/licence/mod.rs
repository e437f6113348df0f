//! Licences of raw data as people handle them: an owner offers an encrypted file, grants, declines and revokes, and takes
//! the offer back; a licensee asks, fetches, checks and acknowledges; a custodian serves and leaves receipts (`docs/protocol/licence.md`).
//!
//! The ledger's word is what everything here is checked by. A file, a header or a key that somebody sends is believed once
//! it has the digest, the length or the signature that the ledger's state demands.

mod custodian;
mod licensee;
mod offer;
mod owner;
mod reader_key;
#[cfg(test)]
mod tests;
mod words;

use circuits::id::{DatasetId, Digest, LicenceId};
use node::state::{Dataset, LicenceState, StateRead};
use sha2::{Digest as _, Sha256};

pub use self::{
    custodian::{Custodian, Given, active_licence},
    licensee::{GrantedLicence, PreparedRequest, acknowledge, granted},
    offer::{OfferTerms, PreparedOffer, offered_use, prepare},
    owner::{Grant, decline, grant, revoke, withdraw},
    reader_key::{READER_KEY_BYTES_MAX, ReaderKey, UnverifiedReaderKey},
    words::{REVOCATION, WITHDRAWAL, allowed_in_words, use_in_words},
};
use crate::{Error, ledger::LedgerAccess};

/// A dataset as the ledger has it.
///
/// # Errors
/// [`Error::Ledger`] when the ledger has none of this id, or shows another one under it.
pub fn require_dataset(ledger: &dyn LedgerAccess, id: DatasetId) -> Result<Dataset, Error> {
    let unknown = || node::Error::Unknown { what: "dataset", id: id.to_string() };
    let dataset = ledger.dataset(id)?.ok_or_else(unknown)?;
    if dataset.offer.id(&ledger.chain(), &dataset.owner, dataset.nonce)? != id {
        return Err(unknown().into());
    }
    Ok(dataset)
}

/// A licence as the ledger has it.
///
/// # Errors
/// [`Error::Ledger`] when the ledger has none of this id, or shows another one under it.
pub fn require_licence(ledger: &dyn LedgerAccess, id: LicenceId) -> Result<LicenceState, Error> {
    let unknown = || node::Error::Unknown { what: "licence", id: id.to_string() };
    let state = ledger.licence(id)?.ok_or_else(unknown)?;
    if state.request.id(&ledger.chain(), &state.licensee, state.nonce)? != id {
        return Err(unknown().into());
    }
    Ok(state)
}

/// Plain SHA-256, as offers, grants and receipts of access name bytes.
fn sha256(bytes: &[u8]) -> Digest {
    Digest::from_bytes(Sha256::digest(bytes).into())
}
