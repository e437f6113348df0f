//! What hostile people put on the ledger, in addresses, fields and files comes out as text, and nothing foreign runs.

use serde_json::{Value, json};

use super::{
    chromium::{Browser, browser},
    site::{HOSTILE, site},
};

/// Asserts that an answer has none of the markup as markup.
#[track_caller]
pub fn is_text(page: &str, place: &str) {
    for markup in ["<script>window.", "<img src=x", "onerror=\"window", "</title>'", "'\"{{"] {
        assert!(!page.contains(markup), "{place} shows {markup}: {page}");
    }
}

/// That the page that is open shows the markup as text, and that none of it ran.
#[track_caller]
pub fn shows_as_text(browser: &Browser, text: &str) {
    assert!(
        browser.run("return document.documentElement.textContent").as_str().unwrap().contains(text),
        "{}",
        browser.text("main")
    );
    assert_eq!(browser.run("return window.pwned ?? null"), Value::Null);
    assert_eq!(browser.run("return document.querySelectorAll('script:not([src]), main img[src=x]').length"), 0);
}

#[test]
fn titles_and_names_that_are_markup_are_text() {
    let (site, browser) = (site(), browser());
    for path in [
        "/".into(),
        "/studies".into(),
        format!("/studies/{}", site.hostile),
        format!("/queries/{}", site.collecting),
        "/queries".into(),
        "/issuers".into(),
        "/screenings".into(),
        format!("/screenings/{}", site.screening),
        "/builder".into(),
    ] {
        browser.open(&format!("{}{path}", site.url));
        shows_as_text(&browser, HOSTILE);
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn addresses_that_are_markup_are_text() {
    let (site, browser) = (site(), browser());
    let markup = "<img src=x onerror='window.pwned=1'>";
    let encoded = "%3Cimg%20src%3Dx%20onerror%3D%27window.pwned%3D1%27%3E";
    browser.open(&format!("{}/search?q={encoded}", site.url));
    shows_as_text(&browser, markup);
    for path in [
        format!("/queries/{encoded}"),
        format!("/queries?stage={encoded}"),
        format!("/{encoded}"),
        format!("/builder?study={encoded}"),
        format!("/screenings/{encoded}"),
        format!("/screenings/{encoded}/verify"),
        format!("/screenings?after={encoded}"),
        format!("/screenings?study={encoded}"),
        format!("/screenings?sponsor={encoded}"),
        format!("/queries?researcher={encoded}"),
        format!("/epochs?before={encoded}"),
        format!("/committee?before={encoded}"),
        format!("/studies?after={encoded}"),
        format!("/schemas?after={encoded}"),
        format!("/blocks?after={encoded}"),
        format!("/issuers?after={encoded}"),
        format!("/studies/{}?after={encoded}", site.hostile),
        format!("/verify?receipt={encoded}"),
        format!("/builder?query={encoded}"),
        format!("/builder?schema={encoded}"),
        format!("/builder/names?schema={}&c.0.0.subject={encoded}", site.schema),
        format!("/builder/names?schema={encoded}"),
        format!("/builder/diseases?disease={encoded}"),
        format!("/sign-in/link?code={encoded}"),
        format!("/sign-in/institutions/{encoded}"),
        format!("/sign-in/institutions/{encoded}/answer?state={encoded}&error={encoded}"),
    ] {
        browser.open(&format!("{}{path}", site.url));
        assert_eq!(browser.run("return window.pwned ?? null"), Value::Null, "{path}");
        assert_eq!(browser.run("return document.querySelectorAll('img[src=x]').length"), 0, "{path}");
    }
    drop(browser.complaints());
}

#[test]
fn fields_of_query_files_that_are_markup_are_text() {
    let (site, browser) = (site(), browser());
    let clause = json!({ "attribute": HOSTILE, "lo": 1, "hi": 2 });
    let file = json!({
        "study": site.hostile, "schema": site.schema, "purposes": [HOSTILE], "price": 1, "contributions_min": 1,
        "contributions_max": 2, "days": 1, "privacy": { "epsilon": 1.0 }, "criteria": [[clause]],
        "measures": [{ "statistic": "count" }],
    });
    browser.open(&format!("{}/builder", site.url));
    browser.run(&format!(
        "document.getElementById('import-pasted').value = {}; document.querySelector('form[action=\"/builder/import\"]').submit()",
        json!(file.to_string())
    ));
    browser.until("document.getElementById('c-0-0-subject')");
    shows_as_text(&browser, "no attribute");
    assert_eq!(browser.run("return document.getElementById('c-0-0-subject').value"), HOSTILE);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_script_or_a_style_that_got_into_a_page_does_not_run() {
    let (site, browser) = (site(), browser());
    browser.open(&site.url);
    browser.run(
        "const script = document.createElement('script'); script.textContent = 'window.pwned = 1'; document.body.append(script);
         const style = document.createElement('style'); style.textContent = 'body { display: none }'; document.head.append(style);
         document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.pwned = 1\">');
         const foreign = document.createElement('script'); foreign.src = 'https://example.invalid/x.js'; document.body.append(foreign);",
    );
    browser.until("document.querySelector('body > img')");
    assert_eq!(browser.run("return window.pwned ?? null"), Value::Null);
    assert_eq!(browser.run("return getComputedStyle(document.body).display"), "flex");
    let complaints = browser.complaints().join("\n");
    assert!(complaints.matches("Content Security Policy").count() >= 3, "{complaints}");
}

#[test]
fn every_page_carries_the_headers_that_keep_it_safe() {
    let site = site();
    for path in ["/", "/builder", "/verify", "/no/such/page"] {
        let request = crate::api::agent().get(format!("{}{path}", site.url)).header("accept", "text/html");
        let answer = request.call().unwrap();
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let policy = header("content-security-policy").unwrap();
        for rule in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(rule), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(header("x-content-type-options").as_deref(), Some("nosniff"));
        assert_eq!(header("referrer-policy").as_deref(), Some("no-referrer"));
        assert_eq!(header("cross-origin-opener-policy").as_deref(), Some("same-origin"));
        assert!(header("permissions-policy").unwrap().contains("geolocation=()"));
        assert!(header("content-type").unwrap().starts_with("text/html"), "{path}");
    }
}

#[test]
fn errors_are_pages_where_pages_are_and_problems_where_programs_ask() {
    let site = site();
    let get = |path: &str, accept: &str| {
        let mut answer =
            crate::api::agent().get(format!("{}{path}", site.url)).header("accept", accept).call().unwrap();
        let media = answer.headers()["content-type"].to_str().unwrap().to_owned();
        (answer.status().as_u16(), media, answer.body_mut().read_to_string().unwrap())
    };
    let unknown = "11".repeat(32);
    for (path, status, says) in [
        ("/no/such/page", 404, "No page has the address"),
        (&format!("/queries/{unknown}"), 404, "is not known here"),
        ("/queries/x", 400, "64 hex digits"),
        ("/queries?stage=lost", 400, "lost"),
        ("/blocks/-1", 400, "lock height: "),
        ("/blocks/4000000000", 404, "is not known here"),
        ("/blocks?after=x", 400, "address"),
        ("/assets/nothing.css", 404, "nothing.css"),
    ] {
        let (found, media, text) = get(path, "text/html,*/*");
        assert_eq!((found, media.as_str()), (status, "text/html; charset=utf-8"), "{path}: {text}");
        assert!(text.contains(says) && text.contains("Skip to the content"), "{path}: {text}");
    }
    for path in ["/v1/queries/x", "/v1/nothing", "/nothing"] {
        assert_eq!(get(path, "*/*").1, "application/problem+json", "{path}");
    }
    let long = "x".repeat((1 << 20) + 100);
    let sent = crate::api::agent()
        .post(format!("{}/builder", site.url))
        .content_type("application/x-www-form-urlencoded")
        .send(format!("study={long}"));
    let mut answer = sent.unwrap();
    assert_eq!(answer.status().as_u16(), 413);
    assert!(answer.body_mut().read_to_string().unwrap().contains("too much at once"));
}
