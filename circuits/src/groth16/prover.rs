//! The prover's two rounds.

use ark_bn254::{Fr, G1Affine};
use ark_ec::CurveGroup;
use ark_ff::{PrimeField, Zero};
use rand::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{
    key::ProvingPoints,
    product::{Scalar, multi_scalar_product},
    proof::Proof,
    relation::Relation,
};
use crate::{Error, record::random_element};

/// The first round's result: a hiding commitment to the committed witnesses, with its blinding.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Commitment {
    #[zeroize(skip)]
    point: G1Affine,
    blinding: Fr,
}

impl Commitment {
    /// The commitment of plain Groth16, where no wire is committed: neutral, and so is its blinding.
    #[must_use]
    pub(crate) fn none() -> Self {
        Self { point: G1Affine::identity(), blinding: Fr::zero() }
    }

    /// `D`: what the challenge is derived from.
    pub const fn point(&self) -> G1Affine {
        self.point
    }
}

impl std::fmt::Debug for Commitment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Commitment(redacted)")
    }
}

/// Round one: `D = Σ wᵢ·ckᵢ + v·[δ]₁` with a fresh `v`. Without the blinding the commitment would confirm a guess of the
/// witnesses (CVE-2024-45039 and CVE-2024-45040 are of this kind).
///
/// # Errors
/// [`Error::Proving`] for another number of witnesses than the key commits to.
pub fn commit(key: &ProvingPoints, committed: &[Fr], rng: &mut (impl CryptoRng + ?Sized)) -> Result<Commitment, Error> {
    if committed.len() != key.commit_query.len() {
        return Err(Error::Proving { why: "the committed witnesses are of another circuit".into() });
    }
    let blinding = random_element(rng);
    Ok(Commitment { point: blinded_sum(key, committed, blinding), blinding })
}

fn blinded_sum(key: &ProvingPoints, committed: &[Fr], blinding: Fr) -> G1Affine {
    (multi_scalar_product(&key.commit_query, &integers(committed)) + key.delta_g1 * blinding).into_affine()
}

/// Round two: `A`, `B`, `C` over the whole assignment, in the relation's order. The committed witnesses must be those of
/// the commitment, else the proof does not verify.
///
/// # Errors
/// [`Error::Proving`] when the assignment is of another circuit.
pub fn prove(
    key: &ProvingPoints,
    relation: &Relation,
    commitment: &Commitment,
    assignment: &[Fr],
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Proof, Error> {
    blinded(key, relation, commitment, assignment, [(); 2].map(|()| random_element(rng)))
}

/// The proof with blinding `r` and `s`. Not generic, so that it is compiled once, with this crate.
fn blinded(
    key: &ProvingPoints,
    relation: &Relation,
    commitment: &Commitment,
    assignment: &[Fr],
    [r, s]: [Fr; 2],
) -> Result<Proof, Error> {
    let quotient = integers(&Zeroizing::new(relation.quotient(assignment)?));
    let scalars = integers(assignment);
    let others = scalars.get(relation.inputs() + relation.committed()..).unwrap_or_default();
    let ((a, (b_g1, b_g2)), (quotient, witnesses)) = rayon::join(
        || {
            let b =
                || (multi_scalar_product(&key.b_g1_query, &scalars), multi_scalar_product(&key.b_g2_query, &scalars));
            (multi_scalar_product(&key.a_query, &scalars), b())
        },
        || (multi_scalar_product(&key.h_query, &quotient), multi_scalar_product(&key.witness_query, others)),
    );
    let a = a + key.verifying.alpha_g1 + key.delta_g1 * r;
    let b_g1 = b_g1 + key.beta_g1 + key.delta_g1 * s;
    let b = b_g2 + key.verifying.beta_g2 + key.verifying.delta_g2 * s;
    let c = quotient + witnesses + a * s + b_g1 * r - key.delta_g1 * (r * s) - key.kappa_g1 * commitment.blinding;
    Ok(Proof { a: a.into_affine(), b: b.into_affine(), c: c.into_affine(), d: commitment.point })
}

fn integers(elements: &[Fr]) -> Zeroizing<Vec<Scalar>> {
    Zeroizing::new(elements.iter().map(|element| element.into_bigint()).collect())
}
