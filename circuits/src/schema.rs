//! What a record's attributes and variants mean.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    domain::{ByteTag, hash},
    id::{Digest, SchemaId},
    layout::Subject,
    record::{ATTRIBUTES, Attributes, GENOTYPE_DEPTH, MISSING, WINDOW_VARIANTS},
};

/// The longest name, unit or code in a schema, in bytes.
pub const TEXT_BYTES_MAX: usize = 256;

/// Whether an attribute may appear in public criteria, where each arriving contribution shows that it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sensitivity {
    /// May be used in public criteria: age band, sex, region, broad area.
    Public,
    /// Only inside the proof's match criteria.
    Sensitive,
}

/// One attribute of a schema: a u32 with a meaning.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Attribute {
    /// Name, unique in the schema.
    pub name: String,
    /// Unit of one step of the stored value (UCUM), or empty.
    pub unit: String,
    /// Code in a public vocabulary (`LOINC:4548-4`, `HP:0000822`), or what each value stands for.
    pub coding: String,
    /// Stored value = measured value × scale.
    pub scale: u32,
    /// Least stored value; smaller ones are refused at import and clipped in moments.
    pub lo: u32,
    /// Greatest stored value, below [`MISSING`].
    pub hi: u32,
    /// Base-256 digits that hold `hi − lo`, 1 to 4.
    pub digits: u8,
    /// Who may see whether a criterion on it holds.
    pub sensitivity: Sensitivity,
}

/// A variant with one alternate allele.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Variant {
    /// Chromosome as the input names it.
    pub chrom: String,
    /// Position, 1-based (VCF 4.3, section 1.6.1).
    pub pos: u32,
    /// Reference bases.
    pub reference: String,
    /// Alternate bases.
    pub alternate: String,
}

/// The ordered variants that dosages refer to. It lies off the ledger, addressed by [`VariantPanel::digest`].
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct VariantPanel {
    /// Reference genome, such as `GRCh37`.
    pub build: String,
    /// The variants in the order of the dosages.
    pub variants: Vec<Variant>,
}

impl VariantPanel {
    /// SHA-256 of the canonical encoding.
    ///
    /// # Errors
    /// [`Error::Malformed`] when a text is longer than borsh's length prefix holds.
    pub fn digest(&self) -> Result<Digest, Error> {
        Ok(hash(ByteTag::Schema, &[b"panel", &encode("variant panel", self)?]))
    }

    /// What a schema says of this panel.
    ///
    /// # Errors
    /// [`Error::Malformed`] when there are more variants than a record's windows hold.
    pub fn reference(&self) -> Result<PanelReference, Error> {
        let variants = u32::try_from(self.variants.len())
            .map_err(|_| Error::Malformed { what: "variant panel", why: "too many variants".into() })?;
        Ok(PanelReference { build: self.build.clone(), variants, digest: self.digest()? })
    }
}

/// A panel by digest and size.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct PanelReference {
    /// Reference genome.
    pub build: String,
    /// Number of variants.
    pub variants: u32,
    /// [`VariantPanel::digest`].
    pub digest: Digest,
}

/// The meaning of a record's fields, registered on the ledger.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Schema {
    /// Name shown to people.
    pub name: String,
    /// Up to 32 attributes; the index in this list is the attribute's index.
    pub attributes: Vec<Attribute>,
    /// The variant panel.
    pub panel: PanelReference,
}

impl Schema {
    /// The schema's id.
    ///
    /// # Errors
    /// [`Error::Malformed`] as [`Schema::check`].
    pub fn id(&self) -> Result<SchemaId, Error> {
        self.check()?;
        Ok(SchemaId::from_bytes(hash(ByteTag::Schema, &[b"schema", &encode("schema", self)?]).to_bytes()))
    }

    /// Checks bounds: at most 32 attributes with distinct names, texts at most 256 bytes and without control characters, `lo ≤ hi < MISSING`, digits
    /// that hold the range, and a panel that fits the windows.
    ///
    /// # Errors
    /// [`Error::Malformed`] that names the attribute and the rule.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |why: String| Err(Error::Malformed { what: "schema", why });
        if self.attributes.len() > ATTRIBUTES {
            return refuse(format!("{} attributes; at most {ATTRIBUTES} are possible", self.attributes.len()));
        }
        if self.panel.variants as usize > WINDOW_VARIANTS << GENOTYPE_DEPTH {
            return refuse(format!("{} variants exceed the windows of a record", self.panel.variants));
        }
        if self.name.len() > TEXT_BYTES_MAX || self.panel.build.len() > TEXT_BYTES_MAX {
            return refuse(format!("a name is longer than {TEXT_BYTES_MAX} bytes"));
        }
        if has_control(&self.name) || has_control(&self.panel.build) {
            return refuse("a name has a control character".into());
        }
        let mut names = BTreeSet::new();
        for attribute in &self.attributes {
            attribute.check()?;
            if !names.insert(&attribute.name) {
                return refuse(format!("attribute {:?} appears twice", attribute.name));
            }
        }
        Ok(())
    }

    /// Checks that there is such an attribute, or such a variant in this window of the panel.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] beyond either.
    pub fn check_subject(&self, subject: Subject, window: u32) -> Result<(), Error> {
        let (what, value, limit) = match subject {
            Subject::Attribute(index) => ("attribute index", u64::from(index), self.attributes.len() as u64),
            Subject::Dosage(variant) => {
                let variant = u64::from(window) * WINDOW_VARIANTS as u64 + u64::from(variant);
                ("variant index", variant, u64::from(self.panel.variants))
            }
        };
        if value < limit { Ok(()) } else { Err(Error::OutOfRange { what, value, limit }) }
    }

    /// Checks that every value is missing or within its attribute's range, and that there is none beyond the attributes:
    /// what an issuer certifies, so that cells and sums mean what the schema says.
    ///
    /// # Errors
    /// [`Error::Malformed`] with the attribute's name and range, but not the value.
    pub fn check_attributes(&self, attributes: &Attributes) -> Result<(), Error> {
        for (place, value) in attributes.values().iter().enumerate().filter(|(_, value)| **value != MISSING) {
            let why = match self.attributes.get(place) {
                Some(Attribute { lo, hi, .. }) if (lo..=hi).contains(&value) => continue,
                Some(Attribute { name, lo, hi, .. }) => format!("{name:?} has a stored value outside {lo} to {hi}"),
                None => format!("there is a value for attribute {place}, which the schema lacks"),
            };
            return Err(Error::Malformed { what: "record attributes", why });
        }
        Ok(())
    }

    /// The index of the attribute with this name.
    #[must_use]
    pub fn attribute_index(&self, name: &str) -> Option<usize> {
        self.attributes.iter().position(|attribute| attribute.name == name)
    }
}

impl Attribute {
    fn check(&self) -> Result<(), Error> {
        let refuse = |why: &str| {
            let why = format!("attribute {:?}: {why}", self.name);
            Err(Error::Malformed { what: "schema", why })
        };
        if [&self.name, &self.unit, &self.coding].into_iter().any(|text| text.len() > TEXT_BYTES_MAX) {
            return refuse("a text is longer than 256 bytes");
        }
        if [&self.name, &self.unit, &self.coding].into_iter().any(|text| has_control(text)) {
            return refuse("a text has a control character");
        }
        if self.name.is_empty() || self.scale == 0 {
            return refuse("needs a name and a scale of at least 1");
        }
        if self.lo > self.hi || self.hi == MISSING {
            return refuse("needs lo ≤ hi < 4294967295, the value that means missing");
        }
        if !(1..=4).contains(&self.digits) || u64::from(self.hi - self.lo) >> (8 * u32::from(self.digits)) != 0 {
            return refuse("needs 1 to 4 base-256 digits that hold hi − lo");
        }
        Ok(())
    }
}

/// Whether a text would steer the terminal that prints it.
fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

fn encode(what: &'static str, value: &impl BorshSerialize) -> Result<Vec<u8>, Error> {
    borsh::to_vec(value).map_err(|error| Error::Malformed { what, why: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Schema {
        let age = Attribute {
            name: "age".into(),
            unit: "a".into(),
            coding: "LOINC:30525-0".into(),
            scale: 1,
            lo: 0,
            hi: 120,
            digits: 1,
            sensitivity: Sensitivity::Public,
        };
        let panel = VariantPanel { build: "GRCh37".into(), variants: vec![] }.reference().unwrap();
        Schema { name: "demo".into(), attributes: vec![age], panel }
    }

    #[test]
    fn a_sound_schema_has_an_id_that_every_field_moves() {
        let schema = schema();
        let id = schema.id().unwrap();
        let mut other = schema.clone();
        other.attributes[0].sensitivity = Sensitivity::Sensitive;
        assert_ne!(other.id().unwrap(), id);
    }

    #[test]
    fn unsound_schemas_are_refused() {
        let broken: [fn(&mut Schema); 10] = [
            |schema| schema.attributes[0].hi = MISSING,
            |schema| schema.attributes[0].hi = 256,
            |schema| schema.attributes.push(schema.attributes[0].clone()),
            |schema| schema.attributes[0].name.clear(),
            |schema| schema.attributes[0].coding = "x".repeat(TEXT_BYTES_MAX + 1),
            |schema| schema.attributes[0].name = "age\u{1b}[2J".into(),
            |schema| schema.attributes[0].unit = "a\n".into(),
            |schema| schema.attributes[0].coding = "LOINC:30525-0\u{9b}".into(),
            |schema| schema.name = "demo\r".into(),
            |schema| schema.panel.build = "GRCh37\u{7f}".into(),
        ];
        for (index, alter) in broken.into_iter().enumerate() {
            let mut schema = schema();
            alter(&mut schema);
            assert!(schema.id().is_err(), "alteration {index}");
        }
    }
}
