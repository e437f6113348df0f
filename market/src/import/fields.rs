//! INFO and FORMAT values against their definitions.

use std::collections::BTreeSet;

use super::{
    header::Header,
    refusal::{Checked, invalid, shown},
    reserved::{self, Definition, Kind, Number},
};

const REMEDY: &str = "correct the field, or drop it with `bcftools annotate -x`";

/// Checks the INFO column of a site with so many alternate alleles.
pub(super) fn check_info(text: &str, header: &Header, alternates: usize) -> Checked<()> {
    if text == "." {
        return Ok(());
    }
    let mut keys = BTreeSet::new();
    // Tools in wide use end the list with a semicolon.
    for entry in text.strip_suffix(';').unwrap_or(text).split(';') {
        let (key, value) = entry.split_once('=').map_or((entry, None), |(key, value)| (key, Some(value)));
        if key.is_empty() || entry.contains(char::is_whitespace) || key.contains([',', '"']) {
            return invalid(format!("INFO has the malformed entry {}", shown(entry.as_bytes())), REMEDY);
        }
        if !keys.insert(key) {
            return invalid(format!("INFO gives {} twice", shown(key.as_bytes())), REMEDY);
        }
        check_entry(key, value, header, alternates)?;
    }
    Ok(())
}

fn check_entry(key: &str, value: Option<&str>, header: &Header, alternates: usize) -> Checked<()> {
    let Some(definition) = header.info(key) else { return Ok(()) };
    let reserved = reserved::info(key, header.minor).is_some();
    let refuse = |why: &str| invalid(format!("INFO {key}={} {why}", shown(value.unwrap_or("").as_bytes())), REMEDY);
    match (definition.kind, value) {
        (Kind::Flag, None | Some("0" | "1")) => return Ok(()),
        (Kind::Flag, Some(_)) => return refuse("is a flag with a value"),
        (_, None | Some("")) => return refuse("has no value"),
        (_, Some(".")) => return Ok(()),
        (_, Some(value)) => {
            let quoted =
                definition.kind == Kind::Text && value.len() > 1 && value.starts_with('"') && value.ends_with('"');
            let values: Vec<&str> = if quoted { vec![value] } else { value.split(',').collect() };
            if !count_matches(definition.number, values.len(), alternates, None) {
                return refuse(&format!("has {} values where Number is {:?}", values.len(), definition.number));
            }
            for value in values {
                if !is_value(definition.kind, value.as_bytes()) {
                    return refuse(&format!("is not {:?}", definition.kind));
                }
                if reserved && value != "." && !reserved::in_range(key, value) {
                    return refuse("is out of the range of this reserved key");
                }
            }
        }
    }
    Ok(())
}

/// The FORMAT column, checked once for all records that share it.
pub(super) struct Format {
    text: String,
    /// Name and definition of each key.
    keys: Vec<(String, Option<Definition>)>,
    /// Whether the first key is GT.
    pub(super) has_genotype: bool,
}

impl Format {
    /// Checks the keys: non-empty, distinct, of allowed characters, GT first if present.
    pub(super) fn new(text: &str, header: &Header) -> Checked<Self> {
        // FORMAT is `.` where a record has no sample field at all.
        if text == "." {
            return Ok(Self { text: text.to_owned(), keys: vec![(text.to_owned(), None)], has_genotype: false });
        }
        let keys: Vec<&str> = text.split(':').collect();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '%' | '-' | '+');
        let sound = |key: &&str| !key.is_empty() && key.chars().all(plain);
        if !keys.iter().all(sound) {
            return invalid(format!("FORMAT {} has an empty or malformed key", shown(text.as_bytes())), REMEDY);
        }
        let first = |key: &&str| key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if header.minor >= 3 && !keys.iter().all(first) {
            return invalid(format!("FORMAT {} has a key that starts with no letter", shown(text.as_bytes())), REMEDY);
        }
        if keys.iter().collect::<BTreeSet<_>>().len() != keys.len() {
            return invalid(format!("FORMAT {} repeats a key", shown(text.as_bytes())), REMEDY);
        }
        if keys.iter().skip(1).any(|key| *key == "GT") {
            return invalid(format!("FORMAT {} does not put GT first", shown(text.as_bytes())), REMEDY);
        }
        let has_genotype = keys.first() == Some(&"GT");
        let keys = keys.into_iter().map(|key| (key.to_owned(), header.format(key))).collect();
        Ok(Self { text: text.to_owned(), keys, has_genotype })
    }

    /// The column as written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Checks a sample's values; `ploidy` is that of its genotype, if it has one.
    pub(super) fn check(&self, sample: &[u8], alternates: usize, ploidy: Option<usize>) -> Checked<()> {
        let mut keys = self.keys.iter();
        for (index, value) in sample.split(|byte| *byte == b':').enumerate() {
            let Some((key, definition)) = keys.next() else {
                return invalid(
                    format!("a sample has more fields than FORMAT {}", shown(self.text.as_bytes())),
                    REMEDY,
                );
            };
            let genotype = index == 0 && self.has_genotype;
            let Some(definition) = definition.filter(|_| !genotype && value != b".") else { continue };
            let count = memchr::memchr_iter(b',', value).count() + 1;
            let refuse = |why: String| invalid(format!("FORMAT {key} {} {why}", shown(value)), REMEDY);
            // A single `.` of a list, and a list of nothing but `.`, mean that the whole is missing.
            let missing = value.iter().all(|byte| matches!(byte, b'.' | b','));
            if !missing && !count_matches(definition.number, count, alternates, ploidy) {
                return refuse(format!("has {count} values where Number is {:?}", definition.number));
            }
            let mut values = value.split(|byte| *byte == b',');
            if definition.kind != Kind::Text && !values.all(|value| is_value(definition.kind, value)) {
                return refuse(format!("is not {:?}", definition.kind));
            }
        }
        Ok(())
    }
}

/// Whether a field may have so many values. A site without alternates is often written as if it had one.
fn count_matches(number: Number, count: usize, alternates: usize, ploidy: Option<usize>) -> bool {
    let either = [alternates, alternates.max(1)];
    match number {
        Number::Any => true,
        Number::Count(expected) => count == expected,
        Number::Alternates => either.contains(&count),
        Number::Alleles => either.iter().any(|alternates| count == alternates + 1),
        // Without a call either ploidy may have been meant.
        Number::Genotypes => either.iter().any(|alternates| match ploidy {
            Some(2) => count == genotypes(alternates + 1),
            Some(1) => count == alternates + 1,
            _ => count == genotypes(alternates + 1) || count == alternates + 1,
        }),
    }
}

/// Unordered pairs of so many alleles.
fn genotypes(alleles: usize) -> usize {
    alleles.saturating_mul(alleles + 1) / 2
}

fn is_value(kind: Kind, value: &[u8]) -> bool {
    if value == b"." {
        return true;
    }
    match (kind, std::str::from_utf8(value)) {
        (_, Err(_)) => false,
        (Kind::Integer, Ok(text)) => text.parse::<i32>().is_ok(),
        (Kind::Float, Ok(text)) => text.parse::<f64>().is_ok(),
        (Kind::Character, Ok(text)) => text.chars().count() == 1 || (text.len() == 3 && text.starts_with('%')),
        (Kind::Flag, Ok(text)) => text.is_empty(),
        (Kind::Text, Ok(text)) => !text.is_empty(),
    }
}
