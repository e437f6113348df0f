//! A receipt's file: of which kind it is, and its text.

use std::{fs, io::Read as _, path::Path};

use circuits::id::ChainId;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    Check, FORMAT, Receipt, VerifiedReceipt,
    screening::{self, ScreeningReceipt, VerifiedScreeningReceipt},
    verify_watched,
};
use crate::{Error, objects::BlobAccess};

/// The largest receipt file read.
pub const RECEIPT_BYTES_MAX: u64 = 512 << 20;

/// A receipt of either kind; nothing in it is checked yet.
#[derive(Debug, Clone)]
pub enum AnyReceipt {
    /// Of a released result.
    Release(Box<Receipt>),
    /// Of a screening's count of eligible people.
    Screening(Box<ScreeningReceipt>),
}

/// A receipt of either kind that holds. Only [`AnyReceipt::verify`] and the two kinds' own checks make one.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum AnyVerifiedReceipt {
    /// Of a released result.
    Release(Box<VerifiedReceipt>),
    /// Of a screening's count of eligible people.
    Screening(Box<VerifiedScreeningReceipt>),
}

/// What every receipt begins with.
#[derive(Deserialize)]
struct Kind {
    format: String,
}

impl AnyReceipt {
    /// Reads the JSON of a receipt of either kind.
    ///
    /// # Errors
    /// [`Error::Receipt`] when the text is truncated or is no receipt of this version.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        match decode::<Kind>(text)?.format.as_str() {
            screening::FORMAT => Ok(Self::Screening(Box::new(ScreeningReceipt::from_json(text)?))),
            _ => Ok(Self::Release(Box::new(Receipt::from_json(text)?))),
        }
    }

    /// Reads a receipt file of either kind.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be read, else as [`AnyReceipt::from_json`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::from_json(&read(path)?).map_err(|error| match error {
            Error::Receipt { check, why } => Error::Receipt { check, why: format!("{}: {why}", path.display()) },
            other => other,
        })
    }

    /// Verifies it. `blobs` serves the ciphertexts that a release's receipt does not hold; a screening has none.
    ///
    /// # Errors
    /// [`Error::Receipt`] with the check that fails.
    pub fn verify(&self, blobs: Option<&dyn BlobAccess>) -> Result<AnyVerifiedReceipt, Error> {
        self.verify_watched(blobs, &mut |_| {})
    }

    /// The same, and tells of each check as soon as it held.
    ///
    /// # Errors
    /// As [`AnyReceipt::verify`].
    pub fn verify_watched(
        &self,
        blobs: Option<&dyn BlobAccess>,
        watch: &mut dyn FnMut(&Check),
    ) -> Result<AnyVerifiedReceipt, Error> {
        Ok(match self {
            Self::Release(receipt) => AnyVerifiedReceipt::Release(Box::new(verify_watched(receipt, blobs, watch)?)),
            Self::Screening(receipt) => {
                AnyVerifiedReceipt::Screening(Box::new(screening::verify_watched(receipt, watch)?))
            }
        })
    }
}

impl AnyVerifiedReceipt {
    /// The chain; compare it with the one the consortium published.
    #[must_use]
    pub const fn chain(&self) -> ChainId {
        match self {
            Self::Release(verified) => verified.chain(),
            Self::Screening(verified) => verified.chain(),
        }
    }
}

/// What a receipt is, for those who have another file.
const IS_ONE: &str = "a receipt is the .json file that `locus result --receipt` or `locus screening receipt` wrote: this is \
                      another file, or it was cut or changed on the way";

fn refuse(why: impl Into<String>) -> Error {
    Error::Receipt { check: "format", why: why.into() }
}

pub(super) fn decode<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| refuse(format!("{error}; {IS_ONE}")))
}

pub(super) fn encode(receipt: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(receipt).map_err(|error| refuse(error.to_string()))
}

pub(super) fn check_format(found: &str, expected: &str) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    Err(refuse(format!(
        "it is of format {found:?}; this program reads {FORMAT} of results and {} of screenings",
        screening::FORMAT
    )))
}

/// The text of a receipt file.
///
/// # Errors
/// [`Error::File`] when it cannot be read, [`Error::Receipt`] when it is too large or no text.
pub(super) fn read(path: &Path) -> Result<String, Error> {
    let failed = |source| Error::File { path: path.into(), action: "read the receipt", source };
    let mut bytes = vec![];
    let mut file = fs::File::open(path).map_err(failed)?.take(RECEIPT_BYTES_MAX + 1);
    file.read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > RECEIPT_BYTES_MAX {
        return Err(refuse(format!("{} is larger than {RECEIPT_BYTES_MAX} bytes", path.display())));
    }
    String::from_utf8(bytes).map_err(|_| refuse(format!("{}: it is no text; {IS_ONE}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_receipt_is_refused_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.json");
        std::fs::write(&path, "{\"format\": \"locus/v5/rec").unwrap();
        let refused = AnyReceipt::open(&path).unwrap_err().to_string();
        assert!(refused.contains("other.json: EOF while parsing"), "{refused}");
        std::fs::write(&path, [0x89, b'P', b'N', b'G', 0xff]).unwrap();
        let refused = AnyReceipt::open(&path).unwrap_err().to_string();
        assert!(refused.contains("it is no text; a receipt is the .json file"), "{refused}");
    }
}
