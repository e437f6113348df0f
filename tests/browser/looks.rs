//! Every page: sound, accessible, light, from this server alone, and whole at every width in both themes.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::{Value, json};

use super::{
    chromium::{Browser, browser},
    patient::{journeys, plain::is_plain},
    site::{Site, site},
};
use crate::api::parity;

const AXE: &str = include_str!("axe.min.js");
const WIDTHS: [u32; 3] = [320, 1_024, 2_560];
/// The first elements that stick out of the page sideways.
const STICKS_OUT: &str = "
    const out = one => one.getBoundingClientRect().right > innerWidth + 1 && !one.closest('.scroll, pre, .id, .hidden');
    return [...document.querySelectorAll('body *')].filter(out).map(one => one.outerHTML.slice(0, 120)).slice(0, 4)";
/// What axe-core finds.
const VIOLATIONS: &str = "
    const done = arguments[arguments.length - 1];
    const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    const place = node => node.html.slice(0, 200) + ' ' + node.failureSummary;
    axe.run({ runOnly: rules }).then(
        found => done(found.violations.map(one => one.id + ': ' + one.help + ' ' + one.nodes.map(place).join(' | '))),
        error => done(['axe failed: ' + error]));";
/// Opens what is folded away, and keeps what was. How many folds there were.
const UNFOLD: &str = "
    window.folds = [...document.querySelectorAll('details:not([open])')];
    for (const fold of window.folds) fold.open = true;
    return window.folds.length";
/// Folds it away again.
const FOLD: &str = "for (const fold of window.folds) fold.open = false";
/// Bytes of a first visit, everything included.
const WEIGHT_MAX: u64 = 150 << 10;

/// Every page that has an address, by the name of its screenshots.
pub fn pages(site: &Site) -> Vec<(&'static str, String)> {
    let newest: Value = crate::api::agent()
        .get(format!("{}/v1/blocks?order=newest&limit=1", site.url))
        .call()
        .unwrap()
        .body_mut()
        .read_json()
        .unwrap();
    let height = newest["items"][0]["sequence"].as_u64().unwrap() / 4_096;
    let account = site.researcher.account();
    let transactions: Value = crate::api::agent()
        .get(format!("{}/v1/accounts/{account}/transactions?order=newest&limit=1", site.url))
        .call()
        .unwrap()
        .body_mut()
        .read_json()
        .unwrap();
    let transaction = transactions["items"][0]["id"].as_str().unwrap();
    vec![
        ("home", "/".into()),
        ("explorer", "/explorer".into()),
        ("health", "/explorer/health".into()),
        ("blocks", "/blocks".into()),
        ("block", format!("/blocks/{height}")),
        ("transaction", format!("/transactions/{transaction}")),
        ("account", format!("/accounts/{account}")),
        ("issuers", "/issuers".into()),
        ("researchers", "/researchers".into()),
        ("validators", "/validators".into()),
        ("committee", "/committee".into()),
        ("epochs", "/epochs".into()),
        ("schemas", "/schemas".into()),
        ("schema", format!("/schemas/{}", site.schema)),
        ("search", "/search?q=nothing".into()),
        ("studies", "/studies".into()),
        ("study", format!("/studies/{}", site.hostile)),
        ("screenings", "/screenings".into()),
        ("screening", format!("/screenings/{}", site.screening)),
        ("screening-checked", format!("/screenings/{}/verify", site.screening)),
        ("governance", "/explorer/governance".into()),
        ("jobs", "/explorer/jobs".into()),
        ("queries", "/queries".into()),
        ("queries-released", "/queries?stage=released".into()),
        ("query-released", format!("/queries/{}", site.released)),
        ("query-collecting", format!("/queries/{}", site.collecting)),
        ("builder", "/builder".into()),
        ("results", "/results".into()),
        ("verify", "/verify".into()),
        ("offline", "/verify/offline".into()),
        ("sign-in", "/sign-in".into()),
        ("help", "/help".into()),
        ("not-found", "/no/such/page".into()),
    ]
}

/// Addresses of a node that are not among `pages`: a journey leads to the page and inspects it under this name, or it is no page.
const ELSEWHERE: [(&str, Option<&str>); 9] = [
    ("/assets/{name}", None),
    ("/builder/diseases", None),
    ("/builder/names", None),
    ("/queries/{id}/progress", None),
    ("/screenings/{id}/receipt.json", None),
    ("/sign-in/institutions/{id}", None),
    ("/sign-in/institutions/{id}/answer", Some("sign-in-answer")),
    ("/sign-in/link", Some("sign-in-link")),
    ("/you", Some("you")),
];

/// What answers the forms of a node: the names under which journeys inspect its page, or none where it is a file or leads
/// elsewhere.
const POSTED: [(&str, &[&str]); 17] = [
    ("/builder", &["builder-planned", "builder-errors"]),
    ("/builder/file", &[]),
    ("/builder/import", &["builder-survival"]),
    ("/results", &["result", "results-problem"]),
    ("/results/download", &[]),
    ("/sign-in/link", &[]),
    ("/sign-out", &[]),
    ("/sign-out/everywhere", &[]),
    ("/theme", &[]),
    ("/verify", &["verified", "verify-refused", "verify-problem"]),
    ("/you/institutions/add", &["you-leave"]),
    ("/you/institutions/remove", &[]),
    ("/you/ledger-account/unlink", &[]),
    ("/you/name", &[]),
    ("/you/passkeys/remove", &[]),
    ("/you/passkeys/rename", &[]),
    ("/you/sessions/end", &[]),
];

/// Whether a path is one of an address with parts.
fn fits(address: &str, path: &str) -> bool {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let (parts, found): (Vec<_>, Vec<_>) = (address.split('/').collect(), path.split('/').collect());
    parts.len() == found.len() && parts.iter().zip(found).all(|(part, found)| part.starts_with('{') || *part == found)
}

/// Whether some test inspects a page under a name.
fn is_inspected(name: &str) -> bool {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/browser");
    let sources = [folder.clone(), folder.join("patient")].map(|folder| fs::read_dir(folder).unwrap());
    let paths = sources.into_iter().flatten().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let tests: String = paths.filter_map(|path| fs::read_to_string(path).ok()).collect();
    tests.replace("&browser", "browser").contains(&format!("inspect(browser, \"{name}\")"))
}

/// Asserts that every address of a site is inspected: by its path, or on a journey of these tests, which [`inspect`] holds to
/// the address.
#[track_caller]
pub fn all_are_inspected(site: parity::Site, pages: &[(&str, String)], elsewhere: &[(&str, Option<&str>)]) {
    let addresses = site.addresses("get");
    for address in &addresses {
        let listed = pages.iter().any(|(_, path)| fits(address, path));
        match elsewhere.iter().find(|(other, _)| other == address) {
            None => assert!(listed, "nobody looks at {address}"),
            Some((_, name)) => {
                assert!(!listed, "{address} is looked at twice");
                assert!(name.is_none_or(is_inspected), "no test inspects {name:?}, which should show {address}");
            }
        }
    }
    for (address, _) in elsewhere {
        assert!(addresses.contains(*address), "{address} is gone");
    }
}

#[test]
fn every_address_of_a_node_is_inspected() {
    let _alone = browser();
    all_are_inspected(parity::Site::Node, &pages(site()), &ELSEWHERE);
}

#[test]
fn every_page_that_answers_a_form_of_a_node_is_inspected() {
    let listed: BTreeSet<String> = POSTED.map(|(address, _)| address.to_owned()).into();
    assert_eq!(listed, parity::Site::Node.addresses("post"));
    for name in POSTED.iter().flat_map(|(_, names)| *names) {
        assert!(is_inspected(name), "no test inspects {name}");
    }
}

/// Asserts that the page that is open is the one of which journeys inspect something under a name.
#[track_caller]
fn is_at_its_address(browser: &Browser, name: &str) {
    let found = browser.run("return location.pathname");
    let found = found.as_str().unwrap();
    let elsewhere = ELSEWHERE.iter().chain(&journeys::ELSEWHERE).filter(|(_, inspected)| *inspected == Some(name));
    let posted = POSTED.iter().filter(|(_, names)| names.contains(&name));
    let addresses = elsewhere.map(|(address, _)| *address).chain(posted.map(|(address, _)| *address));
    for address in addresses {
        assert!(fits(address, found), "{name} is of {address}, and the page that is open of {found}");
    }
}

/// What is wrong with the looks of the page that is open, in both themes: something sticks out at a width, or is not
/// accessible. Takes its screenshots.
fn faults(browser: &Browser, name: &str) -> Vec<String> {
    let mut faults = vec![];
    for theme in ["light", "dark"] {
        browser.prefer(theme);
        for width in WIDTHS {
            browser.set_width(width);
            let found = browser.run("return document.documentElement.scrollWidth").as_u64().unwrap();
            if found > u64::from(width) {
                faults.push(format!("{name} is {found} wide at {width}: {}", browser.run(STICKS_OUT)));
            }
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/screenshots");
            browser.screenshot(&folder.join(format!("{name}-{width}-{theme}.png")));
            faults.extend(violations(browser).into_iter().map(|one| format!("{name} in {theme} at {width}: {one}")));
        }
    }
    // What is folded away, where there is least room.
    let [narrow, ..] = WIDTHS;
    browser.set_width(narrow);
    if browser.run(UNFOLD) != 0 {
        let found = browser.run("return document.documentElement.scrollWidth").as_u64().unwrap();
        if found > u64::from(narrow) {
            faults.push(format!("{name} is {found} wide at {narrow} unfolded: {}", browser.run(STICKS_OUT)));
        }
        faults.extend(violations(browser).into_iter().map(|one| format!("{name} unfolded: {one}")));
        browser.run(FOLD);
    }
    browser.set_width(1_024);
    faults
}

/// What axe-core finds on the page that is open.
fn violations(browser: &Browser) -> Vec<String> {
    if browser.run("return typeof window.axe") == "undefined" {
        browser.run(AXE);
    }
    let found = browser.run_async(VIOLATIONS);
    found.as_array().unwrap().iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Asserts that nothing is wrong with the looks of the page that is open, nor with the words of one of people's own.
#[track_caller]
pub fn inspect(browser: &Browser, name: &str) {
    is_at_its_address(browser, name);
    if name.starts_with("patient-") {
        is_plain(browser, name);
    }
    let faults = faults(browser, name);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_page_is_accessible_and_whole_at_every_width_in_both_themes() {
    let (site, browser) = (site(), browser());
    let mut found = vec![];
    for (name, path) in pages(site) {
        browser.open(&format!("{}{path}", site.url));
        assert_eq!(browser.run("return location.pathname"), path.split('?').next().unwrap(), "{name}");
        found.extend(faults(&browser, name));
        let complaints = browser.complaints();
        // The browser itself says that a page of an error is one.
        if complaints.len() != usize::from(name == "not-found") {
            found.push(format!("{name}: {complaints:?}"));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_form_that_is_too_long_is_refused_on_a_page() {
    let (site, browser) = (site(), browser());
    browser.open(&format!("{}/builder", site.url));
    browser.run(
        "document.getElementById('issuers').value = 'x'.repeat(1_100_000); document.getElementById('query-form').submit()",
    );
    browser.until("document.querySelector('h1')?.textContent === 'That is too much at once'");
    inspect(&browser, "too-much");
    drop(browser.complaints());
}

/// The requests since the log was last asked, with what came over the wire, heads included, in bytes.
fn requests(browser: &Browser) -> (Vec<String>, u64) {
    let (mut asked, mut bytes) = (vec![], 0);
    for entry in browser.log("performance") {
        let message: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
        let (method, what) = (&message["message"]["method"], &message["message"]["params"]);
        if method == "Network.requestWillBeSent" {
            asked.push((what["requestId"].clone(), what["request"]["url"].as_str().unwrap().to_owned()));
        }
        // An image that a page carries came with the page.
        let is_carried = |(id, url): &(Value, String)| *id == what["requestId"] && url.starts_with("data:");
        if method == "Network.loadingFinished" && !asked.iter().any(is_carried) {
            bytes += what["encodedDataLength"].as_f64().unwrap() as u64;
        }
    }
    (asked.into_iter().map(|(_, url)| url).collect(), bytes)
}

/// Asserts that a visit asks this server alone, and that little comes over the wire though the browser has nothing yet.
#[track_caller]
pub fn weighs_little(browser: &Browser, name: &str, server: &str, visit: impl FnOnce(&Browser)) {
    browser.devtools("Network.setCacheDisabled", json!({ "cacheDisabled": true }));
    drop(browser.log("performance"));
    visit(browser);
    browser.until("document.readyState === 'complete'");
    let (urls, bytes) = requests(browser);
    browser.devtools("Network.setCacheDisabled", json!({ "cacheDisabled": false }));
    println!("{name} weighs {bytes} bytes");
    let own = |url: &String| url.starts_with(server) || url.starts_with("data:");
    assert!(urls.iter().all(own), "{name} asks {urls:?}");
    for file in ["locus.css", "htmx.min.js", "locus.js"] {
        assert!(urls.iter().any(|url| url.contains(file)), "{name} asks {urls:?}");
    }
    assert!(bytes > 20_000 && bytes <= WEIGHT_MAX, "{name} weighs {bytes} bytes");
}

#[test]
fn every_page_comes_from_this_server_alone_and_weighs_little_at_first() {
    let (site, browser) = (site(), browser());
    for (name, path) in pages(site) {
        browser.open("about:blank");
        weighs_little(&browser, name, &site.url, |browser| browser.open(&format!("{}{path}", site.url)));
    }
}

/// A4 between margins of a centimetre, in CSS pixels.
const PAPER: u32 = 718;
/// What of a page is of no use on paper and yet on it, or sticks out of it.
const UNPRINTABLE: &str = "
    const shown = [...document.querySelectorAll('nav a, .skip, .theme, .buttons, .pager, .copy')].filter(one => one.checkVisibility());
    const out = [...document.querySelectorAll('main *')].filter(one => one.getBoundingClientRect().right > innerWidth + 1);
    return [...shown, ...out].map(one => one.outerHTML.slice(0, 120)).slice(0, 4)";

/// Asserts that the page that is open prints dark on light, without what needs a screen, and nothing cut off. The PDF.
#[track_caller]
pub fn prints(browser: &Browser, name: &str) -> Vec<u8> {
    let ground = "return getComputedStyle(document.body).backgroundColor";
    browser.prefer("light");
    let light = browser.run(ground);
    browser.prefer_on("print", "dark");
    browser.set_width(PAPER);
    assert_eq!(browser.run(ground), light, "{name} is printed dark");
    assert_eq!(browser.run(UNPRINTABLE), json!([]), "{name} on paper");
    let printed = browser.print();
    browser.prefer("light");
    browser.set_width(1_024);
    assert!(printed.starts_with(b"%PDF-"), "{name}");
    printed
}

#[test]
fn every_page_prints_on_white_without_what_needs_a_screen() {
    let (site, browser) = (site(), browser());
    for (name, path) in pages(site) {
        browser.open(&format!("{}{path}", site.url));
        prints(&browser, name);
    }
}

#[test]
fn the_theme_switch_works_without_script_and_leads_back() {
    let (site, browser) = (site(), browser());
    browser.allow_scripts(false);
    browser.open(&format!("{}/queries?stage=released", site.url));
    let ground = |browser: &Browser| {
        browser.run("return getComputedStyle(document.body).backgroundColor").as_str().unwrap().to_owned()
    };
    let light = ground(&browser);
    browser.click(".theme button[value=dark]");
    browser.until("document.documentElement.dataset.theme === 'dark'");
    assert_ne!(ground(&browser), light);
    assert!(browser.run("return location.href").as_str().unwrap().ends_with("/queries?stage=released"));
    browser.open(&format!("{}/blocks", site.url));
    assert_eq!(browser.run("return document.documentElement.dataset.theme"), "dark");
    browser.click(".theme button[value=system]");
    browser.until("document.documentElement.dataset.theme === 'system'");
    assert_eq!(ground(&browser), light);
}
