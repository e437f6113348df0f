//! Criteria over looked-up values: public groups must hold, match groups decide what is encrypted.

use ark_bn254::Fr;
use ark_r1cs_std::{
    eq::EqGadget,
    fields::{FieldVar, fp::FpVar},
};
use ark_relations::gr1cs::SynthesisError;

use super::{committed::Committer, inputs::ClauseInputs};

/// What the match groups say, before any challenge.
pub(super) struct Matching {
    /// One if every match group holds.
    pub(super) all: FpVar<Fr>,
    /// After each clause: whether it ends a match group, and whether all match groups so far hold.
    pub(super) prefixes: Vec<(FpVar<Fr>, FpVar<Fr>)>,
}

/// Every public group that ends has a clause that holds. Clauses after the last group's end bind nothing.
pub(super) fn enforce_criteria(
    committer: &mut Committer<'_>,
    clauses: &[ClauseInputs],
    values: &[FpVar<Fr>],
) -> Result<Matching, SynthesisError> {
    let one = FpVar::one();
    let (mut group, mut all, mut prefixes) = (FpVar::zero(), FpVar::one(), vec![]);
    for (clause, value) in clauses.iter().zip(values) {
        let holds = clause_holds(committer, clause, value)?;
        group = &group + &holds - &group * &holds;
        let fails = &one - &group;
        clause.ends_public_group.mul_equals(&fails, &FpVar::zero())?;
        all -= &all * (&clause.ends_match_group * fails);
        prefixes.push((clause.ends_match_group.clone(), all.clone()));
        group *= &one - &clause.ends_public_group - &clause.ends_match_group;
    }
    Ok(Matching { all, prefixes })
}

/// The constraint form of `criteria::MatchClause::holds`: one or zero.
fn clause_holds(
    committer: &mut Committer<'_>,
    clause: &ClauseInputs,
    value: &FpVar<Fr>,
) -> Result<FpVar<Fr>, SynthesisError> {
    let inside = committer.at_least(value, &clause.lo)? * committer.at_least(&clause.hi, value)?;
    let differs = &inside + &clause.negated - (&inside * &clause.negated).double()?;
    let missing = FpVar::from(value.is_eq(&clause.missing)?);
    Ok(differs * (FpVar::one() - missing))
}

/// `Σ prefixᵢ·γ^i`, the empty prefix first: the constraint form of `Statistic::Funnel`'s slots.
pub(super) fn funnel(matching: &Matching, gamma: &FpVar<Fr>) -> FpVar<Fr> {
    let step = gamma - FpVar::one();
    let (mut sum, mut power) = (FpVar::one(), gamma.clone());
    for (ends_group, holds) in &matching.prefixes {
        let weighted = ends_group * &power;
        sum += holds * &weighted;
        power += weighted * &step;
    }
    sum
}
