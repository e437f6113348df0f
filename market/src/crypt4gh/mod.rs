//! Genomes at rest: files in the Crypt4GH format, version 1 (GA4GH, `crypt4gh.tex` of hts-specs).
//!
//! A file is a header and a body. The body is the plaintext in segments of 64 KiB, each encrypted with
//! ChaCha20-Poly1305 under a data key that is the file's own. The header holds that key once for each reader, encrypted
//! to the reader's X25519 key. So a licence costs a new header and no new body ([`Header::reencrypt`]), and a header is
//! worth a copy of the plaintext to whoever opens it: what was licensed cannot be taken back.
//!
//! **What the format does not say.** Each segment is authentic by itself. A body that is cut between two segments, or
//! whose segments changed places, decrypts without an error. A [`BodyManifest`] says how long a body is and what its
//! hash is. [`Decrypted`] becomes [`Verified`] by a manifest from somebody who is trusted, the ledger or the patient,
//! and Locus gives out nothing less unless asked to.
//!
//! Everything streams: no more than a segment and a header of [`HEADER_BYTES_MAX`] are in memory at once.

mod body;
mod edit_list;
mod header;
mod key_file;
mod keys;
mod manifest;
mod packet;
mod range;
#[cfg(test)]
mod tests;

use std::io::{self, Read, Write};

use rand::CryptoRng;

pub use self::{
    edit_list::EditList,
    header::{Header, OpenHeader, Others},
    key_file::KeyProtection,
    keys::{PublicKey, SecretKey},
    manifest::{BodyManifest, Decrypted, Verified},
    range::RangeReader,
};
use crate::Error;

/// Plaintext bytes of a segment; the last one has what is left (section 3.4.1).
pub const SEGMENT_BYTES: usize = 1 << 16;
/// What encryption adds to a segment: a nonce of 12 bytes and a tag of 16.
pub const SEGMENT_OVERHEAD_BYTES: usize = NONCE_BYTES + TAG_BYTES;
/// Packets that a header may hold.
pub const HEADER_PACKETS_MAX: usize = 1_024;
/// Bytes of the longest header that is read or written. An edit list of 131,000 lengths fits.
pub const HEADER_BYTES_MAX: usize = 1 << 20;
/// Data keys of one reader: each segment is tried with all of them.
pub const DATA_KEYS_MAX: usize = 64;

const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

/// Bytes of a full segment once encrypted.
const SEALED_SEGMENT_BYTES: usize = SEGMENT_BYTES + SEGMENT_OVERHEAD_BYTES;

/// Encrypts a plaintext for its readers into one file: header, then body. Returns what to keep of the body.
///
/// # Errors
/// [`Error::Crypt4gh`] without readers or with too many, [`Error::Crypt4ghStream`] when a stream fails.
pub fn encrypt(
    recipients: &[PublicKey],
    source: impl Read,
    mut sink: impl Write,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<BodyManifest, Error> {
    let (header, key) = Header::create(recipients, rng)?;
    sink.write_all(&header.to_bytes()?).map_err(failed("write the header"))?;
    let manifest = body::encrypt(&key, source, &mut sink, rng)?;
    sink.flush().map_err(failed("write the encrypted body"))?;
    Ok(manifest)
}

fn failed(action: &'static str) -> impl Fn(io::Error) -> Error {
    move |source| Error::Crypt4ghStream { action, source }
}

fn refused(place: impl Into<String>, why: impl Into<String>) -> Error {
    Error::Crypt4gh { place: place.into(), why: why.into() }
}

/// Reads until the buffer is full or the source ends; the bytes read.
fn fill(source: &mut impl Read, buffer: &mut [u8], action: &'static str) -> Result<usize, Error> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match source.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(action)(error)),
        }
    }
    Ok(filled)
}
