//! CSV and TSV tables: a row to each person, and columns that the mapping names.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use circuits::schema::Attribute;

use super::{
    age::Age,
    cause::Cause,
    evaluate::{Asked, Outcome, Outcomes, in_range, stored, taken},
    facts::When,
    limits::PEOPLE_MAX,
    mapping::{Table, TableRule},
    moment::Moment,
    number::decimal,
    report::{FileReport, Note, Place},
    unit::NoConversion,
};
use crate::{
    Error,
    import::{
        limits::NAME_BYTES_MAX,
        refusal::{Refusal, shown},
    },
};

/// Cells that mean missing, besides the empty one; as in a table of attributes.
const MISSING_CELLS: [&str; 3] = ["NA", ".", "n/a"];
const UTF8_BOM: &[u8] = b"\xef\xbb\xbf";

/// Reads a table; a name that ends in `.tsv` or `.tab` says that tabs part the cells.
///
/// # Errors
/// [`Error::InvalidInput`] with the row, for a column that the mapping names and the table lacks, a column that appears
/// twice, a row of another length, and a person without a name or with another's.
pub(super) fn read(
    file: &str,
    bytes: &[u8],
    asked: Asked<'_>,
    names: &mut BTreeSet<String>,
    outcomes: &mut Outcomes,
) -> Result<FileReport, Error> {
    let tabs = [".tsv", ".tab"].iter().any(|ending| file.to_ascii_lowercase().ends_with(ending));
    let bytes = bytes.strip_prefix(UTF8_BOM).unwrap_or(bytes);
    let mut table =
        csv::ReaderBuilder::new().flexible(true).delimiter(if tabs { b'\t' } else { b',' }).from_reader(bytes);
    let header = table.headers().map_err(|error| no_table(&error).at(file, "row 1"))?.clone();
    let columns = Columns::read(&header, asked).map_err(|refusal| refusal.at(file, "row 1"))?;
    let mut report = FileReport {
        file: file.to_owned(),
        kind: "csv",
        read: BTreeMap::new(),
        not_read: columns.not_named.iter().map(|name| (format!("column {name}"), 1)).collect(),
    };
    let mut rows = 0u64;
    for (number, row) in (2u64..).zip(table.records()) {
        let place = format!("row {number}");
        let row = row.map_err(|error| no_table(&error).at(file, &place))?;
        let name = columns.name(&row, header.len(), names).map_err(|refusal| refusal.at(file, &place))?;
        rows = rows.saturating_add(1);
        let targets = &asked.mapping.targets;
        let entry = outcomes.entry(name).or_insert_with(|| vec![Vec::new(); targets.len()]);
        for ((target, outcomes), column) in targets.iter().zip(entry).zip(&columns.targets) {
            if let (Some(table), Some(column)) = (&target.csv, column) {
                let at = format!("row {number}, column {}", table.column);
                let place = Arc::new(Place { file: file.to_owned(), at, of: String::new() });
                outcomes.push(cell(
                    row.get(*column).unwrap_or_default().trim(),
                    table,
                    &target.attribute,
                    asked,
                    &place,
                ));
            }
        }
    }
    report.read.insert("rows".into(), rows);
    Ok(report)
}

fn no_table(error: &csv::Error) -> Refusal {
    let remedy = "save the table as UTF-8 CSV or TSV with one row to each person".into();
    Refusal::Invalid { why: error.to_string(), remedy }
}

/// Where the columns are.
struct Columns {
    person: usize,
    /// For each target of the mapping.
    targets: Vec<Option<usize>>,
    not_named: Vec<String>,
}

impl Columns {
    fn read(header: &csv::StringRecord, asked: Asked<'_>) -> Result<Self, Refusal> {
        let refuse = |why: String, remedy: &str| Refusal::Invalid { why, remedy: remedy.into() };
        let mut places = BTreeMap::new();
        for (place, name) in header.iter().map(str::trim).enumerate() {
            if places.insert(name, place).is_some() {
                let why = format!("the column {} appears twice", shown(name.as_bytes()));
                return Err(refuse(why, "keep one of them"));
            }
        }
        let find = |name: &str| {
            let absent = || format!("there is no column {}", shown(name.as_bytes()));
            places.get(name).copied().ok_or_else(|| {
                refuse(absent(), "name the column as the mapping does, or change the mapping; .tsv files have tabs")
            })
        };
        let person = find(&asked.mapping.naming.column)?;
        let tables = || asked.mapping.targets.iter().map(|target| target.csv.as_ref());
        let targets =
            tables().map(|table| table.map(|table| find(&table.column)).transpose()).collect::<Result<_, _>>()?;
        let named: BTreeSet<&str> = tables().flatten().map(|table| table.column.as_str()).collect();
        let not_named = places.iter().filter(|(name, place)| **place != person && !named.contains(*name));
        let not_named = not_named.map(|(name, _)| name.chars().take(64).collect()).collect();
        Ok(Self { person, targets, not_named })
    }

    fn name(&self, row: &csv::StringRecord, columns: usize, names: &mut BTreeSet<String>) -> Result<String, Refusal> {
        let refuse = |why: String, remedy: &str| Err(Refusal::Invalid { why, remedy: remedy.into() });
        if row.len() != columns {
            let why = format!("the row has {} cells, the header {columns}", row.len());
            return refuse(why, "give every row one cell to each column");
        }
        let name = row.get(self.person).unwrap_or_default().trim();
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return refuse("the person's name is empty or too long".into(), "name the person as the VCF does");
        }
        if names.len() >= PEOPLE_MAX {
            return refuse(format!("there are more than {PEOPLE_MAX} people"), "split the table");
        }
        if !names.insert(name.to_owned()) {
            return refuse(format!("the person {} appears twice", shown(name.as_bytes())), "keep one of their rows");
        }
        Ok(name.to_owned())
    }
}

fn cell(text: &str, table: &Table, attribute: &Attribute, asked: Asked<'_>, place: &Arc<Place>) -> Outcome {
    if text.is_empty() || MISSING_CELLS.iter().any(|missing| text.eq_ignore_ascii_case(missing)) {
        return Outcome::missing(Note::new(Cause::NoValue, place));
    }
    let refuse = |cause| Note::with(cause, place, text);
    let value = match &table.rule {
        TableRule::Age(rule) => {
            let event = Moment::days(asked.on, asked.on);
            let age = match When::read(Some(text)) {
                When::At(birth) => Ok(Age::Dates { birth, event }),
                When::Unsaid | When::Unreadable => Err(Cause::UnreadableDate),
            };
            return taken(age, *rule, attribute, place);
        }
        TableRule::Category(values) => {
            let value = values.get(text).copied().ok_or(Cause::CodeNotMapped);
            value.and_then(|value| in_range(Some(value), attribute))
        }
        TableRule::Number(units, substance) => decimal(text).ok_or(Cause::NoNumber).and_then(|number| {
            let converted = units.0.convert(&number, &units.1, substance).map_err(|none| match none {
                NoConversion::Incommensurable => Cause::OtherUnit,
                NoConversion::NeedsMolarMass => Cause::NeedsMolarMass,
                NoConversion::NeedsHba1c => Cause::NeedsHba1c,
            })?;
            stored(&converted, attribute)
        }),
    };
    match value {
        Ok(stored) => Outcome::from_place(stored, place),
        Err(cause) => Outcome::missing(refuse(cause)),
    }
}
