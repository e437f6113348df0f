//! Jobs: asked for once, worked on by one at a time, taken over from the dead, given up after the last attempt.

use std::{
    collections::BTreeMap,
    sync::{Barrier, Mutex, mpsc},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use diesel::{RunQueryDsl as _, sql_query};
use market::{
    Error,
    database::{Database, DatabaseConnection},
    jobs::{
        Backoff, DONE_SECONDS_KEPT, ERROR_CHARS_MAX, Job, JobId, JobKind, JobState, Lease, NewJob, PAYLOAD_BYTES_MAX,
        Policy, Queue, WorkerId, aggregate_job, follow_job,
    },
};
use node::units::Timestamp;
use rand::{SeedableRng, rngs::StdRng};

use crate::{
    database::lines,
    postgres::{Backend, TestDatabase, on_both},
};

pub const NOW: Timestamp = Timestamp::new(1_800_000_000);
pub const KIND: JobKind = JobKind::AggregateQuery;
const POLICY: Policy =
    Policy { lease_seconds: 60, attempts_max: 4, backoff: Backoff { seconds_min: 10, seconds_max: 25 } };

pub fn begun(backend: Backend) -> (TestDatabase, Queue) {
    let database = backend.database();
    let queue = Queue::new(database.open());
    (database, queue)
}

pub fn job(key: &str) -> NewJob {
    NewJob { kind: KIND, key: key.into(), payload: format!("about {key}") }
}

fn worker(seed: u64) -> WorkerId {
    WorkerId::random(&mut StdRng::seed_from_u64(seed))
}

fn lease(queue: &Queue, seed: u64, now: Timestamp) -> Option<Lease> {
    queue.lease(KIND, worker(seed), &POLICY, now).unwrap()
}

pub fn only(queue: &Queue) -> Job {
    let mut page = queue.list(None, None, 10).unwrap();
    assert_eq!(page.items.len(), 1);
    page.items.remove(0)
}

pub fn real_now() -> Timestamp {
    Timestamp::new(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs())
}

/// Waits for what another thread or process does.
#[track_caller]
pub fn wait_until(what: &str, done: impl Fn() -> bool) {
    let patience = std::time::Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(std::time::Instant::now() < patience, "{what} does not come");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Whether somebody waits for a row that another holds.
fn is_waited_for(database: &Database) -> bool {
    let sql = "SELECT count(*)::text AS line FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    lines(database, sql) != ["0"]
}

/// SQLite lets nobody come between two statements of a transaction.
#[test]
fn repro_what_is_asked_for_while_its_job_ends_or_is_forgotten_on_postgres_runs_again() {
    for what in ["DELETE FROM jobs", "UPDATE jobs SET state = 'done', holder = NULL, due = NULL"] {
        let (kept, queue) = begun(Backend::Postgres);
        let (database, watching) = (kept.open(), kept.open());
        queue.enqueue(&follow_job(), NOW).unwrap();
        let taken = queue.lease(JobKind::FollowIndex, worker(1), &POLICY, NOW).unwrap().unwrap();
        if what.starts_with("DELETE") {
            queue.complete(&taken, NOW).unwrap();
        }
        thread::scope(|scope| {
            let (held, is_held) = mpsc::channel();
            scope.spawn(move || {
                let changes = |connection: &mut DatabaseConnection| {
                    sql_query("SELECT id FROM jobs FOR UPDATE").execute(connection)?;
                    held.send(()).unwrap();
                    wait_until("who asks for the job", || is_waited_for(&watching));
                    Ok(sql_query(what).execute(connection)?)
                };
                assert_eq!(database.write(changes).unwrap(), 1);
            });
            is_held.recv().unwrap();
            assert!(queue.enqueue(&follow_job(), NOW).unwrap(), "{what}");
        });
        assert_eq!(only(&queue).state, JobState::Waiting, "{what}");
    }
}

on_both! {
    fn asking_twice_is_asking_once_until_it_is_done(backend) {
        let (_database, queue) = begun(backend);
        assert!(queue.enqueue(&job("a"), NOW).unwrap());
        assert!(!queue.enqueue(&NewJob { payload: "another".into(), ..job("a") }, NOW).unwrap());
        let taken = lease(&queue, 1, NOW).unwrap();
        assert_eq!((taken.key.as_str(), taken.payload.as_str(), taken.attempt), ("a", "about a", 1));
        queue.complete(&taken, NOW).unwrap();
        assert_eq!(only(&queue).state, JobState::Done);
        assert_eq!(lease(&queue, 1, NOW.after(1_000)), None);
        assert!(queue.enqueue(&job("a"), NOW).unwrap(), "who did it may have seen an older ledger");
        assert!(lease(&queue, 1, NOW).is_some());
    }

    fn a_job_runs_again_when_asked_for_while_it_runs(backend) {
        let (_database, queue) = begun(backend);
        let take = || queue.lease(JobKind::FollowIndex, worker(1), &POLICY, NOW).unwrap();
        assert!(queue.enqueue(&follow_job(), NOW).unwrap());
        assert!(!queue.enqueue(&follow_job(), NOW).unwrap());
        let first = take().unwrap();
        assert!(queue.enqueue(&follow_job(), NOW).unwrap());
        assert_eq!(take(), None);
        queue.complete(&first, NOW).unwrap();
        let second = take().unwrap();
        queue.complete(&second, NOW).unwrap();
        assert_eq!(take(), None);
        assert!(queue.enqueue(&follow_job(), NOW).unwrap());
        let third = take().unwrap();
        assert_eq!(third.attempt, 1);
        // One that failed for good begins again too.
        let once = Policy { attempts_max: 1, ..POLICY };
        let state = queue.fail(&third, "no", &once, NOW, &mut StdRng::seed_from_u64(1)).unwrap();
        assert_eq!(state, JobState::Failed);
        assert!(queue.enqueue(&follow_job(), NOW).unwrap());
        // An ask is answered by the attempt that begins after it.
        let asked = take().unwrap();
        assert!(queue.enqueue(&follow_job(), NOW).unwrap());
        let state = queue.fail(&asked, "no", &POLICY, NOW, &mut StdRng::seed_from_u64(1)).unwrap();
        assert_eq!(state, JobState::Waiting);
        let next = queue.lease(JobKind::FollowIndex, worker(1), &POLICY, NOW.after(60)).unwrap().unwrap();
        queue.complete(&next, NOW.after(60)).unwrap();
        assert_eq!(only(&queue).state, JobState::Done);
        // One that is asked for during its last attempt is not given up.
        assert!(queue.enqueue(&follow_job(), NOW).unwrap());
        let fourth = take().unwrap();
        assert!(queue.enqueue(&follow_job(), NOW).unwrap());
        let state = queue.fail(&fourth, "no", &once, NOW, &mut StdRng::seed_from_u64(1)).unwrap();
        assert_eq!((state, only(&queue).error.as_deref()), (JobState::Waiting, Some("no")));
        take().unwrap();
        assert!(queue.enqueue(&follow_job(), NOW).unwrap());
        let silent = queue.lease(JobKind::FollowIndex, worker(2), &once, NOW.after(60)).unwrap().unwrap();
        assert_eq!(silent.attempt, 1, "its worker ended without a word");
    }

    fn two_workers_never_have_one_job_at_once(backend) {
        const JOBS: usize = 60;
        let (database, queue) = begun(backend);
        for number in 0..JOBS {
            queue.enqueue(&job(&number.to_string()), NOW).unwrap();
        }
        let (start, taken) = (Barrier::new(4), Mutex::new(BTreeMap::<JobId, u32>::new()));
        thread::scope(|scope| {
            for number in 0..4 {
                // A connection pool each, as processes have.
                let queue = Queue::new(database.open());
                let (start, taken) = (&start, &taken);
                scope.spawn(move || {
                    start.wait();
                    while let Some(lease) = lease(&queue, number, NOW) {
                        *taken.lock().unwrap().entry(lease.id).or_default() += 1;
                        if lease.id.get() % 2 == 0 {
                            queue.complete(&lease, NOW).unwrap();
                        }
                    }
                });
            }
        });
        let taken = taken.into_inner().unwrap();
        assert_eq!(taken.len(), JOBS);
        assert!(taken.values().all(|times| *times == 1), "{taken:?}");
    }

    fn a_dead_workers_job_is_taken_over_after_its_lease_and_not_before(backend) {
        let (_database, queue) = begun(backend);
        queue.enqueue(&job("a"), NOW).unwrap();
        let dead = lease(&queue, 1, NOW).unwrap();
        assert_eq!(dead.expires, NOW.after(60));
        assert_eq!(lease(&queue, 2, NOW.after(59)), None);
        let renewed = queue.heartbeat(&dead, &POLICY, NOW.after(30)).unwrap();
        assert_eq!(renewed.expires, NOW.after(90));
        assert_eq!(lease(&queue, 2, NOW.after(89)), None);
        let heir = lease(&queue, 2, NOW.after(90)).unwrap();
        assert_eq!((heir.id, heir.attempt), (dead.id, 2));
        // The dead one was only slow: nothing that it says counts any more.
        let mut rng = StdRng::seed_from_u64(1);
        let late = NOW.after(91);
        assert!(matches!(queue.complete(&dead, late), Err(Error::JobInterrupted)));
        assert!(matches!(queue.heartbeat(&dead, &POLICY, late), Err(Error::JobInterrupted)));
        assert!(matches!(queue.fail(&dead, "x", &POLICY, late, &mut rng), Err(Error::JobInterrupted)));
        assert!(matches!(queue.release(&dead, late), Err(Error::JobInterrupted)));
        assert_eq!(only(&queue).state, JobState::Running);
        queue.complete(&heir, late).unwrap();
        assert_eq!(only(&queue).state, JobState::Done);
    }

    fn the_same_worker_with_an_older_lease_of_its_job_is_a_stranger(backend) {
        let (_database, queue) = begun(backend);
        queue.enqueue(&job("a"), NOW).unwrap();
        let first = lease(&queue, 1, NOW).unwrap();
        let second = lease(&queue, 1, NOW.after(60)).unwrap();
        assert!(matches!(queue.complete(&first, NOW.after(61)), Err(Error::JobInterrupted)));
        queue.complete(&second, NOW.after(61)).unwrap();
    }

    fn pauses_grow_up_to_their_cap_and_the_last_attempt_gives_up(backend) {
        let (_database, queue) = begun(backend);
        let mut rng = StdRng::seed_from_u64(3);
        queue.enqueue(&job("a"), NOW).unwrap();
        let mut now = NOW;
        for (attempt, ceiling) in [(1, 10), (2, 20), (3, 25)] {
            let taken = lease(&queue, 1, now).unwrap();
            assert_eq!(taken.attempt, attempt);
            assert_eq!(queue.fail(&taken, "no luck", &POLICY, now, &mut rng).unwrap(), JobState::Waiting);
            let waiting = only(&queue);
            let due = waiting.due.unwrap();
            assert!((now.after(ceiling / 2)..=now.after(ceiling)).contains(&due), "{due} after {now}");
            assert_eq!(waiting.error.as_deref(), Some("no luck"));
            assert_eq!(lease(&queue, 1, Timestamp::new(due.get() - 1)), None);
            now = due;
        }
        let last = lease(&queue, 1, now).unwrap();
        let long = "x\0".repeat(ERROR_CHARS_MAX);
        assert_eq!(queue.fail(&last, &long, &POLICY, now, &mut rng).unwrap(), JobState::Failed);
        let failed = only(&queue);
        assert_eq!((failed.state, failed.attempts, failed.due), (JobState::Failed, 4, None));
        assert_eq!(failed.error.unwrap().chars().count(), ERROR_CHARS_MAX);
        assert_eq!(lease(&queue, 1, now.after(100_000)), None);
    }

    fn a_job_that_kills_its_workers_is_given_up_too(backend) {
        let (_database, queue) = begun(backend);
        queue.enqueue(&job("deadly"), NOW).unwrap();
        let mut now = NOW;
        for attempt in 1..=4 {
            assert_eq!(lease(&queue, attempt, now).unwrap().key, "deadly");
            now = now.after(60);
        }
        queue.enqueue(&job("sound"), now).unwrap();
        assert_eq!(lease(&queue, 9, now).unwrap().key, "sound");
        let failed = queue.list(Some(JobState::Failed), None, 10).unwrap().items;
        assert_eq!(failed.len(), 1);
        assert!(failed[0].error.as_ref().unwrap().contains("4 times"), "{failed:?}");
    }

    fn repro_what_was_given_up_begins_again_when_it_is_asked_for_again(backend) {
        let (_database, queue) = begun(backend);
        queue.enqueue(&job("a"), NOW).unwrap();
        let mut now = NOW;
        for attempt in 1..=4 {
            lease(&queue, attempt, now).unwrap();
            now = now.after(60);
        }
        assert_eq!(lease(&queue, 9, now), None);
        assert_eq!(only(&queue).state, JobState::Failed);
        assert!(queue.enqueue(&job("a"), now).unwrap());
        assert_eq!(lease(&queue, 9, now).unwrap().attempt, 1);
    }

    fn what_failed_begins_again_when_retried_and_nothing_else_does(backend) {
        let (_database, queue) = begun(backend);
        let once = Policy { attempts_max: 1, ..POLICY };
        let mut rng = StdRng::seed_from_u64(1);
        for key in ["a", "b", "c"] {
            queue.enqueue(&job(key), NOW).unwrap();
            let taken = lease(&queue, 1, NOW).unwrap();
            queue.fail(&taken, "no", &once, NOW, &mut rng).unwrap();
        }
        queue.enqueue(&job("waits"), NOW.after(500)).unwrap();
        let failed = queue.list(Some(JobState::Failed), None, 10).unwrap().items;
        assert_eq!(failed.iter().map(|job| job.key.as_str()).collect::<Vec<_>>(), ["c", "b", "a"]);
        queue.retry(failed[1].id, NOW).unwrap();
        let again = lease(&queue, 1, NOW).unwrap();
        assert_eq!((again.key.as_str(), again.attempt), ("b", 1));
        for (id, said) in [(again.id, "running"), (JobId::new(999), "locus jobs list")] {
            let error = queue.retry(id, NOW).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        assert_eq!(queue.retry_failed(NOW).unwrap(), 2);
        assert_eq!(queue.retry_failed(NOW).unwrap(), 0);
    }

    fn jobs_are_counted_listed_by_page_and_forgotten_when_long_done(backend) {
        let (_database, queue) = begun(backend);
        for number in 0..5 {
            queue.enqueue(&job(&number.to_string()), NOW).unwrap();
        }
        queue.enqueue(&follow_job(), NOW).unwrap();
        let done = lease(&queue, 1, NOW).unwrap();
        queue.complete(&done, NOW).unwrap();
        lease(&queue, 1, NOW).unwrap();
        let counts: Vec<_> =
            queue.counts().unwrap().iter().map(|one| (one.kind.name(), one.state.name(), one.count)).collect();
        let expected = [
            ("aggregate-query", "done", 1),
            ("aggregate-query", "running", 1),
            ("aggregate-query", "waiting", 3),
            ("follow-index", "waiting", 1),
        ];
        assert_eq!(counts, expected);
        let (mut listed, mut before) = (vec![], None);
        loop {
            let page = queue.list(None, before, 4).unwrap();
            listed.extend(page.items.into_iter().map(|job| job.id));
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(listed.len(), 6);
        assert!(listed.is_sorted_by(|one, next| one > next));
        assert!(matches!(queue.list(None, None, 0), Err(Error::Page { .. })));
        assert!(matches!(queue.list(None, None, 501), Err(Error::Page { .. })));
        assert_eq!(queue.prune(NOW.after(DONE_SECONDS_KEPT)).unwrap(), 0);
        assert_eq!(queue.prune(NOW.after(DONE_SECONDS_KEPT + 1)).unwrap(), 1);
        assert_eq!(queue.list(None, None, 10).unwrap().items.len(), 5);
    }

    fn what_no_database_should_hold_is_refused(backend) {
        let (_database, queue) = begun(backend);
        let refused = [
            job(""),
            job(&"x".repeat(257)),
            job("a\0b"),
            NewJob { payload: "x".repeat(PAYLOAD_BYTES_MAX + 1), ..job("a") },
            NewJob { payload: "\0".into(), ..job("a") },
        ];
        for one in refused {
            assert!(matches!(queue.enqueue(&one, NOW), Err(Error::Job { .. })), "{one:?}");
        }
        assert!(queue.counts().unwrap().is_empty());
    }
}

#[test]
fn a_query_is_asked_for_by_its_id() {
    let query = circuits::id::QueryId::from_bytes([7; 32]);
    assert_eq!(aggregate_job(query).key.parse::<circuits::id::QueryId>().unwrap(), query);
}
