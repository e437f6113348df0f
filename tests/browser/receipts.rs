//! Receipts and results through the pages: real ones, altered ones, and what is none.

use std::fs;

use serde_json::{Value, json};

use super::{
    chromium::{Browser, browser, downloads, saved},
    looks::{inspect, prints, weighs_little},
    results::{drawn, scrolls_in_its_box},
    site::{query_file, site},
};

fn verify(browser: &Browser, file: &std::path::Path) {
    choose(browser, file);
    browser.click("button.primary");
}

fn choose(browser: &Browser, file: &std::path::Path) {
    browser.open(&format!("{}/verify", site().url));
    browser.choose("#receipt", file);
    browser.run("for (const all of document.querySelectorAll('details')) all.open = true");
    browser.choose("#query-file", &query_file());
}

#[test]
fn a_receipt_with_its_checks_and_figures_weighs_little_at_first() {
    let (site, browser) = (site(), browser());
    choose(&browser, &site.receipt);
    weighs_little(&browser, "the checked receipt", &site.url, |browser| {
        browser.click("button.primary");
        browser.until("document.querySelector('.verdict h2')?.textContent === 'The receipt holds'");
    });
}

#[test]
fn a_receipt_shows_every_check_the_people_and_their_curves() {
    let (site, browser) = (site(), browser());
    verify(&browser, &site.receipt);
    browser.until("document.querySelector('.verdict h2')?.textContent === 'The receipt holds'");
    let text = browser.text("main");
    assert!(text.contains("4 distinct certified records"), "{text}");
    assert!(text.contains("of the chain that this node serves") && text.contains("can be forged"), "{text}");
    assert_eq!(browser.run("return document.querySelectorAll('.checks .held').length"), 7);
    assert!(!drawn(&browser).is_empty(), "{text}");
    assert!(text.contains("Survival"), "{text}");
    inspect(&browser, "verified");
    prints(&browser, "verified");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn an_altered_receipt_fails_and_the_page_says_where() {
    let (site, browser) = (site(), browser());
    let mut receipt: Value = serde_json::from_slice(&fs::read(&site.receipt).unwrap()).unwrap();
    let slot = receipt["result"][0][0].as_i64().unwrap();
    receipt["result"][0][0] = json!(slot + 1);
    let path = downloads().join("altered.json");
    fs::write(&path, receipt.to_string()).unwrap();
    verify(&browser, &path);
    browser.until("document.querySelector('.verdict h2')?.textContent === 'The receipt does not hold'");
    assert_eq!(browser.run("return document.querySelectorAll('.checks .held').length"), 6);
    assert_eq!(browser.run("return document.querySelectorAll('.checks .failed').length"), 1);
    assert!(browser.text(".checks .failed").contains("R7"));
    inspect(&browser, "verify-refused");
}

#[test]
fn checks_are_shown_without_script_and_what_they_amount_to_stands_above_them() {
    let (site, browser) = (site(), browser());
    browser.allow_scripts(false);
    browser.open(&format!("{}/verify", site.url));
    browser.choose("#receipt", &site.receipt);
    browser.click("button.primary");
    browser.until("document.querySelector('.verdict h2')?.textContent === 'The receipt holds'");
    assert_eq!(browser.run("return document.querySelectorAll('.checks .held').length"), 7);
    let top = |what: &str| {
        browser.run(&format!("return document.querySelector('{what}').getBoundingClientRect().top")).as_f64().unwrap()
    };
    assert!(top("h1") < top(".verdict") && top(".verdict") < top(".checks"));
    assert_eq!(browser.run("return getComputedStyle(document.querySelector('.running')).display"), "none");
    let running = "return getComputedStyle(document.querySelector('.checks li:last-child'), '::after').content";
    assert_eq!(browser.run(running), "none", "no check runs any more");
}

#[test]
fn what_is_no_receipt_is_explained_beside_the_field() {
    let (site, browser) = (site(), browser());
    browser.open(&format!("{}/verify", site.url));
    browser.choose("#receipt", &query_file());
    browser.click("button.primary");
    browser.until("document.getElementById('problem')");
    assert!(browser.text("#problem").contains("a receipt is the .json file"));
    assert_eq!(browser.run("return document.getElementById('receipt').getAttribute('aria-invalid')"), "true");
    assert!(
        browser
            .run("return document.getElementById('receipt').getAttribute('aria-describedby')")
            .as_str()
            .unwrap()
            .contains("problem")
    );
    inspect(&browser, "verify-problem");
}

#[test]
fn a_picture_or_a_program_is_no_receipt_and_no_result_and_the_page_says_what_is() {
    let (site, browser) = (site(), browser());
    let picture = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide/pictures/home.png");
    let program = std::path::Path::new("/bin/true").canonicalize().unwrap();
    for (page, field) in [("verify", "receipt"), ("results", "result")] {
        for file in [&picture.canonicalize().unwrap(), &program] {
            browser.open(&format!("{}/{page}", site.url));
            browser.choose(&format!("#{field}"), file);
            browser.click("button.primary");
            browser.until("document.getElementById('problem')");
            let said = browser.text("#problem");
            assert!(said.contains(".json") || said.contains("UTF-8"), "{page}: {said}");
        }
    }
    inspect(&browser, "results-problem");
    drop(browser.complaints());
}

#[test]
fn a_result_is_drawn_and_saved_in_every_form() {
    let (site, browser) = (site(), browser());
    browser.open(&format!("{}/results", site.url));
    browser.choose("#result", &site.result);
    browser.choose("#query-file", &query_file());
    browser.click("button.primary");
    browser.until("document.querySelector('figure svg')");
    let text = browser.text("main");
    assert!(text.contains("4 certified contributions") && text.contains("numbers of the file"), "{text}");
    assert!(!drawn(&browser).is_empty());
    inspect(&browser, "result");
    scrolls_in_its_box(&browser);
    let printed = prints(&browser, "result");
    let has = |text: &[u8]| printed.windows(text.len()).any(|part| part == text);
    assert!(has(b"+Arimo"), "figures are printed as text, in their own font");
    let figure = browser.run("return document.querySelector('button[value^=png]').value.slice(4)");
    let figure = figure.as_str().unwrap();
    for (button, file, begins) in [
        ("csv", "result.csv".to_owned(), &b"family,statistic"[..]),
        ("json", "result.json".into(), b"{"),
        (&format!("svg:{figure}"), format!("{figure}.svg"), b"<svg"),
        (&format!("png:{figure}"), format!("{figure}.png"), b"\x89PNG"),
    ] {
        let path = downloads().join(&file);
        drop(fs::remove_file(&path));
        browser.click(&format!("button[value='{button}']"));
        assert!(saved(&path).starts_with(begins), "{file}");
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_receipt_that_is_looked_at_as_a_result_is_verified_without_choosing_it_again() {
    let (site, browser) = (site(), browser());
    let show = |file: &std::path::Path| {
        browser.open(&format!("{}/results", site.url));
        browser.choose("#result", file);
        browser.choose("#query-file", &query_file());
        browser.click("button.primary");
        browser.until("document.querySelector('figure svg')");
    };
    show(&site.receipt);
    inspect(&browser, "result-of-receipt");
    browser.click("a[href^='/verify?receipt=']");
    browser.until("document.querySelector('.verdict h2')?.textContent === 'The receipt holds'");
    assert_eq!(browser.run("return document.querySelectorAll('.checks .held').length"), 7);
    let text = browser.text("main");
    assert!(
        text.contains("4 distinct certified records") && text.contains("Survival"),
        "as the query file means: {text}"
    );
    // The address leads there again for a while, and another one nowhere.
    let address = browser.run("return location.href").as_str().unwrap().to_owned();
    browser.open("about:blank");
    browser.open(&address);
    browser.until("document.querySelector('.verdict h2')?.textContent === 'The receipt holds'");
    browser.open(&format!("{address}x"));
    browser.until("document.getElementById('problem')");
    assert!(browser.text("#problem").contains("not here any more"), "{}", browser.text("#problem"));
    // Numbers alone are no receipt, and the page says what would be.
    show(&site.result);
    assert!(browser.run("return document.querySelector(\"a[href^='/verify?receipt=']\")").is_null());
    assert!(browser.text(".notice.warn").contains("locus result --receipt"), "{}", browser.text(".notice.warn"));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_result_of_no_query_here_is_explained() {
    let (site, browser) = (site(), browser());
    for (text, says) in [
        (json!({ "query": "11".repeat(32), "slots": [] }).to_string(), "not known here"),
        (json!({ "query": site.collecting, "slots": [[1]] }).to_string(), "not released"),
        (json!({ "query": site.released, "slots": [[1]] }).to_string(), "refused"),
        ("{".into(), "locus result --json"),
        (String::new(), "choose a result file"),
    ] {
        browser.open(&format!("{}/results", site.url));
        browser.run(&format!(
            "document.getElementById('pasted').value = {}; document.querySelector('form.panel').submit()",
            json!(text)
        ));
        browser.until("document.getElementById('problem')");
        assert!(browser.text("#problem").contains(says), "{}", browser.text("#problem"));
    }
}
