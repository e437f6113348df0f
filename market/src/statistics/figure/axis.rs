//! Axes: what they measure, in which unit, on which scale, and where their ticks stand.

use serde::Serialize;

use super::{
    data::{finite, named, real, refused},
    number,
};
use crate::Error;

/// The least value that a logarithmic axis shows.
const LEAST: f64 = 1e-12;
/// Below this, values are told from one another no more than from zero.
const TINIEST: f64 = 1e-280;

/// How values map to lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Equal differences have equal lengths.
    Linear,
    /// Equal ratios have equal lengths; for positive values.
    Log,
    /// Linear, shares of 1 written as percentages.
    Share,
    /// Linear, for how many: ticks are whole numbers.
    Count,
}

/// An axis.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Axis {
    /// What it measures.
    pub label: String,
    /// The unit, or empty.
    pub unit: String,
    /// The scale.
    pub scale: Scale,
    /// The range that is shown; without one, the data's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<(f64, f64)>,
}

/// UCUM's units of time as readers know them; none for the unity; any other unit as it is.
pub(in crate::statistics) fn unit_in_words(unit: &str) -> &str {
    match unit.trim() {
        "1" => "",
        "a" => "years",
        "mo" => "months",
        "wk" => "weeks",
        "d" => "days",
        "h" => "hours",
        other => other,
    }
}

impl Axis {
    /// A linear axis in a unit, which may be empty.
    #[must_use]
    pub fn linear(label: &str, unit: &str) -> Self {
        Self { label: label.into(), unit: unit.into(), scale: Scale::Linear, range: None }
    }

    /// A logarithmic axis.
    #[must_use]
    pub fn log(label: &str, unit: &str) -> Self {
        Self { scale: Scale::Log, ..Self::linear(label, unit) }
    }

    /// An axis of shares, from 0 to 1, written as percentages.
    #[must_use]
    pub fn share(label: &str) -> Self {
        Self { scale: Scale::Share, ..Self::linear(label, "") }
    }

    /// An axis of how many, with whole ticks.
    #[must_use]
    pub fn count(label: &str) -> Self {
        Self { scale: Scale::Count, ..Self::linear(label, "") }
    }

    /// An axis of names.
    #[must_use]
    pub fn names(label: &str) -> Self {
        Self::linear(label, "")
    }

    /// The same axis over a range of its own.
    #[must_use]
    pub const fn within(mut self, lo: f64, hi: f64) -> Self {
        self.range = Some((lo, hi));
        self
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let Some((lo, hi)) = self.range else { return Ok(()) };
        finite("the start of an axis", lo)?;
        finite("the end of an axis", hi)?;
        if lo >= hi || (self.scale == Scale::Log && lo <= 0.0) {
            return Err(refused(format!("an axis cannot run from {lo} to {hi}")));
        }
        Ok(())
    }

    /// Refuses what a logarithmic axis has no place for.
    pub(super) fn positive_if_log(&self, values: impl IntoIterator<Item = f64>) -> Result<(), Error> {
        match values.into_iter().find(|value| self.scale == Scale::Log && *value < LEAST) {
            Some(value) => Err(refused(format!("{value} is not positive, and the axis is logarithmic"))),
            None => Ok(()),
        }
    }

    /// Refuses a logarithmic axis where bars start at zero or values can be negative.
    pub(super) fn not_log(&self) -> Result<(), Error> {
        let log = self.scale == Scale::Log;
        if log { Err(refused(format!("{} cannot be shown on a logarithmic axis", self.label))) } else { Ok(()) }
    }

    /// Refuses an axis without a label, and a range of its own that leaves out any of these.
    pub(super) fn of_numbers(&self, values: impl IntoIterator<Item = f64>) -> Result<(), Error> {
        named("an axis", &self.label)?;
        let Some((lo, hi)) = self.range else { return Ok(()) };
        match values.into_iter().find(|value| *value < lo || *value > hi) {
            Some(value) => Err(refused(format!("{value} lies beyond the axis, which runs from {lo} to {hi}"))),
            None => Ok(()),
        }
    }

    /// The same for bars, which start at zero: a bar that is cut misleads.
    pub(super) fn of_bars(&self, values: impl IntoIterator<Item = f64>) -> Result<(), Error> {
        self.not_log()?;
        self.of_numbers(values.into_iter().chain([0.0]))
    }

    /// The label with its unit.
    pub(super) fn caption(&self) -> String {
        let unit = unit_in_words(&self.unit);
        if unit.is_empty() { self.label.clone() } else { format!("{} ({unit})", self.label) }
    }

    /// A value in words.
    pub(super) fn say(&self, value: f64) -> String {
        match self.scale {
            Scale::Share => number::percent(value),
            Scale::Log => number::effect(value),
            Scale::Linear | Scale::Count => number::short(value),
        }
    }

    /// Ticks over the data, about so many; a linear axis without a range of its own ends at ticks.
    pub(super) fn ticks(&self, data: (f64, f64), about: usize) -> Ticks {
        let (lo, hi) = widened(self.range.unwrap_or(data), self.scale);
        match self.scale {
            Scale::Log => Ticks::log(lo, hi, about),
            Scale::Linear | Scale::Share | Scale::Count => {
                Ticks::linear(lo, hi, about, self.range.is_none(), self.scale)
            }
        }
    }
}

/// A range of some length: a single value has something to each side of it.
fn widened((lo, hi): (f64, f64), scale: Scale) -> (f64, f64) {
    if scale == Scale::Log {
        let (lo, hi) = (lo.max(f64::MIN_POSITIVE), hi.max(f64::MIN_POSITIVE));
        return if hi / lo > 1.2 { (lo, hi) } else { (lo / 1.5, hi * 1.5) };
    }
    let least = (lo.abs().max(hi.abs()) * 1e-6).max(TINIEST);
    if hi - lo > least {
        return (lo, hi);
    }
    let half = if least > TINIEST { least * 1e5 } else { 0.5 };
    (lo - half, hi + half)
}

/// Where an axis starts and ends, and its ticks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ticks {
    /// Start and end.
    pub(super) domain: (f64, f64),
    /// Values and their labels.
    pub(super) marks: Vec<(f64, String)>,
    /// The scale.
    pub(super) scale: Scale,
}

impl Ticks {
    /// Multiples of 1, 2 or 5 times a power of ten (Heckbert, "Nice numbers for graph labels", Graphics Gems, 1990).
    fn linear(lo: f64, hi: f64, about: usize, extend: bool, scale: Scale) -> Self {
        let least = if scale == Scale::Count { 1.0 } else { 0.0 };
        let step = nice_step((hi - lo) / real(about.max(1))).max(least);
        let (first, last) = if extend {
            ((lo / step + 1e-9).floor(), (hi / step - 1e-9).ceil())
        } else {
            ((lo / step - 1e-9).ceil(), (hi / step + 1e-9).floor())
        };
        let domain = if extend { (first * step, last * step) } else { (lo, hi) };
        let (mut marks, mut place) = (vec![], first);
        while place <= last && marks.len() < 64 {
            marks.push((place * step, tick_label(place * step, step, domain, scale)));
            place += 1.0;
        }
        Self { domain, marks, scale }
    }

    /// Decades, with 2 and 5 between them where few fit; below half a decade, linear ticks.
    fn log(lo: f64, hi: f64, about: usize) -> Self {
        let decades = (hi / lo).log10();
        if decades < 0.5 {
            let linear = Self::linear(lo, hi, about, false, Scale::Linear);
            return Self { scale: Scale::Log, ..linear };
        }
        let mut marks = vec![];
        let between: &[f64] = if decades * 3.0 <= real(about.max(3)) + 2.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let stride = (decades / real(about.max(1))).ceil().max(1.0);
        let (mut power, last) = ((lo.log10() / stride).floor() * stride, hi.log10().ceil());
        while power <= last {
            for digit in between {
                let value = digit * 10f64.powf(power);
                if value >= lo * 0.999_999 && value <= hi * 1.000_001 {
                    marks.push((value, log_label(value)));
                }
            }
            power += stride;
        }
        Self { domain: (lo, hi), marks, scale: Scale::Log }
    }

    /// Ticks at these values.
    pub(super) fn at(values: &[f64], domain: (f64, f64), scale: Scale) -> Self {
        let marks = values.iter().map(|value| (*value, number::short(*value))).collect();
        Self { domain, marks, scale }
    }
}

/// The least of 1, 2 and 5 times a power of ten that is not below `step`.
fn nice_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let digit = [1.0, 2.0, 5.0].into_iter().find(|digit| digit * power >= step * 0.999_999).unwrap_or(10.0);
    digit * power
}

/// As many decimals as the step has.
fn tick_label(value: f64, step: f64, (lo, hi): (f64, f64), scale: Scale) -> String {
    let (value, step, largest) = match scale {
        Scale::Share => (value * 100.0, step * 100.0, 0.0),
        Scale::Linear | Scale::Log | Scale::Count => (value, step, lo.abs().max(hi.abs())),
    };
    let percent = if scale == Scale::Share { "%" } else { "" };
    if largest >= 1e7 || (largest > 0.0 && largest < 1e-3) {
        return number::scientific(if value.abs() < step / 2.0 { 0.0 } else { value }, 6);
    }
    let mut decimals = 0;
    let mut unit = 1.0;
    while unit > step * 1.000_001 && decimals < 9 {
        unit /= 10.0;
        decimals += 1;
    }
    format!("{}{percent}", number::fixed(value, decimals))
}

fn log_label(value: f64) -> String {
    if !(0.000_999..=10_001.0).contains(&value) {
        return number::scientific(value, 0);
    }
    let decimals = [1.0, 0.1, 0.01].into_iter().take_while(|unit| value < unit * 0.999).count();
    number::fixed(value, decimals)
}

/// Round times from 0 to at least `end`, some five to nine of them: where numbers at risk are counted.
#[must_use]
pub fn nice_times(end: f64) -> Vec<f64> {
    if !(end > 0.0 && end.is_finite()) {
        return vec![0.0];
    }
    Axis::linear("", "").ticks((0.0, end), 7).marks.into_iter().map(|(time, _)| time).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis, data: (f64, f64), about: usize) -> Vec<String> {
        axis.ticks(data, about).marks.into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round_numbers_that_enclose_the_data() {
        let linear = Axis::linear("age", "a");
        assert_eq!(labels(&linear, (3.0, 97.0), 5), ["0", "20", "40", "60", "80", "100"]);
        assert_eq!(labels(&linear, (-0.12, 0.31), 5), ["−0.2", "−0.1", "0.0", "0.1", "0.2", "0.3", "0.4"]);
        assert_eq!(labels(&linear, (0.0, 4e7), 4), ["0", "10⁷", "2×10⁷", "3×10⁷", "4×10⁷"]);
        assert_eq!(labels(&Axis::share("kept"), (0.0, 1.0), 4), ["0%", "50%", "100%"]);
        assert_eq!(labels(&linear.clone().within(0.0, 1.0), (9.0, 9.0), 5), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
    }

    #[test]
    fn nobody_is_counted_by_halves() {
        let people = Axis::count("people");
        assert_eq!(labels(&people, (0.0, 1.0), 7), ["0", "1"]);
        assert_eq!(labels(&people, (0.0, 3.0), 7), ["0", "1", "2", "3"]);
        assert_eq!(labels(&people, (-1.5, 2.0), 7), ["−2", "−1", "0", "1", "2"]);
        assert_eq!(labels(&people, (0.0, 24.0), 7), ["0", "5", "10", "15", "20", "25"]);
        for most in 1..200 {
            let ticks = people.ticks((0.0, f64::from(most)), 7).marks;
            assert!(ticks.len() > 1 && ticks.iter().all(|(value, _)| value.fract() == 0.0), "{most}: {ticks:?}");
        }
    }

    #[test]
    fn logarithmic_ticks_are_decades_and_their_halves_where_few_fit() {
        let log = Axis::log("odds ratio", "");
        assert_eq!(labels(&log, (0.3, 6.0), 6), ["0.5", "1", "2", "5"]);
        assert_eq!(labels(&log, (1e-6, 1e6), 6), ["10⁻⁶", "10⁻⁴", "0.01", "1", "100", "10,000", "10⁶"]);
        assert_eq!(labels(&log, (0.9, 1.4), 5), ["0.9", "1.0", "1.1", "1.2", "1.3", "1.4"]);
    }

    #[test]
    fn a_single_value_has_an_axis_around_it() {
        for (axis, value) in [(Axis::linear("", ""), 0.0), (Axis::linear("", ""), 1e15), (Axis::log("", ""), 1.0)] {
            let ticks = axis.ticks((value, value), 5);
            assert!(ticks.domain.0 < value && value < ticks.domain.1, "{ticks:?}");
            assert!(ticks.marks.len() > 1, "{ticks:?}");
        }
    }

    #[test]
    fn times_at_risk_start_at_zero_and_reach_the_end() {
        assert_eq!(nice_times(1_799.0), [0.0, 500.0, 1_000.0, 1_500.0, 2_000.0]);
        assert_eq!(nice_times(f64::NAN), [0.0]);
    }
}
