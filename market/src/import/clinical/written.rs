//! The table of attributes, as `record certify --attributes` reads it.

use circuits::{
    record::MISSING,
    schema::{Attribute, Schema},
};

use crate::{
    Error,
    import::{AttributeRow, refusal::Refusal},
};

/// Decimal places that a value may need: 2^32 divides 10^32.
const PLACES_MAX: u32 = 32;

/// Writes rows as CSV: the column `sample`, then the schema's attributes in their units, empty where missing. What
/// [`crate::import::import_attributes`] reads of it are the same rows.
///
/// # Errors
/// [`Error::InvalidInput`] for a value that no decimal holds, as a third: a scale with a factor other than 2 and 5.
pub fn write_attributes(rows: &[AttributeRow], schema: &Schema) -> Result<String, Error> {
    let mut table = csv::Writer::from_writer(Vec::new());
    let header = ["sample"].into_iter().chain(schema.attributes.iter().map(|attribute| attribute.name.as_str()));
    let failed = |why: String| {
        let remedy = "give the sources to `record certify --mapping` directly, or choose a decimal scale".into();
        Refusal::Invalid { why, remedy }.at("attributes", "table")
    };
    table.write_record(header).map_err(|error| failed(error.to_string()))?;
    for row in rows {
        let cells = schema.attributes.iter().zip(row.attributes.values()).map(|(attribute, stored)| {
            decimal(*stored, attribute).ok_or_else(|| failed(format!("a value of {} is no decimal", attribute.name)))
        });
        let record = [Ok(row.sample.clone())].into_iter().chain(cells).collect::<Result<Vec<_>, _>>()?;
        table.write_record(&record).map_err(|error| failed(error.to_string()))?;
    }
    let bytes = table.into_inner().map_err(|error| failed(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| failed(error.to_string()))
}

/// A stored value in the attribute's unit, exactly.
fn decimal(stored: u32, attribute: &Attribute) -> Option<String> {
    if stored == MISSING {
        return Some(String::new());
    }
    let scale = u128::from(attribute.scale.max(1));
    let (whole, mut rest) = (u128::from(stored) / scale, u128::from(stored) % scale);
    let mut text = whole.to_string();
    for place in 0..PLACES_MAX {
        if rest == 0 {
            return Some(text);
        }
        if place == 0 {
            text.push('.');
        }
        rest *= 10;
        text.push_str(&(rest / scale).to_string());
        rest %= scale;
    }
    (rest == 0).then_some(text)
}
