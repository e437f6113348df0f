//! The pictures in the guides are of the pages as they are.
//!
//! With `LOCUS_PIN=1` each picture is taken, and beside it is noted what its page was made of: elements, words and style
//! sheet, but no ids and numbers, which differ from run to run. Without it the pages are compared with what is noted.
//! Pixels are not compared: fonts and versions of the browser move them.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use market::{ledger::require_query, query::QueryFile};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use web::client::{Remote, RemoteLedger};

use super::{
    chromium::{Browser, browser, soon},
    patient::ward::ward,
    site::{query_file, site},
};

const STYLE: &[u8] = include_bytes!("../../web/assets/locus.css");
/// The width of a picture, in CSS pixels.
const WIDTH: u32 = 1_000;
/// The most of a page that a picture shows, in CSS pixels.
const HEIGHT_MAX: f64 = 900.0;
/// What a picture shows above the element that it begins at, in CSS pixels.
const MARGIN: f64 = 24.0;
/// All pictures together, in bytes.
const BYTES_MAX: u64 = 3 << 19;
/// Elements and words of the page that is open. Rows of tables and steps of a timeline count by their form: which there are
/// depends on what else a ledger has seen, and buttons that copy are named by the beginning of an id. Neighbours alike count
/// as one.
const OUTLINE: &str = r"
    const plain = text => text.replace(/[0-9a-f]{12,}/g, '#').replace(/[−-]?\d[\d.,]*(e[−+-]?\d+)?/g, '0').replace(/\s+/g, ' ').trim();
    const outline = (one, depth, wordless) => {
        const quiet = wordless || one.matches('tbody, .timeline');
        const own = [...one.childNodes].filter(node => node.nodeType === Node.TEXT_NODE).map(node => node.data).join(' ');
        const words = quiet ? '' : plain(own + ' ' + (one.alt ?? '') + ' ' + (one.matches('.copy') ? '' : one.ariaLabel ?? ''));
        const line = ' '.repeat(depth) + [one.localName, ...one.classList].join('.') + ' ' + words + '\n';
        const inner = [...one.children].filter(child => child.checkVisibility() && child.localName !== 'script');
        const inside = inner.map(child => outline(child, depth + 1, quiet));
        return line + inside.filter((part, place) => part !== inside[place - 1]).join('');
    };
    return outline(document.body, 0, false)";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide/pictures")
}

/// What is noted of each picture.
fn noted() -> BTreeMap<String, String> {
    let text = fs::read_to_string(folder().join("pages.tsv")).unwrap_or_default();
    text.lines().filter_map(|line| line.split_once('\t')).map(|(name, page)| (name.into(), page.into())).collect()
}

/// The pictures of one run.
struct Album<'b> {
    browser: &'b Browser,
    pages: BTreeMap<String, String>,
    is_pinned: bool,
}

impl<'b> Album<'b> {
    fn begin(browser: &'b Browser) -> Self {
        Self { browser, pages: BTreeMap::new(), is_pinned: env::var_os("LOCUS_PIN").is_some_and(|value| value == "1") }
    }

    /// Takes the picture of the page that is open.
    fn take(&mut self, name: &str) {
        self.take_from(name, "document.body", HEIGHT_MAX);
    }

    /// Takes the picture of the page that is open, from an element on, at most so high.
    fn take_from(&mut self, name: &str, element: &str, height_max: f64) {
        self.browser.set_width(WIDTH);
        self.browser.run("scrollTo(0, 0); document.activeElement?.blur()");
        let outline = self.browser.run(OUTLINE).as_str().unwrap().to_owned();
        let page = hex::encode(Sha256::new().chain_update(&outline).chain_update(STYLE).finalize());
        // For whoever wants to know what changed.
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("outlines");
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join(format!("{name}.txt")), outline).unwrap();
        if self.is_pinned {
            let top = self.browser.run(&format!("return {element}.getBoundingClientRect().top")).as_f64().unwrap();
            self.browser.picture(&folder().join(format!("{name}.png")), (top - MARGIN).max(0.0), height_max);
        }
        self.pages.insert(name.into(), page);
    }

    /// Notes what the pages were made of, or compares it.
    fn close(self) {
        if self.is_pinned {
            let lines = self.pages.iter().map(|(name, page)| format!("{name}\t{page}\n"));
            fs::write(folder().join("pages.tsv"), lines.collect::<String>()).unwrap();
            return;
        }
        let noted = noted();
        let old: Vec<_> = self.pages.iter().filter(|(name, page)| noted.get(*name) != Some(page)).collect();
        assert!(
            old.is_empty(),
            "these pages are no longer as docs/guide/pictures shows them: {}. Run this test once with LOCUS_PIN=1, look at \
             the new pictures, and commit them",
            old.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
        );
        assert_eq!(noted.len(), self.pages.len(), "docs/guide/pictures/pages.tsv names pictures that nobody takes");
    }
}

/// The demo's query file, as it was asked.
fn released_query_file() -> String {
    let (site, remote) = (site(), Remote::new(&site().url).unwrap());
    let query = require_query(&RemoteLedger::connect(remote).unwrap(), site.released).unwrap().query;
    let file = QueryFile::from_toml("survival", &fs::read_to_string(query_file()).unwrap()).unwrap();
    QueryFile { study: query.study, schema: query.schema, ..file }.to_toml().unwrap()
}

/// Waits until the index has every query of the site, since the home page lists them.
fn wait_for_index() {
    let listed = || {
        let answer = crate::api::agent().get(format!("{}/v1/queries", site().url)).call().unwrap();
        let page: Value = answer.into_body().read_json().unwrap();
        page["items"].as_array().unwrap().len()
    };
    soon(|| match listed() {
        2.. => Ok(()),
        few => Err(format!("the index has {few} queries of 2")),
    });
}

/// Opens the health of a node whose index is in step: what other tests put on its ledger brings it behind for a moment.
fn open_health(browser: &Browser, url: &str) {
    soon(|| {
        browser.open(&format!("{url}/explorer/health"));
        let is_in_step = browser.run("return document.querySelector('.notice.good') !== null") == true;
        if is_in_step { Ok(()) } else { Err(format!("the index is not in step: {}", browser.text("main"))) }
    });
}

/// What researchers, sponsors, auditors and operators see.
fn take_those_of_a_node(album: &mut Album<'_>) {
    let (site, browser) = (site(), album.browser);
    let open = |path: &str| browser.open(&format!("{}{path}", site.url));
    wait_for_index();
    open("/");
    album.take("home");
    open("/builder");
    let text = json!(released_query_file());
    browser.run(&format!(
        "document.getElementById('import-pasted').value = {text}; document.querySelector('form[action=\"/builder/import\"]').submit()"
    ));
    browser.until("document.querySelector('[name=\"q.0.statistic\"]')?.value === 'survival' && document.getElementById('plan').textContent.includes('Escrow')");
    album.take_from("builder", "document.getElementById('plan')", HEIGHT_MAX);
    open(&format!("/queries/{}", site.released));
    album.take("query");
    open("/results");
    browser.choose("#result", &site.result);
    browser.choose("#query-file", &query_file());
    browser.click("button.primary");
    browser.until("document.querySelector('figure svg') && document.fonts.status === 'loaded'");
    album.take_from("result", "document.querySelector('figure').parentElement", HEIGHT_MAX);
    open("/verify");
    browser.choose("#receipt", &site.receipt);
    browser.click("button.primary");
    browser.until("document.querySelector('.verdict h2')?.textContent === 'The receipt holds'");
    album.take("verified");
    open("/committee");
    album.take("committee");
    open("/explorer");
    album.take("explorer");
    open_health(browser, &site.url);
    album.take("health");
}

/// What people see of their own.
fn take_those_of_a_person(album: &mut Album<'_>) {
    let (ward, browser) = (ward(), album.browser);
    // Of each what no other test changes.
    for (person, name, path) in [
        (2, "patient-use", "/use"),
        (2, "patient-change", "/use/0/change"),
        (2, "patient-privacy", "/privacy"),
        (0, "patient-records", "/records"),
    ] {
        ward.enter(browser, ward.contributors[person]);
        ward.open(browser, path);
        album.take(name);
    }
    ward.open(browser, "/asked");
    // Neither the question before it nor what comes after, whose titles are markup.
    let ours = "[...document.querySelectorAll('main h3')].find(title => title.textContent.includes('Survival'))";
    album.take_from("patient-asked", ours, 380.0);
}

#[test]
fn the_pictures_of_the_guides_show_the_pages_as_they_are() {
    let browser = browser();
    let mut album = Album::begin(&browser);
    take_those_of_a_node(&mut album);
    take_those_of_a_person(&mut album);
    album.close();
    browser.set_width(1_024);
}

#[test]
fn every_picture_is_in_a_guide_with_words_for_who_cannot_see_it_and_all_are_small() {
    let guides = fs::read_dir(folder().parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let guides = guides.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    let guides: String = guides.map(|path| fs::read_to_string(path).unwrap()).collect();
    let mut bytes = 0;
    for name in noted().keys() {
        let link = format!("](pictures/{name}.png)");
        let words = guides.split(&link).next().filter(|before| before.len() < guides.len());
        let words = words.unwrap_or_else(|| panic!("no guide shows pictures/{name}.png")).rsplit("![").next().unwrap();
        assert!(words.len() > 30, "pictures/{name}.png has no words: {words:?}");
        bytes += fs::metadata(folder().join(format!("{name}.png"))).unwrap().len();
    }
    assert!(bytes > 0 && bytes <= BYTES_MAX, "{bytes} bytes of pictures");
    assert_eq!(guides.matches("](pictures/").count(), noted().len(), "a guide shows a picture that nobody takes");
}
