//! An anonymous contribution: proofs, ciphertext digests and availability receipts; all parts or nothing.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    contribution::{Opening, UnverifiedContribution},
    domain::{ByteTag, hash},
    eligibility::{EligibilityInstance, binding},
    id::{AccountId, ChainId, Digest, EpochRoot, Evaluation, Nullifier, QueryId, ScopeNullifier},
    quorum::{MEMBERS_MAX, MemberIndex},
};
use serde::{Deserialize, Serialize};

use super::TransactionId;
use crate::{
    Error,
    calendar::date,
    codec::check_length,
    event::Event,
    execute::{Context, query_error, require_query},
    genesis::Committee,
    proof::QueryPart,
    query::PARTS_MAX,
    signature::{self, Signature},
    state::{Admission, AdmittedPart, ContributionState, Draft, QueryState, QueryStatus, StateRead, committee_of},
    units::{CommitteeEpoch, ContributionIndex},
};

/// A committee member's word that it stored the ciphertext and that its polynomials have the values proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Receipt {
    /// Who signed.
    pub member: MemberIndex,
    /// Over [`Attestation::message`].
    pub signature: Signature,
}

/// What an availability receipt attests: the ciphertext with this digest is stored, and its polynomials have these
/// values at the challenge. The challenge follows from root, nullifiers, payout key and proof, so a receipt serves one
/// contribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attestation {
    /// The committee key that the ciphertext is under.
    pub committee: CommitteeEpoch,
    /// The query.
    pub query: QueryId,
    /// The part of the query.
    pub part: u8,
    /// Digest of the packed ciphertext.
    pub ciphertext: Digest,
    /// The challenge `γ`.
    pub gamma: Evaluation,
    /// The values at it.
    pub opening: Opening,
}

impl Attestation {
    /// What a committee member signs.
    #[must_use]
    pub fn message(&self, chain: &ChainId) -> Digest {
        let Self { committee, query, part, ciphertext, gamma, opening } = self;
        let parts: [&[u8]; 8] = [
            chain.as_bytes(),
            &committee.get().to_le_bytes(),
            query.as_bytes(),
            &[*part],
            ciphertext.as_bytes(),
            &gamma.to_bytes(),
            &opening.c0.to_bytes(),
            &opening.c1.to_bytes(),
        ];
        hash(ByteTag::AvailabilityReceipt, &parts)
    }
}

/// One part of a contribution.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ContributionPart {
    /// The epoch root the proof was made against; must be the latest.
    pub root: EpochRoot,
    /// The record's nullifier for this query, the same in every part.
    pub nullifier: Nullifier,
    /// The record's scope nullifier, zero outside `Exact`.
    pub scope_nullifier: ScopeNullifier,
    /// Digest of the packed ciphertext, which lies with the committee.
    pub ciphertext: Digest,
    /// The proof that the ciphertext encrypts what a registered record implies, with the opening it claims.
    pub contribution: UnverifiedContribution,
    /// Receipts of at least `n − t + 1` distinct members.
    pub receipts: Vec<Receipt>,
}

/// A contribution as an agent sends it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Contribution {
    /// The query it answers.
    pub query: QueryId,
    /// The one-time key that is paid and may withdraw.
    pub payout: AccountId,
    /// One for each part of the query, in order.
    pub parts: Vec<ContributionPart>,
}

impl ContributionPart {
    /// The public side of the proof, with the binding that only this chain, query, part, payout and ciphertext give.
    #[must_use]
    pub fn instance(&self, chain: &ChainId, query: &QueryId, part: u8, payout: &AccountId) -> EligibilityInstance {
        EligibilityInstance {
            root: self.root,
            nullifier: self.nullifier,
            scope_nullifier: self.scope_nullifier,
            binding: binding(chain, query, part, payout, &self.ciphertext),
        }
    }

    /// What members attest of it: that its ciphertext has the opening that it claims at this challenge.
    #[must_use]
    pub const fn attestation(
        &self,
        committee: CommitteeEpoch,
        query: QueryId,
        part: u8,
        gamma: Evaluation,
    ) -> Attestation {
        let Self { ciphertext, contribution, .. } = self;
        Attestation { committee, query, part, ciphertext: *ciphertext, gamma, opening: contribution.opening }
    }

    /// The members whose receipts it carries, for an attestation with this message.
    ///
    /// # Errors
    /// [`Error::Signature`] when one does not verify, [`Error::Unknown`] for a member that the committee lacks.
    pub fn receipt_signers(&self, committee: &Committee, message: &Digest) -> Result<BTreeSet<MemberIndex>, Error> {
        let mut signers = BTreeSet::new();
        for Receipt { member, signature } in &self.receipts {
            signature::verify("availability receipt", committee.member(*member)?.account, message, signature)?;
            signers.insert(*member);
        }
        Ok(signers)
    }

    /// What the ledger keeps of it.
    #[must_use]
    pub const fn admitted(&self) -> AdmittedPart {
        AdmittedPart {
            root: self.root,
            nullifier: self.nullifier,
            scope_nullifier: self.scope_nullifier,
            ciphertext: self.ciphertext,
        }
    }
}

impl Contribution {
    pub(super) fn check(&self) -> Result<(), Error> {
        check_length("contribution parts", self.parts.len(), PARTS_MAX)?;
        self.parts
            .iter()
            .try_for_each(|part| check_length("availability receipts", part.receipts.len(), usize::from(MEMBERS_MAX)))
    }

    pub(super) fn execute(
        &self,
        transaction: TransactionId,
        draft: &mut Draft<'_>,
        context: &Context<'_>,
    ) -> Result<Vec<Event>, Error> {
        let mut state = require_query(draft, self.query)?;
        self.check_open(&state, context)?;
        let contribution = ContributionIndex::new(state.admitted);
        let (nullifier, admission) = (self.nullifier()?, Admission { query: self.query, contribution });
        for (index, part) in (0u8..).zip(&self.parts) {
            check_root(part.root, draft, context)?;
            self.check_receipts(index, part, &state, draft, context)?;
        }
        spend_nullifier(nullifier, admission, draft)?;
        self.parts.iter().try_for_each(|part| spend_part(part, admission, draft))?;
        // The pairing comes last: everything cheaper has been checked.
        for (index, part) in (0u8..).zip(&self.parts) {
            let instance = part.instance(&context.chain, &self.query, index, &self.payout);
            let query = QueryPart::new(&*draft, context.chain, self.query, &state, index);
            context.proofs.verify(&query, &(instance, part.contribution))?;
        }
        let admitted = ContributionState {
            payout: self.payout,
            parts: self.parts.iter().map(ContributionPart::admitted).collect(),
            transaction,
            height: context.height,
            withdrawn: false,
        };
        state.admitted = state.admitted.checked_add(1).ok_or(Error::Overflow { what: "contribution count" })?;
        state.surviving = state.surviving.checked_add(1).ok_or(Error::Overflow { what: "contribution count" })?;
        draft.put_contribution(self.query, contribution, &admitted)?;
        draft.put_query(self.query, &state)?;
        Ok(vec![Event::ContributionAdmitted { query: self.query, contribution }])
    }

    fn check_open(&self, state: &QueryState, context: &Context<'_>) -> Result<(), Error> {
        let refuse = |why: String| Err(query_error(self.query, why));
        if state.status != QueryStatus::Collecting {
            return refuse("it no longer collects".into());
        }
        let (day, query) = (context.time.day(), &state.query);
        if day < query.opening || day > query.closing {
            return refuse(format!(
                "it collects from {} to {}; this is {}",
                date(query.opening),
                date(query.closing),
                date(day)
            ));
        }
        if state.surviving >= query.contributions_max {
            return refuse(format!("it has all {} contributions it pays for", query.contributions_max));
        }
        if self.parts.len() != query.parts.len() {
            return refuse(format!(
                "it has {} parts, the contribution {}; send all parts",
                query.parts.len(),
                self.parts.len()
            ));
        }
        Ok(())
    }

    /// The nullifier of the one record that every part is of.
    fn nullifier(&self) -> Result<Nullifier, Error> {
        let mut nullifiers = self.parts.iter().map(|part| part.nullifier);
        let first = nullifiers.next().ok_or_else(|| query_error(self.query, "the contribution has no part"))?;
        if nullifiers.all(|other| other == first) {
            return Ok(first);
        }
        Err(query_error(self.query, "its parts have different nullifiers; prove all parts from one record"))
    }

    fn check_receipts(
        &self,
        index: u8,
        part: &ContributionPart,
        state: &QueryState,
        draft: &Draft<'_>,
        context: &Context<'_>,
    ) -> Result<(), Error> {
        let committee = committee_of(draft, state.committee)?;
        let instance = part.instance(&context.chain, &self.query, index, &self.payout);
        let query = QueryPart::new(draft, context.chain, self.query, state, index);
        let gamma = context.proofs.challenge(&query, &instance, &part.contribution.proof)?;
        let attestation = part.attestation(state.committee, self.query, index, gamma);
        let mut signers = part.receipt_signers(&committee, &attestation.message(&context.chain))?;
        for member in signers.clone() {
            if draft.suspension(committee.member(member)?.account)?.is_some() {
                signers.remove(&member);
            }
        }
        let needed = usize::from(committee.quorum.receipts_min());
        if signers.len() < needed {
            let why = format!(
                "part {index} has receipts of {} distinct members in standing and needs {needed}; send the ciphertext to them first",
                signers.len()
            );
            return Err(Error::Refused { what: "availability receipts", why });
        }
        Ok(())
    }
}

/// A proof must be against the latest epoch root, so that the choice of root names nobody and revocation bites.
pub(super) fn check_root(root: EpochRoot, draft: &Draft<'_>, context: &Context<'_>) -> Result<(), Error> {
    let missing = || Error::Corrupt { what: "epochs", why: format!("no snapshot for epoch {}", context.epoch) };
    let latest = draft.epoch_snapshot(context.epoch)?.ok_or_else(missing)?.root;
    if root != latest {
        let why = format!("the proof is against root {root}; the latest epoch root is {latest}");
        return Err(Error::Refused { what: "epoch root", why });
    }
    Ok(())
}

fn spend_nullifier(nullifier: Nullifier, admission: Admission, draft: &mut Draft<'_>) -> Result<(), Error> {
    if draft.nullifier(nullifier)?.is_some() {
        let remedy = "a record contributes once to each query, and a withdrawn contribution stays spent";
        return Err(Error::Duplicate { what: "nullifier", id: nullifier.to_string(), remedy });
    }
    draft.put_nullifier(nullifier, &admission)
}

/// Spends a part's scope, where it has one, and its ciphertext.
fn spend_part(part: &ContributionPart, admission: Admission, draft: &mut Draft<'_>) -> Result<(), Error> {
    // Zero marks a query without a scope; the proof ties it to the terms, so nobody can choose it in `Exact`.
    if part.scope_nullifier.to_bytes() != [0; 32] {
        check_scope(part.scope_nullifier, draft)?;
        draft.put_scope_nullifier(part.scope_nullifier, &admission)?;
    }
    if draft.ciphertext(part.ciphertext)?.is_some() {
        let remedy = "encrypt again with fresh randomness";
        return Err(Error::Duplicate { what: "ciphertext", id: part.ciphertext.to_string(), remedy });
    }
    draft.put_ciphertext(part.ciphertext, &admission)
}

/// A scope is spent by the query that used it last, unless that one was refunded: it released nothing that another
/// release could be subtracted from, and never will.
fn check_scope(scope: ScopeNullifier, draft: &Draft<'_>) -> Result<(), Error> {
    let Some(earlier) = draft.scope_nullifier(scope)? else { return Ok(()) };
    if matches!(require_query(draft, earlier.query)?.status, QueryStatus::Refunded { .. }) {
        return Ok(());
    }
    let remedy = "a record enters one exact release of a measure in each period; wait for the next period";
    Err(Error::Duplicate { what: "scope nullifier", id: scope.to_string(), remedy })
}
