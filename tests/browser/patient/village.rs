//! A network on which every name and every word of a schema is markup, and the pages of two of its people, served together.

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
    thread,
};

use circuits::{
    consent::{ConsentFlags, ConsentTerms, Day, Purposes, Regions},
    criteria::Criteria,
    id::{DatasetId, Digest, LicenceId, QueryId, ScreeningId},
    quorum::Quorum,
    record::{ATTRIBUTES, Attributes, Dosage, Genotypes, MISSING},
    schema::{Attribute, Schema, Sensitivity, Variant, VariantPanel},
};
use ed25519_dalek::SigningKey;
use market::{
    agent,
    crypt4gh::SecretKey,
    issuer::{Measurements, certify, change_consent, receive},
    ledger::{LedgerAccess, LocalLedger, act, next_nonce},
    objects::Objects,
    recruitment::{Contact, Invitation, Outcome, ScreeningAgent, Sponsor},
    wallet::{PartyKey, Wallet},
};
use node::{
    query::DataUse,
    screening::{ScreeningQuery, as_query},
    signature::account_of,
    transaction::{Action, AllowedUse, Governance, GrantLicence, OfferDataset, RequestLicence},
    units::{Amount, LeafIndex, ResponseIndex, SECONDS_PER_DAY, Timestamp},
};
use tempfile::TempDir;
use web::{
    api::{Metrics, Publishing, Service, StoredBytes, UploadQuota},
    chain::Chain,
    client::Remote,
    patient::{Origin, PatientPages, Reach},
    serve::{Running, StopOn, serve, serve_patients},
};

use super::hostile::Client;
use crate::{
    api::{index_at, licences::ask},
    browser::{
        chromium::Browser,
        site::{HOSTILE, follow},
    },
    market_world::{
        PRICE, TODAY, World, four_people, protection, schema, screening_key, sealing_key, terms, wallet_path,
    },
};

/// Who owns everything that the forms are about, and who has nothing to do with it.
pub const ADA: usize = 0;
pub const EVE: usize = 1;

/// Blocks within which a request is to be answered: more than the tests make.
const ANSWER_BLOCKS_MAX: u32 = 1_000_000;

/// A text that says what it is, and is markup.
pub fn named(what: &str) -> String {
    format!("{what} {HOSTILE}")
}

/// The same moment in every thread, so that whoever makes a block is at no other's past.
pub fn clock() -> Timestamp {
    Timestamp::new(u64::from(TODAY) * SECONDS_PER_DAY)
}

/// The network with its people.
pub struct Village {
    pages: Arc<PatientPages>,
    pub url: String,
    /// The files of the wallets, Ada's first.
    pub paths: Vec<PathBuf>,
    pub offers: Offers,
    /// What Ada answered, which still collects.
    answered: QueryId,
    /// Ada is invited by each of these, and has accepted the last one.
    accepts: ScreeningId,
    declines: ScreeningId,
    accepted: ScreeningId,
    /// What Ada offers and can take back.
    given_up: DatasetId,
    /// What is asked of her for other data: it waits, it waits, and it was granted.
    pub to_grant: Request,
    to_decline: Request,
    to_revoke: Request,
    blobs: Arc<Objects>,
    node: Running,
    _agent: Running,
    _folder: TempDir,
}

/// A request for a licence, with the paper that names its reader's key.
pub struct Request {
    pub licence: LicenceId,
    pub document: String,
}

/// What Ada offers, and what the researcher asks of her.
pub struct Offers {
    ledger: Arc<LocalLedger>,
    owner: SigningKey,
    record: LeafIndex,
    researcher: PartyKey,
}

impl Offers {
    fn ledger(&self) -> &dyn LedgerAccess {
        &*self.ledger
    }

    /// Data that Ada offers anew.
    pub fn data(&self) -> DatasetId {
        let digest = |byte| Digest::from_bytes([byte; 32]);
        let offer = OfferDataset {
            body: digest(1),
            body_bytes: 65_564,
            plaintext_bytes: 65_536,
            header: digest(2),
            record: Some(self.record),
            allowed: AllowedUse { purposes: Purposes::HEALTH_RESEARCH, disease: 0, regions: Regions::ALL },
            price_min: Amount::new(500),
            term_days_max: 30,
            embargo: Day(0),
            custodian: self.researcher.account(),
        };
        let nonce = next_nonce(self.ledger(), &self.owner).unwrap();
        let id = offer.id(&self.ledger.chain(), &account_of(&self.owner), nonce).unwrap();
        act(self.ledger(), &self.owner, Action::OfferDataset(Box::new(offer))).unwrap();
        id
    }

    /// A request for it, which waits for Ada.
    pub fn request(&self, dataset: DatasetId) -> Request {
        let request = RequestLicence {
            dataset,
            data_use: DataUse { purposes: Purposes::HEALTH_RESEARCH, disease: 0, regions: Regions(1) },
            term_days: 10,
            price: Amount::new(500),
            embargo: Day(0),
            answer_blocks_max: ANSWER_BLOCKS_MAX,
        };
        let reader = SecretKey::random(&mut rand::rng()).public_key();
        let (licence, document) = ask(self.ledger(), &self.researcher.signing_key(), request, &reader);
        Request { licence, document: document.to_text().unwrap() }
    }

    /// The same, granted.
    pub fn granted(&self, dataset: DatasetId) -> Request {
        let request = self.request(dataset);
        let grant = GrantLicence { licence: request.licence, header: Digest::from_bytes([3; 32]) };
        act(self.ledger(), &self.owner, Action::GrantLicence(grant)).unwrap();
        request
    }
}

/// A schema in which everything that is a text is markup.
fn described() -> Schema {
    let variant = |pos| Variant { chrom: "20".into(), pos, reference: "A".into(), alternate: "G".into() };
    let panel = VariantPanel { build: named("build"), variants: [10, 20, 30].map(variant).into() };
    let attribute = Attribute {
        name: named("age"),
        unit: named("unit"),
        coding: named("coding"),
        scale: 1,
        lo: 0,
        hi: 120,
        digits: 1,
        sensitivity: Sensitivity::Public,
    };
    Schema { name: named("schema"), attributes: vec![attribute], panel: panel.reference().unwrap() }
}

/// Accredits everybody, under names that are markup.
fn accredit(world: &World) {
    let governor = world.keys.governor.signing_key();
    let [first, second] = &world.keys.issuers;
    for decision in [
        Governance::AccreditIssuer { account: first.account(), name: named("issuer") },
        Governance::AccreditIssuer { account: second.account(), name: "Hospital".into() },
        Governance::AccreditResearcher { account: world.keys.researcher.account(), name: named("asker") },
    ] {
        act(world.ledger(), &governor, Action::Govern(decision)).unwrap();
    }
    for schema in [schema(), described()] {
        act(world.ledger(), &world.keys.researcher.signing_key(), Action::RegisterSchema(schema)).unwrap();
    }
}

/// Lets somebody allow screenings.
pub fn allow_screening(world: &mut World, wallet: &mut Wallet) {
    let before = wallet.holdings()[0].consent.clone();
    let flags = before.flags.union(ConsentFlags::SCREENING);
    let salt = ConsentTerms::random_salt(&mut world.rng);
    change_consent(world.ledger(), wallet, 0, ConsentTerms { flags, salt, ..before }).unwrap();
    world.pass_epoch();
}

/// Opens a screening, to which somebody responds and is invited with a letter that is markup.
pub fn invited(world: &World, wallet: &mut Wallet) -> ScreeningId {
    let (ledger, blobs, key) = (world.ledger(), world.blobs.as_ref(), &world.keys.researcher);
    let sponsor = Sponsor { ledger, blobs, key };
    let screening = ScreeningQuery {
        study: world.study(),
        schema: schema().id().unwrap(),
        criteria: Criteria::default(),
        issuers: vec![],
        data_use: DataUse { purposes: Purposes::HEALTH_RESEARCH, disease: 0, regions: Regions(1) },
        price: Amount::new(PRICE),
        responses_max: 4,
        opening: Day(TODAY),
        closing: Day(TODAY + 30),
        sealing: sealing_key(key),
    };
    let (id, _) = sponsor.open(screening).unwrap();
    let agent = ScreeningAgent { ledger, blobs };
    let opened = agent.open(id).unwrap();
    let outcome = agent.proving(screening_key()).respond(wallet, &opened, &mut rand::rng()).unwrap();
    assert!(matches!(outcome, Outcome::Admitted { .. }), "{outcome:?}");
    let letter = Invitation { title: named("title"), about: named("about"), answering: named("answering") };
    sponsor.invite(id, &[ResponseIndex::new(0)].into(), &letter).unwrap();
    id
}

/// Certifies another record for somebody, whose schema is markup. Where it lies.
fn certify_described(world: &mut World, wallet: &mut Wallet) -> LeafIndex {
    let consent = terms(Purposes::HEALTH_RESEARCH, &mut world.rng);
    let enrolment = wallet.enrol(consent, None, &mut world.rng).unwrap();
    let mut attributes = [MISSING; ATTRIBUTES];
    attributes[0] = 44;
    let measured = Measurements {
        schema: described().id().unwrap(),
        attributes: Attributes::new(attributes),
        genotypes: Genotypes::new(&[Dosage::Het, Dosage::HomRef, Dosage::Missing]).unwrap(),
    };
    let certified = certify(world.ledger(), &world.keys.issuers[0], &[(measured.clone(), enrolment)]).unwrap();
    receive(world.ledger(), wallet, &enrolment, measured, &certified[0]).unwrap();
    world.pass_epoch();
    certified[0].leaf
}

/// Serves the node, whose index lists what is offered.
fn serve_node(world: &World) -> Running {
    let chain = Arc::new(Chain::with_clock(Arc::clone(world.ledger.mempool()), clock));
    let service = Service {
        blobs: Arc::clone(&world.blobs),
        publishing: Publishing::nothing(chain.ledger().chain()),
        index: Arc::new(index_at(&world.root.join("index.sqlite"), chain.ledger().chain())),
        chain,
        others: Arc::default(),
        quota: Arc::new(UploadQuota::new(1 << 20, StoredBytes::default())),
        metrics: Metrics::default(),
        engine: None,
        custody: None,
        replay: web::signed_request::Replay::new(Timestamp::new(0)),
        sign_in: web::sign_in::SignIn::default(),
    };
    serve(service, "127.0.0.1:0", StopOn::Request).unwrap()
}

impl Village {
    fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut world = World::open_by(folder.path(), Quorum::DEFAULT, |_| {}, clock);
        accredit(&world);
        world.work();
        let mut wallets = world.people(&four_people()[..2]);
        allow_screening(&mut world, &mut wallets[ADA]);
        let [accepts, declines, accepted] = [(); 3].map(|()| invited(&world, &mut wallets[ADA]));
        let agent = ScreeningAgent { ledger: world.ledger(), blobs: world.blobs.as_ref() };
        let contact = Contact::new(named("contact")).unwrap();
        agent.accept(&mut wallets[ADA], accepted, &contact, &mut rand::rng()).unwrap();
        let answered = world.lasting_query(2, 10, 1_000, 30);
        let outcomes = world.answer_all(&mut wallets[..1], answered);
        assert!(matches!(outcomes[..], [agent::Outcome::Admitted { .. }]), "{outcomes:?}");
        let record = certify_described(&mut world, &mut wallets[ADA]);
        let offers = Offers {
            ledger: Arc::clone(&world.ledger),
            owner: wallets[ADA].owner_key(),
            record,
            researcher: world.keys.researcher.clone(),
        };
        let (given_up, data) = (offers.data(), offers.data());
        let [to_grant, to_decline] = [(); 2].map(|()| offers.request(data));
        let to_revoke = offers.granted(data);
        // The pages open them.
        drop(wallets);
        let node = serve_node(&world);
        let reach = Reach {
            ledger: Arc::clone(&world.ledger) as _,
            blobs: Arc::clone(&world.blobs) as _,
            node: Some(Remote::new(&node.url()).unwrap()),
            genome_keys: vec![SecretKey::random(&mut rand::rng())],
            diseases: None,
        };
        let paths: Vec<_> = [ADA, EVE].map(|number| wallet_path(folder.path(), number)).into();
        let (agent, pages) = serve_patients("127.0.0.1:0".parse().unwrap(), StopOn::Request, |address| {
            PatientPages::open(reach, &paths, protection(), Origin::of_loopback(address).unwrap(), |_| {})
        })
        .unwrap();
        Self {
            pages,
            url: agent.url(),
            paths,
            offers,
            answered,
            accepts,
            declines,
            accepted,
            given_up,
            to_grant,
            to_decline,
            to_revoke,
            blobs: world.blobs,
            node,
            _agent: agent,
            _folder: folder,
        }
    }

    /// An address as the code has it, filled with what of Ada's it is about.
    #[track_caller]
    pub fn path(&self, address: &str) -> String {
        let id = match address {
            "/asked/{query}/take-back" => self.answered.to_string(),
            "/invitations/{id}" => self.accepts.to_string(),
            "/invitations/{id}/decline" => self.declines.to_string(),
            "/invitations/{id}/again" => self.accepted.to_string(),
            "/licences/{id}/grant" => self.to_grant.licence.to_string(),
            "/licences/{id}/decline" => self.to_decline.licence.to_string(),
            "/licences/{id}/revoke" => self.to_revoke.licence.to_string(),
            "/licences/data/{id}/withdraw" => self.given_up.to_string(),
            // A response is paid for when it is admitted.
            "/money/{id}" => as_query(self.accepts).to_string(),
            _ => "0".into(),
        };
        let path =
            ["{id}", "{query}", "{record}"].iter().fold(address.to_owned(), |path, part| path.replace(part, &id));
        assert!(!path.contains('{'), "{path} has a part that the village does not know");
        path
    }

    pub fn ledger(&self) -> &dyn LedgerAccess {
        self.offers.ledger()
    }

    /// Waits until the node lists what the ledger holds.
    pub fn follow(&self) {
        follow(&self.node.url());
    }

    /// The contacts that were left with the screening of Ada's first invitation, as its sponsor reads them.
    pub fn contacts(&self) -> Vec<Option<String>> {
        let sponsor = Sponsor { ledger: self.ledger(), blobs: self.blobs.as_ref(), key: &self.offers.researcher };
        let answers = sponsor.answers(self.accepts).unwrap();
        answers.into_iter().map(|answer| answer.contact.map(|contact| contact.text().to_owned())).collect()
    }

    /// A new link of somebody's.
    pub fn link(&self, person: usize) -> String {
        self.pages.links()[person].url.clone()
    }

    /// Somebody with a new session.
    pub fn visitor(&self, person: usize) -> Client {
        Client::entering(&self.url, &self.link(person))
    }

    /// Signs the browser in.
    #[track_caller]
    pub fn enter(&self, browser: &Browser, person: usize) {
        browser.open(&self.link(person));
        browser.click("#enter");
        browser.until("location.pathname === '/' && document.querySelector('form[action=\"/out\"]')");
    }

    /// Opens one of the pages.
    pub fn open(&self, browser: &Browser, path: &str) {
        browser.open(&format!("{}{path}", self.url));
    }
}

/// The village that these tests work in.
pub fn village() -> &'static Village {
    static VILLAGE: OnceLock<Village> = OnceLock::new();
    // In a thread of its own: another test may have moved the clock of this one.
    VILLAGE.get_or_init(|| thread::spawn(Village::make).join().unwrap())
}
