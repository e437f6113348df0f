//! The plaintext truth of tables and moments: what people's rows add up to.
//!
//! Deliberately independent, like [`super::truth`]: it reads the CSV's text and the query file, and shares no code with the
//! import, the layouts or the statistics. It knows names, units and bounds from `attributes.json` alone.

use std::{collections::BTreeMap, path::Path};

use market::query::{Measure, NamedAxis, NamedClause, QueryFile, VariantRange};
use serde_json::Value;

use super::truth::{self, VariantTruth};
use crate::Error;

/// A person's row: values by column, in the column's unit; missing ones are absent.
pub(super) type Row = BTreeMap<String, f64>;

/// What the data at hand says.
pub(super) struct Plaintext<'t> {
    /// Attributes as CSV; empty where nothing is known but genotypes.
    pub(super) table: &'t str,
    /// The attributes' scales and bounds.
    pub(super) attributes: &'t [u8],
    pub(super) genomes: Genomes<'t>,
}

/// Genotypes as VCF.
#[derive(Clone, Copy)]
pub(super) enum Genomes<'t> {
    Text(&'t [u8]),
    File(&'t Path),
}

/// The sums of one measure, for each cell: people; or those who satisfy each prefix of the match criteria; or people,
/// `Σx` and `Σxy`; or for each variant heterozygous, homozygous and called.
pub(super) type Sums = Vec<Vec<i64>>;

fn wrong(why: impl Into<String>) -> Error {
    Error::Input { what: "plaintext of the truth", why: why.into() }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl Plaintext<'_> {
    /// The rows of these people, in their order.
    fn rows(&self, people: &[String]) -> Result<Vec<Row>, Error> {
        let mut lines = self.table.lines();
        let names: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
        let table: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
        let row_of = |person: &String| {
            let Some(row) = table.iter().find(|row| row.first() == Some(&person.as_str())) else {
                return if self.table.is_empty() { Ok(Row::new()) } else { Err(wrong(format!("it lacks {person}"))) };
            };
            let values = names.iter().zip(row).skip(1).filter(|(_, text)| !text.is_empty());
            values.map(|(name, text)| Ok(((*name).to_owned(), text.parse().map_err(|_| wrong(*text))?))).collect()
        };
        people.iter().map(row_of).collect()
    }

    /// Every variant's counts over these people.
    fn counted(&self, people: &[String]) -> Result<Vec<VariantTruth>, Error> {
        let counted = match self.genomes {
            Genomes::Text(text) => truth::count(text, people),
            Genomes::File(path) => truth::count_file(path, people),
        };
        counted.map_err(|error| wrong(error.to_string()))
    }

    /// Copies of a variant's alternate allele that a person has; none without a call.
    fn copies(&self, variant: &str, person: &str) -> Result<Option<f64>, Error> {
        let name =
            |truth: &VariantTruth| format!("{}:{} {}>{}", truth.chrom, truth.pos, truth.reference, truth.alternate);
        let counted = self.counted(&[person.to_owned()])?;
        let found = counted.iter().find(|truth| name(truth) == variant).ok_or_else(|| wrong(variant))?;
        Ok(match (found.called, found.het, found.hom_alt) {
            (0, ..) => None,
            (_, 0, 0) => Some(0.0),
            (_, 0, _) => Some(2.0),
            _ => Some(1.0),
        })
    }

    /// How many groups of the match criteria, one after the other, a person satisfies before the first that fails.
    fn satisfied(&self, matching: &[Vec<NamedClause>], person: &str, row: &Row) -> Result<usize, Error> {
        for (place, group) in matching.iter().enumerate() {
            let mut holds = false;
            for clause in group {
                let value = match &clause.variant {
                    Some(variant) => self.copies(variant, person)?,
                    None => clause.attribute.as_ref().and_then(|name| row.get(name).copied()),
                };
                let inside = |value| (clause.lo..=clause.hi).contains(&value);
                holds |= value.is_some_and(|value| inside(value) != clause.negated);
            }
            if !holds {
                return Ok(place);
            }
        }
        Ok(matching.len())
    }

    /// Scale, least and greatest stored value of an attribute.
    fn bounds(&self, name: &str) -> Result<(f64, f64, f64), Error> {
        let all: Vec<Value> = serde_json::from_slice(self.attributes).map_err(|error| wrong(error.to_string()))?;
        let found = all.iter().find(|attribute| attribute["name"] == name).ok_or_else(|| wrong(name))?;
        let number = |field: &str| found[field].as_f64().ok_or_else(|| wrong(field));
        Ok((number("scale")?, number("lo")?, number("hi")?))
    }

    /// The sums of each measure of a query over these people.
    ///
    /// # Errors
    /// [`Error::Input`] when the data lacks something, or for a measure that groups by variants.
    pub(super) fn sums(&self, query: &QueryFile, people: &[String]) -> Result<Vec<Sums>, Error> {
        query.measures.iter().map(|measure| self.of_measure(measure, &query.matching, people)).collect()
    }

    fn of_measure(&self, measure: &Measure, matching: &[Vec<NamedClause>], people: &[String]) -> Result<Sums, Error> {
        let mut inside: Vec<(String, Row, usize)> = vec![];
        for (person, row) in people.iter().zip(self.rows(people)?) {
            let satisfied = self.satisfied(matching, person, &row)?;
            inside.push((person.clone(), row, satisfied));
        }
        if !matches!(measure, Measure::Funnel { .. }) {
            inside.retain(|(.., satisfied)| *satisfied == matching.len());
        }
        let axes = measure.axes();
        let cells: usize = axes.iter().map(|axis| size(axis)).product();
        let members = |cell| inside.iter().filter(|(_, row, _)| cell_of(&axes, row) == Some(cell)).collect::<Vec<_>>();
        (0..cells).map(|cell| self.of_cell(measure, matching, &members(cell))).collect()
    }

    fn of_cell(
        &self,
        measure: &Measure,
        matching: &[Vec<NamedClause>],
        members: &[&(String, Row, usize)],
    ) -> Result<Vec<i64>, Error> {
        let rows: Vec<&Row> = members.iter().map(|(_, row, _)| row).collect();
        match measure {
            Measure::Moments { attributes, .. } => self.moments(attributes, &rows),
            Measure::Comparison { attribute, .. } => self.moments(std::slice::from_ref(attribute), &rows),
            Measure::Regression { outcome, predictors } => {
                let attributes: Vec<String> = std::iter::once(outcome).chain(predictors).cloned().collect();
                self.moments(&attributes, &rows)
            }
            Measure::AlleleFrequencies { variants, .. } | Measure::Association { variants, .. } => {
                let VariantRange { first, count, .. } = variants;
                let names: Vec<String> = members.iter().map(|(name, ..)| name.clone()).collect();
                let counted = self.counted(&names)?.into_iter().skip(*first as usize);
                let counts = |variant: VariantTruth| [variant.het, variant.hom_alt, variant.called].map(signed);
                Ok(counted.take(count.map_or(usize::MAX, |count| count as usize)).flat_map(counts).collect())
            }
            Measure::Funnel { .. } => {
                let left = |groups: usize| members.iter().filter(|(.., satisfied)| *satisfied >= groups).count();
                Ok((0..=matching.len()).map(|groups| signed(left(groups) as u64)).collect())
            }
            _ => Ok(vec![signed(members.len() as u64)]),
        }
    }

    /// People with every attribute, then for each attribute `Σx` and its products with those up to itself.
    fn moments(&self, attributes: &[String], members: &[&Row]) -> Result<Vec<i64>, Error> {
        let bounds = attributes.iter().map(|name| self.bounds(name)).collect::<Result<Vec<_>, _>>()?;
        let complete: Vec<Vec<i64>> = members
            .iter()
            .filter_map(|row| {
                let stored = |(name, (scale, lo, hi)): (&String, &(f64, f64, f64))| {
                    row.get(name).map(|value| whole((value * scale).round().clamp(*lo, *hi) - lo))
                };
                attributes.iter().zip(&bounds).map(stored).collect()
            })
            .collect();
        let mut sums = vec![signed(complete.len() as u64)];
        let value = |person: &Vec<i64>, place: usize| person.get(place).copied().unwrap_or_default();
        for i in 0..attributes.len() {
            sums.push(complete.iter().map(|person| value(person, i)).sum());
            for j in 0..=i {
                sums.push(complete.iter().map(|person| value(person, i) * value(person, j)).sum());
            }
        }
        Ok(sums)
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

    const VCF: &[u8] = b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tann\tbob\teve\tjoe\n\
        1\t10\t.\tA\tC\t.\t.\t.\tGT\t0/1\t0/0\t1/1\t./.\n";
    const MATCHING: &str = r#"[[{"variant":"1:10 A>C","lo":0,"hi":0,"negated":true}],
        [{"attribute":"age","lo":0,"hi":50}]]"#;

    fn sums(measure: &str) -> Vec<i64> {
        let plaintext = Plaintext { table: TABLE, attributes: ATTRIBUTES, genomes: Genomes::Text(VCF) };
        let people: Vec<String> = ["ann", "bob", "eve", "joe"].map(str::to_owned).into();
        let matching = serde_json::from_str(MATCHING).unwrap();
        let matching = if measure.contains("funnel") { matching } else { vec![] };
        plaintext.of_measure(&serde_json::from_str(measure).unwrap(), &matching, &people).unwrap().concat()
    }

    #[test]
    fn tables_are_those_found_by_hand() {
        let by = r#"[{"attribute":"sex","cuts":[2]},{"attribute":"age","lo":40,"width":10,"count":2}]"#;
        assert_eq!(sums(&format!(r#"{{"statistic":"count","by":{by}}}"#)), [0, 1, 1, 0], "joe is beyond the bins");
        assert_eq!(sums(r#"{"statistic":"count"}"#), [4]);
    }

    #[test]
    fn funnels_are_those_found_by_hand() {
        // Ann and Eve carry the variant; Joe has no call there, which satisfies nothing; of the two, Ann's age is known.
        assert_eq!(sums(r#"{"statistic":"funnel"}"#), [4, 2, 1]);
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
