mod fixtures;
mod headers;
mod refused;
mod round_trip;

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::*;

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(8)
}

/// A reader's key, by number.
fn reader(number: u8) -> SecretKey {
    SecretKey::from_bytes([number; 32])
}

/// Bytes of which no two segments are alike.
fn plaintext(length: usize) -> Vec<u8> {
    (0..length).map(|place| u8::try_from((place ^ (place >> 8) ^ (place >> 16)) % 251).unwrap()).collect()
}

/// A file for the first reader, with its manifest.
fn file(length: usize) -> (Vec<u8>, BodyManifest) {
    let mut bytes = vec![];
    let manifest = encrypt(&[reader(1).public_key()], plaintext(length).as_slice(), &mut bytes, &mut rng()).unwrap();
    (bytes, manifest)
}

fn decrypt(mut file: &[u8], key: &SecretKey) -> Result<Decrypted<Vec<u8>>, Error> {
    Header::read(&mut file)?.open(key)?.decrypt(file, vec![])
}

/// Where the body of a file for one reader begins.
const BODY_START: usize = 16 + 108;
