//! A query from key generation to a verified receipt, with every party on its own side of HTTP: real proofs, real
//! encryption, and each committee member behind its own endpoint.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use circuits::{
    consent::{ConsentFlags, ConsentTerms, Day, Purposes, Regions},
    criteria::{Criteria, MatchCriteria},
    id::QueryId,
    layout::Layout,
    quorum::Quorum,
    record::{ATTRIBUTES, Attributes, Dosage, Genotypes, MISSING},
};
use market::{
    agent::{Agent, Outcome},
    aggregator::aggregate,
    committee::{access::CommitteeAccess, local::LocalCommittee, member::Member},
    database::{Database, DatabaseUrl},
    index::Index,
    issuer::{Measurements, certify, receive},
    ledger::{LedgerAccess, act, act_all, next_nonce, require_query, tip},
    objects::{BlobAccess, Objects},
    receipt,
    researcher::{decrypt, handed_out},
    sealing::SealingSecretKey,
    wallet::{PartyKey, Protection, Role, Wallet},
};
use node::{
    Groth16Verifier, Ledger, Mempool,
    consensus::{Engine, Pace},
    genesis::{self, Committee, Genesis},
    query::{CohortQuery, DataUse, PrivacyMode, SealingKey},
    state::{CommitteeStage, QueryStatus, StateRead},
    transaction::{Action, Governance, StudyRegistration},
    units::Amount,
    validator::ValidatorSet,
};
use rand::{SeedableRng, rngs::StdRng};
use web::{
    api::{Metrics, Publishing, Service, StoredBytes, UploadQuota},
    chain::{Chain, now},
    client::{Remote, RemoteBlobs, RemoteCommittee, RemoteLedger},
    member::MemberService,
    node::{NO_PEERS, engine_options, validator},
    serve::{Running, StopOn, serve, serve_member},
};

use crate::world::{digest, proving_key, schema};

const PATIENCE: Duration = Duration::from_secs(120);
const PRICE: u64 = 100;
/// Variants measured, and each person's dosages at them.
const DOSAGES: [[Dosage; 3]; 2] =
    [[Dosage::Het, Dosage::HomAlt, Dosage::Missing], [Dosage::Het, Dosage::HomRef, Dosage::Het]];
/// Per variant: heterozygous, homozygous, called.
const TRUTH: [i32; 9] = [2, 0, 2, 0, 1, 2, 1, 0, 1];
/// One block of variants: the three above, and others that everybody has no copy of.
const MEASURED: u16 = 32;

pub fn sealing_key(key: &PartyKey) -> SealingKey {
    SealingKey::new(SealingSecretKey::from_bytes(key.sealing_seed().as_bytes()).public_key().to_bytes())
}

struct Parties {
    governor: PartyKey,
    validator: PartyKey,
    issuers: [PartyKey; 2],
    researcher: PartyKey,
    members: Vec<PartyKey>,
}

impl Parties {
    fn random(rng: &mut StdRng) -> Self {
        let mut key = |role| PartyKey::random(role, rng);
        Self {
            governor: key(Role::Governor),
            validator: key(Role::Validator),
            issuers: [key(Role::Issuer), key(Role::Issuer)],
            researcher: key(Role::Researcher),
            members: (0..4).map(|_| key(Role::Member)).collect(),
        }
    }

    fn genesis(&self) -> Genesis {
        let member = |key: &PartyKey| genesis::Member { account: key.account(), sealing: sealing_key(key) };
        let mut genesis = crate::world::genesis(Quorum::DEFAULT);
        genesis.time = now();
        genesis.parameters.early_sealing_allowed = true;
        genesis.balances = BTreeMap::from([(self.researcher.account(), Amount::new(1_000_000))]);
        genesis.governor = self.governor.account();
        genesis.validators = ValidatorSet::new(vec![validator(&self.validator, String::new(), 1)]).unwrap();
        genesis.committee = Committee { quorum: Quorum::DEFAULT, members: self.members.iter().map(member).collect() };
        genesis
    }
}

fn serve_node(parties: &Parties, folder: &Path) -> (Running, Engine) {
    let genesis = parties.genesis();
    let proofs = Box::new(Groth16Verifier::new(genesis.contribution.clone()));
    let ledger = Arc::new(Ledger::in_memory(genesis, proofs).unwrap());
    let mempool = Arc::new(Mempool::new(ledger));
    let pace = Pace { gather: Duration::from_millis(1), heartbeat: Duration::from_millis(100) };
    let engine =
        Engine::start(Arc::clone(&mempool), engine_options(&parties.validator, folder, NO_PEERS, pace).unwrap())
            .unwrap();
    let chain = Arc::new(Chain::new(mempool));
    let database = Database::open(&DatabaseUrl::file(&folder.join("locus.sqlite")).unwrap()).unwrap();
    let service = Service {
        publishing: Publishing::nothing(chain.ledger().chain()),
        blobs: Arc::new(Objects::directory(&folder.join("blobs")).unwrap()),
        index: Arc::new(Index::open(database, chain.ledger().chain()).unwrap()),
        chain,
        others: Arc::default(),
        quota: Arc::new(UploadQuota::new(1 << 30, StoredBytes::default())),
        metrics: Metrics::default(),
        engine: Some(engine.handle().clone()),
        custody: None,
        replay: web::signed_request::Replay::new(node::units::Timestamp::new(0)),
        sign_in: web::sign_in::SignIn::default(),
    };
    (serve(service, "127.0.0.1:0", StopOn::Request).unwrap(), engine)
}

/// A member on its own connection, with its endpoint and the thread that does its duties.
struct ServedMember {
    endpoint: Running,
    stopping: Arc<AtomicBool>,
    duties: Option<JoinHandle<()>>,
}

impl ServedMember {
    fn start(key: PartyKey, folder: &Path, node: &Remote) -> Self {
        let ledger: Arc<dyn LedgerAccess> = Arc::new(RemoteLedger::connect(node.clone()).unwrap());
        let member = Member::open(folder, key, &*ledger).unwrap();
        let account = member.account();
        let committee = Arc::new(LocalCommittee::new(vec![member], ledger, Arc::new(RemoteBlobs::new(node.clone()))));
        let shared: Arc<dyn CommitteeAccess> = Arc::clone(&committee) as Arc<dyn CommitteeAccess>;
        let service = MemberService { member: account, committee: shared };
        let endpoint = serve_member(service, "127.0.0.1:0", StopOn::Request).unwrap();
        let stopping = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stopping);
        let duties = thread::spawn(move || {
            let mut rng = StdRng::seed_from_u64(u64::from(account.as_bytes()[0]));
            while !told.load(Ordering::Acquire) {
                if let Err(error) = committee.step(&mut rng) {
                    // Members race for the same step; the loser sees the winner's and goes on.
                    eprintln!("member {account}: {error}");
                }
                thread::sleep(Duration::from_millis(20));
            }
        });
        Self { endpoint, stopping, duties: Some(duties) }
    }
}

impl Drop for ServedMember {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Release);
        self.duties.take().unwrap().join().unwrap();
    }
}

fn until(what: &str, done: impl Fn() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < PATIENCE, "{what} takes too long");
        thread::sleep(Duration::from_millis(20));
    }
}

fn accredit(ledger: &dyn LedgerAccess, parties: &Parties) {
    let mut decisions: Vec<_> = parties
        .issuers
        .iter()
        .map(|issuer| Governance::AccreditIssuer { account: issuer.account(), name: "Hospital".into() })
        .collect();
    decisions.push(Governance::AccreditResearcher { account: parties.researcher.account(), name: "Dr R".into() });
    act_all(ledger, &parties.governor.signing_key(), decisions.into_iter().map(Action::Govern).collect()).unwrap();
    act(ledger, &parties.researcher.signing_key(), Action::RegisterSchema(schema())).unwrap();
}

/// One certified person for each row of dosages, from alternating issuers.
fn enrol(ledger: &dyn LedgerAccess, parties: &Parties, folder: &Path, rng: &mut StdRng) -> Vec<Wallet> {
    let mut wallets = vec![];
    for (number, (dosages, issuer)) in DOSAGES.iter().zip(&parties.issuers).enumerate() {
        let path = folder.join(format!("{number}.wallet"));
        let mut wallet = Wallet::create(&path, Protection::DemoUnencrypted, ledger.chain(), "someone", rng).unwrap();
        let terms = ConsentTerms {
            salt: ConsentTerms::random_salt(rng),
            purposes: Purposes::HEALTH_RESEARCH.union(Purposes::NOTHING_REQUIRED),
            disease: 0,
            regions: Regions::ALL,
            expiry: Day(tip(ledger).unwrap().time.day().0 + 365),
            price_min: PRICE,
            epsilon_milli_max: 0,
            cohort_min: 2,
            flags: ConsentFlags::EXACT,
        };
        let enrolment = wallet.enrol(terms, None, rng).unwrap();
        let mut panel = vec![Dosage::HomRef; schema().panel.variants as usize];
        panel[..3].copy_from_slice(dosages);
        let measured = Measurements {
            schema: schema().id().unwrap(),
            attributes: Attributes::new([MISSING; ATTRIBUTES]),
            genotypes: Genotypes::new(&panel).unwrap(),
        };
        let certificates = certify(ledger, issuer, &[(measured.clone(), enrolment)]).unwrap();
        receive(ledger, &mut wallet, &enrolment, measured, &certificates[0]).unwrap();
        wallets.push(wallet);
    }
    let epoch = tip(ledger).unwrap().epoch;
    until("the next epoch", || tip(ledger).unwrap().epoch > epoch);
    wallets
}

fn open(ledger: &dyn LedgerAccess, researcher: &PartyKey) -> QueryId {
    let key = researcher.signing_key();
    let study = StudyRegistration { title: "Alleles".into(), protocol: digest("protocol"), ethics: "EC-1".into() };
    let nonce = next_nonce(ledger, &key).unwrap();
    let id = study.id(&ledger.chain(), &researcher.account(), nonce).unwrap();
    act(ledger, &key, Action::RegisterStudy(study)).unwrap();
    let today = tip(ledger).unwrap().time.day();
    let query = CohortQuery {
        study: id,
        schema: schema().id().unwrap(),
        criteria: Criteria::default(),
        matching: MatchCriteria::default(),
        issuers: vec![],
        parts: vec![Layout::genotypes(0, 0, MEASURED)],
        data_use: DataUse { purposes: Purposes::HEALTH_RESEARCH, disease: 0, regions: Regions(1) },
        price: Amount::new(PRICE),
        contributions_min: 2,
        contributions_max: 3,
        privacy: PrivacyMode::Exact,
        opening: today,
        closing: Day(today.0 + 7),
        aggregate_blocks_max: 10_000,
        release_blocks_max: 10_000,
        sealing: sealing_key(researcher),
    };
    let nonce = next_nonce(ledger, &key).unwrap();
    let id = query.id(&ledger.chain(), &researcher.account(), nonce).unwrap();
    act(ledger, &key, Action::OpenQuery(Box::new(query))).unwrap();
    id
}

#[test]
fn a_whole_query_over_http_gives_the_truth_and_a_receipt_that_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let rng = &mut StdRng::seed_from_u64(12);
    let parties = Parties::random(rng);
    let (running, _engine) = serve_node(&parties, folder.path());
    let node = Remote::new(&running.url()).unwrap();
    let ledger = RemoteLedger::connect(node.clone()).unwrap();
    let blobs = RemoteBlobs::new(node.clone());
    accredit(&ledger, &parties);

    let start = |(index, key): (usize, &PartyKey)| {
        ServedMember::start(key.clone(), &folder.path().join(format!("member {index}")), &node)
    };
    let members: Vec<_> = parties.members.iter().enumerate().map(start).collect();
    let urls = parties.members.iter().zip(&members);
    let committee = RemoteCommittee::new(
        urls.map(|(key, member)| (key.account(), Remote::new(&member.endpoint.url()).unwrap())).collect(),
    );
    until("the committee key", || {
        let epoch = ledger.committee_epoch().unwrap().unwrap_or_default();
        matches!(ledger.committee(epoch).unwrap().unwrap().stage, CommitteeStage::Active { .. })
    });

    let mut wallets = enrol(&ledger, &parties, folder.path(), rng);
    let query = open(&ledger, &parties.researcher);
    let agent = Agent { ledger: &ledger, blobs: &blobs, committee: &committee, proving: proving_key() };
    for wallet in &mut wallets {
        let outcome = agent.answer(wallet, query, rng).unwrap();
        assert!(matches!(outcome, Outcome::Admitted { .. }), "{outcome:?}");
    }
    act(&ledger, &parties.researcher.signing_key(), Action::Seal(query)).unwrap();
    aggregate(&ledger, &blobs, &committee, &parties.researcher.signing_key(), query).unwrap();
    until("the release", || match require_query(&ledger, query).unwrap().status {
        QueryStatus::Released { components, .. } => handed_out(&blobs, &components).unwrap(),
        _ => false,
    });

    let result = decrypt(&ledger, &blobs, &parties.researcher, query).unwrap();
    let truth: Vec<i32> =
        TRUTH.into_iter().chain([0, 0, 2].into_iter().cycle()).take(3 * usize::from(MEASURED)).collect();
    assert_eq!(result.slots(), std::slice::from_ref(&truth));
    let receipt = receipt::collect(&ledger, &blobs, query, result.components(), result.slots()).unwrap();
    let verified = receipt::verify(&receipt, Some(&blobs as &dyn BlobAccess)).unwrap();
    assert_eq!(verified.result(), [truth]);
}
