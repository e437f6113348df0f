//! Diseases by ontology code: the code's canonical text, its number on the ledger, and which disease lies within which.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    io::{self, BufRead},
    str::FromStr,
};

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::domain::{ByteTag, hash};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    obo::{self, Line},
    refused,
};
use crate::Error;

/// Ontologies whose codes name a disease, by the prefix of their compact identifiers.
pub const ONTOLOGIES: [&str; 9] = ["MONDO", "DOID", "EFO", "HP", "ICD10", "ICD10CM", "ORPHA", "OMIM", "SNOMED"];
/// Characters of a code after its prefix.
pub const LOCAL_CODE_MAX: usize = 32;
/// The largest ontology file.
pub const ONTOLOGY_BYTES_MAX: u64 = 256 << 20;
/// Relations that one hierarchy holds.
pub const RELATIONS_MAX: usize = 1 << 20;

/// A disease by a compact identifier, such as `MONDO:0005148` or `ICD10:E11.9`, in canonical form: the prefix in
/// capitals, and of the ICD-10 the dot after the third character.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize)]
pub struct DiseaseCode(String);

impl DiseaseCode {
    /// The canonical text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number that stands for the disease on the ledger: the first 32 bits of SHA-256 over the tag and the
    /// canonical text, big-endian, and 1 where they are 0, which means no disease. Two codes of `n` share one with a
    /// chance of about `n²/2³³`; `docs/protocol/data-use.md` says what that would allow.
    #[must_use]
    pub fn number(&self) -> u32 {
        let [a, b, c, d, ..] = hash(ByteTag::Disease, &[self.0.as_bytes()]).to_bytes();
        u32::from_be_bytes([a, b, c, d]).max(1)
    }

    fn parts(&self) -> (&str, &str) {
        self.0.split_once(':').unwrap_or_default()
    }

    /// Of the ICD-10 a longer code lies within the shorter one that it begins with: E11.9 within E11.
    fn begins_with(&self, ancestor: &Self) -> bool {
        let ((ontology, local), (other, prefix)) = (self.parts(), ancestor.parts());
        let without_dot = |code: &str| code.replace('.', "");
        ontology.starts_with("ICD10") && ontology == other && without_dot(local).starts_with(&without_dot(prefix))
    }
}

/// `E119` as `E11.9`: a letter, a digit, a digit or letter, and up to four more.
fn icd10(local: &str) -> Option<String> {
    let code = local.replace('.', "").to_ascii_uppercase();
    let mut characters = code.chars();
    let begins = characters.next()?.is_ascii_alphabetic() && characters.next()?.is_ascii_digit();
    let dots = local.matches('.').count();
    let sound = begins && code.chars().all(|letter| letter.is_ascii_alphanumeric()) && (3..=7).contains(&code.len());
    let placed = dots == 0 || (dots == 1 && local.find('.') == Some(3) && !local.ends_with('.'));
    let (category, rest) = code.split_at_checked(3)?;
    let text = if rest.is_empty() { category.to_owned() } else { format!("{category}.{rest}") };
    (sound && placed).then_some(text)
}

impl FromStr for DiseaseCode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let shown: String = text.chars().take(64).collect();
        let why = |why: &str| refused(format!("{shown:?} is no disease: {why}"));
        let expected = format!("write an ontology's code as PREFIX:CODE, the prefix one of {}", ONTOLOGIES.join(", "));
        let (prefix, local) = text.trim().split_once(':').ok_or_else(|| why(&expected))?;
        let prefix = prefix.to_ascii_uppercase();
        if !ONTOLOGIES.contains(&prefix.as_str()) {
            return Err(why(&expected));
        }
        let plain = |letter: char| letter.is_ascii_alphanumeric() || ".-".contains(letter);
        if local.is_empty() || local.len() > LOCAL_CODE_MAX || !local.chars().all(plain) {
            return Err(why("after the prefix come 1 to 32 letters, digits, dots or dashes"));
        }
        if prefix.starts_with("ICD10") {
            let code = icd10(local).ok_or_else(|| why("an ICD-10 code is like E11 or E11.9"))?;
            return Ok(Self(format!("{prefix}:{code}")));
        }
        Ok(Self(format!("{prefix}:{local}")))
    }
}

impl fmt::Display for DiseaseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DiseaseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DiseaseCode({})", self.0)
    }
}

impl Serialize for DiseaseCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for DiseaseCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <String as Deserialize>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl BorshDeserialize for DiseaseCode {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        String::deserialize_reader(reader)?.parse().map_err(io::Error::other)
    }
}

/// Which disease lies within which. Without a file it knows the ICD-10 alone, whose codes say it themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DiseaseHierarchy {
    parents: BTreeMap<DiseaseCode, BTreeSet<DiseaseCode>>,
}

impl DiseaseHierarchy {
    /// The hierarchy of an ontology in OBO 1.4 text: the `id` and `is_a` of every `[Term]`. Codes of other ontologies
    /// than [`ONTOLOGIES`] are passed over.
    ///
    /// # Errors
    /// [`Error::UnreadableInput`] when the text cannot be read, [`Error::DataUse`] beyond [`ONTOLOGY_BYTES_MAX`] or
    /// [`RELATIONS_MAX`], and when it relates no diseases.
    pub fn from_obo(file: &str, text: impl BufRead) -> Result<Self, Error> {
        let (mut hierarchy, mut relations) = (Self::default(), 0);
        let mut term: Option<DiseaseCode> = None;
        obo::read(file, text, |line| {
            match line {
                Line::Stanza => term = None,
                Line::Tag("id", value) => term = value.parse().ok(),
                Line::Tag("is_a", value) => {
                    let parent = value.split_whitespace().next().and_then(|code| code.parse().ok());
                    if let (Some(term), Some(parent)) = (&term, parent) {
                        relations += usize::from(hierarchy.parents.entry(term.clone()).or_default().insert(parent));
                    }
                }
                Line::Tag(..) => {}
            }
            if relations > RELATIONS_MAX {
                return Err(refused(format!("{file}: an ontology has at most {RELATIONS_MAX} relations")));
            }
            Ok(())
        })?;
        if relations == 0 {
            return Err(refused(format!(
                "{file} relates no diseases; give an ontology in OBO format, such as mondo.obo"
            )));
        }
        Ok(hierarchy)
    }

    /// Whether a disease is another or lies within it.
    #[must_use]
    pub fn is_within(&self, disease: &DiseaseCode, ancestor: &DiseaseCode) -> bool {
        let (mut seen, mut next) = (BTreeSet::from([disease]), vec![disease]);
        while let Some(code) = next.pop() {
            if code == ancestor || code.begins_with(ancestor) {
                return true;
            }
            let parents = self.parents.get(code).into_iter().flatten();
            next.extend(parents.filter(|parent| seen.insert(parent)));
        }
        false
    }
}
