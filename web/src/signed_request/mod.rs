//! Requests signed by an account's key, after RFC 9421 (HTTP Message Signatures) with `ed25519` and RFC 9530 digests of
//! bodies.
//!
//! One profile: the signature is labelled `locus`, covers method, authority, path, query and, where there is a body, its
//! digest, and carries `created`, a `nonce`, the account as `keyid` and the chain as `tag`. A server takes each nonce
//! once, while the time it was created at is near its own and later than its start. So nothing can be replayed, to this server or another, or on
//! another chain.

mod base;
mod replay;
mod sign;
mod verify;

use circuits::id::ChainId;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

pub use self::{
    replay::{AHEAD_SECONDS_MAX, CLOCK_SECONDS_MAX, REQUESTS_REMEMBERED_MAX, Replay},
    sign::{SignedHeaders, sign},
    verify::{Caller, SIGNATURE_BYTES_MAX, UnverifiedRequest},
};

/// The signature's label in both header fields.
const LABEL: &str = "locus";
/// RFC 9421 §3.3.6.
const ALGORITHM: &str = "ed25519";

/// What a signature covers.
const METHOD: &str = "@method";
const AUTHORITY: &str = "@authority";
const PATH: &str = "@path";
const QUERY: &str = "@query";
const DIGEST: &str = "content-digest";

/// The parts of a request that its signature covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Covered<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// The host, and the port unless it is the scheme's own, in lower case, as the `Host` field has it.
    pub authority: &'a str,
    /// The path, `/` at least, as sent.
    pub path: &'a str,
    /// What follows the question mark, as sent; empty without one.
    pub query: &'a str,
    /// The `Content-Digest` field, where there is a body.
    pub content_digest: Option<&'a str>,
}

impl Covered<'_> {
    fn value(&self, component: &str) -> Option<String> {
        match component {
            METHOD => Some(self.method.into()),
            AUTHORITY => Some(self.authority.to_ascii_lowercase()),
            PATH => Some(self.path.into()),
            QUERY => Some(format!("?{}", self.query)),
            DIGEST => self.content_digest.map(Into::into),
            _ => None,
        }
    }

    /// What has to be covered, in the order in which it is signed here.
    fn components(&self) -> Vec<&'static str> {
        let digest = self.content_digest.is_some().then_some(DIGEST);
        [METHOD, AUTHORITY, PATH, QUERY].into_iter().chain(digest).collect()
    }
}

/// The tag of signatures for a chain.
fn tag(chain: &ChainId) -> String {
    format!("locus/{chain}")
}

/// The `Content-Digest` field of a body: SHA-256 (RFC 9530 §2).
#[must_use]
pub fn content_digest(body: &[u8]) -> String {
    let mut item = sfv::DictSerializer::new();
    let _ = item.bare_item(sfv::key_ref("sha-256"), Sha256::digest(body).as_slice());
    item.finish().unwrap_or_default()
}

/// Whether a body is the one of a `Content-Digest` field that was made by [`content_digest`].
#[must_use]
pub fn is_body_of(field: &str, body: &[u8]) -> bool {
    content_digest(body).as_bytes().ct_eq(field.as_bytes()).into()
}

#[cfg(test)]
mod tests;
