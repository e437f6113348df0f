//! Signing in: who gets in, who does not, and what another site, account or moment cannot do.

use std::sync::atomic::{AtomicU32, Ordering};

use node::units::Timestamp;
use serde_json::{Value, json};
use web::sign_in::{ADDRESS_BURST, CHALLENGE_SECONDS, Challenge, LINK_SECONDS, SignedChallenge};

use super::{
    authenticator::{Authenticator, Visitor, program},
    server::{Answer, Server, clock, world},
};
use crate::world::{account, key};

#[track_caller]
fn is(answer: &Answer, status: u16, text: &str) {
    let body = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status, status, "{body}");
    assert!(body.contains(text), "{body} does not say {text:?}");
}

fn visitor(server: &Server) -> Visitor {
    Visitor::at(&server.running.url())
}

#[test]
fn an_account_is_made_with_a_passkey_and_signed_in_to_with_it() {
    let server = Server::start();
    let (mut ada, mut passkey) = (visitor(&server), Authenticator::new(1));
    assert_eq!(ada.me(), None);
    is(&ada.get("/you"), 401, "Sign in");
    ada.sign_up("Ada Lovelace", &mut passkey);
    let me = ada.me().unwrap();
    assert_eq!(me["display_name"], "Ada Lovelace");
    assert_eq!(me["passkeys"][0]["id"], passkey.id());
    assert_eq!((me["sessions"][0]["this"].as_bool(), me["ledger_account"].is_null()), (Some(true), true));
    is(&ada.get("/studies"), 200, "Ada Lovelace");
    is(&ada.form("/sign-out", &format!("form_token={}", ada.form_token)), 303, "");
    assert_eq!(ada.me(), None);
    is(&ada.get("/studies"), 200, "Sign in");
    is(&ada.sign_in(&mut passkey), 204, "");
    assert_eq!(ada.me().unwrap()["id"], me["id"]);
    is(&ada.send("PATCH", "/v1/me", "application/json", r#"{"display_name":"Ada"}"#), 204, "");
    assert_eq!(ada.me().unwrap()["display_name"], "Ada");
}

#[test]
fn the_sessions_cookie_is_out_of_reach_of_scripts_and_other_sites() {
    let server = Server::start();
    let (mut ada, mut passkey) = (visitor(&server), Authenticator::new(1));
    let options = ada.options("/v1/sign-up/options", &json!({ "display_name": "Ada" }));
    let credential = passkey.make(&options, &ada.url);
    let made = ada.post("/v1/sign-up", &json!({ "label": "x", "credential": credential }));
    let kept: Vec<_> = made.headers.get_all("set-cookie").iter().map(|kept| kept.to_str().unwrap()).collect();
    let session = kept.iter().find(|kept| kept.starts_with("locus-session=")).unwrap();
    assert!(session.contains("; HttpOnly; SameSite=Lax") && session.contains("Path=/;"), "{session}");
    assert_eq!(made.header("cache-control"), "no-store");
}

#[test]
fn a_passkeys_answer_counts_once_for_its_ceremony_origin_and_browser() {
    let server = Server::start();
    let (mut ada, mut passkey) = (visitor(&server), Authenticator::new(1));
    ada.sign_up("Ada", &mut passkey);
    let mut other = visitor(&server);
    // For another site, whose page got somebody to sign.
    let options = other.options("/v1/sign-in/passkey/options", &json!({}));
    let signed = passkey.sign(&options, "https://evil.example");
    is(&other.post("/v1/sign-in/passkey", &signed), 401, "does not count");
    // The first try was the last, right or wrong.
    let signed = passkey.sign(&options, &other.url);
    is(&other.post("/v1/sign-in/passkey", &signed), 401, "begin again");
    // In another browser than the one that began.
    let options = other.options("/v1/sign-in/passkey/options", &json!({}));
    let signed = passkey.sign(&options, &other.url);
    is(&visitor(&server).post("/v1/sign-in/passkey", &signed), 401, "begin again");
    // Under another ceremony of the same browser.
    other.options("/v1/sign-in/passkey/options", &json!({}));
    is(&other.post("/v1/sign-in/passkey", &signed), 401, "does not count");
    // Twice.
    let options = other.options("/v1/sign-in/passkey/options", &json!({}));
    let before = other.clone();
    let signed = passkey.sign(&options, &other.url);
    is(&other.post("/v1/sign-in/passkey", &signed), 204, "");
    is(&before.clone().post("/v1/sign-in/passkey", &signed), 401, "begin again");
    // A counter that goes back tells of a copied authenticator.
    passkey.counter = 0;
    is(&visitor(&server).sign_in(&mut passkey), 401, "does not count");
    passkey.counter = 100;
    // Without the person's consent, and one that nobody knows.
    passkey.consent = 0b1;
    is(&visitor(&server).sign_in(&mut passkey), 401, "does not count");
    is(&visitor(&server).post("/v1/sign-in/passkey", &json!({})), 401, "begin again");
    let mut stranger = Authenticator::new(9);
    let options = other.options("/v1/sign-up/options", &json!({ "display_name": "Eve" }));
    stranger.make(&options, &other.url);
    is(&visitor(&server).sign_in(&mut stranger), 401, "not known here");
}

#[test]
fn a_passkey_that_was_made_elsewhere_or_is_known_makes_no_account() {
    let server = Server::start();
    let (mut ada, mut passkey) = (visitor(&server), Authenticator::new(1));
    ada.sign_up("Ada", &mut passkey);
    let mut eve = visitor(&server);
    for (origin, status, text) in
        [("https://evil.example", 401, "does not count"), (eve.url.clone().as_str(), 422, "belongs to an account")]
    {
        let options = eve.options("/v1/sign-up/options", &json!({ "display_name": "Eve" }));
        let credential = Authenticator::new(1).make(&options, origin);
        is(&eve.post("/v1/sign-up", &json!({ "label": "x", "credential": credential })), status, text);
        assert_eq!(eve.me(), None);
    }
    is(&eve.post("/v1/sign-up/options", &json!({ "display_name": " " })), 422, "1 to 100");
    is(&eve.post("/v1/sign-up/options", &json!({ "name": "Eve" })), 400, "display_name");
}

#[test]
fn a_session_that_somebody_put_into_a_browser_is_not_taken_over() {
    let server = Server::start();
    let (mut eve, mut eves) = (visitor(&server), Authenticator::new(2));
    eve.sign_up("Eve", &mut eves);
    let (mut ada, mut adas) = (visitor(&server), Authenticator::new(1));
    ada.sign_up("Ada", &mut adas);
    let first = ada.session().to_owned();
    // Eve's own session, and one that the server never gave.
    for planted in [eve.session().to_owned(), "A".repeat(64)] {
        let mut victim = visitor(&server);
        victim.cookies.insert("locus-session".into(), planted.clone());
        is(&victim.sign_in(&mut adas), 204, "");
        assert_ne!(victim.session(), planted);
        assert_eq!(victim.me().unwrap()["display_name"], "Ada");
        let mut holder = visitor(&server);
        holder.cookies.insert("locus-session".into(), planted);
        assert_eq!(holder.me(), None, "what was there before the sign-in ended with it");
    }
    // Signing in again gives another token, and the one before ends.
    is(&ada.sign_in(&mut adas), 204, "");
    assert_ne!(ada.session(), first);
    let mut before = visitor(&server);
    before.cookies.insert("locus-session".into(), first);
    assert_eq!(before.me(), None);
}

#[test]
fn another_site_changes_nothing_with_somebodys_cookies() {
    let server = Server::start();
    let (mut ada, mut passkey) = (visitor(&server), Authenticator::new(1));
    ada.sign_up("Ada", &mut passkey);
    let attempts = |visitor: &mut Visitor, status: u16, text: &str| {
        let token = visitor.form_token.clone();
        is(&visitor.form("/you/name", &format!("form_token={token}&name=Eve")), status, text);
        is(&visitor.form("/sign-out/everywhere", &format!("form_token={token}")), status, text);
        is(&visitor.delete("/v1/me/sessions"), status, text);
        is(&visitor.send("PATCH", "/v1/me", "application/json", r#"{"display_name":"Eve"}"#), status, text);
    };
    for origin in [Some("https://evil.example"), Some("null"), None] {
        let mut attacked = ada.clone();
        attacked.origin = origin.map(Into::into);
        attempts(&mut attacked, 403, "is refused");
        // Not even what takes no account of cookies.
        is(&attacked.send("POST", "/v1/transactions", "application/octet-stream", "x"), 403, "is refused");
        is(&attacked.post("/v1/sign-in/passkey/options", &json!({})), 403, "is refused");
    }
    for token in ["", "00", &"0".repeat(64)] {
        let mut attacked = ada.clone();
        attacked.form_token = token.into();
        attempts(&mut attacked, 403, "open the page again");
    }
    // The form of another account's session.
    let (mut eve, mut eves) = (visitor(&server), Authenticator::new(2));
    eve.sign_up("Eve", &mut eves);
    let mut attacked = ada.clone();
    attacked.form_token = eve.form_token.clone();
    attempts(&mut attacked, 403, "open the page again");
    assert_eq!(ada.me().unwrap()["display_name"], "Ada");
    // Programs have no cookies and are not asked where they come from.
    let answer = server.post("/v1/transactions", "application/octet-stream", b"x");
    assert_eq!(answer.status, 400);
    // Nobody is let in from another site.
    let mut foreign = visitor(&server);
    foreign.origin = Some("https://evil.example".into());
    is(&foreign.post("/v1/sign-in/passkey/options", &json!({})), 403, "another site");
    is(&foreign.post("/v1/sign-up/options", &json!({ "display_name": "Eve" })), 403, "another site");
}

#[test]
fn nobody_reaches_another_accounts_passkeys_or_sessions() {
    let server = Server::start();
    let (mut ada, mut adas) = (visitor(&server), Authenticator::new(1));
    ada.sign_up("Ada", &mut adas);
    let (mut eve, mut eves) = (visitor(&server), Authenticator::new(2));
    eve.sign_up("Eve", &mut eves);
    let options = eve.options("/v1/me/passkeys/options", &json!({}));
    assert_eq!(options["excludeCredentials"][0]["id"], eves.id());
    let mut second = Authenticator::new(3);
    let credential = second.make(&options, &eve.url);
    is(&eve.post("/v1/me/passkeys", &json!({ "label": "Phone", "credential": credential })), 201, "");
    let theirs = ada.me().unwrap()["sessions"][0]["id"].as_str().unwrap().to_owned();
    is(&eve.delete(&format!("/v1/me/passkeys/{}", adas.id())), 422, "no such credential");
    is(&eve.delete(&format!("/v1/me/sessions/{theirs}")), 422, "no such session");
    let token = eve.form_token.clone();
    is(&eve.form("/you/sessions/end", &format!("form_token={token}&id={theirs}")), 422, "no such session");
    is(&eve.form("/you/passkeys/remove", &format!("form_token={token}&id={}", adas.id())), 422, "no such credential");
    assert_eq!(ada.me().unwrap()["passkeys"].as_array().unwrap().len(), 1);
    // A ceremony that another account began.
    let options = eve.options("/v1/me/passkeys/options", &json!({}));
    let credential = Authenticator::new(4).make(&options, &eve.url);
    ada.cookies.insert("locus-ceremony".into(), eve.cookies["locus-ceremony"].clone());
    is(&ada.post("/v1/me/passkeys", &json!({ "label": "x", "credential": credential })), 401, "another account");
    // Both of the own passkeys let in; the last one stays.
    is(&visitor(&server).sign_in(&mut second), 204, "");
    is(&eve.delete(&format!("/v1/me/passkeys/{}", eves.id())), 204, "");
    is(&visitor(&server).sign_in(&mut eves), 401, "not known here");
    is(&eve.delete(&format!("/v1/me/passkeys/{}", second.id())), 422, "add another way in first");
}

#[test]
fn signing_out_everywhere_ends_every_session_of_the_account_and_no_other() {
    let server = Server::start();
    let (mut ada, mut adas) = (visitor(&server), Authenticator::new(1));
    ada.sign_up("Ada", &mut adas);
    let (mut eve, mut eves) = (visitor(&server), Authenticator::new(2));
    eve.sign_up("Eve", &mut eves);
    let mut elsewhere = visitor(&server);
    is(&elsewhere.sign_in(&mut adas), 204, "");
    assert_eq!(ada.me().unwrap()["sessions"].as_array().unwrap().len(), 2);
    is(&ada.delete("/v1/me/sessions"), 204, "");
    assert_eq!((ada.me(), elsewhere.me()), (None, None));
    assert!(eve.me().is_some());
}

/// Asks for a challenge, and answers it with a key.
fn challenged(server: &Server, name: &str, altered: impl FnOnce(&mut SignedChallenge)) -> Answer {
    let url = server.running.url();
    let challenge = program(&url, "/v1/sign-in/challenges", &json!({ "account": account(name) })).json();
    let challenge: Challenge = serde_json::from_value(challenge).unwrap();
    let mut signed =
        SignedChallenge::sign(&challenge, &url.parse().unwrap(), &server.chain.ledger().chain(), &key(name));
    altered(&mut signed);
    program(&url, "/v1/sign-in/links", &serde_json::to_value(&signed).unwrap())
}

fn link(server: &Server, name: &str) -> String {
    let answer = challenged(server, name, |_| ());
    is(&answer, 200, "path");
    answer.json()["path"].as_str().unwrap().to_owned()
}

fn code(path: &str) -> &str {
    path.split("code=").nth(1).unwrap()
}

#[test]
fn a_key_of_the_ledger_opens_a_session_once_and_speaks_for_its_account() {
    let server = Server::start();
    let path = link(&server, "researcher");
    let mut ada = visitor(&server);
    // Looking at the link, as programs do, does not use it up.
    is(&ada.get(&path), 200, &account("researcher").to_string());
    is(&ada.get(&path), 200, "Go on only if that was you");
    let open = format!("code={}&act=sign-in", code(&path));
    is(&ada.form("/sign-in/link", &open), 303, "");
    ada.read_form_token();
    let me = ada.me().unwrap();
    assert_eq!(me["ledger_account"], account("researcher").to_string());
    assert!(me["standing"].to_string().contains("accredited researcher"), "{me}");
    is(&ada.get("/you"), 200, "accredited researcher");
    is(&ada.get("/you"), 200, &format!("href=\"/queries?researcher={}\"", account("researcher")));
    // Twice.
    is(&visitor(&server).form("/sign-in/link", &open), 401, "it was used");
    is(&visitor(&server).get(&path), 401, "it was used");
    // The next link leads to the same account.
    let mut again = visitor(&server);
    is(&again.form("/sign-in/link", &format!("code={}&act=sign-in", code(&link(&server, "researcher")))), 303, "");
    assert_eq!(again.me().unwrap()["id"], me["id"]);
    // From another site.
    let mut foreign = visitor(&server);
    foreign.origin = Some("https://evil.example".into());
    is(&foreign.form("/sign-in/link", &format!("code={}&act=sign-in", code(&link(&server, "friend")))), 403, "");
    // Nothing would be left to sign in with.
    is(&ada.delete("/v1/me/ledger-account"), 422, "add another way in first");
}

#[test]
fn a_challenge_is_signed_for_this_server_chain_and_account_once() {
    let server = Server::start();
    is(&challenged(&server, "friend", |signed| signed.origin = "https://evil.example".into()), 401, "not this server");
    is(&challenged(&server, "friend", |signed| signed.origin = "http://localhost:1".into()), 401, "not this server");
    is(&challenged(&server, "friend", |signed| signed.signature = "00".repeat(64)), 401, "its signature");
    is(&challenged(&server, "friend", |signed| signed.account = account("researcher")), 401, "not known here");
    is(&challenged(&server, "friend", |signed| signed.code = "A".repeat(43)), 401, "not known here");
    is(&challenged(&server, "friend", |signed| signed.code = "x".into()), 401, "not known here");
    // Another site's server that passes on what was signed for it.
    let url = server.running.url();
    let asked = program(&url, "/v1/sign-in/challenges", &json!({ "account": account("friend") })).json();
    let challenge: Challenge = serde_json::from_value(asked).unwrap();
    let origin = "https://evil.example".parse().unwrap();
    let chain = server.chain.ledger().chain();
    let mut signed = SignedChallenge::sign(&challenge, &origin, &chain, &key("friend"));
    signed.origin = url.clone();
    is(&program(&url, "/v1/sign-in/links", &serde_json::to_value(&signed).unwrap()), 401, "its signature");
    // The challenge is over with the wrong try.
    let right = SignedChallenge::sign(&challenge, &url.parse().unwrap(), &chain, &key("friend"));
    is(&program(&url, "/v1/sign-in/links", &serde_json::to_value(&right).unwrap()), 401, "it was used");
    for body in [json!({}), json!({ "account": "x" }), json!({ "account": "00" })] {
        assert_eq!(program(&url, "/v1/sign-in/challenges", &body).status, 400, "{body}");
    }
}

#[test]
fn a_key_is_linked_to_the_account_that_is_signed_in_and_to_one_alone() {
    let server = Server::start();
    let (mut ada, mut passkey) = (visitor(&server), Authenticator::new(1));
    ada.sign_up("Ada", &mut passkey);
    let path = link(&server, "researcher");
    is(&ada.get(&path), 200, "Link it to the account I am signed in to");
    let attach =
        |visitor: &Visitor, path: &str| format!("code={}&act=attach&form_token={}", code(path), visitor.form_token);
    is(&visitor(&server).form("/sign-in/link", &attach(&ada, &path)), 401, "Sign in");
    let mut forged = ada.clone();
    is(&forged.form("/sign-in/link", &format!("code={}&act=attach&form_token=00", code(&path))), 403, "open the page");
    let body = attach(&ada, &path);
    is(&ada.form("/sign-in/link", &body), 303, "");
    assert_eq!(ada.me().unwrap()["ledger_account"], account("researcher").to_string());
    // A second key, and the same key in another account.
    let body = attach(&ada, &link(&server, "friend"));
    is(&ada.form("/sign-in/link", &body), 422, "unlink that one first");
    let (mut eve, mut eves) = (visitor(&server), Authenticator::new(2));
    eve.sign_up("Eve", &mut eves);
    let body = attach(&eve, &link(&server, "researcher"));
    is(&eve.form("/sign-in/link", &body), 422, "sign in to that one");
    is(&ada.delete("/v1/me/ledger-account"), 204, "");
    assert!(ada.me().unwrap()["ledger_account"].is_null());
}

/// Seconds that the clock of the next test is ahead.
static AHEAD: AtomicU32 = AtomicU32::new(0);

fn moving_clock() -> Timestamp {
    clock().after(AHEAD.load(Ordering::SeqCst))
}

#[test]
fn ceremonies_links_and_sessions_end_by_themselves() {
    let (world, collecting, aggregated) = world();
    let server = Server::by_clock(world.sequencer, collecting, aggregated, moving_clock);
    let pass = |seconds: u32| AHEAD.fetch_add(seconds, Ordering::SeqCst);
    let (mut ada, mut passkey) = (visitor(&server), Authenticator::new(1));
    ada.sign_up("Ada", &mut passkey);
    let mut late = visitor(&server);
    let options = late.options("/v1/sign-in/passkey/options", &json!({}));
    let signed = passkey.sign(&options, &late.url);
    let path = link(&server, "friend");
    let url = server.running.url();
    let asked = program(&url, "/v1/sign-in/challenges", &json!({ "account": account("friend") })).json();
    let challenge: Challenge = serde_json::from_value(asked).unwrap();
    pass(CHALLENGE_SECONDS);
    let chain = server.chain.ledger().chain();
    let answered = SignedChallenge::sign(&challenge, &url.parse().unwrap(), &chain, &key("friend"));
    is(&program(&url, "/v1/sign-in/links", &serde_json::to_value(&answered).unwrap()), 401, "its time is over");
    pass(LINK_SECONDS);
    is(&late.form("/sign-in/link", &format!("code={}&act=sign-in", code(&path))), 401, "its time is over");
    pass(600);
    is(&late.post("/v1/sign-in/passkey", &signed), 401, "its time is over");
    // Used, a session goes on; left alone, it ends.
    pass(market::accounts::SESSION_IDLE_SECONDS_MAX - 2_000);
    assert!(ada.me().is_some());
    pass(market::accounts::SESSION_IDLE_SECONDS_MAX - 1);
    assert!(ada.me().is_some());
    pass(market::accounts::SESSION_IDLE_SECONDS_MAX);
    assert_eq!(ada.me(), None);
}

#[test]
fn an_address_tries_so_often_and_then_waits() {
    let server = Server::start();
    let url = server.running.url();
    let ask = |body: &Value| program(&url, "/v1/sign-in/challenges", body);
    let body = json!({ "account": account("friend") });
    for _ in 0..ADDRESS_BURST {
        assert_eq!(ask(&body).status, 200);
    }
    let refused = ask(&body);
    refused.refused(429, "too many tries; wait 2 seconds");
    assert_eq!(refused.header("retry-after"), "2");
    // Reading is not trying.
    assert_eq!(server.get("/v1/head").status, 200);
    let mut page = visitor(&server);
    let path = format!("code={}&act=sign-in", "A".repeat(43));
    let refused = page.form("/sign-in/link", &path);
    is(&refused, 429, "Too many tries");
    assert_eq!(refused.header("retry-after"), "2");
}
