//! The one error enum of this crate.

use std::{io, time::Duration};

use thiserror::Error;

use crate::problem::Problem;

/// Why the service or the command line refused an input or could not do its work.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The ledger refused.
    #[error(transparent)]
    Ledger(#[from] node::Error),
    /// The market refused.
    #[error(transparent)]
    Market(#[from] market::Error),
    /// A statement or an id does not decode.
    #[error(transparent)]
    Statement(#[from] circuits::Error),
    /// A part of a request does not decode.
    #[error("{what} is malformed: {why}; /openapi.json describes what each request takes")]
    Request {
        /// The part of the request.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A body in another encoding than the endpoint takes.
    #[error("the body must be {expected}; name it in the content-type header")]
    MediaType {
        /// The media type that the endpoint takes.
        expected: &'static str,
    },
    /// A body or a page beyond its bound.
    #[error("{what} exceeds {limit}; send less at once")]
    TooLarge {
        /// What is bounded.
        what: &'static str,
        /// The bound, in bytes or entries.
        limit: usize,
    },
    /// No endpoint has this address.
    #[error("there is no endpoint {path}; /openapi.json lists them all")]
    NoEndpoint {
        /// The path asked for.
        path: String,
    },
    /// The endpoint does not take this method.
    #[error("{path} does not take {method}; /openapi.json lists what it takes")]
    Method {
        /// The path asked for.
        path: String,
        /// The method tried.
        method: String,
    },
    /// A request that must be signed is not, or not rightly.
    #[error("the request's signature does not count: {why}; docs/protocol/requests.md says how to sign")]
    Unsigned {
        /// What is wrong with it.
        why: String,
    },
    /// Nobody is signed in.
    #[error("nobody is signed in; sign in at /sign-in")]
    SignedOut,
    /// Nobody has a session of a person's own pages.
    #[error("nobody is signed in here, or the session ended; open the newest link that the agent printed")]
    NoVisit,
    /// What should let somebody in does not.
    #[error("the sign-in is refused: {why}")]
    SignIn {
        /// What does not hold, and what to do.
        why: String,
    },
    /// A request that another site's page made, or may have made.
    #[error("the request is refused: {why}")]
    CrossSite {
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// Too many tries to sign in.
    #[error("too many tries; wait {seconds} seconds and try again")]
    TooMany {
        /// Seconds until the next one counts.
        seconds: u32,
    },
    /// What the address names is not here.
    #[error("{what} {id} is not known here; check the id, or ask again after the next block")]
    NotFound {
        /// The kind of thing.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// This node publishes no releases.
    #[error("this node has no beacon; its operator publishes releases with `locus serve --beacon DIR`")]
    NoBeacon,
    /// This node knows no diseases by name.
    #[error(
        "this node knows no diseases by name; its operator gives it an ontology with `locus serve --ontology FILE`, a file \
         such as mondo.obo"
    )]
    NoOntology,
    /// This node keeps nothing for others.
    #[error("this node is no custodian of datasets; its operator makes it one with `locus serve --custodian-key FILE`")]
    NoCustodian,
    /// A range that begins beyond the end.
    #[error("the range lies beyond the {bytes} bytes there are; ask for one within them")]
    Range {
        /// Bytes there are.
        bytes: u64,
    },
    /// The server's share of disk for uploads is used up.
    #[error("this server keeps {limit} bytes of blobs and has no room; ask its operator, or upload to another")]
    Quota {
        /// The bound.
        limit: u64,
    },
    /// A request took longer than the server waits.
    #[error("the request took longer than {} seconds; try again, or ask for less", limit.as_secs())]
    Slow {
        /// The bound.
        limit: Duration,
    },
    /// Everything that this server keeps open at once for somebody is taken.
    #[error("this server keeps {limit} {what} for you at a time and all are taken; {instead}")]
    Full {
        /// What is kept.
        what: &'static str,
        /// The bound.
        limit: usize,
        /// After how many seconds to try again.
        seconds: u32,
        /// What to do.
        instead: &'static str,
    },
    /// The server is going down.
    #[error("the server is stopping; try again shortly")]
    Stopping,
    /// A receipt could not be checked, for what it names is not to be read here now: it may hold or not.
    #[error("the receipt could not be checked now: {why}; ask again")]
    Unchecked {
        /// What is not here.
        why: String,
        /// After how many seconds to ask again.
        seconds: u32,
    },
    /// A server could not begin to listen.
    #[error("cannot serve on {address} ({source}); choose a free port and an address of this machine")]
    Listen {
        /// The address.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// Something that can only be a fault of this program or machine.
    #[error("the server failed to {action}: {why}")]
    Internal {
        /// What it tried.
        action: &'static str,
        /// The cause.
        why: String,
    },
    /// A server cannot be reached.
    #[error("{url} does not answer: {why}; check the address and that `locus serve` runs there")]
    Unreachable {
        /// The address.
        url: String,
        /// What went wrong.
        why: String,
    },
    /// A server refused and said why.
    #[error("{url} refused: {problem}")]
    Remote {
        /// The address.
        url: String,
        /// Its answer.
        problem: Problem,
    },
    /// A server answered with what this version does not understand, or with a lie.
    #[error("{url} sent an unusable answer: {why}; check that it is a Locus server of this version and chain")]
    Reply {
        /// The address.
        url: String,
        /// What is wrong with the answer.
        why: String,
    },
    /// A file, an option or an answer given to the command line cannot be used.
    #[error("{what}: {why}")]
    Input {
        /// Which input.
        what: &'static str,
        /// What is wrong with it, where, and what would be right.
        why: String,
    },
    /// A result cannot be printed.
    #[error("the result cannot be printed: {why}")]
    Output {
        /// What the system said.
        why: String,
    },
    /// The demo's decrypted result is not the truth.
    #[error("the demo's result differs from the truth counted from the VCF; please report this")]
    DemoDiffers,
    /// The demo's attacker got something false in.
    #[error("a dishonest contribution was admitted; please report this")]
    AttackAdmitted,
}
