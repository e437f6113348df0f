//! The log-rank test: whether groups have the event at the same rate.

use nalgebra::{DMatrix, DVector, DVectorView, Dyn, Storage, Vector};
use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::{
    life_table::{LifeTable, life_tables},
    noisy::simulated_log_rank,
};
use crate::statistics::{Cells, Sum, Test, Undefined, noise::SIMULATIONS};

/// The log-rank test within strata: a table with the axes group, time and event for each stratum, all with the same
/// groups (Mantel, Cancer Chemotherapy Reports 50:163, 1966; Klein and Moeschberger 2003, 7.5).
///
/// # Errors
/// [`Undefined::WrongShape`] for other tables; [`Undefined::Nobody`], [`Undefined::OneGroup`], [`Undefined::NoEvents`],
/// [`Undefined::NeverTogether`] when there is nothing to compare; [`Undefined::Noise`] when noise drowns it.
pub fn stratified_log_rank(strata: &[Cells<Sum>], seed: [u8; 32]) -> Result<Test, Undefined> {
    let tables = strata.iter().map(|cells| Ok(life_tables(cells)?.1)).collect::<Result<Vec<_>, Undefined>>()?;
    log_rank(&tables, seed, SIMULATIONS)
}

/// The test over the life tables of each stratum's groups.
pub(super) fn log_rank(strata: &[Vec<LifeTable>], seed: [u8; 32], simulations: u32) -> Result<Test, Undefined> {
    let groups = strata.first().map_or(0, Vec::len);
    let bins = |tables: &Vec<LifeTable>| tables.first().map_or(0, |table| table.steps.len());
    if groups == 0 || strata.iter().any(|tables| tables.len() != groups) {
        return Err(Undefined::WrongShape);
    }
    if strata.iter().flatten().any(LifeTable::is_noisy) {
        return simulated_log_rank(strata, seed, simulations);
    }
    let mut difference = Difference::none(groups);
    for tables in strata {
        for bin in 0..bins(tables) {
            let steps = || tables.iter().filter_map(|table| table.steps.get(bin));
            let people = |sum: &Sum| sum.to_f64();
            let events = DVector::from_iterator(groups, steps().map(|step| people(&step.events)));
            let at_risk = DVector::from_iterator(groups, steps().map(|step| people(&step.at_risk)));
            difference.add(&events.as_view(), events.sum(), &at_risk.as_view());
        }
    }
    let (statistic, degrees) = difference.statistic().map_err(|why| nothing_to_compare(strata, why))?;
    let p_value = ChiSquared::new(degrees).map_err(|_| Undefined::OutOfRange)?.sf(statistic);
    let method = if strata.len() == 1 { "log-rank test" } else { "stratified log-rank test" };
    Test::new(method, statistic, &[degrees], p_value)
}

fn nothing_to_compare(strata: &[Vec<LifeTable>], why: Undefined) -> Undefined {
    let everyone = |table: &LifeTable| table.steps.first().is_some_and(|step| step.at_risk.value > 0);
    let groups = |tables: &Vec<LifeTable>| tables.iter().filter(|table| everyone(table)).count();
    let events = strata.iter().flatten().flat_map(|table| &table.steps).any(|step| step.events.value > 0);
    match strata.iter().map(groups).max() {
        None | Some(0) => Undefined::Nobody,
        Some(1) => Undefined::OneGroup,
        Some(_) if !events => Undefined::NoEvents,
        Some(_) => why,
    }
}

/// Events of each group beyond those expected if all had the same hazard, with their hypergeometric covariance.
pub(super) struct Difference {
    excess: DVector<f64>,
    covariance: DMatrix<f64>,
    /// The groups' shares of those at risk in the bin that is being added.
    shares: DVector<f64>,
}

impl Difference {
    pub(super) fn none(groups: usize) -> Self {
        let zeros = DVector::zeros(groups);
        Self { excess: zeros.clone(), covariance: DMatrix::zeros(groups, groups), shares: zeros }
    }

    /// A bin's events among those at risk. `all` are the events of all groups as far as the covariance goes: under noise
    /// they are estimated otherwise than by their sum.
    pub(super) fn add(&mut self, events: &DVectorView<'_, f64>, all: f64, at_risk: &DVectorView<'_, f64>) {
        let people = at_risk.sum();
        if people <= 0.0 {
            return;
        }
        self.shares.copy_from(at_risk);
        self.shares /= people;
        self.excess += events;
        self.excess.axpy(-events.sum(), &self.shares, 1.0);
        // One person alone varies no more.
        let ties = if people > 1.0 { ((people - all) / (people - 1.0)).max(0.0) } else { 0.0 };
        self.add_to_diagonal(&self.shares.clone(), all * ties);
        self.covariance.ger(-all * ties, &self.shares, &self.shares, 1.0);
    }

    /// The covariance that noise of these variances in the events adds to the bin that was added last:
    /// `Σ variance·(own − share)·(own − share)'`.
    pub(super) fn add_noise(&mut self, variances: &DVectorView<'_, f64>) {
        self.add_to_diagonal(variances, 1.0);
        self.covariance.ger(-1.0, variances, &self.shares, 1.0);
        self.covariance.ger(-1.0, &self.shares, variances, 1.0);
        self.covariance.ger(variances.sum(), &self.shares, &self.shares, 1.0);
    }

    fn add_to_diagonal<S: Storage<f64, Dyn>>(&mut self, values: &Vector<f64, Dyn, S>, factor: f64) {
        for (group, value) in values.iter().enumerate() {
            if let Some(cell) = self.covariance.get_mut((group, group)) {
                *cell += factor * value;
            }
        }
    }

    /// `excess' · covariance⁻¹ · excess` over all compared groups but the last, which the others determine; and how
    /// many that leaves. Groups that were never at risk beside others at an event are not compared.
    pub(super) fn statistic(&self) -> Result<(f64, f64), Undefined> {
        let variances = self.covariance.diagonal();
        let least = 1e-12 * variances.amax();
        let varies = |group: &usize| variances.get(*group).is_some_and(|variance| *variance > least);
        let mut compared: Vec<usize> = (0..variances.len()).filter(varies).collect();
        compared.pop();
        let degrees = u32::try_from(compared.len()).unwrap_or(u32::MAX);
        if degrees == 0 {
            return Err(Undefined::NeverTogether);
        }
        let excess = self.excess.select_rows(&compared);
        let covariance = self.covariance.select_rows(&compared).select_columns(&compared);
        let solved = covariance.cholesky().ok_or(Undefined::Singular)?.solve(&excess);
        Ok((excess.dot(&solved), degrees.into()))
    }
}
