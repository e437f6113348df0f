//! Privacy noise in estimates and tests: the delta method, and tests against a simulated null distribution.
//!
//! A sum under differential privacy is a whole number plus a discrete Gaussian of known variance. An estimate `f` of
//! such sums varies, beside its sampling error, by `Σ (∂f/∂sᵢ)²·varᵢ` (delta method). A test's statistic under the null
//! hypothesis has no closed distribution once noise is in the cells; its p-value is the share of simulated tables, noise
//! included, that are as extreme (Davison and Hinkley, *Bootstrap Methods and their Application*, 1997, 4.2; Gaboardi,
//! Lim, Rogers, Vadhan, ICML 2016, for χ² under noise).

use rand::{SeedableRng, rngs::StdRng};
use statrs::distribution::{Binomial, Normal};

use super::{Sum, Undefined, estimate::finite};

/// Simulated tables of one test: the least p-value is 1/10,000.
pub const SIMULATIONS: u32 = 9_999;
/// People of a simulated table: every whole number up to here is exact.
pub const PEOPLE_MAX: u64 = 1 << 53;

/// The variance that the sums' noise adds to an estimate of them. Derivatives are secants over half a standard
/// deviation to each side, which tells more of a curved estimate than its tangent.
///
/// # Errors
/// What the estimate itself refuses, at the sums or beside them; [`Undefined::Noise`] when it is not finite there.
pub fn variance(sums: &[Sum], estimate: impl Fn(&[f64]) -> Result<f64, Undefined>) -> Result<f64, Undefined> {
    let variances = variances(sums, 1, |values| Ok(vec![estimate(values)?]))?;
    Ok(variances.into_iter().sum())
}

/// [`variance`] of each of several estimates of the same sums, `count` of them.
///
/// # Errors
/// As [`variance`].
pub fn variances(
    sums: &[Sum],
    count: usize,
    estimates: impl Fn(&[f64]) -> Result<Vec<f64>, Undefined>,
) -> Result<Vec<f64>, Undefined> {
    let mut values: Vec<f64> = sums.iter().map(Sum::to_f64).collect();
    let mut totals = vec![0.0; count];
    for (place, sum) in sums.iter().enumerate().filter(|(_, sum)| sum.is_noisy()) {
        let deviation = sum.noise_variance.sqrt();
        let mut at = |shift: f64| {
            if let Some(value) = values.get_mut(place) {
                *value = sum.to_f64() + shift;
            }
            estimates(&values).map_err(|_| Undefined::Noise)
        };
        // Over one standard deviation in all, so the difference is the slope times the deviation.
        let (above, below) = (at(deviation / 2.0)?, at(-deviation / 2.0)?);
        at(0.0)?;
        for (total, (above, below)) in totals.iter_mut().zip(above.iter().zip(below)) {
            *total += (above - below).powi(2);
        }
    }
    totals.into_iter().map(|total| finite(total).map_err(|_| Undefined::Noise)).collect()
}

/// The seed of one of several tests of a result, such as one for each variant.
#[must_use]
pub fn seed_of(seed: [u8; 32], index: u64) -> [u8; 32] {
    let mut mixed = seed;
    for (byte, part) in mixed.iter_mut().zip(index.to_le_bytes()) {
        *byte ^= part;
    }
    mixed
}

/// [`variance`] of an estimate of a fixed number of sums.
///
/// # Errors
/// As [`variance`].
pub fn variance_of<const N: usize>(
    sums: &[Sum; N],
    estimate: impl Fn([f64; N]) -> Result<f64, Undefined>,
) -> Result<f64, Undefined> {
    variance(sums, |values| estimate(values.try_into().map_err(|_| Undefined::OutOfRange)?))
}

/// The p-value of a statistic against tables drawn under the null hypothesis. `draw` gives the statistic of one such
/// table, noise included; a table for which it is undefined counts as extreme, which errs towards no finding.
///
/// The seed makes the p-value the same each time for one result.
pub fn simulated_p_value(
    observed: f64,
    seed: [u8; 32],
    draw: impl FnMut(&mut StdRng) -> Result<f64, Undefined>,
) -> f64 {
    p_value_among(SIMULATIONS, observed, seed, draw)
}

/// [`simulated_p_value`] among another number of tables.
pub(crate) fn p_value_among(
    simulations: u32,
    observed: f64,
    seed: [u8; 32],
    mut draw: impl FnMut(&mut StdRng) -> Result<f64, Undefined>,
) -> f64 {
    let mut rng = StdRng::from_seed(seed);
    let mut extreme = 1_u32;
    for _ in 0..simulations {
        extreme += u32::from(draw(&mut rng).map_or(true, |statistic| statistic >= observed));
    }
    f64::from(extreme) / (f64::from(simulations) + 1.0)
}

/// A draw of a sum's noise, as a rounded normal. From a deviation of 1 on it has the discrete Gaussian's variance but for a
/// twelfth, which rounding adds. Of narrower noise, as at an ε of 100, it is the wider of the two, so a p-value simulated
/// with it errs towards no finding.
///
/// # Errors
/// [`Undefined::OutOfRange`] for a variance that is no number.
pub fn draw(variance: f64, rng: &mut StdRng) -> Result<f64, Undefined> {
    if variance == 0.0 {
        return Ok(0.0);
    }
    let normal = Normal::new(0.0, variance.sqrt()).map_err(|_| Undefined::OutOfRange)?;
    Ok(rand::RngExt::sample::<f64, _>(rng, normal).round())
}

/// A number of people as a real number.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "people stay below 2^53, where every whole number is exact")]
pub(crate) const fn real(people: u64) -> f64 {
    people as f64
}

/// The nearest number of people; nobody for what is below.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts saturate, and nobody is the least")]
pub(crate) const fn whole(people: f64) -> u64 {
    people.round() as u64
}

/// How many of so many people, each with this chance: a binomial draw.
///
/// # Errors
/// [`Undefined::OutOfRange`] for a chance that is no number, or beyond [`PEOPLE_MAX`].
pub fn draw_people(people: u64, chance: f64, rng: &mut StdRng) -> Result<u64, Undefined> {
    if people > PEOPLE_MAX {
        return Err(Undefined::OutOfRange);
    }
    let binomial = Binomial::new(finite(chance)?.clamp(0.0, 1.0), people).map_err(|_| Undefined::OutOfRange)?;
    Ok(rand::RngExt::sample(rng, binomial))
}

/// So many people in cells of these chances: a multinomial draw, as binomial draws from those who are left.
///
/// # Errors
/// [`Undefined::OutOfRange`] for chances that are no numbers.
pub fn draw_cells(people: u64, chances: &[f64], rng: &mut StdRng) -> Result<Vec<u64>, Undefined> {
    let (mut left, mut chance_left) = (people, chances.iter().sum::<f64>());
    let mut cell = |chance: &f64| {
        let share = if chance_left > *chance { chance / chance_left } else { 1.0 };
        let drawn = draw_people(left, share, rng)?;
        left -= drawn;
        chance_left -= chance;
        Ok(drawn)
    };
    chances.iter().map(&mut cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delta_method_gives_the_variance_of_a_quotient() {
        let sums = [Sum::noisy(300, 25.0), Sum::noisy(1_000, 25.0)];
        let quotient = |s: &[f64]| Ok(s[0] / s[1]);
        let expected = 25.0 / 1e6 + 0.09 * 25.0 / 1e6;
        assert!((variance(&sums, quotient).unwrap() / expected - 1.0).abs() < 1e-3);
        let exact = [Sum::exact(300), Sum::exact(1_000)];
        assert_eq!(variance(&exact, quotient), Ok(0.0));
    }

    #[test]
    fn several_estimates_have_the_variances_they_have_alone() {
        let sums = [Sum::noisy(300, 25.0), Sum::noisy(1_000, 9.0)];
        let both = variances(&sums, 2, |s| Ok(vec![s[0] / s[1], s[0] - s[1]])).unwrap();
        assert_eq!(both[0], variance(&sums, |s| Ok(s[0] / s[1])).unwrap());
        assert!((both[1] - 34.0).abs() < 1e-9);
        assert_eq!(variances(&[Sum::exact(3)], 2, |_| Err(Undefined::Nobody)), Ok(vec![0.0; 2]));
    }

    #[test]
    fn each_test_of_a_result_has_a_seed_of_its_own() {
        let seeds: std::collections::BTreeSet<_> = (0..1_000).map(|index| seed_of([7; 32], index)).collect();
        assert_eq!(seeds.len(), 1_000);
    }

    #[test]
    fn an_estimate_that_its_noise_can_make_undefined_is_drowned() {
        let positive = |s: &[f64]| if s[0] > 0.0 { Ok(s[0].ln()) } else { Err(Undefined::EmptyCell) };
        assert_eq!(variance(&[Sum::noisy(1, 25.0)], positive), Err(Undefined::Noise));
    }

    #[test]
    fn a_simulated_p_value_is_uniform_under_the_null_and_the_same_each_time() {
        let standard = |rng: &mut StdRng| draw(1e12, rng).map(f64::abs);
        let p = simulated_p_value(1.96e6, [7; 32], standard);
        assert!((p - 0.05).abs() < 0.01, "{p}");
        assert_eq!(p, simulated_p_value(1.96e6, [7; 32], standard));
    }

    #[test]
    fn people_are_drawn_with_the_mean_and_variance_of_a_multinomial() {
        let mut rng = StdRng::from_seed([1; 32]);
        let chances = [0.5, 0.0, 0.02, 0.48];
        let draws: Vec<Vec<u64>> = (0..4_000).map(|_| draw_cells(1_000, &chances, &mut rng).unwrap()).collect();
        assert!(draws.iter().all(|cells| cells.iter().sum::<u64>() == 1_000 && cells[1] == 0));
        for (cell, chance) in chances.iter().enumerate().filter(|(_, chance)| **chance > 0.0) {
            let values = draws.iter().map(|cells| real(cells[cell]));
            let mean = values.clone().sum::<f64>() / 4_000.0;
            let spread = values.map(|value| (value - mean).powi(2)).sum::<f64>() / 4_000.0;
            let expected = 1_000.0 * chance * (1.0 - chance);
            assert!((mean - 1_000.0 * chance).abs() < 4.0 * (expected / 4_000.0).sqrt(), "{cell}: mean {mean}");
            assert!((spread / expected - 1.0).abs() < 0.1, "{cell}: variance {spread} for {expected}");
        }
    }
}
