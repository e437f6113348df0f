//! A file that is there once it is whole, and not before.

use std::{
    fs,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use crate::Error;

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Readers {
    /// Its owner: plaintexts and private keys.
    Owner,
    /// Everybody, as far as the process's umask allows.
    Everybody,
}

/// Where results go, and whether they replace what is there.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli) struct Target<'a> {
    pub(in crate::cli) path: &'a Path,
    pub(in crate::cli) readers: Readers,
    pub(in crate::cli) force: bool,
}

/// A file beside its final place. Dropped, it leaves nothing.
#[derive(Debug)]
pub(in crate::cli) struct Staged {
    file: BufWriter<NamedTempFile>,
    path: PathBuf,
    force: bool,
}

fn failed(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::Input { what: "output file", why: format!("{}: {error}", path.display()) }
}

/// Refuses a path where a file is, before any work.
pub(in crate::cli) fn check_free(path: &Path, force: bool) -> Result<(), Error> {
    if !force && path.exists() {
        return Err(failed(path, &"it exists and is not overwritten; name another file, or add --force"));
    }
    Ok(())
}

impl Staged {
    pub(in crate::cli) fn create(target: Target<'_>) -> Result<Self, Error> {
        let Target { path, readers, force } = target;
        check_free(path, force)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        if readers == Readers::Everybody {
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        }
        let file = builder.prefix(".unfinished-").tempfile_in(folder).map_err(|error| failed(path, &error))?;
        Ok(Self { file: BufWriter::new(file), path: path.into(), force })
    }

    /// Puts the file in its place.
    pub(in crate::cli) fn publish(self) -> Result<(), Error> {
        let path = self.path;
        let file = self.file.into_inner().map_err(|error| failed(&path, error.error()))?;
        file.as_file().sync_all().map_err(|error| failed(&path, &error))?;
        // Another process may have written there meanwhile.
        let placed = if self.force { file.persist(&path) } else { file.persist_noclobber(&path) };
        placed.map(drop).map_err(|error| failed(&path, &error.error))
    }
}

impl Write for Staged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Writes a short file whole.
pub(in crate::cli) fn write_short(target: Target<'_>, bytes: &[u8]) -> Result<(), Error> {
    let mut staged = Staged::create(target)?;
    staged.write_all(bytes).map_err(|error| failed(target.path, &error))?;
    staged.publish()
}
