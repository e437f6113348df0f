//! Every form of a node's pages that acts for somebody, sent by everybody else. `browser::patient::forms` has those of people's
//! own pages.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    authenticator::{Authenticator, Visitor},
    parity::Site,
    server::{Answer, Server},
};

/// Forms that act for nobody: what they answer is made of what they carry. A link carries a code of its own
/// (`tests/api/sign_in.rs`), and linking it to an account is refused there as the forms are here.
const FOR_EVERYBODY: [&str; 8] = [
    "/builder",
    "/builder/file",
    "/builder/import",
    "/results",
    "/results/download",
    "/sign-in/link",
    "/theme",
    "/verify",
];

/// Somebody who is signed in.
struct Person {
    visitor: Visitor,
    passkey: Authenticator,
}

impl Person {
    fn sign_up(server: &Server, name: &str, seed: u8) -> Self {
        let (mut visitor, mut passkey) = (Visitor::at(&server.running.url()), Authenticator::new(seed));
        visitor.sign_up(name, &mut passkey);
        Self { visitor, passkey }
    }

    /// What a form carries beside its token, with this person's ids.
    fn fields(&mut self, path: &str) -> String {
        let id = match path {
            "/you/sessions/end" => self.visitor.me().unwrap()["sessions"][0]["id"].as_str().unwrap().to_owned(),
            path if path.contains("institutions") => "https%3A%2F%2Funi.example".into(),
            _ => self.passkey.id(),
        };
        format!("name=Eve&id={id}")
    }
}

/// The forms that act for somebody, as the code has them.
fn forms() -> Vec<String> {
    let taken = Site::Node.addresses("post");
    let public: BTreeSet<String> = FOR_EVERYBODY.map(str::to_owned).into();
    assert_eq!(public.difference(&taken).collect::<Vec<_>>(), [] as [&String; 0], "these are gone");
    let own: Vec<_> = taken.difference(&public).cloned().collect();
    assert!(own.len() >= 8, "{own:?}");
    own
}

#[track_caller]
fn is(answer: &Answer, statuses: &[u16], what: &str) {
    let text = String::from_utf8_lossy(&answer.body);
    assert!(statuses.contains(&answer.status), "{what}: {} {text}", answer.status);
    assert!(!answer.headers.contains_key("set-cookie"), "{what} sets a cookie");
}

#[test]
fn every_form_is_refused_without_its_session_its_origin_or_its_token_and_changes_nothing() {
    let server = Server::start();
    let (mut ada, mut eve) = (Person::sign_up(&server, "Ada", 1), Person::sign_up(&server, "Eve", 2));
    let account = |person: &mut Person| person.visitor.me().unwrap();
    let (of_ada, of_eve) = (account(&mut ada), account(&mut eve));
    for path in forms() {
        let fields = ada.fields(&path);
        let own = ada.visitor.form_token.clone();
        let with = |token: &str| format!("form_token={token}&{fields}");
        let mut nobody = Visitor::at(&server.running.url());
        is(&nobody.form(&path, &with(&own)), &[401], &format!("nobody {path}"));
        is(&nobody.form(&path, &fields), &[401], &format!("nobody, without a token {path}"));
        let mut ended = ada.visitor.clone();
        ended.cookies.insert("locus-session".into(), "A".repeat(64));
        is(&ended.form(&path, &with(&own)), &[401], &format!("a session that never was {path}"));
        // Eve's session with Ada's form, and the other way round.
        is(&eve.visitor.clone().form(&path, &with(&own)), &[403], &format!("Eve with Ada's token {path}"));
        for token in [eve.visitor.form_token.as_str(), "", "00", &"0".repeat(64)] {
            is(&ada.visitor.clone().form(&path, &with(token)), &[403], &format!("token {token:?} {path}"));
        }
        is(&ada.visitor.clone().form(&path, &fields), &[403], &format!("no token {path}"));
        for origin in [Some("https://evil.example"), Some("null"), None] {
            let mut foreign = ada.visitor.clone();
            foreign.origin = origin.map(Into::into);
            is(&foreign.form(&path, &with(&own)), &[403], &format!("from {origin:?} {path}"));
        }
        assert_eq!(account(&mut ada), of_ada, "{path} changed something of Ada's");
        assert_eq!(account(&mut eve), of_eve, "{path} changed something of Eve's");
    }
}

/// What the test above sends is what the forms take: only so a refusal is for who asks.
#[test]
fn the_holders_own_page_may_send_each_of_these_forms() {
    for path in forms() {
        let server = Server::start();
        let mut ada = Person::sign_up(&server, "Ada", 1);
        let fields = ada.fields(&path);
        let body = format!("form_token={}&{fields}", ada.visitor.form_token);
        let given = ada.visitor.form(&path, &body);
        let text = String::from_utf8_lossy(&given.body);
        // The last way in stays, and no institution is known here.
        let may_not = given.status == 422 || (given.status == 404 && path.starts_with("/you/institutions"));
        assert!(given.status == 303 || may_not, "{path}: {} {text}", given.status);
        assert_ne!(ada.visitor.me().unwrap_or(Value::Null)["display_name"], "", "{path}");
    }
}
