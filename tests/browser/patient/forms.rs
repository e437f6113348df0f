//! Every form of people's own pages, sent without a session, with somebody else's, from elsewhere and without its token; and
//! what is not somebody's own, asked for by its real id.

use std::{collections::BTreeMap, fs};

use market::{
    ledger::tip,
    licence::{require_dataset, require_licence},
};
use node::state::LicenceStatus;
use ureq::http::StatusCode;

use super::{
    hostile::{Client, encoded, operation},
    village::{ADA, EVE, Village, village},
};
use crate::{api::parity::Site, browser::chromium::browser};

/// The way in needs no session: its link is what lets somebody in, once (`hostile`).
const WITHOUT_SESSION: [&str; 1] = ["/in/{token}"];

/// The forms as the code has them, each with where it is sent about what is Ada's.
fn forms(village: &Village) -> BTreeMap<String, String> {
    let mut taken = Site::Person.addresses("post");
    for without in WITHOUT_SESSION {
        assert!(taken.remove(without), "{without} is gone");
    }
    assert!(taken.len() >= 10, "{taken:?}");
    taken.into_iter().map(|address| (address.clone(), village.path(&address))).collect()
}

/// What would show that something was done: the wallets' files, which are written anew with every change, and the chain.
fn trace(village: &Village) -> (Vec<Vec<u8>>, u64) {
    let files = village.paths.iter().map(|path| fs::read(path).unwrap()).collect();
    (files, tip(village.ledger()).unwrap().height.get())
}

/// A form that is filled in, whichever it is, and confirmed.
fn body(token: &str, document: &str) -> String {
    let token = if token.is_empty() { String::new() } else { format!("form_token={token}&") };
    let (number, to, document) = (operation(), "11".repeat(32), encoded(document));
    format!("{token}operation={number}&step=confirmed&to={to}&contact=ada&document={document}")
}

#[test]
fn every_form_is_refused_without_its_session_its_origin_or_its_token_and_changes_nothing() {
    let _alone = browser();
    let village = village();
    let (ada, eve, nobody) = (village.visitor(ADA), village.visitor(EVE), Client::nobody(&village.url));
    assert_eq!(ada.get("/records").status, StatusCode::OK);
    let before = trace(village);
    let kind = ("content-type", "application/x-www-form-urlencoded");
    for path in forms(village).values() {
        let refused = |who: &str, client: &Client, token: &str, origin: Option<&str>, status: StatusCode| {
            let headers: Vec<_> = [Some(kind), origin.map(|origin| ("origin", origin))].into_iter().flatten().collect();
            let answer = client.send("POST", path, &body(token, &village.to_grant.document), &headers);
            assert_eq!(answer.status, status, "{who} {path}: {}", answer.text);
            assert_eq!(answer.cookie, "", "{who} {path} sets a cookie");
        };
        let own = Some(ada.url.as_str());
        refused("nobody", &nobody, &ada.form_token, own, StatusCode::UNAUTHORIZED);
        refused("nobody, without a token", &nobody, "", own, StatusCode::UNAUTHORIZED);
        refused("Eve with Ada's token", &eve, &ada.form_token, own, StatusCode::FORBIDDEN);
        for token in [eve.form_token.as_str(), "", "wrong"] {
            refused("Ada with another token", &ada, token, own, StatusCode::FORBIDDEN);
        }
        for origin in [Some("https://evil.example"), Some("null"), None] {
            refused("Ada's browser elsewhere", &ada, &ada.form_token, origin, StatusCode::FORBIDDEN);
        }
    }
    assert_eq!(ada.get("/records").status, StatusCode::OK, "nobody signed Ada out");
    assert!(trace(village) == before, "something was done");
}

/// What a form about something of somebody else's comes to. Some are tried with the own wallet, which has nothing of it.
#[track_caller]
fn of_another(address: &str) -> StatusCode {
    match address {
        "/asked/{query}/take-back" | "/invitations/{id}" | "/invitations/{id}/again" | "/invitations/{id}/decline" => {
            StatusCode::SEE_OTHER
        }
        "/money/{id}"
        | "/licences/{id}/grant"
        | "/licences/{id}/decline"
        | "/licences/{id}/revoke"
        | "/licences/data/{id}/withdraw" => StatusCode::NOT_FOUND,
        other => panic!("{other} has no outcome here"),
    }
}

/// A session is of one wallet: with its own token it does nothing to another's answers, invitations, licences and money.
#[test]
fn every_form_about_something_of_somebody_elses_does_nothing_to_it() {
    let _alone = browser();
    let village = village();
    let (ada, eve) = (village.visitor(ADA), village.visitor(EVE));
    assert_eq!(ada.get("/records").status, StatusCode::OK);
    let before = trace(village);
    let is_about = |address: &&String| address.contains("{query}") || address.contains("{id}");
    for address in forms(village).keys().filter(is_about) {
        let path = village.path(address);
        assert_eq!(eve.get(&path).status, StatusCode::NOT_FOUND, "{path}");
        let answer = eve.post(&path, &body(&eve.form_token, &village.to_grant.document), &[]);
        assert_eq!(answer.status, of_another(address), "{path}: {}", answer.text);
        if answer.status == StatusCode::SEE_OTHER {
            let ended = eve.followed(&answer.location);
            assert!(ended.contains("notice bad"), "{path}: {ended}");
            assert_eq!(ada.get(&answer.location).status, StatusCode::NOT_FOUND, "a change is its own wallet's");
        }
        assert!(trace(village) == before, "{path} did something");
    }
}

/// What a form without any field but its token comes to for whom it is for.
#[track_caller]
fn unfinished(address: &str) -> StatusCode {
    match address {
        // It comes back with what is wrong, or needs nothing more.
        "/use/{record}/change" | "/invitations/{id}" | "/licences/{id}/grant" | "/money/{id}" | "/privacy" | "/out" => {
            StatusCode::OK
        }
        // The number is missing that stands for one change.
        "/use/{record}/withdraw"
        | "/asked/{query}/take-back"
        | "/invitations/{id}/again"
        | "/invitations/{id}/decline"
        | "/licences/{id}/decline"
        | "/licences/{id}/revoke"
        | "/licences/data/{id}/withdraw" => StatusCode::BAD_REQUEST,
        other => panic!("{other} has no outcome here"),
    }
}

/// What the tests above send is what the forms take: only so a refusal is for who asks.
#[test]
fn the_holders_own_page_may_send_each_of_these_forms() {
    let _alone = browser();
    let village = village();
    for (address, path) in forms(village) {
        let ada = village.visitor(ADA);
        let answer = ada.post(&path, &format!("form_token={}", ada.form_token), &[]);
        assert_eq!(answer.status, unfinished(&address), "{path}: {}", answer.text);
    }
}

/// The ids are real: whoever knows one finds nothing under it, while its owner does.
#[test]
fn licences_and_data_are_their_owners_alone_whoever_knows_their_ids() {
    let _alone = browser();
    let village = village();
    let (ada, eve, offers) = (village.visitor(ADA), village.visitor(EVE), &village.offers);
    let dataset = offers.data();
    let (granting, declining, revoking) = (offers.request(dataset), offers.request(dataset), offers.granted(dataset));
    // The offer comes last: without it nothing can be granted.
    let paths = [
        format!("/licences/{}/grant", granting.licence),
        format!("/licences/{}/decline", declining.licence),
        format!("/licences/{}/revoke", revoking.licence),
        format!("/licences/data/{dataset}/withdraw"),
    ];
    let before = trace(village);
    for path in &paths {
        assert_eq!(eve.get(path).status, StatusCode::NOT_FOUND, "{path}");
        let sent = eve.post(path, &body(&eve.form_token, &granting.document), &[]);
        assert_eq!(sent.status, StatusCode::NOT_FOUND, "{path}: {}", sent.text);
    }
    assert!(trace(village) == before, "something was done");
    for path in &paths {
        assert_eq!(ada.get(path).status, StatusCode::OK, "{path}");
        let sent = ada.post(path, &body(&ada.form_token, &granting.document), &[]);
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{path}: {}", sent.text);
        let ended = ada.followed(&sent.location);
        // No custodian here has a header to grant with.
        assert_eq!(ended.contains("notice good"), !path.ends_with("/grant"), "{path}: {ended}");
    }
    let status = |licence| require_licence(village.ledger(), licence).unwrap().status;
    assert!(matches!(status(granting.licence), LicenceStatus::Requested));
    assert!(matches!(status(declining.licence), LicenceStatus::Declined { .. }));
    assert!(matches!(status(revoking.licence), LicenceStatus::Revoked { .. }));
    assert!(require_dataset(village.ledger(), dataset).unwrap().withdrawn.is_some());
}
