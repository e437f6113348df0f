//! Histograms over the bins of an axis, and quantiles as far as bins tell them.

use serde::Serialize;

use super::{counts::count, proportion::beside};
use crate::statistics::{
    AxisLabels, CellLabel, Cells, Estimate, Interval, Stated, Sum, Undefined, estimate::normal_quantile,
};

/// The shares below each quantile.
pub const QUANTILES: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];

/// A bin.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bin {
    /// What it holds.
    pub values: CellLabel,
    /// People in it.
    pub count: Stated<Estimate>,
    /// Their share of everyone in a bin, with Wilson's interval.
    pub share: Stated<Estimate>,
    /// The share to each unit of the axis; the bars' area is 1.
    pub density: Stated<Estimate>,
}

/// A quantile of the people counted, by the least value that so large a share is at or below (Hyndman and Fan, American
/// Statistician 50:361, 1996, definition 1).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BinQuantile {
    /// The share at or below it.
    pub share: f64,
    /// If the people of a bin were spread evenly over it.
    pub value: Stated<f64>,
    /// It lies from `lo` up to but without `hi`: the bin's bounds, or with noise those of the bins that it may lie in.
    pub bounds: Stated<Interval>,
}

/// A histogram of the people in one cell of the other axes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Histogram {
    /// The cell of the other axes, in words; empty when there are none.
    pub group: String,
    /// What is measured.
    pub measure: String,
    /// Its unit.
    pub unit: String,
    /// People in a bin. Values outside every bin are not counted.
    pub people: Stated<Estimate>,
    /// The bins.
    pub bins: Vec<Bin>,
    /// Quantiles.
    pub quantiles: Vec<BinQuantile>,
}

/// Histograms over the last axis, one for each cell of the others.
///
/// # Errors
/// [`Undefined::WrongShape`] for a table without axes.
pub fn histograms(cells: &Cells<Sum>) -> Result<Vec<Histogram>, Undefined> {
    let (axis, others) = cells.axes.split_last().ok_or(Undefined::WrongShape)?;
    if axis.cells.is_empty() {
        return Err(Undefined::WrongShape);
    }
    let groups: Cells<&[Sum]> =
        Cells { axes: others.to_vec(), values: cells.values.chunks(axis.cells.len()).collect() };
    Ok(groups.values.iter().enumerate().map(|(index, sums)| histogram(groups.name(index), axis, sums)).collect())
}

fn histogram(group: String, axis: &AxisLabels, sums: &[Sum]) -> Histogram {
    let people: Sum = sums.iter().copied().sum();
    let bin = |(values, sum): (&CellLabel, &Sum)| {
        let noise_variance = (people.noise_variance - sum.noise_variance).max(0.0);
        let rest = Sum { value: people.value.saturating_sub(sum.value), noise_variance };
        let share = beside(*sum, rest);
        let density = share.clone().and_then(|share| density(share, values));
        Bin { values: values.clone(), count: count(*sum).into(), share: share.into(), density: density.into() }
    };
    Histogram {
        group,
        measure: axis.name.clone(),
        unit: axis.unit.clone(),
        people: count(people).into(),
        bins: axis.cells.iter().zip(sums).map(bin).collect(),
        quantiles: QUANTILES.iter().map(|share| quantile(*share, axis, sums)).collect(),
    }
}

fn density(share: Estimate, values: &CellLabel) -> Result<Estimate, Undefined> {
    let (Some(lo), Some(end)) = (values.lo, values.end) else { return Err(Undefined::Unbounded) };
    let each = |number: f64| number / (end - lo);
    Estimate::new(each(share.value), each(share.standard_error), (each(share.interval.lo), each(share.interval.hi)))
}

/// People up to the end of each bin, less the share of all that a quantile asks for, with the noise of that.
struct Reached {
    excess: f64,
    noise_deviation: f64,
}

impl Reached {
    /// Whether the quantile lies within this bin or before it, even if noise has added so many deviations; of negative
    /// ones, whether it may lie there.
    fn surely(&self, deviations: f64) -> bool {
        self.excess - deviations * self.noise_deviation >= 0.0
    }
}

fn quantile(share: f64, axis: &AxisLabels, sums: &[Sum]) -> BinQuantile {
    let reached = reached(share, sums);
    let bounds = reached.as_ref().map_err(Clone::clone).and_then(|reached| bounds(axis, reached));
    let value = reached.as_ref().map_err(Clone::clone).and_then(|reached| interpolated(axis, sums, reached));
    BinQuantile { share, value: value.into(), bounds: bounds.into() }
}

fn reached(share: f64, sums: &[Sum]) -> Result<Vec<Reached>, Undefined> {
    sums.iter().try_for_each(|sum| sum.people().map(|_| ()))?;
    let all: Sum = sums.iter().copied().sum();
    let noisy = all.is_noisy();
    if all.value <= 0 || all.to_f64() < normal_quantile() * all.noise_variance.sqrt() {
        return Err(if noisy { Undefined::Noise } else { Undefined::Nobody });
    }
    let wanted = share * all.to_f64();
    let mut up_to = Sum::exact(0);
    let bin = |sum: &Sum| {
        up_to = up_to + *sum;
        let beyond = (all.noise_variance - up_to.noise_variance).max(0.0);
        // Of (1 − share)·up_to − share·beyond, whose noises are independent.
        let variance = (1.0 - share).powi(2) * up_to.noise_variance + share.powi(2) * beyond;
        let excess = up_to.to_f64() - wanted;
        // Whole people against a share of them: less is rounding.
        let excess = if excess.abs() < 1e-12 * all.to_f64() { 0.0 } else { excess };
        Reached { excess, noise_deviation: variance.sqrt() }
    };
    Ok(sums.iter().map(bin).collect())
}

/// From the first bin that may hold the quantile to the last.
fn bounds(axis: &AxisLabels, reached: &[Reached]) -> Result<Interval, Undefined> {
    let z = normal_quantile();
    let first = reached.iter().position(|bin| bin.surely(-z)).unwrap_or_default();
    let last = reached.iter().rposition(|bin| !bin.surely(z)).map_or(0, |before| before + 1);
    let label = |bin: usize| axis.cells.get(bin.min(axis.cells.len().saturating_sub(1)));
    let lo = label(first).and_then(|cell| cell.lo).ok_or(Undefined::Unbounded)?;
    let hi = label(last.max(first)).and_then(|cell| cell.end).ok_or(Undefined::Unbounded)?;
    Ok(Interval { lo, hi })
}

/// Where the quantile would lie if its bin's people were spread evenly.
fn interpolated(axis: &AxisLabels, sums: &[Sum], reached: &[Reached]) -> Result<f64, Undefined> {
    let place = reached.iter().position(|bin| bin.surely(0.0)).ok_or(Undefined::Noise)?;
    let (Some(label), Some(sum), Some(bin)) = (axis.cells.get(place), sums.get(place), reached.get(place)) else {
        return Err(Undefined::WrongShape);
    };
    let (Some(lo), Some(end)) = (label.lo, label.end) else { return Err(Undefined::Unbounded) };
    let beyond = (bin.excess / sum.to_f64().max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
    Ok(end - beyond * (end - lo))
}
