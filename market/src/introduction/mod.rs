//! How a researcher introduces themselves for a query: what they promise of its use, and a passport that shows who they are.
//!
//! The ledger says which account asks, under which study; anything else that an owner may demand to know is in an
//! [`Introduction`], signed by that account for one query. Nodes keep the newest of each query ([`Introductions`]). An
//! agent believes of it what visas of issuers that it trusts itself show, and holds the researcher to the promises: that
//! is a [`KnownAsker`] (`docs/protocol/data-use.md`).

mod keeping;
mod known;
mod register;
mod schema;

use circuits::{
    domain::{ByteTag, hash},
    id::{AccountId, ChainId, Digest, QueryId},
};
use ed25519_dalek::SigningKey;
use node::{
    signature::{Signature, account_of, sign, verify},
    state::QueryState,
    units::Timestamp,
};
use serde::{Deserialize, Serialize};

pub use self::{
    keeping::{INTRODUCTION_DAYS_KEPT, Keeping},
    known::KnownAsker,
    register::{INTRODUCTIONS_MAX, Introductions},
};
use crate::{Error, data_use::DeclaredUse, data_use::DiseaseCode, passport::check_publishable};

/// Bytes of what an introduction declares and presents, together.
pub const INTRODUCTION_BYTES_MAX: usize = 256 << 10;
/// Bytes of an introduction in JSON, where each character of its texts may take several.
pub const INTRODUCTION_JSON_BYTES_MAX: usize = 2 * INTRODUCTION_BYTES_MAX;

fn refused(why: String) -> Error {
    Error::Introduction { why }
}

/// What an account says of itself and of one query on one chain; not checked yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Introduction {
    query: QueryId,
    researcher: AccountId,
    written: Timestamp,
    /// The declared use in TOML, as it is signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    declared: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    passport: Option<String>,
    signature: Signature,
}

impl Introduction {
    /// An introduction by the holder of a key, written at a time. The passport is public from then on.
    ///
    /// # Errors
    /// [`Error::Introduction`] when it says nothing, or beyond [`INTRODUCTION_BYTES_MAX`]; [`Error::DataUse`] for a
    /// declaration that TOML cannot hold.
    pub fn new(
        (chain, query): (&ChainId, QueryId),
        declared: Option<&DeclaredUse>,
        passport: Option<&str>,
        written: Timestamp,
        key: &SigningKey,
    ) -> Result<Self, Error> {
        let declared = declared.map(DeclaredUse::to_toml).transpose()?;
        let passport = passport.map(|text| text.trim().to_owned());
        let researcher = account_of(key);
        let message = message(chain, (query, researcher, written), (declared.as_deref(), passport.as_deref()))?;
        Ok(Self { query, researcher, written, declared, passport, signature: sign(key, &message) })
    }

    /// The query that it is for.
    #[must_use]
    pub const fn query(&self) -> QueryId {
        self.query
    }

    /// When it was written, by its author's clock: a later one replaces it.
    #[must_use]
    pub const fn written(&self) -> Timestamp {
        self.written
    }

    /// Refuses one whose passport must not be public. Its author looks before it leaves the machine, a node before it keeps it.
    ///
    /// # Errors
    /// [`Error::Introduction`] with what [`check_publishable`] refuses.
    pub fn check_publishable(&self) -> Result<(), Error> {
        let checked = self.passport.as_deref().map_or(Ok(()), check_publishable);
        checked.map_err(|error| refused(error.to_string()))
    }

    /// The introduction, if it is of this query, its researcher signed it for this chain, and it declares the use that the
    /// ledger has.
    ///
    /// # Errors
    /// [`Error::Introduction`] for another query, another account, a use that differs from the query's or one that cannot
    /// be read, and as [`Introduction::new`]; [`Error::Ledger`] for another signature.
    pub fn verify(self, chain: &ChainId, query: QueryId, state: &QueryState) -> Result<VerifiedIntroduction, Error> {
        if self.query != query {
            return Err(refused(format!("it is for query {}, not {query}", self.query)));
        }
        if self.researcher != state.researcher {
            let why = format!("account {} wrote it, and account {} asks", self.researcher, state.researcher);
            return Err(refused(why));
        }
        let said = (self.declared.as_deref(), self.passport.as_deref());
        let message = message(chain, (query, self.researcher, self.written), said)?;
        verify("introduction", self.researcher, &message, &self.signature)?;
        let declared = self.declared.as_deref().map(|text| DeclaredUse::from_toml("introduction", text)).transpose()?;
        if let Some(declared) = &declared {
            check_declared(declared, state)?;
        }
        Ok(VerifiedIntroduction { declared, passport: self.passport })
    }
}

/// A declaration holds together, and says what the ledger says where both speak.
fn check_declared(declared: &DeclaredUse, state: &QueryState) -> Result<(), Error> {
    declared.check_itself()?;
    let asked = &state.query.data_use;
    let disease = declared.asked_disease().map_or(0, DiseaseCode::number);
    if declared.purposes() != asked.purposes || disease != asked.disease {
        return Err(refused("it declares another use than the query has on the ledger".into()));
    }
    Ok(())
}

/// What is signed. An optional text is preceded by whether it is there, so that no text equals its absence.
fn message(
    chain: &ChainId,
    (query, researcher, written): (QueryId, AccountId, Timestamp),
    (declared, passport): (Option<&str>, Option<&str>),
) -> Result<Digest, Error> {
    let bytes = declared.map_or(0, str::len) + passport.map_or(0, str::len);
    if bytes == 0 || bytes > INTRODUCTION_BYTES_MAX {
        let why = format!("it declares and presents {bytes} bytes; 1 to {INTRODUCTION_BYTES_MAX} can be");
        return Err(refused(why));
    }
    let (written, are_there) =
        (written.get().to_le_bytes(), [u8::from(declared.is_some()), u8::from(passport.is_some())]);
    let said = [declared.unwrap_or_default().as_bytes(), passport.unwrap_or_default().as_bytes()];
    // A presentation to a governor has three parts under this tag, so neither is ever the other.
    let parts =
        [chain.as_bytes(), researcher.as_bytes(), query.as_bytes(), &written[..], &are_there[..], said[0], said[1]];
    Ok(hash(ByteTag::PassportPresentation, &parts))
}

/// What the researcher of a query says of it and of themselves. The visas are not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedIntroduction {
    declared: Option<DeclaredUse>,
    passport: Option<String>,
}

impl VerifiedIntroduction {
    /// What the researcher promises of the use.
    #[must_use]
    pub const fn declared(&self) -> Option<&DeclaredUse> {
        self.declared.as_ref()
    }

    /// The passport's text.
    #[must_use]
    pub fn passport(&self) -> Option<&str> {
        self.passport.as_deref()
    }
}
