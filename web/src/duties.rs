//! What a node does beside answering: it follows its ledger in the index, and the jobs that its operator gave it.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use market::{
    index::Index,
    introduction::{Introductions, Keeping},
    jobs::{Duty, FollowDuty, JobKind, Lookout, Queue, Runner, RunnerOptions, follow_job},
};
use node::Ledger;
use rand::{SeedableRng, rngs::StdRng};

use crate::{Error, api::Service, chain::now};

/// Jobs that a node works on at once: following goes on while a query is added up and another waits for a block.
const WORKERS: usize = 3;
/// How often a node looks for jobs of others.
const POLL_TIME: Duration = Duration::from_secs(1);

/// The jobs of a node at work.
pub(crate) struct Duties {
    queue: Queue,
    /// Taken when the duties end.
    runner: Mutex<Option<Runner>>,
    ledger: Arc<Ledger>,
    index: Arc<Index>,
}

impl Duties {
    /// Brings the index up to the ledger and begins to work.
    ///
    /// # Errors
    /// [`Error::Market`] when the index cannot follow or no work can begin.
    pub(crate) fn start(service: &Service, mut duties: Vec<Arc<dyn Duty>>) -> Result<Self, Error> {
        let (ledger, index) = (Arc::clone(service.chain.mempool().ledger()), Arc::clone(&service.index));
        index.follow(&ledger)?;
        if let Err(error) = index.check_follows(&ledger) {
            tracing::warn!(%error, "listings are refused");
        }
        let queue = Queue::new(index.database().clone());
        let kinds: BTreeSet<JobKind> = duties.iter().map(|duty| duty.kind()).collect();
        duties.push(Arc::new(FollowDuty {
            ledger: Arc::clone(&ledger),
            index: Arc::clone(&index),
            keeping: Keeping::new(Introductions::new(index.database().clone())),
            lookout: (!kinds.is_empty()).then(|| Lookout::new(queue.clone(), kinds)),
            clock: now,
        }));
        let options = RunnerOptions { workers: WORKERS, poll: POLL_TIME, clock: now };
        let runner = Runner::start(queue.clone(), duties, options, StdRng::from_rng(&mut rand::rng()))?;
        let duties = Self { queue, runner: Mutex::new(Some(runner)), ledger, index };
        duties.block_arrived();
        Ok(duties)
    }

    /// Asks for what a block asks for. A failure is logged; the next block asks again.
    pub(crate) fn block_arrived(&self) {
        if let Err(error) = self.queue.enqueue(&follow_job(), now()) {
            tracing::error!(%error, "the index is not asked to follow");
        }
        if let Some(runner) = &*self.runner.lock().unwrap_or_else(PoisonError::into_inner) {
            runner.wake();
        }
    }

    /// Ends the work in order: jobs are given back, and the index has the last block.
    pub(crate) fn stop(&self) {
        let runner = self.runner.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(runner) = runner {
            runner.stop();
        }
        if let Err(error) = self.index.follow(&self.ledger) {
            tracing::error!(%error, "the index lacks the last blocks");
        }
    }
}
