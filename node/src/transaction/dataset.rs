//! Offering raw data: the record of a Crypt4GH object that somebody keeps, and the uses its owner allows.
//!
//! The ledger holds digests and terms. The object lies with a custodian, encrypted; a licence gives its licensee another
//! header, made for the licensee's key, and never another body.

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    consent::{Day, Purposes, Regions},
    domain::{ByteTag, hash},
    id::{AccountId, ChainId, DatasetId, Digest},
};
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    codec::encode,
    event::Event,
    execute::Context,
    query::DataUse,
    state::{Dataset, Draft, Standing, StateRead},
    units::{Amount, LeafIndex},
};

/// Datasets that the owner of a record may offer with it; an accredited issuer may offer any number.
pub const DATASETS_OF_RECORD_MAX: u32 = 64;

/// Uses of a dataset that its owner allows, in the terms of the Data Use Ontology.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct AllowedUse {
    /// Purposes allowed; a use may have no other.
    pub purposes: Purposes,
    /// The one disease that it may be used to study; 0 allows any.
    pub disease: u32,
    /// Regions where it may be used.
    pub regions: Regions,
}

impl AllowedUse {
    /// Checks that a use is within what is allowed.
    ///
    /// # Errors
    /// [`Error::Refused`] that says what is not allowed.
    pub fn check(&self, asked: &DataUse) -> Result<(), Error> {
        let refuse = |why: &str| Err(Error::Refused { what: "data use", why: why.into() });
        if !self.purposes.contains(asked.purposes) {
            return refuse("the owner does not allow every purpose; ask for those that the dataset lists");
        }
        if self.disease != 0 && self.disease != asked.disease {
            return refuse("the owner allows research on another disease only");
        }
        if !self.regions.contains(asked.regions) {
            return refuse("the owner does not allow every region; ask for those that the dataset lists");
        }
        Ok(())
    }
}

/// A dataset as its owner offers it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct OfferDataset {
    /// SHA-256 of the encrypted body: what follows the header, in every copy the same.
    pub body: Digest,
    /// Bytes of the encrypted body. A copy that was cut at a block's end decrypts, so a reader compares this.
    pub body_bytes: u64,
    /// Bytes of the plaintext.
    pub plaintext_bytes: u64,
    /// SHA-256 of the owner's header.
    pub header: Digest,
    /// The owner's record on this ledger that the data is about. None for an accredited issuer, which needs no record.
    pub record: Option<LeafIndex>,
    /// Uses allowed.
    pub allowed: AllowedUse,
    /// Least price of a licence.
    pub price_min: Amount,
    /// Longest term of a licence, in days.
    pub term_days_max: u32,
    /// First day on which a licensee may publish; day 0 sets no embargo.
    pub embargo: Day,
    /// Who serves the object and leaves receipts of access.
    pub custodian: AccountId,
}

impl OfferDataset {
    /// The dataset's id.
    ///
    /// # Errors
    /// Never in practice: every field has a fixed length.
    pub fn id(&self, chain: &ChainId, owner: &AccountId, nonce: u64) -> Result<DatasetId, Error> {
        let bytes = encode("dataset", self)?;
        let digest = hash(ByteTag::Dataset, &[chain.as_bytes(), owner.as_bytes(), &nonce.to_le_bytes(), &bytes]);
        Ok(DatasetId::from_bytes(digest.to_bytes()))
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let refuse = |why: &str| Err(Error::Refused { what: "dataset", why: why.into() });
        if self.body_bytes == 0 || self.plaintext_bytes == 0 || self.plaintext_bytes > self.body_bytes {
            return refuse("give the lengths of body and plaintext; the body is the longer one");
        }
        if self.allowed.purposes == Purposes::default() || self.allowed.regions == Regions::default() {
            return refuse("allow at least one purpose and one region");
        }
        if self.term_days_max == 0 || self.term_days_max > super::TERM_DAYS_MAX {
            return refuse("term_days_max must be 1 to 36500");
        }
        Ok(())
    }

    pub(super) fn execute(
        &self,
        sender: AccountId,
        nonce: u64,
        draft: &mut Draft<'_>,
        context: &Context<'_>,
    ) -> Result<Vec<Event>, Error> {
        match self.record {
            Some(record) => count_of_record(record, sender, draft)?,
            None => require_accredited_issuer(sender, draft)?,
        }
        let id = self.id(&context.chain, &sender, nonce)?;
        let dataset = Dataset { offer: self.clone(), owner: sender, nonce, height: context.height, withdrawn: None };
        draft.put_dataset(id, &dataset)?;
        Ok(vec![Event::DatasetOffered { dataset: id, owner: sender }])
    }
}

/// Whoever owns a live record may offer so much for free; a stranger could fill the state.
fn count_of_record(record: LeafIndex, sender: AccountId, draft: &mut Draft<'_>) -> Result<(), Error> {
    let unknown = || Error::Unknown { what: "record", id: record.to_string() };
    let registration = draft.registration(record)?.ok_or_else(unknown)?;
    if registration.owner != sender {
        let remedy = "the owner key named at the record's registration does";
        return Err(Error::Unauthorized { account: sender, action: "offer data of this record", remedy });
    }
    if registration.revoked {
        let why = format!("record {record} was revoked for ever; name another, or none");
        return Err(Error::Refused { what: "dataset", why });
    }
    let offered = draft.dataset_count(record)?.unwrap_or_default();
    if offered >= DATASETS_OF_RECORD_MAX {
        let why = format!("record {record} has {offered} datasets, the most there are");
        return Err(Error::Refused { what: "dataset", why });
    }
    draft.put_dataset_count(record, &offered.saturating_add(1))
}

fn require_accredited_issuer(sender: AccountId, draft: &Draft<'_>) -> Result<(), Error> {
    match draft.issuer(sender)? {
        Some(party) if party.standing == Standing::Accredited => Ok(()),
        _ => {
            let remedy = "an accredited issuer does, or the owner of a record that it names";
            Err(Error::Unauthorized { account: sender, action: "offer a dataset", remedy })
        }
    }
}

/// Takes a dataset off: no further requests and grants. Licences granted before run on.
pub(super) fn withdraw(
    id: DatasetId,
    sender: AccountId,
    draft: &mut Draft<'_>,
    context: &Context<'_>,
) -> Result<Vec<Event>, Error> {
    let mut dataset = require_dataset(id, draft)?;
    if dataset.owner != sender {
        let remedy = "the owner who offered it does";
        return Err(Error::Unauthorized { account: sender, action: "withdraw this dataset", remedy });
    }
    require_offered(id, &dataset)?;
    dataset.withdrawn = Some(context.height);
    draft.put_dataset(id, &dataset)?;
    Ok(vec![Event::DatasetWithdrawn { dataset: id }])
}

/// The dataset, which must exist.
pub(super) fn require_dataset(id: DatasetId, draft: &Draft<'_>) -> Result<Dataset, Error> {
    draft.dataset(id)?.ok_or_else(|| Error::Unknown { what: "dataset", id: id.to_string() })
}

/// Refuses a dataset that was withdrawn.
///
/// # Errors
/// [`Error::Refused`] with the block.
pub fn require_offered(id: DatasetId, dataset: &Dataset) -> Result<(), Error> {
    match dataset.withdrawn {
        None => Ok(()),
        Some(height) => {
            let why = format!("dataset {id} was withdrawn in block {height}");
            Err(Error::Refused { what: "dataset", why })
        }
    }
}
