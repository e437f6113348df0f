//! From the aggregate and every subset's component to the summed slots.

use std::collections::BTreeMap;

use circuits::{
    quorum::{Quorum, SubsetIndex},
    rlwe::{
        Aggregate, DecodedSlot, decode_slot,
        params::{CONTRIBUTIONS_EXACT_MAX, CONTRIBUTIONS_NOISY_MAX, PLAINTEXT_BITS, PRIVACY_NOISE_BOUND_LOG2},
        residual_max,
    },
};

use super::component::{Component, ReleaseContext};
use crate::Error;

/// What a sum can be at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SumBounds {
    /// How many contributions were added.
    pub contributions: u32,
    /// The largest value that one contribution puts into a slot: 1 for counts, 255 for digits.
    pub slot_max_each: u32,
}

/// `c0 + Σ component_A`, decoded: the layout's slots of the sum. With privacy noise a slot can be negative.
///
/// The control slots must decode to zero and every residual lie within its bound, or the sum is not the decryption of
/// this aggregate, and each slot must be one that the contributions, and the noise, can add up to.
///
/// # Errors
/// [`Error::Release`] when a component is missing, foreign or of another shape, or when one of these checks fails.
pub fn combine(
    quorum: &Quorum,
    aggregate: &Aggregate,
    context: &ReleaseContext,
    components: &BTreeMap<SubsetIndex, Component>,
    bounds: SumBounds,
) -> Result<Vec<i32>, Error> {
    context.check_aggregate(aggregate)?;
    check_components(quorum, context, components)?;
    check_contributions(context, bounds)?;
    let residual_max = residual_max(quorum.subset_count(), bounds.contributions);
    let mut slots = Vec::with_capacity(context.slots_used());
    for (slot, decoded) in decode(aggregate, context, components) {
        if decoded.residual.unsigned_abs() > residual_max {
            return Err(context.refused(format!("slot {slot} carries noise beyond its bound; a component is wrong")));
        }
        if slot < context.slots_used() {
            slots.push(in_window(context, slot, decoded.value, bounds)?);
        } else if decoded.value != 0 {
            return Err(context.refused(format!("control slot {slot} is not zero; a component or the sum is wrong")));
        }
    }
    Ok(slots)
}

fn check_contributions(context: &ReleaseContext, bounds: SumBounds) -> Result<(), Error> {
    let (most, kind) = match context.noise() {
        None => (CONTRIBUTIONS_EXACT_MAX, "exact"),
        Some(_) => (CONTRIBUTIONS_NOISY_MAX, "private"),
    };
    if bounds.contributions <= most {
        return Ok(());
    }
    Err(context.refused(format!("{} contributions are above the {most} of a sum that is {kind}", bounds.contributions)))
}

/// A layout slot in its window: from zero, or with noise from −2²², up to what the contributions can add up to, or with
/// noise 2²² more.
fn in_window(context: &ReleaseContext, slot: usize, value: u32, bounds: SumBounds) -> Result<i32, Error> {
    let room: i64 = match context.noise() {
        Some(noise) if noise.deviation(slot) > 0 => 1 << PRIVACY_NOISE_BOUND_LOG2,
        _ => 0,
    };
    let (lo, hi) = (-room, i64::from(bounds.contributions) * i64::from(bounds.slot_max_each) + room);
    let value = i64::from(value);
    let value = if value >= (1 << PLAINTEXT_BITS) - room { value - (1 << PLAINTEXT_BITS) } else { value };
    match i32::try_from(value) {
        Ok(slot) if (lo..=hi).contains(&value) => Ok(slot),
        _ => Err(context.refused(format!("slot {slot} is {value}, outside {lo} to {hi}; a component is wrong"))),
    }
}

/// Every component of the quorum, no other, each with the release's slots.
fn check_components(
    quorum: &Quorum,
    context: &ReleaseContext,
    components: &BTreeMap<SubsetIndex, Component>,
) -> Result<(), Error> {
    for (subset, component) in components {
        quorum.check_subset(*subset)?;
        if component.subset() != *subset || component.coefficients().len() != context.released_count() {
            return Err(context.refused(format!("component {subset} is not of this release's shape")));
        }
    }
    let missing: Vec<String> =
        quorum.subsets().filter(|subset| !components.contains_key(subset)).map(|subset| subset.to_string()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let why = format!("components {} are missing; {} members hold them all", missing.join(", "), quorum.threshold());
    Err(context.refused(why))
}

/// The released slots with their decoded values.
fn decode(
    aggregate: &Aggregate,
    context: &ReleaseContext,
    components: &BTreeMap<SubsetIndex, Component>,
) -> Vec<(usize, DecodedSlot)> {
    let mut sums: Vec<_> = aggregate.c0().enumerate().filter(|(slot, _)| context.is_released(*slot)).collect();
    for component in components.values() {
        for ((_, sum), coefficient) in sums.iter_mut().zip(component.coefficients()) {
            *sum = sum.plus(*coefficient);
        }
    }
    sums.into_iter().map(|(slot, sum)| (slot, decode_slot(sum))).collect()
}
