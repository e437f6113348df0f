//! Adding up sealed queries as a job: anyone may, so a node that has a key does it for everybody.

use std::sync::Arc;

use circuits::id::QueryId;
use ed25519_dalek::SigningKey;

use super::{
    Backoff, Duty, NewJob, Policy, Work,
    job::JobKind,
    step::{is_due, query_job},
};
use crate::{
    Error,
    aggregator::{aggregate_watched, restore_sums},
    committee::access::CommitteeAccess,
    ledger::LedgerAccess,
    objects::BlobAccess,
};

/// The job that adds up a query.
#[must_use]
pub fn aggregate_job(query: QueryId) -> NewJob {
    query_job(JobKind::AggregateQuery, query)
}

/// Adds up a sealed query, sends the sums that the committee signed, and stores them. Beginning again is safe: the sums are the
/// same, and the ledger takes them once.
pub struct AggregateDuty {
    /// The ledger.
    pub ledger: Arc<dyn LedgerAccess>,
    /// Where the ciphertexts are, and the sums go.
    pub blobs: Arc<dyn BlobAccess>,
    /// Who signs the sums.
    pub committee: Arc<dyn CommitteeAccess>,
    /// Signs the transactions; any party's key.
    pub sender: SigningKey,
}

impl Duty for AggregateDuty {
    fn kind(&self) -> JobKind {
        JobKind::AggregateQuery
    }

    /// About three hours of attempts, for a committee that is away.
    fn policy(&self) -> Policy {
        Policy { lease_seconds: 60, attempts_max: 24, backoff: Backoff::default() }
    }

    fn perform(&self, work: &Work) -> Result<(), Error> {
        let query: QueryId = work.key().parse()?;
        let (ledger, blobs, committee) = (&*self.ledger, &*self.blobs, &*self.committee);
        if is_due(ledger, self.kind(), query)? {
            match aggregate_watched(ledger, blobs, committee, &self.sender, query, &mut |_| work.check()) {
                Ok(_) => return Ok(()),
                Err(error @ (Error::JobInterrupted | Error::BlobStore { .. })) => return Err(error),
                Err(error) if is_due(ledger, self.kind(), query)? => return Err(error),
                // Another was faster.
                Err(_) => {}
            }
        }
        // Whoever had the ledger take them may have been stopped before the store had them, or it took none then.
        restore_sums(ledger, blobs, query, &mut |_| work.check()).map(drop)
    }
}
