//! The licensee's Crypt4GH key, bound to its licence by the licensee's signature.
//!
//! The ledger knows the licensee's Ed25519 account and not the X25519 key that a header is made for. Whoever could put a
//! key of its own in between would read the genome. So the licensee signs chain, licence and key with its account's key,
//! and the owner makes a header for nothing else.

use circuits::{
    domain::{ByteTag, hash},
    id::{AccountId, ChainId, Digest, LicenceId},
};
use ed25519_dalek::SigningKey;
use node::signature::{Signature, sign, verify};
use serde::{Deserialize, Serialize};

use crate::{Error, crypt4gh::PublicKey};

/// The longest document.
pub const READER_KEY_BYTES_MAX: usize = 4_096;

/// A document that says which key a licensee reads with. Anybody could have written it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnverifiedReaderKey {
    chain: ChainId,
    licence: LicenceId,
    /// The X25519 key.
    #[serde(with = "hex::serde")]
    reader_key: [u8; 32],
    /// By the licensee's account.
    signature: Signature,
}

/// The key that a licence's own licensee signed for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReaderKey {
    licence: LicenceId,
    key: PublicKey,
}

impl ReaderKey {
    /// The licence.
    #[must_use]
    pub const fn licence(&self) -> LicenceId {
        self.licence
    }

    /// The key that a header is to be made for.
    #[must_use]
    pub const fn key(&self) -> PublicKey {
        self.key
    }
}

impl UnverifiedReaderKey {
    /// Signs the key with which a licence's data will be read.
    #[must_use]
    pub fn sign(chain: ChainId, licence: LicenceId, reader: &PublicKey, licensee: &SigningKey) -> Self {
        let signature = sign(licensee, &message(&chain, &licence, reader.as_bytes()));
        Self { chain, licence, reader_key: *reader.as_bytes(), signature }
    }

    /// The document's text.
    ///
    /// # Errors
    /// Never in practice: every part has a fixed length.
    pub fn to_text(&self) -> Result<String, Error> {
        serde_json::to_string_pretty(self).map_err(|error| refused(error.to_string()))
    }

    /// Reads a document.
    ///
    /// # Errors
    /// [`Error::Refused`] when it is none, or longer than [`READER_KEY_BYTES_MAX`].
    pub fn from_text(text: &[u8]) -> Result<Self, Error> {
        if text.len() > READER_KEY_BYTES_MAX {
            return Err(refused(format!("it is longer than {READER_KEY_BYTES_MAX} bytes")));
        }
        serde_json::from_slice(text).map_err(|_| refused("this file is no reader key"))
    }

    /// The licence that it is for, as it says.
    #[must_use]
    pub const fn licence(&self) -> LicenceId {
        self.licence
    }

    /// The key, if the licence's licensee signed it for this licence on this chain.
    ///
    /// # Errors
    /// [`Error::Refused`] for another chain or licence, [`Error::Ledger`] for a signature by anybody else.
    pub fn verify(&self, chain: &ChainId, licence: LicenceId, licensee: AccountId) -> Result<ReaderKey, Error> {
        if self.chain != *chain {
            return Err(refused(format!("it is for chain {}, not {chain}", self.chain)));
        }
        if self.licence != licence {
            return Err(refused(format!("it is for licence {}, not {licence}", self.licence)));
        }
        let message = message(chain, &licence, &self.reader_key);
        verify("reader key", licensee, &message, &self.signature)?;
        Ok(ReaderKey { licence, key: PublicKey::from_bytes(self.reader_key) })
    }
}

/// What is signed. A licence's id has a first part of 32 bytes under this tag, so no id is such a message.
fn message(chain: &ChainId, licence: &LicenceId, key: &[u8; 32]) -> Digest {
    hash(ByteTag::Licence, &[b"reader key", chain.as_bytes(), licence.as_bytes(), key])
}

fn refused(why: impl Into<String>) -> Error {
    let why = format!("the reader key is refused: {}; ask the licensee for the document again", why.into());
    Error::Refused { who: "the owner".into(), action: "make a header", why }
}
