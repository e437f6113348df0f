//! A table of people becomes life tables: in each bin of time those at risk, those who have the event, those who leave.

use serde::Serialize;

use crate::statistics::{AxisLabels, Cells, Sum, Undefined, estimate::normal_quantile};

/// A bin of time. Events come before censorings: who is censored in a bin was at risk for its events.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Step {
    /// The bin's first time.
    pub(super) since: f64,
    /// The bin's last time.
    pub(super) time: f64,
    pub(super) events: Sum,
    pub(super) censored: Sum,
    /// Everyone who leaves in this bin or later; their noise is that of all these bins.
    pub(super) at_risk: Sum,
}

impl Step {
    /// Whether its people may have left at different times.
    pub(super) fn is_wide(&self) -> bool {
        self.time > self.since
    }

    /// People at risk who do not have the event.
    pub(super) fn left(&self) -> f64 {
        self.at_risk.to_f64() - self.events.to_f64()
    }
}

/// The bins of one group.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LifeTable {
    pub(super) group: String,
    pub(super) steps: Vec<Step>,
}

impl LifeTable {
    pub(super) fn is_noisy(&self) -> bool {
        self.steps.iter().any(|step| step.at_risk.is_noisy())
    }

    /// The bins in which people are observed. Under noise: as long as those left are more than z deviations of the
    /// noise in those at risk.
    ///
    /// # Errors
    /// [`Undefined::Nobody`], or [`Undefined::Noise`] when noise drowns the first bin.
    pub(super) fn followed(&self) -> Result<&[Step], Undefined> {
        let noisy = self.is_noisy();
        let observed = |step: &Step| {
            // Events below zero leave somebody even where nobody is at risk, and nothing is divided by nobody.
            let drowned = noisy && step.left() <= normal_quantile() * step.at_risk.noise_variance.sqrt();
            step.at_risk.value > 0 && !drowned
        };
        let followed = self.steps.split(|step| !observed(step)).next().unwrap_or_default();
        match (followed.is_empty(), noisy) {
            (false, _) => Ok(followed),
            (true, true) => Err(Undefined::Noise),
            (true, false) => Err(Undefined::Nobody),
        }
    }
}

/// What the bins of time are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimeBins {
    /// What the time is called.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// Width of the widest bin.
    pub bin_width: f64,
    /// Whether each bin holds one time alone: then nothing is lost by binning.
    pub exact_times: bool,
    /// Where each bin begins: there numbers at risk are known.
    #[serde(skip)]
    pub starts: Vec<f64>,
}

impl TimeBins {
    fn of(axis: &AxisLabels) -> Result<(Self, Vec<(f64, f64)>), Undefined> {
        let bounds = axis.cells.iter().map(|cell| Some((cell.lo?, cell.end?))).collect::<Option<Vec<_>>>();
        let bounds = bounds.filter(|bounds| !bounds.is_empty()).ok_or(Undefined::Unbounded)?;
        let bin_width = bounds.iter().map(|(lo, end)| end - lo).fold(0.0, f64::max);
        let exact_times = bin_width < 1.5 * axis.step;
        // Of one time, the cell's own bound rather than a difference, which rounds.
        let times = bounds.iter().map(|(lo, end)| (*lo, if exact_times { *lo } else { end - axis.step })).collect();
        let starts = bounds.iter().map(|(lo, _)| *lo).collect();
        Ok((Self { name: axis.name.clone(), unit: axis.unit.clone(), bin_width, exact_times, starts }, times))
    }
}

/// The life table of each group of a table with the axes group (or none), time, and event: censored, then event.
///
/// # Errors
/// [`Undefined::WrongShape`] for other axes, [`Undefined::Unbounded`] for open cells of time, and as [`Sum::people`].
pub(super) fn life_tables(cells: &Cells<Sum>) -> Result<(TimeBins, Vec<LifeTable>), Undefined> {
    let [groups @ .., time, event] = cells.axes.as_slice() else { return Err(Undefined::WrongShape) };
    let people: usize = cells.shape().iter().product();
    if groups.len() > 1 || event.cells.len() != 2 || people != cells.values.len() {
        return Err(Undefined::WrongShape);
    }
    cells.values.iter().try_for_each(|sum| sum.people().map(|_| ()))?;
    let (bins, times) = TimeBins::of(time)?;
    let names: Cells<()> = Cells { axes: groups.to_vec(), values: vec![] };
    let table = |(index, sums): (usize, &[Sum])| LifeTable { group: names.name(index), steps: steps(&times, sums) };
    Ok((bins, cells.values.chunks(2 * times.len()).enumerate().map(table).collect()))
}

fn steps(times: &[(f64, f64)], sums: &[Sum]) -> Vec<Step> {
    let mut at_risk = Sum::exact(0);
    let bins = times.iter().zip(sums.as_chunks::<2>().0).rev();
    let step = |(&(since, time), &[censored, events]): (&(f64, f64), &[Sum; 2])| {
        at_risk = at_risk + events + censored;
        Step { since, time, events, censored, at_risk }
    };
    let mut steps: Vec<Step> = bins.map(step).collect();
    steps.reverse();
    steps
}
