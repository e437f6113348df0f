//! JSON as this import takes it: each key once, bounded, and read with the place at hand.
//!
//! `serde_json` keeps its own bound of 128 levels. Its numbers are IEEE doubles, taken here as the shortest decimal
//! that gives the double back: that is the literal itself up to 15 significant digits.

use std::fmt;

use dashu::rational::RBig;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::{limits::JSON_VALUES_MAX, number::decimal};
use crate::{
    Error,
    import::refusal::{Refusal, shown},
};

const REMEDY: &str = "export it again, or check it with a JSON validator";
const UTF8_BOM: &[u8] = b"\xef\xbb\xbf";
const UTF16_BOMS: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];

/// One JSON document; a byte order mark before it is skipped.
///
/// # Errors
/// [`Error::InvalidInput`] with line and column for what is no JSON, a key that appears twice in one object, nesting
/// below 128 levels, a number beyond a double, and more than [`JSON_VALUES_MAX`] values.
pub(super) fn parse(file: &str, bytes: &[u8], first_line: usize) -> Result<Value, Error> {
    if UTF16_BOMS.iter().any(|bom| bytes.starts_with(bom)) {
        return Err(refuse("the file is UTF-16").at(file, "first bytes"));
    }
    let bytes = bytes.strip_prefix(UTF8_BOM).unwrap_or(bytes);
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let mut reading = Reading::default();
    let parsed = Element(&mut reading).deserialize(&mut deserializer);
    parsed.and_then(|value| deserializer.end().map(|()| value)).map_err(|error| {
        let place = format!("line {}, column {}", first_line.saturating_add(error.line()).max(2) - 1, error.column());
        let said = error.to_string();
        let why = said.split(" at line ").next().unwrap_or(&said);
        refuse(why).at(file, place)
    })
}

fn refuse(why: &str) -> Refusal {
    Refusal::Invalid { why: why.to_owned(), remedy: REMEDY.into() }
}

/// Where the reader is, and how much it has read.
#[derive(Default)]
struct Reading {
    path: Vec<String>,
    values: usize,
}

impl Reading {
    fn pointer(&self) -> String {
        self.path.iter().map(|step| format!("/{step}")).collect()
    }
}

struct Element<'r>(&'r mut Reading);

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.0.values = self.0.values.saturating_add(1);
        if self.0.values > JSON_VALUES_MAX {
            return Err(D::Error::custom(format!("the file has more than {JSON_VALUES_MAX} JSON values; split it")));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        loop {
            self.0.path.push(items.len().to_string());
            let item = sequence.next_element_seed(Element(&mut *self.0))?;
            self.0.path.pop();
            match item {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if members.contains_key(&key) {
                let (key, object) = (shown(key.as_bytes()), self.0.pointer());
                return Err(A::Error::custom(format!("the key {key} appears twice in the object at {object:?}")));
            }
            self.0.path.push(key.clone());
            let value = map.next_value_seed(Element(&mut *self.0))?;
            self.0.path.pop();
            members.insert(key, value);
        }
        Ok(Value::Object(members))
    }
}

/// A value with the file and the JSON pointer (RFC 6901) at which it stands.
#[derive(Clone)]
pub(super) struct Node<'a> {
    file: &'a str,
    pointer: String,
    value: &'a Value,
}

impl<'a> Node<'a> {
    /// The whole of a document.
    pub(super) fn root(file: &'a str, value: &'a Value) -> Self {
        Self { file, pointer: String::new(), value }
    }

    /// The same value as it stands within a larger document.
    pub(super) fn under(self, pointer: String) -> Self {
        Self { pointer: pointer + &self.pointer, ..self }
    }

    pub(super) fn pointer(&self) -> &str {
        &self.pointer
    }

    pub(super) const fn value(&self) -> &'a Value {
        self.value
    }

    /// An error at this place.
    pub(super) fn invalid(&self, why: impl Into<String>, remedy: impl Into<String>) -> Error {
        Refusal::Invalid { why: why.into(), remedy: remedy.into() }.at(self.file, self.place())
    }

    /// A feature at this place that is not read.
    pub(super) fn unsupported(&self, feature: impl Into<String>, remedy: impl Into<String>) -> Error {
        Refusal::Unsupported { feature: feature.into(), remedy: remedy.into() }.at(self.file, self.place())
    }

    fn place(&self) -> &str {
        if self.pointer.is_empty() { "top level" } else { &self.pointer }
    }

    fn wrong(&self, expected: &str) -> Error {
        let found = match self.value {
            Value::Null => "null",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        };
        self.invalid(format!("{found} stands where {expected} belongs"), REMEDY)
    }

    /// A member of this object; none when it is absent or null.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when this is no object.
    pub(super) fn get(&self, key: &str) -> Result<Option<Self>, Error> {
        let object = self.value.as_object().ok_or_else(|| self.wrong("an object"))?;
        let node = |value| Self { file: self.file, pointer: format!("{}/{key}", self.pointer), value };
        Ok(object.get(key).filter(|value| !value.is_null()).map(node))
    }

    /// The items of an array member; none when it is absent.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when it is no array.
    pub(super) fn items(&self, key: &str) -> Result<Vec<Self>, Error> {
        let Some(member) = self.get(key)? else { return Ok(Vec::new()) };
        let items = member.value.as_array().ok_or_else(|| member.wrong("an array"))?;
        let node = |(index, value)| Self { file: self.file, pointer: format!("{}/{index}", member.pointer), value };
        Ok(items.iter().enumerate().filter(|(_, value)| !value.is_null()).map(node).collect())
    }

    /// A text member.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when it is no text.
    pub(super) fn text(&self, key: &str) -> Result<Option<&'a str>, Error> {
        let Some(member) = self.get(key)? else { return Ok(None) };
        member.value.as_str().map(Some).ok_or_else(|| member.wrong("a text"))
    }

    /// A member that is true or false.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when it is neither.
    pub(super) fn boolean(&self, key: &str) -> Result<Option<bool>, Error> {
        let Some(member) = self.get(key)? else { return Ok(None) };
        member.value.as_bool().map(Some).ok_or_else(|| member.wrong("true or false"))
    }

    /// A numeric member.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when it is no number, or one beyond 10^40.
    pub(super) fn number(&self, key: &str) -> Result<Option<RBig>, Error> {
        let Some(member) = self.get(key)? else { return Ok(None) };
        let Value::Number(number) = member.value else { return Err(member.wrong("a number")) };
        let beyond = || member.invalid(format!("the number {number} is beyond what is read"), "check the value");
        decimal(&number.to_string()).map(Some).ok_or_else(beyond)
    }
}
