//! Whether points are a circuit's key over given powers, for whatever δ and κ: random combinations of every query are
//! compared with what the powers say, so that no transform in the groups is repeated.

use ark_bn254::{Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::Zero;
use ark_poly::GeneralEvaluationDomain;
use rand::CryptoRng;

use super::{
    points::{combine, same_ratio, weights},
    powers::PowerPoints,
    qap::{combined_polynomials, vanishing_powers},
};
use crate::{
    Error,
    groth16::{ProvingPoints, Relation},
};

fn refuse(what: &str) -> Error {
    Error::Ceremony { what: "key", why: format!("its {what} is not what the powers of tau and the circuit give") }
}

fn ensure(holds: bool, what: &str) -> Result<(), Error> {
    if holds { Ok(()) } else { Err(refuse(what)) }
}

/// Checks every point of a key against the powers, which must be those of the domain's size.
///
/// # Errors
/// [`Error::Ceremony`] that names the query or trapdoor that differs.
pub(super) fn check(
    points: &ProvingPoints,
    powers: &PowerPoints,
    relation: &Relation,
    domain: &GeneralEvaluationDomain<Fr>,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<(), Error> {
    check_lengths(points, powers, relation)?;
    check_trapdoors(points, powers)?;
    let weights_of_wires = weights(relation.wires(), rng);
    let [a, b, _] = combined_polynomials(relation, domain, &weights_of_wires);
    ensure(combine(&points.a_query, &weights_of_wires) == combine(&powers.tau_g1, &a), "A query")?;
    ensure(
        combine(&points.b_g1_query, &weights_of_wires) == combine(&powers.tau_g1, &b),
        "B query in the first group",
    )?;
    ensure(
        combine(&points.b_g2_query, &weights_of_wires) == combine(&powers.tau_g2, &b),
        "B query in the second group",
    )?;

    let (inputs, committed) = (relation.inputs(), relation.inputs() + relation.committed());
    let verifying = &points.verifying;
    let queries = [
        ("input query", &verifying.input_query, 0..inputs, verifying.gamma_g2),
        ("commitment query", &points.commit_query, inputs..committed, verifying.kappa_g2),
        ("witness query", &points.witness_query, committed..relation.wires(), verifying.delta_g2),
    ];
    for (what, query, range, divisor) in queries {
        let of_query = weights_of_wires.get(range.clone()).unwrap_or_default();
        let masked = |(wire, weight): (usize, &Fr)| if range.contains(&wire) { *weight } else { Fr::zero() };
        let masked: Vec<Fr> = weights_of_wires.iter().enumerate().map(masked).collect();
        let expected = combined(relation, domain, powers, &masked);
        ensure(divides(combine(query, of_query), expected, divisor), what)?;
    }
    let weights = weights(points.h_query.len(), rng);
    let expected = combine(&vanishing_powers(powers), &weights);
    ensure(divides(combine(&points.h_query, &weights), expected, verifying.delta_g2), "H query")
}

/// `[Σ weightᵢ·(β·Aᵢ(τ) + α·Bᵢ(τ) + Cᵢ(τ))]₁`.
fn combined(
    relation: &Relation,
    domain: &GeneralEvaluationDomain<Fr>,
    powers: &PowerPoints,
    weights: &[Fr],
) -> G1Projective {
    let [a, b, c] = combined_polynomials(relation, domain, weights);
    combine(&powers.beta_g1, &a) + combine(&powers.alpha_g1, &b) + combine(&powers.tau_g1, &c)
}

/// Whether `quotient · divisor = dividend`.
fn divides(quotient: G1Projective, dividend: G1Projective, divisor: G2Affine) -> bool {
    same_ratio((quotient, dividend), (G2Affine::generator(), divisor))
}

fn check_lengths(points: &ProvingPoints, powers: &PowerPoints, relation: &Relation) -> Result<(), Error> {
    let (inputs, committed, wires) = (relation.inputs(), relation.committed(), relation.wires());
    ensure(points.verifying.input_query.len() == inputs, "number of inputs")?;
    ensure(points.commit_query.len() == committed, "number of committed witnesses")?;
    ensure(points.witness_query.len() + inputs + committed == wires, "number of witnesses")?;
    let whole = [points.a_query.len(), points.b_g1_query.len(), points.b_g2_query.len()];
    ensure(whole == [wires; 3], "number of wires")?;
    ensure(points.h_query.len() + 1 == powers.tau_g2.len(), "domain")
}

fn check_trapdoors(points: &ProvingPoints, powers: &PowerPoints) -> Result<(), Error> {
    let verifying = &points.verifying;
    let (g1, g2) = (G1Affine::generator(), G2Affine::generator());
    ensure(powers.alpha_g1.first() == Some(&verifying.alpha_g1), "alpha")?;
    ensure(powers.beta_g1.first() == Some(&points.beta_g1) && powers.beta_g2 == verifying.beta_g2, "beta")?;
    ensure(verifying.gamma_g2 == g2, "gamma")?;
    ensure(same_ratio((g1, points.delta_g1), (g2, verifying.delta_g2)), "delta in the second group")?;
    ensure(same_ratio((g1, points.kappa_g1), (g2, verifying.kappa_g2)), "kappa in the second group")
}
