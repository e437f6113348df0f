//! A sponsor looks for a count, checks it, and hands the check to somebody else.

use std::fs;

use market::receipt::screening::{ScreeningReceipt, verify};

use super::{
    chromium::{browser, downloads, saved},
    looks::inspect,
    patient::ward::ward,
    site::{HOSTILE, site},
};

#[test]
fn a_sponsor_goes_from_the_list_to_a_verified_count_and_hands_it_on() {
    let (site, ward, browser) = (site(), ward(), browser());
    browser.open(&site.url);
    browser.click("nav a[href='/screenings']");
    browser.until("document.querySelector('h1')?.textContent === 'Screenings'");
    assert!(browser.text("main").contains(HOSTILE));
    browser.click(&format!("a.title[href='/screenings/{}']", ward.screening));
    browser.until("document.getElementById('far')");
    let text = browser.text("main");
    assert!(text.contains("1 person has shown") && text.contains("takes one screening per site"), "{text}");
    inspect(&browser, "screening-counted");
    browser.click(&format!("a[href='/screenings/{}/verify']", ward.screening));
    browser.until("document.querySelector('.verdict')");
    let text = browser.text("main");
    assert!(text.contains("The receipt holds") && text.contains("1 distinct certified record"), "{text}");
    assert_eq!(browser.run("return document.querySelectorAll('.checks .held').length"), 4);
    inspect(&browser, "screening-verified");
    // The address alone is enough for whoever it is sent to, and the receipt for whoever believes no server.
    let own = browser.run("return location.pathname").as_str().unwrap().to_owned();
    let told = browser.text("#others ~ p code.whole");
    assert!(told.ends_with(&own), "{told} is not {own}");
    assert_eq!(browser.run("return document.querySelectorAll('svg.code path').length"), 1);
    let path = downloads().join("screening-receipt.json");
    drop(fs::remove_file(&path));
    browser.click(&format!("a[href='/screenings/{}/receipt.json']", ward.screening));
    let receipt = ScreeningReceipt::from_json(&String::from_utf8(saved(&path)).unwrap()).unwrap();
    assert_eq!(verify(&receipt).unwrap().records(), 1);
    browser.open(&format!("{}/verify", site.url));
    browser.choose("#receipt", &path);
    browser.click("button.primary");
    browser.until("document.querySelector('.verdict')");
    assert!(browser.text("main").contains("The receipt holds"));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
