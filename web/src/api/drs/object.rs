//! DRS objects of a dataset.

use circuits::id::Digest;
use node::{calendar::utc, units::Timestamp};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::ROOT;
use crate::{
    Error,
    api::{Service, custody::Entitled},
};

/// The one way to the bytes.
pub(super) const ACCESS_ID: &str = "https";
/// What begins a name as hostname-based DRS identifiers do.
const SCHEME: &str = "drs";

/// A part of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Both blobs, as a bundle.
    Bundle,
    /// The caller's header.
    Header,
    /// The encrypted body.
    Body,
}

impl Part {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Bundle => "bundle",
            Self::Header => "header",
            Self::Body => "body",
        }
    }
}

/// What an object id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Named<'a> {
    /// The dataset's id, unread.
    pub(super) dataset: &'a str,
    /// The part; `None` for a suffix that names none.
    pub(super) part: Option<Part>,
}

impl<'a> Named<'a> {
    pub(super) fn of(id: &'a str) -> Self {
        match id.split_once('.') {
            None => Self { dataset: id, part: Some(Part::Bundle) },
            Some((dataset, suffix)) => {
                let part = [Part::Header, Part::Body].into_iter().find(|part| part.name() == suffix);
                Self { dataset, part }
            }
        }
    }
}

/// A blob's length and digest.
struct Blob {
    part: Part,
    bytes: u64,
    sha256: Digest,
}

/// The object, as `DrsObject` of the specification.
pub(super) fn describe(service: &Service, entitled: &Entitled, part: Part) -> Result<Value, Error> {
    let offer = &entitled.dataset.offer;
    let header = Blob { part: Part::Header, bytes: entitled.header_bytes(service)?, sha256: entitled.header_digest() };
    let body = Blob { part: Part::Body, bytes: offer.body_bytes, sha256: offer.body };
    let base = Base { service, id: entitled.id.to_string(), created: created(service, entitled)? };
    Ok(match part {
        Part::Header => base.blob(&header),
        Part::Body => base.blob(&body),
        Part::Bundle => base.bundle(&[header, body]),
    })
}

/// When the dataset was offered, by its block.
fn created(service: &Service, entitled: &Entitled) -> Result<Timestamp, Error> {
    let header = service.chain.snapshot()?.header(entitled.dataset.height)?;
    // A node that began from a copy may lack the block; the chain's beginning is the latest time known to be before.
    Ok(header.map_or(service.chain.ledger().genesis().time, |header| header.header.time))
}

struct Base<'a> {
    service: &'a Service,
    id: String,
    created: Timestamp,
}

impl Base<'_> {
    fn uri(&self, id: &str) -> String {
        format!("{SCHEME}://{}/{id}", self.service.publishing.identity.authority())
    }

    fn blob(&self, blob: &Blob) -> Value {
        let id = format!("{}.{}", self.id, blob.part.name());
        json!({
            "id": id,
            "name": file_name(blob.part),
            "self_uri": self.uri(&id),
            "size": blob.bytes,
            "created_time": utc(self.created),
            "mime_type": "application/octet-stream",
            "checksums": [checksum(&blob.sha256.to_string())],
            "access_methods": [{ "type": ACCESS_ID, "access_id": ACCESS_ID, "available": true }],
            "description": "a part of a Crypt4GH file: the header, then the body; requests are signed (RFC 9421)",
        })
    }

    /// A bundle's checksum is that of its contents' checksums in order.
    fn bundle(&self, blobs: &[Blob]) -> Value {
        let mut sums: Vec<String> = blobs.iter().map(|blob| blob.sha256.to_string()).collect();
        sums.sort_unstable();
        let contents: Vec<_> = blobs
            .iter()
            .map(|blob| {
                let id = format!("{}.{}", self.id, blob.part.name());
                json!({ "name": file_name(blob.part), "id": id, "drs_uri": [self.uri(&id)] })
            })
            .collect();
        json!({
            "id": self.id,
            "name": self.id,
            "self_uri": self.uri(&self.id),
            "size": blobs.iter().fold(0_u64, |sum, blob| sum.saturating_add(blob.bytes)),
            "created_time": utc(self.created),
            "checksums": [checksum(&hex::encode(Sha256::digest(sums.concat())))],
            "contents": contents,
            "description": format!("a Crypt4GH file in two parts, served below {ROOT}: join them in this order"),
        })
    }
}

fn file_name(part: Part) -> String {
    format!("{}.c4gh", part.name())
}

fn checksum(sha256: &str) -> Value {
    json!({ "type": "sha-256", "checksum": sha256 })
}
