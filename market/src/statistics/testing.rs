//! A table of people becomes sums as in the product: records, a layout's plaintexts, slots, cells.

use std::path::{Path, PathBuf};

use circuits::{
    criteria::MatchCriteria,
    layout::{Axis, Layout, Statistic},
    record::{ATTRIBUTES, Attributes, Genotypes, MISSING},
    schema::{Attribute, PanelReference, Schema, Sensitivity},
};
use rand::{SeedableRng, rngs::StdRng};
use serde::Serialize;
use serde_json::Value;

use super::{Cells, PartSums, Sum, noise};
use crate::skipped::{REQUIRE_DATA, nothing_checked};

/// A schema of attributes: name, scale, greatest stored value.
pub(crate) fn schema(attributes: &[(&str, u32, u32)]) -> Schema {
    let attribute = |&(name, scale, hi): &(&str, u32, u32)| Attribute {
        name: name.into(),
        unit: "a".into(),
        coding: String::new(),
        scale,
        lo: 0,
        hi,
        digits: 4,
        sensitivity: Sensitivity::Public,
    };
    let digest = circuits::id::Digest::from_bytes([0; 32]);
    Schema {
        name: "test".into(),
        attributes: attributes.iter().map(attribute).collect(),
        panel: PanelReference { build: String::new(), variants: 0, digest },
    }
}

/// The slots that people add up to, as the committee would decrypt them. A row holds a person's first attributes.
pub(crate) fn slots(layout: &Layout, matching: &MatchCriteria, people: &[Vec<u32>]) -> Vec<Sum> {
    layout.check_with(matching).unwrap();
    let genotypes = Genotypes::new(&[]).unwrap();
    let mut slots = vec![Sum::exact(0); layout.slots_used().into()];
    for person in people {
        let mut values = [MISSING; ATTRIBUTES];
        values[..person.len()].copy_from_slice(person);
        let plaintext = layout.plaintext(matching, &Attributes::new(values), &genotypes).unwrap();
        for (slot, value) in slots.iter_mut().zip(plaintext.slots()) {
            slot.value += i64::from(*value);
        }
    }
    slots
}

/// The people in each cell that axes over a schema span.
pub(crate) fn counts(axes: Vec<Axis>, schema: &Schema, people: &[Vec<u32>]) -> Cells<Sum> {
    let layout = Layout { axes, ..Layout::count() };
    counted(&layout, schema, &slots(&layout, &MatchCriteria::default(), people))
}

fn counted(layout: &Layout, schema: &Schema, slots: &[Sum]) -> Cells<Sum> {
    let PartSums::Counts(cells) = PartSums::of_slots(layout, schema, slots).unwrap() else { panic!("counts") };
    cells
}

/// The people that reach each prefix of the groups of criteria.
pub(crate) fn funnel(matching: &MatchCriteria, schema: &Schema, people: &[Vec<u32>]) -> Cells<Vec<Sum>> {
    let groups = u8::try_from(matching.groups.len()).unwrap();
    let layout = Layout { statistic: Statistic::Funnel { groups }, ..Layout::count() };
    let PartSums::Funnel(cells) = PartSums::of_slots(&layout, schema, &slots(&layout, matching, people)).unwrap()
    else {
        panic!("a funnel")
    };
    cells
}

/// Cells with these sums, on axes of bins one wide: what no people need to add up to, such as noise.
pub(crate) fn cells(shape: &[u16], sums: &[Sum]) -> Cells<Sum> {
    let axes = (0..).zip(shape).map(|(attribute, count)| Axis::Bins { attribute, lo: 0, width: 1, count: *count });
    let layout = Layout { axes: axes.collect(), ..Layout::count() };
    counted(&layout, &schema(&[("first", 1, 4_000), ("second", 1, 4_000), ("third", 1, 4_000)]), sums)
}

/// [`cells`] without noise.
pub(crate) fn exact(shape: &[u16], counts: &[i64]) -> Cells<Sum> {
    cells(shape, &counts.iter().map(|count| Sum::exact(*count)).collect::<Vec<_>>())
}

/// The same sums with noise of this variance added.
pub(crate) fn with_noise(cells: &Cells<Sum>, variance: f64, rng: &mut StdRng) -> Cells<Sum> {
    cells.map(|sum| Sum::noisy(sum.value + noise::draw(variance, rng).unwrap() as i64, variance))
}

/// Random numbers that are the same each time.
pub(crate) fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().into()
}

/// The cases of `tests/data/statistics/<family>.json`, made by `tests/reference/<family>.py`.
pub(crate) fn reference(family: &str) -> Vec<Value> {
    let path = root().join("tests/data/statistics").join(family).with_extension("json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The cells of a case of reference values, from its people; they hold as many as the reference counted.
/// `None`, said on stderr, when its data is not here.
pub(crate) fn cells_of_case(case: &Value) -> Option<Cells<Sum>> {
    let axes = case["axes"].as_array().unwrap();
    let cells = counts_of_rows(axes, &people(case["file"].as_str().unwrap(), axes)?);
    let found: Vec<i64> = cells.values.iter().map(|sum| sum.value).collect();
    assert_eq!(found, serde_json::from_value::<Vec<i64>>(case["table"].clone()).unwrap(), "{}", case["name"]);
    Some(cells)
}

/// The cells that the axes of a case span, with the people in them.
pub(crate) fn counts_of_rows(axes: &[Value], people: &[Vec<u32>]) -> Cells<Sum> {
    let columns: Vec<_> = axes.iter().map(|axis| (axis["column"].as_str().unwrap(), scale(axis), 4_000)).collect();
    counts((0..).zip(axes).map(axis_of).collect(), &schema(&columns), people)
}

fn scale(axis: &Value) -> u32 {
    axis["scale"].as_u64().map_or(1, |scale| scale as u32)
}

fn axis_of((attribute, axis): (u8, &Value)) -> Axis {
    if let Ok(cuts) = serde_json::from_value(axis["cuts"].clone()) {
        return Axis::Thresholds { attribute, cuts };
    }
    let (lo, width, count) = serde_json::from_value(axis["bins"].clone()).unwrap();
    Axis::Bins { attribute, lo, width, count }
}

/// The stored values of some columns of a table, a row to each person.
pub(crate) fn people(file: &str, axes: &[Value]) -> Option<Vec<Vec<u32>>> {
    let path = root().join(file);
    let spaces = path.extension().unwrap() == "dat";
    let Ok(text) = std::fs::read_to_string(&path) else {
        nothing_checked(REQUIRE_DATA, file, "it is not beside the repository");
        return None;
    };
    let delimiter = if spaces { b' ' } else { b',' };
    let mut table = csv::ReaderBuilder::new().delimiter(delimiter).has_headers(!spaces).from_reader(text.as_bytes());
    let header: Vec<String> = if spaces {
        (0..9).map(|column| column.to_string()).collect()
    } else {
        table.headers().unwrap().iter().map(Into::into).collect()
    };
    let place = |column: &Value| header.iter().position(|name| *column == **name).unwrap();
    let value = |row: &csv::StringRecord, axis: &Value| match axis["dummies"].as_array() {
        Some(columns) => (1..).zip(columns).map(|(code, column)| code * u32::from(&row[place(column)] == "1")).sum(),
        None => stored(&row[place(&axis["column"])], axis),
    };
    let person = |row: &csv::StringRecord| axes.iter().map(|axis| value(row, axis)).collect();
    Some(table.records().map(|row| person(&row.unwrap())).collect())
}

fn stored(cell: &str, axis: &Value) -> u32 {
    if let Some(codes) = axis.get("codes") {
        return codes[cell].as_u64().map_or(MISSING, |code| code as u32);
    }
    cell.parse::<f64>().map_or(MISSING, |value| (value * f64::from(scale(axis))).round() as u32)
}

/// Asserts agreement to a part in 10^9, or, next to zero, to 10^-12.
pub(crate) fn assert_close(found: f64, expected: &Value, what: &str) {
    let expected = expected.as_f64().unwrap_or_else(|| panic!("{what}: no reference value"));
    let allowed = (1e-9 * expected.abs()).max(1e-12);
    assert!((found - expected).abs() <= allowed, "{what}: {found} where the reference has {expected}");
}

/// Asserts that a p-value agrees to a part in 10^9 of itself: the smaller it is in earnest, the less is allowed.
#[track_caller]
pub(crate) fn assert_p_close(found: f64, expected: &Value, what: &str) {
    let expected = expected.as_f64().unwrap_or_else(|| panic!("{what}: no reference p-value"));
    let allowed = 1e-9 * expected;
    assert!((found - expected).abs() <= allowed, "{what}: p = {found:e} where the reference has {expected:e}");
}

/// Asserts that every number is one: no null, and no number that JSON could not hold.
pub(crate) fn assert_every_number_is_one(result: &impl Serialize) {
    fn check(value: &Value, path: &str) {
        match value {
            Value::Null => panic!("{path} is null"),
            Value::Array(items) => items.iter().enumerate().for_each(|(i, item)| check(item, &format!("{path}.{i}"))),
            // The labels of open cells have no bound there.
            Value::Object(fields) if fields.contains_key("text") => {}
            Value::Object(fields) => fields.iter().for_each(|(name, field)| check(field, &format!("{path}.{name}"))),
            _ => {}
        }
    }
    check(&serde_json::to_value(result).unwrap(), "result");
}
