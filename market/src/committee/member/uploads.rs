//! How many ciphertexts a member keeps: so many for each record, part and query. Each is noted on disk before it is stored,
//! so that a restart makes no room.

use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::id::{Digest, Nullifier};

use crate::Error;

/// Ciphertexts that a member keeps for one nullifier, and so for one record, query and part: an agent whose epoch ended
/// encrypts again.
pub(super) const KEPT_PER_NULLIFIER: usize = 8;
/// Bytes of a note.
const NOTE_BYTES: usize = 1 + 32 + 32;

/// A ciphertext that a member keeps, and what was proven with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub(super) struct Upload {
    pub(super) part: u8,
    pub(super) nullifier: Nullifier,
    pub(super) ciphertext: Digest,
}

/// Why a ciphertext finds no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoRoom {
    /// As many are kept for this record.
    OfRecord,
    /// As many are kept for the query.
    OfQuery,
}

/// The ciphertexts kept of one query.
#[derive(Debug)]
pub(super) struct Uploads {
    path: PathBuf,
    /// By part and record.
    kept: BTreeSet<Upload>,
}

impl Uploads {
    /// What the file notes, none when there is no file. A note that a crash cut short was not acted on and is removed.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be read or shortened.
    pub(super) fn open(path: PathBuf) -> Result<Self, Error> {
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => vec![],
            Err(source) => return Err(failed(&path, "read the file")(source)),
        };
        let mut uploads = Self { path, kept: BTreeSet::new() };
        let notes = bytes.chunks_exact(NOTE_BYTES);
        if !notes.remainder().is_empty() {
            uploads.shorten(bytes.len() - notes.remainder().len())?;
        }
        for note in notes {
            let damaged = |error: io::Error| Error::FileDamaged { path: uploads.path.clone(), why: error.to_string() };
            uploads.kept.insert(borsh::from_slice(note).map_err(damaged)?);
        }
        Ok(uploads)
    }

    fn shorten(&self, length: usize) -> Result<(), Error> {
        let file = OpenOptions::new().write(true).open(&self.path);
        file.and_then(|file| file.set_len(length as u64)).map_err(failed(&self.path, "shorten the file"))
    }

    /// How many are kept of a part for a record.
    fn of_record(&self, part: u8, nullifier: Nullifier) -> usize {
        let first = Upload { part, nullifier, ciphertext: Digest::from_bytes([0; 32]) };
        let last = Upload { ciphertext: Digest::from_bytes([u8::MAX; 32]), ..first };
        self.kept.range(first..=last).count()
    }

    /// Whether the member kept, and so attested, this ciphertext.
    pub(super) fn has(&self, upload: Upload) -> bool {
        self.kept.contains(&upload)
    }

    /// Notes a ciphertext durably, if there is room for it or it was noted before. `room` is that of the query.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be noted.
    pub(super) fn note(&mut self, upload: Upload, room: u64) -> Result<Result<(), NoRoom>, Error> {
        if self.has(upload) {
            return Ok(Ok(()));
        }
        if self.of_record(upload.part, upload.nullifier) >= KEPT_PER_NULLIFIER {
            return Ok(Err(NoRoom::OfRecord));
        }
        if self.kept.len() as u64 >= room {
            return Ok(Err(NoRoom::OfQuery));
        }
        self.append(upload).map_err(failed(&self.path, "write the file"))?;
        self.kept.insert(upload);
        Ok(Ok(()))
    }

    fn append(&self, upload: Upload) -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        file.write_all(&borsh::to_vec(&upload)?)?;
        file.sync_data()
    }
}

fn failed(path: &Path, action: &'static str) -> impl Fn(io::Error) -> Error {
    move |source| Error::File { path: path.into(), action, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload(part: u8, record: u8, number: u8) -> Upload {
        let mut nullifier = [0; 32];
        nullifier[0] = record;
        let nullifier = Nullifier::from_bytes(&nullifier).unwrap();
        Upload { part, nullifier, ciphertext: Digest::from_bytes([number; 32]) }
    }

    /// As after a restart.
    fn reopen(uploads: Uploads) -> Uploads {
        Uploads::open(uploads.path).unwrap()
    }

    #[test]
    fn repro_a_record_uploads_so_many_ciphertexts_of_a_part_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let mut uploads = Uploads::open(folder.path().join("query")).unwrap();
        for number in 0..KEPT_PER_NULLIFIER as u8 {
            uploads = reopen(uploads);
            for _ in 0..2 {
                assert_eq!(uploads.note(upload(0, 1, number), 1_000).unwrap(), Ok(()));
            }
        }
        for _ in 0..2 {
            assert_eq!(uploads.note(upload(0, 1, 99), 1_000).unwrap(), Err(NoRoom::OfRecord));
            assert_eq!(uploads.note(upload(0, 1, 0), 1_000).unwrap(), Ok(()), "it is kept already");
            uploads = reopen(uploads);
        }
        assert_eq!(uploads.note(upload(1, 1, 99), 1_000).unwrap(), Ok(()), "another part");
        assert_eq!(uploads.note(upload(0, 2, 99), 1_000).unwrap(), Ok(()), "another record");
        assert_eq!(reopen(uploads).kept.len(), KEPT_PER_NULLIFIER + 2);
    }

    #[test]
    fn all_records_together_upload_as_many_as_the_query_has_room_for() {
        let folder = tempfile::tempdir().unwrap();
        let mut uploads = Uploads::open(folder.path().join("query")).unwrap();
        for record in 0..3 {
            assert_eq!(uploads.note(upload(0, record, record), 3).unwrap(), Ok(()));
        }
        assert_eq!(reopen(uploads).note(upload(0, 3, 3), 3).unwrap(), Err(NoRoom::OfQuery));
    }

    #[test]
    fn a_note_cut_short_by_a_crash_is_forgotten_and_the_next_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("query");
        let mut uploads = Uploads::open(path.clone()).unwrap();
        uploads.note(upload(0, 1, 1), 10).unwrap().unwrap();
        uploads.note(upload(0, 1, 2), 10).unwrap().unwrap();
        fs::write(&path, &fs::read(&path).unwrap()[..2 * NOTE_BYTES - 7]).unwrap();
        let mut uploads = Uploads::open(path.clone()).unwrap();
        uploads.note(upload(0, 1, 3), 10).unwrap().unwrap();
        assert_eq!(reopen(uploads).kept, [1, 3].map(|number| upload(0, 1, number)).into());
        assert_eq!(fs::read(&path).unwrap().len(), 2 * NOTE_BYTES);
    }
}
