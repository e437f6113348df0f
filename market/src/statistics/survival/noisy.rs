//! The log-rank test of noisy tables, against tables simulated with one hazard and the same noise.

use nalgebra::DMatrix;
use rand::rngs::StdRng;

use super::{
    isotonic::{falling, rising},
    kaplan_meier::weight,
    life_table::{LifeTable, Step},
    log_rank::Difference,
};
use crate::statistics::{
    Sum, Test, Undefined,
    estimate::{finite, normal_quantile},
    noise,
};

/// One stratum's bins: a row to each group, a column to each bin.
#[derive(Clone)]
struct Bins {
    events: DMatrix<f64>,
    censored: DMatrix<f64>,
}

/// What noise allows to know of them: the nearest curves that only fall or only rise, nowhere below nobody.
struct Fitted {
    /// People at risk in each group.
    at_risk: DMatrix<f64>,
    /// Events of all groups in each bin.
    events: Vec<f64>,
}

/// What the noise makes of a value in [`Fitted`]: the more noise, the less it weighs.
struct Weights {
    at_risk: Vec<Vec<f64>>,
    events: Vec<Vec<f64>>,
    all_events: Vec<f64>,
}

/// A stratum with the variance of its noise.
struct Noisy {
    bins: Bins,
    noise: Bins,
    weights: Weights,
}

/// The test: events beyond those expected, weighed with their covariance and their own noise's. What noise does to the
/// people at risk is in the simulated tables alone.
pub(super) fn simulated_log_rank(
    strata: &[Vec<LifeTable>],
    seed: [u8; 32],
    simulations: u32,
) -> Result<Test, Undefined> {
    let strata = compared(strata)?;
    let observed = statistic(strata.iter().map(|stratum| (&stratum.bins, stratum)))?;
    let nulls: Vec<Null> = strata.iter().map(Null::of).collect();
    let p_value = noise::p_value_among(simulations, observed, seed, |rng| {
        let drawn = nulls.iter().map(|null| null.draw(rng)).collect::<Result<Vec<_>, _>>()?;
        statistic(drawn.iter().zip(&strata))
    });
    Test::new("log-rank test, events weighed with their noise, simulated", observed, &[], p_value)
}

/// The groups that noise does not drown in every stratum.
fn compared(strata: &[Vec<LifeTable>]) -> Result<Vec<Noisy>, Undefined> {
    let beyond_doubt = |table: &LifeTable| {
        let everyone = table.steps.first().map_or(Sum::exact(0), |step| step.at_risk);
        everyone.to_f64() > normal_quantile() * everyone.noise_variance.sqrt()
    };
    let groups = strata.first().map_or(0, Vec::len);
    let kept: Vec<usize> =
        (0..groups).filter(|group| strata.iter().all(|tables| tables.get(*group).is_some_and(beyond_doubt))).collect();
    if kept.len() < 2 {
        return Err(Undefined::Noise);
    }
    Ok(strata.iter().map(|tables| Noisy::of(tables, &kept)).collect())
}

impl Noisy {
    fn of(tables: &[LifeTable], groups: &[usize]) -> Self {
        let bins = tables.first().map_or(0, |table| table.steps.len());
        let matrix = |value: fn(&Step) -> f64| {
            let rows =
                groups.iter().filter_map(|group| tables.get(*group)).flat_map(|table| table.steps.iter().map(value));
            DMatrix::from_row_iterator(groups.len(), bins, rows)
        };
        let noise = Bins {
            events: matrix(|step| step.events.noise_variance),
            censored: matrix(|step| step.censored.noise_variance),
        };
        Self {
            bins: Bins { events: matrix(|step| step.events.to_f64()), censored: matrix(|step| step.censored.to_f64()) },
            weights: Weights::of(&noise),
            noise,
        }
    }
}

/// What each place adds to the nearest rising sums.
fn increments(values: impl Iterator<Item = f64>, weights: &[f64]) -> Vec<f64> {
    let sums = rising(&running_sum(values), weights);
    let mut before = 0.0;
    let added = |sum: f64| sum.max(0.0) - std::mem::replace(&mut before, sum.max(0.0));
    sums.into_iter().map(added).collect()
}

fn running_sum(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let sum = |sum: &mut f64, value| {
        *sum += value;
        Some(*sum)
    };
    values.scan(0.0, sum).collect()
}

/// Who leaves in each bin or later.
fn at_risk(bins: &Bins, group: usize) -> Vec<f64> {
    let (events, censored) = (bins.events.row(group), bins.censored.row(group));
    let leaving: Vec<f64> = events.iter().zip(censored.iter()).map(|(events, censored)| events + censored).collect();
    let mut sums = running_sum(leaving.into_iter().rev());
    sums.reverse();
    sums
}

impl Weights {
    fn of(noise: &Bins) -> Self {
        let groups = 0..noise.events.nrows();
        let weights = |variances: Vec<f64>| variances.into_iter().map(weight).collect::<Vec<f64>>();
        let events = |group| weights(running_sum(noise.events.row(group).iter().copied()));
        Self {
            at_risk: groups.clone().map(|group| weights(at_risk(noise, group))).collect(),
            events: groups.map(events).collect(),
            all_events: weights(running_sum(noise.events.row_sum().iter().copied())),
        }
    }
}

impl Fitted {
    fn of(bins: &Bins, weights: &Weights) -> Self {
        let fitted = |(group, weights): (usize, &Vec<f64>)| falling(&at_risk(bins, group), weights);
        let rows = weights.at_risk.iter().enumerate().flat_map(fitted).map(|people| people.max(0.0));
        Self {
            at_risk: DMatrix::from_row_iterator(bins.events.nrows(), bins.events.ncols(), rows),
            events: increments(bins.events.row_sum().iter().copied(), &weights.all_events),
        }
    }
}

/// The log-rank statistic, the noise of the events beyond those expected in its covariance.
fn statistic<'b>(strata: impl Iterator<Item = (&'b Bins, &'b Noisy)>) -> Result<f64, Undefined> {
    let mut difference: Option<Difference> = None;
    for (bins, stratum) in strata {
        let difference = difference.get_or_insert_with(|| Difference::none(bins.events.nrows()));
        let fitted = Fitted::of(bins, &stratum.weights);
        for (bin, all) in fitted.events.iter().enumerate() {
            let at_risk = fitted.at_risk.column(bin);
            if at_risk.sum() > 0.0 {
                difference.add(&bins.events.column(bin), *all, &at_risk);
                difference.add_noise(&stratum.noise.events.column(bin));
            }
        }
    }
    finite(difference.ok_or(Undefined::WrongShape)?.statistic()?.0)
}

/// People who leave in each bin if all groups have the hazard fitted to them together, each with its own censoring.
struct Null<'n> {
    /// Of each group: its people, and their chances to have the event, and to be censored, in each bin.
    groups: Vec<(u64, Vec<f64>)>,
    noise: &'n Bins,
}

impl<'n> Null<'n> {
    fn of(stratum: &'n Noisy) -> Self {
        let fitted = Fitted::of(&stratum.bins, &stratum.weights);
        let all = fitted.at_risk.row_sum();
        let hazard = |(events, people): (&f64, &f64)| share(*events, *people);
        let hazards: Vec<f64> = fitted.events.iter().zip(all.iter()).map(hazard).collect();
        let group = |(group, weights): (usize, &Vec<f64>)| {
            let at_risk: Vec<f64> = fitted.at_risk.row(group).iter().copied().collect();
            let events = increments(stratum.bins.events.row(group).iter().copied(), weights);
            let people = noise::whole(at_risk.first().copied().unwrap_or_default());
            (people, group_chances(&at_risk, &events, &hazards))
        };
        Self { groups: stratum.weights.events.iter().enumerate().map(group).collect(), noise: &stratum.noise }
    }

    fn draw(&self, rng: &mut StdRng) -> Result<Bins, Undefined> {
        let (groups, bins) = self.noise.events.shape();
        let mut drawn = Bins { events: DMatrix::zeros(groups, bins), censored: DMatrix::zeros(groups, bins) };
        for (group, (people, chances)) in self.groups.iter().enumerate() {
            let cells = noise::draw_cells(*people, chances, rng)?;
            for (bin, [events, censored]) in cells.as_chunks::<2>().0.iter().enumerate() {
                let noise = |noise: &DMatrix<f64>, rng: &mut StdRng| {
                    noise::draw(noise.get((group, bin)).copied().unwrap_or_default(), rng)
                };
                let (events_noise, censored_noise) =
                    (noise(&self.noise.events, rng)?, noise(&self.noise.censored, rng)?);
                if let Some(cell) = drawn.events.get_mut((group, bin)) {
                    *cell = noise::real(*events) + events_noise;
                }
                if let Some(cell) = drawn.censored.get_mut((group, bin)) {
                    *cell = noise::real(*censored) + censored_noise;
                }
            }
        }
        Ok(drawn)
    }
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { (part / whole).clamp(0.0, 1.0) } else { 0.0 }
}

/// A group's chances of event and censoring in each bin: at risk in turn, first the common hazard, then the group's own
/// censoring among those left. Whoever is left after the last bin is censored in it.
fn group_chances(at_risk: &[f64], own_events: &[f64], hazards: &[f64]) -> Vec<f64> {
    let mut left = 1.0;
    let mut chances = vec![];
    let later = at_risk.iter().skip(1).copied().map(Some).chain([None]);
    for (((people, later), own_events), hazard) in at_risk.iter().zip(later).zip(own_events).zip(hazards) {
        let events = left * hazard;
        let leaving = people - later.unwrap_or_default();
        let censoring = later.map_or(1.0, |_| share(leaving - own_events, people - own_events));
        let censored = (left - events) * censoring;
        chances.extend([events, censored]);
        left -= events + censored;
    }
    chances
}
