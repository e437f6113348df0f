//! What the browser looks at: the network of a demo with its released query, and beside it what hostile people put on a
//! ledger.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use circuits::{
    consent::{Day, Purposes, Regions},
    criteria::{Clause, Criteria},
    id::{QueryId, SchemaId, ScreeningId, StudyId},
    quorum::Quorum,
    schema::Sensitivity,
};
use market::{
    ledger::{LedgerAccess as _, act, next_nonce, tip, wait_for_height},
    objects::Objects,
    query::{Privacy, QueryFile, schema_and_panel},
    recruitment::Sponsor,
    wallet::{PartyKey, Protection, Role},
};
use node::{
    Ledger, Mempool,
    consensus::{Engine, Pace},
    genesis::Genesis,
    query::DataUse,
    screening::ScreeningQuery,
    state::StateRead as _,
    transaction::{self, Action, AmendStudy, Governance, StudyDesign, StudyRegistration},
    units::Amount,
};
use web::{
    api::{Custody, Metrics, Publishing, Service, StoredBytes, UploadQuota},
    chain::Chain,
    cli::Output,
    client::{Remote, RemoteBlobs, RemoteLedger},
    demo::{Asked, DemoOptions, Example, run},
    node::{NO_PEERS, engine_options},
    serve::{Running, StopOn, serve},
};

use super::chromium::soon;
use crate::{
    api::{index_at, sealing_key},
    world::digest,
};

/// People whose agents answer.
const PEOPLE: usize = 4;
/// A title that runs, were it not taken for text.
pub const HOSTILE: &str = "<script>window.pwned = 1</script><img src=x onerror=\"window.pwned = 1\">'\"{{7*7}}</title>";

/// The served network.
pub struct Site {
    pub url: String,
    /// The demo's query, released.
    pub released: QueryId,
    /// A query of the hostile study, which collects.
    pub collecting: QueryId,
    /// A study with a title that is markup.
    pub hostile: StudyId,
    pub schema: SchemaId,
    /// A screening of the hostile study, to which nobody responds.
    pub screening: ScreeningId,
    pub receipt: PathBuf,
    /// The numbers of the demo's result, in the form of `locus result --json`.
    pub result: PathBuf,
    pub researcher: PartyKey,
    _running: Running,
    engine: Engine,
}

/// Where the demo's files are.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("site")
}

/// The query file of the demo's question.
pub fn query_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/queries/survival.toml").canonicalize().unwrap()
}

impl Site {
    fn make() -> Self {
        let folder = folder();
        drop(fs::remove_dir_all(&folder));
        let options = DemoOptions {
            people: PEOPLE,
            vcf: None,
            quorum: Quorum::DEFAULT,
            dir: folder.clone(),
            processes: false,
            validators: 1,
            attack: None,
            asked: Asked::Example(Example::Survival),
            epsilon: None,
            screening: false,
        };
        let report = run(&options, &Output::new(true)).unwrap();
        let result = folder.join("result.json");
        let numbers = serde_json::json!({ "query": report.query, "slots": report.result.slots, "notes": [] });
        fs::write(&result, numbers.to_string()).unwrap();
        let (running, engine) = serve_folder(&folder);
        let url = running.url();
        let researcher = key(&folder, "researcher", Role::Researcher);
        let remote = Remote::new(&url).unwrap();
        let ledger = RemoteLedger::connect(remote.clone()).unwrap();
        let governor = key(&folder, "governor", Role::Governor).signing_key();
        let decision = Governance::AccreditIssuer { account: digest_account(), name: HOSTILE.into() };
        act(&ledger, &governor, Action::Govern(decision)).unwrap();
        let hostile = register(&ledger, &researcher);
        let released = report.query;
        let schema = market::ledger::require_query(&ledger, released).unwrap().query.schema;
        let blobs = RemoteBlobs::new(remote);
        let collecting = open(&ledger, &blobs, &researcher, hostile, schema);
        amend(&ledger, &researcher, hostile);
        let screening = screen(&ledger, &blobs, &researcher, hostile, schema);
        Self {
            url,
            released,
            collecting,
            hostile,
            schema,
            screening,
            receipt: report.receipt,
            result,
            researcher,
            _running: running,
            engine,
        }
    }
}

impl Site {
    /// Makes blocks until the next epoch, where new terms count.
    pub fn pass_epoch(&self, ledger: &RemoteLedger) {
        let epoch = tip(ledger).unwrap().epoch;
        while tip(ledger).unwrap().epoch == epoch {
            let next = tip(ledger).unwrap().height.next();
            self.engine.handle().request_block();
            wait_for_height(ledger, next, Duration::from_secs(60)).unwrap();
        }
    }
}

fn digest_account() -> circuits::id::AccountId {
    crate::world::account("hostile issuer")
}

fn key(folder: &Path, name: &str, role: Role) -> PartyKey {
    PartyKey::open(&folder.join(format!("keys/{name}.key")), role, &Protection::DemoUnencrypted).unwrap()
}

/// Serves a demo's folder, with blocks for transactions alone.
fn serve_folder(folder: &Path) -> (Running, Engine) {
    let genesis: Genesis = serde_json::from_slice(&fs::read(folder.join("genesis.json")).unwrap()).unwrap();
    let mempool = Arc::new(Mempool::new(Arc::new(Ledger::open(&folder.join("ledger.redb"), genesis).unwrap())));
    let validator = key(folder, "validator", Role::Validator);
    let pace = Pace { gather: Duration::from_millis(1), heartbeat: Duration::from_secs(3_600) };
    let options = engine_options(&validator, folder, NO_PEERS, pace).unwrap();
    let engine = Engine::start(Arc::clone(&mempool), options).unwrap();
    let chain = Arc::new(Chain::new(mempool));
    let service = Service {
        blobs: Arc::new(Objects::directory(&folder.join("objects")).unwrap()),
        publishing: Publishing::nothing(chain.ledger().chain()),
        index: Arc::new(index_at(&folder.join("index.sqlite"), chain.ledger().chain())),
        chain,
        others: Arc::default(),
        quota: Arc::new(UploadQuota::new(1 << 30, StoredBytes::default())),
        metrics: Metrics::default(),
        engine: Some(engine.handle().clone()),
        custody: Some(Custody::new(key(folder, "custodian", Role::Custodian).signing_key())),
        replay: web::signed_request::Replay::new(node::units::Timestamp::new(0)),
        sign_in: web::sign_in::SignIn::default(),
    };
    (serve(service, "127.0.0.1:0", StopOn::Request).unwrap(), engine)
}

/// Registers the hostile study.
fn register(ledger: &RemoteLedger, researcher: &PartyKey) -> StudyId {
    let key = researcher.signing_key();
    let study = StudyRegistration { title: HOSTILE.into(), protocol: digest("protocol"), ethics: "<b>none</b>".into() };
    let nonce = next_nonce(ledger, &key).unwrap();
    let id = study.id(&ledger.chain(), &researcher.account(), nonce).unwrap();
    act(ledger, &key, Action::RegisterStudy(study)).unwrap();
    id
}

/// Amends the study: its reason and its site are markup, and what was asked is not in its plan.
fn amend(ledger: &RemoteLedger, researcher: &PartyKey, study: StudyId) {
    let amendment = AmendStudy {
        study,
        protocol: digest("protocol 2"),
        ethics: HOSTILE.into(),
        reason: format!("Because {HOSTILE}"),
        design: StudyDesign {
            sites: vec![
                transaction::Site { name: "<b>Basel</b>".into(), region: Regions(1) },
                transaction::Site { name: "Bern".into(), region: Regions(2) },
            ],
            sponsor: None,
            planned: vec![digest("planned")],
        },
    };
    act(ledger, &researcher.signing_key(), Action::AmendStudy(amendment)).unwrap();
}

/// Opens a screening with a criterion, of the records of one issuer.
fn screen(
    ledger: &RemoteLedger,
    blobs: &RemoteBlobs,
    researcher: &PartyKey,
    study: StudyId,
    schema: SchemaId,
) -> ScreeningId {
    let attributes = ledger.schema(schema).unwrap().unwrap().attributes;
    let place = attributes.iter().position(|attribute| attribute.sensitivity == Sensitivity::Public).unwrap();
    let clause = Clause { attribute: place as u8, lo: attributes[place].lo, hi: attributes[place].hi, negated: false };
    let screening = ScreeningQuery {
        study,
        schema,
        criteria: Criteria { groups: vec![vec![clause]] },
        issuers: vec![digest_account()],
        data_use: DataUse { purposes: Purposes::HEALTH_RESEARCH, disease: 0, regions: Regions(1) },
        price: Amount::new(2),
        responses_max: 10,
        opening: tip(ledger).unwrap().time.day(),
        closing: Day(tip(ledger).unwrap().time.day().0 + 20),
        sealing: sealing_key(researcher),
    };
    Sponsor { ledger, blobs, key: researcher }.open(screening).unwrap().0
}

/// Opens a private query with public and match criteria.
fn open(ledger: &RemoteLedger, blobs: &RemoteBlobs, researcher: &PartyKey, study: StudyId, id: SchemaId) -> QueryId {
    let text = fs::read_to_string(query_file().with_file_name("funnel.toml")).unwrap();
    let file = QueryFile::from_toml("funnel", &text).unwrap();
    let file = QueryFile { study, schema: id, privacy: Privacy::Epsilon(1.0), ..file };
    let (schema, panel) = schema_and_panel(ledger, blobs, id).unwrap();
    let today = tip(ledger).unwrap().time.day();
    let query = file.resolve(&schema, panel.as_ref(), today, sealing_key(researcher)).unwrap();
    let key = researcher.signing_key();
    let id = query.id(&ledger.chain(), &researcher.account(), next_nonce(ledger, &key).unwrap()).unwrap();
    act(ledger, &key, Action::OpenQuery(Box::new(query))).unwrap();
    id
}

/// Waits until a node lists what its ledger holds.
#[track_caller]
pub fn follow(url: &str) {
    soon(|| {
        let mut answer = crate::api::agent().get(format!("{url}/health")).call().unwrap();
        let health: serde_json::Value = answer.body_mut().read_json().unwrap();
        let is_listed = health["index"].as_u64() >= health["height"].as_u64();
        if is_listed { Ok(()) } else { Err(format!("the node does not list what its ledger holds: {health}")) }
    });
}

/// The site that all tests look at.
pub fn site() -> &'static Site {
    static SITE: OnceLock<Site> = OnceLock::new();
    SITE.get_or_init(Site::make)
}
