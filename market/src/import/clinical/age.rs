//! Ages: between two dates, or as stated; in completed steps, and only as far as the source is precise.

use dashu::{integer::IBig, rational::RBig};
use time::{Date, Month};

use super::{limits::DURATION_MAX, moment::Moment, number::ratio, unit::Step};

/// Days of a mean Julian year and a twelfth of it, which UCUM calls `a_j` and `mo_j`.
const YEAR_DAYS: (i64, u32) = (1461, 4);
const MONTH_DAYS: (i64, u32) = (487, 16);

/// What a source says of an age.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Age {
    /// Between birth and an event.
    Dates {
        /// Birth.
        birth: Moment,
        /// The event.
        event: Moment,
    },
    /// Stated, in days: from the first, up to but without the second unless they are equal.
    Stated(RBig, RBig),
}

/// What to do with an age that the source does not give as precisely as the attribute stores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Imprecise {
    /// Refuse it.
    Refuse,
    /// Take the middle of what it may be.
    Middle,
}

/// An age in steps, and whether it is exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Steps {
    /// Every day that the source allows gives this age.
    Exact(u32),
    /// The middle of several.
    Middle(u32),
}

/// Why there is no age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoAge {
    /// The event was before birth.
    BeforeBirth,
    /// The source allows several ages.
    Imprecise,
}

impl Age {
    /// Completed steps of `unit / scale`: ages are cut, not rounded, as people count them. Between dates, years and
    /// months are those of the calendar: a person born on 29 February completes a year on 1 March, and the part of a
    /// year or month is that of its days.
    pub(super) fn steps(&self, step: Step, scale: u32, imprecise: Imprecise) -> Result<Steps, NoAge> {
        let (least, most) = match self {
            Self::Dates { birth, event } if event.last < birth.first => (IBig::NEG_ONE, IBig::NEG_ONE),
            Self::Dates { birth, event } => (
                elapsed(birth.last, event.first.max(birth.last), step, scale),
                elapsed(birth.first, event.last, step, scale),
            ),
            Self::Stated(least, most) => {
                let in_steps = |days: &RBig| days * RBig::from(scale) / days_of(step);
                let (first, end) = (in_steps(least).floor(), in_steps(most).ceil());
                let last = end - IBig::ONE;
                (first.clone(), if last < first { first } else { last })
            }
        };
        let whole = |steps: IBig| u32::try_from(steps).map_err(|_| NoAge::BeforeBirth);
        match (least == most, imprecise) {
            (true, _) => whole(least).map(Steps::Exact),
            (false, Imprecise::Refuse) => Err(NoAge::Imprecise),
            (false, Imprecise::Middle) => whole(self.middle(step, scale)).map(Steps::Middle),
        }
    }

    fn middle(&self, step: Step, scale: u32) -> IBig {
        match self {
            Self::Dates { birth, event } => elapsed(birth.middle(), event.middle().max(birth.middle()), step, scale),
            Self::Stated(least, most) => ((least + most) / RBig::from(2) * RBig::from(scale) / days_of(step)).floor(),
        }
    }

    /// An ISO 8601 duration of whole years, months, weeks and days, such as `P3Y2M`. Its last part says how precise it
    /// is: `P70Y` is any day of the year after the seventieth birthday.
    pub(super) fn duration(text: &str) -> Option<Self> {
        let mut rest = text.strip_prefix('P').filter(|rest| !rest.is_empty())?;
        let (mut days, mut finest) = (RBig::ZERO, None);
        while !rest.is_empty() {
            let (count, after) = rest.split_at_checked(rest.find(|letter: char| !letter.is_ascii_digit())?)?;
            let count = count.parse::<u32>().ok().filter(|count| *count <= DURATION_MAX)?;
            let (letter, after) = after.split_at_checked(1)?;
            let step = match letter {
                "Y" => Step::Year,
                "M" => Step::Month,
                "W" => Step::Week,
                "D" => Step::Day,
                _ => return None,
            };
            if finest.is_some_and(|finest| step >= finest) {
                return None;
            }
            (days, finest, rest) = (days + days_of(step) * RBig::from(count), Some(step), after);
        }
        let end = &days + days_of(finest?);
        Some(Self::Stated(days, end))
    }

    /// An age as a number of steps: a whole number has been completed, any other is exact.
    pub(super) fn counted(number: &RBig, step: Step) -> Option<Self> {
        if *number < RBig::ZERO || *number > RBig::from(DURATION_MAX) {
            return None;
        }
        let days = |number: &RBig| number * days_of(step);
        let end = if number.is_int() { number + RBig::ONE } else { number.clone() };
        Some(Self::Stated(days(number), days(&end)))
    }

    /// From the beginning of one stated age to the end of another.
    pub(super) fn range(start: Self, end: Self) -> Option<Self> {
        match (start, end) {
            (Self::Stated(first, _), Self::Stated(_, end)) if first <= end => Some(Self::Stated(first, end)),
            _ => None,
        }
    }
}

fn days_of(step: Step) -> RBig {
    match step {
        Step::Year => ratio(YEAR_DAYS.0, YEAR_DAYS.1),
        Step::Month => ratio(MONTH_DAYS.0, MONTH_DAYS.1),
        Step::Week => RBig::from(7),
        Step::Day => RBig::ONE,
    }
}

/// Completed steps from one day to a later one.
fn elapsed(from: Date, to: Date, step: Step, scale: u32) -> IBig {
    let days = |from: Date, to: Date| i64::from(to.to_julian_day()) - i64::from(from.to_julian_day());
    let months = match step {
        Step::Day => return IBig::from(days(from, to)) * IBig::from(scale),
        Step::Week => return IBig::from(days(from, to)) * IBig::from(scale) / IBig::from(7),
        Step::Month => 1,
        Step::Year => 12,
    };
    let apart = month_number(to) - month_number(from);
    let mut completed = apart.div_euclid(months);
    if anniversary(from, completed * months) > to {
        completed -= 1;
    }
    let (last, next) = (anniversary(from, completed * months), anniversary(from, (completed + 1) * months));
    let part = IBig::from(days(last, to)) * IBig::from(scale) / IBig::from(days(last, next).max(1));
    IBig::from(completed) * IBig::from(scale) + part
}

fn month_number(day: Date) -> i64 {
    i64::from(day.year()) * 12 + i64::from(u8::from(day.month())) - 1
}

/// The same day so many months later, or the first of the month after, where that month has no such day.
fn anniversary(day: Date, months: i64) -> Date {
    let of_month = |number: i64, of: u8| {
        let month = Month::try_from(u8::try_from(number.rem_euclid(12) + 1).ok()?).ok()?;
        Date::from_calendar_date(i32::try_from(number.div_euclid(12)).ok()?, month, of).ok()
    };
    let number = month_number(day) + months;
    of_month(number, day.day()).or_else(|| of_month(number + 1, 1)).unwrap_or(Date::MAX)
}
