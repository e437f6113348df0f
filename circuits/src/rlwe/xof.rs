//! SHAKE256 over a tag and length-prefixed parts: every extendable output of the protocol.

use shake::{ExtendableOutput, Shake256, Shake256Reader, Update, XofReader};

use crate::domain::ByteTag;

/// An endless, deterministic byte stream (FIPS 202) named by a tag and parts.
pub struct Xof(Shake256Reader);

impl Xof {
    /// The stream of a tag and parts, each absorbed after its length as a little-endian u64.
    #[must_use]
    pub fn new(tag: ByteTag, parts: &[&[u8]]) -> Self {
        let mut shake = Shake256::default();
        for part in std::iter::once(tag.text().as_bytes()).chain(parts.iter().copied()) {
            shake.update(&(part.len() as u64).to_le_bytes());
            shake.update(part);
        }
        Self(shake.finalize_xof())
    }

    /// Fills the buffer with the stream's next bytes.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.0.read(bytes);
    }
}

impl std::fmt::Debug for Xof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Xof(redacted)")
    }
}
