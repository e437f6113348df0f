//! What people do on their pages, and what it looks like.

use std::fs;

use circuits::{
    consent::{ConsentTerms, Purposes},
    id::AccountId,
};
use node::state::StateRead as _;
use serde_json::{Value, json};

use super::{
    Afterwards,
    ward::{SCREENING_PRICE, Ward, contacts, ledger, ward},
};
use crate::{
    api::parity,
    browser::{
        chromium::{Browser, browser, downloads, saved, soon},
        keyboard::{SKIP, Walk},
        looks::{all_are_inspected, inspect, prints, weighs_little},
        site::site,
    },
};

const CONTACT: &str = "ada@example.org\nafter six in the evening";

/// Waits until the change that is followed is in a block.
#[track_caller]
pub fn done(browser: &Browser) {
    browser.until("document.querySelector('#doing .notice')");
    assert!(browser.text("#doing").contains("Done."), "{}", browser.text("#doing"));
}

/// Puts a text into a field.
pub fn fill(browser: &Browser, id: &str, text: &str) {
    browser.run(&format!("document.getElementById({}).value = {}", json!(id), json!(text)));
}

/// Every page that a session shows, by the name of its screenshots.
fn pages(ward: &Ward) -> Vec<(&'static str, String)> {
    vec![
        ("home", "/".into()),
        ("records", "/records".into()),
        ("use", "/use".into()),
        ("change", "/use/0/change".into()),
        ("withdraw", "/use/0/withdraw".into()),
        ("asked", "/asked".into()),
        ("invitations", "/invitations".into()),
        ("invitation", format!("/invitations/{}", ward.screening)),
        ("licences", "/licences".into()),
        ("money", "/money".into()),
        ("pay-out", format!("/money/{}", site().released)),
        ("privacy", "/privacy".into()),
        ("help", "/help".into()),
        ("not-found", "/no/such/page".into()),
    ]
}

#[test]
fn every_page_is_accessible_and_whole_at_every_width_in_both_themes() {
    let (ward, browser) = (ward(), browser());
    browser.open(&ward.link(ward.contributors[2]));
    inspect(&browser, "patient-enter");
    ward.enter(&browser, ward.contributors[2]);
    for (name, path) in pages(ward) {
        ward.open(&browser, &path);
        inspect(&browser, &format!("patient-{name}"));
        let complaints = browser.complaints();
        // The browser itself says that a page of an error is one.
        assert_eq!(complaints.len(), usize::from(name == "not-found"), "{name}: {complaints:?}");
        prints(&browser, name);
    }
}

#[test]
fn the_navigation_of_every_page_is_skipped_and_no_page_holds_the_focus() {
    let (ward, browser) = (ward(), browser());
    // The way in begins at its button.
    let way_in = Walk::begin(&browser, &ward.link(ward.contributors[2]));
    way_in.back_to(SKIP);
    way_in.skips();
    way_in.leaves();
    ward.enter(&browser, ward.contributors[2]);
    for (_, path) in pages(ward) {
        Walk::begin(&browser, &format!("{}{path}", ward.url)).passes();
    }
}

#[test]
fn who_left_and_who_comes_without_a_link_see_a_page_that_says_how_to_come_in() {
    let (ward, browser) = (ward(), browser());
    ward.enter(&browser, ward.contributors[2]);
    browser.click("form[action='/out'] button");
    browser.until("document.title.includes('signed out')");
    inspect(&browser, "patient-left");
    ward.open(&browser, "/records");
    assert!(browser.text("main").contains("Each link works once."), "{}", browser.text("main"));
    inspect(&browser, "patient-no-session");
    // The browser itself says that a page of an error is one.
    assert_eq!(browser.complaints().len(), 1);
}

/// Addresses that are not among `pages`: a journey leads to the page and inspects it under this name, or it is no page.
pub const ELSEWHERE: [(&str, Option<&str>); 10] = [
    ("/asked/{query}/take-back", Some("patient-take-back")),
    ("/doing/{id}", Some("patient-done")),
    ("/download", None),
    ("/in/{token}", Some("patient-enter")),
    ("/invitations/{id}/again", Some("patient-send-again")),
    ("/invitations/{id}/decline", Some("patient-decline-invitation")),
    ("/licences/data/{id}/withdraw", Some("patient-withdraw-data")),
    ("/licences/{id}/decline", Some("patient-decline-licence")),
    ("/licences/{id}/grant", Some("patient-grant")),
    ("/licences/{id}/revoke", Some("patient-revoke")),
];

#[test]
fn every_address_of_people_is_inspected() {
    let _alone = browser();
    all_are_inspected(parity::Site::Person, &pages(ward()), &ELSEWHERE);
}

#[test]
fn every_page_of_people_comes_from_their_agent_alone_and_weighs_little_at_first() {
    let (ward, browser) = (ward(), browser());
    ward.enter(&browser, ward.contributors[2]);
    for (name, path) in pages(ward) {
        browser.open("about:blank");
        weighs_little(&browser, name, &ward.url, |browser| ward.open(browser, &path));
    }
}

#[test]
fn a_record_says_what_was_measured_by_whom_and_when_and_the_genome_is_counted() {
    let (ward, browser) = (ward(), browser());
    let number = ward.contributors[0];
    ward.enter(&browser, number);
    ward.open(&browser, "/records");
    let text = browser.text("main");
    assert!(text.contains("Hospital") && text.contains("1,172 places were looked at"), "{text}");
    assert!(text.contains("age") && (text.contains("female") || text.contains("male")), "{text}");
    assert!(text.contains("In use") && text.contains("never leaves"), "{text}");
    ward.open(&browser, "/asked");
    let asked = browser.text("main");
    assert!(asked.contains("You were paid.") && asked.contains("Demo researcher"), "{asked}");
    assert!(asked.contains("research on health and illness"), "{asked}");
    ward.enter(&browser, ward.stranger);
    ward.open(&browser, "/asked");
    let declined = browser.text("main");
    assert!(declined.contains("Not answered") && declined.contains("Ended early"), "{declined}");
    assert!(declined.contains("Open, at most"), "{declined}");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_record_is_withdrawn_by_keyboard_alone_and_once_however_often_the_form_is_sent() {
    let (ward, browser) = (ward(), browser());
    let number = ward.contributors[1];
    ward.enter(&browser, number);
    let walk = Walk::begin(&browser, &format!("{}/use", ward.url));
    walk.enter("#withdraw-0");
    browser.until("location.pathname === '/use/0/withdraw'");
    let warning = browser.text("main");
    assert!(warning.contains("cannot be undone") && warning.contains("Results that are out stay out"), "{warning}");
    walk.enter("#confirm");
    browser.until("location.pathname.startsWith('/doing/')");
    let first = browser.run("return location.pathname");
    done(&browser);
    inspect(&browser, "patient-done");
    let (leaf, owner) = {
        let wallet = ward.wallet(number);
        (wallet.holdings()[0].leaf, wallet.owner())
    };
    assert!(ledger().registration(leaf).unwrap().unwrap().revoked);
    let nonce = || ledger().account(owner).unwrap().unwrap_or_default().nonce;
    let before = nonce();
    browser.run("history.back()");
    browser.until("document.getElementById('confirm')");
    browser.click("#confirm");
    browser.until("location.pathname.startsWith('/doing/')");
    assert_eq!(browser.run("return location.pathname"), first, "the same form means the same change");
    assert_eq!(nonce(), before);
    ward.open(&browser, "/use");
    assert!(browser.text("main").contains("withdrawn for ever"), "{}", browser.text("main"));
    assert_eq!(browser.run("return document.getElementById('withdraw-0')"), Value::Null);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn rules_are_changed_after_a_second_look_and_errors_are_beside_their_fields() {
    let (ward, browser) = (ward(), browser());
    let number = ward.contributors[3];
    let first = ward.wallet(number).holdings()[0].consent.clone();
    ward.enter(&browser, number);
    ward.open(&browser, "/use/0/change");
    browser.run("for (const box of document.querySelectorAll('[name=purpose]')) box.checked = false");
    fill(&browser, "days", "soon");
    let tick = |regions: &str| {
        let boxes = "document.querySelectorAll('[name=region]')";
        browser.run(&format!("for (const box of {boxes}) box.checked = [{regions}].includes(box.value)"));
    };
    assert_eq!(browser.run("return document.querySelector('[name=region][value=everywhere]').checked"), true);
    tick("");
    fill(&browser, "epsilon_max", "much");
    browser.click("#review");
    browser.until("document.getElementById('days-error') && document.getElementById('purpose-error')");
    browser.until("document.getElementById('region-error') && document.getElementById('epsilon_max-error')");
    assert_eq!(browser.run("return document.getElementById('days').getAttribute('aria-invalid')"), "true");
    inspect(&browser, "patient-change-errors");
    browser.click("#purpose-health-research");
    fill(&browser, "days", "90");
    fill(&browser, "price_min", "700");
    tick("'1', '3'");
    fill(&browser, "epsilon_max", "0.5");
    browser.click("#screening");
    browser.click("#review");
    browser.until("document.getElementById('confirm')");
    let asked = browser.text("main");
    assert!(asked.contains("research on health and illness") && asked.contains("Will be: 700."), "{asked}");
    assert!(asked.contains("Only in the regions 1, 3.") && asked.contains("at most 0.5"), "{asked}");
    assert!(asked.contains("Was: any kind of research") && !asked.contains("allow that too"), "{asked}");
    inspect(&browser, "patient-confirm");
    browser.click("#confirm");
    done(&browser);
    let wallet = ward.wallet(number);
    let terms = &wallet.holdings()[0].consent;
    assert_eq!((terms.price_min, terms.regions.0, terms.epsilon_milli_max), (700, 0b101, 500));
    let uses = Purposes::NAMED.into_iter().filter(|(_, purpose)| terms.purposes.contains(*purpose));
    assert_eq!(
        uses.map(|(name, _)| name).collect::<Vec<_>>(),
        ["health-research"],
        "what was allowed before is not widened"
    );
    let registered = ledger().registration(wallet.holdings()[0].leaf).unwrap().unwrap();
    assert_eq!(registered.consent, terms.commitment(), "the ledger has what the wallet has");
    ward.open(&browser, "/use");
    // Unless an epoch ended with this very block.
    if browser.text("main").contains("Changing") {
        ward.open(&browser, "/");
        assert!(browser.text("main").contains("Your new rules do not count yet"), "{}", browser.text("main"));
        ward.open(&browser, "/use");
    }
    drop(wallet);
    browser.click("#undo-0");
    browser.until("document.getElementById('price_min')");
    assert_eq!(browser.run("return document.querySelector('[name=region][value=everywhere]').checked"), true);
    browser.click("#review");
    browser.until("document.getElementById('confirm')");
    browser.click("#confirm");
    done(&browser);
    let back = ward.wallet(number).holdings()[0].consent.clone();
    let said = |terms: &ConsentTerms| (terms.purposes, terms.regions, terms.price_min, terms.epsilon_milli_max);
    assert_eq!(said(&back), said(&first), "the rules from before hold again");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn the_limit_of_privacy_is_set_after_a_second_look_that_says_what_it_does_not_undo() {
    let (ward, browser) = (ward(), browser());
    let number = ward.contributors[0];
    ward.enter(&browser, number);
    ward.open(&browser, "/privacy");
    for wrong in ["", "much", "-1", "0.00001"] {
        browser.run("document.getElementById('limit-error')?.remove()");
        fill(&browser, "limit", wrong);
        browser.click("#review");
        browser.until("document.getElementById('limit-error')");
    }
    inspect(&browser, "patient-privacy-errors");
    let before = ward.wallet(number).budget();
    fill(&browser, "limit", "2.5");
    browser.click("#review");
    browser.until("document.getElementById('confirm')");
    let asked = browser.text("main");
    assert!(asked.contains(&format!("Your limit becomes 2.5. It was {before}")), "{asked}");
    assert!(asked.contains("takes nothing back"), "{asked}");
    assert_eq!(ward.wallet(number).budget(), before, "nothing is set before it is confirmed");
    inspect(&browser, "patient-privacy-confirm");
    browser.click("#confirm");
    done(&browser);
    assert_eq!(ward.wallet(number).budget().milli(), 2_500);
    ward.open(&browser, "/privacy");
    assert_eq!(browser.run("return document.getElementById('limit').value"), "2.5");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn money_is_paid_out_once_after_a_second_look_without_script() {
    let (ward, browser) = (ward(), browser());
    let number = ward.contributors[0];
    ward.enter(&browser, number);
    browser.allow_scripts(false);
    ward.open(&browser, "/money");
    assert!(browser.text("main").contains("500"), "{}", browser.text("main"));
    ward.open(&browser, &format!("/money/{}", site().released));
    fill(&browser, "to", "my bank");
    browser.click("#review");
    browser.until("document.getElementById('to-error')");
    let to = AccountId::from_bytes([0x22; 32]);
    fill(&browser, "to", &to.to_string());
    browser.click("#review");
    browser.until("document.getElementById('confirm')");
    assert!(browser.text("main").contains("cannot be taken back"));
    browser.click("#confirm");
    browser.until("location.pathname.startsWith('/doing/')");
    let said = soon(|| {
        let said = browser.text("#doing .notice");
        if !said.is_empty() {
            return Ok(said);
        }
        // The link goes once the change has ended.
        browser.run("document.querySelector('#doing a[href^=\"/doing/\"]')?.click()");
        Err(format!("the change does not end: {}", browser.text("main")))
    });
    assert!(said.contains("Done. The money is on its way"), "{said}");
    assert_eq!(ledger().account(to).unwrap().unwrap().balance.get(), 500);
    ward.open(&browser, "/money");
    let money = browser.text("main");
    assert!(money.contains("Sent on") && money.contains("Still here"), "{money}");
    let way = format!("return document.querySelector('a[href=\"/money/{}\"]')", site().released);
    assert_eq!(browser.run(&way), Value::Null, "there is nothing left to pay out");
    ward.open(&browser, &format!("/money/{}", site().released));
    assert!(browser.text("main").contains("This money was sent on. Nothing of it is here any more. It was 500."));
}

#[test]
fn an_invitation_is_read_and_accepted_with_a_contact_that_the_sponsor_alone_reads() {
    let (ward, browser) = (ward(), browser());
    let number = ward.contributors[2];
    ward.enter(&browser, number);
    assert!(browser.text("main").contains("Somebody invites you"), "{}", browser.text("main"));
    inspect(&browser, "patient-home-needs-you");
    ward.open(&browser, &format!("/invitations/{}", ward.screening));
    assert!(browser.text("main").contains("Two visits.") && browser.text("main").contains("Stay unknown"));
    inspect(&browser, "patient-invitation-open");
    let facts = browser.text("main dl");
    assert!(
        facts.contains(", about the illness type 2 diabetes mellitus (DOID:9352)"),
        "an illness has its name: {facts}"
    );
    browser.click(&format!("a[href='/invitations/{}/decline']", ward.screening));
    browser.until("document.getElementById('confirm')");
    inspect(&browser, "patient-decline-invitation");
    ward.open(&browser, &format!("/invitations/{}", ward.screening));
    assert!(browser.text("main").contains("New") && browser.text("main").contains("Who wrote"));
    browser.click("#review");
    browser.until("document.getElementById('contact-error')");
    assert_eq!(browser.text("#contact-error"), "Write how they can reach you.");
    fill(&browser, "contact", CONTACT);
    browser.click("#review");
    browser.until("document.getElementById('confirm')");
    assert!(browser.text("main").contains("ada@example.org"));
    browser.click("#confirm");
    done(&browser);
    assert_eq!(contacts(ward.screening), [Some(CONTACT.to_owned())]);
    ward.open(&browser, &format!("/invitations/{}", ward.screening));
    browser.until("document.querySelector('.notice.good')");
    assert!(browser.text("main").contains("You said yes") && browser.text("main").contains("ada@example.org"));
    ward.open(&browser, "/money");
    assert!(browser.text("main").contains(&SCREENING_PRICE.to_string()));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn everything_is_saved_in_one_file_without_a_secret() {
    let (ward, browser) = (ward(), browser());
    let number = ward.contributors[0];
    ward.enter(&browser, number);
    let path = downloads().join("my-locus-data.json");
    drop(fs::remove_file(&path));
    ward.open(&browser, "/");
    browser.click("footer a[href='/download']");
    let text = String::from_utf8(saved(&path)).unwrap();
    let saved: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(saved["records"][0]["genome"]["variants"], 1_172);
    assert_eq!(saved["queries"].as_array().unwrap().len(), 2);
    assert_eq!(saved["statement"]["paid"], 500);
    assert!(saved["licences"]["known"].as_array().unwrap().is_empty());
    let wallet = ward.wallet(number);
    let payout = hex::encode(wallet.answers()[&site().released].payout.as_bytes());
    for secret in [hex::encode(wallet.owner_key().to_bytes()), payout, "salt".into(), "nullifier".into()] {
        assert!(!text.contains(&secret));
    }
}

#[test]
fn without_the_network_the_pages_show_the_last_picture_and_changes_say_that_they_failed() {
    let (ward, browser) = (ward(), browser());
    let number = ward.contributors[0];
    ward.enter(&browser, number);
    let mended = Afterwards(|| ward.line.cut(false));
    ward.line.cut(true);
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    ward.open(&browser, "/records");
    let text = browser.text("main");
    assert!(text.contains("The network does not answer") && text.contains("Hospital"), "{text}");
    inspect(&browser, "patient-offline");
    ward.open(&browser, "/licences");
    assert!(browser.text("main").contains("cannot say what you offered"));
    ward.open(&browser, "/use/0/withdraw");
    browser.click("#confirm");
    browser.until("document.querySelector('#doing .notice')");
    let said = browser.text("#doing");
    assert!(said.contains("Nobody knows yet") || said.contains("It was not done"), "{said}");
    drop(mended);
    let leaf = ward.wallet(number).holdings()[0].leaf;
    assert!(!ledger().registration(leaf).unwrap().unwrap().revoked);
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    ward.open(&browser, "/records");
    assert!(!browser.text("main").contains("does not answer"), "{}", browser.text("main"));
}
