//! Predictions of a fitted model.

use nalgebra::DVector;
use serde::Serialize;

use super::{
    super::{
        MomentTable,
        centred::{Centred, Noisy},
    },
    Design, Model,
    fit::Fit,
};
use crate::statistics::{
    Estimate, Interval, Stated, Undefined,
    student::{Component, StandardError},
};

/// The response at given values of the predictors (Seber and Lee, *Linear Regression Analysis*, 2nd edition, 5.2, 5.3).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prediction {
    /// The predictors' values.
    pub at: Vec<f64>,
    /// The mean response of people with these values.
    pub mean: Estimate,
    /// Where the response of one such person lies.
    pub individual: Interval,
}

/// Predictions along one predictor, the others at their means.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Band {
    /// The predictor's name.
    pub predictor: String,
    /// Its unit.
    pub unit: String,
    /// From two standard deviations below its mean to two above, within the values that can be.
    pub points: Vec<Prediction>,
}

impl MomentTable {
    /// Predicts the response in one of the model's cells (its place among those with people; 0 for a common
    /// intercept) at the predictors' values, in their units.
    #[must_use]
    pub fn predict(&self, model: &Model, cell: usize, at: &[f64]) -> Stated<Prediction> {
        Design::new(self, model).and_then(|design| design.predict(cell, at)).into()
    }

    /// Predicts along the predictor at this place of the model's list, at equal steps.
    #[must_use]
    pub fn band(&self, model: &Model, cell: usize, predictor: usize, points: u16) -> Stated<Band> {
        Design::new(self, model).and_then(|design| design.band(cell, predictor, points)).into()
    }
}

impl Design<'_> {
    fn predict(&self, cell: usize, at: &[f64]) -> Result<Prediction, Undefined> {
        if at.len() != self.response() || at.iter().any(|value| !value.is_finite()) {
            return Err(Undefined::OutOfRange);
        }
        let place = DVector::from_column_slice(at);
        let cells = self.centred()?;
        let own = cells.get(cell).ok_or(Undefined::Nobody)?;
        let fit = self.fitted(&cells)?;
        let value = |fit: &Fit, cells: &[Centred]| cells.get(cell).map(|own| fit.at(own, &place)).into_iter().collect();
        let (values, variance) = self.noisy(value)?;
        let Noisy { value, noise } = values.first().copied().ok_or(Undefined::AllMissing)?;
        let component = Component::new(variance.value, fit.degrees, variance.noise);
        let leverage = fit.leverage(own, &place);
        let error = |leverage: f64| StandardError::new(&[component.scaled(leverage.sqrt())], noise).estimate(value);
        Ok(Prediction { at: at.to_vec(), mean: error(leverage)?, individual: error(1.0 + leverage)?.interval })
    }

    fn band(&self, cell: usize, predictor: usize, points: u16) -> Result<Band, Undefined> {
        let pooled = self.pooled()?;
        let measure = pooled.measures.get(predictor).filter(|_| predictor < self.response());
        let measure = measure.ok_or(Undefined::AllMissing)?;
        let centred = pooled.centred()?;
        let (mean, deviation) = (centred.mean(predictor), centred.variance(predictor)?.sqrt());
        let range = measure.range();
        let (from, to) = ((mean - 2.0 * deviation).max(range.lo), (mean + 2.0 * deviation).min(range.hi));
        let step = (to - from) / f64::from(points.max(2) - 1);
        let at = |point: u16| {
            let mut at: Vec<f64> = centred.means.iter().take(self.response()).copied().collect();
            at.iter_mut().skip(predictor).take(1).for_each(|value| *value = from + step * f64::from(point));
            self.predict(cell, &at)
        };
        let points = (0..points.max(2)).map(at).collect::<Result<_, _>>()?;
        Ok(Band { predictor: measure.name.clone(), unit: measure.unit.clone(), points })
    }
}
