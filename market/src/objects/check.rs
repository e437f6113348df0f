//! Whether every blob is still what its address says.

use std::io::Read;

use super::{BlobAddress, BlobEntry, BlobKind, BlobReader, Objects, backend::failed, store::location};
use crate::Error;

/// Bytes that are hashed at once.
const PIECE_BYTES: usize = 1 << 16;

/// What a check of a store found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// Blobs read.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Those that are not what their addresses say.
    pub damaged: Vec<DamagedBlob>,
}

/// A blob that is not what its address says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedBlob {
    /// Its address.
    pub address: BlobAddress,
    /// What was found.
    pub why: String,
}

impl Objects {
    /// Reads every blob of these kinds and hashes it. `each` is called after each one.
    ///
    /// # Errors
    /// [`Error::BlobStore`] when the store cannot list. A blob that cannot be read is a damaged one.
    pub fn check(&self, kinds: &[BlobKind], mut each: impl FnMut(&BlobEntry)) -> Result<Checked, Error> {
        let mut checked = Checked::default();
        for kind in kinds {
            self.visit(*kind, |entry| {
                checked.blobs += 1;
                checked.bytes = checked.bytes.saturating_add(entry.bytes);
                match self
                    .reader(entry.address)
                    .and_then(|reader| reader.map_or(Ok(()), |reader| sound(&entry, reader)))
                {
                    Ok(()) => {}
                    Err(Error::BlobDamaged { address, why }) => checked.damaged.push(DamagedBlob { address, why }),
                    Err(error) => {
                        checked.damaged.push(DamagedBlob { address: entry.address, why: error.to_string() });
                    }
                }
                each(&entry);
                Ok(())
            })?;
        }
        Ok(checked)
    }

    /// Removes a blob, such as a damaged one that is to be fetched again.
    ///
    /// # Errors
    /// [`Error::BlobStore`] when the store fails. A blob that is not there is no failure.
    pub fn remove(&self, address: BlobAddress) -> Result<(), Error> {
        self.backend.delete(&location(address)).map_err(failed("remove a blob"))
    }
}

fn sound(entry: &BlobEntry, mut reader: BlobReader) -> Result<(), Error> {
    let address = entry.address;
    let mut hasher = address.kind.hasher(reader.length());
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = reader.read(&mut piece);
        let read = read.map_err(|error| Error::BlobStore { action: "read a blob", why: error.to_string() })?;
        if read == 0 {
            break;
        }
        hasher.update(piece.get(..read).unwrap_or_default());
    }
    match hasher.finish() {
        Some(digest) if digest == address.digest => Ok(()),
        Some(digest) => {
            Err(Error::BlobDamaged { address, why: format!("its {} bytes have the digest {digest}", reader.length()) })
        }
        None => Err(Error::BlobDamaged { address, why: "it changed while it was read".into() }),
    }
}
