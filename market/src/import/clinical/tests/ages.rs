//! Ages from dates and from what is stated.

use super::*;
use crate::import::clinical::{
    age::{Age, Imprecise, NoAge, Steps},
    moment::Moment,
    unit::Step,
};

fn between(birth: &str, event: &str) -> Age {
    Age::Dates { birth: Moment::parse(birth).unwrap(), event: Moment::parse(event).unwrap() }
}

fn exact(age: &Age, step: Step, scale: u32) -> Option<u32> {
    match age.steps(step, scale, Imprecise::Refuse) {
        Ok(Steps::Exact(steps)) => Some(steps),
        _ => None,
    }
}

/// By the calendar, counted by hand.
#[test]
fn ages_are_completed_steps_of_the_calendar() {
    for (birth, event, step, scale, expected) in [
        ("1980-03-01", "2020-02-29", Step::Year, 1, 39),
        ("1980-03-01", "2020-03-01", Step::Year, 1, 40),
        ("1980-02-29", "2019-02-28", Step::Year, 1, 38), // the birthday is 1 March
        ("1980-02-29", "2019-03-01", Step::Year, 1, 39),
        ("1980-02-29", "2020-02-29", Step::Year, 1, 40),
        ("1980-01-31", "1980-03-01", Step::Month, 1, 1), // February has no 31st
        ("1980-01-31", "1980-02-29", Step::Month, 1, 0),
        ("1980-03-01", "1980-03-01", Step::Year, 1, 0),
        ("1980-01-01", "1981-07-02", Step::Year, 10, 14), // 182 of 365 days
        ("1980-01-01", "1981-07-03", Step::Year, 10, 15), // 183
        ("1980-01-01", "1980-01-31", Step::Day, 1, 30),
        ("1980-01-01", "1980-01-31", Step::Week, 1, 4),
        ("1900-01-01", "2020-01-01T23:59:59-10:00", Step::Year, 1, 120),
    ] {
        assert_eq!(exact(&between(birth, event), step, scale), Some(expected), "{birth} to {event}");
    }
}

#[test]
fn an_age_that_dates_leave_open_is_refused_or_the_middle_is_taken() {
    let open = between("1980", "2020-06-01");
    assert_eq!(open.steps(Step::Year, 1, Imprecise::Refuse), Err(NoAge::Imprecise));
    assert_eq!(open.steps(Step::Year, 1, Imprecise::Middle), Ok(Steps::Middle(39))); // born on 1 July
    assert_eq!(exact(&between("1980-05", "2020-06-01"), Step::Year, 1), Some(40));
    assert_eq!(exact(&between("2020", "2020-06-01"), Step::Year, 1), Some(0));
}

#[test]
fn an_event_before_birth_has_no_age() {
    let before = between("1980-03-01", "1979-12-31");
    assert_eq!(before.steps(Step::Year, 1, Imprecise::Middle), Err(NoAge::BeforeBirth));
}

#[test]
fn stated_ages_are_as_precise_as_their_last_part() {
    for (text, step, scale, expected) in [
        ("P70Y", Step::Year, 1, Some(70)),
        ("P70Y", Step::Month, 1, None), // any month of that year
        ("P9Y3M", Step::Year, 1, Some(9)),
        ("P9Y3M", Step::Month, 1, Some(111)),
        ("P20D", Step::Year, 1, Some(0)),
        ("P20D", Step::Day, 1, Some(20)),
        ("P3W", Step::Day, 1, None),
        ("P3W", Step::Week, 1, Some(3)),
        ("P9Y", Step::Year, 10, None),
    ] {
        assert_eq!(exact(&Age::duration(text).unwrap(), step, scale), expected, "{text}");
    }
}

#[test]
fn what_is_no_duration_is_refused() {
    for text in ["", "P", "70Y", "P70", "PY", "P1M1Y", "P1Y1Y", "P-1Y", "P1.5Y", "PT1H", "P1Y2", "P9999999Y", "P1é"] {
        assert_eq!(Age::duration(text), None, "{text}");
    }
}

#[test]
fn the_dead_have_no_age_on_a_later_day() {
    let mapping = one("a", 1, 120, "fhir = { from = \"age\" }");
    let patient = |death: &str| {
        let text = format!(r#"{{"resourceType":"Patient","id":"p","birthDate":"1980-03-01"{death}}}"#);
        only(&[file("patient.json", &text)], &mapping)
    };
    assert_eq!(patient(""), (Some(39), vec![]));
    assert_eq!(patient(r#","deceasedBoolean":false"#), (Some(39), vec![]));
    assert_eq!(patient(r#","deceasedDateTime":"2020-02-01""#), (Some(39), vec![]));
    assert_eq!(patient(r#","deceasedDateTime":"2019-02-01""#), (None, vec![Cause::Died]));
    assert_eq!(patient(r#","deceasedBoolean":true"#), (None, vec![Cause::Died]));
}

#[test]
fn the_earliest_onset_is_taken_and_an_unknown_one_might_be_it() {
    let mapping = one("a", 1, 120, "fhir = { from = \"onset\", codes = [\"SNOMED:1\"] }");
    let onsets = |members: &[&str]| {
        let conditions: Vec<_> = members.iter().map(|members| condition(members)).collect();
        only(&[bundle(&conditions.iter().map(String::as_str).collect::<Vec<_>>())], &mapping)
    };
    let (early, late) = (r#","onsetDateTime":"2000-03-01""#, r#","onsetDateTime":"2010-03-01""#);
    assert_eq!(onsets(&[late, early]), (Some(20), vec![Cause::NotTaken]));
    assert_eq!(onsets(&[r#","onsetAge":{"value":12,"system":"http://unitsofmeasure.org","code":"a"}"#]).0, Some(12));
    assert_eq!(onsets(&[r#","onsetPeriod":{"start":"2000-03-01","end":"2000-03-09"}"#]).0, Some(20));
    assert_eq!(onsets(&[late, ""]), (None, vec![Cause::NotTaken, Cause::Undated]));
    assert_eq!(onsets(&[r#","onsetString":"as a child""#]), (None, vec![Cause::UnreadableDate]));
    assert_eq!(onsets(&[r#","onsetDateTime":"2000""#]), (None, vec![Cause::ImpreciseDate]));
    assert_eq!(onsets(&[r#","onsetDateTime":"1970-01-01""#]), (None, vec![Cause::BeforeBirth]));
    assert_eq!(onsets(&[]), (None, vec![]));
}
