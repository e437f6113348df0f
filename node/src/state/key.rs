//! The keys of the state, and the type of the value under each.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    domain::{ByteTag, hash},
    id::{
        AccountId, BodyCommitment, DatasetId, Digest, Leaf, LicenceId, Nullifier, QueryId, SchemaId, ScopeNullifier,
        ScreeningId, StudyId, WithdrawalId,
    },
    quorum::MemberIndex,
    rlwe::RingElement,
    schema::Schema,
};
use serde::{Deserialize, Serialize};

use super::{
    Access, Account, Admission, Approvals, CommitteeState, ComponentVote, ContributionState, Dataset, DepositRecord,
    Draft, EpochSnapshot, EquivocationRecord, LeafChange, LicenceState, Odometer, Outcome, Party, Protocol, QueryState,
    Registration, ResponseAdmission, ResponseState, ScreeningState, Settlement, StateView, Study, StudyProtocol,
    Suspension, Tip, WithdrawalState,
};
use crate::{
    Error,
    codec::{check_length, decode, encode},
    fees::FeeSchedule,
    genesis::Committee,
    units::{
        AccessIndex, Amount, CommitteeEpoch, ContributionIndex, Epoch, Height, LeafIndex, OutcomeIndex, ResponseIndex,
        StudyVersion,
    },
    validator::ValidatorSet,
};

/// The largest stored value: a released query with eight parts of 36 components, and a schema, are well below.
pub const VALUE_BYTES_MAX: usize = 256 * 1024;

fn read<T: BorshDeserialize>(view: &(impl StateView + ?Sized), key: &StateKey) -> Result<Option<T>, Error> {
    let Some(bytes) = view.bytes(&key.encode()?)? else { return Ok(None) };
    decode("state value", &bytes, VALUE_BYTES_MAX)
        .map(Some)
        .map_err(|error| Error::Corrupt { what: "state", why: format!("{key:?}: {error}") })
}

macro_rules! state {
    ($($(#[$meta:meta])* $variant:ident($($arg:ident: $ty:ty),*) => $value:ty, $get:ident, $put:ident;)*) => {
        /// A key of the state. Its borsh bytes are the stored key; the first byte tells the kind.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize, Serialize,
            Deserialize,
        )]
        #[serde(rename_all = "snake_case")]
        pub enum StateKey {
            $($(#[$meta])* $variant($($ty),*),)*
        }

        /// Typed reads over any view. Each is `None` for a key never written, and fails with [`Error::Storage`] or
        /// [`Error::Corrupt`].
        pub trait StateRead: StateView {
            $($(#[$meta])*
            ///
            /// # Errors
            /// [`Error::Storage`] or [`Error::Corrupt`] when the database fails.
            fn $get(&self, $($arg: $ty),*) -> Result<Option<$value>, Error> {
                read(self, &StateKey::$variant($($arg),*))
            })*
        }

        impl<V: StateView + ?Sized> StateRead for V {}

        impl Draft<'_> {
            $(pub(crate) fn $put(&mut self, $($arg: $ty,)* value: &$value) -> Result<(), Error> {
                self.put(&StateKey::$variant($($arg),*), value)
            })*
        }
    };
}

state! {
    /// Money and nonce of an account.
    Account(account: AccountId) => Account, account, put_account;
    /// An issuer's standing.
    Issuer(account: AccountId) => Party, issuer, put_issuer;
    /// How many issuers are accredited now.
    IssuerCount() => u32, issuer_count, put_issuer_count;
    /// A researcher's standing.
    Researcher(account: AccountId) => Party, researcher, put_researcher;
    /// A registered schema.
    Schema(id: SchemaId) => Schema, schema, put_schema;
    /// A registered study.
    Study(id: StudyId) => Study, study, put_study;
    /// A certified record.
    Registration(index: LeafIndex) => Registration, registration, put_registration;
    /// The record with a body commitment.
    Body(body: BodyCommitment) => LeafIndex, body, put_body;
    /// Records ever registered; the next one's leaf index.
    RegistrationCount() => u32, registration_count, put_registration_count;
    /// A leaf of the latest snapshot.
    Leaf(index: LeafIndex) => Leaf, leaf, put_leaf;
    /// A leaf change that waits for the end of the epoch.
    LeafChange(place: u32) => LeafChange, leaf_change, put_leaf_change;
    /// Where a leaf's change waits, if the change there is of this leaf.
    LeafChangePlace(index: LeafIndex) => u32, leaf_change_place, put_leaf_change_place;
    /// Leaf changes that wait.
    LeafChangeCount() => u32, leaf_change_count, put_leaf_change_count;
    /// The snapshot valid during an epoch.
    EpochSnapshot(epoch: Epoch) => EpochSnapshot, epoch_snapshot, put_epoch_snapshot;
    /// Where the chain stands.
    Tip() => Tip, tip, put_tip;
    /// A query.
    Query(id: QueryId) => QueryState, query, put_query;
    /// An admitted contribution.
    Contribution(query: QueryId, index: ContributionIndex) => ContributionState, contribution, put_contribution;
    /// Where a nullifier was spent.
    Nullifier(nullifier: Nullifier) => Admission, nullifier, put_nullifier;
    /// Where a scope nullifier was used last; it is spent unless that query was refunded.
    ScopeNullifier(nullifier: ScopeNullifier) => Admission, scope_nullifier, put_scope_nullifier;
    /// Where a ciphertext was used; nobody may contribute a copy of another's.
    Ciphertext(digest: Digest) => Admission, ciphertext, put_ciphertext;
    /// A member's component digests for a query.
    ComponentVote(query: QueryId, member: MemberIndex) => ComponentVote, component_vote, put_component_vote;
    /// A committee key.
    Committee(epoch: CommitteeEpoch) => CommitteeState, committee, put_committee;
    /// The public polynomial of a committee key, once it is active.
    CommitteePolynomial(epoch: CommitteeEpoch) => RingElement, committee_polynomial, put_committee_polynomial;
    /// Why a committee member's word no longer counts, in whichever committee it sits.
    Suspension(account: AccountId) => Suspension, suspension, put_suspension;
    /// The latest committee key.
    CommitteeEpoch() => CommitteeEpoch, committee_epoch, put_committee_epoch;
    /// What the private queries of a study have released.
    StudyOdometer(study: StudyId) => Odometer, study_odometer, put_study_odometer;
    /// What the private queries of a researcher have released, over all studies.
    ResearcherOdometer(account: AccountId) => Odometer, researcher_odometer, put_researcher_odometer;
    /// Fees collected; they belong to the consortium.
    Fees() => Amount, fees, put_fees;
    /// The validators of the next block.
    Validators() => ValidatorSet, validators, put_validators;
    /// Which validators want a change, by the change's digest.
    Approvals(change: Digest) => Approvals, approvals, put_approvals;
    /// The digests of the changes that validators vote on, lapsed ones included until the next vote opens.
    Changes() => BTreeSet<Digest>, changes, put_changes;
    /// What a validator signed twice at a height.
    Equivocation(account: AccountId, height: Height) => EquivocationRecord, equivocation, put_equivocation;
    /// The protocol's version, and the next.
    Protocol() => Protocol, protocol, put_protocol;
    /// A version of a study's protocol.
    StudyProtocol(study: StudyId, version: StudyVersion) => StudyProtocol, study_protocol, put_study_protocol;
    /// An outcome that a study posted.
    Outcome(study: StudyId, index: OutcomeIndex) => Outcome, outcome, put_outcome;
    /// A dataset offered for licences.
    Dataset(id: DatasetId) => Dataset, dataset, put_dataset;
    /// How many datasets were offered with a record.
    DatasetCount(record: LeafIndex) => u32, dataset_count, put_dataset_count;
    /// A licence of a dataset.
    Licence(id: LicenceId) => LicenceState, licence, put_licence;
    /// A receipt of access under a licence.
    Access(licence: LicenceId, index: AccessIndex) => Access, access, put_access;
    /// The fees of queries that open now.
    FeeSchedule() => FeeSchedule, fee_schedule, put_fee_schedule;
    /// All the money there is: the genesis', and deposits, without withdrawals that were settled.
    Supply() => Amount, supply, put_supply;
    /// An institution that moves money to and from the ledger.
    Settlement(account: AccountId) => Settlement, settlement, put_settlement;
    /// A deposit, by the institution and its reference.
    Deposit(institution: AccountId, reference: Digest) => DepositRecord, deposit, put_deposit;
    /// A withdrawal of money.
    Withdrawal(id: WithdrawalId) => WithdrawalState, withdrawal, put_withdrawal;
    /// A screening.
    Screening(id: ScreeningId) => ScreeningState, screening, put_screening;
    /// An admitted response to a screening.
    Response(screening: ScreeningId, index: ResponseIndex) => ResponseState, response, put_response;
    /// Where a screening nullifier was spent.
    ScreeningNullifier(nullifier: Nullifier) => ResponseAdmission, screening_nullifier, put_screening_nullifier;
    /// The members seated since a committee key.
    CommitteeMembers(epoch: CommitteeEpoch) => Committee, committee_members, put_committee_members;
}

impl StateKey {
    /// The stored key.
    ///
    /// # Errors
    /// Never in practice: every key has a fixed, short encoding.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        encode("state key", self)
    }

    /// Where an encoded key lies in the authenticated state.
    #[must_use]
    pub fn position(encoded: &[u8]) -> Digest {
        hash(ByteTag::StateKey, &[encoded])
    }
}

impl Draft<'_> {
    fn put(&mut self, key: &StateKey, value: &impl BorshSerialize) -> Result<(), Error> {
        let bytes = encode("state value", value)?;
        check_length("state value in bytes", bytes.len(), VALUE_BYTES_MAX)?;
        self.set(key.encode()?, Some(bytes));
        Ok(())
    }

    /// Removes a key.
    pub(crate) fn remove(&mut self, key: &StateKey) -> Result<(), Error> {
        self.set(key.encode()?, None);
        Ok(())
    }
}
