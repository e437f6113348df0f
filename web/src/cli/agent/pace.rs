//! When answers are sent: each a random time after its query was seen, or after what its researcher introduces themselves
//! with was, so that neither the moment nor the order tells who sent it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use circuits::id::QueryId;
use node::units::{Epoch, Timestamp};
use rand::RngExt as _;

/// The moments drawn so far.
pub(super) struct Pace {
    delay_max: Duration,
    due: BTreeMap<QueryId, Drawn>,
}

/// The moments of one query's answers.
#[derive(Default)]
struct Drawn {
    /// When the introduction was written that the moments were drawn for, if there is one.
    written: Option<Timestamp>,
    moments: BTreeMap<PathBuf, Moment>,
}

struct Moment {
    due: Instant,
    /// The epoch in which the wallet was last decided for.
    decided: Option<Epoch>,
}

/// When a wallet is decided for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Its moment lies ahead.
    Waits,
    /// Now.
    Now,
    /// It was decided for in this epoch, by the same introduction.
    Over,
}

impl Pace {
    pub(super) const fn new(delay_max: Duration) -> Self {
        Self { delay_max, due: BTreeMap::new() }
    }

    /// Whether a wallet's answer to a query may be sent now, by an introduction that was written then, if there is one. Its
    /// moment is drawn when this is asked first, and anew for another introduction: it may change what a consent allows, and
    /// an answer at once would tell whose.
    pub(super) fn is_due(&mut self, wallet: &Path, query: QueryId, written: Option<Timestamp>) -> bool {
        let now = Instant::now();
        let drawn = self.due.entry(query).or_default();
        if drawn.written != written {
            *drawn = Drawn { written, ..Drawn::default() };
        }
        let moment = drawn.moments.entry(wallet.into()).or_insert_with(|| {
            let delay = if self.delay_max.is_zero() {
                Duration::ZERO
            } else {
                rand::rng().random_range(Duration::ZERO..self.delay_max)
            };
            Moment { due: now + delay, decided: None }
        });
        moment.due <= now
    }

    /// Whether a wallet is to be decided for in an epoch; otherwise as [`Pace::is_due`].
    pub(super) fn turn(&mut self, wallet: &Path, query: QueryId, (written, epoch): (Option<Timestamp>, Epoch)) -> Turn {
        if !self.is_due(wallet, query, written) {
            return Turn::Waits;
        }
        let moment = self.due.get(&query).and_then(|drawn| drawn.moments.get(wallet));
        if moment.is_some_and(|moment| moment.decided == Some(epoch)) { Turn::Over } else { Turn::Now }
    }

    /// Notes that a wallet was decided for in an epoch, and need not be again before the next or another introduction.
    pub(super) fn decided(&mut self, wallet: &Path, query: QueryId, epoch: Epoch) {
        if let Some(moment) = self.due.get_mut(&query).and_then(|drawn| drawn.moments.get_mut(wallet)) {
            moment.decided = Some(epoch);
        }
    }

    /// Forgets the queries that ended.
    pub(super) fn retain(&mut self, known: &[QueryId]) {
        self.due.retain(|query, _| known.contains(query));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(byte: u8) -> QueryId {
        QueryId::from_bytes([byte; 32])
    }

    #[test]
    fn without_a_delay_every_answer_is_due_at_once() {
        assert!(Pace::new(Duration::ZERO).is_due(Path::new("a"), query(1), None));
    }

    #[test]
    fn an_answers_moment_is_drawn_once_and_lies_within_the_delay() {
        let mut pace = Pace::new(Duration::from_secs(3_600));
        let drawn = |pace: &mut Pace, wallet: &str| {
            pace.is_due(Path::new(wallet), query(1), None);
            pace.due[&query(1)].moments[Path::new(wallet)].due
        };
        let first = drawn(&mut pace, "a");
        assert_eq!(drawn(&mut pace, "a"), first);
        assert!(first < Instant::now() + Duration::from_secs(3_600));
        let others: Vec<_> = (0..20).map(|number| drawn(&mut pace, &number.to_string())).collect();
        assert!(
            others.iter().any(|other| other.duration_since(first) > Duration::from_secs(1))
                || others.iter().any(|other| first.duration_since(*other) > Duration::from_secs(1))
        );
    }

    #[test]
    fn another_introduction_draws_every_moment_anew() {
        let mut pace = Pace::new(Duration::from_secs(3_600));
        let wallets: Vec<_> = (0..20).map(|number| PathBuf::from(number.to_string())).collect();
        let mut drawn = |written: Option<Timestamp>| -> Vec<Instant> {
            let moment = |wallet: &PathBuf| {
                pace.is_due(wallet, query(1), written);
                pace.due[&query(1)].moments[wallet].due
            };
            wallets.iter().map(moment).collect()
        };
        let (unknown, first) = (drawn(None), drawn(Some(Timestamp::new(7))));
        assert_eq!(drawn(Some(Timestamp::new(7))), first);
        let second = drawn(Some(Timestamp::new(8)));
        for (one, other) in [(&unknown, &first), (&first, &second)] {
            assert!(one.iter().zip(other).all(|(one, other)| one != other), "one was kept");
        }
    }

    #[test]
    fn a_wallet_is_decided_for_once_in_an_epoch_and_by_each_introduction() {
        let mut pace = Pace::new(Duration::ZERO);
        let (wallet, epoch, next) = (Path::new("a"), Epoch::new(3), Epoch::new(4));
        let (first, second) = (None, Some(Timestamp::new(7)));
        assert_eq!(pace.turn(wallet, query(1), (first, epoch)), Turn::Now);
        assert_eq!(pace.turn(wallet, query(1), (first, epoch)), Turn::Now);
        pace.decided(wallet, query(1), epoch);
        assert_eq!(pace.turn(wallet, query(1), (first, epoch)), Turn::Over);
        assert_eq!(pace.turn(wallet, query(2), (first, epoch)), Turn::Now);
        assert_eq!(pace.turn(wallet, query(1), (first, next)), Turn::Now);
        assert_eq!(pace.turn(wallet, query(1), (second, epoch)), Turn::Now);
        let mut waiting = Pace::new(Duration::from_secs(1 << 40));
        assert_eq!(waiting.turn(wallet, query(1), (None, epoch)), Turn::Waits);
    }

    #[test]
    fn a_query_that_ended_is_forgotten() {
        let mut pace = Pace::new(Duration::ZERO);
        pace.is_due(Path::new("a"), query(1), None);
        pace.is_due(Path::new("a"), query(2), None);
        pace.retain(&[query(2)]);
        assert_eq!(pace.due.keys().copied().collect::<Vec<_>>(), [query(2)]);
    }
}
