//! Whether rows and columns of a table go together.

use nalgebra::DMatrix;
use rand::rngs::StdRng;
use serde::Serialize;
use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::{
    effect::TwoByTwo,
    exact_test::{fisher, fisher_freeman_halton},
    table::{Table, expected},
};
use crate::statistics::{
    Cells, Stated, Sum, Test, Undefined,
    estimate::finite,
    noise::{self, SIMULATIONS},
};

/// Below this, a cell's expected count makes the χ² distribution a poor approximation (Cochran, Biometrics 10:417, 1954).
const EXPECTED_MIN: f64 = 5.0;

/// What a two-way table says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Contingency {
    /// Rows that hold people; others are left out.
    pub rows: usize,
    /// Columns that hold people; others are left out.
    pub columns: usize,
    /// The names of those rows.
    pub row_names: Vec<String>,
    /// The names of those columns.
    pub column_names: Vec<String>,
    /// What each cell would hold if rows and columns were independent, row by row.
    pub expected: Vec<Vec<f64>>,
    /// Cells of which fewer than 5 are expected.
    pub expected_below_5: usize,
    /// What that means for the χ² tests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<&'static str>,
    /// Pearson's χ² test; under noise against simulated tables.
    pub pearson: Stated<Test>,
    /// Pearson's χ² test with Yates' correction; of a 2×2 table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub yates: Option<Stated<Test>>,
    /// The likelihood ratio test.
    pub g: Stated<Test>,
    /// Fisher's exact test; of larger tables among simulated tables with the same margins.
    pub fisher: Stated<Test>,
    /// Cramér's V: 0 for independence, 1 when one side determines the other.
    pub cramers_v: Stated<f64>,
    /// Ratios and differences between the rows of a 2×2 table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub two_by_two: Option<TwoByTwo>,
}

/// Tests and measures of association of a table with two axes, rows first. In a 2×2 table the second row is compared
/// with the first, and the second column is the event.
///
/// # Errors
/// [`Undefined::WrongShape`] for other axes; [`Undefined::Nobody`], [`Undefined::OneGroup`] and
/// [`Undefined::NoVariance`] when people are in no cell, in one row, in one column; [`Undefined::Noise`] when noise
/// outweighs the people.
pub fn contingency(cells: &Cells<Sum>, seed: [u8; 32]) -> Result<Contingency, Undefined> {
    let all = Table::of_cells(cells)?;
    let (rows, columns) = all.inhabited();
    let table = all.without_empty().comparable()?;
    let fitted = independence(&table)?;
    let expected_below_5 = fitted.iter().filter(|count| **count < EXPECTED_MIN).count();
    let two_by_two = table.four().ok();
    Ok(Contingency {
        rows: fitted.nrows(),
        columns: fitted.ncols(),
        row_names: names(cells, 0, &rows),
        column_names: names(cells, 1, &columns),
        expected: fitted.row_iter().map(|row| row.iter().copied().collect()).collect(),
        expected_below_5,
        warning: (expected_below_5 > 0 && !table.is_noisy()).then_some(
            "fewer than 5 people are expected in a cell: the chi-squared distribution is a poor approximation, prefer \
             Fisher's test",
        ),
        pearson: pearson(&table, seed, SIMULATIONS).into(),
        yates: two_by_two.is_some().then(|| yates(&table).into()),
        g: likelihood_ratio(&table).into(),
        fisher: match two_by_two {
            Some(four) => fisher(&four).into(),
            None => fisher_freeman_halton(&table, seed).into(),
        },
        cramers_v: cramers_v(&table).into(),
        two_by_two: two_by_two.map(|four| TwoByTwo::of(&four)),
    })
}

/// The names of an axis' cells at these places.
fn names(cells: &Cells<Sum>, axis: usize, places: &[usize]) -> Vec<String> {
    let Some(axis) = cells.axes.get(axis) else { return vec![] };
    let name = |place: &usize| Some(format!("{} {}", axis.name, axis.cells.get(*place)?.text));
    places.iter().filter_map(name).collect()
}

impl Contingency {
    /// What the effects of a 2×2 table compare, in words: the event, and of whom relative to whom.
    #[must_use]
    pub fn compared(&self) -> String {
        match (self.row_names.as_slice(), self.column_names.as_slice()) {
            ([other, row], [_, event]) => format!("{event}: {row} relative to {other}"),
            _ => String::new(),
        }
    }
}

/// The counts fitted under independence. Noise may take a margin below zero, where nobody is the best guess.
fn independence(table: &Table) -> Result<DMatrix<f64>, Undefined> {
    if !table.is_noisy() {
        return expected(&table.values);
    }
    let people = table.values.sum();
    let rows = table.values.column_sum().map(|margin| margin.max(0.0));
    let columns = table.values.row_sum().map(|margin| margin.max(0.0));
    // Both margins hold at least `people`, which is above zero from here on.
    if people > 0.0 { Ok(&rows * &columns * (people / rows.sum() / columns.sum())) } else { Err(Undefined::Noise) }
}

fn degrees(table: &Table) -> f64 {
    let (rows, columns) = table.values.shape();
    f64::from(u32::try_from(rows.saturating_sub(1) * columns.saturating_sub(1)).unwrap_or(u32::MAX))
}

/// A test whose statistic is χ² with these degrees of freedom under the null hypothesis.
///
/// # Errors
/// [`Undefined::OutOfRange`] when a number is not finite.
pub(super) fn chi_squared_test(method: &'static str, statistic: f64, degrees: f64) -> Result<Test, Undefined> {
    let distribution = ChiSquared::new(degrees).map_err(|_| Undefined::OutOfRange)?;
    Test::new(method, statistic, &[degrees], distribution.sf(finite(statistic)?))
}

/// `Σ (observed − expected)² / (expected + noise variance)`: Pearson's χ² (Phil. Mag. 50:157, 1900), where a cell's
/// variance under the null hypothesis includes its noise.
fn weighed_squares(table: &Table) -> Result<f64, Undefined> {
    let fitted = independence(table)?;
    let excess = &table.values - &fitted;
    let variance = &fitted + &table.noise;
    finite(
        excess
            .zip_map(&variance, |excess, variance| if variance > 0.0 { excess * excess / variance } else { 0.0 })
            .sum(),
    )
}

pub(super) fn pearson(table: &Table, seed: [u8; 32], simulations: u32) -> Result<Test, Undefined> {
    let statistic = weighed_squares(table)?;
    if !table.is_noisy() {
        return chi_squared_test("Pearson's chi-squared test", statistic, degrees(table));
    }
    let null = Null::of(table)?;
    let p_value = noise::p_value_among(simulations, statistic, seed, |rng| weighed_squares(&null.draw(rng)?));
    Test::new("Pearson's chi-squared test, cells weighed with their noise, simulated", statistic, &[], p_value)
}

/// Tables of the fitted independent counts, noise included (Gaboardi, Lim, Rogers, Vadhan, ICML 2016, algorithm 2).
struct Null<'t> {
    people: u64,
    chances: DMatrix<f64>,
    noise: &'t DMatrix<f64>,
}

impl<'t> Null<'t> {
    fn of(table: &'t Table) -> Result<Self, Undefined> {
        let fitted = independence(table)?;
        let people = fitted.sum();
        Ok(Self { people: noise::whole(people), chances: fitted / people, noise: &table.noise })
    }

    fn draw(&self, rng: &mut StdRng) -> Result<Table, Undefined> {
        let people = noise::draw_cells(self.people, self.chances.as_slice(), rng)?;
        let mut values =
            DMatrix::from_iterator(self.noise.nrows(), self.noise.ncols(), people.iter().map(|n| noise::real(*n)));
        for (value, variance) in values.iter_mut().zip(self.noise.iter()) {
            *value += noise::draw(*variance, rng)?;
        }
        Ok(Table { values, noise: self.noise.clone() })
    }
}

/// Yates' correction (JRSS Supplement 1:217, 1934), by half or, where it is less, by the whole excess, as R does.
fn yates(table: &Table) -> Result<Test, Undefined> {
    let fitted = exact_fit(table)?;
    let excess = (&table.values - &fitted).map(f64::abs);
    let correction = excess.min().min(0.5);
    let statistic = excess.zip_map(&fitted, |excess, fitted| (excess - correction).powi(2) / fitted).sum();
    chi_squared_test("Pearson's chi-squared test with Yates' correction", statistic, degrees(table))
}

/// `2·Σ observed·ln(observed / expected)` (Wilks 1938; Sokal and Rohlf, *Biometry*, 17.2).
fn likelihood_ratio(table: &Table) -> Result<Test, Undefined> {
    let fitted = exact_fit(table)?;
    let term = |observed: f64, fitted: f64| if observed > 0.0 { observed * (observed / fitted).ln() } else { 0.0 };
    chi_squared_test("likelihood ratio test (G)", 2.0 * table.values.zip_map(&fitted, term).sum(), degrees(table))
}

fn exact_fit(table: &Table) -> Result<DMatrix<f64>, Undefined> {
    if table.is_noisy() { Err(Undefined::NeedsExact) } else { expected(&table.values) }
}

/// `√(χ² / (people·(min(rows, columns) − 1)))` (Cramér, *Mathematical Methods of Statistics*, 1946, 21.9). From noisy
/// cells, χ² is lessened by what their noise alone is expected to add: `Σ variance·(1 − row share)(1 − column share)/fitted`.
fn cramers_v(table: &Table) -> Result<f64, Undefined> {
    let fitted = independence(table)?;
    if fitted.min() <= 0.0 {
        return Err(Undefined::Noise);
    }
    let people = fitted.sum();
    let squares = (&table.values - &fitted).zip_map(&fitted, |excess, fitted| excess * excess / fitted).sum();
    let rows = fitted.column_sum().map(|margin| 1.0 - margin / people);
    let columns = fitted.row_sum().map(|margin| 1.0 - margin / people);
    let added = (rows * columns).component_mul(&table.noise).component_div(&fitted).sum();
    let (rows, columns) = fitted.shape();
    let least = f64::from(u32::try_from(rows.min(columns).saturating_sub(1)).unwrap_or(u32::MAX));
    Ok(finite(((squares - added).max(0.0) / (people * least)).sqrt())?.min(1.0))
}
