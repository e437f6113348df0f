//! The layout algebra in the clear.

use proptest::prelude::*;

use super::*;
use crate::{
    criteria::MatchClause,
    record::{ATTRIBUTES, Dosage},
};

fn attributes(pairs: &[(usize, u32)]) -> Attributes {
    let mut values = [MISSING; ATTRIBUTES];
    for (index, value) in pairs {
        values[*index] = *value;
    }
    Attributes::new(values)
}

fn dosages(dosages: &[Dosage]) -> Genotypes {
    Genotypes::new(dosages).unwrap()
}

fn slots(layout: &Layout, attributes: &Attributes, genotypes: &Genotypes) -> Vec<u32> {
    layout.plaintext(&MatchCriteria::default(), attributes, genotypes).unwrap().slots().to_vec()
}

#[test]
fn each_dosage_fills_its_own_slots_and_a_missing_one_none() {
    let record = dosages(&[Dosage::HomRef, Dosage::Het, Dosage::HomAlt, Dosage::Missing]);
    let plaintext = slots(&Layout::genotypes(0, 0, 32), &attributes(&[]), &record);
    assert_eq!(plaintext[..12], [0, 0, 1, 1, 0, 1, 0, 1, 1, 0, 0, 0]);
    assert_eq!(plaintext.len(), 96);
    assert!(plaintext[12..].iter().all(|slot| *slot == 0));
    assert_eq!(slots(&Layout::count(), &attributes(&[]), &record), [1]);
}

#[test]
fn a_range_lies_in_the_window_it_names() {
    let mut values = vec![Dosage::HomRef; WINDOW_VARIANTS];
    values.push(Dosage::HomAlt);
    let record = dosages(&values);
    let of = |layout: Layout| slots(&layout, &attributes(&[]), &record);
    assert_eq!(of(Layout::genotypes(1, 0, 32))[..3], [0, 1, 1]);
    assert_eq!(of(Layout::genotypes(0, 992, 32))[93..], [0, 0, 1]);
    assert!(of(Layout::genotypes(7, 0, 32)).iter().all(|slot| *slot == 0));
    let whole = Layout::genotypes(0, 0, WINDOW_VARIANTS as u16);
    assert_eq!(of(whole.clone()).len(), usize::from(whole.slots_used()));
    assert_eq!(whole.slots_used(), 3072);
}

#[test]
fn a_cell_moves_the_statistic_and_a_missing_value_falls_in_none() {
    let age = Axis::Thresholds { attribute: 0, cuts: vec![40, 60] };
    let variant = Axis::Dosage { variant: 1 };
    let layout = Layout { window: 0, axes: vec![age, variant], statistic: Statistic::Count };
    let record = dosages(&[Dosage::HomRef, Dosage::HomAlt, Dosage::Missing]);
    assert_eq!((layout.cells(), layout.strides()), (9, vec![3, 1]));
    for (age, slot) in [(39, 2), (40, 5), (59, 5), (60, 8)] {
        let plaintext = slots(&layout, &attributes(&[(0, age)]), &record);
        assert_eq!(plaintext.iter().position(|value| *value == 1), Some(slot), "age {age}");
    }
    assert!(slots(&layout, &attributes(&[]), &record).is_empty());
    let missing = Layout { axes: vec![Axis::Dosage { variant: 2 }], ..layout };
    assert!(slots(&missing, &attributes(&[(0, 50)]), &record).is_empty());
}

#[test]
fn values_outside_the_bins_fall_in_no_cell() {
    let axis = Axis::Bins { attribute: 3, lo: 10, width: 5, count: 4 };
    assert_eq!([9, 10, 14, 15, 29, 30].map(|value| axis.cell(value)), [None, Some(0), Some(0), Some(1), Some(3), None]);
}

#[test]
fn moments_are_digits_of_clipped_values_and_of_their_products() {
    let moments = [(0, 10, 300), (1, 0, 65_535)].map(|(attribute, lo, hi)| Moment { attribute, lo, hi });
    let layout = Layout { window: 0, axes: vec![], statistic: Statistic::Moments { attributes: moments.to_vec() } };
    let plaintext = slots(&layout, &attributes(&[(0, 9_999), (1, 65_535)]), &dosages(&[]));
    let number = |digits: &[u32]| digits.iter().rev().fold(0u64, |sum, digit| sum * 256 + u64::from(*digit));
    let values =
        [&plaintext[1..3], &plaintext[3..7], &plaintext[7..9], &plaintext[9..13], &plaintext[13..]].map(number);
    assert_eq!((plaintext[0], plaintext.len()), (1, 17));
    assert_eq!(values, [290, 290 * 290, 65_535, 65_535 * 290, 65_535 * 65_535]);
    assert!(slots(&layout, &attributes(&[(0, 9)]), &dosages(&[])).is_empty(), "a missing value counts nowhere");
}

#[test]
fn who_does_not_match_contributes_nothing_and_a_funnel_counts_the_prefixes() {
    let clause = |attribute, lo| MatchClause { subject: Subject::Attribute(attribute), lo, hi: 100, negated: false };
    let matching =
        MatchCriteria { groups: vec![vec![clause(0, 1)], vec![clause(1, 5), clause(2, 5)], vec![clause(3, 1)]] };
    let values = attributes(&[(0, 1), (1, 0), (2, 5)]);
    let of = |layout: Layout| layout.plaintext(&matching, &values, &dosages(&[])).unwrap().slots().to_vec();
    assert!(of(Layout::count()).is_empty());
    assert_eq!(of(Layout { statistic: Statistic::Funnel { groups: 3 }, ..Layout::count() }), [1, 1, 1, 0]);
    let wrong = Layout { statistic: Statistic::Funnel { groups: 2 }, ..Layout::count() };
    assert!(wrong.plaintext(&matching, &values, &dosages(&[])).is_err());
}

#[test]
fn a_missing_dosage_satisfies_no_clause_negated_or_not() {
    let record = dosages(&[Dosage::Missing]);
    let values = attributes(&[]);
    for negated in [false, true] {
        let clause = MatchClause { subject: Subject::Dosage(0), lo: 0, hi: 0, negated };
        assert!(!clause.holds(&OpenedRecord::new(&values, &record, 0)));
    }
}

#[test]
fn layouts_beyond_their_bounds_are_refused() {
    let with = |axes: Vec<Axis>, statistic| Layout { window: 0, axes, statistic };
    let bins = |count| Axis::Bins { attribute: 0, lo: 0, width: 1, count };
    let moments = |attributes| with(vec![], Statistic::Moments { attributes });
    let broken = [
        Layout::genotypes(0, 0, 0),
        Layout::genotypes(0, 1000, 24),
        Layout::genotypes(0, 0, 31),
        Layout::genotypes(0, 1008, 32),
        Layout::genotypes(0, u16::MAX, u16::MAX),
        Layout::genotypes(1 << 16, 0, 32),
        with(vec![bins(0)], Statistic::Count),
        with(vec![bins(4033)], Statistic::Count),
        with(vec![bins(2); 4], Statistic::Count),
        with(vec![bins(3)], Statistic::Genotypes { first: 0, length: 1024 }),
        with(vec![Axis::Bins { attribute: 0, lo: MISSING - 3, width: 2, count: 2 }], Statistic::Count),
        with(vec![Axis::Bins { attribute: 32, lo: 0, width: 2, count: 2 }], Statistic::Count),
        with(vec![Axis::Thresholds { attribute: 0, cuts: vec![3, 3] }], Statistic::Count),
        with(vec![Axis::Thresholds { attribute: 0, cuts: (0..16).collect() }], Statistic::Count),
        with(vec![Axis::Dosage { variant: 1024 }], Statistic::Count),
        with(vec![], Statistic::Funnel { groups: 0 }),
        with(vec![], Statistic::Funnel { groups: 21 }),
        moments(vec![]),
        moments(vec![Moment { attribute: 0, lo: 0, hi: 1 }; 17]),
        moments(vec![Moment { attribute: 0, lo: 0, hi: 65_536 }]),
        moments(vec![Moment { attribute: 0, lo: 2, hi: 1 }]),
    ];
    for layout in broken {
        assert!(layout.check().is_err(), "{layout:?}");
    }
    assert!(with(vec![bins(1344)], Statistic::Funnel { groups: 2 }).check().is_ok(), "4,032 slots");
}

fn arb_statistic() -> impl Strategy<Value = Statistic> {
    prop_oneof![
        Just(Statistic::Count),
        (1u8..=20).prop_map(|groups| Statistic::Funnel { groups }),
        prop::collection::vec((0u8..32, 0u32..9, 0u32..65_536), 1..=16).prop_map(|moments| Statistic::Moments {
            attributes: moments
                .iter()
                .map(|(attribute, lo, range)| Moment { attribute: *attribute, lo: *lo, hi: lo + range })
                .collect()
        }),
        (0u16..32, 1u16..=32).prop_map(|(first, blocks)| Statistic::Genotypes {
            first: 32 * first.min(32 - blocks),
            length: 32 * blocks
        }),
    ]
}

proptest! {
    #[test]
    fn a_layout_survives_its_wire_and_text_forms(statistic in arb_statistic(), window in 0u32..65_536) {
        let layout = Layout { window, axes: vec![Axis::Dosage { variant: 7 }], statistic };
        prop_assert_eq!(&borsh::from_slice::<Layout>(&borsh::to_vec(&layout).unwrap()).unwrap(), &layout);
        prop_assert_eq!(serde_json::from_str::<Layout>(&serde_json::to_string(&layout).unwrap()).unwrap(), layout);
    }

    #[test]
    fn every_contribution_fits_the_slots_of_its_layout(
        statistic in arb_statistic(),
        bins in (1u32..5, 1u16..7),
        values in prop::collection::vec(prop_oneof![0u32..40, Just(MISSING), any::<u32>()], ATTRIBUTES),
    ) {
        let axes = vec![Axis::Bins { attribute: 0, lo: 0, width: bins.0, count: bins.1 }];
        let layout = Layout { window: 0, axes, statistic };
        prop_assume!(layout.check().is_ok() && !matches!(layout.statistic, Statistic::Funnel { .. }));
        let plaintext = slots(&layout, &Attributes::new(values.try_into().unwrap()), &dosages(&[Dosage::Het; 40]));
        prop_assert!(plaintext.len() <= usize::from(layout.slots_used()));
        prop_assert!(plaintext.iter().all(|slot| *slot <= layout.slot_max_each()));
    }
}
