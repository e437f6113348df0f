//! What happened, for indexes and people; derived from blocks, never read by the state machine.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    id::{AccountId, BodyCommitment, Digest, EpochRoot, QueryId, SchemaId, StudyId},
    quorum::{MemberIndex, SubsetIndex},
};
use serde::{Deserialize, Serialize};

use crate::{
    state::RefundReason,
    transaction::ConsortiumChange,
    units::{Amount, CommitteeEpoch, ContributionIndex, Epoch, Height, LeafIndex},
};

/// One thing that a transaction or the end of an epoch did.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
#[allow(missing_docs, reason = "the fields are named by the types they hold")]
pub enum Event {
    /// An issuer may certify.
    IssuerAccredited { account: AccountId, name: String },
    /// An issuer may no longer certify.
    IssuerSuspended { account: AccountId },
    /// A researcher may ask.
    ResearcherAccredited { account: AccountId, name: String },
    /// A researcher may no longer ask.
    ResearcherSuspended { account: AccountId },
    /// A schema is known.
    SchemaRegistered { schema: SchemaId, name: String },
    /// A study is known.
    StudyRegistered { study: StudyId, researcher: AccountId },
    /// A record was certified; its leaf counts from the next epoch.
    RecordRegistered { record: LeafIndex, issuer: AccountId, owner: AccountId, body: BodyCommitment },
    /// A record's consent changes with the next epoch.
    ConsentChanged { record: LeafIndex },
    /// A record ends with this epoch.
    ConsentRevoked { record: LeafIndex },
    /// An epoch ended: proofs must now be made against this root.
    EpochClosed { epoch: Epoch, root: EpochRoot, leaves: u32 },
    /// A committee key is in the making.
    CommitteeStarted { epoch: CommitteeEpoch },
    /// A leader committed to a share.
    CommitteeCommitted { epoch: CommitteeEpoch, subset: SubsetIndex },
    /// Every share is committed; members may open them.
    CommitteeConfirming { epoch: CommitteeEpoch },
    /// A leader revealed a share; the message lies off the ledger under this digest.
    CommitteeRevealed { epoch: CommitteeEpoch, subset: SubsetIndex, message: Digest },
    /// A member confirmed the key.
    CommitteeConfirmed { epoch: CommitteeEpoch, member: MemberIndex },
    /// A committee key is active.
    CommitteeActive { epoch: CommitteeEpoch, key: Digest },
    /// A member complained and the generation starts over.
    CommitteeComplained { epoch: CommitteeEpoch, by: MemberIndex, accused: MemberIndex, reason: String },
    /// A step of a key's generation was not done in time and the generation starts over.
    CommitteeExpired { epoch: CommitteeEpoch, absent: BTreeSet<MemberIndex> },
    /// All members confirmed, but not the same key, and the generation starts over.
    CommitteeDisputed { epoch: CommitteeEpoch, outside: BTreeSet<MemberIndex> },
    /// A member attested what its own signature refutes; nothing it says counts any more.
    MemberSuspended { member: MemberIndex, evidence: Digest },
    /// A query opened.
    QueryOpened { query: QueryId, researcher: AccountId, study: StudyId, escrow: Amount },
    /// A contribution was admitted.
    ContributionAdmitted { query: QueryId, contribution: ContributionIndex },
    /// A contribution was withdrawn.
    ContributionWithdrawn { query: QueryId, contribution: ContributionIndex },
    /// A query's set is frozen.
    QuerySealed { query: QueryId, contributions: u32, set: Digest },
    /// The committee signed the sum.
    QueryAggregated { query: QueryId, aggregates: Vec<Digest> },
    /// A member reported its components.
    ComponentsSubmitted { query: QueryId, member: MemberIndex },
    /// A member's component differs from the accepted one.
    LiarNamed { query: QueryId, member: MemberIndex },
    /// A query was released and paid.
    QueryReleased { query: QueryId, paid: u32, price: Amount, returned: Amount },
    /// A query's escrow went back.
    QueryRefunded { query: QueryId, reason: RefundReason, amount: Amount },
    /// Money moved.
    Transferred { from: AccountId, to: AccountId, amount: Amount },
    /// A validator wants a change of the consortium.
    ConsortiumChangeApproved { change: Digest, validator: AccountId },
    /// More than two thirds wanted a change: it holds from the next block on.
    ConsortiumChanged { change: ConsortiumChange },
    /// A validator no longer wants a change.
    ConsortiumApprovalWithdrawn { change: Digest, validator: AccountId },
    /// From this height on blocks are executed by another version of the protocol.
    ProtocolUpgraded { version: u16, height: Height },
    /// A validator signed two statements that contradict each other.
    ValidatorEquivocated { validator: AccountId, height: Height, round: u32 },
}
