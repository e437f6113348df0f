//! What came out of a study, and its end.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::id::{AccountId, Digest, QueryId, StudyId};
use serde::{Deserialize, Serialize};

use super::{
    amend_study::{require_own_study, require_study},
    study::TEXT_BYTES_MAX,
};
use crate::{
    Error,
    codec::check_length,
    event::Event,
    execute::{Context, query_error, require_query},
    state::{Draft, Outcome, QueryStatus, StateRead},
    units::OutcomeIndex,
};

/// Outcomes of a study.
pub const OUTCOMES_MAX: u32 = 64;
/// Queries that an outcome may rest on.
pub const OUTCOME_QUERIES_MAX: usize = 64;

/// What a study says came out of queries released for it. Also after the study is closed, and by a researcher who may no
/// longer ask: results are owed to those who contributed.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct PostOutcome {
    /// The study.
    pub study: StudyId,
    /// SHA-256 of the outcome document.
    pub document: Digest,
    /// The outcome in a few sentences, for people.
    pub summary: String,
    /// The released queries that it rests on.
    pub queries: Vec<QueryId>,
}

impl PostOutcome {
    pub(super) fn check(&self) -> Result<(), Error> {
        let refuse = |why: &str| Err(Error::Refused { what: "outcome", why: why.into() });
        check_length("outcome summary in bytes", self.summary.len(), TEXT_BYTES_MAX)?;
        check_length("outcome queries", self.queries.len(), OUTCOME_QUERIES_MAX)?;
        if self.summary.is_empty() || self.queries.is_empty() {
            return refuse("give a summary and the released queries that it rests on");
        }
        if self.queries.iter().collect::<BTreeSet<_>>().len() != self.queries.len() {
            return refuse("a query is listed twice; list each once");
        }
        Ok(())
    }

    pub(super) fn execute(
        &self,
        sender: AccountId,
        draft: &mut Draft<'_>,
        context: &Context<'_>,
    ) -> Result<Vec<Event>, Error> {
        let mut study = require_study(self.study, draft)?;
        if study.researcher != sender {
            let remedy = "the researcher who registered the study does";
            return Err(Error::Unauthorized { account: sender, action: "post an outcome of this study", remedy });
        }
        self.queries.iter().try_for_each(|query| self.check_query(*query, draft))?;
        if study.outcomes >= OUTCOMES_MAX {
            let why = format!("the study posted {OUTCOMES_MAX}, the most there are");
            return Err(Error::Refused { what: "outcome", why });
        }
        self.check_new(study.outcomes, draft)?;
        let index = OutcomeIndex::new(study.outcomes);
        let outcome = Outcome {
            document: self.document,
            summary: self.summary.clone(),
            queries: self.queries.clone(),
            height: context.height,
        };
        study.outcomes = study.outcomes.saturating_add(1);
        draft.put_outcome(self.study, index, &outcome)?;
        draft.put_study(self.study, &study)?;
        Ok(vec![Event::OutcomePosted { study: self.study, outcome: index, document: self.document }])
    }

    fn check_query(&self, id: QueryId, draft: &Draft<'_>) -> Result<(), Error> {
        let state = require_query(draft, id)?;
        if state.query.study != self.study {
            return Err(query_error(id, format!("it is of study {}, not of this one", state.query.study)));
        }
        match state.status {
            QueryStatus::Released { .. } => Ok(()),
            _ => Err(query_error(id, "it was not released; an outcome rests on released queries")),
        }
    }

    fn check_new(&self, posted: u32, draft: &Draft<'_>) -> Result<(), Error> {
        for index in (0..posted).map(OutcomeIndex::new) {
            if draft.outcome(self.study, index)?.is_some_and(|outcome| outcome.document == self.document) {
                let (id, remedy) = (self.document.to_string(), "post a document that says something else");
                return Err(Error::Duplicate { what: "outcome", id, remedy });
            }
        }
        Ok(())
    }
}

/// Closes a study: nothing opens for it any more. What is in flight finishes, and outcomes may follow.
pub(super) fn close(
    id: StudyId,
    sender: AccountId,
    draft: &mut Draft<'_>,
    context: &Context<'_>,
) -> Result<Vec<Event>, Error> {
    let mut study = require_own_study(id, sender, "close this study", draft)?;
    study.closed = Some(context.height);
    draft.put_study(id, &study)?;
    Ok(vec![Event::StudyClosed { study: id }])
}
