//! Signing in to the pages: passkeys, keys of the ledger, and institutions; sessions, and what protects them.
//!
//! A session lets somebody look at and change the own account of this service, and nothing else: no session signs for the
//! ledger, and everything readable is readable without one. Ways in are ceremonies of two halves (`market::accounts`
//! keeps what waits between them); what comes out of each is an account that [`session::open`] opens a session of.
//! ADR 17 says why it is so, docs/guide/sign-in.md how it is used.

pub(crate) mod change;
mod cookie;
mod cross_site;
pub(crate) mod institution;
pub(crate) mod key;
mod limits;
pub(crate) mod own;
mod passkey;
pub(crate) mod passkeys;
pub(crate) mod session;
mod site;

use circuits::id::AccountId;
use market::accounts::Accounts;
use node::state::StateRead as _;
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use self::limits::sender_of;
pub(crate) use self::{
    change::Change,
    cross_site::{refuse_cross_site, require_same_origin},
    session::{SignedIn, identify},
    site::Site,
};
pub use self::{
    institution::{INSTITUTIONS_MAX, Institution, read_institutions},
    key::{CHALLENGE_SECONDS, Challenge, LINK_SECONDS, Link, SignedChallenge},
    limits::{ACCOUNT_BURST, ACCOUNT_SECONDS, ADDRESS_BURST, ADDRESS_SECONDS, ADDRESSES_REMEMBERED_MAX, Limits},
    site::Origin,
};
use crate::{Error, api::Service};

/// What signing in keeps in memory and was told by the operator.
#[derive(Debug, Default)]
pub struct SignIn {
    /// How often somebody may try.
    pub limits: Limits,
    /// The institutions that let people in.
    pub institutions: Vec<Institution>,
}

/// An institution that lets people in at present, as pages and programs are told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ListedInstitution {
    /// What addresses call it.
    pub(crate) id: String,
    /// What people call it.
    pub(crate) name: String,
    /// The URL of its OpenID provider, by which accounts name it.
    pub(crate) issuer: String,
}

impl SignIn {
    /// The institutions that let people in, in the operator's order.
    pub(crate) fn listed(&self) -> Vec<ListedInstitution> {
        let listed = |one: &Institution| ListedInstitution {
            id: one.id().into(),
            name: one.name().into(),
            issuer: one.issuer().into(),
        };
        self.institutions.iter().map(listed).collect()
    }

    /// The issuers of the institutions that let people in.
    pub(crate) fn issuers(&self) -> Vec<String> {
        self.institutions.iter().map(|one| one.issuer().to_owned()).collect()
    }
}

/// The accounts of a service.
pub(crate) fn accounts(service: &Service) -> Accounts {
    Accounts::new(service.index.database().clone())
}

/// The name of an account that is made for a key of the ledger, until its owner gives it another: the one under which the
/// ledger accredits the key, or the beginning of its id.
fn name_of(service: &Service, account: AccountId) -> Result<String, Error> {
    let snapshot = service.chain.snapshot()?;
    let party = snapshot.researcher(account)?.map_or_else(|| snapshot.issuer(account), |party| Ok(Some(party)))?;
    let id = account.to_string();
    let accredited = party.and_then(|party| market::accounts::display_name(&party.name).ok());
    Ok(accredited.unwrap_or_else(|| format!("Account {}", id.get(..8).unwrap_or(&id))))
}
