//! The dishonest prover: the proof system without the agent around it, on data that everybody can read.

use circuits::{
    contribution::{
        ContributionStatement, ContributionTerms, ContributionVerifier, ContributionWitness, Opening, ProvingKey,
        UnverifiedContribution, prove,
    },
    criteria::MatchCriteria,
    eligibility::{EligibilityInstance, binding},
    id::{AccountId, ChainId, Evaluation, QueryId},
    record::Record,
    rlwe::{
        Ciphertext, Coefficient, Plaintext, PublicKey, encrypt,
        params::{ERROR_BOUND, LAYOUT_SLOTS, RING_DEGREE},
    },
};
use market::{
    committee::access::KeepCiphertext,
    ledger::{SyncedTree, require_query, sync_tree},
    wallet::{Holding, SecretSeed},
};
use node::{
    QueryPart, committee_key,
    signature::{self, account_of},
    state::{QueryState, StateRead, committee_of},
    transaction::{Attestation, Contribution, ContributionPart, Receipt, Transaction},
    units::ContributionIndex,
};
use rand::rngs::StdRng;

use super::Roles;
use crate::Error;

/// What a poisoner adds to every slot.
const POISON: u32 = 255;

/// A contribution that an agent would not make, with what its digests name.
#[derive(Clone)]
pub(super) struct Forgery {
    pub(super) contribution: Contribution,
    pub(super) ciphertexts: Vec<Ciphertext>,
}

/// What is proven, and where it departs from the honest statement.
#[derive(Clone, Copy)]
pub(super) struct Plan<'a> {
    pub(super) holding: &'a Holding,
    /// The chain that it is for.
    pub(super) chain: ChainId,
    pub(super) proving: &'a ProvingKey,
    /// Alters what the query asks to be proven.
    pub(super) alter: fn(&mut ContributionTerms),
    /// Alters, on top of that, for what its ciphertext is said to be implied.
    pub(super) claims: fn(&mut ContributionTerms),
    /// The ciphertext that goes with the proof.
    pub(super) sends: Sends<'a>,
}

/// What is sent with a proof.
#[derive(Clone, Copy)]
pub(super) enum Sends<'a> {
    /// The ciphertext that was proven.
    Proven,
    /// One of a vector that no record has.
    Poison,
    /// One of this record.
    Other(&'a Record),
    /// One of the own vector, one slot further.
    Moved,
    /// One of the own vector, twice over.
    Doubled,
    /// One of what the own record implies where match criteria do not matter.
    Matching,
    /// The ciphertext that was proven, with an error beyond the bound in one coefficient.
    LongError,
    /// The ciphertext that was proven, with a randomness beyond −1, 0 and 1 in one coefficient.
    WideRandomness,
}

/// A part before its proof.
struct Prepared {
    terms: ContributionTerms,
    witness: ContributionWitness,
    instance: EligibilityInstance,
    proven: Ciphertext,
    sent: Ciphertext,
}

fn plaintext(terms: &ContributionTerms, record: &Record) -> Result<Plaintext, circuits::Error> {
    terms.layout.plaintext(&terms.matching, &record.attributes, &record.genotypes)
}

/// A person who makes contributions without the agent's scruples.
pub(super) struct DishonestProver<'a> {
    roles: &'a Roles<'a>,
    id: QueryId,
    state: QueryState,
    key: PublicKey,
    verifiers: Vec<ContributionVerifier>,
    /// The registrations when the attack began.
    tree: SyncedTree,
}

impl<'a> DishonestProver<'a> {
    /// Fetches what everybody can.
    ///
    /// # Errors
    /// [`Error::Market`] or [`Error::Ledger`] when the ledger cannot be read.
    pub(super) fn open(roles: &'a Roles<'a>) -> Result<Self, Error> {
        let (ledger, id) = (&*roles.town.ledger, roles.query);
        let state = require_query(ledger, id)?;
        let key = committee_key(ledger, ledger.chain(), &state)?;
        let verifier = |(part, _)| {
            QueryPart::new(ledger, ledger.chain(), id, &state, part).verifier(&ledger.genesis().contribution)
        };
        let verifiers = (0u8..).zip(&state.query.parts).map(verifier).collect::<Result<_, _>>()?;
        Ok(Self { roles, id, key, verifiers, tree: sync_tree(ledger)?, state })
    }

    /// Encrypts and proves as planned, for a new payout key.
    ///
    /// # Errors
    /// [`Error::Statement`] when the proof system does not prove it.
    pub(super) fn forge(&self, plan: &Plan<'_>, rng: &mut StdRng) -> Result<Forgery, Error> {
        let (payout, prepared) = self.prepare_all(plan, rng)?;
        let prove = |part| prove_truly(plan, &self.key, part, &mut *rng);
        let proofs = prepared.iter().map(prove).collect::<Result<Vec<_>, _>>()?;
        Ok(self.assemble(payout, prepared, proofs))
    }

    /// Encrypts as planned, but lends the proofs of another contribution.
    ///
    /// # Errors
    /// [`Error::Statement`] when the record cannot be opened.
    pub(super) fn borrow_proofs(
        &self,
        plan: &Plan<'_>,
        from: &Contribution,
        rng: &mut StdRng,
    ) -> Result<Forgery, Error> {
        let (payout, prepared) = self.prepare_all(plan, rng)?;
        Ok(self.assemble(payout, prepared, from.parts.iter().map(|part| part.contribution)))
    }

    fn prepare_all(&self, plan: &Plan<'_>, rng: &mut StdRng) -> Result<(AccountId, Vec<Prepared>), Error> {
        let payout = self.new_account(rng);
        let parts = (0u8..).zip(&self.state.query.parts);
        let prepared = parts.map(|(number, _)| self.prepare(plan, number, &payout, rng)).collect::<Result<_, _>>()?;
        Ok((payout, prepared))
    }

    fn assemble(
        &self,
        payout: AccountId,
        prepared: Vec<Prepared>,
        proofs: impl IntoIterator<Item = UnverifiedContribution>,
    ) -> Forgery {
        let parts = prepared.iter().zip(proofs).map(|(Prepared { instance, sent, .. }, contribution)| {
            let EligibilityInstance { root, nullifier, scope_nullifier, .. } = *instance;
            let ciphertext = sent.digest();
            ContributionPart { root, nullifier, scope_nullifier, ciphertext, contribution, receipts: vec![] }
        });
        let contribution = Contribution { query: self.id, payout, parts: parts.collect() };
        Forgery { contribution, ciphertexts: prepared.into_iter().map(|part| part.sent).collect() }
    }

    fn prepare(&self, plan: &Plan<'_>, number: u8, payout: &AccountId, rng: &mut StdRng) -> Result<Prepared, Error> {
        let mut terms = self.state.terms(self.id, number)?;
        (plan.alter)(&mut terms);
        let Holding { record, consent, leaf, registration_epoch } = plan.holding;
        let mut claimed = terms.clone();
        (plan.claims)(&mut claimed);
        let implied = plaintext(&claimed, record)?;
        let (proven, randomness) = encrypt(&self.key, &implied, rng);
        let path = self.tree.tree.path(leaf.get())?;
        let encrypted = (&self.key, &proven, randomness);
        let epoch = registration_epoch.get();
        let witness = ContributionWitness::new(&terms, record, consent.clone(), epoch, path, encrypted)?;
        let own = || implied.slots().iter().copied();
        let sent = match plan.sends {
            Sends::Proven => proven.clone(),
            Sends::Poison => self.poison(rng)?,
            Sends::Other(record) => encrypt(&self.key, &plaintext(&terms, record)?, rng).0,
            Sends::Moved => {
                let moved = [0].into_iter().chain(own()).take(LAYOUT_SLOTS).collect();
                encrypt(&self.key, &Plaintext::new(moved)?, rng).0
            }
            Sends::Doubled => encrypt(&self.key, &Plaintext::new(own().map(|slot| 2 * slot).collect())?, rng).0,
            Sends::Matching => {
                let unmatched = ContributionTerms { matching: MatchCriteria::default(), ..terms.clone() };
                encrypt(&self.key, &plaintext(&unmatched, record)?, rng).0
            }
            Sends::LongError => with_long_error(&proven)?,
            Sends::WideRandomness => with_wide_randomness(&proven, &self.key)?,
        };
        let instance = witness.instance(&terms, binding(&plan.chain, &self.id, number, payout, &sent.digest()));
        Ok(Prepared { terms, witness, instance, proven, sent })
    }

    /// A well-formed ciphertext of a vector that no record has.
    pub(super) fn poison(&self, rng: &mut StdRng) -> Result<Ciphertext, Error> {
        Ok(encrypt(&self.key, &Plaintext::new(vec![POISON; LAYOUT_SLOTS])?, rng).0)
    }

    /// An account that nobody has used.
    pub(super) fn new_account(&self, rng: &mut StdRng) -> AccountId {
        account_of(&SecretSeed::random(rng).signing_key())
    }

    /// Claims for each part what its ciphertext is at the challenge that members draw, so that they have nothing to
    /// refuse.
    ///
    /// # Errors
    /// [`Error::Statement`] when the proof's bytes are no points.
    pub(super) fn claim_true_openings(&self, forgery: &mut Forgery) -> Result<(), Error> {
        let chain = self.roles.town.ledger.chain();
        let Forgery { contribution: Contribution { payout, parts, .. }, ciphertexts } = forgery;
        for (((number, part), ciphertext), verifier) in (0u8..).zip(parts).zip(ciphertexts).zip(&self.verifiers) {
            let instance = part.instance(&chain, &self.id, number, payout);
            let challenges = verifier.challenges(&instance, &part.contribution.proof)?;
            part.contribution.opening = Opening::of(ciphertext, challenges.gamma);
        }
        Ok(())
    }

    /// What members would sign of a part, and what they are asked to keep.
    fn request(&self, forgery: &Forgery, number: u8) -> Result<(Attestation, KeepCiphertext), Error> {
        let missing = || Error::Input { what: "attack", why: format!("the contribution lacks part {number}") };
        let place = usize::from(number);
        let part = forgery.contribution.parts.get(place).ok_or_else(missing)?;
        let ciphertext = forgery.ciphertexts.get(place).ok_or_else(missing)?;
        let verifier = self.verifiers.get(place).ok_or_else(missing)?;
        let chain = self.roles.town.ledger.chain();
        let instance = part.instance(&chain, &self.id, number, &forgery.contribution.payout);
        let gamma = verifier.challenges(&instance, &part.contribution.proof)?.gamma;
        let attestation = part.attestation(self.state.committee, self.id, number, Evaluation::from_element(gamma));
        let (contribution, ciphertext) = (part.contribution, ciphertext.to_packed_bytes());
        Ok((attestation, KeepCiphertext { query: self.id, part: number, instance, contribution, ciphertext }))
    }

    /// Asks every member for its receipts; gives the refusal if fewer attest than must.
    ///
    /// # Errors
    /// [`Error::Statement`] when the proof's bytes are no points.
    pub(super) fn ask_members(&self, forgery: &mut Forgery) -> Result<Result<(), String>, Error> {
        let committee = committee_of(&*self.roles.town.ledger, self.state.committee)?;
        let quorum = committee.quorum;
        for (number, _) in (0u8..).zip(&self.verifiers) {
            let (_, request) = self.request(forgery, number)?;
            let (mut receipts, mut refusals) = (vec![], vec![]);
            for member in &committee.members {
                match self.roles.committee.keep(member.account, &request) {
                    Ok(receipt) => receipts.push(receipt),
                    Err(error) => refusals.push(error.to_string()),
                }
            }
            if receipts.len() < usize::from(quorum.receipts_min()) {
                let first = refusals.first().cloned().unwrap_or_default();
                return Ok(Err(format!("{} of {} members: {first}", refusals.len(), quorum.members())));
            }
            set_receipts(forgery, number, receipts);
        }
        Ok(Ok(()))
    }

    /// Signs every member's receipt with a key of its own.
    ///
    /// # Errors
    /// [`Error::Statement`] when the proof's bytes are no points.
    pub(super) fn forge_receipts(&self, forgery: &mut Forgery, rng: &mut StdRng) -> Result<(), Error> {
        let own = SecretSeed::random(rng).signing_key();
        let ledger = &*self.roles.town.ledger;
        let quorum = committee_of(ledger, self.state.committee)?.quorum;
        for (number, _) in (0u8..).zip(&self.verifiers) {
            let message = self.request(forgery, number)?.0.message(&ledger.chain());
            let sign = |member| Receipt { member, signature: signature::sign(&own, &message) };
            set_receipts(forgery, number, quorum.all_members().map(sign).collect());
        }
        Ok(())
    }

    /// A contribution that the ledger admitted, as everybody can read it in its block, with its ciphertexts.
    ///
    /// # Errors
    /// [`Error::Input`] when the query has none; [`Error::Market`] when a ciphertext is missing.
    pub(super) fn admitted(&self) -> Result<Forgery, Error> {
        let missing = || Error::Input { what: "attack", why: "nobody contributed before it".into() };
        let ledger = &self.roles.town.ledger;
        let admitted = ledger.contribution(self.id, ContributionIndex::new(0))?.ok_or_else(missing)?;
        let block = ledger.block(admitted.height)?.ok_or_else(missing)?;
        let contribution = block.transactions.into_iter().find_map(|transaction| match transaction {
            Transaction::Contribute(sent) if sent.query == self.id && sent.payout == admitted.payout => Some(sent),
            _ => None,
        });
        let contribution = contribution.ok_or_else(missing)?;
        let fetch = |part: &ContributionPart| self.roles.ciphertext(part.ciphertext);
        let ciphertexts = contribution.parts.iter().map(fetch).collect::<Result<_, _>>()?;
        Ok(Forgery { contribution, ciphertexts })
    }
}

/// The ciphertext with more than twice the bound added to the error of its first coefficient, whichever that was.
fn with_long_error(honest: &Ciphertext) -> Result<Ciphertext, Error> {
    let packed = honest.to_packed_bytes();
    let mut coefficients = Coefficient::unpack("ciphertext", &packed, 2 * RING_DEGREE)?;
    if let Some(first) = coefficients.first_mut() {
        *first = first.plus(Coefficient::from_integer(i128::from(2 * ERROR_BOUND + 1)));
    }
    Ok(Ciphertext::from_packed_bytes(&Coefficient::pack(&coefficients))?)
}

/// The ciphertext with three added to the first coefficient of its randomness, whichever of −1, 0 and 1 that was.
fn with_wide_randomness(honest: &Ciphertext, key: &PublicKey) -> Result<Ciphertext, Error> {
    let mut coefficients = Coefficient::unpack("ciphertext", &honest.to_packed_bytes(), 2 * RING_DEGREE)?;
    for (coefficient, one) in coefficients.iter_mut().zip(key.b().coefficients().chain(key.a().coefficients())) {
        *coefficient = (0..3).fold(*coefficient, |sum, _| sum.plus(one));
    }
    Ok(Ciphertext::from_packed_bytes(&Coefficient::pack(&coefficients))?)
}

/// A proof that verifies for its own statement, so that what is refused later is the lie alone.
fn prove_truly(
    plan: &Plan<'_>,
    key: &PublicKey,
    part: &Prepared,
    rng: &mut StdRng,
) -> Result<UnverifiedContribution, Error> {
    let Prepared { terms, witness, instance, proven, .. } = part;
    let contribution = prove(plan.proving, &ContributionStatement { terms, key, instance }, proven, witness, rng)?;
    ContributionVerifier::new(plan.proving.verifying_key(), terms, key)?.verify(instance, &contribution)?;
    Ok(contribution)
}

fn set_receipts(forgery: &mut Forgery, number: u8, receipts: Vec<Receipt>) {
    if let Some(part) = forgery.contribution.parts.get_mut(usize::from(number)) {
        part.receipts = receipts;
    }
}
