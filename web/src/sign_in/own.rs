//! The own account, as its page and the API show it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use circuits::id::AccountId;
use market::accounts::{Account, Credential, CredentialId, Session};
use node::units::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::{SignedIn, accounts};
use crate::{Error, api::Service, standing::standing_here};

/// The own account.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct OwnAccount {
    /// Its id in this service.
    #[schema(value_type = String)]
    pub(crate) id: market::accounts::ServiceAccountId,
    /// What people see it by.
    pub(crate) display_name: String,
    /// When it was made, in seconds since 1970-01-01T00:00:00Z.
    #[schema(value_type = u64)]
    pub(crate) created: Timestamp,
    /// The account of the ledger that it speaks for.
    #[schema(value_type = Option<String>)]
    pub(crate) ledger_account: Option<AccountId>,
    /// What that account is on the ledger, in words.
    pub(crate) standing: Vec<String>,
    /// Its passkeys, the oldest first.
    pub(crate) passkeys: Vec<Passkey>,
    /// The institutions that vouch for it, by the URL of their OpenID provider.
    pub(crate) institutions: Vec<String>,
    /// Its open sessions, the latest used first.
    pub(crate) sessions: Vec<OpenSession>,
    /// What changes carry in `x-form-token` for as long as the session that asks is open.
    pub(crate) form_token: String,
}

/// A passkey of the own account.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Passkey {
    /// Its id, in base64url.
    pub(crate) id: String,
    /// What its owner calls it.
    pub(crate) label: String,
    /// When it was added.
    #[schema(value_type = u64)]
    pub(crate) created: Timestamp,
    /// When somebody last signed in with it.
    #[schema(value_type = Option<u64>)]
    pub(crate) last_used: Option<Timestamp>,
}

/// A session of the own account.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct OpenSession {
    /// Its id, 32 hex digits.
    pub(crate) id: String,
    /// Whether it is the one that asks.
    pub(crate) this: bool,
    /// Whether it began in a browser like the one that asks.
    pub(crate) like_this: bool,
    /// When it began.
    #[schema(value_type = u64)]
    pub(crate) created: Timestamp,
    /// When it was last used, to the minute.
    #[schema(value_type = u64)]
    pub(crate) last_seen: Timestamp,
    /// When it ends by itself.
    #[schema(value_type = u64)]
    pub(crate) expires: Timestamp,
}

impl From<Credential> for Passkey {
    fn from(credential: Credential) -> Self {
        let Credential { id, label, created, last_used, .. } = credential;
        Self { id: URL_SAFE_NO_PAD.encode(id.as_bytes()), label, created, last_used }
    }
}

/// The id of a passkey from its text.
///
/// # Errors
/// [`Error::Request`] when it is none.
pub(crate) fn passkey_id(text: &str) -> Result<CredentialId, Error> {
    let refused = |why: String| Error::Request { what: "passkey id", why };
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|error| refused(error.to_string()))?;
    CredentialId::new(bytes).map_err(|error| refused(error.to_string()))
}

impl OwnAccount {
    /// The account of whoever is signed in.
    ///
    /// # Errors
    /// [`Error::Market`] or [`Error::Ledger`] when a database fails.
    pub(crate) fn read(service: &Service, signed_in: &SignedIn) -> Result<Self, Error> {
        let (accounts, now) = (accounts(service), service.chain.now());
        let Account { id, ledger_account, display_name, created, .. } = signed_in.account.clone();
        let own = signed_in.session;
        let session = |session: Session| OpenSession {
            id: session.id.to_string(),
            this: session.id == own.id,
            like_this: session.user_agent == own.user_agent,
            created: session.created,
            last_seen: session.last_seen,
            expires: session.expires,
        };
        Ok(Self {
            id,
            display_name,
            created,
            ledger_account,
            standing: ledger_account.map_or_else(|| Ok(vec![]), |account| standing_here(service, account))?,
            passkeys: accounts.credentials(id)?.into_iter().map(Passkey::from).collect(),
            institutions: accounts.identities(id)?.iter().map(|one| one.issuer().to_owned()).collect(),
            sessions: accounts.sessions(id, now)?.into_iter().map(session).collect(),
            form_token: signed_in.form_token.to_string(),
        })
    }
}
