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

    /// What a record adds to a sum, each slot divided by its largest value.
    fn scaled(
        layout: &Layout,
        matching: &MatchCriteria,
        (attributes, genotypes): &(Attributes, Genotypes),
    ) -> Vec<f64> {
        let mut slots = layout.plaintext(matching, attributes, genotypes).unwrap().slots().to_vec();
        slots.resize(layout.slots_used().into(), 0);
        let maxima = layout.slot_maxima();
        assert_eq!(maxima.len(), usize::from(layout.statistic.slots()));
        let divided = |(slot, maximum): (u32, &u32)| {
            assert!(slot <= *maximum, "{slot} exceeds {maximum}");
            if *maximum == 0 { 0.0 } else { f64::from(slot) / f64::from(*maximum) }
        };
        slots.into_iter().zip(maxima.iter().cycle()).map(divided).collect()
    }

    fn distance_squared(one: &[f64], other: &[f64]) -> f64 {
        one.iter().zip(other).map(|(m, n)| (m - n).powi(2)).sum()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]
        #[test]
        fn no_replacement_moves_the_sum_further_than_the_sensitivity(
            layout in arb_layout(), one in arb_record(), other in arb_record()
        ) {
            let clause = |attribute| MatchClause { subject: Subject::Attribute(attribute), lo: 0, hi: 9, negated: false };
            let matching = MatchCriteria { groups: vec![vec![clause(2)], vec![clause(3)]] };
            let moved = distance_squared(&scaled(&layout, &matching, &one), &scaled(&layout, &matching, &other));
            prop_assert!(moved <= f64::from(layout.sensitivity_squared()) + 1e-9);
        }
    }

    fn record(values: &[(usize, u32)], dosage: Dosage) -> (Attributes, Genotypes) {
        let mut attributes = [MISSING; ATTRIBUTES];
        values.iter().for_each(|(place, value)| attributes[*place] = *value);
        (Attributes::new(attributes), Genotypes::new(&[dosage; 64]).unwrap())
    }

    #[test]
    fn two_records_are_as_far_apart_as_the_sensitivity_says() {
        let by_sex = |layout: Layout| {
            let axes = vec![Axis::Thresholds { attribute: 1, cuts: vec![2] }];
            Layout { axes, ..layout }
        };
        // A largest product of 225 is one digit; the digits of a greater one are not all at their largest together.
        let moments = |count: u8| {
            let attributes = (0..count).map(|place| Moment { attribute: 2 * place, lo: 0, hi: 15 }).collect();
            Layout { window: 0, axes: vec![], statistic: Statistic::Moments { attributes } }
        };
        let (man, woman) = (record(&[(1, 1)], Dosage::HomAlt), record(&[(1, 2)], Dosage::Het));
        let (carrier, uncalled) = (record(&[(1, 1)], Dosage::Het), record(&[(1, 1)], Dosage::Missing));
        let (nobody, large) = (record(&[], Dosage::Missing), record(&[(0, 15), (2, 15)], Dosage::Missing));
        for (layout, one, other) in [
            (by_sex(Layout::count()), &man, &woman),
            (Layout::genotypes(0, 0, 64), &carrier, &uncalled),
            (by_sex(Layout::genotypes(0, 0, 64)), &man, &woman),
            (moments(1), &nobody, &large),
            (moments(2), &nobody, &large),
        ] {
            let everybody = MatchCriteria::default();
            let reached = distance_squared(&scaled(&layout, &everybody, one), &scaled(&layout, &everybody, other));
            let bound = f64::from(layout.sensitivity_squared());
            assert!((reached - bound).abs() < 1e-9, "{layout:?}: {reached} of {bound}");
        }
    }
}
