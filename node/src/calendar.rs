//! Days and seconds as people read them: ISO 8601 dates, and RFC 3339 times in UTC.

use circuits::consent::Day;
use time::{Date, Month, OffsetDateTime};

use crate::units::{SECONDS_PER_DAY, Timestamp};

/// The date of a day, such as `2026-11-21`; a day after the year 9999 keeps its number.
#[must_use]
pub fn date(day: Day) -> String {
    let seconds = u64::from(day.0).saturating_mul(SECONDS_PER_DAY);
    calendar(seconds).map_or_else(|| format!("day {}", day.0), |time| iso(time.date()))
}

/// The second in UTC, such as `2026-11-21T09:24:02Z`; a second after the year 9999 keeps its number.
#[must_use]
pub fn utc(at: Timestamp) -> String {
    let Some(time) = calendar(at.get()) else { return format!("second {at}") };
    format!("{}T{:02}:{:02}:{:02}Z", iso(time.date()), time.hour(), time.minute(), time.second())
}

/// The day of an ISO 8601 date such as `2026-11-21`; none for any other text and for a date before 1970.
#[must_use]
pub fn parse_date(text: &str) -> Option<Day> {
    let number = |range| {
        let digits = text.get(range).filter(|digits: &&str| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        digits.parse::<u16>().ok()
    };
    let dashes = text.len() == 10 && text.get(4..5) == Some("-") && text.get(7..8) == Some("-");
    let [year, month, day] = [number(0..4)?, number(5..7)?, number(8..10)?];
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(i32::from(year), month, u8::try_from(day).ok()?).ok()?;
    if dashes { day_of(date) } else { None }
}

/// The day so many months later, the last of its month where that is shorter; none beyond the year 9999.
#[must_use]
pub fn months_after(start: Day, months: u16) -> Option<Day> {
    let date = calendar(u64::from(start.0).saturating_mul(SECONDS_PER_DAY))?.date();
    let count = date.year() * 12 + i32::from(u8::from(date.month())) - 1 + i32::from(months);
    let (year, month) = (count.div_euclid(12), Month::try_from(u8::try_from(count.rem_euclid(12)).ok()? + 1).ok()?);
    day_of(Date::from_calendar_date(year, month, date.day().min(month.length(year))).ok()?)
}

fn day_of(date: Date) -> Option<Day> {
    let seconds = u64::try_from(date.midnight().assume_utc().unix_timestamp()).ok()?;
    u32::try_from(seconds / SECONDS_PER_DAY).ok().map(Day)
}

fn calendar(seconds: u64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).ok()?).ok()
}

fn iso(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_seconds_read_as_the_calendar_has_them() {
        assert_eq!(date(Day(0)), "1970-01-01");
        assert_eq!(date(Day(11_016)), "2000-02-29");
        assert_eq!(date(Day(20_778)), "2026-11-21");
        assert_eq!(utc(Timestamp::new(1_795_252_830)), "2026-11-21T09:20:30Z");
    }

    #[test]
    fn dates_are_read_as_they_are_written_and_no_other_text_is_one() {
        for day in [0, 11_016, 20_778, 2_932_896] {
            assert_eq!(parse_date(&date(Day(day))), Some(Day(day)));
        }
        for text in
            ["", "2026-11-31", "2026-1-1", "2026/11/21", "+026-11-21", "1969-12-31", "2026-11-21T09", "２026-1-1"]
        {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    #[test]
    fn months_later_is_the_same_day_or_the_last_of_a_shorter_month() {
        let after = |text: &str, months| months_after(parse_date(text).unwrap(), months).map(date);
        assert_eq!(after("2026-01-31", 1).unwrap(), "2026-02-28");
        assert_eq!(after("2026-11-21", 24).unwrap(), "2028-11-21");
        assert_eq!(after("9999-12-01", 1), None);
    }

    #[test]
    fn what_no_calendar_holds_keeps_its_number() {
        assert_eq!(date(Day(u32::MAX)), "day 4294967295");
        assert_eq!(utc(Timestamp::new(u64::MAX)), "second 18446744073709551615");
    }
}
