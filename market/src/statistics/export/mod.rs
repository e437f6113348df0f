//! Results as tables and as text that other programs read.
//!
//! CSV has one row for each estimate, in the columns of [`COLUMNS`]; each family of statistics makes its [`Row`]s. Numbers
//! have as many digits as it takes to read the same number back, a decimal point, and no commas. Text that a spreadsheet
//! would take for a formula is made text with an apostrophe before it: names come from schemas and variants that others
//! wrote (CWE-1236). JSON is the analysis itself.

use serde::Serialize;

use super::{Estimate, Stated, Sum, Test, Undefined, estimate::finite, figure::unit_in_words};
use crate::Error;

/// The unit of a number of people.
pub(super) const PEOPLE: &str = "people";
/// The unit of a number of alleles.
pub(super) const ALLELES: &str = "alleles";
/// The unit of a number of a score's weights.
pub(super) const WEIGHTS: &str = "weights";

/// The columns of a table, in their order.
pub const COLUMNS: [&str; 16] = [
    "family",
    "statistic",
    "group",
    "variant",
    "method",
    "value",
    "standard_error",
    "ci_lo",
    "ci_hi",
    "df",
    "p_value",
    "adjusted_p",
    "n",
    "noise_sd",
    "undefined",
    "unit",
];

/// A row of a table: an estimate, a test, or why there is none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row {
    family: String,
    statistic: String,
    group: String,
    variant: String,
    method: String,
    value: Option<f64>,
    /// Whether an estimate belongs in the row, defined or not: a test's statistic never stands in its place.
    estimates: bool,
    standard_error: Option<f64>,
    ends: (Option<f64>, Option<f64>),
    test_statistic: Option<f64>,
    degrees_of_freedom: Vec<f64>,
    p_value: Option<f64>,
    adjusted_p: Option<f64>,
    people: Option<Sum>,
    undefined: Vec<String>,
    unit: String,
    /// What the text form calls the statistic, where its name is for programs.
    said: Option<String>,
}

impl Row {
    /// A row of a family, such as `genotypes`, for a statistic, such as `odds_ratio`.
    #[must_use]
    pub fn new(family: &str, statistic: &str) -> Self {
        Self { family: family.into(), statistic: statistic.into(), ..Self::default() }
    }

    /// The same row of a group or cell, in words.
    #[must_use]
    pub fn of_group(self, group: &str) -> Self {
        Self { group: group.into(), ..self }
    }

    /// The same row of a variant.
    #[must_use]
    pub fn of_variant(self, variant: &str) -> Self {
        Self { variant: variant.into(), ..self }
    }

    /// The same row with how its estimate or its interval was made. A test names its own method.
    #[must_use]
    pub fn with_method(self, method: &str) -> Self {
        Self { method: method.into(), ..self }
    }

    /// The same row with the unit of its value and interval, in UCUM or in words.
    #[must_use]
    pub fn in_unit(self, unit: &str) -> Self {
        Self { unit: unit_in_words(unit).into(), ..self }
    }

    /// The same row, called this in the text form.
    #[must_use]
    pub fn said(self, words: String) -> Self {
        Self { said: Some(words), ..self }
    }

    /// The same row with an estimate.
    #[must_use]
    pub fn with_estimate(mut self, estimate: &Stated<Estimate>) -> Self {
        self.estimates = true;
        if let Some(Estimate { value, standard_error, interval }) = self.take(estimate) {
            self.value = Some(value);
            self.standard_error = Some(standard_error);
            self.ends = (Some(interval.lo), Some(interval.hi));
        }
        self
    }

    /// The same row with a number that has no interval, such as a correlation's square.
    #[must_use]
    pub fn with_value(mut self, value: &Stated<f64>) -> Self {
        self.estimates = true;
        self.value = self.take(value).or(self.value);
        self
    }

    /// The same row with the ends of an interval, each of which may be undefined: a median whose upper end the curve
    /// does not reach.
    #[must_use]
    pub fn with_ends(mut self, lo: &Stated<f64>, hi: &Stated<f64>) -> Self {
        self.ends = (self.take_end("lower", lo), self.take_end("upper", hi));
        self
    }

    /// The same row with a test: its method, degrees of freedom and p-value, and its statistic as the value where the
    /// row has no estimate.
    #[must_use]
    pub fn with_test(mut self, test: &Stated<Test>) -> Self {
        if let Some(test) = self.take(test) {
            self.method = test.method.into();
            self.test_statistic = test.statistic;
            self.degrees_of_freedom = test.degrees_of_freedom;
            self.p_value = Some(test.p_value);
        }
        self
    }

    /// The same row with a p-value adjusted for many tests.
    #[must_use]
    pub fn with_adjusted_p(mut self, adjusted: &Stated<f64>) -> Self {
        self.adjusted_p = self.take(adjusted).or(self.adjusted_p);
        self
    }

    /// The same row with the people it rests on, and the standard deviation of the privacy noise in their number.
    #[must_use]
    pub const fn with_people(mut self, people: Sum) -> Self {
        self.people = Some(people);
        self
    }

    /// The row in words: what it is of, its value with its interval, its degrees of freedom and its p-value, or why
    /// there is none.
    #[must_use]
    pub fn in_words(&self) -> String {
        let statistic = self.said.as_deref().unwrap_or(&self.statistic);
        let of: Vec<&str> =
            [statistic, &self.variant, &self.group].into_iter().filter(|word| !word.is_empty()).collect();
        let unit = if self.unit.is_empty() { String::new() } else { format!(" {}", self.unit) };
        let say = |value: f64| self.number_in_words(value);
        let ends = match self.ends {
            (Some(lo), Some(hi)) if lo < hi => format!(" ({} to {})", say(lo), say(hi)),
            (Some(lo), None) => format!(" (from {})", say(lo)),
            (None, Some(hi)) => format!(" (to {})", say(hi)),
            _ => String::new(),
        };
        let value = match self.shown() {
            Some(value) => format!("{}{ends}{unit}", say(value)),
            None if ends.is_empty() => self.undefined.join("; "),
            None => format!("{}{ends}{unit}", self.undefined.join("; ")),
        };
        let degrees: Vec<String> = self.degrees_of_freedom.iter().map(|degrees| tenths(*degrees)).collect();
        let degrees = if degrees.is_empty() { String::new() } else { format!("df = {}", degrees.join(" and ")) };
        let p = self.p_value.map_or_else(String::new, |p| format!("p = {}", p_in_words(p)));
        let adjusted = self.adjusted_p.map_or_else(String::new, |p| format!("adjusted {}", p_in_words(p)));
        let says: Vec<String> = [value, degrees, p, adjusted].into_iter().filter(|words| !words.is_empty()).collect();
        format!("{:<48} {}", of.join(" "), says.join(", "))
    }

    /// Four decimals; of a number of people, alleles or weights none, where it is whole.
    fn number_in_words(&self, value: f64) -> String {
        if [PEOPLE, ALLELES, WEIGHTS].contains(&self.unit.as_str()) && value.fract() == 0.0 {
            format!("{value:.0}")
        } else {
            format!("{value:.4}")
        }
    }

    /// What stands in the column of values: the estimate, or a test's statistic where none belongs there.
    fn shown(&self) -> Option<f64> {
        if self.estimates { self.value } else { self.test_statistic }
    }

    /// An end of an interval; why there is none is said unless the value lacks for the same reason.
    fn take_end(&mut self, end: &str, stated: &Stated<f64>) -> Option<f64> {
        if let Stated::Undefined { undefined } = stated {
            let why = undefined.to_string();
            if !self.undefined.contains(&why) {
                self.undefined.push(format!("{end} end: {why}"));
            }
        }
        stated.value().copied()
    }

    /// What is stated; a reason goes to its column, once.
    fn take<T: Clone>(&mut self, stated: &Stated<T>) -> Option<T> {
        match stated {
            Stated::Value(value) => Some(value.clone()),
            Stated::Undefined { undefined } => {
                let why = undefined.to_string();
                if !self.undefined.contains(&why) {
                    self.undefined.push(why);
                }
                None
            }
        }
    }

    /// The cells, in the order of [`COLUMNS`].
    ///
    /// # Errors
    /// [`Undefined`] for a number that is not finite.
    pub fn cells(&self) -> Result<[String; 16], Undefined> {
        let (lo, hi) = self.ends;
        let degrees =
            self.degrees_of_freedom.iter().map(|degrees| number(Some(*degrees))).collect::<Result<Vec<_>, _>>()?;
        Ok([
            text(&self.family),
            text(&self.statistic),
            text(&self.group),
            text(&self.variant),
            text(&self.method),
            number(self.shown())?,
            number(self.standard_error)?,
            number(lo)?,
            number(hi)?,
            degrees.join("; "),
            number(self.p_value)?,
            number(self.adjusted_p)?,
            self.people.map_or_else(String::new, |people| people.value.to_string()),
            number(self.people.map(|people| people.noise_variance.sqrt()))?,
            text(&self.undefined.join("; ")),
            text(&self.unit),
        ])
    }
}

/// Degrees of freedom in words: whole ones without decimals, Satterthwaite's with one.
fn tenths(degrees: f64) -> String {
    if degrees.fract() == 0.0 { format!("{degrees:.0}") } else { format!("{degrees:.1}") }
}

/// A p-value in words; one that left the range of numbers is below it.
fn p_in_words(p: f64) -> String {
    match p {
        0.0 => "below 1e-307".into(),
        p if p < 1e-4 => format!("{p:.2e}"),
        p => format!("{p:.4}"),
    }
}

/// The shortest text that reads as the same number; empty for none.
fn number(value: Option<f64>) -> Result<String, Undefined> {
    // Zero has one form.
    value.map_or(Ok(String::new()), |value| finite(value).map(|value| format!("{:?}", value + 0.0)))
}

/// Text with an apostrophe before what spreadsheets take for a formula, behind blanks too.
pub(crate) fn text(text: &str) -> String {
    let formula = |letter: char| matches!(letter, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠');
    let control = text.starts_with(['\t', '\r', '\n']);
    if control || text.trim_start().starts_with(formula) { format!("'{text}") } else { text.into() }
}

/// A table with a header, in UTF-8, a line feed after each line.
///
/// # Errors
/// [`Error::Statistics`] for a number that is not finite.
pub fn csv(rows: &[Row]) -> Result<String, Error> {
    let cells =
        |row: &Row| row.cells().map_err(|undefined| refused(format!("{} {}: {undefined}", row.family, row.statistic)));
    table(COLUMNS, rows.iter().map(cells).collect::<Result<Vec<_>, _>>()?)
}

fn refused(why: String) -> Error {
    Error::Statistics { what: "the rows of a table", why }
}

/// Rows of cells below a header, in UTF-8, a line feed after each line.
///
/// # Errors
/// [`Error::Statistics`] when it cannot be written.
pub(crate) fn table<const WIDTH: usize>(
    columns: [&str; WIDTH],
    rows: impl IntoIterator<Item = [String; WIDTH]>,
) -> Result<String, Error> {
    let mut table = ::csv::Writer::from_writer(vec![]);
    table.write_record(columns).map_err(|error| refused(error.to_string()))?;
    for row in rows {
        table.write_record(row).map_err(|error| refused(error.to_string()))?;
    }
    let bytes = table.into_inner().map_err(|error| refused(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| refused(error.to_string()))
}

/// An analysis as JSON, indented, with a line feed at its end.
///
/// # Errors
/// [`Error::Statistics`] for what JSON cannot hold.
pub fn json(analysis: &impl Serialize) -> Result<String, Error> {
    let text = serde_json::to_string_pretty(analysis);
    text.map(|text| text + "\n")
        .map_err(|error| Error::Statistics { what: "the fields of an analysis", why: error.to_string() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(table: &str) -> Vec<Vec<String>> {
        let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(table.as_bytes());
        reader.records().map(|record| record.unwrap().iter().map(Into::into).collect()).collect()
    }

    #[test]
    fn a_table_is_pinned_byte_for_byte() {
        let estimate = Stated::from(Estimate::new(0.1, 1e-7, (-0.25, 1e300)));
        let test = Stated::from(Test::new("a test", 3.5, &[1.0], 5e-324));
        let rows = [
            Row::new("genotypes", "odds_ratio")
                .of_group("sex 1, age 30 to 39")
                .of_variant("22:16050612 C>G")
                .with_estimate(&estimate)
                .with_test(&test)
                .with_adjusted_p(&Stated::Value(1.0))
                .with_people(Sum::noisy(-3, 9.0))
                .in_unit("a"),
            Row::new("cohort", "share")
                .with_estimate(&Err(Undefined::Nobody).into())
                .with_test(&Err(Undefined::Nobody).into())
                .with_value(&Err(Undefined::NoVariance).into())
                .with_people(Sum::exact(0)),
        ];
        let expected = "family,statistic,group,variant,method,value,standard_error,ci_lo,ci_hi,df,p_value,adjusted_p,n,\
                        noise_sd,undefined,unit\n\
                        genotypes,odds_ratio,\"sex 1, age 30 to 39\",22:16050612 C>G,a test,0.1,1e-7,-0.25,1e300,1.0,\
                        5e-324,1.0,-3,3.0,,years\n\
                        cohort,share,,,,,,,,,,,0,0.0,nobody was counted; every value is the same,\n";
        assert_eq!(csv(&rows).unwrap(), expected);
        assert_eq!(csv(&[]).unwrap().lines().count(), 1);
    }

    #[test]
    fn a_test_alone_gives_its_statistic_as_the_value() {
        let row = Row::new("cohort", "chi_squared").with_test(&Stated::from(Test::new("a test", 3.5, &[1.0], 0.06)));
        assert_eq!(read(&csv(&[row]).unwrap())[1][4..11], ["a test", "3.5", "", "", "", "1.0", "0.06"]);
    }

    #[test]
    fn repro_a_tests_statistic_stood_in_the_place_of_an_undefined_estimate() {
        let test = Stated::from(Test::new("a test", 3.5, &[1.0], 0.06));
        let undefined = Err(Undefined::EmptyCell).into();
        for row in [
            Row::new("association", "allelic").with_estimate(&undefined).with_test(&test),
            Row::new("association", "allelic").with_test(&test).with_estimate(&undefined),
        ] {
            assert_eq!(read(&csv(std::slice::from_ref(&row)).unwrap())[1][5..11], ["", "", "", "", "1.0", "0.06"]);
            assert!(csv(std::slice::from_ref(&row)).unwrap().contains("a cell that it divides by is empty"));
            assert!(!row.in_words().contains("3.5"), "{}", row.in_words());
        }
    }

    #[test]
    fn the_end_of_an_interval_that_is_not_reached_says_so() {
        let not_reached = || Err(Undefined::NotReached).into();
        let median = Row::new("survival", "time_to_0.5").with_value(&Stated::Value(90.0));
        let median = median.with_ends(&Stated::Value(40.0), &not_reached());
        let cells = &read(&csv(std::slice::from_ref(&median)).unwrap())[1];
        assert_eq!((cells[7].as_str(), cells[8].as_str()), ("40.0", ""));
        assert!(cells[14].starts_with("upper end: "), "{cells:?}");
        assert!(median.in_words().contains("90.0000 (from 40.0000)"), "{}", median.in_words());
    }

    #[test]
    fn words_have_the_unit_and_people_are_whole() {
        let age = Row::new("moments", "mean(age)").with_estimate(&Estimate::new(45.25, 1.0, (43.0, 47.5)).into());
        assert!(age.in_unit("a").in_words().ends_with(" 45.2500 (43.0000 to 47.5000) years"));
        let people = Row::new("cohort", "people").in_unit(PEOPLE).with_value(&Stated::Value(69.0));
        assert!(people.in_words().ends_with(" 69 people"), "{}", people.in_words());
        let nobody = Row::new("moments", "mean(age)").in_unit("a").with_value(&Err(Undefined::Nobody).into());
        assert!(nobody.in_words().ends_with(" nobody was counted"), "{}", nobody.in_words());
        let survival = Row::new("survival", "survival(60)").said("survival at 60 days".into());
        assert!(survival.in_words().starts_with("survival at 60 days "));
    }

    #[test]
    fn names_that_a_spreadsheet_would_compute_become_text() {
        for name in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1"] {
            let row = Row::new(name, name).of_group(name).of_variant(name).with_value(&Stated::Value(-1.0));
            let table = read(&csv(&[row]).unwrap());
            assert!(table[1][..4].iter().all(|cell| cell[1..] == *name && cell.starts_with('\'')), "{name:?}");
            assert_eq!(table[1][5], "-1.0", "numbers are not touched");
        }
    }

    #[test]
    fn a_number_that_is_not_finite_is_refused() {
        for value in [f64::NAN, f64::INFINITY] {
            assert!(csv(&[Row::new("a", "b").with_value(&Stated::Value(value))]).is_err());
            assert!(csv(&[Row::new("a", "b").with_people(Sum::noisy(1, value))]).is_err());
        }
    }

    #[test]
    fn json_is_the_analysis_itself() {
        let stated: Stated<f64> = Err(Undefined::Nobody).into();
        assert_eq!(json(&stated).unwrap(), "{\n  \"undefined\": {\n    \"reason\": \"nobody\"\n  }\n}\n");
    }

    proptest! {
        #[test]
        fn every_number_and_every_name_can_be_read_back(
            value in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL | proptest::num::f64::ZERO, name in any::<String>()
        ) {
            let row = Row::new("family", "statistic").of_group(&name).with_value(&Stated::Value(value));
            let table = read(&csv(&[row]).unwrap());
            prop_assert_eq!(table[1].len(), COLUMNS.len());
            prop_assert_eq!(table[1][5].parse::<f64>().unwrap(), value);
            prop_assert_eq!(table[1][2].strip_prefix('\'').filter(|_| !name.starts_with('\'')).unwrap_or(&table[1][2]), &name);
        }
    }
}
