//! Who a researcher is: GA4GH Passports, whose visas trusted issuers sign (GA4GH Passport v1.2, AAI OIDC Profile v1.2).
//!
//! A visa is read as an [`UnverifiedVisa`] and becomes a [`VerifiedVisa`] under the key of an issuer that the operator
//! listed; nothing is fetched. A [`Presentation`] ties a passport to an account of the ledger: the account's key signs
//! it. What a governor demands of a researcher's visas is a [`Policy`] (`docs/protocol/data-use.md`).

mod conditions;
mod identity;
mod issuers;
mod policy;
mod presentation;
mod publication;
#[cfg(test)]
mod tests;
mod token;
mod visa;

pub use self::{
    conditions::{CLAUSES_MAX, Clause, Conditions},
    identity::{IDENTITIES_MAX, IdentityRegister, VisaIdentity, linked, places_of_account},
    issuers::{
        ISSUERS_MAX, JWKS_BYTES_MAX, KEYS_MAX, SigningAlgorithm, TRUST_BYTES_MAX, TrustedIssuer, TrustedIssuers,
    },
    policy::{Policy, Requirement},
    presentation::{Presentation, VerifiedPresentation},
    publication::check_publishable,
    token::{CLOCK_SKEW_SECONDS, TOKEN_BYTES_MAX},
    visa::{
        Authority, CheckedVisa, PASSPORT_BYTES_MAX, UnverifiedVisa, VISAS_MAX, VerifiedVisa, VisaObject, check_passport,
    },
};
use crate::Error;

fn refused(why: String) -> Error {
    Error::Passport { why }
}
