//! People in tables, put through layouts as the product does, and values that other libraries computed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use circuits::{
    criteria::MatchCriteria,
    id::Digest,
    layout::{Layout, Moment},
    record::{ATTRIBUTES, Attributes, Dosage, Genotypes, MISSING},
    schema::{Attribute, PanelReference, Schema, Sensitivity},
};
use rand::rngs::StdRng;
use serde::Serialize;
use serde_json::Value;

use super::{Estimate, Interval, PartSums, Stated, Sum, noise};
use crate::skipped::{REQUIRE_DATA, nothing_checked};

/// A column of a table: how its text becomes a stored value.
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) scale: u32,
    pub(super) lo: u32,
    pub(super) hi: u32,
    pub(super) measured: fn(&str) -> Option<f64>,
}

/// A column of plain numbers; anything else is missing.
pub(super) fn column(name: &'static str, scale: u32, lo: u32, hi: u32) -> Column {
    Column { name, scale, lo, hi, measured: |text| text.parse().ok() }
}

impl Column {
    /// The same column of what a function makes of the text.
    pub(super) fn read(self, measured: fn(&str) -> Option<f64>) -> Self {
        Self { measured, ..self }
    }

    /// `floor(value·scale + ½)`, as the scripts of `tests/reference` quantize.
    fn stored(&self, text: &str) -> u32 {
        (self.measured)(text).map_or(MISSING, |value| (value * f64::from(self.scale) + 0.5).floor() as u32)
    }

    fn attribute(&self) -> Attribute {
        Attribute {
            name: self.name.into(),
            unit: "u".into(),
            coding: String::new(),
            scale: self.scale,
            lo: self.lo,
            hi: self.hi,
            digits: 4,
            sensitivity: Sensitivity::Public,
        }
    }
}

/// People under a schema.
pub(super) struct Table {
    pub(super) schema: Schema,
    pub(super) people: Vec<(Attributes, Genotypes)>,
}

impl Table {
    /// People whose stored values are given, without genotypes.
    pub(super) fn of_values(columns: &[Column], rows: &[Vec<u32>]) -> Self {
        let attributes = |row: &Vec<u32>| {
            let mut values = [MISSING; ATTRIBUTES];
            values.iter_mut().zip(row).for_each(|(slot, value)| *slot = *value);
            Attributes::new(values)
        };
        let people = rows.iter().map(|row| (attributes(row), Genotypes::new(&[]).unwrap())).collect();
        Self { schema: schema(columns, 0), people }
    }

    /// A file's columns; fields are separated by `delimiter`.
    pub(super) fn of_file(path: &Path, delimiter: u8, columns: &[Column]) -> Self {
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_path(path).unwrap();
        let headers = reader.headers().unwrap().clone();
        let places: Vec<usize> = columns
            .iter()
            .map(|column| headers.iter().position(|name| name == column.name).expect(column.name))
            .collect();
        let row = |record: csv::StringRecord| -> Vec<u32> {
            columns.iter().zip(&places).map(|(column, place)| column.stored(&record[*place])).collect()
        };
        let rows: Vec<Vec<u32>> = reader.records().map(|record| row(record.unwrap())).collect();
        Self::of_values(columns, &rows)
    }

    /// The same people with dosages, one list for each.
    pub(super) fn with_genotypes(mut self, dosages: &[Vec<Dosage>]) -> Self {
        assert_eq!(self.people.len(), dosages.len());
        for ((_, genotypes), dosages) in self.people.iter_mut().zip(dosages) {
            *genotypes = Genotypes::new(dosages).unwrap();
        }
        self.schema.panel.variants = dosages.first().map_or(0, |dosages| dosages.len() as u32);
        self
    }

    /// The attributes of these names, as a layout measures them.
    pub(super) fn moments(&self, names: &[&str]) -> Vec<Moment> {
        let moment = |name: &&str| {
            let index = self.schema.attribute_index(name).expect(name);
            let Attribute { lo, hi, .. } = self.schema.attributes[index];
            Moment { attribute: index as u8, lo, hi }
        };
        names.iter().map(moment).collect()
    }

    /// The slots that the people add up to, as the committee would decrypt them.
    pub(super) fn slots(&self, layout: &Layout) -> Vec<Sum> {
        layout.check_against(&self.schema).unwrap();
        let mut slots = vec![Sum::exact(0); layout.slots_used().into()];
        for (attributes, genotypes) in &self.people {
            let plaintext = layout.plaintext(&MatchCriteria::default(), attributes, genotypes).unwrap();
            for (slot, value) in slots.iter_mut().zip(plaintext.slots()) {
                slot.value += i64::from(*value);
            }
        }
        slots
    }

    /// A part's sums.
    pub(super) fn sums(&self, layout: &Layout) -> PartSums {
        PartSums::of_slots(layout, &self.schema, &self.slots(layout)).unwrap()
    }
}

fn schema(columns: &[Column], variants: u32) -> Schema {
    let panel = PanelReference { build: String::new(), variants, digest: Digest::from_bytes([0; 32]) };
    Schema { name: "test".into(), attributes: columns.iter().map(Column::attribute).collect(), panel }
}

/// The same slots with noise of this variance drawn into each.
pub(super) fn noisy(slots: &[Sum], variance: f64, rng: &mut StdRng) -> Vec<Sum> {
    let draw = |slot: &Sum| Sum::noisy(slot.value + noise::draw(variance, rng).unwrap() as i64, variance);
    slots.iter().map(draw).collect()
}

/// A file under `tests/data/statistics`.
pub(super) fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/statistics").join(path)
}

/// A file beside the repository, which a fresh machine lacks: the caller then skips.
pub(super) fn shared_data(path: &str) -> Option<PathBuf> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(path);
    if !file.exists() {
        nothing_checked(REQUIRE_DATA, path, "it is not beside the repository");
    }
    file.exists().then_some(file)
}

/// The values of a script in `tests/reference`.
pub(super) fn reference(family: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(data(&format!("{family}.json"))).unwrap()).unwrap()
}

/// Asserts that a result holds every number expected, to `relative` of itself.
#[track_caller]
pub(super) fn agrees(found: &impl Serialize, expected: &Value, relative: f64) {
    let found = serde_json::to_value(found).unwrap();
    let mut differences = vec![];
    compare("", &found, expected, relative, &mut differences);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    states_every_number(&found);
}

fn compare(at: &str, found: &Value, expected: &Value, relative: f64, differences: &mut Vec<String>) {
    match (found, expected) {
        (_, Value::Object(members)) => {
            for (name, member) in members {
                let inner = found.get(name).unwrap_or(&Value::Null);
                compare(&format!("{at}.{name}"), inner, member, relative, differences);
            }
        }
        (Value::Array(values), Value::Array(members)) if values.len() == members.len() => {
            for (index, (value, member)) in values.iter().zip(members).enumerate() {
                compare(&format!("{at}[{index}]"), value, member, relative, differences);
            }
        }
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            // A p-value may be small in earnest; anything else as small is rounding.
            let of_p_value = ["p_value", "bonferroni", "benjamini_hochberg"].iter().any(|name| at.ends_with(name));
            let rounding = if of_p_value { 1e-290 } else { 1e-13 };
            if (a - b).abs() > (relative * b.abs()).max(rounding) {
                differences.push(format!("{at}: {a} is not {b}"));
            }
        }
        _ if found == expected => {}
        _ => differences.push(format!("{at}: {found} is not {expected}")),
    }
}

/// Asserts that there is no null, which is how JSON writes NaN and infinities.
#[track_caller]
pub(super) fn states_every_number(found: &impl Serialize) {
    let text = serde_json::to_string(found).unwrap();
    assert!(!text.contains("null"), "{text}");
}

/// How often an estimate is stated, and how often its interval then holds the truth: a refusal is no hit.
#[derive(Default, Clone, Copy, Debug)]
pub(super) struct Coverage {
    asked: u32,
    stated: u32,
    covered: u32,
}

impl Coverage {
    pub(super) fn count(&mut self, estimate: &Stated<Estimate>, truth: f64) {
        self.asked += 1;
        if let Stated::Value(Estimate { interval: Interval { lo, hi }, .. }) = estimate {
            self.stated += 1;
            self.covered += u32::from((*lo..=*hi).contains(&truth));
        }
    }

    /// Asserts that nine of ten are stated, and that the share of those that hold the truth is in a range around 95 %.
    #[track_caller]
    pub(super) fn check(self, what: &str, range: std::ops::RangeInclusive<f64>) {
        let Self { asked, stated, covered } = self;
        assert!(10 * stated > 9 * asked, "{what}: {stated} of {asked} are stated");
        let share = f64::from(covered) / f64::from(stated);
        assert!(range.contains(&share), "{what}: {covered} of {stated} intervals hold the truth, {share}");
    }
}

/// Intervals at 95 % hold the truth in a share from here, as far as some hundreds of runs tell it.
pub(super) const NEAR_95: std::ops::RangeInclusive<f64> = 0.93..=0.985;

/// The share of p-values below 0.05.
pub(super) fn share_significant(p_values: &[f64]) -> f64 {
    p_values.iter().filter(|p| **p < 0.05).count() as f64 / p_values.len() as f64
}
