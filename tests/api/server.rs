//! A chain that has seen every listing's rows, served on a free port.

use std::{
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use circuits::{
    id::{ChainId, QueryId},
    quorum::Quorum,
};
use market::{
    beacon::{Beacon, Floors},
    data_use::DiseaseNames,
    database::{Database, DatabaseUrl},
    index::Index,
    jobs::{JobCount, JobState, Queue},
    objects::Objects,
};
use node::{
    Sequencer,
    consensus::{Engine, EngineOptions, Guarded, Pace, PeerSecret, Timeouts},
    transaction::Action,
    units::{SECONDS_PER_DAY, Timestamp},
};
use serde_json::Value;
use tempfile::TempDir;
use web::{
    api::{Custody, Metrics, OtherNodes, Publishing, Service, StoredBytes, UploadQuota},
    chain::Chain,
    client::Remote,
    node::NO_PEERS,
    serve::{Running, StopOn, serve},
    sign_in::SignIn,
    signed_request::Replay,
};

use crate::world::{TODAY, World, account, key, payout_name};

/// A moment after every block of the world, on the collecting query's days.
pub fn clock() -> Timestamp {
    Timestamp::new(u64::from(TODAY + 12) * SECONDS_PER_DAY)
}

/// Room for uploads in tests, in bytes, and of that for panels and documents.
pub const QUOTA: u64 = 64 << 20;
pub const DOCUMENTS_QUOTA: u64 = QUOTA / 16;

/// The diseases that a server knows by name.
pub const DISEASES: &str = "[Term]\nid: MONDO:0005148\nname: type 2 diabetes mellitus\nsynonym: \"NIDDM\" EXACT []\n\n[Term]\n\
    id: MONDO:0005147\nname: type 1 diabetes mellitus\n\n[Term]\nid: MONDO:0000002\nname: <b>bold\" disease\n";

/// A served chain.
pub struct Server {
    pub running: Running,
    pub _engine: Engine,
    pub chain: Arc<Chain>,
    pub index: Arc<Index>,
    /// Collecting, with three contributions of which one is withdrawn.
    pub collecting: QueryId,
    /// Sealed and aggregated.
    pub aggregated: QueryId,
    pub directory: TempDir,
}

/// How the world's validator takes part.
fn engine_options(directory: &Path, pace: Pace, clock: fn() -> Timestamp) -> EngineOptions {
    EngineOptions {
        directory: directory.into(),
        listen: NO_PEERS.into(),
        peer: PeerSecret::from_bytes(key("validator").to_bytes()),
        signer: Arc::new(Guarded::open(Arc::new(key("validator")), &directory.join("signed")).unwrap()),
        pace,
        timeouts: Timeouts::default(),
        clock,
    }
}

/// An answer as it came over the wire.
pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&self.body)))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// Asserts that this is a problem document with a status, whose detail contains a text.
    #[track_caller]
    pub fn refused(&self, status: u16, text: &str) {
        let problem = self.json();
        assert_eq!(self.status, status, "{problem}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(problem["status"], status);
        assert!(problem["type"].as_str().unwrap().starts_with("/problems/"));
        assert!(problem["detail"].as_str().unwrap().contains(text), "{problem} does not say {text:?}");
    }
}

pub fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .timeout_global(Some(Duration::from_secs(60)))
        .build();
    config.into()
}

/// A chain with parties, a schema, a study, records and queries in two stages.
pub fn world() -> (World, QueryId, QueryId) {
    let mut world = World::ready(Quorum::DEFAULT);
    let aggregated = world.aggregated(world.query(), 0..3);
    let mut query = world.query();
    query.opening.0 += 11;
    query.closing.0 += 21;
    world.pass_epoch();
    let collecting = world.collect(query, 0..3);
    let withdraw =
        node::transaction::Withdraw { query: collecting, contribution: node::units::ContributionIndex::new(1) };
    world.act(&payout_name(1), Action::Withdraw(withdraw)).unwrap();
    world.block();
    (world, collecting, aggregated)
}

/// The index of a chain, in a file.
pub fn index_at(path: &Path, chain: ChainId) -> Index {
    Index::open(Database::open(&DatabaseUrl::file(path).unwrap()).unwrap(), chain).unwrap()
}

impl Server {
    pub fn start() -> Self {
        let (world, collecting, aggregated) = world();
        Self::over(world.sequencer, collecting, aggregated)
    }

    pub fn over(sequencer: Sequencer, collecting: QueryId, aggregated: QueryId) -> Self {
        Self::by_clock(sequencer, collecting, aggregated, clock)
    }

    pub fn by_clock(sequencer: Sequencer, collecting: QueryId, aggregated: QueryId, clock: fn() -> Timestamp) -> Self {
        let custody = Some(Custody::new(key("custodian")));
        Self::with_custody(sequencer, (collecting, aggregated), clock, custody)
    }

    pub fn with_custody(
        sequencer: Sequencer,
        queries: (QueryId, QueryId),
        clock: fn() -> Timestamp,
        custody: Option<Custody>,
    ) -> Self {
        Self::begun((sequencer, queries), clock, (custody, SignIn::default()), OtherNodes::default())
    }

    pub fn with_sign_in(
        sequencer: Sequencer,
        queries: (QueryId, QueryId),
        clock: fn() -> Timestamp,
        sign_in: SignIn,
    ) -> Self {
        Self::begun((sequencer, queries), clock, (None, sign_in), OtherNodes::default())
    }

    /// One that fetches blobs from nodes at other addresses.
    pub fn beside(sequencer: Sequencer, others: &[String]) -> Self {
        let nothing = QueryId::from_bytes([0; 32]);
        let others = OtherNodes::at(others).unwrap();
        Self::begun((sequencer, (nothing, nothing)), clock, (None, SignIn::default()), others)
    }

    fn begun(
        (sequencer, (collecting, aggregated)): (Sequencer, (QueryId, QueryId)),
        clock: fn() -> Timestamp,
        (custody, sign_in): (Option<Custody>, SignIn),
        others: OtherNodes,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mempool = Arc::clone(sequencer.mempool());
        // No heartbeat within a test: blocks are made for transactions alone, so heights are what tests expect.
        let pace = Pace { gather: Duration::from_millis(1), heartbeat: Duration::from_secs(3_600) };
        let engine = Engine::start(Arc::clone(&mempool), engine_options(directory.path(), pace, clock)).unwrap();
        let chain = Arc::new(Chain::with_clock(mempool, clock));
        let index = Arc::new(index_at(&directory.path().join("locus.sqlite"), chain.ledger().chain()));
        let blobs = Arc::new(Objects::directory(&directory.path().join("blobs")).unwrap());
        let nothing = Publishing::nothing(chain.ledger().chain());
        let service = Service {
            publishing: Publishing {
                beacon: Some(Beacon::empty(Floors::default()).into()),
                diseases: Some(Arc::new(DiseaseNames::from_obo("diseases.obo", DISEASES.as_bytes()).unwrap())),
                ..nothing
            },
            chain: Arc::clone(&chain),
            blobs,
            index: Arc::clone(&index),
            others: Arc::new(others),
            quota: Arc::new(UploadQuota::new(QUOTA, StoredBytes::default())),
            metrics: Metrics::default(),
            engine: Some(engine.handle().clone()),
            custody,
            replay: Replay::new(Timestamp::new(0)),
            sign_in,
        };
        let running = serve(service, "127.0.0.1:0", StopOn::Request).unwrap();
        Self { running, _engine: engine, chain, index, collecting, aggregated, directory }
    }

    pub fn remote(&self) -> Remote {
        Remote::new(&self.running.url()).unwrap()
    }

    /// Empties the index, once the node's own job that follows the ledger has nothing more to do.
    pub fn forget_index(&self) {
        let queue = Queue::new(self.index.database().clone());
        let is_busy = |count: &JobCount| matches!(count.state, JobState::Waiting | JobState::Running);
        let started = Instant::now();
        while queue.counts().unwrap().iter().any(is_busy) {
            assert!(started.elapsed() < Duration::from_secs(60), "the node's jobs never end: {:?}", queue.counts());
            thread::sleep(Duration::from_millis(10));
        }
        self.index.clear().unwrap();
    }

    pub fn get(&self, path: &str) -> Answer {
        answer(agent().get(format!("{}{path}", self.running.url())).call())
    }

    pub fn get_bytes(&self, path: &str) -> Answer {
        let request = agent().get(format!("{}{path}", self.running.url()));
        answer(request.header("accept", "application/octet-stream").call())
    }

    pub fn post(&self, path: &str, media: &str, body: &[u8]) -> Answer {
        answer(agent().post(format!("{}{path}", self.running.url())).content_type(media).send(body))
    }

    pub fn put(&self, path: &str, media: &str, body: &[u8]) -> Answer {
        answer(agent().put(format!("{}{path}", self.running.url())).content_type(media).send(body))
    }
}

pub const BYTES: &str = "application/octet-stream";

pub fn answer(sent: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Answer {
    let mut response = sent.unwrap();
    let body = response.body_mut().with_config().limit(64 << 20).read_to_vec().unwrap();
    Answer { status: response.status().as_u16(), headers: response.headers().clone(), body }
}

/// An account's id as text.
pub fn id(name: &str) -> String {
    account(name).to_string()
}
