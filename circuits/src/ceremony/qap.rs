//! A relation as polynomials over a domain: the layout that the prover's witness map expects (libsnark's reduction, as
//! in ark-groth16), applied to powers whose exponents nobody knows.

use ark_bn254::{Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::{AffineRepr, CurveGroup, VariableBaseMSM};
use ark_ff::{One, Zero};
use ark_poly::{EvaluationDomain, GeneralEvaluationDomain};
use ark_relations::utils::matrix::Matrix;
use rayon::prelude::*;

use super::powers::PowerPoints;
use crate::{
    Error,
    domain::{ByteTag, hash},
    groth16::Relation,
    id::{Digest, field_to_bytes},
};

/// Terms of a wire from which a multi-scalar product is much quicker than a sum of products.
const TERMS_FOR_MSM: usize = 256;

/// What names a circuit: a digest of its shape and matrices.
pub(super) fn circuit_digest(relation: &Relation) -> Digest {
    let shape = [relation.inputs(), relation.committed(), relation.wires(), relation.constraints()];
    let shape: Vec<u8> = shape.iter().flat_map(|number| (*number as u64).to_le_bytes()).collect();
    let matrices = relation.matrices().each_ref().map(|matrix| {
        let rows = matrix.iter().flat_map(|row| {
            let terms = row.iter().flat_map(|(coefficient, wire)| {
                field_to_bytes(coefficient).into_iter().chain((*wire as u64).to_le_bytes())
            });
            (row.len() as u64).to_le_bytes().into_iter().chain(terms)
        });
        rows.collect::<Vec<u8>>()
    });
    let [a, b, c] = &matrices;
    hash(ByteTag::CeremonyCircuit, &[&shape, a, b, c])
}

/// The domain of a relation: a row for each constraint and each input.
///
/// # Errors
/// [`Error::Ceremony`] when it is larger than any domain of the field.
pub(super) fn domain_of(relation: &Relation) -> Result<GeneralEvaluationDomain<Fr>, Error> {
    GeneralEvaluationDomain::new(relation.constraints() + relation.inputs())
        .ok_or_else(|| Error::Ceremony { what: "circuit", why: "it has more rows than any domain of the field".into() })
}

/// The powers that a domain of this size uses.
///
/// # Errors
/// [`Error::Ceremony`] when there are too few.
pub(super) fn prefix(powers: &PowerPoints, size: usize) -> Result<PowerPoints, Error> {
    let short = || Error::Ceremony {
        what: "powers of tau",
        why: format!("they serve circuits of {} rows and this one has {size}", powers.tau_g2.len()),
    };
    Ok(PowerPoints {
        tau_g1: powers.tau_g1.get(..2 * size - 1).ok_or_else(short)?.into(),
        tau_g2: powers.tau_g2.get(..size).ok_or_else(short)?.into(),
        alpha_g1: powers.alpha_g1.get(..size).ok_or_else(short)?.into(),
        beta_g1: powers.beta_g1.get(..size).ok_or_else(short)?.into(),
        beta_g2: powers.beta_g2,
    })
}

/// `[τⁱ·Z(τ)]₁`, where `Z(X) = Xⁿ − 1`.
pub(super) fn vanishing_powers(powers: &PowerPoints) -> Vec<G1Affine> {
    let pairs = powers.tau_g1.iter().skip(powers.tau_g2.len()).zip(&powers.tau_g1);
    let differences: Vec<_> = pairs.map(|(high, low)| *high - low).collect();
    G1Projective::normalize_batch(&differences)
}

/// A wire's terms in one matrix: rows and coefficients.
type Column = Vec<(usize, Fr)>;

/// The matrices by wire, with the rows for inputs in `A`.
fn columns(relation: &Relation) -> [Vec<Column>; 3] {
    let mut columns = relation.matrices().each_ref().map(|matrix| {
        let mut columns = vec![Column::new(); relation.wires()];
        for (row, terms) in matrix.iter().enumerate() {
            for (coefficient, wire) in terms {
                if let Some(column) = columns.get_mut(*wire) {
                    column.push((row, *coefficient));
                }
            }
        }
        columns
    });
    let [a, ..] = &mut columns;
    for (place, column) in a.iter_mut().take(relation.inputs()).enumerate() {
        column.push((relation.constraints() + place, Fr::one()));
    }
    columns
}

/// `Σ coefficient·basis[row]` for each wire.
fn wire_sums<G: AffineRepr<ScalarField = Fr>>(columns: &[Column], basis: &[G]) -> Vec<G::Group>
where
    G::Group: VariableBaseMSM<MulBase = G, ScalarField = Fr>,
{
    let terms = |column: &Column| -> Vec<(G, Fr)> {
        column.iter().filter_map(|(row, coefficient)| Some((*basis.get(*row)?, *coefficient))).collect()
    };
    let sum = |column: &Column| {
        terms(column).into_iter().fold(G::Group::zero(), |sum, (point, coefficient)| match coefficient {
            one if one.is_one() => sum + point,
            minus_one if (-minus_one).is_one() => sum - point,
            other => sum + point * other,
        })
    };
    let is_long = |column: &Column| column.len() >= TERMS_FOR_MSM;
    let short = |column: &Column| if is_long(column) { G::Group::zero() } else { sum(column) };
    let mut sums: Vec<_> = columns.par_iter().map(short).collect();
    // A product is parallel in itself; inside a parallel loop it nests until the stack is full.
    for (sum, column) in sums.iter_mut().zip(columns).filter(|(_, column)| is_long(column)) {
        let (points, scalars): (Vec<G>, Vec<Fr>) = terms(column).into_iter().unzip();
        *sum = G::Group::msm_unchecked(&points, &scalars);
    }
    sums
}

/// A wire's polynomials at τ, in the groups.
pub(super) struct Wires {
    /// `[Aᵢ(τ)]₁`.
    pub(super) a_g1: Vec<G1Affine>,
    /// `[Bᵢ(τ)]₁`.
    pub(super) b_g1: Vec<G1Affine>,
    /// `[Bᵢ(τ)]₂`.
    pub(super) b_g2: Vec<G2Affine>,
    /// `[β·Aᵢ(τ) + α·Bᵢ(τ) + Cᵢ(τ)]₁`.
    pub(super) combined_g1: Vec<G1Affine>,
}

/// Evaluates every wire's polynomials at τ: the Lagrange basis at τ is the inverse transform of the powers, in the group.
pub(super) fn wires(relation: &Relation, domain: &GeneralEvaluationDomain<Fr>, powers: &PowerPoints) -> Wires {
    fn lagrange<G: AffineRepr<ScalarField = Fr>>(domain: &GeneralEvaluationDomain<Fr>, powers: &[G]) -> Vec<G>
    where
        G::Group: CurveGroup<Affine = G> + ark_poly::domain::DomainCoeff<Fr>,
    {
        let mut basis: Vec<_> = powers.iter().take(domain.size()).map(|power| power.into_group()).collect();
        domain.ifft_in_place(&mut basis);
        G::Group::normalize_batch(&basis)
    }
    let [a, b, c] = columns(relation);
    let tau = lagrange(domain, &powers.tau_g1);
    let [alpha, beta] = [&powers.alpha_g1, &powers.beta_g1].map(|powers| lagrange(domain, powers));
    let [by_beta, by_alpha, alone] =
        [(&a, &beta), (&b, &alpha), (&c, &tau)].map(|(wires, basis)| wire_sums(wires, basis));
    let combined: Vec<_> = by_beta.iter().zip(by_alpha).zip(alone).map(|((a, b), c)| *a + b + c).collect();
    let normalized = |sums: &[G1Projective]| G1Projective::normalize_batch(sums);
    Wires {
        a_g1: normalized(&wire_sums(&a, &tau)),
        b_g1: normalized(&wire_sums(&b, &tau)),
        b_g2: G2Projective::normalize_batch(&wire_sums(&b, &lagrange(domain, &powers.tau_g2))),
        combined_g1: normalized(&combined),
    }
}

/// The coefficients of `Σ weightᵢ·Aᵢ(X)`, and of `B` and `C`: what a random combination of wires must be, at the price of
/// transforms in the field instead of the group.
pub(super) fn combined_polynomials(
    relation: &Relation,
    domain: &GeneralEvaluationDomain<Fr>,
    weights: &[Fr],
) -> [Vec<Fr>; 3] {
    let rows = |matrix: &Matrix<Fr>| -> Vec<Fr> {
        let term =
            |(coefficient, wire): &(Fr, usize)| weights.get(*wire).map_or(Fr::zero(), |weight| *weight * coefficient);
        matrix.iter().map(|row| row.iter().map(term).sum()).collect()
    };
    let mut polynomials = relation.matrices().each_ref().map(rows);
    let [a, ..] = &mut polynomials;
    a.extend(weights.iter().take(relation.inputs()));
    polynomials.map(|rows| domain.ifft(&rows))
}
