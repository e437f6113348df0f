//! Who asks, as an agent finds it out: by what its node has of researchers' introductions, and by the issuers it trusts.

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use circuits::id::{ChainId, QueryId};
use market::{agent::OpenQuery, introduction::KnownAsker, passport::TrustedIssuers};
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

    /// Lets each opened query be decided on by what is known of its researcher now.
    ///
    /// # Errors
    /// [`Error::Unreachable`] and the node's refusals: who asks is not guessed.
    pub(super) fn introduce(&self, chain: &ChainId, open: &mut [OpenQuery]) -> Result<(), Error> {
        for opened in open {
            let found = self.node.as_ref().map_or(Ok(None), |node| node.introduction(opened.id()))?;
            let verified = found.map(|found| found.verify(chain, opened.id(), opened.state()));
            let known = KnownAsker::of_query(opened.state(), verified, self.trust.as_ref(), now());
            opened.introduce(known);
        }
        Ok(())
    }

    /// When the introduction of a query was written, if there is one.
    fn written(&self, query: QueryId) -> Result<Option<Timestamp>, Error> {
        let found = self.node.as_ref().map_or(Ok(None), |node| node.introduction(query))?;
        Ok(found.map(|found| found.written()))
    }
}

/// What a watching agent remembers of introductions between two looks.
#[derive(Default)]
pub(super) struct News {
    written: BTreeMap<QueryId, Option<Timestamp>>,
    asked: Option<Instant>,
}

impl News {
    /// Whether somebody introduced themselves since this was asked last, for one of these queries. The node is asked every
    /// ten seconds at most.
    ///
    /// # Errors
    /// As [`Introductions::introduce`].
    pub(super) fn came(&mut self, introductions: &Introductions, known: &[QueryId]) -> Result<bool, Error> {
        if self.asked.is_some_and(|asked| asked.elapsed() < NEWS_TIME) {
            return Ok(false);
        }
        self.asked = Some(Instant::now());
        self.written.retain(|query, _| known.contains(query));
        let mut came = false;
        for query in known {
            let written = introductions.written(*query)?;
            came |= self.written.insert(*query, written).unwrap_or_default() != written;
        }
        Ok(came)
    }
}
