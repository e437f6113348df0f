//! What a contribution puts into its ciphertext's slots.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    record::{GENOTYPE_DEPTH, WINDOW_VARIANTS},
    schema::Schema,
};

/// A statistic as an arrangement of slots.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// One slot: 1 for each contribution.
    Count,
    /// Three slots for each variant of a range within one window: heterozygous, homozygous alternate, called.
    Genotypes {
        /// The window of the panel.
        window: u32,
        /// The first variant within the window.
        first: u16,
        /// How many variants.
        length: u16,
    },
}

impl Layout {
    /// Checks bounds: a genotype range is not empty and lies within one window.
    ///
    /// # Errors
    /// [`Error::Malformed`] that names the rule.
    pub fn check(&self) -> Result<(), Error> {
        let Self::Genotypes { window, first, length } = self else { return Ok(()) };
        let end = usize::from(*first) + usize::from(*length);
        if *length == 0 || end > WINDOW_VARIANTS || *window as usize >= 1 << GENOTYPE_DEPTH {
            let why =
                format!("variants {first}..{end} of window {window} must be 1 or more within 0..{WINDOW_VARIANTS}");
            return Err(Error::Malformed { what: "layout", why });
        }
        Ok(())
    }

    /// Checks that the schema's panel has the variants measured.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] beyond the panel, [`Error::Malformed`] as [`Layout::check`].
    pub fn check_against(&self, schema: &Schema) -> Result<(), Error> {
        self.check()?;
        let Self::Genotypes { window, first, length } = self else { return Ok(()) };
        let end = u64::from(*window) * WINDOW_VARIANTS as u64 + u64::from(*first) + u64::from(*length);
        let limit = u64::from(schema.panel.variants);
        if end > limit {
            return Err(Error::OutOfRange { what: "end of the layout's variants", value: end, limit });
        }
        Ok(())
    }

    /// Cells that the layout's grouping axes span; without axes 1.
    #[must_use]
    pub const fn cells(&self) -> u32 {
        1
    }
}
