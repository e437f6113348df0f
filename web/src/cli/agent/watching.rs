//! What a watching agent remembers, and what is due of it.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    time::{Duration, Instant},
};

use circuits::id::QueryId;
use market::{
    agent::OpenQuery,
    introduction::Introduction,
    ledger::{LedgerAccess, QueryWatch, require_query},
};
use node::{state::QueryStatus, units::Epoch};

use super::{
    introduced::{Found, Introductions},
    pace::{Pace, Turn},
};
use crate::Error;

/// How long an agent that waits for nothing else waits before it asks again who asks: at first, and after many times in vain.
const ASK_AGAIN_TIMES: [Duration; 2] = [Duration::from_secs(10), Duration::from_secs(600)];

/// A wallet, and the places of the queries, or of the screenings, to answer among the open ones.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) path: PathBuf,
    pub(super) queries: Vec<usize>,
}

/// What a watching agent remembers between two looks.
pub(super) struct Watching {
    pub(super) queries: QueryWatch,
    /// Every query that it told of: it may tell of one again.
    pub(super) told: BTreeSet<QueryId>,
    /// When each answer may be sent.
    pub(super) pace: Pace,
    /// Queries that opened and may still collect.
    pub(super) known: Vec<QueryId>,
    /// Those that collect, opened.
    pub(super) open: Vec<OpenQuery>,
    /// The epoch of the last look.
    pub(super) epoch: Option<Epoch>,
    /// What the researchers of open queries showed in that epoch.
    pub(super) found: Found,
    /// When it last asked who asks, and how long it waits then before it asks again.
    asked: Option<Instant>,
    ask_again: Duration,
    /// The epoch in which every known query was answered for every wallet.
    pub(super) seen: Option<Epoch>,
    /// Digests of what was printed, by query, so that nothing is printed twice.
    pub(super) printed: BTreeSet<(QueryId, [u8; 32])>,
}

impl Watching {
    pub(super) fn new(delay_max: Duration) -> Self {
        Self {
            queries: QueryWatch::default(),
            told: BTreeSet::new(),
            pace: Pace::new(delay_max),
            known: vec![],
            open: vec![],
            epoch: None,
            found: Found::new(),
            asked: None,
            ask_again: ASK_AGAIN_TIMES[0],
            seen: None,
            printed: BTreeSet::new(),
        }
    }

    /// Asks what researchers show who were not asked in this epoch, and again who showed nothing while nobody answers: then
    /// it tells of nobody. The last failure, if there is one.
    pub(super) fn ask_who_asks(&mut self, introductions: &Introductions) -> Option<Error> {
        let mut failure = None;
        let (now, [first, longest]) = (Instant::now(), ASK_AGAIN_TIMES);
        let again = self.is_time(now);
        if again {
            self.ask_again = self.asked.map_or(first, |_| (self.ask_again * 2).min(longest));
            self.asked = Some(now);
        }
        for opened in &self.open {
            let query = opened.id();
            let asked = self.found.get(&query);
            if !is_unknown(asked, opened.state().admitted) || (asked.is_some() && !again) {
                continue;
            }
            match introductions.find(query) {
                Ok(found) => {
                    if asked.is_some() && found.is_some() {
                        self.pace.draw_again(query);
                    }
                    self.found.insert(query, found);
                }
                Err(error) => failure = Some(error),
            }
        }
        failure
    }

    /// Whether a look is due though everything was answered in this epoch: somebody who showed nothing may show something now.
    pub(super) fn asks_again(&self, now: Instant) -> bool {
        let is_unknown = |opened: &OpenQuery| is_unknown(self.found.get(&opened.id()), opened.state().admitted);
        self.is_time(now) && self.open.iter().any(is_unknown)
    }

    /// Whether it is time to ask again who showed nothing.
    fn is_time(&self, now: Instant) -> bool {
        self.asked.is_none_or(|asked| now.saturating_duration_since(asked) >= self.ask_again)
    }

    /// Notes queries that opened.
    pub(super) fn opened(&mut self, queries: Vec<QueryId>) {
        self.seen = None;
        self.asked = None;
        self.known.extend(queries);
    }

    /// What to decide on now, and whether anything waits for its moment.
    pub(super) fn due(&mut self, wallets: Vec<PathBuf>, epoch: Epoch) -> (Vec<Task>, bool) {
        let (mut due, mut waits) = (vec![], false);
        for path in wallets {
            let mut queries = vec![];
            for (place, opened) in
                self.open.iter().enumerate().filter(|(_, opened)| self.found.contains_key(&opened.id()))
            {
                match self.pace.turn(&path, opened.id(), epoch) {
                    Turn::Waits => waits = true,
                    Turn::Now => queries.push(place),
                    Turn::Over => {}
                }
            }
            if !queries.is_empty() {
                due.push(Task { path, queries });
            }
        }
        (due, waits)
    }

    /// Forgets what it knew of queries that no longer collect.
    pub(super) fn forget_ended(&mut self) {
        self.printed.retain(|(query, _)| self.known.contains(query));
        self.found.retain(|query, _| self.known.contains(query));
        self.pace.retain(&self.known);
    }
}

/// Whether to ask who asks: nobody was asked in this epoch, or nothing was shown and nobody answers, which tells of nobody.
fn is_unknown(asked: Option<&Option<Introduction>>, admitted: u32) -> bool {
    asked.is_none_or(|found| found.is_none() && admitted == 0)
}

/// The queries that still collect, as they are now, those opened before among them; the others are forgotten.
pub(super) fn open_collecting(
    ledger: &dyn LedgerAccess,
    queries: &mut Vec<QueryId>,
    mut open: Vec<OpenQuery>,
) -> Result<Vec<OpenQuery>, Error> {
    open.iter_mut().try_for_each(|opened| opened.refresh(ledger))?;
    for query in queries.iter() {
        if open.iter().all(|opened| opened.id() != *query)
            && require_query(ledger, *query)?.status == QueryStatus::Collecting
        {
            open.push(OpenQuery::fetch(ledger, *query)?);
        }
    }
    open.retain(|opened| opened.state().status == QueryStatus::Collecting);
    *queries = open.iter().map(OpenQuery::id).collect();
    Ok(open)
}
