//! A node process under load: many clients list and submit for a while, others send hostile bodies meanwhile.
//!
//! Before the clock starts a researcher registers studies and opens queries and screenings, until the first page of each
//! listing is full. The committee's key is made up: nothing is encrypted to it here. What is submitted are transfers.
//!
//! Not criterion: one run that prints what came of it, and fails where less than 99.9 % of the clients' requests succeed,
//! or one gets something else than success or documented back-pressure (503 `busy`), or a hostile body gets success, an
//! internal error, no answer, or one after more than the time that a body may take. `LOCUS_LOAD_CLIENTS` (1,000),
//! `LOCUS_LOAD_SECONDS` (60) and `LOCUS_LOAD_HOSTILE` (32) say how much. Clients and node share this machine's cores.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "../tests/ledger/world.rs"]
#[allow(dead_code, unreachable_pub, reason = "each binary uses a part of the world")]
mod world;

#[path = "load/hostile.rs"]
#[allow(unreachable_pub, reason = "a part of this bench alone")]
mod hostile;

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use circuits::{
    consent::{Day, Purposes, Regions},
    criteria::{Criteria, MatchCriteria},
    id::{ChainId, StudyId},
    layout::Layout,
    privacy::Epsilon,
    quorum::Quorum,
};
use ed25519_dalek::SigningKey;
use hostile::{CONNECT, Told, hostile_requests, misjudged, stranger};
use market::ledger::{LedgerAccess as _, act_all, next_nonce, tip};
use node::{
    genesis::Member,
    query::{CohortQuery, DataUse, PrivacyMode, SealingKey},
    screening::ScreeningQuery,
    signature::account_of,
    transaction::{
        Action, CommitteeCommit, CommitteeConfirm, CommitteeShare, Governance, StudyRegistration, Transaction, Transfer,
    },
    units::{Amount, CommitteeEpoch},
};
use serde_json::Value;
use web::client::{Remote, RemoteLedger};
use world::{account, digest, key, member_name, polynomial, schema};

/// What there is to list.
const STUDIES: usize = 200;
const QUERIES: usize = 100;
const SCREENINGS: usize = 100;
/// Of it, as many come at once, for some blocks to list.
const AT_ONCE: usize = 10;
/// By then the index lists it.
const INDEX_TIME_MAX: Duration = Duration::from_secs(60);
/// Of so many requests of a client, one is a submission.
const REQUESTS_PER_SUBMISSION: u64 = 5;
/// What is listed, and the rows of a full page.
const LISTINGS: [(&str, usize); 4] = [
    ("/v1/queries?limit=50", 50),
    ("/v1/blocks?limit=20&order=newest", 20),
    ("/v1/studies", 100),
    ("/v1/screenings", 100),
];
/// Of a thousand requests of one kind, as many succeed at least.
const ANSWERED_PER_MILLE_MIN: u64 = 999;
const STACK_BYTES: usize = 256 << 10;
const MEMORY_LOOK: Duration = Duration::from_millis(500);

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
}

/// A sender's key, the same in each run.
fn sender(number: u64) -> SigningKey {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    SigningKey::from_bytes(&bytes)
}

struct Node {
    process: Child,
    address: String,
    chain: ChainId,
    _folder: tempfile::TempDir,
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Node {
    fn start(clients: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let locus = || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_locus"));
            command.current_dir(folder.path()).env("LOCUS_PASSPHRASE", "three random words").stdin(Stdio::null());
            command.env_remove("LOCUS_URL").env_remove("LOCUS_DATA_DIR").arg("--json");
            command
        };
        let accounts = (0..clients).map(|number| account_of(&sender(number))).chain([account("researcher")]);
        let balances = accounts.map(|account| format!("--balance={account}=1000000"));
        let governor = account("governor").to_string();
        let init = ["network", "init", "load", "--block-seconds", "0", "--governor", &governor].map(str::to_owned);
        let members = Quorum::DEFAULT.all_members().map(|index| {
            let path = folder.path().join(format!("member-{index}.json"));
            let sealing = SealingKey::new(vec![index.get(); 32]);
            let member = Member { account: account(&member_name(index.get())), sealing };
            fs::write(&path, serde_json::to_vec(&member).unwrap()).unwrap();
            format!("--member={}", path.display())
        });
        let founded = locus().args(init.into_iter().chain(members).chain(balances)).output().unwrap();
        assert!(founded.status.success(), "{}", String::from_utf8_lossy(&founded.stderr));
        let founded: Value = serde_json::from_slice(&founded.stdout).unwrap();
        let chain = founded["chain"].as_str().unwrap().parse().unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let mut serve = locus();
        serve.args(["serve", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).stderr(log);
        let mut process = serve.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        let address = said["url"].as_str().unwrap().trim_start_matches("http://").to_owned();
        Self { process, address, chain, _folder: folder }
    }

    /// Resident memory now and at its peak, in MiB.
    fn memory(&self) -> [u64; 2] {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        ["VmRSS:", "VmHWM:"].map(|field| {
            let line = status.lines().find(|line| line.starts_with(field)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1_024
        })
    }
}

fn study(number: usize) -> StudyRegistration {
    let title = format!("Study {number} of what people of a region have in common, and of what sets them apart");
    StudyRegistration { title, protocol: digest("protocol"), ethics: "EC-1".into() }
}

fn query(study: StudyId, today: Day) -> CohortQuery {
    CohortQuery {
        study,
        schema: schema().id().unwrap(),
        criteria: Criteria::default(),
        matching: MatchCriteria::default(),
        issuers: vec![],
        parts: vec![Layout::count()],
        data_use: DataUse { purposes: Purposes::GENERAL_RESEARCH, disease: 0, regions: Regions(1) },
        price: Amount::new(1),
        contributions_min: 20,
        contributions_max: 100,
        privacy: PrivacyMode::Private { epsilon_milli: Epsilon::from_milli(1_000) },
        opening: today,
        closing: Day(today.0 + 30),
        aggregate_blocks_max: 100,
        release_blocks_max: 100,
        sealing: SealingKey::new(vec![9; 32]),
    }
}

/// A screening on the terms of a query.
fn screening(query: &CohortQuery) -> ScreeningQuery {
    ScreeningQuery {
        study: query.study,
        schema: query.schema,
        criteria: Criteria::default(),
        issuers: vec![],
        data_use: query.data_use,
        price: query.price,
        responses_max: 10,
        opening: query.opening,
        closing: query.closing,
        sealing: SealingKey::new(vec![8; 32]),
    }
}

impl Node {
    /// Signs everything that there is to list, as its parties.
    fn fill(&self) {
        let ledger = RemoteLedger::connect(Remote::new(&format!("http://{}", self.address)).unwrap()).unwrap();
        let sign = |name: &str, actions: Vec<Action>| {
            for some in actions.chunks(AT_ONCE) {
                act_all(&ledger, &key(name), some.to_vec()).unwrap();
            }
        };
        let (researcher, epoch, quorum) = (account("researcher"), CommitteeEpoch::new(0), Quorum::DEFAULT);
        let accredit = Governance::AccreditResearcher { account: researcher, name: "Dr R".into() };
        sign("governor", vec![Action::Govern(accredit)]);
        for subset in quorum.subsets() {
            let leader = member_name(quorum.leader(subset).unwrap().get());
            let share = CommitteeShare { public: digest("b"), prf: digest("k") };
            sign(&leader, vec![Action::CommitteeCommit(CommitteeCommit { epoch, subset, share })]);
        }
        for member in quorum.all_members() {
            let confirm = CommitteeConfirm { epoch, polynomial: polynomial("key") };
            sign(&member_name(member.get()), vec![Action::CommitteeConfirm(confirm)]);
        }
        sign("researcher", vec![Action::RegisterSchema(schema())]);
        let nonce = next_nonce(&ledger, &key("researcher")).unwrap();
        let query = query(study(0).id(&ledger.chain(), &researcher, nonce).unwrap(), tip(&ledger).unwrap().time.day());
        sign("researcher", (0..STUDIES).map(|number| Action::RegisterStudy(study(number))).collect());
        sign("researcher", vec![Action::OpenQuery(Box::new(query.clone())); QUERIES]);
        sign("researcher", vec![Action::OpenScreening(Box::new(screening(&query))); SCREENINGS]);
    }

    /// Waits until the first page of each listing is full, and prints how large it is.
    fn await_listings(&self) {
        let started = Instant::now();
        for (path, rows) in LISTINGS {
            loop {
                let mut answer = ureq::get(format!("http://{}{path}", self.address)).call().unwrap();
                let body = answer.body_mut().read_to_string().unwrap();
                let page: Value = serde_json::from_str(&body).unwrap();
                let found = page["items"].as_array().unwrap().len();
                if found == rows {
                    println!("{path}: {rows} rows, {} bytes", body.len());
                    break;
                }
                assert!(started.elapsed() < INDEX_TIME_MAX, "{path} lists {found} rows and not {rows}");
                thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

/// What came of requests of one kind.
#[derive(Default)]
struct Outcomes {
    millis: Vec<f64>,
    by_kind: BTreeMap<String, u64>,
    last: Option<Instant>,
}

impl Outcomes {
    fn note(&mut self, kind: String, took: Duration) {
        self.millis.push(took.as_secs_f64() * 1e3);
        *self.by_kind.entry(kind).or_default() += 1;
        self.last = Some(Instant::now());
    }

    fn add(&mut self, other: Self) {
        self.millis.extend(other.millis);
        self.last = self.last.max(other.last);
        for (kind, count) in other.by_kind {
            *self.by_kind.entry(kind).or_default() += count;
        }
    }

    /// Prints a line, and what is wrong with it.
    fn report(mut self, what: &str, started: Instant) -> Vec<String> {
        let seconds = self.last.map_or(0.0, |last| (last - started).as_secs_f64());
        self.millis.sort_by(f64::total_cmp);
        let at = |share: f64| self.millis.get((self.millis.len() as f64 * share) as usize).copied().unwrap_or_default();
        let all: u64 = self.by_kind.values().sum();
        let good: u64 = ["200", "202"].iter().filter_map(|kind| self.by_kind.get(*kind)).sum();
        let busy = self.by_kind.get("503 busy").copied().unwrap_or_default();
        println!(
            "{what:<12} {all:>8} sent, {:>6.0}/s, answered {:>6.2} %, p50 {:.0} ms, p99 {:.0} ms, longest {:.0} ms, {:?}",
            all as f64 / seconds,
            100.0 * good as f64 / all.max(1) as f64,
            at(0.5),
            at(0.99),
            self.millis.last().copied().unwrap_or_default(),
            self.by_kind
        );
        let mut wrong = vec![];
        if all == 0 || good * 1_000 < all * ANSWERED_PER_MILLE_MIN {
            wrong.push(format!("{what}: {good} of {all} succeeded, less than {ANSWERED_PER_MILLE_MIN} in a thousand"));
        }
        if all > good + busy {
            wrong.push(format!("{what}: {} failed otherwise than by documented back-pressure", all - good - busy));
        }
        wrong
    }
}

/// One client: four listings and a transfer, again and again on one connection.
fn client(node: &Node, number: u64, until: Instant) -> [Outcomes; 2] {
    let config = ureq::Agent::config_builder().http_status_as_error(false).proxy(None);
    let agent: ureq::Agent = config.timeout_global(Some(Duration::from_secs(60))).build().into();
    let (url, sender_key, mut nonce) = (format!("http://{}", node.address), sender(number), 0);
    let mut outcomes = [Outcomes::default(), Outcomes::default()];
    for turn in number.. {
        let started = Instant::now();
        if started >= until {
            break;
        }
        let submits = turn % REQUESTS_PER_SUBMISSION == 0;
        let sent = if submits {
            let transfer = Transfer { to: account_of(&sender(number + 1)), amount: Amount::new(1) };
            let transaction = Transaction::sign(node.chain, &sender_key, nonce, Action::Transfer(transfer)).unwrap();
            let request = agent.post(format!("{url}/v1/transactions")).content_type("application/octet-stream");
            request.send(&transaction.to_bytes().unwrap()[..])
        } else {
            agent.get(format!("{url}{}", LISTINGS[turn as usize % LISTINGS.len()].0)).call()
        };
        let kind = match sent {
            Err(error) => format!("no answer: {error}"),
            Ok(mut answer) => {
                let status = answer.status().as_u16();
                let body = answer.body_mut().read_to_string().unwrap_or_default();
                nonce += u64::from(submits && status == 202);
                let problem = if status < 400 { None } else { serde_json::from_str::<Value>(&body).ok() };
                let told = problem.and_then(|told| Some(told["type"].as_str()?.rsplit('/').next()?.to_owned()));
                told.map_or(status.to_string(), |told| format!("{status} {told}"))
            }
        };
        outcomes[usize::from(submits)].note(kind, started.elapsed());
    }
    outcomes
}

fn main() {
    let [clients, seconds] =
        [("LOCUS_LOAD_CLIENTS", 1_000), ("LOCUS_LOAD_SECONDS", 60)].map(|(name, n)| number(name, n));
    let strangers = number("LOCUS_LOAD_HOSTILE", 32);
    let node = Node::start(clients);
    node.fill();
    node.await_listings();
    let load = fs::read_to_string("/proc/loadavg").unwrap();
    println!("{clients} clients and {strangers} strangers for {seconds} s; load before {}", load.trim());
    println!("memory before: {:?} MiB now and at its peak", node.memory());
    let (started, until) = (Instant::now(), Instant::now() + Duration::from_secs(seconds));
    let told: Mutex<Told> = Mutex::default();
    let all = Mutex::new([Outcomes::default(), Outcomes::default()]);
    let requests = hostile_requests();
    thread::scope(|scope| {
        let (node, all, told, requests) = (&node, &all, &told, &requests);
        let small = || thread::Builder::new().stack_size(STACK_BYTES);
        for number in 0..clients {
            let work = move || {
                let found = client(node, number, until);
                let mut all = all.lock().unwrap();
                all.iter_mut().zip(found).for_each(|(sum, one)| sum.add(one));
            };
            small().spawn_scoped(scope, work).unwrap();
        }
        for number in 0..strangers {
            let order = requests.iter().cycle().skip(number as usize);
            let work = move || stranger(&node.address, order, until, told);
            small().spawn_scoped(scope, work).unwrap();
        }
        while Instant::now() < until {
            thread::sleep(MEMORY_LOOK);
        }
    });
    println!("memory after: {:?} MiB now and at its peak", node.memory());
    let [listed, submitted] = all.into_inner().unwrap();
    let mut wrong = [listed.report("list", started), submitted.report("submit", started)].concat();
    for ((what, answer), mut seconds) in told.into_inner().unwrap() {
        seconds.sort_by(f64::total_cmp);
        let (count, median, longest) = (seconds.len(), seconds[seconds.len() / 2], seconds[seconds.len() - 1]);
        println!("hostile      {what:<10} {answer:<14} {count:>5}, median {median:.2} s, longest {longest:.2} s");
        let is_form = requests.iter().any(|hostile| hostile.name == what && hostile.is_form);
        if what != CONNECT {
            wrong.extend(misjudged(what, is_form, &answer, longest));
        }
    }
    let health = ureq::get(format!("http://{}/health", node.address)).call().unwrap().status();
    println!("health afterwards: {health}");
    assert_eq!(wrong, [] as [String; 0]);
}
