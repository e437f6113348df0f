//! Encryption at rest, in the `age` format: wallets and key files are openable with any age implementation.

use std::{fmt, io::Read, path::Path};

use age::secrecy::{ExposeSecret, SecretString};
use rand::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::Error;

/// scrypt's cost for a passphrase, as a power of two: about a second and 256 MiB.
const PASSPHRASE_WORK_LOG2: u8 = if cfg!(test) { 4 } else { 18 };
/// scrypt's cost for a storage key: 256 random bits need no stretching, and a hospital opens thousands of wallets.
const STORAGE_KEY_WORK_LOG2: u8 = 1;
/// The most work a file may ask for, so that a hostile one cannot stall its reader.
const WORK_LOG2_MAX: u8 = 20;
/// How an unencrypted demo file begins.
const DEMO_HEADER: &[u8] = b"locus/v1/demo-unencrypted\n";

/// 256 random bits that encrypt other files: a hospital agent's, or a committee member's own store. Symmetric, so that
/// a backup recorded today opens to no future quantum computer.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct StorageKey([u8; 32]);

impl StorageKey {
    /// A fresh key.
    #[must_use]
    pub fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The key with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The secret bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for StorageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StorageKey(redacted)")
    }
}

/// What opens a file of secrets.
#[derive(Clone)]
pub enum Protection {
    /// A passphrase that a person types, stretched with scrypt.
    Passphrase(SecretString),
    /// A random key kept in another protected file.
    StorageKey(StorageKey),
    /// Not encrypted at all. Only for demonstrations whose secrets protect nobody; the file says so in its first line.
    DemoUnencrypted,
}

impl Protection {
    /// Protection by a passphrase.
    ///
    /// # Errors
    /// [`Error::Refused`] when it is empty.
    pub fn passphrase(passphrase: impl Into<String>) -> Result<Self, Error> {
        let text = Zeroizing::new(passphrase.into());
        if text.is_empty() {
            let why = "an empty passphrase protects nothing; choose several random words".into();
            return Err(Error::Refused { who: "the wallet".into(), action: "encrypt with this passphrase", why });
        }
        Ok(Self::Passphrase(SecretString::from(text.as_str())))
    }

    fn secret(&self) -> Option<(SecretString, u8)> {
        match self {
            Self::Passphrase(passphrase) => Some((passphrase.clone(), PASSPHRASE_WORK_LOG2)),
            Self::StorageKey(key) => Some((SecretString::from(hex::encode(key.0)), STORAGE_KEY_WORK_LOG2)),
            Self::DemoUnencrypted => None,
        }
    }

    /// Encrypts a file's contents.
    ///
    /// # Errors
    /// [`Error::FileDamaged`] when the cipher fails, which only a fault in memory can cause.
    pub(super) fn seal(&self, path: &Path, plaintext: &[u8]) -> Result<Vec<u8>, Error> {
        let Some((secret, work)) = self.secret() else { return Ok([DEMO_HEADER, plaintext].concat()) };
        let mut recipient = age::scrypt::Recipient::new(secret);
        recipient.set_work_factor(work);
        age::encrypt(&recipient, plaintext).map_err(|error| damaged(path, &error))
    }

    /// Decrypts a file's contents.
    ///
    /// # Errors
    /// [`Error::WrongPassphrase`], [`Error::DemoFile`] for one that a demonstration wrote, or [`Error::FileDamaged`] for anything that is no such file or not all of it.
    pub(super) fn open(&self, path: &Path, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let demo = bytes.strip_prefix(DEMO_HEADER);
        let Some((secret, _)) = self.secret() else {
            let why = "it is not an unencrypted demo file; give the passphrase or key it was written with";
            return demo.map(|bytes| Zeroizing::new(bytes.to_vec())).ok_or_else(|| damaged(path, why));
        };
        if demo.is_some() {
            return Err(Error::DemoFile { path: path.into() });
        }
        let mut identity = age::scrypt::Identity::new(secret);
        identity.set_max_work_factor(WORK_LOG2_MAX);
        let decryptor = age::Decryptor::new_buffered(bytes).map_err(|error| {
            damaged(path, &format!("it is no encrypted file of Locus, or its head is lost ({error})"))
        })?;
        let identity: &dyn age::Identity = &identity;
        let mut reader = decryptor.decrypt(std::iter::once(identity)).map_err(|error| match error {
            age::DecryptError::DecryptionFailed
            | age::DecryptError::KeyDecryptionFailed
            | age::DecryptError::NoMatchingKeys => Error::WrongPassphrase { path: path.into() },
            other => damaged(path, &other),
        })?;
        let mut plaintext = Zeroizing::new(Vec::with_capacity(bytes.len()));
        reader.read_to_end(&mut plaintext).map_err(|error| damaged(path, &error))?;
        Ok(plaintext)
    }
}

impl PartialEq for Protection {
    fn eq(&self, other: &Self) -> bool {
        use subtle::ConstantTimeEq;
        match (self.secret(), other.secret()) {
            (None, None) => true,
            (Some((mine, work)), Some((theirs, other_work))) => {
                work == other_work
                    && bool::from(mine.expose_secret().as_bytes().ct_eq(theirs.expose_secret().as_bytes()))
            }
            _ => false,
        }
    }
}

impl fmt::Debug for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passphrase(_) => "Protection(passphrase, redacted)",
            Self::StorageKey(_) => "Protection(storage key, redacted)",
            Self::DemoUnencrypted => "Protection(none: demo)",
        })
    }
}

fn damaged(path: &Path, why: &(impl ToString + ?Sized)) -> Error {
    Error::FileDamaged { path: path.into(), why: why.to_string() }
}
