//! What every page's answer says around the page: what it may load, who may frame it, what may be kept of it, and that
//! nothing in it runs or is styled by itself. The addresses are those that the code has.

use ureq::http::HeaderMap;

use super::{
    chromium::browser,
    looks::pages,
    patient::{hostile::Client, ward::ward},
    site::site,
};
use crate::api::{
    authenticator::{Authenticator, Visitor},
    parity::Site,
};

/// What a page may do: nothing but what is listed.
const RULES: [&str; 9] = [
    "default-src 'none'",
    "img-src 'self'",
    "font-src 'self'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
];

/// Attributes whose names begin so run what stands in them.
const HANDLERS: [&str; 2] = ["on", "hx-on"];

/// What runs or is styled within a page itself, which the policy forbids.
fn inline(page: &str) -> Vec<&str> {
    let tags = page.split('<').skip(1).map(|rest| rest.split('>').next().unwrap_or_default());
    let is_inline = |tag: &&str| {
        let mut words = tag.split_whitespace();
        let name = words.next().unwrap_or_default();
        let runs =
            words.clone().any(|word| HANDLERS.iter().any(|begins| word.starts_with(begins) && word.contains('=')));
        let styled = words.clone().any(|word| word.starts_with("style="));
        let leads = tag.contains("javascript:") || tag.contains("data:text");
        name == "style"
            || (name == "script" && !words.any(|word| word.starts_with("src=\"/assets/")))
            || runs
            || styled
            || leads
    };
    tags.filter(is_inline).collect()
}

#[test]
fn what_is_inline_is_found() {
    for bad in [
        "<script>x</script>",
        "<p style=\"x\">",
        "<style>",
        "<img src=x onerror=\"x\">",
        "<a href=\"javascript:x\">",
        "<script src=\"https://example.org/x.js\">",
        "<p hx-on:click=\"x\">",
    ] {
        assert_eq!(inline(bad).len(), 1, "{bad}");
    }
    assert_eq!(inline("<script src=\"/assets/x.js?1\" defer></script><p class=\"on\">on one = two</p>"), [""; 0]);
}

/// Asserts what every answer carries, and a page beside. Whether it was a page.
#[track_caller]
fn is_sound(path: &str, headers: &HeaderMap, text: &str, referrer: &str) -> bool {
    let header = |name: &str| headers.get(name).map_or("", |value| value.to_str().unwrap());
    assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
    assert_eq!(header("referrer-policy"), referrer, "{path}");
    let policy = header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
    assert!(!policy.contains("unsafe") && !policy.contains('*'), "{path}: {policy}");
    let kept = if path.starts_with("/assets/") { "public, max-age=31536000, immutable" } else { "no-store" };
    assert_eq!(header("cache-control"), kept, "{path}");
    if !header("content-type").starts_with("text/html") {
        return false;
    }
    for rule in RULES {
        assert!(policy.split("; ").any(|one| one.trim() == rule), "{path}: {policy} lacks {rule}");
    }
    assert_eq!(header("cross-origin-opener-policy"), "same-origin", "{path}");
    assert!(header("permissions-policy").contains("geolocation=()"), "{path}");
    assert!(header("vary").to_lowercase().contains("cookie"), "{path}");
    assert_eq!(inline(text), [""; 0], "{path}");
    true
}

/// A path of a node's pages with what the site has in place of its parts.
pub fn filled(path: &str) -> String {
    let site = site();
    let known = pages(site);
    // Of a page that has an address with an id, the screenshots know one.
    let (folder, rest) = path.split_once("/{").map_or((path, ""), |(folder, rest)| (folder, rest));
    let id = match folder {
        _ if rest.is_empty() => return path.into(),
        "/assets" => "locus.css".into(),
        "/sign-in/institutions" => "0".into(),
        "/queries" => site.released.to_string(),
        "/screenings" => site.screening.to_string(),
        "/studies" => site.hostile.to_string(),
        "/schemas" => site.schema.to_string(),
        _ => {
            let begins = format!("{folder}/");
            let one = known.iter().find_map(|(_, path)| path.strip_prefix(&begins));
            one.unwrap_or_else(|| panic!("{path} has a part that this test does not know")).to_owned()
        }
    };
    let after = rest.split_once('}').map_or("", |(_, after)| after);
    format!("{folder}/{id}{after}")
}

#[test]
fn every_page_of_a_node_carries_the_headers_that_keep_it_safe_and_nothing_inline() {
    let _alone = browser();
    let mut visitor = Visitor::at(&site().url);
    visitor.sign_up("Who looks at headers", &mut Authenticator::new(91));
    let (mut shown, mut refused) = (0, 0);
    for path in Site::Node.addresses("get") {
        let path = filled(&path);
        let answer = visitor.get(&path);
        let text = String::from_utf8_lossy(&answer.body);
        assert!(answer.status < 500, "{path}: {text}");
        if is_sound(&path, &answer.headers, &text, "no-referrer") {
            if answer.status == 200 { shown += 1 } else { refused += 1 }
        }
    }
    assert!(shown >= 28 && refused <= 4, "{shown} pages are shown, {refused} refused");
    // Errors are pages too, and so is what is made of a form.
    for (path, status) in [("/no/such/page", 404), ("/queries/x", 400)] {
        let answer = visitor.get(path);
        assert_eq!(answer.status, status);
        assert!(is_sound(path, &answer.headers, &String::from_utf8_lossy(&answer.body), "no-referrer"));
    }
    let answer = visitor.form("/builder", "do=plan");
    assert!(is_sound("/builder", &answer.headers, &String::from_utf8_lossy(&answer.body), "no-referrer"));
    let left = visitor.form("/sign-out", &format!("form_token={}", visitor.form_token.clone()));
    assert_eq!(left.status, 303);
}

#[test]
fn every_page_of_people_carries_the_headers_that_keep_it_safe_and_nothing_inline() {
    let _alone = browser();
    let ward = ward();
    let client = Client::of(ward.contributors[2]);
    let mut shown = 0;
    for path in Site::Person.addresses("get") {
        let id = match path.as_str() {
            path if path.starts_with("/invitations/") => ward.screening.to_string(),
            path if path.starts_with("/doing/") => "ab".repeat(16),
            _ => site().released.to_string(),
        };
        let released = site().released.to_string();
        let path =
            path.replace("{record}", "0").replace("{id}", &id).replace("{token}", "x").replace("{query}", &released);
        assert!(!path.contains('{'), "{path} has a part that this test does not know");
        let answer = client.get(&path);
        assert!(answer.status.as_u16() < 500, "{path}: {}", answer.text);
        let is_page = is_sound(&path, &answer.headers, &answer.text, "same-origin");
        shown += u32::from(is_page && answer.status == 200);
    }
    assert!(shown >= 12, "{shown} pages are shown");
    // Who has no session is told so in the same frame.
    let answer = Client::stranger().get("/records");
    assert!(is_sound("/records", &answer.headers, &answer.text, "same-origin"));
}
