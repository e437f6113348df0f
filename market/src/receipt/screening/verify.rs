//! Checking a screening's receipt with nothing but the receipt: S1 to S4 of `docs/protocol/screening-receipt.md`.

use std::{collections::BTreeSet, fmt};

use borsh::BorshDeserialize;
use circuits::{
    criteria::{Clause, MatchClause},
    eligibility::EligibilityVerifier,
    groth16::KeyOrigin,
    id::{AccountId, ChainId, ScreeningId},
    schema::Schema,
};
use node::{
    StateProof,
    genesis::Network,
    light::VerifiedHeader,
    screening::ResponseClaim,
    state::{ResponseState, ResponseStatus, ScreeningState, StateKey},
    transaction::{ScreeningResponse, Transaction},
    units::{Epoch, Height, ResponseIndex, Timestamp},
};
use serde::Serialize;

use super::ScreeningReceipt;
use crate::{
    Error,
    query::NamedClause,
    receipt::{
        chain::{check_epochs, check_header},
        proofs::BATCH_MAX,
        verify::{Check, Checks, refuse},
    },
    so_many,
};

const S1: &str = "S1 header";
const S2: &str = "S2 screening";
const S3: &str = "S3 responses";
const S4: &str = "S4 proofs";

/// Who certified the records, as far as the proofs tell: which of several issuers certified which, or how many, they hide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "scope")]
pub enum CertifiedBy {
    /// All of them this issuer.
    Issuer {
        /// Who.
        issuer: AccountId,
    },
    /// Each of them one of these.
    OneOf {
        /// Whom the screening asks.
        issuers: Vec<AccountId>,
    },
    /// Each of them somebody who was accredited then.
    AnyAccredited,
}

impl fmt::Display for CertifiedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Issuer { issuer } => write!(f, "certified by issuer {issuer}"),
            Self::OneOf { issuers } => {
                let names: Vec<_> = issuers.iter().map(ToString::to_string).collect();
                write!(f, "each certified by one of {}; by which, the proofs hide", names.join(", "))
            }
            Self::AnyAccredited => f.write_str("each certified by an accredited issuer; by which, the proofs hide"),
        }
    }
}

/// A receipt of a screening that holds. Only [`verify`] makes one.
#[derive(Debug, Clone, Serialize)]
pub struct VerifiedScreeningReceipt {
    chain: ChainId,
    network: Network,
    proving_key: KeyOrigin,
    screening: ScreeningId,
    height: Height,
    time: Timestamp,
    records: u32,
    criteria: Vec<String>,
    certified_by: CertifiedBy,
    state: ScreeningState,
    checks: Vec<Check>,
    #[serde(skip)]
    proofs: Vec<ResponseClaim>,
}

impl VerifiedScreeningReceipt {
    /// The chain; compare it with the one the consortium published.
    #[must_use]
    pub const fn chain(&self) -> ChainId {
        self.chain
    }

    /// What kind of network the genesis in the receipt founds. Anyone can found one.
    #[must_use]
    pub const fn network(&self) -> Network {
        self.network
    }

    /// Where the key comes from that the proofs verify under. Whoever knows a seed forges them.
    #[must_use]
    pub const fn proving_key(&self) -> KeyOrigin {
        self.proving_key
    }

    /// The screening.
    #[must_use]
    pub const fn screening(&self) -> ScreeningId {
        self.screening
    }

    /// The block that the count is of. Later ones may hold more responses.
    #[must_use]
    pub const fn height(&self) -> Height {
        self.height
    }

    /// That block's time, in seconds since 1970.
    #[must_use]
    pub const fn time(&self) -> Timestamp {
        self.time
    }

    /// Distinct certified records that meet the criteria and whose holders allow to be asked.
    #[must_use]
    pub const fn records(&self) -> u32 {
        self.records
    }

    /// The criteria in words, one for each group; all of them hold.
    #[must_use]
    pub fn criteria(&self) -> &[String] {
        &self.criteria
    }

    /// Who certified the records.
    #[must_use]
    pub const fn certified_by(&self) -> &CertifiedBy {
        &self.certified_by
    }

    /// The screening as the block left it.
    #[must_use]
    pub const fn state(&self) -> &ScreeningState {
        &self.state
    }

    /// What was checked, in order.
    #[must_use]
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// What each response proved beside the screening's terms, with its proof, in ledger order.
    #[must_use]
    pub fn proofs(&self) -> &[ResponseClaim] {
        &self.proofs
    }
}

/// Verifies a screening's receipt.
///
/// # Errors
/// [`Error::Receipt`] with the check that fails.
pub fn verify(receipt: &ScreeningReceipt) -> Result<VerifiedScreeningReceipt, Error> {
    verify_watched(receipt, &mut |_| {})
}

/// The same, and tells of each check as soon as it held, in order; the one that fails is told by the error alone.
///
/// # Errors
/// As [`verify`].
pub fn verify_watched(
    receipt: &ScreeningReceipt,
    watch: &mut dyn FnMut(&Check),
) -> Result<VerifiedScreeningReceipt, Error> {
    let mut checks = Checks::watched_by(watch);

    let verified = check_header(S1, &receipt.genesis, &receipt.handovers, &receipt.header)?;
    let header = *verified.header();
    checks.held("S1", format!("block {} of chain {} is signed by its validators", header.height, header.chain));

    let state = check_screening(receipt, &verified)?;
    checks.held("S2", format!("the ledger holds screening {} with these terms", receipt.screening));

    let responses = check_responses(receipt, &verified, &state)?;
    let counted = so_many(responses.len(), "response is", "responses are");
    checks.held("S3", format!("{counted} all that it admitted, no nullifier twice"));

    let proofs = check_proofs(receipt, &verified, &state, &responses)?;
    let counted = so_many(responses.len(), "eligibility proof verifies", "eligibility proofs verify");
    checks.held("S4", format!("{counted} against the ledger's epoch roots"));

    Ok(VerifiedScreeningReceipt {
        chain: header.chain,
        network: receipt.genesis.network,
        proving_key: receipt.genesis.eligibility.origin(),
        screening: receipt.screening,
        height: header.height,
        time: header.time,
        records: state.eligible,
        criteria: criteria(&state, &receipt.schema),
        certified_by: certified_by(&state),
        state,
        checks: checks.all(),
        proofs,
    })
}

fn criteria(state: &ScreeningState, schema: &Schema) -> Vec<String> {
    let named = |clause: &Clause| NamedClause::of(&MatchClause::from(*clause), schema, None, 0).to_string();
    let group = |clauses: &Vec<Clause>| clauses.iter().map(named).collect::<Vec<_>>().join(" or ");
    state.screening.criteria.groups.iter().map(group).collect()
}

fn certified_by(state: &ScreeningState) -> CertifiedBy {
    match state.screening.issuers.as_slice() {
        [] => CertifiedBy::AnyAccredited,
        [issuer] => CertifiedBy::Issuer { issuer: *issuer },
        issuers => CertifiedBy::OneOf { issuers: issuers.to_vec() },
    }
}

/// What the header's state holds under a key.
fn read<T: BorshDeserialize>(
    check: &'static str,
    header: &VerifiedHeader,
    key: StateKey,
    proof: &StateProof,
) -> Result<T, Error> {
    match header.read(key, proof) {
        Ok(Some(value)) => Ok(value),
        Ok(None) => refuse(check, "the ledger does not hold it"),
        Err(error) => refuse(check, error.to_string()),
    }
}

/// S2. The screening's state is in the state root, its terms hash to its id, and the schema is the one that they name.
fn check_screening(receipt: &ScreeningReceipt, header: &VerifiedHeader) -> Result<ScreeningState, Error> {
    let id = receipt.screening;
    let state: ScreeningState = read(S2, header, StateKey::Screening(id), &receipt.screening_state)?;
    if state.screening.id(&header.header().chain, &state.sponsor, state.nonce)? != id {
        return refuse(S2, format!("the terms do not hash to {id}"));
    }
    if receipt.schema.id()? != state.screening.schema {
        return refuse(S2, "the schema is not the one that the screening names");
    }
    Ok(state)
}

/// S3. The responses are those at every place up to the count, each in the state root and the one that was sent; their
/// nullifiers are distinct, and what became of them adds up to what the screening's state says.
fn check_responses(
    receipt: &ScreeningReceipt,
    header: &VerifiedHeader,
    state: &ScreeningState,
) -> Result<Vec<(ResponseState, ScreeningResponse)>, Error> {
    let (found, counted) = (receipt.responses.len(), state.eligible);
    if u32::try_from(found) != Ok(counted) {
        let found = so_many(found, "response is here", "responses are here");
        return refuse(S3, format!("{found}, and the ledger counted {counted}"));
    }
    let mut nullifiers = BTreeSet::new();
    let mut responses = vec![];
    for (place, evidence) in (0..).map(ResponseIndex::new).zip(&receipt.responses) {
        let key = StateKey::Response(receipt.screening, place);
        let admitted: ResponseState = read(S3, header, key, &evidence.state)?;
        let sent = ScreeningResponse {
            screening: receipt.screening,
            reply: admitted.reply,
            sealing: admitted.sealing.clone(),
            root: evidence.root,
            nullifier: admitted.nullifier,
            proof: evidence.proof,
        };
        if Transaction::Respond(sent.clone()).id()? != admitted.transaction {
            return refuse(S3, format!("response {place} is not the one admitted"));
        }
        if !nullifiers.insert(admitted.nullifier) {
            return refuse(S3, format!("nullifier {} appears twice", admitted.nullifier));
        }
        responses.push((admitted, sent));
    }
    check_counts(state, &responses)?;
    Ok(responses)
}

fn check_counts(state: &ScreeningState, responses: &[(ResponseState, ScreeningResponse)]) -> Result<(), Error> {
    let (mut invited, mut accepted, mut declined) = (0, 0, 0);
    for (response, _) in responses {
        invited += u32::from(response.status != ResponseStatus::Eligible);
        accepted += u32::from(matches!(response.status, ResponseStatus::Accepted { .. }));
        declined += u32::from(matches!(response.status, ResponseStatus::Declined { .. }));
    }
    if [invited, accepted, declined] != [state.invited, state.accepted, state.declined] {
        return refuse(S3, "those invited, accepted and declined are not as many as the ledger counted");
    }
    Ok(())
}

/// S4. Every proof verifies for the screening's terms, against the root of the epoch that admitted it.
fn check_proofs(
    receipt: &ScreeningReceipt,
    header: &VerifiedHeader,
    state: &ScreeningState,
    responses: &[(ResponseState, ScreeningResponse)],
) -> Result<Vec<ResponseClaim>, Error> {
    let epochs = check_epochs(S4, &receipt.epochs, header.state())?;
    let mut claims: Vec<ResponseClaim> = vec![];
    for (place, (admitted, sent)) in responses.iter().enumerate() {
        let epoch = Epoch::of(admitted.height, receipt.genesis.parameters.epoch_blocks);
        if epochs.get(&epoch) != Some(&sent.root) {
            return refuse(S4, format!("response {place} is against another root than that of epoch {epoch}"));
        }
        claims.push((sent.instance(&header.header().chain)?, sent.proof));
    }
    let verifier = EligibilityVerifier::new(&receipt.genesis.eligibility, &state.terms(receipt.screening))?;
    for (batch, first) in claims.chunks(BATCH_MAX).zip((0..).step_by(BATCH_MAX)) {
        if verifier.verify_batch(batch).is_err() {
            return named_failure(&verifier, batch, first);
        }
    }
    Ok(claims)
}

/// Which of a batch's proofs fails.
fn named_failure<T>(verifier: &EligibilityVerifier, batch: &[ResponseClaim], first: usize) -> Result<T, Error> {
    for (place, (instance, proof)) in (first..).zip(batch) {
        if let Err(error) = verifier.verify(instance, proof) {
            return refuse(S4, format!("the proof of response {place}: {error}"));
        }
    }
    refuse(S4, "the proofs do not verify together")
}
