//! What people read is plain, also where something went wrong; and words that need explaining lead to the help.

use std::collections::BTreeSet;

use node::state::StateRead as _;
use serde_json::{Value, json};

use super::{
    Afterwards,
    ward::{ledger, ward},
};
use crate::browser::{
    chromium::{Browser, browser},
    looks::inspect,
};

#[path = "../../../web/src/pages/patient/words/plain.rs"]
mod measure;

/// The sentences of the page that is open as people see them: without what is folded, tables, commands, titles, and
/// letters that others wrote.
const PROSE: &str = "
    const main = document.querySelector('main');
    const apart = [...main.querySelectorAll('details, table, pre, code, textarea, h1, h2, h3, .letter')];
    apart.forEach(one => one.style.setProperty('display', 'none', 'important'));
    const prose = main.innerText;
    apart.forEach(one => one.style.removeProperty('display'));
    return prose";
/// Commands that nobody has to unfold.
const COMMANDS: &str = "
    const shown = [...document.querySelectorAll('main code')].filter(one => one.checkVisibility());
    return shown.map(one => one.textContent).filter(text => text.startsWith('locus '))";

/// Asserts that the page that is open can be read at twelve, but for what is behind a tap.
#[track_caller]
pub fn is_plain(browser: &Browser, name: &str) {
    let seen = browser.text("main");
    assert_eq!(measure::of_the_trade(&seen), None, "{name} says it: {seen}");
    assert_eq!(browser.run(COMMANDS), json!([]), "{name} shows commands");
    let prose = browser.run(PROSE).as_str().unwrap().to_owned();
    assert_eq!(measure::too_long(&prose), None, "{name} has a long sentence");
    let grade = measure::grade(&prose).unwrap_or_default();
    println!("{name} is of grade {grade:.1}");
    assert!(grade <= measure::GRADE_MAX, "{name} is of grade {grade:.1}: {prose}");
}

/// What the program said of the change that is followed, which is folded shut.
#[track_caller]
fn folded(browser: &Browser) -> String {
    assert_eq!(browser.run("return document.querySelector('#doing details').open"), false);
    let said =
        browser.run("return document.querySelector('#doing details p').textContent").as_str().unwrap().to_owned();
    assert!(said.len() > 10 && !browser.text("#doing").contains(&said), "{said}");
    said
}

#[test]
fn a_change_that_failed_says_why_in_plain_words_and_what_the_program_said_behind_a_tap() {
    let (ward, browser) = (ward(), browser());
    ward.enter(&browser, ward.stranger);
    // An invitation of somebody else, which no page offers.
    let path = format!("/invitations/{}/decline", ward.screening);
    browser.run(&format!(
        "const fields = {{ form_token: document.querySelector('[name=form_token]').value, operation: '{}', step: 'confirmed' }};
         const form = document.createElement('form');
         for (const [name, value] of Object.entries(fields)) {{
             form.append(Object.assign(document.createElement('input'), {{ type: 'hidden', name, value }}));
         }}
         form.method = 'post';
         form.action = {};
         document.body.append(form);
         form.submit()",
        "5a".repeat(16),
        json!(path)
    ));
    browser.until("document.querySelector('#doing .notice.bad')");
    let said = browser.text("#doing");
    for part in ["It was not done.", "It is too late for that.", "Nothing was changed.", "Go back"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(folded(&browser).contains("ledger"), "the program's words are not plain");
    inspect(&browser, "patient-failed");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_change_of_which_nobody_knows_says_so_in_plain_words() {
    let (ward, browser) = (ward(), browser());
    let number = ward.contributors[0];
    ward.enter(&browser, number);
    ward.open(&browser, "/use/0/withdraw");
    browser.until("document.getElementById('confirm')");
    let mended = Afterwards(|| ward.line.cut(false));
    ward.line.cut(true);
    browser.click("#confirm");
    browser.until("document.querySelector('#doing .notice')");
    drop(mended);
    let said = browser.text("#doing");
    for part in ["Nobody knows yet whether it was done.", "The network does not answer.", "before you try once more"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    folded(&browser);
    inspect(&browser, "patient-unsure");
    let leaf = ward.wallet(number).holdings()[0].leaf;
    assert!(!ledger().registration(leaf).unwrap().unwrap().revoked);
}

#[test]
fn words_that_need_explaining_lead_to_the_help_once_on_each_page() {
    let (ward, browser) = (ward(), browser());
    ward.enter(&browser, ward.contributors[2]);
    let mut all = BTreeSet::new();
    for path in ["/", "/records", "/use", "/asked", "/invitations", "/licences", "/money", "/privacy"] {
        ward.open(&browser, path);
        let led = browser.run("return [...document.querySelectorAll('main a[href^=\"/help#\"]')].map(one => one.hash)");
        let led: Vec<String> = serde_json::from_value(led).unwrap();
        let once: BTreeSet<_> = led.iter().cloned().collect();
        assert!(!led.is_empty() && once.len() == led.len(), "{path}: {led:?}");
        all.extend(led);
    }
    assert!(all.len() >= 10, "{all:?}");
    browser.click("main a[href='/help#agent'], main a[href='/help#answer']");
    browser.until("document.querySelector('dt:target')");
    let missing = format!("return {}.filter(id => document.querySelector('dt' + id) === null)", json!(all));
    assert_eq!(browser.run(&missing), json!([]), "the help explains each");
    // There every word is explained in its place.
    assert_eq!(browser.run("return document.querySelector('main a[href^=\"/help#\"]')"), Value::Null);
}
