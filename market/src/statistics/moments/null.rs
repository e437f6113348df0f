//! Sums drawn under a hypothesis, noise included, for tests whose statistic has no closed distribution under noise.

use nalgebra::{Cholesky, DMatrix, DVector};
use rand::{RngExt, rngs::StdRng};
use statrs::distribution::{ChiSquared, Normal};

use super::centred::{Centred, Sample};
use crate::statistics::{Sum, Undefined, noise};

/// One cell's sums under a normal linear model. The last attribute is the response; the moments of the others, the
/// predictors, are held as observed.
pub(super) struct NullCell {
    cell: Centred,
    factor: DMatrix<f64>,
    noise: Vec<f64>,
    intercept: f64,
    slopes: DVector<f64>,
    deviation: f64,
}

impl NullCell {
    /// A model in stored steps: response = intercept + slopes · predictors + normal error of this deviation.
    ///
    /// # Errors
    /// [`Undefined::Noise`] when the predictors' covariance is not positive definite in this cell.
    pub(super) fn new(
        sample: &Sample<'_>,
        intercept: f64,
        slopes: DVector<f64>,
        variance: f64,
    ) -> Result<Self, Undefined> {
        let cell = sample.stored()?;
        let predictors = slopes.len();
        let factor = if predictors == 0 {
            DMatrix::zeros(0, 0)
        } else {
            let scatter = cell.scatter.view((0, 0), (predictors, predictors)).into_owned();
            Cholesky::new(scatter).ok_or(Undefined::Noise)?.l()
        };
        let noise = sample.sums.iter().map(|Sum { noise_variance, .. }| *noise_variance).collect();
        Ok(Self { cell, factor, noise, intercept, slopes, deviation: variance.sqrt() })
    }

    /// The sums of one sample of this many people.
    ///
    /// # Errors
    /// [`Undefined::Noise`] where noise makes sums of squares negative, or leaves fewer people than the model has
    /// parameters.
    pub(super) fn draw(&self, rng: &mut StdRng) -> Result<Centred, Undefined> {
        let normal = Normal::standard();
        let (count, predictors) = (self.cell.count, self.slopes.len());
        let scores = DVector::from_fn(predictors, |_, _| rng.sample::<f64, _>(normal));
        let scatter = self.cell.scatter.view((0, 0), (predictors, predictors));
        let (fitted, error) = (scatter * &self.slopes, &self.factor * &scores * self.deviation);
        let unexplained = scores.norm_squared() + residual(count - 1.0 - predictors as f64, rng)?;
        let squares =
            self.slopes.dot(&fitted) + 2.0 * self.slopes.dot(&error) + self.deviation * self.deviation * unexplained;
        let mean = self.intercept
            + self.slopes.dot(&self.cell.means.rows(0, predictors))
            + self.deviation * rng.sample::<f64, _>(normal) / count.sqrt();
        let drawn = self.cell.with_response(&(fitted + error), squares, mean);
        let mut sums = drawn.raw();
        for (sum, variance) in sums.iter_mut().zip(&self.noise) {
            *sum += noise::draw(*variance, rng)?;
        }
        Centred::approximate(&sums, predictors + 1).map_err(|_| Undefined::Noise)
    }
}

/// A draw of χ².
fn residual(degrees: f64, rng: &mut StdRng) -> Result<f64, Undefined> {
    if degrees == 0.0 {
        return Ok(0.0);
    }
    Ok(rng.sample(ChiSquared::new(degrees).map_err(|_| Undefined::Noise)?))
}

impl Centred {
    /// The same with other moments of the last attribute.
    fn with_response(&self, products: &DVector<f64>, squares: f64, mean: f64) -> Self {
        let mut drawn = self.clone();
        let last = products.len();
        let column = products.iter().copied().chain([squares]);
        for (place, value) in column.enumerate() {
            for at in [(place, last), (last, place)] {
                if let Some(entry) = drawn.scatter.get_mut(at) {
                    *entry = value;
                }
            }
        }
        if let Some(entry) = drawn.means.get_mut(last) {
            *entry = mean;
        }
        drawn
    }
}
