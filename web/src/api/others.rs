//! Other nodes of the consortium, asked for the blobs that this one lacks, within bounds.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use market::objects::{BlobAddress, check_digest};

use crate::{
    Error,
    client::{Remote, within},
};

/// Other nodes that one node asks at most.
pub const OTHERS_MAX: usize = 16;

/// How long one of them may take to answer: 64 MiB on a slow line.
const ASK_TIME_MAX: Duration = Duration::from_secs(20);
/// When no further one is asked for the same blob. With the last one's time it is less than a client of this node waits.
const FETCH_TIME_MAX: Duration = Duration::from_secs(40);
/// How long one that cannot be reached is left alone.
const REST_TIME: Duration = Duration::from_secs(15);
/// How long it counts that nobody had a blob.
const MISS_TIME: Duration = Duration::from_secs(2);

/// Fetches of what the ledger names: it names no more than somebody paid for.
const NAMED: LaneBounds = LaneBounds { places: 16, misses: 4_096 };
/// Fetches of everything else, which strangers may make up: some 64 a second that find nothing.
const UNNAMED: LaneBounds = LaneBounds { places: 4, misses: 128 };

/// Other nodes, in the order in which they are asked.
#[derive(Debug)]
pub struct OtherNodes {
    nodes: Vec<OtherNode>,
    pub(super) named: Lane,
    pub(super) unnamed: Lane,
}

#[derive(Debug)]
struct OtherNode {
    remote: Remote,
    /// Until when it is left alone.
    rests_until: Mutex<Option<Instant>>,
}

impl Default for OtherNodes {
    /// None.
    fn default() -> Self {
        Self { nodes: vec![], named: Lane::new(NAMED), unnamed: Lane::new(UNNAMED) }
    }
}

impl OtherNodes {
    /// The nodes whose HTTP APIs are at these addresses.
    ///
    /// # Errors
    /// [`Error::Input`] for what is no address, or beyond [`OTHERS_MAX`].
    pub fn at(urls: &[String]) -> Result<Self, Error> {
        if urls.len() > OTHERS_MAX {
            let why = format!("{} are given and {OTHERS_MAX} are asked at most; leave some out", urls.len());
            return Err(Error::Input { what: "addresses of other nodes", why });
        }
        let node = |url: &String| Ok(OtherNode { remote: Remote::new(url)?, rests_until: Mutex::default() });
        Ok(Self { nodes: urls.iter().map(node).collect::<Result<_, Error>>()?, ..Self::default() })
    }

    /// Whether there are none.
    pub(super) fn is_none(&self) -> bool {
        self.nodes.is_empty()
    }

    /// A blob that one of them has, of at most `bytes_max` bytes and with the digest of its address. Each answers from its own
    /// store alone.
    pub(super) fn ask(&self, address: BlobAddress, bytes_max: usize) -> Option<Vec<u8>> {
        let started = Instant::now();
        self.nodes
            .iter()
            .take_while(|_| started.elapsed() < FETCH_TIME_MAX)
            .find_map(|node| node.ask(address, bytes_max))
    }
}

impl OtherNode {
    fn ask(&self, address: BlobAddress, bytes_max: usize) -> Option<Vec<u8>> {
        if self.rests_until().is_some_and(|until| Instant::now() < until) {
            return None;
        }
        let path = format!("/v1/blobs/{}/{}?own=true", address.kind.name(), address.digest);
        let url = self.remote.url();
        match within(ASK_TIME_MAX, || self.remote.bytes(&path, bytes_max)) {
            Ok(Some(bytes)) => match check_digest(address, &bytes) {
                Ok(()) => return Some(bytes),
                Err(error) => tracing::warn!(url, %error, "another node gave other bytes than it was asked for"),
            },
            Ok(None) => {}
            Err(error @ Error::Unreachable { .. }) => {
                tracing::warn!(url, %error, "another node is not asked for blobs for a while");
                *self.rests_until() = Some(Instant::now() + REST_TIME);
            }
            Err(error) => tracing::warn!(url, %error, "another node gave no blob"),
        }
        None
    }

    fn rests_until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.rests_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one kind of fetches may take.
#[derive(Debug, Clone, Copy)]
struct LaneBounds {
    /// At once.
    places: usize,
    /// Blobs that nobody had, within [`MISS_TIME`].
    misses: usize,
}

/// Fetches that go on, and those that found nothing lately.
#[derive(Debug)]
pub(super) struct Lane {
    bounds: LaneBounds,
    traffic: Mutex<Traffic>,
}

#[derive(Debug, Default)]
struct Traffic {
    going_on: usize,
    missed: BTreeMap<BlobAddress, Instant>,
}

/// A fetch that goes on; its place is free again once it is dropped.
#[derive(Debug)]
pub(super) struct Fetch<'a> {
    lane: &'a Lane,
    address: BlobAddress,
}

impl Lane {
    fn new(bounds: LaneBounds) -> Self {
        Self { bounds, traffic: Mutex::default() }
    }

    /// Begins to fetch a blob; none where nobody had it a moment ago.
    ///
    /// # Errors
    /// [`Error::Full`] while as many are fetched, or were sought in vain, as may be.
    pub(super) fn begin(&self, address: BlobAddress) -> Result<Option<Fetch<'_>>, Error> {
        let mut traffic = self.traffic();
        if traffic.missed.get(&address).is_some_and(|at| at.elapsed() < MISS_TIME) {
            return Ok(None);
        }
        if traffic.missed.len() >= self.bounds.misses {
            traffic.missed.retain(|_, at| at.elapsed() < MISS_TIME);
        }
        if traffic.missed.len() >= self.bounds.misses || traffic.going_on >= self.bounds.places {
            return Err(Error::Full {
                what: "searches for blobs at other nodes",
                limit: self.bounds.places,
                seconds: 1,
                instead: "try again in a moment",
            });
        }
        traffic.going_on += 1;
        Ok(Some(Fetch { lane: self, address }))
    }

    fn traffic(&self) -> MutexGuard<'_, Traffic> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fetch<'_> {
    /// Remembers for a while that nobody had the blob.
    pub(super) fn missed(self) {
        self.lane.traffic().missed.insert(self.address, Instant::now());
    }
}

impl Drop for Fetch<'_> {
    fn drop(&mut self) {
        let mut traffic = self.lane.traffic();
        traffic.going_on = traffic.going_on.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use market::objects::BlobKind;

    use super::*;

    fn address(number: usize) -> BlobAddress {
        BlobAddress::of(BlobKind::Blob, &number.to_le_bytes())
    }

    #[test]
    fn no_more_is_fetched_at_once_than_there_are_places() {
        let lane = Lane::new(UNNAMED);
        let mut going_on: Vec<_> = (0..UNNAMED.places).map(|number| lane.begin(address(number)).unwrap()).collect();
        let refused = lane.begin(address(9)).unwrap_err();
        assert!(matches!(refused, Error::Full { limit: 4, .. }), "{refused}");
        assert!(refused.to_string().contains("try again"), "{refused}");
        going_on.pop();
        assert!(lane.begin(address(9)).unwrap().is_some());
    }

    #[test]
    fn what_nobody_had_is_not_sought_again_at_once_and_only_so_much_is_sought_in_vain() {
        let lane = Lane::new(UNNAMED);
        for number in 0..UNNAMED.misses {
            lane.begin(address(number)).unwrap().unwrap().missed();
        }
        assert!(lane.begin(address(0)).unwrap().is_none());
        assert!(lane.begin(address(UNNAMED.misses)).is_err(), "a flood of made-up digests goes on to other nodes");
        let before = Instant::now().checked_sub(MISS_TIME).unwrap();
        lane.traffic().missed.values_mut().for_each(|at| *at = before);
        assert!(lane.begin(address(0)).unwrap().is_some(), "a miss is remembered for ever");
        assert!(lane.traffic().missed.len() <= 1, "old misses stay");
    }

    #[test]
    fn more_nodes_than_are_asked_and_what_is_no_address_are_refused_with_the_remedy() {
        let many = vec!["http://127.0.0.1:1".to_owned(); OTHERS_MAX + 1];
        assert!(OtherNodes::at(&many).unwrap_err().to_string().contains("leave some out"));
        let refused = OtherNodes::at(&["https://node.example".into()]).unwrap_err().to_string();
        assert!(refused.contains("http://host:port"), "{refused}");
        assert!(OtherNodes::at(&many[..OTHERS_MAX]).is_ok() && OtherNodes::default().is_none());
    }
}
