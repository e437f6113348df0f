//! What the query builder excludes, and the disease that it asks about, in a browser.

use serde_json::json;

use super::{chromium::browser, looks::inspect, roles::demo, site::site};

#[test]
fn conditions_that_exclude_are_added_by_button_and_counted_in_the_plan() {
    let (site, browser) = (site(), browser());
    browser.open(&format!("{}/builder?study={}&schema={}", site.url, site.hostile, site.schema));
    browser.click("button[value='m.not.add']");
    browser.until("document.getElementById('m-not-0-subject') && document.activeElement.id === 'm-not-0-subject'");
    for (id, text) in [("m-not-0-subject", "age"), ("m-not-0-lo", "18"), ("m-not-0-hi", "30")] {
        browser.run(&format!("document.getElementById('{id}').value = {}", json!(text)));
    }
    browser.click("button[value='m.not.add']");
    browser.until("document.getElementById('m-not-1-subject')");
    assert_eq!(browser.run("return document.getElementById('m-not-0-hi').value"), "30");
    inspect(&browser, "builder-excludes");
    browser.click("button[value='m.not.1.drop']");
    browser.until("!document.getElementById('m-not-1-subject')");
    browser.click("button[value='plan']");
    browser.until("document.querySelector('input[name=query]')");
    let file = browser.run("return JSON.parse(document.querySelector('input[name=query]').value).matching");
    assert_eq!(file.as_array().unwrap().len(), 1);
    assert_eq!(file[0][0]["negated"], true);
    let hint = browser.text("#disease-hint");
    assert!(hint.contains("--ontology"), "a node without one says what to do: {hint}");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_disease_is_found_by_name_on_the_demos_node() {
    let browser = browser();
    browser.open(&format!("{}/builder", demo().url()));
    let write = "const field = document.getElementById('disease'); field.value = 'type 2 diabetes'; \
        field.dispatchEvent(new Event('input', { bubbles: true }))";
    browser.run(write);
    browser.until("document.querySelector('#diseases option[value=\"DOID:9352\"]')");
    browser.click("button[value='plan']");
    browser.until("document.getElementById('disease').value === 'DOID:9352'");
    let hint = browser.text("#disease-hint");
    assert!(hint.starts_with("That is type 2 diabetes mellitus."), "{hint}");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
