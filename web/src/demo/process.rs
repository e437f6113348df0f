//! A committee member of the demo as a process of its own.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use circuits::quorum::MemberIndex;
use serde::Deserialize;

use super::network::{member_folder, member_key};
use crate::{Error, client::Remote};

/// The longest line that a member announces itself with.
const ANNOUNCEMENT_BYTES_MAX: u64 = 4_096;

/// What `committee serve --json` says once it listens.
#[derive(Deserialize)]
struct Announcement {
    member: MemberIndex,
    url: String,
}

/// A running member. It is killed when this is dropped, and ends by itself when the demo is killed.
pub(super) struct MemberProcess {
    child: Child,
    log: PathBuf,
}

impl MemberProcess {
    /// Starts a member and waits until it listens.
    ///
    /// # Errors
    /// [`Error::Input`] when it does not start, with where its log is.
    pub(super) fn start(dir: &Path, place: usize, node_url: &str) -> Result<(Self, MemberIndex, Remote), Error> {
        let folder = member_folder(dir, place);
        let log = folder.join("log");
        let failed = |why: &str| refused(place, &log, why);
        let program = std::env::current_exe().map_err(|error| failed(&error.to_string()))?;
        let log_file = File::create(&log).map_err(|error| failed(&error.to_string()))?;
        let mut command = Command::new(program);
        command.args(["--json", "--url", node_url, "--data-dir"]).arg(dir);
        command.args(["committee", "serve", "--attached", "--key"]).arg(member_key(dir, place));
        command.arg("--store").arg(&folder).args(["--listen", "127.0.0.1:0"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log_file);
        let child = command.spawn().map_err(|error| failed(&error.to_string()))?;
        let mut process = Self { child, log: log.clone() };
        let (member, url) = process.announced().map_err(|why| failed(&why))?;
        // What a person looks for who wants to see a member die.
        let pid = fs::write(folder.join("pid"), format!("{}\n", process.child.id()));
        pid.map_err(|error| failed(&error.to_string()))?;
        Ok((process, member, Remote::new(&url)?))
    }

    fn announced(&mut self) -> Result<(MemberIndex, String), String> {
        let Some(stdout) = self.child.stdout.take() else { return Err("it has no standard output".into()) };
        let mut line = String::new();
        let read = BufReader::new(stdout.take(ANNOUNCEMENT_BYTES_MAX)).read_line(&mut line);
        read.map_err(|error| error.to_string())?;
        if line.is_empty() {
            return Err("it ended before it listened".into());
        }
        let said: Announcement = serde_json::from_str(&line).map_err(|error| format!("it said {line:?}: {error}"))?;
        Ok((said.member, said.url))
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

impl Drop for MemberProcess {
    fn drop(&mut self) {
        // It fails only for a process that has ended, which is what is wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn refused(place: usize, log: &Path, why: &str) -> Error {
    Error::Input { what: "committee member", why: format!("process {place}: {why}; see {}", log.display()) }
}
