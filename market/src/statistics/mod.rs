//! From decrypted sums to what researchers publish: estimates with intervals, tests with p-values.
//!
//! [`sums`] reads slots as a layout means them. Each family then works on whole numbers of people and on sums that are
//! exact integers; [`noise`] carries the privacy noise of a sum into the estimates and tests that use it. What cannot be
//! computed is [`Undefined`] and says why; no number is ever NaN or infinite.

pub mod estimate;
pub mod export;
pub mod figure;
pub mod noise;
pub mod sums;

pub use self::{
    estimate::{Estimate, Interval, Stated, Test, Undefined},
    sums::{AxisLabels, CellLabel, Cells, GenotypeSums, MomentSums, PartSums, Sum},
};
