//! What people come to do, by keyboard, with script and without.

use std::fs;

use circuits::id::StudyId;
use market::query::{Measure, NamedAxis, QueryFile};
use serde_json::json;

use super::{
    chromium::{browser, downloads, saved},
    keyboard::{SKIP, Walk},
    looks::inspect,
    site::{query_file, site},
};

#[test]
fn a_query_is_built_by_keyboard_alone_and_saved_as_the_command_line_reads_it() {
    let (site, browser) = (site(), browser());
    let walk = Walk::begin(&browser, &format!("{}/builder", site.url));
    walk.to(SKIP);
    walk.skips();
    walk.to("#study");
    walk.types("<script");
    assert_eq!(browser.run("return document.getElementById('study').value"), site.hostile.to_string());
    walk.enter("[value='c.add']");
    browser.until("document.activeElement.id === 'c-0-0-subject'");
    walk.types("sex");
    walk.to("#c-0-0-lo");
    walk.types("2");
    walk.to("#q-0-statistic");
    walk.types("Hist");
    browser.until("document.querySelector('[name=\"q.0.statistic\"]').value === 'histogram' && document.getElementById('q-0-axis-1-subject') === null");
    walk.to("#q-0-axis-0-subject");
    walk.types("age");
    walk.to("#q-0-axis-0-lo");
    walk.types("0");
    walk.to("#q-0-axis-0-width");
    walk.types("10");
    walk.to("#q-0-axis-0-count");
    walk.types("12");
    walk.to("#price");
    browser.until("document.getElementById('plan').textContent.includes('Escrow')");
    let plan = browser.text("#plan");
    assert!(plan.contains("would open it now") && plan.contains("100,000"), "{plan}");
    assert!(plan.contains("standard deviation"), "{plan}");
    let path = downloads().join("query.toml");
    drop(fs::remove_file(&path));
    walk.enter("[value='toml']");
    saved(&path);
    let file = QueryFile::open(&path).unwrap();
    assert_eq!(file.study, site.hostile);
    let expected = NamedAxis::Bins { attribute: "age".into(), lo: 0.0, width: 10.0, count: 12 };
    assert_eq!(file.measures, [Measure::Histogram { of: expected }]);
    assert_eq!((file.criteria[0][0].attribute.as_deref(), file.criteria[0][0].lo), (Some("sex"), 2.0));
    inspect(&browser, "builder-planned");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// Types a price and stays in the field.
fn type_price(browser: &super::chromium::Browser, price: &str) {
    browser.run("const price = document.getElementById('price'); price.value = ''; price.focus()");
    browser.keys(price);
}

const SAVES: &str = "!document.querySelector('button[value=toml]').disabled";

/// What is sent is held back until it is let go, as on a slow line.
const HOLD: &str = "
    window.sends = [];
    const send = XMLHttpRequest.prototype.send;
    XMLHttpRequest.prototype.send = function (body) { window.sends.push(() => send.call(this, body)); };
    window.letGo = () => { XMLHttpRequest.prototype.send = send; window.sends.forEach((one) => one()); };";

#[test]
fn repro_a_file_is_saved_of_the_form_as_it_stands_and_not_of_the_plan_before() {
    let (site, browser) = (site(), browser());
    browser.open(&format!("{}/builder?query={}", site.url, site.released));
    browser.until("document.querySelector('button[value=toml]')");
    browser.run(HOLD);
    type_price(&browser, "777");
    assert_eq!(browser.run(&format!("return {SAVES}")), false, "the plan is of another price");
    assert!(browser.text("#plan").contains("You changed something since"), "{}", browser.text("#plan"));
    browser.run("window.letGo()");
    browser.until(SAVES);
    let path = downloads().join("query.toml");
    drop(fs::remove_file(&path));
    browser.click("button[value=toml]");
    saved(&path);
    assert_eq!(QueryFile::open(&path).unwrap().price, 777);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn repro_what_is_edited_while_a_plan_is_made_is_planned_next_and_its_file_is_saved() {
    let (site, browser) = (site(), browser());
    browser.open(&format!("{}/builder?query={}", site.url, site.released));
    browser.until("document.querySelector('button[value=toml]')");
    browser.run(HOLD);
    browser.run("window.asks = 0; document.body.addEventListener('stale', () => { window.asks += 1; })");
    type_price(&browser, "775");
    browser.until("window.sends.length > 0");
    browser.run("window.asks = 0");
    type_price(&browser, "776");
    browser.until("window.asks > 0");
    browser.run("window.letGo()");
    browser.until(SAVES);
    let price = browser.run("return JSON.parse(document.querySelector('input[name=query]').value).price");
    assert_eq!(price, 776);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_server_that_does_not_answer_is_said_and_the_old_plan_is_not_saved() {
    let (site, browser) = (site(), browser());
    browser.open(&format!("{}/builder?query={}", site.url, site.released));
    browser.until("document.querySelector('button[value=toml]')");
    browser.allow_network(false);
    type_price(&browser, "778");
    browser.until("document.getElementById('away')");
    assert!(browser.text("#away").contains("does not answer"), "{}", browser.text("#away"));
    assert_eq!(browser.run(&format!("return {SAVES}")), false);
    inspect(&browser, "builder-away");
    browser.allow_network(true);
    type_price(&browser, "779");
    browser.until(SAVES);
    browser.until("document.getElementById('away') === null");
    drop(browser.complaints());
}

#[test]
fn the_builder_works_without_script() {
    let (site, browser) = (site(), browser());
    browser.allow_scripts(false);
    browser.open(&format!("{}/builder?study={}", site.url, site.hostile));
    browser.click("button[value='m.add']");
    browser.until("document.getElementById('m-0-0-subject')");
    browser.run("document.getElementById('m-0-0-subject').value = 'age'; document.getElementById('m-0-0-lo').value = '40'; document.getElementById('price').value = 'much'");
    browser.click("button[value='plan']");
    browser.until("document.getElementById('price-error')");
    let price = "document.getElementById('price').getAttribute";
    assert_eq!(browser.run(&format!("return {price}('aria-invalid')")), "true");
    assert!(browser.run(&format!("return {price}('aria-describedby')")).as_str().unwrap().contains("price-error"));
    browser.allow_scripts(true);
    inspect(&browser, "builder-errors");
    browser.allow_scripts(false);
    browser.run("document.getElementById('price').value = '7'");
    browser.click("button[value='plan']");
    browser.until("document.getElementById('plan')?.textContent.includes('Escrow')");
    assert!(browser.text("#plan").contains("7,000"), "{}", browser.text("#plan"));
}

#[test]
fn a_query_file_is_opened_in_the_builder_and_planned_at_once() {
    let (site, browser) = (site(), browser());
    browser.open(&format!("{}/builder", site.url));
    let text = fs::read_to_string(query_file()).unwrap();
    let file = QueryFile::from_toml("survival", &text).unwrap();
    let study = StudyId::from_bytes(site.hostile.to_bytes());
    let path = downloads().join("imported.toml");
    fs::write(&path, QueryFile { study, schema: site.schema, ..file }.to_toml().unwrap()).unwrap();
    browser.run("document.querySelector('details.panel').open = true");
    browser.choose("#query-file", &path);
    browser.click("form[action='/builder/import'] button");
    browser.until("document.querySelector('[name=\"q.0.statistic\"]')?.value === 'survival'");
    assert_eq!(browser.run("return document.getElementById('q-0-axis-0-width').value"), "60");
    assert!(browser.text("#plan").contains("Escrow"), "{}", browser.text("#plan"));
    inspect(&browser, "builder-survival");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_query_is_asked_again_from_its_page_and_two_tabs_keep_their_own_drafts() {
    let (site, browser) = (site(), browser());
    browser.open(&format!("{}/queries/{}", site.url, site.collecting));
    browser.click("a[href^='/builder?query=']");
    browser.until("document.querySelector('[name=\"q.0.statistic\"]')?.value === 'funnel'");
    assert_eq!(browser.run("return document.getElementById('study').value"), site.hostile.to_string());
    assert!(browser.text("#plan").contains("Escrow"), "{}", browser.text("#plan"));
    let subjects = "return [...document.querySelectorAll('[name$=\".subject\"]')].map(one => one.value).join()";
    let subjects = browser.run(subjects).as_str().unwrap().to_owned();
    assert!(subjects.contains("22:16050822 G>A"), "variants by name: {subjects}");
    browser.run("document.getElementById('price').value = '77'");
    browser.in_another_tab(|| {
        browser.open(&format!("{}/builder?query={}", site.url, site.released));
        assert_ne!(browser.run("return document.getElementById('price').value"), "77");
        browser.run("document.getElementById('price').value = '55'; document.getElementById('contributions_max').value = '1000'");
        browser.click("button[value='plan']");
        browser.until("document.getElementById('plan').textContent.includes('55,000')");
    });
    browser.click("button[value='plan']");
    browser.until("document.getElementById('plan').textContent.includes('154,000')");
    assert_eq!(browser.run("return document.getElementById('price').value"), "77");
    assert_eq!(browser.complaints(), Vec::<String>::new());
    browser.open(&format!("{}/builder?query={}", site.url, "0".repeat(64)));
    assert!(browser.run("return document.getElementById('plan')").is_null());
    assert!(browser.text("main").contains(&"0".repeat(64)), "{}", browser.text("main"));
    drop(browser.complaints());
}

#[test]
fn a_region_of_the_genome_is_planned_and_one_without_variants_is_explained() {
    let (site, browser) = (site(), browser());
    browser.open(&format!("{}/builder?study={}", site.url, site.hostile));
    let choose = "const chosen = document.getElementById('q-0-statistic'); chosen.value = 'allele_frequencies'; \
                  chosen.dispatchEvent(new Event('change', { bubbles: true }))";
    browser.run(choose);
    browser.until("document.getElementById('q-0-region')");
    let plan = |region: &str, count: &str| {
        // What is filled in while an answer is put in place goes with what was there before.
        browser.until("document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling, .htmx-added') === null");
        browser.run(&format!(
            "document.getElementById('q-0-region').value = {}; document.getElementById('q-0-count').value = {}",
            json!(region),
            json!(count)
        ));
        browser.click("button[value='plan']");
    };
    plan("22:16050000-16060000", "");
    // 168 variants lie there, and 192 in the blocks that hold them.
    browser.until("document.getElementById('plan').textContent.includes('576 of 4,032')");
    inspect(&browser, "builder-region");
    plan("X:1-2", "");
    browser
        .until("document.getElementById('plan').textContent.includes('no variant in X:1-2; its chromosomes are 22')");
    plan("22", "32");
    browser.until("document.getElementById('q-0-region-error')");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn names_are_found_by_what_is_typed() {
    let (site, browser) = (site(), browser());
    browser.open(&format!("{}/builder?schema={}", site.url, site.schema));
    browser.click("button[value='m.add']");
    browser.until("document.activeElement.id === 'm-0-0-subject'");
    browser.keys("22:16050");
    browser.until("[...document.querySelectorAll('#names option')].filter(one => one.value.startsWith('22:16050')).length > 0 \
                   && [...document.querySelectorAll('#names option')].every(one => !/^22:/.test(one.value) || one.value.includes('22:16050'))");
    assert!(browser.run("return document.getElementById('names').textContent").as_str().unwrap().contains("variant"));
}

#[test]
fn a_query_that_collects_is_read_and_anything_is_looked_up() {
    let (site, browser) = (site(), browser());
    browser.open(&format!("{}/queries/{}", site.url, site.collecting));
    let text = browser.text("main");
    assert!(text.contains("Differential privacy with ε = 1") && text.contains("nobody sees who matches"), "{text}");
    assert!(text.contains("1 to 2 copies of 22:16050822 G>A"), "variants are named: {text}");
    browser.open(&format!("{}/explorer", site.url));
    for (looked, found) in [
        ("1".to_owned(), "/blocks/1".to_owned()),
        (site.released.to_string(), format!("/queries/{}", site.released)),
        (site.hostile.to_string(), format!("/studies/{}", site.hostile)),
        (site.schema.to_string(), format!("/schemas/{}", site.schema)),
        (site.researcher.account().to_string(), format!("/accounts/{}", site.researcher.account())),
    ] {
        browser.open(&format!("{}/explorer", site.url));
        browser.run(&format!(
            "document.getElementById('q').value = {}; document.querySelector('form.search').submit()",
            json!(looked)
        ));
        browser.until(&format!("location.pathname === {}", json!(found)));
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
