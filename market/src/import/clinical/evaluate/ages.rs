//! Ages: on the reference day, at the last encounter, at onset.

use std::sync::Arc;

use circuits::schema::Attribute;

use super::{
    Asked, Outcome, in_range,
    presence::{Said, asked_for},
};
use crate::import::clinical::{
    age::{Age, NoAge, Steps},
    cause::Cause,
    facts::{Death, Onset, Person, Placed, When},
    mapping::{self, Presence},
    moment::Moment,
    report::{Note, Place},
};

impl Asked<'_> {
    /// The age on the reference day, for whoever lived then.
    pub(super) fn age(self, person: &Person, rule: mapping::Age, attribute: &Attribute) -> Outcome {
        let died = match person.individual.death {
            Death::Died(When::At(moment)) => match moment.within(None, self.on) {
                Some(false) => None,
                Some(true) => Some(Cause::Died),
                None => Some(Cause::ImpreciseDate),
            },
            Death::Died(_) => Some(Cause::Died),
            Death::Unsaid | Death::Living => None,
        };
        if let Some(cause) = died {
            return Outcome::missing(Note::new(cause, &person.place));
        }
        let event = Moment::days(self.on, self.on);
        taken(between(person, event), rule, attribute, &person.place)
    }

    /// The age at the last encounter, as stated or by dates.
    pub(super) fn last_age(self, person: &Person, rule: mapping::Age, attribute: &Attribute) -> Outcome {
        taken(age_of(person, &person.individual.last_age), rule, attribute, &person.place)
    }

    /// The age at the earliest onset. An onset of which no age is known may be the earliest, so there is none then.
    pub(super) fn onset(
        self,
        person: &Person,
        presence: &Presence,
        rule: mapping::Age,
        attribute: &Attribute,
    ) -> Outcome {
        let mut outcomes: Vec<(Arc<Place>, Outcome)> = Vec::new();
        let mut notes = Vec::new();
        for Placed { place, fact } in asked_for(person, presence) {
            match self.said(fact, presence) {
                Said::Present => {
                    outcomes.push((Arc::clone(place), taken(age_of(person, &fact.onset), rule, attribute, place)))
                }
                Said::Doubtful(cause) => {
                    outcomes.push((Arc::clone(place), Outcome::missing(Note::new(cause, place))));
                }
                Said::Absent => notes.push(Note::new(Cause::NoValue, place)),
                Said::Nothing(cause) => notes.push(Note::new(cause, place)),
            }
        }
        let known = outcomes.iter().all(|(_, outcome)| outcome.stored.is_some());
        let earliest = outcomes.iter().filter_map(|(_, outcome)| outcome.stored).min().filter(|_| known);
        let mut from = Vec::new();
        for (place, outcome) in outcomes {
            notes.extend(outcome.notes);
            match earliest {
                Some(_) if outcome.stored == earliest => from.push(place),
                _ if outcome.stored.is_some() => notes.push(Note::new(Cause::NotTaken, &place)),
                _ => {}
            }
        }
        Outcome { stored: earliest, from, notes }
    }
}

fn between(person: &Person, event: Moment) -> Result<Age, Cause> {
    match person.individual.birth {
        When::At(birth) => Ok(Age::Dates { birth, event }),
        When::Unsaid => Err(Cause::NoBirthDate),
        When::Unreadable => Err(Cause::UnreadableDate),
    }
}

fn age_of(person: &Person, onset: &Onset) -> Result<Age, Cause> {
    match onset {
        Onset::At(moment) => between(person, *moment),
        Onset::Age(age) => Ok(age.clone()),
        Onset::Unsaid => Err(Cause::Undated),
        Onset::Unreadable => Err(Cause::UnreadableDate),
    }
}

/// An age in the attribute's steps.
pub(in crate::import::clinical) fn taken(
    age: Result<Age, Cause>,
    rule: mapping::Age,
    attribute: &Attribute,
    place: &Arc<Place>,
) -> Outcome {
    let steps = age.and_then(|age| {
        age.steps(rule.step, attribute.scale, rule.imprecise).map_err(|none| match none {
            NoAge::BeforeBirth => Cause::BeforeBirth,
            NoAge::Imprecise => Cause::ImpreciseDate,
        })
    });
    let (steps, adjusted) = match steps {
        Ok(Steps::Exact(steps)) => (Ok(steps), None),
        Ok(Steps::Middle(steps)) => (Ok(steps), Some(Note::new(Cause::MiddleOfDates, place))),
        Err(cause) => (Err(cause), None),
    };
    match steps.and_then(|steps| in_range(Some(steps), attribute)) {
        Ok(stored) => Outcome { notes: adjusted.into_iter().collect(), ..Outcome::from_place(stored, place) },
        Err(cause) => Outcome::missing(Note::new(cause, place)),
    }
}
