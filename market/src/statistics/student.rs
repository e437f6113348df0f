//! A value over its standard error, when the variance is itself an estimate.
//!
//! Sampling variances are estimated with few degrees of freedom; the variance of privacy noise is known exactly. Their
//! sum has the degrees of freedom of Satterthwaite, *Biometrics Bulletin* 2 (1946), equation 17: with one exact
//! component Student's t, with two Welch's test (*Biometrika* 34, 1947), and where noise dominates the normal.

use super::{
    Estimate, Test, Undefined,
    distribution::{NORMAL_FROM, student_p_value, student_quantile},
    estimate::finite,
};

/// An estimated variance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Component {
    variance: f64,
    degrees: f64,
}

impl Component {
    /// A variance estimated with these degrees of freedom from sums whose noise gives the estimate the variance
    /// `noise`. The degrees are those of a χ² variable of the same mean and variance, `2·variance²/(its variance)`.
    #[must_use]
    pub fn new(variance: f64, degrees: f64, noise: f64) -> Self {
        if noise == 0.0 || variance == 0.0 {
            return Self { variance, degrees };
        }
        let square = 2.0 * variance * variance;
        Self { variance, degrees: square / (square / degrees + noise) }
    }

    /// The variance of `factor` times a value of this variance.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self { variance: factor * factor * self.variance, ..self }
    }
}

/// A standard error with its degrees of freedom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StandardError {
    value: f64,
    degrees: f64,
    noisy: bool,
}

impl StandardError {
    /// Of independent components and of noise of known variance.
    #[must_use]
    pub fn new(components: &[Component], noise: f64) -> Self {
        let variance = components.iter().map(|component| component.variance).sum::<f64>() + noise;
        let degrees = match components {
            [only] if noise == 0.0 => only.degrees,
            _ => {
                let spread = |component: &Component| component.variance * component.variance / component.degrees;
                let spread: f64 = components.iter().map(spread).sum();
                if spread > 0.0 { variance * variance / spread } else { f64::INFINITY }
            }
        };
        Self { value: variance.sqrt(), degrees, noisy: noise > 0.0 }
    }

    /// The estimate with its t interval.
    ///
    /// # Errors
    /// [`Undefined::Noise`] when noise leaves the variance less than one degree of freedom; [`Undefined::OutOfRange`]
    /// when a number is not finite.
    pub fn estimate(&self, value: f64) -> Result<Estimate, Undefined> {
        self.has_degrees()?;
        let half = student_quantile(self.degrees)? * self.value;
        Estimate::new(value, self.value, (value - half, value + half))
    }

    /// The test that the estimate is zero: `exact` names it without noise, `noisy` with.
    ///
    /// # Errors
    /// [`Undefined::NoVariance`] when the standard error is zero; as [`StandardError::estimate`].
    pub fn test(&self, exact: &'static str, noisy: &'static str, value: f64) -> Result<Test, Undefined> {
        if self.value == 0.0 {
            return Err(Undefined::NoVariance);
        }
        self.has_degrees()?;
        let t = finite(value / self.value)?;
        let method = if self.noisy { noisy } else { exact };
        let p_value = student_p_value(t, self.degrees)?;
        if self.degrees > NORMAL_FROM {
            return Test::new(method, t, &[], p_value);
        }
        Test::new(method, t, &[self.degrees], p_value)
    }

    fn has_degrees(&self) -> Result<(), Undefined> {
        if self.noisy && self.degrees < 1.0 { Err(Undefined::Noise) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_exact_component_is_students_t_and_two_are_welchs() {
        let one = StandardError::new(&[Component::new(4.0, 9.0, 0.0)], 0.0);
        assert_eq!((one.value, one.degrees), (2.0, 9.0));
        let components = [Component::new(1.0, 9.0, 0.0), Component::new(3.0, 4.0, 0.0)];
        let two = StandardError::new(&components, 0.0);
        assert!((two.degrees - 16.0 / (1.0 / 9.0 + 9.0 / 4.0)).abs() < 1e-12);
    }

    #[test]
    fn where_noise_dominates_the_reference_is_normal() {
        let drowned = StandardError::new(&[Component::new(1.0, 9.0, 0.0)], 1e9);
        let test = drowned.test("exact", "noisy", 1e5).unwrap();
        assert_eq!((test.method, test.degrees_of_freedom.len()), ("noisy", 0));
        let halved = StandardError::new(&[Component::new(1.0, 9.0, 2.0 / 9.0)], 0.0);
        assert_eq!(halved.degrees, 4.5, "a variance that is twice as uncertain has half the degrees");
    }

    #[test]
    fn a_variance_that_noise_drowns_is_refused() {
        let drowned = StandardError::new(&[Component::new(1.0, 9.0, 50.0)], 1e-6);
        assert_eq!(drowned.estimate(3.0), Err(Undefined::Noise));
        assert_eq!(drowned.test("exact", "noisy", 3.0), Err(Undefined::Noise));
    }

    #[test]
    fn a_standard_error_of_zero_has_an_interval_and_no_test() {
        let none = StandardError::new(&[Component::new(0.0, 9.0, 0.0)], 0.0);
        assert_eq!(none.test("exact", "noisy", 1.0), Err(Undefined::NoVariance));
        assert_eq!(none.estimate(3.0).unwrap().interval.hi, 3.0);
    }
}
