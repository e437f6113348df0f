//! Attributes from a CSV table: one row to each person, one column to each attribute of the schema.

use std::{collections::BTreeSet, io::Read};

use circuits::{
    record::{ATTRIBUTES, Attributes, MISSING},
    schema::{Attribute, Schema},
};

use super::{
    limits::{ATTRIBUTE_BYTES_MAX, ATTRIBUTE_ROWS_MAX, NAME_BYTES_MAX},
    refusal::{Checked, Refusal, invalid, shown},
};
use crate::Error;

/// Names of the column that holds the sample's name.
const SAMPLE_COLUMN: &str = "sample";
/// Cells that mean missing, besides the empty one.
const MISSING_CELLS: [&str; 3] = ["NA", ".", "n/a"];
/// Longest text of a decimal number.
const DECIMAL_BYTES_MAX: usize = 32;

/// One person's attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeRow {
    /// The sample's name.
    pub sample: String,
    /// Values in the schema's order, scaled; [`MISSING`] where the cell is empty or the table has no such column.
    pub attributes: Attributes,
}

/// Reads a CSV table whose header has `sample` and names of the schema's attributes, in any order.
///
/// A cell is a decimal number in the attribute's unit; times the scale it must be an integer within the attribute's
/// bounds. Empty, `NA`, `n/a` and `.` mean missing.
///
/// # Errors
/// [`Error::InvalidInput`] that names row and column, for an unknown or repeated column, a repeated or unnamed sample,
/// a row of another length, or a cell that is no such number; [`Error::UnreadableInput`] when reading fails.
pub fn import_attributes(file: &str, reader: impl Read, schema: &Schema) -> Result<Vec<AttributeRow>, Error> {
    let mut table = csv::ReaderBuilder::new().flexible(true).from_reader(reader.take(ATTRIBUTE_BYTES_MAX + 1));
    let header = table.headers().map_err(|error| csv_refusal(error).at(file, "row 1"))?.clone();
    let columns = read_columns(&header, schema).map_err(|refusal| refusal.at(file, "row 1"))?;
    let mut names = BTreeSet::new();
    let mut rows = Vec::new();
    for (number, row) in (2u64..).zip(table.records()) {
        let row = row
            .map_err(csv_refusal)
            .and_then(|row| read_row(&row, &columns, schema, &mut names))
            .map_err(|refusal| refusal.at(file, format_args!("row {number}")))?;
        rows.push(row);
        if rows.len() > ATTRIBUTE_ROWS_MAX {
            return Err(too_large(format!("{ATTRIBUTE_ROWS_MAX} rows")).at(file, format_args!("row {number}")));
        }
    }
    match table.position().byte() {
        0..=ATTRIBUTE_BYTES_MAX => Ok(rows),
        _ => Err(too_large(format!("{ATTRIBUTE_BYTES_MAX} bytes")).at(file, "end")),
    }
}

fn too_large(what: String) -> Refusal {
    Refusal::Invalid { why: format!("the table has more than {what}"), remedy: "split it by samples".into() }
}

fn csv_refusal(error: csv::Error) -> Refusal {
    let why = error.to_string();
    match error.into_kind() {
        csv::ErrorKind::Io(source) => Refusal::Unreadable(source),
        _ => Refusal::Invalid { why, remedy: "save the table as UTF-8 CSV with one row to each person".into() },
    }
}

/// What each column is: the sample's name, or the attribute with this index.
enum Column {
    Sample,
    Attribute(usize),
}

fn read_columns(header: &csv::StringRecord, schema: &Schema) -> Checked<Vec<Column>> {
    let mut seen = BTreeSet::new();
    let mut columns = Vec::new();
    for name in header {
        let name = name.trim_start_matches('\u{feff}').trim();
        if !seen.insert(name.to_owned()) {
            return invalid(format!("the column {} appears twice", shown(name.as_bytes())), "keep one of them");
        }
        columns.push(match schema.attribute_index(name) {
            _ if name == SAMPLE_COLUMN => Column::Sample,
            Some(index) if index < ATTRIBUTES => Column::Attribute(index),
            _ => {
                let known: Vec<&str> = schema.attributes.iter().map(|attribute| attribute.name.as_str()).collect();
                let remedy = format!("drop it or rename it to one of {}", known.join(", "));
                return invalid(format!("the schema has no attribute {}", shown(name.as_bytes())), remedy);
            }
        });
    }
    if seen.contains(SAMPLE_COLUMN) {
        return Ok(columns);
    }
    invalid("there is no column named sample", "name the column of sample names `sample`")
}

fn read_row(
    row: &csv::StringRecord,
    columns: &[Column],
    schema: &Schema,
    names: &mut BTreeSet<String>,
) -> Checked<AttributeRow> {
    if row.len() != columns.len() {
        let why = format!("the row has {} cells, the header {}", row.len(), columns.len());
        return invalid(why, "give every row one cell to each column");
    }
    let mut sample = String::new();
    let mut values = [MISSING; ATTRIBUTES];
    for (cell, column) in row.iter().map(str::trim).zip(columns) {
        match column {
            Column::Sample => cell.clone_into(&mut sample),
            Column::Attribute(index) => {
                if let (Some(value), Some(attribute)) = (values.get_mut(*index), schema.attributes.get(*index)) {
                    *value = read_cell(cell, attribute)?;
                }
            }
        }
    }
    if sample.is_empty() || sample.len() > NAME_BYTES_MAX {
        return invalid("the column sample is empty or too long", "name the sample as the VCF does");
    }
    if !names.insert(sample.clone()) {
        return invalid(format!("the sample {} appears twice", shown(sample.as_bytes())), "keep one of its rows");
    }
    Ok(AttributeRow { sample, attributes: Attributes::new(values) })
}

fn read_cell(cell: &str, attribute: &Attribute) -> Checked<u32> {
    if cell.is_empty() || MISSING_CELLS.iter().any(|missing| cell.eq_ignore_ascii_case(missing)) {
        return Ok(MISSING);
    }
    let Attribute { name, unit, scale, lo, hi, .. } = attribute;
    let refuse =
        |why: &str, remedy: String| invalid(format!("column {name}: {} {why}", shown(cell.as_bytes())), remedy);
    let Some(scaled) = scale_decimal(cell, *scale) else {
        let remedy = format!("write a number of {unit:?} that times {scale} is an integer, or leave the cell empty");
        return refuse("is not such a number", remedy);
    };
    match u32::try_from(scaled) {
        Ok(value) if (*lo..=*hi).contains(&value) => Ok(value),
        _ => refuse("is out of range", format!("stored values (× {scale}) lie between {lo} and {hi}")),
    }
}

/// `cell × scale`, if that is an integer; exact, so that no rounding can move a value across a bound.
fn scale_decimal(cell: &str, scale: u32) -> Option<u64> {
    let (whole, fraction) = cell.split_once('.').unwrap_or((cell, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || cell.len() > DECIMAL_BYTES_MAX || !digits(whole) || !digits(fraction) || cell.ends_with('.')
    {
        return None;
    }
    let denominator = 10u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let numerator = format!("{whole}{fraction}").parse::<u128>().ok()?.checked_mul(u128::from(scale))?;
    (numerator % denominator == 0).then_some(numerator / denominator).and_then(|value| u64::try_from(value).ok())
}
