//! Digests of blobs, by kind.

use circuits::{
    domain::{ByteTag, PieceHasher},
    id::Digest,
};
use sha2::{Digest as _, Sha256};

use super::BlobKind;

/// How a kind's digests are taken.
enum Preimage {
    /// Under a tag, after a first part where there is one.
    Tagged(ByteTag, Option<&'static [u8]>),
    /// Of the bytes alone (FIPS 180-4). Archives, manifests and the ledger's offers name Crypt4GH files so, and a tag
    /// would make two names of one thing.
    Plain,
}

const fn preimage(kind: BlobKind) -> Preimage {
    match kind {
        BlobKind::Ciphertext => Preimage::Tagged(ByteTag::Ciphertext, None),
        BlobKind::Aggregate => Preimage::Tagged(ByteTag::Aggregate, None),
        BlobKind::SealedComponent => Preimage::Tagged(ByteTag::SealedComponent, None),
        BlobKind::PublicShare => Preimage::Tagged(ByteTag::PublicShare, None),
        BlobKind::KeyGeneration => Preimage::Tagged(ByteTag::KeyGeneration, None),
        // As `VariantPanel::digest` takes it.
        BlobKind::Panel => Preimage::Tagged(ByteTag::Schema, Some(b"panel")),
        BlobKind::Invitation => Preimage::Tagged(ByteTag::Invitation, None),
        BlobKind::Contact => Preimage::Tagged(ByteTag::Contact, None),
        BlobKind::Blob => Preimage::Tagged(ByteTag::Blob, None),
        BlobKind::Genome | BlobKind::GenomeHeader => Preimage::Plain,
    }
}

/// Takes the digest of a blob that comes in pieces.
#[derive(Debug, Clone)]
pub struct BlobHasher(State);

#[derive(Debug, Clone)]
enum State {
    Tagged(PieceHasher),
    Plain { hasher: Sha256, expected_bytes: u64, seen_bytes: u64 },
}

impl BlobHasher {
    /// Begins a blob of a kind and length.
    #[must_use]
    pub fn new(kind: BlobKind, expected_bytes: u64) -> Self {
        Self(match preimage(kind) {
            Preimage::Tagged(tag, first) => State::Tagged(PieceHasher::new(tag, first.as_slice(), expected_bytes)),
            Preimage::Plain => State::Plain { hasher: Sha256::new(), expected_bytes, seen_bytes: 0 },
        })
    }

    /// Takes the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        match &mut self.0 {
            State::Tagged(hasher) => hasher.update(piece),
            State::Plain { hasher, seen_bytes, .. } => {
                hasher.update(piece);
                *seen_bytes = seen_bytes.saturating_add(piece.len() as u64);
            }
        }
    }

    /// The digest; `None` when the pieces are not as long as was said.
    #[must_use]
    pub fn finish(self) -> Option<Digest> {
        match self.0 {
            State::Tagged(hasher) => hasher.finish(),
            State::Plain { hasher, expected_bytes, seen_bytes } => {
                (seen_bytes == expected_bytes).then(|| Digest::from_bytes(hasher.finalize().into()))
            }
        }
    }
}
