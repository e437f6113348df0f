//! Header packets: what one reader is told, encrypted to that reader (sections 3.2 and 3.3).

use std::fmt;

use chacha20poly1305::{
    ChaCha20Poly1305, Key, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use rand::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{EditList, HEADER_BYTES_MAX, NONCE_BYTES, PublicKey, SecretKey, TAG_BYTES, refused};
use crate::Error;

/// `X25519_chacha20_ietf_poly1305`, the one encryption of packets there is.
const X25519_CHACHA20_POLY1305: u32 = 0;
/// `chacha20_ietf_poly1305` of segments.
const CHACHA20_POLY1305: u32 = 0;
/// `chacha20_ietf_poly1305_with_AEAD` of segments, which few programs write.
const CHACHA20_POLY1305_WITH_AEAD: u32 = 1;
const DATA_ENCRYPTION_PARAMETERS: u32 = 0;
const DATA_EDIT_LIST: u32 = 1;
/// Before the encrypted payload: method, writer's key, nonce.
const SEALED_HEAD_BYTES: usize = 4 + 32 + NONCE_BYTES;

/// Encrypts the segments of a body. Wiped when dropped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub(super) struct DataKey([u8; 32]);

impl DataKey {
    pub(super) fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut key = Self([0; 32]);
        rng.fill_bytes(&mut key.0);
        key
    }

    pub(super) fn cipher(&self) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new(&Key::from(self.0))
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(redacted)")
    }
}

/// What a packet says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    Key(DataKey),
    Edits(EditList),
}

impl Content {
    fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(vec![]);
        match self {
            Self::Key(key) => {
                bytes.extend(DATA_ENCRYPTION_PARAMETERS.to_le_bytes());
                bytes.extend(CHACHA20_POLY1305.to_le_bytes());
                bytes.extend(key.0);
            }
            Self::Edits(edits) => {
                bytes.extend(DATA_EDIT_LIST.to_le_bytes());
                // A list is never longer than a header.
                bytes.extend(u32::try_from(edits.lengths().len()).unwrap_or(u32::MAX).to_le_bytes());
                bytes.extend(edits.lengths().iter().flat_map(|length| length.to_le_bytes()));
            }
        }
        bytes
    }

    /// Bytes behind what a packet says are padding.
    fn decode(place: &str, bytes: &[u8]) -> Result<Self, Error> {
        let short = || refused(place, "it ends before all that it should say");
        let (kind, rest) = number(bytes).ok_or_else(short)?;
        match kind {
            DATA_ENCRYPTION_PARAMETERS => {
                let (method, rest) = number(rest).ok_or_else(short)?;
                let key = rest.first_chunk::<32>().ok_or_else(short)?;
                match method {
                    CHACHA20_POLY1305 => Ok(Self::Key(DataKey(*key))),
                    CHACHA20_POLY1305_WITH_AEAD => Err(refused(
                        place,
                        "the body is in the mode chacha20_ietf_poly1305_with_AEAD, which is not supported; ask its \
                         writer for chacha20_ietf_poly1305",
                    )),
                    other => Err(refused(place, format!("data encryption method {other} is not known"))),
                }
            }
            DATA_EDIT_LIST => {
                let (count, rest) = number(rest).ok_or_else(short)?;
                let bytes = usize::try_from(count).ok().and_then(|count| count.checked_mul(8)).ok_or_else(short)?;
                let (lengths, _) = rest.get(..bytes).ok_or_else(short)?.as_chunks::<8>();
                Ok(Self::Edits(EditList::new(lengths.iter().map(|length| u64::from_le_bytes(*length)).collect())?))
            }
            other => Err(refused(place, format!("packet type {other} is not known; a newer version may read it"))),
        }
    }
}

/// A little-endian number and what follows it.
fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u32::from_le_bytes(*number), rest))
}

/// A packet as it is in the file, without its length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packet(pub(super) Vec<u8>);

impl Packet {
    /// Encrypts what a reader is told with a writer's key.
    pub(super) fn seal(
        content: &Content,
        writer: &SecretKey,
        reader: &PublicKey,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Self, Error> {
        let mut nonce = [0; NONCE_BYTES];
        rng.fill_bytes(&mut nonce);
        let cipher = ChaCha20Poly1305::new(&Key::from(*writer.shared_with_reader(reader)?));
        let sealed = cipher.encrypt(&Nonce::from(nonce), content.encode().as_slice());
        let sealed = sealed.map_err(|_| refused("header", "a packet is too long to be encrypted"))?;
        let method = X25519_CHACHA20_POLY1305.to_le_bytes();
        Ok(Self([&method[..], writer.public_key().as_bytes(), &nonce, &sealed].concat()))
    }

    /// The writer's public key, in a packet of the known encryption.
    pub(super) fn writer(&self) -> Option<PublicKey> {
        let (method, rest) = number(&self.0)?;
        let key = rest.first_chunk::<32>()?;
        (method == X25519_CHACHA20_POLY1305).then_some(PublicKey::from_bytes(*key))
    }

    /// What the packet says, when it is for this reader; `None` when it is for somebody else.
    pub(super) fn open(&self, place: &str, reader: &SecretKey) -> Result<Option<Content>, Error> {
        let Some(writer) = self.writer() else { return Ok(None) };
        let Some((head, sealed)) = self.0.split_at_checked(SEALED_HEAD_BYTES) else { return Ok(None) };
        let Some(nonce) = head.last_chunk::<NONCE_BYTES>().filter(|_| sealed.len() >= TAG_BYTES) else {
            return Ok(None);
        };
        let Ok(shared) = reader.shared_with_writer(&writer) else { return Ok(None) };
        let cipher = ChaCha20Poly1305::new(&Key::from(*shared));
        match cipher.decrypt(&Nonce::from(*nonce), Payload::from(sealed)) {
            Ok(plaintext) => Content::decode(place, &Zeroizing::new(plaintext)).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Its bytes in the file, length included.
    pub(super) fn file_bytes(&self) -> usize {
        self.0.len().saturating_add(4)
    }

    pub(super) fn encode_into(&self, bytes: &mut Vec<u8>) {
        // A packet is never longer than a header.
        bytes.extend(u32::try_from(self.file_bytes()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(&self.0);
    }
}

const _: () = assert!(HEADER_BYTES_MAX < u32::MAX as usize);
