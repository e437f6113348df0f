//! Every form of people's own pages, sent without a session, with somebody else's, from elsewhere and without its token.

use std::{fs, time::Instant};

use circuits::id::QueryId;
use market::ledger::tip;
use ureq::http::StatusCode;

use super::{
    hostile::Client,
    ward::{Ward, ledger, ward},
};
use crate::{
    api::parity::Site,
    browser::{chromium::browser, site::site},
};

/// The way in needs no session: its link is what lets somebody in, once (`hostile`).
const WITHOUT_SESSION: [&str; 1] = ["/in/{token}"];

/// The forms as the code has them, each with what it would be about for a person who has a record, an answer and an
/// invitation.
fn forms(ward: &Ward, answered: QueryId) -> Vec<String> {
    let taken = Site::Person.addresses("post");
    for without in WITHOUT_SESSION {
        assert!(taken.contains(without), "{without} is gone");
    }
    let own = taken.iter().filter(|path| !WITHOUT_SESSION.contains(&path.as_str()));
    let filled = own.map(|path| {
        let id = if path.starts_with("/invitations/") { ward.screening.to_string() } else { answered.to_string() };
        let path = path.replace("{record}", "0").replace("{query}", &answered.to_string()).replace("{id}", &id);
        assert!(!path.contains('{'), "{path} has a part that this test does not know");
        path
    });
    let filled: Vec<_> = filled.collect();
    assert!(filled.len() >= 10, "{filled:?}");
    filled
}

/// What would show that something was done: the wallet's file, which is written anew with every change, and the chain.
fn trace(ward: &Ward, person: usize) -> (Vec<u8>, u64) {
    (fs::read(&ward.paths[person]).unwrap(), tip(&ledger()).unwrap().height.get())
}

fn body(token: &str) -> String {
    let token = if token.is_empty() { String::new() } else { format!("form_token={token}&") };
    format!("{token}operation={}&step=confirmed&to={}", "ef".repeat(16), "11".repeat(32))
}

#[test]
fn every_form_is_refused_without_its_session_its_origin_or_its_token_and_changes_nothing() {
    let _alone = browser();
    let (ward, answered) = (ward(), site().released);
    let person = ward.contributors[2];
    let (ada, eve, nobody) = (Client::of(person), Client::of(ward.stranger), Client::stranger());
    let before = trace(ward, person);
    let kind = ("content-type", "application/x-www-form-urlencoded");
    for path in forms(ward, answered) {
        let refused = |who: &str, client: &Client, body: &str, origin: Option<&str>, status: StatusCode| {
            let headers: Vec<_> = [Some(kind), origin.map(|origin| ("origin", origin))].into_iter().flatten().collect();
            let answer = client.send("POST", &path, body, &headers);
            assert_eq!(answer.status, status, "{who} {path}: {}", answer.text);
            assert_eq!(answer.cookie, "", "{who} {path} sets a cookie");
        };
        let own = Some(ada.url.as_str());
        refused("nobody", &nobody, &body(&ada.form_token), own, StatusCode::UNAUTHORIZED);
        refused("nobody, without a token", &nobody, &body(""), own, StatusCode::UNAUTHORIZED);
        refused("Eve with Ada's token", &eve, &body(&ada.form_token), own, StatusCode::FORBIDDEN);
        for token in [eve.form_token.as_str(), "", "wrong"] {
            refused("Ada with another token", &ada, &body(token), own, StatusCode::FORBIDDEN);
        }
        for origin in [Some("https://evil.example"), Some("null"), None] {
            refused("Ada's browser elsewhere", &ada, &body(&ada.form_token), origin, StatusCode::FORBIDDEN);
        }
    }
    assert_eq!(ada.get("/records").status, StatusCode::OK, "nobody signed Ada out");
    assert!(trace(ward, person) == before, "something was done");
}

/// A session is of one wallet: with its own token it does nothing to another's answers, invitations and licences.
#[test]
fn every_form_about_something_of_somebody_elses_does_nothing_to_it() {
    let _alone = browser();
    let (ward, answered) = (ward(), site().released);
    let person = ward.contributors[2];
    let eve = Client::of(ward.stranger);
    let before = trace(ward, person);
    let (query, screening) = (answered.to_string(), ward.screening.to_string());
    let others: Vec<_> =
        forms(ward, answered).into_iter().filter(|path| path.contains(&query) || path.contains(&screening)).collect();
    assert!(others.len() >= 7, "{others:?}");
    // Each under a number of its own, since a number stands for one change.
    for (number, path) in (0x37_00_u32..).zip(others) {
        let number = format!("{number:032x}");
        let body = format!("form_token={}&operation={number}&step=confirmed&to={}", eve.form_token, "11".repeat(32));
        let answer = eve.post(&path, &body, &[]);
        if answer.status == StatusCode::SEE_OTHER {
            // It is tried with the own wallet, which has none.
            let started = Instant::now();
            while !eve.get(&answer.location).text.contains("It was not done") {
                assert!(started.elapsed().as_secs() < 20, "{path}: {}", eve.get(&answer.location).text);
            }
        } else {
            let refused = [StatusCode::NOT_FOUND, StatusCode::OK, StatusCode::BAD_REQUEST];
            assert!(refused.contains(&answer.status), "{path}: {} {}", answer.status, answer.text);
        }
        assert!(trace(ward, person) == before, "{path} did something");
    }
}

/// What the tests above send is what the forms take: only so a refusal is for who asks.
#[test]
fn the_holders_own_page_may_send_each_of_these_forms() {
    let _alone = browser();
    let (ward, answered) = (ward(), site().released);
    for path in forms(ward, answered) {
        let ada = Client::of(ward.contributors[2]);
        // Unfinished, so that nothing is done: a number is missing, or the fields are.
        let answer = ada.post(&path, &format!("form_token={}", ada.form_token), &[]);
        let is_taken = ![StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&answer.status);
        assert!(is_taken && answer.status.as_u16() < 500, "{path}: {} {}", answer.status, answer.text);
    }
}
