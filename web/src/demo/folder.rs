//! The demo's folder: made beside the earlier one, and put in its place once the result is known.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
};

use crate::Error;

/// The file that marks a folder as a demo's, which may be made anew.
const MARKER: &str = "locus-demo";

/// A demo's folder in the making. What an earlier demo left stays until [`Unfinished::finish`].
#[derive(Debug)]
pub(super) struct Unfinished {
    place: PathBuf,
    folder: PathBuf,
}

fn failed(path: &Path) -> impl Fn(io::Error) -> Error {
    let path = path.to_path_buf();
    move |error| Error::Input { what: "data directory", why: format!("{}: {error}", path.display()) }
}

/// A folder beside another one.
fn beside(place: &Path, ending: &str) -> PathBuf {
    let mut name = place.file_name().unwrap_or(OsStr::new("demo")).to_owned();
    name.push(ending);
    place.with_file_name(name)
}

/// Removes what a demo made, if it is there. What no demo made is left alone.
fn clear(folder: &Path) -> Result<(), Error> {
    check(folder)?;
    if folder.exists() { fs::remove_dir_all(folder).map_err(failed(folder)) } else { Ok(()) }
}

/// Refuses a folder that holds something else than a demo.
fn check(folder: &Path) -> Result<(), Error> {
    let holds_other = folder.exists()
        && !folder.join(MARKER).exists()
        && fs::read_dir(folder).map_err(failed(folder))?.next().is_some();
    if holds_other {
        let why = format!("{} holds something else; give --data-dir an empty or new folder", folder.display());
        return Err(Error::Input { what: "data directory", why });
    }
    Ok(())
}

impl Unfinished {
    /// Begins a folder beside this place.
    ///
    /// # Errors
    /// [`Error::Input`] when the place holds what no demo made, or the disk refuses.
    pub(super) fn begin(place: &Path) -> Result<Self, Error> {
        check(place)?;
        let folder = beside(place, ".unfinished");
        clear(&folder)?;
        fs::create_dir_all(&folder).map_err(failed(&folder))?;
        let words = "Made by `locus demo`, which makes this folder anew each time.\n";
        fs::write(folder.join(MARKER), words).map_err(failed(&folder))?;
        Ok(Self { place: place.into(), folder })
    }

    /// The folder to work in.
    pub(super) fn path(&self) -> &Path {
        &self.folder
    }

    /// Puts the folder in its place; only now is what an earlier demo left there removed.
    ///
    /// # Errors
    /// [`Error::Input`] when the disk refuses. One of the two folders is then in the place or beside it.
    pub(super) fn finish(self) -> Result<(), Error> {
        let aside = beside(&self.place, ".replaced");
        clear(&aside)?;
        if self.place.exists() {
            fs::rename(&self.place, &aside).map_err(failed(&self.place))?;
        }
        fs::rename(&self.folder, &self.place).map_err(failed(&self.folder))?;
        if aside.exists() { fs::remove_dir_all(&aside).map_err(failed(&aside)) } else { Ok(()) }
    }

    /// Where a file of the folder lies once it is finished.
    pub(super) fn finished(&self, file: &Path) -> PathBuf {
        file.strip_prefix(&self.folder).map_or_else(|_| file.into(), |inner| self.place.join(inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> String {
        fs::read_to_string(path.join("receipt.json")).unwrap()
    }

    fn demo(place: &Path, receipt: &str) -> Unfinished {
        let made = Unfinished::begin(place).unwrap();
        fs::write(made.path().join("receipt.json"), receipt).unwrap();
        made
    }

    #[test]
    fn an_earlier_result_stays_until_the_next_one_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("demo");
        demo(&place, "first").finish().unwrap();
        assert_eq!(read(&place), "first");
        // A demo that fails is dropped, and leaves its files beside.
        drop(demo(&place, "broken"));
        assert_eq!(read(&place), "first");
        assert_eq!(read(&folder.path().join("demo.unfinished")), "broken");
        let next = demo(&place, "second");
        assert_eq!(next.finished(&next.path().join("figures/one.svg")), place.join("figures/one.svg"));
        assert_eq!(read(&place), "first");
        next.finish().unwrap();
        assert_eq!(read(&place), "second");
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["demo"]);
    }

    #[test]
    fn what_no_demo_made_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["demo", "demo.unfinished"] {
            let other = folder.path().join(name);
            fs::create_dir_all(&other).unwrap();
            fs::write(other.join("thesis.tex"), "years of work").unwrap();
            let refused = Unfinished::begin(&folder.path().join("demo")).unwrap_err().to_string();
            assert!(refused.contains("holds something else"), "{refused}");
            assert!(other.join("thesis.tex").exists());
            fs::remove_dir_all(&other).unwrap();
        }
    }
}
