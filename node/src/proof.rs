//! Verification of contribution proofs, with what repeats done once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use borsh::BorshSerialize;
use circuits::{
    contribution::{ContributionTerms, ContributionVerifier, UnverifiedContribution, VerifyingKey},
    domain::{ByteTag, hash},
    eligibility::{EligibilityInstance, EligibilityVerifier},
    groth16::ProofBytes,
    id::{ChainId, Digest, Evaluation, QueryId, ScreeningId},
    rlwe::PublicKey,
};

use crate::{
    Error,
    codec::encode,
    execute::{Context, ProofVerifier},
    screening::{ResponseClaim, ScreeningStatement},
    state::{QueryState, StateRead, StateView},
    transaction::Transaction,
};

/// Query parts whose folded inputs are kept, each with a committee key of 128 KB; the set is dropped when it is full.
const FOLDED_MAX: usize = 128;
/// Verified proofs that are remembered between admission and block; the set is dropped when it is full.
const VERIFIED_MAX: usize = 65_536;

/// One part of a query on the ledger: what its contributions are proven for.
#[derive(Clone, Copy)]
pub struct QueryPart<'a> {
    view: &'a dyn StateView,
    chain: ChainId,
    id: QueryId,
    state: &'a QueryState,
    part: u8,
}

impl<'a> QueryPart<'a> {
    /// The part of a query as a view of this chain's state has it.
    #[must_use]
    pub const fn new(view: &'a dyn StateView, chain: ChainId, id: QueryId, state: &'a QueryState, part: u8) -> Self {
        Self { view, chain, id, state, part }
    }

    /// Which part it is.
    #[must_use]
    pub const fn number(&self) -> u8 {
        self.part
    }

    /// Digest of the committee key that ciphertexts are under.
    #[must_use]
    pub const fn key_digest(&self) -> Digest {
        self.state.committee_key
    }

    /// What contributions must prove.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a part that the query lacks.
    pub fn terms(&self) -> Result<ContributionTerms, Error> {
        self.state.terms(self.id, self.part)
    }

    /// The verifier of the part's contributions.
    ///
    /// # Errors
    /// As [`QueryPart::terms`]; [`Error::Corrupt`] when the state lacks the committee's key.
    pub fn verifier(&self, key: &VerifyingKey) -> Result<ContributionVerifier, Error> {
        let committee = committee_key(self.view, self.chain, self.state)?;
        Ok(ContributionVerifier::new(key, &self.terms()?, &committee)?)
    }
}

/// The committee's public key that a query's ciphertexts are under.
///
/// # Errors
/// [`Error::Corrupt`] when the state lacks it, or holds another than the query names.
pub fn committee_key(view: &dyn StateView, chain: ChainId, state: &QueryState) -> Result<PublicKey, Error> {
    let epoch = state.committee;
    let damaged = |why: &str| Error::Corrupt { what: "committee keys", why: format!("key {epoch} {why}") };
    let polynomial = view.committee_polynomial(epoch)?.ok_or_else(|| damaged("is absent"))?;
    let key = PublicKey::new(chain, epoch.into(), polynomial);
    if key.digest() == state.committee_key { Ok(key) } else { Err(damaged("is not the one the query names")) }
}

/// What is verified: an instance, and the contribution that claims it.
pub type Claim = (EligibilityInstance, UnverifiedContribution);

/// The verifier of a chain: folds each query part's inputs once, and remembers proofs that verified, because every
/// proof is met at admission, in the proposal and in the block.
pub struct Groth16Verifier {
    key: VerifyingKey,
    folded: Mutex<BTreeMap<Digest, Arc<ContributionVerifier>>>,
    screenings: Mutex<BTreeMap<Digest, Arc<EligibilityVerifier>>>,
    verified: Mutex<BTreeSet<Digest>>,
}

impl Groth16Verifier {
    /// A verifier under a key.
    #[must_use]
    pub const fn new(key: VerifyingKey) -> Self {
        Self {
            key,
            folded: Mutex::new(BTreeMap::new()),
            screenings: Mutex::new(BTreeMap::new()),
            verified: Mutex::new(BTreeSet::new()),
        }
    }

    /// The verifier of a part, and the digest of what it verifies for.
    fn folded(&self, part: &QueryPart<'_>) -> Result<(Digest, Arc<ContributionVerifier>), Error> {
        let terms = part.terms()?.digest()?;
        let id = hash(ByteTag::VerifyingKey, &[b"part", terms.as_bytes(), part.key_digest().as_bytes()]);
        Ok((id, remembered(&self.folded, id, || part.verifier(&self.key))?))
    }

    /// The verifier of a screening, and the digest of what it verifies for.
    fn folded_screening(
        &self,
        statement: &ScreeningStatement<'_>,
    ) -> Result<(Digest, Arc<EligibilityVerifier>), Error> {
        let ScreeningStatement { key, terms } = *statement;
        let parts: [&[u8]; 3] = [b"screening", &encode("key id", &key.id())?, &encode("terms", terms)?];
        let id = hash(ByteTag::VerifyingKey, &parts);
        Ok((id, remembered(&self.screenings, id, || Ok(EligibilityVerifier::new(key, terms)?))?))
    }

    fn is_verified(&self, id: &Digest) -> bool {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner).contains(id)
    }

    fn remember(&self, ids: impl IntoIterator<Item = Digest>) {
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        for id in ids {
            if verified.len() >= VERIFIED_MAX {
                verified.clear();
            }
            verified.insert(id);
        }
    }
}

/// A verifier that was folded before, or is now.
fn remembered<V>(
    folded: &Mutex<BTreeMap<Digest, Arc<V>>>,
    id: Digest,
    fold: impl FnOnce() -> Result<V, Error>,
) -> Result<Arc<V>, Error> {
    if let Some(verifier) = folded.lock().unwrap_or_else(PoisonError::into_inner).get(&id) {
        return Ok(Arc::clone(verifier));
    }
    let verifier = Arc::new(fold()?);
    let mut folded = folded.lock().unwrap_or_else(PoisonError::into_inner);
    if folded.len() >= FOLDED_MAX {
        folded.clear();
    }
    folded.insert(id, Arc::clone(&verifier));
    Ok(verifier)
}

/// A claim for what a verifier verifies, by digest.
fn claim_id(part: &Digest, claim: &impl BorshSerialize) -> Result<Digest, Error> {
    Ok(hash(ByteTag::VerifyingKey, &[b"verified", part.as_bytes(), &encode("contribution claim", claim)?]))
}

fn refused(part: &QueryPart<'_>, error: &circuits::Error) -> Error {
    Error::Proof { part: part.number(), why: error.to_string() }
}

impl ProofVerifier for Groth16Verifier {
    fn challenge(
        &self,
        part: &QueryPart<'_>,
        instance: &EligibilityInstance,
        proof: &ProofBytes,
    ) -> Result<Evaluation, Error> {
        let (_, verifier) = self.folded(part)?;
        let challenges = verifier.challenges(instance, proof).map_err(|error| refused(part, &error))?;
        Ok(Evaluation::from_element(challenges.gamma))
    }

    fn verify(&self, part: &QueryPart<'_>, claim: &Claim) -> Result<(), Error> {
        let (terms, verifier) = self.folded(part)?;
        let id = claim_id(&terms, claim)?;
        if self.is_verified(&id) {
            return Ok(());
        }
        let (instance, contribution) = claim;
        verifier.verify(instance, contribution).map_err(|error| refused(part, &error))?;
        self.remember([id]);
        Ok(())
    }

    fn verify_together(&self, part: &QueryPart<'_>, claims: &[Claim]) -> Result<(), Error> {
        let (terms, verifier) = self.folded(part)?;
        let (mut ids, mut unseen) = (vec![], vec![]);
        for claim in claims {
            let id = claim_id(&terms, claim)?;
            if !self.is_verified(&id) {
                ids.push(id);
                unseen.push(*claim);
            }
        }
        if unseen.is_empty() {
            return Ok(());
        }
        verifier.verify_batch(&unseen).map_err(|error| refused(part, &error))?;
        self.remember(ids);
        Ok(())
    }

    fn verify_response(&self, statement: &ScreeningStatement<'_>, claim: &ResponseClaim) -> Result<(), Error> {
        let (terms, verifier) = self.folded_screening(statement)?;
        let id = claim_id(&terms, claim)?;
        if !self.is_verified(&id) {
            let (instance, proof) = claim;
            verifier.verify(instance, proof).map_err(|error| refused_response(&error))?;
            self.remember([id]);
        }
        Ok(())
    }

    fn verify_responses_together(
        &self,
        statement: &ScreeningStatement<'_>,
        claims: &[ResponseClaim],
    ) -> Result<(), Error> {
        let (terms, verifier) = self.folded_screening(statement)?;
        let (mut ids, mut unseen) = (vec![], vec![]);
        for claim in claims {
            let id = claim_id(&terms, claim)?;
            if !self.is_verified(&id) {
                ids.push(id);
                unseen.push(*claim);
            }
        }
        if !unseen.is_empty() {
            verifier.verify_batch(&unseen).map_err(|error| refused_response(&error))?;
            self.remember(ids);
        }
        Ok(())
    }
}

fn refused_response(error: &circuits::Error) -> Error {
    let why = format!(
        "the eligibility proof does not verify ({error}); prove against the latest epoch root, for this screening, its \
         two reply keys and this chain"
    );
    Error::Refused { what: "screening response", why }
}

/// Verifies a block's contributions and responses together, before they are executed one by one. Whether one of them is wrong is left
/// to the execution, which names it.
///
/// # Errors
/// [`Error::Storage`] or [`Error::Corrupt`] when the state cannot be read.
pub(crate) fn verify_block(
    view: &dyn StateView,
    transactions: &[Transaction],
    context: &Context<'_>,
) -> Result<(), Error> {
    verify_responses(view, transactions, context)?;
    let mut claims: BTreeMap<(QueryId, u8), Vec<Claim>> = BTreeMap::new();
    for transaction in transactions {
        let Transaction::Contribute(contribution) = transaction else { continue };
        for (number, part) in (0u8..).zip(&contribution.parts) {
            let instance = part.instance(&context.chain, &contribution.query, number, &contribution.payout);
            claims.entry((contribution.query, number)).or_default().push((instance, part.contribution));
        }
    }
    for ((id, number), claims) in claims {
        // A query that opens in this very block is verified one by one.
        let Some(state) = view.query(id)? else { continue };
        let part = QueryPart::new(view, context.chain, id, &state, number);
        if let Err(error @ (Error::Storage { .. } | Error::Corrupt { .. })) =
            context.proofs.verify_together(&part, &claims)
        {
            return Err(error);
        }
    }
    Ok(())
}

fn verify_responses(view: &dyn StateView, transactions: &[Transaction], context: &Context<'_>) -> Result<(), Error> {
    let mut claims: BTreeMap<ScreeningId, Vec<ResponseClaim>> = BTreeMap::new();
    for transaction in transactions {
        let Transaction::Respond(response) = transaction else { continue };
        claims.entry(response.screening).or_default().push((response.instance(&context.chain)?, response.proof));
    }
    for (id, claims) in claims {
        let Some(state) = view.screening(id)? else { continue };
        let statement = ScreeningStatement { key: &context.genesis.eligibility, terms: &state.terms(id) };
        if let Err(error @ (Error::Storage { .. } | Error::Corrupt { .. })) =
            context.proofs.verify_responses_together(&statement, &claims)
        {
            return Err(error);
        }
    }
    Ok(())
}
