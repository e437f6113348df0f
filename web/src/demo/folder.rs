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

/// Removes what a demo made, if it is there, and last of all what says that a demo made it. What no demo made is left
/// alone.
fn clear(folder: &Path) -> Result<(), Error> {
    check(folder)?;
    if !folder.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        let entry = entry.map_err(failed(folder))?;
        let is_folder = entry.file_type().map_err(failed(folder))?.is_dir();
        if entry.file_name() != MARKER {
            let path = entry.path();
            let removed = if is_folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.map_err(failed(&path))?;
        }
    }
    fs::remove_dir_all(folder).map_err(failed(folder))
}

/// Whether a demo's folder is there, and not an empty one that somebody made meanwhile.
fn holds_demo(folder: &Path) -> bool {
    folder.join(MARKER).exists()
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
    /// Begins a folder beside this place. What a demo that was cut off put aside comes back first.
    ///
    /// # Errors
    /// [`Error::Input`] when one of the three folders holds what no demo made, or the disk refuses.
    pub(super) fn begin(place: &Path) -> Result<Self, Error> {
        let begun = Self { place: place.into(), folder: beside(place, ".unfinished") };
        begun.check()?;
        let aside = begun.aside();
        if holds_demo(&aside) && !holds_demo(place) {
            if place.exists() {
                fs::remove_dir(place).map_err(failed(place))?;
            }
            fs::rename(&aside, place).map_err(failed(&aside))?;
        }
        clear(&aside)?;
        let folder = &begun.folder;
        clear(folder)?;
        fs::create_dir_all(folder).map_err(failed(folder))?;
        let words = "Made by `locus demo`, which makes this folder anew each time.\n";
        fs::write(folder.join(MARKER), words).map_err(failed(folder))?;
        Ok(begun)
    }

    /// Where the earlier demo's folder lies while this one takes its place.
    fn aside(&self) -> PathBuf {
        beside(&self.place, ".replaced")
    }

    fn check(&self) -> Result<(), Error> {
        [&self.place, &self.folder, &self.aside()].into_iter().try_for_each(|folder| check(folder))
    }

    /// The folder to work in.
    pub(super) fn path(&self) -> &Path {
        &self.folder
    }

    /// Puts the folder in its place; only then is what an earlier demo left there removed.
    ///
    /// # Errors
    /// [`Error::Input`] when one of the folders holds what no demo made by now, or the disk refuses. The earlier demo's
    /// folder is then where it was, and this one's beside it.
    pub(super) fn finish(self) -> Result<(), Error> {
        self.check()?;
        let aside = self.aside();
        if self.place.exists() {
            fs::rename(&self.place, &aside).map_err(failed(&self.place))?;
        }
        if let Err(error) = fs::rename(&self.folder, &self.place) {
            if aside.exists() {
                fs::rename(&aside, &self.place).map_err(failed(&aside))?;
            }
            return Err(failed(&self.folder)(error));
        }
        if let Err(error) = clear(&aside) {
            tracing::warn!(%error, "the earlier demo stays beside the new one");
        }
        Ok(())
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
    fn a_swap_that_fails_or_is_cut_off_leaves_the_earlier_result() {
        let folder = tempfile::tempdir().unwrap();
        let (place, aside) = (folder.path().join("demo"), folder.path().join("demo.replaced"));
        demo(&place, "first").finish().unwrap();
        let lost = demo(&place, "second");
        fs::remove_dir_all(lost.path()).unwrap();
        assert!(lost.finish().is_err());
        assert_eq!((read(&place).as_str(), aside.exists()), ("first", false));
        // As if it had ended between the two renames.
        fs::rename(&place, &aside).unwrap();
        let third = demo(&place, "third");
        assert_eq!((read(&place).as_str(), aside.exists()), ("first", false));
        // As if somebody had made an empty folder where the earlier one was.
        fs::rename(&place, &aside).unwrap();
        fs::create_dir(&place).unwrap();
        drop(third);
        let third = demo(&place, "third");
        assert_eq!((read(&place).as_str(), aside.exists()), ("first", false));
        // What somebody put there meanwhile is theirs.
        fs::create_dir(&aside).unwrap();
        fs::write(aside.join("thesis.tex"), "years of work").unwrap();
        assert!(third.finish().unwrap_err().to_string().contains("holds something else"));
        assert_eq!((read(&place).as_str(), aside.join("thesis.tex").exists()), ("first", true));
        assert_eq!(read(&folder.path().join("demo.unfinished")), "third");
    }

    #[test]
    fn what_no_demo_made_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["demo", "demo.unfinished", "demo.replaced"] {
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
