//! Reading and verifying the signature of a request.

use circuits::id::{AccountId, ChainId};
use ed25519_dalek::{Signature, VerifyingKey};
use node::units::Timestamp;
use sfv::{BareItem, Dictionary, FieldType, InnerList, Item, ListEntry, Parameters, Parser};

use super::{ALGORITHM, Covered, LABEL, Replay, base::signature_base, tag};
use crate::Error;

/// The longest header field of a signature.
pub const SIGNATURE_BYTES_MAX: usize = 2_048;
/// The longest nonce.
const NONCE_BYTES_MAX: usize = 128;

/// The signature that a request came with, read and not believed.
#[derive(Debug, Clone, PartialEq)]
pub struct UnverifiedRequest {
    account: AccountId,
    created: Timestamp,
    nonce: String,
    tag: String,
    components: Vec<String>,
    parameters: String,
    signature: Signature,
}

/// Who sent a request: an account whose key signed it for this server, chain and moment, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    account: AccountId,
}

impl Caller {
    /// The account.
    #[must_use]
    pub const fn account(&self) -> AccountId {
        self.account
    }
}

fn refused(why: impl Into<String>) -> Error {
    Error::Unsigned { why: why.into() }
}

impl UnverifiedRequest {
    /// Reads the fields `Signature-Input` and `Signature`.
    ///
    /// # Errors
    /// [`Error::Unsigned`] that says what is wrong with them.
    pub fn read(input: &str, signature: &str) -> Result<Self, Error> {
        if input.len() > SIGNATURE_BYTES_MAX || signature.len() > SIGNATURE_BYTES_MAX {
            return Err(refused(format!("a field is longer than {SIGNATURE_BYTES_MAX} bytes")));
        }
        let InnerList { items, params } = labelled(input, "signature-input")?;
        let components = items.iter().map(component).collect::<Result<Vec<_>, _>>()?;
        check_parameters(&params)?;
        if text(&params, "alg")? != ALGORITHM {
            return Err(refused(format!("its alg must be {ALGORITHM}")));
        }
        let account = text(&params, "keyid")?;
        let account = account.parse().map_err(|error| refused(format!("keyid must be an account: {error}")))?;
        let nonce = text(&params, "nonce")?.to_owned();
        if nonce.is_empty() || nonce.len() > NONCE_BYTES_MAX {
            return Err(refused(format!("its nonce must have 1 to {NONCE_BYTES_MAX} characters")));
        }
        let created = created(&params)?;
        let tag = text(&params, "tag")?.to_owned();
        let list = vec![ListEntry::InnerList(InnerList { items, params })];
        let parameters = list.serialize().ok_or_else(|| refused("signature-input is empty"))?;
        Ok(Self { account, created, nonce, tag, components, parameters, signature: signature_of(signature)? })
    }

    /// Who signed, if it is this request for this chain, now, and for the first time.
    ///
    /// # Errors
    /// [`Error::Unsigned`] that says what does not hold, and [`Error::Stopping`] when too many requests are remembered.
    pub fn verify(
        self,
        covered: &Covered<'_>,
        chain: &ChainId,
        now: Timestamp,
        replay: &Replay,
    ) -> Result<Caller, Error> {
        for needed in covered.components() {
            if !self.components.iter().any(|component| component == needed) {
                return Err(refused(format!("it does not cover {needed}")));
            }
        }
        if self.tag != tag(chain) {
            return Err(refused(format!("its tag must be {}, which names this chain", tag(chain))));
        }
        let components = self.components.iter().map(String::as_str);
        let base = signature_base(components, |component| covered.value(component), &self.parameters);
        let base = base.ok_or_else(|| refused("it covers what the request does not have"))?;
        let key = VerifyingKey::from_bytes(&self.account.to_bytes()).map_err(|_| refused("keyid is no Ed25519 key"))?;
        key.verify_strict(base.as_bytes(), &self.signature)
            .map_err(|_| refused("it is not of this request: sign method, host, path, query and digest as sent"))?;
        replay.take(self.account, self.created, self.nonce, now)?;
        Ok(Caller { account: self.account })
    }
}

/// The inner list under the label.
fn labelled(field: &str, what: &str) -> Result<InnerList, Error> {
    match dictionary(field, what)?.swap_remove(LABEL) {
        Some(ListEntry::InnerList(list)) => Ok(list),
        _ => Err(refused(format!("{what} has no list {LABEL}"))),
    }
}

fn dictionary(field: &str, what: &str) -> Result<Dictionary, Error> {
    Parser::new(field).parse().map_err(|error| refused(format!("{what} is no dictionary (RFC 9651): {error}")))
}

/// Components with parameters (of requests to which this answers, of single dictionary members) are not of this profile.
fn component(item: &Item) -> Result<String, Error> {
    match &item.bare_item {
        BareItem::String(name) if item.params.is_empty() => Ok(name.as_str().into()),
        _ => Err(refused("it covers something else than plain components")),
    }
}

fn check_parameters(params: &Parameters) -> Result<(), Error> {
    let known = ["created", "nonce", "keyid", "alg", "tag"];
    match params.keys().find(|name| !known.contains(&name.as_str())) {
        Some(other) => Err(refused(format!("its parameter {} is none of {}", other.as_str(), known.join(", ")))),
        None => Ok(()),
    }
}

fn text<'p>(params: &'p Parameters, name: &str) -> Result<&'p str, Error> {
    match params.get(name) {
        Some(BareItem::String(text)) => Ok(text.as_str()),
        _ => Err(refused(format!("its parameter {name} is absent or no string"))),
    }
}

fn created(params: &Parameters) -> Result<Timestamp, Error> {
    let absent = || refused("its parameter created is absent or no time");
    let Some(BareItem::Integer(seconds)) = params.get("created") else { return Err(absent()) };
    u64::try_from(i64::from(*seconds)).map(Timestamp::new).map_err(|_| absent())
}

fn signature_of(field: &str) -> Result<Signature, Error> {
    let absent = || refused(format!("signature has no 64 bytes {LABEL}"));
    let Some(ListEntry::Item(item)) = dictionary(field, "signature")?.swap_remove(LABEL) else { return Err(absent()) };
    let BareItem::ByteSequence(bytes) = item.bare_item else { return Err(absent()) };
    Signature::from_slice(&bytes).map_err(|_| absent())
}
