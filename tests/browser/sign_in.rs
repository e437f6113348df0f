//! Signing in with a real browser and its virtual authenticators, and with the key of a ledger account.

use serde_json::{Value, json};
use web::{
    client::Remote,
    sign_in::{Challenge, Link, SignedChallenge},
};

use super::{
    chromium::{Browser, browser},
    looks::inspect,
    site::{Site, site},
};
use crate::api::{institutions::listed, provider::Provider};

/// A name that runs, were it not taken for text.
const MARKUP: &str = "<img src=x onerror=\"window.pwned = 1\">";

/// The site under the name that passkeys are for.
fn url(site: &Site) -> String {
    site.url.replace("127.0.0.1", "localhost")
}

/// Nobody is signed in in the browser any more.
fn forget(browser: &Browser) {
    browser.devtools("Network.clearBrowserCookies", json!({}));
}

#[track_caller]
fn fill(browser: &Browser, selector: &str, value: &str) {
    let script = format!("document.querySelector({}).value = {}", json!(selector), json!(value));
    browser.run(&script);
}

/// Makes an account with the passkey of whatever authenticator is plugged in.
#[track_caller]
fn sign_up(browser: &Browser, site: &Site, name: &str) {
    browser.open(&format!("{}/sign-in", url(site)));
    fill(browser, "#display-name", name);
    browser.click("#passkey-sign-up");
    browser.until("location.pathname === '/you' && document.getElementById('sign-out')");
}

#[track_caller]
fn sign_in(browser: &Browser, site: &Site) {
    browser.open(&format!("{}/sign-in", url(site)));
    browser.click("#passkey-sign-in");
    browser.until("location.pathname === '/you' && document.getElementById('sign-out')");
}

/// A link for the researcher's key, as `locus sign-in` gets one.
fn link(site: &Site) -> String {
    let (remote, origin) = (Remote::new(&site.url).unwrap(), url(site).parse().unwrap());
    let asking = json!({ "account": site.researcher.account() });
    let challenge: Challenge = remote.post_json("/v1/sign-in/challenges", &asking).unwrap();
    let genesis: node::genesis::Genesis = remote.json("/v1/genesis").unwrap().unwrap();
    let (chain, key) = (genesis.chain_id().unwrap(), site.researcher.signing_key());
    let signed = SignedChallenge::sign(&challenge, &origin, &chain, &key);
    let Link { path, .. } = remote.post_json("/v1/sign-in/links", &signed).unwrap();
    format!("{}{path}", url(site))
}

#[test]
fn a_person_makes_an_account_and_signs_in_again_with_either_of_two_passkeys() {
    let (site, browser) = (site(), browser());
    forget(&browser);
    browser.plug_in("internal");
    sign_up(&browser, site, "Ada Lovelace");
    assert!(browser.text(".who").contains("Ada Lovelace"));
    assert!(browser.text("#content").contains("First passkey"));
    inspect(&browser, "you");
    browser.open(&format!("{}/sign-in", url(site)));
    inspect(&browser, "sign-in-signed-in");
    // The device has a passkey already; a security key gets the second.
    browser.open(&format!("{}/you", url(site)));
    browser.plug_in("usb");
    fill(&browser, "#passkey-label", "Security key");
    browser.click("#passkey-add");
    browser.until("document.querySelectorAll('form[action=\"/you/passkeys/remove\"]').length === 2");
    inspect(&browser, "you-two-passkeys");
    browser.click("#sign-out");
    browser.until("location.pathname === '/sign-in'");
    assert_eq!(browser.text(".who").trim(), "Sign in");
    sign_in(&browser, site);
    // The name that a person chose is text.
    fill(&browser, "#own-name", MARKUP);
    browser.run("document.querySelector('form[action=\"/you/name\"]').submit()");
    browser.until(&format!("document.querySelector('.who').textContent.includes({})", json!(MARKUP)));
    assert_eq!(browser.run("return window.pwned ?? null"), Value::Null);
    assert_eq!(browser.run("return document.querySelectorAll('img[src=x]').length"), 0);
    inspect(&browser, "you-long-name");
    assert_eq!(browser.complaints(), Vec::<String>::new());
    // Removing the first leaves the second.
    browser.run("document.querySelector('form[action=\"/you/passkeys/remove\"]').submit()");
    browser.until("document.querySelectorAll('form[action=\"/you/passkeys/remove\"]').length === 1");
    assert!(browser.text("#content").contains("Security key") && !browser.text("#content").contains("First passkey"));
    forget(&browser);
    sign_in(&browser, site);
    browser.unplug();
}

#[test]
fn a_passkey_that_is_not_there_is_said_in_words() {
    let (site, browser) = (site(), browser());
    forget(&browser);
    browser.plug_in("internal");
    browser.open(&format!("{}/sign-in", url(site)));
    browser.click("#passkey-sign-in");
    browser.until("document.querySelector('[data-problem]').textContent.includes('No passkey was used')");
    inspect(&browser, "sign-in-refused");
    browser.unplug();
}

#[test]
fn signing_out_everywhere_ends_the_session_of_another_browser() {
    let (site, browser) = (site(), browser());
    forget(&browser);
    browser.open(&link(site));
    browser.click("button[value=sign-in]");
    browser.until("location.pathname === '/you'");
    let second = Browser::start("second-profile");
    second.open(&link(site));
    second.click("button[value=sign-in]");
    second.until("document.querySelectorAll('form[action=\"/you/sessions/end\"]').length >= 2");
    second.click("#sign-out-everywhere");
    second.until("location.pathname === '/sign-in'");
    browser.open(&format!("{}/you", url(site)));
    assert!(browser.text("#content").contains("Sign in"), "{}", browser.text("#content"));
    assert_eq!(browser.text(".who").trim(), "Sign in");
    drop(browser.complaints());
}

#[test]
fn a_tab_that_another_one_signed_out_asks_to_sign_in_and_changes_nothing() {
    let (site, browser) = (site(), browser());
    forget(&browser);
    browser.plug_in("internal");
    sign_up(&browser, site, "Two Tabs");
    fill(&browser, "#own-name", "Renamed by nobody");
    browser.in_another_tab(|| {
        browser.open(&format!("{}/you", url(site)));
        browser.click("#sign-out");
        browser.until("location.pathname !== '/you'");
    });
    browser.click("form[action='/you/name'] button");
    browser.until("document.querySelector('.who').innerText.trim() === 'Sign in'");
    assert!(browser.text("#content").contains("Sign in"), "{}", browser.text("#content"));
    sign_in(&browser, site);
    assert_eq!(browser.run("return document.getElementById('own-name').value"), "Two Tabs");
    drop(browser.complaints());
    browser.unplug();
}

#[test]
fn a_key_of_the_ledger_is_linked_and_its_role_and_studies_are_shown() {
    let (site, browser) = (site(), browser());
    forget(&browser);
    let opened = link(site);
    browser.open(&opened);
    inspect(&browser, "sign-in-link");
    browser.click("button[value=sign-in]");
    browser.until("location.pathname === '/you'");
    let shown = browser.text("#content");
    assert!(shown.contains("accredited researcher") && shown.contains(super::site::HOSTILE), "{shown}");
    inspect(&browser, "you-with-key");
    assert_eq!(browser.complaints(), Vec::<String>::new());
    // The link is used up.
    browser.open(&opened);
    assert!(browser.text("#content").contains("it was used"), "{}", browser.text("#content"));
    drop(browser.complaints());
    forget(&browser);
}

#[test]
fn without_script_the_page_says_what_to_do_and_a_link_still_signs_in() {
    let (site, browser) = (site(), browser());
    forget(&browser);
    browser.allow_scripts(false);
    browser.open(&format!("{}/sign-in", url(site)));
    let shown = browser.text("#content");
    assert!(shown.contains("Passkeys need script") && shown.contains("locus sign-in --url"), "{shown}");
    assert!(!shown.contains("Sign in with a passkey"), "{shown}");
    browser.open(&link(site));
    browser.click("button[value=sign-in]");
    browser.until("location.pathname === '/you'");
    browser.click("#sign-out");
    browser.until("location.pathname === '/sign-in'");
    browser.allow_scripts(true);
}

#[test]
fn at_an_address_without_a_name_the_page_leads_to_where_passkeys_work() {
    let (site, browser) = (site(), browser());
    forget(&browser);
    browser.open(&format!("{}/sign-in", site.url));
    let place = format!("{}/sign-in", url(site));
    assert_eq!(browser.run("return document.querySelector('.notice a').href"), place);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn an_institution_is_added_to_an_account_and_a_passkey_is_renamed() {
    let provider = Provider::start();
    let (server, browser) = (listed(&provider), browser());
    let home = server.running.url().replace("127.0.0.1", "localhost");
    forget(&browser);
    browser.plug_in("internal");
    browser.open(&format!("{home}/sign-in"));
    fill(&browser, "#display-name", "Ada Lovelace");
    browser.click("#passkey-sign-up");
    browser.until("location.pathname === '/you' && document.getElementById('sign-out')");
    assert!(browser.text("#content").contains("There is one way into this account."));
    inspect(&browser, "you-one-way");
    browser.run("document.querySelector('form[action=\"/you/passkeys/rename\"]').closest('details').open = true");
    fill(&browser, "#label-1", "Laptop");
    browser.click("form[action='/you/passkeys/rename'] button");
    browser.until("document.querySelector('form[action=\"/you/passkeys/remove\"] strong').textContent === 'Laptop'");
    browser.click("form[action='/you/institutions/add'] button");
    browser.until("document.getElementById('leave')");
    inspect(&browser, "you-leave");
    assert_eq!(browser.complaints(), Vec::<String>::new());
    browser.click("#leave");
    browser
        .until("location.pathname === '/you' && document.querySelector('form[action=\"/you/institutions/remove\"]')");
    assert!(!browser.text("#content").contains("There is one way"), "{}", browser.text("#content"));
    inspect(&browser, "you-institution");
    browser.run("document.querySelector('form[action=\"/you/passkeys/remove\"]').submit()");
    browser.until("document.querySelector('form[action=\"/you/passkeys/remove\"]') === null");
    assert!(browser.text("#content").contains("There is one way"), "{}", browser.text("#content"));
    browser.unplug();
    forget(&browser);
    browser.open("about:blank");
}
