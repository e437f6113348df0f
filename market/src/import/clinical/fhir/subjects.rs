//! Who a reference is about (FHIR R4, sections 2.3.0 and 2.36.4).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Resource, resources::Patient};
use crate::{
    Error,
    import::{
        clinical::{cause::Cause, facts::Person, limits::PEOPLE_MAX, mapping::Naming, report::Note},
        limits::NAME_BYTES_MAX,
        refusal::{Refusal, shown},
    },
};

/// The people of all files, with the ways in which references name them.
#[derive(Default)]
pub(super) struct Subjects {
    people: Vec<Person>,
    names: BTreeSet<String>,
    by_url: BTreeMap<String, BTreeSet<usize>>,
    /// By type and id, within one file.
    by_id: BTreeMap<(usize, String), BTreeSet<usize>>,
    /// By type and id, anywhere.
    anywhere: BTreeMap<String, BTreeSet<usize>>,
}

impl Subjects {
    /// Adds a patient, or notes that they have no name.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when somebody else has the name.
    pub(super) fn add(
        &mut self,
        resource: &Resource,
        patient: &Patient,
        naming: &Naming,
        notes: &mut Vec<Note>,
    ) -> Result<(), Error> {
        let place = &resource.place;
        let name = patient.name(naming).filter(|name| !name.is_empty() && name.len() <= NAME_BYTES_MAX);
        let Some(name) = name else {
            notes.push(Note::new(Cause::Unnamed, place));
            return Ok(());
        };
        let refuse =
            |why: String, remedy: &str| Err(Refusal::Invalid { why, remedy: remedy.into() }.at(&place.file, &place.at));
        if !self.names.insert(name.clone()) {
            let why = format!("two patients are named {}", shown(name.as_bytes()));
            return refuse(why, "choose an identifier that tells them apart, under [person] in the mapping");
        }
        let index = self.people.len();
        if index >= PEOPLE_MAX {
            return refuse(format!("there are more than {PEOPLE_MAX} people"), "convert fewer files at once");
        }
        if let Some(url) = &resource.full_url {
            self.by_url.entry(url.clone()).or_default().insert(index);
        }
        if let Some(relative) = &resource.relative {
            self.by_id.entry((resource.file, relative.clone())).or_default().insert(index);
            self.anywhere.entry(relative.clone()).or_default().insert(index);
        }
        let (individual, place) = (patient.individual.clone(), Arc::clone(place));
        self.people.push(Person { name, place, individual, findings: Vec::new(), measurements: Vec::new() });
        Ok(())
    }

    /// Whom a resource is about: an entry's `fullUrl`, a relative reference under the base of the resource's own
    /// `fullUrl`, or else type and id, where one patient alone has them.
    pub(super) fn find(&mut self, resource: &Resource) -> Option<&mut Person> {
        let reference = resource.subject.as_deref()?;
        let reference = reference.split_once("/_history/").map_or(reference, |(reference, _)| reference);
        let base = || {
            let (url, relative) = (resource.full_url.as_deref()?, resource.relative.as_deref()?);
            url.strip_suffix(relative)
        };
        let under_base = base().map(|base| format!("{base}{reference}"));
        let found = self
            .by_url
            .get(reference)
            .or_else(|| self.by_url.get(&under_base?))
            .or_else(|| self.by_id.get(&(resource.file, reference.to_owned())))
            .or_else(|| self.anywhere.get(reference))?;
        let index = found.first().filter(|_| found.len() == 1)?;
        self.people.get_mut(*index)
    }

    pub(super) fn into_people(self) -> Vec<Person> {
        self.people
    }
}
