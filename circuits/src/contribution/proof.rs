//! Proofs of certified contributions: keys, proving, verification one by one and in batches.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use ark_bn254::Fr;
use ark_ff::Zero;
use ark_relations::gr1cs::{ConstraintSystem, ConstraintSystemRef, OptimizationGoal, SynthesisMode};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use borsh::{BorshDeserialize, BorshSerialize};
use rand::CryptoRng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{
    circuit::{CONSTRAINTS, ContributionCircuit, Round, Synthesized},
    inputs::{INSTANCE_INPUTS, PUBLIC_INPUTS, instance_inputs, terms_inputs},
    statement::{ContributionStatement, ContributionTerms, ContributionWitness, Opening, check},
    transcript::{Challenges, Transcript},
};
use crate::{
    Error,
    ceremony::CeremonyKey,
    eligibility::EligibilityInstance,
    groth16::{
        self, EncodedKey, FoldedInputs, KeyOrigin, PreparedKey, ProofBytes, ProvingPoints, Relation, Statement,
        VerifyingKeyId, VerifyingPoints, altered_key, commit, insecure_points_from_seed, verifying_key_forms,
    },
    rlwe::{Ciphertext, PublicKey, RingElement, horner},
};

fn proving(error: &impl ToString) -> Error {
    Error::Proving { why: error.to_string() }
}

/// The key that verifies contribution proofs, checked to be of this circuit's shape and prepared for pairings.
#[derive(Clone)]
pub struct VerifyingKey {
    origin: KeyOrigin,
    bytes: Vec<u8>,
    id: VerifyingKeyId,
    prepared: Arc<PreparedKey>,
}

impl VerifyingKey {
    /// The key of these points. Their origin is what the caller vouches for.
    ///
    /// # Errors
    /// [`Error::Malformed`] when they are of another circuit.
    pub(super) fn new(origin: KeyOrigin, points: &VerifyingPoints) -> Result<Self, Error> {
        let mut bytes = vec![];
        points.serialize_compressed(&mut bytes).map_err(|error| proving(&error))?;
        let prepared = Arc::new(PreparedKey::new(points.clone(), PUBLIC_INPUTS)?);
        Ok(Self { origin, id: VerifyingKeyId::new(origin, &bytes), bytes, prepared })
    }

    fn encoded(&self) -> EncodedKey {
        EncodedKey { origin: self.origin, bytes: self.bytes.clone() }
    }

    fn decode(encoded: &EncodedKey) -> Result<Self, Error> {
        let points = VerifyingPoints::deserialize_compressed(encoded.bytes.as_slice())
            .map_err(|error| Error::Malformed { what: "verifying key", why: error.to_string() })?;
        let key = Self::new(encoded.origin, &points)?;
        if key.bytes == encoded.bytes { Ok(key) } else { Err(Error::NonCanonical { what: "verifying key" }) }
    }

    /// Where the key came from.
    #[must_use]
    pub const fn origin(&self) -> KeyOrigin {
        self.origin
    }

    /// The digest by which proofs, genesis and receipts name the key.
    #[must_use]
    pub const fn id(&self) -> VerifyingKeyId {
        self.id
    }
}

verifying_key_forms!(VerifyingKey);

/// The key that makes contribution proofs.
pub struct ProvingKey {
    verifying: VerifyingKey,
    points: ProvingPoints,
    relation: OnceLock<Shape>,
}

/// The circuit as matrices, and where its committed wires are allocated.
pub(super) struct Shape {
    pub(super) relation: Relation,
    committed: Vec<usize>,
}

impl Shape {
    /// The circuit of this version; the same in every process.
    pub(super) fn synthesize() -> Result<Self, Error> {
        let system = ConstraintSystem::new_ref();
        system.set_optimization_goal(OptimizationGoal::Constraints);
        system.set_mode(SynthesisMode::Setup);
        let synthesized = ContributionCircuit::shape().synthesize(&system, Round::Prove);
        let Synthesized { counts, committed } = synthesized.map_err(|error| proving(&error))?;
        let paragraphs = counts.iter().zip(counts.iter().skip(1)).map(|(start, end)| end - start);
        if !paragraphs.eq(CONSTRAINTS.map(|(_, count)| count)) {
            return Err(Error::Proving { why: "the circuit is not the pinned one".into() });
        }
        Ok(Self { relation: Relation::new(&system, &committed)?, committed })
    }
}

/// The circuit's matrices, the same in every process, with the committed witnesses first.
///
/// # Errors
/// [`Error::Proving`] when the circuit does not synthesize.
pub fn relation() -> Result<Relation, Error> {
    Ok(Shape::synthesize()?.relation)
}

impl ProvingKey {
    /// The key of these points. Their origin is what the caller vouches for: a ceremony that is finished, a seed, or a
    /// verifying key that is known.
    ///
    /// # Errors
    /// [`Error::Malformed`] when they are of another circuit.
    fn new(origin: KeyOrigin, points: ProvingPoints) -> Result<Self, Error> {
        Ok(Self { verifying: VerifyingKey::new(origin, &points.verifying)?, points, relation: OnceLock::new() })
    }

    /// The key that a ceremony made.
    ///
    /// # Errors
    /// [`Error::Ceremony`] when it is of another circuit.
    pub fn from_ceremony(key: CeremonyKey) -> Result<Self, Error> {
        let shape = Shape::synthesize()?;
        let points = key.into_points(&shape.relation)?;
        Ok(Self { relation: shape.into(), ..Self::new(KeyOrigin::Ceremony, points)? })
    }

    /// The key that verifies this key's proofs.
    #[must_use]
    pub const fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying
    }

    /// The key's points.
    #[must_use]
    pub const fn points(&self) -> &ProvingPoints {
        &self.points
    }

    /// The key's points, uncompressed, for a local file.
    ///
    /// # Errors
    /// [`Error::Proving`] when the points cannot be written.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::with_capacity(self.points.uncompressed_size());
        self.points.serialize_uncompressed(&mut bytes).map_err(|error| proving(&error))?;
        Ok(bytes)
    }

    /// Reads a key that belongs to a verifying key. The points that blind proofs are checked; the others are not, one by
    /// one: with a wrong one [`prove`] fails. Whoever chose it could learn of the witness only that it failed.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the bytes are no key, or one of another verifying key.
    pub fn from_bytes(bytes: &[u8], expected: &VerifyingKey) -> Result<Self, Error> {
        let malformed = |why: String| Error::Malformed { what: "proving key", why };
        let points =
            ProvingPoints::deserialize_uncompressed_unchecked(bytes).map_err(|error| malformed(error.to_string()))?;
        points.check_blinding()?;
        let key = Self::new(expected.origin, points)?;
        if key.verifying != *expected {
            return Err(malformed(format!("belongs to {}, not to {}", key.verifying.id, expected.id)));
        }
        Ok(key)
    }

    /// The circuit's matrices, computed before the first proof.
    fn shape(&self) -> Result<&Shape, Error> {
        if let Some(shape) = self.relation.get() {
            return Ok(shape);
        }
        let shape = Shape::synthesize()?;
        Ok(self.relation.get_or_init(|| shape))
    }
}

impl fmt::Debug for ProvingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProvingKey({})", self.verifying.id)
    }
}

/// Makes keys from a public seed. **Insecure**: whoever knows the seed can forge proofs, so networks other than demo
/// and test refuse such keys.
///
/// # Errors
/// [`Error::Proving`] when the circuit does not synthesize.
pub fn insecure_proving_key_from_seed(seed: [u8; 32]) -> Result<ProvingKey, Error> {
    let shape = Shape::synthesize()?;
    let points = insecure_points_from_seed(&shape.relation, seed)?;
    Ok(ProvingKey { relation: shape.into(), ..ProvingKey::new(KeyOrigin::InsecureSeed, points)? })
}

/// Bytes of a contribution's proof and opening.
pub const CONTRIBUTION_BYTES: usize = groth16::PROOF_BYTES + 64;

/// A proof with the opening that it claims, as they travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct UnverifiedContribution {
    /// The proof.
    pub proof: ProofBytes,
    /// The claimed values of the ciphertext's polynomials at the challenge.
    pub opening: Opening,
}

/// Proves that the ciphertext encrypts what the witness's record implies; two proofs of one statement share nothing.
///
/// # Errors
/// [`Error::Refuted`] with the clause that does not hold; [`Error::Proving`] when the proof system fails, and for a key whose
/// proofs do not verify.
pub fn prove(
    key: &ProvingKey,
    statement: &ContributionStatement<'_>,
    ciphertext: &Ciphertext,
    witness: &ContributionWitness,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<UnverifiedContribution, Error> {
    check(statement, ciphertext, witness)?;
    let shape = key.shape()?;
    let committed = Zeroizing::new(committed_wires(shape, statement.terms, witness)?);
    let commitment = commit(&key.points, &committed, rng)?;
    let transcript = Transcript::new(&key.verifying.id, statement.key, statement.terms)?;
    let challenges = transcript.challenges(statement.instance, &commitment.point())?;
    let opening = Opening::of(ciphertext, challenges.gamma);
    let committee = [statement.key.a(), statement.key.b()].map(|element| element.evaluate(challenges.gamma));
    let inputs = instance_inputs(statement.instance, &challenges, committee, &opening);
    let system = assigned(statement.terms, inputs, witness, Round::Prove)?;
    let assigned = system.borrow().ok_or(Error::Proving { why: "the constraint system is absent".into() })?;
    let assignment = shape.relation.ordered(
        assigned.instance_assignment().map_err(|error| proving(&error))?,
        assigned.witness_assignment().map_err(|error| proving(&error))?,
    )?;
    let assignment = Zeroizing::new(assignment);
    let proof = groth16::prove(&key.points, &shape.relation, &commitment, &assignment, rng)?.encode()?;
    let made = UnverifiedContribution { proof, opening };
    let verifier = ContributionVerifier::new(&key.verifying, statement.terms, statement.key)?;
    verifier.verify(statement.instance, &made).map_err(|_| altered_key())?;
    Ok(made)
}

/// A constraint system with values, without matrices.
pub(super) fn assigned(
    terms: &ContributionTerms,
    inputs: [Fr; INSTANCE_INPUTS],
    witness: &ContributionWitness,
    round: Round,
) -> Result<ConstraintSystemRef<Fr>, Error> {
    let system = ConstraintSystem::new_ref();
    system.set_mode(SynthesisMode::Prove { construct_matrices: false, generate_lc_assignments: false });
    let circuit = ContributionCircuit::assigned(terms, inputs, witness);
    circuit.synthesize(&system, round).map_err(|error| proving(&error))?;
    Ok(system)
}

/// The values of the committed wires: they depend on no challenge.
fn committed_wires(shape: &Shape, terms: &ContributionTerms, witness: &ContributionWitness) -> Result<Vec<Fr>, Error> {
    let system = assigned(terms, [Fr::zero(); INSTANCE_INPUTS], witness, Round::Commit)?;
    let assigned = system.borrow().ok_or(Error::Proving { why: "the constraint system is absent".into() })?;
    let witnesses = assigned.witness_assignment().map_err(|error| proving(&error))?;
    Ok(shape.committed.iter().filter_map(|place| witnesses.get(*place)).copied().collect())
}

/// Verifies proofs for one part of one query; the terms' share of the public inputs is folded once.
#[derive(Clone)]
pub struct ContributionVerifier {
    key: VerifyingKey,
    terms: ContributionTerms,
    transcript: Transcript,
    /// The coefficients of the committee key's `a` and `b`.
    committee: Arc<[Vec<Fr>; 2]>,
    folded: FoldedInputs<INSTANCE_INPUTS>,
}

impl fmt::Debug for ContributionVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContributionVerifier({}, part {})", self.terms.eligibility.query, self.terms.eligibility.part)
    }
}

impl ContributionVerifier {
    /// Folds the terms under a key.
    ///
    /// # Errors
    /// [`Error::Malformed`] or [`Error::OutOfRange`] when the terms break a bound.
    pub fn new(key: &VerifyingKey, terms: &ContributionTerms, committee: &PublicKey) -> Result<Self, Error> {
        terms.check()?;
        Ok(Self {
            transcript: Transcript::new(&key.id, committee, terms)?,
            committee: Arc::new([committee.a(), committee.b()].map(RingElement::to_field)),
            key: key.clone(),
            terms: terms.clone(),
            folded: FoldedInputs::new(key.id, &key.prepared.points().input_query, &terms_inputs(terms))?,
        })
    }

    /// The terms verified.
    #[must_use]
    pub const fn terms(&self) -> &ContributionTerms {
        &self.terms
    }

    /// The challenges of a contribution: at `γ` a receipt's signer opens the ciphertext.
    ///
    /// # Errors
    /// [`Error::ProofRefused`] for a proof whose bytes are no points.
    pub fn challenges(&self, instance: &EligibilityInstance, proof: &ProofBytes) -> Result<Challenges, Error> {
        self.transcript.challenges(instance, &proof.decode()?.d)
    }

    /// A contribution's own public inputs, and its proof.
    fn claim(
        &self,
        instance: &EligibilityInstance,
        contribution: &UnverifiedContribution,
    ) -> Result<([Fr; INSTANCE_INPUTS], groth16::Proof), Error> {
        let proof = contribution.proof.decode()?;
        let challenges = self.transcript.challenges(instance, &proof.d)?;
        let committee = self.committee.each_ref().map(|coefficients| horner(coefficients, challenges.gamma));
        Ok((instance_inputs(instance, &challenges, committee, &contribution.opening), proof))
    }

    /// The pairing statement of a contribution.
    pub(super) fn equation(
        &self,
        instance: &EligibilityInstance,
        contribution: &UnverifiedContribution,
    ) -> Result<Statement, Error> {
        let (inputs, proof) = self.claim(instance, contribution)?;
        Ok(Statement { inputs: self.folded.sum(inputs), proof })
    }

    /// Verifies one contribution.
    ///
    /// # Errors
    /// [`Error::ProofRefused`] when the encoding or the pairing equation fails.
    pub fn verify(
        &self,
        instance: &EligibilityInstance,
        contribution: &UnverifiedContribution,
    ) -> Result<VerifiedContribution, Error> {
        self.key.prepared.verify(&self.equation(instance, contribution)?)?;
        Ok(VerifiedContribution { instance: *instance, opening: contribution.opening })
    }

    /// Verifies many contributions with one product of pairings.
    ///
    /// # Errors
    /// [`Error::ProofRefused`] when one of them fails; verify one by one to learn which.
    pub fn verify_batch(
        &self,
        contributions: &[(EligibilityInstance, UnverifiedContribution)],
    ) -> Result<Vec<VerifiedContribution>, Error> {
        // The first error in order, whichever was found first: validators must agree on it.
        let claims: Vec<Result<_, Error>> =
            contributions.par_iter().map(|(instance, contribution)| self.claim(instance, contribution)).collect();
        let claims = claims.into_iter().collect::<Result<Vec<_>, _>>()?;
        self.key.prepared.verify_batch(&self.folded, &claims)?;
        let verified = |(instance, contribution): &(EligibilityInstance, UnverifiedContribution)| {
            VerifiedContribution { instance: *instance, opening: contribution.opening }
        };
        Ok(contributions.iter().map(verified).collect())
    }
}

/// A contribution whose proof was verified; only a [`ContributionVerifier`] makes one. That the ciphertext has the
/// opening is for receipts to attest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedContribution {
    instance: EligibilityInstance,
    opening: Opening,
}

impl VerifiedContribution {
    /// What was proven, beside the terms.
    #[must_use]
    pub const fn instance(&self) -> &EligibilityInstance {
        &self.instance
    }

    /// The values that the ciphertext's polynomials must have at the challenge.
    #[must_use]
    pub const fn opening(&self) -> &Opening {
        &self.opening
    }
}
