//! Grouping axes over looked-up values: whether the record falls in a cell, and at which slot the cell begins.

use ark_bn254::Fr;
use ark_ff::PrimeField;
use ark_r1cs_std::{
    GR1CSVar,
    eq::EqGadget,
    fields::{FieldVar, fp::FpVar},
};
use ark_relations::gr1cs::SynthesisError;

use super::{
    committed::{Committer, number},
    inputs::AxisInputs,
};

/// Base-256 digits of a bin's number: there are at most 4,032 bins.
const BIN_DIGITS: usize = 2;

/// The cell of a record over all axes.
pub(super) struct Cell {
    /// One if every axis has a cell for the record.
    pub(super) inside: FpVar<Fr>,
    /// The cell's first slot; zero outside.
    pub(super) first_slot: FpVar<Fr>,
}

/// The constraint form of `Layout::first_slot`.
pub(super) fn cell(
    committer: &mut Committer<'_>,
    axes: &[AxisInputs],
    values: &[FpVar<Fr>],
) -> Result<Cell, SynthesisError> {
    let mut cell = Cell { inside: FpVar::one(), first_slot: FpVar::zero() };
    for (axis, value) in axes.iter().zip(values) {
        let (inside, number) = axis_cell(committer, axis, value)?;
        cell.inside *= FpVar::one() - &axis.active * (FpVar::one() - &inside);
        cell.first_slot += &axis.stride * (inside * number);
    }
    cell.first_slot *= &cell.inside;
    Ok(cell)
}

/// Whether the axis has a cell for the value, and its number: the cuts that the value reaches, plus its bin.
fn axis_cell(
    committer: &mut Committer<'_>,
    axis: &AxisInputs,
    value: &FpVar<Fr>,
) -> Result<(FpVar<Fr>, FpVar<Fr>), SynthesisError> {
    let reached = axis.cuts.iter().map(|cut| committer.at_least(value, cut)).collect::<Result<Vec<_>, _>>()?;
    let within = committer.at_least(value, &axis.lo)? * committer.at_least(&axis.hi, value)?;
    let binned = &axis.is_bins * within;
    let bin = bin(committer, axis, value, &binned)?;
    let present = FpVar::one() - FpVar::from(value.is_eq(&axis.missing)?);
    let inside = present * (FpVar::one() - &axis.is_bins + binned);
    Ok((inside, reached.iter().sum::<FpVar<Fr>>() + bin))
}

/// The bin of a value within the bins, `value − lo = width·bin + rest` with `rest < width`; zero if `binned` is zero.
fn bin(
    committer: &mut Committer<'_>,
    axis: &AxisInputs,
    value: &FpVar<Fr>,
    binned: &FpVar<Fr>,
) -> Result<FpVar<Fr>, SynthesisError> {
    let division = || {
        let [value, lo, width, binned] = [value, &axis.lo, &axis.width, binned].map(GR1CSVar::value);
        let [value, lo, width, binned] = [value?, lo?, width?, binned?].map(low_bits);
        let offset = if binned == 1 { value.saturating_sub(lo) } else { 0 };
        Ok([offset.checked_div(width).unwrap_or_default(), offset.checked_rem(width).unwrap_or_default()].map(Fr::from))
    };
    let (bin, rest) = match division() {
        Ok([bin, rest]) => (Ok(bin), Ok(rest)),
        Err(error) => (Err(error), Err(SynthesisError::AssignmentMissing)),
    };
    let bin = number(&committer.digits(&bin, BIN_DIGITS)?);
    let rest = number(&committer.digits(&rest, 4)?);
    committer.enforce_range(&(&axis.width - FpVar::one() - &rest), 4)?;
    let error = value - &axis.lo - &axis.width * &bin - rest;
    binned.mul_equals(&error, &FpVar::zero())?;
    Ok(binned * bin)
}

fn low_bits(value: Fr) -> u64 {
    value.into_bigint().as_ref().first().copied().unwrap_or_default()
}
