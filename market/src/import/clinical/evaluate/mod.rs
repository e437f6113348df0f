//! The rules, applied to what is said of a person.

mod ages;
mod measured;
mod presence;

pub(super) use self::ages::taken;
use std::{collections::BTreeMap, sync::Arc};

use circuits::{
    record::{ATTRIBUTES, Attributes, MISSING},
    schema::Attribute,
};
use dashu::rational::RBig;
use time::Date;

use super::{
    cause::Cause,
    facts::{Death, Person, When},
    mapping::{CheckedMapping, Rule, Target},
    number::nearest,
    report::{AttributeReport, Note, PersonReport, Place},
};
use crate::import::AttributeRow;

/// Which rules apply to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Fhir,
    Phenopacket,
}

/// What became of one attribute.
#[derive(Debug, Clone, Default)]
pub(super) struct Outcome {
    /// The stored value; none when it is missing.
    pub(super) stored: Option<u32>,
    /// What it is from.
    pub(super) from: Vec<Arc<Place>>,
    pub(super) notes: Vec<Note>,
}

impl Outcome {
    /// A value from one place.
    pub(super) fn from_place(stored: u32, place: &Arc<Place>) -> Self {
        Self { stored: Some(stored), from: vec![Arc::clone(place)], notes: Vec::new() }
    }

    /// Missing, for one cause.
    pub(super) fn missing(note: Note) -> Self {
        Self { stored: None, from: Vec::new(), notes: vec![note] }
    }
}

/// The reference day and the mapping.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) on: Date,
    pub(super) mapping: &'a CheckedMapping,
}

/// What became of each person's attributes, by name and by the target's place in the mapping.
pub(super) type Outcomes = BTreeMap<String, Vec<Vec<Outcome>>>;

impl Asked<'_> {
    /// Applies every rule of a kind of source to a person.
    pub(super) fn person(self, person: &Person, kind: Kind, outcomes: &mut Outcomes) {
        let targets = &self.mapping.targets;
        let entry = outcomes.entry(person.name.clone()).or_insert_with(|| vec![Vec::new(); targets.len()]);
        for (target, outcomes) in targets.iter().zip(entry) {
            let rule = if kind == Kind::Fhir { &target.fhir } else { &target.phenopacket };
            outcomes.extend(rule.as_ref().map(|rule| self.rule(rule, person, &target.attribute)));
        }
    }

    fn rule(self, rule: &Rule, person: &Person, attribute: &Attribute) -> Outcome {
        match rule {
            Rule::Age(age) => self.age(person, *age, attribute),
            Rule::LastAge(age) => self.last_age(person, *age, attribute),
            Rule::Sex(values) => sex(person, values),
            Rule::Deceased(otherwise) => self.deceased(person, *otherwise, attribute),
            Rule::Presence(presence) => self.presence(person, presence, attribute),
            Rule::Onset(presence, age) => self.onset(person, presence, *age, attribute),
            Rule::Measured(measured, unit, substance) => self.measured(person, measured, (unit, substance), attribute),
            Rule::Category(measured, values) => self.category(person, measured, values, attribute),
        }
    }

    fn deceased(self, person: &Person, otherwise: Option<u32>, attribute: &Attribute) -> Outcome {
        let place = &person.place;
        let died = |when| match when {
            // Dead when the source was written, some day.
            When::Unsaid => Err(Cause::Undated),
            When::Unreadable => Err(Cause::UnreadableDate),
            When::At(moment) => moment.within(None, self.on).ok_or(Cause::ImpreciseDate),
        };
        match person.individual.death {
            Death::Unsaid => Outcome { stored: otherwise, ..Outcome::default() },
            Death::Living => Outcome::from_place(0, place),
            Death::Died(when) => match died(when) {
                Ok(died) => Outcome::from_place(u32::from(died).saturating_mul(attribute.scale), place),
                Err(cause) => Outcome::missing(Note::new(cause, place)),
            },
        }
    }
}

fn sex(person: &Person, values: &BTreeMap<String, u32>) -> Outcome {
    let Some(sex) = &person.individual.sex else {
        return Outcome::missing(Note::new(Cause::NoValue, &person.place));
    };
    match values.get(sex) {
        Some(stored) => Outcome::from_place(*stored, &person.place),
        None => Outcome::missing(Note::with(Cause::CodeNotMapped, &person.place, sex)),
    }
}

/// A value in the attribute's unit as it is stored: times the scale, to the nearest whole number, if that is in range.
pub(super) fn stored(value: &RBig, attribute: &Attribute) -> Result<u32, Cause> {
    let scaled = nearest(&(value * RBig::from(attribute.scale)));
    in_range(u32::try_from(scaled).ok(), attribute)
}

/// A stored value, if it is in the attribute's range.
pub(super) fn in_range(stored: Option<u32>, attribute: &Attribute) -> Result<u32, Cause> {
    stored.filter(|stored| (attribute.lo..=attribute.hi).contains(stored)).ok_or(Cause::OutOfRange)
}

/// A person's row and report, from what all sources say.
pub(super) fn combined(name: String, outcomes: Vec<Vec<Outcome>>, targets: &[Target]) -> (AttributeRow, PersonReport) {
    let mut values = [MISSING; ATTRIBUTES];
    let mut attributes = Vec::new();
    for (target, outcomes) in targets.iter().zip(outcomes) {
        let outcome = agreed(outcomes);
        if let (Some(value), Some(stored)) = (values.get_mut(target.index), outcome.stored) {
            *value = stored;
        }
        attributes.push(AttributeReport {
            attribute: target.attribute.name.clone(),
            stored: outcome.stored,
            from: outcome.from.iter().map(|place| place.as_ref().clone()).collect(),
            notes: outcome.notes,
        });
    }
    let row = AttributeRow { sample: name.clone(), attributes: Attributes::new(values) };
    (row, PersonReport { person: name, attributes })
}

/// The value that sources agree on. One that says something goes before the `otherwise` of one that says nothing.
fn agreed(outcomes: Vec<Outcome>) -> Outcome {
    let mut agreed = Outcome::default();
    for outcome in outcomes {
        agreed.notes.extend(outcome.notes);
        match (agreed.stored, outcome.stored) {
            (_, None) => {}
            (Some(one), Some(other)) if one != other && !agreed.from.is_empty() && !outcome.from.is_empty() => {
                let disagree = |place| Note::new(Cause::SourcesDisagree, place);
                agreed.notes.extend(agreed.from.iter().chain(&outcome.from).map(disagree));
                return Outcome { notes: agreed.notes, ..Outcome::default() };
            }
            (Some(_), Some(_)) if outcome.from.is_empty() => {}
            _ => {
                if agreed.from.is_empty() {
                    agreed.stored = outcome.stored;
                }
                agreed.from.extend(outcome.from);
            }
        }
    }
    agreed
}
