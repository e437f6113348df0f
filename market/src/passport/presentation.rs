//! A passport that an account of the ledger presents.

use circuits::{
    domain::{ByteTag, hash},
    id::{AccountId, ChainId, Digest},
};
use ed25519_dalek::SigningKey;
use node::signature::{Signature, account_of, sign, verify};
use serde::{Deserialize, Serialize};

use super::{PASSPORT_BYTES_MAX, refused};
use crate::Error;

/// A passport with the signature of the account that presents it, on one chain; not checked yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Presentation {
    account: AccountId,
    passport: String,
    signature: Signature,
}

impl Presentation {
    /// A passport presented by the holder of a key.
    ///
    /// # Errors
    /// [`Error::Passport`] beyond [`PASSPORT_BYTES_MAX`].
    pub fn new(passport: &str, chain: &ChainId, key: &SigningKey) -> Result<Self, Error> {
        let passport = bounded(passport)?.trim().to_owned();
        let account = account_of(key);
        let signature = sign(key, &message(chain, &account, &passport));
        Ok(Self { account, passport, signature })
    }

    /// The presentation, if the account's key signed it for this chain.
    ///
    /// # Errors
    /// [`Error::Passport`] beyond [`PASSPORT_BYTES_MAX`], [`Error::Ledger`] for another signature.
    pub fn verify(self, chain: &ChainId) -> Result<VerifiedPresentation, Error> {
        let message = message(chain, &self.account, bounded(&self.passport)?);
        verify("passport's presentation", self.account, &message, &self.signature)?;
        Ok(VerifiedPresentation { account: self.account, passport: self.passport })
    }
}

fn bounded(passport: &str) -> Result<&str, Error> {
    let long = || refused(format!("it has {} bytes; at most {PASSPORT_BYTES_MAX} can be", passport.len()));
    if passport.len() <= PASSPORT_BYTES_MAX { Ok(passport) } else { Err(long()) }
}

fn message(chain: &ChainId, account: &AccountId, passport: &str) -> Digest {
    hash(ByteTag::PassportPresentation, &[chain.as_bytes(), account.as_bytes(), passport.as_bytes()])
}

/// A passport that the holder of an account's key presented. Its visas are checked by [`super::check_passport`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedPresentation {
    account: AccountId,
    passport: String,
}

impl VerifiedPresentation {
    /// The account.
    #[must_use]
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// The passport's text.
    #[must_use]
    pub fn passport(&self) -> &str {
        &self.passport
    }
}
