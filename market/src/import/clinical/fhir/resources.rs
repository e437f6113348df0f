//! The members of the resources that rules read (FHIR R4, sections 8.1, 9.2, 9.3, 10.1 and 11.1).

use dashu::rational::RBig;

use crate::{
    Error,
    import::clinical::{
        age::Age,
        cause::Cause,
        code::Code,
        facts::{
            Claim, CodedValue, Death, Finding, FindingKind, Individual, Measurement, Onset, Value, When, WrittenUnit,
        },
        json::Node,
        mapping::{Naming, Verification},
        moment::Moment,
        unit::Step,
    },
};

const UCUM: &str = "http://unitsofmeasure.org";

/// What a resource says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    Patient(Patient),
    Finding(Finding),
    Measurements(Vec<Measurement>),
    MedicationByReference,
}

impl Content {
    /// Takes back what it says, since another resource of its identity says something else. A patient stays, so that
    /// what is about them is found, without their own data.
    pub(super) fn conflict(&mut self) {
        let cause = Cause::ConflictingDuplicate;
        match self {
            Self::Patient(patient) => {
                let last_age = Onset::Unsaid;
                patient.individual = Individual { birth: When::Unsaid, sex: None, death: Death::Unsaid, last_age };
            }
            Self::Finding(finding) => finding.claim = Claim::Doubtful(cause),
            Self::Measurements(measurements) => {
                measurements.iter_mut().for_each(|measurement| measurement.value = Err(cause));
            }
            Self::MedicationByReference => {}
        }
    }
}

/// A patient with the names that they may go by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Patient {
    id: Option<String>,
    /// System and value.
    identifiers: Vec<(String, String)>,
    pub(super) individual: Individual,
}

impl Patient {
    /// The name by the mapping; none when there is none, or more than one.
    pub(super) fn name(&self, naming: &Naming) -> Option<String> {
        let Some(system) = &naming.fhir_identifier else { return self.id.clone() };
        let mut values = self.identifiers.iter().filter(|(found, _)| found == system).map(|(_, value)| value);
        let first = values.next()?;
        values.all(|value| value == first).then(|| first.clone())
    }
}

/// Reads a resource; none of a type that no rule reads.
pub(super) fn read(kind: &str, node: &Node<'_>) -> Result<Option<Content>, Error> {
    Ok(Some(match kind {
        "Patient" => Content::Patient(patient(node)?),
        "Condition" => Content::Finding(condition(node)?),
        "Procedure" => Content::Finding(procedure(node)?),
        "MedicationRequest" => match node.get("medicationReference")? {
            Some(_) => Content::MedicationByReference,
            None => Content::Finding(medication(node)?),
        },
        "Observation" => Content::Measurements(observation(node)?),
        _ => return Ok(None),
    }))
}

fn patient(node: &Node<'_>) -> Result<Patient, Error> {
    let mut identifiers = Vec::new();
    for identifier in node.items("identifier")? {
        if let (Some(system), Some(value)) = (identifier.text("system")?, identifier.text("value")?)
            && identifier.text("use")? != Some("old")
        {
            identifiers.push((system.to_owned(), value.to_owned()));
        }
    }
    let death = match (node.boolean("deceasedBoolean")?, node.text("deceasedDateTime")?) {
        (_, Some(text)) => Death::Died(When::read(Some(text))),
        (Some(true), None) => Death::Died(When::Unsaid),
        (Some(false), None) => Death::Living,
        (None, None) => Death::Unsaid,
    };
    let individual = Individual {
        birth: When::read(node.text("birthDate")?),
        sex: node.text("gender")?.map(str::to_owned),
        death,
        last_age: Onset::Unsaid,
    };
    Ok(Patient { id: node.text("id")?.map(str::to_owned), identifiers, individual })
}

fn condition(node: &Node<'_>) -> Result<Finding, Error> {
    let status = |member: &str| -> Result<Option<String>, Error> {
        let Some(concept) = node.get(member)? else { return Ok(None) };
        for coding in concept.items("coding")? {
            if let Some(code) = coding.text("code")? {
                return Ok(Some(code.to_owned()));
            }
        }
        Ok(None)
    };
    let claim = match status("verificationStatus")?.as_deref() {
        None => Claim::Verified(Verification::None),
        Some("confirmed") => Claim::Verified(Verification::Confirmed),
        Some("provisional") => Claim::Verified(Verification::Provisional),
        Some("differential") => Claim::Verified(Verification::Differential),
        Some("unconfirmed") => Claim::Verified(Verification::Unconfirmed),
        Some("refuted") => Claim::Absent,
        Some("entered-in-error") => Claim::Void(Cause::EnteredInError),
        Some(_) => Claim::Doubtful(Cause::NotVerified),
    };
    let active = match status("clinicalStatus")?.as_deref() {
        Some("active" | "recurrence" | "relapse") => Some(true),
        Some("inactive" | "remission" | "resolved") => Some(false),
        _ => None,
    };
    Ok(Finding {
        kind: FindingKind::Condition,
        codes: concept(node, "code")?,
        claim,
        active,
        onset: onset(node)?,
        recorded: When::read(node.text("recordedDate")?),
    })
}

fn onset(node: &Node<'_>) -> Result<Onset, Error> {
    let dated = timed(node, "onset")?;
    if dated != When::Unsaid {
        return Ok(dated.into());
    }
    if let Some(age) = node.get("onsetAge")? {
        let stated = match quantity(&age)? {
            Ok(Value::Quantity(number, WrittenUnit::Ucum(unit))) => {
                Step::of(&unit).and_then(|step| Age::counted(&number, step))
            }
            _ => None,
        };
        return Ok(stated.map_or(Onset::Unreadable, Onset::Age));
    }
    let said = node.get("onsetRange")?.is_some() || node.get("onsetString")?.is_some();
    Ok(if said { Onset::Unreadable } else { Onset::Unsaid })
}

fn procedure(node: &Node<'_>) -> Result<Finding, Error> {
    let claim = match node.text("status")? {
        Some("completed") => Claim::Present,
        Some("not-done") => Claim::Absent,
        Some("entered-in-error") => Claim::Void(Cause::EnteredInError),
        _ => Claim::Doubtful(Cause::NotFinal),
    };
    finding(FindingKind::Procedure, concept(node, "code")?, claim, timed(node, "performed")?)
}

fn medication(node: &Node<'_>) -> Result<Finding, Error> {
    let intent = node.text("intent")?;
    let claim = match node.text("status")? {
        Some("entered-in-error" | "cancelled") => Claim::Void(Cause::EnteredInError),
        _ if matches!(intent, Some("proposal" | "plan" | "option")) => Claim::Void(Cause::NotFinal),
        _ if node.boolean("doNotPerform")? == Some(true) => Claim::Void(Cause::NotFinal),
        Some("active" | "completed" | "stopped") => Claim::Present,
        _ => Claim::Doubtful(Cause::NotFinal),
    };
    let codes = concept(node, "medicationCodeableConcept")?;
    finding(FindingKind::Medication, codes, claim, When::read(node.text("authoredOn")?))
}

#[allow(clippy::unnecessary_wraps, reason = "ends functions that fail")]
fn finding(kind: FindingKind, codes: Vec<Code>, claim: Claim, recorded: When) -> Result<Finding, Error> {
    Ok(Finding { kind, codes, claim, active: None, onset: Onset::Unsaid, recorded })
}

/// An observation's own value, and one for each component.
fn observation(node: &Node<'_>) -> Result<Vec<Measurement>, Error> {
    let standing = match node.text("status")? {
        Some("final" | "amended" | "corrected") => None,
        Some("entered-in-error" | "cancelled") => Some(Cause::EnteredInError),
        _ => Some(Cause::NotFinal),
    };
    let instant = When::read(node.text("effectiveInstant")?);
    let other = if node.get("effectiveTiming")?.is_some() { When::Unreadable } else { When::Unsaid };
    let time = timed(node, "effective")?.or(instant).or(other);
    let measured = |part: &Node<'_>| -> Result<Measurement, Error> {
        let value = match standing {
            Some(cause) => Err(cause),
            None => value(part)?,
        };
        Ok(Measurement { codes: concept(part, "code")?, value, time })
    };
    let components = node.items("component")?;
    // A panel has no value of its own; asking for it by its code is then answered with that.
    let own = measured(node)?;
    [Ok(own)].into_iter().chain(components.iter().map(measured)).collect()
}

fn value(node: &Node<'_>) -> Result<Result<Value, Cause>, Error> {
    if let Some(found) = node.get("valueQuantity")? {
        return quantity(&found);
    }
    if let Some(number) = node.number("valueInteger")? {
        return Ok(Ok(Value::Quantity(number, WrittenUnit::Ucum("1".into()))));
    }
    if let Some(truth) = node.boolean("valueBoolean")? {
        return Ok(Ok(Value::Coded(CodedValue::Boolean(truth))));
    }
    if node.get("valueCodeableConcept")?.is_some() {
        return Ok(Ok(Value::Coded(CodedValue::Codes(concept(node, "valueCodeableConcept")?))));
    }
    let members = node.value().as_object();
    let other = members.is_some_and(|members| members.keys().any(|key| key.starts_with("value")));
    Ok(Err(if other { Cause::OtherKind } else { Cause::NoValue }))
}

fn quantity(node: &Node<'_>) -> Result<Result<Value, Cause>, Error> {
    let number: Option<RBig> = node.number("value")?;
    if node.text("comparator")?.is_some() {
        return Ok(Err(Cause::Bound));
    }
    let unit = match (node.text("system")?, node.text("code")?, node.text("unit")?) {
        (Some(UCUM), Some(code), _) => WrittenUnit::Ucum(code.to_owned()),
        (Some(system), Some(code), _) => WrittenUnit::Other(format!("{system}|{code}")),
        (_, _, Some(unit)) => WrittenUnit::Other(unit.to_owned()),
        (None, Some(code), None) => WrittenUnit::Other(code.to_owned()),
        _ => WrittenUnit::Unsaid,
    };
    Ok(number.map(|number| Value::Quantity(number, unit)).ok_or(Cause::NoValue))
}

/// `[x]DateTime` or `[x]Period`.
fn timed(node: &Node<'_>, stem: &str) -> Result<When, Error> {
    let dated = When::read(node.text(&format!("{stem}DateTime"))?);
    let Some(period) = node.get(&format!("{stem}Period"))? else { return Ok(dated) };
    let (start, end) = (When::read(period.text("start")?), When::read(period.text("end")?));
    Ok(dated.or(match (start, end) {
        (When::At(start), When::At(end)) => Moment::spanning(start, end).map_or(When::Unreadable, When::At),
        (When::Unsaid, When::Unsaid) => When::Unsaid,
        // What has begun and is not said to have ended began then; what ended without a beginning has no time.
        (When::At(start), When::Unsaid) => When::At(start),
        _ => When::Unreadable,
    }))
}

/// The codes of a `CodeableConcept`; those without a system are none that a rule can name.
fn concept(node: &Node<'_>, member: &str) -> Result<Vec<Code>, Error> {
    let Some(concept) = node.get(member)? else { return Ok(Vec::new()) };
    let mut codes = Vec::new();
    for coding in concept.items("coding")? {
        if let (Some(system), Some(code)) = (coding.text("system")?, coding.text("code")?) {
            codes.push(Code::coding(system, code));
        }
    }
    Ok(codes)
}
