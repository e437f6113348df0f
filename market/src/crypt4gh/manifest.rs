//! What a body is as a whole, which the format does not say.

use std::io::Read;

use circuits::id::Digest;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{SEALED_SEGMENT_BYTES, SEGMENT_BYTES, SEGMENT_OVERHEAD_BYTES, fill, refused};
use crate::Error;

/// Length and hash of an encrypted body. Nothing in it is secret; who knows it from a trusted place knows a body that
/// was cut, grown or rearranged from the right one. SHA-256 is plain, as archives and DRS checksums have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, borsh::BorshSerialize, borsh::BorshDeserialize)]
#[serde(deny_unknown_fields)]
pub struct BodyManifest {
    plaintext_bytes: u64,
    body_bytes: u64,
    body_sha256: Digest,
}

impl BodyManifest {
    /// The manifest that somebody states, such as a dataset's owner on the ledger.
    #[must_use]
    pub const fn new(plaintext_bytes: u64, body_bytes: u64, body_sha256: Digest) -> Self {
        Self { plaintext_bytes, body_bytes, body_sha256 }
    }

    /// The manifest of a body, which needs no key.
    ///
    /// # Errors
    /// [`Error::Crypt4gh`] when no body is so long, [`Error::Crypt4ghStream`] when the source fails.
    pub fn of(mut body: impl Read) -> Result<Self, Error> {
        let (mut hasher, mut buffer) = (BodyHasher::default(), vec![0; SEALED_SEGMENT_BYTES]);
        loop {
            let read = fill(&mut body, &mut buffer, "read the encrypted body")?;
            hasher.update(buffer.get(..read).unwrap_or_default());
            if read < buffer.len() {
                return hasher.finish();
            }
        }
    }

    /// Bytes of the plaintext, before any edit list.
    #[must_use]
    pub const fn plaintext_bytes(&self) -> u64 {
        self.plaintext_bytes
    }

    /// Bytes of the encrypted body, without the header.
    #[must_use]
    pub const fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    /// SHA-256 of the encrypted body.
    #[must_use]
    pub const fn body_sha256(&self) -> Digest {
        self.body_sha256
    }

    /// Checks that a body's manifest is this one.
    ///
    /// # Errors
    /// [`Error::Crypt4ghBody`] that says what differs.
    pub fn check(&self, found: &Self) -> Result<(), Error> {
        let differs = |what, expected: String, found: String| Err(Error::Crypt4ghBody { what, expected, found });
        if self.body_bytes != found.body_bytes {
            return differs("bytes of the body", self.body_bytes.to_string(), found.body_bytes.to_string());
        }
        if self.plaintext_bytes != found.plaintext_bytes {
            return differs("bytes of plaintext", self.plaintext_bytes.to_string(), found.plaintext_bytes.to_string());
        }
        if self.body_sha256 != found.body_sha256 {
            return differs("SHA-256 of the body", self.body_sha256.to_string(), found.body_sha256.to_string());
        }
        Ok(())
    }
}

impl BodyManifest {
    /// An edit list leaves out and never repeats or moves, so one that keeps all bytes keeps them as they are.
    pub(super) fn check_unedited(&self, readable_bytes: u64) -> Result<(), Error> {
        if readable_bytes == self.plaintext_bytes {
            return Ok(());
        }
        let (expected, found) = (self.plaintext_bytes.to_string(), readable_bytes.to_string());
        Err(Error::Crypt4ghBody { what: "bytes that the header's edit list keeps", expected, found })
    }
}

/// Plaintext bytes in a body of so many; `None` when no body is so long.
pub(super) fn plaintext_bytes(body_bytes: u64) -> Option<u64> {
    let (full, rest) = (body_bytes / SEALED_SEGMENT_BYTES as u64, body_bytes % SEALED_SEGMENT_BYTES as u64);
    let last = if rest == 0 { 0 } else { rest.checked_sub(SEGMENT_OVERHEAD_BYTES as u64)? };
    full.checked_mul(SEGMENT_BYTES as u64)?.checked_add(last)
}

/// Hashes a body as it passes.
#[derive(Default)]
pub(super) struct BodyHasher {
    sha256: Sha256,
    body_bytes: u64,
}

impl BodyHasher {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.body_bytes = self.body_bytes.saturating_add(bytes.len() as u64);
    }

    pub(super) fn finish(self) -> Result<BodyManifest, Error> {
        let body_bytes = self.body_bytes;
        let plaintext_bytes = plaintext_bytes(body_bytes).ok_or_else(|| {
            refused("body", format!("it ends within a segment, at byte {body_bytes}; get the whole file again"))
        })?;
        let body_sha256 = Digest::from_bytes(self.sha256.finalize().into());
        Ok(BodyManifest { plaintext_bytes, body_bytes, body_sha256 })
    }
}

/// A plaintext whose segments are authentic each by itself. Some may be missing, or in another order.
#[derive(Debug)]
#[must_use = "it may be cut; verify it by a manifest"]
pub struct Decrypted<W> {
    pub(super) sink: W,
    pub(super) written_bytes: u64,
    pub(super) body: BodyManifest,
}

impl<W> Decrypted<W> {
    /// Bytes written, after edits.
    #[must_use]
    pub const fn written_bytes(&self) -> u64 {
        self.written_bytes
    }

    /// The manifest of the body that was read.
    #[must_use]
    pub const fn body(&self) -> &BodyManifest {
        &self.body
    }

    /// Checks that the body is the one a trusted manifest names, and that an edit list left nothing of it out: anybody
    /// can add one to a header.
    ///
    /// # Errors
    /// [`Error::Crypt4ghBody`] that says what differs.
    pub fn verify(self, manifest: &BodyManifest) -> Result<Verified<W>, Error> {
        manifest.check(&self.body)?;
        manifest.check_unedited(self.written_bytes)?;
        Ok(Verified { sink: self.sink, manifest: *manifest })
    }

    /// The plaintext as it is, by somebody who takes the risk.
    pub fn into_unverified(self) -> W {
        self.sink
    }
}

/// A plaintext, or a reader of one, that is all of what its manifest names, and nothing else.
#[derive(Debug)]
pub struct Verified<W> {
    pub(super) sink: W,
    pub(super) manifest: BodyManifest,
}

impl<W> Verified<W> {
    /// What it was checked by.
    #[must_use]
    pub const fn manifest(&self) -> &BodyManifest {
        &self.manifest
    }

    /// The plaintext, or its reader.
    pub fn into_inner(self) -> W {
        self.sink
    }
}
