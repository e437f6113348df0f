//! Uploads that go on where they were interrupted.
//!
//! Each chunk that arrives is an object of its own, in a folder that the blob's address and length name. So whoever
//! crashes, the sender, the server or the store's client, nothing is half-written, and what arrived is found again. The
//! last chunk makes the blob out of all of them, if it has the right digest.

use std::io::{self, Read};

use bytes::Bytes;
use object_store::path::Path as Place;
use serde::{Deserialize, Serialize};

use super::{
    BlobAddress, BlobKind, Objects,
    backend::{Backend, failed},
    store::location,
};
use crate::Error;

/// The largest chunk, which is held in memory.
pub const CHUNK_BYTES_MAX: usize = 16 << 20;
/// The smallest chunk but the last, so that a blob is not made of crumbs.
const CHUNK_BYTES_MIN: usize = 1 << 16;

/// How far an upload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadProgress {
    /// Bytes that are stored durably; the next chunk begins here.
    pub received_bytes: u64,
    /// Bytes of the whole blob.
    pub bytes: u64,
    /// Whether the blob is in its place.
    pub stored: bool,
}

/// What a chunk did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChunkOutcome {
    /// It is kept; more are missing.
    Kept(UploadProgress),
    /// It was the last, and the blob is stored.
    Stored,
}

/// An upload of one blob.
#[derive(Debug, Clone)]
pub struct UploadSession {
    store: Objects,
    address: BlobAddress,
    bytes: u64,
}

/// A chunk that arrived.
struct Chunk {
    place: Place,
    bytes: u64,
}

/// Where a kind's uploads are.
pub(super) fn folder(kind: BlobKind) -> Place {
    Place::from_iter(["uploads", kind.name()])
}

impl Objects {
    /// The upload of a blob of a length, begun or not.
    ///
    /// # Errors
    /// [`Error::BlobStore`] beyond [`BlobKind::bytes_max`].
    pub fn upload(&self, address: BlobAddress, bytes: u64) -> Result<UploadSession, Error> {
        if bytes > address.kind.bytes_max() {
            let why = format!("{bytes} bytes exceed the limit of {} for its kind", address.kind.bytes_max());
            return Err(Error::BlobStore { action: "take an upload", why });
        }
        Ok(UploadSession { store: self.clone(), address, bytes })
    }
}

impl UploadSession {
    /// How far it is.
    ///
    /// # Errors
    /// [`Error::BlobStore`] when the store fails.
    pub fn progress(&self) -> Result<UploadProgress, Error> {
        if self.is_stored()? {
            return Ok(UploadProgress { received_bytes: self.bytes, bytes: self.bytes, stored: true });
        }
        let received_bytes = self.chunks()?.iter().fold(0, |sum, chunk| sum + chunk.bytes);
        Ok(UploadProgress { received_bytes, bytes: self.bytes, stored: false })
    }

    /// Takes the chunk that begins at `offset`. When all chunks are there, an empty one at the end makes the blob, if a
    /// crash kept the last one from it.
    ///
    /// # Errors
    /// [`Error::UploadOffset`] when the next chunk begins elsewhere, [`Error::UploadChunk`] when it is too short or too
    /// long, [`Error::BlobDamaged`] when all chunks together are not the blob: they are forgotten then.
    pub fn append(&self, offset: u64, chunk: Bytes) -> Result<ChunkOutcome, Error> {
        let progress = self.progress()?;
        if progress.stored {
            self.forget()?;
            return Ok(ChunkOutcome::Stored);
        }
        let expected = progress.received_bytes;
        if offset != expected {
            return Err(Error::UploadOffset { offset, expected });
        }
        let (bytes, left) = (chunk.len() as u64, self.bytes.saturating_sub(expected));
        let least = left.min(CHUNK_BYTES_MIN as u64);
        if bytes < least || bytes > left.min(CHUNK_BYTES_MAX as u64) {
            return Err(Error::UploadChunk { bytes, least, most: left.min(CHUNK_BYTES_MAX as u64) });
        }
        let received_bytes = expected.saturating_add(bytes);
        if bytes > 0 && !self.backend().create(&self.place(offset), chunk).map_err(failed("keep a chunk"))? {
            // Somebody else sent this chunk at the same moment.
            return Err(Error::UploadOffset { offset, expected: self.progress()?.received_bytes });
        }
        if received_bytes < self.bytes {
            return Ok(ChunkOutcome::Kept(UploadProgress { received_bytes, ..progress }));
        }
        self.complete()
    }

    /// Removes all chunks.
    ///
    /// # Errors
    /// [`Error::BlobStore`] when the store fails.
    pub fn forget(&self) -> Result<(), Error> {
        let failed = failed("remove the chunks of an upload");
        for chunk in self.backend().list(&self.folder()).map_err(&failed)? {
            self.backend().delete(&chunk.location).map_err(&failed)?;
        }
        Ok(())
    }

    fn complete(&self) -> Result<ChunkOutcome, Error> {
        let source = Chunks { backend: self.backend(), rest: self.chunks()?.into_iter(), chunk: Bytes::new() };
        match self.store.write_stream(self.address, self.bytes, source) {
            Ok(_) => self.forget().map(|()| ChunkOutcome::Stored),
            Err(error @ Error::BlobDamaged { .. }) => {
                self.forget()?;
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    fn is_stored(&self) -> Result<bool, Error> {
        let found = self.backend().head(&location(self.address)).map_err(failed("find a blob"))?;
        Ok(found.is_some_and(|found| found.size == self.bytes))
    }

    /// The chunks that follow each other from the first byte on.
    fn chunks(&self) -> Result<Vec<Chunk>, Error> {
        let listed = self.backend().list(&self.folder()).map_err(failed("list the chunks of an upload"))?;
        let offset = |place: &Place| place.filename().and_then(|name| name.parse::<u64>().ok());
        let mut found: Vec<_> =
            listed.into_iter().filter_map(|chunk| Some((offset(&chunk.location)?, chunk))).collect();
        found.sort_unstable_by_key(|(offset, _)| *offset);
        let (mut chunks, mut received) = (vec![], 0_u64);
        for (offset, chunk) in found {
            if offset == received && chunk.size <= self.bytes.saturating_sub(received) {
                received = received.saturating_add(chunk.size);
                chunks.push(Chunk { place: chunk.location, bytes: chunk.size });
            }
        }
        Ok(chunks)
    }

    const fn backend(&self) -> &Backend {
        &self.store.backend
    }

    fn folder(&self) -> Place {
        let BlobAddress { kind, digest } = self.address;
        Place::from_iter(["uploads", kind.name(), &digest.to_string(), &self.bytes.to_string()])
    }

    fn place(&self, offset: u64) -> Place {
        self.folder().join(format!("{offset:020}"))
    }
}

/// Chunks one after the other.
struct Chunks<'a> {
    backend: &'a Backend,
    rest: std::vec::IntoIter<Chunk>,
    chunk: Bytes,
}

impl Read for Chunks<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            let Some(next) = self.rest.next() else { return Ok(0) };
            let accept = |size| if size == next.bytes { Ok(()) } else { Err(changed()) };
            let chunk = self.backend.get(&next.place, accept).map_err(io::Error::other)?;
            self.chunk = chunk.ok_or_else(|| io::Error::other(changed()))?;
        }
        let piece = self.chunk.split_to(self.chunk.len().min(buffer.len()));
        if let Some(target) = buffer.get_mut(..piece.len()) {
            target.copy_from_slice(&piece);
        }
        Ok(piece.len())
    }
}

fn changed() -> Error {
    Error::BlobStore { action: "read a chunk of an upload", why: "it changed meanwhile".into() }
}
