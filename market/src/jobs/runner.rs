//! Working on jobs: a bounded number of threads, with leases renewed beside the work.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use node::units::Timestamp;
use rand::rngs::StdRng;

use super::{
    Backoff,
    job::{JobKind, JobState},
    queue::{Lease, Queue, WorkerId},
};
use crate::Error;

/// The most threads that one runner works with.
pub const WORKERS_MAX: usize = 16;
/// How often the runner forgets what was done long ago: once in so many rounds without work.
const ROUNDS_PER_PRUNE: u32 = 3_600;

/// How a kind of job is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How long a worker that ended keeps others from the job, in seconds. A lease is renewed three times as often.
    pub lease_seconds: u32,
    /// Attempts after which the job is given up.
    pub attempts_max: u32,
    /// The pauses between attempts.
    pub backoff: Backoff,
}

/// What knows how to do the jobs of one kind. It may be called again for the same job at any time, from the start.
pub trait Duty: Send + Sync {
    /// The kind.
    fn kind(&self) -> JobKind;

    /// How its jobs are tried.
    fn policy(&self) -> Policy;

    /// Does a job, and looks at [`Work::check`] between its steps.
    ///
    /// # Errors
    /// Any: the attempt failed. [`Error::JobInterrupted`] from [`Work::check`] is passed on, and is no failure.
    fn perform(&self, work: &Work) -> Result<(), Error>;
}

/// A job at work.
#[derive(Debug)]
pub struct Work {
    lease: Lease,
    /// When the lease ends, as last renewed, in seconds since 1970.
    expires: AtomicU64,
    stopping: Arc<AtomicBool>,
    lost: AtomicBool,
}

impl Work {
    /// What it is done to.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.lease.key
    }

    /// What else it needs.
    #[must_use]
    pub fn payload(&self) -> &str {
        &self.lease.payload
    }

    /// Which attempt this is, from 1.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.lease.attempt
    }

    /// Whether the work may go on.
    ///
    /// # Errors
    /// [`Error::JobInterrupted`] when the process stops or another one has the job.
    pub fn check(&self) -> Result<(), Error> {
        if self.stopping.load(Ordering::Acquire) || self.lost.load(Ordering::Acquire) {
            return Err(Error::JobInterrupted);
        }
        Ok(())
    }
}

/// How a runner works.
#[derive(Debug, Clone, Copy)]
pub struct RunnerOptions {
    /// Jobs at once, 1 to [`WORKERS_MAX`].
    pub workers: usize,
    /// How often an idle worker looks for jobs that it was not woken for.
    pub poll: Duration,
    /// What the time is.
    pub clock: fn() -> Timestamp,
}

/// What the threads share.
struct Shared {
    queue: Queue,
    duties: Vec<Arc<dyn Duty>>,
    options: RunnerOptions,
    stopping: Arc<AtomicBool>,
    /// No worker is left.
    ended: AtomicBool,
    running: Mutex<BTreeMap<WorkerId, (Arc<Work>, Policy)>>,
    rng: Mutex<StdRng>,
    /// Counts how often it was woken, so that a call between two looks is not lost.
    woken: Mutex<u64>,
    wake: Condvar,
}

/// A job, and who knows how to do it.
type Taken = (Arc<dyn Duty>, Lease);

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What these hold is whole between any two statements.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Threads that work on jobs until they are told to stop.
pub struct Runner {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    renewer: Option<JoinHandle<()>>,
}

impl Runner {
    /// Starts to work. `rng` names who works on each attempt and spreads the pauses.
    ///
    /// # Errors
    /// [`Error::Job`] for a number of workers out of bounds, or when the system gives no thread.
    pub fn start(queue: Queue, duties: Vec<Arc<dyn Duty>>, options: RunnerOptions, rng: StdRng) -> Result<Self, Error> {
        let refused = |why: String| Error::Job { job: "runner".into(), why };
        if options.workers == 0 || options.workers > WORKERS_MAX {
            return Err(refused(format!("{} workers are refused; use 1 to {WORKERS_MAX}", options.workers)));
        }
        let shared = Arc::new(Shared {
            queue,
            duties,
            options,
            stopping: Arc::default(),
            ended: AtomicBool::new(false),
            running: Mutex::default(),
            rng: Mutex::new(rng),
            woken: Mutex::default(),
            wake: Condvar::new(),
        });
        let no_thread = |error: std::io::Error| refused(format!("the system gives no thread: {error}"));
        // What runs already ends when this is dropped.
        let mut runner = Self { shared, workers: vec![], renewer: None };
        let shared = Arc::clone(&runner.shared);
        let renewer = thread::Builder::new().name("locus-leases".into()).spawn(move || shared.renew_leases());
        runner.renewer = Some(renewer.map_err(no_thread)?);
        for number in 0..options.workers {
            let shared = Arc::clone(&runner.shared);
            let worker = thread::Builder::new().name(format!("locus-jobs-{number}")).spawn(move || shared.work(number));
            runner.workers.push(worker.map_err(no_thread)?);
        }
        Ok(runner)
    }

    /// Lets idle workers look for jobs now.
    pub fn wake(&self) {
        self.shared.wake();
    }

    /// Ends the work: no new job is taken, and those at work end at their next [`Work::check`] and are given back.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
        self.shared.wake();
        for worker in self.workers.drain(..) {
            // A panic in it was reported when it happened.
            drop(worker.join());
        }
        // Last, so that what still ends keeps its lease.
        self.shared.ended.store(true, Ordering::Release);
        if let Some(renewer) = self.renewer.take() {
            renewer.thread().unpark();
            drop(renewer.join());
        }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn wake(&self) {
        *locked(&self.woken) += 1;
        self.wake.notify_all();
    }

    fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Sleeps until woken after `seen`, but not longer than a time; returns how often it was woken.
    fn wait(&self, seen: u64, time: Duration) -> u64 {
        let woken = locked(&self.woken);
        let still = |woken: &mut u64| *woken == seen && !self.stopping();
        *self.wake.wait_timeout_while(woken, time, still).unwrap_or_else(PoisonError::into_inner).0
    }

    /// One worker: takes jobs while there are any, of each kind in turn.
    fn work(&self, number: usize) {
        let (mut seen, mut turn, mut idle) = (*locked(&self.woken), number, 0u32);
        while !self.stopping() {
            turn = turn.wrapping_add(1);
            match self.take(turn) {
                Ok(Some((duty, lease))) => {
                    self.perform(&*duty, lease);
                }
                Ok(None) => {
                    idle = idle.wrapping_add(1);
                    if idle % ROUNDS_PER_PRUNE == 1 {
                        self.prune();
                    }
                    seen = self.wait(seen, self.options.poll);
                }
                Err(error) => {
                    tracing::warn!(%error, "the queue of jobs cannot be read");
                    seen = self.wait(seen, self.options.poll);
                }
            }
        }
    }

    /// A job that is due, the kinds in another order each turn, so that none keeps another waiting.
    fn take(&self, turn: usize) -> Result<Option<Taken>, Error> {
        let first = turn.checked_rem(self.duties.len()).unwrap_or_default();
        for duty in self.duties.iter().cycle().skip(first).take(self.duties.len()) {
            let now = (self.options.clock)();
            let holder = WorkerId::random(&mut *locked(&self.rng));
            if let Some(lease) = self.queue.lease(duty.kind(), holder, &duty.policy(), now)? {
                return Ok(Some((Arc::clone(duty), lease)));
            }
        }
        Ok(None)
    }

    fn perform(&self, duty: &dyn Duty, lease: Lease) {
        let (id, holder, policy) = (lease.id, lease.holder, duty.policy());
        let work = Arc::new(Work {
            expires: AtomicU64::new(lease.expires.get()),
            lease,
            stopping: Arc::clone(&self.stopping),
            lost: AtomicBool::new(false),
        });
        locked(&self.running).insert(holder, (Arc::clone(&work), policy));
        let panicked = |_| Err(Error::Job { job: id.to_string(), why: "it panicked; the log has where".into() });
        let outcome = catch_unwind(AssertUnwindSafe(|| duty.perform(&work))).unwrap_or_else(panicked);
        locked(&self.running).remove(&holder);
        let now = (self.options.clock)();
        let (kind, lease) = (duty.kind(), &work.lease);
        let noted = match outcome {
            Ok(()) => self.queue.complete(lease, now),
            Err(Error::JobInterrupted) if work.lost.load(Ordering::Acquire) => Err(Error::JobInterrupted),
            Err(Error::JobInterrupted) => self.queue.release(lease, now),
            Err(error) => {
                let state = self.queue.fail(lease, &error.to_string(), &policy, now, &mut *locked(&self.rng));
                tracing::warn!(%error, job = %id, %kind, attempt = lease.attempt, ?state, "a job failed");
                state.map(|_: JobState| ())
            }
        };
        if let Err(error) = noted {
            // Its lease ends, and then it is taken again.
            tracing::warn!(%error, job = %id, %kind, "what became of a job is not noted");
        }
    }

    fn prune(&self) {
        if let Err(error) = self.queue.prune((self.options.clock)()) {
            tracing::warn!(%error, "jobs done long ago stay listed");
        }
    }

    /// Renews the leases of what is at work, three times in the shortest lease.
    fn renew_leases(&self) {
        let shortest = self.duties.iter().map(|duty| duty.policy().lease_seconds).min().unwrap_or(1);
        let pause = (Duration::from_secs(shortest.into()) / 3).max(Duration::from_millis(100));
        let mut due = Instant::now() + pause;
        while !self.ended.load(Ordering::Acquire) {
            // Waking early only means to look at the clock again.
            thread::park_timeout(due.saturating_duration_since(Instant::now()));
            if Instant::now() < due {
                continue;
            }
            due = Instant::now() + pause;
            let running: Vec<_> = locked(&self.running).values().cloned().collect();
            for (work, policy) in running {
                self.renew(&work, &policy);
            }
        }
    }

    /// A lease that cannot be renewed is lost: at once when another has the job, else when it ends.
    fn renew(&self, work: &Work, policy: &Policy) {
        let now = (self.options.clock)();
        match self.queue.heartbeat(&work.lease, policy, now) {
            Ok(renewed) => work.expires.store(renewed.expires.get(), Ordering::Release),
            Err(Error::JobInterrupted) => work.lost.store(true, Ordering::Release),
            Err(error) => {
                tracing::warn!(%error, job = %work.lease.id, "a lease is not renewed");
                if now.get() >= work.expires.load(Ordering::Acquire) {
                    work.lost.store(true, Ordering::Release);
                }
            }
        }
    }
}
