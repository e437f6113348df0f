//! What somebody who is signed in may change: the own account, from a page of the own session.

use actix_web::{HttpRequest, web::Data};
use circuits::id::AccountId;
use market::accounts::{CredentialId, Identity, NewCredential, ServiceAccountId, SessionId};
use subtle::ConstantTimeEq as _;

use super::{SignedIn, accounts, identify};
use crate::{
    Error,
    access::{Operation, Permit, Role, Whose, permit},
    api::Service,
};

/// The field in which scripts and programs send what forms carry; `api::sign_in` says so in the document.
const FORM_TOKEN_HEADER: &str = "x-form-token";

/// That a page of the own session asked for a change of the own account. Nothing changes without one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change {
    account: ServiceAccountId,
    session: SessionId,
    _permit: Permit,
}

impl SignedIn {
    /// Whether the table lets the owner of an account do something with it.
    ///
    /// # Errors
    /// [`Error::SignedOut`] when it does not.
    pub(crate) fn may(&self, operation: Operation) -> Result<Permit, Error> {
        permit(&[(Role::Holder, Whose::Own)], operation).ok_or(Error::SignedOut)
    }

    /// That a form of this session asks for a change.
    ///
    /// # Errors
    /// [`Error::CrossSite`] when the token that it carries is another's.
    pub(crate) fn change(&self, form_token: &str) -> Result<Change, Error> {
        let _permit = self.may(Operation::ChangeAccount)?;
        if !bool::from(self.form_token.to_string().as_bytes().ct_eq(form_token.as_bytes())) {
            let why = "its form is not of this session; open the page again and repeat it".into();
            return Err(Error::CrossSite { why });
        }
        Ok(Change { account: self.account.id, session: self.session.id, _permit })
    }

    /// The change that a form of this account began with a ceremony, which ends in this session.
    ///
    /// # Errors
    /// [`Error::SignIn`] when another account began it.
    pub(super) fn change_begun_by(&self, account: ServiceAccountId) -> Result<Change, Error> {
        let _permit = self.may(Operation::ChangeAccount)?;
        if self.account.id != account {
            return Err(Error::SignIn { why: "another account began this; begin again".into() });
        }
        Ok(Change { account, session: self.session.id, _permit })
    }
}

/// Who is signed in, for what the table allows the owner of an account.
///
/// # Errors
/// [`Error::SignedOut`] when nobody is.
pub(crate) async fn signed_in(request: &HttpRequest, service: &Data<Service>) -> Result<SignedIn, Error> {
    let signed_in = identify(request, service).await?.ok_or(Error::SignedOut)?;
    signed_in.may(Operation::ReadAccount)?;
    Ok(signed_in)
}

/// The change that a script of the own page asks for.
///
/// # Errors
/// [`Error::SignedOut`] when nobody is signed in, [`Error::CrossSite`] without the form's token.
pub(crate) async fn scripted(request: &HttpRequest, service: &Data<Service>) -> Result<Change, Error> {
    let token = request.headers().get(FORM_TOKEN_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    signed_in(request, service).await?.change(token)
}

/// Every one is of the own account alone, and fails with [`Error::Market`].
impl Change {
    /// Whose account it is.
    pub(crate) const fn account(&self) -> ServiceAccountId {
        self.account
    }

    /// Gives the account another name.
    pub(crate) fn rename(&self, service: &Service, name: &str) -> Result<(), Error> {
        Ok(accounts(service).rename(self.account, name)?)
    }

    /// Adds a passkey.
    pub(crate) fn add_passkey(&self, service: &Service, new: &NewCredential<'_>) -> Result<(), Error> {
        let now = service.chain.now();
        Ok(accounts(service).add_credential(self.account, new.id, new.public_key, new.label, now)?)
    }

    /// Gives a passkey another name.
    pub(crate) fn rename_passkey(&self, service: &Service, id: &CredentialId, label: &str) -> Result<(), Error> {
        Ok(accounts(service).rename_credential(self.account, id, label)?)
    }

    /// Lets an institution vouch for the account.
    pub(super) fn add_institution(&self, service: &Service, identity: &Identity) -> Result<(), Error> {
        Ok(accounts(service).add_identity(self.account, identity, service.chain.now())?)
    }

    /// Forgets that a provider vouches for the account, unless nothing else lets its owner in.
    pub(crate) fn remove_institution(&self, service: &Service, issuer: &str) -> Result<(), Error> {
        Ok(accounts(service).remove_identities(self.account, issuer, &service.sign_in.issuers())?)
    }

    /// Removes a passkey, unless nothing else lets its owner in.
    pub(crate) fn remove_passkey(&self, service: &Service, id: &CredentialId) -> Result<(), Error> {
        Ok(accounts(service).remove_credential(self.account, id, &service.sign_in.issuers())?)
    }

    /// Ends a session.
    pub(crate) fn end_session(&self, service: &Service, id: SessionId) -> Result<(), Error> {
        Ok(accounts(service).end_session(self.account, id)?)
    }

    /// Ends the session that asks.
    pub(crate) fn sign_out(&self, service: &Service) -> Result<(), Error> {
        self.end_session(service, self.session)
    }

    /// Ends every session, this one too, and returns how many there were.
    pub(crate) fn sign_out_everywhere(&self, service: &Service) -> Result<usize, Error> {
        Ok(accounts(service).sign_out_everywhere(self.account)?)
    }

    /// Links an account of the ledger whose key signed.
    pub(super) fn link(&self, service: &Service, ledger_account: AccountId) -> Result<(), Error> {
        Ok(accounts(service).link(self.account, ledger_account)?)
    }

    /// Unlinks the account of the ledger.
    pub(crate) fn unlink(&self, service: &Service) -> Result<(), Error> {
        Ok(accounts(service).unlink(self.account, &service.sign_in.issuers())?)
    }
}
