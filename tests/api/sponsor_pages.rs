//! A sponsor's and an operator's pages over HTTP: paged, counted as the ledger counts, and checked as the command line checks.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use circuits::consent::Regions;
use market::ledger::act;
use market::receipt::screening::{ScreeningReceipt, verify};
use node::transaction::{Action, AmendStudy, Site, StudyDesign};
use web::client::RemoteLedger;

use super::{
    screenings::screened,
    server::{Server, agent, answer},
};
use crate::world::{account, digest, key};

/// A page as a browser asks for it: its status and text.
fn page(server: &Server, path: &str) -> (u16, String) {
    let sent = agent().get(format!("{}{path}", server.running.url())).header("accept", "text/html").call();
    let answer = answer(sent);
    (answer.status, String::from_utf8(answer.body).unwrap())
}

/// The page, which must be there.
#[track_caller]
fn shown(server: &Server, path: &str) -> String {
    let (status, text) = page(server, path);
    assert_eq!(status, 200, "{path}: {text}");
    text
}

#[test]
fn screenings_are_listed_the_newest_first_and_a_page_at_a_time() {
    let server = Server::start();
    assert!(shown(&server, "/screenings").contains("Nobody has opened one yet"));
    let ids: Vec<String> = (0..27).map(|_| screened(&server, 0).to_string()).collect();
    let places = |text: &str| ids.iter().map(|id| text.find(&format!("href=\"/screenings/{id}\""))).collect::<Vec<_>>();
    let first = shown(&server, "/screenings");
    let found = places(&first);
    assert!(found[..2].iter().all(Option::is_none) && found[2..].iter().all(Option::is_some), "{first}");
    assert!(found[2..].is_sorted_by(|older, newer| older > newer), "{found:?}");
    let older = first.split("href=\"/screenings?after=").nth(1).unwrap().split('"').next().unwrap();
    let second = shown(&server, &format!("/screenings?after={older}"));
    let found = places(&second);
    assert!(found[..2].iter().all(Option::is_some) && found[2..].iter().all(Option::is_none), "{second}");
    assert!(second.contains("Back to the newest") && !second.contains("rel=\"next\""), "{second}");
    // A study's page leads on to those that it does not show, and so does the page of each.
    let study =
        server.get(&format!("/v1/screenings/{}", ids[0])).json()["screening"]["study"].as_str().unwrap().to_owned();
    for path in [format!("/studies/{study}"), format!("/screenings/{}", ids[26])] {
        let text = shown(&server, &path);
        let address = format!("/screenings?study={study}");
        let further = text.split(&format!("href=\"{address}")).nth(1).unwrap().split('"').next().unwrap();
        let after = further.strip_prefix("&#38;after=").unwrap();
        assert_eq!(after, older, "{path}");
        let rest = shown(&server, &format!("{address}&after={after}"));
        let found = places(&rest);
        assert!(found[..2].iter().all(Option::is_some) && found[2..].iter().all(Option::is_none), "{rest}");
        assert!(rest.contains(&format!("href=\"{address}\">Back to the newest")), "{rest}");
    }
    let found = places(&shown(&server, &format!("/screenings?sponsor={}", account("researcher"))));
    assert!(found[2..].iter().all(Option::is_some), "{found:?}");
    assert!(shown(&server, &format!("/screenings?sponsor={}", account("friend"))).contains("There are none."));
}

#[test]
fn queries_are_listed_by_who_opened_them_and_the_tabs_stay_with_them() {
    let server = Server::start();
    let path = format!("/queries?researcher={}", account("researcher"));
    let text = shown(&server, &path);
    let address = |id| format!("class=\"title\" href=\"/queries/{id}\"");
    assert!(text.contains("Opened by Dr R") && text.contains("href=\"/queries\">All queries"), "{text}");
    assert!(text.contains(&address(server.collecting)) && text.contains(&address(server.aggregated)), "{text}");
    assert!(text.contains(&format!("href=\"{path}&#38;stage=aggregated\"")), "{text}");
    let text = shown(&server, &format!("{path}&stage=aggregated"));
    assert!(!text.contains(&address(server.collecting)) && text.contains(&address(server.aggregated)), "{text}");
    assert!(shown(&server, &format!("/queries?researcher={}", account("friend"))).contains("There are none."));
    assert_eq!(page(&server, "/queries?researcher=x").0, 400);
}

#[test]
fn a_screenings_page_counts_as_the_ledger_does_and_says_what_a_count_by_site_takes() {
    let server = Server::start();
    let (id, other) = (screened(&server, 3), screened(&server, 0));
    let text = shown(&server, &format!("/screenings/{id}"));
    for says in [
        "<strong>3</strong> people have shown",
        "Eligible, of at most 5</dt><dd>3",
        "Invited</dt><dd>0",
        "Still locked</dt><dd>2",
        "A response hides which issuer certified the record",
        &format!("locus screening close {id} --key"),
        &format!("href=\"/screenings/{other}\""),
    ] {
        assert!(text.contains(says), "{says}: {text}");
    }
    assert!(shown(&server, "/screenings").contains("3 eligible of at most 5"));
    assert!(shown(&server, "/").contains("href=\"/screenings\""));
    let study = server.get(&format!("/v1/screenings/{id}")).json()["screening"]["study"].as_str().unwrap().to_owned();
    assert!(shown(&server, &format!("/studies/{study}")).contains(&format!("href=\"/screenings/{id}\"")));
}

#[test]
fn a_screening_is_checked_by_its_address_and_its_receipt_is_what_was_checked() {
    let server = Server::start();
    // The proofs of the world's double are none.
    let (id, empty) = (screened(&server, 2), screened(&server, 0));
    let text = shown(&server, &format!("/screenings/{id}/verify"));
    assert!(text.contains("The receipt does not hold") && text.contains("S4"), "{text}");
    let text = shown(&server, &format!("/screenings/{empty}/verify"));
    assert!(text.contains("The receipt holds") && text.matches("class=\"held\"").count() == 4, "{text}");
    assert!(
        text.contains(&format!("/screenings/{empty}/verify</code>")) && text.contains("<svg class=\"code\""),
        "{text}"
    );
    let saved = server.get(&format!("/screenings/{empty}/receipt.json"));
    assert!(saved.header("content-disposition").starts_with("attachment"));
    let receipt = ScreeningReceipt::from_json(std::str::from_utf8(&saved.body).unwrap()).unwrap();
    assert_eq!(verify(&receipt).unwrap().records(), 0);
    let unknown = "11".repeat(32);
    for ending in ["", "/verify", "/receipt.json"] {
        assert_eq!(page(&server, &format!("/screenings/{unknown}{ending}")).0, 404);
        assert_eq!(page(&server, &format!("/screenings/x{ending}")).0, 400);
    }
    assert_eq!(page(&server, &format!("/screenings?study={unknown}")).0, 404);
    for asked in ["after=x", "study=x", "sponsor=x", &format!("study={unknown}&sponsor={unknown}")] {
        assert_eq!(page(&server, &format!("/screenings?{asked}")).0, 400, "{asked}");
    }
}

/// The parts of an answer as they were sent (RFC 9112 §7.1).
fn chunks(server: &Server, path: &str) -> Vec<String> {
    let mut stream = TcpStream::connect(server.running.address()).unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, mut body) = answer.split_once("\r\n\r\n").unwrap();
    let head = head.to_lowercase();
    for says in
        ["200 ok", "transfer-encoding: chunked", "content-security-policy: default-src 'none'; style-src 'self'"]
    {
        assert!(head.contains(says), "{says}: {head}");
    }
    let mut chunks = vec![];
    loop {
        let (length, rest) = body.split_once("\r\n").unwrap();
        let (chunk, rest) = rest.split_at(usize::from_str_radix(length, 16).unwrap());
        if chunk.is_empty() {
            return chunks;
        }
        chunks.push(chunk.to_owned());
        body = rest.strip_prefix("\r\n").unwrap();
    }
}

#[test]
fn the_page_of_a_check_is_sent_part_by_part_as_the_checks_run() {
    let server = Server::start();
    let id = screened(&server, 0);
    let chunks = chunks(&server, &format!("/screenings/{id}/verify"));
    let place = |says: &str| chunks.iter().position(|chunk| chunk.contains(says)).unwrap_or_else(|| panic!("{says}"));
    let order = ["<h1>", "The block is final", "S1: ", "The ledger asked exactly this", "S2: ", "S3: ", "S4: "];
    let order = order.map(place);
    assert!(order.is_sorted_by(|one, next| one < next), "{order:?}: {chunks:?}");
    assert!(order[6] < place("The receipt holds"), "{chunks:?}");
    assert!(chunks.last().unwrap().contains("</html>"), "{chunks:?}");
}

#[test]
fn a_studys_page_shows_its_versions_with_their_reasons_sites_and_plan() {
    let server = Server::start();
    let query = server.get(&format!("/v1/queries/{}", server.collecting)).json();
    let study = query["query"]["study"].as_str().unwrap().to_owned();
    let before = shown(&server, &format!("/studies/{study}"));
    assert!(before.contains("Version 1") && before.contains("the study had registered no plan"), "{before}");
    let amendment = AmendStudy {
        study: study.parse().unwrap(),
        protocol: digest("protocol 2"),
        ethics: "EC-2".into(),
        reason: "A second site joined.".into(),
        design: StudyDesign {
            sites: vec![Site { name: "Basel".into(), region: Regions(1 << 3) }],
            sponsor: None,
            planned: vec![digest("planned")],
        },
    };
    let ledger = RemoteLedger::connect(server.remote()).unwrap();
    act(&ledger, &key("researcher"), Action::AmendStudy(amendment)).unwrap();
    let after = shown(&server, &format!("/studies/{study}"));
    for says in ["Version 2 <span", "A second site joined.", "EC-2", "Basel", "region 4", "1 question", "not so far"] {
        assert!(after.contains(says), "{says}: {after}");
    }
    assert!(after.find("Version 2 <span").unwrap() < after.find("Version 1<").unwrap(), "the latest is first");
    let page = shown(&server, &format!("/queries/{}", server.collecting));
    assert!(page.contains("version 1 of the study") && page.contains("Unplanned</span>"), "{page}");
}

#[test]
fn governance_and_jobs_say_what_is_in_force_and_what_is_done() {
    let server = Server::start();
    let text = shown(&server, "/explorer/governance");
    let governor = server.get("/v1/genesis").json()["governor"].as_str().unwrap().to_owned();
    for says in ["No change waits for approvals", &governor, "Blocks of an epoch", "Greatest ε of one query"] {
        assert!(text.contains(says), "{says}: {text}");
    }
    assert!(shown(&server, "/explorer/jobs").contains("Jobs of this node"));
    let overview = shown(&server, "/explorer");
    assert!(overview.contains("href=\"/explorer/governance\"") && overview.contains("href=\"/explorer/jobs\""));
    let now = shown(&server, "/epochs");
    assert!(now.contains("Epochs, the newest first"), "{now}");
    let before = shown(&server, "/epochs?before=1");
    assert!(before.contains("Back to the newest") && before.contains("genesis"), "{before}");
    assert_eq!(page(&server, "/epochs?before=x").0, 400);
    assert_eq!(page(&server, "/committee?before=-1").0, 400);
}
