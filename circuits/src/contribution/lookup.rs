//! Lookups: every looked-up value is in its table.
//!
//! Source: Haböck, *Multivariate lookups based on logarithmic derivatives*, ePrint 2022/1530: the values lie in the table
//! exactly if `Σ 1/(α − xᵢ) = Σ mⱼ/(α − tⱼ)` as fractions in `α`, for some multiplicities `mⱼ`. One constraint for each
//! value and each table entry.

use std::{collections::HashMap, ops::RangeInclusive};

use ark_bn254::Fr;
use ark_ff::{One, batch_inversion};
use ark_r1cs_std::{
    GR1CSVar,
    alloc::AllocVar,
    eq::EqGadget,
    fields::{FieldVar, fp::FpVar},
};
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};

use super::committed::Committer;

/// The entries of a constant table.
pub(super) fn constants(range: RangeInclusive<i64>) -> Vec<FpVar<Fr>> {
    range.map(|entry| FpVar::constant(Fr::from(entry))).collect()
}

/// How often each entry of a constant table is looked up, committed. Values outside the table count nowhere.
pub(super) fn commit_multiplicities(
    committer: &mut Committer<'_>,
    values: &[FpVar<Fr>],
    table: RangeInclusive<i64>,
) -> Result<Vec<FpVar<Fr>>, SynthesisError> {
    let mut counts: HashMap<Fr, u64> = HashMap::new();
    for value in values {
        if let Ok(value) = value.value() {
            *counts.entry(value).or_default() += 1;
        }
    }
    table.map(|entry| committer.commit(Ok(counts.get(&Fr::from(entry)).copied().unwrap_or_default().into()))).collect()
}

/// How often each of a record's subjects is looked up, committed; `subjects` counts them.
pub(super) fn commit_subject_multiplicities(
    committer: &mut Committer<'_>,
    subjects: usize,
) -> Result<Vec<FpVar<Fr>>, SynthesisError> {
    let mut counts: HashMap<Fr, u64> = HashMap::new();
    for (key, _) in &committer.looked_up.subjects {
        if let Ok(key) = key.value() {
            *counts.entry(key).or_default() += 1;
        }
    }
    let count = |key: usize| counts.get(&Fr::from(key as u64)).copied().unwrap_or_default();
    (0..subjects).map(|key| committer.commit(Ok(count(key).into()))).collect()
}

/// Every value is an entry of the table: the two sums of fractions agree at `alpha`.
pub(super) fn enforce_looked_up(
    system: &ConstraintSystemRef<Fr>,
    alpha: &FpVar<Fr>,
    values: &[FpVar<Fr>],
    table: &[FpVar<Fr>],
    multiplicities: &[FpVar<Fr>],
) -> Result<(), SynthesisError> {
    let one = FpVar::one();
    let looked_up = fractions(system, alpha, values, |_| &one)?;
    let entries = fractions(system, alpha, table, |place| multiplicities.get(place).unwrap_or(&one))?;
    looked_up.enforce_equal(&entries)
}

/// `Σ numeratorᵢ/(α − poleᵢ)`.
fn fractions<'n>(
    system: &ConstraintSystemRef<Fr>,
    alpha: &FpVar<Fr>,
    poles: &[FpVar<Fr>],
    numerator: impl Fn(usize) -> &'n FpVar<Fr>,
) -> Result<FpVar<Fr>, SynthesisError> {
    let differences: Vec<FpVar<Fr>> = poles.iter().map(|pole| alpha - pole).collect();
    // Without values, in set-up, the inverses are never read.
    let mut inverses: Vec<Fr> = differences.iter().map(|difference| difference.value().unwrap_or(Fr::one())).collect();
    batch_inversion(&mut inverses);
    let fraction = |(place, (difference, inverse)): (usize, (&FpVar<Fr>, &Fr))| {
        let numerator = numerator(place);
        let fraction = FpVar::new_witness(system.clone(), || Ok(numerator.value()? * inverse))?;
        fraction.mul_equals(difference, numerator)?;
        Ok::<_, SynthesisError>(fraction)
    };
    let fractions = differences.iter().zip(&inverses).enumerate().map(fraction).collect::<Result<Vec<_>, _>>()?;
    Ok(fractions.iter().sum())
}
