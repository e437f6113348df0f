//! Ciphertexts, aggregates and other large things, each found by the digest that the ledger or a receipt names.
//!
//! A blob's address is its kind and the tagged SHA-256 of its bytes; the kind chooses the tag, so the digest in a
//! contribution is itself the address of its ciphertext. Every read recomputes the digest: a store, a proxy or a disk
//! that alters a blob is noticed by whoever reads it, and needs no trust.
//!
//! Calls block. The store's own futures run on the calling thread, so no runtime is needed; inside one, call from its
//! blocking pool.

use std::{fmt, path::Path, str::FromStr, sync::Arc};

use circuits::{
    domain::{ByteTag, hash},
    id::Digest,
};
use futures::{StreamExt, TryStreamExt, executor::block_on, future};
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, local::LocalFileSystem, memory::InMemory, path};
use serde::{Deserialize, Serialize};

use crate::Error;

/// The largest blob of any kind: a panel of a million variants, or a block's receipt attachments.
pub const BLOB_BYTES_MAX: usize = 64 << 20;
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
    /// Anything else: protocols, receipts.
    Blob,
}

impl BlobKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Ciphertext,
        Self::Aggregate,
        Self::SealedComponent,
        Self::PublicShare,
        Self::KeyGeneration,
        Self::Panel,
        Self::Blob,
    ];

    /// The digest of bytes of this kind, under the kind's tag.
    #[must_use]
    pub fn digest(self, bytes: &[u8]) -> Digest {
        match self {
            Self::Ciphertext => hash(ByteTag::Ciphertext, &[bytes]),
            Self::Aggregate => hash(ByteTag::Aggregate, &[bytes]),
            Self::SealedComponent => hash(ByteTag::SealedComponent, &[bytes]),
            Self::PublicShare => hash(ByteTag::PublicShare, &[bytes]),
            Self::KeyGeneration => hash(ByteTag::KeyGeneration, &[bytes]),
            // As `VariantPanel::digest` takes it.
            Self::Panel => hash(ByteTag::Schema, &[b"panel", bytes]),
            Self::Blob => hash(ByteTag::Blob, &[bytes]),
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
            Self::Blob => "blob",
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
    /// [`Error::BlobStore`] when the store fails or holds more than `bytes_max`.
    fn read(&self, address: BlobAddress, bytes_max: usize) -> Result<Option<Vec<u8>>, Error>;

    /// The addresses of a kind, in order, at most [`LISTING_MAX`].
    ///
    /// # Errors
    /// [`Error::BlobStore`] when the store fails or cannot list.
    fn list(&self, kind: BlobKind) -> Result<Vec<BlobAddress>, Error>;
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

/// The blob at an address, of at most `bytes_max` bytes.
///
/// # Errors
/// [`Error::BlobMissing`], or [`Error::BlobDamaged`] when the bytes have another digest.
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

/// Blobs in any `object_store`: a directory by default, memory for tests.
#[derive(Debug, Clone)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
}

impl Objects {
    /// Blobs in a directory, created when absent; each write is synced and renamed into place.
    ///
    /// # Errors
    /// [`Error::File`] when the directory cannot be made, [`Error::BlobStore`] when it cannot be opened.
    pub fn directory(root: &Path) -> Result<Self, Error> {
        let made = std::fs::create_dir_all(root);
        made.map_err(|source| Error::File { path: root.into(), action: "make the directory", source })?;
        let store = LocalFileSystem::new_with_prefix(root).map_err(|error| failed("open the directory", &error))?;
        Ok(Self { store: Arc::new(store.with_fsync(true)) })
    }

    /// Blobs in memory, for tests and dry runs.
    #[must_use]
    pub fn memory() -> Self {
        Self { store: Arc::new(InMemory::new()) }
    }

    /// Bytes of all blobs, as the store counts them: what a quota begins with.
    ///
    /// # Errors
    /// [`Error::BlobStore`] when the store cannot list.
    pub fn stored_bytes(&self) -> Result<u64, Error> {
        let sum = |sum: u64, entry: object_store::ObjectMeta| future::ready(Ok(sum.saturating_add(entry.size)));
        block_on(self.store.list(None).try_fold(0, sum)).map_err(|error| failed("measure its blobs", &error))
    }
}

fn failed(action: &'static str, error: &object_store::Error) -> Error {
    Error::BlobStore { action, why: error.to_string() }
}

/// Folders of at most a 256th of a kind, since directories of millions of files are slow.
fn location(address: BlobAddress) -> path::Path {
    let digest = address.digest.to_string();
    let shard: String = digest.chars().take(2).collect();
    path::Path::from_iter([address.kind.name(), shard.as_str(), digest.as_str()])
}

impl BlobAccess for Objects {
    fn write(&self, address: BlobAddress, bytes: Vec<u8>) -> Result<(), Error> {
        let place = location(address);
        let options = PutOptions::from(PutMode::Create);
        match block_on(self.store.put_opts(&place, bytes.clone().into(), options)) {
            Ok(_) => Ok(()),
            // Equal bytes are already there, unless a disk damaged them: then the sound ones replace them.
            Err(object_store::Error::AlreadyExists { .. }) => {
                if self.read(address, BLOB_BYTES_MAX).ok().flatten().as_deref() == Some(bytes.as_slice()) {
                    return Ok(());
                }
                let replaced = block_on(self.store.put(&place, bytes.into()));
                replaced.map(|_| ()).map_err(|error| failed("replace a damaged blob", &error))
            }
            Err(error) => Err(failed("store a blob", &error)),
        }
    }

    fn read(&self, address: BlobAddress, bytes_max: usize) -> Result<Option<Vec<u8>>, Error> {
        let result = match block_on(self.store.get(&location(address))) {
            Ok(result) => result,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(failed("read a blob", &error)),
        };
        let length = usize::try_from(result.meta.size).unwrap_or(usize::MAX);
        check_length("read a blob", length, bytes_max)?;
        let bytes = block_on(result.bytes()).map_err(|error| failed("read a blob", &error))?;
        Ok(Some(bytes.into()))
    }

    fn list(&self, kind: BlobKind) -> Result<Vec<BlobAddress>, Error> {
        let prefix = path::Path::from(kind.name());
        let entries = self.store.list(Some(&prefix)).take(LISTING_MAX).try_collect::<Vec<_>>();
        let entries = block_on(entries).map_err(|error| failed("list blobs", &error))?;
        // A name that is no digest is a stranger's file or an unfinished write; no address could name it.
        let digests = entries.iter().filter_map(|entry| entry.location.filename()?.parse::<Digest>().ok());
        let mut addresses: Vec<_> = digests.map(|digest| BlobAddress { kind, digest }).collect();
        addresses.sort_unstable();
        Ok(addresses)
    }
}

#[cfg(test)]
mod tests {
    use circuits::schema::{Variant, VariantPanel};
    use proptest::prelude::*;

    use super::*;

    fn stored_file(root: &Path, address: BlobAddress) -> std::path::PathBuf {
        root.join(location(address).to_string())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn what_is_put_is_got_and_putting_it_again_changes_nothing(bytes in any::<Vec<u8>>()) {
            let store = Objects::memory();
            let address = put(&store, BlobKind::Ciphertext, bytes.clone()).unwrap();
            prop_assert_eq!(put(&store, BlobKind::Ciphertext, bytes.clone()).unwrap(), address);
            prop_assert_eq!(get(&store, address, BLOB_BYTES_MAX).unwrap(), bytes);
            prop_assert_eq!(store.list(BlobKind::Ciphertext).unwrap(), vec![address]);
            prop_assert!(store.list(BlobKind::Blob).unwrap().is_empty());
        }
    }

    #[test]
    fn a_damaged_blob_is_named_and_a_second_put_heals_it() {
        let root = tempfile::tempdir().unwrap();
        let store = Objects::directory(root.path()).unwrap();
        let address = put(&store, BlobKind::Blob, b"sound".to_vec()).unwrap();
        std::fs::write(stored_file(root.path(), address), b"altered").unwrap();
        assert!(
            matches!(get(&store, address, 100), Err(Error::BlobDamaged { address: found, .. }) if found == address)
        );
        put(&store, BlobKind::Blob, b"sound".to_vec()).unwrap();
        assert_eq!(get(&store, address, 100).unwrap(), b"sound");
    }

    #[test]
    fn a_truncated_blob_is_damaged_and_an_absent_one_missing() {
        let root = tempfile::tempdir().unwrap();
        let store = Objects::directory(root.path()).unwrap();
        let address = put(&store, BlobKind::Blob, b"sound".to_vec()).unwrap();
        std::fs::write(stored_file(root.path(), address), b"").unwrap();
        assert!(matches!(get(&store, address, 100), Err(Error::BlobDamaged { .. })));
        std::fs::remove_file(stored_file(root.path(), address)).unwrap();
        assert!(matches!(get(&store, address, 100), Err(Error::BlobMissing { .. })));
    }

    #[test]
    fn stored_bytes_count_every_blob_once() {
        let root = tempfile::tempdir().unwrap();
        let store = Objects::directory(root.path()).unwrap();
        assert_eq!(store.stored_bytes().unwrap(), 0);
        for (kind, bytes) in [(BlobKind::Blob, 10), (BlobKind::Ciphertext, 20), (BlobKind::Blob, 10)] {
            put(&store, kind, vec![1; bytes]).unwrap();
        }
        assert_eq!(store.stored_bytes().unwrap(), 30);
    }

    #[test]
    fn the_same_bytes_of_another_kind_have_another_address() {
        let addresses: std::collections::BTreeSet<_> =
            BlobKind::ALL.map(|kind| BlobAddress::of(kind, b"x").digest).into();
        assert_eq!(addresses.len(), BlobKind::ALL.len());
        for kind in BlobKind::ALL {
            assert_eq!(kind.name().parse::<BlobKind>().unwrap(), kind);
        }
        assert!("secret".parse::<BlobKind>().is_err());
    }

    #[test]
    fn repro_a_panel_is_found_by_the_digest_that_schemas_name() {
        let variant = Variant { chrom: "22".into(), pos: 7, reference: "A".into(), alternate: "C".into() };
        let panel = VariantPanel { build: "GRCh37".into(), variants: vec![variant] };
        let store = Objects::memory();
        put(&store, BlobKind::Panel, borsh::to_vec(&panel).unwrap()).unwrap();
        let address = BlobAddress { kind: BlobKind::Panel, digest: panel.reference().unwrap().digest };
        let bytes = get(&store, address, BLOB_BYTES_MAX).unwrap();
        assert_eq!(borsh::from_slice::<VariantPanel>(&bytes).unwrap(), panel);
    }

    #[test]
    fn a_blob_above_the_readers_bound_is_refused_unread() {
        let store = Objects::memory();
        let address = put(&store, BlobKind::Blob, vec![0; 101]).unwrap();
        assert!(matches!(get(&store, address, 100), Err(Error::BlobStore { .. })));
    }

    #[test]
    fn a_strangers_file_among_the_blobs_is_not_listed() {
        let root = tempfile::tempdir().unwrap();
        let store = Objects::directory(root.path()).unwrap();
        std::fs::create_dir_all(root.path().join("blob/aa")).unwrap();
        std::fs::write(root.path().join("blob/aa/notes.txt"), b"hello").unwrap();
        assert!(store.list(BlobKind::Blob).unwrap().is_empty());
    }
}
