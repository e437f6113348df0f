//! What happened, for indexes and people; derived from blocks, never read by the state machine.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    consent::Day,
    id::{
        AccountId, BodyCommitment, DatasetId, Digest, EpochRoot, LicenceId, QueryId, SchemaId, ScreeningId, StudyId,
        WithdrawalId,
    },
    quorum::{MemberIndex, SubsetIndex},
};
use serde::{Deserialize, Serialize};

use crate::{
    fees::{ContributionFees, FeeSchedule},
    state::{AccessParty, Conformance, RefundReason},
    transaction::ConsortiumChange,
    units::{
        AccessIndex, Amount, CommitteeEpoch, ContributionIndex, Epoch, Height, LeafIndex, OutcomeIndex, ResponseIndex,
        StudyVersion,
    },
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
    QueryOpened { query: QueryId, researcher: AccountId, study: StudyId, escrow: Amount, fee: Amount },
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
    /// A study's latest version has another design.
    StudyDesigned { study: StudyId, version: StudyVersion },
    /// A study has another version of its protocol.
    StudyAmended { study: StudyId, version: StudyVersion },
    /// How an opened query compares with its study's plan.
    QueryCompared { query: QueryId, study: StudyId, version: StudyVersion, conformance: Conformance },
    /// A study said what came out of queries.
    OutcomePosted { study: StudyId, outcome: OutcomeIndex, document: Digest },
    /// Nothing opens for a study any more.
    StudyClosed { study: StudyId },
    /// A dataset may be licensed.
    DatasetOffered { dataset: DatasetId, owner: AccountId },
    /// A dataset may no longer be licensed.
    DatasetWithdrawn { dataset: DatasetId },
    /// A licence was asked for and its price locked.
    LicenceRequested { licence: LicenceId, dataset: DatasetId, licensee: AccountId, price: Amount },
    /// A licence was granted and its owner paid.
    LicenceGranted { licence: LicenceId, header: Digest, until: Day, paid: Amount },
    /// A licence was declined and its price returned.
    LicenceDeclined { licence: LicenceId, returned: Amount },
    /// A licence was not answered in time and its price returned.
    LicenceReclaimed { licence: LicenceId, returned: Amount },
    /// A granted licence gives no further access.
    LicenceRevoked { licence: LicenceId },
    /// Licensed data was given.
    LicenceAccessed { licence: LicenceId, access: AccessIndex, party: AccessParty },
    /// Queries that open from now on pay these fees.
    FeesSet { fees: FeeSchedule },
    /// A release paid those who run the network; what did not divide went to the consortium's pot.
    FeesPaid { query: QueryId, fees: ContributionFees, undivided: Amount, shares: Vec<(AccountId, Amount)> },
    /// An institution may move money to and from the ledger.
    SettlementAccredited { account: AccountId, name: String, cap: Amount },
    /// An institution may no longer.
    SettlementSuspended { account: AccountId },
    /// Money came to the ledger.
    Deposited { institution: AccountId, to: AccountId, amount: Amount, reference: Digest },
    /// Money left an account and waits to be paid out.
    WithdrawalRequested { withdrawal: WithdrawalId, account: AccountId, institution: AccountId, amount: Amount },
    /// Money was paid out and is no more.
    WithdrawalSettled { withdrawal: WithdrawalId, amount: Amount, receipt: Digest },
    /// Money that waited went back to its account.
    WithdrawalRejected { withdrawal: WithdrawalId, account: AccountId, returned: Amount },
    /// A screening opened.
    ScreeningOpened { screening: ScreeningId, sponsor: AccountId, study: StudyId, escrow: Amount, fee: Amount },
    /// Somebody is eligible, and was paid for saying so.
    ResponseAdmitted { screening: ScreeningId, response: ResponseIndex, paid: Amount },
    /// Somebody who is eligible was invited.
    Invited { screening: ScreeningId, response: ResponseIndex, invitation: Digest },
    /// Somebody accepted an invitation and left a contact, sealed to the sponsor.
    InvitationAccepted { screening: ScreeningId, response: ResponseIndex, contact: Digest },
    /// Somebody declined an invitation.
    InvitationDeclined { screening: ScreeningId, response: ResponseIndex },
    /// A screening ended and what was left of its escrow went back.
    ScreeningClosed { screening: ScreeningId, eligible: u32, returned: Amount },
    /// Other members make the committee key with this number and those that follow.
    CommitteeReplaced { epoch: CommitteeEpoch, members: Vec<AccountId> },
}
