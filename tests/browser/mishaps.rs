//! Questions that ended without a result, as their pages, the list and people's own pages show them.

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use circuits::{id::QueryId, quorum::Quorum};
use market::objects::Objects;
use node::{
    Ledger, Mempool,
    units::{SECONDS_PER_DAY, Timestamp},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use web::{
    api::{Metrics, Publishing, Service, StoredBytes, UploadQuota},
    chain::Chain,
    client::{Remote, RemoteBlobs, RemoteLedger},
    patient::{Origin, PatientPages, Reach},
    serve::{Running, StopOn, serve, serve_patients},
};

use super::{
    chromium::{Browser, browser},
    looks::inspect,
};
use crate::{
    api::index_at,
    market_world::{TODAY, World, four_people, pass_days, protection, wallet_path},
};

/// Days for which the questions collect, and one more.
const DAYS: u64 = 31;
/// Somebody whose agent answered what was refunded, somebody whose answer still counts for nothing, and somebody who has not
/// looked in time.
const ANSWERED: usize = 0;
const ANSWERED_LAST: usize = 2;
const LATE: usize = 3;

/// A network on which two questions ended without a result, and the pages of its people.
struct Network {
    url: String,
    people: Arc<PatientPages>,
    people_url: String,
    /// Two answered, three were the minimum, and it was sealed.
    refunded: QueryId,
    /// Nobody answered, and nobody sealed it.
    expired: QueryId,
    /// One answered, and it is open.
    open: QueryId,
    _node: Running,
    _agent: Running,
    _folder: TempDir,
}

/// The day after the questions' last.
fn clock() -> Timestamp {
    Timestamp::new((u64::from(TODAY) + DAYS) * SECONDS_PER_DAY)
}

impl Network {
    fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let mut world = World::ready(root, Quorum::DEFAULT);
        let mut wallets = world.people(&four_people());
        let refunded = world.private_query(3, 10, 1_000);
        world.answer_all(&mut wallets[..2], refunded);
        let expired = world.private_query(2, 10, 1_000);
        let open = world.lasting_query(2, 10, 1_000, 30);
        world.answer_all(&mut wallets[ANSWERED_LAST..LATE], open);
        pass_days(DAYS);
        world.seal(refunded);
        let genesis = world.ledger().genesis().clone();
        // Their files are opened again by those who serve them.
        drop((wallets, world));
        let mempool = Arc::new(Mempool::new(Arc::new(Ledger::open(&root.join("ledger.redb"), genesis).unwrap())));
        let chain = Arc::new(Chain::with_clock(mempool, clock));
        let service = Service {
            blobs: Arc::new(Objects::directory(&root.join("blobs")).unwrap()),
            publishing: Publishing::nothing(chain.ledger().chain()),
            index: Arc::new(index_at(&root.join("index.sqlite"), chain.ledger().chain())),
            chain,
            others: Arc::default(),
            quota: Arc::new(UploadQuota::new(1 << 20, StoredBytes::default())),
            metrics: Metrics::default(),
            engine: None,
            custody: None,
            replay: web::signed_request::Replay::new(node::units::Timestamp::new(0)),
            sign_in: web::sign_in::SignIn::default(),
        };
        let node = serve(service, "127.0.0.1:0", StopOn::Request).unwrap();
        let url = node.url();
        let remote = Remote::new(&url).unwrap();
        let reach = Reach {
            ledger: Arc::new(RemoteLedger::connect(remote.clone()).unwrap()),
            blobs: Arc::new(RemoteBlobs::new(remote.clone())),
            node: Some(remote),
            diseases: None,
            genome_keys: vec![],
        };
        let paths: Vec<PathBuf> = (0..=LATE).map(|number| wallet_path(root, number)).collect();
        let at = "127.0.0.1:0".parse().unwrap();
        let (agent, people) = serve_patients(at, StopOn::Request, |address| {
            PatientPages::open(reach, &paths, protection(), Origin::of_loopback(address).unwrap(), |_| {})
        })
        .unwrap();
        let people_url = agent.url();
        Self { url, people, people_url, refunded, expired, open, _node: node, _agent: agent, _folder: folder }
    }

    /// Signs the browser in to somebody's own pages, and opens one.
    fn enter(&self, browser: &Browser, person: usize, path: &str) {
        browser.open(&self.people.links()[person].url);
        browser.click("#enter");
        browser.until("location.pathname === '/' && document.querySelector('form[action=\"/out\"]')");
        self.look(browser, path);
    }

    fn look(&self, browser: &Browser, path: &str) {
        browser.open(&format!("{}{path}", self.people_url));
    }
}

fn network() -> &'static Network {
    static NETWORK: OnceLock<Network> = OnceLock::new();
    NETWORK.get_or_init(Network::make)
}

/// What a list of the page that is open says of a query, as people see it.
#[track_caller]
fn row(browser: &Browser, query: QueryId) -> String {
    let script = format!(
        "const rows = [...document.querySelectorAll('.rows > li')]; \
         return rows.find(one => one.innerHTML.includes('{query}'))?.innerText ?? ''"
    );
    let text = browser.run(&script).as_str().unwrap().to_owned();
    assert!(!text.is_empty(), "{query} is not listed: {}", browser.text("main"));
    text
}

#[test]
fn a_refunded_question_says_why_on_its_page_in_the_list_and_to_those_who_answered() {
    let (network, browser) = (network(), browser());
    browser.open(&format!("{}/queries/{}", network.url, network.refunded));
    let progress = browser.text("#progress");
    for says in [
        "Refunded",
        "the escrow went back to the researcher; nothing was revealed: fewer people contributed than the minimum",
        "2 contributions; the minimum is 3",
    ] {
        assert!(progress.contains(says), "{says}: {progress}");
    }
    assert_eq!(browser.run("return document.querySelector('#progress dd').textContent"), "0", "no money is locked");
    assert_eq!(
        browser.run("return document.querySelector('#progress [data-stream], #progress[data-stream]')"),
        Value::Null
    );
    inspect(&browser, "query-refunded");
    browser.open(&format!("{}/queries", network.url));
    let listed = row(&browser, network.refunded);
    assert!(listed.contains("Refunded") && listed.contains("2 of 3 to 10 contributions"), "{listed}");
    browser.open(&format!("{}/queries?stage=refunded", network.url));
    row(&browser, network.refunded);
    assert!(
        !browser
            .run("return document.querySelector('main').innerHTML")
            .as_str()
            .unwrap()
            .contains(&network.expired.to_string())
    );

    network.enter(&browser, ANSWERED, "/asked");
    let asked = row(&browser, network.refunded);
    assert!(asked.contains("nobody learned anything and nobody was paid"), "{asked}");
    assert!(!asked.contains("Take the answer back"), "{asked}");
    inspect(&browser, "patient-asked-refunded");
    network.look(&browser, "/money");
    assert_eq!(
        browser.run("return [...document.querySelectorAll('td .state')].map(one => one.textContent)"),
        json!(["Not paid"])
    );
    network.enter(&browser, LATE, "/asked");
    let asked = row(&browser, network.refunded);
    assert!(asked.contains("Missed") && asked.contains("it ended before your agent answered"), "{asked}");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn repro_a_question_whose_days_were_over_was_shown_as_one_that_still_asks() {
    let (network, browser) = (network(), browser());
    browser.open(&format!("{}/queries/{}", network.url, network.expired));
    let progress = browser.text("#progress");
    for says in [
        "its last day is over: nobody can contribute any more, and nobody has ended it yet",
        "Anybody may end it now; the minimum was not reached, so all of its money goes back to the researcher then.",
        &format!("locus query seal {}", network.expired),
    ] {
        assert!(progress.contains(says), "{says}: {progress}");
    }
    assert!(!progress.contains("may contribute"), "{progress}");
    inspect(&browser, "query-expired");
    browser.open(&format!("{}/queries", network.url));
    let listed = row(&browser, network.expired);
    assert!(
        listed.contains("Days are over") && listed.contains("closing day") && !listed.contains("closes"),
        "{listed}"
    );
    network.enter(&browser, ANSWERED, "/asked");
    let asked = row(&browser, network.expired);
    assert!(asked.contains("Missed") && !asked.contains("Your agent answers when it runs"), "{asked}");
    network.look(&browser, "/money");
    assert!(
        !browser
            .run("return document.querySelector('main').innerHTML")
            .as_str()
            .unwrap()
            .contains(&network.expired.to_string())
    );
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn an_answer_is_taken_back_after_a_second_look_that_says_what_it_does_not_undo() {
    let (network, browser) = (network(), browser());
    network.enter(&browser, ANSWERED_LAST, "/asked");
    let asked = row(&browser, network.open);
    assert!(asked.contains("Take the answer back"), "{asked}");
    browser.click(&format!("a[href='/asked/{}/take-back']", network.open));
    browser.until("document.getElementById('confirm')");
    let text = browser.text("main");
    for says in ["will not be in the result", "You are not paid for it.", "can never answer this question again"] {
        assert!(text.contains(says), "{says}: {text}");
    }
    inspect(&browser, "patient-take-back");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
