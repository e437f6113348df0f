//! Other nodes of the consortium, asked for the blobs that this one lacks, within bounds.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use circuits::id::Digest;
use market::objects::{BlobAddress, BlobKind, check_digest};
use node::units::Height;

use super::lanes::{Lane, Lanes};
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
/// How long one that cannot be reached is left alone, in the lane in which it was asked.
const REST_TIME: Duration = Duration::from_secs(15);
/// How long a node without the blob may take to say so, before it is left alone as one that cannot be reached.
const SLOW_TIME: Duration = Duration::from_secs(5);
/// An absence that took longer is slow, though not yet as slow as that.
const SLOWISH_TIME: Duration = Duration::from_secs(1);
/// After so many slow absences in a row, in a lane, a node is left alone too: whoever reads blob by blob waits for each.
const SLOWISH_MAX: u32 = 4;
/// How long one that answers otherwise than with a blob, or that it has none, is not asked for that blob.
const ASIDE_TIME: Duration = Duration::from_secs(15);
/// Blobs for which a node is not asked of which it is remembered.
const ASIDE_MAX: usize = 1_024;

/// Other nodes, asked in turn.
#[derive(Debug, Default)]
pub struct OtherNodes {
    nodes: Vec<OtherNode>,
    /// Which one is asked first, so that none stands before the others for good.
    first: AtomicUsize,
    pub(super) named: Named,
    pub(super) lanes: Lanes,
}

#[derive(Debug)]
struct OtherNode {
    remote: Remote,
    standing: Mutex<Standing>,
}

/// What a node is not asked for, until when.
#[derive(Debug, Default)]
struct Standing {
    /// Anything of a lane.
    rests: BTreeMap<Lane, Instant>,
    /// Slow absences in a row.
    slowish: BTreeMap<Lane, u32>,
    /// One blob.
    aside: BTreeMap<BlobAddress, Instant>,
}

/// What other nodes said of a blob.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is here now.
    Has(Vec<u8>),
    /// All said that they have none.
    Lack,
    /// Some were not asked, or failed.
    Unsure,
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
        let node = |url: &String| Ok(OtherNode { remote: Remote::new(url)?, standing: Mutex::default() });
        Ok(Self { nodes: urls.iter().map(node).collect::<Result<_, Error>>()?, ..Self::default() })
    }

    /// Whether there are none.
    pub(super) fn is_none(&self) -> bool {
        self.nodes.is_empty()
    }

    /// A blob that one of them has, of at most `bytes_max` bytes and with the digest of its address. Each answers from its own
    /// store alone.
    pub(super) fn ask(&self, lane: Lane, address: BlobAddress, bytes_max: usize) -> Answer {
        let (started, count) = (Instant::now(), self.nodes.len());
        let first = self.first.fetch_add(1, Ordering::Relaxed).checked_rem(count).unwrap_or_default();
        let mut all_lack = true;
        for node in self.nodes.iter().cycle().skip(first).take(count) {
            if started.elapsed() >= FETCH_TIME_MAX {
                return Answer::Unsure;
            }
            match node.ask(lane, address, bytes_max) {
                Answer::Has(bytes) => return Answer::Has(bytes),
                Answer::Lack => {}
                Answer::Unsure => all_lack = false,
            }
        }
        if all_lack { Answer::Lack } else { Answer::Unsure }
    }
}

impl OtherNode {
    fn ask(&self, lane: Lane, address: BlobAddress, bytes_max: usize) -> Answer {
        if self.standing().keeps_from(lane, address) {
            return Answer::Unsure;
        }
        let path = format!("/v1/blobs/{}/{}?own=true", address.kind.name(), address.digest);
        let started = Instant::now();
        let asked = within(ASK_TIME_MAX, || self.remote.bytes(&path, bytes_max));
        let checked = asked.and_then(|found| {
            found.map(|bytes| check_digest(address, &bytes).map(|()| bytes)).transpose().map_err(Error::Market)
        });
        match checked {
            Ok(Some(bytes)) => {
                self.standing().slowish.remove(&lane);
                return Answer::Has(bytes);
            }
            Ok(None) => {
                let is_slow = self.standing().is_slow(lane, started.elapsed());
                if is_slow {
                    self.rest(lane, &"it is slow to say what it lacks");
                }
                return Answer::Lack;
            }
            // Who is down is down for every blob; any other refusal says nothing of the next one.
            Err(error @ Error::Unreachable { .. }) => self.rest(lane, &error),
            Err(error) => self.put_aside(address, &error),
        }
        Answer::Unsure
    }

    fn rest(&self, lane: Lane, why: &dyn fmt::Display) {
        tracing::warn!(url = self.remote.url(), %why, ?lane, "another node is not asked for blobs for a while");
        self.standing().rests.insert(lane, Instant::now() + REST_TIME);
    }

    fn put_aside(&self, address: BlobAddress, why: &dyn fmt::Display) {
        tracing::warn!(url = self.remote.url(), %why, %address, "another node is not asked for this blob for a while");
        let (mut standing, now) = (self.standing(), Instant::now());
        standing.aside.retain(|_, until| now < *until);
        if standing.aside.len() < ASIDE_MAX {
            standing.aside.insert(address, now + ASIDE_TIME);
        }
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Standing {
    /// Whether a node is slow to say what it lacks, which took it so long this time.
    fn is_slow(&mut self, lane: Lane, took: Duration) -> bool {
        let before = self.slowish.remove(&lane).unwrap_or_default();
        let in_a_row = if took > SLOWISH_TIME { before + 1 } else { 0 };
        let is_slow = took > SLOW_TIME || in_a_row >= SLOWISH_MAX;
        if !is_slow && in_a_row > 0 {
            self.slowish.insert(lane, in_a_row);
        }
        is_slow
    }

    fn keeps_from(&self, lane: Lane, address: BlobAddress) -> bool {
        let now = Instant::now();
        [self.rests.get(&lane), self.aside.get(&address)].into_iter().flatten().any(|until| now < *until)
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

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};

    use super::*;

    fn address(number: usize) -> BlobAddress {
        BlobAddress::of(BlobKind::Blob, &number.to_le_bytes())
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
    fn a_node_that_cannot_be_reached_rests_in_that_lane_and_another_is_asked_first_each_time() {
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let others = OtherNodes::at(&[format!("http://{gone}"), format!("http://{gone}")]).unwrap();
        assert_eq!(others.ask(Lane::Rest, address(1), 10), Answer::Unsure);
        for node in &others.nodes {
            let standing = node.standing();
            assert!(standing.keeps_from(Lane::Rest, address(2)), "{standing:?}");
            assert!(!standing.keeps_from(Lane::KeyMessage, address(1)), "{standing:?}");
        }
        assert_eq!(others.first.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn repro_a_node_that_is_rather_slow_again_and_again_is_left_alone_as_one_that_is_very_slow_once() {
        let mut standing = Standing::default();
        let (quick, slowish, slow) = (SLOWISH_TIME, SLOW_TIME, SLOW_TIME + Duration::from_millis(1));
        assert!(standing.is_slow(Lane::Rest, slow));
        let mut is_slow = |lane, took| standing.is_slow(lane, took);
        for _ in 1..SLOWISH_MAX {
            assert!(!is_slow(Lane::Rest, slowish) && !is_slow(Lane::Awaited, slowish));
        }
        assert!(!is_slow(Lane::Rest, quick) && !is_slow(Lane::Rest, slowish), "those before a quick one still count");
        assert!(is_slow(Lane::Awaited, slowish) && !is_slow(Lane::Awaited, slowish), "each lane has its own count");
    }

    #[test]
    fn repro_a_node_that_refuses_one_blob_is_asked_for_all_others() {
        for (status, body) in [("500", "broken"), ("429", "too many"), ("200", "other bytes")] {
            let others = OtherNodes::at(&[answering(status, body)]).unwrap();
            assert_eq!(others.ask(Lane::Rest, address(1), 100), Answer::Unsure, "{status}");
            let standing = others.nodes[0].standing();
            assert!(standing.rests.is_empty() && standing.keeps_from(Lane::KeyMessage, address(1)), "{standing:?}");
            assert!(!standing.keeps_from(Lane::Rest, address(2)), "{standing:?}");
        }
    }

    #[test]
    fn so_many_blobs_are_put_aside_at_most() {
        let others = OtherNodes::at(&["http://127.0.0.1:1".into()]).unwrap();
        (0..=ASIDE_MAX).for_each(|number| others.nodes[0].put_aside(address(number), &"as a test would"));
        assert_eq!(others.nodes[0].standing().aside.len(), ASIDE_MAX);
    }

    /// A server that answers one request like this.
    fn answering(status: &str, body: &str) -> String {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let length = body.len();
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
        let reply = head + body;
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            lines.take_while(|line| !line.is_empty()).for_each(drop);
            stream.write_all(reply.as_bytes()).unwrap();
        });
        url
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
