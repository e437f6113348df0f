//! The own account: each of its endpoints, asked as it is meant to be asked, by everybody but its holder's page.

use serde_json::{Value, json};
use web::{
    access::Operation,
    sign_in::SignedChallenge,
    signed_request::{Covered, SignedHeaders, content_digest, sign},
};

use super::{
    authenticator::{Authenticator, Visitor},
    authorization::{Holder, holders},
    licences::Town,
    routes::{OWN_ACCOUNT, SIGN_IN},
    server::{Answer, agent, answer, clock, id},
};
use crate::world::key;

const JSON: &str = "application/json";

/// A request that would be taken from the holder's own page.
struct Asked {
    method: String,
    path: String,
    query: &'static str,
    body: String,
}

/// Somebody with an account, signed in.
struct Person {
    visitor: Visitor,
    passkey: Authenticator,
}

impl Person {
    fn sign_up(town: &Town, name: &str, seed: u8) -> Self {
        let (mut visitor, mut passkey) = (Visitor::at(&town.server.running.url()), Authenticator::new(seed));
        visitor.sign_up(name, &mut passkey);
        Self { visitor, passkey }
    }

    fn session_id(&mut self) -> String {
        self.visitor.me().unwrap()["sessions"][0]["id"].as_str().unwrap().into()
    }

    /// An endpoint with this person's ids in it, and a body that it decodes.
    fn asked(&mut self, method: &str, template: &str) -> Asked {
        let body = match (method, template) {
            ("patch", "/v1/me") => json!({ "display_name": "Eve" }),
            ("patch", "/v1/me/passkeys/{id}") => json!({ "label": "Eve's" }),
            ("post", "/v1/me/passkeys") => json!({ "label": "Eve's", "credential": credential(&mut self.visitor) }),
            ("post", "/v1/me/passkeys/options") => json!({}),
            ("get" | "delete", _) => Value::Null,
            _ => panic!("{method} {template} takes a body that this test does not know"),
        };
        let id = match template {
            "/v1/me/sessions/{id}" => self.session_id(),
            _ => self.passkey.id(),
        };
        let query = if template == "/v1/me/institutions" { "issuer=https%3A%2F%2Funi.example" } else { "" };
        let body = if body.is_null() { String::new() } else { body.to_string() };
        Asked { method: method.to_uppercase(), path: template.replace("{id}", &id), query, body }
    }

    fn send(&mut self, asked: &Asked) -> Answer {
        self.visitor.send(&asked.method, &asked.target(), JSON, &asked.body)
    }
}

impl Asked {
    fn target(&self) -> String {
        let mark = if self.query.is_empty() { "" } else { "?" };
        format!("{}{mark}{}", self.path, self.query)
    }

    /// Sent by a program, which has no cookies, with a signature or none.
    fn by_program(&self, town: &Town, signer: Option<&str>) -> Answer {
        let url = format!("{}{}", town.server.running.url(), self.target());
        let mut request = ureq::http::Request::builder().method(self.method.as_str()).uri(url);
        request = request.header("content-type", JSON);
        if let Some(SignedHeaders { input, signature }) = signer.map(|name| self.signed(town, name)) {
            request = request.header("signature-input", input).header("signature", signature);
        }
        if self.body.is_empty() {
            return answer(agent().run(request.body(()).unwrap()));
        }
        answer(agent().run(request.body(self.body.clone()).unwrap()))
    }

    fn signed(&self, town: &Town, name: &str) -> SignedHeaders {
        let host = town.server.running.address().to_string();
        let digest = (!self.body.is_empty()).then(|| content_digest(self.body.as_bytes()));
        let (method, path, query) = (self.method.as_str(), self.path.as_str(), self.query);
        let covered = Covered { method, authority: &host, path, query, content_digest: digest.as_deref() };
        sign(&covered, &key(name), &town.server.chain.ledger().chain(), clock(), &mut rand::rng()).unwrap()
    }
}

/// A passkey of a ceremony that another browser began.
fn credential(visitor: &mut Visitor) -> Value {
    let options = visitor.clone().options("/v1/sign-up/options", &json!({ "display_name": "Ada" }));
    Authenticator::new(77).make(&options, &visitor.url)
}

#[track_caller]
fn is(answer: &Answer, status: u16, kind: &str, what: &str) {
    let told = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status, status, "{what}: {told}");
    let problem: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    assert_eq!(problem["type"], format!("/problems/{kind}"), "{what}: {told}");
    assert!(!answer.headers.contains_key("set-cookie"), "{what} gives a cookie");
}

#[test]
fn no_signature_of_any_role_and_no_session_of_another_reaches_an_account() {
    let town = Town::new();
    let holders = holders(&town);
    let (mut ada, mut eve) = (Person::sign_up(&town, "Ada", 1), Person::sign_up(&town, "Eve", 2));
    let before = ada.visitor.me().unwrap();
    for (method, template, operation) in OWN_ACCOUNT {
        let asked = ada.asked(method, template);
        let what = format!("{method} {}", asked.target());
        is(&asked.by_program(&town, None), 401, "signed-out", &what);
        for Holder { role, name, .. } in &holders {
            is(&asked.by_program(&town, Some(name)), 401, "signed-out", &format!("{role:?} {what}"));
        }
        // A browser that is signed in to nothing, and the page of another account with this one's ids.
        let mut nobody = Visitor::at(&town.server.running.url());
        is(&nobody.send(&asked.method, &asked.target(), JSON, &asked.body), 401, "signed-out", &what);
        if template.contains("{id}") {
            is(&eve.send(&asked), 422, "refused", &format!("Eve {what}"));
        }
        // The own cookie without the own page's token, and with another's.
        if operation == Operation::ChangeAccount {
            for token in [String::new(), "0".repeat(64), eve.visitor.form_token.clone()] {
                let mut forged = ada.visitor.clone();
                forged.form_token = token;
                let sent = forged.send(&asked.method, &asked.target(), JSON, &asked.body);
                is(&sent, 403, "cross-site", &format!("forged {what}"));
            }
        }
    }
    assert_eq!(ada.visitor.me().unwrap(), before, "nothing of the account changed");
}

/// What the test above sends is what the endpoints take: only so a refusal is for who asks.
#[test]
fn what_others_are_refused_the_holder_is_let_or_told_why_not() {
    let town = Town::new();
    let mut ada = Person::sign_up(&town, "Ada", 1);
    for (method, template, _) in OWN_ACCOUNT {
        if ada.visitor.me().is_none() {
            assert_eq!(ada.visitor.sign_in(&mut ada.passkey).status, 204);
        }
        let asked = ada.asked(method, template);
        let given = ada.send(&asked);
        // The last way in stays, there is nothing to forget, and another browser began the ceremony.
        let expected = match (method, template) {
            ("get", _) | ("post", "/v1/me/passkeys/options") => 200,
            ("post", "/v1/me/passkeys") => 401,
            ("delete", "/v1/me/institutions" | "/v1/me/ledger-account" | "/v1/me/passkeys/{id}") => 422,
            _ => 204,
        };
        let told = String::from_utf8_lossy(&given.body).into_owned();
        assert_eq!(given.status, expected, "{method} {template}: {told}");
        assert!(expected != 401 || told.contains("begin again"), "{told}");
    }
}

#[test]
fn no_signature_of_a_request_signs_in() {
    let town = Town::new();
    let url = town.server.running.url();
    let mut elsewhere = Visitor::at(&url);
    for (method, path) in SIGN_IN {
        let link = SignedChallenge {
            account: crate::world::account("governor"),
            origin: url.clone(),
            code: "A".repeat(43),
            signature: "00".repeat(64),
        };
        let body = match path {
            "/v1/sign-in/challenges" => json!({ "account": id("governor") }),
            "/v1/sign-in/links" => serde_json::to_value(link).unwrap(),
            "/v1/sign-in/passkey" => {
                let mut passkey = Authenticator::new(3);
                passkey.make(&elsewhere.options("/v1/sign-up/options", &json!({ "display_name": "Ada" })), &url);
                passkey.sign(&elsewhere.options("/v1/sign-in/passkey/options", &json!({})), &url)
            }
            "/v1/sign-in/passkey/options" => json!({}),
            "/v1/sign-up" => json!({ "label": "x", "credential": credential(&mut elsewhere) }),
            "/v1/sign-up/options" => json!({ "display_name": "Eve" }),
            _ => panic!("{path} takes a body that this test does not know"),
        };
        let asked = Asked { method: method.to_uppercase(), path: path.into(), query: "", body: body.to_string() };
        for signer in [None, Some("governor")] {
            let given = asked.by_program(&town, signer);
            match path {
                // Whoever asks gets a challenge; only the account's key answers it.
                "/v1/sign-in/challenges" => assert_eq!(given.status, 200),
                "/v1/sign-in/links" => is(&given, 401, "signed-out", path),
                // Passkeys are of pages, and a program says of none.
                _ => is(&given, 403, "cross-site", path),
            }
            assert!(!given.headers.contains_key("set-cookie"), "{path} signs in");
        }
    }
}
