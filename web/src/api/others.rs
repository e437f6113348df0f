//! Other nodes of the consortium, asked for the blobs that this one lacks, within bounds.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use circuits::id::Digest;
use market::objects::{BlobAddress, BlobKind, check_digest};
use node::units::Height;

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

/// How long a node without the blob may take to say so, before it is left alone as one that cannot be reached.
const SLOW_TIME: Duration = Duration::from_secs(1);
/// Fetches that go on at once, of each of the two kinds: messages of the key in the making have places of their own.
const PLACES: usize = 16;
/// Blobs that nobody had of which it is remembered.
const MISSES_MAX: usize = 4_096;

/// Other nodes, asked in turn.
#[derive(Debug, Default)]
pub struct OtherNodes {
    nodes: Vec<OtherNode>,
    /// Which one is asked first, so that none stands before the others for good.
    first: AtomicUsize,
    pub(super) named: Named,
    key_messages: Lane,
    rest: Lane,
}

#[derive(Debug)]
struct OtherNode {
    remote: Remote,
    /// Until when it is left alone.
    rests_until: Mutex<Option<Instant>>,
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

    /// The places in which blobs of a kind are fetched.
    pub(super) const fn lane(&self, kind: BlobKind) -> &Lane {
        if matches!(kind, BlobKind::KeyGeneration) { &self.key_messages } else { &self.rest }
    }

    /// A blob that one of them has, of at most `bytes_max` bytes and with the digest of its address. Each answers from its own
    /// store alone.
    pub(super) fn ask(&self, address: BlobAddress, bytes_max: usize) -> Option<Vec<u8>> {
        let (started, count) = (Instant::now(), self.nodes.len());
        let first = self.first.fetch_add(1, Ordering::Relaxed).checked_rem(count).unwrap_or_default();
        let nodes = self.nodes.iter().cycle().skip(first).take(count);
        nodes.take_while(|_| started.elapsed() < FETCH_TIME_MAX).find_map(|node| node.ask(address, bytes_max))
    }
}

impl OtherNode {
    fn ask(&self, address: BlobAddress, bytes_max: usize) -> Option<Vec<u8>> {
        if self.rests_until().is_some_and(|until| Instant::now() < until) {
            return None;
        }
        let path = format!("/v1/blobs/{}/{}?own=true", address.kind.name(), address.digest);
        let (url, started) = (self.remote.url(), Instant::now());
        let why = match within(ASK_TIME_MAX, || self.remote.bytes(&path, bytes_max)) {
            Ok(Some(bytes)) => match check_digest(address, &bytes) {
                Ok(()) => return Some(bytes),
                Err(error) => error.to_string(),
            },
            Ok(None) if started.elapsed() <= SLOW_TIME => return None,
            Ok(None) => "it is slow to say what it lacks".into(),
            Err(error) => error.to_string(),
        };
        tracing::warn!(url, why, "another node is not asked for blobs for a while");
        *self.rests_until() = Some(Instant::now() + REST_TIME);
        None
    }

    fn rests_until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.rests_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How far the ledger is, and the index that some of it is found by.
pub(super) type Seen = (Height, Height);

/// What the ledger names of each kind: looked up once for each block, and once more when the index has it, however many ask.
#[derive(Debug, Default)]
pub(super) struct Named(Mutex<BTreeMap<BlobKind, Known>>);

/// What was found of one kind, when. Looking up one kind keeps nobody from the others.
type Known = Arc<Mutex<Option<(Seen, BTreeSet<Digest>)>>>;

impl Named {
    /// Whether a blob is among them; `look_up` finds them all.
    pub(super) fn contains(
        &self,
        address: BlobAddress,
        seen: Seen,
        look_up: impl FnOnce() -> Result<BTreeSet<Digest>, Error>,
    ) -> Result<bool, Error> {
        let known = Arc::clone(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(address.kind).or_default());
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.as_ref().is_none_or(|(then, _)| *then < seen) {
            *known = Some((seen, look_up()?));
        }
        Ok(known.as_ref().is_some_and(|(_, digests)| digests.contains(&address.digest)))
    }
}

/// Fetches that go on, and those that found nothing lately.
#[derive(Debug, Default)]
pub(super) struct Lane(Mutex<Traffic>);

#[derive(Debug, Default)]
struct Traffic {
    going_on: BTreeSet<BlobAddress>,
    missed: BTreeMap<BlobAddress, Instant>,
}

/// A fetch that goes on; its place is free again once it is dropped.
#[derive(Debug)]
pub(super) struct Fetch<'a> {
    lane: &'a Lane,
    address: BlobAddress,
}

impl Lane {
    /// Begins to fetch a blob; none where nobody had it a moment ago.
    ///
    /// # Errors
    /// [`Error::Full`] while as many are fetched as may be.
    pub(super) fn begin(&self, address: BlobAddress) -> Result<Option<Fetch<'_>>, Error> {
        let mut traffic = self.traffic();
        if traffic.missed.get(&address).is_some_and(|at| at.elapsed() < MISS_TIME) {
            return Ok(None);
        }
        // Whoever asks for what is being fetched finds it here in a moment, and takes no place.
        if traffic.going_on.len() >= PLACES || traffic.going_on.contains(&address) {
            return Err(Error::Full {
                what: "searches for blobs at other nodes",
                limit: PLACES,
                seconds: 1,
                instead: "try again in a moment",
            });
        }
        traffic.going_on.insert(address);
        Ok(Some(Fetch { lane: self, address }))
    }

    fn traffic(&self) -> MutexGuard<'_, Traffic> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fetch<'_> {
    /// Remembers for a while that nobody had the blob.
    pub(super) fn missed(self) {
        let mut traffic = self.lane.traffic();
        traffic.missed.retain(|_, at| at.elapsed() < MISS_TIME);
        if traffic.missed.len() < MISSES_MAX {
            traffic.missed.insert(self.address, Instant::now());
        }
    }
}

impl Drop for Fetch<'_> {
    fn drop(&mut self) {
        self.lane.traffic().going_on.remove(&self.address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: usize) -> BlobAddress {
        BlobAddress::of(BlobKind::Blob, &number.to_le_bytes())
    }

    #[test]
    fn no_more_is_fetched_at_once_than_there_are_places_and_key_messages_have_their_own() {
        let others = OtherNodes::default();
        let lane = others.lane(BlobKind::Ciphertext);
        let mut going_on: Vec<_> = (0..PLACES).map(|number| lane.begin(address(number)).unwrap()).collect();
        let refused = lane.begin(address(PLACES)).unwrap_err();
        assert!(matches!(refused, Error::Full { limit: PLACES, .. }), "{refused}");
        assert!(refused.to_string().contains("try again"), "{refused}");
        assert!(others.lane(BlobKind::KeyGeneration).begin(address(PLACES)).unwrap().is_some());
        going_on.pop();
        assert!(lane.begin(address(PLACES)).unwrap().is_some());
    }

    #[test]
    fn what_nobody_had_is_not_sought_again_at_once_and_so_many_misses_are_remembered_at_most() {
        let lane = Lane::default();
        for number in 0..=MISSES_MAX {
            lane.begin(address(number)).unwrap().unwrap().missed();
        }
        assert!(lane.begin(address(0)).unwrap().is_none());
        assert!(lane.begin(address(MISSES_MAX)).unwrap().is_some(), "and what is not remembered is sought");
        assert_eq!(lane.traffic().missed.len(), MISSES_MAX);
        let before = Instant::now().checked_sub(MISS_TIME).unwrap();
        lane.traffic().missed.values_mut().for_each(|at| *at = before);
        lane.begin(address(0)).unwrap().unwrap().missed();
        assert_eq!(lane.traffic().missed.len(), 1, "old misses stay");
    }

    #[test]
    fn what_the_ledger_names_is_looked_up_once_for_each_block_and_once_more_when_the_index_has_it() {
        let (named, blob) = (Named::default(), address(1));
        let looked = std::cell::Cell::new(0);
        let ask = |(height, index), digests: &[Digest]| {
            let look_up = || {
                looked.set(looked.get() + 1);
                Ok(digests.iter().copied().collect())
            };
            named.contains(blob, (Height::new(height), Height::new(index)), look_up).unwrap()
        };
        assert!(!ask((1, 0), &[]) && !ask((1, 0), &[blob.digest]));
        assert!(ask((1, 1), &[blob.digest]) && ask((1, 1), &[]));
        assert!(!ask((2, 1), &[]) && looked.get() == 3);
    }

    #[test]
    fn a_node_that_cannot_be_reached_rests_and_another_is_asked_first_each_time() {
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let others = OtherNodes::at(&[format!("http://{gone}"), format!("http://{gone}")]).unwrap();
        assert!(others.ask(address(1), 10).is_none());
        assert!(others.nodes.iter().all(|node| node.rests_until().is_some_and(|until| until > Instant::now())));
        assert_eq!(others.first.load(Ordering::Relaxed), 1);
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
