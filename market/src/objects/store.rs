//! Blobs in a directory, in memory, or in a bucket.

use std::{io::Read, path::Path};

use bytes::Bytes;
use circuits::id::Digest;
use node::units::Timestamp;
use object_store::{ObjectMeta, path::Path as Place};

use super::{
    BLOB_BYTES_MAX, BlobAccess, BlobAddress, BlobKind, BlobReader, ObjectsLocation, S3Settings,
    backend::{Backend, failed},
    check_length,
};
use crate::Error;

/// Bytes of a part of a blob that streams, which is what a stream holds in memory.
const PART_BYTES: usize = 8 << 20;

/// Blobs in any store: a directory by default, a bucket by configuration, memory for tests.
#[derive(Debug, Clone)]
pub struct Objects {
    pub(super) backend: Backend,
}

/// A blob as a listing shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlobEntry {
    /// Its address.
    pub address: BlobAddress,
    /// Its size.
    pub bytes: u64,
    /// When it was written, by the store's clock.
    pub written: Timestamp,
}

impl Objects {
    /// Opens the store at a location. A directory is made when absent; a bucket must exist.
    ///
    /// # Errors
    /// [`Error::File`] when the directory cannot be made, [`Error::BlobStore`] when the store cannot be opened.
    pub fn open(location: &ObjectsLocation, settings: &S3Settings) -> Result<Self, Error> {
        let backend = match location {
            ObjectsLocation::Directory(root) => Backend::directory(root)?,
            ObjectsLocation::S3 { bucket, prefix } => Backend::s3(bucket, prefix, settings)?,
        };
        Ok(Self { backend })
    }

    /// Blobs in a directory, created when absent; each write is synced and renamed into place.
    ///
    /// # Errors
    /// [`Error::File`] when the directory cannot be made, [`Error::BlobStore`] when it cannot be opened.
    pub fn directory(root: &Path) -> Result<Self, Error> {
        Ok(Self { backend: Backend::directory(root)? })
    }

    /// Blobs in memory, for tests and dry runs.
    #[must_use]
    pub fn memory() -> Self {
        Self { backend: Backend::memory() }
    }

    /// Bytes of all blobs of these kinds, as the store counts them, unfinished uploads included: what a quota begins
    /// with.
    ///
    /// # Errors
    /// [`Error::BlobStore`] when the store cannot list.
    pub fn stored_bytes(&self, kinds: &[BlobKind]) -> Result<u64, Error> {
        kinds.iter().try_fold(0_u64, |stored, kind| {
            let folders = [folder(*kind), super::upload::folder(*kind)];
            folders.iter().try_fold(stored, |stored, folder| {
                Ok(stored.saturating_add(self.backend.size(folder).map_err(failed("measure its blobs"))?))
            })
        })
    }

    /// Stores a blob that streams in, of a length that is known. It is there once all of it came and has the digest,
    /// and not before. Whether it is new; storing it again changes nothing, and reads nothing of the source.
    ///
    /// # Errors
    /// [`Error::BlobDamaged`] when the bytes are not those of the address, [`Error::BlobStore`] when the store or the
    /// source fails, or beyond [`BlobKind::bytes_max`].
    pub fn write_stream(&self, address: BlobAddress, bytes: u64, mut source: impl Read) -> Result<bool, Error> {
        let failed = failed("store a blob");
        if bytes > address.kind.bytes_max() {
            let why = format!("{bytes} bytes exceed the limit of {} for its kind", address.kind.bytes_max());
            return Err(Error::BlobStore { action: "store a blob", why });
        }
        let place = location(address);
        if self.backend.head(&place).map_err(&failed)?.is_some_and(|found| found.size == bytes) {
            return Ok(false);
        }
        let mut hasher = address.kind.hasher(bytes);
        let mut parts = self.backend.begin(&place).map_err(&failed)?;
        loop {
            let part = read_part(&mut source)?;
            hasher.update(&part);
            let last = part.len() < PART_BYTES;
            if !part.is_empty() {
                parts.push(part).map_err(&failed)?;
            }
            if last {
                break;
            }
        }
        match hasher.finish() {
            Some(digest) if digest == address.digest => parts.complete().map(|()| true).map_err(failed),
            Some(digest) => Err(Error::BlobDamaged { address, why: format!("what was sent has the digest {digest}") }),
            None => Err(Error::BlobDamaged { address, why: format!("what was sent is not {bytes} bytes long") }),
        }
    }

    /// Reads a blob piece by piece, unchecked; `None` when it is not here.
    ///
    /// # Errors
    /// [`Error::BlobStore`] when the store fails.
    pub fn reader(&self, address: BlobAddress) -> Result<Option<BlobReader>, Error> {
        let place = location(address);
        let found = self.backend.head(&place).map_err(failed("find a blob"))?;
        Ok(found.map(|found| BlobReader::new(self.backend.clone(), place, found.size)))
    }

    /// Visits the blobs of a kind in order, a 256th of them at a time in memory.
    ///
    /// # Errors
    /// [`Error::BlobStore`] when the store cannot list, and whatever `visit` returns.
    pub fn visit(&self, kind: BlobKind, mut visit: impl FnMut(BlobEntry) -> Result<(), Error>) -> Result<(), Error> {
        for shard in self.backend.folders(&folder(kind)).map_err(failed("list blobs"))? {
            self.list_folder(kind, &shard)?.into_iter().try_for_each(&mut visit)?;
        }
        Ok(())
    }

    /// The blobs of a kind in one folder, in order.
    fn list_folder(&self, kind: BlobKind, folder: &Place) -> Result<Vec<BlobEntry>, Error> {
        let listed = self.backend.list(folder).map_err(failed("list blobs"))?;
        // A name that is no digest is a stranger's file or an unfinished write; no address could name it.
        let mut entries: Vec<_> = listed.iter().filter_map(|found| entry(kind, found)).collect();
        entries.sort_unstable();
        Ok(entries)
    }
}

fn entry(kind: BlobKind, found: &ObjectMeta) -> Option<BlobEntry> {
    let digest = found.location.filename()?.parse::<Digest>().ok()?;
    let written = Timestamp::new(u64::try_from(found.last_modified.timestamp()).unwrap_or_default());
    Some(BlobEntry { address: BlobAddress { kind, digest }, bytes: found.size, written })
}

fn read_part(source: &mut impl Read) -> Result<Bytes, Error> {
    let mut part = vec![];
    let read = source.by_ref().take(PART_BYTES as u64).read_to_end(&mut part);
    read.map_err(|error| Error::BlobStore { action: "read what is to be stored", why: error.to_string() })?;
    Ok(part.into())
}

/// Where a kind's blobs are.
pub(super) fn folder(kind: BlobKind) -> Place {
    Place::from(kind.name())
}

/// Folders of at most a 256th of a kind, since directories of millions of files are slow.
pub(super) fn location(address: BlobAddress) -> Place {
    let digest = address.digest.to_string();
    let shard: String = digest.chars().take(2).collect();
    Place::from_iter([address.kind.name(), shard.as_str(), digest.as_str()])
}

impl BlobAccess for Objects {
    fn write(&self, address: BlobAddress, bytes: Vec<u8>) -> Result<(), Error> {
        let (place, bytes) = (location(address), Bytes::from(bytes));
        if self.backend.create(&place, bytes.clone()).map_err(failed("store a blob"))? {
            return Ok(());
        }
        // Equal bytes are already there, unless a disk damaged them: then the sound ones replace them.
        if self.read(address, BLOB_BYTES_MAX).ok().flatten().is_some_and(|found| found == bytes) {
            return Ok(());
        }
        self.backend.replace(&place, bytes).map_err(failed("replace a damaged blob"))
    }

    fn read(&self, address: BlobAddress, bytes_max: usize) -> Result<Option<Vec<u8>>, Error> {
        let accept = |size| check_length("read a blob", usize::try_from(size).unwrap_or(usize::MAX), bytes_max);
        Ok(self.backend.get(&location(address), accept)?.map(Vec::from))
    }

    fn list(&self, kind: BlobKind) -> Result<Vec<BlobAddress>, Error> {
        Ok(self.list_folder(kind, &folder(kind))?.into_iter().map(|entry| entry.address).collect())
    }

    /// Looks through as many of the kind's folders as the page needs.
    fn list_after(&self, kind: BlobKind, after: Option<Digest>, limit: usize) -> Result<Vec<BlobAddress>, Error> {
        let first = after.and_then(|digest| digest.as_bytes().first().copied()).unwrap_or_default();
        let first = format!("{first:02x}");
        let mut page = vec![];
        for shard in self.backend.folders(&folder(kind)).map_err(failed("list blobs"))? {
            if shard.filename() < Some(first.as_str()) {
                continue;
            }
            let behind = |address: &BlobAddress| after.is_none_or(|after| address.digest > after);
            page.extend(self.list_folder(kind, &shard)?.iter().map(|entry| entry.address).filter(behind));
            if page.len() >= limit {
                break;
            }
        }
        page.truncate(limit);
        Ok(page)
    }
}
