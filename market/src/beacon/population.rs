//! Sets of people as released queries and filters describe them, in one normal form that tells when two are the same.

use std::collections::{BTreeMap, BTreeSet};

use circuits::{
    criteria::MatchClause,
    layout::{Axis, Layout, Subject},
    record::{MISSING, WINDOW_VARIANTS},
    schema::Schema,
};

/// The most copies of an allele that a person has.
const COPIES_MAX: u32 = 2;

/// What a condition looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Observed {
    /// An attribute, by its index in the schema.
    Attribute(u8),
    /// Copies of a variant's alternate allele, by its place in the panel.
    Copies(u32),
}

impl Observed {
    /// What a clause or an axis over a window looks at.
    pub(super) fn of(subject: Subject, window: u32) -> Self {
        match subject {
            Subject::Attribute(index) => Self::Attribute(index),
            Subject::Dosage(place) => Self::Copies(window.saturating_mul(WINDOW_VARIANTS as u32) + u32::from(place)),
        }
    }

    /// The values that certified records have, missing ones aside.
    fn range(self, schema: &Schema) -> (u32, u32) {
        match self {
            Self::Attribute(index) => schema
                .attributes
                .get(usize::from(index))
                .map_or((0, MISSING - 1), |attribute| (attribute.lo, attribute.hi)),
            Self::Copies(_) => (0, COPIES_MAX),
        }
    }
}

/// A clause in a group that is no interval.
type Alternative = (Observed, u32, u32, bool);

/// People who have a value in each of these intervals, and meet one clause of each of these groups. Two that are equal
/// hold the same people; nobody needs the other direction.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Population {
    intervals: BTreeMap<Observed, (u32, u32)>,
    groups: BTreeSet<Vec<Alternative>>,
}

impl Population {
    /// Those of them whose value is in an interval, missing ones not; `None` when nobody can be.
    pub(super) fn within(mut self, observed: Observed, (lo, hi): (u32, u32), schema: &Schema) -> Option<Self> {
        let (least, greatest) = observed.range(schema);
        let interval = self.intervals.entry(observed).or_insert((least, greatest));
        *interval = (interval.0.max(lo), interval.1.min(hi));
        (interval.0 <= interval.1).then_some(self)
    }

    /// Those of them who meet one clause of a group; `None` when nobody can.
    pub(super) fn meeting(mut self, group: &[MatchClause], window: u32, schema: &Schema) -> Option<Self> {
        let [clause] = group else {
            let mut alternatives: Vec<_> = group.iter().map(|clause| alternative(clause, window)).collect();
            alternatives.sort_unstable();
            self.groups.insert(alternatives);
            return Some(self);
        };
        let observed = Observed::of(clause.subject, window);
        if !clause.negated {
            return self.within(observed, (clause.lo, clause.hi), schema);
        }
        // What is outside an interval that reaches an end of the range is an interval too.
        let (least, greatest) = observed.range(schema);
        match (clause.lo <= least, clause.hi >= greatest) {
            (true, true) => None,
            (true, false) => self.within(observed, (clause.hi.saturating_add(1), greatest), schema),
            (false, true) => self.within(observed, (least, clause.lo.checked_sub(1)?), schema),
            (false, false) => {
                self.groups.insert(vec![alternative(clause, window)]);
                Some(self)
            }
        }
    }

    /// Those of them in each cell of a layout, in its order; `None` for a cell that nobody can be in.
    pub(super) fn cells(&self, layout: &Layout, schema: &Schema) -> Vec<Option<Self>> {
        let mut cells = vec![Some(self.clone())];
        for axis in &layout.axes {
            let observed = Observed::of(axis.subject(), layout.window);
            let bounds = bounds(axis);
            let split = |population: &Option<Self>| {
                let within = |interval: &Option<(u32, u32)>| population.clone()?.within(observed, (*interval)?, schema);
                bounds.iter().map(within).collect::<Vec<_>>()
            };
            cells = cells.iter().flat_map(split).collect();
        }
        cells
    }

    /// What its conditions look at.
    pub(super) fn observed(&self) -> impl Iterator<Item = Observed> {
        self.intervals.keys().copied().chain(self.groups.iter().flatten().map(|alternative| alternative.0))
    }
}

fn alternative(clause: &MatchClause, window: u32) -> Alternative {
    (Observed::of(clause.subject, window), clause.lo, clause.hi, clause.negated)
}

/// The least and the greatest value of each cell; `None` for a cell that holds no value.
fn bounds(axis: &Axis) -> Vec<Option<(u32, u32)>> {
    let interval = |lo: u32, end: u32| Some((lo, end.checked_sub(1)?)).filter(|(lo, hi)| lo <= hi);
    match axis {
        Axis::Bins { lo, width, count, .. } => {
            let bound = |bin: u32| lo.saturating_add(width.saturating_mul(bin));
            (0..u32::from(*count)).map(|bin| interval(bound(bin), bound(bin + 1))).collect()
        }
        Axis::Thresholds { .. } | Axis::Dosage { .. } => {
            let starts = std::iter::once(0).chain(axis.cuts().iter().copied());
            let ends = axis.cuts().iter().copied().chain(std::iter::once(MISSING));
            starts.zip(ends).map(|(lo, end)| interval(lo, end)).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use circuits::{
        criteria::MatchCriteria,
        id::Digest,
        layout::Statistic,
        record::{ATTRIBUTES, Attributes, Genotypes},
        schema::{Attribute, PanelReference, Sensitivity},
    };
    use proptest::prelude::*;

    use super::*;

    const HI: u32 = 20;

    fn schema() -> Schema {
        let attribute = |name: &str| Attribute {
            name: name.into(),
            unit: String::new(),
            coding: String::new(),
            scale: 1,
            lo: 0,
            hi: HI,
            digits: 1,
            sensitivity: Sensitivity::Public,
        };
        let panel = PanelReference { build: "GRCh37".into(), variants: 0, digest: Digest::from_bytes([0; 32]) };
        Schema { name: "tests".into(), attributes: vec![attribute("a"), attribute("b")], panel }
    }

    fn clause(attribute: u8, lo: u32, hi: u32, negated: bool) -> MatchClause {
        MatchClause { subject: Subject::Attribute(attribute), lo, hi, negated }
    }

    fn meeting(groups: &[Vec<MatchClause>]) -> Option<Population> {
        groups.iter().try_fold(Population::default(), |all, group| all.meeting(group, 0, &schema()))
    }

    #[test]
    fn the_same_people_described_in_other_words_are_one_population() {
        let one = meeting(&[vec![clause(0, 5, 10, false)]]);
        let from_two_sides = meeting(&[vec![clause(0, 0, 10, false)], vec![clause(0, 5, 99, false)]]);
        let by_what_they_are_not = meeting(&[vec![clause(0, 0, 4, true)], vec![clause(0, 11, 50, true)]]);
        assert_eq!(one, from_two_sides);
        assert_eq!(one, by_what_they_are_not);
        assert_ne!(one, meeting(&[vec![clause(1, 5, 10, false)]]));
        assert_ne!(meeting(&[vec![clause(0, 0, HI, false)]]), meeting(&[]), "a missing value is in no interval");
        assert_eq!(meeting(&[vec![clause(0, 0, 3, false)], vec![clause(0, 4, 9, false)]]), None);
        assert_eq!(meeting(&[vec![clause(0, 0, HI, true)]]), None);
    }

    proptest! {
        /// Each cell's population is who the layout puts there, for every pair of values.
        #[test]
        fn cells_are_those_that_the_layout_fills(
            cuts in proptest::collection::btree_set(0..=HI, 1..4), lo in 0..5_u32, width in 1..6_u32, count in 1..5_u16
        ) {
            let layout = Layout {
                window: 0,
                axes: vec![
                    Axis::Thresholds { attribute: 0, cuts: cuts.into_iter().collect() },
                    Axis::Bins { attribute: 1, lo, width, count },
                ],
                statistic: Statistic::Count,
            };
            let cells = Population::default().cells(&layout, &schema());
            prop_assert_eq!(cells.len(), layout.cells() as usize);
            for (first, second) in (0..=HI).flat_map(|first| (0..=HI).map(move |second| (first, second))) {
                let mut values = [MISSING; ATTRIBUTES];
                (values[0], values[1]) = (first, second);
                let (attributes, genotypes) = (Attributes::new(values), Genotypes::new(&[]).unwrap());
                let plaintext = layout.plaintext(&MatchCriteria::default(), &attributes, &genotypes).unwrap();
                let filled = plaintext.slots().iter().position(|slot| *slot == 1);
                let holds = |cell: &Option<Population>| cell.as_ref().is_some_and(|cell| {
                    let [a, b] = [0, 1].map(|index| cell.intervals[&Observed::Attribute(index)]);
                    (a.0..=a.1).contains(&first) && (b.0..=b.1).contains(&second)
                });
                prop_assert_eq!(cells.iter().position(holds), filled, "{} and {}", first, second);
            }
        }
    }
}
