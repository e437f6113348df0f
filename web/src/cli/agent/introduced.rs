//! Who asks, as an agent finds it out: by what its node has of researchers' introductions, and by the issuers it trusts.

use std::{collections::BTreeMap, path::Path};

use circuits::id::{ChainId, QueryId};
use market::{
    agent::OpenQuery,
    introduction::{Introduction, KnownAsker},
    passport::TrustedIssuers,
    recruitment::OpenScreening,
};

use crate::{Error, chain::now, cli::Home, client::Remote};

/// What the researchers of queries introduce themselves with, as far as it was asked for.
pub(super) type Found = BTreeMap<QueryId, Option<Introduction>>;

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

    /// Lets an opened screening be decided on by the issuers trusted now.
    pub(super) fn of_sponsor(&self, mut opened: OpenScreening) -> OpenScreening {
        let known = KnownAsker::of_screening(opened.state(), self.trust.as_ref(), now());
        opened.introduce(known);
        opened
    }

    /// What a query's researcher introduces themselves with now, unchecked.
    ///
    /// # Errors
    /// [`Error::Unreachable`] and the node's refusals: who asks is not guessed.
    pub(super) fn find(&self, query: QueryId) -> Result<Option<Introduction>, Error> {
        self.node.as_ref().map_or(Ok(None), |node| node.introduction(query))
    }

    /// Lets each opened query be decided on by what was found of its researcher, and by the issuers trusted now.
    pub(super) fn introduce(&self, chain: &ChainId, open: &mut [OpenQuery], found: &Found) {
        for opened in open {
            let found = found.get(&opened.id()).cloned().flatten();
            let verified = found.map(|found| found.verify(chain, opened.id(), opened.state()));
            let known = KnownAsker::of_query(opened.state(), verified, self.trust.as_ref(), now());
            opened.introduce(known);
        }
    }
}
