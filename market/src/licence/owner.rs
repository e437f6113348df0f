//! The owner's answers to a request.

use circuits::id::{DatasetId, Digest, LicenceId};
use ed25519_dalek::SigningKey;
use node::{
    signature::account_of,
    state::LicenceStatus,
    transaction::{Action, GrantLicence},
};
use rand::CryptoRng;

use super::{ReaderKey, require_dataset, require_licence, sha256};
use crate::{
    Error,
    crypt4gh::{Header, Others, SecretKey},
    ledger::{Inclusion, LedgerAccess, act},
    objects::{BlobAccess, BlobKind, put},
};

/// What an owner grants with.
pub struct Grant<'a> {
    /// The owner's header of the dataset.
    pub header: &'a Header,
    /// The owner's key that opens it.
    pub reader: &'a SecretKey,
    /// The licensee's key, bound to the licence.
    pub licensee: ReaderKey,
    /// The owner's account.
    pub owner: &'a SigningKey,
}

impl std::fmt::Debug for Grant<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Grant").field("licensee", &self.licensee).finish_non_exhaustive()
    }
}

/// Makes a header for the licensee alone, stores it where the custodian finds it, and records its digest. The price is
/// paid to the owner in the same block. A grant that broke off before that block is begun again; the header that was
/// stored then is named by nobody.
///
/// # Errors
/// [`Error::Licence`] for a request that cannot be granted, [`Error::Crypt4ghReader`] for a key that does not open the
/// header, [`Error::Ledger`] with the ledger's refusal.
pub fn grant(
    ledger: &dyn LedgerAccess,
    blobs: &dyn BlobAccess,
    grant: &Grant<'_>,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<(Digest, Inclusion), Error> {
    let licence = grant.licensee.licence();
    require_requested(ledger, licence, grant.owner)?;
    let dataset = require_dataset(ledger, require_licence(ledger, licence)?.request.dataset)?;
    if sha256(&grant.header.to_bytes()?) != dataset.offer.header {
        let why = "this is the header of another file; give the file that was offered".into();
        return Err(Error::Licence { licence, why });
    }
    let header = grant.header.reencrypt(grant.reader, &[grant.licensee.key()], Others::Drop, rng)?;
    // Stored first: once the ledger names it, the licensee may ask for it.
    let stored = put(blobs, BlobKind::GenomeHeader, header.to_bytes()?)?.digest;
    let granted = act(ledger, grant.owner, Action::GrantLicence(GrantLicence { licence, header: stored }))?;
    Ok((stored, granted))
}

/// Declines a request: the price goes back.
///
/// # Errors
/// As [`grant`].
pub fn decline(ledger: &dyn LedgerAccess, licence: LicenceId, owner: &SigningKey) -> Result<Inclusion, Error> {
    require_requested(ledger, licence, owner)?;
    act(ledger, owner, Action::DeclineLicence(licence))
}

/// Revokes a granted licence. What was copied before stays copied ([`super::REVOCATION`]).
///
/// # Errors
/// [`Error::Ledger`] with the ledger's refusal.
pub fn revoke(ledger: &dyn LedgerAccess, licence: LicenceId, owner: &SigningKey) -> Result<Inclusion, Error> {
    require_licence(ledger, licence)?;
    act(ledger, owner, Action::RevokeLicence(licence))
}

/// Takes an offer back: nobody can ask for the dataset any more, and no request that waits can be granted. Licences granted
/// before run on ([`super::WITHDRAWAL`]).
///
/// # Errors
/// [`Error::Ledger`] with the ledger's refusal.
pub fn withdraw(ledger: &dyn LedgerAccess, dataset: DatasetId, owner: &SigningKey) -> Result<Inclusion, Error> {
    require_dataset(ledger, dataset)?;
    act(ledger, owner, Action::WithdrawDataset(dataset))
}

/// Refuses before any header is made what the ledger would refuse after.
fn require_requested(ledger: &dyn LedgerAccess, licence: LicenceId, owner: &SigningKey) -> Result<(), Error> {
    let refuse = |why: String| Err(Error::Licence { licence, why });
    let state = require_licence(ledger, licence)?;
    let dataset = require_dataset(ledger, state.request.dataset)?;
    if dataset.owner != account_of(owner) {
        return refuse(format!("its dataset belongs to {}; answer with that account's key", dataset.owner));
    }
    match state.status {
        LicenceStatus::Requested => Ok(()),
        status => refuse(format!("it was answered already: it is {status}")),
    }
}
