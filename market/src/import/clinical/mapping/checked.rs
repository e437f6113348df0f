//! A mapping that fits its schema, ready to be applied.

use std::collections::{BTreeMap, BTreeSet};

use circuits::{
    consent::Day,
    record::ATTRIBUTES,
    schema::{Attribute, Schema},
};
use dashu::rational::RBig;
use time::Date;

use super::{
    AttributeMapping, CategoryRule, ClinicalRule, CsvRule, ImpreciseAges, Mapping, MeasuredRule, PersonNaming,
    PhenopacketName, PresenceRule, Take, Verification, refused,
};
use crate::{
    Error,
    import::clinical::{
        age::Imprecise,
        code::{Code, CodeSet},
        facts::{CodedValue, FindingKind},
        limits::CODES_MAX,
        moment::Moment,
        number::decimal,
        unit::{Step, Substance, Unit},
    },
};

/// The default name of the column that names people.
const SAMPLE_COLUMN: &str = "sample";
const DAYS_MAX: u32 = 1_000_000;
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
    Number(Unit, Unit, Substance),
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

fn day(text: &str) -> Result<Date, String> {
    let day = Moment::parse(text).filter(|day| day.first == day.last && text.len() == "YYYY-MM-DD".len());
    day.map(|day| day.first).ok_or_else(|| format!("{text:?} is no day; write YYYY-MM-DD"))
}

/// What the rules of one attribute are made with.
struct Rules<'a> {
    mapping: &'a Mapping,
    attribute: &'a Attribute,
}

impl Rules<'_> {
    fn fhir(&self, rule: &ClinicalRule) -> Result<Rule, String> {
        match rule {
            ClinicalRule::Gender(coded) => self.values(&coded.values).map(Rule::Sex),
            ClinicalRule::Condition(rule) => self.presence(rule, &[FindingKind::Condition]),
            ClinicalRule::Procedure(rule) => self.presence(rule, &[FindingKind::Procedure]),
            ClinicalRule::Medication(rule) => self.presence(rule, &[FindingKind::Medication]),
            ClinicalRule::Observation(rule) => self.measured(rule),
            ClinicalRule::Sex(_)
            | ClinicalRule::AgeAtLastEncounter(_)
            | ClinicalRule::Feature(_)
            | ClinicalRule::Disease(_)
            | ClinicalRule::Measurement(_) => Err("this rule is for phenopackets alone".into()),
            either => self.either(either, &[FindingKind::Condition]),
        }
    }

    fn phenopacket(&self, rule: &ClinicalRule) -> Result<Rule, String> {
        match rule {
            ClinicalRule::Sex(coded) => self.values(&coded.values).map(Rule::Sex),
            ClinicalRule::AgeAtLastEncounter(rule) => self.age(rule.imprecise).map(Rule::LastAge),
            ClinicalRule::Feature(rule) => self.presence(rule, &[FindingKind::Feature]),
            ClinicalRule::Disease(rule) => self.presence(rule, &[FindingKind::Disease]),
            ClinicalRule::Measurement(rule) => self.measured(rule),
            ClinicalRule::Gender(_)
            | ClinicalRule::Condition(_)
            | ClinicalRule::Procedure(_)
            | ClinicalRule::Medication(_)
            | ClinicalRule::Observation(_) => Err("this rule is for FHIR alone".into()),
            either => self.either(either, &[FindingKind::Disease, FindingKind::Feature]),
        }
    }

    /// The rules that both have.
    fn either(&self, rule: &ClinicalRule, kinds: &'static [FindingKind]) -> Result<Rule, String> {
        match rule {
            ClinicalRule::Age(rule) => self.age(rule.imprecise).map(Rule::Age),
            ClinicalRule::Deceased(rule) => Ok(Rule::Deceased(self.flags(rule.otherwise)?)),
            ClinicalRule::Onset(rule) => {
                let codes = self.codes(&rule.codes)?;
                let verification = rule.verification.clone();
                let presence = Presence { kinds, codes, active: false, verification, otherwise: None };
                Ok(Rule::Onset(presence, self.age(rule.imprecise)?))
            }
            ClinicalRule::Category(rule) => self.category(rule),
            _ => Err("this rule is not for this source".into()),
        }
    }

    fn table(&self, rule: &CsvRule) -> Result<Table, String> {
        let (column, rule) = match rule {
            CsvRule::Number(rule) => {
                let unit = Unit::parse(&rule.unit).map_err(|why| format!("{:?} is no UCUM unit: {why}", rule.unit))?;
                let substance = substance(rule.molar_mass, rule.hba1c)?;
                (&rule.column, TableRule::Number(unit, self.unit()?, substance))
            }
            CsvRule::Category(rule) => (&rule.column, TableRule::Category(self.values(&rule.values)?)),
            CsvRule::Age(rule) => (&rule.column, TableRule::Age(self.age(rule.imprecise)?)),
        };
        Ok(Table { column: column.clone(), rule })
    }

    fn age(&self, imprecise: ImpreciseAges) -> Result<Age, String> {
        let unit = &self.attribute.unit;
        let step = Step::of(unit)
            .ok_or_else(|| format!("ages are counted in a, mo, wk or d, and the attribute's unit is {unit:?}"))?;
        let imprecise = match imprecise {
            ImpreciseAges::Refuse => Imprecise::Refuse,
            ImpreciseAges::Middle => Imprecise::Middle,
        };
        Ok(Age { step, imprecise })
    }

    fn presence(&self, rule: &PresenceRule, kinds: &'static [FindingKind]) -> Result<Rule, String> {
        let (codes, otherwise) = (self.codes(&rule.codes)?, self.flags(rule.otherwise)?);
        let PresenceRule { active, verification, .. } = rule.clone();
        Ok(Rule::Presence(Presence { kinds, codes, active, verification, otherwise }))
    }

    /// The attribute must hold 0 and 1; gives the stored number for silence.
    fn flags(&self, otherwise: Option<u32>) -> Result<Option<u32>, String> {
        [0, 1].into_iter().try_for_each(|number| self.stored(number).map(drop))?;
        otherwise.map(|number| self.stored(number)).transpose()
    }

    fn measured(&self, rule: &MeasuredRule) -> Result<Rule, String> {
        let measured = self.window(&rule.codes, rule.take, rule.within_days, rule.since.as_deref())?;
        let unit = self.unit()?;
        if rule.take == Take::Mean && !unit.is_linear() {
            return Err(format!("{unit} is a logarithm, of which there is no mean; take another"));
        }
        Ok(Rule::Measured(measured, unit, substance(rule.molar_mass, rule.hba1c)?))
    }

    fn category(&self, rule: &CategoryRule) -> Result<Rule, String> {
        if rule.take == Take::Mean {
            return Err("there is no mean of codes; take another".into());
        }
        let measured = self.window(&rule.codes, rule.take, rule.within_days, rule.since.as_deref())?;
        let value = |(text, number): (&String, &u32)| {
            let value = match text.as_str() {
                "true" => CodedValue::Boolean(true),
                "false" => CodedValue::Boolean(false),
                text => CodedValue::Codes(vec![
                    Code::written(text).ok_or_else(|| format!("{text:?} is no code, nor true or false"))?,
                ]),
            };
            Ok((value, self.stored(*number)?))
        };
        Ok(Rule::Category(measured, rule.values.iter().map(value).collect::<Result<_, String>>()?))
    }

    fn window(
        &self,
        codes: &[String],
        take: Take,
        within_days: Option<u32>,
        since: Option<&str>,
    ) -> Result<Measured, String> {
        if within_days.is_some_and(|days| days == 0 || days > DAYS_MAX) {
            return Err(format!("within_days must be 1 to {DAYS_MAX}"));
        }
        Ok(Measured { codes: self.codes(codes)?, take, within_days, since: since.map(day).transpose()? })
    }

    fn codes(&self, texts: &[String]) -> Result<CodeSet, String> {
        let mut set = CodeSet::default();
        for text in texts {
            let Some(name) = text.strip_prefix('@') else {
                set.add(text)?;
                continue;
            };
            let missing = || format!("there is no code set {name:?}; add it under [code_sets]");
            self.mapping.code_sets.get(name).ok_or_else(missing)?.iter().try_for_each(|code| set.add(code))?;
        }
        if !(1..=CODES_MAX).contains(&set.len()) {
            return Err(format!("it has {} codes; 1 to {CODES_MAX} can be", set.len()));
        }
        Ok(set)
    }

    fn unit(&self) -> Result<Unit, String> {
        let unit = &self.attribute.unit;
        Unit::parse(unit).map_err(|why| format!("the attribute's unit {unit:?} is no UCUM unit: {why}"))
    }

    fn values(&self, values: &BTreeMap<String, u32>) -> Result<BTreeMap<String, u32>, String> {
        values.iter().map(|(text, number)| Ok((text.clone(), self.stored(*number)?))).collect()
    }

    /// The stored form of a number in the attribute's unit.
    fn stored(&self, number: u32) -> Result<u32, String> {
        let Attribute { scale, lo, hi, .. } = self.attribute;
        let stored = number.checked_mul(*scale).filter(|stored| (*lo..=*hi).contains(stored));
        stored.ok_or_else(|| format!("{number} × {scale} is not within {lo} to {hi}, the attribute's range"))
    }
}

fn substance(molar_mass: Option<f64>, hba1c: bool) -> Result<Substance, String> {
    let exact = |mass: f64| {
        let exact = decimal(&mass.to_string()).filter(|exact| *exact > RBig::ZERO);
        exact.ok_or_else(|| format!("{mass} is no molar mass"))
    };
    Ok(Substance { molar_mass: molar_mass.map(exact).transpose()?, hba1c })
}
