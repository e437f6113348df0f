//! Copies of the chain: backups and snapshots, restoring them, and dropping old blocks.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use node::{Ledger, archive, state::Tip, units::Height};

use crate::{
    Error,
    cli::{Home, Output},
};

/// Where a copy goes.
#[derive(Debug, Args)]
pub struct Target {
    /// The new file.
    file: PathBuf,
}

/// Which copy is put in place.
#[derive(Debug, Args)]
pub struct Source {
    /// The copy, which stays as it is.
    file: PathBuf,
    /// Put it in the place of the ledger that is there, which is kept beside it as `ledger.redb.replaced`.
    #[arg(long)]
    replace: bool,
}

/// How many blocks stay.
#[derive(Debug, Args)]
pub struct Keep {
    /// Blocks that are kept, counted back from the latest.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    blocks: u64,
}

/// How the name of a copy ends while it is written.
const UNFINISHED: &str = "unfinished";

fn failed(what: &'static str, path: &Path) -> impl Fn(std::io::Error) -> Error {
    let path = path.to_path_buf();
    move |error| Error::Input { what, why: format!("{}: {error}", path.display()) }
}

impl Target {
    /// Every block and the state.
    pub(super) fn back_up(&self, home: &Home, output: &Output) -> Result<(), Error> {
        self.copy(home, output, |_| Height::new(1))
    }

    /// The state and the latest block.
    pub(super) fn snapshot(&self, home: &Home, output: &Output) -> Result<(), Error> {
        self.copy(home, output, |tip| tip.height)
    }

    fn copy(&self, home: &Home, output: &Output, first: impl Fn(&Tip) -> Height) -> Result<(), Error> {
        let folder = self.file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !folder.is_dir() {
            return Err(Error::Input { what: "copy", why: format!("{} is no folder", folder.display()) });
        }
        let ledger = home.open_own_ledger()?;
        let tip = write_copy(&ledger, &self.file, first)?;
        output.result(&tip, |tip| format!("wrote {} up to block {}", self.file.display(), tip.height))
    }
}

/// Writes a copy whole or not at all.
pub(super) fn write_copy(ledger: &Ledger, path: &Path, first: impl Fn(&Tip) -> Height) -> Result<Tip, Error> {
    if path.exists() {
        let why = format!("{} exists; choose another name", path.display());
        return Err(Error::Input { what: "copy", why });
    }
    let unfinished = path.with_extension(UNFINISHED);
    let _ = fs::remove_file(&unfinished);
    let copied = ledger.copy_to(&unfinished, first(&ledger.snapshot()?.latest()?));
    // What was written of it would keep the disk full that failed it.
    let tip = copied.inspect_err(|_| drop(fs::remove_file(&unfinished)))?;
    fs::rename(&unfinished, path).map_err(failed("copy", path))?;
    Ok(tip)
}

/// Removes copies that are named by their block in a folder of its own, but for the one just written and those written last
/// before it: another chain's copies, from before, may name later blocks. What a process that was killed left unfinished
/// goes too.
pub(super) fn forget_copies(folder: &Path, latest: &Path, kept: usize) -> Result<(), Error> {
    let unreadable = failed("folder of copies", folder);
    let mut copies = vec![];
    for entry in fs::read_dir(folder).map_err(&unreadable)? {
        let entry = entry.map_err(&unreadable)?;
        let metadata = entry.metadata().map_err(&unreadable)?;
        let name = entry.file_name();
        let Some((height, ending)) = name.to_str().and_then(named_copy).filter(|_| metadata.is_file()) else {
            continue;
        };
        if ending == UNFINISHED {
            fs::remove_file(entry.path()).map_err(failed("unfinished copy", &entry.path()))?;
        } else if entry.path() != latest {
            copies.push((metadata.modified().map_err(&unreadable)?, height, entry.path()));
        }
    }
    copies.sort_unstable();
    copies.truncate((copies.len() + 1).saturating_sub(kept));
    for (.., path) in copies {
        fs::remove_file(&path).map_err(failed("copy", &path))?;
        tracing::info!(path = %path.display(), "an older copy is removed");
    }
    Ok(())
}

/// The block that a copy's name says, and how it ends.
fn named_copy(name: &str) -> Option<(u64, &str)> {
    let (number, ending) = name.split_once('.')?;
    let height: u64 = number.parse().ok()?;
    let is_whole = height.to_string() == number && ["redb", UNFINISHED].contains(&ending);
    is_whole.then_some((height, ending))
}

impl Source {
    /// Verifies the copy and puts it where the node finds it.
    pub(super) fn restore(&self, home: &Home, output: &Output) -> Result<(), Error> {
        let (genesis, ledger) = (home.genesis()?, home.ledger_path());
        if ledger.exists() && !self.replace {
            let why = format!("{} exists; --replace keeps it beside the restored one", ledger.display());
            return Err(Error::Input { what: "ledger", why });
        }
        let incoming = ledger.with_extension("restoring");
        fs::copy(&self.file, &incoming).map_err(failed("copy", &self.file))?;
        output.say("verifying the copy against the genesis");
        let tip = archive::restore(&incoming, &genesis).map_err(|error| {
            let _ = fs::remove_file(&incoming);
            Error::Input { what: "copy", why: format!("{}: {error}; nothing was changed", self.file.display()) }
        })?;
        put_in_place(home, &incoming)?;
        output.result(&tip, |tip| format!("restored up to block {}; the node goes on from there", tip.height))
    }
}

impl Keep {
    /// Drops blocks before the latest ones, and every state but the last.
    pub(super) fn prune(&self, home: &Home, output: &Output) -> Result<(), Error> {
        let path = home.ledger_path();
        let incoming = path.with_extension("restoring");
        let _ = fs::remove_file(&incoming);
        let ledger = home.open_own_ledger()?;
        let first = |tip: &Tip| Height::new((tip.height.get() + 1).saturating_sub(self.blocks).max(1));
        let tip = ledger.prune_to(&incoming, first(&ledger.snapshot()?.latest()?))?;
        drop(ledger);
        fs::rename(&incoming, &path).map_err(failed("ledger", &path))?;
        output.result(&tip, |tip| format!("kept blocks {} to {}", first(tip), tip.height))
    }
}

/// The old ledger aside, the new one in its place. What belonged to the old one is made anew.
fn put_in_place(home: &Home, incoming: &Path) -> Result<(), Error> {
    let ledger = home.ledger_path();
    if ledger.exists() {
        let aside = home.replaced_ledger_path();
        if aside.exists() {
            let why = format!("{} is there from an earlier restore; move it away first", aside.display());
            return Err(Error::Input { what: "ledger", why });
        }
        fs::rename(&ledger, &aside).map_err(failed("ledger", &ledger))?;
    }
    // The log is of the ledger that was here; without it the node follows the others before it votes.
    let log = home.dir().join("consensus.wal");
    if log.exists() {
        fs::rename(&log, log.with_extension("wal.replaced")).map_err(failed("log", &log))?;
    }
    fs::rename(incoming, &ledger).map_err(failed("ledger", &ledger))
}
