//! A signed token (RFC 7519) of a trusted issuer: bounds, header, key, signature, audience and times, in this order.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, Validation, decode, errors::ErrorKind};
use node::{calendar::utc, units::Timestamp};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    issuers::{SigningAlgorithm, TrustedIssuer, TrustedIssuers},
    refused,
};
use crate::Error;

/// The longest token.
pub const TOKEN_BYTES_MAX: usize = 64 << 10;
/// Seconds that clocks may differ.
pub const CLOCK_SKEW_SECONDS: u64 = 60;
/// Characters of a token's text that an error shows.
const SHOWN_MAX: usize = 80;

/// A token's header (RFC 7515, 4.1).
#[derive(Debug, Clone, Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    jku: Option<String>,
    /// Parameters that must be understood; none is here.
    crit: Option<serde_json::Value>,
    /// Keys and certificates that a token brings itself count for nothing.
    jwk: Option<serde_json::Value>,
}

/// What every token says.
#[derive(Debug, Clone, Deserialize)]
struct Claimed {
    iss: String,
    exp: Option<serde_json::Value>,
    nbf: Option<serde_json::Value>,
    iat: Option<serde_json::Value>,
}

/// A token whose signature nobody has checked.
#[derive(Debug, Clone)]
pub(super) struct Token {
    text: String,
    header: Header,
    claimed: Claimed,
}

/// Text of an unverified token as an error may show it.
pub(super) fn shown(text: &str) -> String {
    let short: String =
        text.chars().take(SHOWN_MAX).map(|letter| if letter.is_control() { '?' } else { letter }).collect();
    if text.chars().count() > SHOWN_MAX { format!("{short}…") } else { short }
}

impl Token {
    /// Reads a token in its compact form.
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if text.len() > TOKEN_BYTES_MAX {
            return Err(refused(format!(
                "a token has at most {TOKEN_BYTES_MAX} bytes, and this one has {}",
                text.len()
            )));
        }
        let parts: Vec<&str> = text.split('.').take(4).collect();
        let [header, claims, _] = parts.as_slice() else {
            return Err(refused("a token is three parts with dots between; this is none".into()));
        };
        Ok(Self { header: json("header", header)?, claimed: json("claims", claims)?, text: text.into() })
    }

    /// The claims, without any check of the signature: to tell kinds of tokens apart.
    pub(super) fn claims_unverified<T: DeserializeOwned>(&self) -> Result<T, Error> {
        json("claims", self.text.split('.').nth(1).unwrap_or_default())
    }

    /// The issuer that the token names.
    pub(super) fn issuer(&self) -> &str {
        &self.claimed.iss
    }

    /// The claims of a token that a trusted issuer signed, for the audience and the time at hand.
    pub(super) fn verify<T: DeserializeOwned + Clone>(
        &self,
        trust: &TrustedIssuers,
        at: Timestamp,
    ) -> Result<T, Error> {
        let iss = shown(&self.claimed.iss);
        let issuer = trust.get(&self.claimed.iss).ok_or_else(|| {
            refused(format!("its issuer {iss:?} is not among those trusted; add it to the file if you do trust it"))
        })?;
        let (algorithm, key) = self.key(issuer)?;
        let mut validation = Validation::new(algorithm.of_library());
        // The library reads the machine's clock; times are checked below, by the caller's.
        (validation.validate_exp, validation.validate_nbf) = (false, false);
        validation.set_issuer(&[&self.claimed.iss]);
        validation.set_required_spec_claims(&["iss"]);
        if let Some(audience) = issuer.audience() {
            validation.set_audience(&[audience]);
            validation.set_required_spec_claims(&["iss", "aud"]);
        }
        let verified =
            decode::<T>(&self.text, &key, &validation).map_err(|error| refused(in_words(error.kind(), issuer)))?;
        self.check_times(at)?;
        Ok(verified.claims)
    }

    /// The key that the header names, if the issuer has it and it fits the algorithm.
    fn key(&self, issuer: &TrustedIssuer) -> Result<(SigningAlgorithm, DecodingKey), Error> {
        let Header { alg, kid, jku, crit, jwk } = &self.header;
        if crit.is_some() || jwk.is_some() {
            return Err(refused(
                "its header brings a key or parameters (jwk, crit) that are not understood here".into(),
            ));
        }
        let algorithm = SigningAlgorithm::of_header(alg).filter(|algorithm| issuer.signs_with(*algorithm));
        let algorithm = algorithm.ok_or_else(|| {
            refused(format!("its algorithm {:?} is none that this issuer is trusted to sign with", shown(alg)))
        })?;
        if jku.is_some() && jku.as_deref() != issuer.jku() {
            let named = shown(jku.as_deref().unwrap_or_default());
            return Err(refused(format!("it names keys at {named:?}, which is not this issuer's configured jku")));
        }
        let kid = kid.as_deref().ok_or_else(|| refused("its header names no key (kid)".into()))?;
        let unknown = || {
            refused(format!(
                "this issuer has no key {:?}; if it changed its keys, save its current key set",
                shown(kid)
            ))
        };
        let key = issuer.key(kid).ok_or_else(unknown)?;
        let named = key.common.key_algorithm.map(|named| named.to_string());
        if !algorithm.fits(key) || named.is_some_and(|named| named != algorithm.name()) {
            return Err(refused(format!("the key {:?} does not sign with {}", shown(kid), algorithm.name())));
        }
        let decoded = DecodingKey::from_jwk(key);
        Ok((
            algorithm,
            decoded.map_err(|error| refused(format!("the issuer's key {:?} is damaged: {error}", shown(kid))))?,
        ))
    }

    fn check_times(&self, at: Timestamp) -> Result<(), Error> {
        let now = at.get();
        let time = |name: &str, value: &Option<serde_json::Value>| {
            let odd = || refused(format!("its {name} is no number of seconds"));
            value.as_ref().map(|value| value.as_u64().ok_or_else(odd)).transpose()
        };
        let absent = |name: &str| refused(format!("it has no {name}, and a visa must have one"));
        let Claimed { exp, nbf, iat, .. } = &self.claimed;
        let exp = time("exp", exp)?.ok_or_else(|| absent("exp"))?;
        let iat = time("iat", iat)?.ok_or_else(|| absent("iat"))?;
        if now >= exp.saturating_add(CLOCK_SKEW_SECONDS) {
            let ended = utc(Timestamp::new(exp));
            return Err(refused(format!("it expired at {ended}; ask the issuer or the broker for a fresh one")));
        }
        let begins = time("nbf", nbf)?.unwrap_or(iat).max(iat);
        if begins > now.saturating_add(CLOCK_SKEW_SECONDS) {
            return Err(refused(format!("it counts from {} only", utc(Timestamp::new(begins)))));
        }
        Ok(())
    }
}

fn json<T: DeserializeOwned>(what: &str, part: &str) -> Result<T, Error> {
    let bytes =
        URL_SAFE_NO_PAD.decode(part).map_err(|error| refused(format!("its {what} is no base64url: {error}")))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| refused(format!("its {what} is not as it should be: {}", shown(&error.to_string()))))
}

fn in_words(kind: &ErrorKind, issuer: &TrustedIssuer) -> String {
    match kind {
        ErrorKind::InvalidSignature => {
            "its signature is not the issuer's; it was altered, or somebody else signed it".into()
        }
        ErrorKind::InvalidAudience => match issuer.audience() {
            Some(audience) => format!("it is meant for others than {audience:?}"),
            None => {
                "it names an audience, and none is configured for this issuer; set its audience if it is yours".into()
            }
        },
        ErrorKind::MissingRequiredClaim(name) => format!("it has no {name}"),
        other => format!("it cannot be read: {}", shown(&format!("{other:?}"))),
    }
}
