//! A network of several processes: the node, four committee members and every party's command, over HTTP. The story is
//! that of `docs/guide/network.md`, with members killed on the way.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use web::demo::truth;

use crate::ports::free_port;

/// How long any step may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(180);
/// People whose records Hospital A certifies, and those of Hospital B.
const PEOPLE: [[&str; 2]; 2] = [["HG00096", "HG00097"], ["HG00099", "HG00100"]];
/// Of those, whoever is older than fifty.
const OLDER: [&str; 2] = ["HG00096", "HG00099"];

/// A server that is killed when the test ends.
pub struct Server {
    process: Child,
    pub url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Server {
    /// SIGTERM, and then an orderly end.
    pub fn stop(mut self) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(self.process.wait().unwrap().success(), "the server did not stop in order");
    }

    /// SIGKILL: no chance to tidy up.
    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Another process that has a wallet open.
fn lock(path: &Path) -> fs::File {
    let file = fs::File::open(path).unwrap();
    file.try_lock().unwrap();
    file
}

fn in_use(error: &str) -> bool {
    error.contains("open in another process")
}

/// An agent that watches for queries, and what it printed.
pub struct Watch {
    process: Child,
    lines: mpsc::Receiver<Value>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Watch {
    pub fn start(place: &Place, members: &str, more: &[&str]) -> Self {
        let wallets = ["--wallets", "wallets", "--custodian", "custodian.key", "--members", members, "--delay", "1"];
        let watch = [&["agent", "watch"], wallets.as_slice(), more].concat();
        let mut process = place.command(&watch).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let (tell, lines) = mpsc::channel();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        thread::spawn(move || {
            for line in stdout.lines() {
                drop(tell.send(serde_json::from_str(&line.unwrap()).unwrap()));
            }
        });
        Self { process, lines }
    }

    /// Waits for a line of this kind.
    pub fn until(&self, wanted: impl Fn(&Value) -> bool) {
        while !wanted(&self.lines.recv_timeout(PATIENCE).unwrap()) {}
    }

    /// SIGTERM, and then an orderly end.
    pub fn stop(mut self) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(self.process.wait().unwrap().success(), "the agent did not stop in order");
    }
}

/// One folder in which everybody works, the node's address once it runs, and what commands are started through.
pub struct Place {
    folder: tempfile::TempDir,
    pub url: Option<String>,
    pub through: Vec<String>,
}

impl Place {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), url: None, through: Vec::new() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, value: &Value) {
        fs::write(self.path(name), value.to_string()).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.plain();
        command.arg("--json").args(arguments);
        command
    }

    /// The program at this place, without arguments.
    fn plain(&self) -> Command {
        let program = [self.through.as_slice(), &[env!("CARGO_BIN_EXE_locus").to_owned()]].concat();
        let mut command = Command::new(&program[0]);
        command
            .args(&program[1..])
            .current_dir(self.folder.path())
            .env("LOCUS_PASSPHRASE", "three random words")
            .env_remove("LOCUS_DATA_DIR");
        match &self.url {
            Some(url) => command.env("LOCUS_URL", url),
            None => command.env_remove("LOCUS_URL"),
        };
        command
    }

    /// Runs a command that succeeds and prints exactly one JSON object.
    pub fn locus(&self, arguments: &[&str]) -> Value {
        let value = self.printed(arguments);
        assert!(value.is_object(), "{arguments:?} printed {value}");
        value
    }

    /// Runs a command that succeeds and prints JSON, such as a list.
    pub fn printed(&self, arguments: &[&str]) -> Value {
        let output = self.command(arguments).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs a command that succeeds, and returns what people read.
    pub fn said(&self, arguments: &[&str]) -> String {
        let output = self.plain().args(arguments).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that is refused, and returns what it says.
    pub fn refused(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).stdin(Stdio::null()).output().unwrap();
        assert!(!output.status.success(), "{arguments:?} was not refused");
        let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(printed.as_object().unwrap().len(), 1, "{arguments:?} printed more than an error: {printed}");
        text(&printed["error"])
    }

    pub fn serve(&self, arguments: &[&str]) -> Server {
        let mut process = self.command(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        Server { process, url: said["url"].as_str().unwrap().to_owned() }
    }

    pub fn member(&self, index: usize) -> Server {
        let (key, store) = (format!(".locus/keys/member-{index}.key"), format!("member-{index}"));
        self.serve(&["committee", "serve", "--key", &key, "--store", &store])
    }

    /// Asks again until the answer is the one waited for.
    pub fn until(&self, arguments: &[&str], done: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        loop {
            let value = self.locus(arguments);
            if done(&value) {
                return value;
            }
            assert!(started.elapsed() < PATIENCE, "{arguments:?} still says {value}");
            thread::sleep(Duration::from_millis(200));
        }
    }
}

pub fn demo_file(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    root.join("tests/data/demo").join(name).to_str().unwrap().to_owned()
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

pub fn new_key(place: &Place, role: &str, name: &str) -> String {
    text(&place.locus(&["keys", "new", role, &format!("{name}.key")])["account"])
}

/// Schema, two hospitals and their people's records, which count once the epoch has passed. Returns the schema.
pub fn certify(place: &Place) -> String {
    certify_under(
        place,
        &json!({ "purposes": ["health-research"], "days": 365, "price_min": 500, "cohort_min": 2, "exact": true }),
    )
}

/// The same under a consent.
pub fn certify_under(place: &Place, consent: &Value) -> String {
    let (genomes, attributes) = (demo_file("genomes.vcf"), demo_file("attributes.json"));
    let derive = ["schema", "derive", "Genomes", "--vcf", &genomes, "--attributes", &attributes];
    place.locus(&[&derive[..], &["--build", "GRCh37", "--out", "schema"]].concat());
    let schema = text(&place.locus(&["schema", "register", "schema", "--key", "hospital-a.key"])["id"]);
    place.write("consent.json", consent);
    let table = demo_file("attributes.csv");
    for (hospital, people) in ["hospital-a.key", "hospital-b.key"].into_iter().zip(PEOPLE) {
        let people = people.join(",");
        let whom = ["--vcf", &genomes, "--attributes", &table, "--people", &people, "--schema", &schema];
        let how =
            ["--key", hospital, "--consent", "consent.json", "--wallets", "wallets", "--custodian", "custodian.key"];
        let certified = place.locus(&[&["record", "certify"][..], &whom, &how].concat());
        assert_eq!(certified["registered"].as_array().unwrap().len(), 2);
    }
    place.locus(&["ledger", "next-epoch"]);
    schema
}

/// What the plaintext says of people of fifty and more.
fn older() -> Vec<truth::VariantTruth> {
    truth::count_file(Path::new(&demo_file("genomes.vcf")), &OLDER.map(str::to_owned)).unwrap()
}

/// The slots that [`ask`] asks for, from the plaintext.
pub fn true_slots() -> Value {
    older().iter().take(128).flat_map(|variant| [variant.het, variant.hom_alt, variant.called]).collect()
}

/// A network of this name: a node, a committee of four with its key, two hospitals, a custodian and a researcher.
pub fn consortium(place: &mut Place, name: &str) -> (Server, Vec<Server>) {
    let researcher = new_key(place, "researcher", "researcher");
    let hospitals = [new_key(place, "issuer", "hospital-a"), new_key(place, "issuer", "hospital-b")];
    new_key(place, "custodian", "custodian");
    let init = ["network", "init", name, "--balance", &format!("{researcher}=1000000")];
    let quick = ["--epoch-blocks", "8", "--exact-floor", "2", "--early-sealing", "--block-seconds", "0"];
    place.locus(&[&init[..], &quick].concat());
    let address = format!("127.0.0.1:{}", free_port());
    let node = place.serve(&["serve", "--listen", &address, "--heartbeat", "1"]);
    place.url = Some(node.url.clone());
    let members: Vec<Server> = (0..4).map(|index| place.member(index)).collect();
    for (hospital, called) in hospitals.iter().zip(["Hospital A", "Hospital B"]) {
        place.locus(&["govern", "accredit-issuer", hospital, "--name", called]);
    }
    place.locus(&["govern", "accredit-researcher", &researcher, "--name", "Researcher"]);
    place.until(&["committee", "show"], |shown| shown["committee"]["stage"]["stage"] == "active");
    (node, members)
}

/// What the agents of everybody would do, foreseen where there is neither a proving key nor a member to ask.
fn foreseen_without_means(place: &Place) -> Vec<String> {
    let [key, away] = [".locus/proving.key", "away.key"].map(|name| place.path(name));
    fs::rename(&key, &away).unwrap();
    let foreseen = place.locus(&["agent", "dry-run", "--wallets", "wallets", "--custodian", "custodian.key"]);
    fs::rename(&away, &key).unwrap();
    foreseen["answers"].as_array().unwrap().iter().map(|answer| text(&answer["outlook"])).collect()
}

/// A query is shown with what it asks and under which terms, each on a line of its own.
fn shown_in_words(place: &Place, query: &str) {
    let said = place.said(&["query", "show", query]);
    let line = |head: &str| said.lines().find_map(|line| line.strip_prefix(&format!("{head:<15}")));
    assert_eq!(line("query"), Some(query), "{said}");
    assert_eq!(line("stage"), Some("collecting"), "{said}");
    assert_eq!(line("asks"), Some("age 50 to 120"), "{said}");
    assert!(line("measures").is_some_and(|says| says.starts_with("Genotype counts of 128 variants")), "{said}");
    assert_eq!(line("purpose"), Some("Health, medical or biomedical research"), "{said}");
    assert_eq!(line("from"), Some("only owners who allow health-research (DUO:0000006)"), "{said}");
    assert_eq!(line("price"), Some("500 for each contribution"), "{said}");
    assert!(line("privacy").is_some_and(|says| says.starts_with("Exact.")), "{said}");
    assert_eq!(line("counts"), None, "nothing is matched: {said}");
}

/// A study and a query for people of fifty and more. Returns the query.
pub fn ask(place: &Place, schema: &str) -> String {
    fs::write(place.path("protocol.md"), "Count alleles of people of fifty and more.").unwrap();
    let study = ["study", "register", "Alleles", "--protocol", "protocol.md", "--ethics", "2026-1"];
    let study = place.locus(&[&study[..], &["--key", "researcher.key"]].concat());
    let mut query = json!({
        "study": study["study"], "schema": schema, "purposes": ["health-research"],
        "criteria": [[{ "attribute": "age", "lo": 50, "hi": 120 }]],
        "privacy": "exact",
        "measures": [{ "statistic": "allele_frequencies", "variants": { "first": 0, "count": 128 } }],
        "price": 500, "contributions_min": 2, "contributions_max": 3, "days": 7
    });
    query["criteria"][0][0]["attribute"] = "shoe size".into();
    place.write("query.json", &query);
    assert!(
        place
            .refused(&["query", "plan", "query.json"])
            .contains("no attribute \"shoe size\"; it has sex, population, superpopulation, age")
    );
    query["criteria"][0][0]["attribute"] = "age".into();
    place.write("query.json", &query);
    let plan = place.locus(&["query", "plan", "query.json"]);
    assert_eq!((&plan["escrow"], &plan["refusal"]), (&json!(1500), &Value::Null), "{plan}");
    query["price"] = 1_000_000.into();
    place.write("dear.json", &query);
    let refusal = text(&place.locus(&["query", "plan", "dear.json"])["refusal"]);
    assert!(refusal.contains("needed") || refusal.contains("needs"), "{refusal}");
    let open = ["query", "open", "query.json", "--key", "researcher.key"];
    assert!(place.refused(&open).contains("--yes"));
    text(&place.locus(&[&open[..], &["--yes"]].concat())["id"])
}

#[test]
fn a_network_of_processes_gives_the_true_counts_though_members_die() {
    let mut place = Place::new();
    let researcher = new_key(&place, "researcher", "researcher");
    let hospitals = [new_key(&place, "issuer", "hospital-a"), new_key(&place, "issuer", "hospital-b")];
    new_key(&place, "custodian", "custodian");
    let balance = format!("{researcher}=1000000");
    let init = ["network", "init", "test network", "--balance", &balance, "--epoch-blocks", "8"];
    let quick = ["--exact-floor", "2", "--early-sealing", "--block-seconds", "0"];
    let founded = place.locus(&[&init[..], &quick].concat());
    let address = format!("127.0.0.1:{}", free_port());
    let node = place.serve(&["serve", "--listen", &address, "--heartbeat", "1"]);
    place.url = Some(node.url.clone());

    let mut members: Vec<Server> = (0..3).map(|index| place.member(index)).collect();
    for (hospital, name) in hospitals.iter().zip(["Hospital A", "Hospital B"]) {
        place.locus(&["govern", "accredit-issuer", hospital, "--name", name]);
    }
    place.locus(&["govern", "accredit-researcher", &researcher, "--name", "Researcher"]);
    let committee = |stage: &'static str| move |value: &Value| value["committee"]["stage"]["stage"] == stage;
    assert!(!committee("active")(&place.locus(&["committee", "show"])), "a key needs every member");
    members.push(place.member(3));
    place.until(&["committee", "show"], committee("active"));

    let schema = certify(&place);
    let urls = members.iter().map(|member| member.url.clone()).collect::<Vec<_>>().join(",");
    let agent = Watch::start(&place, &urls, &[]);
    // The node comes back at its address: whoever watches goes on.
    node.kill();
    place.url = None;
    let node = place.serve(&["serve", "--listen", &address, "--heartbeat", "1"]);
    place.url = Some(node.url.clone());
    let wallet = lock(&place.path("wallets/HG00096.wallet.lock"));
    let query = ask(&place, &schema);
    shown_in_words(&place, &query);
    agent.until(|line| line["wallet"] == "wallets/HG00096.wallet" && line["error"].as_str().is_some_and(in_use));
    drop(wallet);
    agent.until(|line| line["wallet"] == "wallets/HG00096.wallet" && line["outcome"] == "admitted");
    agent.stop();

    // One member is gone when the others are asked once more.
    members.pop().unwrap().kill();
    let urls = members.iter().rev().map(|member| member.url.clone()).collect::<Vec<_>>().join(",");
    let urls = format!("{urls},http://127.0.0.1:1");
    let run = ["--wallets", "wallets", "--custodian", "custodian.key", "--members", &urls];
    let foreseen = foreseen_without_means(&place);
    let answered = place.locus(&[&["agent", "run"][..], &run].concat());
    let outcomes: Vec<String> =
        answered["answers"].as_array().unwrap().iter().map(|answer| text(&answer["outcome"])).collect();
    assert_eq!(outcomes, ["already_admitted", "declined", "already_admitted", "declined"]);
    assert_eq!(foreseen, ["answered", "decline", "answered", "decline"]);

    // It comes back without the ciphertexts, and another goes: now its components are needed.
    members.push(place.member(3));
    members.remove(0).kill();
    let urls = members.iter().map(|member| member.url.clone()).collect::<Vec<_>>().join(",");
    let only = ["agent", "run", "--wallets", "wallets", "--custodian", "custodian.key", "--members", &members[0].url];
    assert!(place.refused(&only).contains("3 members of the committee must answer"));
    assert!(place.refused(&only[..6]).contains("--members-file"));
    place.locus(&["query", "seal", &query, "--key", "researcher.key"]);
    place.locus(&["aggregate", &query, "--members", &urls, "--key", "researcher.key"]);
    place.until(&["query", "show", &query], |shown| shown["state"]["status"]["stage"] == "released");
    sums_that_the_store_lost_are_made_again(
        &place,
        &["aggregate", &query, "--members", &urls, "--key", "researcher.key"],
    );

    let result = place.locus(&["result", &query, "--key", "researcher.key", "--receipt", "receipt.json"]);
    assert_eq!(result["slots"][0], true_slots());
    let variants = result["analyses"][0]["groups"][0]["variants"].as_array().unwrap();
    assert_eq!((variants.len(), &variants[0]["variant"]["pos"]), (128, &json!(older()[0].pos)));

    // 1,000,000 less the fee and two contributions; the rest of the escrow is back.
    let account = place.locus(&["account", "show", &researcher]);
    assert_eq!(account["balance"], 998_900);
    consent_is_shown_without_its_salt(&place);
    let head = place.locus(&["ledger", "replay"]);
    assert!(head["state"].is_string());
    a_node_of_another_chain_is_refused(&place);
    drop((members, node));
    assert!(place.refused(&["ledger", "head"]).contains("check the address"));
    place.url = None;
    let verified = place.locus(&["verify", "receipt.json", "--chain", &text(&founded["chain"])]);
    assert_eq!(verified["records"], 2);
}

/// Without them no result could be read.
fn sums_that_the_store_lost_are_made_again(place: &Place, aggregate: &[&str]) {
    assert!(place.refused(aggregate).contains("its aggregate is on the ledger already"));
    fs::remove_dir_all(place.path(".locus/objects/aggregate")).unwrap();
    let restored = place.locus(aggregate);
    assert_eq!((&restored["query"], restored["sums"].as_u64()), (&json!(aggregate[1]), Some(1)), "{restored}");
    assert!(place.refused(aggregate).contains("its aggregate is on the ledger already"));
}

/// The salt hides the terms in the ledger's commitment; printed, it would open them to whoever reads the terminal.
fn consent_is_shown_without_its_salt(place: &Place) {
    let shown = place.locus(&["consent", "show", "wallets/HG00096.wallet", "--custodian", "custodian.key"]);
    assert!(shown.get("salt").is_none(), "{shown}");
    assert_eq!(shown["purposes"], json!(["health-research"]));
    let last_day = shown["last_day"].as_str().unwrap();
    assert_eq!((last_day.len(), shown["expiry"].is_u64()), ("2027-01-01".len(), true), "{shown}");
}

/// A data directory with a genesis trusts no other chain, and a demo's opens no encrypted file.
fn a_node_of_another_chain_is_refused(place: &Place) {
    let mut genesis: Value = serde_json::from_slice(&fs::read(place.path(".locus/genesis.json")).unwrap()).unwrap();
    genesis["network"] = "demo".into();
    fs::create_dir(place.path("other")).unwrap();
    place.write("other/genesis.json", &genesis);
    assert!(place.refused(&["--data-dir", "other", "ledger", "head"]).contains("chain"));
    let opened = place.refused(&["--data-dir", "other", "keys", "show", "researcher.key"]);
    assert!(opened.contains("not an unencrypted demo file"), "{opened}");
}

/// Runs the demo with its committee in processes; `during` sees the folder in which it plays while it runs.
fn demo(arguments: &[&str], during: impl Fn(&Path)) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_locus"));
    command.args(["--json", "--data-dir"]).arg(folder.path()).args(["demo", "--processes"]).args(arguments);
    let process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    during(&folder.path().join("demo.unfinished"));
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_committee_of_processes_gives_the_truth() {
    let report = demo(&["--people", "3"], |_| ());
    assert_eq!(report["matches"], true);
    assert_eq!(report["admitted"], 3);
}

/// Kills the process of a folder once a member keeps a ciphertext.
#[cfg(target_os = "linux")]
fn kill_during_contribution(folder: &Path, process: &str) {
    let (ciphertexts, started) = (folder.join("committee/3/epochs/0/ciphertexts"), Instant::now());
    while !fs::read_dir(&ciphertexts).is_ok_and(|mut entries| entries.next().is_some()) {
        assert!(started.elapsed() < PATIENCE, "no ciphertext came");
        thread::sleep(Duration::from_millis(10));
    }
    let pid = fs::read_to_string(folder.join(process).join("pid")).unwrap();
    assert!(Command::new("kill").args(["-KILL", pid.trim()]).status().unwrap().success());
}

#[cfg(target_os = "linux")]
#[test]
fn a_member_process_killed_during_contribution_does_not_stop_the_release() {
    let report = demo(&["--people", "3"], |folder| kill_during_contribution(folder, "committee/3"));
    assert_eq!(report["matches"], true);
    assert_eq!(report["admitted"], 3);
}

#[cfg(target_os = "linux")]
#[test]
fn a_validator_process_killed_during_contribution_does_not_stop_the_job() {
    let people = ["--people", "3", "--validators", "4"];
    let report = demo(&people, |folder| kill_during_contribution(folder, "validators/2"));
    assert_eq!(report["matches"], true);
    assert_eq!(report["admitted"], 3);
}
