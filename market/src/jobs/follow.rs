//! Following the ledger in the index as a job: of the nodes that share a database, one at a time.

use std::sync::Arc;

use node::{Ledger, units::Timestamp};

use super::{Backoff, Duty, NewJob, Policy, Queue, Work, aggregate::aggregate_job, job::JobKind};
use crate::{
    Error,
    index::{Index, Paging, QueryFilter, Stage},
};

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
    /// Where aggregation of each query that is sealed is asked for; `None` on a node that adds up nothing.
    pub aggregation: Option<Queue>,
    /// What the time is.
    pub clock: fn() -> Timestamp,
}

impl FollowDuty {
    /// Asks for the sum of every query that waits for one.
    fn ask_for_sums(&self, queue: &Queue) -> Result<(), Error> {
        let sealed = QueryFilter { stage: Some(Stage::Sealed), study: None };
        let mut paging = Paging::default();
        loop {
            let page = self.index.queries(&sealed, &paging)?;
            for query in page.items {
                queue.enqueue(&aggregate_job(query.id), (self.clock)())?;
            }
            let Some(next) = page.next else { return Ok(()) };
            paging.after = Some(next);
        }
    }
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
        if self.aggregation.is_some() {
            self.index.check_follows(&self.ledger)?;
        }
        self.aggregation.as_ref().map_or(Ok(()), |queue| self.ask_for_sums(queue))
    }
}
