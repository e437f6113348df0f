//! A test double of an institution's OpenID provider: a small real one over HTTP, with discovery, keys, the authorization
//! code flow and PKCE, whose ID tokens can be made wrong in one way at a time.

use std::{
    collections::BTreeMap,
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    rt::System,
    web::{self, Data, Form, Query},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// What the node's client is called, and its secret.
pub const CLIENT: (&str, &str) = ("locus", "hush");

/// What is wrong with an ID token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    Nothing,
    Nonce,
    Audience,
    Issuer,
    Expired,
    Key,
    UnverifiedEmail,
    OtherDomain,
    SignedInBefore,
}

/// What was asked for at the authorization endpoint, by code.
type Asked = BTreeMap<String, BTreeMap<String, String>>;

/// What the provider knows.
struct State {
    issuer: String,
    asked: Mutex<Asked>,
    wrong: Mutex<Wrong>,
    /// What it says instead of letting anybody in.
    refusal: Mutex<Option<String>>,
    /// What it calls whoever comes.
    name: Mutex<String>,
}

/// The provider, which runs as long as the process.
pub struct Provider {
    state: Arc<State>,
}

impl Provider {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State {
            issuer,
            asked: Mutex::default(),
            wrong: Mutex::new(Wrong::Nothing),
            refusal: Mutex::default(),
            name: Mutex::new("Ada Lovelace".into()),
        });
        let served = Data::from(Arc::clone(&state));
        thread::spawn(move || {
            let app = move || {
                App::new()
                    .app_data(served.clone())
                    .route("/.well-known/openid-configuration", web::get().to(describe))
                    .route("/keys", web::get().to(keys))
                    .route("/authorize", web::get().to(authorize))
                    .route("/token", web::post().to(token))
            };
            let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run();
            System::new().block_on(server).unwrap();
        });
        Self { state }
    }

    pub fn issuer(&self) -> &str {
        &self.state.issuer
    }

    /// Lets nobody in any more and says why, or lets everybody in again.
    pub fn refuse(&self, why: Option<&str>) {
        *self.state.refusal.lock().unwrap() = why.map(Into::into);
    }

    /// Gives whoever comes another name.
    pub fn call(&self, name: &str) {
        *self.state.name.lock().unwrap() = name.into();
    }

    /// Makes the next ID tokens wrong.
    pub fn be(&self, wrong: Wrong) {
        *self.state.wrong.lock().unwrap() = wrong;
    }
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

async fn describe(state: Data<State>) -> HttpResponse {
    let at = |path: &str| format!("{}{path}", state.issuer);
    HttpResponse::Ok().json(json!({
        "issuer": state.issuer, "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
        "jwks_uri": at("/keys"), "response_types_supported": ["code"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA"],
    }))
}

async fn keys() -> HttpResponse {
    let x = URL_SAFE_NO_PAD.encode(key(7).verifying_key().to_bytes());
    let key = json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "7", "x": x });
    HttpResponse::Ok().json(json!({ "keys": [key] }))
}

/// Lets whoever comes in or says why not, and leads back.
async fn authorize(state: Data<State>, query: Query<BTreeMap<String, String>>) -> HttpResponse {
    let asked = query.into_inner();
    assert_eq!((asked["client_id"].as_str(), asked["response_type"].as_str()), (CLIENT.0, "code"));
    assert_eq!(asked["code_challenge_method"], "S256");
    assert!(asked["scope"].contains("openid"));
    let told = match &*state.refusal.lock().unwrap() {
        Some(why) => format!("error={}", why.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>()),
        None => format!("code=code-{}", asked["nonce"]),
    };
    let back = format!("{}?{told}&state={}", asked["redirect_uri"], asked["state"]);
    state.asked.lock().unwrap().insert(format!("code-{}", asked["nonce"]), asked);
    HttpResponse::SeeOther().insert_header(("location", back)).finish()
}

/// Gives an ID token for a code, once, to the client that has its secret and the verifier.
async fn token(request: HttpRequest, state: Data<State>, form: Form<BTreeMap<String, String>>) -> HttpResponse {
    let basic = format!("Basic {}", STANDARD.encode(format!("{}:{}", CLIENT.0, CLIENT.1)));
    let allowed = request.headers().get("authorization").is_some_and(|found| found.as_bytes() == basic.as_bytes());
    let Some(asked) = state.asked.lock().unwrap().remove(&form["code"]).filter(|_| allowed) else {
        return HttpResponse::BadRequest().json(json!({ "error": "invalid_grant" }));
    };
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(form["code_verifier"].as_bytes()));
    if asked["code_challenge"] != challenge || asked["redirect_uri"] != form["redirect_uri"] {
        return HttpResponse::BadRequest().json(json!({ "error": "invalid_grant" }));
    }
    let wrong = *state.wrong.lock().unwrap();
    let id_token = signed(&claims(&state, &asked["nonce"], wrong), wrong);
    HttpResponse::Ok().json(json!({ "access_token": "unused", "token_type": "Bearer", "id_token": id_token }))
}

fn claims(State { issuer, name, .. }: &State, nonce: &str, wrong: Wrong) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let unless = |other: Wrong, right: &str, false_one: &str| if wrong == other { false_one } else { right }.to_owned();
    json!({
        "iss": unless(Wrong::Issuer, issuer, "https://evil.example"),
        "aud": [unless(Wrong::Audience, CLIENT.0, "another")],
        "nonce": unless(Wrong::Nonce, nonce, "another"),
        "sub": "ada-1", "name": *name.lock().unwrap(), "iat": now - 10_000,
        "exp": if wrong == Wrong::Expired { now - 5_000 } else { now + 600 },
        "email": unless(Wrong::OtherDomain, "ada@Example.edu", "ada@evil.example"),
        "email_verified": wrong != Wrong::UnverifiedEmail,
        "auth_time": if wrong == Wrong::SignedInBefore { now - 600 } else { now },
    })
}

fn signed(claims: &Value, wrong: Wrong) -> String {
    let header = json!({ "alg": "EdDSA", "kid": "7", "typ": "JWT" });
    let text = [&header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
    let key = key(if wrong == Wrong::Key { 8 } else { 7 });
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(key.sign(text.as_bytes()).to_bytes()))
}
