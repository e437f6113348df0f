//! A process that is killed and comes back.

use std::{
    process::Child,
    thread,
    time::{Duration, Instant},
};

use super::{
    chaos::Mortal,
    town::{PATIENCE, Party},
};

/// A party's long-running command.
pub struct Process<'p> {
    party: &'p Party,
    arguments: Vec<String>,
    child: Child,
    kills: u32,
}

impl Drop for Process<'_> {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl<'p> Process<'p> {
    pub fn start(party: &'p Party, arguments: &[&str]) -> Self {
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.into()).collect();
        let child = launch(party, &arguments);
        Self { party, arguments, child, kills: 0 }
    }

    fn last_words(&self) -> String {
        self.party.last_words()
    }
}

impl Mortal for Process<'_> {
    fn name(&self) -> &str {
        &self.party.name
    }

    fn assert_alive(&mut self) {
        let ended = self.child.try_wait().unwrap();
        assert!(ended.is_none(), "{} ended by itself: {ended:?}; {}", self.name(), self.last_words());
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.kills += 1;
    }

    fn restart(&mut self) {
        self.child = launch(self.party, &self.arguments);
    }

    fn kills(&self) -> u32 {
        self.kills
    }

    /// SIGTERM, and then an orderly end.
    fn stop(mut self: Box<Self>) {
        self.assert_alive();
        let pid = self.child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let started = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(started.elapsed() < PATIENCE, "{} does not end", self.name());
            thread::sleep(Duration::from_millis(20));
        }
        assert!(self.child.wait().unwrap().success(), "{} did not end in order; {}", self.name(), self.last_words());
    }
}

fn launch(party: &Party, arguments: &[String]) -> Child {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    party.command(&arguments).stdout(party.log("out")).stderr(party.log("err")).spawn().unwrap()
}
