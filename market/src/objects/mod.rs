//! Ciphertexts, aggregates and other large things, each found by the digest that the ledger or a receipt names.
//!
//! A blob's address is its kind and the tagged SHA-256 of its bytes; the kind chooses the tag, so the digest in a
//! contribution is itself the address of its ciphertext. Every read recomputes the digest: a store, a proxy or a disk
//! that alters a blob is noticed by whoever reads it, and needs no trust.
//!
//! Calls block. The store's own futures run on the calling thread, so no runtime is needed; inside one, call from its
//! blocking pool.

mod backend;
mod check;
mod ended;
mod garbage;
mod hasher;
mod location;
mod reader;
mod store;
#[cfg(test)]
mod tests;
mod upload;

use std::{fmt, str::FromStr};

use circuits::id::Digest;
use serde::{Deserialize, Serialize};

pub use self::{
    check::{Checked, DamagedBlob},
    ended::{Named, Retention},
    garbage::{Garbage, Removed},
    hasher::BlobHasher,
    location::{ObjectsLocation, S3Settings},
    reader::BlobReader,
    store::{BlobEntry, Objects},
    upload::{CHUNK_BYTES_MAX, ChunkOutcome, UploadProgress, UploadSession},
};
use crate::{Error, crypt4gh::HEADER_BYTES_MAX};

/// The largest blob that is held in memory: a panel of a million variants, or a block's receipt attachments.
pub const BLOB_BYTES_MAX: usize = 64 << 20;
/// The largest genome, which streams: a whole human genome's reads at a depth of 100 are below.
pub const GENOME_BYTES_MAX: u64 = 1 << 40;
/// Entries that one listing returns at most.
pub const LISTING_MAX: usize = 1 << 20;

/// What a blob holds; it decides how the digest is taken and the store's folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlobKind {
    /// A packed ciphertext.
    Ciphertext,
    /// The packed sum of a part's ciphertexts.
    Aggregate,
    /// A component sealed to a researcher.
    SealedComponent,
    /// The public polynomial of a subset's key share.
    PublicShare,
    /// A sealed message of the key generation.
    KeyGeneration,
    /// A variant panel; its digest is the one that schemas name.
    Panel,
    /// An invitation sealed to a response's key.
    Invitation,
    /// A contact sealed to a screening's key.
    Contact,
    /// Anything else: protocols, receipts.
    Blob,
    /// The body of a Crypt4GH file (`crypt4gh`), under its SHA-256, which a dataset's offer names.
    Genome,
    /// The header of a Crypt4GH file for one reader, under its SHA-256, which an offer or a grant names.
    GenomeHeader,
}

impl BlobKind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Ciphertext,
        Self::Aggregate,
        Self::SealedComponent,
        Self::PublicShare,
        Self::KeyGeneration,
        Self::Panel,
        Self::Invitation,
        Self::Contact,
        Self::Blob,
        Self::Genome,
        Self::GenomeHeader,
    ];

    /// The digest of bytes of this kind, under the kind's tag.
    #[must_use]
    pub fn digest(self, bytes: &[u8]) -> Digest {
        let mut hasher = self.hasher(bytes.len() as u64);
        hasher.update(bytes);
        // The length was right, so there always is one.
        hasher.finish().unwrap_or(Digest::from_bytes([0; 32]))
    }

    /// The same of bytes that come in pieces, so many in all.
    #[must_use]
    pub fn hasher(self, bytes: u64) -> BlobHasher {
        BlobHasher::new(self, bytes)
    }

    /// Whether anyone who knows the digest may read it. A Crypt4GH file is for those whom its owner lets read it.
    #[must_use]
    pub const fn is_public(self) -> bool {
        !matches!(self, Self::Genome | Self::GenomeHeader)
    }

    /// The most bytes that a blob of this kind may have.
    #[must_use]
    pub const fn bytes_max(self) -> u64 {
        match self {
            Self::Genome => GENOME_BYTES_MAX,
            Self::GenomeHeader => HEADER_BYTES_MAX as u64,
            _ => BLOB_BYTES_MAX as u64,
        }
    }

    /// The kind's name in addresses and folders.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ciphertext => "ciphertext",
            Self::Aggregate => "aggregate",
            Self::SealedComponent => "sealed-component",
            Self::PublicShare => "public-share",
            Self::KeyGeneration => "key-generation",
            Self::Panel => "panel",
            Self::Invitation => "invitation",
            Self::Contact => "contact",
            Self::Blob => "blob",
            Self::Genome => "genome",
            Self::GenomeHeader => "genome-header",
        }
    }
}

impl FromStr for BlobKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| Error::BlobStore {
            action: "name a kind of blob",
            why: format!("{text:?} is none of {}", Self::ALL.map(Self::name).join(", ")),
        })
    }
}

/// Where a blob is found: its kind and digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BlobAddress {
    /// What it holds.
    pub kind: BlobKind,
    /// Digest of its bytes under the kind's tag.
    pub digest: Digest,
}

impl BlobAddress {
    /// The address of these bytes.
    #[must_use]
    pub fn of(kind: BlobKind, bytes: &[u8]) -> Self {
        Self { kind, digest: kind.digest(bytes) }
    }
}

impl fmt::Display for BlobAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.name(), self.digest)
    }
}

/// A store of blobs, here or across a network. Implementations move bytes; [`get`] and [`put`] decide what is right.
pub trait BlobAccess: Send + Sync {
    /// Stores bytes under an address once and durably; storing them again changes nothing.
    ///
    /// # Errors
    /// [`Error::BlobStore`] when the store fails.
    fn write(&self, address: BlobAddress, bytes: Vec<u8>) -> Result<(), Error>;

    /// The bytes under an address as the store has them, unchecked; `None` when it has none.
    ///
    /// # Errors
    /// [`Error::BlobStore`] when the store fails or holds more than `bytes_max`, [`Error::BlobBusy`] where it cannot be fetched
    /// at the moment.
    fn read(&self, address: BlobAddress, bytes_max: usize) -> Result<Option<Vec<u8>>, Error>;

    /// The addresses of a kind, in order, at most [`LISTING_MAX`].
    ///
    /// # Errors
    /// [`Error::BlobStore`] when the store fails or cannot list.
    fn list(&self, kind: BlobKind) -> Result<Vec<BlobAddress>, Error>;

    /// The first `limit` addresses of a kind behind a digest, in order.
    ///
    /// # Errors
    /// As [`BlobAccess::list`].
    fn list_after(&self, kind: BlobKind, after: Option<Digest>, limit: usize) -> Result<Vec<BlobAddress>, Error> {
        let behind = |address: &BlobAddress| after.is_none_or(|after| address.digest > after);
        Ok(self.list(kind)?.into_iter().filter(behind).take(limit).collect())
    }
}

/// Stores a blob and returns its address.
///
/// # Errors
/// [`Error::BlobStore`] beyond [`BLOB_BYTES_MAX`] or when the store fails.
pub fn put(store: &(impl BlobAccess + ?Sized), kind: BlobKind, bytes: Vec<u8>) -> Result<BlobAddress, Error> {
    check_length("store a blob", bytes.len(), BLOB_BYTES_MAX)?;
    let address = BlobAddress::of(kind, &bytes);
    store.write(address, bytes)?;
    Ok(address)
}

/// A blob that was offered to a store, with its bytes while the store has no room.
#[derive(Debug)]
#[must_use = "a blob that was not taken must be put once the ledger names it"]
pub struct Offered {
    address: BlobAddress,
    refused: Option<Vec<u8>>,
}

/// Offers a blob to a store that may have no room for what the ledger does not name yet.
pub fn offer(store: &(impl BlobAccess + ?Sized), kind: BlobKind, bytes: Vec<u8>) -> Offered {
    let address = BlobAddress::of(kind, &bytes);
    let refused = put(store, kind, bytes.clone()).is_err().then_some(bytes);
    Offered { address, refused }
}

impl Offered {
    /// The blob's digest.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.address.digest
    }

    /// Stores the blob if the store did not take it yet; the ledger names it now.
    ///
    /// # Errors
    /// As [`put`].
    pub fn settle(self, store: &(impl BlobAccess + ?Sized)) -> Result<(), Error> {
        self.refused.map_or(Ok(()), |bytes| put(store, self.address.kind, bytes).map(|_| ()))
    }
}

/// The blob at an address, of at most `bytes_max` bytes.
///
/// # Errors
/// [`Error::BlobMissing`], or [`Error::BlobDamaged`] when the bytes have another digest; else as [`BlobAccess::read`].
pub fn get(store: &(impl BlobAccess + ?Sized), address: BlobAddress, bytes_max: usize) -> Result<Vec<u8>, Error> {
    let bytes = store.read(address, bytes_max)?.ok_or(Error::BlobMissing { address })?;
    check_digest(address, &bytes)?;
    Ok(bytes)
}

/// Checks that the bytes are those an address names.
///
/// # Errors
/// [`Error::BlobDamaged`] otherwise.
pub fn check_digest(address: BlobAddress, bytes: &[u8]) -> Result<(), Error> {
    let found = BlobAddress::of(address.kind, bytes).digest;
    if found == address.digest {
        return Ok(());
    }
    Err(Error::BlobDamaged { address, why: format!("its {} bytes have the digest {found}", bytes.len()) })
}

fn check_length(action: &'static str, length: usize, limit: usize) -> Result<(), Error> {
    if length <= limit {
        return Ok(());
    }
    Err(Error::BlobStore { action, why: format!("{length} bytes exceed the limit of {limit}") })
}
