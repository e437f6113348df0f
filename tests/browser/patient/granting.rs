//! A person says yes to who asks for their genome, and it can be read with the key that was made for them.

use std::{fs, io::Cursor, path::Path, sync::Arc};

use circuits::{
    consent::{Day, Purposes, Regions},
    id::{AccountId, DatasetId, LicenceId},
};
use ed25519_dalek::SigningKey;
use market::{
    crypt4gh::{BodyManifest, SecretKey, encrypt},
    ledger::{LedgerAccess as _, act, next_nonce},
    licence::{OfferTerms, UnverifiedReaderKey, granted, prepare, require_dataset, require_licence},
    objects::{self, BlobAddress, BlobKind},
    wallet::{PartyKey, Protection, Role, Wallet},
};
use node::{
    query::DataUse,
    state::{LicenceStatus, StateRead as _},
    transaction::{Action, AllowedUse, RequestLicence},
    units::Amount,
};
use web::{
    client::{Remote, RemoteBlobs, RemoteCustodian, RemoteLedger},
    patient::{Origin, PatientPages, Reach},
    serve::{Running, StopOn, serve_patients},
};

use super::{
    journeys::{done, fill},
    ward::{protection, ward},
};
use crate::{
    api::licences::ask,
    browser::{
        chromium::{Browser, browser, soon},
        keyboard::{SKIP, Walk},
        looks::inspect,
        site::{folder, follow, site},
    },
};

const PRICE: u64 = 500;

/// Somebody who offers a genome, with pages of their own, and a researcher's request for it.
struct Offering {
    pages: Arc<PatientPages>,
    url: String,
    owner: AccountId,
    owner_key: SigningKey,
    /// What is in the genome, and the key that the researcher reads with.
    plaintext: Vec<u8>,
    body: Vec<u8>,
    manifest: BodyManifest,
    reader: SecretKey,
    dataset: DatasetId,
    licence: LicenceId,
    document: UnverifiedReaderKey,
    _running: Running,
}

fn ledger() -> RemoteLedger {
    RemoteLedger::connect(Remote::new(&site().url).unwrap()).unwrap()
}

impl Offering {
    /// What somebody of the ward offers.
    fn make(number: usize) -> Self {
        let path = &ward().paths[number];
        let wallet = Wallet::open(path, protection()).unwrap();
        let (ledger, blobs) = (ledger(), RemoteBlobs::new(Remote::new(&site().url).unwrap()));
        let rng = &mut rand::rng();
        let (owner, reader) = (SecretKey::random(rng), SecretKey::random(rng));
        let genome = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/demo/genomes.vcf");
        let (plaintext, mut file) = (fs::read(genome).unwrap(), vec![]);
        let manifest = encrypt(&[owner.public_key()], &plaintext[..], &mut file, rng).unwrap();
        let custodian =
            PartyKey::open(&folder().join("keys/custodian.key"), Role::Custodian, &Protection::DemoUnencrypted);
        let allowed = AllowedUse { purposes: Purposes::HEALTH_RESEARCH, disease: 0, regions: Regions::ALL };
        let terms = OfferTerms {
            record: Some(wallet.holdings()[0].leaf),
            allowed,
            price_min: Amount::new(PRICE),
            term_days_max: 30,
            embargo: Day(0),
            custodian: custodian.unwrap().account(),
        };
        let prepared = prepare(&file[..], &manifest, &terms).unwrap();
        let body = file[prepared.header.len()..].to_vec();
        objects::put(&blobs, BlobKind::GenomeHeader, prepared.header).unwrap();
        let address = BlobAddress { kind: BlobKind::Genome, digest: prepared.offer.body };
        blobs.upload(address, body.len() as u64, &mut Cursor::new(body.clone()), |_| {}).unwrap();
        let (key, owner_account) = (wallet.owner_key(), wallet.owner());
        // The pages open it.
        drop(wallet);
        let dataset = prepared.offer.id(&ledger.chain(), &owner_account, next_nonce(&ledger, &key).unwrap()).unwrap();
        act(&ledger, &key, Action::OfferDataset(Box::new(prepared.offer))).unwrap();
        let request = RequestLicence {
            dataset,
            data_use: DataUse { purposes: Purposes::HEALTH_RESEARCH, disease: 0, regions: Regions(1) },
            term_days: 10,
            price: Amount::new(PRICE),
            embargo: Day(0),
            answer_blocks_max: 1_000,
        };
        let researcher = site().researcher.signing_key();
        let (licence, document) = ask(&ledger, &researcher, request, &reader.public_key());
        let (running, pages) = Self::serve(path.clone(), owner);
        let url = running.url();
        Self {
            pages,
            url,
            owner: owner_account,
            owner_key: key,
            plaintext,
            body,
            manifest,
            reader,
            dataset,
            licence,
            document,
            _running: running,
        }
    }

    /// Pages for one wallet, with the key of its genome, that reach the node directly: a custodian gives a header to who signed
    /// for its own address.
    fn serve(path: std::path::PathBuf, owner: SecretKey) -> (Running, Arc<PatientPages>) {
        let remote = Remote::new(&site().url).unwrap();
        let reach = Reach {
            ledger: Arc::new(ledger()),
            blobs: Arc::new(RemoteBlobs::new(remote.clone())),
            node: Some(remote),
            // One that opens nothing of this is passed over.
            diseases: None,
            genome_keys: vec![SecretKey::random(&mut rand::rng()), owner],
        };
        serve_patients("127.0.0.1:0".parse().unwrap(), StopOn::Request, |address| {
            PatientPages::open(reach, &[path], protection(), Origin::of_loopback(address).unwrap(), |_| {})
        })
        .unwrap()
    }

    fn open(&self, browser: &Browser, path: &str) {
        browser.open(&format!("{}{path}", self.url));
    }

    /// The genome, fetched and decrypted as the researcher does it.
    fn fetched(&self) -> Vec<u8> {
        let (ledger, rng) = (ledger(), &mut rand::rng());
        let (licence, state) = granted(&ledger, self.licence).unwrap();
        let remote = Remote::new(&site().url).unwrap();
        let researcher = site().researcher.signing_key();
        let custodian = RemoteCustodian::new(remote, researcher, ledger.chain(), web::chain::now);
        let header = custodian.header(state.request.dataset, rng).unwrap().unwrap();
        let opened = licence.header(&header).unwrap().open(&self.reader).unwrap();
        opened.decrypt(&self.body[..], vec![]).unwrap().verify(&self.manifest).unwrap().into_inner()
    }
}

/// The offer is taken back after a second look, once; the licence that was granted runs on.
fn withdraw_offer(offering: &Offering, browser: &Browser) {
    let withdraw = format!("/licences/data/{}/withdraw", offering.dataset);
    offering.open(browser, "/licences");
    browser.click(&format!("a[href='{withdraw}']"));
    browser.until("document.getElementById('confirm')");
    inspect(browser, "patient-withdraw-data");
    let asked = browser.text("main");
    assert!(asked.contains("Nobody can ask any more") && asked.contains("It cannot be undone"), "{asked}");
    assert!(asked.contains("Licences that you granted before run on"), "{asked}");
    browser.click("#confirm");
    done(browser);
    assert!(require_dataset(&ledger(), offering.dataset).unwrap().withdrawn.is_some());
    offering.open(browser, "/licences");
    let told = browser.text("main");
    assert!(told.contains("Not offered any more") && told.contains("End this licence"), "{told}");
    assert!(!told.contains("Stop offering"), "{told}");
    assert_eq!(offering.fetched(), offering.plaintext);
    // There is no offer left to take back.
    offering.open(browser, &withdraw);
    assert!(browser.text("h1").contains("There is nothing here"), "{}", browser.text("main"));
}

#[test]
fn a_licence_is_granted_after_a_second_look_and_the_licensee_alone_can_read() {
    let (ward, browser) = (ward(), browser());
    let offering = Offering::make(ward.stranger);
    browser.open(&offering.pages.links()[0].url);
    browser.click("#enter");
    browser.until("location.pathname === '/' && document.querySelector('form[action=\"/out\"]')");
    let grant = format!("/licences/{}/grant", offering.licence);
    soon(|| {
        offering.open(&browser, "/licences");
        let text = browser.text("main");
        if text.contains("Waits for you") { Ok(()) } else { Err(format!("nothing waits: {text}")) }
    });
    inspect(&browser, "patient-licences-asked");
    offering.open(&browser, &format!("/licences/{}/decline", offering.licence));
    inspect(&browser, "patient-decline-licence");
    offering.open(&browser, "/licences");
    browser.click(&format!("a[href='{grant}']"));
    browser.until("document.getElementById('document')");
    inspect(&browser, "patient-grant");
    // What another signed, or for another licence, is no paper of theirs.
    let foreign = UnverifiedReaderKey::sign(
        ledger().chain(),
        offering.licence,
        &offering.reader.public_key(),
        &offering.owner_key,
    );
    for wrong in [String::new(), "their key".into(), foreign.to_text().unwrap(), "ab".repeat(32)] {
        browser.run("document.getElementById('document-error')?.remove()");
        fill(&browser, "document", &wrong);
        browser.click("#review");
        browser.until("document.getElementById('document-error')");
    }
    assert_eq!(browser.run("return document.getElementById('document').getAttribute('aria-invalid')"), "true");
    inspect(&browser, "patient-grant-errors");
    fill(&browser, "document", &offering.document.to_text().unwrap());
    browser.click("#review");
    browser.until("document.getElementById('confirm')");
    let asked = browser.text("main");
    assert!(asked.contains("It cannot be undone") && asked.contains("You are paid 500"), "{asked}");
    assert!(asked.contains("Demo researcher") && asked.contains("copies stay where they are"), "{asked}");
    inspect(&browser, "patient-grant-confirm");
    let before = ledger().account(offering.owner).unwrap().unwrap_or_default().balance;
    browser.click("#confirm");
    done(&browser);
    assert!(browser.text("#doing").contains("You were paid."), "{}", browser.text("#doing"));
    let after = ledger().account(offering.owner).unwrap().unwrap().balance;
    assert_eq!(after.get() - before.get(), PRICE);
    assert!(matches!(require_licence(&ledger(), offering.licence).unwrap().status, LicenceStatus::Granted { .. }));
    assert_eq!(offering.fetched(), offering.plaintext);
    offering.open(&browser, "/licences");
    assert!(browser.text("main").contains("End this licence"), "{}", browser.text("main"));
    inspect(&browser, "patient-licences-granted");
    offering.open(&browser, &format!("/licences/{}/revoke", offering.licence));
    inspect(&browser, "patient-revoke");
    offering.open(&browser, "/licences");
    assert!(browser.text("#paid").contains("What licences paid"), "{}", browser.text("main"));
    withdraw_offer(&offering, &browser);
    // Nothing is left to say yes to.
    offering.open(&browser, &grant);
    assert!(browser.text("h1").contains("There is nothing here"), "{}", browser.text("main"));
    drop(browser.complaints());
    // Without the key the page says how to go on, and grants nothing.
    ward.enter(&browser, ward.stranger);
    ward.open(&browser, &grant);
    assert!(browser.text("h1").contains("There is nothing here"), "{}", browser.text("main"));
    drop(browser.complaints());
}

#[test]
fn a_licence_is_granted_by_keyboard_alone_from_the_way_in_to_the_pay() {
    let (ward, browser) = (ward(), browser());
    let offering = Offering::make(ward.contributors[3]);
    follow(&site().url);
    let walk = Walk::begin(&browser, &offering.pages.links()[0].url);
    // Its button has the focus at once, and whoever looks around first comes back to it.
    browser.until("document.activeElement.id === 'enter'");
    walk.back_to(SKIP);
    walk.enter("#enter");
    browser.until("location.pathname === '/' && document.querySelector('form[action=\"/out\"]')");
    assert!(browser.text("main").contains("Somebody asks for your data"), "{}", browser.text("main"));
    walk.enter(".alert a[href='/licences']");
    browser.until("location.pathname === '/licences'");
    walk.enter(&format!("a[href='/licences/{}/grant']", offering.licence));
    browser.until("document.getElementById('document')");
    walk.to("#document");
    walk.pastes(&offering.document.to_text().unwrap());
    walk.enter("#review");
    browser.until("document.getElementById('confirm')");
    assert!(browser.text("main").contains("You are paid 500"), "{}", browser.text("main"));
    walk.enter("#confirm");
    done(&browser);
    assert!(browser.text("#doing").contains("You were paid."), "{}", browser.text("#doing"));
    assert!(matches!(require_licence(&ledger(), offering.licence).unwrap().status, LicenceStatus::Granted { .. }));
    assert_eq!(offering.fetched(), offering.plaintext);
    walk.enter("#back");
    browser.until("location.pathname === '/licences'");
    assert!(browser.text("main").contains("End this licence"), "{}", browser.text("main"));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
