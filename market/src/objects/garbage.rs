//! What may be removed: blobs that nothing refers to, and uploads that nobody goes on with.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use circuits::id::Digest;
use node::units::Timestamp;
use object_store::path::Path as Place;

use super::{
    BlobAddress, BlobEntry, BlobKind, Objects, backend::failed, store::folder as blobs_folder,
    upload::folder as uploads_folder,
};
use crate::Error;

/// What a search found to be of no use. Nothing is removed yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Garbage {
    blobs: Vec<BlobEntry>,
    /// Chunks of uploads that came to rest, and their sizes.
    chunks: Vec<(Place, u64)>,
    /// Files of writes that a crash cut off, and their sizes.
    unfinished: Vec<(PathBuf, u64)>,
}

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removed {
    /// Blobs.
    pub blobs: u64,
    /// Chunks of uploads, and files of writes that a crash cut off.
    pub remains: u64,
    /// Bytes of all these.
    pub bytes: u64,
}

impl Garbage {
    /// Blobs that nothing refers to.
    #[must_use]
    pub fn blobs(&self) -> &[BlobEntry] {
        &self.blobs
    }

    /// What removing it all would remove.
    #[must_use]
    pub fn total(&self) -> Removed {
        let sizes = self.blobs.iter().map(|blob| blob.bytes);
        let sizes = sizes.chain(self.chunks.iter().map(|(_, bytes)| *bytes));
        let sizes = sizes.chain(self.unfinished.iter().map(|(_, bytes)| *bytes));
        Removed {
            blobs: self.blobs.len() as u64,
            remains: (self.chunks.len() + self.unfinished.len()) as u64,
            bytes: sizes.fold(0, u64::saturating_add),
        }
    }
}

impl Objects {
    /// Looks for blobs of these kinds that `referred` does not name, and for uploads at rest. What was written less
    /// than `grace` before `now` stays: it may be about to be referred to.
    ///
    /// # Errors
    /// [`Error::BlobStore`] when the store cannot list, [`Error::File`] when its directory cannot be read.
    pub fn find_garbage(
        &self,
        kinds: &[BlobKind],
        referred: &BTreeSet<BlobAddress>,
        grace: Duration,
        now: Timestamp,
    ) -> Result<Garbage, Error> {
        let before = Timestamp::new(now.get().saturating_sub(grace.as_secs()));
        let mut garbage = Garbage::default();
        for kind in kinds {
            self.visit(*kind, |entry| {
                if entry.written < before && !referred.contains(&entry.address) {
                    garbage.blobs.push(entry);
                }
                Ok(())
            })?;
            garbage.chunks.extend(self.resting_uploads(*kind, before)?);
        }
        if let Some(root) = self.backend.root() {
            for folder in kinds.iter().flat_map(|kind| [blobs_folder(*kind), uploads_folder(*kind)]) {
                unfinished(&root.join(folder.as_ref()), before, &mut garbage.unfinished)?;
            }
        }
        Ok(garbage)
    }

    /// Removes garbage, but for blobs that `referred` names by now: take it anew, just before.
    ///
    /// # Errors
    /// [`Error::BlobStore`] or [`Error::File`] at the first thing that cannot be removed.
    pub fn remove_garbage(&self, garbage: Garbage, referred: &BTreeSet<BlobAddress>) -> Result<Removed, Error> {
        let mut removed = Removed::default();
        for BlobEntry { address, bytes, .. } in garbage.blobs {
            if !referred.contains(&address) {
                self.remove(address)?;
                removed = Removed { blobs: removed.blobs + 1, bytes: removed.bytes.saturating_add(bytes), ..removed };
            }
        }
        for (place, bytes) in garbage.chunks {
            self.backend.delete(&place).map_err(failed("remove a chunk"))?;
            removed = Removed { remains: removed.remains + 1, bytes: removed.bytes.saturating_add(bytes), ..removed };
        }
        for (path, bytes) in garbage.unfinished {
            let gone = fs::remove_file(&path);
            gone.map_err(|source| Error::File { path, action: "remove an unfinished file", source })?;
            removed = Removed { remains: removed.remains + 1, bytes: removed.bytes.saturating_add(bytes), ..removed };
        }
        Ok(removed)
    }

    /// The chunks of uploads whose latest chunk is older than a moment.
    fn resting_uploads(&self, kind: BlobKind, before: Timestamp) -> Result<Vec<(Place, u64)>, Error> {
        let mut uploads: BTreeMap<BlobAddress, (Timestamp, Vec<(Place, u64)>)> = BTreeMap::new();
        let folder = uploads_folder(kind);
        for chunk in self.backend.list(&folder).map_err(failed("list uploads"))? {
            let digest = chunk.location.prefix_match(&folder).and_then(|mut parts| parts.next());
            let Some(digest) = digest.and_then(|part| part.as_ref().parse::<Digest>().ok()) else { continue };
            let written = Timestamp::new(u64::try_from(chunk.last_modified.timestamp()).unwrap_or_default());
            let upload = uploads.entry(BlobAddress { kind, digest }).or_default();
            upload.0 = upload.0.max(written);
            upload.1.push((chunk.location, chunk.size));
        }
        Ok(uploads.into_values().filter(|(latest, _)| *latest < before).flat_map(|(_, chunks)| chunks).collect())
    }
}

/// Files that a write began and did not finish: it gives them a name with `#`, which no object has.
fn unfinished(folder: &Path, before: Timestamp, found: &mut Vec<(PathBuf, u64)>) -> Result<(), Error> {
    let failed = |source| Error::File { path: folder.into(), action: "read the directory", source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let metadata = entry.metadata().map_err(failed)?;
        if metadata.is_dir() {
            unfinished(&entry.path(), before, found)?;
        } else if entry.file_name().to_string_lossy().contains('#') && written(&metadata) < before {
            found.push((entry.path(), metadata.len()));
        }
    }
    Ok(())
}

fn written(metadata: &fs::Metadata) -> Timestamp {
    let since = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH).duration_since(UNIX_EPOCH);
    Timestamp::new(since.unwrap_or_default().as_secs())
}
