//! Adding up as a job: done once, whoever is faster, with one ciphertext in memory at a time.

use std::{
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use circuits::{id::Digest, quorum::Quorum};
use market::{
    Error,
    aggregator::sum,
    committee::access::CommitteeAccess,
    jobs::{AggregateDuty, Duty, JobState, Queue, Runner, RunnerOptions, aggregate_job},
    ledger::LedgerAccess,
    objects::{BlobAccess, BlobAddress, BlobKind, Objects},
};
use node::state::QueryStatus;
use rand::{SeedableRng, rngs::StdRng};

use crate::{
    postgres::Backend,
    world::{World, four_people, today},
};

/// A store that notes which ciphertexts are read.
struct Noting {
    inner: Arc<Objects>,
    read: Mutex<Vec<Digest>>,
}

impl BlobAccess for Noting {
    fn write(&self, address: BlobAddress, bytes: Vec<u8>) -> Result<(), Error> {
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

#[test]
fn a_sealed_query_is_added_up_by_a_job_once_and_each_ciphertext_read_once_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::ready(folder.path(), Quorum::DEFAULT);
    let mut wallets = world.people(&four_people());
    let query = world.query(2, 10);
    world.answer_all(&mut wallets, query);
    world.seal(query);
    let state = world.state(query);
    let blobs = Noting { inner: Arc::clone(&world.blobs), read: Mutex::default() };
    let mut looked = vec![];
    let sums = sum(world.ledger(), &blobs, query, &state, &mut |added| {
        looked.push((added.contributions, added.of));
        Ok(())
    })
    .unwrap();
    assert_eq!(sums.len(), 2);
    assert_eq!(looked, [(0, 4), (1, 4), (2, 4), (3, 4)]);
    let surviving = market::ledger::surviving(world.ledger(), query, &state).unwrap();
    let admitted: Vec<_> = surviving.iter().flat_map(|(_, one)| one.parts.iter().map(|part| part.ciphertext)).collect();
    assert_eq!(*blobs.read.lock().unwrap(), admitted);
    let interrupted = sum(world.ledger(), &blobs, query, &state, &mut |_| Err(Error::JobInterrupted));
    assert!(matches!(interrupted, Err(Error::JobInterrupted)));

    let database = Backend::Postgres.database();
    let queue = Queue::new(database.open());
    queue.enqueue(&aggregate_job(query), today()).unwrap();
    let sender = world.keys.researcher.signing_key();
    let World { ledger, blobs, committee, .. } = world;
    let committee: Arc<dyn CommitteeAccess> = Arc::new(committee);
    let duty = || -> Arc<dyn Duty> {
        let (ledger, blobs) = (Arc::clone(&ledger) as Arc<dyn LedgerAccess>, Arc::clone(&blobs) as Arc<dyn BlobAccess>);
        Arc::new(AggregateDuty { ledger, blobs, committee: Arc::clone(&committee), sender: sender.clone() })
    };
    let options = RunnerOptions { workers: 1, poll: Duration::from_millis(50), clock: today };
    let runner = Runner::start(queue.clone(), vec![duty()], options, StdRng::seed_from_u64(1)).unwrap();
    done(&queue);
    let sums: Vec<_> = sums.into_iter().map(|sum| sum.finish().digest()).collect();
    let status = market::ledger::require_query(&*ledger, query).unwrap().status;
    assert!(matches!(&status, QueryStatus::Aggregated { aggregates, .. } if *aggregates == sums), "{status:?}");
    // Who comes later finds nothing to do, and that is no failure.
    queue.prune(today().after(100 * 86_400)).unwrap();
    queue.enqueue(&aggregate_job(query), today()).unwrap();
    runner.wake();
    done(&queue);
    runner.stop();
    assert!(blobs.list(BlobKind::Aggregate).unwrap().len() >= sums.len());
}

#[track_caller]
fn done(queue: &Queue) {
    let patience = Instant::now() + Duration::from_secs(120);
    loop {
        let jobs = queue.list(None, None, 10).unwrap().items;
        if jobs.iter().all(|job| job.state == JobState::Done) {
            return;
        }
        assert!(Instant::now() < patience, "{jobs:?}");
        thread::sleep(Duration::from_millis(50));
    }
}
