//! Each attribute of each cell, and each pair of them.

use serde::Serialize;

use super::{
    Measure, MomentTable,
    centred::{Centred, Noisy, Sample, estimates},
};
use crate::statistics::{
    Estimate, Stated, Sum, Test, Undefined,
    distribution::{chi_squared_quantile, student_p_value},
    estimate::{LEVEL, normal_p_value, normal_quantile},
    student::{Component, StandardError},
};

/// One attribute in one cell.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AttributeSummary {
    /// The attribute's name.
    pub attribute: String,
    /// Its unit.
    pub unit: String,
    /// `Σx/n`; interval by Student's t (Casella and Berger, *Statistical Inference*, 2nd edition, 9.2).
    pub mean: Stated<Estimate>,
    /// Sample variance, with `n − 1`; interval by χ², which assumes normal values (Casella and Berger, 9.2).
    pub variance: Stated<Estimate>,
    /// Its root.
    pub standard_deviation: Stated<Estimate>,
}

/// Two attributes in one cell.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairSummary {
    /// The earlier attribute's name.
    pub first: String,
    /// The later attribute's name.
    pub second: String,
    /// Sample covariance, with `n − 1`; its standard error assumes normal values (Anderson, *An Introduction to
    /// Multivariate Statistical Analysis*, 3rd edition, 3.4).
    pub covariance: Stated<Estimate>,
    /// Pearson's correlation; interval by Fisher's z (Fisher, *Metron* 1, 1921).
    pub correlation: Stated<Estimate>,
    /// The test that it is zero.
    pub test: Stated<Test>,
}

/// The measured values of one cell's people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CellSummary {
    /// The cell's name; empty where there are no axes.
    pub cell: String,
    /// People with every attribute measured.
    pub count: Sum,
    /// Each attribute.
    pub attributes: Vec<AttributeSummary>,
    /// Each pair of attributes.
    pub pairs: Vec<PairSummary>,
}

impl MomentTable {
    /// Every cell's means, variances, covariances and correlations.
    #[must_use]
    pub fn describe(&self) -> Vec<CellSummary> {
        (0..self.cells.values.len()).map(|cell| self.describe_cell(cell)).collect()
    }

    /// One cell's means, variances, covariances and correlations.
    #[must_use]
    pub fn describe_cell(&self, cell: usize) -> CellSummary {
        let attributes = 0..self.measures.len();
        let pairs = attributes.clone().flat_map(|second| (0..second).map(move |first| (first, second)));
        CellSummary {
            cell: self.cells.name(cell),
            count: self.count(cell),
            attributes: attributes
                .zip(&self.measures)
                .map(|(place, measure)| self.attribute(cell, place, measure))
                .collect(),
            pairs: pairs.map(|(first, second)| self.pair(cell, first, second)).collect(),
        }
    }

    fn attribute(&self, cell: usize, place: usize, measure: &Measure) -> AttributeSummary {
        let spread = || Spread::of(&Sample::new(self, cell, &[place])?);
        AttributeSummary {
            attribute: measure.name.clone(),
            unit: measure.unit.clone(),
            mean: spread().and_then(|spread| spread.mean(measure)).into(),
            variance: spread().and_then(|spread| spread.variance()).into(),
            standard_deviation: spread().and_then(|spread| spread.standard_deviation()).into(),
        }
    }

    fn pair(&self, cell: usize, first: usize, second: usize) -> PairSummary {
        let sample = || Sample::new(self, cell, &[first, second]);
        let name = |place: usize| self.measures.get(place).map_or_else(String::new, |measure| measure.name.clone());
        let association = || Association::of(&sample()?);
        PairSummary {
            first: name(first),
            second: name(second),
            covariance: sample().and_then(|sample| covariance(&sample)).into(),
            correlation: association().and_then(|association| association.estimate()).into(),
            test: association().and_then(|association| association.test()).into(),
        }
    }
}

/// Count, mean and variance of one attribute in one cell.
pub(super) struct Spread {
    pub(super) count: f64,
    pub(super) mean: Noisy,
    pub(super) variance: Noisy,
    noisy: bool,
}

impl Spread {
    /// # Errors
    /// [`Undefined::Nobody`], [`Undefined::TooFew`] for one person, [`Undefined::Noise`].
    pub(super) fn of(sample: &Sample<'_>) -> Result<Self, Undefined> {
        let f = |centred: &[Centred]| {
            let only = centred.first().ok_or(Undefined::AllMissing)?;
            Ok(vec![only.mean(0), only.variance(0)?])
        };
        match estimates(std::slice::from_ref(sample), f)?.as_slice() {
            [mean, variance] => {
                let count = sample.centred()?.count;
                Ok(Self { count, mean: *mean, variance: *variance, noisy: sample.is_noisy() })
            }
            _ => Err(Undefined::AllMissing),
        }
    }

    /// The sampling variance of the mean, `s²/n`.
    pub(super) fn component(&self) -> Component {
        Component::new(self.variance.value, self.count - 1.0, self.variance.noise).scaled(1.0 / self.count.sqrt())
    }

    fn mean(&self, measure: &Measure) -> Result<Estimate, Undefined> {
        let estimate = StandardError::new(&[self.component()], self.mean.noise).estimate(self.mean.value)?;
        let range = measure.range();
        Ok(if self.noisy { estimate.within(range.lo, range.hi) } else { estimate })
    }

    fn variance(&self) -> Result<Estimate, Undefined> {
        let (variance, degrees) = (self.variance.value, self.count - 1.0);
        let standard_error = (2.0 * variance * variance / degrees + self.variance.noise).sqrt();
        if self.noisy {
            return Ok(Estimate::normal(variance, standard_error)?.within(0.0, f64::MAX));
        }
        let squares = variance * degrees;
        let end = |probability: f64| Ok(squares / chi_squared_quantile(probability, degrees)?);
        let tail = (1.0 - LEVEL) / 2.0;
        Estimate::new(variance, standard_error, (end(1.0 - tail)?, end(tail)?))
    }

    /// The root of the variance; standard error by the delta method.
    fn standard_deviation(&self) -> Result<Estimate, Undefined> {
        let variance = self.variance()?;
        let deviation = variance.value.sqrt();
        let standard_error = if deviation > 0.0 {
            variance.standard_error / (2.0 * deviation)
        } else if self.noisy {
            return Err(Undefined::Noise);
        } else {
            0.0
        };
        Estimate::new(deviation, standard_error, (variance.interval.lo.sqrt(), variance.interval.hi.sqrt()))
    }
}

fn covariance(sample: &Sample<'_>) -> Result<Estimate, Undefined> {
    let f = |centred: &[Centred]| Ok(vec![centred.first().ok_or(Undefined::AllMissing)?.covariance(0, 1)?]);
    let found = estimates(std::slice::from_ref(sample), f)?;
    let centred = sample.centred()?;
    let covariance = found.first().ok_or(Undefined::AllMissing)?;
    let squares = centred.variance(0)? * centred.variance(1)?;
    let sampling = (squares + covariance.value * covariance.value) / (centred.count - 1.0);
    Estimate::normal(covariance.value, (sampling + covariance.noise).sqrt())
}

/// A correlation on Fisher's scale, where it is nearly normal.
struct Association {
    count: f64,
    correlation: f64,
    /// Variance that noise gives `atanh(correlation)`; none for exact sums.
    noise: Option<f64>,
}

impl Association {
    fn of(sample: &Sample<'_>) -> Result<Self, Undefined> {
        let centred = sample.centred()?;
        let correlation = centred.correlation(0, 1).map_err(|why| sample.refusal(why))?;
        let association = Self { count: centred.count, correlation, noise: None };
        if !sample.is_noisy() {
            return Ok(association);
        }
        let f = |centred: &[Centred]| {
            let fisher = centred.first().ok_or(Undefined::AllMissing)?.correlation(0, 1)?.atanh();
            if fisher.is_finite() { Ok(vec![fisher]) } else { Err(Undefined::Noise) }
        };
        let found = estimates(std::slice::from_ref(sample), f)?;
        Ok(Self { noise: found.first().map(|fisher| fisher.noise), ..association })
    }

    /// Variance of `atanh(correlation)`.
    fn variance(&self) -> Result<f64, Undefined> {
        if self.count <= 3.0 {
            return Err(self.too_few(4));
        }
        Ok(1.0 / (self.count - 3.0) + self.noise.unwrap_or(0.0))
    }

    fn too_few(&self, needed: u64) -> Undefined {
        if self.noise.is_some() { Undefined::Noise } else { Undefined::TooFew { found: self.count as u64, needed } }
    }

    fn estimate(&self) -> Result<Estimate, Undefined> {
        let deviation = self.variance()?.sqrt();
        let standard_error = (1.0 - self.correlation * self.correlation) * deviation;
        let half = normal_quantile() * deviation;
        let fisher = self.correlation.atanh();
        Estimate::new(self.correlation, standard_error, ((fisher - half).tanh(), (fisher + half).tanh()))
    }

    /// Student's t with `n − 2` degrees (Casella and Berger, 11.3); with noise Wald's z on Fisher's scale.
    fn test(&self) -> Result<Test, Undefined> {
        let left = 1.0 - self.correlation * self.correlation;
        if self.noise.is_some() {
            let z = self.correlation.atanh() / self.variance()?.sqrt();
            return Test::new("Wald test of Fisher's z, noise included", z, &[], normal_p_value(z));
        }
        let degrees = self.count - 2.0;
        if degrees < 1.0 {
            return Err(self.too_few(3));
        }
        if left <= 0.0 {
            return Err(Undefined::PerfectFit);
        }
        let t = self.correlation * (degrees / left).sqrt();
        Test::new("t-test of Pearson's correlation", t, &[degrees], student_p_value(t, degrees)?)
    }
}
