//! What a conversion used, what it left out and why: nothing is dropped in silence.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{Serialize, Serializer};

use super::cause::{Cause, Verdict};

/// Causes that a summary lists, with the first places of each.
const PLACES_LISTED_MAX: usize = 3;
/// Characters that a note shows of what was found.
const FOUND_CHARS_MAX: usize = 80;

/// Where in which file something stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The file as the caller names it.
    pub file: String,
    /// JSON pointer (RFC 6901), or row and column.
    pub at: String,
    /// Type and id of a FHIR resource, or the phenopacket's id.
    pub of: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.file, self.at)?;
        if self.of.is_empty() { Ok(()) } else { write!(f, " ({})", self.of) }
    }
}

/// Something that is not used as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// Why.
    pub cause: Cause,
    /// Whether it is skipped, refused or adjusted.
    pub verdict: Verdict,
    /// Where it stands.
    #[serde(flatten, serialize_with = "flat")]
    pub place: Arc<Place>,
    /// What was found there.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub found: String,
}

fn flat<S: Serializer>(place: &Arc<Place>, serializer: S) -> Result<S::Ok, S::Error> {
    place.as_ref().serialize(serializer)
}

impl Note {
    /// A note.
    pub(super) fn new(cause: Cause, place: &Arc<Place>) -> Self {
        Self::with(cause, place, "")
    }

    /// A note that shows what was found.
    pub(super) fn with(cause: Cause, place: &Arc<Place>, found: impl AsRef<str>) -> Self {
        let found = found.as_ref().chars().take(FOUND_CHARS_MAX).collect::<String>().escape_debug().to_string();
        Self { cause, verdict: cause.verdict(), place: Arc::clone(place), found }
    }
}

/// What became of one attribute of one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttributeReport {
    /// The attribute's name.
    pub attribute: String,
    /// The stored value; none where it is missing.
    pub stored: Option<u32>,
    /// What the value is from; empty where it is missing, or is the mapping's `otherwise`.
    pub from: Vec<Place>,
    /// What was left out.
    pub notes: Vec<Note>,
}

/// What became of one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PersonReport {
    /// The name.
    pub person: String,
    /// Every attribute of the schema that the mapping has a rule for.
    pub attributes: Vec<AttributeReport>,
}

/// What a file held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileReport {
    /// The file as the caller names it.
    pub file: String,
    /// `fhir`, `phenopacket` or `csv`.
    pub kind: &'static str,
    /// Resources, phenopackets or rows that were read, by type.
    pub read: BTreeMap<String, u64>,
    /// Resources of types that no rule reads, and columns that no rule names, by type or name.
    pub not_read: BTreeMap<String, u64>,
}

/// How often something was left out for one cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CauseTotal {
    /// The cause.
    pub cause: Cause,
    /// Whether it is skipped, refused or adjusted.
    pub verdict: Verdict,
    /// How often.
    pub count: u64,
    /// The first places.
    pub first: Vec<Place>,
}

/// The sums of a report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// People.
    pub people: u64,
    /// Values in the table.
    pub values: u64,
    /// Values that are missing.
    pub missing: u64,
    /// What was left out, by cause.
    pub causes: Vec<CauseTotal>,
}

/// Everything a conversion did. It holds people's values: keep it where the sources are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConversionReport {
    /// The day to which ages and windows refer.
    pub on: String,
    /// The sums.
    pub totals: Totals,
    /// The files, in the order given.
    pub files: Vec<FileReport>,
    /// The people, by name.
    pub people: Vec<PersonReport>,
    /// What belongs to nobody: subjects that no file has, people without a name.
    pub unattached: Vec<Note>,
}

impl ConversionReport {
    /// A report with its sums.
    pub(super) fn new(on: String, files: Vec<FileReport>, people: Vec<PersonReport>, unattached: Vec<Note>) -> Self {
        let attributes = || people.iter().flat_map(|person| &person.attributes);
        let values = attributes().filter(|attribute| attribute.stored.is_some()).count() as u64;
        let mut causes = BTreeMap::new();
        for note in attributes().flat_map(|attribute| &attribute.notes).chain(&unattached) {
            let total = causes.entry(note.cause).or_insert_with(|| CauseTotal {
                cause: note.cause,
                verdict: note.verdict,
                count: 0,
                first: Vec::new(),
            });
            total.count = total.count.saturating_add(1);
            if total.first.len() < PLACES_LISTED_MAX {
                total.first.push(note.place.as_ref().clone());
            }
        }
        let totals = Totals {
            people: people.len() as u64,
            values,
            missing: (attributes().count() as u64).saturating_sub(values),
            causes: causes.into_values().collect(),
        };
        Self { on, totals, files, people, unattached }
    }

    /// The sums, one line to each fact, without people's names or values.
    #[must_use]
    pub fn summary(&self) -> Vec<String> {
        let Totals { people, values, missing, causes } = &self.totals;
        let head = format!("{people} people on {}: {values} values, {missing} missing", self.on);
        let counts = |counts: &BTreeMap<String, u64>| {
            counts.iter().map(|(what, count)| format!("{what} {count}")).collect::<Vec<_>>().join(", ")
        };
        let file = |file: &FileReport| {
            let FileReport { file, kind, read, not_read } = file;
            let not_read =
                if not_read.is_empty() { String::new() } else { format!("; no rule reads {}", counts(not_read)) };
            format!("{file} ({kind}): {}{not_read}", counts(read))
        };
        let cause = |total: &CauseTotal| {
            let verdict = match total.verdict {
                Verdict::Skipped => "skipped",
                Verdict::Refused => "refused",
                Verdict::Adjusted => "adjusted",
            };
            let first = total.first.first().map(|place| format!(", first at {place}")).unwrap_or_default();
            format!("{verdict} {}: {}{first}", total.count, total.cause)
        };
        [head].into_iter().chain(self.files.iter().map(file)).chain(causes.iter().map(cause)).collect()
    }

    /// Everything, one line to each fact, for people.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = self.summary();
        for person in &self.people {
            lines.push(format!("{}:", person.person));
            for attribute in &person.attributes {
                let from: Vec<_> = attribute.from.iter().map(ToString::to_string).collect();
                let stored = attribute.stored.map_or_else(|| "missing".to_owned(), |stored| stored.to_string());
                let from = if from.is_empty() { String::new() } else { format!(" from {}", from.join(", ")) };
                lines.push(format!("  {} = {stored}{from}", attribute.attribute));
                lines.extend(attribute.notes.iter().map(|note| format!("    {}", note.line())));
            }
        }
        lines.extend(self.unattached.iter().map(Note::line));
        lines
    }
}

impl Note {
    fn line(&self) -> String {
        let Self { cause, place, found, .. } = self;
        let found = if found.is_empty() { String::new() } else { format!(", found {found}") };
        format!("{cause}: {place}{found}")
    }
}
