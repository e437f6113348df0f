//! Transactions: one file for each, with a stateless check and its execution.

mod access;
mod accredit;
mod aggregate;
mod amend_study;
mod committee;
mod components;
mod consent;
mod consortium;
mod contribute;
mod dataset;
mod equivocation;
mod false_receipt;
mod invite;
mod licence;
mod open_query;
mod outcome;
mod pay;
mod record;
mod refund;
mod respond;
mod schema;
mod screening;
mod seal;
mod settlement;
mod study;
mod study_design;
mod transfer;
mod withdraw;

use std::{fmt, str::FromStr};

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    domain::{ByteTag, hash},
    id::{AccountId, ChainId, DatasetId, Digest, LicenceId, QueryId, ScreeningId, StudyId, WithdrawalId},
    rlwe::params::CIPHERTEXT_BYTES,
    schema::Schema,
};
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};

pub use access::{ACCESSES_MAX, AccessKind, RecordAccess};
pub use accredit::Governance;
pub use aggregate::{Aggregate, ContributionSetHasher, MemberSignature, aggregate_message, contribution_set_digest};
pub use amend_study::{AmendStudy, STUDY_VERSIONS_MAX};
pub use committee::{
    CommitteeCommit, CommitteeComplain, CommitteeConfirm, CommitteeReveal, CommitteeShare, REASON_BYTES_MAX,
};
pub use components::{ComponentDigests, SubmitComponents};
pub use consent::ChangeConsent;
pub use consortium::{APPROVAL_BLOCKS_MAX, CHANGES_MAX, ConsortiumChange, open_votes};
pub(crate) use consortium::{require_protocol, require_validators, upgrade};
pub use contribute::{Attestation, Contribution, ContributionPart, Receipt};
pub use dataset::{AllowedUse, DATASETS_OF_RECORD_MAX, OfferDataset, require_offered};
pub use equivocation::{EVIDENCE_BLOCKS_MAX, Equivocation, SignedStatement};
pub use false_receipt::{FalseReceipt, StoredCiphertext};
pub use invite::{AnswerInvitation, InvitationAnswer, Invite};
pub use licence::{GrantLicence, RequestLicence, TERM_DAYS_MAX};
pub(crate) use open_query::execute as open_query;
pub use outcome::{OUTCOME_QUERIES_MAX, OUTCOMES_MAX, PostOutcome};
pub use record::RegisterRecord;
pub use respond::ScreeningResponse;
pub use settlement::{Deposit, RequestWithdrawal, SettleWithdrawal};
pub use study::StudyRegistration;
pub use study_design::{DesignStudy, PLANNED_MAX, SITES_MAX, Site, StudyDesign};
pub use transfer::Transfer;
pub use withdraw::Withdraw;

use crate::{
    Error,
    codec::{check_length, decode, encode},
    event::Event,
    execute::Context,
    query::CohortQuery,
    screening::ScreeningQuery,
    signature::{self, Signature, account_of},
    state::{Draft, StateRead},
    units::{CommitteeEpoch, LeafIndex},
};

/// The largest transaction but for evidence: a schema of 32 attributes with long texts, eight parts of 36 components, or
/// a committee's polynomial fit.
pub const TRANSACTION_BYTES_MAX: usize = 64 * 1024;
/// The largest evidence of a false receipt, which carries a ciphertext. A member is suspended once, so there are few.
pub const EVIDENCE_BYTES_MAX: usize = CIPHERTEXT_BYTES + 1024;

/// Digest of a transaction's canonical bytes.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct TransactionId(Digest);

impl TransactionId {
    /// The id with this digest, as an index or a request names it.
    #[must_use]
    pub const fn from_digest(digest: Digest) -> Self {
        Self(digest)
    }

    /// The digest.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.0
    }
}

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for TransactionId {
    type Err = circuits::Error;

    fn from_str(text: &str) -> Result<Self, circuits::Error> {
        text.parse().map(Self)
    }
}

/// What an account can sign.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Governance accredits or suspends a party, or starts a new committee key.
    Govern(Governance),
    /// Registers a schema; its id is [`Schema::id`].
    RegisterSchema(Schema),
    /// Registers a study; its id is [`StudyRegistration::id`].
    RegisterStudy(StudyRegistration),
    /// An issuer certifies a record.
    RegisterRecord(RegisterRecord),
    /// An owner changes the consent of a record, from the end of the epoch.
    ChangeConsent(ChangeConsent),
    /// An owner revokes a record, from the end of the epoch and for ever.
    RevokeConsent(LeafIndex),
    /// Opens a query, locks its escrow and pays the fee; its id is [`CohortQuery::id`].
    OpenQuery(Box<CohortQuery>),
    /// The payout key withdraws its contribution before the query is sealed.
    Withdraw(Withdraw),
    /// Freezes a query's contributions, or refunds it below its minimum.
    Seal(QueryId),
    /// Brings the aggregate that the committee signed.
    Aggregate(Aggregate),
    /// A committee member reports its components' digests.
    SubmitComponents(SubmitComponents),
    /// Refunds a query whose deadline passed.
    Refund(QueryId),
    /// Moves money.
    Transfer(Transfer),
    /// A subset's leader commits to its key share.
    CommitteeCommit(CommitteeCommit),
    /// A subset's leader says where its revealed share is found.
    CommitteeReveal(CommitteeReveal),
    /// A member confirms the committee key.
    CommitteeConfirm(CommitteeConfirm),
    /// A member complains of a leader, which starts the key generation over.
    CommitteeComplain(CommitteeComplain),
    /// Ends an attempt at a committee key whose step was not done by its deadline, and starts over.
    CommitteeExpire(CommitteeEpoch),
    /// Anyone brings a receipt that its ciphertext refutes, which suspends the member that signed it.
    FalseReceipt(Box<FalseReceipt>),
    /// A validator approves a change of the consortium.
    ApproveChange(ConsortiumChange),
    /// Anyone brings two statements of a validator that contradict each other.
    Equivocation(Box<Equivocation>),
    /// A validator takes its approval of a change back.
    WithdrawApproval(Digest),
    /// A researcher says where a study runs and what it plans to ask, before it asks.
    DesignStudy(DesignStudy),
    /// A researcher gives a study another version of its protocol.
    AmendStudy(AmendStudy),
    /// A researcher says what came out of released queries.
    PostOutcome(PostOutcome),
    /// A researcher closes a study.
    CloseStudy(StudyId),
    /// An owner offers raw data for licences; its id is [`OfferDataset::id`].
    OfferDataset(Box<OfferDataset>),
    /// An owner takes a dataset off.
    WithdrawDataset(DatasetId),
    /// A researcher asks for a licence and locks its price; its id is [`RequestLicence::id`].
    RequestLicence(RequestLicence),
    /// An owner grants a licence and is paid.
    GrantLicence(GrantLicence),
    /// An owner declines a licence, whose price goes back.
    DeclineLicence(LicenceId),
    /// A licensee takes the price back of a licence that nobody answered in time.
    ReclaimLicence(LicenceId),
    /// An owner revokes a granted licence.
    RevokeLicence(LicenceId),
    /// The custodian of a dataset, or a licensee, leaves a receipt of access.
    RecordAccess(RecordAccess),
    /// A settlement institution credits what it was paid off the ledger.
    Deposit(Deposit),
    /// Takes money off the ledger; its id is [`RequestWithdrawal::id`].
    RequestWithdrawal(RequestWithdrawal),
    /// A settlement institution paid a withdrawal out.
    SettleWithdrawal(SettleWithdrawal),
    /// A settlement institution gives a withdrawal back.
    RejectWithdrawal(WithdrawalId),
    /// Opens a screening, locks its escrow and pays the fee; its id is [`ScreeningQuery::id`].
    OpenScreening(Box<ScreeningQuery>),
    /// A sponsor invites somebody who is eligible.
    Invite(Invite),
    /// The one-time key of a response answers an invitation.
    AnswerInvitation(AnswerInvitation),
    /// Ends a screening and returns what is left of its escrow.
    CloseScreening(ScreeningId),
}

/// An action signed by its sender for one chain and one turn.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct SignedAction {
    /// The chain it is for.
    pub chain: ChainId,
    /// Who signs.
    pub sender: AccountId,
    /// The sender's turn.
    pub nonce: u64,
    /// What is done.
    pub action: Action,
    /// The sender's signature over [`action_message`].
    pub signature: Signature,
}

/// A transaction.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transaction {
    /// An action of a known account.
    Signed(SignedAction),
    /// An anonymous contribution: its proofs bind the payout key and the chain in a signature's stead.
    Contribute(Contribution),
    /// An anonymous response to a screening: its proof binds the reply keys and the chain in a signature's stead.
    Respond(ScreeningResponse),
}

/// The digest that a sender signs.
///
/// # Errors
/// [`Error::Malformed`] when a list exceeds borsh's length prefix.
pub fn action_message(chain: &ChainId, sender: &AccountId, nonce: u64, action: &Action) -> Result<Digest, Error> {
    let bytes = encode("action", action)?;
    let parts: [&[u8]; 5] = [b"sign", chain.as_bytes(), sender.as_bytes(), &nonce.to_le_bytes(), &bytes];
    Ok(hash(ByteTag::Transaction, &parts))
}

impl Transaction {
    /// Signs an action with the sender's key.
    ///
    /// # Errors
    /// [`Error::Malformed`] when a list exceeds borsh's length prefix.
    pub fn sign(chain: ChainId, key: &SigningKey, nonce: u64, action: Action) -> Result<Self, Error> {
        Self::sign_by(chain, account_of(key), nonce, action, |message| Ok(signature::sign(key, message)))
    }

    /// Signs an action with a key that is elsewhere.
    ///
    /// # Errors
    /// As [`Transaction::sign`], and whatever the signer returns.
    pub fn sign_by(
        chain: ChainId,
        sender: AccountId,
        nonce: u64,
        action: Action,
        signer: impl FnOnce(&Digest) -> Result<Signature, Error>,
    ) -> Result<Self, Error> {
        let signature = signer(&action_message(&chain, &sender, nonce, &action)?)?;
        Ok(Self::Signed(SignedAction { chain, sender, nonce, action, signature }))
    }

    /// The canonical bytes.
    ///
    /// # Errors
    /// [`Error::Malformed`] when a list exceeds borsh's length prefix.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        encode("transaction", self)
    }

    /// The transaction of canonical bytes.
    ///
    /// # Errors
    /// [`Error::TooLarge`] beyond [`TRANSACTION_BYTES_MAX`], or [`EVIDENCE_BYTES_MAX`] for evidence;
    /// [`Error::Malformed`] otherwise.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let transaction: Self = decode("transaction", bytes, EVIDENCE_BYTES_MAX)?;
        transaction.check_size(bytes.len())?;
        Ok(transaction)
    }

    fn check_size(&self, length: usize) -> Result<(), Error> {
        match self {
            Self::Signed(SignedAction { action: Action::FalseReceipt(_), .. }) => {
                check_length("evidence in bytes", length, EVIDENCE_BYTES_MAX)
            }
            _ => check_length("transaction in bytes", length, TRANSACTION_BYTES_MAX),
        }
    }

    /// The transaction's id.
    ///
    /// # Errors
    /// [`Error::Malformed`] when a list exceeds borsh's length prefix.
    pub fn id(&self) -> Result<TransactionId, Error> {
        Ok(TransactionId(hash(ByteTag::Transaction, &[b"id", &self.to_bytes()?])))
    }

    /// How many proofs stand in for a signature. Verifying one takes fifty times as long.
    #[must_use]
    pub const fn proof_count(&self) -> usize {
        match self {
            Self::Signed(_) => 0,
            Self::Contribute(contribution) => contribution.parts.len(),
            Self::Respond(_) => 1,
        }
    }

    /// The stateless checks: size, chain, signature and the bounds of the fields.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn check(&self, chain: &ChainId) -> Result<(), Error> {
        self.check_size(self.to_bytes()?.len())?;
        match self {
            Self::Signed(signed) => signed.check(chain),
            Self::Contribute(contribution) => contribution.check(),
            Self::Respond(response) => response.check(),
        }
    }
}

impl SignedAction {
    fn check(&self, chain: &ChainId) -> Result<(), Error> {
        if self.chain != *chain {
            return Err(Error::ForeignChain { what: "transaction", found: self.chain, expected: *chain });
        }
        let message = action_message(&self.chain, &self.sender, self.nonce, &self.action)?;
        signature::verify("transaction", self.sender, &message, &self.signature)?;
        match &self.action {
            Action::Govern(governance) => governance.check(),
            Action::RegisterSchema(schema) => Ok(schema.check()?),
            Action::RegisterStudy(study) => study.check(),
            Action::OpenQuery(query) => query.check(),
            Action::Aggregate(aggregate) => aggregate.check(),
            Action::SubmitComponents(components) => components.check(),
            Action::CommitteeComplain(complaint) => complaint.check(),
            Action::Transfer(transfer) => transfer.check(),
            Action::ApproveChange(change) => change.check(),
            Action::DesignStudy(design) => design.check(),
            Action::AmendStudy(amendment) => amendment.check(),
            Action::PostOutcome(outcome) => outcome.check(),
            Action::OfferDataset(offer) => offer.check(),
            Action::RequestLicence(request) => request.check(),
            Action::RecordAccess(receipt) => receipt.check(),
            Action::Deposit(deposit) => deposit.check(),
            Action::RequestWithdrawal(request) => request.check(),
            Action::OpenScreening(screening) => screening.check(),
            Action::RegisterRecord(_)
            | Action::ChangeConsent(_)
            | Action::RevokeConsent(_)
            | Action::Withdraw(_)
            | Action::Seal(_)
            | Action::Refund(_)
            | Action::CommitteeCommit(_)
            | Action::CommitteeReveal(_)
            | Action::CommitteeConfirm(_)
            | Action::CommitteeExpire(_)
            | Action::FalseReceipt(_)
            | Action::Equivocation(_)
            | Action::WithdrawApproval(_)
            | Action::CloseStudy(_)
            | Action::WithdrawDataset(_)
            | Action::GrantLicence(_)
            | Action::DeclineLicence(_)
            | Action::ReclaimLicence(_)
            | Action::RevokeLicence(_)
            | Action::SettleWithdrawal(_)
            | Action::RejectWithdrawal(_)
            | Action::Invite(_)
            | Action::AnswerInvitation(_)
            | Action::CloseScreening(_) => Ok(()),
        }
    }

    fn take_turn(&self, draft: &mut Draft<'_>) -> Result<(), Error> {
        let mut account = draft.account(self.sender)?.unwrap_or_default();
        if account.nonce != self.nonce {
            return Err(Error::Nonce { account: self.sender, found: self.nonce, expected: account.nonce });
        }
        account.nonce = account.nonce.checked_add(1).ok_or(Error::Overflow { what: "nonce" })?;
        draft.put_account(self.sender, &account)
    }

    fn execute(&self, draft: &mut Draft<'_>, context: &Context<'_>) -> Result<Vec<Event>, Error> {
        self.take_turn(draft)?;
        let sender = self.sender;
        match &self.action {
            Action::Govern(governance) => governance.execute(sender, draft, context),
            Action::RegisterSchema(schema) => schema::execute(schema, sender, draft, context),
            Action::RegisterStudy(study) => study.execute(sender, self.nonce, draft, context),
            Action::RegisterRecord(record) => record.execute(sender, draft, context),
            Action::ChangeConsent(change) => change.execute(sender, draft),
            Action::RevokeConsent(record) => consent::revoke(*record, sender, draft),
            Action::OpenQuery(query) => open_query::execute(query, sender, self.nonce, draft, context),
            Action::Withdraw(withdraw) => withdraw.execute(sender, draft),
            Action::Seal(query) => seal::execute(*query, sender, draft, context),
            Action::Aggregate(aggregate) => aggregate.execute(draft, context),
            Action::SubmitComponents(components) => components.execute(sender, draft, context),
            Action::Refund(query) => refund::execute(*query, draft, context),
            Action::Transfer(transfer) => transfer.execute(sender, draft),
            Action::CommitteeCommit(commit) => commit.execute(sender, draft, context),
            Action::CommitteeReveal(reveal) => reveal.execute(sender, draft, context),
            Action::CommitteeConfirm(confirm) => confirm.execute(sender, draft, context),
            Action::CommitteeComplain(complaint) => complaint.execute(sender, draft, context),
            Action::CommitteeExpire(epoch) => committee::expire(*epoch, draft, context),
            Action::FalseReceipt(evidence) => evidence.execute(draft, context),
            Action::ApproveChange(change) => change.execute(sender, draft, context),
            Action::Equivocation(evidence) => evidence.execute(sender, draft, context),
            Action::WithdrawApproval(change) => consortium::withdraw_approval(*change, sender, draft),
            Action::DesignStudy(design) => design.execute(sender, draft),
            Action::AmendStudy(amendment) => amendment.execute(sender, draft, context),
            Action::PostOutcome(outcome) => outcome.execute(sender, draft, context),
            Action::CloseStudy(study) => outcome::close(*study, sender, draft, context),
            Action::OfferDataset(offer) => offer.execute(sender, self.nonce, draft, context),
            Action::WithdrawDataset(dataset) => dataset::withdraw(*dataset, sender, draft, context),
            Action::RequestLicence(request) => request.execute(sender, self.nonce, draft, context),
            Action::GrantLicence(grant) => grant.execute(sender, draft, context),
            Action::DeclineLicence(licence) => licence::decline(*licence, sender, draft, context),
            Action::ReclaimLicence(licence) => licence::reclaim(*licence, sender, draft, context),
            Action::RevokeLicence(licence) => licence::revoke(*licence, sender, draft, context),
            Action::RecordAccess(receipt) => receipt.execute(sender, draft, context),
            Action::Deposit(deposit) => deposit.execute(sender, draft, context),
            Action::RequestWithdrawal(request) => request.execute(sender, self.nonce, draft, context),
            Action::SettleWithdrawal(settled) => settled.execute(sender, draft, context),
            Action::RejectWithdrawal(withdrawal) => settlement::reject(*withdrawal, sender, draft, context),
            Action::OpenScreening(query) => screening::open(query, sender, self.nonce, draft, context),
            Action::Invite(invitation) => invitation.execute(sender, draft, context),
            Action::AnswerInvitation(answer) => answer.execute(sender, draft, context),
            Action::CloseScreening(screening) => screening::close(*screening, sender, draft, context),
        }
    }
}

/// Executes a transaction that passed [`Transaction::check`] on a draft. On an error the draft is spoiled.
pub(crate) fn execute(
    transaction: &Transaction,
    draft: &mut Draft<'_>,
    context: &Context<'_>,
) -> Result<Vec<Event>, Error> {
    match transaction {
        Transaction::Signed(signed) => signed.execute(draft, context),
        Transaction::Contribute(contribution) => contribution.execute(transaction.id()?, draft, context),
        Transaction::Respond(response) => response.execute(transaction.id()?, draft, context),
    }
}
