//! From decrypted sums to what researchers publish: estimates with intervals, tests with p-values.
//!
//! [`sums`] reads slots as a layout means them. Each family then works on whole numbers of people and on sums that are
//! exact integers; [`noise`] carries the privacy noise of a sum into the estimates and tests that use it. What cannot be
//! computed is [`Undefined`] and says why; no number is ever NaN or infinite.
//!
//! Families: [`cohort`] for counts, [`survival`] for times to an event, [`moments`] for measured values, [`genotypes`] for
//! variants. [`analysis`] chooses the family that a query's measure asks for, and gives its numbers as figures ([`figure`])
//! and tables ([`export`]).

pub mod accounting;
pub mod analysis;
pub mod cohort;
pub mod distribution;
pub mod estimate;
pub mod export;
pub mod figure;
pub mod genotypes;
pub mod moments;
pub mod multiple;
pub mod noise;
#[cfg(test)]
mod people;
pub mod proportion;
pub mod student;
pub mod sums;
pub mod survival;
#[cfg(test)]
pub(crate) mod testing;

pub use self::{
    estimate::{Estimate, Interval, Stated, Test, Undefined},
    sums::{AxisLabels, CellLabel, Cells, GenotypeSums, MomentSums, PartSums, Sum},
};
