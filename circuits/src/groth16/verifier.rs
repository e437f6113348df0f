//! The pairing equation, for one proof and for many.

use ark_bn254::{Bn254, Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::{
    AffineRepr, CurveGroup,
    pairing::{Pairing, PairingOutput},
};
use ark_ff::One;
use ark_serialize::CanonicalSerialize;

use super::{key::VerifyingPoints, proof::Proof};
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

    /// Checks the equations of all statements at once: their combination with random 128-bit factors, drawn from a hash
    /// of them all, so that every validator draws the same. A false equation survives with probability 2^-128.
    ///
    /// # Errors
    /// [`Error::ProofRefused`] when one of them does not hold; verify one by one to learn which.
    pub fn verify_batch(&self, statements: &[Statement]) -> Result<(), Error> {
        let factors = factors(statements)?;
        let combine = |point: fn(&Statement) -> G1Projective| -> G1Affine {
            statements
                .iter()
                .zip(&factors)
                .map(|(statement, factor)| point(statement) * factor)
                .sum::<G1Projective>()
                .into()
        };
        let inputs = combine(|statement| statement.inputs);
        let commitments = combine(|statement| statement.proof.d.into());
        let thirds = combine(|statement| statement.proof.c.into());
        let firsts = statements.iter().zip(&factors).map(|(statement, factor)| statement.proof.a * factor);
        let firsts = G1Projective::normalize_batch(&firsts.collect::<Vec<_>>());
        let seconds = statements.iter().map(|statement| Prepared::from(statement.proof.b));
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

/// A 128-bit factor for each statement, from a hash of all.
fn factors(statements: &[Statement]) -> Result<Vec<Fr>, Error> {
    let mut bytes = vec![];
    for Statement { inputs, proof } in statements {
        (inputs.into_affine(), proof)
            .serialize_compressed(&mut bytes)
            .map_err(|error| Error::Proving { why: error.to_string() })?;
    }
    let seed = hash(ByteTag::Batch, &[&bytes]);
    let factor = |index: u64| {
        let digest = hash(ByteTag::Batch, &[seed.as_bytes(), &index.to_le_bytes()]);
        let low = digest.as_bytes().first_chunk().copied().unwrap_or_default();
        Fr::from(u128::from_le_bytes(low))
    };
    Ok((0..statements.len() as u64).map(factor).collect())
}
