//! Signing in with a key of the ledger: the command line signs a challenge, and gets a link that a browser opens once.

use actix_web::{HttpRequest, HttpResponse, http::header, web::Data};
use circuits::{
    domain::{ByteTag, hash},
    id::{AccountId, ChainId, Digest},
};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use market::accounts::{CeremonyKind, CeremonyToken, NewAccount, Role};
use node::signature::account_of;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Change, Origin, Site, accounts, name_of, require_same_origin, session};
use crate::{
    Error,
    api::{Service, blocking},
};

/// How long a challenge waits for its signature, in seconds.
pub const CHALLENGE_SECONDS: u32 = 120;
/// How long a link waits to be opened, in seconds.
pub const LINK_SECONDS: u32 = 300;

/// What an account's key is asked to sign, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Challenge {
    /// A one-time code for this account.
    pub code: String,
    /// Seconds until it is void.
    pub seconds: u32,
}

/// A challenge with the signature of the account's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignedChallenge {
    /// Whose key signed, 64 hex digits.
    #[schema(value_type = String)]
    pub account: AccountId,
    /// The server's origin as the signer knows it, such as `https://locus.example.org`.
    pub origin: String,
    /// The challenge's code.
    pub code: String,
    /// The Ed25519 signature, 128 hex digits.
    pub signature: String,
}

/// A way to a session that works once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Link {
    /// The page's path. Whoever has it can sign in; keep it to yourself.
    pub path: String,
    /// Seconds until it is void.
    pub seconds: u32,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("seconds", &self.seconds).finish_non_exhaustive()
    }
}

/// An account whose key signed a challenge for this server and chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Proven(AccountId);

/// What is signed. Chain and origin are in it, so that no server can pass a signature on to another.
fn statement(chain: &ChainId, origin: &str, code: &str, account: &AccountId) -> Digest {
    hash(ByteTag::SignIn, &[chain.as_bytes(), origin.as_bytes(), code.as_bytes(), account.as_bytes()])
}

impl SignedChallenge {
    /// Signs a challenge of a server, whose origin the signer states by itself.
    #[must_use]
    pub fn sign(challenge: &Challenge, origin: &Origin, chain: &ChainId, key: &SigningKey) -> Self {
        let account = account_of(key);
        let signed = key.sign(statement(chain, origin.as_str(), &challenge.code, &account).as_bytes());
        let signature = hex::encode(signed.to_bytes());
        Self { account, origin: origin.as_str().into(), code: challenge.code.clone(), signature }
    }

    fn verify(&self, chain: &ChainId, site: &Site) -> Result<Proven, Error> {
        let refused = |why: &str| Error::SignIn { why: why.into() };
        if !site.owns(&self.origin) {
            let why = format!(
                "it was signed for {}, which is not this server; give --origin to `locus sign-in`",
                self.origin
            );
            return Err(Error::SignIn { why });
        }
        let mut signature = [0; Signature::BYTE_SIZE];
        hex::decode_to_slice(&self.signature, &mut signature).map_err(|_| refused("its signature is malformed"))?;
        let key = VerifyingKey::from_bytes(&self.account.to_bytes()).map_err(|_| refused("its account is no key"))?;
        let signed = statement(chain, &self.origin, &self.code, &self.account);
        key.verify_strict(signed.as_bytes(), &Signature::from_bytes(&signature))
            .map_err(|_| refused("its signature is not of this challenge, server, chain and account"))?;
        Ok(Proven(self.account))
    }
}

fn over() -> Error {
    Error::SignIn { why: "this code or link is not known here: it was used, or its time is over; begin again".into() }
}

fn owner(state: &[u8]) -> Result<AccountId, Error> {
    state.try_into().map(AccountId::from_bytes).map_err(|_| over())
}

/// Gives an account a challenge.
///
/// # Errors
/// [`Error::TooMany`], and [`Error::Market`] when the database fails.
pub(crate) async fn challenge(
    request: &HttpRequest,
    service: &Data<Service>,
    account: AccountId,
) -> Result<Challenge, Error> {
    service.sign_in.limits.try_from_address(request, service.chain.now())?;
    let service = service.clone();
    blocking(move || {
        let (accounts, now) = (accounts(&service), service.chain.now());
        let kind = CeremonyKind::Challenge;
        let token = accounts.begin_ceremony(kind, account.as_bytes(), CHALLENGE_SECONDS, now, &mut rand::rng())?;
        Ok(Challenge { code: token.to_text().to_string(), seconds: CHALLENGE_SECONDS })
    })
    .await
}

/// Gives a link for a signed challenge. A challenge is over with the first try, right or wrong.
///
/// # Errors
/// [`Error::SignIn`] that says what does not hold, [`Error::TooMany`].
pub(crate) async fn link(
    request: &HttpRequest,
    service: &Data<Service>,
    signed: SignedChallenge,
) -> Result<Link, Error> {
    service.sign_in.limits.try_from_address(request, service.chain.now())?;
    let (site, service) = (session::site(request, service)?, service.clone());
    blocking(move || {
        let (accounts, now) = (accounts(&service), service.chain.now());
        let code: CeremonyToken = signed.code.parse().map_err(|_| over())?;
        let asked = accounts.end_ceremony(CeremonyKind::Challenge, &code, now)?.ok_or_else(over)?;
        if owner(&asked)? != signed.account {
            return Err(over());
        }
        let Proven(account) = signed.verify(&service.chain.ledger().chain(), &site)?;
        let kind = CeremonyKind::Link;
        let token = accounts.begin_ceremony(kind, account.as_bytes(), LINK_SECONDS, now, &mut rand::rng())?;
        Ok(Link { path: format!("/sign-in/link?code={}", &*token.to_text()), seconds: LINK_SECONDS })
    })
    .await
}

/// Whose key a link is of, and the name of the account that it opens; looks and does not open.
///
/// # Errors
/// [`Error::SignIn`] for a link that is over.
pub(crate) fn look(service: &Service, code: &str) -> Result<(AccountId, Option<String>), Error> {
    let accounts = accounts(service);
    let code: CeremonyToken = code.parse().map_err(|_| over())?;
    let state = accounts.ceremony(CeremonyKind::Link, &code, service.chain.now())?.ok_or_else(over)?;
    let account = owner(&state)?;
    Ok((account, accounts.account_of(account)?.map(|account| account.display_name)))
}

/// Opens a link: signs in to the account that names the key, which is made where there is none.
///
/// # Errors
/// [`Error::CrossSite`] when another site's page asks, [`Error::SignIn`] for a link that is over.
pub(crate) async fn open(request: &HttpRequest, service: &Data<Service>, code: String) -> Result<HttpResponse, Error> {
    require_same_origin(request, &session::site(request, service)?)?;
    service.sign_in.limits.try_from_address(request, service.chain.now())?;
    let data = service.clone();
    let account = blocking(move || {
        let (accounts, now) = (accounts(&data), data.chain.now());
        let ledger_account = take(&data, &code)?;
        if let Some(account) = accounts.account_of(ledger_account)? {
            return Ok(account.id);
        }
        let display_name = name_of(&data, ledger_account)?;
        let new = NewAccount { role: Role::Person, ledger_account: Some(ledger_account), display_name };
        Ok(accounts.create(&new, now, &mut rand::rng())?.id)
    })
    .await?;
    let mut answer = HttpResponse::SeeOther();
    session::open(request, service, account, &mut answer).await?;
    Ok(answer.insert_header((header::LOCATION, "/you")).finish())
}

/// Opens a link by naming its key in the account that is signed in.
///
/// # Errors
/// [`Error::SignIn`] for a link that is over, [`Error::Market`] when the account or another names a key already.
pub(crate) async fn attach(service: &Data<Service>, change: Change, code: String) -> Result<(), Error> {
    let service = service.clone();
    blocking(move || change.link(&service, take(&service, &code)?)).await
}

fn take(service: &Service, code: &str) -> Result<AccountId, Error> {
    let code: CeremonyToken = code.parse().map_err(|_| over())?;
    let state = accounts(service).end_ceremony(CeremonyKind::Link, &code, service.chain.now())?;
    owner(&state.ok_or_else(over)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAIN: ChainId = ChainId::from_bytes([7; 32]);

    fn signed() -> SignedChallenge {
        let challenge = Challenge { code: "code".into(), seconds: 1 };
        let origin = "https://locus.example.org".parse().unwrap();
        SignedChallenge::sign(&challenge, &origin, &CHAIN, &SigningKey::from_bytes(&[3; 32]))
    }

    #[test]
    fn a_signature_counts_for_its_server_chain_code_and_account_alone() {
        let (site, other) = (Site::for_tests("https://locus.example.org"), Site::for_tests("https://evil.example"));
        let signed = signed();
        assert_eq!(signed.verify(&CHAIN, &site).unwrap(), Proven(signed.account));
        assert!(signed.verify(&ChainId::from_bytes([8; 32]), &site).is_err());
        assert!(signed.verify(&CHAIN, &other).is_err());
        for altered in [
            SignedChallenge { code: "another".into(), ..signed.clone() },
            SignedChallenge { origin: "http://localhost:8480".into(), ..signed.clone() },
            SignedChallenge { account: account_of(&SigningKey::from_bytes(&[4; 32])), ..signed.clone() },
            SignedChallenge { account: AccountId::from_bytes([0xff; 32]), ..signed.clone() },
            SignedChallenge { signature: "00".repeat(64), ..signed.clone() },
            SignedChallenge { signature: "x".into(), ..signed.clone() },
        ] {
            assert!(altered.verify(&CHAIN, &site).is_err(), "{altered:?}");
        }
    }

    #[test]
    fn debug_shows_no_link() {
        let link = Link { path: "/sign-in/link?code=secret".into(), seconds: 1 };
        assert!(!format!("{link:?}").contains("secret"));
    }
}
