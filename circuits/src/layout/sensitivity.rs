//! How far one record can move the slots of a sum.
//!
//! Divide each slot by its largest value. A record then adds a vector with entries in `[0, 1]`, all in one cell or all
//! zero, whose squared length is at most `S`: the most slots that can be nonzero at once. Replacing a record by another
//! changes the sum by `m − m'`. In one cell each entry changes by at most one and only where one of the two is not zero,
//! so the squared length is at most `S` again; in two cells the supports are disjoint, so it is at most `2S`. See
//! `docs/protocol/privacy.md` for the argument in full, with the two slots of a variant that exclude each other.

use super::{Layout, MomentTerm, Statistic, moment_terms};
use crate::rlwe::params::SLOT_DIGIT_MAX;

impl Layout {
    /// The largest value that one record puts into each slot of its cell; 0 for a digit that no value reaches.
    #[must_use]
    pub fn slot_maxima(&self) -> Vec<u32> {
        match &self.statistic {
            Statistic::Moments { attributes } => {
                let range = |index: usize| attributes.get(index).map_or(0, |moment| u64::from(moment.hi - moment.lo));
                let digits = moment_terms(attributes.len()).flat_map(|term| {
                    let largest = match term {
                        MomentTerm::Value(i) => range(i),
                        MomentTerm::Product(i, j) => range(i) * range(j),
                    };
                    (0..term.digits()).map(move |digit| (largest >> (8 * digit)).min(SLOT_DIGIT_MAX.into()) as u32)
                });
                std::iter::once(1).chain(digits).collect()
            }
            Statistic::Count | Statistic::Funnel { .. } | Statistic::Genotypes { .. } => {
                vec![1; self.statistic.slots().into()]
            }
        }
    }

    /// The squared length by which replacing one record by any other can change the sum, with each slot divided by its
    /// largest value.
    #[must_use]
    pub fn sensitivity_squared(&self) -> u32 {
        let in_one_cell = match &self.statistic {
            Statistic::Count | Statistic::Funnel { .. } => u32::from(self.statistic.slots()),
            Statistic::Moments { .. } => self.slot_maxima().iter().filter(|maximum| **maximum > 0).count() as u32,
            // Heterozygous, homozygous and called: at most two of three, and two records differ in at most two.
            Statistic::Genotypes { length, .. } => 2 * u32::from(*length),
        };
        if self.cells() == 1 { in_one_cell } else { 2 * in_one_cell }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        criteria::{MatchClause, MatchCriteria},
        layout::{Axis, Moment, Subject},
        record::{ATTRIBUTES, Attributes, Dosage, Genotypes, MISSING},
    };

    fn arb_record() -> impl Strategy<Value = (Attributes, Genotypes)> {
        let value = prop_oneof![0u32..12, 0u32..70_000, Just(MISSING)];
        let dosage = prop_oneof![Just(Dosage::HomRef), Just(Dosage::Het), Just(Dosage::HomAlt), Just(Dosage::Missing)];
        (prop::collection::vec(value, ATTRIBUTES), prop::collection::vec(dosage, 32)).prop_map(|(values, dosages)| {
            (Attributes::new(values.try_into().unwrap()), Genotypes::new(&dosages).unwrap())
        })
    }

    fn arb_layout() -> impl Strategy<Value = Layout> {
        let moments = prop::collection::vec((0u8..8, 0u32..9, 0u32..65_536), 1..=4).prop_map(|moments| {
            let moment = |(attribute, lo, range)| Moment { attribute, lo, hi: lo + range };
            Statistic::Moments { attributes: moments.into_iter().map(moment).collect() }
        });
        let statistic = prop_oneof![
            Just(Statistic::Count),
            Just(Statistic::Funnel { groups: 2 }),
            moments,
            Just(Statistic::Genotypes { first: 0, length: 32 }),
        ];
        let axes = prop_oneof![
            Just(vec![]),
            Just(vec![Axis::Bins { attribute: 0, lo: 2, width: 3, count: 1 }]),
            Just(vec![Axis::Thresholds { attribute: 1, cuts: vec![5] }, Axis::Dosage { variant: 3 }]),
        ];
        (axes, statistic).prop_map(|(axes, statistic)| Layout { window: 0, axes, statistic })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]
        #[test]
        fn no_replacement_moves_the_sum_further_than_the_sensitivity(
            layout in arb_layout(), one in arb_record(), other in arb_record()
        ) {
            let clause = |attribute| MatchClause { subject: Subject::Attribute(attribute), lo: 0, hi: 9, negated: false };
            let matching = MatchCriteria { groups: vec![vec![clause(2)], vec![clause(3)]] };
            let slots = |(attributes, genotypes): &(Attributes, Genotypes)| {
                let mut slots = layout.plaintext(&matching, attributes, genotypes).unwrap().slots().to_vec();
                slots.resize(layout.slots_used().into(), 0);
                slots
            };
            let (one, other) = (slots(&one), slots(&other));
            let maxima = layout.slot_maxima();
            prop_assert_eq!(maxima.len(), usize::from(layout.statistic.slots()));
            let mut squared = 0.0;
            for (place, (m, n)) in one.iter().zip(&other).enumerate() {
                let maximum = maxima[place % maxima.len()];
                prop_assert!(*m <= maximum && *n <= maximum);
                if maximum > 0 {
                    squared += ((f64::from(*m) - f64::from(*n)) / f64::from(maximum)).powi(2);
                }
            }
            prop_assert!(squared <= f64::from(layout.sensitivity_squared()) + 1e-9);
        }
    }

    #[test]
    fn the_sensitivity_is_reached_where_values_are_binary() {
        let grouped = Layout { axes: vec![Axis::Dosage { variant: 0 }], ..Layout::count() };
        assert_eq!((Layout::count().sensitivity_squared(), grouped.sensitivity_squared()), (1, 2));
        assert_eq!(Layout::genotypes(0, 0, 64).sensitivity_squared(), 128);
    }
}
