//! Attrition: how many people each group of criteria leaves.

use serde::Serialize;

use super::{counts::count, proportion::within};
use crate::statistics::{Cells, Estimate, Stated, Sum};

/// What one group of criteria leaves.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FunnelStep {
    /// The group's place among the match criteria, from 1.
    pub group: usize,
    /// People that satisfy this group and all before it.
    pub left: Stated<Estimate>,
    /// Their share of those before this group, with Wilson's interval.
    pub of_previous: Stated<Estimate>,
    /// Their share of those at the start, with Wilson's interval.
    pub of_start: Stated<Estimate>,
}

/// A cell's funnel.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Funnel {
    /// The cell in words; empty without axes.
    pub cell: String,
    /// People before any criterion.
    pub start: Stated<Estimate>,
    /// After each group in turn.
    pub steps: Vec<FunnelStep>,
}

/// The funnel of each cell.
#[must_use]
pub fn funnels(cells: &Cells<Vec<Sum>>) -> Cells<Funnel> {
    let mut index = 0..cells.values.len();
    cells.map(|sums| funnel(cells.name(index.next().unwrap_or_default()), sums))
}

fn funnel(cell: String, sums: &[Sum]) -> Funnel {
    let start = sums.first().copied().unwrap_or(Sum::exact(0));
    let step = |(group, (previous, left)): (usize, (&Sum, &Sum))| FunnelStep {
        group: group + 1,
        left: count(*left).into(),
        of_previous: within(*left, *previous).into(),
        of_start: within(*left, start).into(),
    };
    Funnel {
        cell,
        start: count(start).into(),
        steps: sums.iter().zip(sums.iter().skip(1)).enumerate().map(step).collect(),
    }
}
