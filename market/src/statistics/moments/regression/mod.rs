//! Ordinary least squares from cross-products (Seber and Lee, *Linear Regression Analysis*, 2nd edition, chapters 3 to
//! 5), with one intercept for all cells or one for each.

mod fit;
mod predict;

use nalgebra::DVector;
use serde::Serialize;

use self::fit::Fit;
pub use self::predict::{Band, Prediction};
use super::{
    MomentTable,
    centred::{Centred, Noisy, Sample, estimates},
    null::NullCell,
};
use crate::statistics::{
    Estimate, Stated, Sum, Test, Undefined,
    distribution::fisher_p_value,
    estimate::finite,
    noise::{seed_of, simulated_p_value},
    student::{Component, StandardError},
};

/// Whether cells share an intercept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Intercepts {
    /// The cells' people are taken together.
    Common,
    /// Each cell has its own, as with a dummy variable for each but the first; the slopes are common.
    PerCell,
}

/// Which attributes explain which, by their places in the table, over which cells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Model {
    /// What is explained.
    pub response: usize,
    /// By what.
    pub predictors: Vec<usize>,
    /// Whose people.
    pub cells: Vec<usize>,
    /// One intercept or several.
    pub intercepts: Intercepts,
}

/// A coefficient.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Coefficient {
    /// `intercept`, a cell as compared with the first one, or a predictor.
    pub name: String,
    /// The predictor's unit, or empty.
    pub unit: String,
    /// In units of the response for each unit of the predictor; interval by Student's t.
    pub estimate: Estimate,
    /// That it is zero.
    pub test: Stated<Test>,
}

/// A fitted model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Regression {
    /// The response's name.
    pub response: String,
    /// Its unit.
    pub unit: String,
    /// People in the fit.
    pub count: Sum,
    /// The cells in the fit.
    pub cells: Vec<String>,
    /// Cells without people, or with no more than noise.
    pub left_out: Vec<String>,
    /// The intercept, the other cells' differences from it, the slopes.
    pub coefficients: Vec<Coefficient>,
    /// People less parameters.
    pub residual_degrees_of_freedom: f64,
    /// Root of the residual variance, in the response's unit.
    pub residual_standard_error: f64,
    /// Share of the response's variance that the model explains.
    pub r_squared: f64,
    /// The same, with each variance over its degrees of freedom.
    pub adjusted_r_squared: f64,
    /// That every coefficient but the intercept is zero; with noise the p-value comes from simulated sums.
    pub model_test: Stated<Test>,
    /// That all cells share an intercept (analysis of covariance).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intercepts_test: Option<Stated<Test>>,
}

impl MomentTable {
    /// Fits a model. The seed makes simulated p-values the same each time.
    #[must_use]
    pub fn regress(&self, model: &Model, seed: [u8; 32]) -> Stated<Regression> {
        Design::new(self, model).and_then(|design| design.regression(seed)).into()
    }
}

/// A model's samples: the predictors first, then the response; one sample for each intercept.
struct Design<'t> {
    samples: Vec<Sample<'t>>,
    cells: Vec<String>,
    left_out: Vec<String>,
}

impl<'t> Design<'t> {
    fn new(table: &'t MomentTable, model: &Model) -> Result<Self, Undefined> {
        let mut attributes = model.predictors.clone();
        attributes.push(model.response);
        for (place, attribute) in attributes.iter().enumerate() {
            if attributes.iter().take(place).any(|earlier| earlier == attribute) {
                return Err(Undefined::Collinear { predictor: table.measure(*attribute)?.name.clone() });
            }
        }
        let (kept, left_out) = table.inhabited(&model.cells);
        let samples = kept.iter().map(|cell| Sample::new(table, *cell, &attributes)).collect::<Result<Vec<_>, _>>()?;
        let cells = kept.iter().map(|cell| table.cells.name(*cell)).collect();
        let pooled = Sample::pooled(&samples).ok_or(Undefined::Nobody)?;
        let samples = if model.intercepts == Intercepts::Common { vec![pooled] } else { samples };
        Ok(Self { samples, cells, left_out })
    }

    fn is_noisy(&self) -> bool {
        self.samples.iter().any(Sample::is_noisy)
    }

    /// The place of the response, and the number of predictors.
    fn response(&self) -> usize {
        self.samples.first().map_or(0, |sample| sample.measures.len().saturating_sub(1))
    }

    /// The people in the fit together.
    fn pooled(&self) -> Result<Sample<'t>, Undefined> {
        Sample::pooled(&self.samples).ok_or(Undefined::Nobody)
    }

    fn fit(&self, cells: &[Centred]) -> Result<Fit, Undefined> {
        let name = |place: usize| self.samples.first()?.measures.get(place).map(|measure| measure.name.clone());
        Fit::new(cells, |place| name(place).unwrap_or_default())
    }

    /// The fit of the sums as they are; with noise, whatever refuses it is noise.
    fn fitted(&self, cells: &[Centred]) -> Result<Fit, Undefined> {
        match self.fit(cells) {
            Err(_) if self.is_noisy() => Err(Undefined::Noise),
            Ok(fit) if self.is_noisy() && fit.residual <= 0.0 => Err(Undefined::Noise),
            fitted => fitted,
        }
    }

    fn centred(&self) -> Result<Vec<Centred>, Undefined> {
        self.samples.iter().map(Sample::centred).collect()
    }

    /// Linear functions of the fit, and the residual variance, with the variance that noise gives each.
    fn noisy(&self, f: impl Fn(&Fit, &[Centred]) -> Vec<f64>) -> Result<(Vec<Noisy>, Noisy), Undefined> {
        let mut found = estimates(&self.samples, |cells| {
            let fit = self.fit(cells)?;
            let mut values = f(&fit, cells);
            values.push(fit.residual_variance());
            Ok(values)
        })?;
        let variance = found.pop().ok_or(Undefined::AllMissing)?;
        Ok((found, variance))
    }

    fn regression(&self, seed: [u8; 32]) -> Result<Regression, Undefined> {
        let cells = self.centred()?;
        let fit = self.fitted(&cells)?;
        let pooled = self.pooled()?;
        let total = pooled.centred()?;
        let squares = total.entry(self.response(), self.response());
        let r_squared = if squares > 0.0 { 1.0 - fit.residual / squares } else { return Err(self.refusal()) };
        let measure = pooled.measures.last().ok_or(Undefined::AllMissing)?;
        Ok(Regression {
            response: measure.name.clone(),
            unit: measure.unit.clone(),
            count: pooled.sums.first().copied().ok_or(Undefined::AllMissing)?,
            cells: self.cells.clone(),
            left_out: self.left_out.clone(),
            coefficients: self.coefficients(&fit, &cells)?,
            residual_degrees_of_freedom: finite(fit.degrees)?,
            residual_standard_error: finite(fit.residual_variance().sqrt())?,
            r_squared: finite(r_squared)?,
            adjusted_r_squared: finite(1.0 - (1.0 - r_squared) * (fit.count - 1.0) / fit.degrees)?,
            model_test: self.model_test(seed).into(),
            intercepts_test: (cells.len() > 1).then(|| self.intercepts_test(seed_of(seed, 1)).into()),
        })
    }

    fn refusal(&self) -> Undefined {
        if self.is_noisy() { Undefined::Noise } else { Undefined::NoVariance }
    }

    fn coefficients(&self, fit: &Fit, cells: &[Centred]) -> Result<Vec<Coefficient>, Undefined> {
        let (values, variance) = self.noisy(Fit::coefficients)?;
        let component = Component::new(variance.value, fit.degrees, variance.noise);
        let named = self.names().into_iter().zip(fit.leverages(cells)).zip(values);
        named
            .map(|(((name, unit), leverage), Noisy { value, noise })| {
                let error = StandardError::new(&[component.scaled(leverage.sqrt())], noise);
                let test = error.test("t-test", "t-test, noise included", value).map_err(|why| match why {
                    Undefined::NoVariance => Undefined::PerfectFit,
                    why => why,
                });
                Ok(Coefficient { name, unit, estimate: error.estimate(value)?, test: test.into() })
            })
            .collect()
    }

    /// Each coefficient's name, and the unit of what it belongs to.
    fn names(&self) -> Vec<(String, String)> {
        let plain = |name: String| (name, String::new());
        let others = self.cells.iter().take(self.samples.len()).skip(1).cloned().map(plain);
        let predictors = self.samples.first().into_iter().flat_map(|sample| {
            let measures = sample.measures.iter().take(self.response());
            measures.map(|measure| (measure.name.clone(), measure.unit.clone()))
        });
        std::iter::once(plain("intercept".to_owned())).chain(others).chain(predictors).collect()
    }

    /// The model against its intercept alone.
    fn model_test(&self, seed: [u8; 32]) -> Result<Test, Undefined> {
        let parameters = self.response() + self.samples.len() - 1;
        let restricted = |cells: &[Centred]| {
            let total = Centred::pooled(cells).ok_or(Undefined::Nobody)?;
            Ok(total.entry(self.response(), self.response()))
        };
        let null = || {
            let total = self.pooled()?.stored()?;
            let slopes = DVector::zeros(self.response());
            Ok((total.mean(self.response()), slopes, total.variance(self.response())?))
        };
        self.f_test(parameters, restricted, null, seed)
    }

    /// The model against one intercept for all cells.
    fn intercepts_test(&self, seed: [u8; 32]) -> Result<Test, Undefined> {
        let common = |cells: &[Centred]| {
            let total = Centred::pooled(cells).ok_or(Undefined::Nobody)?;
            Ok(self.fit(&[total])?.residual)
        };
        let null = || {
            let total = [self.pooled()?.stored()?];
            let fit = self.fit(&total)?;
            let intercept = fit.coefficients(&total).first().copied().unwrap_or(0.0);
            Ok((intercept, fit.slopes.clone(), fit.residual_variance()))
        };
        self.f_test(self.samples.len() - 1, common, null, seed)
    }

    /// F of the residual squares of a restricted model against the model's own (Seber and Lee, 4.3). `null` is the
    /// restricted model in stored steps: intercept, slopes and residual variance.
    fn f_test(
        &self,
        parameters: usize,
        restricted: impl Fn(&[Centred]) -> Result<f64, Undefined>,
        null: impl Fn() -> Result<(f64, DVector<f64>, f64), Undefined>,
        seed: [u8; 32],
    ) -> Result<Test, Undefined> {
        if parameters == 0 {
            return Err(Undefined::OneGroup);
        }
        let parameters = parameters as f64;
        let f = |cells: &[Centred]| {
            let fit = self.fit(cells)?;
            if fit.residual <= 0.0 {
                return Err(Undefined::PerfectFit);
            }
            let explained = (restricted(cells)? - fit.residual) / parameters;
            Ok((explained / fit.residual_variance(), fit.degrees))
        };
        let stored: Vec<Centred> = self.samples.iter().map(Sample::stored).collect::<Result<_, _>>()?;
        let (statistic, degrees) = f(&stored).map_err(|why| if self.is_noisy() { Undefined::Noise } else { why })?;
        let degrees = [parameters, degrees];
        if !self.is_noisy() {
            return Test::new("F-test", statistic, &degrees, fisher_p_value(statistic, parameters, degrees[1])?);
        }
        let (intercept, slopes, variance) = null().map_err(|_| Undefined::Noise)?;
        let cell = |sample: &Sample<'_>| NullCell::new(sample, intercept, slopes.clone(), variance);
        let cells: Vec<NullCell> = self.samples.iter().map(cell).collect::<Result<_, _>>()?;
        let p_value = simulated_p_value(statistic, seed, |rng| {
            let drawn: Vec<Centred> = cells.iter().map(|cell| cell.draw(rng)).collect::<Result<_, _>>()?;
            f(&drawn).map(|(statistic, _)| statistic)
        });
        Test::new("F-test, simulated with noise", statistic, &degrees, p_value)
    }
}
