//! Threads that work on jobs: leases renewed and lost, what is poisoned given up, and a process killed in the middle.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use market::{
    Error,
    database::Database,
    jobs::{Backoff, Duty, JobKind, JobState, Policy, Queue, Runner, RunnerOptions, WORKERS_MAX, Work},
};
use node::units::Timestamp;
use rand::{SeedableRng, rngs::StdRng};

use crate::{
    jobs::{KIND, NOW, begun, job, only, real_now, wait_until},
    postgres::{Backend, on_both},
};

fn options() -> RunnerOptions {
    RunnerOptions { workers: 2, poll: Duration::from_millis(50), clock: real_now }
}

/// A duty that does what a test says, with leases of seconds and no pauses.
struct Scripted<F> {
    script: F,
    lease_seconds: u32,
}

impl<F: Fn(&Work) -> Result<(), Error> + Send + Sync + 'static> Scripted<F> {
    #[allow(clippy::new_ret_no_self, reason = "what runners take")]
    fn new(script: F) -> Arc<dyn Duty> {
        Self::leased_for(2, script)
    }

    fn leased_for(lease_seconds: u32, script: F) -> Arc<dyn Duty> {
        Arc::new(Self { script, lease_seconds })
    }
}

impl<F: Fn(&Work) -> Result<(), Error> + Send + Sync> Duty for Scripted<F> {
    fn kind(&self) -> JobKind {
        KIND
    }

    fn policy(&self) -> Policy {
        let backoff = Backoff { seconds_min: 0, seconds_max: 0 };
        Policy { lease_seconds: self.lease_seconds, attempts_max: 3, backoff }
    }

    fn perform(&self, work: &Work) -> Result<(), Error> {
        (self.script)(work)
    }
}

#[test]
fn a_number_of_workers_out_of_bounds_is_refused() {
    let (_database, queue) = begun(Backend::Sqlite);
    for workers in [0, WORKERS_MAX + 1] {
        let options = RunnerOptions { workers, ..options() };
        assert!(Runner::start(queue.clone(), vec![], options, StdRng::seed_from_u64(1)).is_err());
    }
}

/// Seconds that passed for one test.
static PASSED: AtomicU32 = AtomicU32::new(0);

fn moved() -> Timestamp {
    NOW.after(PASSED.load(Ordering::SeqCst))
}

#[test]
fn repro_who_lost_a_lease_ends_no_work_of_another_thread() {
    let (_database, queue) = begun(Backend::Sqlite);
    // Calls of the duty in their order; each ends once its bit is set.
    let (begun, may_end) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (calls, until) = (Arc::clone(&begun), Arc::clone(&may_end));
    let duty = Scripted::new(move |_| {
        let call = calls.fetch_add(1, Ordering::SeqCst);
        while until.load(Ordering::SeqCst) & (1 << call) == 0 {
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    });
    let are_begun = |count| begun.load(Ordering::SeqCst) == count;
    let end = |call: u32| may_end.fetch_or(1 << call, Ordering::SeqCst);
    let state = |key: &str| queue.list(None, None, 10).unwrap().items.iter().find(|job| job.key == key).unwrap().state;

    queue.enqueue(&job("a"), moved()).unwrap();
    let options = RunnerOptions { clock: moved, ..options() };
    let runner = Runner::start(queue.clone(), vec![duty], options, StdRng::seed_from_u64(1)).unwrap();
    wait_until("the first attempt", || are_begun(1));
    wait_until("the takeover", || {
        // A lease that was just renewed ends a little later.
        PASSED.fetch_add(10, Ordering::SeqCst);
        are_begun(2)
    });
    end(1);
    wait_until("the end of the second attempt", || state("a") == JobState::Done);
    queue.enqueue(&job("a"), moved()).unwrap();
    wait_until("the next run, whose first attempt it is", || are_begun(3));
    end(0);
    // Whoever had the first attempt is free for this once it noted what became of that.
    queue.enqueue(&job("b"), moved()).unwrap();
    wait_until("the other job", || are_begun(4));
    assert_eq!(state("a"), JobState::Running);
    end(2);
    end(3);
    wait_until("the end", || state("a") == JobState::Done && state("b") == JobState::Done);
    runner.stop();
}

on_both! {
    fn a_poisoned_job_ends_as_failed_and_blocks_nobody(backend) {
        let (_database, queue) = begun(backend);
        for key in ["poison", "panic", "sound 1", "sound 2", "sound 3"] {
            queue.enqueue(&job(key), real_now()).unwrap();
        }
        let duty = Scripted::new(|work| match work.key() {
            "poison" => Err(Error::Refused { who: "a test".into(), action: "work", why: "it is poisoned".into() }),
            "panic" => panic!("a poisoned job"),
            _ => Ok(()),
        });
        let runner = Runner::start(queue.clone(), vec![duty], options(), StdRng::seed_from_u64(1)).unwrap();
        wait_until("the end of every job", || {
            let over = |state| queue.list(Some(state), None, 10).unwrap().items.len();
            over(JobState::Failed) == 2 && over(JobState::Done) == 3
        });
        runner.stop();
        let failed = queue.list(Some(JobState::Failed), None, 10).unwrap().items;
        assert!(failed.iter().all(|job| job.attempts == 3));
        assert!(failed[0].error.as_ref().unwrap().contains("panicked"));
        assert!(failed[1].error.as_ref().unwrap().contains("poisoned"));
    }

    fn a_lease_is_renewed_while_the_work_goes_on(backend) {
        let (_database, queue) = begun(backend);
        queue.enqueue(&job("long"), real_now()).unwrap();
        let released = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&released);
        // By a clock of whole seconds a shorter lease can end while a slow disk writes its renewal.
        let duty = Scripted::leased_for(6, move |work| {
            while !until.load(Ordering::Acquire) {
                work.check()?;
                thread::sleep(Duration::from_millis(10));
            }
            Ok(())
        });
        let policy = duty.policy();
        let runner = Runner::start(queue.clone(), vec![duty], options(), StdRng::seed_from_u64(1)).unwrap();
        wait_until("the work", || only(&queue).state == JobState::Running);
        let begun = only(&queue).due.unwrap();
        wait_until("the second renewal", || only(&queue).due.unwrap() >= begun.after(policy.lease_seconds));
        assert_eq!(only(&queue).attempts, 1);
        released.store(true, Ordering::Release);
        wait_until("the end", || only(&queue).state == JobState::Done);
        runner.stop();
    }

    fn a_runner_that_stops_gives_its_job_back_uncounted(backend) {
        let (_database, queue) = begun(backend);
        queue.enqueue(&job("endless"), real_now()).unwrap();
        let duty = Scripted::new(|work| {
            loop {
                work.check()?;
                thread::sleep(Duration::from_millis(5));
            }
        });
        let runner = Runner::start(queue.clone(), vec![duty], options(), StdRng::seed_from_u64(1)).unwrap();
        wait_until("the work", || only(&queue).state == JobState::Running);
        runner.stop();
        let job = only(&queue);
        assert_eq!((job.state, job.attempts), (JobState::Waiting, 0));
    }

    fn a_process_killed_in_the_middle_leaves_its_job_to_another(backend) {
        let (database, queue) = begun(backend);
        queue.enqueue(&job("interrupted"), real_now()).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "runner::worker_process", "--nocapture", "--test-threads=1"])
            .env(ADDRESS, &database.address)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().ends_with("in the middle")));
        child.kill().unwrap();
        child.wait().unwrap();
        let left = only(&queue);
        assert_eq!((left.state, left.attempts), (JobState::Running, 1));
        let attempts = Arc::new(Mutex::new(vec![]));
        let noted = Arc::clone(&attempts);
        let duty = Scripted::new(move |work| {
            noted.lock().unwrap().push((work.key().to_owned(), work.attempt()));
            Ok(())
        });
        let runner = Runner::start(queue.clone(), vec![duty], options(), StdRng::seed_from_u64(2)).unwrap();
        wait_until("the takeover", || only(&queue).state == JobState::Done);
        runner.stop();
        assert_eq!(*attempts.lock().unwrap(), [("interrupted".to_owned(), 2)]);
    }
}

const ADDRESS: &str = "LOCUS_JOBS_DATABASE";

/// The process that is killed: it works for ever when the variable names a database.
#[test]
fn worker_process() {
    let Ok(address) = std::env::var(ADDRESS) else { return };
    let queue = Queue::new(Database::open(&address.parse().unwrap()).unwrap());
    let duty = Scripted::new(|_| {
        loop {
            writeln!(std::io::stdout().lock(), "\nin the middle").unwrap();
            thread::sleep(Duration::from_millis(50));
        }
    });
    let _runner = Runner::start(queue, vec![duty], options(), StdRng::seed_from_u64(1)).unwrap();
    loop {
        thread::park();
    }
}
