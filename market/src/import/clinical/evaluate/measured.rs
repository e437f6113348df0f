//! One value of several measurements.

use std::{cmp::Ordering, sync::Arc};

use circuits::schema::Attribute;
use dashu::rational::RBig;
use time::{Date, Duration};

use super::{Asked, Outcome, in_range, stored};
use crate::import::clinical::{
    cause::{Cause, Verdict},
    facts::{CodedValue, Measurement, Person, Placed, Value, When, WrittenUnit},
    mapping::{Measured, Take},
    moment::Moment,
    number::nearest,
    report::{Note, Place},
    unit::{NoConversion, Substance, Unit},
};

/// A measurement within the window: its value in the attribute's unit, or why it has none.
struct Candidate {
    place: Arc<Place>,
    time: Option<Moment>,
    value: Result<RBig, Note>,
}

impl Candidate {
    fn number(&self) -> Option<&RBig> {
        self.value.as_ref().ok()
    }

    fn order(&self, other: &Self) -> Option<Ordering> {
        self.time?.order(&other.time?)
    }
}

impl Asked<'_> {
    /// A number.
    pub(super) fn measured(
        self,
        person: &Person,
        measured: &Measured,
        (unit, substance): (&Unit, &Substance),
        attribute: &Attribute,
    ) -> Outcome {
        let convert = |value: &Value, place: &Arc<Place>| match value {
            Value::Quantity(number, written) => self.convert(number, written, (unit, substance), place),
            Value::Coded(_) => Err(Note::new(Cause::OtherKind, place)),
        };
        let (value, mut outcome) = self.choose(person, measured, convert);
        match value.map(|value| stored(&value, attribute)) {
            Some(Ok(stored)) => outcome.stored = Some(stored),
            Some(Err(cause)) => outcome.notes.extend(outcome.from.drain(..).map(|place| Note::new(cause, &place))),
            None => {}
        }
        outcome
    }

    /// A code as a number.
    pub(super) fn category(
        self,
        person: &Person,
        measured: &Measured,
        values: &[(CodedValue, u32)],
        attribute: &Attribute,
    ) -> Outcome {
        let convert = |value: &Value, place: &Arc<Place>| {
            let Value::Coded(coded) = value else { return Err(Note::new(Cause::OtherKind, place)) };
            let mut found = values.iter().filter(|(value, _)| same(value, coded)).map(|(_, stored)| *stored);
            match found.next() {
                None => Err(Note::with(Cause::CodeNotMapped, place, coded.to_string())),
                Some(first) if found.all(|other| other == first) => Ok(RBig::from(first)),
                Some(_) => Err(Note::with(Cause::SeveralValues, place, coded.to_string())),
            }
        };
        let (value, mut outcome) = self.choose(person, measured, convert);
        let stored = value.and_then(|value| u32::try_from(nearest(&value)).ok());
        outcome.stored = stored.and_then(|stored| in_range(Some(stored), attribute).ok());
        outcome
    }

    /// A number in the attribute's unit.
    fn convert(
        self,
        number: &RBig,
        written: &WrittenUnit,
        (to, substance): (&Unit, &Substance),
        place: &Arc<Place>,
    ) -> Result<RBig, Note> {
        let unknown = |text: &str| Note::with(Cause::UnknownUnit, place, text);
        let from = match written {
            WrittenUnit::Unsaid => return Err(Note::new(Cause::NoUnit, place)),
            WrittenUnit::Ucum(code) if code.is_empty() => return Err(Note::new(Cause::NoUnit, place)),
            WrittenUnit::Other(text) => self.mapping.units.get(text).cloned().ok_or_else(|| unknown(text))?,
            WrittenUnit::Ucum(code) => match self.mapping.units.get(code) {
                Some(unit) => unit.clone(),
                None => Unit::parse(code).map_err(|_| unknown(code))?,
            },
        };
        from.convert(number, to, substance).map_err(|none| {
            let cause = match none {
                NoConversion::Incommensurable => Cause::OtherUnit,
                NoConversion::NeedsMolarMass => Cause::NeedsMolarMass,
                NoConversion::NeedsHba1c => Cause::NeedsHba1c,
            };
            Note::with(cause, place, format!("{from}, wanted {to}"))
        })
    }

    fn choose(
        self,
        person: &Person,
        measured: &Measured,
        convert: impl Fn(&Value, &Arc<Place>) -> Result<RBig, Note>,
    ) -> (Option<RBig>, Outcome) {
        let mut outcome = Outcome::default();
        let mut candidates = Vec::new();
        let asked = person.measurements.iter().filter(|found| measured.codes.matches(&found.fact.codes));
        for Placed { place, fact } in asked {
            match self.candidate(fact, place, measured, &convert) {
                Ok(candidate) => candidates.push(candidate),
                Err(note) => outcome.notes.push(note),
            }
        }
        let value = choose(measured.take, candidates, &mut outcome);
        (value, outcome)
    }

    /// A measurement that counts; a note where a rule leaves it out.
    fn candidate(
        self,
        fact: &Measurement,
        place: &Arc<Place>,
        measured: &Measured,
        convert: impl Fn(&Value, &Arc<Place>) -> Result<RBig, Note>,
    ) -> Result<Candidate, Note> {
        let note = |cause| Note::new(cause, place);
        let time = match fact.time {
            When::At(moment) => Some(moment),
            When::Unsaid | When::Unreadable => None,
        };
        let value = match &fact.value {
            Err(cause) if cause.verdict() == Verdict::Skipped => return Err(note(*cause)),
            Err(cause) => Err(note(*cause)),
            Ok(value) => convert(value, place),
        };
        let (from, windowed) = self.window(measured);
        let in_window = time.map(|time| (time.within(None, self.on), time.within(from, self.on)));
        let value = match (in_window, fact.time) {
            (Some((Some(false), _)), _) => return Err(note(Cause::AfterReferenceDay)),
            (Some((_, Some(false))), _) => return Err(note(Cause::OutsideWindow)),
            (Some((_, None)), _) => Err(note(Cause::ImpreciseDate)),
            (None, When::Unreadable) => Err(note(Cause::UnreadableDate)),
            (None, _) if windowed => Err(note(Cause::Undated)),
            _ => value,
        };
        Ok(Candidate { place: Arc::clone(place), time, value })
    }

    /// The first day of the window, and whether there is one.
    fn window(self, measured: &Measured) -> (Option<Date>, bool) {
        let days = measured.within_days.map(|days| Duration::days(i64::from(days) - 1));
        let within = days.map(|days| self.on.checked_sub(days).unwrap_or(Date::MIN));
        let from = within.max(measured.since);
        (from, from.is_some())
    }
}

fn same(value: &CodedValue, found: &CodedValue) -> bool {
    match (value, found) {
        (CodedValue::Codes(values), CodedValue::Codes(found)) => values.iter().any(|code| found.contains(code)),
        (CodedValue::Boolean(value), CodedValue::Boolean(found)) => value == found,
        _ => false,
    }
}

/// The value that is taken. One that cannot be read might be the one, so that there is none then, unless its time shows
/// that it is neither the latest nor the first that is asked for.
fn choose(take: Take, candidates: Vec<Candidate>, outcome: &mut Outcome) -> Option<RBig> {
    let chosen = match take {
        Take::Latest => in_time(&candidates, Ordering::Greater),
        Take::First => in_time(&candidates, Ordering::Less),
        Take::Only | Take::Mean | Take::Min | Take::Max => of_all(take, &candidates),
    };
    let (value, blocked) = match chosen {
        Ok(value) => (value, None),
        Err(cause) => (None, Some(cause)),
    };
    for candidate in candidates {
        let Candidate { place, value: own, .. } = candidate;
        match (own, blocked, &value) {
            (Err(note), ..) => outcome.notes.push(note),
            (Ok(_), Some(cause), _) => outcome.notes.push(Note::new(cause, &place)),
            (Ok(own), None, Some(value)) if take == Take::Mean || own == *value => outcome.from.push(place),
            (Ok(_), None, _) => outcome.notes.push(Note::new(Cause::NotTaken, &place)),
        }
    }
    value
}

/// The only, mean, least or greatest of all; none where one of them cannot be read.
fn of_all(take: Take, candidates: &[Candidate]) -> Result<Option<RBig>, Cause> {
    let Some(numbers) = candidates.iter().map(Candidate::number).collect::<Option<Vec<_>>>() else { return Ok(None) };
    let Some(first) = numbers.first() else { return Ok(None) };
    Ok(match take {
        Take::Min => numbers.iter().min().map(|number| (*number).clone()),
        Take::Max => numbers.iter().max().map(|number| (*number).clone()),
        Take::Mean => {
            let sum = numbers.iter().fold(RBig::ZERO, |sum, number| sum + *number);
            Some(sum / RBig::from(numbers.len()))
        }
        _ if numbers.iter().all(|number| number == first) => Some((*first).clone()),
        _ => return Err(Cause::SeveralValues),
    })
}

/// The value whose time is last, or first: it must be so for certain, or the others at its time must be equal.
fn in_time(candidates: &[Candidate], direction: Ordering) -> Result<Option<RBig>, Cause> {
    if let [only] = candidates {
        return Ok(only.number().cloned());
    }
    if candidates.iter().any(|candidate| candidate.time.is_none()) {
        return Err(Cause::Undated);
    }
    let behind = |leader: &Candidate, other: &Candidate| {
        std::ptr::eq(leader, other)
            || leader.order(other) == Some(direction)
            || leader.number().is_some() && leader.number() == other.number()
    };
    let leader = match direction {
        Ordering::Less => candidates.iter().min_by_key(|candidate| candidate.time.map(|time| time.until)),
        _ => candidates.iter().max_by_key(|candidate| candidate.time.map(|time| time.from)),
    };
    match leader.filter(|leader| candidates.iter().all(|other| behind(leader, other))) {
        Some(leader) => Ok(leader.number().cloned()),
        None if candidates.is_empty() => Ok(None),
        None => Err(Cause::SameTime),
    }
}
