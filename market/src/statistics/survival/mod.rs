//! Time to an event: survival curves, medians, restricted means, and whether groups differ.
//!
//! `docs/protocol/statistics-survival.md` states formulas, sources, what binning costs, and refusals.

mod additive;
mod isotonic;
mod kaplan_meier;
mod life_table;
mod log_rank;
mod noisy;
mod quantile;
mod restricted_mean;
#[cfg(test)]
mod tests;

use serde::Serialize;

use self::life_table::{LifeTable, life_tables};
pub use self::{
    kaplan_meier::SurvivalPoint,
    life_table::TimeBins,
    log_rank::stratified_log_rank,
    quantile::{SURVIVAL_QUANTILES, SurvivalQuantile},
    restricted_mean::RestrictedMean,
};
use crate::statistics::{Cells, Stated, Sum, Test, Undefined, noise::SIMULATIONS};

/// What a table of follow-up says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Survival {
    /// The bins of time, and whether they cost anything.
    pub time: TimeBins,
    /// The attribute that says whether somebody had the event.
    pub event: String,
    /// The attribute that groups are of; none without groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What holds between the curve's points: nothing is lost, or what is.
    pub within_bins: &'static str,
    /// The interval that points show and quantiles use.
    pub interval_method: &'static str,
    /// Each group's survival.
    pub groups: Vec<GroupSurvival>,
    /// The log-rank test; none without groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_rank: Option<Stated<Test>>,
}

/// One group's survival.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupSurvival {
    /// The group in words; empty without groups.
    pub group: String,
    /// People in a bin. Who leaves before the first bin or after the last is not counted.
    pub people: Sum,
    /// Who had the event.
    pub events: Sum,
    /// Who was censored.
    pub censored: Sum,
    /// The Kaplan–Meier curve, with the numbers at risk.
    pub curve: Stated<Vec<SurvivalPoint>>,
    /// Median survival and other quantiles.
    pub quantiles: Vec<SurvivalQuantile>,
    /// The restricted mean survival time.
    pub restricted_mean: Stated<RestrictedMean>,
}

/// Survival of each group of a table with the axes group (or none), time in bins, and event: censored, then event.
/// Restricted means go to the horizon or, without one, as far as every group is followed.
///
/// # Errors
/// [`Undefined::WrongShape`] for other axes, [`Undefined::Unbounded`] for open cells of time, [`Undefined::NotACount`] and
/// [`Undefined::OutOfRange`] for sums that cannot be.
pub fn survival(cells: &Cells<Sum>, horizon: Option<f64>, seed: [u8; 32]) -> Result<Survival, Undefined> {
    let (time, tables) = life_tables(cells)?;
    let horizon = horizon.or_else(|| common_horizon(&tables));
    let noisy = tables.iter().any(LifeTable::is_noisy);
    Ok(Survival {
        within_bins: if time.exact_times {
            "each bin holds one time: curve, quantiles and tests are those of the times themselves"
        } else {
            "events of a bin count before its censorings: survival is known at the bins' ends, quantiles and means \
             within their bins"
        },
        time,
        event: cells.axes.last().map_or_else(String::new, |axis| axis.name.clone()),
        by: cells.axes.first().filter(|_| cells.axes.len() > 2).map(|axis| axis.name.clone()),
        interval_method: if noisy { "plain, with the noise's error" } else { "log-log" },
        groups: tables.iter().map(|table| group(table, noisy, horizon)).collect(),
        log_rank: (cells.axes.len() > 2).then(|| log_rank::log_rank(&[tables], seed, SIMULATIONS).into()),
    })
}

fn group(table: &LifeTable, noisy: bool, horizon: Option<f64>) -> GroupSurvival {
    let curve = kaplan_meier::curve(table);
    let restricted_mean =
        horizon.ok_or(Undefined::Nobody).and_then(|horizon| restricted_mean::restricted_mean(table, horizon));
    GroupSurvival {
        group: table.group.clone(),
        people: table.steps.first().map_or(Sum::exact(0), |step| step.at_risk),
        events: table.steps.iter().map(|step| step.events).sum(),
        censored: table.steps.iter().map(|step| step.censored).sum(),
        quantiles: quantile::quantiles(&curve, noisy),
        curve: curve.into(),
        restricted_mean: restricted_mean.into(),
    }
}

/// The restricted mean of the first group, to the horizon or as far as every group is followed: of groups alike it is each
/// one's.
///
/// # Errors
/// As [`survival`], and why it has none.
pub(crate) fn first_restricted_mean(cells: &Cells<Sum>, horizon: Option<f64>) -> Result<RestrictedMean, Undefined> {
    let (_, tables) = life_tables(cells)?;
    let horizon = horizon.or_else(|| common_horizon(&tables)).ok_or(Undefined::Nobody)?;
    restricted_mean::restricted_mean(tables.first().ok_or(Undefined::Nobody)?, horizon)
}

/// The last time at which every group that has people is followed.
fn common_horizon(tables: &[LifeTable]) -> Option<f64> {
    let last = |table: &LifeTable| table.followed().ok().and_then(|steps| steps.last()).map(|step| step.time);
    tables.iter().filter_map(last).reduce(f64::min)
}
