//! Jobs as they are asked for, stored and listed.

use std::fmt;

use diesel::Queryable;
use node::units::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    database::{MaybeTime, Number, names, storable},
};

/// The longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 256;
/// The longest payload, in bytes.
pub const PAYLOAD_BYTES_MAX: usize = 16 << 10;
/// Characters of a failure's text that are kept.
pub const ERROR_CHARS_MAX: usize = 1_000;

names! {
    /// What a job does.
    JobKind {
        /// Brings the index up to the ledger's latest block.
        FollowIndex = "follow-index",
        /// Adds up a sealed query's ciphertexts and has the committee sign the sum.
        AggregateQuery = "aggregate-query",
        /// Freezes the set of a query that is full or past its last day.
        SealQuery = "seal-query",
        /// Returns the escrow of a query that missed a deadline.
        RefundQuery = "refund-query",
    }
}

names! {
    /// Where a job stands.
    JobState {
        /// Nobody works on it; it is taken when it is due.
        Waiting = "waiting",
        /// Somebody works on it, until the lease ends.
        Running = "running",
        /// It is done.
        Done = "done",
        /// It was given up; it can be retried.
        Failed = "failed",
    }
}

/// A job's number in its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(u64);

impl JobId {
    /// The job with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<Number> for JobId {
    type Error = std::num::TryFromIntError;

    fn try_from(number: Number) -> Result<Self, Self::Error> {
        number.try_into().map(Self)
    }
}

/// A job to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// What it does.
    pub kind: JobKind,
    /// What it does it to; one job of a kind has it.
    pub key: String,
    /// What else it needs, in a form that its kind decides. No secret belongs here.
    pub payload: String,
}

impl NewJob {
    /// Refuses what no database should hold.
    ///
    /// # Errors
    /// [`Error::Job`] for a key or a payload that is empty where it must not be, too long, or holds NUL.
    pub(super) fn check(&self) -> Result<(), Error> {
        let refused = |why: String| Err(Error::Job { job: format!("of kind {}", self.kind), why });
        if self.key.is_empty() || self.key.len() > KEY_BYTES_MAX {
            return refused(format!("its key has {} bytes; use 1 to {KEY_BYTES_MAX}", self.key.len()));
        }
        if self.payload.len() > PAYLOAD_BYTES_MAX {
            return refused(format!("its payload has {} bytes of at most {PAYLOAD_BYTES_MAX}", self.payload.len()));
        }
        if self.key.contains('\0') || self.payload.contains('\0') {
            return refused("its key or payload holds a NUL character; leave it out".into());
        }
        Ok(())
    }
}

/// A job in a listing, without its payload.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Serialize, Deserialize)]
pub struct Job {
    /// Its number.
    #[diesel(deserialize_as = Number)]
    pub id: JobId,
    /// What it does.
    pub kind: JobKind,
    /// What it does it to.
    pub key: String,
    /// Where it stands.
    pub state: JobState,
    /// How often it was begun since it was asked for or retried.
    #[diesel(deserialize_as = Number)]
    pub attempts: u32,
    /// When it may be taken: a waiting one at its next attempt, a running one when its lease ends.
    #[diesel(deserialize_as = MaybeTime)]
    pub due: Option<Timestamp>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// When it was first asked for.
    #[diesel(deserialize_as = Number)]
    pub created: Timestamp,
    /// When its state last changed.
    #[diesel(deserialize_as = Number)]
    pub changed: Timestamp,
}

/// A page of jobs, the latest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobPage {
    /// The jobs.
    pub items: Vec<Job>,
    /// Where the next page begins; absent on the last.
    pub next: Option<JobId>,
}

/// How many jobs of a kind are in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobCount {
    /// What they do.
    pub kind: JobKind,
    /// Where they stand.
    pub state: JobState,
    /// How many.
    pub count: u64,
}

/// A failure's text as far as it is kept.
pub(super) fn kept(error: &str) -> String {
    storable(error).chars().take(ERROR_CHARS_MAX).collect()
}
