//! When answers are sent: each a random time after its query was seen, so that neither the moment nor the order tells who
//! sent it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use circuits::id::QueryId;
use rand::RngExt as _;

/// The moments drawn so far.
pub(super) struct Pace {
    delay_max: Duration,
    due: BTreeMap<QueryId, BTreeMap<PathBuf, Instant>>,
}

impl Pace {
    pub(super) const fn new(delay_max: Duration) -> Self {
        Self { delay_max, due: BTreeMap::new() }
    }

    /// Whether a wallet's answer to a query may be sent now. Its moment is drawn when this is asked first.
    pub(super) fn is_due(&mut self, wallet: &Path, query: QueryId) -> bool {
        let now = Instant::now();
        let of_query = self.due.entry(query).or_default();
        let due = of_query.entry(wallet.into()).or_insert_with(|| {
            let delay = if self.delay_max.is_zero() {
                Duration::ZERO
            } else {
                rand::rng().random_range(Duration::ZERO..self.delay_max)
            };
            now + delay
        });
        *due <= now
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
        assert!(Pace::new(Duration::ZERO).is_due(Path::new("a"), query(1)));
    }

    #[test]
    fn an_answers_moment_is_drawn_once_and_lies_within_the_delay() {
        let mut pace = Pace::new(Duration::from_secs(3_600));
        let drawn = |pace: &mut Pace, wallet: &str| {
            pace.is_due(Path::new(wallet), query(1));
            pace.due[&query(1)][Path::new(wallet)]
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
    fn a_query_that_ended_is_forgotten() {
        let mut pace = Pace::new(Duration::ZERO);
        pace.is_due(Path::new("a"), query(1));
        pace.is_due(Path::new("a"), query(2));
        pace.retain(&[query(2)]);
        assert_eq!(pace.due.keys().copied().collect::<Vec<_>>(), [query(2)]);
    }
}
