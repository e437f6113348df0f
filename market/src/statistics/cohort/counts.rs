//! How many people are in each cell, and their share of all.

use serde::Serialize;

use super::proportion::beside;
use crate::statistics::{Cells, Estimate, Stated, Sum, Undefined};

/// A cell's people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CountedCell {
    /// The cell in words.
    pub cell: String,
    /// People in it.
    pub count: Stated<Estimate>,
    /// Their share of everyone counted, with Wilson's interval.
    pub share: Stated<Estimate>,
}

/// The people in every cell.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Counts {
    /// Everyone in a cell. People with a missing value, or outside every bin, are in none.
    pub people: Stated<Estimate>,
    /// Each cell.
    pub cells: Cells<CountedCell>,
}

/// Counts and shares of a table of people.
#[must_use]
pub fn counts(cells: &Cells<Sum>) -> Counts {
    let people: Sum = cells.values.iter().copied().sum();
    let mut index = 0..cells.values.len();
    let counted = |sum: &Sum| CountedCell {
        cell: cells.name(index.next().unwrap_or_default()),
        count: count(*sum).into(),
        share: beside(*sum, rest(people, *sum)).into(),
    };
    Counts { people: count(people).into(), cells: cells.map(counted) }
}

/// A number of people. An exact one is the cohort itself and has no error; a noisy one has the noise's, and is stated as
/// released with its whole interval, below zero too: whoever averages many gets the truth.
///
/// # Errors
/// As [`Sum::people`].
pub(super) fn count(sum: Sum) -> Result<Estimate, Undefined> {
    Estimate::normal(sum.people()?, sum.noise_variance.sqrt())
}

/// Everyone else.
fn rest(people: Sum, part: Sum) -> Sum {
    let noise_variance = (people.noise_variance - part.noise_variance).max(0.0);
    Sum { value: people.value.saturating_sub(part.value), noise_variance }
}
