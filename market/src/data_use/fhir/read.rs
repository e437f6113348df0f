//! A FHIR Consent read as data use terms: what was used, what was passed over and why, and what forbids the reading.

use circuits::consent::Day;
use node::calendar::{date, parse_date};

use super::{
    Element, Imported, Report,
    resource::{
        ACT_CODES, ACT_REASONS, ACTIONS, Coding, Consent, DISEASE_SYSTEMS, DUO, ISO_3166, ModifierExtension, Provision,
        SCOPES,
    },
};
use crate::{
    Error,
    data_use::{DataUseTerms, DuoTerm, Modifier, Permission, duo, refused},
};

/// The longest resource read.
pub const CONSENT_BYTES_MAX: usize = 1 << 20;
/// Elements of any list of a resource.
const ELEMENTS_MAX: usize = 512;

/// Elements of a Consent that say nothing of what is allowed, with why they are passed over.
const PASSED_OVER: [(&str, &str); 14] = [
    ("id", "names the resource, not what is allowed"),
    ("meta", "is about the resource, not what is allowed"),
    ("language", "is about the text"),
    ("text", "is for people; the coded elements count"),
    ("contained", "is reached by references alone, and none is followed"),
    ("extension", "may be passed over (modifierExtension may not)"),
    ("identifier", "names the resource, not what is allowed"),
    ("category", "classifies the document; the scope counts"),
    ("patient", "whose consent it is, the wallet says"),
    ("performer", "who agreed, the owner's signature says"),
    ("organization", "who keeps the document does not limit use"),
    ("sourceAttachment", "is the signed text; the coded elements count"),
    ("sourceReference", "is the signed text; the coded elements count"),
    ("verification", "was checked by whoever keeps the document"),
];

/// Reads a resource. `today` is the day from which durations count when the resource has no date.
///
/// # Errors
/// [`Error::DataUse`] beyond [`CONSENT_BYTES_MAX`] and for what is no FHIR R4 Consent in JSON. A sound resource that
/// cannot be said in data use terms is no error: the report then says what forbids it, and there are no terms.
pub fn read(text: &str, today: Day) -> Result<Imported, Error> {
    if text.len() > CONSENT_BYTES_MAX {
        return Err(refused(format!("a FHIR resource has {} bytes; at most {CONSENT_BYTES_MAX} are read", text.len())));
    }
    let consent: Consent =
        serde_json::from_str(text).map_err(|error| refused(format!("this is no FHIR R4 Consent in JSON: {error}")))?;
    let mut reading = Reading { report: Report::default(), today, permissions: vec![], codes: vec![], until: None };
    reading.consent(&consent);
    let Reading { mut report, permissions, codes, until, .. } = reading;
    let given = consent.date_time.as_deref().and_then(day_of).map_or(today, |(day, _)| day);
    if !report.refused.is_empty() {
        return Ok(Imported { terms: None, report });
    }
    let terms = terms(&permissions, &codes, until, given);
    let terms = terms.map_err(|error| report.refuse("provision", error.to_string())).ok();
    Ok(Imported { terms, report })
}

struct Reading {
    report: Report,
    today: Day,
    permissions: Vec<DuoTerm>,
    /// Terms with what completes them, in the codes of the DUO document.
    codes: Vec<(DuoTerm, Vec<String>)>,
    until: Option<Day>,
}

impl Reading {
    fn consent(&mut self, consent: &Consent) {
        let report = &mut self.report;
        report.expect(
            "resourceType",
            consent.resource_type == "Consent",
            "the resource is a Consent",
            "it must be Consent",
        );
        report.expect(
            "status",
            consent.status == "active",
            "the consent is in force",
            "only an active consent gives anything",
        );
        report.expect(
            "scope",
            !consent.scope.coding.is_empty() && consent.scope.coding.iter().all(|coding| coding.is(SCOPES, "research")),
            "the consent is to research",
            "a consent to privacy, treatment or directives says nothing of research; the scope must be research alone",
        );
        if !consent.category.is_empty() {
            report.ignore("category");
        }
        if let Some(at) = &consent.date_time {
            let given = day_of(at).is_some_and(|(day, _)| day <= self.today);
            let why = "is no full date, or ahead: durations would count from a day too late";
            report.expect("dateTime", given, "durations count from this day", why);
        }
        if let Some(rule) = &consent.policy_rule {
            let gives = !rule.coding.is_empty() && rule.coding.iter().all(|coding| coding.is(ACT_CODES, "OPTIN"));
            report.expect("policyRule", gives, "consent is given", "only OPTIN gives consent that can be read here");
        }
        for name in consent.others.keys() {
            report.ignore(name);
        }
        match &consent.provision {
            Some(provision) => self.provision(provision),
            None => self.report.refuse("provision", "there is none, so no purpose is allowed; add one with a purpose"),
        }
    }

    fn provision(&mut self, provision: &Provision) {
        let path = "provision";
        self.others(path, provision);
        match provision.kind.as_deref() {
            None => {}
            Some("permit") => self.report.used("provision.type", "the provision permits"),
            Some(_) => self.report.refuse("provision.type", "a provision that denies gives no permission"),
        }
        self.period(provision);
        if !provision.action.is_empty() {
            let used =
                provision.action.iter().flat_map(|action| &action.coding).any(|coding| coding.is(ACTIONS, "use"));
            let why = "the actions do not include use, and a query uses data";
            self.report.expect("provision.action", used, "data may be used", why);
        }
        for (place, purpose) in (0usize..).zip(provision.purpose.iter().take(ELEMENTS_MAX)) {
            let path = format!("provision.purpose[{place}]");
            match permission_of(purpose) {
                Ok(term) => {
                    self.report.used(&path, format!("allows {term}"));
                    self.permissions.push(term);
                }
                Err(why) => self.report.refuse(&path, why),
            }
        }
        let lists = [provision.purpose.len(), provision.modifier_extension.len(), provision.provision.len()];
        if lists.iter().any(|length| *length > ELEMENTS_MAX) {
            self.report.refuse(path, format!("a list has more than {ELEMENTS_MAX} elements"));
        }
        for (place, extension) in (0usize..).zip(provision.modifier_extension.iter().take(ELEMENTS_MAX)) {
            self.condition(&format!("provision.modifierExtension[{place}]"), extension);
        }
        for (place, nested) in (0usize..).zip(provision.provision.iter().take(ELEMENTS_MAX)) {
            self.nested(&format!("provision.provision[{place}]"), nested);
        }
    }

    /// Elements that limit whom or which data a provision is for: a record is used whole or not at all.
    fn others(&mut self, path: &str, provision: &Provision) {
        for name in provision.others.keys() {
            let path = format!("{path}.{name}");
            match name.as_str() {
                "id" | "extension" => self.report.ignored.push(Element::new(&path, "says nothing of what is allowed")),
                "actor" => self.report.refuse(&path, "limits who acts by a reference that nobody here can follow"),
                _ => self.report.refuse(&path, "limits which data is used, and a query uses a record whole"),
            }
        }
    }

    fn period(&mut self, provision: &Provision) {
        let Some(period) = &provision.period else { return };
        let (start, end) = (period.start.as_deref().map(day_of), period.end.as_deref().map(day_of));
        match start {
            Some(None) => self.report.refuse("provision.period.start", "is no full date"),
            Some(Some((day, _))) if day > self.today => {
                self.report.refuse("provision.period.start", format!("it begins on {} only", date(day)));
            }
            Some(Some(_)) => self.report.used("provision.period.start", "it has begun"),
            None => {}
        }
        match end {
            None => {}
            Some(None) => self.report.refuse("provision.period.end", "is no full date"),
            Some(Some((day, whole))) => {
                // A time within a day ends the day before: whole days are counted, and none too many.
                let last = if whole { day } else { Day(day.0.saturating_sub(1)) };
                let why = "it has ended";
                let used = format!("use ends on {}", date(last));
                self.report.expect("provision.period.end", last >= self.today, &used, why);
                self.until = Some(last);
            }
        }
    }

    fn condition(&mut self, path: &str, extension: &ModifierExtension) {
        let Some(term) = DuoTerm::ALL.iter().find(|term| term.iri() == extension.url).copied() else {
            return self.report.refuse(path, "an extension that is not known, and that nobody may pass over");
        };
        let values = (&extension.value_boolean, &extension.value_string, &extension.value_coding);
        let code = match values {
            (Some(true), None, None) => None,
            (None, Some(code), None) => Some(code.clone()),
            (None, None, Some(coding)) => match code_of(coding) {
                Some(code) => Some(code),
                None => return self.report.refuse(path, "its coding is of no system that is known here"),
            },
            _ => return self.report.refuse(path, "it has no value, false, or several; give one"),
        };
        self.report.used(path, format!("{term}{}", code.as_ref().map(|code| format!(": {code}")).unwrap_or_default()));
        match self.codes.iter_mut().find(|(known, codes)| *known == term && !codes.is_empty() && code.is_some()) {
            Some((_, codes)) => codes.extend(code),
            None => self.codes.push((term, code.into_iter().collect())),
        }
    }

    /// An exception within the provision: that ancestry research is denied can be said in data use terms.
    fn nested(&mut self, path: &str, nested: &Provision) {
        let plain = nested.others.is_empty() && nested.period.is_none() && nested.action.is_empty();
        let alone = plain && nested.modifier_extension.is_empty() && nested.provision.is_empty();
        let denies = nested.kind.as_deref() == Some("deny") && !nested.purpose.is_empty();
        let ancestry = nested.purpose.iter().all(|purpose| permission_of(purpose) == Ok(DuoTerm::Poa));
        if alone && denies && ancestry {
            self.report.used(path, DuoTerm::Npoa.to_string());
            self.codes.push((DuoTerm::Npoa, vec![]));
        } else {
            self.report.refuse(path, "an exception that no data use term says");
        }
    }
}

/// The terms of what was found.
fn terms(
    permissions: &[DuoTerm],
    codes: &[(DuoTerm, Vec<String>)],
    until: Option<Day>,
    given: Day,
) -> Result<DataUseTerms, Error> {
    let Some((&term, others)) = permissions.split_first() else {
        return Err(refused("it has no purpose, so nothing is allowed; add one, such as HRESCH".into()));
    };
    if others.iter().any(|other| *other != term) {
        return Err(refused("its purposes are several permissions; give one, the widest that is meant".into()));
    }
    let (mut disease, mut modifiers) = (vec![], vec![]);
    for (condition, codes) in codes {
        let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
        if *condition == DuoTerm::Ds {
            disease.extend(codes.iter().map(|code| (*code).to_owned()));
        } else {
            modifiers.push(duo::modifier(*condition, &codes, given)?);
        }
    }
    let named: Vec<&str> = disease.iter().map(String::as_str).collect();
    let permission: Option<Permission> = duo::permission(term, &named)?;
    let permission = permission.ok_or_else(|| refused(format!("{term} is no permission")))?;
    let stated = modifiers.iter().position(|modifier| matches!(modifier, Modifier::Until(_)));
    match (stated.and_then(|place| modifiers.get_mut(place)), until) {
        (Some(Modifier::Until(day)), Some(end)) => *day = end.min(*day),
        (_, Some(end)) => modifiers.push(Modifier::Until(end)),
        _ => {}
    }
    DataUseTerms::new(permission, modifiers)
}

/// The permission that a purpose of use means.
fn permission_of(purpose: &Coding) -> Result<DuoTerm, String> {
    let code = purpose.code.as_deref().unwrap_or_default();
    match purpose.system.as_deref() {
        Some(ACT_REASONS) => match code {
            "HRESCH" => Ok(DuoTerm::Hmb),
            "DSRCH" => Ok(DuoTerm::Ds),
            "POARCH" => Ok(DuoTerm::Poa),
            _ => Err("a purpose of use that no permission of the Data Use Ontology means".into()),
        },
        Some(DUO) => code.parse().map_err(|_| "no term of the Data Use Ontology that an owner can set".into()),
        _ => Err("a purpose of an unknown code system".into()),
    }
}

/// A coding as the DUO document writes it.
fn code_of(coding: &Coding) -> Option<String> {
    let (system, code) = (coding.system.as_deref()?, coding.code.as_deref()?);
    if system == ISO_3166 {
        return Some(format!("ISO3166-1:{code}"));
    }
    let (_, prefix) = DISEASE_SYSTEMS.iter().find(|(known, _)| *known == system)?;
    Some(format!("{prefix}:{code}"))
}

/// The day of a full date or date with time, and whether it is the whole day.
fn day_of(text: &str) -> Option<(Day, bool)> {
    let day = parse_date(text.get(..10)?)?;
    let rest = text.get(10..)?;
    (rest.is_empty() || rest.starts_with('T')).then_some((day, rest.is_empty()))
}

impl Report {
    fn used(&mut self, path: &str, why: impl Into<String>) {
        self.used.push(Element::new(path, why));
    }

    fn refuse(&mut self, path: &str, why: impl Into<String>) {
        self.refused.push(Element::new(path, why));
    }

    fn expect(&mut self, path: &str, holds: bool, used: &str, refused: &str) {
        if holds { self.used(path, used) } else { self.refuse(path, refused) }
    }

    /// Passes over a top-level element, if it may be.
    fn ignore(&mut self, name: &str) {
        let known = PASSED_OVER.iter().find(|(known, _)| *known == name);
        // An element that begins so carries the extensions of a simple one.
        let extends = name.strip_prefix('_').is_some_and(|name| PASSED_OVER.iter().any(|(known, _)| *known == name));
        match known {
            Some((_, why)) => self.ignored.push(Element::new(name, *why)),
            None if extends => self.ignored.push(Element::new(name, "extends what is passed over")),
            None => {
                let shown: String = name.chars().take(64).collect();
                self.refuse(&shown, "may limit what is allowed, and is not understood here");
            }
        }
    }
}
