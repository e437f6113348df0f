//! Sealing of messages to one reader: hybrid post-quantum, so that what is recorded today stays closed.
//!
//! X-Wing (X25519 with ML-KEM-768, draft-connolly-cfrg-xwing-kem) agrees on a secret, HKDF-SHA256 derives a key and a
//! nonce from it under the message's context, and ChaCha20-Poly1305 encrypts under both with the context and the
//! encapsulation as associated data. A message opened in another context is refused.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize, io};
use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit,
    aead::{Aead, Payload},
};
use circuits::{
    domain::{self, ByteTag},
    id::{ChainId, Digest},
};
use hkdf::Hkdf;
use rand::CryptoRng;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Sha256;
use x_wing::{Decapsulate, DecapsulationKey, Decapsulator, EncapsulationKey, KeyExport};
use zeroize::Zeroizing;

use crate::Error;

/// Bytes of a sealing public key.
pub const SEALING_PUBLIC_KEY_BYTES: usize = x_wing::ENCAPSULATION_KEY_SIZE;
/// Bytes of the randomness one sealing consumes.
pub const SEALING_RANDOMNESS_BYTES: usize = x_wing::ENCAPSULATION_RANDOMNESS_SIZE;
/// The longest message that is sealed: above the 49 KB of the largest component.
pub const SEALED_PLAINTEXT_BYTES_MAX: usize = 1 << 17;
/// What sealing adds to a message: the encapsulation and the authentication tag.
pub const SEALED_OVERHEAD_BYTES: usize = x_wing::CIPHERTEXT_SIZE + 16;

/// What a sealed message is for: a purpose, a chain and whatever else names it. Sealed under one, it opens under no
/// other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealingContext(Digest);

impl SealingContext {
    /// The context of a message of this purpose on this chain, named further by `parts`.
    #[must_use]
    pub fn new(purpose: ByteTag, chain: &ChainId, parts: &[&[u8]]) -> Self {
        let head: [&[u8]; 2] = [purpose.text().as_bytes(), chain.as_bytes()];
        let all: Vec<&[u8]> = head.into_iter().chain(parts.iter().copied()).collect();
        Self(domain::hash(ByteTag::Sealing, &all))
    }
}

/// Opens what is sealed to its public key. 32 secret bytes, wiped when dropped.
#[derive(Clone)]
pub struct SealingSecretKey(DecapsulationKey);

impl fmt::Debug for SealingSecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingSecretKey(redacted)")
    }
}

impl SealingSecretKey {
    /// A fresh key.
    #[must_use]
    pub fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut seed = Zeroizing::new([0; x_wing::DECAPSULATION_KEY_SIZE]);
        rng.fill_bytes(seed.as_mut());
        Self::from_bytes(&seed)
    }

    /// The key of these 32 secret bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; x_wing::DECAPSULATION_KEY_SIZE]) -> Self {
        Self(DecapsulationKey::from(*bytes))
    }

    /// The 32 secret bytes, for an encrypted key file.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; x_wing::DECAPSULATION_KEY_SIZE]> {
        Zeroizing::new(*self.0.as_bytes())
    }

    /// What others seal to.
    #[must_use]
    pub fn public_key(&self) -> SealingPublicKey {
        SealingPublicKey(self.0.encapsulation_key().clone())
    }
}

impl BorshSerialize for SealingSecretKey {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        writer.write_all(self.to_bytes().as_ref())
    }
}

impl BorshDeserialize for SealingSecretKey {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let mut bytes = Zeroizing::new([0; x_wing::DECAPSULATION_KEY_SIZE]);
        reader.read_exact(bytes.as_mut())?;
        Ok(Self::from_bytes(&bytes))
    }
}

/// Where messages are sealed to: 1,216 bytes on the wire, their hex as text.
#[derive(Clone, PartialEq, Eq)]
pub struct SealingPublicKey(EncapsulationKey);

impl SealingPublicKey {
    /// The key of its bytes.
    ///
    /// # Errors
    /// [`Error::Sealing`] for another length or for coordinates that are not reduced.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let refused = || Error::Sealing { why: format!("a public key is {SEALING_PUBLIC_KEY_BYTES} canonical bytes") };
        let key = EncapsulationKey::try_from(bytes).map_err(|_| refused())?;
        let x25519_reduced = bytes.last_chunk().is_some_and(is_reduced_x25519);
        if x25519_reduced && key.to_bytes().as_slice() == bytes { Ok(Self(key)) } else { Err(refused()) }
    }

    /// The 1,216 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes().to_vec()
    }
}

/// Whether a little-endian coordinate is below `2^255 - 19`, the only spelling of it that is accepted.
fn is_reduced_x25519(coordinate: &[u8; 32]) -> bool {
    let [first, middle @ .., last] = coordinate;
    *last < 0x7f || (*last == 0x7f && (*first < 0xed || middle.iter().any(|byte| *byte != 0xff)))
}

impl fmt::Display for SealingPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.to_bytes()))
    }
}

impl fmt::Debug for SealingPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingPublicKey({})", domain::hash(ByteTag::Sealing, &[&self.to_bytes()]))
    }
}

impl Serialize for SealingPublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SealingPublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <String as Deserialize>::deserialize(deserializer)?;
        let bytes = hex::decode(text).map_err(serde::de::Error::custom)?;
        Self::from_bytes(&bytes).map_err(serde::de::Error::custom)
    }
}

impl BorshSerialize for SealingPublicKey {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        writer.write_all(&self.to_bytes())
    }
}

impl BorshDeserialize for SealingPublicKey {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let mut bytes = [0; SEALING_PUBLIC_KEY_BYTES];
        reader.read_exact(&mut bytes)?;
        Self::from_bytes(&bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

/// Seals a message under fresh randomness: encapsulation, then ciphertext and tag.
///
/// # Errors
/// [`Error::Sealing`] for a message above [`SEALED_PLAINTEXT_BYTES_MAX`].
pub fn seal(
    reader: &SealingPublicKey,
    context: &SealingContext,
    plaintext: &[u8],
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Vec<u8>, Error> {
    let mut randomness = Zeroizing::new([0; SEALING_RANDOMNESS_BYTES]);
    rng.fill_bytes(randomness.as_mut());
    seal_deterministic(reader, context, plaintext, &randomness)
}

/// Seals a message under given randomness, which must be secret, uniform and used for this one message only.
///
/// # Errors
/// [`Error::Sealing`] for a message above [`SEALED_PLAINTEXT_BYTES_MAX`].
pub fn seal_deterministic(
    reader: &SealingPublicKey,
    context: &SealingContext,
    plaintext: &[u8],
    randomness: &[u8; SEALING_RANDOMNESS_BYTES],
) -> Result<Vec<u8>, Error> {
    if plaintext.len() > SEALED_PLAINTEXT_BYTES_MAX {
        let why = format!("{} bytes are too many; seal at most {SEALED_PLAINTEXT_BYTES_MAX}", plaintext.len());
        return Err(Error::Sealing { why });
    }
    let randomness = Zeroizing::new((*randomness).into());
    let (encapsulation, shared) = reader.0.encapsulate_deterministic(&randomness);
    let shared = Zeroizing::new(shared);
    let aad = [context.0.as_bytes(), encapsulation.as_slice()].concat();
    let (cipher, nonce) = derive(shared.as_slice(), context)?;
    let ciphertext = cipher
        .encrypt(&nonce.into(), Payload { msg: plaintext, aad: &aad })
        .map_err(|_| Error::Sealing { why: "the message cannot be encrypted; seal a shorter one".into() })?;
    Ok([encapsulation.as_slice(), &ciphertext].concat())
}

/// Opens a sealed message.
///
/// # Errors
/// [`Error::Sealing`] for a message that is too short or long, altered, sealed to another key or in another context.
pub fn open(secret: &SealingSecretKey, context: &SealingContext, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let range = SEALED_OVERHEAD_BYTES..=SEALED_OVERHEAD_BYTES + SEALED_PLAINTEXT_BYTES_MAX;
    let parts = sealed.split_first_chunk::<{ x_wing::CIPHERTEXT_SIZE }>();
    let Some((encapsulation, ciphertext)) = parts.filter(|_| range.contains(&sealed.len())) else {
        let why = format!("{} bytes are no sealed message; it has {range:?}", sealed.len());
        return Err(Error::Sealing { why });
    };
    let shared = Zeroizing::new(secret.0.decapsulate(&(*encapsulation).into()));
    let aad = [context.0.as_bytes(), encapsulation.as_slice()].concat();
    let (cipher, nonce) = derive(shared.as_slice(), context)?;
    match cipher.decrypt(&nonce.into(), Payload { msg: ciphertext, aad: &aad }) {
        Ok(plaintext) => Ok(Zeroizing::new(plaintext)),
        Err(_) => {
            let why = "it is altered, or sealed to another key or for another purpose; ask its sender again";
            Err(Error::Sealing { why: why.into() })
        }
    }
}

/// The cipher and nonce of one message: each encapsulated secret serves once.
fn derive(shared: &[u8], context: &SealingContext) -> Result<(ChaCha20Poly1305, [u8; 12]), Error> {
    let refused = || Error::Sealing { why: "key derivation failed".into() };
    let mut key = Zeroizing::new([0; 32]);
    let mut nonce = [0; 12];
    let kdf = Hkdf::<Sha256>::new(Some(ByteTag::Sealing.text().as_bytes()), shared);
    kdf.expand_multi_info(&[b"key", context.0.as_bytes()], key.as_mut()).map_err(|_| refused())?;
    kdf.expand_multi_info(&[b"nonce", context.0.as_bytes()], &mut nonce).map_err(|_| refused())?;
    Ok((ChaCha20Poly1305::new_from_slice(key.as_ref()).map_err(|_| refused())?, nonce))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    fn context(purpose: ByteTag) -> SealingContext {
        SealingContext::new(purpose, &ChainId::from_bytes([1; 32]), &[b"part"])
    }

    fn key(seed: u64) -> SealingSecretKey {
        SealingSecretKey::random(&mut StdRng::seed_from_u64(seed))
    }

    #[test]
    fn only_the_reader_in_the_right_context_opens() {
        let (reader, purpose) = (key(1), context(ByteTag::Component));
        let sealed = seal(&reader.public_key(), &purpose, b"message", &mut StdRng::seed_from_u64(2)).unwrap();
        assert_eq!(sealed.len(), b"message".len() + SEALED_OVERHEAD_BYTES);
        assert_eq!(open(&reader, &purpose, &sealed).unwrap().as_slice(), b"message");
        assert!(open(&key(3), &purpose, &sealed).is_err());
        assert!(open(&reader, &context(ByteTag::KeyGeneration), &sealed).is_err());
        let other_chain = SealingContext::new(ByteTag::Component, &ChainId::from_bytes([2; 32]), &[b"part"]);
        assert!(open(&reader, &other_chain, &sealed).is_err());
    }

    #[test]
    fn the_same_randomness_gives_the_same_bytes() {
        let (reader, purpose) = (key(1).public_key(), context(ByteTag::Component));
        let sealed = seal_deterministic(&reader, &purpose, b"", &[5; 64]).unwrap();
        assert_eq!(seal_deterministic(&reader, &purpose, b"", &[5; 64]).unwrap(), sealed);
        assert_ne!(seal_deterministic(&reader, &purpose, b"", &[6; 64]).unwrap(), sealed);
        assert!(open(&key(1), &purpose, &sealed).unwrap().is_empty());
    }

    #[test]
    fn a_message_or_seal_beyond_its_bounds_is_refused() {
        let (reader, purpose) = (key(1), context(ByteTag::Component));
        let long = vec![0; SEALED_PLAINTEXT_BYTES_MAX + 1];
        assert!(seal_deterministic(&reader.public_key(), &purpose, &long, &[5; 64]).is_err());
        assert!(seal_deterministic(&reader.public_key(), &purpose, &long[1..], &[5; 64]).is_ok());
        for length in [0, SEALED_OVERHEAD_BYTES - 1, SEALED_OVERHEAD_BYTES + SEALED_PLAINTEXT_BYTES_MAX + 1] {
            assert!(open(&reader, &purpose, &vec![0; length]).is_err());
        }
    }

    #[test]
    fn a_public_key_has_one_spelling() {
        let public = key(1).public_key();
        let bytes = public.to_bytes();
        assert_eq!(SealingPublicKey::from_bytes(&bytes).unwrap(), public);
        assert_eq!(borsh::from_slice::<SealingPublicKey>(&borsh::to_vec(&public).unwrap()).unwrap(), public);
        let json = serde_json::to_string(&public).unwrap();
        assert_eq!(serde_json::from_str::<SealingPublicKey>(&json).unwrap(), public);
        assert!(SealingPublicKey::from_bytes(&bytes[1..]).is_err());
        let mut high_bit = bytes.clone();
        high_bit[SEALING_PUBLIC_KEY_BYTES - 1] |= 0x80;
        assert!(SealingPublicKey::from_bytes(&high_bit).is_err());
        let mut unreduced = bytes;
        unreduced[..2].copy_from_slice(&[0xff, 0xff]);
        assert!(SealingPublicKey::from_bytes(&unreduced).is_err(), "a coefficient of 4095 is above 3329");
    }

    #[test]
    fn a_secret_key_survives_its_file_and_does_not_print() {
        let secret = key(1);
        let wire = borsh::to_vec(&secret).unwrap();
        let read: SealingSecretKey = borsh::from_slice(&wire).unwrap();
        assert_eq!(read.public_key(), secret.public_key());
        assert_eq!(format!("{secret:?}"), "SealingSecretKey(redacted)");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn a_flipped_bit_anywhere_is_refused(
            message in proptest::collection::vec(any::<u8>(), 0..64), place: prop::sample::Index, bit in 0..8u8,
        ) {
            let (reader, purpose) = (key(1), context(ByteTag::Component));
            let mut sealed = seal_deterministic(&reader.public_key(), &purpose, &message, &[9; 64]).unwrap();
            let place = place.index(sealed.len());
            sealed[place] ^= 1 << bit;
            prop_assert!(open(&reader, &purpose, &sealed).is_err());
        }
    }
}
