//! Data use terms as JSON: the `duoDataUse` of Beacon v2 (`common/dataUseConditions.json` of its default model), a list
//! of terms each with the codes that complete it.

use std::collections::BTreeSet;

use circuits::consent::Day;
use node::calendar::{date, months_after};
use serde::{Deserialize, Serialize};

use super::{Country, DataUseTerms, DuoTerm, Modifier, Name, Permission, calendar_day, refused, terms::NAMES_MAX};
use crate::Error;

/// The release of DUO whose terms these are.
pub const DUO_VERSION: &str = "2021-02-23";

/// The prefix of the codes that name countries.
const ISO_3166: &str = "ISO3166-1:";
/// The prefix of the codes that name a date.
const DATE: &str = "date:";
/// The prefix of the codes that name a duration (ISO 8601), such as `duration:P24M`.
const DURATION: &str = "duration:";
/// Terms of one document.
const TERMS_MAX: usize = 64;

/// A code of an ontology, with its label for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OntologyTerm {
    /// The compact identifier, `PREFIX:CODE`.
    pub id: String,
    /// What it means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// One term of a data use document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DuoDataUse {
    /// The term, such as `DUO:0000007`.
    pub id: String,
    /// What it means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The release of DUO.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What completes the term: a disease, countries (`ISO3166-1:CH`), a date (`date:2027-01-31`), a duration
    /// (`duration:P24M`), users, projects, institutions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modifiers: Vec<OntologyTerm>,
}

/// Data use terms as the field exchanges them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DuoDocument {
    /// The terms: one permission, and conditions.
    #[serde(rename = "duoDataUse")]
    pub duo_data_use: Vec<DuoDataUse>,
}

impl DuoDocument {
    /// The terms that the document means for a consent given on a day, from which durations count.
    ///
    /// # Errors
    /// [`Error::DataUse`] for a term that is not known, none or several permissions, and a term that lacks what
    /// completes it or has what means nothing for it. Nothing is passed over: a condition dropped would widen the
    /// consent.
    pub fn terms(&self, given: Day) -> Result<DataUseTerms, Error> {
        if self.duo_data_use.len() > TERMS_MAX {
            return Err(refused(format!("it lists {} terms; at most {TERMS_MAX} can be", self.duo_data_use.len())));
        }
        let (mut permissions, mut modifiers) = (vec![], vec![]);
        for entry in &self.duo_data_use {
            let term: DuoTerm = entry.id.parse()?;
            let codes: Vec<&str> = entry.modifiers.iter().map(|code| code.id.as_str()).collect();
            match permission(term, &codes)? {
                Some(permission) => permissions.push(permission),
                None => modifiers.push(modifier(term, &codes, given)?),
            }
        }
        let [permission] = <[Permission; 1]>::try_from(permissions).map_err(|found| {
            let count = found.len();
            refused(format!(
                "it has {count} permissions; give one of DUO:0000004, 42, 6, 7 and 11, the widest that is meant"
            ))
        })?;
        DataUseTerms::new(permission, modifiers)
    }
}

impl From<&DataUseTerms> for DuoDocument {
    fn from(terms: &DataUseTerms) -> Self {
        let permission = (terms.permission().term(), terms.disease().map(ToString::to_string).into_iter().collect());
        let modifiers = terms.modifiers().map(|modifier| (modifier.term(), codes_of(modifier)));
        let entry = |(term, codes): (DuoTerm, Vec<String>)| DuoDataUse {
            id: term.id().into(),
            label: Some(term.label().into()),
            version: Some(DUO_VERSION.into()),
            modifiers: codes.into_iter().map(|id| OntologyTerm { id, label: None }).collect(),
        };
        Self { duo_data_use: std::iter::once(permission).chain(modifiers).map(entry).collect() }
    }
}

/// What completes a condition, as codes.
pub(super) fn codes_of(modifier: &Modifier) -> Vec<String> {
    match modifier {
        Modifier::Countries(countries) => countries.iter().map(|country| format!("{ISO_3166}{country}")).collect(),
        Modifier::Until(day) | Modifier::PublicationFrom(day) => vec![format!("{DATE}{}", date(*day))],
        Modifier::Users(names)
        | Modifier::Projects(names)
        | Modifier::Institutions(names)
        | Modifier::ResearchKinds(names) => names.iter().map(ToString::to_string).collect(),
        _ => vec![],
    }
}

/// The permission of a term, if it is one.
pub(super) fn permission(term: DuoTerm, codes: &[&str]) -> Result<Option<Permission>, Error> {
    let permission = match term {
        DuoTerm::Nres => Permission::NoRestriction,
        DuoTerm::Gru => Permission::GeneralResearch,
        DuoTerm::Hmb => Permission::HealthResearch,
        DuoTerm::Poa => Permission::Ancestry,
        DuoTerm::Ds => {
            let [disease] = codes else {
                let why = format!(
                    "{term} must name one disease, and {} are named; a proof knows one, so name the one that contains them",
                    codes.len()
                );
                return Err(refused(why));
            };
            return Ok(Some(Permission::DiseaseSpecific(disease.parse()?)));
        }
        _ => return Ok(None),
    };
    no_codes(term, codes).map(|()| Some(permission))
}

fn no_codes(term: DuoTerm, codes: &[&str]) -> Result<(), Error> {
    match codes.first() {
        None => Ok(()),
        Some(code) => {
            let shown: String = code.chars().take(64).collect();
            Err(refused(format!("{term} is completed by nothing, and {shown:?} is given; leave it out")))
        }
    }
}

/// The condition of a term with what completes it.
pub(super) fn modifier(term: DuoTerm, codes: &[&str], given: Day) -> Result<Modifier, Error> {
    if codes.len() > NAMES_MAX {
        return Err(refused(format!("{term} names {}; at most {NAMES_MAX} can be", codes.len())));
    }
    let names = || codes.iter().map(|code| code.parse::<Name>()).collect::<Result<_, _>>();
    let plain = match term {
        DuoTerm::Nmds => Modifier::NoMethods,
        DuoTerm::Gso => Modifier::GeneticOnly,
        DuoTerm::Npu => Modifier::NonProfitOrganisations,
        DuoTerm::Ncu => Modifier::NonCommercialUse,
        DuoTerm::Npuncu => Modifier::NonProfitNonCommercial,
        DuoTerm::Pub => Modifier::Publication,
        DuoTerm::Col => Modifier::Collaboration,
        DuoTerm::Irb => Modifier::EthicsApproval,
        DuoTerm::Rtn => Modifier::ReturnOfResults,
        DuoTerm::Cc => Modifier::ClinicalCare,
        DuoTerm::Npoa => Modifier::NoAncestry,
        DuoTerm::Gs => return Ok(Modifier::Countries(countries(codes)?)),
        DuoTerm::Ts => return Ok(Modifier::Until(last_day(codes, given)?)),
        DuoTerm::Mor => return Ok(Modifier::PublicationFrom(last_day(codes, given)?)),
        DuoTerm::Us => return Ok(Modifier::Users(names()?)),
        DuoTerm::Ps => return Ok(Modifier::Projects(names()?)),
        DuoTerm::Is => return Ok(Modifier::Institutions(names()?)),
        DuoTerm::Rs => return Ok(Modifier::ResearchKinds(names()?)),
        DuoTerm::Nres | DuoTerm::Gru | DuoTerm::Hmb | DuoTerm::Ds | DuoTerm::Poa => {
            return Err(refused(format!("{term} is a permission, and no condition")));
        }
    };
    no_codes(term, codes).map(|()| plain)
}

fn countries(codes: &[&str]) -> Result<BTreeSet<Country>, Error> {
    let country = |code: &&str| {
        let named = code.strip_prefix(ISO_3166).ok_or_else(|| {
            let shown: String = code.chars().take(64).collect();
            refused(format!("{shown:?} is no country; write it as {ISO_3166}CH"))
        })?;
        named.parse()
    };
    codes.iter().map(country).collect()
}

/// The day of one date, or of one duration from the day on which consent was given.
fn last_day(codes: &[&str], given: Day) -> Result<Day, Error> {
    let why = || refused(format!("a limit in time is one {DATE}2027-01-31 or one {DURATION}P24M, in months or years"));
    let [code] = codes else { return Err(why()) };
    if let Some(text) = code.strip_prefix(DATE) {
        return calendar_day(text);
    }
    let text = code.strip_prefix(DURATION).and_then(|text| text.strip_prefix('P')).ok_or_else(why)?;
    let (months, unit) = text
        .strip_suffix('M')
        .map(|text| (text, 1))
        .or(text.strip_suffix('Y').map(|text| (text, 12)))
        .ok_or_else(why)?;
    let months = months.parse::<u16>().ok().and_then(|count| count.checked_mul(unit)).ok_or_else(why)?;
    months_after(given, months).ok_or_else(why)
}
