//! GA4GH Phenopackets v2 in JSON, as protobuf writes it (`phenopackets/schema/v2`, ISO 4454).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value as Json;

use super::{
    age::Age,
    cause::Cause,
    code::Code,
    facts::{
        Claim, CodedValue, Death, Finding, FindingKind, Individual, Measurement, Onset, Person, Placed, Value, When,
        WrittenUnit,
    },
    json::Node,
    limits::PEOPLE_MAX,
    mapping::{Naming, PhenopacketName},
    moment::Moment,
    report::{FileReport, Place},
};
use crate::{
    Error,
    import::{limits::NAME_BYTES_MAX, refusal::shown},
};

/// Members that hold lists no rule reads.
const NOT_READ: [&str; 5] = ["biosamples", "interpretations", "medicalActions", "files", "genes"];
const REMEDY: &str = "give phenopackets of version 2 in JSON, each person's in a file of its own";

/// The people of all phenopackets.
#[derive(Default)]
pub(super) struct Phenopackets {
    people: Vec<Person>,
    names: BTreeSet<String>,
}

impl Phenopackets {
    /// Reads a phenopacket.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] with the JSON pointer, for what breaks the format where it is read, a packet without the
    /// name that the mapping asks for, and a name that another has; [`Error::UnsupportedInput`] for a family or cohort.
    pub(super) fn document(
        &mut self,
        file: &str,
        document: &Json,
        naming: &Naming,
        report: &mut FileReport,
    ) -> Result<(), Error> {
        let node = Node::root(file, document);
        if node.get("proband")?.is_some() || node.get("members")?.is_some() {
            return Err(node.unsupported("a family or cohort", "give each person's phenopacket in a file of its own"));
        }
        if self.people.len() >= PEOPLE_MAX {
            return Err(node.invalid(format!("there are more than {PEOPLE_MAX} people"), "convert fewer files at once"));
        }
        let person = self.person(file, &node, naming)?;
        report.read = BTreeMap::from([
            ("phenopacket".to_owned(), 1),
            ("diseases and phenotypicFeatures".to_owned(), person.findings.len() as u64),
            ("measurements".to_owned(), person.measurements.len() as u64),
        ]);
        for member in NOT_READ {
            let items = node.items(member)?.len() as u64;
            if items > 0 {
                report.not_read.insert(member.to_owned(), items);
            }
        }
        self.people.push(person);
        Ok(())
    }

    fn person(&mut self, file: &str, node: &Node<'_>, naming: &Naming) -> Result<Person, Error> {
        let id = node.text("id")?;
        let Some(subject) = node.get("subject")? else {
            return Err(node.invalid("the phenopacket has no subject", REMEDY));
        };
        let name = match naming.phenopacket {
            PhenopacketName::Subject => subject.text("id")?,
            PhenopacketName::Packet => id,
        };
        let Some(name) = name.filter(|name| !name.is_empty() && name.len() <= NAME_BYTES_MAX) else {
            return Err(node.invalid("the phenopacket's person has no name, or too long a one", REMEDY));
        };
        if !self.names.insert(name.to_owned()) {
            let why = format!("two phenopackets are of {}", shown(name.as_bytes()));
            return Err(node.invalid(why, "set person.phenopacket = \"packet\" in the mapping, or give one of them"));
        }
        let place = |pointer: &str| {
            Arc::new(Place { file: file.into(), at: pointer.into(), of: id.unwrap_or_default().to_owned() })
        };
        let mut findings = Vec::new();
        for (member, kind) in [("phenotypicFeatures", FindingKind::Feature), ("diseases", FindingKind::Disease)] {
            for item in node.items(member)? {
                findings.push(Placed { place: place(item.pointer()), fact: finding(&item, kind)? });
            }
        }
        let mut measurements = Vec::new();
        for item in node.items("measurements")? {
            let placed = measurement(&item)?.into_iter().map(|fact| Placed { place: place(item.pointer()), fact });
            measurements.extend(placed);
        }
        let individual = individual(&subject)?;
        Ok(Person { name: name.to_owned(), place: place(subject.pointer()), individual, findings, measurements })
    }

    pub(super) fn into_people(self) -> Vec<Person> {
        self.people
    }
}

fn individual(subject: &Node<'_>) -> Result<Individual, Error> {
    let death = match subject.get("vitalStatus")? {
        None => Death::Unsaid,
        Some(status) => match status.text("status")? {
            Some("ALIVE") => Death::Living,
            Some("DECEASED") => Death::Died(match element(status.get("timeOfDeath")?)? {
                Onset::At(moment) => When::At(moment),
                Onset::Unreadable => When::Unreadable,
                Onset::Unsaid | Onset::Age(_) => When::Unsaid,
            }),
            _ => Death::Unsaid,
        },
    };
    Ok(Individual {
        birth: When::read(subject.text("dateOfBirth")?),
        sex: subject.text("sex")?.filter(|sex| *sex != "UNKNOWN_SEX").map(str::to_owned),
        death,
        last_age: element(subject.get("timeAtLastEncounter")?)?,
    })
}

fn finding(node: &Node<'_>, kind: FindingKind) -> Result<Finding, Error> {
    let member = if kind == FindingKind::Feature { "type" } else { "term" };
    let claim = if node.boolean("excluded")? == Some(true) { Claim::Absent } else { Claim::Present };
    let onset = element(node.get("onset")?)?;
    let codes = class(node.get(member)?)?.into_iter().collect();
    Ok(Finding { kind, codes, claim, active: None, onset, recorded: When::Unsaid })
}

/// A measurement's value, or each of a complex value's.
fn measurement(node: &Node<'_>) -> Result<Vec<Measurement>, Error> {
    let time = match element(node.get("timeObserved")?)? {
        Onset::At(moment) => When::At(moment),
        Onset::Unsaid => When::Unsaid,
        Onset::Age(_) | Onset::Unreadable => When::Unreadable,
    };
    let codes: Vec<Code> = class(node.get("assay")?)?.into_iter().collect();
    let mut measurements = Vec::new();
    let value = match node.get("value")? {
        Some(value) => simple(&value)?,
        None => Err(Cause::NoValue),
    };
    measurements.push(Measurement { codes, value, time });
    if let Some(complex) = node.get("complexValue")? {
        for typed in complex.items("typedQuantities")? {
            let codes = class(typed.get("type")?)?.into_iter().collect();
            let value = typed.get("quantity")?.map(|found| quantity(&found)).transpose()?;
            measurements.push(Measurement { codes, value: value.unwrap_or(Err(Cause::NoValue)), time });
        }
    }
    Ok(measurements)
}

fn simple(value: &Node<'_>) -> Result<Result<Value, Cause>, Error> {
    if let Some(found) = value.get("quantity")? {
        return quantity(&found);
    }
    let coded = class(value.get("ontologyClass")?)?;
    Ok(coded.map(|code| Value::Coded(CodedValue::Codes(vec![code]))).ok_or(Cause::NoValue))
}

/// A quantity. Protobuf leaves a zero out, so that no value is 0.
fn quantity(node: &Node<'_>) -> Result<Result<Value, Cause>, Error> {
    let number = node.number("value")?.unwrap_or_default();
    let unit = match node.get("unit")?.map(|unit| unit.text("id")).transpose()?.flatten() {
        None | Some("") => WrittenUnit::Unsaid,
        Some(id) => match id.split_once(':') {
            Some((system, code)) if system.eq_ignore_ascii_case("UCUM") => WrittenUnit::Ucum(code.to_owned()),
            _ => WrittenUnit::Other(id.to_owned()),
        },
    };
    Ok(Ok(Value::Quantity(number, unit)))
}

/// The code of an `OntologyClass`, a compact identifier.
fn class(node: Option<Node<'_>>) -> Result<Option<Code>, Error> {
    let Some(node) = node else { return Ok(None) };
    Ok(node.text("id")?.and_then(Code::written))
}

/// A `TimeElement`. Classes such as `HP:0003577` (congenital onset) and ages before birth are no ages.
fn element(node: Option<Node<'_>>) -> Result<Onset, Error> {
    let Some(node) = node else { return Ok(Onset::Unsaid) };
    if let Some(text) = node.text("timestamp")? {
        return Ok(When::read(Some(text)).into());
    }
    if let Some(interval) = node.get("interval")? {
        let (start, end) = (When::read(interval.text("start")?), When::read(interval.text("end")?));
        return Ok(match (start, end) {
            (When::At(start), When::At(end)) => Moment::spanning(start, end).map_or(Onset::Unreadable, Onset::At),
            _ => Onset::Unreadable,
        });
    }
    let duration = |node: &Node<'_>| Ok::<_, Error>(node.text("iso8601duration")?.and_then(Age::duration));
    let age = if let Some(age) = node.get("age")? {
        duration(&age)?
    } else if let Some(range) = node.get("ageRange")? {
        let end = |member| Ok::<_, Error>(range.get(member)?.map(|end| duration(&end)).transpose()?.flatten());
        end("start")?.zip(end("end")?).and_then(|(start, end)| Age::range(start, end))
    } else {
        None
    };
    Ok(age.map_or(Onset::Unreadable, Onset::Age))
}
