//! Accounts of a service: who signs in to its pages, with which passkeys, and what sessions are open.
//!
//! They are the service's own and nobody else's: no ledger has them, `locus index rebuild` does not touch them, and
//! whoever backs up a service backs up these tables. An account may name an account of the ledger; the key of that one
//! stays with its owner.

mod account;
mod ceremony;
mod credential;
mod identity;
mod schema;
mod session;
mod token;

pub use self::{
    account::{Account, AccountPage, NAME_CHARS_MAX, NewAccount, Role, ServiceAccountId, display_name},
    ceremony::{CEREMONIES_MAX, CEREMONY_BYTES_MAX, CEREMONY_SECONDS_MAX, CeremonyKind, CeremonyToken},
    credential::{CREDENTIALS_MAX, Credential, CredentialId, LABEL_CHARS_MAX, NewCredential, PUBLIC_KEY_BYTES_MAX},
    identity::{IDENTITIES_MAX, Identity},
    session::{LAST_SEEN_SECONDS, SESSION_IDLE_SECONDS_MAX, SESSION_SECONDS_MAX, SESSIONS_MAX, Session},
    token::{SessionId, SessionToken, UserAgentDigest},
};
use crate::database::Database;

/// The accounts in a database.
#[derive(Debug, Clone)]
pub struct Accounts {
    database: Database,
}

impl Accounts {
    /// The accounts in a database.
    #[must_use]
    pub const fn new(database: Database) -> Self {
        Self { database }
    }
}
