//! Data use terms as a FHIR Consent.

use circuits::consent::Day;
use node::calendar::date;
use serde_json::{Map, Value};

use super::resource::{
    ACT_CODES, ACT_REASONS, CATEGORIES, CodeableConcept, Coding, Consent, DISEASE_SYSTEMS, DUO, ISO_3166,
    ModifierExtension, Period, Provision, SCOPES,
};
use crate::{
    Error,
    data_use::{DataUseTerms, DiseaseCode, DuoTerm, Modifier, duo, refused},
};

/// The resource that says these terms, given on a day. [`super::read`] gives the terms back.
///
/// # Errors
/// [`Error::DataUse`] when it cannot be encoded.
pub fn write(terms: &DataUseTerms, given: Day) -> Result<Value, Error> {
    let permission = terms.permission().term();
    let concept = |system: &str, code: &str| CodeableConcept { coding: vec![Coding::new(system, code)] };
    let mut conditions: Vec<_> = terms.disease().map(of_disease).into_iter().collect();
    conditions.extend(terms.modifiers().flat_map(of_modifier));
    let until = terms.modifiers().find_map(|modifier| match modifier {
        Modifier::Until(day) => Some(Period { start: None, end: Some(date(*day)) }),
        _ => None,
    });
    let consent = Consent {
        resource_type: "Consent".into(),
        status: "active".into(),
        scope: concept(SCOPES, "research"),
        category: vec![concept(CATEGORIES, "research")],
        date_time: Some(date(given)),
        policy_rule: Some(concept(ACT_CODES, "OPTIN")),
        provision: Some(Provision {
            period: until,
            purpose: of_permission(permission),
            modifier_extension: conditions,
            ..Provision::default()
        }),
        others: Map::new(),
    };
    serde_json::to_value(consent).map_err(|error| refused(format!("the resource cannot be encoded: {error}")))
}

/// The permission as HL7's purpose of use, where there is one, and as DUO's term.
fn of_permission(term: DuoTerm) -> Vec<Coding> {
    let reason = match term {
        DuoTerm::Hmb => Some("HRESCH"),
        DuoTerm::Ds => Some("DSRCH"),
        DuoTerm::Poa => Some("POARCH"),
        _ => None,
    };
    let duo = Coding { display: Some(term.label().into()), ..Coding::new(DUO, term.id()) };
    reason.map(|code| Coding::new(ACT_REASONS, code)).into_iter().chain([duo]).collect()
}

fn of_disease(disease: &DiseaseCode) -> ModifierExtension {
    let coded = disease.as_str().split_once(':').and_then(|(prefix, code)| {
        let (system, _) = DISEASE_SYSTEMS.iter().find(|(_, known)| *known == prefix)?;
        Some(Coding::new(system, code))
    });
    let text = if coded.is_some() { None } else { Some(disease.to_string()) };
    ModifierExtension { value_string: text, value_coding: coded, ..bare(DuoTerm::Ds) }
}

/// A condition with one extension for each code that completes it. A limit in time is the provision's period.
fn of_modifier(modifier: &Modifier) -> Vec<ModifierExtension> {
    let term = modifier.term();
    match modifier {
        Modifier::Until(_) => vec![],
        Modifier::Countries(countries) => {
            let coding = |code: String| Some(Coding::new(ISO_3166, &code));
            let countries = countries.iter().map(ToString::to_string);
            countries.map(|code| ModifierExtension { value_coding: coding(code), ..bare(term) }).collect()
        }
        _ => {
            let codes = duo::codes_of(modifier);
            if codes.is_empty() {
                return vec![ModifierExtension { value_boolean: Some(true), ..bare(term) }];
            }
            codes.into_iter().map(|code| ModifierExtension { value_string: Some(code), ..bare(term) }).collect()
        }
    }
}

fn bare(term: DuoTerm) -> ModifierExtension {
    ModifierExtension { url: term.iri().into(), value_boolean: None, value_string: None, value_coding: None }
}
