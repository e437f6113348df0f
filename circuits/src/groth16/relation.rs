//! A circuit's matrices with the committed witnesses first.

use std::iter::repeat_n;

use ark_bn254::Fr;
use ark_ff::Zero;
use ark_groth16::r1cs_to_qap::{LibsnarkReduction, R1CSToQAP};
use ark_poly::GeneralEvaluationDomain;
use ark_relations::{
    gr1cs::{ConstraintSystemRef, R1CS_PREDICATE_LABEL},
    utils::matrix::Matrix,
};

use crate::Error;

/// A rank-1 constraint system: `(A·z) ∘ (B·z) = C·z` for assignments `z` that start with one and the public inputs,
/// then the committed witnesses, then the others.
pub struct Relation {
    matrices: [Matrix<Fr>; 3],
    inputs: usize,
    committed: usize,
    /// The synthesized place of each wire.
    order: Vec<usize>,
}

impl std::fmt::Debug for Relation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (constraints, wires) = (self.constraints(), self.wires());
        write!(f, "Relation({constraints} constraints, {wires} wires, {} committed)", self.committed)
    }
}

impl Relation {
    /// The relation of a system synthesized in set-up mode; `committed` numbers witnesses in the order they were
    /// allocated, increasing.
    ///
    /// # Errors
    /// [`Error::Proving`] when the system has no matrices or lacks a committed witness.
    pub fn new(system: &ConstraintSystemRef<Fr>, committed: &[usize]) -> Result<Self, Error> {
        let broken = |why: &str| Error::Proving { why: why.into() };
        system.finalize();
        let mut predicates = system.to_matrices().map_err(|error| broken(&error.to_string()))?;
        let matrices = predicates.remove(R1CS_PREDICATE_LABEL).unwrap_or_default();
        let matrices: [_; 3] = matrices.try_into().map_err(|_| broken("the system has no rank-1 matrices"))?;
        let (inputs, witnesses) = (system.num_instance_variables(), system.num_witness_variables());

        let mut is_committed: Vec<bool> = repeat_n(false, witnesses).collect();
        for place in committed {
            *is_committed.get_mut(*place).ok_or_else(|| broken("a committed witness does not exist"))? = true;
        }
        let places = |wanted: bool| {
            let chosen = is_committed.iter().enumerate().filter(move |(_, is)| **is == wanted);
            chosen.map(|(place, _)| inputs + place)
        };
        let order: Vec<usize> = (0..inputs).chain(places(true)).chain(places(false)).collect();
        let mut relation = Self { matrices, inputs, committed: committed.len(), order };
        relation.renumber();
        Ok(relation)
    }

    fn renumber(&mut self) {
        let mut place_of = vec![0; self.order.len()];
        for (place, synthesized) in self.order.iter().enumerate() {
            if let Some(slot) = place_of.get_mut(*synthesized) {
                *slot = place;
            }
        }
        for (_, column) in self.matrices.iter_mut().flatten().flatten() {
            *column = place_of.get(*column).copied().unwrap_or_default();
        }
    }

    /// `A`, `B` and `C`, a row for each constraint: pairs of a coefficient and a wire.
    #[must_use]
    pub const fn matrices(&self) -> &[Matrix<Fr>; 3] {
        &self.matrices
    }

    /// The constant one and the public inputs.
    #[must_use]
    pub const fn inputs(&self) -> usize {
        self.inputs
    }

    /// Committed witnesses.
    #[must_use]
    pub const fn committed(&self) -> usize {
        self.committed
    }

    /// All wires.
    #[must_use]
    pub const fn wires(&self) -> usize {
        self.order.len()
    }

    /// Constraints.
    #[must_use]
    pub fn constraints(&self) -> usize {
        self.matrices.first().map_or(0, Vec::len)
    }

    /// A synthesized assignment, inputs and then witnesses, in this relation's order.
    ///
    /// # Errors
    /// [`Error::Proving`] when it has another length.
    pub fn ordered(&self, inputs: &[Fr], witnesses: &[Fr]) -> Result<Vec<Fr>, Error> {
        if inputs.len() != self.inputs || inputs.len() + witnesses.len() != self.wires() {
            return Err(Error::Proving { why: "the assignment is of another circuit".into() });
        }
        let value = |place: &usize| inputs.get(*place).or_else(|| witnesses.get(place - self.inputs));
        Ok(self.order.iter().filter_map(value).copied().collect())
    }

    /// The coefficients of `(A(X)·B(X) − C(X))/Z(X)`.
    ///
    /// # Errors
    /// [`Error::Proving`] when the domain is too large for the field.
    pub(super) fn quotient(&self, assignment: &[Fr]) -> Result<Vec<Fr>, Error> {
        LibsnarkReduction::witness_map_from_matrices::<Fr, GeneralEvaluationDomain<Fr>>(
            &self.matrices,
            self.inputs,
            self.constraints(),
            assignment,
        )
        .map_err(|error| Error::Proving { why: error.to_string() })
    }

    /// `Aᵢ(τ)`, `Bᵢ(τ)` and `Cᵢ(τ)` for every wire, from the Lagrange coefficients at `τ`. A row for each input follows
    /// the constraints, so that public inputs are independent (libsnark's reduction).
    pub(super) fn evaluations(&self, lagrange: &[Fr]) -> [Vec<Fr>; 3] {
        let mut evaluations = [0; 3].map(|_| vec![Fr::zero(); self.wires()]);
        for (evaluation, matrix) in evaluations.iter_mut().zip(&self.matrices) {
            for (row, basis) in matrix.iter().zip(lagrange) {
                for (coefficient, wire) in row {
                    if let Some(sum) = evaluation.get_mut(*wire) {
                        *sum += *basis * coefficient;
                    }
                }
            }
        }
        let [a, ..] = &mut evaluations;
        for (sum, basis) in a.iter_mut().take(self.inputs).zip(lagrange.iter().skip(self.constraints())) {
            *sum += basis;
        }
        evaluations
    }
}
