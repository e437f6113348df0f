//! The licensee's side: asking, checking what is fetched, acknowledging.

use circuits::id::{Digest, LicenceId};
use ed25519_dalek::SigningKey;
use node::{
    query::DataUse,
    signature::account_of,
    state::{Dataset, LicenceStatus},
    transaction::{AccessKind, Action, AllowedUse, RecordAccess, RequestLicence, Transaction, require_offered},
};

use super::{UnverifiedReaderKey, require_dataset, require_licence, sha256};
use crate::{
    Error,
    crypt4gh::{BodyManifest, Header, PublicKey},
    data_use::{Refusal, refused_use},
    ledger::{Inclusion, LedgerAccess, act, next_nonce, send},
};

/// A request for a licence, signed and not sent: its id and the key that its data will be read with can be kept before any
/// money is locked, so that nothing is lost when the answer to it is.
#[derive(Debug)]
pub struct PreparedRequest {
    id: LicenceId,
    reader_key: UnverifiedReaderKey,
    transaction: Transaction,
}

impl PreparedRequest {
    /// Signs a request with the account's next nonce, and the key that the data will be read with.
    ///
    /// # Errors
    /// [`Error::DataUse`] for a use that the owner does not allow, with the term and a remedy for each reason;
    /// [`Error::Ledger`] when the ledger knows no such dataset, it was withdrawn, or the ledger cannot be reached.
    pub fn sign(
        ledger: &dyn LedgerAccess,
        licensee: &SigningKey,
        request: RequestLicence,
        reader: &PublicKey,
    ) -> Result<Self, Error> {
        let dataset = require_dataset(ledger, request.dataset)?;
        require_offered(request.dataset, &dataset)?;
        require_allowed(&dataset.offer.allowed, &request.data_use)?;
        let (chain, nonce) = (ledger.chain(), next_nonce(ledger, licensee)?);
        let id = request.id(&chain, &account_of(licensee), nonce)?;
        let reader_key = UnverifiedReaderKey::sign(chain, id, reader, licensee);
        let transaction = Transaction::sign(chain, licensee, nonce, Action::RequestLicence(request))?;
        Ok(Self { id, reader_key, transaction })
    }

    /// The licence that a block will make of it.
    #[must_use]
    pub const fn id(&self) -> LicenceId {
        self.id
    }

    /// The document for the owner.
    #[must_use]
    pub const fn reader_key(&self) -> &UnverifiedReaderKey {
        &self.reader_key
    }

    /// Sends it, which locks its price.
    ///
    /// # Errors
    /// [`Error::Ledger`] with the ledger's refusal; [`Error::Unsettled`] when no block takes it in time.
    pub fn send(self, ledger: &dyn LedgerAccess) -> Result<Inclusion, Error> {
        let inclusion = send(ledger, self.transaction)?;
        require_licence(ledger, self.id)?;
        Ok(inclusion)
    }
}

/// Refuses what the ledger would refuse, with each of the owner's terms that forbids it and what could be done.
fn require_allowed(allowed: &AllowedUse, asked: &DataUse) -> Result<(), Error> {
    let refusals = refused_use(allowed, asked);
    if refusals.is_empty() {
        return Ok(allowed.check(asked)?);
    }
    let reasons = refusals.iter().map(Refusal::for_researcher).collect::<Vec<_>>().join(" ");
    Err(Error::DataUse { why: format!("the dataset's owner does not allow it. {reasons}") })
}

/// A granted licence, and what the ledger says of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantedLicence {
    id: LicenceId,
    dataset: Dataset,
    header: Digest,
}

/// A licence that was granted and not revoked.
///
/// # Errors
/// [`Error::Licence`] for one in another stage, [`Error::Ledger`] when the ledger cannot be reached.
pub fn granted(ledger: &dyn LedgerAccess, id: LicenceId) -> Result<(GrantedLicence, node::state::LicenceState), Error> {
    let state = require_licence(ledger, id)?;
    let LicenceStatus::Granted { header, .. } = state.status else {
        let why = format!("it is {}; data is read under a granted one", state.status);
        return Err(Error::Licence { licence: id, why });
    };
    let dataset = require_dataset(ledger, state.request.dataset)?;
    Ok((GrantedLicence { id, dataset, header }, state))
}

impl GrantedLicence {
    /// The dataset.
    #[must_use]
    pub const fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// What the body must be, in the ledger's word.
    #[must_use]
    pub const fn manifest(&self) -> BodyManifest {
        let offer = &self.dataset.offer;
        BodyManifest::new(offer.plaintext_bytes, offer.body_bytes, offer.body)
    }

    /// The header, if these bytes are the one that the owner granted.
    ///
    /// # Errors
    /// [`Error::Licence`] for another one, [`Error::Crypt4gh`] when it is none.
    pub fn header(&self, bytes: &[u8]) -> Result<Header, Error> {
        let found = sha256(bytes);
        if found != self.header {
            let why = format!("the owner granted header {}, and {found} came; fetch it again", self.header);
            return Err(Error::Licence { licence: self.id, why });
        }
        Header::from_bytes(bytes)
    }

    /// What a licensee says who received header and body, both checked.
    #[must_use]
    pub fn receipts(&self) -> [RecordAccess; 2] {
        let receipt = |kind, digest| RecordAccess { licence: self.id, kind, digest };
        [receipt(AccessKind::Header, self.header), receipt(AccessKind::Body, self.dataset.offer.body)]
    }
}

/// Acknowledges on the ledger that header and body were received.
///
/// # Errors
/// [`Error::Ledger`] with the ledger's refusal: a licence that ended meanwhile takes no receipt.
pub fn acknowledge(
    ledger: &dyn LedgerAccess,
    licensee: &SigningKey,
    licence: &GrantedLicence,
) -> Result<Vec<Inclusion>, Error> {
    licence.receipts().into_iter().map(|receipt| act(ledger, licensee, Action::RecordAccess(receipt))).collect()
}
