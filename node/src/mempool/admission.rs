//! Verifying proofs at admission: on a few threads, all that wait at once together.

use std::{
    num::NonZero,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
};

use super::Pool;
use crate::{
    Error,
    transaction::{Transaction, TransactionId},
    units::Timestamp,
};

/// Contributions that wait for verification; a sender beyond them is told to come again.
const PROOFS_MAX: usize = 1_024;
/// Contributions that are verified together.
const BATCH_MAX: usize = 64;

type Outcome = Result<TransactionId, Error>;

/// A contribution, with where its sender waits for the outcome.
struct Job {
    transaction: Transaction,
    now: Timestamp,
    outcome: SyncSender<Outcome>,
}

/// The threads and their queue. Dropping it waits until they have let go of the ledger.
pub(super) struct Admission {
    /// None once it is being dropped.
    jobs: Option<SyncSender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            // A panic in it was reported when it happened.
            drop(thread.join());
        }
    }
}

impl Admission {
    /// Starts one thread for each core. A thread that cannot be started leaves its work to the others.
    pub(super) fn start(pool: &Arc<Pool>) -> Self {
        let (jobs, waiting) = sync_channel(PROOFS_MAX);
        let waiting = Arc::new(Mutex::new(waiting));
        let start = |_| {
            let (pool, waiting) = (Arc::clone(pool), Arc::clone(&waiting));
            let started = thread::Builder::new().name("locus-proofs".into()).spawn(move || work(&pool, &waiting));
            started.inspect_err(|error| tracing::error!(%error, "a thread for proofs does not start")).ok()
        };
        let threads = (0..thread::available_parallelism().map_or(1, NonZero::get)).filter_map(start).collect();
        Self { jobs: Some(jobs), threads }
    }

    /// Verifies a contribution together with others that came at the same time, and admits it.
    ///
    /// # Errors
    /// Why it is refused; [`Error::Busy`] when too many wait.
    pub(super) fn verify_and_admit(&self, transaction: Transaction, now: Timestamp) -> Outcome {
        let ended = || Error::Refused { what: "contribution", why: "the node is stopping; send it to another".into() };
        let (outcome, told) = sync_channel(1);
        let jobs = self.jobs.as_ref().ok_or_else(ended)?;
        jobs.try_send(Job { transaction, now, outcome }).map_err(|error| match error {
            TrySendError::Full(_) => Error::Busy { whose: "for verification", limit: PROOFS_MAX },
            TrySendError::Disconnected(_) => ended(),
        })?;
        told.recv().unwrap_or_else(|_| Err(ended()))
    }
}

/// Takes whatever waits, a batch at a time.
fn work(pool: &Pool, waiting: &Mutex<Receiver<Job>>) {
    loop {
        let jobs: Vec<Job> = {
            let waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let Ok(first) = waiting.recv() else { return };
            [first].into_iter().chain(waiting.try_iter().take(BATCH_MAX - 1)).collect()
        };
        let sound = |job: &&Job| pool.ledger.check_transaction(&job.transaction).is_ok();
        let transactions: Vec<_> = jobs.iter().filter(sound).map(|job| job.transaction.clone()).collect();
        if let (Some(first), true) = (jobs.first(), jobs.len() > 1) {
            pool.verify_together(&transactions, first.now);
        }
        for job in jobs {
            // A sender that no longer waits has its transaction admitted all the same.
            let _ = job.outcome.send(pool.take_in(job.transaction, job.now));
        }
    }
}
