//! Each page of a node at 10,000 records, and of a person whose agent answered 1,000 times: how long the server takes for it,
//! and what a first visit loads.
//!
//! Not criterion: one run that prints a table. `LOCUS_PAGES_RECORDS` (10,000), `LOCUS_PAGES_ANSWERS` (1,000) and
//! `LOCUS_PAGES_VISITS` (100) say how much. The person's wallet holds a record of the ledger. The time is from a request to the last byte of its answer on a connection that is open, by a client on this machine, so the server's own
//! is less. Proofs are a test double: no page looks at one. A result's page is what a form with its file gets. Bytes are those of
//! answers' bodies on the wire, to a client that takes gzip as browsers do: of the page, and of the page with every file that it
//! names.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "../tests/ledger/life.rs"]
#[allow(dead_code, unreachable_pub, reason = "each binary uses a part of the world")]
mod life;
#[path = "../tests/ledger/world.rs"]
#[allow(dead_code, unreachable_pub, reason = "each binary uses a part of the world")]
mod world;

use std::{
    collections::BTreeSet,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use circuits::{
    consent::{ConsentFlags, ConsentTerms, Day, Purposes, Regions},
    criteria::Criteria,
    id::{QueryId, ScreeningId},
    layout::{Axis, Layout},
    privacy::{Epsilon, Rho},
    quorum::Quorum,
    record::{ATTRIBUTES, Attributes, Dosage, Genotypes, MISSING},
};
use flate2::read::GzDecoder;
use market::{
    database::{Database, DatabaseUrl},
    index::Index,
    issuer::{self, Certificate, Enrolment, Measurements, receive},
    objects::Objects,
    wallet::{Answer, AnswerStage, Protection, SecretSeed, Settlement, Wallet},
};
use node::{
    query::{PrivacyMode, SealingKey},
    screening::ScreeningQuery,
    state::StateRead as _,
    transaction::{Action, RegisterRecord, StudyRegistration},
    units::{Amount, ContributionIndex, SECONDS_PER_DAY, Timestamp},
};
use serde_json::{Value, json};
use web::{
    api::{Metrics, Publishing, Service, StoredBytes, UploadQuota},
    chain::Chain,
    client::{Remote, RemoteBlobs, RemoteLedger},
    patient::{Origin, PatientPages, Reach},
    serve::{Running, StopOn, serve, serve_patients},
    sign_in::{Challenge, SignIn, SignedChallenge},
    signed_request::Replay,
};
use world::{TODAY, World, account, digest, key, record, schema};

/// Records that are registered in one block; a sender has no more waiting.
const RECORDS_PER_BLOCK: u64 = 100;
/// Studies and queries that lists are long with.
const STUDIES: u64 = 300;
const QUERIES: u64 = 300;
/// Screenings, of which a page lists 25.
const SCREENINGS: u64 = 100;
/// Cells of each part of the result whose page is measured.
const CELLS: u16 = 60;
/// What the server should take for a page, in milliseconds, and what a first visit should load, in bytes.
const MILLIS_MAX: f64 = 50.0;
const BYTES_MAX: usize = 150 << 10;

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
}

fn clock() -> Timestamp {
    Timestamp::new(u64::from(TODAY + 12) * SECONDS_PER_DAY)
}

/// What pages are of.
struct Filled {
    query: QueryId,
    released: QueryId,
    screening: ScreeningId,
}

/// Opens many screenings, and returns the last.
fn screen(world: &mut World) -> ScreeningId {
    let query = world.query();
    let screening = ScreeningQuery {
        study: query.study,
        schema: query.schema,
        criteria: Criteria::default(),
        issuers: vec![],
        data_use: query.data_use,
        price: Amount::new(1),
        responses_max: 10,
        opening: Day(TODAY),
        closing: Day(TODAY + 30),
        sealing: SealingKey::new(vec![8; 32]),
    };
    let mut last = None;
    for _ in 0..SCREENINGS {
        let nonce = world.sequencer.mempool().next_nonce(account("researcher")).unwrap();
        last = Some(screening.id(&world.ledger().chain(), &account("researcher"), nonce).unwrap());
        world.act("researcher", Action::OpenScreening(Box::new(screening.clone()))).unwrap();
        world.block();
    }
    last.unwrap()
}

/// A released query of two distributions, whose page has a figure and a table of each.
fn release(world: &mut World) -> QueryId {
    let of =
        |attribute| Layout { axes: vec![Axis::Bins { attribute, lo: 0, width: 2, count: CELLS }], ..Layout::count() };
    let privacy = PrivacyMode::Private { epsilon_milli: Epsilon::from_milli(10_000) };
    let mut query = world.query();
    (query.parts, query.privacy) = (vec![of(0), of(1)], privacy);
    (query.aggregate_blocks_max, query.release_blocks_max) = (100, 100);
    let id = world.aggregated(query, 0..3);
    for member in 0..3 {
        world.act(&format!("member {member}"), world.components(id, member, false)).unwrap();
    }
    world.block();
    id
}

/// A person whose record the ledger has, and who takes it from there.
struct Enrolled {
    wallet: Wallet,
    enrolment: Enrolment,
    measured: Measurements,
    certificate: Certificate,
}

/// Registers a person's record, with rules that let most queries be answered.
fn enrol(world: &mut World, path: &Path) -> Enrolled {
    let rng = &mut rand::rng();
    let chain = world.ledger().chain();
    let mut wallet = Wallet::create(path, Protection::DemoUnencrypted, chain, "Ada", rng).unwrap();
    let terms = ConsentTerms {
        salt: ConsentTerms::random_salt(rng),
        purposes: Purposes::NOTHING_REQUIRED.union(Purposes::GENERAL_RESEARCH).union(Purposes::HEALTH_RESEARCH),
        disease: 0,
        regions: Regions::ALL,
        expiry: Day(TODAY + 3_000),
        price_min: 1,
        epsilon_milli_max: 10_000,
        cohort_min: 1,
        flags: ConsentFlags::EXACT.union(ConsentFlags::SCREENING),
    };
    let enrolment = wallet.enrol(terms, None, rng).unwrap();
    let mut attributes = [MISSING; ATTRIBUTES];
    (attributes[0], attributes[1]) = (44, 3);
    let genotypes = Genotypes::new(&[Dosage::Het; 2_000]).unwrap();
    let attributes = Attributes::new(attributes);
    let measured = Measurements { schema: schema().id().unwrap(), attributes, genotypes };
    let issuer = account("issuer 0");
    let body = issuer::body(issuer, &measured, &enrolment).unwrap();
    let Enrolment { owner, consent, replaces, .. } = enrolment;
    let register = RegisterRecord { body, consent, owner, replaces };
    world.act("issuer 0", Action::RegisterRecord(register)).unwrap();
    world.block();
    let leaf = world.ledger().snapshot().unwrap().body(body).unwrap().unwrap();
    Enrolled { wallet, enrolment, measured, certificate: Certificate { issuer, body, leaf } }
}

/// A chain with so many records, one of them in a wallet, and with studies, queries and screenings.
fn fill(records: u64, wallet: &Path) -> (World, Filled, Enrolled) {
    let mut world = World::ready(Quorum::DEFAULT);
    let enrolled = enrol(&mut world, wallet);
    for number in 5..records {
        world.act(["issuer 0", "issuer 1"][number as usize % 2], Action::RegisterRecord(record(number))).unwrap();
        if number % RECORDS_PER_BLOCK == 0 {
            world.block();
        }
    }
    world.block();
    for number in 0..STUDIES {
        let title = format!("Study {number} of what people of a region have in common, and of what sets them apart");
        let study = StudyRegistration { title, protocol: digest("protocol"), ethics: "EC-1".into() };
        world.act("researcher", Action::RegisterStudy(study)).unwrap();
        if number % RECORDS_PER_BLOCK == 0 {
            world.block();
        }
    }
    world.pass_epoch();
    let mut query = world.query();
    query.closing.0 += 20;
    let mut last = None;
    for _ in 0..QUERIES {
        last = Some(world.open(query.clone()).unwrap());
    }
    let (query, screening) = (last.unwrap(), screen(&mut world));
    // Its days pass, and the others collect on.
    let released = release(&mut world);
    (world, Filled { query, released, screening }, enrolled)
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

/// What a client asks for: a page, or what a form with a file gets.
enum Asked {
    Page(String),
    Form(&'static str, String),
}

/// A client that keeps its connection.
#[derive(Clone)]
struct Client {
    agent: ureq::Agent,
    url: String,
    /// Of a session, where one is needed.
    cookie: String,
}

/// What came of a request: the text, and how many bytes it was on the wire.
struct Came {
    text: String,
    bytes: usize,
}

impl Came {
    fn of(mut answer: ureq::http::Response<ureq::Body>) -> Self {
        let is_compressed = answer.headers().get("content-encoding").is_some_and(|encoding| encoding == "gzip");
        let wire = answer.body_mut().read_to_vec().unwrap();
        let bytes = wire.len();
        let mut text = String::new();
        if is_compressed {
            GzDecoder::new(&wire[..]).read_to_string(&mut text).unwrap();
        } else {
            text = String::from_utf8(wire).unwrap();
        }
        Self { text, bytes }
    }
}

impl Client {
    fn get(&self, path: &str) -> String {
        self.come(path).text
    }

    fn come(&self, path: &str) -> Came {
        let asked = self.agent.get(format!("{}{path}", self.url)).header("accept", "text/html");
        let answer = asked.header("accept-encoding", "gzip").header("cookie", &self.cookie).call();
        Came::of(answer.unwrap_or_else(|error| panic!("{path}: {error}")))
    }

    /// What comes of a form.
    fn form(&self, path: &str, media: &str, body: &str) -> ureq::http::Response<ureq::Body> {
        let asked = self.agent.post(format!("{}{path}", self.url)).header("origin", &self.url);
        let asked = asked.header("accept-encoding", "gzip").header("cookie", &self.cookie);
        let answer = asked.content_type(media).send(body.as_bytes());
        answer.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn ask(&self, asked: &Asked) -> Came {
        match asked {
            Asked::Page(path) => self.come(path),
            Asked::Form(path, body) => Came::of(self.form(path, "multipart/form-data; boundary=x", body)),
        }
    }

    /// The same client, signed in with the key of an account of the ledger.
    fn signed_in(&self, name: &str, chain: &circuits::id::ChainId) -> Self {
        let post = |path: &str, body: Value| -> Value {
            let mut answer = self.agent.post(format!("{}{path}", self.url)).send_json(body).unwrap();
            answer.body_mut().read_json().unwrap()
        };
        let asked = post("/v1/sign-in/challenges", json!({ "account": account(name) }));
        let challenge: Challenge = serde_json::from_value(asked).unwrap();
        let signed = SignedChallenge::sign(&challenge, &self.url.parse().unwrap(), chain, &key(name));
        let link = post("/v1/sign-in/links", serde_json::to_value(&signed).unwrap());
        let code = link["path"].as_str().unwrap().split("code=").nth(1).unwrap().to_owned();
        let alone: ureq::Agent = ureq::Agent::config_builder().max_redirects(0).proxy(None).build().into();
        let once = Self { agent: alone, ..self.clone() };
        let entered =
            once.form("/sign-in/link", "application/x-www-form-urlencoded", &format!("code={code}&act=sign-in"));
        let cookie = entered.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        Self { cookie, ..self.clone() }
    }

    fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.get(path)).unwrap()
    }

    /// The bytes of a page and of every file that it names.
    fn weight(&self, page: &Came) -> usize {
        let quoted = page.text.split('"').filter(|text| text.starts_with("/assets/")).collect::<BTreeSet<_>>();
        page.bytes + quoted.into_iter().map(|path| self.come(path).bytes).sum::<usize>()
    }
}

fn pages(client: &Client, Filled { query, screening, .. }: &Filled) -> Vec<(&'static str, String)> {
    let first = |path: &str, field: &str| client.json(path)["items"][0][field].as_str().unwrap().to_owned();
    let schema = first("/v1/schemas", "id");
    let study = first("/v1/studies?order=newest", "id");
    let issuer = account("issuer 0");
    let transaction = first(&format!("/v1/accounts/{issuer}/transactions?order=newest&limit=1"), "id");
    let full = client.json(&format!("/v1/transactions/{transaction}"))["height"].as_u64();
    let page = |path: &str| path.to_owned();
    vec![
        ("home", page("/")),
        ("studies", page("/studies")),
        ("study", format!("/studies/{study}")),
        ("queries", page("/queries")),
        ("queries in a stage", page("/queries?stage=collecting")),
        ("query", format!("/queries/{query}")),
        ("query, the part that follows", format!("/queries/{query}/progress")),
        ("screenings", page("/screenings")),
        ("screening", format!("/screenings/{screening}")),
        ("query builder", page("/builder")),
        ("query builder of a study", format!("/builder?study={study}&schema={schema}")),
        ("results", page("/results")),
        ("verify", page("/verify")),
        ("verify offline", page("/verify/offline")),
        ("explorer", page("/explorer")),
        ("health", page("/explorer/health")),
        ("governance", page("/explorer/governance")),
        ("jobs", page("/explorer/jobs")),
        ("blocks", page("/blocks")),
        ("block of 100 records", format!("/blocks/{}", full.unwrap_or(10))),
        ("transaction", format!("/transactions/{transaction}")),
        ("account of an issuer", format!("/accounts/{issuer}")),
        ("account of a researcher", format!("/accounts/{}", account("researcher"))),
        ("issuers", page("/issuers")),
        ("researchers", page("/researchers")),
        ("validators", page("/validators")),
        ("committee", page("/committee")),
        ("epochs", page("/epochs")),
        ("schemas", page("/schemas")),
        ("schema", format!("/schemas/{schema}")),
        ("search", page("/search?q=nothing")),
        ("sign in", page("/sign-in")),
        ("help", page("/help")),
    ]
}

/// The page of the released query's result.
fn result(released: QueryId) -> Asked {
    // More of each cell than noise could be.
    let cells: Vec<u32> = (0..u32::from(CELLS)).map(|cell| 4_000 + 7 * cell).collect();
    let file = json!({ "query": released, "slots": [cells, cells] });
    let head = "--x\r\ncontent-disposition: form-data; name=\"result\"; filename=\"result.json\"\r\n\r\n";
    Asked::Form("/results", format!("{head}{file}\r\n--x--\r\n"))
}

/// A person's pages, whose wallet answered the node's queries, and as many more as there are to be in all.
fn serve_person(node: &Client, path: PathBuf, enrolled: Enrolled, answers: u64) -> (Running, Client) {
    let remote = Remote::new(&node.url).unwrap();
    let ledger = Arc::new(RemoteLedger::connect(remote.clone()).unwrap());
    let Enrolled { mut wallet, enrolment, measured, certificate } = enrolled;
    receive(&*ledger, &mut wallet, &enrolment, measured, &certificate).unwrap();
    let listed = node.json("/v1/queries?order=newest&limit=100");
    let listed = listed["items"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().parse().unwrap());
    let more = (0..answers).map(|number| QueryId::from_bytes(*digest(&format!("answer {number}")).as_bytes()));
    for query in listed.chain(more).take(usize::try_from(answers).unwrap()) {
        let answer = Answer {
            holding: 0,
            payout: SecretSeed::random(&mut rand::rng()),
            price: Amount::new(100),
            rho: Rho::default(),
            measures: vec![],
            stage: AnswerStage::Admitted { contribution: ContributionIndex::new(0) },
            settled: Some(Settlement::Released),
        };
        wallet.note_answer(query, answer).unwrap();
    }
    drop(wallet);
    let reach = Reach {
        ledger,
        blobs: Arc::new(RemoteBlobs::new(remote.clone())),
        node: Some(remote),
        genome_keys: vec![],
        diseases: None,
    };
    let (running, pages) = serve_patients("127.0.0.1:0".parse().unwrap(), StopOn::Request, |address| {
        PatientPages::open(reach, &[path], Protection::DemoUnencrypted, Origin::of_loopback(address).unwrap(), |_| {})
    })
    .unwrap();
    let link = pages.links().remove(0).url;
    let alone: ureq::Agent = ureq::Agent::config_builder().max_redirects(0).proxy(None).build().into();
    let entered = alone.post(&link).header("origin", running.url()).send_empty().unwrap();
    let cookie = entered.headers()["set-cookie"].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let client = Client { agent: node.agent.clone(), url: running.url(), cookie };
    (running, client)
}

fn pages_of_person(client: &Client) -> Vec<(&'static str, String)> {
    let further = |path: &str| {
        let text = client.get(path);
        let href = text.split("rel=\"next\"").next().unwrap().rsplit("href=\"").next().unwrap();
        href.split(['"', '#']).next().unwrap().to_owned()
    };
    let page = |path: &str| path.to_owned();
    vec![
        ("a person's home", page("/")),
        ("their records", page("/records")),
        ("their rules", page("/use")),
        ("their rules, to be changed", page("/use/0/change")),
        ("who asked", page("/asked")),
        ("who asked, further on", further("/asked")),
        ("invitations", page("/invitations")),
        ("licences", page("/licences")),
        ("money", page("/money")),
        ("money, further on", further("/money")),
        ("privacy", page("/privacy")),
        ("help for people", page("/help")),
    ]
}

/// Visits each page so often, prints its line, and returns which are slow and which heavy.
fn measure(client: &Client, pages: Vec<(&'static str, Asked)>, visits: u64) -> (Vec<&'static str>, Vec<&'static str>) {
    let (mut slow, mut heavy) = (vec![], vec![]);
    for (name, asked) in pages {
        let page = client.ask(&asked);
        let mut millis: Vec<f64> = (0..visits)
            .map(|_| {
                let started = Instant::now();
                drop(client.ask(&asked));
                started.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        millis.sort_by(f64::total_cmp);
        let at = |share: f64| millis[((millis.len() - 1) as f64 * share) as usize];
        let first = client.weight(&page);
        println!("{name:<30} {:>8.1} {:>8.1} {:>8.1} {:>9} {first:>9}", at(0.5), at(0.99), at(1.0), page.bytes);
        slow.extend((at(0.5) > MILLIS_MAX).then_some(name));
        heavy.extend((first > BYTES_MAX).then_some(name));
    }
    (slow, heavy)
}

fn main() {
    let amounts = [("LOCUS_PAGES_RECORDS", 10_000), ("LOCUS_PAGES_ANSWERS", 1_000), ("LOCUS_PAGES_VISITS", 100)];
    let [records, answers, visits] = amounts.map(|(name, otherwise)| number(name, otherwise));
    let started = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let wallet = folder.path().join("ada.wallet");
    let (world, filled, enrolled) = fill(records, &wallet);
    let chain = world.ledger().chain();
    println!(
        "{records} records, {STUDIES} studies, {QUERIES} queries, {SCREENINGS} screenings in {:.0} s",
        started.elapsed().as_secs_f64()
    );
    let running = serve_world(world, folder.path());
    let config = ureq::Agent::config_builder().proxy(None).timeout_global(Some(Duration::from_secs(60)));
    let client = Client { agent: config.build().into(), url: running.url(), cookie: String::new() };
    while client.json("/health")["height"] != client.json("/health")["index"] {
        thread::sleep(Duration::from_millis(50));
    }
    let load = std::fs::read_to_string("/proc/loadavg").unwrap();
    println!("load {}", load.trim());
    println!("{:<30} {:>8} {:>8} {:>8} {:>9} {:>9}", "page", "p50 ms", "p99 ms", "most ms", "bytes", "first");
    let asked = |pages: Vec<(&'static str, String)>| -> Vec<_> {
        pages.into_iter().map(|(name, path)| (name, Asked::Page(path))).collect()
    };
    let (mut slow, mut heavy) = measure(&client, asked(pages(&client, &filled)), visits);
    let (person, own) = serve_person(&client, wallet, enrolled, answers);
    let you = client.signed_in("researcher", &chain);
    for (client, pages) in [
        (&client, vec![("result of two distributions", result(filled.released))]),
        (&you, asked(vec![("the own account", "/you".into())])),
        (&own, asked(pages_of_person(&own))),
    ] {
        let more = measure(client, pages, visits);
        slow.extend(more.0);
        heavy.extend(more.1);
    }
    println!("above {MILLIS_MAX} ms: {slow:?}; above {BYTES_MAX} bytes: {heavy:?}");
    drop(person);
}
