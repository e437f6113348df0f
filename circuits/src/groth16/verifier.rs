//! The pairing equation, for one proof and for many.

use ark_bn254::{Bn254, Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::{
    AffineRepr, CurveGroup, VariableBaseMSM,
    pairing::{Pairing, PairingOutput},
};
use ark_ff::{AdditiveGroup, One};
use ark_serialize::{CanonicalSerialize, SerializationError};

use super::{
    key::{VerifyingKeyId, VerifyingPoints},
    product::Multiples,
    proof::Proof,
};
use crate::{
    Error,
    domain::{ByteTag, hash},
};

type Prepared = <Bn254 as Pairing>::G2Prepared;

/// Verifying points with their pairings prepared.
#[derive(Debug, Clone)]
pub struct PreparedKey {
    points: VerifyingPoints,
    alpha_beta: PairingOutput<Bn254>,
    gamma: Prepared,
    delta: Prepared,
    kappa: Prepared,
}

/// A proof and the sum of its public inputs' elements.
#[derive(Debug, Clone, Copy)]
pub struct Statement {
    /// `Σ xᵢ·icᵢ`, the constant one included.
    pub inputs: G1Projective,
    /// The proof.
    pub proof: Proof,
}

impl PreparedKey {
    /// Prepares a key for circuits of this many public inputs, the constant one not counted. Neither a missing nor a
    /// further input is possible afterwards.
    ///
    /// # Errors
    /// [`Error::Malformed`] for another number of input elements, a trapdoor that is zero, and divisors with which forging
    /// is easy: two that are equal let wires move between the sums, and a `δ` or `κ` of one was left out of a ceremony.
    pub fn new(points: VerifyingPoints, inputs: usize) -> Result<Self, Error> {
        let malformed = |why: String| Error::Malformed { what: "verifying key", why };
        if points.input_query.len() != inputs + 1 {
            return Err(malformed(format!(
                "{} input elements; this circuit has {}",
                points.input_query.len(),
                inputs + 1
            )));
        }
        let VerifyingPoints { alpha_g1, beta_g2, gamma_g2, delta_g2, kappa_g2, .. } = &points;
        if alpha_g1.is_zero() || [beta_g2, gamma_g2, delta_g2, kappa_g2].into_iter().any(G2Affine::is_zero) {
            return Err(malformed("an element is the point at infinity".into()));
        }
        check_divisors(gamma_g2, &[delta_g2, kappa_g2])?;
        let prepared = |point: &G2Affine| Prepared::from(-*point);
        Ok(Self {
            alpha_beta: Bn254::pairing(alpha_g1, beta_g2),
            gamma: prepared(gamma_g2),
            delta: prepared(delta_g2),
            kappa: prepared(kappa_g2),
            points,
        })
    }

    /// The points.
    #[must_use]
    pub const fn points(&self) -> &VerifyingPoints {
        &self.points
    }

    /// Checks `e(A, B) = e(α, β) · e(IC, γ) · e(D, κ) · e(C, δ)`.
    ///
    /// # Errors
    /// [`Error::ProofRefused`] when it does not hold.
    pub fn verify(&self, statement: &Statement) -> Result<(), Error> {
        let Statement { inputs, proof } = statement;
        let left = [proof.a, inputs.into_affine(), proof.d, proof.c];
        let right = [Prepared::from(proof.b), self.gamma.clone(), self.kappa.clone(), self.delta.clone()];
        self.finish(left, right, Fr::one())
    }

    /// Checks the equations of all claims at once: their combination with random 128-bit factors, drawn from a hash of
    /// them all, so that every validator draws the same. A false equation survives with probability 2^-128 in each batch
    /// tried.
    ///
    /// # Errors
    /// [`Error::ProofRefused`] when one of them does not hold; verify one by one to learn which.
    pub(crate) fn verify_batch<const N: usize>(
        &self,
        folded: &FoldedInputs<N>,
        claims: &[([Fr; N], Proof)],
    ) -> Result<(), Error> {
        let factors = factors(folded, claims)?;
        let combine = |point: fn(&Proof) -> G1Affine| -> G1Affine {
            let points: Vec<G1Affine> = claims.iter().map(|(_, proof)| point(proof)).collect();
            Multiples::new(&points).product(factors.iter().copied()).into_affine()
        };
        let inputs = folded.combine(claims.iter().map(|(inputs, _)| inputs).zip(&factors)).into_affine();
        let (commitments, thirds) = (combine(|proof| proof.d), combine(|proof| proof.c));
        let firsts = claims.iter().zip(&factors).map(|((_, proof), factor)| proof.a * factor);
        let firsts = G1Projective::normalize_batch(&firsts.collect::<Vec<_>>());
        let seconds = claims.iter().map(|(_, proof)| Prepared::from(proof.b));
        let right = seconds.chain([self.gamma.clone(), self.kappa.clone(), self.delta.clone()]);
        self.finish(firsts.into_iter().chain([inputs, commitments, thirds]), right, factors.iter().sum())
    }

    /// `Π e(left, right) = e(α, β)^weight`.
    fn finish(
        &self,
        left: impl IntoIterator<Item = G1Affine>,
        right: impl IntoIterator<Item = Prepared>,
        weight: Fr,
    ) -> Result<(), Error> {
        let product = Bn254::final_exponentiation(Bn254::multi_miller_loop(left, right));
        if product == Some(self.alpha_beta * weight) {
            return Ok(());
        }
        Err(Error::ProofRefused { why: "the pairing equation does not hold for this statement" })
    }
}

/// The divisors differ pairwise, and none but `γ` is one.
///
/// # Errors
/// [`Error::Malformed`] otherwise.
pub(crate) fn check_divisors(gamma: &G2Affine, others: &[&G2Affine]) -> Result<(), Error> {
    let one = G2Affine::generator();
    let distinct = others.iter().enumerate().all(|(place, divisor)| {
        **divisor != one && *divisor != gamma && others.iter().skip(place + 1).all(|other| other != divisor)
    });
    if distinct {
        return Ok(());
    }
    let why = "its divisors are equal or one, which lets anyone forge; a ceremony left one out".into();
    Err(Error::Malformed { what: "verifying key", why })
}

/// Elements of public inputs: of those that are the same for many proofs, their sum; of the `N` last, their multiples.
#[derive(Debug, Clone)]
pub(crate) struct FoldedInputs<const N: usize> {
    key: VerifyingKeyId,
    shared: G1Projective,
    own: Multiples,
}

impl<const N: usize> FoldedInputs<N> {
    /// Sums the elements of the constant one and of the shared inputs.
    ///
    /// # Errors
    /// [`Error::Malformed`] when there are not `N` elements more than that.
    pub(crate) fn new(key: VerifyingKeyId, query: &[G1Affine], shared: &[Fr]) -> Result<Self, Error> {
        let wrong_shape = || Error::Malformed { what: "verifying key", why: "has another number of inputs".into() };
        let (constant, elements) = query.split_first().ok_or_else(wrong_shape)?;
        let (elements, own) = elements.split_last_chunk::<N>().ok_or_else(wrong_shape)?;
        let shared = G1Projective::msm(elements, shared).map_err(|_| wrong_shape())? + constant;
        Ok(Self { key, shared, own: Multiples::new(own) })
    }

    /// `Σ xᵢ·icᵢ` of one proof.
    pub(crate) fn sum(&self, inputs: [Fr; N]) -> G1Projective {
        self.shared + self.own.product(inputs)
    }

    /// The sum over proofs, each with its factor.
    pub(crate) fn combine<'a>(&self, proofs: impl Iterator<Item = (&'a [Fr; N], &'a Fr)>) -> G1Projective {
        let (mut weight, mut combined) = (Fr::ZERO, [Fr::ZERO; N]);
        for (inputs, factor) in proofs {
            weight += factor;
            combined.iter_mut().zip(inputs).for_each(|(sum, input)| *sum += *input * factor);
        }
        self.shared * weight + self.own.product(combined)
    }
}

/// A 128-bit factor for each claim, from a hash of the key, the shared inputs and all claims.
pub(crate) fn factors<const N: usize>(
    folded: &FoldedInputs<N>,
    claims: &[([Fr; N], impl CanonicalSerialize)],
) -> Result<Vec<Fr>, Error> {
    let mut bytes = vec![];
    let unwritable = |error: SerializationError| Error::Proving { why: error.to_string() };
    folded.shared.into_affine().serialize_compressed(&mut bytes).map_err(unwritable)?;
    for (inputs, proof) in claims {
        inputs.serialize_compressed(&mut bytes).map_err(unwritable)?;
        proof.serialize_compressed(&mut bytes).map_err(unwritable)?;
    }
    let seed = hash(ByteTag::Batch, &[folded.key.as_bytes(), &bytes]);
    let factor = |index: u64| {
        let digest = hash(ByteTag::Batch, &[seed.as_bytes(), &index.to_le_bytes()]);
        let low = digest.as_bytes().first_chunk().copied().unwrap_or_default();
        Fr::from(u128::from_le_bytes(low))
    };
    Ok((0..claims.len() as u64).map(factor).collect())
}
