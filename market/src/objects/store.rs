//! Blobs in a directory, or in memory.

use std::{path::Path, sync::Arc};

use circuits::id::Digest;
use futures::{StreamExt, TryStreamExt, executor::block_on, future};
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, local::LocalFileSystem, memory::InMemory, path};

use super::{BLOB_BYTES_MAX, BlobAccess, BlobAddress, BlobKind, LISTING_MAX, check_length};
use crate::Error;

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

    /// Bytes of all blobs of these kinds, as the store counts them: what a quota begins with.
    ///
    /// # Errors
    /// [`Error::BlobStore`] when the store cannot list.
    pub fn stored_bytes(&self, kinds: &[BlobKind]) -> Result<u64, Error> {
        kinds.iter().try_fold(0, |stored, kind| {
            let prefix = path::Path::from(kind.name());
            let sum = |sum: u64, entry: object_store::ObjectMeta| future::ready(Ok(sum.saturating_add(entry.size)));
            let summed = block_on(self.store.list(Some(&prefix)).try_fold(stored, sum));
            summed.map_err(|error| failed("measure its blobs", &error))
        })
    }

    /// The addresses of a kind in one folder, in order.
    fn list_folder(&self, kind: BlobKind, folder: &path::Path) -> Result<Vec<BlobAddress>, Error> {
        let entries = self.store.list(Some(folder)).take(LISTING_MAX).try_collect::<Vec<_>>();
        let entries = block_on(entries).map_err(|error| failed("list blobs", &error))?;
        // A name that is no digest is a stranger's file or an unfinished write; no address could name it.
        let digests = entries.iter().filter_map(|entry| entry.location.filename()?.parse::<Digest>().ok());
        let mut addresses: Vec<_> = digests.map(|digest| BlobAddress { kind, digest }).collect();
        addresses.sort_unstable();
        Ok(addresses)
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
        self.list_folder(kind, &path::Path::from(kind.name()))
    }

    /// Looks through as many of the kind's folders as the page needs.
    fn list_after(&self, kind: BlobKind, after: Option<Digest>, limit: usize) -> Result<Vec<BlobAddress>, Error> {
        let first = after.and_then(|digest| digest.as_bytes().first().copied()).unwrap_or_default();
        let mut page = vec![];
        for shard in first..=u8::MAX {
            let folder = path::Path::from_iter([kind.name(), &format!("{shard:02x}")]);
            let behind = |address: &BlobAddress| after.is_none_or(|after| address.digest > after);
            page.extend(self.list_folder(kind, &folder)?.into_iter().filter(behind));
            if page.len() >= limit {
                break;
            }
        }
        page.truncate(limit);
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use circuits::schema::{Variant, VariantPanel};
    use proptest::prelude::*;

    use super::{
        super::{get, put},
        *,
    };

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
        assert_eq!(store.stored_bytes(&BlobKind::ALL).unwrap(), 0);
        for (kind, bytes) in [(BlobKind::Blob, 10), (BlobKind::Ciphertext, 20), (BlobKind::Blob, 10)] {
            put(&store, kind, vec![1; bytes]).unwrap();
        }
        assert_eq!(store.stored_bytes(&BlobKind::ALL).unwrap(), 30);
        assert_eq!(store.stored_bytes(&[BlobKind::Blob, BlobKind::Panel]).unwrap(), 10);
    }

    #[test]
    fn pages_of_addresses_make_the_whole_listing() {
        let root = tempfile::tempdir().unwrap();
        let store = Objects::directory(root.path()).unwrap();
        for number in 0..40u32 {
            put(&store, BlobKind::Blob, number.to_le_bytes().to_vec()).unwrap();
        }
        let (mut listed, mut after) = (vec![], None);
        loop {
            let page = store.list_after(BlobKind::Blob, after, 7).unwrap();
            let Some(last) = page.last() else { break };
            assert!(page.len() <= 7);
            after = Some(last.digest);
            listed.extend(page);
        }
        assert_eq!(listed, store.list(BlobKind::Blob).unwrap());
        assert_eq!(listed.len(), 40);
        assert!(store.list_after(BlobKind::Panel, None, 7).unwrap().is_empty());
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
