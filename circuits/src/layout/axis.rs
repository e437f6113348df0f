//! Grouping axes: from a value of a record to a cell.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use super::Subject;
use crate::{
    Error,
    record::{ATTRIBUTES, Dosage, MISSING, WINDOW_VARIANTS},
};

/// Axes of one layout.
pub const AXES_MAX: usize = 3;
/// Thresholds of one axis.
pub const CUTS_MAX: usize = 15;

/// How one value of a record selects a cell. A missing value selects none.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Axis {
    /// Cell k holds the values from cut k − 1 up to cut k: one cell more than there are cuts.
    Thresholds {
        /// Index of the attribute.
        attribute: u8,
        /// Increasing lower bounds of the second and later cells, at most 15.
        cuts: Vec<u32>,
    },
    /// Equal intervals; values outside them fall in no cell.
    Bins {
        /// Index of the attribute.
        attribute: u8,
        /// Least value of the first bin.
        lo: u32,
        /// Values of each bin.
        width: u32,
        /// Number of bins.
        count: u16,
    },
    /// Cells for 0, 1 and 2 copies of the alternate allele.
    Dosage {
        /// Index of the variant within the layout's window.
        variant: u16,
    },
}

impl Axis {
    /// What selects the cell.
    #[must_use]
    pub const fn subject(&self) -> Subject {
        match *self {
            Self::Thresholds { attribute, .. } | Self::Bins { attribute, .. } => Subject::Attribute(attribute),
            Self::Dosage { variant } => Subject::Dosage(variant),
        }
    }

    /// The number of cells.
    #[must_use]
    pub fn cells(&self) -> u32 {
        match self {
            Self::Thresholds { .. } | Self::Dosage { .. } => self.cuts().len() as u32 + 1,
            Self::Bins { count, .. } => (*count).into(),
        }
    }

    /// The lower bounds of the second and later cells; none for bins.
    #[must_use]
    pub fn cuts(&self) -> &[u32] {
        match self {
            Self::Thresholds { cuts, .. } => cuts,
            Self::Dosage { .. } => &[Dosage::Het as u32, Dosage::HomAlt as u32],
            Self::Bins { .. } => &[],
        }
    }

    /// The cell of a value.
    #[must_use]
    pub fn cell(&self, value: u32) -> Option<u32> {
        match self {
            Self::Thresholds { .. } | Self::Dosage { .. } => {
                Some(self.cuts().iter().filter(|cut| **cut <= value).count() as u32)
            }
            Self::Bins { lo, width, count, .. } => {
                let bin = value.checked_sub(*lo)?.checked_div(*width)?;
                (bin < u32::from(*count)).then_some(bin)
            }
        }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let refuse = |why: String| Err(Error::Malformed { what: "grouping axis", why });
        match self {
            Self::Thresholds { attribute, .. } | Self::Bins { attribute, .. }
                if usize::from(*attribute) >= ATTRIBUTES =>
            {
                refuse(format!("there is no attribute {attribute}; records have {ATTRIBUTES}"))
            }
            Self::Dosage { variant } if usize::from(*variant) >= WINDOW_VARIANTS => {
                refuse(format!("there is no variant {variant}; a window has {WINDOW_VARIANTS}"))
            }
            Self::Thresholds { cuts, .. }
                if cuts.len() > CUTS_MAX || cuts.last() == Some(&MISSING) || !cuts.is_sorted_by(|a, b| a < b) =>
            {
                refuse(format!("cuts {cuts:?} must increase, stay below {MISSING} and be at most {CUTS_MAX}"))
            }
            Self::Bins { lo, width, count, .. } => {
                let end = u64::from(*lo) + u64::from(*width) * u64::from(*count);
                if *width == 0 || *count == 0 || end > u64::from(MISSING) {
                    return refuse(format!(
                        "{count} bins of width {width} from {lo} must be 1 or more below {MISSING}"
                    ));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
