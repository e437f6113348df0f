//! Bodies: the plaintext in encrypted segments (section 3.4).

use std::{
    io::{Read, Write},
    ops::Range,
};

use chacha20poly1305::{Nonce, Tag, aead::AeadInOut};
use rand::CryptoRng;
use zeroize::Zeroizing;

use super::{
    BodyManifest, Decrypted, NONCE_BYTES, OpenHeader, SEALED_SEGMENT_BYTES, SEGMENT_BYTES, SEGMENT_OVERHEAD_BYTES,
    TAG_BYTES, edit_list::whole, failed, fill, manifest::BodyHasher, packet::DataKey, refused,
};
use crate::Error;

/// Encrypts a plaintext in segments, each under a random nonce. An empty plaintext has no segment.
pub(super) fn encrypt(
    key: &DataKey,
    mut source: impl Read,
    sink: &mut impl Write,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<BodyManifest, Error> {
    let cipher = key.cipher();
    let mut hasher = BodyHasher::default();
    let mut buffer = Zeroizing::new(vec![0; SEGMENT_BYTES]);
    loop {
        let read = fill(&mut source, &mut buffer, "read the plaintext")?;
        let segment = buffer.get_mut(..read).unwrap_or_default();
        if !segment.is_empty() {
            let mut nonce = [0; NONCE_BYTES];
            rng.fill_bytes(&mut nonce);
            let tag = cipher.encrypt_inout_detached(&Nonce::from(nonce), &[], (&mut *segment).into());
            let tag = tag.map_err(|_| refused("body", "a segment cannot be encrypted"))?;
            for part in [&nonce[..], segment, &tag] {
                hasher.update(part);
                sink.write_all(part).map_err(failed("write the encrypted body"))?;
            }
        }
        if read < SEGMENT_BYTES {
            return hasher.finish();
        }
    }
}

/// Decrypts segments one after the other.
pub(super) struct Segments<R> {
    source: R,
    keys: Vec<DataKey>,
    buffer: Zeroizing<Vec<u8>>,
    /// Number of the next segment in the body, from zero.
    next: u64,
}

/// A segment as it was in the file, and where it is in the plaintext.
pub(super) struct Sealed<'a> {
    bytes: &'a mut [u8],
    keys: &'a mut Vec<DataKey>,
    number: u64,
}

impl<R: Read> Segments<R> {
    /// Segments from the source's position, where segment `next` begins.
    pub(super) fn new(source: R, keys: &[DataKey], next: u64) -> Self {
        Self { source, keys: keys.to_vec(), buffer: Zeroizing::new(vec![0; SEALED_SEGMENT_BYTES]), next }
    }

    /// The next segment; `None` at the end of the body.
    pub(super) fn read(&mut self) -> Result<Option<Sealed<'_>>, Error> {
        let read = fill(&mut self.source, &mut self.buffer, "read the encrypted body")?;
        if read == 0 {
            return Ok(None);
        }
        let number = self.next;
        self.next = number.saturating_add(1);
        let bytes = self.buffer.get_mut(..read).unwrap_or_default();
        if bytes.len() < SEGMENT_OVERHEAD_BYTES {
            return Err(refused(place(number), "the file ends within it; get the whole file again"));
        }
        Ok(Some(Sealed { bytes, keys: &mut self.keys, number }))
    }
}

fn place(number: u64) -> String {
    format!("segment {} of the body", number.saturating_add(1))
}

impl<'a> Sealed<'a> {
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes
    }

    /// Where its plaintext is in the whole.
    pub(super) fn plaintext_range(&self) -> Range<u64> {
        let start = self.number.saturating_mul(SEGMENT_BYTES as u64);
        let length = self.bytes.len().saturating_sub(SEGMENT_OVERHEAD_BYTES) as u64;
        start..start.saturating_add(length)
    }

    /// The plaintext, under the first data key that the tag agrees with. The key of the segment before is tried first.
    pub(super) fn open(self) -> Result<&'a [u8], Error> {
        let altered = || {
            let why = "it is altered, or encrypted with a key that the header does not give; get the whole file again";
            refused(place(self.number), why)
        };
        let (nonce, rest) = self.bytes.split_first_chunk_mut::<NONCE_BYTES>().ok_or_else(altered)?;
        let (text, tag) = rest.split_last_chunk_mut::<TAG_BYTES>().ok_or_else(altered)?;
        let (nonce, tag) = (Nonce::from(*nonce), Tag::from(*tag));
        // The tag is checked before anything is decrypted, so a key that does not fit leaves the text as it is.
        let fits = |key: &DataKey| key.cipher().decrypt_inout_detached(&nonce, &[], (&mut *text).into(), &tag).is_ok();
        let key = self.keys.iter().position(fits).ok_or_else(altered)?;
        self.keys.swap(0, key);
        Ok(text)
    }
}

/// The part of a segment's plaintext that lies within a range of the whole.
pub(super) fn within<'a>(text: &'a [u8], at: &Range<u64>, wanted: &Range<u64>) -> &'a [u8] {
    let place = |position: u64| usize::try_from(position.clamp(at.start, at.end).saturating_sub(at.start)).ok();
    let part = place(wanted.start).zip(place(wanted.end));
    part.and_then(|(start, end)| text.get(start..end)).unwrap_or_default()
}

/// Decrypts a whole body. Segments that an edit list leaves out are authenticated all the same.
pub(super) fn decrypt<W: Write>(header: &OpenHeader, body: impl Read, mut sink: W) -> Result<Decrypted<W>, Error> {
    // The end is not known yet; what is kept beyond it is nothing.
    let kept = header.edit_list().map_or_else(|| whole(u64::MAX), |edits| edits.kept(u64::MAX));
    let mut kept = kept.into_iter().peekable();
    let (mut hasher, mut written_bytes) = (BodyHasher::default(), 0_u64);
    let mut segments = Segments::new(body, header.keys(), 0);
    while let Some(segment) = segments.read()? {
        hasher.update(segment.bytes());
        let at = segment.plaintext_range();
        let text = segment.open()?;
        while let Some(part) = kept.next_if(|part| part.end <= at.end).or_else(|| kept.peek().cloned()) {
            let text = within(text, &at, &part);
            sink.write_all(text).map_err(failed("write the plaintext"))?;
            written_bytes = written_bytes.saturating_add(text.len() as u64);
            if part.end > at.end {
                break;
            }
        }
    }
    sink.flush().map_err(failed("write the plaintext"))?;
    Ok(Decrypted { sink, written_bytes, body: hasher.finish()? })
}
