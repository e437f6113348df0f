//! Others' links, others' forms, others' wallets, other names of this machine, and titles that are markup. Others' licences
//! are in `forms`, markup in fields and in other names in `fields`.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

use serde_json::Value;
use ureq::http::{HeaderMap, Request, StatusCode};

use super::ward::ward;
use crate::browser::{
    chromium::browser,
    site::{HOSTILE, site},
};

/// A client that follows nothing by itself, with what a browser of a session would send.
pub struct Client {
    agent: ureq::Agent,
    pub url: String,
    cookie: String,
    pub form_token: String,
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    pub location: String,
    pub cookie: String,
    pub text: String,
    pub headers: HeaderMap,
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).proxy(None).build().into()
}

/// A text as a part of a form or of an address.
pub fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// A number for a form that no other has: a number stands for one change.
pub fn operation() -> String {
    static DRAWN: AtomicU64 = AtomicU64::new(1);
    format!("{:032x}", DRAWN.fetch_add(1, Ordering::Relaxed))
}

impl Client {
    /// Somebody without a session at somebody's pages.
    pub fn nobody(url: &str) -> Self {
        Self { agent: agent(), url: url.into(), cookie: String::new(), form_token: String::new() }
    }

    pub fn stranger() -> Self {
        Self::nobody(&ward().url)
    }

    pub fn of(number: usize) -> Self {
        Self::entering(&ward().url, &ward().link(number))
    }

    /// Whoever uses a link.
    pub fn entering(url: &str, link: &str) -> Self {
        let mut client = Self::nobody(url);
        let path = link.strip_prefix(&client.url).unwrap().to_owned();
        let entered = client.post(&path, "", &[]);
        assert_eq!((entered.status, entered.location.as_str()), (StatusCode::SEE_OTHER, "/"), "{}", entered.text);
        assert!(
            entered.cookie.contains("HttpOnly") && entered.cookie.contains("SameSite=Strict"),
            "{}",
            entered.cookie
        );
        client.cookie = entered.cookie.split(';').next().unwrap().to_owned();
        let home = client.get("/").text;
        let field = home.split("name=\"form_token\" value=\"").nth(1).unwrap();
        client.form_token = field.split('"').next().unwrap().to_owned();
        client
    }

    pub fn send(&self, method: &str, path: &str, body: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        if !self.cookie.is_empty() {
            request = request.header("cookie", &self.cookie);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut answer = self.agent.run(request.body(body.to_owned()).unwrap()).unwrap();
        let header = |name: &str| {
            answer.headers().get(name).map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
        };
        let (location, cookie, policy) = (header("location"), header("set-cookie"), header("referrer-policy"));
        assert_eq!(policy, "same-origin");
        let status = answer.status();
        let headers = answer.headers().clone();
        Answer { status, location, cookie, text: answer.body_mut().read_to_string().unwrap(), headers }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "", &[])
    }

    /// A form as a browser sends it from this site.
    pub fn post(&self, path: &str, body: &str, more: &[(&str, &str)]) -> Answer {
        let own = [("content-type", "application/x-www-form-urlencoded"), ("origin", self.url.as_str())];
        self.send("POST", path, body, &[&own[..], more].concat())
    }

    /// The page on which a change is followed, once it has ended.
    #[track_caller]
    pub fn followed(&self, location: &str) -> String {
        assert!(location.starts_with("/doing/"), "{location} follows nothing");
        for _ in 0..1_000 {
            let page = self.get(location);
            assert_eq!(page.status, StatusCode::OK, "{location}: {}", page.text);
            // While it is under way, the page asks again.
            if !page.text.contains("hx-trigger") {
                return page.text;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("{location} does not end");
    }

    fn confirmed(&self, path: &str, token: &str) -> Answer {
        let operation = "ab".repeat(16);
        self.post(path, &format!("form_token={token}&operation={operation}&step=confirmed"), &[])
    }
}

#[test]
fn a_link_works_once_and_a_session_ends_when_it_is_left() {
    let _alone = browser();
    let number = ward().contributors[0];
    let link = ward().link(number);
    let client = Client::stranger();
    let path = link.strip_prefix(&client.url).unwrap();
    assert_eq!(client.get(path).status, StatusCode::OK, "looking at a link does not use it");
    assert_eq!(client.post(path, "", &[]).status, StatusCode::SEE_OTHER);
    for used in [client.get(path), client.post(path, "", &[]), client.post("/in/x", "", &[])] {
        assert_eq!((used.status, used.cookie.as_str()), (StatusCode::NOT_FOUND, ""));
        assert!(used.text.contains("does not work any more"), "{}", used.text);
    }
    let client = Client::of(number);
    assert_eq!(client.post("/out", "form_token=wrong", &[]).status, StatusCode::FORBIDDEN);
    assert_eq!(client.get("/records").status, StatusCode::OK);
    assert_eq!(client.post("/out", &format!("form_token={}", client.form_token), &[]).status, StatusCode::OK);
    assert_eq!(client.get("/records").status, StatusCode::UNAUTHORIZED);
}

#[test]
fn every_browser_of_one_person_is_signed_out_at_once() {
    let _alone = browser();
    let number = ward().contributors[0];
    let (first, second, other) = (Client::of(number), Client::of(number), Client::of(ward().stranger));
    assert!(first.get("/").text.contains("Sign out on all my devices"));
    assert_eq!(first.post("/out", &format!("form_token={}&all=yes", first.form_token), &[]).status, StatusCode::OK);
    for gone in [&first, &second] {
        assert_eq!(gone.get("/records").status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(other.get("/records").status, StatusCode::OK);
}

#[test]
fn repro_an_address_that_is_not_whole_leads_home_and_says_no_words_of_the_trade() {
    let _alone = browser();
    let client = Client::of(ward().contributors[0]);
    for path in [
        "/asked/x/take-back",
        "/money/x",
        "/invitations/x",
        "/licences/x/decline",
        "/licences/data/x/withdraw",
        "/use/x/change",
        "/asked?after=x",
    ] {
        let answer = client.get(path);
        assert!(answer.status.is_client_error(), "{path}");
        assert!(answer.text.contains("There is nothing here") && !answer.text.contains("malformed"), "{path}");
        assert!(answer.text.contains("This address is not whole") && !answer.text.contains("u64"), "{path}");
    }
}

#[test]
fn nothing_is_shown_or_done_without_a_session() {
    let _alone = browser();
    let mut client = Client::stranger();
    for cookie in ["", "locus=x", "theme=dark"] {
        client.cookie = cookie.into();
        for path in ["/", "/records", "/use", "/asked", "/invitations", "/licences", "/money", "/privacy", "/download"]
        {
            let answer = client.get(path);
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
            assert!(answer.text.contains("You are not signed in") && !answer.text.contains("Hospital"), "{path}");
        }
        for path in ["/use/0/withdraw", "/use/0/change", "/out"] {
            assert_eq!(client.confirmed(path, "").status, StatusCode::UNAUTHORIZED, "{path}");
        }
        // Help says nothing of anybody, and who is not signed in needs it most.
        let help = client.get("/help");
        assert_eq!(help.status, StatusCode::OK);
        assert!(help.text.contains("You are not signed in") && !help.text.contains("Hospital<"), "{}", help.text);
        assert!(!help.text.contains("href=\"/records\""), "{}", help.text);
    }
}

#[test]
fn forms_of_other_sites_and_without_the_sessions_token_change_nothing() {
    let _alone = browser();
    let number = ward().contributors[0];
    let client = Client::of(number);
    let other = Client::of(ward().stranger);
    let path = "/use/0/withdraw";
    for token in ["", "wrong", &other.form_token] {
        assert_eq!(client.confirmed(path, token).status, StatusCode::FORBIDDEN, "{token}");
    }
    let body = format!("form_token={}&operation={}&step=confirmed", client.form_token, "cd".repeat(16));
    let kind = ("content-type", "application/x-www-form-urlencoded");
    let foreign = client.send("POST", path, &body, &[kind, ("origin", "https://evil.example")]);
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    assert_eq!(client.send("POST", path, &body, &[kind, ("origin", "null")]).status, StatusCode::FORBIDDEN);
    assert_eq!(client.send("POST", path, &body, &[kind]).status, StatusCode::FORBIDDEN);
    assert!(foreign.text.contains("did not come from your pages"), "{}", foreign.text);
    let stale = client.post(path, &format!("form_token={}&operation=1", client.form_token), &[]);
    assert_eq!(stale.status, StatusCode::BAD_REQUEST, "{}", stale.text);
    let leaf = ward().wallet(number).holdings()[0].leaf;
    assert!(!node::state::StateRead::registration(&super::ward::ledger(), leaf).unwrap().unwrap().revoked);
}

#[test]
fn another_name_of_this_machine_gets_nothing() {
    let _alone = browser();
    let client = Client::of(ward().contributors[0]);
    for host in ["evil.example", "evil.example:8481", "127.0.0.1", "[::1]"] {
        let answer = client.send("GET", "/records", "", &[("host", host)]);
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{host}");
        assert!(!answer.text.contains("Hospital"), "{host}");
    }
    let port = client.url.rsplit(':').next().unwrap();
    let local = format!("localhost:{port}");
    assert_eq!(client.send("GET", "/records", "", &[("host", &local)]).status, StatusCode::OK);
}

#[test]
fn a_session_sees_one_wallet_and_nothing_of_the_others() {
    let _alone = browser();
    let ward = ward();
    let (mine, theirs) = (Client::of(ward.stranger), Client::of(ward.contributors[2]));
    let (query, screening) = (site().released, ward.screening);
    for path in [
        format!("/money/{query}"),
        format!("/asked/{query}/take-back"),
        format!("/invitations/{screening}"),
        format!("/invitations/{screening}/decline"),
        "/use/1/withdraw".into(),
        "/use/99/change".into(),
    ] {
        assert_eq!(mine.get(&path).status, StatusCode::NOT_FOUND, "{path}");
    }
    for path in [format!("/money/{query}"), "/use/1/withdraw".into()] {
        let sent = mine.confirmed(&path, &mine.form_token);
        assert_eq!(sent.status, StatusCode::NOT_FOUND, "{path}: {}", sent.text);
    }
    // A change of one wallet is not there for another.
    let decline = format!("/invitations/{screening}/decline");
    let begun = mine.confirmed(&decline, &mine.form_token);
    assert_eq!(begun.status, StatusCode::SEE_OTHER, "it is tried with the own wallet alone");
    assert_eq!(theirs.get(&begun.location).status, StatusCode::NOT_FOUND);
    let ended = mine.followed(&begun.location);
    assert!(ended.contains("It was not done"), "{ended}");
    let labels: Vec<String> = (0..ward.paths.len()).map(|number| ward.wallet(number).label().to_owned()).collect();
    for path in ["/", "/records", "/use", "/asked", "/invitations", "/licences", "/money", "/privacy", "/download"] {
        let text = mine.get(path).text;
        for (number, label) in labels.iter().enumerate() {
            assert_eq!(text.contains(label), number == ward.stranger, "{path} and {label}");
        }
    }
}

#[test]
fn titles_and_letters_that_are_markup_are_text() {
    let (ward, browser) = (ward(), browser());
    ward.enter(&browser, ward.contributors[2]);
    for path in
        ["/asked".to_owned(), "/money".into(), "/invitations".into(), format!("/invitations/{}", ward.screening)]
    {
        ward.open(&browser, &path);
        let text = browser.run("return document.documentElement.textContent");
        assert!(text.as_str().unwrap().contains(HOSTILE), "{path}: {text}");
        assert_eq!(browser.run("return window.pwned ?? null"), Value::Null);
        assert_eq!(browser.run("return document.querySelectorAll('script:not([src]), main img').length"), 0, "{path}");
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
