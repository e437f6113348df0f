//! Both forms of the statement give one verdict, whatever the record, the terms and the lies.

use proptest::{prelude::*, sample::subsequence};

use super::{refutations::VIOLATIONS, *};

type ClauseDraw = (u16, u32, u32, bool);

fn groups(subjects: u16, count: usize) -> impl Strategy<Value = Vec<Vec<ClauseDraw>>> {
    let clause = (0..subjects, 0u32..40, 0u32..20, any::<bool>());
    prop::collection::vec(prop::collection::vec(clause, 1..3), 0..=count)
}

/// Attributes, and variants of which the record has the first three and lacks the last two.
fn subject(index: u16) -> Subject {
    if index < 4 { Subject::Attribute(index as u8) } else { Subject::Dosage([4, 5, 6, 3, 10][usize::from(index) - 4]) }
}

fn match_criteria() -> impl Strategy<Value = MatchCriteria> {
    let clause =
        |(index, lo, range, negated): ClauseDraw| MatchClause { subject: subject(index), lo, hi: lo + range, negated };
    groups(9, 3).prop_map(move |groups| MatchCriteria {
        groups: groups.into_iter().map(|group| group.into_iter().map(clause).collect()).collect(),
    })
}

/// Mostly nobody is left out, so that what follows decides.
fn public_criteria() -> impl Strategy<Value = Criteria> {
    let clause = |(attribute, lo, range, negated): ClauseDraw| Criterion {
        attribute: attribute as u8,
        lo,
        hi: lo + range,
        negated,
    };
    let random = groups(4, 2).prop_map(move |groups| Criteria {
        groups: groups.into_iter().map(|group| group.into_iter().map(clause).collect()).collect(),
    });
    prop_oneof![3 => Just(Criteria::default()), 1 => random]
}

fn axis() -> impl Strategy<Value = Axis> {
    prop_oneof![
        (0u8..8, 0u32..20, 1u32..9, 1u16..6).prop_map(|(attribute, lo, width, count)| Axis::Bins {
            attribute,
            lo,
            width,
            count
        }),
        (0u8..8, prop::collection::btree_set(0u32..50, 0..8))
            .prop_map(|(attribute, cuts)| Axis::Thresholds { attribute, cuts: cuts.into_iter().collect() }),
        (0u16..8).prop_map(|variant| Axis::Dosage { variant }),
    ]
}

/// A funnel is of as many groups as there will be.
fn statistic() -> impl Strategy<Value = Statistic> {
    let moments = prop::collection::vec((0u8..8, 0u32..20), 1..3).prop_map(|attributes| Statistic::Moments {
        attributes: attributes.into_iter().map(|(attribute, lo)| Moment { attribute, lo, hi: lo + 300 }).collect(),
    });
    prop_oneof![
        Just(Statistic::Count),
        Just(Statistic::Funnel { groups: 0 }),
        moments,
        (0u16..8).prop_map(|block| Statistic::Genotypes { first: 32 * block, length: 64 }),
    ]
}

fn layout() -> impl Strategy<Value = Layout> {
    let window = prop_oneof![Just(0u32), Just(1), Just(9)];
    (window, prop::collection::vec(axis(), 0..=AXES_MAX), statistic()).prop_map(|(window, axes, statistic)| Layout {
        window,
        axes,
        statistic,
    })
}

/// The layout with as many groups in its funnel as there are, and without the axes for which it has no slots.
fn fitting(mut layout: Layout, matching: &MatchCriteria) -> Layout {
    if let Statistic::Funnel { groups } = &mut layout.statistic {
        *groups = matching.groups.len() as u8;
    }
    if layout.statistic == (Statistic::Funnel { groups: 0 }) {
        layout.statistic = Statistic::Count;
    }
    while layout.check().is_err() {
        layout.axes.pop().unwrap();
    }
    layout
}

/// What is encrypted instead of the truth.
#[derive(Debug, Clone)]
enum Lie {
    None,
    /// One more in a slot.
    Slot(usize),
    /// What the record would contribute if it matched, which may be the truth.
    Matching,
}

impl Lie {
    fn told(&self, statement: &Sound) -> Vec<u32> {
        let mut slots = plaintext(statement).slots().to_vec();
        match *self {
            Self::None => slots,
            Self::Slot(slot) => {
                slots.resize(slots.len().max(slot + 1), 0);
                slots[slot] += 1;
                slots
            }
            Self::Matching => statement.plaintext_if_matching().slots().to_vec(),
        }
    }
}

/// Slots without the zeros at their end, which encrypt the same.
fn trimmed(slots: &[u32]) -> &[u32] {
    &slots[..slots.iter().rposition(|slot| *slot != 0).map_or(0, |last| last + 1)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn both_verdicts_agree_on_random_records_terms_and_lies(
        values in prop::collection::vec(prop_oneof![7 => 0u32..50, 1 => Just(MISSING)], ATTRIBUTES),
        public in public_criteria(),
        matching in match_criteria(),
        layout in layout(),
        is_exact in any::<bool>(),
        lie in prop_oneof![3 => Just(Lie::None), 1 => (0usize..40).prop_map(Lie::Slot), 1 => Just(Lie::Matching)],
        error in prop::option::of((any::<bool>(), 0..RING_DEGREE, -10i8..=10)),
        mask in prop::option::weighted(0.2, (0..RING_DEGREE, -2i8..=2)),
        violations in prop_oneof![
            3 => Just(vec![]),
            1 => subsequence((0..VIOLATIONS.len()).collect::<Vec<_>>(), 1..4),
        ],
    ) {
        let mut terms = terms(fitting(layout, &matching), matching);
        terms.eligibility.criteria = public;
        terms.eligibility.exact = is_exact.then_some(ExactScope { period: 2, measure: Digest::from_bytes([4; 32]) });
        let statement = sound_under(&Attributes::new(values.try_into().unwrap()), terms);

        let slots = lie.told(&statement);
        let is_true = trimmed(&slots) == trimmed(plaintext(&statement).slots());
        let (mut u, mut e0, mut e1) = randomness();
        if let Some((place, value)) = mask {
            u = u.with_coefficient(place, value);
        }
        if let Some((is_first, place, value)) = error {
            let changed = if is_first { &mut e0 } else { &mut e1 };
            *changed = changed.clone().with_coefficient(place, value);
        }
        let encryption = EncryptionWitness::from_parts(u, e0, e1);
        let mut statement = encrypted(statement, &Plaintext::new(slots).unwrap(), encryption);
        if violations.is_empty() {
            let is_short = error.is_none_or(|(_, _, value)| value.abs() <= 8)
                && mask.is_none_or(|(_, value)| value.abs() <= 1);
            let holds = statement.terms.eligibility.criteria.hold(&statement.witness.leaf.attributes);
            prop_assert_eq!(statement.native().is_ok(), is_true && is_short && holds);
        }
        for violation in violations {
            let (_, _, violate) = VIOLATIONS[violation];
            violate(&mut statement);
        }
        prop_assert_eq!(statement.native().is_ok(), statement.failing().is_empty());
    }
}
