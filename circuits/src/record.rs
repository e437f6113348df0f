//! A person's record: 32 attributes, dosages in windows, and the secret that makes them anonymous.
//!
//! A plaintext [`Record`] lives with its holder and the issuer that certified it, and nowhere else.

use std::fmt;

use ark_bn254::Fr;
use ark_ff::{PrimeField, Zero};
use borsh::{BorshDeserialize, BorshSerialize};
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    Error,
    domain::{FieldTag, bytes_to_field},
    id::{AccountId, BodyCommitment, GenotypeRoot, SchemaId, field_from_bytes, field_to_bytes},
    poseidon::hash,
};

/// Attributes of a record; a schema may name fewer, the rest are [`MISSING`].
pub const ATTRIBUTES: usize = 32;
/// The attribute value that means missing: it satisfies no clause and falls in no cell.
pub const MISSING: u32 = u32::MAX;
/// Variants of one window.
pub const WINDOW_VARIANTS: usize = 1024;
/// Depth of the tree over a record's windows: 65,536 windows, 67 million variants.
pub const GENOTYPE_DEPTH: usize = 16;

/// 32-bit attributes packed to a field element.
pub(crate) const ATTRIBUTES_PER_ELEMENT: usize = 7;
/// Two-bit dosages packed to a field element.
pub(crate) const DOSAGES_PER_ELEMENT: usize = 126;

const _: () = assert!(ATTRIBUTES_PER_ELEMENT * 32 < Fr::MODULUS_BIT_SIZE as usize - 1);
const _: () = assert!(DOSAGES_PER_ELEMENT * 2 < Fr::MODULUS_BIT_SIZE as usize - 1);

/// Copies of the alternate allele, or missing.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize, Zeroize,
)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Dosage {
    /// No copy.
    HomRef = 0,
    /// One copy.
    Het = 1,
    /// Two copies.
    HomAlt = 2,
    /// Not called.
    Missing = 3,
}

/// The 32 attribute values, in the schema's order and units.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct Attributes([u32; ATTRIBUTES]);

impl Attributes {
    /// The values as given.
    #[must_use]
    pub const fn new(values: [u32; ATTRIBUTES]) -> Self {
        Self(values)
    }

    /// The values.
    #[must_use]
    pub const fn values(&self) -> &[u32; ATTRIBUTES] {
        &self.0
    }

    /// `H(ATTRIBUTES, …)` over seven 32-bit values to an element, the first in the lowest bits.
    #[must_use]
    pub fn commitment(&self) -> Fr {
        let packed: Vec<Fr> = self.0.chunks(ATTRIBUTES_PER_ELEMENT).map(|chunk| pack(chunk, 32)).collect();
        hash(FieldTag::Attributes, &packed)
    }
}

impl fmt::Debug for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Attributes(redacted)")
    }
}

/// `Σ valuesᵢ · 2^(bits·i)`.
fn pack<V: Copy + Into<u64>>(values: &[V], bits: u32) -> Fr {
    let shift = Fr::from(1u64 << bits);
    values.iter().rev().fold(Fr::zero(), |sum, value| sum * shift + Fr::from((*value).into()))
}

/// The dosages at up to 1,024 consecutive variants of the panel; positions past the panel's end are missing.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Zeroize, ZeroizeOnDrop)]
pub struct Window([Dosage; WINDOW_VARIANTS]);

impl Window {
    /// The dosages, one to each variant of the window.
    #[must_use]
    pub const fn dosages(&self) -> &[Dosage; WINDOW_VARIANTS] {
        &self.0
    }

    /// `H(WINDOW, …)` over 126 two-bit dosages to an element, the first in the lowest bits.
    #[must_use]
    pub fn leaf(&self) -> Fr {
        let packed: Vec<Fr> = self
            .0
            .chunks(DOSAGES_PER_ELEMENT)
            .map(|chunk| pack(&chunk.iter().map(|dosage| *dosage as u8).collect::<Vec<_>>(), 2))
            .collect();
        hash(FieldTag::Window, &packed)
    }
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Window(redacted)")
    }
}

/// A record's dosages over the whole panel, in windows.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Zeroize, ZeroizeOnDrop)]
pub struct Genotypes(Vec<Window>);

impl fmt::Debug for Genotypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Genotypes(redacted)")
    }
}

impl Genotypes {
    /// Cuts the panel's dosages into windows; the last is filled up with missing.
    ///
    /// # Errors
    /// [`Error::Malformed`] for more variants than 2^16 windows hold.
    pub fn new(dosages: &[Dosage]) -> Result<Self, Error> {
        if dosages.len() > WINDOW_VARIANTS << GENOTYPE_DEPTH {
            let why = format!("{} variants exceed {} windows of {WINDOW_VARIANTS}", dosages.len(), 1 << GENOTYPE_DEPTH);
            return Err(Error::Malformed { what: "genotypes", why });
        }
        let window = |chunk: &[Dosage]| {
            let mut padded = [Dosage::Missing; WINDOW_VARIANTS];
            padded.iter_mut().zip(chunk).for_each(|(slot, dosage)| *slot = *dosage);
            Window(padded)
        };
        Ok(Self(dosages.chunks(WINDOW_VARIANTS).map(window).collect()))
    }

    /// The windows in panel order.
    #[must_use]
    pub fn windows(&self) -> &[Window] {
        &self.0
    }

    /// Root of the depth-16 tree whose leaves are the windows' hashes; absent windows are zero leaves.
    #[must_use]
    pub fn root(&self) -> GenotypeRoot {
        self.root_and_siblings(0).0
    }

    /// The siblings from a window up to the root, its own first.
    #[must_use]
    pub fn siblings(&self, window: u32) -> [Fr; GENOTYPE_DEPTH] {
        self.root_and_siblings(window).1
    }

    fn root_and_siblings(&self, window: u32) -> (GenotypeRoot, [Fr; GENOTYPE_DEPTH]) {
        let mut level: Vec<Fr> = self.0.iter().map(Window::leaf).collect();
        let mut siblings = [Fr::zero(); GENOTYPE_DEPTH];
        let mut empty = Fr::zero();
        for (height, sibling) in siblings.iter_mut().enumerate() {
            *sibling = level.get((window as usize >> height) ^ 1).copied().unwrap_or(empty);
            let node = |pair: &[Fr]| {
                let child = |side: usize| pair.get(side).copied().unwrap_or(empty);
                hash(FieldTag::GenotypeNode, &[child(0), child(1)])
            };
            level = level.chunks(2).map(node).collect();
            empty = hash(FieldTag::GenotypeNode, &[empty, empty]);
        }
        (GenotypeRoot::from_element(level.first().copied().unwrap_or(empty)), siblings)
    }
}

/// The genotype root under which a window with these siblings lies; `None` stands for a window that the record lacks.
#[must_use]
pub(crate) fn root_over(window: Option<&Window>, place: u32, siblings: &[Fr; GENOTYPE_DEPTH]) -> GenotypeRoot {
    let leaf = window.map_or(Fr::zero(), Window::leaf);
    let top = siblings.iter().enumerate().fold(leaf, |child, (height, sibling)| {
        let is_right = place >> height & 1 == 1;
        hash(FieldTag::GenotypeNode, &if is_right { [*sibling, child] } else { [child, *sibling] })
    });
    GenotypeRoot::from_element(top)
}

/// The owner's secret `nk`, from which every nullifier is derived.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct NullifierKey(Fr);

impl NullifierKey {
    /// A fresh key, statistically uniform.
    #[must_use]
    pub fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self(random_element(rng))
    }

    /// The secret element.
    #[must_use]
    pub const fn element(&self) -> Fr {
        self.0
    }

    /// `H(NK, nk)`: what the issuer sees of the key.
    #[must_use]
    pub fn commitment(&self) -> Fr {
        hash(FieldTag::NullifierKey, &[self.0])
    }
}

impl fmt::Debug for NullifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NullifierKey(redacted)")
    }
}

impl BorshSerialize for NullifierKey {
    fn serialize<W: borsh::io::Write>(&self, writer: &mut W) -> borsh::io::Result<()> {
        writer.write_all(&field_to_bytes(&self.0))
    }
}

impl BorshDeserialize for NullifierKey {
    fn deserialize_reader<R: borsh::io::Read>(reader: &mut R) -> borsh::io::Result<Self> {
        let bytes = <[u8; 32]>::deserialize_reader(reader)?;
        let element = field_from_bytes("nullifier key", &bytes)
            .map_err(|error| borsh::io::Error::new(borsh::io::ErrorKind::InvalidData, error))?;
        Ok(Self(element))
    }
}

/// 512 random bits reduced: within 2^-256 of uniform.
pub(crate) fn random_element(rng: &mut (impl CryptoRng + ?Sized)) -> Fr {
    let mut wide = [0; 64];
    rng.fill_bytes(&mut wide);
    let element = Fr::from_le_bytes_mod_order(&wide);
    wide.zeroize();
    element
}

/// A certified record in plaintext, as its holder keeps it.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Record {
    /// The schema that gives the attributes and the panel their meaning.
    pub schema: SchemaId,
    /// The accredited issuer that certifies the record.
    pub issuer: AccountId,
    /// Attribute values.
    pub attributes: Attributes,
    /// Dosages over the schema's panel.
    pub genotypes: Genotypes,
    /// The owner's secret.
    pub nullifier_key: NullifierKey,
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Record(redacted)")
    }
}

impl Record {
    /// The hiding commitment that the issuer signs and the ledger registers.
    #[must_use]
    pub fn body(&self) -> BodyCommitment {
        body_commitment(
            &self.schema,
            &self.issuer,
            self.attributes.commitment(),
            self.genotypes.root(),
            self.nullifier_key.commitment(),
        )
    }
}

/// `H(BODY, schema, issuer, H(attributes), genotype root, H(NK, nk))`, hiding since nk is random.
#[must_use]
pub fn body_commitment(
    schema: &SchemaId,
    issuer: &AccountId,
    attributes: Fr,
    genotypes: GenotypeRoot,
    nullifier_key: Fr,
) -> BodyCommitment {
    let inputs = [schema_element(schema), issuer_element(issuer), attributes, genotypes.element(), nullifier_key];
    BodyCommitment::from_element(hash(FieldTag::Body, &inputs))
}

/// A schema's id in the field.
#[must_use]
pub fn schema_element(schema: &SchemaId) -> Fr {
    bytes_to_field(schema.as_bytes())
}

/// An issuer's id in the field.
#[must_use]
pub fn issuer_element(issuer: &AccountId) -> Fr {
    bytes_to_field(issuer.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dosage_moves_the_genotype_root() {
        let dosages = vec![Dosage::HomRef; 2050];
        let root = Genotypes::new(&dosages).unwrap().root();
        for position in [0, 125, 126, 1023, 1024, 2049] {
            let mut changed = dosages.clone();
            changed[position] = Dosage::Het;
            assert_ne!(Genotypes::new(&changed).unwrap().root(), root, "position {position}");
        }
    }

    #[test]
    fn every_window_leads_up_to_the_genotype_root_those_that_are_absent_too() {
        let genotypes = Genotypes::new(&[Dosage::Het; 2050]).unwrap();
        for place in [0, 1, 2, 3, 9, 65_535] {
            let (window, siblings) = (genotypes.windows().get(place as usize), genotypes.siblings(place));
            assert_eq!(root_over(window, place, &siblings), genotypes.root(), "window {place}");
            let other = if window.is_some() { None } else { genotypes.windows().first() };
            assert_ne!(root_over(other, place, &siblings), genotypes.root(), "another window at place {place}");
            if window.is_some() {
                assert_ne!(root_over(window, place ^ 2, &siblings), genotypes.root(), "window {place} elsewhere");
            }
        }
    }

    #[test]
    fn debug_output_shows_no_value() {
        let attributes = Attributes::new([41; ATTRIBUTES]);
        let text = format!("{attributes:?} {:?}", Genotypes::new(&[Dosage::Het]).unwrap());
        assert!(!text.contains("41") && !text.contains("Het"), "{text}");
    }

    #[test]
    fn a_fourth_dosage_is_refused() {
        assert!(borsh::from_slice::<Dosage>(&[4]).is_err());
    }
}
