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
    data_use::{DataUseTerms, DiseaseCode, Enforcement, Modifier, RegionTable},
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

/// What data use terms allow in an offer, and the first day on which they let a licensee publish; day 0 sets none.
///
/// # Errors
/// [`Error::DataUse`] for a condition that an offer has no field for, since the ledger takes any request that keeps to
/// the offer; and for regions, as [`DataUseTerms::regions`].
pub fn offered_use(terms: &DataUseTerms, table: &RegionTable) -> Result<(AllowedUse, Day), Error> {
    let mut embargo = Day(0);
    for modifier in terms.modifiers() {
        let term = modifier.term();
        match modifier {
            Modifier::PublicationFrom(day) => embargo = *day,
            Modifier::Until(_) => {
                let why = format!(
                    "an offer has no last day, as {term} sets; leave it out, bound the days of a licence, and withdraw the \
                     dataset in time"
                );
                return Err(Error::DataUse { why });
            }
            _ if term.enforcement() == Enforcement::Agent => {
                let why =
                    format!("an offer cannot say {term}; leave it out, and decline the requests that do not meet it");
                return Err(Error::DataUse { why });
            }
            _ => {}
        }
    }
    let disease = terms.disease().map_or(0, DiseaseCode::number);
    Ok((AllowedUse { purposes: terms.purposes(), disease, regions: terms.regions(table)? }, embargo))
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
