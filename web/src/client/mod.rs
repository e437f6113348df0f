//! Clients of the HTTP API: the market's seams across a network.
//!
//! A server is not trusted. Blobs are checked against their digest, blocks and proofs against the genesis by whoever
//! uses them; every answer has a bound, and every call a time limit. Calls block.

mod blobs;
mod committee;
mod custodian;
mod directory;
mod diseases;
mod http;
mod introductions;
mod ledger;
mod queries;
mod screenings;

pub use self::{
    blobs::RemoteBlobs,
    committee::RemoteCommittee,
    custodian::RemoteCustodian,
    directory::{ADDRESSES_MAX, Addresses, CommitteeDirectory},
    http::{CALL_TIME_MAX, CONNECT_TIME_MAX, Remote, within},
    ledger::RemoteLedger,
};
