//! The plaintext truth of tables and moments: what people's rows add up to.
//!
//! Deliberately independent, like [`super::truth`]: it reads the CSV's text and the query file, and shares no code with the
//! import, the layouts or the statistics. It knows names, units and bounds from `attributes.json` alone.

use std::collections::BTreeMap;

use market::query::{Measure, NamedAxis};
use serde_json::Value;

use super::truth;
use crate::Error;

/// A person's row: values by column, in the column's unit; missing ones are absent.
pub(super) type Row = BTreeMap<String, f64>;

/// What the built-in data says.
pub(super) struct Plaintext<'t> {
    pub(super) table: &'t str,
    pub(super) attributes: &'t [u8],
    pub(super) genomes: &'t [u8],
}

/// The sums of one measure in the order in which its parts hold them: counts; or for each cell people, `Σx` and `Σxy`; or
/// for each cell and variant heterozygous, homozygous and called.
pub(super) type Sums = Vec<i64>;

fn wrong(why: impl Into<String>) -> Error {
    Error::Input { what: "built-in table", why: why.into() }
}

impl Plaintext<'_> {
    /// The rows of these people, in their order.
    fn rows(&self, people: &[String]) -> Result<Vec<Row>, Error> {
        let mut lines = self.table.lines();
        let names: Vec<&str> = lines.next().ok_or_else(|| wrong("it is empty"))?.split(',').collect();
        let table: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
        let row_of = |person: &String| {
            let row = table.iter().find(|row| row.first() == Some(&person.as_str()));
            let row = row.ok_or_else(|| wrong(format!("it lacks {person}")))?;
            let values = names.iter().zip(row).skip(1).filter(|(_, text)| !text.is_empty());
            values.map(|(name, text)| Ok(((*name).to_owned(), text.parse().map_err(|_| wrong(*text))?))).collect()
        };
        people.iter().map(row_of).collect()
    }

    /// Scale, least and greatest stored value of an attribute.
    fn bounds(&self, name: &str) -> Result<(f64, f64, f64), Error> {
        let all: Vec<Value> = serde_json::from_slice(self.attributes).map_err(|error| wrong(error.to_string()))?;
        let found = all.iter().find(|attribute| attribute["name"] == name).ok_or_else(|| wrong(name))?;
        let number = |field: &str| found[field].as_f64().ok_or_else(|| wrong(field));
        Ok((number("scale")?, number("lo")?, number("hi")?))
    }

    /// The sums of a measure over these people.
    ///
    /// # Errors
    /// [`Error::Input`] when the built-in data lacks something, or for a measure that groups by variants.
    pub(super) fn sums(&self, measure: &Measure, people: &[String]) -> Result<Sums, Error> {
        let rows = self.rows(people)?;
        let axes = measure.axes();
        let cells: usize = axes.iter().map(|axis| size(axis)).product();
        let members = |cell: usize| {
            let inside = people.iter().zip(&rows).filter(|(_, row)| cell_of(&axes, row) == Some(cell));
            inside.map(|(person, row)| (person.clone(), row)).collect::<Vec<_>>()
        };
        let mut sums = vec![];
        for cell in 0..cells {
            let members = members(cell);
            match measure {
                Measure::Moments { attributes, .. } => self.moments(attributes, &members, &mut sums)?,
                Measure::Comparison { attribute, .. } => {
                    self.moments(std::slice::from_ref(attribute), &members, &mut sums)?;
                }
                Measure::Regression { outcome, predictors } => {
                    let attributes: Vec<String> = std::iter::once(outcome).chain(predictors).cloned().collect();
                    self.moments(&attributes, &members, &mut sums)?;
                }
                Measure::AlleleFrequencies { .. } | Measure::Association { .. } => {
                    let names: Vec<String> = members.into_iter().map(|(name, _)| name).collect();
                    let counted = truth::count(self.genomes, &names).map_err(|error| wrong(error.to_string()))?;
                    sums.extend(counted.iter().flat_map(|variant| {
                        [variant.het, variant.hom_alt, variant.called]
                            .map(|count| i64::try_from(count).unwrap_or(i64::MAX))
                    }));
                }
                _ => sums.push(i64::try_from(members.len()).unwrap_or(i64::MAX)),
            }
        }
        Ok(sums)
    }

    /// People with every attribute, then for each attribute `Σx` and its products with those up to itself.
    fn moments(&self, attributes: &[String], members: &[(String, &Row)], sums: &mut Sums) -> Result<(), Error> {
        let bounds = attributes.iter().map(|name| self.bounds(name)).collect::<Result<Vec<_>, _>>()?;
        let complete: Vec<Vec<i64>> = members
            .iter()
            .filter_map(|(_, row)| {
                let stored = |(name, (scale, lo, hi)): (&String, &(f64, f64, f64))| {
                    row.get(name).map(|value| whole((value * scale).round().clamp(*lo, *hi) - lo))
                };
                attributes.iter().zip(&bounds).map(stored).collect()
            })
            .collect();
        sums.push(i64::try_from(complete.len()).unwrap_or(i64::MAX));
        let value = |person: &Vec<i64>, place: usize| person.get(place).copied().unwrap_or_default();
        for i in 0..attributes.len() {
            sums.push(complete.iter().map(|person| value(person, i)).sum());
            for j in 0..=i {
                sums.push(complete.iter().map(|person| value(person, i) * value(person, j)).sum());
            }
        }
        Ok(())
    }
}

#[allow(clippy::cast_possible_truncation, reason = "a stored value, a whole number below 2^32")]
fn whole(value: f64) -> i64 {
    value as i64
}

fn size(axis: &NamedAxis) -> usize {
    match axis {
        NamedAxis::Cuts { cuts, .. } => cuts.len() + 1,
        NamedAxis::Bins { count, .. } => usize::from(*count),
        NamedAxis::Variant { .. } => 3,
    }
}

/// The cell of a row, the first axis the slowest; none when a value is missing or outside the bins.
fn cell_of(axes: &[&NamedAxis], row: &Row) -> Option<usize> {
    axes.iter().try_fold(0, |cell, axis| {
        let place = match axis {
            NamedAxis::Cuts { attribute, cuts } => {
                let value = row.get(attribute)?;
                cuts.iter().filter(|cut| *cut <= value).count()
            }
            NamedAxis::Bins { attribute, lo, width, count } => {
                let bin = ((row.get(attribute)? - lo) / width).floor();
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range")]
                let bin = if (0.0..f64::from(*count)).contains(&bin) { bin as usize } else { return None };
                bin
            }
            NamedAxis::Variant { .. } => return None,
        };
        Some(cell * size(axis) + place)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "sample,sex,age\nann,2,40.4\nbob,1,50\neve,2,\njoe,1,61.5\n";
    const ATTRIBUTES: &[u8] = br#"[{"name":"sex","scale":1,"lo":1,"hi":2},{"name":"age","scale":10,"lo":0,"hi":600}]"#;

    fn sums(measure: &str) -> Sums {
        let plaintext = Plaintext { table: TABLE, attributes: ATTRIBUTES, genomes: b"" };
        let people: Vec<String> = ["ann", "bob", "eve", "joe"].map(str::to_owned).into();
        plaintext.sums(&serde_json::from_str(measure).unwrap(), &people).unwrap()
    }

    #[test]
    fn tables_are_those_found_by_hand() {
        let by = r#"[{"attribute":"sex","cuts":[2]},{"attribute":"age","lo":40,"width":10,"count":2}]"#;
        assert_eq!(sums(&format!(r#"{{"statistic":"count","by":{by}}}"#)), [0, 1, 1, 0], "joe is beyond the bins");
        assert_eq!(sums(r#"{"statistic":"count"}"#), [4]);
    }

    #[test]
    fn moments_are_those_found_by_hand() {
        let (ann, bob, joe) = (404, 500, 600);
        let expected = [3, ann + bob + joe, ann * ann + bob * bob + joe * joe, 1, ann, 1];
        assert_eq!(sums(r#"{"statistic":"moments","attributes":["age","sex"]}"#), expected, "61.5 is clipped to 60");
        let groups = r#"{"attribute":"sex","cuts":[2]}"#;
        let of_groups = sums(&format!(r#"{{"statistic":"comparison","attribute":"age","groups":{groups}}}"#));
        assert_eq!(of_groups, [2, 1_100, bob * bob + joe * joe, 1, 404, ann * ann]);
    }
}
