//! Parts of a plaintext, by decrypting the segments that hold them (section 4.1).

use std::{
    io::{Read, Seek, SeekFrom, Write},
    ops::Range,
};

use super::{
    BodyManifest, OpenHeader, SEALED_SEGMENT_BYTES, SEGMENT_BYTES, Verified,
    body::{Segments, within},
    edit_list::whole,
    failed,
    manifest::plaintext_bytes,
    refused,
};
use crate::Error;

/// Reads parts of an encrypted body. Each segment is authentic by itself; that the body is whole and in order says
/// [`RangeReader::verify`].
#[derive(Debug)]
pub struct RangeReader<R> {
    source: R,
    header: OpenHeader,
    /// Where the body begins in the source.
    body_start: u64,
    /// What the reader sees of the plaintext, in order.
    kept: Vec<Range<u64>>,
    readable_bytes: u64,
}

impl<R: Read + Seek> RangeReader<R> {
    /// Reads a body that begins at the source's position and ends with it.
    ///
    /// # Errors
    /// [`Error::Crypt4gh`] when no body is so long, [`Error::Crypt4ghStream`] when the source cannot seek.
    pub fn new(header: OpenHeader, mut source: R) -> Result<Self, Error> {
        let seek = failed("find the end of the file");
        let body_start = source.stream_position().map_err(&seek)?;
        let end = source.seek(SeekFrom::End(0)).map_err(&seek)?;
        let plaintext_bytes = plaintext_bytes(end.saturating_sub(body_start))
            .ok_or_else(|| refused("body", "the file ends within a segment; get the whole file again"))?;
        let kept = header.edit_list().map_or_else(|| whole(plaintext_bytes), |edits| edits.kept(plaintext_bytes));
        let readable_bytes = kept.iter().fold(0, |sum, part| sum + (part.end - part.start));
        Ok(Self { source, header, body_start, kept, readable_bytes })
    }

    /// Bytes that this reader can see: the plaintext after edits.
    #[must_use]
    pub const fn readable_bytes(&self) -> u64 {
        self.readable_bytes
    }

    /// Reads the encrypted body once, which takes no decryption, and checks that it is the one a trusted manifest names
    /// and that no edit list leaves anything out. Who can alter the source afterwards can still move whole segments.
    ///
    /// # Errors
    /// [`Error::Crypt4ghBody`] that says what differs, [`Error::Crypt4ghStream`] when the source fails.
    pub fn verify(mut self, manifest: &BodyManifest) -> Result<Verified<Self>, Error> {
        self.source.seek(SeekFrom::Start(self.body_start)).map_err(failed("move in the encrypted body"))?;
        manifest.check(&BodyManifest::of(&mut self.source)?)?;
        manifest.check_unedited(self.readable_bytes)?;
        Ok(Verified { sink: self, manifest: *manifest })
    }

    /// Writes the bytes of a range, as far as there are any, and returns how many there were. Positions count what this
    /// reader can see.
    ///
    /// # Errors
    /// As [`OpenHeader::decrypt`].
    pub fn read(&mut self, wanted: Range<u64>, mut sink: impl Write) -> Result<u64, Error> {
        let (mut written, mut seen) = (0_u64, 0_u64);
        for part in self.kept.clone() {
            let length = part.end - part.start;
            let (from, to) =
                (wanted.start.saturating_sub(seen).min(length), wanted.end.saturating_sub(seen).min(length));
            if from < to {
                written = written.saturating_add(self.copy(&(part.start + from..part.start + to), &mut sink)?);
            }
            seen = seen.saturating_add(length);
        }
        sink.flush().map_err(failed("write the plaintext"))?;
        Ok(written)
    }

    /// Copies a range of the unedited plaintext, which is not empty and has an end within it.
    fn copy(&mut self, wanted: &Range<u64>, sink: &mut impl Write) -> Result<u64, Error> {
        let first = wanted.start / SEGMENT_BYTES as u64;
        let place = first.checked_mul(SEALED_SEGMENT_BYTES as u64).and_then(|place| place.checked_add(self.body_start));
        let place = place.ok_or_else(|| refused("body", "no file is so long"))?;
        self.source.seek(SeekFrom::Start(place)).map_err(failed("move in the encrypted body"))?;
        let mut segments = Segments::new(&mut self.source, self.header.keys(), first);
        let mut written = 0_u64;
        while let Some(segment) = segments.read()? {
            let at = segment.plaintext_range();
            let text = within(segment.open()?, &at, wanted);
            sink.write_all(text).map_err(failed("write the plaintext"))?;
            written = written.saturating_add(text.len() as u64);
            if at.end >= wanted.end {
                break;
            }
        }
        Ok(written)
    }
}
