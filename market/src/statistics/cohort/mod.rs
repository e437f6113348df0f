//! Who is in a cohort: counts, shares, funnels, histograms and contingency tables.
//!
//! `docs/protocol/statistics-cohort.md` states formulas, sources and refusals.

mod association;
mod counts;
mod effect;
mod exact_test;
mod funnel;
mod histogram;
mod proportion;
mod strata;
mod table;
#[cfg(test)]
mod tests;
mod trend;

pub use self::{
    association::{Contingency, contingency},
    counts::{CountedCell, Counts, counts},
    effect::{Effect, TwoByTwo},
    funnel::{Funnel, FunnelStep, funnels},
    histogram::{Bin, BinQuantile, Histogram, QUANTILES, histograms},
    strata::{Stratified, stratified},
    trend::{Trend, trend},
};
