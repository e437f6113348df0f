//! Help on a node's pages: found from every page, and every way on from it leads somewhere.

use super::server::{Server, agent, answer};

/// A page as a browser asks for it: its status and text.
fn page(server: &Server, path: &str) -> (u16, String) {
    let sent = agent().get(format!("{}{path}", server.running.url())).header("accept", "text/html").call();
    let answer = answer(sent);
    (answer.status, String::from_utf8(answer.body).unwrap())
}

#[test]
fn every_page_leads_to_help_and_help_to_pages_and_words_that_are_there() {
    let server = Server::start();
    for path in ["/", "/queries", "/verify", "/explorer/governance", "/no/such/page"] {
        assert!(page(&server, path).1.contains("<a href=\"/help\">Help</a>"), "{path}");
    }
    let (status, text) = page(&server, "/help");
    assert_eq!(status, 200);
    let mut ways = 0;
    for href in text.split(" href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        if let Some(id) = href.strip_prefix('#') {
            assert!(text.contains(&format!(" id=\"{id}\"")), "{id} is not on the page");
        } else if !href.starts_with("/assets/") {
            assert_eq!(page(&server, href).0, 200, "{href}");
        }
        ways += 1;
    }
    assert!(ways > 20, "{text}");
    for id in ["nullifier", "epsilon", "escrow", "quorum", "receipt", "cohort", "epoch", "embargo", "duo-0000042"] {
        assert_eq!(text.matches(&format!(" id=\"{id}\"")).count(), 1, "{id}");
    }
}
