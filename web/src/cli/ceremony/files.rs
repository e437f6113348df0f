//! Reading a ceremony's files within a bound, and writing them without overwriting any.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    path::Path,
};

use crate::Error;

/// The largest file of a ceremony: powers for 2^20 rows are 400 MB, a key of 2^22 wires 1.9 GB.
const FILE_BYTES_MAX: u64 = 2 << 30;

fn failed(what: &'static str, path: &Path, why: &impl ToString) -> Error {
    Error::Input { what, why: format!("{}: {}", path.display(), why.to_string()) }
}

/// Opens a file to be read in order.
///
/// # Errors
/// [`Error::Input`] that names the file.
pub(super) fn open(what: &'static str, path: &Path) -> Result<File, Error> {
    File::open(path).map_err(|error| failed(what, path, &error))
}

/// Reads a file whole.
///
/// # Errors
/// [`Error::Input`] that names the file.
pub(super) fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = vec![];
    open(what, path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| failed(what, path, &error))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(failed(what, path, &format!("is larger than {FILE_BYTES_MAX} bytes, the limit")));
    }
    Ok(bytes)
}

/// Refuses a path that exists: asked before the work, so that an hour is not lost to a name.
///
/// # Errors
/// [`Error::Input`] that names the file.
pub(super) fn ensure_new(what: &'static str, path: &Path) -> Result<(), Error> {
    if path.exists() {
        Err(failed(what, path, &"exists; nothing is overwritten, so choose another name"))
    } else {
        Ok(())
    }
}

/// Writes a new file whole.
///
/// # Errors
/// [`Error::Input`] that names the file, also when it exists.
pub(super) fn create(what: &'static str, path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(|error| failed(what, path, &error))?;
    file.write_all(bytes).map_err(|error| failed(what, path, &error))?;
    file.as_file().sync_all().map_err(|error| failed(what, path, &error))?;
    file.persist_noclobber(path).map(drop).map_err(|error| failed(what, path, &error))
}
