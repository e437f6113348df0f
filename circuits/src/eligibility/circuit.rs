//! The eligibility statement as constraints, a titled paragraph for each clause.

use ark_bn254::Fr;
use ark_r1cs_std::{
    alloc::AllocationMode,
    eq::EqGadget,
    fields::{FieldVar, fp::FpVar},
};
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};

use super::{
    opening::{
        Allocator, LEAF_TERMS_INPUTS, LeafInstance, LeafTerms, OpeningVars, bits_of, enforce_non_negative,
        leaf_instance_inputs, leaf_terms_inputs, opening_values,
    },
    statement::{EligibilityInstance, EligibilityTerms, EligibilityWitness},
};
use crate::{
    criteria::{CLAUSES_MAX, Clause},
    domain::{FieldTag, bytes_to_field},
    record::{ATTRIBUTES, MISSING},
};

/// Bits of an attribute's index.
const INDEX_BITS: usize = 5;
const _: () = assert!(1 << INDEX_BITS == ATTRIBUTES);

/// Public inputs that a query and part fix: see [`terms_inputs`].
const TERMS_INPUTS: usize = LEAF_TERMS_INPUTS + CLAUSES_MAX * (INDEX_BITS + 4);
/// Public inputs of one proof: root, nullifier, scope nullifier, binding.
pub(super) const INSTANCE_INPUTS: usize = 4;
/// Public inputs in all, without the constant one.
pub const PUBLIC_INPUTS: usize = TERMS_INPUTS + INSTANCE_INPUTS;

/// Constraints by paragraph, pinned: a change of the circuit shows here, and changes every key.
pub const CONSTRAINTS: [(&str, usize); 10] = [
    ("record opening", 939),
    ("consent opening", 456),
    ("membership", 8_607),
    ("nullifiers", 590),
    ("schema", 1),
    ("issuer", 9),
    ("registration epoch", 33),
    ("criteria", 2_767),
    ("consent", 315),
    ("binding", 1),
];

/// The public inputs that the terms fix, in order.
pub(super) fn terms_inputs(terms: &EligibilityTerms) -> Vec<Fr> {
    let mut inputs = leaf_terms_inputs(terms);
    let unused = (Clause { attribute: 0, lo: 0, hi: 0, negated: false }, false);
    let clauses = terms
        .criteria
        .groups
        .iter()
        .flat_map(|group| group.iter().enumerate().map(|(index, clause)| (*clause, index + 1 == group.len())));
    for (clause, ends_group) in clauses.chain(std::iter::repeat(unused)).take(CLAUSES_MAX) {
        inputs.extend(bits_of(clause.attribute.into(), INDEX_BITS));
        inputs.extend([clause.lo.into(), clause.hi.into(), clause.negated.into(), Fr::from(ends_group)]);
    }
    inputs
}

/// The public inputs of one proof, in order.
pub(super) fn instance_inputs(instance: &EligibilityInstance) -> [Fr; INSTANCE_INPUTS] {
    let [root, nullifier, scope] = leaf_instance_inputs(instance);
    [root, nullifier, scope, bytes_to_field(instance.binding.as_bytes())]
}

/// The circuit: without an assignment for set-up, with one for proving.
pub(super) struct EligibilityCircuit<'a> {
    pub(super) assignment: Option<(&'a EligibilityTerms, &'a EligibilityInstance, &'a EligibilityWitness)>,
}

/// One clause of the criteria as public inputs.
struct ClauseInputs {
    index: Vec<FpVar<Fr>>,
    lo: FpVar<Fr>,
    hi: FpVar<Fr>,
    negated: FpVar<Fr>,
    ends_group: FpVar<Fr>,
}

impl ClauseInputs {
    fn allocate(next: &mut Allocator<'_>) -> Result<Self, SynthesisError> {
        Ok(Self {
            index: next.many(INDEX_BITS)?,
            lo: next.one()?,
            hi: next.one()?,
            negated: next.one()?,
            ends_group: next.one()?,
        })
    }
}

impl EligibilityCircuit<'_> {
    /// Adds every constraint and returns how many there are after each paragraph.
    pub(super) fn synthesize(self, system: &ConstraintSystemRef<Fr>) -> Result<Vec<usize>, SynthesisError> {
        let inputs = self
            .assignment
            .map(|(terms, instance, _)| terms_inputs(terms).into_iter().chain(instance_inputs(instance)).collect());
        let mut inputs = Allocator::new(system, AllocationMode::Input, inputs);
        let terms = LeafTerms::allocate(&mut inputs)?;
        let clauses = (0..CLAUSES_MAX).map(|_| ClauseInputs::allocate(&mut inputs)).collect::<Result<Vec<_>, _>>()?;
        let instance = LeafInstance::allocate(&mut inputs)?;
        let binding = inputs.one()?;
        let witness = self.assignment.map(|(_, _, witness)| opening_values(witness));
        let opening = OpeningVars::allocate(&mut Allocator::new(system, AllocationMode::Witness, witness))?;
        let mut counts = vec![system.num_constraints()];
        let mut paragraph_ends = || counts.push(system.num_constraints());

        // Record opening.
        let body = opening.body()?;
        paragraph_ends();

        // Consent opening.
        let consent = opening.consent()?;
        paragraph_ends();

        // Membership.
        opening.enforce_membership(body, consent, &instance)?;
        paragraph_ends();

        // Nullifiers.
        opening.enforce_nullifiers(FieldTag::ScreeningNullifier, &terms, &instance)?;
        paragraph_ends();

        // Schema.
        opening.enforce_schema(&terms)?;
        paragraph_ends();

        // Issuer.
        opening.enforce_issuer(&terms)?;
        paragraph_ends();

        // Registration epoch.
        opening.enforce_registration_epoch(&terms)?;
        paragraph_ends();

        // Criteria: the conjunctive normal form over range-checked attributes holds.
        enforce_criteria(&opening.attributes, &clauses)?;
        paragraph_ends();

        // Consent.
        opening.enforce_consent(&terms)?;
        paragraph_ends();

        // Binding: squared, so that no proof fits another binding.
        let _ = binding.square()?;
        paragraph_ends();
        Ok(counts)
    }
}

/// Each attribute fits 32 bits; every group that ends has a clause that holds. Clauses after the last group's end are
/// unused and bind nothing.
fn enforce_criteria(attributes: &[FpVar<Fr>], clauses: &[ClauseInputs]) -> Result<(), SynthesisError> {
    for attribute in attributes {
        enforce_non_negative(attribute, 32)?;
    }
    let one = FpVar::one();
    let mut group_holds = FpVar::zero();
    for clause in clauses {
        let holds = clause_holds(attributes, clause)?;
        group_holds = &group_holds + &holds - &group_holds * &holds;
        clause.ends_group.mul_equals(&(&one - &group_holds), &FpVar::zero())?;
        group_holds *= &one - &clause.ends_group;
    }
    Ok(())
}

/// The constraint form of `criteria::Clause::holds`: one or zero.
fn clause_holds(attributes: &[FpVar<Fr>], clause: &ClauseInputs) -> Result<FpVar<Fr>, SynthesisError> {
    let value = select(attributes, &clause.index)?;
    let inside = at_least(&value, &clause.lo)? * at_least(&clause.hi, &value)?;
    let differs = &inside + &clause.negated - (&inside * &clause.negated).double()?;
    let missing = FpVar::from(value.is_eq(&FpVar::constant(Fr::from(MISSING)))?);
    Ok(differs * (FpVar::one() - missing))
}

/// The attribute at an index given in bits, the lowest first: 31 products.
fn select(attributes: &[FpVar<Fr>], index: &[FpVar<Fr>]) -> Result<FpVar<Fr>, SynthesisError> {
    let selected = index.iter().fold(attributes.to_vec(), |values, bit| {
        let pair = |pair: &[FpVar<Fr>]| match pair {
            [low, high] => low + bit * (high - low),
            rest => rest.iter().cloned().sum(),
        };
        values.chunks(2).map(pair).collect()
    });
    selected.into_iter().next().ok_or(SynthesisError::AssignmentMissing)
}

/// One if `left ≥ right`, else zero, for values of 32 bits: bit 32 of `left − right + 2^32`.
fn at_least(left: &FpVar<Fr>, right: &FpVar<Fr>) -> Result<FpVar<Fr>, SynthesisError> {
    let shifted = left - right + FpVar::constant(Fr::from(1u64 << 32));
    let (bits, _) = shifted.to_bits_le_with_top_bits_zero(33)?;
    bits.into_iter().last().map(FpVar::from).ok_or(SynthesisError::AssignmentMissing)
}
