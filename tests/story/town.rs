//! Who takes part: each party works in a folder of its own, with its own passphrase, and reaches the others over HTTP.

use std::{
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// How long any step may take on a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(300);
/// Time for each person of a step beyond that.
const TIME_PER_PERSON: Duration = Duration::from_secs(10);
/// By then the block is made that a node which came back began before.
const SETTLE_TIME: Duration = Duration::from_secs(2);
/// Letters of an answer that a failure shows.
const SHOWN_MAX: usize = 600;
/// Everything our own crates log. A planted text that they know is found in it if they ever say it.
const LOGGED: &str = "warn,web=trace,locus=trace,market=trace,node=trace,circuits=trace";
/// Variables that decide what a command works on; each party has its own or none.
const VARIABLES: [&str; 5] = ["LOCUS_URL", "LOCUS_DATA_DIR", "LOCUS_DATABASE_URL", "LOCUS_OBJECTS", "LOCUS_PASSPHRASE"];

/// One party's place.
pub struct Party {
    pub name: String,
    pub folder: PathBuf,
    pub passphrase: String,
    logs: PathBuf,
    environment: Vec<(String, String)>,
}

impl Party {
    pub fn new(town: &Path, name: &str) -> Self {
        let folder = town.join(name);
        let logs = town.join("logs");
        fs::create_dir_all(&folder).unwrap();
        fs::create_dir_all(&logs).unwrap();
        let passphrase = format!("grackle lantern {name} sextant");
        Self { name: name.into(), folder, passphrase, logs, environment: vec![] }
    }

    /// The same with a variable in the environment of each of its processes.
    pub fn with(mut self, variable: &str, value: impl Into<String>) -> Self {
        self.environment.push((variable.into(), value.into()));
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_locus"));
        for variable in VARIABLES {
            command.env_remove(variable);
        }
        command.current_dir(&self.folder).env("LOCUS_PASSPHRASE", &self.passphrase).env("RUST_LOG", LOGGED);
        command.envs(self.environment.iter().map(|(variable, value)| (variable, value)));
        command.stdin(Stdio::null()).arg("--json").args(arguments);
        command
    }

    /// A file of this party's that its processes append to.
    pub fn log(&self, kind: &str) -> File {
        let path = self.logs.join(format!("{}.{kind}", self.name));
        File::options().create(true).append(true).open(path).unwrap()
    }

    /// Runs a command: what it printed, or why it failed.
    pub fn try_run(&self, arguments: &[&str]) -> Result<Value, String> {
        let mut process = self.command(arguments).stdout(Stdio::piped()).stderr(self.log("err")).spawn().unwrap();
        let mut printed = vec![];
        process.stdout.take().unwrap().read_to_end(&mut printed).unwrap();
        let succeeded = process.wait().unwrap().success();
        let text = String::from_utf8_lossy(&printed).into_owned();
        if !succeeded {
            return Err(text);
        }
        serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))
    }

    /// Runs a command that succeeds.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Value {
        self.try_run(arguments).unwrap_or_else(|why| panic!("{}: {arguments:?}: {why}", self.name))
    }

    /// Asks again until the answer is the one waited for. Servers may be away meanwhile.
    #[track_caller]
    pub fn until(&self, arguments: &[&str], done: impl Fn(&Value) -> bool) -> Value {
        self.until_within(PATIENCE, arguments, done)
    }

    /// The same within a time.
    #[track_caller]
    pub fn until_within(&self, time_max: Duration, arguments: &[&str], done: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        loop {
            let answer = self.try_run(arguments);
            match answer {
                Ok(value) if done(&value) => return value,
                answer => assert!(started.elapsed() < time_max, "{}: {arguments:?}: {}", self.name, short(answer)),
            }
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Gives a command that signs one action with a key until the ledger has that action, once. Where the answer is lost, the
    /// number of the account's next action tells whether it has.
    #[track_caller]
    pub fn sign_once(&self, key: &str, arguments: &[&str]) {
        let account = text(&self.run(&["keys", "show", key])["account"]);
        let number = || self.until(&["account", "show", &account], |_| true)["nonce"].as_u64().unwrap();
        let (started, before) = (Instant::now(), number());
        while let Err(why) = self.try_run(arguments) {
            assert!(started.elapsed() < PATIENCE, "{}: {arguments:?}: {}", self.name, short(why));
            // The first answer says that the node is back.
            number();
            thread::sleep(SETTLE_TIME);
            if number() > before {
                return;
            }
        }
    }

    /// Makes a key and returns its account.
    pub fn new_key(&self, role: &str) -> String {
        text(&self.run(&["keys", "new", role, &format!("{role}.key")])["account"])
    }

    /// Takes over what the founder publishes.
    pub fn join(&self, founder: &Self, files: &[&str]) {
        fs::create_dir_all(self.path(".locus")).unwrap();
        for file in files {
            fs::copy(founder.path(".locus").join(file), self.path(".locus").join(file)).unwrap();
        }
    }
}

/// How long a step may take that does something for each of so many people.
pub fn patience(people: usize) -> Duration {
    PATIENCE + TIME_PER_PERSON * u32::try_from(people).unwrap()
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// The beginning of what a failure shows.
fn short(text: impl std::fmt::Debug) -> String {
    format!("{text:?}").chars().take(SHOWN_MAX).collect()
}

impl Party {
    /// The end of what its processes logged.
    pub fn last_words(&self) -> String {
        let said = fs::read(self.logs.join(format!("{}.err", self.name))).unwrap_or_default();
        let said = String::from_utf8_lossy(&said).into_owned();
        let lines: Vec<&str> = said.lines().rev().take(12).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}
