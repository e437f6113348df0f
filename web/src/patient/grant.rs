//! Granting a licence: the owner's header comes from the custodian, and one for the licensee is made from it here.

use circuits::id::{Digest, LicenceId};
use market::{
    crypt4gh::Header,
    licence::{self, Grant, READER_KEY_BYTES_MAX, ReaderKey, UnverifiedReaderKey, require_licence},
    objects::{BlobAddress, BlobKind, get},
    wallet::Wallet,
};

use super::{PatientPages, Reach, Requested, act::Done};
use crate::{Error, chain::now, client::RemoteCustodian};

impl Reach {
    /// Grants a request for what a wallet's owner offered, with the key that opens it.
    ///
    /// # Errors
    /// [`Error::Input`] without a key that opens the data, or where its custodian is not reached; [`Error::Market`] as
    /// [`licence::grant`].
    pub(super) fn grant(&self, wallet: &Wallet, licensee: ReaderKey) -> Result<Done, Error> {
        let (ledger, owner, rng) = (&*self.ledger, wallet.owner_key(), &mut rand::rng());
        let request = require_licence(ledger, licensee.licence())?.request;
        let header = self.own_header(wallet, &request, rng)?;
        for reader in &self.genome_keys {
            let grant = Grant { header: &header, reader, licensee, owner: &owner };
            match licence::grant(ledger, &*self.blobs, &grant, rng) {
                Err(market::Error::Crypt4ghReader { .. }) => {}
                granted => return Ok(Done { height: Some(granted?.1.height), paid: Some(request.price) }),
            }
        }
        let why = "no key that these pages were started with opens this data; start them with --reader and the key that the \
                   data was encrypted for";
        Err(Error::Input { what: "key of the data", why: why.into() })
    }

    /// The owner's header of a dataset, as the custodian at the node gives it to the owner; [`licence::grant`] compares it
    /// with the offer.
    fn own_header(
        &self,
        wallet: &Wallet,
        request: &node::transaction::RequestLicence,
        rng: &mut impl rand::CryptoRng,
    ) -> Result<Header, Error> {
        let missing = |why: &str| Error::Input { what: "encrypted data", why: why.into() };
        let node = self.node.clone().ok_or_else(|| missing("it is with a custodian; start these pages with --url"))?;
        let custodian = RemoteCustodian::new(node, wallet.owner_key(), self.ledger.chain(), now);
        let bytes = custodian.header(request.dataset, rng)?;
        let bytes =
            bytes.ok_or_else(|| missing("this node is not its custodian; start these pages with that one's --url"))?;
        Ok(Header::read(&mut &bytes[..])?)
    }
}

impl PatientPages {
    /// The key that a licensee signed for a request, from the document or from its digest.
    ///
    /// # Errors
    /// [`Error::Market`] for what is no such document, or one for another licence or by somebody else.
    pub(crate) fn reader_key(&self, requested: &Requested, document: &str) -> Result<ReaderKey, Error> {
        let ledger = self.ledger();
        let document = match document.parse::<Digest>() {
            Ok(digest) => {
                let address = BlobAddress { kind: BlobKind::Blob, digest };
                UnverifiedReaderKey::from_text(&get(&*self.reach.blobs, address, READER_KEY_BYTES_MAX)?)?
            }
            Err(_) => UnverifiedReaderKey::from_text(document.as_bytes())?,
        };
        let (id, licensee): (LicenceId, _) = (requested.id, requested.state.licensee);
        Ok(document.verify(&ledger.chain(), id, licensee)?)
    }
}
