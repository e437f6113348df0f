//! What the ledger remembers, by kind.

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    consent::Day,
    contribution::ContributionTerms,
    id::{
        AccountId, BodyCommitment, ChainId, ConsentCommitment, Digest, EpochRoot, Leaf, Nullifier, QueryId,
        ScopeNullifier,
    },
    privacy::Rho,
    quorum::MemberIndex,
};
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    fees::FeeSchedule,
    query::{CohortQuery, OpeningEpoch, contribution_terms},
    state::Conformance,
    transaction::{ComponentDigests, TransactionId},
    units::{Amount, CommitteeEpoch, ContributionIndex, Epoch, Height, LeafIndex, StudyVersion, Timestamp},
};

/// Money and the next nonce of an account. An account exists for every key; it is stored once it differs from this
/// default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Account {
    /// Spendable money.
    pub balance: Amount,
    /// The nonce that the account's next transaction must carry.
    pub nonce: u64,
}

/// Whether governance lets a party act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The party may act.
    Accredited,
    /// The party may not act until it is accredited again. What it did before stands.
    Suspended,
}

/// An issuer or a researcher as governance knows it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Party {
    /// Name shown to people.
    pub name: String,
    /// Whether it may act.
    pub standing: Standing,
}

/// A certified record, as the ledger sees it: commitments only.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Registration {
    /// Hiding commitment to the record.
    pub body: BodyCommitment,
    /// Hiding commitment to the owner's terms, as last changed.
    pub consent: ConsentCommitment,
    /// The key that may change or revoke the consent.
    pub owner: AccountId,
    /// The issuer that certified the record.
    pub issuer: AccountId,
    /// The epoch in which it was registered; consent changes keep it.
    pub registration_epoch: Epoch,
    /// Whether the owner revoked, or the issuer replaced, the record. Final.
    pub revoked: bool,
}

/// A leaf change that takes effect at the end of the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct LeafChange {
    /// Which leaf.
    pub index: LeafIndex,
    /// Its new value; zero when revoked.
    pub leaf: Leaf,
}

/// The snapshot of the registration tree that is valid during an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct EpochSnapshot {
    /// Root that proofs must be made against.
    pub root: EpochRoot,
    /// Leaves in the snapshot, revoked ones included.
    pub leaves: u32,
    /// The block at whose end it was taken; 0 for the empty tree of genesis.
    pub height: Height,
}

/// Where the chain stands; rewritten by every block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Tip {
    /// The latest block.
    pub height: Height,
    /// Its time.
    pub time: Timestamp,
    /// The epoch of the next block, whose snapshot proofs must be made against.
    pub epoch: Epoch,
}

/// Why the escrow went back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundReason {
    /// Fewer contributions than the minimum when the query was sealed.
    BelowMinimum,
    /// No aggregate was signed by the deadline.
    NotAggregated,
    /// Not every component was accepted by the deadline.
    NotReleased,
    /// The committee's components contradict each other beyond decision: fewer than 3t − 2 members.
    ComponentsDisputed,
}

/// The stage of a query's life. Each step is taken once, and money moves only in the last.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "stage")]
pub enum QueryStatus {
    /// From the opening to the closing day contributions are admitted.
    Collecting,
    /// The set of contributions is frozen for ever.
    Sealed {
        /// When.
        height: Height,
        /// Digest of the set, in order of admission.
        set: Digest,
    },
    /// The committee signed the sum of the frozen set.
    Aggregated {
        /// When.
        height: Height,
        /// Digest of the set, in order of admission.
        set: Digest,
        /// Digest of the sum of each part.
        aggregates: Vec<Digest>,
    },
    /// Every component was accepted and every contribution paid.
    Released {
        /// When.
        height: Height,
        /// Digest of the set, in order of admission.
        set: Digest,
        /// Digest of the sum of each part.
        aggregates: Vec<Digest>,
        /// The accepted component of every subset, in order, for each part.
        components: Vec<Vec<ComponentDigests>>,
    },
    /// The escrow went back to the researcher.
    Refunded {
        /// When.
        height: Height,
        /// Why.
        reason: RefundReason,
    },
}

/// A query on the ledger.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct QueryState {
    /// The query as opened.
    pub query: CohortQuery,
    /// Who opened it and holds the claim to a refund.
    pub researcher: AccountId,
    /// The researcher's nonce then. With it the query hashes to its id, so that nobody, validators included, shows
    /// another query under the same id.
    pub nonce: u64,
    /// When it opened.
    pub opened: Height,
    /// The epoch it opened in.
    pub opening_epoch: OpeningEpoch,
    /// The committee key that contributions are encrypted under.
    pub committee: CommitteeEpoch,
    /// Digest of that key.
    pub committee_key: Digest,
    /// The stage it is in.
    pub status: QueryStatus,
    /// Money still locked.
    pub escrow: Amount,
    /// Contributions ever admitted; the next one's index.
    pub admitted: u32,
    /// Contributions admitted and not withdrawn.
    pub surviving: u32,
    /// Committee members whose component differed from an accepted one.
    pub liars: Vec<MemberIndex>,
    /// The version of the study's protocol that it opened under.
    pub study_version: StudyVersion,
    /// Whether that version had planned it.
    pub conformance: Conformance,
    /// The fees in force when it opened, which its escrow includes.
    pub fees: FeeSchedule,
}

/// What a query with a frozen set waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// The last block that can bring it.
    pub last: Height,
    /// Why the escrow goes back after that block.
    pub missed: RefundReason,
}

impl QueryState {
    /// Whether waiting brings it no further contribution: it is full, or this day is past its last. From then on anybody may
    /// seal it. A day past the last one stays past; one that is full has a free place again when somebody withdraws.
    #[must_use]
    pub fn has_collected(&self, today: Day) -> bool {
        today > self.query.closing || self.surviving >= self.query.contributions_max
    }

    /// Until when what its stage waits for can come; nothing for a query that collects or is over.
    #[must_use]
    pub const fn deadline(&self) -> Option<Deadline> {
        match &self.status {
            QueryStatus::Sealed { height, .. } => Some(Deadline {
                last: height.after(self.query.aggregate_blocks_max),
                missed: RefundReason::NotAggregated,
            }),
            QueryStatus::Aggregated { height, .. } => {
                Some(Deadline { last: height.after(self.query.release_blocks_max), missed: RefundReason::NotReleased })
            }
            QueryStatus::Collecting | QueryStatus::Released { .. } | QueryStatus::Refunded { .. } => None,
        }
    }

    /// What every contribution to the part must prove.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a part that the query lacks.
    pub fn terms(&self, id: QueryId, part: u8) -> Result<ContributionTerms, Error> {
        contribution_terms(id, &self.query, self.opening_epoch, part)
    }

    /// Checks that the query is the one with this id.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for another query, researcher or nonce.
    pub fn check_id(&self, chain: &ChainId, id: QueryId) -> Result<(), Error> {
        if self.query.id(chain, &self.researcher, self.nonce)? == id {
            return Ok(());
        }
        Err(Error::Corrupt { what: "query", why: format!("the query shown does not hash to {id}") })
    }
}

/// One part of an admitted contribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct AdmittedPart {
    /// The epoch root the proof was made against.
    pub root: EpochRoot,
    /// The nullifier it spent.
    pub nullifier: Nullifier,
    /// The scope nullifier it spent.
    pub scope_nullifier: ScopeNullifier,
    /// Digest of the packed ciphertext.
    pub ciphertext: Digest,
}

/// What private releases spent, one after another. Contributors differ from query to query, so it bounds what any one
/// record lost; each person's agent keeps that person's own account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Odometer {
    /// Private queries released.
    pub releases: u32,
    /// Their privacy losses, added up.
    pub rho: Rho,
}

impl Odometer {
    /// After one more release.
    #[must_use]
    pub const fn after(self, rho: Rho) -> Self {
        Self { releases: self.releases.saturating_add(1), rho: self.rho.plus(rho) }
    }
}

/// An admitted contribution. Its proofs are in the transaction.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ContributionState {
    /// The one-time key that is paid and may withdraw.
    pub payout: AccountId,
    /// One entry for each part of the query.
    pub parts: Vec<AdmittedPart>,
    /// The transaction that carried it.
    pub transaction: TransactionId,
    /// The block that admitted it.
    pub height: Height,
    /// Whether it was withdrawn before sealing. Its nullifiers stay spent.
    pub withdrawn: bool,
}

impl ContributionState {
    /// The nullifier that all its parts spent, since they are of one record; `None` where they spent several, or there is no
    /// part.
    #[must_use]
    pub fn nullifier(&self) -> Option<Nullifier> {
        let first = self.parts.first()?.nullifier;
        self.parts.iter().all(|part| part.nullifier == first).then_some(first)
    }
}

/// Where a nullifier or a ciphertext was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Admission {
    /// The query.
    pub query: QueryId,
    /// The contribution.
    pub contribution: ContributionIndex,
}

/// A committee member's component digests: for each part, one pair for each subset the member holds, in order.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ComponentVote(pub Vec<Vec<ComponentDigests>>);

/// The proof that a committee member lied, by digest: the evidence itself is in a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Suspension {
    /// Digest of the evidence.
    pub evidence: Digest,
    /// The block that took it.
    pub height: Height,
}
