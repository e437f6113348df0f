//! Many proofs at once.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, PoisonError, mpsc},
    thread,
};

use rayon::ThreadPoolBuilder;

use crate::Error;

/// Does each job on one of `threads` threads, and gives what comes of them in the jobs' order.
///
/// Each thread has a rayon pool of its own with one thread, so that one proof stays on one core. In a pool that several
/// proofs share, a thread that waits for a product begins the next proof on top of the one that it waits for: their
/// memory adds up, as many as there are jobs.
///
/// # Errors
/// [`Error::Proving`] when a thread cannot be started.
///
/// # Panics
/// When a job does.
pub fn side_by_side<J: Send, R: Send>(
    jobs: Vec<J>,
    threads: NonZeroUsize,
    work: impl Fn(J) -> R + Sync,
) -> Result<Vec<R>, Error> {
    let pools = (0..threads.get().min(jobs.len())).map(|_| ThreadPoolBuilder::new().num_threads(1).build());
    let pools = pools.collect::<Result<Vec<_>, _>>().map_err(|error| Error::Proving { why: error.to_string() })?;
    let queue = Mutex::new(jobs.into_iter().enumerate());
    let (finished, results) = mpsc::channel();
    thread::scope(|scope| {
        for pool in &pools {
            let (queue, work, finished) = (&queue, &work, finished.clone());
            scope.spawn(move || {
                pool.install(|| {
                    loop {
                        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                        let Some((place, job)) = job else { break };
                        // The receiver outlives the scope.
                        let _ = finished.send((place, work(job)));
                    }
                });
            });
        }
    });
    drop(finished);
    let mut results: Vec<(usize, R)> = results.into_iter().collect();
    results.sort_by_key(|(place, _)| *place);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn results_come_in_the_jobs_order_and_no_more_jobs_run_at_once_than_there_are_threads() {
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = |job: usize| {
            most.fetch_max(1 + running.fetch_add(1, Ordering::SeqCst), Ordering::SeqCst);
            // What a product does: wait in a pool of its own.
            let pool = ThreadPoolBuilder::new().num_threads(rayon::current_num_threads()).build().unwrap();
            let square = pool.install(|| job * job);
            running.fetch_sub(1, Ordering::SeqCst);
            square
        };
        let squares = side_by_side((0..100).collect(), NonZeroUsize::new(3).unwrap(), work).unwrap();
        assert_eq!(squares, (0..100).map(|job| job * job).collect::<Vec<_>>());
        assert!(most.into_inner() <= 3);
    }

    #[test]
    fn no_jobs_need_no_threads() {
        assert_eq!(side_by_side(vec![], NonZeroUsize::MIN, |()| ()).unwrap(), vec![]);
    }
}
