//! `locus` on a PostgreSQL: a node that serves from it, is killed and goes on, and whose index is made again.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use circuits::id::ChainId;
use market::{database::Database, index::Index};
use serde_json::Value;

use crate::{
    api::{
        index::rows,
        server::{agent, answer},
    },
    postgres::{Backend, PASSWORD},
};

/// How long any step may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);
const VARIABLE: &str = "LOCUS_DATABASE_URL";

fn command(folder: &Path, address: Option<&str>, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_locus"));
    command.current_dir(folder).args(arguments).stdin(Stdio::null()).env("LOCUS_PASSPHRASE", "three random words");
    for variable in ["LOCUS_URL", "LOCUS_DATA_DIR", VARIABLE] {
        command.env_remove(variable);
    }
    command.envs(address.map(|address| (VARIABLE, address)));
    command
}

fn run(folder: &Path, address: Option<&str>, arguments: &[&str]) -> Output {
    command(folder, address, arguments).output().unwrap()
}

#[track_caller]
fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A node that is killed when the test ends.
struct Node {
    process: Child,
    url: String,
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Node {
    fn start(folder: &Path, address: &str) -> Self {
        let arguments = ["--json", "serve", "--listen", "127.0.0.1:0", "--heartbeat", "1"];
        let log = folder.join("node.log");
        let mut command = command(folder, Some(address), &arguments);
        let mut process = command.stdout(Stdio::piped()).stderr(File::create(&log).unwrap()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let why = || fs::read_to_string(&log).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("the node said {line:?}: {}", why()));
        Self { process, url: said["url"].as_str().unwrap().into() }
    }

    fn get(&self, path: &str) -> Value {
        answer(agent().get(format!("{}{path}", self.url)).call()).json()
    }

    /// Waits until its index has so many blocks.
    fn until_indexed(&self, height: u64) {
        let started = Instant::now();
        while self.get("/health")["index"].as_u64().unwrap() < height {
            assert!(started.elapsed() < PATIENCE, "the index does not follow: {}", self.get("/health"));
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// SIGTERM, and then an orderly end.
    fn stop(mut self) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(self.process.wait().unwrap().success(), "the node did not stop in order");
    }
}

#[test]
fn a_node_on_postgres_is_killed_goes_on_and_its_index_is_made_again() {
    let (folder, database) = (tempfile::tempdir().unwrap(), Backend::Postgres.database());
    let (folder, address) = (folder.path(), Some(database.address.as_str()));
    json(&run(folder, None, &["--json", "network", "init", "ours"]));
    let node = Node::start(folder, &database.address);
    node.until_indexed(2);
    drop(node);
    let node = Node::start(folder, &database.address);
    let height = node.get("/v1/head")["height"].as_u64().unwrap();
    node.until_indexed(height + 2);
    let counted = json(&run(folder, None, &["--json", "--url", &node.url, "jobs", "list"]));
    for counted in [counted, node.get("/v1/jobs")] {
        let counts = counted["counts"].as_array().unwrap();
        assert_eq!(counts.len(), 1, "{counted}");
        assert_eq!((&counts[0]["kind"], &counts[0]["count"]), (&Value::from("follow-index"), &Value::from(1)));
    }
    let chain: ChainId = node.get("/health")["chain"].as_str().unwrap().parse().unwrap();
    node.stop();
    // A block may have come after the index was brought up for the last time.
    json(&run(folder, address, &["--json", "index", "reconcile"]));
    let index = Index::open(Database::open(&database.url()).unwrap(), chain).unwrap();
    let before = rows(&index);
    let rebuilt = json(&run(folder, address, &["--json", "index", "rebuild"]));
    assert_eq!(rebuilt["height"], index.position().unwrap().height.get());
    assert!(rebuilt["height"].as_u64().unwrap() >= height + 2);
    assert_eq!(rows(&index), before);
    let listed = json(&run(folder, address, &["--json", "jobs", "list"]));
    assert_eq!(listed["items"][0]["key"], "ledger");
    assert!(!folder.join(".locus/locus.sqlite").exists());
    let refused = run(folder, address, &["jobs", "retry", "999"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("locus jobs list"));
    assert_eq!(json(&run(folder, address, &["--json", "jobs", "retry", "--all"]))["retried"], 0);
}

#[test]
fn no_command_says_the_databases_password() {
    let folder = tempfile::tempdir().unwrap();
    let host = folder.path().to_str().unwrap().replace('/', "%2F");
    let nowhere = format!("postgres://locus:{PASSWORD}@/db?host={host}");
    let malformed = format!("postgres://locus:{PASSWORD}@x@/db");
    let cases: [(&[&str], Option<&str>); 6] = [
        (&["jobs", "list"], Some(&nowhere)),
        (&["jobs", "list"], Some(&malformed)),
        (&["--json", "jobs", "list", "--database", &nowhere], None),
        (&["jobs", "list", "--database", &malformed], None),
        (&["serve", "--help"], Some(&nowhere)),
        (&["jobs", "list", "--database"], Some(&nowhere)),
    ];
    for (arguments, address) in cases {
        let output = run(folder.path(), address, arguments);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(said.len() > 20 && !said.contains(PASSWORD), "{arguments:?}: {said}");
    }
}
