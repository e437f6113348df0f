//! Adding up sealed queries as a job: anyone may, so a node that has a key does it for everybody.

use std::sync::Arc;

use circuits::id::QueryId;
use ed25519_dalek::SigningKey;
use node::state::QueryStatus;

use super::{Backoff, Duty, NewJob, Policy, Work, job::JobKind};
use crate::{
    Error,
    aggregator::aggregate_watched,
    committee::access::CommitteeAccess,
    ledger::{LedgerAccess, require_query},
    objects::BlobAccess,
};

/// The job that adds up a query.
#[must_use]
pub fn aggregate_job(query: QueryId) -> NewJob {
    NewJob { kind: JobKind::AggregateQuery, key: query.to_string(), payload: String::new() }
}

/// Adds up a sealed query and sends the sum that the committee signed. Beginning again is safe: the sum is the same, and
/// the ledger takes it once.
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

impl AggregateDuty {
    /// Whether the query waits for its sum. Another party may have been faster, or its time may be over.
    fn is_wanted(&self, query: QueryId) -> Result<bool, Error> {
        Ok(matches!(require_query(&*self.ledger, query)?.status, QueryStatus::Sealed { .. }))
    }
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
        if !self.is_wanted(query)? {
            return Ok(());
        }
        let (ledger, blobs, committee) = (&*self.ledger, &*self.blobs, &*self.committee);
        match aggregate_watched(ledger, blobs, committee, &self.sender, query, &mut |_| work.check()) {
            Ok(_) => Ok(()),
            Err(Error::JobInterrupted) => Err(Error::JobInterrupted),
            Err(error) if self.is_wanted(query)? => Err(error),
            Err(_) => Ok(()),
        }
    }
}
