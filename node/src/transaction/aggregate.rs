//! The aggregate: the sum of the frozen set, signed by a threshold of the committee.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    domain::{ByteTag, hash},
    id::{ChainId, Digest, QueryId},
    quorum::{MEMBERS_MAX, MemberIndex},
};
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    codec::check_length,
    event::Event,
    execute::{Context, query_error, require_query},
    genesis::Committee,
    query::PARTS_MAX,
    signature::{self, Signature},
    state::{ContributionState, Draft, QueryStatus, StateRead, committee_of},
    units::ContributionIndex,
};

/// A committee member's signature of an aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct MemberSignature {
    /// Who signed.
    pub member: MemberIndex,
    /// Over [`aggregate_message`].
    pub signature: Signature,
}

/// The sum of every part over the frozen set. Anyone may bring it: the signatures carry it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Aggregate {
    /// The query.
    pub query: QueryId,
    /// Digest of the set that was added up.
    pub set: Digest,
    /// Digest of the sum of each part.
    pub parts: Vec<Digest>,
    /// Signatures of at least `t` distinct members.
    pub signatures: Vec<MemberSignature>,
}

/// Digest of a query's surviving contributions in order of admission: index, payout key and every part's ciphertext.
/// Counts come first and with each entry, so that no two lists share an encoding.
#[must_use]
pub fn contribution_set_digest<'a>(
    query: &QueryId,
    surviving: impl IntoIterator<Item = (ContributionIndex, &'a ContributionState)>,
) -> Digest {
    let mut listing = vec![];
    let mut count = 0u64;
    for (index, contribution) in surviving {
        count += 1;
        listing.extend_from_slice(&(contribution.parts.len() as u64).to_le_bytes());
        listing.extend_from_slice(&index.get().to_le_bytes());
        listing.extend_from_slice(contribution.payout.as_bytes());
        contribution.parts.iter().for_each(|part| listing.extend_from_slice(part.ciphertext.as_bytes()));
    }
    hash(ByteTag::Aggregate, &[b"set", query.as_bytes(), &count.to_le_bytes(), &listing])
}

/// What a committee member signs once it added up the set itself.
#[must_use]
pub fn aggregate_message(chain: &ChainId, query: &QueryId, set: &Digest, parts: &[Digest]) -> Digest {
    let listing: Vec<u8> = parts.iter().flat_map(|part| part.to_bytes()).collect();
    hash(ByteTag::AggregateSignature, &[chain.as_bytes(), query.as_bytes(), set.as_bytes(), &listing])
}

impl Aggregate {
    pub(super) fn check(&self) -> Result<(), Error> {
        check_length("aggregate parts", self.parts.len(), PARTS_MAX)?;
        check_length("aggregate signatures", self.signatures.len(), usize::from(MEMBERS_MAX))
    }

    pub(super) fn execute(&self, draft: &mut Draft<'_>, context: &Context<'_>) -> Result<Vec<Event>, Error> {
        let mut state = require_query(draft, self.query)?;
        let (set, sealed) = match &state.status {
            QueryStatus::Sealed { set, height } => (*set, *height),
            QueryStatus::Collecting => return Err(query_error(self.query, "it still collects; seal it first")),
            QueryStatus::Aggregated { .. } | QueryStatus::Released { .. } => {
                return Err(query_error(self.query, "its aggregate is frozen; no second one is accepted"));
            }
            QueryStatus::Refunded { .. } => {
                return Err(query_error(self.query, "it was refunded; it is never aggregated again over any set"));
            }
        };
        if context.height > sealed.after(state.query.aggregate_blocks_max) {
            return Err(query_error(self.query, "the deadline for its aggregate passed; it can only be refunded"));
        }
        if self.set != set {
            let why = format!("the aggregate is over set {}, but set {set} was sealed", self.set);
            return Err(query_error(self.query, why));
        }
        if self.parts.len() != state.query.parts.len() {
            let why = format!("it has {} parts; the aggregate has {}", state.query.parts.len(), self.parts.len());
            return Err(query_error(self.query, why));
        }
        self.check_signatures(&committee_of(draft, state.committee)?, draft, context)?;
        state.status = QueryStatus::Aggregated { height: context.height, set, aggregates: self.parts.clone() };
        draft.put_query(self.query, &state)?;
        Ok(vec![Event::QueryAggregated { query: self.query, aggregates: self.parts.clone() }])
    }

    fn check_signatures(&self, committee: &Committee, draft: &Draft<'_>, context: &Context<'_>) -> Result<(), Error> {
        let message = aggregate_message(&context.chain, &self.query, &self.set, &self.parts);
        let mut signers = BTreeSet::new();
        for MemberSignature { member, signature } in &self.signatures {
            let account = committee.member(*member)?.account;
            signature::verify("aggregate", account, &message, signature)?;
            if draft.suspension(account)?.is_none() {
                signers.insert(*member);
            }
        }
        let needed = usize::from(committee.quorum.threshold());
        if signers.len() < needed {
            let why = format!("{} distinct members in standing signed the aggregate; {needed} must", signers.len());
            return Err(query_error(self.query, why));
        }
        Ok(())
    }
}
