//! A share of a number of trials.

use super::{
    Estimate, Undefined,
    estimate::{finite, normal_quantile},
};

/// `successes/trials` with the interval of Wilson, *JASA* 22 (1927), which is the score test's and stays between 0
/// and 1; the standard error is Wald's.
///
/// # Errors
/// [`Undefined::Nobody`] without trials; [`Undefined::Contradiction`] for more successes than trials, or fewer than 0.
pub fn wilson(successes: f64, trials: f64) -> Result<Estimate, Undefined> {
    if trials <= 0.0 {
        return Err(Undefined::Nobody);
    }
    if !(0.0..=trials).contains(&successes) {
        return Err(Undefined::Contradiction);
    }
    let (z, share) = (normal_quantile(), successes / trials);
    let square = z * z;
    let centre = (successes + square / 2.0) / (trials + square);
    let half = z * (successes * (1.0 - share) + square / 4.0).sqrt() / (trials + square);
    let estimate = Estimate::new(share, standard_error(share, trials, 0.0), (centre - half, centre + half))?;
    Ok(estimate.within(0.0, 1.0))
}

/// A share that carries noise of this variance: a normal interval of both variances, cut to 0 to 1.
///
/// # Errors
/// [`Undefined::Noise`] when the noise's standard deviation is half of the whole range or more, or no number.
pub fn noisy(share: f64, trials: f64, noise: f64) -> Result<Estimate, Undefined> {
    let drowned = finite(noise).map_or(true, |noise| noise >= 0.25);
    if drowned || trials <= 0.0 {
        return Err(Undefined::Noise);
    }
    let possible = share.clamp(0.0, 1.0);
    Ok(Estimate::normal(share, standard_error(possible, trials, noise))?.within(0.0, 1.0))
}

fn standard_error(share: f64, trials: f64, noise: f64) -> f64 {
    (share * (1.0 - share) / trials + noise).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values: statsmodels 0.15.0, `proportion_confint(…, method="wilson")`.
    #[test]
    fn the_interval_is_wilsons() {
        let estimate = wilson(3.0, 40.0).unwrap();
        assert!((estimate.interval.lo - 0.025_836_025_774_588_184).abs() < 1e-12, "{estimate:?}");
        assert!((estimate.interval.hi - 0.198_642_335_243_105_5).abs() < 1e-12, "{estimate:?}");
        let none = wilson(0.0, 10.0).unwrap();
        assert_eq!((none.value, none.interval.lo), (0.0, 0.0));
        assert!((none.interval.hi - 0.277_532_799_862_889_26).abs() < 1e-12);
    }

    #[test]
    fn shares_that_cannot_be_are_refused() {
        assert_eq!(wilson(0.0, 0.0), Err(Undefined::Nobody));
        assert_eq!(wilson(3.0, 2.0), Err(Undefined::Contradiction));
        assert_eq!(wilson(-1.0, 2.0), Err(Undefined::Contradiction));
        assert_eq!(noisy(0.5, 10.0, 0.3), Err(Undefined::Noise));
        assert_eq!(noisy(0.5, 10.0, f64::NAN), Err(Undefined::Noise));
    }

    #[test]
    fn noise_widens_the_interval_and_never_past_what_is_possible() {
        let (exact, drowned) = (noisy(0.1, 100.0, 0.0).unwrap(), noisy(-0.1, 100.0, 0.01).unwrap());
        assert!(drowned.standard_error > exact.standard_error);
        assert_eq!((drowned.value, drowned.interval.lo), (0.0, 0.0));
    }
}
