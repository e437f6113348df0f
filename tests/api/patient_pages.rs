//! People's pages that one agent serves keep each other waiting neither for a node that is silent nor for a wallet that is
//! open elsewhere.

use std::{
    path::PathBuf,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use market::wallet::{Protection, Wallet};
use tempfile::TempDir;
use ureq::http::header;
use web::{
    client::{Remote, RemoteBlobs, RemoteLedger},
    patient::{Origin, PatientPages, Reach},
    serve::{Running, StopOn, serve_patients},
};

use super::{
    line::Line,
    server::{Server, agent},
};

/// Long before a call of its own gives up, and longer than a page may wait for wallet and node together.
const PATIENCE: Duration = Duration::from_secs(30);

/// An agent with the pages of two people, each signed in.
struct Agent {
    running: Running,
    line: Line,
    paths: Vec<PathBuf>,
    cookies: Vec<String>,
    _server: Server,
    _folder: TempDir,
}

impl Agent {
    fn start() -> Self {
        let (server, folder) = (Server::start(), TempDir::new().unwrap());
        let line = Line::to(&server.running.url());
        let remote = Remote::new(&line.url).unwrap();
        let ledger = Arc::new(RemoteLedger::connect(remote.clone()).unwrap());
        let paths: Vec<_> = ["Ada", "Bea"].iter().map(|name| folder.path().join(name)).collect();
        for (path, name) in paths.iter().zip(["Ada", "Bea"]) {
            let chain = server.chain.ledger().chain();
            drop(Wallet::create(path, Protection::DemoUnencrypted, chain, name, &mut rand::rng()).unwrap());
        }
        let blobs = Arc::new(RemoteBlobs::new(remote.clone()));
        let reach = Reach { ledger, blobs, node: Some(remote), genome_keys: vec![] };
        let (running, pages) = serve_patients("127.0.0.1:0".parse().unwrap(), StopOn::Request, |address| {
            let origin = Origin::of_loopback(address).unwrap();
            PatientPages::open(reach, &paths, Protection::DemoUnencrypted, origin, |_| {})
        })
        .unwrap();
        let cookies = pages.links().iter().map(|link| enter(&running.url(), &link.url)).collect();
        Self { running, line, paths, cookies, _server: server, _folder: folder }
    }

    /// Somebody's first page: its status and text, and how long it took.
    fn page(&self, person: usize) -> (u16, String, Duration) {
        let begun = Instant::now();
        let asked = agent().get(self.running.url()).header(header::COOKIE, &self.cookies[person]);
        let mut answer = asked.call().unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        (answer.status().as_u16(), text, begun.elapsed())
    }
}

/// Uses a link as a browser does, and returns the session's cookie.
fn enter(site: &str, link: &str) -> String {
    let config = ureq::Agent::config_builder().max_redirects(0).proxy(None).build();
    let browser: ureq::Agent = config.into();
    let answer = browser.post(link).header(header::ORIGIN, site).send_empty().unwrap();
    let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

#[test]
fn repro_a_node_that_takes_calls_and_stays_silent_holds_up_nobodys_pages_for_long() {
    let agent = Agent::start();
    let (status, text, _) = agent.page(0);
    assert_eq!(status, 200, "{text}");
    agent.line.fall_silent();
    // The news are stale after a second, and each page asks for them.
    thread::sleep(Duration::from_millis(1_100));
    thread::scope(|scope| {
        let agent = &agent;
        let asked: Vec<_> = [0, 1, 0, 1].into_iter().map(|person| scope.spawn(move || agent.page(person))).collect();
        for page in asked {
            let (status, text, took) = page.join().unwrap();
            assert_eq!(status, 200, "{text}");
            assert!(took < PATIENCE, "a page took {took:?}");
        }
    });
    let (_, text, _) = agent.page(1);
    assert!(text.contains("The network does not answer"), "{text}");
}

#[test]
fn repro_a_wallet_that_is_open_elsewhere_holds_up_no_other_persons_pages() {
    let agent = Agent::start();
    assert_eq!(agent.page(1).0, 200);
    let held = Wallet::open(&agent.paths[0], Protection::DemoUnencrypted).unwrap();
    thread::scope(|scope| {
        let first = scope.spawn(|| agent.page(0));
        thread::sleep(Duration::from_millis(300));
        let (status, _, took) = agent.page(1);
        assert_eq!(status, 200);
        assert!(took < Duration::from_millis(1_200), "another person's page took {took:?}");
        let (status, text, took) = first.join().unwrap();
        assert!(status >= 400 && took > Duration::from_secs(1), "{status} after {took:?}: {text}");
    });
    drop(held);
    assert_eq!(agent.page(0).0, 200);
}
