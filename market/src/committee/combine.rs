//! From the aggregate and every subset's component to the summed slots.

use std::collections::BTreeMap;

use circuits::{
    quorum::{Quorum, SubsetIndex},
    rlwe::{Aggregate, DecodedSlot, decode_slot, params::CONTRIBUTIONS_EXACT_MAX, residual_max},
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

/// `c0 + Σ component_A`, decoded: the layout's slots of the sum.
///
/// The control slots must decode to zero and every residual lie within its bound, or the sum is not the decryption of
/// this aggregate, and each slot must be one that the contributions can add up to.
///
/// # Errors
/// [`Error::Release`] when a component is missing, foreign or of another shape, or when one of these checks fails.
pub fn combine(
    quorum: &Quorum,
    aggregate: &Aggregate,
    context: &ReleaseContext,
    components: &BTreeMap<SubsetIndex, Component>,
    bounds: SumBounds,
) -> Result<Vec<u32>, Error> {
    context.check_aggregate(aggregate)?;
    check_components(quorum, context, components)?;
    if bounds.contributions > CONTRIBUTIONS_EXACT_MAX {
        let why = format!("{} contributions are above the {CONTRIBUTIONS_EXACT_MAX} exact ones", bounds.contributions);
        return Err(context.refused(why));
    }
    let residual_max = residual_max(quorum.subset_count(), bounds.contributions);
    let slot_max = u64::from(bounds.contributions) * u64::from(bounds.slot_max_each);
    let mut slots = Vec::with_capacity(context.slots_used());
    for (slot, decoded) in decode(aggregate, context, components) {
        if decoded.residual.unsigned_abs() > residual_max {
            return Err(context.refused(format!("slot {slot} carries noise beyond its bound; a component is wrong")));
        }
        let is_layout = slot < context.slots_used();
        if !is_layout && decoded.value != 0 {
            return Err(context.refused(format!("control slot {slot} is not zero; a component or the sum is wrong")));
        }
        if is_layout {
            if u64::from(decoded.value) > slot_max {
                let why = format!("slot {slot} is {}, more than {slot_max}; a component is wrong", decoded.value);
                return Err(context.refused(why));
            }
            slots.push(decoded.value);
        }
    }
    Ok(slots)
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
