//! Lines of bounded length, counted from 1.

use std::io::BufRead;

use super::{
    limits::LINE_BYTES_MAX,
    refusal::{Checked, invalid},
};

/// Reads one line after the other into one buffer.
pub(super) struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, buffer: Vec::new(), number: 0 }
    }

    /// The number of the line last returned, or being read.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The reader behind the lines.
    pub(super) fn get_ref(&self) -> &R {
        &self.reader
    }

    /// The next line without its line feed (and carriage return), or none at the end.
    ///
    /// A last line without a line feed is refused: VCF 4.3 requires it, and a file cut inside its last genotype
    /// would otherwise read as another genotype.
    pub(super) fn next_line(&mut self) -> Checked<Option<&[u8]>> {
        self.buffer.clear();
        self.number = self.number.saturating_add(1);
        loop {
            let available = match self.reader.fill_buf() {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            if available.is_empty() {
                break;
            }
            let end = memchr::memchr(b'\n', available);
            let taken = available.get(..end.unwrap_or(available.len())).unwrap_or_default();
            if self.buffer.len() + taken.len() > LINE_BYTES_MAX {
                let why = format!("the line is longer than {LINE_BYTES_MAX} bytes");
                return invalid(why, "check that this is a VCF file, or split it by samples");
            }
            self.buffer.extend_from_slice(taken);
            let consumed = taken.len() + usize::from(end.is_some());
            self.reader.consume(consumed);
            if end.is_some() {
                return Ok(Some(self.buffer.strip_suffix(b"\r").unwrap_or(&self.buffer)));
            }
        }
        if self.buffer.is_empty() {
            return Ok(None);
        }
        invalid(
            "the last line has no line feed, so the file may be cut short",
            "copy it again or end it with a newline",
        )
    }
}
