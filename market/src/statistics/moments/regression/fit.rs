//! The least-squares solution.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

use super::super::centred::Centred;
use crate::statistics::Undefined;

/// The least share of a predictor's variance that the others may leave unexplained.
const PIVOT_MIN: f64 = 1e-12;

/// Slopes that are common to cells with an intercept each, from the squares and products within cells.
pub(super) struct Fit {
    pub(super) slopes: DVector<f64>,
    /// Inverse of the predictors' squares and products.
    inverse: DMatrix<f64>,
    /// Sum of squared residuals.
    pub(super) residual: f64,
    /// People less parameters.
    pub(super) degrees: f64,
    /// People.
    pub(super) count: f64,
}

impl Fit {
    /// Solves on the scale of correlations. The last attribute is the response; `name` names the others.
    ///
    /// # Errors
    /// [`Undefined::TooFew`]; [`Undefined::Collinear`] with the first predictor that the earlier ones explain;
    /// [`Undefined::NoVariance`] for a constant response.
    pub(super) fn new(cells: &[Centred], name: impl Fn(usize) -> String) -> Result<Self, Undefined> {
        let within = within(cells).ok_or(Undefined::Nobody)?;
        let predictors = within.nrows().saturating_sub(1);
        let count: f64 = cells.iter().map(|cell| cell.count).sum();
        let parameters = predictors + cells.len();
        let degrees = count - parameters as f64;
        if degrees < 1.0 {
            return Err(Undefined::TooFew { found: count as u64, needed: parameters as u64 + 1 });
        }
        let squares = within.diagonal();
        if let Some(constant) = squares.iter().position(|square| *square <= 0.0) {
            let collinear = Undefined::Collinear { predictor: name(constant) };
            return Err(if constant == predictors { Undefined::NoVariance } else { collinear });
        }
        let deviations = squares.map(f64::sqrt);
        let correlations = within.component_div(&(&deviations * deviations.transpose()));
        let own = correlations.view((0, 0), (predictors, predictors)).into_owned();
        let response = correlations.column(predictors).rows(0, predictors).into_owned();
        let cholesky = factor(&own).map_err(|predictor| Undefined::Collinear { predictor: name(predictor) })?;
        let (standardized, inverse) = cholesky.map_or_else(
            || (DVector::zeros(0), DMatrix::zeros(0, 0)),
            |cholesky| (cholesky.solve(&response), cholesky.inverse()),
        );
        let unexplained = 1.0 - response.dot(&standardized);
        if unexplained < -PIVOT_MIN {
            return Err(Undefined::Contradiction);
        }
        let unexplained = if unexplained < PIVOT_MIN { 0.0 } else { unexplained };
        let (all, scale) = deviations_of(&deviations, predictors);
        Ok(Self {
            slopes: standardized.component_div(&scale) * all,
            inverse: inverse.component_div(&(&scale * scale.transpose())),
            residual: all * all * unexplained,
            degrees,
            count,
        })
    }

    pub(super) fn residual_variance(&self) -> f64 {
        self.residual / self.degrees
    }

    /// The first cell's intercept, the other cells' differences from it, the slopes.
    pub(super) fn coefficients(&self, cells: &[Centred]) -> Vec<f64> {
        let intercept = |cell: &Centred| self.at(cell, &DVector::zeros(self.slopes.len()));
        let first = cells.first().map_or(0.0, intercept);
        let others = cells.iter().skip(1).map(|cell| intercept(cell) - first);
        std::iter::once(first).chain(others).chain(self.slopes.iter().copied()).collect()
    }

    /// The response at the predictors' values, in a cell.
    pub(super) fn at(&self, cell: &Centred, predictors: &DVector<f64>) -> f64 {
        cell.mean(self.slopes.len()) + self.slopes.dot(&(predictors - cell.means.rows(0, self.slopes.len())))
    }

    /// Each coefficient's sampling variance over the residual variance.
    pub(super) fn leverages(&self, cells: &[Centred]) -> Vec<f64> {
        let origin = DVector::zeros(self.slopes.len());
        let Some(first) = cells.first() else { return vec![] };
        let other = |cell: &Centred| {
            let apart = cell.means.rows(0, self.slopes.len()) - first.means.rows(0, self.slopes.len());
            1.0 / cell.count + 1.0 / first.count + self.quadratic(&apart)
        };
        let others = cells.iter().skip(1).map(other);
        std::iter::once(self.leverage(first, &origin))
            .chain(others)
            .chain(self.inverse.diagonal().iter().copied())
            .collect()
    }

    /// Sampling variance, over the residual variance, of the fitted response at the predictors' values.
    pub(super) fn leverage(&self, cell: &Centred, predictors: &DVector<f64>) -> f64 {
        1.0 / cell.count + self.quadratic(&(predictors - cell.means.rows(0, self.slopes.len())))
    }

    fn quadratic(&self, apart: &DVector<f64>) -> f64 {
        apart.dot(&(&self.inverse * apart))
    }
}

impl Centred {
    /// The people of several cells together; none for no cells.
    pub(super) fn pooled(cells: &[Self]) -> Option<Self> {
        let count: f64 = cells.iter().map(|cell| cell.count).sum();
        let mut scatter = within(cells)?;
        let weighted = |mean: DVector<f64>, cell: &Self| mean + &cell.means * (cell.count / count);
        let means = cells.iter().fold(DVector::zeros(scatter.nrows()), weighted);
        for cell in cells {
            let apart = &cell.means - &means;
            scatter += &apart * apart.transpose() * cell.count;
        }
        Some(Self { count, means, scatter })
    }
}

/// Squares and products about the cells' own means.
fn within(cells: &[Centred]) -> Option<DMatrix<f64>> {
    let (first, rest) = cells.split_first()?;
    Some(rest.iter().fold(first.scatter.clone(), |sum, cell| sum + &cell.scatter))
}

/// The response's deviation and the predictors'.
fn deviations_of(deviations: &DVector<f64>, predictors: usize) -> (f64, DVector<f64>) {
    (deviations.get(predictors).copied().unwrap_or(0.0), deviations.rows(0, predictors).into_owned())
}

/// The Cholesky factor of a correlation matrix, none of an empty one; or the first row that the earlier ones explain.
fn factor(correlations: &DMatrix<f64>) -> Result<Option<Cholesky<f64, Dyn>>, usize> {
    let size = correlations.nrows();
    if size == 0 {
        return Ok(None);
    }
    let sound = |size: usize| {
        let cholesky = Cholesky::new(correlations.view((0, 0), (size, size)).into_owned())?;
        let least = cholesky.l_dirty().diagonal().iter().fold(f64::INFINITY, |least, pivot| least.min(pivot * pivot));
        (least >= PIVOT_MIN).then_some(cholesky)
    };
    sound(size)
        .map_or_else(|| Err((0..size).find(|row| sound(row + 1).is_none()).unwrap_or(0)), |found| Ok(Some(found)))
}
