//! The share of some people among others.

use crate::statistics::{Estimate, Sum, Undefined, estimate::normal_quantile, noise};

/// `part / whole` of sums, the part within the whole, with its binomial error.
///
/// The interval is Wilson's (JASA 22:209, 1927). Noise joins it by squares on each side (Zou and Donner, Statistics in
/// Medicine 27:1693, 2008), so that a share near 0 or 1 keeps a width: a normal interval would have none there. The share
/// itself is as released: noise may take it below 0 or above 1, and its interval then reaches as far.
///
/// # Errors
/// [`Undefined::Nobody`] when the whole is empty, [`Undefined::Noise`] when it drowns in noise.
pub(super) fn proportion<const N: usize>(
    sums: &[Sum; N],
    part_and_whole: impl Fn([f64; N]) -> (f64, f64),
) -> Result<Estimate, Undefined> {
    let mut people = [0.0; N];
    for (value, sum) in people.iter_mut().zip(sums) {
        *value = sum.people()?;
    }
    let (part, whole) = part_and_whole(people);
    let quotient = |(part, whole): (f64, f64)| if whole > 0.0 { Ok(part / whole) } else { Err(Undefined::Nobody) };
    let noisy = sums.iter().any(Sum::is_noisy);
    let raw = quotient((part, whole)).map_err(|why| if noisy { Undefined::Noise } else { why })?;
    let noise = noise::variance_of(sums, |values| quotient(part_and_whole(values)))?;

    let share = raw.clamp(0.0, 1.0);
    let (lo, hi) = wilson(share, whole);
    let noise_half = normal_quantile() * noise.sqrt();
    let interval = (raw - (share - lo).hypot(noise_half), raw + (hi - share).hypot(noise_half));
    let standard_error = (share * (1.0 - share) / whole + noise).sqrt();
    Ok(Estimate::new(raw, standard_error, interval)?.interval_within(raw.min(0.0), raw.max(1.0)))
}

/// The share of a part, counted beside the rest.
///
/// # Errors
/// As [`proportion`].
pub(super) fn beside(part: Sum, rest: Sum) -> Result<Estimate, Undefined> {
    proportion(&[part, rest], |[part, rest]| (part, part + rest))
}

/// The share of a part of a whole that was counted on its own.
///
/// # Errors
/// As [`proportion`], and [`Undefined::Noise`] where noise made the part more than its whole or less than nobody.
pub(super) fn within(part: Sum, whole: Sum) -> Result<Estimate, Undefined> {
    let share = proportion(&[part, whole], |[part, whole]| (part, whole))?;
    if (0.0..=1.0).contains(&share.value) { Ok(share) } else { Err(Undefined::Noise) }
}

/// Wilson's score interval of a share of so many people.
fn wilson(share: f64, people: f64) -> (f64, f64) {
    let square = normal_quantile().powi(2) / people;
    let centre = (share + square / 2.0) / (1.0 + square);
    let spread = share * (1.0 - share) / people;
    let half = normal_quantile() / (1.0 + square) * (spread + square / (4.0 * people)).sqrt();
    ((centre - half).max(0.0), (centre + half).min(1.0))
}
