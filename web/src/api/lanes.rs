//! Fetches of blobs from other nodes: so many at once, one for each blob however many read it, and for a while none of what
//! nobody had.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use market::objects::BlobAddress;

use super::bounds::BLOCKING_THREADS_MAX;
use crate::Error;

/// Fetches that go on at once in a lane.
const PLACES: usize = 16;
/// How many of them are kept for what the node does by itself.
const DUTY_PLACES: usize = 4;
/// Readers in a lane that wait for what is being fetched for others: over all lanes 32.
const WAITERS_MAX: usize = 8;
/// How many of them are kept for what the node does by itself.
const DUTY_WAITERS: usize = 2;
// Whoever fetches or waits holds a thread of those that block. However many ask, most of one worker's are left.
const _: () = assert!(Lane::ALL.len() * (PLACES + WAITERS_MAX) < BLOCKING_THREADS_MAX / 2);
/// How long one of them waits: longer than a fetch takes.
const WAIT_TIME_MAX: Duration = Duration::from_secs(70);
/// How long it counts that nobody had a blob, the first time; each further miss of the same blob counts twice as long.
const MISS_TIME: Duration = Duration::from_secs(2);
/// The longest that it counts: what comes late is found so late at most.
const MISS_TIME_MAX: Duration = Duration::from_secs(64);
/// How long the next miss of a blob counts as a further one, from when the last one counts no more.
const MISS_MEMORY: Duration = Duration::from_secs(64);
/// Blobs of a lane that nobody had of which it is remembered.
const MISSES_MAX: usize = 4_096;

/// What a blob is fetched for. Each lane has places, misses and rests of its own, so that whatever strangers ask for stops
/// nothing that the network waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lane {
    /// A message of the key in the making.
    KeyMessage,
    /// A ciphertext whose sum is still to come.
    Awaited,
    /// A ciphertext of what was released, which other nodes may have removed.
    Released,
    /// Everything else that is sought.
    Rest,
}

impl Lane {
    /// Every lane.
    const ALL: [Self; 4] = [Self::KeyMessage, Self::Awaited, Self::Released, Self::Rest];
}

/// Who reads a blob that is not here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// Whoever asked this node over HTTP.
    Client,
    /// The node itself, for a duty or for what it publishes.
    Duty,
}

impl Reader {
    /// How much of a bound may be taken when this one comes.
    const fn share(self, all: usize, kept: usize) -> usize {
        match self {
            Self::Client => all - kept,
            Self::Duty => all,
        }
    }
}

/// The lanes.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    key_messages: Fetches,
    awaited: Fetches,
    released: Fetches,
    rest: Fetches,
}

impl Lanes {
    /// The fetches of a lane.
    pub(super) const fn of(&self, lane: Lane) -> &Fetches {
        match lane {
            Lane::KeyMessage => &self.key_messages,
            Lane::Awaited => &self.awaited,
            Lane::Released => &self.released,
            Lane::Rest => &self.rest,
        }
    }
}

/// Fetches that go on in a lane, who waits for them, and those that found nothing lately.
#[derive(Debug, Default)]
pub(super) struct Fetches {
    traffic: Mutex<Traffic>,
    /// Told whenever a fetch ended.
    ended: Condvar,
}

#[derive(Debug, Default)]
struct Traffic {
    going_on: BTreeSet<BlobAddress>,
    waiting: usize,
    missed: BTreeMap<BlobAddress, Miss>,
}

/// That nobody had a blob.
#[derive(Debug, Clone, Copy)]
struct Miss {
    /// Until when it counts.
    until: Instant,
    /// For how long it counted from when it was found.
    time: Duration,
    /// Whether all other nodes were asked and said that they have none.
    all_lack: bool,
}

/// What becomes of a reader of a blob that is not here.
#[derive(Debug)]
pub(super) enum Begun<'l> {
    /// It fetches the blob.
    Fetch(Fetch<'l>),
    /// Nobody had the blob a moment ago.
    Missed {
        /// Whether all other nodes were asked and said so.
        all_lack: bool,
    },
    /// Another reader's fetch ended, for which it waited: the blob is here now, or was missed, or is still to be fetched.
    Ended,
}

/// A fetch that goes on; its place is free again once it is dropped.
#[derive(Debug)]
pub(super) struct Fetch<'l> {
    fetches: &'l Fetches,
    address: BlobAddress,
}

/// That as much goes on as may.
pub(super) const fn full(what: &'static str, limit: usize) -> Error {
    Error::Full { what, limit, seconds: 1, instead: "try again in a moment" }
}

impl Fetches {
    /// Begins to fetch a blob, or waits for the fetch of it that goes on.
    ///
    /// # Errors
    /// [`Error::Full`] while as many are fetched, or wait, as may; [`Error::Slow`] for one that waited in vain.
    pub(super) fn begin(&self, address: BlobAddress, reader: Reader) -> Result<Begun<'_>, Error> {
        let mut traffic = self.traffic();
        if let Some(miss) = traffic.missed.get(&address).filter(|miss| Instant::now() < miss.until) {
            return Ok(Begun::Missed { all_lack: miss.all_lack });
        }
        if traffic.going_on.contains(&address) {
            return self.join(traffic, address, reader);
        }
        let places = reader.share(PLACES, DUTY_PLACES);
        if traffic.going_on.len() >= places {
            return Err(full("searches for blobs at other nodes", places));
        }
        traffic.going_on.insert(address);
        Ok(Begun::Fetch(Fetch { fetches: self, address }))
    }

    fn join<'l>(
        &'l self,
        mut traffic: MutexGuard<'l, Traffic>,
        address: BlobAddress,
        reader: Reader,
    ) -> Result<Begun<'l>, Error> {
        let waiters_max = reader.share(WAITERS_MAX, DUTY_WAITERS);
        if traffic.waiting >= waiters_max {
            return Err(full("readers who wait for blobs of other nodes", waiters_max));
        }
        traffic.waiting += 1;
        let goes_on = |traffic: &mut Traffic| traffic.going_on.contains(&address);
        let waited = self.ended.wait_timeout_while(traffic, WAIT_TIME_MAX, goes_on);
        let (mut traffic, result) = waited.unwrap_or_else(PoisonError::into_inner);
        traffic.waiting -= 1;
        if result.timed_out() { Err(Error::Slow { limit: WAIT_TIME_MAX }) } else { Ok(Begun::Ended) }
    }

    fn traffic(&self) -> MutexGuard<'_, Traffic> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Traffic {
    /// Remembers a miss; where everybody said that they lack the blob, for longer than the one before.
    fn miss(&mut self, address: BlobAddress, all_lack: bool) {
        let now = Instant::now();
        self.missed.retain(|_, miss| now < miss.until + MISS_MEMORY);
        let time = match self.missed.get(&address) {
            Some(before) if all_lack => (before.time * 2).min(MISS_TIME_MAX),
            Some(before) => before.time,
            None if self.missed.len() >= MISSES_MAX => return,
            None => MISS_TIME,
        };
        self.missed.insert(address, Miss { until: now + time, time, all_lack });
    }
}

impl Fetch<'_> {
    /// Remembers for a while that nobody had the blob; `all_lack` where all other nodes were asked and said so.
    pub(super) fn missed(self, all_lack: bool) {
        self.fetches.traffic().miss(self.address, all_lack);
    }
}

impl Drop for Fetch<'_> {
    fn drop(&mut self) {
        self.fetches.traffic().going_on.remove(&self.address);
        self.fetches.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use market::objects::BlobKind;

    use super::*;

    fn address(number: usize) -> BlobAddress {
        BlobAddress::of(BlobKind::Blob, &number.to_le_bytes())
    }

    fn begun(fetches: &Fetches, number: usize) -> Fetch<'_> {
        match fetches.begin(address(number), Reader::Duty).unwrap() {
            Begun::Fetch(fetch) => fetch,
            other => panic!("{other:?}"),
        }
    }

    fn is_missed(fetches: &Fetches, number: usize) -> bool {
        matches!(fetches.begin(address(number), Reader::Client).unwrap(), Begun::Missed { .. })
    }

    /// Puts every miss so long back.
    fn age(fetches: &Fetches, by: Duration) {
        fetches.traffic().missed.values_mut().for_each(|miss| miss.until = miss.until.checked_sub(by).unwrap());
    }

    #[test]
    fn no_more_is_fetched_at_once_than_there_are_places_and_each_lane_has_its_own() {
        let lanes = Lanes::default();
        let mut going_on: Vec<_> = (0..PLACES).map(|number| begun(lanes.of(Lane::Released), number)).collect();
        let refused = lanes.of(Lane::Released).begin(address(PLACES), Reader::Duty).unwrap_err();
        assert!(matches!(refused, Error::Full { limit: PLACES, .. }), "{refused}");
        assert!(refused.to_string().contains("try again"), "{refused}");
        for lane in [Lane::KeyMessage, Lane::Awaited, Lane::Rest] {
            drop(begun(lanes.of(lane), PLACES));
        }
        going_on.pop();
        drop(begun(lanes.of(Lane::Released), PLACES));
    }

    #[test]
    fn repro_whoever_reads_what_is_being_fetched_waits_for_it_and_takes_no_place() {
        let fetches = Fetches::default();
        let first = begun(&fetches, 0);
        let others: Vec<_> = (1..PLACES).map(|number| begun(&fetches, number)).collect();
        thread::scope(|scope| {
            let second = scope.spawn(|| matches!(fetches.begin(address(0), Reader::Client), Ok(Begun::Ended)));
            while fetches.traffic().waiting == 0 {
                thread::yield_now();
            }
            assert!(!second.is_finished());
            drop(first);
            assert!(second.join().unwrap());
        });
        let traffic = fetches.traffic();
        assert_eq!((traffic.waiting, traffic.going_on.len()), (0, others.len()));
        drop(traffic);
    }

    #[test]
    fn repro_clients_take_only_part_of_the_places_and_the_rest_is_kept_for_the_nodes_own_duties() {
        const OF_CLIENTS: usize = PLACES - DUTY_PLACES;
        for lane in Lane::ALL {
            let lanes = Lanes::default();
            let fetches = lanes.of(lane);
            let seek = |number| fetches.begin(address(number), Reader::Client);
            let clients: Vec<_> = (0..OF_CLIENTS).map(|number| seek(number).unwrap()).collect();
            assert!(clients.iter().all(|begun| matches!(begun, Begun::Fetch(_))));
            let refused = seek(PLACES).unwrap_err();
            assert!(matches!(refused, Error::Full { limit: OF_CLIENTS, seconds: 1.., .. }), "{lane:?}: {refused}");
            let duties: Vec<_> = (OF_CLIENTS..PLACES).map(|number| begun(fetches, number)).collect();
            drop(clients);
            assert!(seek(PLACES).is_ok(), "{lane:?}: {} duties keep clients from their places", duties.len());
        }
    }

    #[test]
    fn repro_no_more_wait_than_may_and_fewer_of_them_are_clients() {
        const OF_CLIENTS: usize = WAITERS_MAX - DUTY_WAITERS;
        let fetches = Fetches::default();
        let first = begun(&fetches, 0);
        let wait = |reader| fetches.begin(address(0), reader);
        fetches.traffic().waiting = OF_CLIENTS;
        let refused = wait(Reader::Client).unwrap_err();
        assert!(matches!(refused, Error::Full { limit: OF_CLIENTS, seconds: 1.., .. }), "{refused}");
        thread::scope(|scope| {
            let duty = scope.spawn(|| matches!(wait(Reader::Duty), Ok(Begun::Ended)));
            while fetches.traffic().waiting == OF_CLIENTS {
                thread::yield_now();
            }
            fetches.traffic().waiting = WAITERS_MAX;
            let refused = wait(Reader::Duty).unwrap_err();
            assert!(matches!(refused, Error::Full { limit: WAITERS_MAX, .. }), "{refused}");
            drop(first);
            assert!(duty.join().unwrap());
        });
        drop(begun(&fetches, 0));
    }

    #[test]
    fn repro_a_miss_says_whether_all_were_asked_and_said_that_they_lack_the_blob() {
        let fetches = Fetches::default();
        for expected in [false, true, false] {
            begun(&fetches, 0).missed(expected);
            let again = fetches.begin(address(0), Reader::Client).unwrap();
            assert!(matches!(again, Begun::Missed { all_lack } if all_lack == expected), "{again:?}");
            age(&fetches, MISS_TIME_MAX);
        }
    }

    #[test]
    fn what_nobody_had_is_not_sought_again_at_once_and_so_many_misses_are_remembered_at_most() {
        let fetches = Fetches::default();
        for number in 0..=MISSES_MAX {
            begun(&fetches, number).missed(true);
        }
        assert!(is_missed(&fetches, 0) && !is_missed(&fetches, MISSES_MAX), "what is not remembered is sought");
        assert_eq!(fetches.traffic().missed.len(), MISSES_MAX);
        age(&fetches, MISS_TIME + MISS_MEMORY);
        begun(&fetches, 0).missed(true);
        assert_eq!(fetches.traffic().missed.len(), 1, "old misses stay");
    }

    #[test]
    fn each_miss_of_the_same_blob_counts_longer_up_to_a_bound_and_only_where_all_say_that_they_lack_it() {
        let fetches = Fetches::default();
        let mut times = vec![];
        for all_lack in [true, false, true, true, true, true, true, true] {
            begun(&fetches, 0).missed(all_lack);
            let time = fetches.traffic().missed[&address(0)].time;
            times.push(time.as_secs());
            assert!(is_missed(&fetches, 0));
            age(&fetches, time);
        }
        assert_eq!(times, [2, 2, 4, 8, 16, 32, 64, 64]);
        age(&fetches, MISS_MEMORY);
        begun(&fetches, 0).missed(true);
        assert_eq!(fetches.traffic().missed[&address(0)].time, MISS_TIME, "what is long ago is forgotten");
    }
}
