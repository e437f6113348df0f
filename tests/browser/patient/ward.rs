//! A hospital's agent on the site's network: it reaches the node through a line that can be cut.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use circuits::{
    consent::{ConsentFlags, ConsentTerms},
    eligibility,
    id::ScreeningId,
};
use market::{
    data_use::{DiseaseCode, DiseaseNames, RegionTable},
    issuer::change_consent,
    ledger::{LedgerAccess, tip},
    recruitment::{Invitation, Outcome, ScreeningAgent, ScreeningFile, Sponsor},
    wallet::{PartyKey, Protection, Role, Wallet},
};
use node::{state::StateRead as _, units::ResponseIndex};
use web::{
    client::{Remote, RemoteBlobs, RemoteLedger},
    patient::{Origin, PatientPages, Reach},
    serve::{Running, StopOn, serve_patients},
};

use crate::{
    api::{line::Line, sealing_key},
    browser::{
        chromium::Browser,
        site::{HOSTILE, Site, folder, site},
    },
};

/// The demo's screenings are verified under the key of this seed.
const DEMO_SEED: [u8; 32] = [0; 32];
/// What the site's screening pays.
pub const SCREENING_PRICE: u64 = 600;

/// The illness that it is about, which the ward's agent knows by name.
const ILLNESS: &str = "DOID:9352";

/// What the Human Disease Ontology calls illnesses.
fn diseases() -> DiseaseNames {
    let text = include_bytes!("../../data/demo/doid.obo");
    DiseaseNames::from_obo("doid.obo", text.as_slice()).unwrap()
}

/// Whose wallet is whose in the tests.
pub struct Ward {
    pub pages: Arc<PatientPages>,
    pub url: String,
    pub line: Line,
    pub paths: Vec<PathBuf>,
    /// Those whose agents answered the demo's query: one for each test that changes something.
    pub contributors: Vec<usize>,
    /// Somebody whose agent declined.
    pub stranger: usize,
    pub screening: ScreeningId,
    _running: Running,
}

pub fn protection() -> Protection {
    let key = folder().join("keys/custodian.key");
    let custodian = PartyKey::open(&key, Role::Custodian, &Protection::DemoUnencrypted).unwrap();
    Protection::StorageKey(custodian.storage_key())
}

impl Ward {
    fn make() -> Self {
        let site = site();
        let mut paths: Vec<PathBuf> =
            std::fs::read_dir(folder().join("wallets")).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "wallet"));
        paths.sort();
        let answered = |path: &PathBuf| !Wallet::open(path, protection()).unwrap().answers().is_empty();
        let (contributors, others): (Vec<usize>, Vec<usize>) =
            (0..paths.len()).partition(|place| answered(&paths[*place]));
        let screening = invite(site, &paths[contributors[2]]);
        let line = Line::to(&site.url);
        let remote = Remote::new(&line.url).unwrap();
        let reach = Reach {
            ledger: Arc::new(RemoteLedger::connect(remote.clone()).unwrap()),
            blobs: Arc::new(RemoteBlobs::new(remote.clone())),
            node: Some(remote),
            genome_keys: vec![],
            diseases: Some(Arc::new(diseases())),
        };
        let at = "127.0.0.1:0".parse().unwrap();
        let (running, pages) = serve_patients(at, StopOn::Request, |address| {
            PatientPages::open(reach, &paths, protection(), Origin::of_loopback(address).unwrap(), |_| {})
        })
        .unwrap();
        let url = running.url();
        Self { pages, url, line, paths, contributors, stranger: others[0], screening, _running: running }
    }

    /// A wallet's file.
    pub fn wallet(&self, number: usize) -> Wallet {
        Wallet::open(&self.paths[number], protection()).unwrap()
    }

    /// A new link of a wallet.
    pub fn link(&self, number: usize) -> String {
        self.pages.links()[number].url.clone()
    }

    /// Signs the browser in to a wallet.
    #[track_caller]
    pub fn enter(&self, browser: &Browser, number: usize) {
        browser.open(&self.link(number));
        browser.click("#enter");
        browser.until("location.pathname === '/' && document.querySelector('form[action=\"/out\"]')");
    }

    /// Opens one of the pages.
    pub fn open(&self, browser: &Browser, path: &str) {
        browser.open(&format!("{}{path}", self.url));
    }
}

/// Lets a person allow screenings, and leaves them an invitation with a title that is markup.
fn invite(site: &Site, path: &std::path::Path) -> ScreeningId {
    let remote = Remote::new(&site.url).unwrap();
    let (ledger, blobs) = (RemoteLedger::connect(remote.clone()).unwrap(), RemoteBlobs::new(remote));
    let rng = &mut rand::rng();
    let mut wallet = Wallet::open(path, protection()).unwrap();
    let mut terms = wallet.holdings()[0].consent.clone();
    terms.flags = terms.flags.union(ConsentFlags::SCREENING);
    terms.salt = ConsentTerms::random_salt(rng);
    change_consent(&ledger, &mut wallet, 0, terms).unwrap();
    site.pass_epoch(&ledger);
    let file = ScreeningFile {
        study: site.hostile,
        schema: site.schema,
        criteria: vec![],
        issuers: vec![],
        purposes: vec!["health-research".into()],
        disease: ILLNESS.parse::<DiseaseCode>().unwrap().number(),
        regions: 1,
        data_use: None,
        region_table: RegionTable::default(),
        price: SCREENING_PRICE,
        responses_max: 4,
        days: 20,
    };
    let schema = ledger.schema(site.schema).unwrap().unwrap();
    let today = tip(&ledger).unwrap().time.day();
    let sponsor = Sponsor { ledger: &ledger, blobs: &blobs, key: &site.researcher };
    let (id, _) = sponsor.open(file.resolve(&schema, today, sealing_key(&site.researcher)).unwrap()).unwrap();
    let key = eligibility::insecure_proving_key_from_seed(DEMO_SEED).unwrap();
    let agent = ScreeningAgent { ledger: &ledger, blobs: &blobs };
    let outcome = agent.proving(&key).respond(&mut wallet, &agent.open(id).unwrap(), rng).unwrap();
    assert!(matches!(outcome, Outcome::Admitted { .. }), "{outcome:?}");
    let letter = Invitation {
        title: HOSTILE.into(),
        about: format!("Two visits.\n{HOSTILE}"),
        answering: "Leave an address.".into(),
    };
    sponsor.invite(id, &BTreeSet::from([ResponseIndex::new(0)]), &letter).unwrap();
    id
}

/// What the sponsor reads of those who answered.
pub fn contacts(screening: ScreeningId) -> Vec<Option<String>> {
    let site = site();
    let remote = Remote::new(&site.url).unwrap();
    let (ledger, blobs) = (RemoteLedger::connect(remote.clone()).unwrap(), RemoteBlobs::new(remote));
    let sponsor = Sponsor { ledger: &ledger, blobs: &blobs, key: &site.researcher };
    let answers = sponsor.answers(screening).unwrap();
    answers.into_iter().map(|answer| answer.contact.map(|contact| contact.text().to_owned())).collect()
}

/// The ledger, without the line.
pub fn ledger() -> impl LedgerAccess {
    RemoteLedger::connect(Remote::new(&site().url).unwrap()).unwrap()
}

/// The ward that all tests work in.
pub fn ward() -> &'static Ward {
    static WARD: OnceLock<Ward> = OnceLock::new();
    WARD.get_or_init(Ward::make)
}
