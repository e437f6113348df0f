//! What people come for without a mouse, from the first page to the end.

use std::fs;

use thirtyfour::Key;

use super::{
    chromium::browser,
    keyboard::{SKIP, Walk},
    looks::pages,
    sign_in::{forget, url},
    site::site,
};

/// The own account of whoever is signed in.
const ACCOUNT: &str = "location.pathname === '/you' && document.getElementById('sign-out')";

#[test]
fn the_navigation_of_every_page_is_skipped_and_no_page_holds_the_focus() {
    let (site, browser) = (site(), browser());
    for (_, path) in pages(site) {
        Walk::begin(&browser, &format!("{}{path}", site.url)).passes();
    }
}

#[test]
fn a_researcher_signs_in_with_a_passkey_reaches_the_form_and_signs_out_by_keyboard_alone() {
    let (site, browser) = (site(), browser());
    forget(&browser);
    browser.plug_in("internal");
    let walk = Walk::begin(&browser, &url(site));
    walk.enter(".who a");
    browser.until("location.pathname === '/sign-in'");
    walk.to("#display-name");
    walk.types("Ada Lovelace");
    walk.enter("#passkey-sign-up");
    browser.until(ACCOUNT);
    walk.enter("#sign-out");
    browser.until("location.pathname === '/sign-in'");
    assert_eq!(browser.text(".who").trim(), "Sign in");
    walk.enter("#passkey-sign-in");
    browser.until(ACCOUNT);
    walk.enter("nav a[href='/builder']");
    browser.until("location.pathname === '/builder'");
    assert!(browser.text(".who").contains("Ada Lovelace"), "{}", browser.text(".who"));
    walk.to(SKIP);
    walk.skips();
    walk.to("#study");
    assert_eq!(browser.run("return document.activeElement.form.id"), "query-form");
    walk.back_to(".who a");
    walk.press(Key::Enter);
    browser.until(ACCOUNT);
    walk.enter("#sign-out");
    browser.until("location.pathname === '/sign-in'");
    assert_eq!(browser.text(".who").trim(), "Sign in");
    assert_eq!(browser.complaints(), Vec::<String>::new());
    browser.unplug();
}

#[test]
fn a_sponsor_pastes_a_receipt_and_reads_that_every_check_holds_by_keyboard_alone() {
    let (site, browser) = (site(), browser());
    let walk = Walk::begin(&browser, &site.url);
    walk.enter("nav a[href='/verify']");
    browser.until("location.pathname === '/verify'");
    // A file is chosen in a window of the system, which has keys of its own; the text is a way within the page.
    walk.to("#receipt");
    walk.enter("summary");
    browser.until("document.activeElement.parentElement.open");
    walk.to("#pasted");
    walk.pastes(&fs::read_to_string(&site.receipt).unwrap());
    walk.enter("form[action='/verify'] button.primary");
    browser.until("document.querySelector('.verdict h2')?.textContent === 'The receipt holds'");
    let text = browser.text("main");
    assert!(text.contains("4 distinct certified records"), "{text}");
    assert_eq!(browser.run("return document.querySelectorAll('.checks li').length"), 7);
    assert_eq!(browser.run("return document.querySelectorAll('.checks .held').length"), 7);
    // What was checked leads on.
    walk.enter(&format!("main a[href='/queries/{}']", site.released));
    browser.until(&format!("location.pathname === '/queries/{}'", site.released));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn an_auditor_goes_from_the_explorer_to_a_transaction_and_back_by_keyboard_alone() {
    let (site, browser) = (site(), browser());
    let walk = Walk::begin(&browser, &format!("{}/explorer", site.url));
    walk.to("#q");
    walk.types("1");
    walk.press(Key::Enter);
    browser.until("location.pathname === '/blocks/1'");
    walk.enter("tbody a[href^='/transactions/']");
    browser.until("location.pathname.startsWith('/transactions/')");
    let text = browser.text("main");
    assert!(text.contains("What happened") && text.contains("Signed by"), "{text}");
    walk.to("main summary");
    walk.press(Key::Space);
    browser.until("document.activeElement.parentElement.open");
    walk.to("details pre");
    assert!(browser.text("details pre").starts_with('{'), "{}", browser.text("details pre"));
    walk.back_to(".kicker a");
    walk.press(Key::Enter);
    browser.until("location.pathname === '/blocks/1'");
    walk.enter(".kicker a");
    browser.until("location.pathname === '/blocks'");
    walk.enter("nav a[href='/explorer']");
    browser.until("location.pathname === '/explorer'");
    assert_eq!(browser.text("h1"), "Explorer");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
