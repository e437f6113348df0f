//! What anybody may do for a query, each a job of its own: seal it, add it up, refund it.

use std::sync::Arc;

use circuits::id::QueryId;
use ed25519_dalek::SigningKey;
use node::{
    state::{QueryState, QueryStatus, Tip},
    transaction::Action,
};

use super::{Backoff, Duty, NewJob, Policy, Work, job::JobKind};
use crate::{
    Error,
    ledger::{LedgerAccess, act, require_query, tip},
};

/// The job that the ledger lets anybody do for a query by now, if there is one: sealing once waiting brings it nothing more,
/// adding up while its sum can still come, and refunding once what it waits for can come no more.
#[must_use]
pub fn due(state: &QueryState, tip: &Tip) -> Option<JobKind> {
    let is_late = state.deadline().is_some_and(|deadline| tip.height > deadline.last);
    match &state.status {
        QueryStatus::Collecting if state.has_collected(tip.time.day()) => Some(JobKind::SealQuery),
        QueryStatus::Sealed { .. } | QueryStatus::Aggregated { .. } if is_late => Some(JobKind::RefundQuery),
        QueryStatus::Sealed { .. } => Some(JobKind::AggregateQuery),
        QueryStatus::Collecting
        | QueryStatus::Aggregated { .. }
        | QueryStatus::Released { .. }
        | QueryStatus::Refunded { .. } => None,
    }
}

/// The job of a kind for a query.
pub(super) fn query_job(kind: JobKind, query: QueryId) -> NewJob {
    NewJob { kind, key: query.to_string(), payload: String::new() }
}

/// Whether a job is still what is due. Another party may have been faster, or its time may be over.
pub(super) fn is_due(ledger: &dyn LedgerAccess, kind: JobKind, query: QueryId) -> Result<bool, Error> {
    Ok(due(&require_query(ledger, query)?, &tip(ledger)?) == Some(kind))
}

/// Takes one step of a query's life that needs no more than a transaction. Beginning again is safe: the ledger takes each
/// step once.
pub struct StepDuty {
    kind: JobKind,
    action: fn(QueryId) -> Action,
    ledger: Arc<dyn LedgerAccess>,
    sender: SigningKey,
}

impl StepDuty {
    /// Seals queries that are full or past their last day; `sender` is any party's key.
    #[must_use]
    pub const fn sealing(ledger: Arc<dyn LedgerAccess>, sender: SigningKey) -> Self {
        Self { kind: JobKind::SealQuery, action: Action::Seal, ledger, sender }
    }

    /// Returns the escrow of queries that missed a deadline; `sender` is any party's key.
    #[must_use]
    pub const fn refunding(ledger: Arc<dyn LedgerAccess>, sender: SigningKey) -> Self {
        Self { kind: JobKind::RefundQuery, action: Action::Refund, ledger, sender }
    }
}

impl Duty for StepDuty {
    fn kind(&self) -> JobKind {
        self.kind
    }

    /// About three hours of attempts; as long as the step is due, a later block begins anew.
    fn policy(&self) -> Policy {
        Policy { lease_seconds: 60, attempts_max: 24, backoff: Backoff::default() }
    }

    fn perform(&self, work: &Work) -> Result<(), Error> {
        let (query, ledger): (QueryId, _) = (work.key().parse()?, &*self.ledger);
        work.check()?;
        if !is_due(ledger, self.kind, query)? {
            return Ok(());
        }
        match act(ledger, &self.sender, (self.action)(query)) {
            Err(error) if is_due(ledger, self.kind, query)? => Err(error),
            // Taken, by this transaction or another's; or not due any more, as when a full query has a place again.
            _ => Ok(()),
        }
    }
}
