//! What a contribution puts into its ciphertext's slots.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    record::{Dosage, GENOTYPE_DEPTH, Genotypes, WINDOW_VARIANTS},
    rlwe::{Plaintext, params::LAYOUT_SLOTS},
    schema::Schema,
};

/// Slots of one variant: heterozygous, homozygous alternate, called.
pub const SLOTS_PER_VARIANT: u16 = 3;

const _: () = assert!(WINDOW_VARIANTS * SLOTS_PER_VARIANT as usize <= LAYOUT_SLOTS, "a whole window fits");

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

    /// How many slots the layout uses, from slot 0.
    #[must_use]
    pub const fn slots_used(&self) -> u16 {
        match self {
            Self::Count => 1,
            // Saturating for a layout that `check` refuses.
            Self::Genotypes { length, .. } => length.saturating_mul(SLOTS_PER_VARIANT),
        }
    }

    /// The largest value that one contribution puts into a slot.
    #[must_use]
    pub const fn slot_max_each(&self) -> u32 {
        match self {
            Self::Count | Self::Genotypes { .. } => 1,
        }
    }

    /// What a record with these genotypes contributes. A missing dosage adds to no slot of its variant, and variants
    /// beyond the record's windows are missing.
    ///
    /// # Errors
    /// [`Error::Malformed`] as [`Layout::check`].
    pub fn plaintext(&self, genotypes: &Genotypes) -> Result<Plaintext, Error> {
        self.check()?;
        let slots = match self {
            Self::Count => vec![1],
            Self::Genotypes { window, first, length } => {
                let window = genotypes.windows().get(*window as usize);
                let dosages = window.map_or(&[][..], |window| window.dosages());
                let padded = dosages.iter().chain(std::iter::repeat(&Dosage::Missing));
                padded.skip((*first).into()).take((*length).into()).flat_map(|dosage| variant_slots(*dosage)).collect()
            }
        };
        Plaintext::new(slots)
    }
}

const fn variant_slots(dosage: Dosage) -> [u32; SLOTS_PER_VARIANT as usize] {
    match dosage {
        Dosage::HomRef => [0, 0, 1],
        Dosage::Het => [1, 0, 1],
        Dosage::HomAlt => [0, 1, 1],
        Dosage::Missing => [0, 0, 0],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn genotypes(window: u32, first: u16, length: u16) -> Layout {
        Layout::Genotypes { window, first, length }
    }

    #[test]
    fn each_dosage_fills_its_own_slots_and_a_missing_one_none() {
        let dosages = Genotypes::new(&[Dosage::HomRef, Dosage::Het, Dosage::HomAlt, Dosage::Missing]).unwrap();
        let plaintext = genotypes(0, 0, 5).plaintext(&dosages).unwrap();
        assert_eq!(plaintext.slots(), [0, 0, 1, 1, 0, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(genotypes(0, 1, 1).plaintext(&dosages).unwrap().slots(), [1, 0, 1]);
        assert_eq!(Layout::Count.plaintext(&dosages).unwrap().slots(), [1]);
    }

    #[test]
    fn a_range_lies_in_the_window_it_names() {
        let mut dosages = vec![Dosage::HomRef; WINDOW_VARIANTS];
        dosages.push(Dosage::HomAlt);
        let record = Genotypes::new(&dosages).unwrap();
        assert_eq!(genotypes(1, 0, 1).plaintext(&record).unwrap().slots(), [0, 1, 1]);
        assert_eq!(genotypes(0, 1023, 1).plaintext(&record).unwrap().slots(), [0, 0, 1]);
        assert_eq!(genotypes(7, 0, 1).plaintext(&record).unwrap().slots(), [0, 0, 0]);
        let whole = genotypes(0, 0, WINDOW_VARIANTS as u16);
        assert_eq!(whole.plaintext(&record).unwrap().slots().len(), usize::from(whole.slots_used()));
        assert_eq!(whole.slots_used(), 3072);
    }

    #[test]
    fn an_empty_range_or_one_across_windows_is_refused() {
        let record = Genotypes::new(&[]).unwrap();
        for layout in
            [genotypes(0, 0, 0), genotypes(0, 1000, 25), genotypes(0, u16::MAX, u16::MAX), genotypes(1 << 16, 0, 1)]
        {
            assert!(layout.check().is_err());
            assert!(layout.plaintext(&record).is_err());
        }
        assert!(genotypes(0, 1000, 24).check().is_ok());
    }

    #[test]
    fn a_layout_survives_its_wire_and_text_forms() {
        for layout in [Layout::Count, genotypes(2, 3, 4)] {
            assert_eq!(borsh::from_slice::<Layout>(&borsh::to_vec(&layout).unwrap()).unwrap(), layout);
            assert_eq!(serde_json::from_str::<Layout>(&serde_json::to_string(&layout).unwrap()).unwrap(), layout);
        }
        assert!(borsh::from_slice::<Layout>(&[9]).is_err());
    }
}
