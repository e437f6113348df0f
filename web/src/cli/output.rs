//! What a command prints: text for people, or one JSON object. Progress goes to standard error in both.

use std::{
    io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::Error;

/// The longest answer read.
const ANSWER_BYTES_MAX: u64 = 64;

/// Where and how results are printed.
#[derive(Debug, Clone)]
pub struct Output {
    json: bool,
    printed: Arc<AtomicBool>,
}

/// A text without what a terminal would obey instead of showing it: names and titles come from anybody, and no control of
/// theirs, nor a mark that turns the direction of the lines around it, reaches a terminal.
fn printable(text: &str) -> String {
    let is_obeyed = |letter: char| {
        let is_control = letter.is_control() && !matches!(letter, '\n' | '\t');
        is_control || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|letter| if is_obeyed(letter) { '?' } else { letter }).collect()
}

/// What standard output gets of a text: on a terminal what can be shown, and the text itself where a file or a program takes it.
fn shown(text: &str, is_terminal: bool) -> String {
    if is_terminal { printable(text) } else { text.to_owned() }
}

/// A line for people on standard error, with --json too.
pub(super) fn warn(line: impl AsRef<str>) {
    eprintln!("{}", printable(line.as_ref()));
}

/// A failure as --json prints it.
#[derive(Serialize)]
struct Failure<'a> {
    error: &'a str,
}

impl Output {
    /// Text, or JSON.
    #[must_use]
    pub fn new(json: bool) -> Self {
        Self { json, printed: Arc::default() }
    }

    /// Prints a command's result: the JSON form of `value`, or the text made from it.
    ///
    /// # Errors
    /// [`Error::Output`] when standard output fails. A reader that went away, as `head` does, is no failure.
    pub fn result<T: Serialize>(&self, value: &T, text: impl FnOnce(&T) -> String) -> Result<(), Error> {
        let line = if self.json {
            serde_json::to_string(value).map_err(|error| Error::Output { why: error.to_string() })?
        } else {
            shown(&text(value), io::stdout().is_terminal())
        };
        self.printed.store(true, Ordering::Relaxed);
        match writeln!(io::stdout().lock(), "{line}") {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::Output { why: error.to_string() }),
            _ => Ok(()),
        }
    }

    /// Prints a line of what a command found before it has its result; nothing with --json, whose object holds it too.
    pub fn found(&self, line: impl AsRef<str>) {
        if !self.json {
            // The result that follows says whether standard output fails.
            let _ = writeln!(io::stdout().lock(), "{}", shown(line.as_ref(), io::stdout().is_terminal()));
        }
    }

    /// Says why a command failed, on standard error, and with --json in one object on standard output too, unless the
    /// command has printed its object already.
    pub fn failure(&self, why: &str) {
        warn(format!("locus: {why}"));
        if self.json && !self.printed.load(Ordering::Relaxed) {
            self.print_failure(why);
        }
    }

    /// Prints a failure as an object.
    pub fn print_failure(&self, why: &str) {
        // The exit code says it where standard output fails.
        drop(self.result(&Failure { error: why }, |failure| failure.error.to_owned()));
    }

    /// A line for people about what happens, on standard error; nothing with --json.
    pub fn say(&self, line: impl AsRef<str>) {
        if !self.json {
            warn(line);
        }
    }

    /// A progress bar over `steps`, hidden with --json or when standard error is no terminal.
    #[must_use]
    pub fn progress(&self, what: &'static str, steps: usize) -> ProgressBar {
        if self.json {
            return ProgressBar::hidden();
        }
        let style = ProgressStyle::with_template("  {msg:<28} {bar:30} {pos}/{len} {elapsed}");
        let bar = ProgressBar::new(steps as u64).with_message(what);
        bar.enable_steady_tick(Duration::from_millis(200));
        style.map_or_else(|_| bar.clone(), |style| bar.clone().with_style(style))
    }

    /// Asks before something that costs money or privacy; `yes` answers in advance.
    ///
    /// # Errors
    /// [`Error::Input`] when the answer is no, or nobody can answer.
    pub fn confirm(&self, yes: bool, question: &str) -> Result<(), Error> {
        if yes {
            return Ok(());
        }
        let refused = |why: &str| Err(Error::Input { what: "confirmation", why: why.into() });
        if self.json || !io::stdin().is_terminal() {
            return refused("nobody can be asked here; add --yes");
        }
        eprint!("{} [y/N] ", printable(question));
        let mut answer = String::new();
        let read = io::stdin().lock().take(ANSWER_BYTES_MAX).read_line(&mut answer);
        if read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes") { Ok(()) } else { refused("not confirmed") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repro_a_name_that_a_node_tells_does_not_steer_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\n\tc\r"), "a?[2Jb\n\tc?");
        assert_eq!(printable("Acme \u{202e}emcA\u{2066}"), "Acme ?emcA?");
        assert_eq!(printable("2 °C – ε ≤ 0.5, “Å”"), "2 °C – ε ≤ 0.5, “Å”");
        let file = "name = \"\u{2066}a\"";
        assert_eq!((shown(file, true), shown(file, false)), ("name = \"?a\"".into(), file.into()));
    }
}
