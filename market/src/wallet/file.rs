//! A party's file on disk: encrypted, written whole or not at all, and of a kind its first bytes name.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use borsh::{BorshDeserialize, BorshSerialize};
use zeroize::Zeroizing;

use super::Protection;
use crate::Error;

/// The largest party file: a genome of 67 million dosages and its answers stay below.
pub const FILE_BYTES_MAX: u64 = 256 << 20;

/// How the kind of a key file begins; its role follows.
pub(super) const KEY_KIND: &str = "locus/v1/key/";

/// The contents of an encrypted file: its kind, then the value. A file of another kind is refused by name.
#[derive(BorshSerialize, BorshDeserialize)]
struct Envelope<T> {
    kind: String,
    value: T,
}

fn failed(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::File { path: path.into(), action, source }
}

/// Writes a value, encrypted, in place of what is at the path.
///
/// # Errors
/// [`Error::File`] when the disk refuses; the earlier file is then whole.
pub(crate) fn save(path: &Path, kind: &str, value: &impl BorshSerialize, protection: &Protection) -> Result<(), Error> {
    let encoded = borsh::to_vec(&Envelope { kind: kind.into(), value });
    let plaintext = Zeroizing::new(encoded.map_err(failed(path, "encode its contents"))?);
    write_whole(path, &protection.seal(path, &plaintext)?)
}

/// Writes a value to a path where there is no file yet.
///
/// # Errors
/// [`Error::FileExists`], else as [`save`].
pub(crate) fn create(
    path: &Path,
    kind: &str,
    value: &impl BorshSerialize,
    protection: &Protection,
) -> Result<(), Error> {
    refuse_existing(path)?;
    save(path, kind, value, protection)
}

/// Reads a value of a kind.
///
/// # Errors
/// [`Error::File`], [`Error::WrongPassphrase`], [`Error::FileKind`] or [`Error::FileDamaged`].
pub(crate) fn load<T: BorshDeserialize>(path: &Path, kind: &str, protection: &Protection) -> Result<T, Error> {
    load_any(path, protection, |found| if found == kind { Ok(()) } else { Err(in_words(kind)) })
        .map(|((), value)| value)
}

/// Reads a value of any kind that `accept` takes; when it takes none, it says what it expects.
///
/// # Errors
/// As [`load`].
pub(crate) fn load_any<K, T: BorshDeserialize>(
    path: &Path,
    protection: &Protection,
    accept: impl FnOnce(&str) -> Result<K, String>,
) -> Result<(K, T), Error> {
    let plaintext = protection.open(path, &read_bounded(path)?)?;
    let damaged = |why: String| Error::FileDamaged { path: path.into(), why };
    // The kind comes first, so a file of another kind is told from a damaged one before its value is read.
    let mut rest = plaintext.as_slice();
    let found = String::deserialize(&mut rest).map_err(|error| damaged(error.to_string()))?;
    let kind =
        accept(&found).map_err(|expected| Error::FileKind { path: path.into(), found: in_words(&found), expected })?;
    T::deserialize(&mut rest)
        .and_then(
            |value| if rest.is_empty() { Ok((kind, value)) } else { Err(io::Error::other("bytes follow its end")) },
        )
        .map_err(|error| damaged(error.to_string()))
}

/// A kind as people call it.
fn in_words(kind: &str) -> String {
    match kind.strip_prefix(KEY_KIND) {
        Some(role) => format!("a key file of role {role}"),
        None => format!("a file of kind {}", kind.strip_prefix("locus/v1/").unwrap_or(kind)),
    }
}

/// Copies an encrypted file as it is to a path where there is none.
///
/// # Errors
/// [`Error::FileExists`] or [`Error::File`].
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    refuse_existing(to)?;
    write_whole(to, &read_bounded(from)?)
}

pub(crate) fn refuse_existing(path: &Path) -> Result<(), Error> {
    match fs::exists(path) {
        Ok(false) => Ok(()),
        Ok(true) => Err(Error::FileExists { path: path.into() }),
        Err(source) => Err(failed(path, "look at the path")(source)),
    }
}

/// Refuses a path where no file is.
///
/// # Errors
/// [`Error::File`] with what the system says of the path.
pub(crate) fn require(path: &Path) -> Result<(), Error> {
    fs::metadata(path).map(drop).map_err(failed(path, "open the file"))
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, Error> {
    let file = File::open(path).map_err(failed(path, "open the file"))?;
    let mut bytes = vec![];
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed(path, "read the file"))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let why = format!("it is longer than {FILE_BYTES_MAX} bytes");
        return Err(Error::FileDamaged { path: path.into(), why });
    }
    Ok(bytes)
}

/// Writes beside the target, syncs, renames over it and syncs the directory: a crash leaves the old file or the new.
///
/// # Errors
/// [`Error::File`] naming the step.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed(folder, "make the directory"))?;
    let mut staged = tempfile::Builder::new()
        .prefix(".unfinished-")
        .tempfile_in(folder)
        .map_err(failed(folder, "make a temporary file"))?;
    staged.write_all(bytes).map_err(failed(path, "write the file"))?;
    staged.as_file().sync_all().map_err(failed(path, "sync the file"))?;
    staged.persist(path).map_err(|error| failed(path, "rename the file into place")(error.error))?;
    let directory = File::open(folder).map_err(failed(folder, "open the directory"))?;
    directory.sync_all().map_err(failed(folder, "sync the directory"))
}

/// Keeps other processes from changing a party's file: two agents on one wallet would each save over the other's
/// payout keys.
#[derive(Debug)]
pub(crate) struct FileLock {
    _file: File,
}

impl FileLock {
    /// Takes the lock beside a path, without waiting.
    ///
    /// # Errors
    /// [`Error::FileInUse`] when another process holds it, [`Error::File`] when the path is refused.
    pub(crate) fn take(path: &Path) -> Result<Self, Error> {
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let lock = PathBuf::from(name);
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&lock);
        let file = file.map_err(failed(&lock, "make the lock file"))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Error::FileInUse { path: path.into() }),
            Err(TryLockError::Error(error)) => Err(failed(path, "lock the file")(error)),
        }
    }
}
