//! Blobs that are read piece by piece.

use std::io::{self, Read, Seek, SeekFrom};

use bytes::Bytes;
use object_store::path::Path as Place;

use super::backend::Backend;

/// Bytes that are fetched at once.
const WINDOW_BYTES: u64 = 4 << 20;

/// Reads a blob as the store has it, unchecked, a window at a time.
#[derive(Debug)]
pub struct BlobReader {
    backend: Backend,
    place: Place,
    length: u64,
    position: u64,
    /// Where the window begins, and its bytes.
    window: (u64, Bytes),
}

impl BlobReader {
    pub(super) fn new(backend: Backend, place: Place, length: u64) -> Self {
        Self { backend, place, length, position: 0, window: (0, Bytes::new()) }
    }

    /// Bytes of the blob.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// What the window has from the position on.
    fn ahead(&self) -> Option<&[u8]> {
        let offset = usize::try_from(self.position.checked_sub(self.window.0)?).ok()?;
        self.window.1.get(offset..).filter(|ahead| !ahead.is_empty())
    }

    fn fetch(&mut self) -> io::Result<()> {
        let end = self.position.saturating_add(WINDOW_BYTES).min(self.length);
        let bytes = self.backend.range(&self.place, self.position, end).map_err(io::Error::other)?;
        let gone = || io::Error::new(io::ErrorKind::UnexpectedEof, "the blob was removed while it was read");
        self.window = (self.position, bytes.filter(|bytes| !bytes.is_empty()).ok_or_else(gone)?);
        Ok(())
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.length || buffer.is_empty() {
            return Ok(0);
        }
        if self.ahead().is_none() {
            self.fetch()?;
        }
        let ahead = self.ahead().unwrap_or_default();
        let read = ahead.len().min(buffer.len());
        if let (Some(target), Some(source)) = (buffer.get_mut(..read), ahead.get(..read)) {
            target.copy_from_slice(source);
        }
        self.position = self.position.saturating_add(read as u64);
        Ok(read)
    }
}

impl Seek for BlobReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.length.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "no position lies before a blob's first byte")
        })?;
        Ok(self.position)
    }
}
