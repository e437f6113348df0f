//! What is compressed on the way: files beside the pages, and pages that carry a result, never one with a secret that another
//! site could guess at by the answer's length.

use std::{fs, io::Read as _, path::Path};

use flate2::read::GzDecoder;

use super::{
    chromium::browser,
    headers::filled,
    site::{query_file, site},
};
use crate::api::{
    agent,
    authenticator::{Authenticator, Visitor},
    parity::Site,
};

/// An answer, as it came.
struct Came {
    status: u16,
    headers: ureq::http::HeaderMap,
    wire: Vec<u8>,
}

impl Came {
    fn of(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Self {
        let mut answer = answer.unwrap();
        let wire = answer.body_mut().with_config().limit(64 << 20).read_to_vec().unwrap();
        Self { status: answer.status().as_u16(), headers: answer.headers().clone(), wire }
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn is_compressed(&self) -> bool {
        self.header("content-encoding") == "gzip"
    }

    /// What it says once nothing is compressed any more.
    fn text(&self) -> String {
        let mut text = String::new();
        if self.is_compressed() {
            GzDecoder::new(&self.wire[..]).read_to_string(&mut text).unwrap();
        } else {
            (&self.wire[..]).read_to_string(&mut text).unwrap();
        }
        text
    }
}

type Fields<'f> = &'f [(&'static str, &'f str)];

fn get(url: &str, fields: Fields) -> Came {
    let asked = fields.iter().fold(agent().get(url), |asked, (name, value)| asked.header(*name, *value));
    Came::of(asked.call())
}

#[test]
fn files_beside_the_pages_are_compressed_for_who_takes_it_and_kept_by_their_tags() {
    let _alone = browser();
    let file = |fields: Fields| get(&format!("{}/assets/htmx.min.js", site().url), fields);
    let (plain, small) = (file(&[]), file(&[("accept-encoding", "gzip, deflate, br, zstd")]));
    assert!(!plain.is_compressed() && small.is_compressed());
    assert_eq!(plain.text(), small.text());
    assert!(small.wire.len() * 2 < plain.wire.len(), "{} of {}", small.wire.len(), plain.wire.len());
    assert_ne!(plain.header("etag"), small.header("etag"), "other bytes have another tag");
    for came in [&plain, &small, &file(&[("accept-encoding", "gzip;q=0")])] {
        assert_eq!((came.status, came.header("vary")), (200, "accept-encoding"));
        assert!(came.header("etag").starts_with('"'), "{}", came.header("etag"));
        assert!(came.header("content-type").starts_with("text/javascript"));
    }
    // Whoever has the bytes gets none, and whoever has others gets these.
    let again = file(&[("accept-encoding", "gzip"), ("if-none-match", small.header("etag"))]);
    assert_eq!((again.status, again.wire.len(), again.header("etag")), (304, 0, small.header("etag")));
    assert_eq!(again.header("vary"), "accept-encoding");
    let other = file(&[("accept-encoding", "gzip"), ("if-none-match", plain.header("etag"))]);
    assert_eq!((other.status, other.wire == small.wire), (200, true));
    assert_eq!(file(&[("if-none-match", "no tag")]).status, 200);
}

/// The page of the demo's result.
fn result(visitor: Option<&Visitor>, fields: Fields) -> Came {
    let part = |name: &str, text: String| {
        format!("--x\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"{name}\"\r\n\r\n{text}\r\n")
    };
    let read = |path: &Path| fs::read_to_string(path).unwrap();
    let [result, file] = [part("result", read(&site().result)), part("query-file", read(&query_file()))];
    let body = format!("{result}{file}--x--\r\n");
    let url = visitor.map_or(site().url.clone(), |visitor| visitor.url.clone());
    let asked = agent().post(format!("{url}/results")).header("origin", &url);
    let mut asked = asked.header("accept-encoding", "gzip").content_type("multipart/form-data; boundary=x");
    if let Some(visitor) = visitor {
        asked = asked.header("cookie", format!("locus-session={}", visitor.session()));
    }
    let asked = fields.iter().fold(asked, |asked, (name, value)| asked.header(*name, *value));
    Came::of(asked.send(body.as_bytes()))
}

#[test]
fn a_result_is_compressed_unless_it_names_its_reader_to_who_may_be_another_site() {
    let _alone = browser();
    let mut visitor = Visitor::at(&site().url);
    visitor.sign_up("Who looks at lengths", &mut Authenticator::new(92));
    let of_nobody = result(None, &[]);
    assert!(of_nobody.is_compressed() && of_nobody.wire.len() * 3 < of_nobody.text().len());
    assert!(of_nobody.text().contains("Survival") && of_nobody.text().ends_with("</html>"), "the page is whole");
    for (fields, may) in [(&[][..], false), (&[("sec-fetch-site", "same-origin")], true)] {
        let came = result(Some(&visitor), fields);
        assert!(came.text().contains("Who looks at lengths"), "{}", came.text());
        assert_eq!((came.status, came.is_compressed()), (200, may), "{fields:?}");
        assert_eq!(came.header("vary"), "cookie, accept-encoding, sec-fetch-site");
    }
    for came in [&of_nobody, &result(Some(&visitor), &[("sec-fetch-site", "same-origin")])] {
        assert!(!came.text().contains("form_token"), "a page that is compressed has no form's token");
    }
}

#[test]
fn no_page_with_the_token_of_a_form_is_ever_compressed() {
    let _alone = browser();
    let mut visitor = Visitor::at(&site().url);
    visitor.sign_up("Who has tokens", &mut Authenticator::new(93));
    let session = format!("locus-session={}", visitor.session());
    let fields = [("accept-encoding", "gzip"), ("sec-fetch-site", "same-origin"), ("accept", "text/html")];
    let (mut compressed, mut with_token) = (0, 0);
    for path in Site::Node.addresses("get") {
        let came = get(&format!("{}{}", visitor.url, filled(&path)), &[&fields[..], &[("cookie", &session)]].concat());
        if !came.header("content-type").starts_with("text/html") {
            continue;
        }
        let has_token = came.text().contains(&visitor.form_token);
        assert!(!(has_token && came.is_compressed()), "{path}");
        compressed += u32::from(came.is_compressed());
        with_token += u32::from(has_token);
    }
    assert!(compressed >= 1 && with_token >= 1, "{compressed} are compressed, {with_token} have a token");
}
