//! Who asks, as an agent finds it out: by what its node has of researchers' introductions, and by the issuers it trusts.

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use circuits::id::{ChainId, QueryId};
use market::{
    agent::OpenQuery,
    introduction::{Introduction, KnownAsker},
    passport::TrustedIssuers,
};
use node::units::Timestamp;

use crate::{Error, chain::now, cli::Home, client::Remote};

/// How often a watching agent asks whether somebody introduced themselves since.
const NEWS_TIME: Duration = Duration::from_secs(10);

/// What an agent learns of who asks.
pub(super) struct Introductions {
    /// Where introductions are found; nowhere without a node.
    node: Option<Remote>,
    trust: Option<TrustedIssuers>,
}

impl Introductions {
    /// # Errors
    /// [`Error::Market`] for a file of trusted issuers that cannot be used.
    pub(super) fn new(home: &Home, trust: Option<&Path>) -> Result<Self, Error> {
        let node = home.url().map(Remote::new).transpose()?;
        Ok(Self { node, trust: trust.map(TrustedIssuers::open).transpose()? })
    }

    /// What a query's researcher introduces themselves with now, unchecked.
    ///
    /// # Errors
    /// [`Error::Unreachable`] and the node's refusals: who asks is not guessed.
    pub(super) fn find(&self, query: QueryId) -> Result<Option<Introduction>, Error> {
        self.node.as_ref().map_or(Ok(None), |node| node.introduction(query))
    }

    /// Lets each opened query be decided on by what was found of its researcher, and by the issuers trusted now.
    pub(super) fn introduce(&self, chain: &ChainId, open: &mut [OpenQuery], found: &[Option<Introduction>]) {
        for (opened, found) in open.iter_mut().zip(found) {
            let verified = found.clone().map(|found| found.verify(chain, opened.id(), opened.state()));
            let known = KnownAsker::of_query(opened.state(), verified, self.trust.as_ref(), now());
            opened.introduce(known);
        }
    }
}

/// When an introduction was written, if there is one.
pub(super) fn written(found: Option<&Introduction>) -> Option<Timestamp> {
    found.map(Introduction::written)
}

/// What a watching agent remembers of introductions between two looks.
#[derive(Default)]
pub(super) struct News {
    /// When the introduction was written by which each query was looked at last.
    seen: BTreeMap<QueryId, Option<Timestamp>>,
    asked: Option<Instant>,
}

impl News {
    /// Notes by which introduction a query is looked at.
    pub(super) fn note(&mut self, query: QueryId, found: Option<&Introduction>) {
        self.seen.insert(query, written(found));
    }

    /// Forgets the queries that ended.
    pub(super) fn retain(&mut self, known: &[QueryId]) {
        self.seen.retain(|query, _| known.contains(query));
    }

    /// Whether somebody introduced themselves since the last look, for one of these queries. The node is asked every ten
    /// seconds at most. A query about which it fails hides no other's news.
    ///
    /// # Errors
    /// As [`Introductions::find`], when there is no news of the others.
    pub(super) fn came(&mut self, introductions: &Introductions, known: &[QueryId]) -> Result<bool, Error> {
        if self.asked.is_some_and(|asked| asked.elapsed() < NEWS_TIME) {
            return Ok(false);
        }
        self.asked = Some(Instant::now());
        self.came_of(known, |query| introductions.find(query).map(|found| written(found.as_ref())))
    }

    fn came_of(
        &self,
        known: &[QueryId],
        ask: impl Fn(QueryId) -> Result<Option<Timestamp>, Error>,
    ) -> Result<bool, Error> {
        let mut failed = None;
        for query in known {
            match ask(*query) {
                Ok(now) if self.seen.get(query).copied().flatten() != now => return Ok(true),
                Ok(_) => {}
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(false), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_of_one_query_is_neither_lost_nor_hidden_when_the_node_fails_for_another() {
        let queries: Vec<_> = (1..=3).map(|byte| QueryId::from_bytes([byte; 32])).collect();
        let mut news = News::default();
        assert!(!news.came_of(&queries, |_| Ok(None)).unwrap());
        let said = Error::Stopping.to_string();
        let ask = |query: QueryId| {
            if query == queries[0] {
                return Err(Error::Stopping);
            }
            Ok((query == queries[2]).then_some(Timestamp::new(7)))
        };
        // Until a look notes it, it stays news.
        assert!(news.came_of(&queries, ask).unwrap());
        assert!(news.came_of(&queries, ask).unwrap());
        news.seen.insert(queries[2], Some(Timestamp::new(7)));
        assert_eq!(news.came_of(&queries, ask).unwrap_err().to_string(), said);
        news.retain(&queries[..2]);
        assert_eq!(news.seen.len(), 0);
    }
}
