//! When answers are sent: each a random time after its query was seen, and once more after an epoch began that may change
//! whether it is sent, so that neither the moment nor the order tells who sent it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use circuits::id::QueryId;
use node::units::Epoch;
use rand::RngExt as _;

/// The moments drawn so far.
pub(super) struct Pace {
    delay_max: Duration,
    moments: BTreeMap<QueryId, BTreeMap<PathBuf, Moment>>,
}

struct Moment {
    due: Instant,
    /// The epoch in which the wallet was decided for at this moment.
    decided: Option<Epoch>,
}

/// When a wallet is decided for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Its moment lies ahead.
    Waits,
    /// Now.
    Now,
    /// It was decided for in this epoch.
    Over,
}

impl Pace {
    pub(super) const fn new(delay_max: Duration) -> Self {
        Self { delay_max, moments: BTreeMap::new() }
    }

    /// Whether a wallet is decided for now. Its moment is drawn when this is asked first, and anew once an epoch has begun
    /// since it was decided for: new records, changed consents and what a researcher shows count from there, and an answer at
    /// once would tell whose they are.
    pub(super) fn turn(&mut self, wallet: &Path, query: QueryId, epoch: Epoch) -> Turn {
        let now = Instant::now();
        let moments = self.moments.entry(query).or_default();
        let stale = |moment: &&Moment| moment.decided.is_some_and(|decided| decided != epoch);
        if moments.get(wallet).filter(|moment| !stale(moment)).is_none() {
            let delay = match self.delay_max {
                Duration::ZERO => Duration::ZERO,
                longest => rand::rng().random_range(Duration::ZERO..longest),
            };
            moments.insert(wallet.into(), Moment { due: now + delay, decided: None });
        }
        match moments.get(wallet) {
            Some(Moment { decided: Some(_), .. }) => Turn::Over,
            Some(Moment { due, .. }) if *due > now => Turn::Waits,
            _ => Turn::Now,
        }
    }

    /// Notes that a wallet was decided for in an epoch, and need not be again before the next.
    pub(super) fn decided(&mut self, wallet: &Path, query: QueryId, epoch: Epoch) {
        if let Some(moment) = self.moments.get_mut(&query).and_then(|moments| moments.get_mut(wallet)) {
            moment.decided = Some(epoch);
        }
    }

    /// Has every wallet's moment for a query drawn again.
    pub(super) fn draw_again(&mut self, query: QueryId) {
        self.moments.remove(&query);
    }

    /// Forgets the queries that ended.
    pub(super) fn retain(&mut self, known: &[QueryId]) {
        self.moments.retain(|query, _| known.contains(query));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(byte: u8) -> QueryId {
        QueryId::from_bytes([byte; 32])
    }

    const EPOCH: Epoch = Epoch::new(3);

    #[test]
    fn without_a_delay_every_answer_is_due_at_once() {
        assert_eq!(Pace::new(Duration::ZERO).turn(Path::new("a"), query(1), EPOCH), Turn::Now);
    }

    #[test]
    fn an_answers_moment_is_drawn_once_and_lies_within_the_delay() {
        let mut pace = Pace::new(Duration::from_secs(3_600));
        let drawn = |pace: &mut Pace, wallet: &str, epoch| {
            pace.turn(Path::new(wallet), query(1), epoch);
            pace.moments[&query(1)][Path::new(wallet)].due
        };
        let first = drawn(&mut pace, "a", EPOCH);
        assert_eq!(drawn(&mut pace, "a", EPOCH), first);
        assert_eq!(drawn(&mut pace, "a", Epoch::new(4)), first, "who waits goes on waiting");
        assert!(first < Instant::now() + Duration::from_secs(3_600));
        let others: Vec<_> = (0..20).map(|number| drawn(&mut pace, &number.to_string(), EPOCH)).collect();
        assert!(
            others.iter().any(|other| other.duration_since(first) > Duration::from_secs(1))
                || others.iter().any(|other| first.duration_since(*other) > Duration::from_secs(1))
        );
    }

    #[test]
    fn repro_whoever_was_decided_for_waits_a_random_time_again_in_the_next_epoch() {
        let mut pace = Pace::new(Duration::from_secs(3_600));
        let wallets: Vec<_> = (0..20).map(|number| PathBuf::from(number.to_string())).collect();
        let mut drawn = |epoch: Epoch| -> Vec<Instant> {
            let moment = |wallet: &PathBuf| {
                assert_eq!(pace.turn(wallet, query(1), epoch), Turn::Waits);
                let due = pace.moments[&query(1)][wallet].due;
                pace.decided(wallet, query(1), epoch);
                due
            };
            wallets.iter().map(moment).collect()
        };
        let (first, second) = (drawn(EPOCH), drawn(Epoch::new(4)));
        assert!(first.iter().zip(&second).all(|(first, second)| first != second), "one was kept");
        assert!(!second.is_sorted(), "the order is the folder's");
    }

    #[test]
    fn a_wallet_is_decided_for_once_in_an_epoch() {
        let mut pace = Pace::new(Duration::ZERO);
        let wallet = Path::new("a");
        assert_eq!(pace.turn(wallet, query(1), EPOCH), Turn::Now);
        assert_eq!(pace.turn(wallet, query(1), EPOCH), Turn::Now);
        pace.decided(wallet, query(1), EPOCH);
        assert_eq!(pace.turn(wallet, query(1), EPOCH), Turn::Over);
        assert_eq!(pace.turn(wallet, query(2), EPOCH), Turn::Now);
        assert_eq!(pace.turn(wallet, query(1), Epoch::new(4)), Turn::Now);
    }

    #[test]
    fn a_query_that_ended_is_forgotten() {
        let mut pace = Pace::new(Duration::ZERO);
        pace.turn(Path::new("a"), query(1), EPOCH);
        pace.turn(Path::new("a"), query(2), EPOCH);
        pace.retain(&[query(2)]);
        assert_eq!(pace.moments.keys().copied().collect::<Vec<_>>(), [query(2)]);
    }
}
