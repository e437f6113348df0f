//! What kinds of figures share: a value with its interval, and what is refused of their data.

use serde::Serialize;

use super::super::{Estimate, Interval, Stated, Sum, estimate::normal_quantile};
use crate::Error;

/// The largest magnitude that an axis shows.
pub(super) const LARGEST: f64 = 1e15;
/// The most series that colour, dash and marker tell apart.
pub(super) const SERIES_MAX: usize = 7;

/// A value, and its interval if it has one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Mark {
    /// The value.
    pub value: f64,
    /// Its interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
}

impl Mark {
    /// A value that is known exactly, or whose interval is not known.
    #[must_use]
    pub const fn exact(value: f64) -> Self {
        Self { value, interval: None }
    }

    /// The interval, each end brought within what an axis shows.
    pub(super) fn ends(&self) -> Option<(f64, f64)> {
        self.interval.map(|Interval { lo, hi }| (lo.clamp(-LARGEST, LARGEST), hi.clamp(-LARGEST, LARGEST)))
    }

    /// The least and the greatest that is drawn.
    pub(super) fn extent(&self) -> (f64, f64) {
        let (lo, hi) = self.ends().unwrap_or((self.value, self.value));
        (lo.min(self.value), hi.max(self.value))
    }

    fn check(&self, what: &str) -> Result<(), Error> {
        finite(what, self.value)?;
        let Some(Interval { lo, hi }) = self.interval else { return Ok(()) };
        let ordered = lo.is_finite() && hi.is_finite() && lo <= hi;
        if ordered { Ok(()) } else { Err(refused(format!("the interval of {what} is {lo} to {hi}"))) }
    }
}

impl From<Estimate> for Mark {
    /// An estimate with its interval. One without any length, such as that of an exact count, is none to draw.
    fn from(Estimate { value, interval, .. }: Estimate) -> Self {
        Self { value, interval: (interval.lo < interval.hi).then_some(interval) }
    }
}

impl From<Sum> for Mark {
    /// A sum; a noisy one with the normal interval of its noise.
    fn from(sum: Sum) -> Self {
        let (value, half) = (sum.to_f64(), normal_quantile() * sum.noise_variance.sqrt());
        let interval = sum.is_noisy().then_some(Interval { lo: value - half, hi: value + half });
        Self { value, interval }
    }
}

impl From<Stated<Estimate>> for Stated<Mark> {
    fn from(stated: Stated<Estimate>) -> Self {
        match stated {
            Stated::Value(estimate) => Self::Value(estimate.into()),
            Stated::Undefined { undefined } => Self::Undefined { undefined },
        }
    }
}

/// The refusal of a figure's data.
pub(super) const fn refused(why: String) -> Error {
    Error::Statistics { what: "the data of a figure", why }
}

/// Refuses a number that no axis shows.
pub(super) fn finite(what: &str, value: f64) -> Result<(), Error> {
    if value.abs() <= LARGEST { Ok(()) } else { Err(refused(format!("{what} is {value}"))) }
}

/// Refuses a name that says nothing.
pub(super) fn named(what: &str, name: &str) -> Result<(), Error> {
    let says = name.chars().any(|letter| !letter.is_whitespace() && !letter.is_control());
    if says { Ok(()) } else { Err(refused(format!("{what} has no words"))) }
}

/// Refuses names that say nothing, and more or fewer than a figure holds.
pub(super) fn all_named<'a>(
    what: &str,
    names: impl ExactSizeIterator<Item = &'a str>,
    most: usize,
) -> Result<(), Error> {
    let count = names.len();
    if count == 0 || count > most {
        return Err(refused(format!("{count} of {what} are shown; a figure holds 1 to {most}")));
    }
    names.into_iter().try_for_each(|name| named(what, name))
}

/// Refuses a list of another length than the one it belongs to.
pub(super) fn same_length(what: &str, found: usize, needed: usize) -> Result<(), Error> {
    if found == needed { Ok(()) } else { Err(refused(format!("{found} {what} where {needed} belong"))) }
}

/// Refuses marks whose numbers are not finite or whose intervals are upside down.
pub(super) fn marks<'a>(what: &str, marks: impl IntoIterator<Item = &'a Stated<Mark>>) -> Result<(), Error> {
    marks.into_iter().filter_map(Stated::value).try_for_each(|mark| mark.check(what))
}

/// The least and the greatest of what is drawn; none when nothing is.
pub(super) fn extent(extents: impl IntoIterator<Item = (f64, f64)>) -> Option<(f64, f64)> {
    extents.into_iter().reduce(|(lo, hi), (least, greatest)| (lo.min(least), hi.max(greatest)))
}

/// Why values are missing, each reason once with the places that miss one.
pub(super) fn missing<'a, T: 'a>(values: impl IntoIterator<Item = (String, &'a Stated<T>)>) -> Vec<String> {
    let mut reasons: Vec<(String, Vec<String>)> = vec![];
    for (place, value) in values {
        let Stated::Undefined { undefined } = value else { continue };
        let why = undefined.to_string();
        match reasons.iter_mut().find(|(reason, _)| *reason == why) {
            Some((_, places)) => places.push(place),
            None => reasons.push((why, vec![place])),
        }
    }
    let note =
        |(why, places): (String, Vec<String>)| format!("{NOT_ESTIMABLE}, not estimable: {why} ({}).", some(&places, 6));
    reasons.into_iter().map(note).collect()
}

/// What stands in a value's place when there is none.
pub(super) const NOT_ESTIMABLE: &str = "n/e";

/// The first of some phrases, and how many more there are.
pub(super) fn some(phrases: &[String], most: usize) -> String {
    let shown = phrases.iter().take(most).cloned().collect::<Vec<_>>().join("; ");
    match phrases.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown}; and {more} more"),
    }
}

/// Whether any mark has an interval.
pub(super) fn any_interval<'a>(marks: impl IntoIterator<Item = &'a Stated<Mark>>) -> bool {
    marks.into_iter().filter_map(Stated::value).any(|mark| mark.interval.is_some())
}

/// How many, as a real number.
#[allow(clippy::cast_precision_loss, reason = "a figure holds fewer than 2^53 of anything")]
pub(super) const fn real(count: usize) -> f64 {
    count as f64
}
