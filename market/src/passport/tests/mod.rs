//! Passports under test: signed with keys that everybody knows, altered, and presented.

mod passport;
mod visa;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use circuits::id::{AccountId, ChainId};
use ed25519_dalek::SigningKey;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use node::{signature::account_of, units::Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const NOW: u64 = 1_800_000_000;
const DAY: u64 = 86_400;
const ISSUER: &str = "https://visas.example.org/";
const RSA_ISSUER: &str = "https://rsa.example.org/";
const BROKER: &str = "https://broker.example.org/";
const BONA_FIDE: &str = "https://doi.org/10.1038/s41431-018-0219-y";

fn keys() -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/data/passport/keys.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn bytes(key: &str, form: &str) -> Vec<u8> {
    STANDARD.decode(keys()[key][form].as_str().unwrap()).unwrap()
}

fn ec(key: &str) -> EncodingKey {
    EncodingKey::from_ec_der(&bytes(key, "private_pkcs8"))
}

/// A public key as a set lists it.
fn jwk(key: &str, kid: &str) -> Value {
    let mut jwk = keys()[key]["public"].clone();
    jwk["kid"] = json!(kid);
    jwk
}

fn issuer(keys: &[Value], jku: Option<&str>, audience: Option<&str>) -> Result<TrustedIssuer, Error> {
    let usual = BTreeSet::from([SigningAlgorithm::RS256, SigningAlgorithm::ES256]);
    TrustedIssuer::new(&json!({ "keys": keys }).to_string(), jku.map(Into::into), audience.map(Into::into), usual)
}

fn trust_with(audience: Option<&str>, policy: Policy) -> TrustedIssuers {
    let jku = Some("https://visas.example.org/jwks");
    let issuers = BTreeMap::from([
        (ISSUER.to_owned(), issuer(&[jwk("ec", "key-1")], jku, audience).unwrap()),
        (BROKER.to_owned(), issuer(&[jwk("ec", "broker-1")], None, audience).unwrap()),
        (RSA_ISSUER.to_owned(), issuer(&[jwk("rsa", "rsa-1")], None, None).unwrap()),
    ]);
    TrustedIssuers::new(issuers, policy).unwrap()
}

fn trust() -> TrustedIssuers {
    trust_with(None, Policy::default())
}

fn claims(kind: &str, value: &str) -> Value {
    json!({
        "iss": ISSUER, "sub": "ada", "iat": NOW - DAY, "exp": NOW + DAY, "jti": "visa-1", "scope": "openid",
        "ga4gh_visa_v1": { "type": kind, "asserted": NOW - 30 * DAY, "value": value,
                           "source": "https://uni.example", "by": "so" }
    })
}

fn header(algorithm: Algorithm, kid: &str) -> Header {
    Header { kid: Some(kid.into()), typ: Some("vnd.ga4gh.visa+jwt".into()), ..Header::new(algorithm) }
}

fn signed(claims: &Value) -> String {
    encode(&header(Algorithm::ES256, "key-1"), claims, &ec("ec")).unwrap()
}

fn visa(kind: &str, value: &str) -> String {
    signed(&claims(kind, value))
}

fn verify(token: &str, trust: &TrustedIssuers) -> Result<VerifiedVisa, String> {
    let verified = UnverifiedVisa::parse(token).and_then(|visa| visa.verify(trust, Timestamp::new(NOW)));
    verified.map_err(|error| error.to_string())
}

fn refused(token: &str) -> String {
    verify(token, &trust()).unwrap_err()
}

/// A token with other parts than any library would write.
fn raw(header: &Value, claims: &Value, signature: &[u8]) -> String {
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    format!("{}.{}.{}", part(header.to_string().as_bytes()), part(claims.to_string().as_bytes()), part(signature))
}
