//! P-values and quantiles of the reference distributions.
//!
//! The distributions are those of `statrs`. Its quantiles of Student's t lose digits with many degrees of freedom
//! (1e-7 at 65,533) and those of Beta need not end (parameters 1 and 3·10^7), so quantiles are solved here from its
//! distribution functions, by Newton steps within a bracket (Press et al., *Numerical Recipes*, 3rd edition, 9.4).

use statrs::distribution::{Beta, ChiSquared, Continuous, ContinuousCDF, FisherSnedecor, StudentsT};

use super::{
    Undefined,
    estimate::{LEVEL, finite, normal_p_value, normal_quantile},
};

/// Degrees of freedom from which Student's t is the normal: its quantile differs by less than 1.3e-7 of itself.
pub const NORMAL_FROM: f64 = 1e7;

/// The most degrees of freedom of χ², whose series takes steps by their root.
pub const CHI_SQUARED_DEGREES_MAX: f64 = 1e9;

/// Newton or halving steps of a quantile: halving alone reaches every double between 0 and 1.
const STEPS_MAX: u32 = 1_100;

/// The two-sided p-value of Student's t.
///
/// # Errors
/// [`Undefined::OutOfRange`] for a statistic or degrees that are no numbers above zero.
pub fn student_p_value(t: f64, degrees: f64) -> Result<f64, Undefined> {
    let t = finite(t)?.abs();
    if degrees > NORMAL_FROM {
        return Ok(normal_p_value(t));
    }
    Ok((2.0 * student(degrees)?.sf(t)).min(1.0))
}

/// `t` of a two-sided interval at [`LEVEL`].
///
/// # Errors
/// [`Undefined::OutOfRange`] for degrees that are no number above zero.
pub fn student_quantile(degrees: f64) -> Result<f64, Undefined> {
    if degrees > NORMAL_FROM {
        return Ok(normal_quantile());
    }
    let student = student(degrees)?;
    let tail = (1.0 - LEVEL) / 2.0;
    let mut hi = 2.0 * normal_quantile();
    while student.sf(hi) > tail {
        hi = finite(2.0 * hi)?;
    }
    Ok(root((0.0, hi), normal_quantile(), |t| (tail - student.sf(t), student.pdf(t))))
}

/// The upper p-value of Fisher's F.
///
/// # Errors
/// [`Undefined::OutOfRange`] for a statistic that is no number and degrees that are no numbers above zero.
pub fn fisher_p_value(f: f64, between: f64, within: f64) -> Result<f64, Undefined> {
    finite(f * between)?;
    let fisher = FisherSnedecor::new(between, within).map_err(|_| Undefined::OutOfRange)?;
    Ok(fisher.sf(f.max(0.0)))
}

/// The upper p-value of χ².
///
/// # Errors
/// As [`fisher_p_value`].
pub fn chi_squared_p_value(statistic: f64, degrees: f64) -> Result<f64, Undefined> {
    finite(statistic)?;
    Ok(chi_squared(degrees)?.sf(statistic.max(0.0)))
}

/// The value that χ² stays below with this probability.
///
/// # Errors
/// [`Undefined::OutOfRange`] for a probability outside 0 to 1 or degrees that are no number above zero.
pub fn chi_squared_quantile(probability: f64, degrees: f64) -> Result<f64, Undefined> {
    let chi_squared = chi_squared(degrees)?;
    if (0.0..1.0).contains(&probability) {
        finite(chi_squared.inverse_cdf(probability))
    } else {
        Err(Undefined::OutOfRange)
    }
}

/// The value that a Beta variable stays below with this probability: with `k` and `m + 1 − k`, the `k`-th least of `m`
/// uniform p-values.
///
/// # Errors
/// As [`chi_squared_quantile`].
pub fn beta_quantile(probability: f64, a: f64, b: f64) -> Result<f64, Undefined> {
    let beta = Beta::new(a, b).map_err(|_| Undefined::OutOfRange)?;
    if !(0.0..=1.0).contains(&probability) {
        return Err(Undefined::OutOfRange);
    }
    finite(root((0.0, 1.0), a / (a + b), |x| (beta.cdf(x) - probability, beta.pdf(x))))
}

fn student(degrees: f64) -> Result<StudentsT, Undefined> {
    finite(degrees)?;
    StudentsT::new(0.0, 1.0, degrees).map_err(|_| Undefined::OutOfRange)
}

fn chi_squared(degrees: f64) -> Result<ChiSquared, Undefined> {
    if finite(degrees)? > CHI_SQUARED_DEGREES_MAX {
        return Err(Undefined::OutOfRange);
    }
    ChiSquared::new(degrees).map_err(|_| Undefined::OutOfRange)
}

/// Where a function that rises from negative to positive is zero; `f` gives value and slope.
fn root((mut lo, mut hi): (f64, f64), start: f64, f: impl Fn(f64) -> (f64, f64)) -> f64 {
    let mut x = start;
    for _ in 0..STEPS_MAX {
        let (value, slope) = f(x);
        if value < 0.0 {
            lo = x;
        } else {
            hi = x;
        }
        let step = x - value / slope;
        let next = if step > lo && step < hi { step } else { f64::midpoint(lo, hi) };
        if (next - x).abs() <= 4.0 * f64::EPSILON * next.abs() {
            return next;
        }
        x = next;
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn close(found: f64, expected: f64, relative: f64) {
        assert!((found / expected - 1.0).abs() < relative, "{found} is not {expected}");
    }

    /// Expected values: scipy 1.17.1, `t.ppf`, `t.sf`, `f.sf`, `chi2.sf`, `chi2.ppf` and `beta.ppf`.
    #[test]
    fn p_values_and_quantiles_are_those_of_scipy() {
        for (degrees, expected) in [
            (1.0, 12.706_204_736_174_694),
            (2.5, 3.574_654_842_003_681_7),
            (428.0, 1.965_522_114_974_379_8),
            (65_533.0, 1.960_000_184_840_677_4),
        ] {
            close(student_quantile(degrees).unwrap(), expected, 1e-9);
        }
        close(student_p_value(-8.0, 10.0).unwrap(), 1.177_494_278_966_616_7e-05, 1e-12);
        close(fisher_p_value(4.0, 5.0, 428.0).unwrap(), 0.001_475_628_188_357_776_7, 1e-11);
        close(chi_squared_p_value(30.0, 2.0).unwrap(), 3.059_023_205_018_259_4e-07, 1e-12);
        close(chi_squared_quantile(0.025, 65_533.0).unwrap(), 64_825.329_684_862_99, 1e-11);
        close(beta_quantile(0.025, 2.0, 99_999.0).unwrap(), 2.422_101_962_703_155e-06, 1e-9);
        close(beta_quantile(0.025, 1.0, 3e7).unwrap(), 8.439_269_324_535_562e-10, 1e-7);
        close(beta_quantile(0.975, 735.0, 1.0).unwrap(), 0.999_965_554_595_999, 1e-12);
    }

    #[test]
    fn every_quantile_ends() {
        for degrees in [1e-300, 1e-9, 0.1, 1e7, 1e9, 1e300] {
            let _ =
                (student_quantile(degrees), chi_squared_quantile(0.975, degrees), beta_quantile(0.025, degrees, 1.0));
            let _ = (beta_quantile(0.975, 1.0, degrees), beta_quantile(0.025, degrees, degrees));
        }
    }

    #[test]
    fn degrees_and_statistics_that_are_no_numbers_are_refused() {
        for wrong in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
            assert!(student_quantile(wrong).is_err() || wrong == f64::INFINITY);
            assert!(chi_squared_p_value(1.0, wrong).is_err());
            assert!(chi_squared_quantile(0.5, wrong).is_err());
            assert!(beta_quantile(0.5, wrong, 1.0).is_err());
        }
        for wrong in [f64::NAN, f64::INFINITY] {
            assert!(student_p_value(wrong, 3.0).is_err());
            assert!(fisher_p_value(wrong, 2.0, 3.0).is_err());
            assert!(chi_squared_p_value(wrong, 3.0).is_err());
        }
        assert_eq!(fisher_p_value(-1.0, 2.0, 3.0), Ok(1.0));
        assert_eq!(chi_squared_p_value(0.0, 1.0), Ok(1.0));
    }
}
