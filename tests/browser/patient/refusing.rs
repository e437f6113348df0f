//! An agent that says no: the page says who asked and why not, and a change of the rules changes the reason.

use circuits::consent::Purposes;
use web::client::{Remote, RemoteLedger};

use super::{
    journeys::done,
    ward::{Ward, ward},
};
use crate::browser::{
    chromium::{Browser, browser, soon},
    looks::inspect,
    site::site,
};

/// Somebody whose rules allow research on ancestry alone, whom no other test changes.
fn ancestry_alone(ward: &Ward) -> usize {
    let allows = |number: &usize| {
        let purposes = ward.wallet(*number).holdings()[0].consent.purposes;
        purposes.contains(Purposes::ANCESTRY) && !purposes.contains(Purposes::HEALTH_RESEARCH)
    };
    (0..ward.paths.len()).find(allows).expect("somebody forbids the purpose")
}

/// What “Who asked” says of the question that collects.
#[track_caller]
fn asked(ward: &Ward, browser: &Browser) -> String {
    ward.open(browser, "/asked");
    let script = format!(
        "return [...document.querySelectorAll('.rows > li')].find(one => one.innerHTML.includes('{}'))?.innerText ?? ''",
        site().collecting
    );
    browser.run(&script).as_str().unwrap().to_owned()
}

/// Looks at “Who asked” until it says something of that question.
#[track_caller]
fn until_asked(ward: &Ward, browser: &Browser, says: impl Fn(&str) -> bool) -> String {
    soon(|| {
        let text = asked(ward, browser);
        if says(&text) { Ok(text) } else { Err(format!("it stays at: {text}")) }
    })
}

/// Chooses what a record may be used for, and nothing else, and confirms it.
#[track_caller]
fn allow(ward: &Ward, browser: &Browser, purpose: &str) {
    ward.open(browser, "/use/0/change");
    browser.run(&format!(
        "for (const box of document.querySelectorAll('[name=purpose]')) box.checked = box.id === 'purpose-{purpose}'"
    ));
    browser.click("#review");
    browser.until("document.getElementById('confirm')");
    browser.click("#confirm");
    done(browser);
    let ledger = RemoteLedger::connect(Remote::new(&site().url).unwrap()).unwrap();
    site().pass_epoch(&ledger);
}

#[test]
fn a_question_that_the_rules_forbid_is_shown_with_who_asked_and_why_not_until_the_rules_change() {
    let (ward, browser) = (ward(), browser());
    let number = ancestry_alone(ward);
    ward.enter(&browser, number);
    let text = asked(ward, &browser);
    assert!(text.contains("Says no") && text.contains("You allow only research on where people"), "{text}");
    assert!(text.contains("Demo researcher") && text.contains("research on health and illness"), "{text}");
    inspect(&browser, "patient-asked-refused");

    allow(ward, &browser, "health-research");
    until_asked(ward, &browser, |text| text.contains("Your rules allow it."));

    allow(ward, &browser, "ancestry");
    let text = until_asked(ward, &browser, |text| text.contains("You allow only research on where people"));
    assert!(text.contains("Says no"), "{text}");
    let wallet = ward.wallet(number);
    assert!(!wallet.holdings()[0].consent.purposes.contains(Purposes::HEALTH_RESEARCH));
    assert!(wallet.answers().is_empty(), "it answered nothing");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
