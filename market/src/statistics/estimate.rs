//! Estimates, tests, and why one is undefined.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, Normal};
use thiserror::Error;

/// Confidence level of every interval.
pub const LEVEL: f64 = 0.95;

/// Why a number is not given. Nothing is NaN: what cannot be computed says so.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
#[non_exhaustive]
pub enum Undefined {
    /// Nobody was counted.
    #[error("nobody was counted")]
    Nobody,
    /// A cell that is divided by is empty.
    #[error("a cell that it divides by is empty")]
    EmptyCell,
    /// Groups are compared, and fewer than two have people.
    #[error("fewer than two groups have people")]
    OneGroup,
    /// Rows are scored for a trend, and all that have people have one score.
    #[error("every row that has people has the same score")]
    SameScores,
    /// No stratum of a table has people in both rows and both columns.
    #[error("no stratum has people in both rows and both columns")]
    NoStratum,
    /// Strata are compared, and fewer than two have people in both rows and both columns.
    #[error("fewer than two strata have people in both rows and both columns")]
    OneStratum,
    /// Groups have people, and at no event two of them were at risk.
    #[error("at no event were people of two groups at risk")]
    NeverTogether,
    /// Fewer people than the estimate has parameters.
    #[error("too few people: {found} where at least {needed} are needed")]
    TooFew {
        /// People counted.
        found: u64,
        /// People needed.
        needed: u64,
    },
    /// Every value is the same.
    #[error("every value is the same")]
    NoVariance,
    /// Every value is missing.
    #[error("every value is missing")]
    AllMissing,
    /// Nobody in the group has a call of the variant: the group has nobody, or the call is missing in all.
    #[error("nobody in the group has a call of this variant")]
    NoCalls,
    /// Cases are compared with controls, and nobody in one of the two groups has a call of the variant.
    #[error("nobody among the cases, or nobody among the controls, has a call of this variant")]
    NoCallsToCompare,
    /// No variant of a scan could be tested.
    #[error("no variant could be tested")]
    NoneTested,
    /// Nobody had the event.
    #[error("nobody had the event")]
    NoEvents,
    /// The curve never falls that far.
    #[error("the curve does not reach it while people are observed")]
    NotReached,
    /// Only one allele was seen.
    #[error("only one allele was seen")]
    Monomorphic,
    /// A predictor is a combination of the others.
    #[error("a predictor is a combination of the others")]
    Singular,
    /// A predictor is a combination of the others and the intercept; it has a name.
    #[error("the predictor {predictor} is a combination of the others and the intercept")]
    Collinear {
        /// Its name.
        predictor: String,
    },
    /// The model explains every value, which leaves no variance to test against.
    #[error("the model explains every value, so no variance is left to test against")]
    PerfectFit,
    /// It needs values that sums do not hold.
    #[error("it needs each person's values, and sums do not hold them")]
    NeedsRecords,
    /// Sums that no table of people gives.
    #[error("the sums contradict each other: no people add up to them")]
    Contradiction,
    /// More than the method is made for.
    #[error("{found} are too many; at most {limit} can be")]
    TooMany {
        /// How many there are.
        found: u64,
        /// The bound.
        limit: u64,
    },
    /// The table has other axes or other numbers of cells than this needs.
    #[error("the table has not the axes or cells that this needs")]
    WrongShape,
    /// An exact sum of people is below zero.
    #[error("an exact sum of people is below zero")]
    NotACount,
    /// A cell has no least or no greatest value.
    #[error("a cell has no least or no greatest value")]
    Unbounded,
    /// It is defined for exact sums alone.
    #[error("it is defined for exact sums alone, and these carry privacy noise")]
    NeedsExact,
    /// The privacy noise is wider than what is measured.
    #[error("the privacy noise is wider than what is measured")]
    Noise,
    /// The arithmetic left the range of numbers.
    #[error("the result is beyond the range of numbers")]
    OutOfRange,
}

/// A number, or why there is none. In JSON the number itself, or `{"undefined": {"reason": …}}`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Stated<T> {
    /// It.
    Value(T),
    /// Why there is none.
    Undefined {
        /// The reason.
        undefined: Undefined,
    },
}

impl<T> Stated<T> {
    /// The number, if there is one.
    pub const fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Undefined { .. } => None,
        }
    }
}

impl<T> From<Result<T, Undefined>> for Stated<T> {
    fn from(result: Result<T, Undefined>) -> Self {
        match result {
            Ok(value) => Self::Value(value),
            Err(undefined) => Self::Undefined { undefined },
        }
    }
}

/// A finite number, or [`Undefined::OutOfRange`].
///
/// # Errors
/// For NaN and infinities.
pub fn finite(value: f64) -> Result<f64, Undefined> {
    if value.is_finite() { Ok(value) } else { Err(Undefined::OutOfRange) }
}

/// An interval at [`LEVEL`], both ends finite.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub lo: f64,
    /// Upper end.
    pub hi: f64,
}

/// An estimate with its standard error, noise included, and its interval at [`LEVEL`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// Standard error: of sampling, and of the privacy noise if there is any.
    pub standard_error: f64,
    /// Interval at [`LEVEL`].
    pub interval: Interval,
}

impl Estimate {
    /// An estimate with an interval of its own.
    ///
    /// # Errors
    /// [`Undefined::OutOfRange`] when a number is not finite.
    pub fn new(value: f64, standard_error: f64, (lo, hi): (f64, f64)) -> Result<Self, Undefined> {
        let interval = Interval { lo: finite(lo)?, hi: finite(hi)? };
        Ok(Self { value: finite(value)?, standard_error: finite(standard_error)?, interval })
    }

    /// An estimate whose error is normal: `value ± z·standard error`.
    ///
    /// # Errors
    /// [`Undefined::OutOfRange`] when a number is not finite.
    pub fn normal(value: f64, standard_error: f64) -> Result<Self, Undefined> {
        let half = normal_quantile() * standard_error;
        Self::new(value, standard_error, (value - half, value + half))
    }

    /// The same estimate through an increasing function, its standard error by the delta method: an odds ratio from
    /// its logarithm.
    ///
    /// # Errors
    /// [`Undefined::OutOfRange`] when a number is not finite.
    pub fn exponentiated(&self) -> Result<Self, Undefined> {
        let value = self.value.exp();
        Self::new(value, value * self.standard_error, (self.interval.lo.exp(), self.interval.hi.exp()))
    }

    /// The same estimate with its interval cut to what is possible, and its value as it is: noise may leave a count below
    /// zero, and it is stated as released.
    #[must_use]
    pub fn interval_within(self, lo: f64, hi: f64) -> Self {
        Self { value: self.value, ..self.within(lo, hi) }
    }

    /// The same estimate with value and interval cut to what is possible, such as 0 to 1 for a frequency.
    #[must_use]
    pub fn within(self, lo: f64, hi: f64) -> Self {
        let interval = Interval { lo: self.interval.lo.clamp(lo, hi), hi: self.interval.hi.clamp(lo, hi) };
        Self { value: self.value.clamp(lo, hi), interval, ..self }
    }
}

/// A test's result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Test {
    /// Which test, as papers name it.
    pub method: &'static str,
    /// The test statistic; none for an exact test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statistic: Option<f64>,
    /// Degrees of freedom of the statistic's distribution, if it has them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub degrees_of_freedom: Vec<f64>,
    /// Two-sided p-value.
    pub p_value: f64,
}

impl Test {
    /// A test with a statistic.
    ///
    /// # Errors
    /// [`Undefined::OutOfRange`] when a number is not finite.
    pub fn new(method: &'static str, statistic: f64, degrees: &[f64], p_value: f64) -> Result<Self, Undefined> {
        let degrees_of_freedom = degrees.iter().map(|degree| finite(*degree)).collect::<Result<_, _>>()?;
        let statistic = Some(finite(statistic)?);
        Ok(Self { method, statistic, degrees_of_freedom, p_value: finite(p_value)?.clamp(0.0, 1.0) })
    }

    /// An exact test, which has a p-value alone.
    ///
    /// # Errors
    /// [`Undefined::OutOfRange`] when it is not finite.
    pub fn exact(method: &'static str, p_value: f64) -> Result<Self, Undefined> {
        let p_value = finite(p_value)?.clamp(0.0, 1.0);
        Ok(Self { method, statistic: None, degrees_of_freedom: vec![], p_value })
    }
}

/// `z` of a two-sided interval at [`LEVEL`]: 1.95996….
#[must_use]
pub fn normal_quantile() -> f64 {
    Normal::standard().inverse_cdf(f64::midpoint(1.0, LEVEL))
}

/// The two-sided p-value of a standard normal `z`.
#[must_use]
pub fn normal_p_value(z: f64) -> f64 {
    2.0 * Normal::standard().sf(z.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_is_infinite_or_nan() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Estimate::normal(value, 1.0), Err(Undefined::OutOfRange));
            assert_eq!(Estimate::normal(1.0, value), Err(Undefined::OutOfRange));
            assert_eq!(Test::exact("a test", value), Err(Undefined::OutOfRange));
        }
        let stated: Stated<f64> = Err(Undefined::TooFew { found: 1, needed: 3 }).into();
        let expected = r#"{"undefined":{"reason":"too_few","found":1,"needed":3}}"#;
        assert_eq!(serde_json::to_string(&stated).unwrap(), expected);
    }

    #[test]
    fn an_interval_is_ninety_five_percent_of_a_normal() {
        let estimate = Estimate::normal(10.0, 2.0).unwrap();
        // R: qnorm(0.975)
        assert!((estimate.interval.hi - 10.0 - 2.0 * 1.959_963_984_540_054).abs() < 1e-9);
        assert!((normal_p_value(1.959_963_984_540_054) - 0.05).abs() < 1e-9);
    }
}
