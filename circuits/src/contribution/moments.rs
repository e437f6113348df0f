//! Moments of clipped values, in base-256 digits.

use ark_bn254::Fr;
use ark_r1cs_std::{
    GR1CSVar,
    eq::EqGadget,
    fields::{FieldVar, fp::FpVar},
};
use ark_relations::gr1cs::SynthesisError;

use super::{
    ciphertext::horner,
    committed::{Committer, number},
    inputs::MomentInputs,
};
use crate::{layout::VALUE_DIGITS, record::MISSING};

/// The moments of a record, before any challenge.
pub(super) struct Moments {
    /// One if the record has every attribute that is measured.
    complete: FpVar<Fr>,
    /// Digits of `xᵢ`, then of `xᵢxⱼ` for `j ≤ i`, for each `i` in turn; zero beyond the attributes measured.
    digits: Vec<FpVar<Fr>>,
}

/// The constraint form of `Statistic::Moments`' slots.
pub(super) fn moments(
    committer: &mut Committer<'_>,
    inputs: &[MomentInputs],
    values: &[FpVar<Fr>],
) -> Result<Moments, SynthesisError> {
    let (mut complete, mut clipped, mut digits) = (FpVar::one(), vec![], vec![]);
    for (moment, value) in inputs.iter().zip(values) {
        let missing = FpVar::from(value.is_eq(&FpVar::constant(Fr::from(MISSING)))?);
        complete *= FpVar::one() - &moment.active * missing;
        let x = &moment.active * clip(committer, moment, value)?;
        digits.extend(committer.enforce_range(&x, VALUE_DIGITS)?);
        clipped.push(x);
        for y in &clipped {
            let x = clipped.last().unwrap_or(y);
            let product = x.value().and_then(|x| Ok(x * y.value()?));
            let product_digits = committer.digits(&product, 2 * VALUE_DIGITS)?;
            x.mul_equals(y, &number(&product_digits))?;
            digits.extend(product_digits);
        }
    }
    Ok(Moments { complete, digits })
}

/// `clamp(value, lo, hi) − lo`.
fn clip(committer: &mut Committer<'_>, moment: &MomentInputs, value: &FpVar<Fr>) -> Result<FpVar<Fr>, SynthesisError> {
    let above_lo = committer.at_least(value, &moment.lo)? * (value - &moment.lo);
    let above_hi = committer.at_least(value, &moment.hi)? * (&moment.hi - value);
    Ok(above_lo + above_hi)
}

impl Moments {
    /// `complete · (counts + γ·digits(γ))`.
    pub(super) fn evaluate(&self, counts: &FpVar<Fr>, gamma: &FpVar<Fr>) -> FpVar<Fr> {
        &self.complete * (counts + horner(&self.digits, gamma) * gamma)
    }
}
