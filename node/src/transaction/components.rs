//! Components: members report digests of what they computed; equal digests decide, and release pays.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    domain::{ByteTag, hash},
    id::{AccountId, Digest, QueryId},
    quorum::{Acceptance, MemberIndex, Quorum, SUBSETS_MAX, SubsetIndex, accept},
};
use serde::{Deserialize, Serialize};

use super::{pay::pay, refund::refund};
use crate::{
    Error,
    codec::check_length,
    event::Event,
    execute::{Context, query_error, require_member, require_query},
    genesis::Committee,
    query::PARTS_MAX,
    state::{ComponentVote, Draft, QueryState, QueryStatus, RefundReason, StateRead, committee_of},
};

/// What a member says of one component. All holders compute the same one, sealed with the same randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ComponentDigests {
    /// Digest of the component sealed to the researcher, as stored.
    pub sealed: Digest,
    /// Digest of the component once opened, so that the result can be verified later.
    pub opened: Digest,
}

impl ComponentDigests {
    fn joint(&self) -> Digest {
        hash(ByteTag::Component, &[b"vote", self.sealed.as_bytes(), self.opened.as_bytes()])
    }
}

/// A member's components for a query.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct SubmitComponents {
    /// The query.
    pub query: QueryId,
    /// For each part, one pair for each subset that the member holds, in the quorum's order.
    pub parts: Vec<Vec<ComponentDigests>>,
}

impl SubmitComponents {
    pub(super) fn check(&self) -> Result<(), Error> {
        check_length("component parts", self.parts.len(), PARTS_MAX)?;
        self.parts.iter().try_for_each(|part| check_length("components of a part", part.len(), SUBSETS_MAX))
    }

    pub(super) fn execute(
        &self,
        sender: AccountId,
        draft: &mut Draft<'_>,
        context: &Context<'_>,
    ) -> Result<Vec<Event>, Error> {
        let state = require_query(draft, self.query)?;
        let member = require_member(draft, state.committee, sender, "report components")?;
        if draft.suspension(sender)?.is_some() {
            let why = format!("member {member} is suspended for a false receipt; its components do not count");
            return Err(query_error(self.query, why));
        }
        self.check_due(member, &state, draft, context)?;
        draft.put_component_vote(self.query, member, &ComponentVote(self.parts.clone()))?;
        let mut events = vec![Event::ComponentsSubmitted { query: self.query, member }];
        events.extend(settle(self.query, state, draft, context)?);
        Ok(events)
    }

    fn check_due(
        &self,
        member: MemberIndex,
        state: &QueryState,
        draft: &Draft<'_>,
        context: &Context<'_>,
    ) -> Result<(), Error> {
        let refuse = |why: String| Err(query_error(self.query, why));
        let QueryStatus::Aggregated { height, .. } = &state.status else {
            return refuse("components are accepted only between its aggregate and its release or refund".into());
        };
        if context.height > height.after(state.query.release_blocks_max) {
            return refuse("the deadline for its release passed; it can only be refunded".into());
        }
        if draft.component_vote(self.query, member)?.is_some() {
            return refuse(format!("member {member} reported its components already"));
        }
        let held = committee_of(draft, state.committee)?.quorum.subsets_of(member).count();
        if self.parts.len() != state.query.parts.len() || self.parts.iter().any(|part| part.len() != held) {
            return refuse(format!("give {held} components for each of its {} parts", state.query.parts.len()));
        }
        Ok(())
    }
}

/// Where the votes on all components of a query stand.
struct Tally {
    accepted: Vec<Vec<Option<ComponentDigests>>>,
    liars: BTreeSet<MemberIndex>,
    disputed: bool,
}

fn tally(id: QueryId, parts: usize, committee: &Committee, draft: &Draft<'_>) -> Result<Tally, Error> {
    let quorum = &committee.quorum;
    let mut votes = BTreeMap::new();
    for member in quorum.all_members() {
        if draft.suspension(committee.member(member)?.account)?.is_none()
            && let Some(vote) = draft.component_vote(id, member)?
        {
            votes.insert(member, vote);
        }
    }
    let mut tally = Tally { accepted: vec![], liars: BTreeSet::new(), disputed: false };
    for part in 0..parts {
        let mut accepted = vec![];
        for subset in quorum.subsets() {
            let pairs: BTreeMap<MemberIndex, ComponentDigests> = votes
                .iter()
                .filter_map(|(member, vote)| Some((*member, vote_on(vote, part, subset, *member, quorum)?)))
                .collect();
            let joint = pairs.iter().map(|(member, pair)| (*member, pair.joint())).collect();
            accepted.push(match accept(quorum, subset, &joint)? {
                Acceptance::Accepted { digest, liars } => {
                    tally.liars.extend(liars);
                    pairs.into_values().find(|pair| pair.joint() == digest)
                }
                Acceptance::Pending => None,
                Acceptance::Disputed => {
                    tally.disputed = true;
                    None
                }
            });
        }
        tally.accepted.push(accepted);
    }
    Ok(tally)
}

fn vote_on(
    vote: &ComponentVote,
    part: usize,
    subset: SubsetIndex,
    member: MemberIndex,
    quorum: &Quorum,
) -> Option<ComponentDigests> {
    let place = quorum.subsets_of(member).position(|held| held == subset)?;
    vote.0.get(part)?.get(place).copied()
}

fn settle(
    id: QueryId,
    mut state: QueryState,
    draft: &mut Draft<'_>,
    context: &Context<'_>,
) -> Result<Vec<Event>, Error> {
    let tally = tally(id, state.query.parts.len(), &committee_of(draft, state.committee)?, draft)?;
    let known: BTreeSet<MemberIndex> = state.liars.iter().copied().collect();
    let named = tally.liars.difference(&known);
    let mut events: Vec<Event> = named.map(|member| Event::LiarNamed { query: id, member: *member }).collect();
    state.liars = known.union(&tally.liars).copied().collect();
    if tally.disputed {
        events.extend(refund(id, state, RefundReason::ComponentsDisputed, draft, context)?);
        return Ok(events);
    }
    let decided: Option<Vec<Vec<ComponentDigests>>> =
        tally.accepted.into_iter().map(|part| part.into_iter().collect()).collect();
    match (decided, state.status.clone()) {
        (Some(components), QueryStatus::Aggregated { set, aggregates, .. }) => {
            state.status = QueryStatus::Released { height: context.height, set, aggregates, components };
            count_privacy(&state, draft)?;
            events.extend(pay(id, state, draft)?);
        }
        _ => draft.put_query(id, &state)?,
    }
    Ok(events)
}

/// Adds a private release to the odometers of its study and its researcher.
fn count_privacy(state: &QueryState, draft: &mut Draft<'_>) -> Result<(), Error> {
    let Some(rho) = state.query.rho() else { return Ok(()) };
    let of_study = draft.study_odometer(state.query.study)?.unwrap_or_default();
    draft.put_study_odometer(state.query.study, &of_study.after(rho))?;
    let of_researcher = draft.researcher_odometer(state.researcher)?.unwrap_or_default();
    draft.put_researcher_odometer(state.researcher, &of_researcher.after(rho))
}
