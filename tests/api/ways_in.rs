//! More than one way into an account: added, named, taken away, and never the last of them.

use serde_json::{Value, json};

use super::{
    authenticator::{Authenticator, Visitor},
    institutions::{led_back, listed, location, visited},
    provider::{Provider, Wrong},
    server::{Answer, Server, agent, answer},
};
use crate::cli::{accepted, locus, refusal};

#[track_caller]
fn is(answer: &Answer, status: u16, text: &str) {
    let body = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status, status, "{body}");
    assert!(body.contains(text), "{body} does not say {text:?}");
}

fn signed_up(server: &Server, name: &str, seed: u8) -> (Visitor, Authenticator) {
    let (mut visitor, mut passkey) = (Visitor::at(&server.running.url()), Authenticator::new(seed));
    visitor.sign_up(name, &mut passkey);
    (visitor, passkey)
}

/// The form that lets the institution vouch, sent with a token.
fn add(visitor: &mut Visitor, token: &str) -> Answer {
    visitor.form("/you/institutions/add", &format!("form_token={token}&id=uni"))
}

/// Begins to let the institution vouch, goes there, and returns the path to which it leads back.
#[track_caller]
fn vouched(visitor: &mut Visitor) -> String {
    let token = visitor.form_token.clone();
    let leaving = add(visitor, &token);
    is(&leaving, 200, "Go to Example University");
    let page = String::from_utf8(leaving.body).unwrap();
    let link = page.split("id=\"leave\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(link.contains("prompt=login"), "whoever is signed in there already is not taken for the owner: {link}");
    led_back(visitor, &link.replace("&#38;", "&").replace("&amp;", "&"))
}

#[test]
fn an_institution_is_added_to_an_account_and_both_ways_lead_to_it() {
    let provider = Provider::start();
    let server = listed(&provider);
    let (mut ada, mut passkey) = signed_up(&server, "Ada", 1);
    is(&ada.get("/you"), 200, "There is one way into this account");
    let back = vouched(&mut ada);
    assert_eq!(location(&ada.get(&back)), "/you");
    let me = ada.me().unwrap();
    assert_eq!(me["institutions"].as_array().unwrap().len(), 1);
    assert_eq!(me["display_name"], "Ada", "the account keeps its name");
    assert!(!String::from_utf8(ada.get("/you").body).unwrap().contains("There is one way"));
    let mut again = Visitor::at(&server.running.url());
    let back = visited(&mut again);
    again.get(&back);
    assert_eq!(again.me().unwrap()["id"], me["id"]);
    is(&Visitor::at(&server.running.url()).sign_in(&mut passkey), 204, "");
    let (mut eve, _) = signed_up(&server, "Eve", 2);
    // Whoever was signed in there before is not taken for her, though the provider asks nobody anew.
    provider.be(Wrong::SignedInBefore);
    let back = vouched(&mut eve);
    is(&eve.get(&back), 401, "you signed in there just now");
    provider.be(Wrong::Nothing);
    // Whom it vouches for is one account.
    let back = vouched(&mut eve);
    is(&eve.get(&back), 422, "vouches for another account here");
    assert_eq!(eve.me().unwrap()["institutions"], json!([]));
}

#[test]
fn an_institution_is_added_by_the_account_whose_form_began_it_and_by_no_other() {
    let provider = Provider::start();
    let server = listed(&provider);
    let (mut ada, _) = signed_up(&server, "Ada", 1);
    for token in ["", &"0".repeat(64)] {
        is(&add(&mut ada, token), 403, "open the page again");
    }
    let (mut eve, _) = signed_up(&server, "Eve", 2);
    is(&add(&mut eve.clone(), &ada.form_token), 403, "open the page again");
    // What Ada began ends in Eve's session, or in none.
    let back = vouched(&mut ada);
    eve.cookies.insert("locus-ceremony".into(), ada.cookies["locus-ceremony"].clone());
    is(&eve.get(&back), 401, "another account began this");
    let back = vouched(&mut ada);
    let mut left = ada.clone();
    left.cookies.remove("locus-session");
    is(&left.get(&back), 401, "signed in");
    let mut foreign = ada.clone();
    foreign.origin = Some("https://evil.example".into());
    let token = foreign.form_token.clone();
    is(&add(&mut foreign, &token), 403, "is refused");
    for visitor in [&mut ada, &mut eve] {
        assert_eq!(visitor.me().unwrap()["institutions"], json!([]));
    }
    let token = ada.form_token.clone();
    is(&ada.form("/you/institutions/add", &format!("form_token={token}&id=nobody")), 404, "institution");
}

#[test]
fn the_last_way_into_an_account_stays_whichever_it_is() {
    let provider = Provider::start();
    let server = listed(&provider);
    let (mut ada, passkey) = signed_up(&server, "Ada", 1);
    let own = format!("/v1/me/passkeys/{}", passkey.id());
    is(&ada.delete(&own), 422, "add another way in first");
    let back = vouched(&mut ada);
    ada.get(&back);
    is(&ada.delete(&own), 204, "");
    let issuer = ada.me().unwrap()["institutions"][0].as_str().unwrap().to_owned();
    is(&ada.delete(&format!("/v1/me/institutions?issuer={issuer}")), 422, "add another way in first");
    is(&ada.delete("/v1/me/institutions?issuer=https://elsewhere.example"), 422, "no such institution");
    is(&ada.delete("/v1/me/institutions"), 400, "issuer");
    let options = ada.options("/v1/me/passkeys/options", &json!({}));
    let credential = Authenticator::new(3).make(&options, &ada.url);
    is(&ada.post("/v1/me/passkeys", &json!({ "label": "Phone", "credential": credential })), 201, "");
    let token = ada.form_token.clone();
    is(&ada.form("/you/institutions/remove", &format!("form_token={token}&id={issuer}")), 303, "");
    let me = ada.me().unwrap();
    assert_eq!((&me["institutions"], me["passkeys"].as_array().unwrap().len()), (&json!([]), 1));
}

#[test]
fn a_passkey_is_renamed_by_its_owner_alone() {
    let server = Server::start();
    let (mut ada, passkey) = signed_up(&server, "Ada", 1);
    let path = format!("/v1/me/passkeys/{}", passkey.id());
    let rename = |visitor: &mut Visitor, label: &str| {
        visitor.send("PATCH", &path, "application/json", &json!({ "label": label }).to_string())
    };
    let label = |visitor: &mut Visitor| visitor.me().unwrap()["passkeys"][0]["label"].clone();
    is(&rename(&mut ada, "Laptop"), 204, "");
    assert_eq!(label(&mut ada), "Laptop");
    let token = ada.form_token.clone();
    let form = format!("form_token={token}&id={}&name=Work+laptop", passkey.id());
    is(&ada.form("/you/passkeys/rename", &form), 303, "");
    assert_eq!(label(&mut ada), "Work laptop");
    is(&rename(&mut ada, " "), 422, "1 to 100");
    let (mut eve, _) = signed_up(&server, "Eve", 2);
    is(&rename(&mut eve, "Mine"), 422, "no such credential");
    let mut foreign = ada.clone();
    foreign.form_token.clear();
    is(&rename(&mut foreign, "Theirs"), 403, "open the page again");
    assert_eq!(label(&mut ada), "Work laptop");
}

#[test]
fn a_form_of_another_site_is_refused_with_a_page_for_browsers_and_a_problem_for_programs() {
    let server = Server::start();
    let (mut ada, _) = signed_up(&server, "Ada", 1);
    ada.origin = Some("https://evil.example".into());
    let token = ada.form_token.clone();
    let form = format!("form_token={token}&name=Eve");
    let page = ada.form("/you/name", &form);
    is(&page, 403, "That was not asked for from here");
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.header("content-security-policy").contains("script-src 'self'"));
    // A program that sends the same gets what programs read, and below /v1 everybody does.
    let cookies = format!("locus-session={}", ada.session());
    let request = agent().post(format!("{}/you/name", ada.url)).header("cookie", cookies);
    let request = request.header("origin", "https://evil.example").content_type("application/x-www-form-urlencoded");
    answer(request.header("accept", "application/json").send(form.as_str())).refused(403, "is refused");
    ada.send("PATCH", "/v1/me", "application/json", r#"{"display_name":"Eve"}"#).refused(403, "is refused");
    assert_eq!(ada.me().unwrap()["display_name"], "Ada");
}

#[test]
fn the_command_signs_in_with_the_key_of_a_ledger_account() {
    let server = Server::start();
    let mut browser = Visitor::at(&server.running.url());
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| locus(folder.path(), arguments);
    accepted(&run(&["keys", "new", "researcher", "researcher.key"]));
    let shown: Value = serde_json::from_str(&accepted(&run(&["--json", "keys", "show", "researcher.key"]))).unwrap();
    let url = browser.url.clone();
    let told = accepted(&run(&["--json", "--url", &url, "sign-in", "--key", "researcher.key"]));
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["account"], shown["account"]);
    let link = told["url"].as_str().unwrap();
    let path = link.strip_prefix(&url).unwrap_or_else(|| panic!("{link} is not at {url}"));
    is(&browser.get(path), 200, shown["account"].as_str().unwrap());
    let code = path.split("code=").nth(1).unwrap();
    let opened = browser.form("/sign-in/link", &format!("code={code}&act=sign-in"));
    assert_eq!(location(&opened), "/you");
    assert_eq!(browser.me().unwrap()["ledger_account"], shown["account"]);
    // Once, and in words for people too.
    is(&Visitor::at(&url).form("/sign-in/link", &format!("code={code}&act=sign-in")), 401, "it was used");
    let words = accepted(&run(&["--url", &url, "sign-in", "--key", "researcher.key"]));
    assert!(words.contains("it works once") && words.contains("/sign-in/link?code="), "{words}");
    // What goes wrong says what to do.
    let refused = refusal(&run(&["sign-in", "--key", "researcher.key"]));
    assert!(refused.contains("--url"), "{refused}");
    let elsewhere = ["--url", &url, "sign-in", "--key", "researcher.key", "--origin", "https://evil.example"];
    let refused = refusal(&run(&elsewhere));
    assert!(refused.contains("refused"), "{refused}");
}
