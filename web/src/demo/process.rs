//! Parties of the demo as processes of their own: committee members and validators.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use circuits::id::AccountId;
use serde::{Deserialize, de::DeserializeOwned};

use super::network::{member_folder, member_key};
use crate::{Error, client::Remote};

/// The longest line that a process announces itself with.
const ANNOUNCEMENT_BYTES_MAX: u64 = 4_096;

/// What `committee serve --json` says once it listens.
#[derive(Deserialize)]
struct MemberAnnouncement {
    member: AccountId,
    url: String,
}

/// What `node run --json` says once it listens.
#[derive(Deserialize)]
struct NodeAnnouncement {
    url: String,
}

/// A running process of the demo. It is killed when this is dropped, and ends by itself when the demo is killed.
pub(super) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a committee member and waits until it listens.
    ///
    /// # Errors
    /// [`Error::Input`] when it does not start, with where its log is.
    pub(super) fn member(dir: &Path, place: usize, node_url: &str) -> Result<(Self, AccountId, Remote), Error> {
        let folder = member_folder(dir, place);
        let mut command = locus(&folder)?;
        command.args(["--json", "--url", node_url, "--data-dir"]).arg(dir);
        command.args(["committee", "serve", "--attached", "--key"]).arg(member_key(dir, place));
        command.arg("--store").arg(&folder).args(["--listen", "127.0.0.1:0"]);
        let (process, said): (_, MemberAnnouncement) = Self::launch(command, &folder)?;
        Ok((process, said.member, Remote::new(&said.url)?))
    }

    /// Starts a validator's node on the files of its folder and waits until it listens.
    ///
    /// # Errors
    /// As [`Process::member`].
    pub(super) fn validator(folder: &Path) -> Result<(Self, Remote), Error> {
        let mut command = locus(folder)?;
        command.args(["--json", "--data-dir"]).arg(folder);
        command.args(["node", "run", "--attached", "--listen", "127.0.0.1:0"]).env_remove("LOCUS_URL");
        let (process, said): (_, NodeAnnouncement) = Self::launch(command, folder)?;
        Ok((process, Remote::new(&said.url)?))
    }

    /// Starts a command that logs to its folder, and reads the line that it announces itself with.
    fn launch<T: DeserializeOwned>(mut command: Command, folder: &Path) -> Result<(Self, T), Error> {
        let log = folder.join("log");
        let failed = |why: &dyn std::fmt::Display| refused(&log, &why.to_string());
        let log_file = File::create(&log).map_err(|error| failed(&error))?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log_file);
        let child = command.spawn().map_err(|error| failed(&error))?;
        let mut process = Self { child, log: log.clone() };
        let said = process.announced().map_err(|why| failed(&why))?;
        // What a person looks for who wants to see a process die.
        fs::write(folder.join("pid"), format!("{}\n", process.child.id())).map_err(|error| failed(&error))?;
        Ok((process, said))
    }

    fn announced<T: DeserializeOwned>(&mut self) -> Result<T, String> {
        let Some(stdout) = self.child.stdout.take() else { return Err("it has no standard output".into()) };
        let mut line = String::new();
        let read = BufReader::new(stdout.take(ANNOUNCEMENT_BYTES_MAX)).read_line(&mut line);
        read.map_err(|error| error.to_string())?;
        if line.is_empty() {
            return Err("it ended before it listened".into());
        }
        serde_json::from_str(&line).map_err(|error| format!("it said {line:?}: {error}"))
    }

    /// Whether it still runs.
    pub(super) fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Where its messages are.
    pub(super) fn log(&self) -> &Path {
        &self.log
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It fails only for a process that has ended, which is what is wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// This program again.
fn locus(folder: &Path) -> Result<Command, Error> {
    let program = std::env::current_exe();
    program.map(Command::new).map_err(|error| refused(folder, &error.to_string()))
}

fn refused(log: &Path, why: &str) -> Error {
    Error::Input { what: "process of the demo", why: format!("{why}; see {}", log.display()) }
}
