//! A query's page follows the ledger while somebody looks at it.

use serde_json::Value;

use super::chromium::{Browser, browser};
use crate::api::{
    progress::{take_all_places, withdraw},
    server::Server,
};

/// The count that is shown.
fn shows(count: u32) -> String {
    format!("document.querySelector('#progress label strong').textContent === '{count}'")
}

fn open(browser: &Browser, server: &Server) {
    browser.open(&format!("{}/queries/{}", server.running.url(), server.collecting));
    browser.until(&shows(2));
    browser.run("window.kept = 'yes'");
}

#[test]
fn the_count_of_a_query_changes_on_its_page_without_a_reload() {
    let (server, browser) = (Server::start(), browser());
    open(&browser, &server);
    withdraw(&server, 2);
    browser.until(&shows(1));
    withdraw(&server, 0);
    browser.until(&shows(0));
    assert!(browser.text("#progress").contains("3 more were withdrawn"), "{}", browser.text("#progress"));
    assert_eq!(browser.run("return window.kept"), "yes");
    assert_eq!(browser.complaints(), Vec::<String>::new());
    let counted = String::from_utf8(server.get("/metrics").body).unwrap();
    assert!(counted.contains("route=\"/v1/queries/{id}/progress\",method=\"GET\",status=\"200\""), "{counted}");
    browser.open("about:blank");
}

#[test]
fn repro_what_changed_while_the_page_took_in_a_change_was_not_shown() {
    let (server, browser) = (Server::start(), browser());
    open(&browser, &server);
    // As while htmx has not looked at the new part yet: what is triggered on it is lost.
    browser.run(
        "const trigger = htmx.trigger; \
         window.lost = 0; \
         window.restore = () => { htmx.trigger = trigger; }; \
         const lose = () => { htmx.trigger = () => { window.lost += 1; }; }; \
         document.body.addEventListener('htmx:afterSwap', lose, { once: true })",
    );
    withdraw(&server, 2);
    browser.until(&shows(1));
    withdraw(&server, 0);
    browser.until("window.lost > 0");
    browser.run("window.restore()");
    browser.until(&shows(0));
    browser.open("about:blank");
}

#[test]
fn where_no_stream_is_left_the_page_asks_from_time_to_time() {
    let (server, browser) = (Server::start(), browser());
    let held = take_all_places(&server);
    open(&browser, &server);
    withdraw(&server, 2);
    browser.until(&shows(1));
    assert_eq!(browser.run("return window.kept"), "yes");
    let complaints = browser.complaints();
    assert!(complaints.iter().all(|one| one.contains("503")) && complaints.len() == 1, "{complaints:?}");
    drop(held);
    browser.open("about:blank");
}

#[test]
fn without_script_the_page_says_to_reload_it() {
    let (server, browser) = (Server::start(), browser());
    browser.allow_scripts(false);
    browser.open(&format!("{}/queries/{}", server.running.url(), server.collecting));
    assert!(browser.text("#progress").contains("without script, reload the page"));
    withdraw(&server, 2);
    browser.open(&format!("{}/queries/{}", server.running.url(), server.collecting));
    assert_eq!(browser.run(&format!("return {}", shows(1))), Value::Bool(true));
}
