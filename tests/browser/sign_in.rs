//! Signing in with a real browser and its virtual authenticators, and with the key of a ledger account.

use ed25519_dalek::SigningKey;
use node::signature::account_of;
use serde_json::{Value, json};
use web::{
    client::Remote,
    sign_in::{ADDRESS_BURST, Challenge, Link, SignedChallenge},
};

use super::{
    chromium::{Browser, browser},
    hostile::shows_as_text,
    looks::inspect,
    site::{HOSTILE, Site, site},
};
use crate::{
    api::{authenticator::program, institutions::listed, provider::Provider},
    world::account,
};

/// A name that runs, were it not taken for text.
const MARKUP: &str = "<img src=x onerror=\"window.pwned = 1\">";

/// A server on this machine under the name that passkeys are for.
fn named(server: &str) -> String {
    server.replace("127.0.0.1", "localhost")
}

/// The site under that name.
pub fn url(site: &Site) -> String {
    named(&site.url)
}

/// Nobody is signed in in the browser any more.
pub fn forget(browser: &Browser) {
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

/// The path of a link for a key at a server on this machine, as `locus sign-in` gets one.
pub fn link(server: &str, key: &SigningKey) -> String {
    let (remote, origin) = (Remote::new(server).unwrap(), named(server).parse().unwrap());
    let asking = json!({ "account": account_of(key) });
    let challenge: Challenge = remote.post_json("/v1/sign-in/challenges", &asking).unwrap();
    let genesis: node::genesis::Genesis = remote.json("/v1/genesis").unwrap().unwrap();
    let signed = SignedChallenge::sign(&challenge, &origin, &genesis.chain_id().unwrap(), key);
    let Link { path, .. } = remote.post_json("/v1/sign-in/links", &signed).unwrap();
    path
}

/// A link for the researcher's key, whole.
fn researchers_link(site: &Site) -> String {
    format!("{}{}", url(site), link(&site.url, &site.researcher.signing_key()))
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
    browser.until(&format!("document.querySelector('.who')?.textContent.includes({})", json!(MARKUP)));
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
    browser.open(&researchers_link(site));
    browser.click("button[value=sign-in]");
    browser.until("location.pathname === '/you'");
    let second = Browser::start("second-profile");
    second.open(&researchers_link(site));
    second.click("button[value=sign-in]");
    second.until("document.querySelectorAll('form[action=\"/you/sessions/end\"]').length >= 2");
    second.click("#sign-out-everywhere");
    second.until("location.pathname === '/sign-in'");
    browser.open(&format!("{}/you", url(site)));
    assert!(browser.text("#content").contains("Sign in"), "{}", browser.text("#content"));
    assert_eq!(browser.text(".who").trim(), "Sign in");
    inspect(&browser, "signed-out");
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
    browser.until("document.querySelector('.who')?.innerText.trim() === 'Sign in'");
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
    let opened = researchers_link(site);
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
    browser.open(&researchers_link(site));
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
    let home = named(&server.running.url());
    forget(&browser);
    browser.plug_in("internal");
    browser.open(&format!("{home}/sign-in"));
    fill(&browser, "#display-name", "Ada Lovelace");
    browser.click("#passkey-sign-up");
    browser.until("location.pathname === '/you' && document.getElementById('sign-out')");
    assert!(browser.text("#content").contains("There is one way into this account."));
    inspect(&browser, "you-one-way");
    for label in [HOSTILE, "Laptop"] {
        browser.run("document.querySelector('form[action=\"/you/passkeys/rename\"]').closest('details').open = true");
        fill(&browser, "#label-1", label);
        browser.click("form[action='/you/passkeys/rename'] button");
        let shown = "document.querySelector('form[action=\"/you/passkeys/remove\"] strong')?.textContent";
        browser.until(&format!("{shown} === {}", json!(label)));
        shows_as_text(&browser, label);
    }
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

#[test]
fn what_an_institution_says_of_a_refusal_and_of_a_name_is_text() {
    let provider = Provider::start();
    let (server, browser) = (listed(&provider), browser());
    let home = named(&server.running.url());
    forget(&browser);
    let ask = || {
        browser.open(&format!("{home}/sign-in"));
        browser.click("a[href='/sign-in/institutions/uni']");
    };
    provider.refuse(Some(HOSTILE));
    ask();
    browser.until("location.pathname.endsWith('/answer') && document.readyState === 'complete'");
    assert!(browser.text("main").contains("Example University did not let you in"), "{}", browser.text("main"));
    // Without its spaces, and cut off.
    shows_as_text(&browser, "<script>window.pwned=1</script><imgsrc=x");
    inspect(&browser, "sign-in-answer");
    drop(browser.complaints());
    provider.refuse(None);
    provider.call(HOSTILE);
    ask();
    browser.until("location.pathname === '/you' && document.getElementById('sign-out')");
    assert_eq!(browser.run("return document.getElementById('own-name').value"), HOSTILE);
    shows_as_text(&browser, HOSTILE);
    assert_eq!(browser.complaints(), Vec::<String>::new());
    forget(&browser);
    browser.open("about:blank");
}

#[test]
fn who_tried_too_often_is_told_on_a_page() {
    let provider = Provider::start();
    let (server, browser) = (listed(&provider), browser());
    // The clock of this server stands still, so no try comes back.
    for _ in 0..ADDRESS_BURST {
        let asking = json!({ "account": account("friend") });
        assert_eq!(program(&server.running.url(), "/v1/sign-in/challenges", &asking).status, 200);
    }
    browser.open(&format!("{}/sign-in/institutions/uni", named(&server.running.url())));
    assert_eq!(browser.text("h1"), "Too many tries");
    inspect(&browser, "too-many-tries");
    drop(browser.complaints());
    browser.open("about:blank");
}
