//! Test doubles of what stands between a person and the server: an authenticator in software, whose passkeys have
//! Ed25519 keys (WebAuthn Level 3 §6), and a browser that keeps cookies and says where its requests come from.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::server::{Answer, agent, answer};

/// The person was there and proved to be the owner.
const CONSENT: u8 = 0b101;
/// A key comes along.
const ATTESTED: u8 = 0b100_0000;

/// An authenticator with one passkey.
pub struct Authenticator {
    key: SigningKey,
    id: [u8; 16],
    pub counter: u32,
    handle: String,
    /// What it sets of [`CONSENT`].
    pub consent: u8,
}

impl Authenticator {
    pub fn new(seed: u8) -> Self {
        let key = SigningKey::from_bytes(&[seed; 32]);
        Self { key, id: [seed; 16], counter: 0, handle: String::new(), consent: CONSENT }
    }

    pub fn id(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.id)
    }

    fn data(&mut self, domain: &Value, flags: u8) -> Vec<u8> {
        self.counter += 1;
        let domain = Sha256::digest(domain.as_str().unwrap());
        [domain.as_slice(), &[flags | self.consent], &self.counter.to_be_bytes()].concat()
    }

    /// Makes its passkey as the options ask, in a page of an origin.
    pub fn make(&mut self, options: &Value, origin: &str) -> Value {
        self.handle = options["user"]["id"].as_str().unwrap().into();
        let data = self.data(&options["rp"]["id"], ATTESTED);
        // COSE: an octet key pair for EdDSA on Ed25519.
        let key = [&[0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32], &self.key.verifying_key().to_bytes()[..]].concat();
        let data = [&data, &[0; 16][..], &[0, 16], &self.id, &key].concat();
        let length = [0x58, u8::try_from(data.len()).unwrap()];
        let attestation = [b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData".as_slice(), &length, &data].concat();
        json!({
            "id": self.id(), "rawId": self.id(), "type": "public-key", "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": client_data("webauthn.create", options, origin),
                "attestationObject": URL_SAFE_NO_PAD.encode(attestation), "transports": ["internal"],
            },
        })
    }

    /// Signs what the options ask, in a page of an origin.
    pub fn sign(&mut self, options: &Value, origin: &str) -> Value {
        let data = self.data(&options["rpId"], 0);
        let client_data = client_data("webauthn.get", options, origin);
        let hash = Sha256::digest(URL_SAFE_NO_PAD.decode(&client_data).unwrap());
        let signature = self.key.sign(&[&data, hash.as_slice()].concat());
        json!({
            "id": self.id(), "rawId": self.id(), "type": "public-key", "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": client_data, "authenticatorData": URL_SAFE_NO_PAD.encode(data),
                "signature": URL_SAFE_NO_PAD.encode(signature.to_bytes()), "userHandle": self.handle,
            },
        })
    }
}

fn client_data(kind: &str, options: &Value, origin: &str) -> String {
    let challenge = options["challenge"].as_str().unwrap();
    let text = format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}","crossOrigin":false}}"#);
    URL_SAFE_NO_PAD.encode(text)
}

/// A browser.
#[derive(Clone)]
pub struct Visitor {
    pub url: String,
    /// What its requests say of where they come from; nothing for a program.
    pub origin: Option<String>,
    pub cookies: BTreeMap<String, String>,
    /// What changes of the own account carry.
    pub form_token: String,
}

impl Visitor {
    /// A browser at a server's pages, under the name that passkeys are for.
    pub fn at(url: &str) -> Self {
        let url = url.replace("127.0.0.1", "localhost");
        Self { origin: Some(url.clone()), url, cookies: BTreeMap::new(), form_token: String::new() }
    }

    pub fn session(&self) -> &str {
        &self.cookies["locus-session"]
    }

    /// Sends a request and keeps the cookies that come back.
    pub fn send(&mut self, method: &str, path: &str, media: &str, body: &str) -> Answer {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        if let Some(origin) = &self.origin {
            request = request.header("origin", origin);
        }
        if !self.form_token.is_empty() {
            request = request.header("x-form-token", &self.form_token);
        }
        let request = request.header("content-type", media).header("accept", "text/html");
        let request = request.body(body.to_owned()).unwrap();
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .allow_non_standard_methods(true)
            .proxy(None)
            .build()
            .into();
        let found = answer(agent.run(request));
        for kept in found.headers.get_all("set-cookie") {
            let (pair, _) = kept.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.into(), value.into());
            }
        }
        found
    }

    pub fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, "application/json", &body.to_string())
    }

    pub fn form(&mut self, path: &str, body: &str) -> Answer {
        self.send("POST", path, "application/x-www-form-urlencoded", body)
    }

    pub fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, "text/plain", "")
    }

    pub fn delete(&mut self, path: &str) -> Answer {
        self.send("DELETE", path, "text/plain", "")
    }

    /// The options that a path gives.
    #[track_caller]
    pub fn options(&mut self, path: &str, body: &Value) -> Value {
        let answer = self.post(path, body);
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    /// Makes an account with a passkey.
    #[track_caller]
    pub fn sign_up(&mut self, name: &str, authenticator: &mut Authenticator) {
        let options = self.options("/v1/sign-up/options", &json!({ "display_name": name }));
        let credential = authenticator.make(&options, &self.url);
        let made = self.post("/v1/sign-up", &json!({ "label": "First passkey", "credential": credential }));
        assert_eq!(made.status, 201, "{}", String::from_utf8_lossy(&made.body));
        self.read_form_token();
    }

    /// Signs in with a passkey.
    pub fn sign_in(&mut self, authenticator: &mut Authenticator) -> Answer {
        let options = self.options("/v1/sign-in/passkey/options", &json!({}));
        let signed = authenticator.sign(&options, &self.url);
        let answer = self.post("/v1/sign-in/passkey", &signed);
        if answer.status == 204 {
            self.read_form_token();
        }
        answer
    }

    /// Reads from the own account what its changes carry, as its page's forms do.
    pub fn read_form_token(&mut self) {
        let me = self.me().unwrap();
        self.form_token = me["form_token"].as_str().unwrap().into();
    }

    /// Whether a text tells one of the cookies.
    pub fn is_told_by(&self, text: &str) -> bool {
        self.cookies.values().any(|secret| text.contains(secret.as_str()))
    }

    /// The own account, if anybody is signed in.
    pub fn me(&mut self) -> Option<Value> {
        let answer = self.get("/v1/me");
        (answer.status == 200).then(|| answer.json())
    }
}

/// A program that has no cookies and says nothing of pages.
pub fn program(url: &str, path: &str, body: &Value) -> Answer {
    answer(agent().post(format!("{url}{path}")).send_json(body))
}
