//! What each kind of reader comes for, from the way in to the end, on what `locus demo --serve` serves.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::{Mutex, OnceLock},
};

use serde_json::{Value, json};

use super::{
    chromium::{Browser, browser, downloads, saved},
    looks::inspect,
    patient::journeys::{done, fill},
    results::drawn,
    sign_in::forget,
    site,
};

/// A demo that is served by a process of its own, and what it printed.
pub struct Demo {
    pub folder: PathBuf,
    pub report: Value,
    served: Value,
    /// The ways in that it prints later.
    _later: Mutex<BufReader<ChildStdout>>,
    /// Ends the demo when this process does: it runs while this one's standard input is open.
    _process: Child,
}

impl Demo {
    fn start() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("roles");
        drop(fs::remove_dir_all(&folder));
        let script = "\"$0\" \"$@\" & demo=$!; read -r _ignored; kill $demo; wait $demo";
        let mut process = Command::new("sh")
            .args(["-c", script, env!("CARGO_BIN_EXE_locus"), "--json", "--data-dir", folder.to_str().unwrap()])
            .args(["demo", "--statistic", "survival", "--people", "2", "--serve", "--port", "0"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut later = BufReader::new(process.stdout.take().unwrap());
        let mut object = || {
            let mut line = String::new();
            later.read_line(&mut line).unwrap();
            serde_json::from_str::<Value>(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
        };
        let (report, served) = (object(), object());
        Self { folder: folder.join("demo"), report, served, _later: Mutex::new(later), _process: process }
    }

    /// The node's pages.
    pub fn url(&self) -> String {
        self.served["url"].as_str().unwrap().to_owned()
    }

    /// The same, under the name that passkeys are for.
    fn home(&self) -> String {
        self.url().replace("127.0.0.1", "localhost")
    }

    /// Where a reader of a kind is led, in order.
    fn tour(&self, role: &str) -> Vec<String> {
        let parts = self.served["tour"].as_array().unwrap();
        let part = parts.iter().find(|part| part["role"] == role).unwrap();
        part["steps"].as_array().unwrap().iter().map(|step| step["url"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until the node lists what its ledger holds.
    pub fn follow(&self) {
        site::follow(&self.url());
    }

    pub fn receipt(&self) -> PathBuf {
        self.folder.join("receipt.json")
    }

    /// Runs a command at the served node, and returns what it printed.
    #[track_caller]
    fn locus(&self, arguments: &[&str]) -> Value {
        let mut command = Command::new(env!("CARGO_BIN_EXE_locus"));
        command.args(["--json", "--url", &self.home(), "--data-dir", self.folder.to_str().unwrap()]);
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn researcher_key(&self) -> String {
        self.folder.join("keys/researcher.key").to_str().unwrap().to_owned()
    }
}

/// The demo that all tests look at, and on whose ledger anybody may put what they like.
pub fn demo() -> &'static Demo {
    static DEMO: OnceLock<Demo> = OnceLock::new();
    DEMO.get_or_init(Demo::start)
}

/// That the page which is open says that a receipt holds.
const HOLDS: &str = "document.querySelector('main')?.innerText.includes('The receipt holds')";

/// Goes to a part of the site by its navigation.
#[track_caller]
fn go(browser: &Browser, path: &str) {
    browser.click(&format!("nav a[href='{path}']"));
    browser.until(&format!("location.pathname === {}", json!(path)));
}

#[test]
fn a_researcher_goes_from_a_passkey_to_a_query_on_the_ledger_and_to_the_figures_of_a_result() {
    let (demo, browser) = (demo(), browser());
    let [_, builder, results, sign_in] = demo.tour("researcher").try_into().unwrap();
    forget(&browser);
    browser.plug_in("internal");
    browser.open(&sign_in);
    fill(&browser, "display-name", "Ada Lovelace");
    browser.click("#passkey-sign-up");
    browser.until("location.pathname === '/you' && document.getElementById('sign-out')");
    browser.click("#sign-out");
    browser.until("location.pathname === '/sign-in'");
    browser.click("#passkey-sign-in");
    browser.until("location.pathname === '/you' && document.getElementById('sign-out')");

    let asked = demo.report["query"].as_str().unwrap();
    assert!(builder.ends_with(&format!("/builder?query={asked}")));
    browser.open(&format!("{}/builder?query={asked}", demo.home()));
    assert!(browser.text(".who").contains("Ada Lovelace"), "{}", browser.text(".who"));
    browser.run("document.querySelector('[name=privacy][value=private]').checked = true");
    fill(&browser, "epsilon", "1");
    browser.click("button[value='plan']");
    // The plan of before says that the ledger would open it, too.
    browser.until("/ε = 1[,.]/.test(document.getElementById('plan')?.textContent)");
    assert!(browser.text("#plan").contains("would open it now"), "{}", browser.text("#plan"));
    let path = downloads().join("query.toml");
    drop(fs::remove_file(&path));
    browser.click("button[value='toml']");
    saved(&path);
    let opened = demo.locus(&["query", "open", path.to_str().unwrap(), "--key", &demo.researcher_key(), "--yes"]);
    let id = opened["id"].as_str().unwrap_or_else(|| panic!("{opened}")).to_owned();
    demo.follow();
    go(&browser, "/queries");
    browser.click(&format!("a.title[href='/queries/{id}']"));
    browser.until("document.getElementById('progress')");
    let text = browser.text("main");
    assert!(text.contains("Collecting") && text.contains("Differential privacy with ε = 1"), "{text}");

    browser.open(&results);
    browser.choose("#result", &demo.receipt());
    browser.choose("#query-file", &site::query_file());
    browser.click("button.primary");
    assert!(!drawn(&browser).is_empty());
    assert!(browser.text("main").contains("2 certified contributions"), "{}", browser.text("main"));
    assert_eq!(browser.complaints(), Vec::<String>::new());
    browser.unplug();
    forget(&browser);
}

#[test]
fn a_contributor_goes_from_their_way_in_to_records_questions_earnings_and_other_rules() {
    let (demo, browser) = (demo(), browser());
    forget(&browser);
    let [way_in, asked, invitations, declined] = demo.tour("contributor").try_into().unwrap();
    let enter = |link: &str| {
        browser.open(link);
        browser.click("#enter");
        browser.until("location.pathname === '/' && document.querySelector('form[action=\"/out\"]')");
    };
    enter(&way_in);
    assert!(browser.text("main").contains("Somebody invites you"), "{}", browser.text("main"));
    inspect(&browser, "role-contributor-home");
    go(&browser, "/records");
    assert!(browser.text("main").contains("Hospital A") || browser.text("main").contains("Hospital B"));
    browser.open(&asked);
    let text = browser.text("main");
    assert!(text.contains("Survival after surgery") && text.contains("You were paid."), "{text}");
    assert!(text.contains("A trial of two visits") && text.contains("Demo researcher"), "{text}");
    go(&browser, "/money");
    let figures = "return document.querySelector('.figures dd').textContent";
    assert_eq!(browser.run(figures), "1,100", "500 for the answer and 600 for the response");
    browser.open(&invitations);
    assert!(browser.text("main").contains("A trial of two visits"), "{}", browser.text("main"));

    go(&browser, "/use");
    browser.click("#change-0");
    browser.until("document.getElementById('review')");
    fill(&browser, "price_min", "550");
    browser.click("#review");
    browser.until("document.getElementById('confirm')");
    assert!(browser.text("main").contains("Will be: 550."), "{}", browser.text("main"));
    browser.click("#confirm");
    done(&browser);
    go(&browser, "/use");
    assert!(browser.text("main").contains("550 for each answer"), "{}", browser.text("main"));

    enter(&declined);
    browser.open(&asked);
    let text = browser.text("main");
    assert!(text.contains("Says no") && text.contains("You allow only research on where people"), "{text}");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_sponsor_goes_from_a_key_of_the_ledger_to_a_count_and_a_result_that_hold() {
    let (demo, browser) = (demo(), browser());
    forget(&browser);
    let opened = demo.locus(&["sign-in", "--key", &demo.researcher_key()]);
    browser.open(opened["url"].as_str().unwrap());
    browser.click("button[value=sign-in]");
    browser.until("location.pathname === '/you'");
    assert!(browser.text("#content").contains("accredited researcher"), "{}", browser.text("#content"));
    let [screening, check, verify] = demo.tour("sponsor").try_into().unwrap();
    go(&browser, "/screenings");
    let id = demo.report["screening"]["id"].as_str().unwrap();
    assert!(screening.ends_with(&format!("/screenings/{id}")) && check.ends_with("/verify"));
    browser.click(&format!("a.title[href='/screenings/{id}']"));
    browser.until("document.getElementById('far')");
    let text = browser.text("main");
    assert!(text.contains("2 people have shown") && text.contains("A trial of two visits"), "{text}");
    browser.click(&format!("a[href='/screenings/{id}/verify']"));
    browser.until(HOLDS);
    let text = browser.text("main");
    assert!(text.contains("2 distinct certified records"), "{text}");
    browser.open(&verify);
    browser.choose("#receipt", &demo.receipt());
    browser.click("button.primary");
    browser.until(HOLDS);
    assert_eq!(browser.complaints(), Vec::<String>::new());
    forget(&browser);
}

#[test]
fn an_auditor_goes_from_the_explorer_by_a_block_to_a_transaction_and_to_the_committee() {
    let (demo, browser) = (demo(), browser());
    let [explorer, committee, governance] = demo.tour("auditor").try_into().unwrap();
    browser.open(&explorer);
    // The blocks of the screening are long past: the one of the first transaction is found by its number.
    browser.click("a[href='/blocks']");
    browser.until("document.querySelector('h1')?.textContent === 'Blocks'");
    fill(&browser, "q", "1");
    browser.run("document.querySelector('form.search').submit()");
    browser.until("location.pathname === '/blocks/1'");
    assert!(browser.text("main").contains("Hospital A"), "{}", browser.text("main"));
    browser.click("tbody a[href^='/transactions/']");
    browser.until("location.pathname.startsWith('/transactions/')");
    let text = browser.text("main");
    assert!(text.contains("What happened") && text.contains("Content"), "{text}");
    browser.click("a[href='/blocks/1']");
    browser.until("location.pathname === '/blocks/1'");
    go(&browser, "/explorer");
    browser.click("main a[href='/committee']");
    browser.until("location.pathname === '/committee'");
    assert!(committee.ends_with("/committee"));
    let text = browser.text("main");
    assert!(text.contains("Any 2 of the 4") && text.contains("Not suspended"), "{text}");
    browser.open(&governance);
    assert!(browser.text("main").contains("Greatest ε of one query"), "{}", browser.text("main"));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
