//! Applying transactions: `apply(state, transaction, context) → (change, events)`, pure and total.

use circuits::{
    domain::PROTOCOL_VERSION,
    eligibility::EligibilityInstance,
    groth16::ProofBytes,
    id::{AccountId, ChainId, Evaluation, QueryId},
    quorum::MemberIndex,
};

use crate::{
    Error,
    event::Event,
    genesis::Genesis,
    proof::{Claim, Groth16Verifier, QueryPart},
    query::CohortQuery,
    screening::{ResponseClaim, ScreeningStatement},
    state::{
        CommitteeState, Draft, EpochSnapshot, Party, Protocol, QueryState, Standing, StateChange, StateRead, StateView,
        Tip, committee_of,
    },
    transaction::{Transaction, execute, open_query},
    units::{Amount, CommitteeEpoch, Epoch, Height, Timestamp},
};

/// Verifies contributions and responses; a seam, so that tests of the state machine need no pairings.
pub trait ProofVerifier: Send + Sync {
    /// The point where a contribution's ciphertext is opened: receipts attest its values there.
    ///
    /// # Errors
    /// [`Error::Proof`] when the proof is none.
    fn challenge(
        &self,
        part: &QueryPart<'_>,
        instance: &EligibilityInstance,
        proof: &ProofBytes,
    ) -> Result<Evaluation, Error>;

    /// Verifies one contribution.
    ///
    /// # Errors
    /// [`Error::Proof`] when it does not verify.
    fn verify(&self, part: &QueryPart<'_>, claim: &Claim) -> Result<(), Error>;

    /// Verifies many contributions to one part at once and remembers them, so that verifying each costs little. A
    /// verifier may do nothing here.
    ///
    /// # Errors
    /// [`Error::Proof`] when one of them does not verify; verify one by one to learn which.
    fn verify_together(&self, _part: &QueryPart<'_>, _claims: &[Claim]) -> Result<(), Error> {
        Ok(())
    }

    /// Verifies one response to a screening.
    ///
    /// # Errors
    /// [`Error::Refused`] when it does not verify.
    fn verify_response(&self, statement: &ScreeningStatement<'_>, claim: &ResponseClaim) -> Result<(), Error>;

    /// Verifies many responses to one screening at once, as [`ProofVerifier::verify_together`] does contributions.
    ///
    /// # Errors
    /// [`Error::Refused`] when one of them does not verify; verify one by one to learn which.
    fn verify_responses_together(
        &self,
        _statement: &ScreeningStatement<'_>,
        _claims: &[ResponseClaim],
    ) -> Result<(), Error> {
        Ok(())
    }
}

/// What a transaction may depend on beside the state: nothing else in the world.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// This chain.
    pub chain: ChainId,
    /// Its genesis.
    pub genesis: &'a Genesis,
    /// The block being executed.
    pub height: Height,
    /// Its time.
    pub time: Timestamp,
    /// Its epoch.
    pub epoch: Epoch,
    /// The proof verifier.
    pub proofs: &'a dyn ProofVerifier,
}

/// Applies one transaction.
///
/// # Errors
/// Why the transaction is refused; nothing changed then.
pub fn apply(
    view: &dyn StateView,
    transaction: &Transaction,
    context: &Context<'_>,
) -> Result<(StateChange, Vec<Event>), Error> {
    transaction.check(&context.chain)?;
    apply_checked(view, transaction, context)
}

/// Applies one transaction that passed [`Transaction::check`].
pub(crate) fn apply_checked(
    view: &dyn StateView,
    transaction: &Transaction,
    context: &Context<'_>,
) -> Result<(StateChange, Vec<Event>), Error> {
    let mut draft = Draft::new(view);
    let events = execute(transaction, &mut draft, context)?;
    Ok((draft.finish(), events))
}

/// What opening a query would meet in the next block, without sending it: the ledger's own checks, its money included.
///
/// # Errors
/// The ledger's refusal.
pub fn foresee_opening(
    view: &dyn StateView,
    genesis: &Genesis,
    query: &CohortQuery,
    researcher: AccountId,
) -> Result<(), Error> {
    query.check()?;
    let missing = || Error::Unknown { what: "tip of the chain", id: "latest".into() };
    let mut draft = Draft::new(view);
    let Tip { height, time, epoch } = draft.tip()?.ok_or_else(missing)?;
    let proofs = Groth16Verifier::new(genesis.contribution.clone());
    let chain = genesis.chain_id()?;
    let context = Context { chain, genesis, height: height.after(1), time, epoch, proofs: &proofs };
    let nonce = draft.account(researcher)?.unwrap_or_default().nonce;
    open_query(query, researcher, nonce, &mut draft, &context).map(|_| ())
}

/// The state that a genesis begins with.
///
/// # Errors
/// [`Error::Genesis`] for an unsound genesis.
pub fn genesis_state(genesis: &Genesis, empty_root: circuits::id::EpochRoot) -> Result<StateChange, Error> {
    genesis.check()?;
    let mut draft = Draft::new(&Nothing);
    for (account, balance) in &genesis.balances {
        credit(&mut draft, *account, *balance)?;
    }
    draft.put_committee_epoch(&CommitteeEpoch::default())?;
    draft.put_committee(CommitteeEpoch::default(), &CommitteeState::default())?;
    draft.put_committee_members(CommitteeEpoch::default(), &genesis.committee)?;
    let snapshot = EpochSnapshot { root: empty_root, leaves: 0, height: Height::default() };
    draft.put_epoch_snapshot(Epoch::default(), &snapshot)?;
    draft.put_tip(&Tip { height: Height::default(), time: genesis.time, epoch: Epoch::default() })?;
    draft.put_validators(&genesis.validators)?;
    draft.put_protocol(&Protocol { version: PROTOCOL_VERSION, upgrade: None })?;
    draft.put_supply(&genesis.supply()?)?;
    draft.put_fee_schedule(&genesis.parameters.fees)?;
    Ok(draft.finish())
}

/// The view before genesis.
struct Nothing;

impl StateView for Nothing {
    fn bytes(&self, _: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(None)
    }
}

/// Adds money to an account.
pub(crate) fn credit(draft: &mut Draft<'_>, to: AccountId, amount: Amount) -> Result<(), Error> {
    let mut account = draft.account(to)?.unwrap_or_default();
    account.balance = account.balance.plus(amount)?;
    draft.put_account(to, &account)
}

/// Takes money from an account that holds it.
pub(crate) fn debit(draft: &mut Draft<'_>, from: AccountId, amount: Amount) -> Result<(), Error> {
    let mut account = draft.account(from)?.unwrap_or_default();
    if account.balance < amount {
        return Err(Error::Insufficient { account: from, balance: account.balance, needed: amount });
    }
    account.balance = account.balance.minus(amount)?;
    draft.put_account(from, &account)
}

/// Adds a fee that was debited to the consortium's pot.
pub(crate) fn collect_fee(draft: &mut Draft<'_>, amount: Amount) -> Result<(), Error> {
    let fees = draft.fees()?.unwrap_or_default().plus(amount)?;
    draft.put_fees(&fees)
}

/// The query, which must exist.
pub(crate) fn require_query(draft: &Draft<'_>, id: QueryId) -> Result<QueryState, Error> {
    draft.query(id)?.ok_or_else(|| Error::Unknown { what: "query", id: id.to_string() })
}

/// A refusal that names the query.
pub(crate) fn query_error(query: QueryId, why: impl Into<String>) -> Error {
    Error::Query { query, why: why.into() }
}

fn require_accredited(party: Option<Party>, refused: Error) -> Result<(), Error> {
    match party {
        Some(Party { standing: Standing::Accredited, .. }) => Ok(()),
        _ => Err(refused),
    }
}

/// The account must be an accredited issuer.
pub(crate) fn require_issuer(draft: &Draft<'_>, account: AccountId, action: &'static str) -> Result<(), Error> {
    let remedy = "it is no accredited issuer; governance accredits issuers";
    require_accredited(draft.issuer(account)?, Error::Unauthorized { account, action, remedy })
}

/// The account must be an accredited researcher.
pub(crate) fn require_researcher(draft: &Draft<'_>, account: AccountId, action: &'static str) -> Result<(), Error> {
    let remedy = "it is no accredited researcher; governance accredits researchers";
    require_accredited(draft.researcher(account)?, Error::Unauthorized { account, action, remedy })
}

/// The account must be a member's of the committee whose key this is.
pub(crate) fn require_member(
    draft: &Draft<'_>,
    epoch: CommitteeEpoch,
    account: AccountId,
    action: &'static str,
) -> Result<MemberIndex, Error> {
    let remedy = "the committee members of its key do";
    committee_of(draft, epoch)?.index_of(account).ok_or(Error::Unauthorized { account, action, remedy })
}
