//! When something happened, as precisely as it is said: a stretch of days, and of instants.

use std::cmp::Ordering;

use time::{Date, Month};

const SECONDS_OF_A_DAY: i64 = 86_400;
const JULIAN_DAY_OF_1970: i64 = 2_440_588;

/// A stretch of time within which something happened.
///
/// Days are those of the calendar where it was written; instants are UTC. A date without a time of day is its whole day
/// in UTC, since nothing says where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// First day it may have been.
    pub(super) first: Date,
    /// Last day it may have been.
    pub(super) last: Date,
    /// First second since 1970 it may have been.
    pub(super) from: i64,
    /// Last second since 1970 it may have been.
    pub(super) until: i64,
}

impl Moment {
    /// A FHIR date or dateTime (R4, section 2.24.0.1) or a protobuf timestamp: a year, a month, a day, or an instant
    /// with its offset. None for any other text.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (date, time) = text.split_once('T').map_or((text, None), |(date, time)| (date, Some(time)));
        let mut parts = date.split('-');
        let year = number(parts.next()?, 4)?;
        let month = parts.next().map(|month| number(month, 2)).map_or(Some(None), |month| month.map(Some))?;
        let day = parts.next().map(|day| number(day, 2)).map_or(Some(None), |day| day.map(Some))?;
        if parts.next().is_some() || year == 0 {
            return None;
        }
        let first = day_of(year, month.unwrap_or(1), day.unwrap_or(1))?;
        let last = match (month, day) {
            (Some(_), Some(_)) => first,
            (Some(month), _) => first_of_month(year, month.checked_add(1)?)?.previous_day()?,
            (None, _) => day_of(year, 12, 31)?,
        };
        match time {
            None => Some(Self::days(first, last)),
            Some(time) => {
                day?;
                let second = seconds(first).checked_add(second_of_day(time)?)?;
                Some(Self { first, last, from: second, until: second })
            }
        }
    }

    /// Whole days, from the first to the last.
    pub(super) fn days(first: Date, last: Date) -> Self {
        Self { first, last, from: seconds(first), until: seconds(last).saturating_add(SECONDS_OF_A_DAY - 1) }
    }

    /// From the beginning of one to the end of another; none when that runs backwards.
    pub(super) fn spanning(start: Self, end: Self) -> Option<Self> {
        let spanned = Self { first: start.first, last: end.last, from: start.from, until: end.until };
        (spanned.first <= spanned.last && spanned.from <= spanned.until).then_some(spanned)
    }

    /// Whether this was before another, when that is certain.
    pub(super) fn order(&self, other: &Self) -> Option<Ordering> {
        match (self.until.cmp(&other.from), self.from.cmp(&other.until)) {
            (Ordering::Less, _) => Some(Ordering::Less),
            (_, Ordering::Greater) => Some(Ordering::Greater),
            (Ordering::Equal, Ordering::Equal) => Some(Ordering::Equal),
            _ => None,
        }
    }

    /// Whether it lies within these days, both included; none when that is not certain.
    pub(super) fn within(&self, from: Option<Date>, until: Date) -> Option<bool> {
        let from = from.unwrap_or(Date::MIN);
        match (self.first >= from && self.last <= until, self.last < from || self.first > until) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        }
    }

    /// The day in its middle.
    pub(super) fn middle(&self) -> Date {
        let middle = i32::midpoint(self.first.to_julian_day(), self.last.to_julian_day());
        Date::from_julian_day(middle).unwrap_or(self.first)
    }
}

/// Exactly so many digits, as a number.
fn number(text: &str, digits: usize) -> Option<u16> {
    (text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

fn day_of(year: u16, month: u16, day: u16) -> Option<Date> {
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    Date::from_calendar_date(year.into(), month, u8::try_from(day).ok()?).ok()
}

/// The first of a month; the thirteenth month is the next January.
fn first_of_month(year: u16, month: u16) -> Option<Date> {
    if month > 12 { day_of(year.checked_add(1)?, 1, 1) } else { day_of(year, month, 1) }
}

fn seconds(day: Date) -> i64 {
    (i64::from(day.to_julian_day()) - JULIAN_DAY_OF_1970) * SECONDS_OF_A_DAY
}

/// Seconds after the local midnight, less the offset: `13:55:57.983+00:00`, `00:00:00Z`.
fn second_of_day(text: &str) -> Option<i64> {
    let zone = text.find(['Z', '+', '-'])?;
    let (clock, zone) = (text.get(..zone)?, text.get(zone..)?);
    let offset = match zone.split_at_checked(1)? {
        ("Z", "") => 0,
        ("+", offset) => minutes(offset, 14)?,
        ("-", offset) => -minutes(offset, 14)?,
        _ => return None,
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let (clock, second) = clock.rsplit_once(':').filter(|(clock, _)| clock.contains(':')).unwrap_or((clock, "00"));
    let second = number(second, 2).filter(|second| *second <= 60)?;
    let sound = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    sound.then(|| minutes(clock, 23)).flatten().map(|minute| (minute - offset) * 60 + i64::from(second))
}

/// Minutes of `hh:mm`.
fn minutes(text: &str, hours_max: u16) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let hours = number(hours, 2).filter(|hours| *hours <= hours_max)?;
    let minutes = number(minutes, 2).filter(|minutes| *minutes < 60)?;
    Some(i64::from(hours) * 60 + i64::from(minutes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Moment {
        Moment::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    fn days(text: &str) -> (String, String) {
        (at(text).first.to_string(), at(text).last.to_string())
    }

    #[test]
    fn partial_dates_are_all_the_days_they_may_be() {
        assert_eq!(days("2012"), ("2012-01-01".into(), "2012-12-31".into()));
        assert_eq!(days("2012-02"), ("2012-02-01".into(), "2012-02-29".into()));
        assert_eq!(days("2012-12"), ("2012-12-01".into(), "2012-12-31".into()));
        assert_eq!(days("2012-05-24"), ("2012-05-24".into(), "2012-05-24".into()));
        assert_eq!(days("1994-09-02T23:55:57-05:00"), ("1994-09-02".into(), "1994-09-02".into()));
    }

    #[test]
    fn instants_are_ordered_across_offsets_and_a_day_is_not_ordered_within_itself() {
        let order = |left, right| at(left).order(&at(right));
        assert_eq!(order("2020-01-01T00:30:00+01:00", "2019-12-31T23:30:00Z"), Some(Ordering::Equal));
        assert_eq!(order("2020-01-01T00:30:00+02:00", "2019-12-31T23:00:00Z"), Some(Ordering::Less));
        assert_eq!(order("2020-01-02", "2020-01-01T12:00:00.5Z"), Some(Ordering::Greater));
        assert_eq!(order("2020-01-01", "2020-01-01T12:00:00Z"), None);
        assert_eq!(order("2020", "2020-06-01"), None);
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "0000",
            "20",
            "20200",
            "2020-13",
            "2020-00",
            "2020-02-30",
            "2020-1-1",
            "2020-01-01T",
            "2020T10:00:00Z",
            "2020-01-01T10:00:00",
            "2020-01-01T25:00:00Z",
            "2020-01-01T10:61:00Z",
            "2020-01-01T10:00:61Z",
            "2020-01-01T10:00:00+15:00",
            "2020-01-01T10:00:00.Z",
            "2020-01-01T10:00:00é",
            "2020-01-01-01",
            "-2020",
            "2020-01-01 10:00",
            "approximately November 2012",
        ] {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
    }
}
