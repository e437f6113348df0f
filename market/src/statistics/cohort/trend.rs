//! Whether a share rises or falls along ordered rows.

use nalgebra::{DVector, RowVector2};
use serde::Serialize;

use super::table::Table;
use crate::statistics::{AxisLabels, Cells, Stated, Sum, Test, Undefined, estimate::normal_p_value, noise};

/// The Cochran–Armitage test along the rows of a table with two columns.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trend {
    /// Each row's score.
    pub scores: Vec<f64>,
    /// Where they come from.
    pub scored_by: &'static str,
    /// The test: its z is above zero when the second column's share rises with the score.
    pub test: Stated<Test>,
}

/// A test for trend; scores are the caller's or else of the cells: the middle of their values or, when a cell is open,
/// its place.
///
/// # Errors
/// [`Undefined::WrongShape`] unless there are two axes, the second of two cells, and a score to each row.
pub fn trend(cells: &Cells<Sum>, scores: Option<&[f64]>) -> Result<Trend, Undefined> {
    let table = Table::of_cells(cells)?;
    let axis = cells.axes.first().ok_or(Undefined::WrongShape)?;
    let (scores, scored_by) = match (scores, middles(axis)) {
        (Some(scores), _) => (scores.to_vec(), "given"),
        (None, Some(middles)) => (middles, "middle of each cell"),
        (None, None) => (places(axis.cells.len()), "place of each cell"),
    };
    if table.values.ncols() != 2 || scores.len() != table.values.nrows() {
        return Err(Undefined::WrongShape);
    }
    Ok(Trend { test: armitage(&table, &scores).into(), scores, scored_by })
}

/// The middle of the values that each cell holds; none when one is open.
fn middles(axis: &AxisLabels) -> Option<Vec<f64>> {
    axis.cells.iter().map(|cell| Some((cell.lo? + cell.end? - axis.step) / 2.0)).collect()
}

fn places(count: usize) -> Vec<f64> {
    (0..u32::try_from(count).unwrap_or(u32::MAX)).map(f64::from).collect()
}

/// `Σ score·(event − share·row)` over its error, `√(share(1 − share)·Σ row·(score − mean)²)` (Armitage, Biometrics
/// 11:375, 1955); with noise a Wald test whose error includes the noise's.
fn armitage(table: &Table, scores: &[f64]) -> Result<Test, Undefined> {
    let noisy = table.is_noisy();
    table.without_empty().comparable()?;
    let sums = by_column(table);
    let scores = DVector::from_column_slice(scores);
    let statistic = Moments::of(&table.values.iter().copied().collect::<Vec<_>>(), &scores)
        .and_then(|moments| moments.variance().map(|variance| (moments.excess, variance)));
    let (excess, sampling) = statistic.map_err(|why| if noisy { Undefined::Noise } else { why })?;
    let noise = noise::variance(&sums, |values| Moments::of(values, &scores).map(|moments| moments.excess))?;
    let z = excess / (sampling + noise).sqrt();
    let method =
        if noisy { "Cochran-Armitage trend test, its error with the noise's" } else { "Cochran-Armitage trend test" };
    Test::new(method, z, &[], normal_p_value(z))
}

/// The sums column by column, as matrices store them.
fn by_column(table: &Table) -> Vec<Sum> {
    table.values.iter().zip(table.noise.iter()).map(|(value, noise)| Sum::of_real(*value, *noise)).collect()
}

/// What the test needs of a table, column by column.
struct Moments {
    excess: f64,
    share: f64,
    spread: f64,
    /// A spread that is rounding: every score is the same.
    rounding: f64,
}

impl Moments {
    fn of(values: &[f64], scores: &DVector<f64>) -> Result<Self, Undefined> {
        let (first, second) = values.split_at(scores.len().min(values.len()));
        let (first, second) = (DVector::from_column_slice(first), DVector::from_column_slice(second));
        let rows = &first + &second;
        let people = rows.sum();
        if people <= 0.0 {
            return Err(Undefined::Nobody);
        }
        let mean = scores.dot(&rows) / people;
        let share = second.sum() / people;
        let centred = scores.add_scalar(-mean);
        let spread = centred.component_mul(&centred).dot(&rows);
        Ok(Self { excess: centred.dot(&second), share, spread, rounding: 1e-18 * people * scores.amax().powi(2) })
    }

    /// Of the excess, under the null hypothesis.
    fn variance(&self) -> Result<f64, Undefined> {
        let shares = RowVector2::new(self.share, 1.0 - self.share);
        if shares.min() <= 0.0 {
            return Err(Undefined::NoVariance);
        }
        if self.spread <= self.rounding {
            return Err(Undefined::SameScores);
        }
        Ok(shares.product() * self.spread)
    }
}
