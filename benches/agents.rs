//! A hospital's agent over thousands of wallets that one custodian's key protects: how long `locus agent` takes to open each,
//! to settle what it answered and to decide on what is open, and how much memory that takes.
//!
//! Not criterion: one run that prints a table. `LOCUS_AGENTS_WALLETS` (5,000) says how many wallets there are; the ledger has
//! about as many records. All wallets are copies of one person's under other names: what is timed is opening, reading and
//! deciding, and no answer is sent, since each query declines that person by another rule. So nothing is proven either, and
//! proofs on the ledger are a test double. Each pass is the built `locus` as a process of its own, with a node and the
//! committee's members over HTTP in this one, on the same cores. Its seconds are from its start to its end, the custodian's
//! passphrase, the proving key and the ledger's tree included: the pass without wallets has these alone. Its peak memory is
//! what Linux says of it, asked every 10 ms.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "../tests/ledger/life.rs"]
#[allow(dead_code, unreachable_pub, reason = "each binary uses a part of the world")]
mod life;
#[path = "../tests/ledger/world.rs"]
#[allow(dead_code, unreachable_pub, reason = "each binary uses a part of the world")]
mod world;

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use circuits::{
    consent::{ConsentFlags, ConsentTerms, Day, Purposes, Regions},
    criteria::{Clause, Criteria},
    quorum::Quorum,
    record::{ATTRIBUTES, Attributes, Dosage, Genotypes, MISSING},
};
use market::{
    database::{Database, DatabaseUrl},
    index::Index,
    issuer::{self, Certificate, Enrolment, Measurements, receive},
    objects::Objects,
    wallet::{PartyKey, Protection, Role, Wallet},
};
use node::{
    genesis::Committee,
    query::{CohortQuery, DataUse},
    state::StateRead as _,
    transaction::{Action, RegisterRecord},
    units::{SECONDS_PER_DAY, Timestamp},
};
use serde_json::Value;
use web::{
    api::{Metrics, Publishing, Service, StoredBytes, UploadQuota},
    chain::Chain,
    client::{Remote, RemoteCommittee, RemoteLedger},
    member::MemberService,
    serve::{Running, StopOn, serve, serve_member},
    sign_in::SignIn,
    signed_request::Replay,
};
use world::{TODAY, World, account, proving_key, record, schema};

/// Records that are registered in one block; a sender has no more waiting.
const RECORDS_PER_BLOCK: u64 = 100;
/// What opens the custodian's key file.
const PASSPHRASE: &str = "of the bench";
/// How often a pass is asked for its peak memory.
const POLL_TIME: Duration = Duration::from_millis(10);
/// The person's age.
const AGE: u32 = 44;

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
}

fn clock() -> Timestamp {
    Timestamp::new(u64::from(TODAY + 1) * SECONDS_PER_DAY)
}

/// A person whose record the ledger has, and who takes it from there.
struct Enrolled {
    wallet: Wallet,
    enrolment: Enrolment,
    measured: Measurements,
    certificate: Certificate,
}

/// Registers the person's record, for general research in one region.
fn enrol(world: &mut World, path: &Path, protection: Protection) -> Enrolled {
    let rng = &mut rand::rng();
    let mut wallet = Wallet::create(path, protection, world.ledger().chain(), "Ada", rng).unwrap();
    let terms = ConsentTerms {
        salt: ConsentTerms::random_salt(rng),
        purposes: Purposes::NOTHING_REQUIRED.union(Purposes::GENERAL_RESEARCH),
        disease: 0,
        regions: Regions(1),
        expiry: Day(TODAY + 3_000),
        price_min: 1,
        epsilon_milli_max: 10_000,
        cohort_min: 1,
        flags: ConsentFlags::EXACT,
    };
    let enrolment = wallet.enrol(terms, None, rng).unwrap();
    let mut attributes = [MISSING; ATTRIBUTES];
    (attributes[0], attributes[1]) = (AGE, 3);
    let genotypes = Genotypes::new(&[Dosage::Het; 2_000]).unwrap();
    let measured = Measurements { schema: schema().id().unwrap(), attributes: Attributes::new(attributes), genotypes };
    let issuer = account("issuer 0");
    let body = issuer::body(issuer, &measured, &enrolment).unwrap();
    let Enrolment { owner, consent, replaces, .. } = enrolment;
    world.act("issuer 0", Action::RegisterRecord(RegisterRecord { body, consent, owner, replaces })).unwrap();
    world.block();
    let leaf = world.ledger().snapshot().unwrap().body(body).unwrap().unwrap();
    Enrolled { wallet, enrolment, measured, certificate: Certificate { issuer, body, leaf } }
}

/// Queries that collect and that the person declines: for their age, for what they are for, and for where.
fn declined(world: &World) -> [CohortQuery; 3] {
    let mut usual = world.query();
    usual.closing.0 += 20;
    let older = Clause { attribute: 0, lo: AGE + 1, hi: 120, negated: false };
    let for_methods = DataUse { purposes: Purposes::METHODS, ..usual.data_use };
    let elsewhere = DataUse { regions: Regions(0b10), ..usual.data_use };
    [
        CohortQuery { criteria: Criteria { groups: vec![vec![older]] }, ..usual.clone() },
        CohortQuery { data_use: for_methods, ..usual.clone() },
        CohortQuery { data_use: elsewhere, ..usual },
    ]
}

/// A chain with about so many records, one of them in a wallet, and with the queries; how many these are.
fn fill(records: u64, wallet: &Path, protection: Protection) -> (World, Enrolled, usize) {
    let mut world = World::ready(Quorum::DEFAULT);
    let enrolled = enrol(&mut world, wallet, protection);
    for number in 5..records {
        world.act(["issuer 0", "issuer 1"][number as usize % 2], Action::RegisterRecord(record(number))).unwrap();
        if number % RECORDS_PER_BLOCK == 0 {
            world.block();
        }
    }
    world.block();
    world.pass_epoch();
    let queries = declined(&world);
    let count = queries.len();
    for query in queries {
        world.open(query).unwrap();
    }
    (world, enrolled, count)
}

fn serve_world(world: World, folder: &Path) -> Running {
    let chain = Arc::new(Chain::with_clock(Arc::clone(world.sequencer.mempool()), clock));
    let id = chain.ledger().chain();
    let database = Database::open(&DatabaseUrl::file(&folder.join("locus.sqlite")).unwrap()).unwrap();
    let index = Arc::new(Index::open(database, id).unwrap());
    index.follow(chain.ledger()).unwrap();
    let service = Service {
        publishing: Publishing::nothing(id),
        chain,
        blobs: Arc::new(Objects::directory(&folder.join("blobs")).unwrap()),
        index,
        others: Arc::default(),
        quota: Arc::new(UploadQuota::new(1 << 30, StoredBytes::default())),
        metrics: Metrics::default(),
        engine: None,
        custody: None,
        replay: Replay::new(Timestamp::new(0)),
        sign_in: SignIn::default(),
    };
    serve(service, "127.0.0.1:0", StopOn::Request).unwrap()
}

/// The committee's members, who answer that they are there: nobody sends them anything.
fn serve_members(committee: &Committee) -> Vec<Running> {
    let service = |account| MemberService { member: account, committee: Arc::new(RemoteCommittee::default()) };
    let serve = |account| serve_member(service(account), "127.0.0.1:0", StopOn::Request).unwrap();
    committee.members.iter().map(|member| serve(member.account)).collect()
}

/// Copies a wallet so often, under other names.
fn copy(wallet: &Path, folder: &Path, count: u64) {
    fs::create_dir(folder).unwrap();
    for number in 0..count {
        fs::copy(wallet, folder.join(format!("{number:06}.wallet"))).unwrap();
    }
}

/// What a pass took, and what it said of each wallet and query.
struct Pass {
    seconds: f64,
    peak_mib: u64,
    answers: Vec<Value>,
}

/// Where a hospital's agent works.
struct Hospital {
    folder: PathBuf,
    /// The node and the members, while they are served.
    node: Running,
    members: Vec<Running>,
}

impl Hospital {
    /// Runs the agent once over a folder of wallets. `run` is told the committee's members.
    fn pass(&self, what: &str, wallets: &Path) -> Pass {
        let at = |name: &str| self.folder.join(name);
        let mut command = Command::new(env!("CARGO_BIN_EXE_locus"));
        command.args(["--json", "--url", &self.node.url(), "--data-dir"]).arg(at("home"));
        command.args(["agent", what, "--wallets"]).arg(wallets).arg("--custodian").arg(at("custodian.key"));
        if what == "run" {
            let members: Vec<_> = self.members.iter().map(Running::url).collect();
            command.args(["--members", &members.join(",")]);
        }
        command.env("LOCUS_PASSPHRASE", PASSPHRASE).env_remove("LOCUS_OBJECTS");
        command.stdin(Stdio::null()).stdout(File::create(at("printed")).unwrap());
        let started = Instant::now();
        let mut process = command.spawn().unwrap();
        let mut peak_mib = 0;
        let status = loop {
            peak_mib = peak_mib.max(peak_of(process.id()).unwrap_or_default());
            if let Some(status) = process.try_wait().unwrap() {
                break status;
            }
            thread::sleep(POLL_TIME);
        };
        let seconds = started.elapsed().as_secs_f64();
        let printed = fs::read_to_string(at("printed")).unwrap();
        assert!(status.success(), "agent {what}: {status}: {printed}");
        let mut printed: Value = serde_json::from_str(&printed).unwrap();
        let Value::Array(answers) = printed["answers"].take() else { panic!("agent {what} printed no answers") };
        Pass { seconds, peak_mib, answers }
    }
}

/// The peak of a process's resident memory, in MiB, while it runs.
fn peak_of(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1_024)
}

/// Makes the network, the custodian's key and the wallets; and how many queries there are.
fn found(folder: &Path, count: u64) -> (Hospital, usize) {
    let custodian = PartyKey::random(Role::Custodian, &mut rand::rng());
    let passphrase = Protection::passphrase(PASSPHRASE).unwrap();
    custodian.create(&folder.join("custodian.key"), &passphrase).unwrap();
    let first = folder.join("ada.wallet");
    let (world, enrolled, queries) = fill(count, &first, Protection::StorageKey(custodian.storage_key()));
    let committee = world.ledger().genesis().committee.clone();
    let (node, members) = (serve_world(world, folder), serve_members(&committee));
    let ledger = RemoteLedger::connect(Remote::new(&node.url()).unwrap()).unwrap();
    let Enrolled { mut wallet, enrolment, measured, certificate } = enrolled;
    receive(&ledger, &mut wallet, &enrolment, measured, &certificate).unwrap();
    drop(wallet);
    copy(&first, &folder.join("wallets"), count);
    copy(&first, &folder.join("none"), 0);
    fs::create_dir(folder.join("home")).unwrap();
    fs::write(folder.join("home/proving.key"), proving_key().to_bytes().unwrap()).unwrap();
    println!("{count} wallets of {} bytes each, {queries} queries", fs::metadata(&first).unwrap().len());
    (Hospital { folder: folder.into(), node, members }, queries)
}

/// The reasons that answers name; each declines.
fn reasons(answers: &[Value]) -> BTreeSet<String> {
    let of = |answer: &Value| {
        let reasons = answer["reasons"].as_array().filter(|reasons| !reasons.is_empty());
        reasons
            .unwrap_or_else(|| panic!("this is not declined: {answer}"))
            .iter()
            .map(Value::to_string)
            .collect::<Vec<_>>()
    };
    answers.iter().flat_map(of).collect()
}

fn main() {
    let count = number("LOCUS_AGENTS_WALLETS", 5_000);
    let folder = tempfile::tempdir().unwrap();
    let (hospital, queries) = found(folder.path(), count);
    println!("load {}", fs::read_to_string("/proc/loadavg").unwrap().trim());
    println!("{:<22} {:>8} {:>9} {:>12} {:>9}", "pass", "wallets", "seconds", "ms a wallet", "peak MiB");
    let [none, all] = ["none", "wallets"].map(|name| folder.path().join(name));
    let mut said = BTreeSet::new();
    for (name, what, wallets, count) in [
        ("dry-run, no wallet", "dry-run", &none, 0),
        ("dry-run", "dry-run", &all, count),
        ("dry-run, once more", "dry-run", &all, count),
        ("run", "run", &all, count),
    ] {
        let Pass { seconds, peak_mib, answers } = hospital.pass(what, wallets);
        assert_eq!(answers.len() as u64, count * queries as u64, "{name}");
        said.extend(reasons(&answers));
        let each = if count == 0 { "–".into() } else { format!("{:.2}", seconds * 1e3 / count as f64) };
        println!("{name:<22} {count:>8} {seconds:>9.2} {each:>12} {peak_mib:>9}");
    }
    assert_eq!(said.len(), queries, "each query is declined for a reason of its own: {said:?}");
    said.iter().for_each(|reason| println!("declined: {reason}"));
}
