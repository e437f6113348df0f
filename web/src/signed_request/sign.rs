//! Signing a request.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use circuits::id::ChainId;
use ed25519_dalek::{Signer as _, SigningKey};
use node::{signature::account_of, units::Timestamp};
use rand::CryptoRng;
use sfv::{DictSerializer, integer, key_ref, string_ref};

use super::{ALGORITHM, Covered, LABEL, base::signature_base, tag};
use crate::Error;

/// Bytes of a nonce.
const NONCE_BYTES: usize = 16;

/// The header fields that sign a request. `Content-Digest` is the caller's, who has the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHeaders {
    /// `Signature-Input`.
    pub input: String,
    /// `Signature`.
    pub signature: String,
}

/// Signs a request for a chain with an account's key.
///
/// # Errors
/// [`Error::Request`] for a part that no header line can hold.
pub fn sign(
    covered: &Covered<'_>,
    key: &SigningKey,
    chain: &ChainId,
    now: Timestamp,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<SignedHeaders, Error> {
    let refused = |why: &str| Error::Request { what: "request to sign", why: why.into() };
    let mut nonce = [0; NONCE_BYTES];
    rng.fill_bytes(&mut nonce);
    let text = |text: String| sfv::String::try_from(text).map_err(|_| refused("a parameter is not ASCII"));
    let created = i64::try_from(now.get()).ok().and_then(|seconds| sfv::Integer::try_from(seconds).ok());
    let mut input = DictSerializer::new();
    let mut list = input.inner_list(key_ref(LABEL));
    for component in covered.components() {
        let _ = list.bare_item(string_ref(component));
    }
    let _ = list
        .finish()
        .parameter(key_ref("created"), created.unwrap_or_else(|| integer(0)))
        .parameter(key_ref("nonce"), &text(hex::encode(nonce))?)
        .parameter(key_ref("keyid"), &text(account_of(key).to_string())?)
        .parameter(key_ref("alg"), string_ref(ALGORITHM))
        .parameter(key_ref("tag"), &text(tag(chain))?);
    let input = input.finish().ok_or_else(|| refused("it has no parts"))?;
    let parameters = input.strip_prefix(&format!("{LABEL}=")).unwrap_or_default();
    let base = signature_base(covered.components(), |component| covered.value(component), parameters)
        .ok_or_else(|| refused("a part of it has a line break"))?;
    let signature = STANDARD.encode(key.sign(base.as_bytes()).to_bytes());
    Ok(SignedHeaders { signature: format!("{LABEL}=:{signature}:"), input })
}
