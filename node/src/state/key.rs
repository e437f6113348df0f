//! The keys of the state, and the type of the value under each.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    domain::{ByteTag, hash},
    id::{AccountId, BodyCommitment, Digest, Leaf, Nullifier, QueryId, SchemaId, ScopeNullifier, StudyId},
    quorum::MemberIndex,
    rlwe::RingElement,
    schema::Schema,
};
use serde::{Deserialize, Serialize};

use super::{
    Account, Admission, Approvals, CommitteeState, ComponentVote, ContributionState, Draft, EpochSnapshot,
    EquivocationRecord, LeafChange, Odometer, Party, Protocol, QueryState, Registration, StateView, Study, Suspension,
    Tip,
};
use crate::{
    Error,
    codec::{check_length, decode, encode},
    units::{Amount, CommitteeEpoch, ContributionIndex, Epoch, Height, LeafIndex},
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
    /// Why a committee member's word no longer counts.
    Suspension(member: MemberIndex) => Suspension, suspension, put_suspension;
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
