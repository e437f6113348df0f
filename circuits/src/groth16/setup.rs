//! Keys from a seed.

use ark_bn254::{Fr, G1Projective, G2Projective};
use ark_ec::{CurveGroup, PrimeGroup, scalar_mul::BatchMulPreprocessing};
use ark_ff::{Field, UniformRand, Zero};
use ark_poly::{EvaluationDomain, GeneralEvaluationDomain};
use ark_std::rand::{SeedableRng, rngs::StdRng};

use super::{
    key::{ProvingPoints, VerifyingPoints},
    relation::Relation,
};
use crate::{
    Error,
    domain::{ByteTag, hash},
};

/// The secrets of a set-up: whoever knows them forges proofs.
struct Trapdoor {
    alpha: Fr,
    beta: Fr,
    gamma: Fr,
    delta: Fr,
    kappa: Fr,
}

/// The points of a key from a public seed. **Insecure**: whoever knows the seed can forge proofs, so networks other
/// than demo and test refuse such keys.
///
/// # Errors
/// [`Error::Proving`] when the circuit exceeds the field's domains.
pub fn insecure_points_from_seed(relation: &Relation, seed: [u8; 32]) -> Result<ProvingPoints, Error> {
    let mut rng = StdRng::from_seed(hash(ByteTag::InsecureSetup, &[&seed]).to_bytes());
    let mut random = || std::iter::repeat_with(|| Fr::rand(&mut rng)).find(|element| !element.is_zero());
    let mut next = || random().unwrap_or_default();
    let trapdoor = Trapdoor { alpha: next(), beta: next(), gamma: next(), delta: next(), kappa: next() };
    let broken = |why: &str| Error::Proving { why: why.into() };
    let domain = GeneralEvaluationDomain::<Fr>::new(relation.constraints() + relation.inputs())
        .ok_or_else(|| broken("the circuit is larger than any domain of the field"))?;
    let tau = domain.sample_element_outside_domain(&mut rng);
    points(relation, &trapdoor, &domain, tau).ok_or_else(|| broken("a trapdoor is zero"))
}

fn points(
    relation: &Relation,
    trapdoor: &Trapdoor,
    domain: &GeneralEvaluationDomain<Fr>,
    tau: Fr,
) -> Option<ProvingPoints> {
    let Trapdoor { alpha, beta, gamma, delta, kappa } = *trapdoor;
    let [a, b, c] = relation.evaluations(&domain.evaluate_all_lagrange_coefficients(tau));
    let combined: Vec<Fr> = a.iter().zip(&b).zip(&c).map(|((a, b), c)| beta * a + alpha * b + c).collect();
    let (inputs, witnesses) = combined.split_at_checked(relation.inputs())?;
    let (committed, others) = witnesses.split_at_checked(relation.committed())?;
    let over = |scalars: &[Fr], divisor: Fr| -> Option<Vec<Fr>> {
        let inverse = divisor.inverse()?;
        Some(scalars.iter().map(|scalar| *scalar * inverse).collect())
    };
    let mut power = domain.evaluate_vanishing_polynomial(tau) * delta.inverse()?;
    let powers: Vec<Fr> = std::iter::repeat_with(|| {
        let next = power * tau;
        std::mem::replace(&mut power, next)
    })
    .take(domain.size() - 1)
    .collect();

    let (g1, g2) = (G1Projective::generator(), G2Projective::generator());
    let g1_table = BatchMulPreprocessing::new(g1, 4 * combined.len());
    let g2_table = BatchMulPreprocessing::new(g2, combined.len());
    Some(ProvingPoints {
        verifying: VerifyingPoints {
            alpha_g1: (g1 * alpha).into_affine(),
            beta_g2: (g2 * beta).into_affine(),
            gamma_g2: (g2 * gamma).into_affine(),
            delta_g2: (g2 * delta).into_affine(),
            kappa_g2: (g2 * kappa).into_affine(),
            input_query: g1_table.batch_mul(&over(inputs, gamma)?),
        },
        beta_g1: (g1 * beta).into_affine(),
        delta_g1: (g1 * delta).into_affine(),
        kappa_g1: (g1 * kappa).into_affine(),
        a_query: g1_table.batch_mul(&a),
        b_g1_query: g1_table.batch_mul(&b),
        b_g2_query: g2_table.batch_mul(&b),
        h_query: g1_table.batch_mul(&powers),
        commit_query: g1_table.batch_mul(&over(committed, kappa)?),
        witness_query: g1_table.batch_mul(&over(others, delta)?),
    })
}
