//! A query in the making, as the form holds it: text that may not mean anything yet.

use std::collections::BTreeSet;

use circuits::{consent::Regions, layout::AXES_MAX};
use node::query::PARTS_MAX;

use crate::pages::regions;

/// Groups of criteria, and clauses of a group, that a form holds at most; the protocol takes fewer in all.
const CLAUSES_MAX: usize = 20;

/// A clause: an attribute or a variant, and an interval.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ClauseDraft {
    pub(super) subject: String,
    pub(super) lo: String,
    pub(super) hi: String,
    pub(super) negated: bool,
}

impl ClauseDraft {
    /// Whether nothing was filled in.
    pub(super) fn is_blank(&self) -> bool {
        [&self.subject, &self.lo, &self.hi].into_iter().all(|text| text.trim().is_empty())
    }
}

/// A grouping: an attribute with cuts or equal cells, or a variant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct AxisDraft {
    pub(super) subject: String,
    pub(super) cuts: String,
    pub(super) lo: String,
    pub(super) width: String,
    pub(super) count: String,
}

/// A measure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct MeasureDraft {
    pub(super) statistic: String,
    pub(super) attribute: String,
    pub(super) attributes: Vec<String>,
    pub(super) first: String,
    pub(super) count: String,
    pub(super) region: String,
    pub(super) horizon: String,
    pub(super) axes: [AxisDraft; AXES_MAX],
}

/// The whole form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) study: String,
    pub(super) schema: String,
    pub(super) criteria: Vec<Vec<ClauseDraft>>,
    pub(super) matching: Vec<Vec<ClauseDraft>>,
    /// What must not hold of whom is asked: none of these, each as an interval that is left out.
    pub(super) criteria_not: Vec<ClauseDraft>,
    /// The same of whom is counted.
    pub(super) matching_not: Vec<ClauseDraft>,
    pub(super) issuers: String,
    pub(super) exact: bool,
    pub(super) epsilon: String,
    pub(super) measures: Vec<MeasureDraft>,
    pub(super) purposes: BTreeSet<String>,
    pub(super) disease: String,
    pub(super) regions: Regions,
    pub(super) data_use: String,
    pub(super) region_table: String,
    pub(super) price: String,
    pub(super) contributions_min: String,
    pub(super) contributions_max: String,
    pub(super) days: String,
    pub(super) aggregate_blocks_max: String,
    pub(super) release_blocks_max: String,
    pub(super) cohort: String,
}

/// The entry at a place, made when it is the first one behind the list's end or beyond.
fn at<'l, T: Default>(list: &'l mut Vec<T>, place: &str, most: usize) -> Option<&'l mut T> {
    let place: usize = place.parse().ok().filter(|place| *place < most)?;
    if list.len() <= place {
        list.resize_with(place + 1, T::default);
    }
    list.get_mut(place)
}

impl Draft {
    /// A draft to begin with: one that needs no more than a study, a schema and what is measured.
    pub(super) fn new() -> Self {
        Self {
            epsilon: "1".into(),
            measures: vec![MeasureDraft { statistic: "count".into(), ..MeasureDraft::default() }],
            purposes: BTreeSet::from(["health-research".to_owned()]),
            regions: Regions(1),
            price: "100".into(),
            contributions_min: "100".into(),
            contributions_max: "1000".into(),
            days: "14".into(),
            aggregate_blocks_max: "10000".into(),
            release_blocks_max: "10000".into(),
            ..Self::default()
        }
    }

    /// The draft of a form's fields, in any order. Names that mean nothing are passed over.
    pub(super) fn of_fields(fields: &[(String, String)]) -> Self {
        let mut draft = Self::default();
        for (name, value) in fields {
            let path: Vec<&str> = name.split('.').collect();
            draft.set(&path, value);
        }
        draft
    }

    fn set(&mut self, path: &[&str], value: &str) -> Option<()> {
        match path {
            [list @ ("c" | "m"), "not", clause, field] => {
                set_field(at(self.excluded(list), clause, CLAUSES_MAX)?, field, value)
            }
            ["c", group, clause, field] => set_clause(&mut self.criteria, group, clause, field, value),
            ["m", group, clause, field] => set_clause(&mut self.matching, group, clause, field, value),
            ["q", place, rest @ ..] => set_measure(at(&mut self.measures, place, PARTS_MAX)?, rest, value),
            ["purpose"] => {
                self.purposes.insert(value.into());
                Some(())
            }
            ["region"] => {
                self.regions.0 |= regions::chosen(value)?.0;
                Some(())
            }
            ["privacy"] => {
                self.exact = value == "exact";
                Some(())
            }
            [field] => {
                *self.text(field)? = value.into();
                Some(())
            }
            _ => None,
        }
    }

    /// The text of a plain field.
    fn text(&mut self, field: &str) -> Option<&mut String> {
        Some(match field {
            "study" => &mut self.study,
            "schema" => &mut self.schema,
            "issuers" => &mut self.issuers,
            "epsilon" => &mut self.epsilon,
            "disease" => &mut self.disease,
            "data_use" => &mut self.data_use,
            "region_table" => &mut self.region_table,
            "price" => &mut self.price,
            "contributions_min" => &mut self.contributions_min,
            "contributions_max" => &mut self.contributions_max,
            "days" => &mut self.days,
            "aggregate_blocks_max" => &mut self.aggregate_blocks_max,
            "release_blocks_max" => &mut self.release_blocks_max,
            "cohort" => &mut self.cohort,
            _ => return None,
        })
    }

    /// Adds or removes what a button asks for, and returns the name of the field to go on with.
    pub(super) fn change(&mut self, action: &str) -> Option<String> {
        let path: Vec<&str> = action.split('.').collect();
        match path.as_slice() {
            [list @ ("c" | "m"), "add"] => {
                let groups = self.groups(list);
                if groups.len() < CLAUSES_MAX {
                    groups.push(vec![ClauseDraft::default()]);
                }
                Some(format!("{list}.{}.0.subject", groups.len().saturating_sub(1)))
            }
            [list @ ("c" | "m"), "not", "add"] => {
                let excluded = self.excluded(list);
                if excluded.len() < CLAUSES_MAX {
                    excluded.push(ClauseDraft::default());
                }
                Some(format!("{list}.not.{}.subject", excluded.len().saturating_sub(1)))
            }
            [list @ ("c" | "m"), "not", clause, "drop"] => {
                let excluded = self.excluded(list);
                let clause: usize = clause.parse().ok().filter(|clause| *clause < excluded.len())?;
                excluded.remove(clause);
                None
            }
            [list @ ("c" | "m"), group, "or"] => {
                let clauses = at(self.groups(list), group, CLAUSES_MAX)?;
                if clauses.len() < CLAUSES_MAX {
                    clauses.push(ClauseDraft::default());
                }
                Some(format!("{list}.{group}.{}.subject", clauses.len().saturating_sub(1)))
            }
            [list @ ("c" | "m"), group, clause, "drop"] => {
                let groups = self.groups(list);
                let (group, clause): (usize, usize) = (group.parse().ok()?, clause.parse().ok()?);
                let clauses = groups.get_mut(group).filter(|clauses| clause < clauses.len())?;
                clauses.remove(clause);
                groups.retain(|clauses| !clauses.is_empty());
                None
            }
            ["q", "add"] => {
                if self.measures.len() < PARTS_MAX {
                    self.measures.push(MeasureDraft { statistic: "count".into(), ..MeasureDraft::default() });
                }
                Some(format!("q.{}.statistic", self.measures.len().saturating_sub(1)))
            }
            ["q", place, "drop"] => {
                let place: usize = place.parse().ok()?;
                if place < self.measures.len() {
                    self.measures.remove(place);
                }
                None
            }
            _ => None,
        }
    }

    fn groups(&mut self, list: &str) -> &mut Vec<Vec<ClauseDraft>> {
        if list == "c" { &mut self.criteria } else { &mut self.matching }
    }

    fn excluded(&mut self, list: &str) -> &mut Vec<ClauseDraft> {
        if list == "c" { &mut self.criteria_not } else { &mut self.matching_not }
    }
}

fn set_clause(groups: &mut Vec<Vec<ClauseDraft>>, group: &str, clause: &str, field: &str, value: &str) -> Option<()> {
    set_field(at(at(groups, group, CLAUSES_MAX)?, clause, CLAUSES_MAX)?, field, value)
}

fn set_field(clause: &mut ClauseDraft, field: &str, value: &str) -> Option<()> {
    match field {
        "subject" => clause.subject = value.into(),
        "lo" => clause.lo = value.into(),
        "hi" => clause.hi = value.into(),
        "not" => clause.negated = value == "outside",
        _ => return None,
    }
    Some(())
}

fn set_measure(measure: &mut MeasureDraft, path: &[&str], value: &str) -> Option<()> {
    match path {
        ["statistic"] => measure.statistic = value.into(),
        ["attribute"] => measure.attribute = value.into(),
        ["attributes"] => measure.attributes.push(value.into()),
        ["first"] => measure.first = value.into(),
        ["count"] => measure.count = value.into(),
        ["region"] => measure.region = value.into(),
        ["horizon"] => measure.horizon = value.into(),
        ["axis", place, field] => {
            let axis = measure.axes.get_mut(place.parse::<usize>().ok()?)?;
            match *field {
                "subject" => axis.subject = value.into(),
                "cuts" => axis.cuts = value.into(),
                "lo" => axis.lo = value.into(),
                "width" => axis.width = value.into(),
                "count" => axis.count = value.into(),
                _ => return None,
            }
        }
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(fields: &[(&str, &str)]) -> Draft {
        let owned: Vec<_> = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Draft::of_fields(&owned)
    }

    #[test]
    fn fields_come_in_any_order_and_unknown_ones_change_nothing() {
        let known = [("c.0.1.lo", "40"), ("c.0.0.subject", "age"), ("q.0.axis.2.cuts", "1"), ("privacy", "exact")];
        let found = draft(&known);
        assert_eq!(found.criteria[0][1].lo, "40");
        assert_eq!(found.criteria[0][0].subject, "age");
        assert_eq!(found.measures[0].axes[2].cuts, "1");
        assert!(found.exact);
        let excluded = draft(&[("m.not.1.hi", "9"), ("m.not.0.subject", "sex"), ("c.not.20.lo", "x")]);
        assert_eq!((excluded.matching_not[0].subject.as_str(), excluded.matching_not[1].hi.as_str()), ("sex", "9"));
        assert!(excluded.criteria_not.is_empty() && excluded.matching.is_empty());
        let strange = [("c.0.0", "x"), ("c.99.0.lo", "x"), ("q.8.first", "x"), ("q.0.axis.3.lo", "x"), ("x.y", "x")];
        assert_eq!(draft(&strange).criteria, Draft::default().criteria);
        assert_eq!(draft(&[("c.18446744073709551616.0.lo", "x")]), Draft::default());
    }

    #[test]
    fn buttons_add_and_remove_and_say_where_to_go_on() {
        let mut draft = Draft::new();
        assert_eq!(draft.change("c.add").as_deref(), Some("c.0.0.subject"));
        assert_eq!(draft.change("c.0.or").as_deref(), Some("c.0.1.subject"));
        assert_eq!(draft.change("m.add").as_deref(), Some("m.0.0.subject"));
        assert_eq!(draft.change("q.add").as_deref(), Some("q.1.statistic"));
        assert_eq!((draft.criteria[0].len(), draft.matching.len(), draft.measures.len()), (2, 1, 2));
        draft.change("c.0.0.drop");
        draft.change("c.0.0.drop");
        draft.change("q.1.drop");
        draft.change("q.7.drop");
        assert_eq!((draft.criteria.len(), draft.measures.len()), (0, 1));
        assert_eq!(draft.change("c.not.add").as_deref(), Some("c.not.0.subject"));
        assert_eq!(draft.change("c.not.add").as_deref(), Some("c.not.1.subject"));
        assert_eq!(draft.change("m.not.add").as_deref(), Some("m.not.0.subject"));
        draft.criteria_not[1].subject = "age".into();
        draft.change("c.not.0.drop");
        draft.change("m.not.0.drop");
        draft.change("m.not.0.drop");
        assert_eq!((draft.criteria_not.len(), draft.matching_not.len()), (1, 0));
        assert_eq!((draft.criteria_not[0].subject.as_str(), draft.criteria.len()), ("age", 0));
        for nonsense in ["", "c", "c.x.or", "q.q.drop", "drop", "c.not", "c.not.or", "c.not.x.drop", "q.not.add"] {
            assert_eq!(draft.change(nonsense), None);
        }
    }
}
