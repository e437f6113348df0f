//! Signing in through an institution's OpenID provider.

use std::fs;

use serde_json::json;
use web::sign_in::{SignIn, read_institutions};

use super::{
    authenticator::Visitor,
    provider::{CLIENT, Provider, Wrong},
    server::{Answer, Server, agent, answer, clock, world},
};

/// A server that lists an institution whose provider runs here.
pub fn listed(provider: &Provider) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let (secret, file) = (folder.path().join("secret"), folder.path().join("institutions.toml"));
    fs::write(&secret, CLIENT.1).unwrap();
    let entry = |id: &str| {
        format!(
            "[[institution]]\nid = \"{id}\"\nname = \"Example University\"\nissuer = \"{}\"\nclient_id = \"{}\"\n\
             client_secret_file = {secret:?}\nemail_domains = [\"example.edu\"]\n",
            provider.issuer(),
            CLIENT.0
        )
    };
    fs::write(&file, [entry("uni"), entry("other")].concat()).unwrap();
    let sign_in = SignIn { institutions: read_institutions(&file).unwrap(), ..SignIn::default() };
    let (world, collecting, aggregated) = world();
    Server::with_sign_in(world.sequencer, (collecting, aggregated), clock, sign_in)
}

#[track_caller]
pub fn location(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", String::from_utf8_lossy(&answer.body));
    answer.header("location").to_owned()
}

/// Goes to the institution, which lets everybody in, and returns the path to which it leads back.
#[track_caller]
pub fn visited(visitor: &mut Visitor) -> String {
    let provider = location(&visitor.get("/sign-in/institutions/uni"));
    led_back(visitor, &provider)
}

/// Goes to the institution's address, and returns the path to which it leads back.
#[track_caller]
pub fn led_back(visitor: &Visitor, provider: &str) -> String {
    let request = agent().get(provider).config().max_redirects(0).build();
    let back = location(&answer(request.call()));
    back.strip_prefix(&visitor.url).unwrap_or_else(|| panic!("{back}")).to_owned()
}

#[track_caller]
fn refused(answer: &Answer, status: u16, text: &str) {
    let body = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status, status, "{body}");
    assert!(body.contains(text), "{body} does not say {text:?}");
}

#[test]
fn an_institution_lets_its_members_in_and_they_come_back_to_their_account() {
    let provider = Provider::start();
    let server = listed(&provider);
    let mut ada = Visitor::at(&server.running.url());
    let page = String::from_utf8(ada.get("/sign-in").body).unwrap();
    assert!(page.contains("Example University") && page.contains("/sign-in/institutions/uni"));
    let back = visited(&mut ada);
    assert_eq!(location(&ada.get(&back)), "/you");
    let me = ada.me().unwrap();
    assert_eq!(me["display_name"], "Ada Lovelace");
    assert_eq!(me["institutions"][0].as_str().unwrap().trim_end_matches('/'), provider.issuer());
    // The answer counts once, and the next visit leads to the same account.
    refused(&ada.get(&back), 401, "nothing was begun here");
    let mut again = Visitor::at(&server.running.url());
    let back = visited(&mut again);
    again.get(&back);
    assert_eq!(again.me().unwrap()["id"], me["id"]);
}

#[test]
fn an_answer_counts_for_the_browser_institution_and_request_that_it_is_of() {
    let provider = Provider::start();
    let server = listed(&provider);
    let mut ada = Visitor::at(&server.running.url());
    let back = visited(&mut ada);
    // A link that somebody sends to another, to sign them in to their own account.
    refused(&Visitor::at(&server.running.url()).get(&back), 401, "nothing was begun here");
    let mut other = Visitor::at(&server.running.url());
    visited(&mut other);
    refused(&other.get(&back), 401, "not of what this browser asked");
    let mut mixed = Visitor::at(&server.running.url());
    let theirs = visited(&mut mixed);
    refused(&mixed.get(&theirs.replace("/uni/", "/other/")), 401, "another institution");
    let theirs = visited(&mut mixed);
    refused(&mixed.get(&format!("{theirs}&iss=https://evil.example")), 401, "another provider");
    let theirs = visited(&mut mixed);
    let state = theirs.split("state=").nth(1).unwrap();
    let path = theirs.split('?').next().unwrap();
    refused(&mixed.get(&format!("{path}?error=access_denied&state={state}")), 401, "access_denied");
    let theirs = visited(&mut mixed);
    refused(&mixed.get(&theirs.replace("code=code", "code=guessed")), 401, "does not accept");
    assert_eq!((ada.me(), other.me(), mixed.me()), (None, None, None));
    refused(&mixed.get("/sign-in/institutions/nobody"), 404, "institution");
}

#[test]
fn an_id_token_that_is_wrong_in_any_way_lets_nobody_in() {
    let provider = Provider::start();
    let server = listed(&provider);
    for (wrong, text) in [
        (Wrong::Nonce, "does not hold"),
        (Wrong::Audience, "does not hold"),
        (Wrong::Issuer, "does not hold"),
        (Wrong::Expired, "does not hold"),
        (Wrong::Key, "does not hold"),
        (Wrong::UnverifiedEmail, "no verified e-mail address"),
        (Wrong::OtherDomain, "no verified e-mail address"),
    ] {
        provider.be(wrong);
        let mut ada = Visitor::at(&server.running.url());
        let back = visited(&mut ada);
        refused(&ada.get(&back), 401, text);
        assert_eq!(ada.me(), None, "{wrong:?}");
    }
    provider.be(Wrong::Nothing);
    let mut ada = Visitor::at(&server.running.url());
    let back = visited(&mut ada);
    assert_eq!(location(&ada.get(&back)), "/you");
}

#[test]
fn programs_are_told_which_institutions_let_people_in_as_the_pages_are() {
    let provider = Provider::start();
    let server = listed(&provider);
    let said = server.get("/v1/institutions").json();
    let of = |id: &str| json!({ "id": id, "name": "Example University", "issuer": provider.issuer() });
    assert_eq!(said, json!({ "institutions": [of("uni"), of("other")] }));
    let mut ada = Visitor::at(&server.running.url());
    let page = String::from_utf8(ada.get("/sign-in").body).unwrap();
    assert_eq!(page.matches("href=\"/sign-in/institutions/").count(), 2, "{page}");
    let back = visited(&mut ada);
    ada.get(&back);
    // Whether one that vouches for an account lets anybody in now.
    assert_eq!(ada.me().unwrap()["institutions"], json!([said["institutions"][0]["issuer"]]));
    let other = Server::start();
    assert_eq!(other.get("/v1/institutions").json(), json!({ "institutions": [] }));
}
