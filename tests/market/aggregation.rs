//! Adding up as a job: done once, whoever is faster, with one ciphertext in memory at a time, and its sums stored in the end.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use circuits::{
    id::{Digest, QueryId},
    quorum::Quorum,
    rlwe::params::CIPHERTEXT_BYTES,
};
use market::{
    Error,
    aggregator::sum,
    committee::access::CommitteeAccess,
    jobs::{AggregateDuty, Job, JobState, Queue, Runner, RunnerOptions, aggregate_job},
    ledger::{LedgerAccess, act},
    objects::{BlobAccess, BlobAddress, BlobKind, Objects},
};
use node::{
    state::{QueryState, QueryStatus},
    transaction::Action,
    units::Timestamp,
};
use rand::{SeedableRng, rngs::StdRng};

use crate::{
    postgres::Backend,
    world::{World, four_people, today},
};

/// A store that notes which ciphertexts are read, and takes no sum while it is full.
struct Store {
    inner: Arc<Objects>,
    read: Mutex<Vec<Digest>>,
    is_full: AtomicBool,
}

impl BlobAccess for Store {
    fn write(&self, address: BlobAddress, bytes: Vec<u8>) -> Result<(), Error> {
        if address.kind == BlobKind::Aggregate && self.is_full.load(Ordering::SeqCst) {
            return Err(Error::BlobStore { action: "store a blob", why: "there is no room".into() });
        }
        self.inner.write(address, bytes)
    }

    fn read(&self, address: BlobAddress, bytes_max: usize) -> Result<Option<Vec<u8>>, Error> {
        if address.kind == BlobKind::Ciphertext {
            self.read.lock().unwrap().push(address.digest);
        }
        self.inner.read(address, bytes_max)
    }

    fn list(&self, kind: BlobKind) -> Result<Vec<BlobAddress>, Error> {
        self.inner.list(kind)
    }
}

/// After the pauses between attempts.
fn later() -> Timestamp {
    today().after(3_600)
}

#[test]
fn a_sealed_query_is_added_up_by_a_job_once_and_its_sums_are_stored_whatever_comes_between() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::ready(folder.path(), Quorum::DEFAULT);
    let mut wallets = world.people(&four_people());
    let query = world.query(2, 10);
    world.answer_all(&mut wallets, query);
    let sender = world.keys.researcher.signing_key();
    let World { ledger, blobs, committee, .. } = world;
    let blobs = Arc::new(Store { inner: blobs, read: Mutex::default(), is_full: AtomicBool::new(true) });
    let committee: Arc<dyn CommitteeAccess> = Arc::new(committee);
    let state = || market::ledger::require_query(&*ledger, query).unwrap();
    let database = Backend::Postgres.database();
    let queue = Queue::new(database.open());
    let working = |clock| {
        let (ledger, blobs) = (Arc::clone(&ledger) as Arc<dyn LedgerAccess>, Arc::clone(&blobs) as Arc<dyn BlobAccess>);
        let duty = AggregateDuty { ledger, blobs, committee: Arc::clone(&committee), sender: sender.clone() };
        let options = RunnerOptions { workers: 1, poll: Duration::from_millis(50), clock };
        Runner::start(queue.clone(), vec![Arc::new(duty)], options, StdRng::seed_from_u64(1)).unwrap()
    };

    // A node whose ledger is behind finds nothing to do, and another asks again.
    queue.enqueue(&aggregate_job(query), today()).unwrap();
    let runner = working(today);
    until(&queue, |job| job.state == JobState::Done);
    assert_eq!(state().status, QueryStatus::Collecting);
    act(&*ledger, &sender, Action::Seal(query)).unwrap();
    let sums = summed(&*ledger, &blobs, query, &state());

    assert!(queue.enqueue(&aggregate_job(query), today()).unwrap());
    runner.wake();
    until(&queue, |job| job.error.as_deref().is_some_and(|error| error.contains("no room")));
    runner.stop();
    let status = state().status;
    assert!(matches!(&status, QueryStatus::Aggregated { aggregates, .. } if *aggregates == sums), "{status:?}");
    let name = |sum: &Digest| BlobAddress { kind: BlobKind::Aggregate, digest: *sum };
    let are_stored = || sums.iter().all(|sum| blobs.inner.read(name(sum), CIPHERTEXT_BYTES).unwrap().is_some());
    assert!(!are_stored());

    blobs.is_full.store(false, Ordering::SeqCst);
    let runner = working(later);
    until(&queue, |job| job.state == JobState::Done);
    assert!(are_stored());
    // Who comes later finds nothing to do, and that is no failure.
    blobs.read.lock().unwrap().clear();
    queue.enqueue(&aggregate_job(query), later()).unwrap();
    runner.wake();
    until(&queue, |job| job.state == JobState::Done);
    runner.stop();
    assert_eq!(*blobs.read.lock().unwrap(), [], "nothing is added up again");
}

/// The digests of a sealed query's sums, made with each ciphertext read once, in order.
fn summed(ledger: &dyn LedgerAccess, blobs: &Store, query: QueryId, state: &QueryState) -> Vec<Digest> {
    let mut looked = vec![];
    let sums = sum(ledger, blobs, query, state, &mut |added| {
        looked.push((added.contributions, added.of));
        Ok(())
    })
    .unwrap();
    assert_eq!(sums.len(), 2);
    assert_eq!(looked, [(0, 4), (1, 4), (2, 4), (3, 4)]);
    let surviving = market::ledger::surviving(ledger, query, state).unwrap();
    let admitted: Vec<_> = surviving.iter().flat_map(|(_, one)| one.parts.iter().map(|part| part.ciphertext)).collect();
    assert_eq!(*blobs.read.lock().unwrap(), admitted);
    let interrupted = sum(ledger, blobs, query, state, &mut |_| Err(Error::JobInterrupted));
    assert!(matches!(interrupted, Err(Error::JobInterrupted)));
    sums.into_iter().map(|sum| sum.finish().digest()).collect()
}

/// Waits until the only job is as it should be.
#[track_caller]
fn until(queue: &Queue, is_so: impl Fn(&Job) -> bool) {
    let patience = Instant::now() + Duration::from_secs(120);
    loop {
        let jobs = queue.list(None, None, 10).unwrap().items;
        let [job] = jobs.as_slice() else { panic!("{jobs:?}") };
        if is_so(job) {
            return;
        }
        assert!(Instant::now() < patience, "{jobs:?}");
        thread::sleep(Duration::from_millis(50));
    }
}
