//! What an owner offers: made from the encrypted file and its manifest, so that nobody types a digest.

use std::io::Read;

use circuits::{consent::Day, id::AccountId};
use node::{
    transaction::{AllowedUse, OfferDataset},
    units::{Amount, LeafIndex},
};

use super::sha256;
use crate::{
    Error,
    crypt4gh::{BodyManifest, Header},
};

/// What the owner asks and allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfferTerms {
    /// The owner's record that the data is about; none for an accredited issuer.
    pub record: Option<LeafIndex>,
    /// Uses allowed.
    pub allowed: AllowedUse,
    /// Least price of a licence.
    pub price_min: Amount,
    /// Longest term of a licence, in days.
    pub term_days_max: u32,
    /// First day on which a licensee may publish; day 0 sets none.
    pub embargo: Day,
    /// Who serves the file.
    pub custodian: AccountId,
}

/// An offer, and the header that its custodian needs beside the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedOffer {
    /// What the owner signs.
    pub offer: OfferDataset,
    /// The owner's header.
    pub header: Vec<u8>,
}

/// Makes the offer of an encrypted file: reads the whole of it once and checks it by its manifest.
///
/// # Errors
/// [`Error::Crypt4gh`] for a file that is none, [`Error::Crypt4ghBody`] for one that its manifest does not name, and
/// [`Error::Crypt4ghStream`] when it cannot be read.
pub fn prepare(mut file: impl Read, manifest: &BodyManifest, terms: &OfferTerms) -> Result<PreparedOffer, Error> {
    let header = Header::read(&mut file)?.to_bytes()?;
    manifest.check(&BodyManifest::of(file)?)?;
    let offer = OfferDataset {
        body: manifest.body_sha256(),
        body_bytes: manifest.body_bytes(),
        plaintext_bytes: manifest.plaintext_bytes(),
        header: sha256(&header),
        record: terms.record,
        allowed: terms.allowed,
        price_min: terms.price_min,
        term_days_max: terms.term_days_max,
        embargo: terms.embargo,
        custodian: terms.custodian,
    };
    Ok(PreparedOffer { offer, header })
}
