//! A mapping that fits its schema, ready to be applied.

use std::collections::{BTreeMap, BTreeSet};

use circuits::{
    consent::Day,
    record::ATTRIBUTES,
    schema::{Attribute, Schema},
};
use time::Date;

use super::{AttributeMapping, Mapping, PersonNaming, PhenopacketName, Take, Verification, refused, rules::Rules};
use crate::{
    Error,
    import::clinical::{
        age::Imprecise,
        code::CodeSet,
        facts::{CodedValue, FindingKind},
        moment::Moment,
        unit::{Step, Substance, Unit},
    },
};

/// The default name of the column that names people.
const SAMPLE_COLUMN: &str = "sample";
const JULIAN_DAY_OF_1970: i32 = 2_440_588;

/// A mapping whose every rule fits the schema: codes and units are sound, and numbers lie in the attributes' ranges.
#[derive(Debug, Clone)]
pub struct CheckedMapping {
    pub(in crate::import::clinical) on: Option<Date>,
    pub(in crate::import::clinical) naming: Naming,
    pub(in crate::import::clinical) units: BTreeMap<String, Unit>,
    pub(in crate::import::clinical) targets: Vec<Target>,
}

/// How people are named.
#[derive(Debug, Clone)]
pub(in crate::import::clinical) struct Naming {
    pub(in crate::import::clinical) fhir_identifier: Option<String>,
    pub(in crate::import::clinical) phenopacket: PhenopacketName,
    pub(in crate::import::clinical) column: String,
}

/// An attribute with its rules.
#[derive(Debug, Clone)]
pub(in crate::import::clinical) struct Target {
    /// Its place in the schema.
    pub(in crate::import::clinical) index: usize,
    pub(in crate::import::clinical) attribute: Attribute,
    pub(in crate::import::clinical) fhir: Option<Rule>,
    pub(in crate::import::clinical) phenopacket: Option<Rule>,
    pub(in crate::import::clinical) csv: Option<Table>,
}

/// A rule for FHIR or phenopackets.
#[derive(Debug, Clone)]
pub(in crate::import::clinical) enum Rule {
    Age(Age),
    LastAge(Age),
    Sex(BTreeMap<String, u32>),
    Deceased(Option<u32>),
    Presence(Presence),
    Onset(Presence, Age),
    Measured(Measured, Unit, Substance),
    Category(Measured, Vec<(CodedValue, u32)>),
}

/// In which steps an age is counted.
#[derive(Debug, Clone, Copy)]
pub(in crate::import::clinical) struct Age {
    pub(in crate::import::clinical) step: Step,
    pub(in crate::import::clinical) imprecise: Imprecise,
}

/// What counts as present.
#[derive(Debug, Clone)]
pub(in crate::import::clinical) struct Presence {
    pub(in crate::import::clinical) kinds: &'static [FindingKind],
    pub(in crate::import::clinical) codes: CodeSet,
    pub(in crate::import::clinical) active: bool,
    pub(in crate::import::clinical) verification: Vec<Verification>,
    pub(in crate::import::clinical) otherwise: Option<u32>,
}

/// Which measurements count, and which is taken.
#[derive(Debug, Clone)]
pub(in crate::import::clinical) struct Measured {
    pub(in crate::import::clinical) codes: CodeSet,
    pub(in crate::import::clinical) take: Take,
    pub(in crate::import::clinical) within_days: Option<u32>,
    pub(in crate::import::clinical) since: Option<Date>,
}

/// A column and what its cells mean.
#[derive(Debug, Clone)]
pub(in crate::import::clinical) struct Table {
    pub(in crate::import::clinical) column: String,
    pub(in crate::import::clinical) rule: TableRule,
}

/// What a column's cells mean.
#[derive(Debug, Clone)]
pub(in crate::import::clinical) enum TableRule {
    /// A number in the first unit, wanted in the second.
    Number(Box<(Unit, Unit)>, Substance),
    Category(BTreeMap<String, u32>),
    Age(Age),
}

impl Mapping {
    /// Checks the mapping against its schema; `name` says whose it is in errors.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] that names attribute and source, for an attribute that the schema lacks or defines
    /// otherwise, a rule that the source does not have, a code, unit or date that is none, or a number out of range.
    pub fn check(&self, name: &str, schema: &Schema) -> Result<CheckedMapping, Error> {
        let mut seen = BTreeSet::new();
        let mut targets = Vec::new();
        for mapped in &self.attributes {
            let place = format!("attribute {:?}", mapped.name);
            if !seen.insert(&mapped.name) {
                return Err(refused(name, &place, "it is mapped twice".into()));
            }
            let target = self.target(mapped, schema);
            targets.push(target.map_err(|(source, why)| refused(name, &format!("{place}{source}"), why))?);
        }
        let unit = |(written, code): (&String, &String)| match Unit::parse(code) {
            Ok(unit) => Ok((written.clone(), unit)),
            Err(why) => Err(refused(name, "units", format!("{code:?} is no UCUM unit: {why}"))),
        };
        let PersonNaming { fhir_identifier, phenopacket, csv_column } = self.person.clone();
        Ok(CheckedMapping {
            on: self.on.as_deref().map(day).transpose().map_err(|why| refused(name, "on", why))?,
            naming: Naming {
                fhir_identifier,
                phenopacket,
                column: csv_column.unwrap_or_else(|| SAMPLE_COLUMN.to_owned()),
            },
            units: self.units.iter().map(unit).collect::<Result<_, _>>()?,
            targets,
        })
    }

    fn target(&self, mapped: &AttributeMapping, schema: &Schema) -> Result<Target, (&'static str, String)> {
        let index = schema.attribute_index(&mapped.name).filter(|index| *index < ATTRIBUTES);
        let attribute = index.and_then(|index| schema.attributes.get(index));
        let (Some(index), Some(attribute)) = (index, attribute) else {
            let known: Vec<_> = schema.attributes.iter().map(|attribute| attribute.name.as_str()).collect();
            return Err(("", format!("the schema has no such attribute; it has {}", known.join(", "))));
        };
        if mapped.define.as_ref().is_some_and(|define| define.attribute(&mapped.name) != *attribute) {
            return Err(("", "the schema defines it otherwise; derive the schema again, or drop `define`".into()));
        }
        let rules = Rules { mapping: self, attribute };
        let fhir = mapped.fhir.as_ref().map(|rule| rules.fhir(rule)).transpose();
        let phenopacket = mapped.phenopacket.as_ref().map(|rule| rules.phenopacket(rule)).transpose();
        Ok(Target {
            index,
            attribute: attribute.clone(),
            fhir: fhir.map_err(|why| (", fhir", why))?,
            phenopacket: phenopacket.map_err(|why| (", phenopacket", why))?,
            csv: mapped.csv.as_ref().map(|rule| rules.table(rule)).transpose().map_err(|why| (", csv", why))?,
        })
    }
}

impl CheckedMapping {
    /// The reference day: the caller's, or else the mapping's own, or else `today`.
    pub(in crate::import::clinical) fn reference(&self, on: Option<Day>, today: Day) -> Date {
        match (on, self.on) {
            (None, Some(own)) => own,
            (on, _) => date_of(on.unwrap_or(today)),
        }
    }
}

/// The day of a date `YYYY-MM-DD` from 1970 on.
///
/// # Errors
/// Says that the text is no such day.
pub fn parse_day(text: &str) -> Result<Day, String> {
    let days = day(text)?.to_julian_day() - JULIAN_DAY_OF_1970;
    u32::try_from(days).map(Day).map_err(|_| format!("{text:?} lies before 1970"))
}

/// A day as a date; one beyond the year 9999 is that year's last.
fn date_of(day: Day) -> Date {
    let julian = i32::try_from(day.0).ok().and_then(|day| day.checked_add(JULIAN_DAY_OF_1970));
    julian.and_then(|julian| Date::from_julian_day(julian).ok()).unwrap_or(Date::MAX)
}

pub(super) fn day(text: &str) -> Result<Date, String> {
    let day = Moment::parse(text).filter(|day| day.first == day.last && text.len() == "YYYY-MM-DD".len());
    day.map(|day| day.first).ok_or_else(|| format!("{text:?} is no day; write YYYY-MM-DD"))
}
