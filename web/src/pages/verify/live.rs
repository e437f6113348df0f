//! A page of checks that is read while they run.
//!
//! Its frame and heading go out at once, each check as a row when it begins and what it found when it ends, and what they
//! amount to at the end. It is one answer in HTML, so it takes no script. An answer that breaks off ends as a failed
//! connection, and says nothing of a verdict.

use actix_web::{HttpRequest, HttpResponse, rt::task::spawn_blocking, web::Bytes};
use askama::Template;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use market::receipt::Check;

use super::{
    super::{
        gzip::{self, Pieces},
        shell::{Shell, answered},
    },
    rules::{NotShown, Outcome, Rule},
};
use crate::Error;

/// Where the frame waits for what comes later: for the rows, and for what is said below them. Whatever a template fills
/// in is escaped, so nothing but the template writes this.
const GAP: &str = "<!-- gap -->";

/// What surrounds the checks.
#[derive(Template)]
#[template(path = "checking.html")]
pub(super) struct Frame {
    pub(super) shell: Shell,
    /// Where the page was reached from, and the name of that.
    pub(super) from: (String, &'static str),
}

/// The part of a row that stands before its check ran.
#[derive(Template)]
#[template(path = "check_begun.html")]
struct Begun {
    rule: &'static Rule,
}

/// What a check found, which ends its row.
#[derive(Template)]
#[template(path = "check_ended.html")]
struct Ended<'o> {
    rule: &'static Rule,
    outcome: &'o Outcome,
}

fn unrendered(error: &impl ToString) -> Error {
    Error::Internal { action: "render a page", why: error.to_string() }
}

/// An answer in the making. It ends as a broken one unless its last part was written.
struct Stream {
    parts: UnboundedSender<Result<Bytes, Error>>,
    /// Compresses each part, where that may be.
    gzip: Option<Pieces>,
    broken: Option<Error>,
    is_whole: bool,
}

impl Stream {
    /// Sends a part. A reader who left hears nothing, which is no failure.
    fn send(&self, part: Result<Bytes, Error>) {
        let _ = self.parts.unbounded_send(part);
    }

    fn text(&mut self, text: impl Into<String>) {
        if self.broken.is_some() {
            return;
        }
        let text = text.into();
        let part = match &mut self.gzip {
            Some(gzip) => gzip.piece(&text).map(Bytes::from),
            None => Ok(Bytes::from(text)),
        };
        match part {
            Ok(part) => self.send(Ok(part)),
            Err(error) => self.broken = Some(error),
        }
    }

    /// Sends the last part.
    fn end(mut self, text: impl Into<String>) {
        self.text(text);
        if self.broken.is_some() {
            return;
        }
        match self.gzip.take().map_or_else(|| Ok(vec![]), Pieces::end) {
            Ok(end) => {
                if !end.is_empty() {
                    self.send(Ok(end.into()));
                }
                self.is_whole = true;
            }
            Err(error) => self.broken = Some(error),
        }
    }

    fn render(&mut self, template: &impl Template) {
        match template.render() {
            Ok(text) => self.text(text),
            Err(error) => self.broken = Some(unrendered(&error)),
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if !self.is_whole {
            let ended = || Error::Internal { action: "check a receipt", why: "it ended half-way".into() };
            let error = self.broken.take().unwrap_or_else(ended);
            self.send(Err(error));
        }
    }
}

/// The rows of checks, in the order of their rules.
pub(super) struct Rows {
    stream: Stream,
    left: std::slice::Iter<'static, Rule>,
    runs: Option<&'static Rule>,
}

impl Rows {
    fn begin(stream: Stream, rules: &'static [Rule]) -> Self {
        let mut rows = Self { stream, left: rules.iter(), runs: None };
        rows.begin_next();
        rows
    }

    fn begin_next(&mut self) {
        self.runs = self.left.next();
        if let Some(rule) = self.runs {
            self.stream.render(&Begun { rule });
        }
    }

    fn end(&mut self, outcome: &Outcome) {
        if let Some(rule) = self.runs {
            self.stream.render(&Ended { rule, outcome });
        }
        self.begin_next();
    }

    /// What was told does not fit the rows: nothing more of the page goes out.
    fn break_off(&mut self, why: String) {
        if self.stream.broken.is_none() {
            self.stream.broken = Some(Error::Internal { action: "check a receipt", why });
        }
    }

    /// The check that runs held. Any other breaks the page off.
    pub(super) fn held(&mut self, check: &Check) {
        match self.runs {
            Some(rule) if rule.number == check.rule => self.end(&Outcome::Held(check.says.clone())),
            _ => self.break_off(format!("check {} was told out of turn", check.rule)),
        }
    }

    /// The checks are done: what they made, or why the one that ran failed or could not be run. Those behind it were not
    /// reached. What was made before every check was told breaks the page off.
    pub(super) fn done<T>(&mut self, checked: Result<T, market::Error>) -> Result<T, NotShown> {
        let error = match checked {
            Ok(made) => {
                if let Some(rule) = self.runs {
                    self.break_off(format!("check {} was not told", rule.number));
                }
                return Ok(made);
            }
            Err(error) => error,
        };
        let said = error.to_string();
        let (outcome, not_shown) = match error.unread() {
            Some(what) => {
                tracing::warn!(%error, "a receipt cannot be checked");
                (Outcome::Unread(what.clone()), NotShown::Unread(what))
            }
            None => (Outcome::Failed(failed(error)), NotShown::Refused(said)),
        };
        self.end(&outcome);
        while self.runs.is_some() {
            self.end(&Outcome::NotReached);
        }
        Err(not_shown)
    }
}

/// Why a check failed, without its name where its row has it.
fn failed(error: market::Error) -> String {
    match error {
        market::Error::Receipt { why, .. } => why,
        other => other.to_string(),
    }
}

/// Answers with a frame at once, and then with the rows of checks and the text below them, as they are made.
///
/// # Errors
/// [`Error::Internal`] when the frame cannot be rendered.
pub(super) fn answer(
    request: &HttpRequest,
    frame: &Frame,
    rules: &'static [Rule],
    check: impl FnOnce(&mut Rows) -> Result<String, askama::Error> + Send + 'static,
) -> Result<HttpResponse, Error> {
    let text = frame.render().map_err(|error| unrendered(&error))?;
    let mut pieces = text.splitn(3, GAP).map(str::to_owned);
    let (Some(head), Some(between), Some(foot)) = (pieces.next(), pieces.next(), pieces.next()) else {
        return Err(unrendered(&"its frame has no gaps"));
    };
    let (parts, sent) = unbounded();
    let is_compressed = gzip::may_compress(request);
    let mut stream = Stream { parts, gzip: is_compressed.then(Pieces::new), broken: None, is_whole: false };
    stream.text(head);
    // It goes on when the reader leaves; what it holds is bounded by whoever made it.
    drop(spawn_blocking(move || {
        let mut rows = Rows::begin(stream, rules);
        let below = check(&mut rows);
        let mut stream = rows.stream;
        match below {
            Ok(below) => stream.end(between + &below + &foot),
            Err(error) => stream.broken = Some(unrendered(&error)),
        }
    }));
    Ok(answered(is_compressed).streaming(sent))
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, io::Read as _, pin::Pin, sync::mpsc};

    use actix_web::{
        body::{BoxBody, MessageBody as _, to_bytes},
        rt::System,
        test::TestRequest,
    };
    use flate2::read::GzDecoder;
    use market::objects::{BlobAddress, BlobKind};

    use super::{
        super::{super::shell::Section, rules::RELEASE},
        *,
    };

    fn check(rule: &'static str, says: &str) -> Check {
        Check { rule, says: says.into() }
    }

    fn answer_with(
        check: impl FnOnce(&mut Rows) -> Result<String, askama::Error> + Send + 'static,
    ) -> Pin<Box<BoxBody>> {
        answer_to(TestRequest::default(), check)
    }

    fn answer_to(
        request: TestRequest,
        check: impl FnOnce(&mut Rows) -> Result<String, askama::Error> + Send + 'static,
    ) -> Pin<Box<BoxBody>> {
        let request = request.to_http_request();
        let shell = Shell::of(&request, Section::Verify, "Title");
        let frame = Frame { shell, from: ("/verify".into(), "Verify") };
        Box::pin(answer(&request, &frame, &RELEASE, check).unwrap().into_body())
    }

    /// All that still comes.
    async fn rest(body: Pin<Box<BoxBody>>) -> Result<String, String> {
        let bytes = to_bytes(body).await.map_err(|error| error.to_string())?;
        Ok(String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[test]
    fn what_a_check_found_is_read_before_the_next_has_run() {
        System::new().block_on(async {
            let (go_on, gate) = mpsc::channel();
            let mut body = answer_with(move |rows| {
                rows.held(&check("R1", "the first"));
                gate.recv().unwrap();
                rows.held(&check("R2", "the second"));
                drop(rows.done(Err::<(), _>(market::Error::Receipt { check: "R3 x", why: "one is missing".into() })));
                Ok("<p>the verdict</p>".into())
            });
            let mut read = String::new();
            while !read.contains(RELEASE[1].title) {
                let piece = poll_fn(|context| body.as_mut().poll_next(context)).await.unwrap();
                read.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
            }
            assert!(read.contains("<h1>Title</h1>") && read.contains("R1: the first"), "{read}");
            assert!(!read.contains("R2:") && !read.contains("</html>"), "{read}");
            go_on.send(()).unwrap();
            let rest = rest(body).await.unwrap();
            let places = ["R2: the second", "R3: one is missing", "Not reached", "the verdict", "</html>"];
            let places = places.map(|says| rest.find(says));
            assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}: {rest}");
            assert_eq!(rest.matches("Not reached").count(), 4);
            assert_eq!((read + &rest).matches("<li>").count() - navigation(), 7);
        });
    }

    /// Entries of the lists around the content.
    fn navigation() -> usize {
        let request = TestRequest::default().to_http_request();
        let frame = Frame { shell: Shell::of(&request, Section::Verify, ""), from: (String::new(), "") };
        frame.render().unwrap().matches("<li>").count()
    }

    #[test]
    fn an_error_that_names_no_check_is_that_of_the_check_that_ran() {
        System::new().block_on(async {
            let body = answer_with(|rows| {
                rows.held(&check("R1", "the first"));
                let error = market::Error::Refused { who: "store".into(), action: "read", why: "gone".into() };
                Ok(rows.done(Err::<(), _>(error)).unwrap_err().to_string())
            });
            let text = rest(body).await.unwrap();
            assert_eq!(text.matches("class=\"failed\"").count(), 1);
            assert!(text.contains("R2: ") && text.matches("gone").count() == 2, "{text}");
        });
    }

    #[test]
    fn repro_what_could_not_be_read_fails_no_check() {
        let address = BlobAddress::of(BlobKind::Ciphertext, b"elsewhere");
        let missing = market::Error::BlobMissing { address };
        let store = market::Error::BlobStore { action: "read a blob", why: "/srv/objects is away".into() };
        for (error, what) in [(missing, format!("{address} is not here")), (store, "cannot be read".into())] {
            System::new().block_on(async {
                let body = answer_with(|rows| {
                    rows.held(&check("R1", "the first"));
                    let not_shown = rows.done(Err::<(), _>(error)).unwrap_err();
                    assert!(matches!(not_shown, NotShown::Unread(_)), "{not_shown:?}");
                    Ok(format!("<p>{not_shown}</p>"))
                });
                let text = rest(body).await.unwrap();
                assert!(!text.contains("class=\"failed\"") && !text.contains("/srv"), "{text}");
                assert!(text.contains("Not checked") && text.matches(&what).count() == 2, "{text}");
                assert_eq!(text.matches("Not reached").count(), 5);
            });
        }
    }

    #[test]
    fn a_receipt_holds_where_every_check_was_told_in_its_turn_and_else_the_page_breaks_off() {
        System::new().block_on(async {
            let told = |rules: &'static [&'static str]| {
                rest(answer_with(move |rows| {
                    for rule in rules {
                        rows.held(&check(rule, "so"));
                    }
                    Ok(rows.done(Ok("<p>the verdict</p>".to_owned())).unwrap())
                }))
            };
            let whole = told(&["R1", "R2", "R3", "R4", "R5", "R6", "R7"]).await.unwrap();
            assert!(whole.contains("R7: so") && whole.contains("the verdict") && whole.contains("</html>"), "{whole}");
            let odd: [(&[&str], &str); 5] = [
                (&[], "R1 was not told"),
                (&["R1", "R2", "R3", "R4", "R5", "R6"], "R7 was not told"),
                (&["R1", "R3", "R2", "R4", "R5", "R6", "R7"], "R3 was told out of turn"),
                (&["S1", "R1", "R2", "R3", "R4", "R5", "R6", "R7"], "S1 was told out of turn"),
                (&["R1", "R2", "R3", "R4", "R5", "R6", "R7", "R7"], "R7 was told out of turn"),
            ];
            for (rules, why) in odd {
                let broken = told(rules).await.unwrap_err();
                assert!(broken.contains(why), "{rules:?}: {broken}");
            }
        });
    }

    #[test]
    fn a_compressed_page_of_checks_is_the_same_page_and_its_head_is_read_at_once() {
        System::new().block_on(async {
            let told = |rows: &mut Rows| {
                for rule in ["R1", "R2", "R3", "R4", "R5", "R6", "R7"] {
                    rows.held(&check(rule, "so"));
                }
                Ok(rows.done(Ok("<p>the verdict</p>".to_owned())).unwrap())
            };
            let plain = rest(answer_with(told)).await.unwrap();
            let (go_on, gate) = mpsc::channel();
            let mut body = answer_to(TestRequest::default().insert_header(("accept-encoding", "gzip")), move |rows| {
                gate.recv().unwrap();
                told(rows)
            });
            let mut bytes = poll_fn(|context| body.as_mut().poll_next(context)).await.unwrap().unwrap().to_vec();
            let mut head = vec![];
            GzDecoder::new(&bytes[..]).read_to_end(&mut head).unwrap_err();
            assert!(String::from_utf8(head).unwrap().contains("<h1>Title</h1>"));
            go_on.send(()).unwrap();
            bytes.extend(to_bytes(body).await.unwrap());
            let mut whole = String::new();
            GzDecoder::new(&bytes[..]).read_to_string(&mut whole).unwrap();
            assert!(whole == plain && bytes.len() < plain.len() / 2, "{} of {}", bytes.len(), plain.len());
        });
    }

    #[test]
    fn checks_that_break_off_leave_no_whole_page() {
        System::new().block_on(async {
            let body = answer_with(|_| panic!("as a defect would"));
            assert!(rest(body).await.unwrap_err().contains("half-way"));
            let compressed = TestRequest::default().insert_header(("accept-encoding", "gzip"));
            assert!(to_bytes(answer_to(compressed, |_| panic!("as a defect would"))).await.is_err());
        });
    }
}
