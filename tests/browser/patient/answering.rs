//! Answers to invitations that the network or its store did not take: what the page says, and how they are given all the same.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use circuits::{
    id::{ChainId, QueryId, ScreeningId},
    quorum::Quorum,
};
use market::{
    Error,
    ledger::{LedgerAccess, LocalLedger, TransactionStatus, tip},
    objects::{BlobAccess, BlobAddress, BlobKind, Objects},
    recruitment::Sponsor,
    wallet::{InvitationReply, PartyKey, Wallet},
};
use node::{
    StateProof,
    block::{Block, SignedHeader},
    genesis::Genesis,
    light::Handover,
    state::{ResponseStatus, StateKey, StateRead as _, StateView},
    transaction::{Transaction, TransactionId},
    units::{Height, ResponseIndex},
};
use tempfile::TempDir;
use ureq::http::StatusCode;
use web::{
    patient::{Origin, PatientPages, Reach},
    serve::{Running, StopOn, serve_patients},
};

use super::{
    Afterwards,
    hostile::{Client, operation},
    journeys::{done, fill},
    village::{allow_screening, clock, invited},
};
use crate::{
    browser::{
        chromium::{Browser, browser},
        looks::inspect,
    },
    market_world::{World, four_people, protection, wallet_path},
};

const CONTACT: &str = "ada@example.org";

/// A ledger that takes nothing while an error is set.
struct Unwilling {
    inner: Arc<LocalLedger>,
    error: Mutex<Option<node::Error>>,
}

impl Unwilling {
    fn set(&self, error: Option<node::Error>) {
        *self.error.lock().unwrap() = error;
    }
}

impl StateView for Unwilling {
    fn bytes(&self, key: &[u8]) -> Result<Option<Vec<u8>>, node::Error> {
        self.inner.bytes(key)
    }
}

impl LedgerAccess for Unwilling {
    fn genesis(&self) -> &Genesis {
        self.inner.genesis()
    }

    fn chain(&self) -> ChainId {
        self.inner.chain()
    }

    fn submit(&self, transaction: Transaction) -> Result<TransactionId, Error> {
        let error = self.error.lock().unwrap().clone();
        error.map_or_else(|| self.inner.submit(transaction), |error| Err(error.into()))
    }

    fn status(&self, transaction: TransactionId) -> Result<TransactionStatus, Error> {
        self.inner.status(transaction)
    }

    fn block(&self, height: Height) -> Result<Option<Block>, Error> {
        self.inner.block(height)
    }

    fn header(&self, height: Height) -> Result<Option<SignedHeader>, Error> {
        self.inner.header(height)
    }

    fn handovers(&self, after: Height) -> Result<Vec<Handover>, Error> {
        self.inner.handovers(after)
    }

    fn prove(&self, height: Height, key: StateKey) -> Result<StateProof, Error> {
        self.inner.prove(height, key)
    }

    fn queries(&self) -> Result<Vec<QueryId>, Error> {
        self.inner.queries()
    }
}

/// A store that takes nothing while it is full.
struct Store {
    inner: Arc<Objects>,
    is_full: AtomicBool,
}

impl BlobAccess for Store {
    fn write(&self, address: BlobAddress, bytes: Vec<u8>) -> Result<(), Error> {
        if self.is_full.load(Ordering::SeqCst) {
            return Err(Error::BlobStore { action: "store a blob", why: "there is no room".into() });
        }
        self.inner.write(address, bytes)
    }

    fn read(&self, address: BlobAddress, bytes_max: usize) -> Result<Option<Vec<u8>>, Error> {
        self.inner.read(address, bytes_max)
    }

    fn list(&self, kind: BlobKind) -> Result<Vec<BlobAddress>, Error> {
        self.inner.list(kind)
    }
}

/// Somebody with a letter for each test, and the pages to answer them.
struct Letters {
    pages: Arc<PatientPages>,
    url: String,
    path: PathBuf,
    ledger: Arc<Unwilling>,
    store: Arc<Store>,
    sponsor: PartyKey,
    /// One for each test.
    unstored: ScreeningId,
    refused: ScreeningId,
    lost: ScreeningId,
    _running: Running,
    _folder: TempDir,
}

impl Letters {
    fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut world = World::open_by(folder.path(), Quorum::DEFAULT, |_| {}, clock).prepared();
        let mut wallets = world.people(&four_people()[..1]);
        allow_screening(&mut world, &mut wallets[0]);
        let [unstored, refused, lost] = [(); 3].map(|()| invited(&world, &mut wallets[0]));
        // The pages open it.
        drop(wallets);
        let ledger = Arc::new(Unwilling { inner: Arc::clone(&world.ledger), error: Mutex::default() });
        let store = Arc::new(Store { inner: Arc::clone(&world.blobs), is_full: AtomicBool::new(false) });
        let reach = Reach {
            ledger: Arc::clone(&ledger) as _,
            blobs: Arc::clone(&store) as _,
            node: None,
            genome_keys: vec![],
            diseases: None,
        };
        let path = wallet_path(folder.path(), 0);
        let served = [path.clone()];
        let (running, pages) = serve_patients("127.0.0.1:0".parse().unwrap(), StopOn::Request, |address| {
            PatientPages::open(reach, &served, protection(), Origin::of_loopback(address).unwrap(), |_| {})
        })
        .unwrap();
        let (url, sponsor) = (running.url(), world.keys.researcher.clone());
        Self { pages, url, path, ledger, store, sponsor, unstored, refused, lost, _running: running, _folder: folder }
    }

    fn link(&self) -> String {
        self.pages.links()[0].url.clone()
    }

    #[track_caller]
    fn enter(&self, browser: &Browser) {
        browser.open(&self.link());
        browser.click("#enter");
        browser.until("location.pathname === '/' && document.querySelector('form[action=\"/out\"]')");
    }

    /// Opens a letter, or a page below it.
    fn open(&self, browser: &Browser, letter: ScreeningId, below: &str) {
        browser.open(&format!("{}/invitations/{letter}{below}", self.url));
    }

    /// Accepts a letter with a contact. What the page says of it in the end.
    #[track_caller]
    fn accept(&self, browser: &Browser, letter: ScreeningId) -> String {
        self.open(browser, letter, "");
        fill(browser, "contact", CONTACT);
        browser.click("#review");
        confirm(browser)
    }

    /// Sends the answer to a letter again, from its page. What the page says of it in the end.
    #[track_caller]
    fn send_again(&self, browser: &Browser, letter: ScreeningId) -> String {
        self.open(browser, letter, "");
        browser.click("#again");
        confirm(browser)
    }

    /// What the wallet keeps as the answer to a letter.
    fn kept(&self, letter: ScreeningId) -> Option<InvitationReply> {
        Wallet::open(&self.path, protection()).unwrap().responses()[&letter].answer.clone()
    }

    fn status(&self, letter: ScreeningId) -> ResponseStatus {
        self.ledger.response(letter, ResponseIndex::new(0)).unwrap().unwrap().status
    }

    /// The contact that the sponsor reads.
    fn contact(&self, letter: ScreeningId) -> Option<String> {
        let sponsor = Sponsor { ledger: &*self.ledger, blobs: &*self.store, key: &self.sponsor };
        let [answered] = <[_; 1]>::try_from(sponsor.answers(letter).unwrap()).unwrap();
        answered.contact.map(|contact| contact.text().to_owned())
    }

    fn height(&self) -> Height {
        tip(&*self.ledger).unwrap().height
    }
}

/// Confirms what the page asks. What is said of it in the end.
#[track_caller]
fn confirm(browser: &Browser) -> String {
    browser.until("document.getElementById('confirm')");
    browser.click("#confirm");
    browser.until("document.querySelector('#doing .notice')");
    browser.text("#doing")
}

#[track_caller]
fn says(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "{part}: {said}");
    }
}

fn refusal() -> node::Error {
    node::Error::Remote { url: "http://node".into(), why: "it says no".into() }
}

fn silence() -> node::Error {
    node::Error::Unreachable { url: "http://node".into(), why: "the line broke".into() }
}

fn letters() -> &'static Letters {
    static LETTERS: OnceLock<Letters> = OnceLock::new();
    // In a thread of its own: another test may have moved the clock of this one.
    LETTERS.get_or_init(|| thread::spawn(Letters::make).join().unwrap())
}

#[test]
fn an_accepted_invitation_whose_contact_had_no_room_is_finished_from_its_page_and_nothing_happens_twice() {
    let (letters, browser) = (letters(), browser());
    let letter = letters.unstored;
    letters.enter(&browser);
    let emptied = Afterwards(|| letters.store.is_full.store(false, Ordering::SeqCst));
    letters.store.is_full.store(true, Ordering::SeqCst);
    let said = letters.accept(&browser, letter);
    drop(emptied);
    says(&said, &["Nobody knows yet whether it was done.", "There was no room for it."]);
    assert!(matches!(letters.status(letter), ResponseStatus::Accepted { .. }));
    assert_eq!(letters.contact(letter), None);

    letters.open(&browser, letter, "");
    says(&browser.text("main"), &["You accepted.", CONTACT, "Send it again."]);
    inspect(&browser, "patient-invitation-accepted");
    browser.click("#again");
    browser.until("document.getElementById('confirm')");
    says(&browser.text("main"), &[CONTACT, "You cannot change it now."]);
    inspect(&browser, "patient-send-again");
    browser.click("#confirm");
    done(&browser);
    assert_eq!(letters.contact(letter).as_deref(), Some(CONTACT));

    let height = letters.height();
    let client = Client::entering(&letters.url, &letters.link());
    let path = format!("/invitations/{letter}/again");
    let body = |number: &str| format!("form_token={}&operation={number}&step=confirmed", client.form_token);
    let (first, second) = (operation(), operation());
    let sent = [&first, &first, &second].map(|number| {
        let answer = client.post(&path, &body(number), &[]);
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        assert!(client.followed(&answer.location).contains("notice good"), "{}", answer.location);
        answer.location
    });
    assert!(sent[0] == sent[1] && sent[1] != sent[2], "the same form means the same change: {sent:?}");
    assert_eq!(letters.height(), height, "nothing is sent to the ledger twice");
    assert_eq!(letters.contact(letter).as_deref(), Some(CONTACT));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn an_invitation_of_which_the_ledger_refused_the_answer_is_answered_anew_in_another_way() {
    let (letters, browser) = (letters(), browser());
    let letter = letters.refused;
    letters.enter(&browser);
    let willing = Afterwards(|| letters.ledger.set(None));
    letters.ledger.set(Some(refusal()));
    letters.open(&browser, letter, "/decline");
    let declined = confirm(&browser);
    inspect(&browser, "patient-unsent");
    let accepted = letters.accept(&browser, letter);
    drop(willing);
    for said in [declined, accepted] {
        says(&said, &["It was not done.", "The network did not take your answer.", "Nothing was changed."]);
        says(&said, &["You can answer anew"]);
    }
    assert_eq!(letters.kept(letter), None, "nothing stands in the way of another answer");
    assert!(matches!(letters.status(letter), ResponseStatus::Invited { .. }));

    let said = letters.accept(&browser, letter);
    says(&said, &["Done."]);
    assert_eq!(letters.contact(letter).as_deref(), Some(CONTACT));
    letters.open(&browser, letter, "");
    says(&browser.text("main"), &["You accepted.", CONTACT]);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn an_answer_of_which_nobody_knows_is_kept_through_a_refusal_and_sent_again_as_it_was() {
    let (letters, browser) = (letters(), browser());
    let letter = letters.lost;
    letters.enter(&browser);
    let willing = Afterwards(|| letters.ledger.set(None));
    letters.ledger.set(Some(silence()));
    let lost = letters.accept(&browser, letter);
    let kept = letters.kept(letter);
    letters.ledger.set(Some(refusal()));
    browser.open(&letters.url);
    says(&browser.text("main"), &["Your answer may not have arrived"]);
    letters.open(&browser, letter, "");
    let page = browser.text("main");
    let has_field = browser.run("return document.getElementById('contact') !== null");
    inspect(&browser, "patient-invitation-begun");
    let refused = letters.send_again(&browser, letter);
    drop(willing);

    says(&lost, &["Nobody knows yet whether it was done.", "The network does not answer."]);
    says(&page, &["You began to answer", CONTACT, "Nobody knows whether it arrived.", "gives no other answer"]);
    assert_eq!(has_field, false, "another answer is not offered");
    says(&refused, &["Nobody knows yet whether it was done."]);
    assert_eq!(letters.kept(letter), kept);
    assert!(matches!(letters.status(letter), ResponseStatus::Invited { .. }));

    says(&letters.send_again(&browser, letter), &["Done. Your answer is where it belongs"]);
    let Some(InvitationReply::Accept { sealed, .. }) = kept else { panic!("{kept:?}") };
    let ResponseStatus::Accepted { contact, .. } = letters.status(letter) else { panic!("it is not accepted") };
    assert_eq!(contact, BlobKind::Contact.digest(&sealed), "bit for bit");
    assert_eq!(letters.contact(letter).as_deref(), Some(CONTACT));
    letters.open(&browser, letter, "");
    says(&browser.text("main"), &["You accepted.", CONTACT]);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
