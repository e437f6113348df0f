//! Measured values: means, variances, correlations, comparisons of groups and linear regression.
//!
//! Everything comes from counts, sums and sums of products. They are centred in whole numbers, so no digit is lost
//! before the first division. What needs each person's values (paired tests, Levene's test, ranks, residuals) cannot
//! be had from sums, and says so.

mod anova;
mod centred;
mod compare;
mod describe;
mod null;
mod regression;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use circuits::{layout::Moment, schema::Schema};
use serde::Serialize;

pub use self::{
    anova::{Anova, GroupMean, PAIRWISE_GROUPS_MAX, PairwiseComparison},
    compare::Comparison,
    describe::{AttributeSummary, CellSummary, PairSummary},
    regression::{Band, Coefficient, Intercepts, Model, Prediction, Regression},
};
use super::{Cells, Interval, MomentSums, Sum, Undefined};
use crate::Error;

/// A measured attribute: what its sums mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Measure {
    /// The attribute's name.
    pub name: String,
    /// Its unit, or empty.
    pub unit: String,
    /// The least stored value, from which sums count.
    pub lo: u32,
    /// The greatest stored value.
    pub hi: u32,
    /// Stored value = measured value × scale.
    pub scale: u32,
}

impl Measure {
    /// An attribute of a layout under a schema; one that the schema lacks is named by its index.
    #[must_use]
    pub fn of(moment: &Moment, schema: &Schema) -> Self {
        let &Moment { attribute: index, lo, hi } = moment;
        let (name, unit, scale) = schema.attributes.get(usize::from(index)).map_or_else(
            || (format!("attribute {index}"), String::new(), 1),
            |attribute| (attribute.name.clone(), attribute.unit.clone(), attribute.scale.max(1)),
        );
        Self { name, unit, lo, hi, scale }
    }

    /// Stored steps of one unit.
    fn steps(&self) -> f64 {
        self.scale.into()
    }

    /// A mean of `stored value − lo`, in the attribute's unit.
    fn natural(&self, mean: f64) -> f64 {
        (f64::from(self.lo) + mean) / self.steps()
    }

    /// The values that can be, in the attribute's unit.
    fn range(&self) -> Interval {
        Interval { lo: f64::from(self.lo) / self.steps(), hi: f64::from(self.hi) / self.steps() }
    }
}

/// The moments of a part: which attributes were measured, and their sums in each cell.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MomentTable {
    measures: Vec<Measure>,
    cells: Cells<MomentSums>,
}

impl MomentTable {
    /// A part's sums with what its layout measures.
    ///
    /// # Errors
    /// [`Error::Statistics`] when a cell has sums of other attributes than the layout's.
    pub fn new(attributes: &[Moment], schema: &Schema, cells: Cells<MomentSums>) -> Result<Self, Error> {
        let measures: Vec<Measure> = attributes.iter().map(|moment| Measure::of(moment, schema)).collect();
        let fits = |cell: &MomentSums| {
            let rows = cell.products.iter().enumerate().all(|(row, products)| products.len() == row + 1);
            rows && cell.values.len() == measures.len() && cell.products.len() == measures.len()
        };
        if cells.values.is_empty() || !cells.values.iter().all(fits) {
            let why = format!("each cell needs the sums and products of {} attributes", measures.len());
            return Err(Error::Statistics { what: "moments", why });
        }
        Ok(Self { measures, cells })
    }

    /// What was measured, in the layout's order.
    #[must_use]
    pub fn measures(&self) -> &[Measure] {
        &self.measures
    }

    /// The sums.
    #[must_use]
    pub const fn cells(&self) -> &Cells<MomentSums> {
        &self.cells
    }

    /// The place of the attribute of this name.
    #[must_use]
    pub fn place(&self, name: &str) -> Option<usize> {
        self.measures.iter().position(|measure| measure.name == name)
    }

    /// People in a cell.
    fn count(&self, cell: usize) -> Sum {
        self.cells.values.get(cell).map_or(Sum::exact(0), |sums| sums.count)
    }

    /// The cells that have people, each once, and the names of the others. With noise a cell has people when its count is two
    /// standard deviations of the noise above zero.
    fn inhabited(&self, cells: &[usize]) -> (Vec<usize>, Vec<String>) {
        let has_people = |cell: &&usize| {
            let count = self.count(**cell);
            count.value > 0 && count.to_f64() >= 2.0 * count.noise_variance.sqrt()
        };
        let mut once = BTreeSet::new();
        let distinct = cells.iter().filter(|cell| once.insert(**cell));
        let (kept, empty): (Vec<&usize>, Vec<&usize>) = distinct.partition(has_people);
        (kept.into_iter().copied().collect(), empty.into_iter().map(|cell| self.cells.name(*cell)).collect())
    }

    fn measure(&self, attribute: usize) -> Result<&Measure, Undefined> {
        self.measures.get(attribute).ok_or(Undefined::AllMissing)
    }
}
