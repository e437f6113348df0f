//! Visas: what a trusted issuer asserts of a researcher.

use std::collections::BTreeSet;

use node::units::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    CLAUSES_MAX, Conditions, TrustedIssuers, VisaIdentity,
    identity::groups,
    refused,
    token::{CLOCK_SKEW_SECONDS, Token},
};
use crate::Error;

/// Visas of one passport.
pub const VISAS_MAX: usize = 128;
/// The longest passport.
pub const PASSPORT_BYTES_MAX: usize = 1 << 20;
/// Characters of a URL claim (GA4GH Passport v1.2, "URL Claims").
const URL_CHARACTERS_MAX: usize = 255;

/// Who within the source made an assertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Authority {
    /// The researcher.
    #[serde(rename = "self")]
    Oneself,
    /// Somebody with the same role.
    Peer,
    /// The organization's information system.
    System,
    /// A signing official of the organization.
    So,
    /// A data access committee.
    Dac,
}

impl Authority {
    /// Its name in a visa.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Oneself => "self",
            Self::Peer => "peer",
            Self::System => "system",
            Self::So => "so",
            Self::Dac => "dac",
        }
    }
}

/// The `ga4gh_visa_v1` claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisaObject {
    /// The visa type, such as `ResearcherStatus`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When the source made the assertion, in seconds since 1970.
    pub asserted: u64,
    /// What is asserted, in the format of the type.
    pub value: String,
    /// The organization that asserts it.
    pub source: String,
    /// Who within it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Authority>,
    /// Other visas that must be there.
    #[serde(default, skip_serializing_if = "Conditions::is_empty")]
    pub conditions: Conditions,
}

/// The claims of a visa.
#[derive(Debug, Clone, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    exp: u64,
    ga4gh_visa_v1: VisaObject,
}

/// A visa whose signature nobody has checked.
#[derive(Debug, Clone)]
pub struct UnverifiedVisa(Token);

impl UnverifiedVisa {
    /// Reads a visa in its compact form.
    ///
    /// # Errors
    /// [`Error::Passport`] beyond [`super::TOKEN_BYTES_MAX`] and for what is no signed token.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Token::parse(text).map(Self)
    }

    /// The issuer that it names, which may be a lie.
    #[must_use]
    pub fn claimed_issuer(&self) -> &str {
        self.0.issuer()
    }

    /// The visa, if a trusted issuer signed it for this audience and it counts at this time. Its conditions are not
    /// looked at: they need the passport's other visas, see [`check_passport`].
    ///
    /// # Errors
    /// [`Error::Passport`] with the first reason against it.
    pub fn verify(self, trust: &TrustedIssuers, at: Timestamp) -> Result<VerifiedVisa, Error> {
        let claims: Claims = self.0.verify(trust, at)?;
        let visa = claims.ga4gh_visa_v1;
        if visa.source.chars().count() > URL_CHARACTERS_MAX || claims.sub.is_empty() {
            return Err(refused("it has no sub, or a source of more than 255 characters".into()));
        }
        if visa.conditions.clauses() > CLAUSES_MAX {
            return Err(refused(format!("it has more than {CLAUSES_MAX} conditions")));
        }
        if visa.asserted > at.get().saturating_add(CLOCK_SKEW_SECONDS) {
            return Err(refused("it was asserted in the future".into()));
        }
        Ok(VerifiedVisa { identity: VisaIdentity { iss: claims.iss, sub: claims.sub }, expires: claims.exp, visa })
    }
}

/// A visa that a trusted issuer signed and that counts now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifiedVisa {
    identity: VisaIdentity,
    expires: u64,
    visa: VisaObject,
}

impl VerifiedVisa {
    /// Whom it is of.
    #[must_use]
    pub const fn identity(&self) -> &VisaIdentity {
        &self.identity
    }

    /// What it says.
    #[must_use]
    pub const fn object(&self) -> &VisaObject {
        &self.visa
    }

    /// When it expires, in seconds since 1970.
    #[must_use]
    pub const fn expires(&self) -> u64 {
        self.expires
    }

    /// Whether its type is one that says who somebody is, and nobody but the researcher says it: it shows nothing then.
    pub(crate) fn is_own_word(&self) -> bool {
        self.visa.by == Some(Authority::Oneself)
            && ["AffiliationAndRole", "LinkedIdentities"].contains(&self.visa.kind.as_str())
    }

    /// Of an `AffiliationAndRole` the institution's domain: what follows the first `@`. None by the researcher's own word
    /// (`by` is `self`): it shows no affiliation.
    #[must_use]
    pub fn affiliation(&self) -> Option<&str> {
        if self.is_own_word() {
            return None;
        }
        let (_, domain) = self.visa.value.split_once('@').filter(|_| self.visa.kind == "AffiliationAndRole")?;
        Some(domain)
    }
}

/// A visa of a passport, with what became of it.
#[derive(Debug)]
pub struct CheckedVisa {
    /// Its place in the passport, from 0 on.
    pub place: usize,
    /// The issuer that it names, if it can be read.
    pub claimed_issuer: Option<String>,
    /// The visa, or why it counts for nothing.
    pub outcome: Result<VerifiedVisa, Error>,
}

/// What holds visas.
#[derive(Debug, Clone, Deserialize)]
struct PassportClaims {
    ga4gh_passport_v1: Vec<String>,
}

/// Checks every visa of a passport: a passport token, the `ga4gh_passport_v1` object of a broker's user information, a
/// list of visas in JSON, or a single visa. A visa with conditions counts only beside accepted visas of the same person
/// that meet them and have none themselves.
///
/// # Errors
/// [`Error::Passport`] when the whole is none of these, too long, has more than [`VISAS_MAX`] visas, or is a passport
/// token that no trusted issuer signed.
pub fn check_passport(text: &str, trust: &TrustedIssuers, at: Timestamp) -> Result<Vec<CheckedVisa>, Error> {
    let mut checked: Vec<CheckedVisa> = visas_of(text, trust, at)?
        .iter()
        .enumerate()
        .map(|(place, token)| {
            let visa = UnverifiedVisa::parse(token);
            let claimed_issuer = visa.as_ref().ok().map(|visa| super::token::shown(visa.claimed_issuer()));
            CheckedVisa { place, claimed_issuer, outcome: visa.and_then(|visa| visa.verify(trust, at)) }
        })
        .collect();
    let unmet = unmet_conditions(&checked);
    for visa in checked.iter_mut().filter(|visa| unmet.contains(&visa.place)) {
        visa.outcome = Err(refused("no other visa of the passport meets its conditions".into()));
    }
    Ok(checked)
}

fn unmet_conditions(checked: &[CheckedVisa]) -> BTreeSet<usize> {
    let accepted: Vec<&VerifiedVisa> = checked.iter().filter_map(|visa| visa.outcome.as_ref().ok()).collect();
    // A visa that itself waits for conditions shows nobody to be the same person.
    let people = groups(accepted.iter().copied().filter(|visa| visa.visa.conditions.is_empty()));
    let is_same_person = |one: &VisaIdentity, other: &VisaIdentity| {
        one == other || people.iter().any(|person| person.contains(one) && person.contains(other))
    };
    let met = |visa: &VerifiedVisa| {
        let same = |other: &&&VerifiedVisa| is_same_person(&other.identity, &visa.identity);
        let others: Vec<&VisaObject> = accepted.iter().filter(same).map(|other| &other.visa).collect();
        visa.visa.conditions.is_empty() || visa.visa.conditions.are_met_by(&others)
    };
    let unmet = checked.iter().filter(|visa| visa.outcome.as_ref().is_ok_and(|visa| !met(visa)));
    unmet.map(|visa| visa.place).collect()
}

fn visas_of(text: &str, trust: &TrustedIssuers, at: Timestamp) -> Result<Vec<String>, Error> {
    match held(text)? {
        Held { passport: Some(token), .. } => Ok(token.verify::<PassportClaims>(trust, at)?.ga4gh_passport_v1),
        Held { passport: None, visas } => Ok(visas),
    }
}

/// What a text holds, read and not believed.
pub(super) struct Held {
    /// The token around the visas, where there is one.
    pub(super) passport: Option<Token>,
    /// The visas.
    pub(super) visas: Vec<String>,
}

/// Reads the forms that [`check_passport`] takes.
pub(super) fn held(text: &str) -> Result<Held, Error> {
    let text = text.trim();
    if text.len() > PASSPORT_BYTES_MAX {
        return Err(refused(format!("it has {} bytes; at most {PASSPORT_BYTES_MAX} can be", text.len())));
    }
    let odd = |error: serde_json::Error| {
        refused(format!("it is no passport token, no list of visas and no ga4gh_passport_v1 object: {error}"))
    };
    let (passport, visas) = match text.chars().next() {
        Some('{') => (None, serde_json::from_str::<PassportClaims>(text).map_err(odd)?.ga4gh_passport_v1),
        Some('[') => (None, serde_json::from_str(text).map_err(odd)?),
        _ => {
            let token = Token::parse(text)?;
            match token.claims_unverified::<PassportClaims>() {
                Ok(claims) => (Some(token), claims.ga4gh_passport_v1),
                Err(_) => (None, vec![text.into()]),
            }
        }
    };
    if visas.len() > VISAS_MAX {
        return Err(refused(format!("it holds {} visas; at most {VISAS_MAX} can be", visas.len())));
    }
    Ok(Held { passport, visas })
}
