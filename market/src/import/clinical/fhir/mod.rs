//! FHIR R4 (4.0.1) in JSON: bundles, single resources, and NDJSON as bulk exports write it.
//!
//! Patient, Condition, Observation, MedicationRequest and Procedure are read; other types are counted in the report.

mod resources;
mod subjects;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use self::{resources::Content, subjects::Subjects};
use super::{
    cause::Cause,
    facts::{Person, Placed},
    json::{self, Node},
    limits::RESOURCES_MAX,
    mapping::Naming,
    report::{FileReport, Note, Place},
};
use crate::Error;

/// Characters of type and id that a report shows.
const ID_CHARS_MAX: usize = 100;
/// Endings of files that hold one resource on each line.
const LINES_ENDINGS: [&str; 2] = [".ndjson", ".jsonl"];

/// A resource as its rules need it.
struct Resource {
    /// `fullUrl`, or type and id.
    identity: Option<String>,
    full_url: Option<String>,
    /// Type and id.
    relative: Option<String>,
    /// Which file it is from.
    file: usize,
    /// What the subject's reference says.
    subject: Option<String>,
    place: Arc<Place>,
    content: Content,
}

/// Everything that FHIR files say, before it is put to its people.
#[derive(Default)]
pub(super) struct Collected {
    resources: Vec<Resource>,
    /// The resource with each identity.
    identities: BTreeMap<String, usize>,
    notes: Vec<Note>,
    files: usize,
}

/// Whether each line of a file with this name is a document of its own.
pub(super) fn is_lines(file: &str) -> bool {
    LINES_ENDINGS.iter().any(|ending| file.to_ascii_lowercase().ends_with(ending))
}

impl Collected {
    /// Reads a document: a bundle or a resource.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] with the JSON pointer, for what breaks the format where it is read,
    /// [`Error::UnsupportedInput`] for a history.
    pub(super) fn document(&mut self, file: &str, document: &Value, report: &mut FileReport) -> Result<(), Error> {
        self.files = self.files.saturating_add(1);
        self.node(file, &Node::root(file, document), report)
    }

    /// Reads NDJSON: a resource on each line.
    ///
    /// # Errors
    /// As [`Collected::document`], with the line.
    pub(super) fn lines(&mut self, file: &str, bytes: &[u8], report: &mut FileReport) -> Result<(), Error> {
        self.files = self.files.saturating_add(1);
        for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let number = index.saturating_add(1);
            let value = json::parse(file, line, number)?;
            self.node(file, &Node::root(file, &value).under(format!("line {number}")), report)?;
        }
        Ok(())
    }

    fn node(&mut self, file: &str, node: &Node<'_>, report: &mut FileReport) -> Result<(), Error> {
        if node.text("resourceType")? != Some("Bundle") {
            return self.resource(file, node, None, report);
        }
        if node.text("type")? == Some("history") {
            return Err(node.unsupported("a bundle of histories", "export the current versions"));
        }
        for entry in node.items("entry")? {
            if let Some(resource) = entry.get("resource")? {
                self.resource(file, &resource, entry.text("fullUrl")?, report)?;
            }
        }
        Ok(())
    }

    fn resource(
        &mut self,
        file: &str,
        node: &Node<'_>,
        full_url: Option<&str>,
        report: &mut FileReport,
    ) -> Result<(), Error> {
        let Some(kind) = node.text("resourceType")? else {
            return Err(node.invalid("the resource has no resourceType", "give FHIR R4 resources in JSON"));
        };
        let Some(content) = resources::read(kind, node)? else {
            count(&mut report.not_read, kind);
            return Ok(());
        };
        count(&mut report.read, kind);
        let relative = node.text("id")?.map(|id| format!("{kind}/{id}"));
        let of = relative.as_deref().unwrap_or(kind).chars().take(ID_CHARS_MAX).collect();
        let place = Place { file: file.into(), at: node.pointer().into(), of };
        let resource = Resource {
            identity: full_url.map(str::to_owned).or_else(|| relative.clone()),
            full_url: full_url.map(str::to_owned),
            relative,
            file: self.files,
            subject: subject(kind, node)?,
            place: Arc::new(place),
            content,
        };
        if self.resources.len() >= RESOURCES_MAX {
            return Err(
                node.invalid(format!("there are more than {RESOURCES_MAX} resources"), "convert fewer files at once")
            );
        }
        self.add(resource);
        Ok(())
    }

    /// Adds a resource, or notes that it stands there already: the same is counted once, and of two that differ neither
    /// is used, since nothing says which is true.
    fn add(&mut self, mut resource: Resource) {
        let identity = resource.identity.clone();
        let known = identity.as_ref().and_then(|identity| self.identities.get(identity)).copied();
        if let Some(known) = known.and_then(|known| self.resources.get_mut(known)) {
            if known.content == resource.content && known.subject == resource.subject {
                self.notes.push(Note::new(Cause::Duplicate, &resource.place));
                return;
            }
            known.content.conflict();
            resource.content.conflict();
            let other = format!("another at {}", known.place);
            self.notes.push(Note::with(Cause::ConflictingDuplicate, &resource.place, other));
            if matches!(resource.content, Content::Patient(_)) {
                return;
            }
        } else if let Some(identity) = identity {
            self.identities.insert(identity, self.resources.len());
        }
        self.resources.push(resource);
    }

    /// The people, each with what is about them, and notes of what is about nobody.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when two people have one name by the mapping.
    pub(super) fn people(self, naming: &Naming) -> Result<(Vec<Person>, Vec<Note>), Error> {
        let mut notes = self.notes;
        let mut people = Subjects::default();
        for resource in &self.resources {
            if let Content::Patient(patient) = &resource.content {
                people.add(resource, patient, naming, &mut notes)?;
            }
        }
        for resource in self.resources {
            if matches!(resource.content, Content::Patient(_)) {
                continue;
            }
            let Some(person) = people.find(&resource) else {
                let subject = resource.subject.unwrap_or_else(|| "no reference".into());
                notes.push(Note::with(Cause::SubjectUnresolved, &resource.place, subject));
                continue;
            };
            let place = resource.place;
            match resource.content {
                Content::Finding(finding) => person.findings.push(Placed { place, fact: finding }),
                Content::MedicationByReference => notes.push(Note::new(Cause::MedicationByReference, &place)),
                Content::Measurements(measurements) => person
                    .measurements
                    .extend(measurements.into_iter().map(|fact| Placed { place: Arc::clone(&place), fact })),
                Content::Patient(_) => {}
            }
        }
        Ok((people.into_people(), notes))
    }
}

/// What `subject` refers to.
fn subject(kind: &str, node: &Node<'_>) -> Result<Option<String>, Error> {
    let subject = if kind == "Patient" { None } else { node.get("subject")? };
    Ok(subject.map(|subject| subject.text("reference")).transpose()?.flatten().map(str::to_owned))
}

fn count(counts: &mut BTreeMap<String, u64>, kind: &str) {
    let known = kind.len() <= 64 && kind.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let count = counts.entry(if known { kind.to_owned() } else { "other".to_owned() }).or_default();
    *count = count.saturating_add(1);
}
