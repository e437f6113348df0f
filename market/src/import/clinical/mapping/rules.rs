//! The rules of one attribute, checked: codes, units, dates and numbers.

use std::collections::BTreeMap;

use circuits::schema::Attribute;
use dashu::rational::RBig;

use super::{
    CategoryRule, ClinicalRule, CsvRule, ImpreciseAges, Mapping, MeasuredRule, PresenceRule, Take,
    checked::{Age, Measured, Presence, Rule, Table, TableRule, day},
};
use crate::import::clinical::{
    age::Imprecise,
    code::{Code, CodeSet},
    facts::{CodedValue, FindingKind},
    limits::CODES_MAX,
    number::decimal,
    unit::{Step, Substance, Unit},
};

const DAYS_MAX: u32 = 1_000_000;

/// What the rules of one attribute are made with.
pub(super) struct Rules<'a> {
    pub(super) mapping: &'a Mapping,
    pub(super) attribute: &'a Attribute,
}

impl Rules<'_> {
    pub(super) fn fhir(&self, rule: &ClinicalRule) -> Result<Rule, String> {
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

    pub(super) fn phenopacket(&self, rule: &ClinicalRule) -> Result<Rule, String> {
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

    pub(super) fn table(&self, rule: &CsvRule) -> Result<Table, String> {
        let (column, rule) = match rule {
            CsvRule::Number(rule) => {
                let unit = Unit::parse(&rule.unit).map_err(|why| format!("{:?} is no UCUM unit: {why}", rule.unit))?;
                let substance = substance(rule.molar_mass, rule.hba1c)?;
                (&rule.column, TableRule::Number(Box::new((unit, self.unit()?)), substance))
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
