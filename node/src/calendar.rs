//! Days and seconds as people read them: ISO 8601 dates, and RFC 3339 times in UTC.

use circuits::consent::Day;
use time::{Date, OffsetDateTime};

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
    fn what_no_calendar_holds_keeps_its_number() {
        assert_eq!(date(Day(u32::MAX)), "day 4294967295");
        assert_eq!(utc(Timestamp::new(u64::MAX)), "second 18446744073709551615");
    }
}
