//! Which passports may be public. A visa is a bearer's document: who reads one can present it wherever it is taken.

use serde::Deserialize;

use super::{
    refused,
    token::{Token, shown},
    visa::{Held, held},
};
use crate::Error;

/// For whom a token is meant (RFC 7519, 4.1.3).
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

#[derive(Debug, Clone, Deserialize)]
struct Addressed {
    #[serde(default)]
    aud: Option<Audience>,
}

/// Refuses a passport that must not be public: each of its visas, and the token around them, must name one audience and no
/// second, so that nobody takes it but those for whom it is published. Whose audience that is, the agents' lists say.
/// Signatures and times are not looked at.
///
/// # Errors
/// [`Error::Passport`] that names the first token at fault, and as [`super::check_passport`] for what cannot be read.
pub fn check_publishable(text: &str) -> Result<(), Error> {
    let Held { passport, visas } = held(text)?;
    if let Some(token) = passport {
        check_audience("the passport", &token)?;
    }
    for (place, visa) in visas.iter().enumerate() {
        let named = |error: Error| refused(format!("visa {place} cannot be made public: {error}"));
        let token = Token::parse(visa).map_err(named)?;
        check_audience(&format!("visa {place}"), &token)?;
    }
    Ok(())
}

fn check_audience(what: &str, token: &Token) -> Result<(), Error> {
    let issuer = shown(token.issuer());
    let named = match token.claims_unverified::<Addressed>()?.aud {
        None => 0,
        Some(Audience::One(audience)) => usize::from(!audience.is_empty()),
        Some(Audience::Several(audiences)) => audiences.iter().filter(|audience| !audience.is_empty()).count(),
    };
    let names = match named {
        1 => return Ok(()),
        0 => "no audience (aud)".to_owned(),
        several => format!("{several} audiences (aud)"),
    };
    Err(refused(format!(
        "{what} of {issuer:?} names {names}, and what is public could be presented elsewhere by whoever reads it; ask the \
         issuer for one that is meant for this market's agents alone, or introduce yourself without it"
    )))
}
