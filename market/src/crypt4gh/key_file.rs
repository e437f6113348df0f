//! Key files as the other implementations write them: PEM armour around a public key, or around a private key that a
//! passphrase protects (the specification leaves them open; this is the form of the `crypt4gh` reference tool 1.x).

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chacha20poly1305::{ChaCha20Poly1305, Key, KeyInit, Nonce, aead::Aead};
use rand::CryptoRng;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{NONCE_BYTES, PublicKey, SecretKey};
use crate::Error;

/// The longest key file.
const KEY_FILE_BYTES_MAX: usize = 1 << 14;
/// The most rounds of bcrypt that a file may ask for: the reference tool writes 100, and 10,000 take a minute.
const BCRYPT_ROUNDS_MAX: u32 = 10_000;
const BCRYPT_ROUNDS: u32 = 100;
/// The most rounds of PBKDF2: the reference tool writes 100,000.
const PBKDF2_ROUNDS_MAX: u32 = 10_000_000;
/// scrypt's cost in the format: N = 2^14, r = 8, p = 1, which is 16 MiB.
const SCRYPT_WORK_LOG2: u8 = 14;
const SALT_BYTES: usize = 16;

const MAGIC: &[u8] = b"c4gh-v1";
const OPENSSH_MAGIC: &[u8] = b"openssh-key-v1\0";
const NONE: &[u8] = b"none";
const SCRYPT: &[u8] = b"scrypt";
const BCRYPT: &[u8] = b"bcrypt";
const PBKDF2: &[u8] = b"pbkdf2_hmac_sha256";
const CIPHER: &[u8] = b"chacha20_poly1305";
const PRIVATE: &str = "CRYPT4GH PRIVATE KEY";
const ENCRYPTED: &str = "CRYPT4GH ENCRYPTED PRIVATE KEY";
const PUBLIC: &str = "CRYPT4GH PUBLIC KEY";

/// X25519 keys in DER: what precedes the 32 bytes (RFC 8410, section 7 and 4).
const PKCS8_HEAD: &[u8] = &[0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 4, 0x22, 4, 0x20];
const SPKI_HEAD: &[u8] = &[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 3, 0x21, 0];

/// How a private key's file is protected.
#[derive(Clone)]
pub enum KeyProtection {
    /// By a passphrase, stretched with scrypt: what the reference tool writes.
    Scrypt(Zeroizing<String>),
    /// By a passphrase, stretched with bcrypt's PBKDF, for readers without scrypt.
    Bcrypt(Zeroizing<String>),
    /// By nothing. Whoever reads the file has the key.
    None,
}

impl std::fmt::Debug for KeyProtection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Scrypt(_) => "KeyProtection(scrypt, redacted)",
            Self::Bcrypt(_) => "KeyProtection(bcrypt, redacted)",
            Self::None => "KeyProtection(none)",
        })
    }
}

impl PublicKey {
    /// The text of its file.
    #[must_use]
    pub fn to_file(&self) -> String {
        armour(PUBLIC, self.as_bytes()).to_string()
    }

    /// Reads a public key's file: Crypt4GH's own, or an X25519 key in PEM (RFC 8410). `path` names it in errors.
    ///
    /// # Errors
    /// [`Error::FileDamaged`] when it is none, [`Error::FileKind`] for a private or an OpenSSH key.
    pub fn from_file(path: &Path, text: &str) -> Result<Self, Error> {
        if text.starts_with("ssh-") {
            return Err(openssh(path));
        }
        let (label, bytes) = bare(path, text)?;
        if label.contains("PRIVATE") {
            let found = "a private key".into();
            return Err(Error::FileKind { path: path.into(), found, expected: "a public key".into() });
        }
        let key = bytes.strip_prefix(SPKI_HEAD).unwrap_or(&bytes);
        let key = key.try_into().map_err(|_| damaged(path, "it holds no X25519 public key of 32 bytes"))?;
        Ok(Self::from_bytes(key))
    }
}

impl SecretKey {
    /// The text of its file.
    ///
    /// # Errors
    /// [`Error::Refused`] when the passphrase is empty.
    pub fn to_file(
        &self,
        protection: &KeyProtection,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Zeroizing<String>, Error> {
        let (kdf, rounds, passphrase) = match protection {
            KeyProtection::None => {
                let bytes = [MAGIC, &string(NONE), &string(NONE), &Zeroizing::new(string(self.as_bytes()))].concat();
                return Ok(armour(PRIVATE, &Zeroizing::new(bytes)));
            }
            KeyProtection::Scrypt(passphrase) => (SCRYPT, 0, passphrase),
            KeyProtection::Bcrypt(passphrase) => (BCRYPT, BCRYPT_ROUNDS, passphrase),
        };
        let refused = |why: &str| Error::Refused {
            who: "the key file".into(),
            action: "encrypt the private key",
            why: why.into(),
        };
        if passphrase.is_empty() {
            return Err(refused("an empty passphrase protects nothing; choose several random words"));
        }
        let (mut salt, mut nonce) = ([0; SALT_BYTES], [0; NONCE_BYTES]);
        rng.fill_bytes(&mut salt);
        rng.fill_bytes(&mut nonce);
        let key = stretch(kdf, passphrase, &salt, rounds).map_err(|why| refused(&why))?;
        let cipher = ChaCha20Poly1305::new(&Key::from(*key));
        let sealed = cipher.encrypt(&Nonce::from(nonce), self.as_bytes().as_slice());
        let sealed = sealed.map_err(|_| refused("the cipher failed; try again"))?;
        let options = [&rounds.to_be_bytes()[..], &salt].concat();
        let parts = [kdf, &options, CIPHER, &[&nonce[..], &sealed].concat()].map(string);
        Ok(armour(ENCRYPTED, &[MAGIC, &parts.concat()].concat()))
    }

    /// Reads a private key's file: Crypt4GH's own, its bare 32 bytes, or an X25519 key in PEM (RFC 8410). `path` names
    /// it in errors; `passphrase` is asked only when the file is encrypted.
    ///
    /// # Errors
    /// [`Error::FileDamaged`] when it is none, [`Error::FileKind`] for a public or an OpenSSH key,
    /// [`Error::WrongPassphrase`], and whatever `passphrase` returns.
    pub fn from_file<E: From<Error>>(
        path: &Path,
        text: &str,
        passphrase: impl FnOnce() -> Result<Zeroizing<String>, E>,
    ) -> Result<Self, E> {
        let (label, bytes) = bare(path, text)?;
        if label.contains("PUBLIC") {
            let found = "a public key".into();
            return Err(Error::FileKind { path: path.into(), found, expected: "a private key".into() }.into());
        }
        if bytes.starts_with(OPENSSH_MAGIC) {
            return Err(openssh(path).into());
        }
        let Some(rest) = bytes.strip_prefix(MAGIC) else {
            let key = bytes.strip_prefix(PKCS8_HEAD).unwrap_or(&bytes);
            return Ok(Self::from_slice(path, key)?);
        };
        match Container::parse(path, rest)? {
            Container::Bare(key) => Ok(Self::from_slice(path, key)?),
            Container::Encrypted(encrypted) => {
                let passphrase = passphrase()?;
                Ok(encrypted.open(path, &passphrase)?)
            }
        }
    }

    fn from_slice(path: &Path, bytes: &[u8]) -> Result<Self, Error> {
        let key = bytes.try_into().map_err(|_| damaged(path, "it holds no X25519 private key of 32 bytes"))?;
        Ok(Self::from_bytes(key))
    }
}

/// What follows the magic in a private key's file.
enum Container<'a> {
    Bare(&'a [u8]),
    Encrypted(Encrypted<'a>),
}

struct Encrypted<'a> {
    kdf: &'a [u8],
    rounds: u32,
    salt: &'a [u8],
    nonce: [u8; NONCE_BYTES],
    sealed: &'a [u8],
}

impl<'a> Container<'a> {
    /// Strings of a length in two bytes, big-endian; a comment may follow.
    fn parse(path: &Path, mut bytes: &'a [u8]) -> Result<Self, Error> {
        let mut next = || -> Result<&'a [u8], Error> {
            let short = || damaged(path, "it ends before all that it should say");
            let (length, rest) = bytes.split_first_chunk::<2>().ok_or_else(short)?;
            let (string, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into()).ok_or_else(short)?;
            bytes = rest;
            Ok(string)
        };
        let kdf = next()?;
        let options = if kdf == NONE { &[][..] } else { next()? };
        let (cipher, private) = (next()?, next()?);
        if cipher == NONE {
            return Ok(Self::Bare(private));
        }
        let unknown = |what: &str, name: &[u8]| {
            damaged(path, &format!("its {what} {:?} is not known", String::from_utf8_lossy(name)))
        };
        if cipher != CIPHER {
            return Err(unknown("cipher", cipher));
        }
        if ![SCRYPT, BCRYPT, PBKDF2].contains(&kdf) {
            return Err(unknown("key derivation", kdf));
        }
        let options = options.split_first_chunk::<4>();
        let (rounds, salt) = options.ok_or_else(|| damaged(path, "its key derivation has no options"))?;
        let private = private.split_first_chunk::<NONCE_BYTES>();
        let (nonce, sealed) = private.ok_or_else(|| damaged(path, "its private key is cut"))?;
        Ok(Self::Encrypted(Encrypted { kdf, rounds: u32::from_be_bytes(*rounds), salt, nonce: *nonce, sealed }))
    }
}

impl Encrypted<'_> {
    fn open(&self, path: &Path, passphrase: &str) -> Result<SecretKey, Error> {
        let wrong = || Error::WrongPassphrase { path: path.into() };
        if passphrase.is_empty() {
            return Err(wrong());
        }
        let key = stretch(self.kdf, passphrase, self.salt, self.rounds).map_err(|why| damaged(path, &why))?;
        let cipher = ChaCha20Poly1305::new(&Key::from(*key));
        let bytes = Zeroizing::new(cipher.decrypt(&Nonce::from(self.nonce), self.sealed).map_err(|_| wrong())?);
        SecretKey::from_slice(path, &bytes)
    }
}

/// The key that a passphrase gives.
fn stretch(kdf: &[u8], passphrase: &str, salt: &[u8], rounds: u32) -> Result<Zeroizing<[u8; 32]>, String> {
    let mut key = Zeroizing::new([0; 32]);
    let within = |rounds_max: u32| {
        let why = || format!("it asks for {rounds} rounds of key derivation, 1 to {rounds_max} are made");
        if (1..=rounds_max).contains(&rounds) { Ok(()) } else { Err(why()) }
    };
    match kdf {
        SCRYPT => {
            let params = scrypt::Params::new(SCRYPT_WORK_LOG2, 8, 1).map_err(|error| error.to_string())?;
            scrypt::scrypt(passphrase.as_bytes(), salt, &params, key.as_mut()).map_err(|error| error.to_string())?;
        }
        BCRYPT => {
            within(BCRYPT_ROUNDS_MAX)?;
            let made = bcrypt_pbkdf::bcrypt_pbkdf(passphrase, salt, rounds, key.as_mut());
            made.map_err(|error| format!("bcrypt refuses its options ({error:?})"))?;
        }
        _ => {
            within(PBKDF2_ROUNDS_MAX)?;
            pbkdf2::pbkdf2_hmac::<Sha256>(passphrase.as_bytes(), salt, rounds, key.as_mut());
        }
    }
    Ok(key)
}

/// A string with its length before it; the strings here are short.
fn string(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes()[..], bytes].concat()
}

fn armour(label: &str, bytes: &[u8]) -> Zeroizing<String> {
    let encoded = Zeroizing::new(STANDARD.encode(bytes));
    Zeroizing::new(format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", encoded.as_str()))
}

/// Label and bytes of a PEM file.
fn bare(path: &Path, text: &str) -> Result<(String, Zeroizing<Vec<u8>>), Error> {
    let none = || damaged(path, "it is no key file: it does not begin with a line -----BEGIN … KEY-----");
    if text.len() > KEY_FILE_BYTES_MAX {
        return Err(damaged(path, &format!("it is longer than the {KEY_FILE_BYTES_MAX} bytes of a key file")));
    }
    let rest = text.trim_start().strip_prefix("-----BEGIN ").ok_or_else(none)?;
    let (label, rest) = rest.split_once("-----").filter(|(label, _)| label.ends_with("KEY")).ok_or_else(none)?;
    let end = format!("-----END {label}-----");
    let encoded = rest.split_once(end.as_str()).ok_or_else(|| damaged(path, &format!("it has no line {end}")))?.0;
    let encoded: Zeroizing<String> = Zeroizing::new(encoded.split_whitespace().collect());
    let decoded = STANDARD.decode(encoded.as_bytes());
    let decoded = decoded.map_err(|error| damaged(path, &format!("its base64 is malformed ({error})")))?;
    Ok((label.to_owned(), Zeroizing::new(decoded)))
}

fn damaged(path: &Path, why: &str) -> Error {
    Error::FileDamaged { path: path.into(), why: why.into() }
}

fn openssh(path: &Path) -> Error {
    let expected = "a Crypt4GH or X25519 key (`locus genome keygen` makes one)".into();
    Error::FileKind { path: path.into(), found: "an OpenSSH key, which is not supported".into(), expected }
}
