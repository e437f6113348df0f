//! The aggregate: the sum of the frozen set, signed by a threshold of the committee.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    domain::{ByteTag, PieceHasher, hash},
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
        listing.extend(entry(index, contribution));
    }
    hash(ByteTag::Aggregate, &[b"set", query.as_bytes(), &count.to_le_bytes(), &listing])
}

/// What a set's digest has of one contribution.
fn entry(index: ContributionIndex, contribution: &ContributionState) -> Vec<u8> {
    let mut entry = (contribution.parts.len() as u64).to_le_bytes().to_vec();
    entry.extend_from_slice(&index.get().to_le_bytes());
    entry.extend_from_slice(contribution.payout.as_bytes());
    contribution.parts.iter().for_each(|part| entry.extend_from_slice(part.ciphertext.as_bytes()));
    entry
}

/// [`contribution_set_digest`] of contributions that come one after another, so that none has to stay in memory.
#[derive(Debug, Clone)]
pub struct ContributionSetHasher(PieceHasher);

impl ContributionSetHasher {
    /// Begins the digest of so many contributions, of so many parts each.
    #[must_use]
    pub fn new(query: &QueryId, count: u32, parts: usize) -> Self {
        let count = u64::from(count);
        // The number of parts, the index, the payout key, and a digest for each part.
        let bytes = (parts as u64).saturating_mul(32).saturating_add(8 + 4 + 32).saturating_mul(count);
        Self(PieceHasher::new(ByteTag::Aggregate, &[b"set", query.as_bytes(), &count.to_le_bytes()], bytes))
    }

    /// Takes the next contribution.
    pub fn add(&mut self, index: ContributionIndex, contribution: &ContributionState) {
        self.0.update(&entry(index, contribution));
    }

    /// The digest; `None` when there were more or fewer contributions or parts than was said.
    #[must_use]
    pub fn finish(self) -> Option<Digest> {
        self.0.finish()
    }
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

#[cfg(test)]
mod tests {
    use circuits::id::{AccountId, EpochRoot, Nullifier, ScopeNullifier};

    use super::*;
    use crate::{state::AdmittedPart, transaction::TransactionId, units::Height};

    fn contribution(number: u8, parts: u8) -> ContributionState {
        let part = |part: u8| AdmittedPart {
            root: EpochRoot::from_bytes(&[0; 32]).unwrap(),
            nullifier: Nullifier::from_bytes(&[number; 32]).unwrap(),
            scope_nullifier: ScopeNullifier::from_bytes(&[0; 32]).unwrap(),
            ciphertext: Digest::from_bytes([part; 32]),
        };
        ContributionState {
            payout: AccountId::from_bytes([number; 32]),
            parts: (0..parts).map(part).collect(),
            transaction: TransactionId::from_digest(Digest::from_bytes([0; 32])),
            height: Height::new(1),
            withdrawn: false,
        }
    }

    #[test]
    fn a_set_has_the_same_digest_whether_it_is_there_at_once_or_comes_one_by_one() {
        let query = QueryId::from_bytes([7; 32]);
        for parts in [0, 1, 8] {
            let set: Vec<_> = (0..3).map(|number| contribution(number, parts)).collect();
            let listed = || (0..).map(|number| ContributionIndex::new(2 * number)).zip(&set);
            let one_by_one = |count: u32, parts: u8| {
                let mut hasher = ContributionSetHasher::new(&query, count, parts.into());
                listed().for_each(|(index, contribution)| hasher.add(index, contribution));
                hasher.finish()
            };
            assert_eq!(one_by_one(3, parts), Some(contribution_set_digest(&query, listed())));
            assert_eq!([one_by_one(2, parts), one_by_one(4, parts), one_by_one(3, parts + 1)], [None; 3]);
        }
    }

    #[test]
    fn repro_a_contribution_has_a_nullifier_only_if_all_its_parts_are_of_one_record() {
        let mut two = contribution(1, 2);
        assert_eq!(two.nullifier(), Some(two.parts[0].nullifier));
        two.parts[1].nullifier = contribution(2, 1).parts[0].nullifier;
        assert_eq!((two.nullifier(), contribution(1, 0).nullifier()), (None, None));
    }
}
