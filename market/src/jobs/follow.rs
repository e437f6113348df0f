//! Following the ledger in the index as a job: of the nodes that share a database, one at a time.

use std::sync::Arc;

use node::{Ledger, units::Timestamp};

use super::{Backoff, Duty, Lookout, NewJob, Policy, Work, job::JobKind};
use crate::{Error, index::Index, introduction::Keeping};

/// The job that brings the index up to the latest block.
#[must_use]
pub fn follow_job() -> NewJob {
    NewJob { kind: JobKind::FollowIndex, key: "ledger".into(), payload: String::new() }
}

/// Brings the index up to this node's latest block, and asks for what follows from it.
pub struct FollowDuty {
    /// The node's ledger.
    pub ledger: Arc<Ledger>,
    /// The index.
    pub index: Arc<Index>,
    /// Forgets introductions of queries that are long over.
    pub keeping: Keeping,
    /// What asks for what is due of queries; `None` on a node that does nothing for them.
    pub lookout: Option<Lookout>,
    /// What the time is.
    pub clock: fn() -> Timestamp,
}

impl Duty for FollowDuty {
    fn kind(&self) -> JobKind {
        JobKind::FollowIndex
    }

    /// A short lease, so that the index stands still for seconds when its process is killed. Each block asks anew, so that
    /// giving up is never for long.
    fn policy(&self) -> Policy {
        Policy { lease_seconds: 6, attempts_max: 8, backoff: Backoff { seconds_min: 1, seconds_max: 30 } }
    }

    fn perform(&self, work: &Work) -> Result<(), Error> {
        work.check()?;
        self.index.follow(&self.ledger)?;
        self.keeping.round(&self.ledger)?;
        let Some(lookout) = &self.lookout else { return Ok(()) };
        self.index.check_follows(&self.ledger)?;
        lookout.round(&self.index, &self.ledger, (self.clock)())
    }
}
