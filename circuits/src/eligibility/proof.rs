//! Groth16 proofs of eligibility: keys, proving, verification.
//!
//! Source: Groth, *On the Size of Pairing-based Non-interactive Arguments*, EUROCRYPT 2016, over BN254 through
//! ark-groth16. That library's verifier takes any number of public inputs; here the number is fixed by types.

use std::{fmt, sync::Arc};

use ark_bn254::{Bn254, Fr, G1Projective};
use ark_ec::{
    AffineRepr, CurveGroup,
    pairing::{Pairing, PairingOutput},
};
use ark_groth16::{Groth16, PreparedVerifyingKey, Proof, prepare_verifying_key};
use ark_relations::gr1cs::{ConstraintSystem, OptimizationGoal, SynthesisMode};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use borsh::{BorshDeserialize, BorshSerialize};
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{
    circuit::{EligibilityCircuit, INSTANCE_INPUTS, PUBLIC_INPUTS, instance_inputs, terms_inputs},
    statement::{EligibilityInstance, EligibilityTerms, EligibilityWitness, check},
};
use crate::{
    Error,
    ceremony::CeremonyKey,
    groth16::{
        self, Commitment, EncodedKey, FoldedInputs, KeyOrigin, ProvingPoints, Relation, VerifyingKeyId,
        VerifyingPoints, altered_key, check_divisors, factors, insecure_points_from_seed, verifying_key_forms,
    },
};

/// Bytes of a proof: two compressed points of G1 and one of G2.
pub const PROOF_BYTES: usize = 128;

/// The key that verifies eligibility proofs, checked to be of this circuit's shape and prepared for pairings.
#[derive(Clone)]
pub struct VerifyingKey {
    origin: KeyOrigin,
    bytes: Vec<u8>,
    prepared: Arc<PreparedVerifyingKey<Bn254>>,
}

impl VerifyingKey {
    fn new(origin: KeyOrigin, key: &ark_groth16::VerifyingKey<Bn254>) -> Result<Self, Error> {
        if key.gamma_abc_g1.len() != PUBLIC_INPUTS + 1 {
            let why = format!("{} input elements; this circuit has {}", key.gamma_abc_g1.len(), PUBLIC_INPUTS + 1);
            return Err(Error::Malformed { what: "verifying key", why });
        }
        if key.alpha_g1.is_zero() || [&key.beta_g2, &key.gamma_g2, &key.delta_g2].into_iter().any(AffineRepr::is_zero) {
            return Err(Error::Malformed { what: "verifying key", why: "an element is the point at infinity".into() });
        }
        check_divisors(&key.gamma_g2, &[&key.delta_g2])?;
        let mut bytes = vec![];
        key.serialize_compressed(&mut bytes).map_err(|error| malformed_key(&error))?;
        Ok(Self { origin, bytes, prepared: Arc::new(prepare_verifying_key(key)) })
    }

    fn encoded(&self) -> EncodedKey {
        EncodedKey { origin: self.origin, bytes: self.bytes.clone() }
    }

    fn decode(encoded: &EncodedKey) -> Result<Self, Error> {
        let key = CanonicalDeserialize::deserialize_compressed(encoded.bytes.as_slice())
            .map_err(|error| malformed_key(&error))?;
        let decoded = Self::new(encoded.origin, &key)?;
        if decoded.bytes == encoded.bytes { Ok(decoded) } else { Err(Error::NonCanonical { what: "verifying key" }) }
    }

    /// Where the key came from.
    #[must_use]
    pub const fn origin(&self) -> KeyOrigin {
        self.origin
    }

    /// The digest by which proofs, genesis and receipts name the key.
    #[must_use]
    pub fn id(&self) -> VerifyingKeyId {
        VerifyingKeyId::new(self.origin, &self.bytes)
    }

    /// The points.
    pub(super) fn groth16(&self) -> &ark_groth16::VerifyingKey<Bn254> {
        &self.prepared.vk
    }
}

fn malformed_key(error: &ark_serialize::SerializationError) -> Error {
    Error::Malformed { what: "verifying key", why: error.to_string() }
}

verifying_key_forms!(VerifyingKey);

/// The key that makes eligibility proofs, with the circuit's matrices.
pub struct ProvingKey {
    verifying: VerifyingKey,
    points: ProvingPoints,
    relation: Relation,
}

/// The circuit's matrices, the same in every process: plain Groth16, in which no wire is committed.
///
/// # Errors
/// [`Error::Proving`] when the circuit does not synthesize.
pub fn relation() -> Result<Relation, Error> {
    let system = ConstraintSystem::new_ref();
    system.set_optimization_goal(OptimizationGoal::Constraints);
    system.set_mode(SynthesisMode::Setup);
    EligibilityCircuit { assignment: None }.synthesize(&system).map_err(|error| proving(&error))?;
    Relation::new(&system, &[])
}

impl ProvingKey {
    /// The key of these points. Their origin is what the caller vouches for: a ceremony that is finished, a seed, or a
    /// verifying key that is known.
    ///
    /// # Errors
    /// [`Error::Malformed`] when they are of another circuit.
    fn new(origin: KeyOrigin, points: ProvingPoints) -> Result<Self, Error> {
        let VerifyingPoints { alpha_g1, beta_g2, gamma_g2, delta_g2, input_query, .. } = points.verifying.clone();
        let plain = ark_groth16::VerifyingKey { alpha_g1, beta_g2, gamma_g2, delta_g2, gamma_abc_g1: input_query };
        Ok(Self { verifying: VerifyingKey::new(origin, &plain)?, points, relation: relation()? })
    }

    /// The key that a ceremony made.
    ///
    /// # Errors
    /// [`Error::Ceremony`] when it is of another circuit.
    pub fn from_ceremony(key: CeremonyKey) -> Result<Self, Error> {
        Self::new(KeyOrigin::Ceremony, key.into_points(&relation()?)?)
    }

    /// The key that verifies this key's proofs.
    #[must_use]
    pub const fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying
    }

    /// The key's points, uncompressed, for a local file.
    ///
    /// # Errors
    /// [`Error::Proving`] when the points cannot be written.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![];
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
            return Err(malformed(format!("belongs to {}, not to {}", key.verifying.id(), expected.id())));
        }
        Ok(key)
    }
}

impl fmt::Debug for ProvingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProvingKey({})", self.verifying.id())
    }
}

fn proving(error: &impl ToString) -> Error {
    Error::Proving { why: error.to_string() }
}

/// Makes keys from a public seed. **Insecure**: whoever knows the seed can forge proofs, so networks other than demo
/// and test refuse such keys.
///
/// # Errors
/// [`Error::Proving`] when the circuit does not synthesize.
pub fn insecure_proving_key_from_seed(seed: [u8; 32]) -> Result<ProvingKey, Error> {
    ProvingKey::new(KeyOrigin::InsecureSeed, insecure_points_from_seed(&relation()?, seed)?)
}

/// A proof as it travels: 128 bytes, checked to be canonical points of the right subgroups when it is verified.
#[derive(Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EligibilityProof(#[serde(with = "hex::serde")] [u8; PROOF_BYTES]);

impl EligibilityProof {
    /// The bytes as received, not yet checked.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; PROOF_BYTES]) -> Self {
        Self(bytes)
    }

    /// The 128 bytes: A, B, C compressed.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; PROOF_BYTES] {
        &self.0
    }

    pub(super) fn encode(proof: &Proof<Bn254>) -> Result<Self, Error> {
        let mut bytes = [0; PROOF_BYTES];
        proof.serialize_compressed(bytes.as_mut_slice()).map_err(|error| proving(&error))?;
        Ok(Self(bytes))
    }

    pub(super) fn decode(&self) -> Result<Proof<Bn254>, Error> {
        let proof = Proof::deserialize_compressed(self.0.as_slice())
            .map_err(|_| Error::ProofRefused { why: "its bytes are not three points of the right subgroups" })?;
        if Self::encode(&proof)? != *self {
            return Err(Error::ProofRefused { why: "its encoding is not canonical" });
        }
        Ok(proof)
    }
}

impl fmt::Debug for EligibilityProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EligibilityProof({}…)", hex::encode(self.0.first_chunk::<8>().unwrap_or(&[0; 8])))
    }
}

/// Proves that the witness satisfies the terms; two proofs of one statement share nothing.
///
/// # Errors
/// [`Error::Refuted`] with the clause that does not hold; [`Error::Proving`] when the proof system fails, and for a key whose
/// proofs do not verify.
pub fn prove(
    key: &ProvingKey,
    terms: &EligibilityTerms,
    instance: &EligibilityInstance,
    witness: &EligibilityWitness,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<EligibilityProof, Error> {
    check(terms, instance, witness)?;
    let system = ConstraintSystem::new_ref();
    system.set_mode(SynthesisMode::Prove { construct_matrices: false, generate_lc_assignments: false });
    let circuit = EligibilityCircuit { assignment: Some((terms, instance, witness)) };
    circuit.synthesize(&system).map_err(|error| proving(&error))?;
    let assigned = system.borrow().ok_or(Error::Proving { why: "the constraint system is absent".into() })?;
    let assignment = Zeroizing::new(key.relation.ordered(
        assigned.instance_assignment().map_err(|error| proving(&error))?,
        assigned.witness_assignment().map_err(|error| proving(&error))?,
    )?);
    let groth16::Proof { a, b, c, .. } =
        groth16::prove(&key.points, &key.relation, &Commitment::none(), &assignment, rng)?;
    let made = EligibilityProof::encode(&Proof { a, b, c })?;
    EligibilityVerifier::new(&key.verifying, terms)?.verify(instance, &made).map_err(|_| altered_key())?;
    Ok(made)
}

/// Verifies proofs for one part of one query; the terms' share of the public inputs is folded once.
#[derive(Clone)]
pub struct EligibilityVerifier {
    key: VerifyingKey,
    terms: EligibilityTerms,
    folded: FoldedInputs<INSTANCE_INPUTS>,
}

impl fmt::Debug for EligibilityVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EligibilityVerifier({}, part {})", self.terms.query, self.terms.part)
    }
}

impl EligibilityVerifier {
    /// Folds the terms under a key.
    ///
    /// # Errors
    /// [`Error::Malformed`] or [`Error::OutOfRange`] when the terms break a bound.
    pub fn new(key: &VerifyingKey, terms: &EligibilityTerms) -> Result<Self, Error> {
        terms.check()?;
        let folded = FoldedInputs::new(key.id(), &key.prepared.vk.gamma_abc_g1, &terms_inputs(terms))?;
        Ok(Self { key: key.clone(), terms: terms.clone(), folded })
    }

    /// The terms verified.
    #[must_use]
    pub const fn terms(&self) -> &EligibilityTerms {
        &self.terms
    }

    /// Verifies one proof.
    ///
    /// # Errors
    /// [`Error::ProofRefused`] when the encoding or the pairing equation fails.
    pub fn verify(
        &self,
        instance: &EligibilityInstance,
        proof: &EligibilityProof,
    ) -> Result<VerifiedEligibility, Error> {
        let proof = proof.decode()?;
        let inputs = self.folded.sum(instance_inputs(instance));
        let holds = Groth16::<Bn254>::verify_proof_with_prepared_inputs(&self.key.prepared, &proof, &inputs);
        match holds {
            Ok(true) => Ok(VerifiedEligibility { instance: *instance }),
            _ => Err(Error::ProofRefused { why: "the pairing equation does not hold for this statement" }),
        }
    }
}

impl EligibilityVerifier {
    /// Verifies many proofs with one product of pairings: their equations, combined with 128-bit factors that are drawn
    /// from a hash of them all, so that every validator draws the same. A false one survives with probability 2^-128.
    ///
    /// # Errors
    /// [`Error::ProofRefused`] when one of them fails; verify one by one to learn which.
    pub fn verify_batch(
        &self,
        claims: &[(EligibilityInstance, EligibilityProof)],
    ) -> Result<Vec<VerifiedEligibility>, Error> {
        let claim = |(instance, proof): &(EligibilityInstance, EligibilityProof)| {
            Ok((instance_inputs(instance), proof.decode()?))
        };
        let proven = claims.iter().map(claim).collect::<Result<Vec<_>, Error>>()?;
        let factors = factors(&self.folded, &proven)?;
        let inputs = self.folded.combine(proven.iter().map(|(inputs, _)| inputs).zip(&factors));
        let weighted = || proven.iter().zip(&factors).map(|((_, proof), factor)| (proof, factor));
        let thirds: G1Projective = weighted().map(|(proof, factor)| proof.c * factor).sum();
        let firsts: Vec<_> = weighted().map(|(proof, factor)| proof.a * factor).collect();
        let left = G1Projective::normalize_batch(&firsts).into_iter().chain([inputs.into(), thirds.into()]);
        let PreparedVerifyingKey { alpha_g1_beta_g2, gamma_g2_neg_pc, delta_g2_neg_pc, .. } = &*self.key.prepared;
        let seconds = weighted().map(|(proof, _)| proof.b.into());
        let right = seconds.chain([gamma_g2_neg_pc.clone(), delta_g2_neg_pc.clone()]);
        let product = Bn254::final_exponentiation(Bn254::multi_miller_loop(left, right));
        if product != Some(PairingOutput(*alpha_g1_beta_g2) * factors.iter().sum::<Fr>()) {
            return Err(Error::ProofRefused { why: "the pairing equation does not hold for this statement" });
        }
        Ok(claims.iter().map(|(instance, _)| VerifiedEligibility { instance: *instance }).collect())
    }
}

/// An instance whose proof was verified; only an [`EligibilityVerifier`] makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedEligibility {
    instance: EligibilityInstance,
}

impl VerifiedEligibility {
    /// What was proven, beside the terms.
    #[must_use]
    pub const fn instance(&self) -> &EligibilityInstance {
        &self.instance
    }
}
