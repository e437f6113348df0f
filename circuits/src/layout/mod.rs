//! The layout algebra: what a contribution puts into its ciphertext's slots.
//!
//! `m(X) = weight · X^(stride · cell) · statistic(X)`: the statistic of one record, moved to the cell that its grouping
//! values select, and zero when the record falls in no cell or does not match. One circuit proves every layout.

mod axis;
mod sensitivity;
mod statistic;
#[cfg(test)]
mod tests;

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

pub use axis::{AXES_MAX, Axis, CUTS_MAX};
pub(crate) use statistic::VALUE_DIGITS;
pub use statistic::{
    GENOTYPE_BLOCK, MOMENT_ATTRIBUTES_MAX, MOMENT_SLOTS_MAX, Moment, MomentTerm, SLOTS_PER_VARIANT, Statistic,
    WINDOW_BLOCKS, moment_terms,
};

use crate::{
    Error,
    criteria::MatchCriteria,
    record::{Attributes, Dosage, GENOTYPE_DEPTH, Genotypes, MISSING, WINDOW_VARIANTS},
    rlwe::{Plaintext, params::LAYOUT_SLOTS},
    schema::Schema,
};

/// What a clause or an axis looks at: an attribute, or the dosage at one variant of the opened window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Index of the attribute in the schema.
    Attribute(u8),
    /// Index of the variant within the layout's window.
    Dosage(u16),
}

/// Whose attributes and dosages a layout and match criteria read: one record with one window opened.
#[derive(Clone, Copy)]
pub struct OpenedRecord<'r> {
    attributes: &'r Attributes,
    window: Option<&'r [Dosage; WINDOW_VARIANTS]>,
}

impl fmt::Debug for OpenedRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpenedRecord(redacted)")
    }
}

impl<'r> OpenedRecord<'r> {
    /// The record's values, with the window open.
    #[must_use]
    pub fn new(attributes: &'r Attributes, genotypes: &'r Genotypes, window: u32) -> Self {
        let window = genotypes.windows().get(window as usize).map(|window| window.dosages());
        Self { attributes, window }
    }

    /// The value of a subject; `None` when it is missing.
    #[must_use]
    pub fn value(&self, subject: Subject) -> Option<u32> {
        match subject {
            Subject::Attribute(index) => {
                self.attributes.values().get(usize::from(index)).copied().filter(|value| *value != MISSING)
            }
            Subject::Dosage(variant) => match self.dosage(variant.into()) {
                Dosage::Missing => None,
                dosage => Some(dosage as u32),
            },
        }
    }

    fn dosage(&self, variant: usize) -> Dosage {
        self.window.and_then(|window| window.get(variant)).copied().unwrap_or(Dosage::Missing)
    }
}

/// An arrangement of slots: grouping axes, and a statistic for each cell that they span.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Layout {
    /// The window of the panel that dosages refer to; 0 when none is used.
    #[serde(default)]
    pub window: u32,
    /// Up to three axes, the first one the slowest.
    #[serde(default)]
    pub axes: Vec<Axis>,
    /// What is summed in each cell.
    pub statistic: Statistic,
}

impl Layout {
    /// One slot that counts contributions.
    #[must_use]
    pub const fn count() -> Self {
        Self { window: 0, axes: Vec::new(), statistic: Statistic::Count }
    }

    /// Counts for each variant of a range within one window.
    #[must_use]
    pub const fn genotypes(window: u32, first: u16, length: u16) -> Self {
        Self { window, axes: Vec::new(), statistic: Statistic::Genotypes { first, length } }
    }

    /// Checks bounds: the window exists, at most three axes, each part in its bounds, and all cells fit the slots.
    ///
    /// # Errors
    /// [`Error::Malformed`] or [`Error::OutOfRange`] that names the rule.
    pub fn check(&self) -> Result<(), Error> {
        if self.window as usize >= 1 << GENOTYPE_DEPTH {
            let limit = (1 << GENOTYPE_DEPTH) - 1;
            return Err(Error::OutOfRange { what: "layout window", value: self.window.into(), limit });
        }
        if self.axes.len() > AXES_MAX {
            let value = self.axes.len() as u64;
            return Err(Error::OutOfRange { what: "number of grouping axes", value, limit: AXES_MAX as u64 });
        }
        self.axes.iter().try_for_each(Axis::check)?;
        self.statistic.check()?;
        let slots = u64::from(self.cells()) * u64::from(self.statistic.slots());
        if slots > LAYOUT_SLOTS as u64 {
            return Err(Error::OutOfRange { what: "slots of all cells", value: slots, limit: LAYOUT_SLOTS as u64 });
        }
        Ok(())
    }

    /// Checks the layout with the match criteria of its query: a funnel has a slot for each of their prefixes.
    ///
    /// # Errors
    /// [`Error::Malformed`] as [`Layout::check`], or when a funnel's groups are not those of the criteria.
    pub fn check_with(&self, matching: &MatchCriteria) -> Result<(), Error> {
        self.check()?;
        matching.check()?;
        match self.statistic {
            Statistic::Funnel { groups } if usize::from(groups) != matching.groups.len() => {
                let why = format!("a funnel of {groups} groups needs as many in the match criteria");
                Err(Error::Malformed { what: "layout", why })
            }
            _ => Ok(()),
        }
    }

    /// Checks that the schema has what is measured, with the bounds given.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] beyond the schema's attributes or panel; [`Error::Malformed`] for other bounds than the
    /// schema's, and as [`Layout::check`].
    pub fn check_against(&self, schema: &Schema) -> Result<(), Error> {
        self.check()?;
        self.axes.iter().try_for_each(|axis| schema.check_subject(axis.subject(), self.window))?;
        self.statistic.check_against(schema, self.window)
    }

    /// Whether dosages are read.
    #[must_use]
    pub fn reads_dosages(&self) -> bool {
        matches!(self.statistic, Statistic::Genotypes { .. })
            || self.axes.iter().any(|axis| matches!(axis.subject(), Subject::Dosage(_)))
    }

    /// Cells that the grouping axes span; without axes 1. Saturating for a layout that `check` refuses.
    #[must_use]
    pub fn cells(&self) -> u32 {
        self.axes.iter().fold(1, |cells, axis| cells.saturating_mul(axis.cells()))
    }

    /// How many slots the layout uses, from slot 0. Saturating for a layout that `check` refuses.
    #[must_use]
    pub fn slots_used(&self) -> u16 {
        u16::try_from(self.cells().saturating_mul(self.statistic.slots().into())).unwrap_or(u16::MAX)
    }

    /// The largest value that one contribution puts into a slot.
    #[must_use]
    pub const fn slot_max_each(&self) -> u32 {
        self.statistic.slot_max_each()
    }

    /// Slots from one cell of an axis to the next, for each axis.
    #[must_use]
    pub fn strides(&self) -> Vec<u32> {
        let mut stride = u32::from(self.statistic.slots());
        let mut strides: Vec<u32> = vec![];
        for axis in self.axes.iter().rev() {
            strides.push(stride);
            stride = stride.saturating_mul(axis.cells());
        }
        strides.reverse();
        strides
    }

    /// The first slot of the cell that the record falls in, if it falls in one; for a layout that was checked.
    #[must_use]
    pub(crate) fn first_slot(&self, record: &OpenedRecord<'_>) -> Option<u32> {
        let cell = |axis: &Axis| axis.cell(record.value(axis.subject())?);
        self.axes.iter().zip(self.strides()).try_fold(0, |slot, (axis, stride)| Some(slot + stride * cell(axis)?))
    }

    /// What a record contributes: its statistic in its cell, or nothing at all when it does not match, falls in no
    /// cell, or lacks a value that is measured. A funnel counts prefixes of the criteria, so it ignores the match.
    ///
    /// # Errors
    /// [`Error::Malformed`] as [`Layout::check_with`].
    pub fn plaintext(
        &self,
        matching: &MatchCriteria,
        attributes: &Attributes,
        genotypes: &Genotypes,
    ) -> Result<Plaintext, Error> {
        self.check_with(matching)?;
        let record = OpenedRecord::new(attributes, genotypes, self.window);
        let counted = matches!(self.statistic, Statistic::Funnel { .. }) || matching.hold(&record);
        match self.first_slot(&record).filter(|_| counted) {
            Some(first) => {
                let mut slots = vec![0; first as usize];
                slots.extend(self.statistic.slots_of(matching, &record));
                Plaintext::new(slots)
            }
            None => Plaintext::new(vec![]),
        }
    }
}
