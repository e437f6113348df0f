//! One server: requests with bounds, and its refusals as errors.

use std::{
    cell::Cell,
    fmt,
    time::{Duration, Instant},
};

use borsh::BorshDeserialize;
use market::index::{PAGE_ROWS_MAX, Page};
use serde::{Serialize, de::DeserializeOwned};
use ureq::{
    Agent, Body, RequestBuilder,
    http::{Response, StatusCode, header},
};

use crate::{
    Error,
    api::BYTES,
    problem::{PROBLEM_JSON, Problem},
    signed_request::SignedHeaders,
};

/// How long a call may take in all.
pub const CALL_TIME_MAX: Duration = Duration::from_secs(120);
/// How long a connection may take to be made.
pub const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// How long the body of a signed request may take: a part of a genome. What came by then counts, and the next request
/// goes on behind it.
pub(super) const STREAM_TIME_MAX: Duration = Duration::from_secs(3_600);
/// The largest answer in JSON.
const JSON_BYTES_MAX: usize = 16 << 20;
/// The largest answer of a server about itself.
const HEALTH_BYTES_MAX: usize = 64 << 10;
/// Rows that one listing gives.
const ROWS_MAX: usize = 10_000;
/// The largest problem document.
const PROBLEM_BYTES_MAX: usize = 64 << 10;

/// The shortest time that a call gets. None at all would be taken for no limit.
const CALL_TIME_MIN: Duration = Duration::from_millis(1);

thread_local! {
    /// Until when this thread waits for servers.
    static UNTIL: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Puts the limit back that was there before, also when what was limited panics.
struct Before(Option<Instant>);

impl Drop for Before {
    fn drop(&mut self) {
        UNTIL.set(self.0);
    }
}

/// Does something whose calls to servers, from this thread and all together, may take no longer than a time. A limit within
/// a limit ends with whichever is first.
pub fn within<T>(time_max: Duration, work: impl FnOnce() -> T) -> T {
    let (now, before) = (Instant::now(), UNTIL.get());
    let until = now + time_max;
    UNTIL.set(Some(before.map_or(until, |before| before.min(until))));
    let _before = Before(before);
    work()
}

/// How long a call may take now, of the time that it may take anyhow.
fn time_left(anyhow: Duration) -> Duration {
    let left = UNTIL.get().map(|until| until.saturating_duration_since(Instant::now()));
    left.map_or(anyhow, |left| left.min(anyhow)).max(CALL_TIME_MIN)
}

fn timed<B>(request: RequestBuilder<B>) -> RequestBuilder<B> {
    request.config().timeout_global(Some(time_left(CALL_TIME_MAX))).build()
}

/// A server by its address, such as `http://127.0.0.1:8080`.
#[derive(Clone)]
pub struct Remote {
    url: String,
    agent: Agent,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Remote").field(&self.url).finish()
    }
}

impl Remote {
    /// A server at an address.
    ///
    /// # Errors
    /// [`Error::Input`] for an address that is not plain HTTP; end TLS in a proxy beside this program.
    pub fn new(url: &str) -> Result<Self, Error> {
        let refused = |why: &str| Error::Input { what: "server address", why: format!("{url}: {why}") };
        let parsed: ureq::http::Uri = url.parse().map_err(|_| refused("write it as http://host:port"))?;
        if parsed.scheme_str() != Some("http") {
            return Err(refused("write it as http://host:port; for https run a local proxy that ends TLS"));
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_connect(Some(CONNECT_TIME_MAX))
            .timeout_global(Some(CALL_TIME_MAX))
            .user_agent(concat!("locus/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self { url: url.trim_end_matches('/').into(), agent: config.into() })
    }

    /// The address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The bytes at a path; `None` when the server has nothing there.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Remote`] with the refusal, or [`Error::Reply`] beyond `bytes_max`.
    pub fn bytes(&self, path: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, Error> {
        let sent = timed(self.agent.get(self.at(path))).header(header::ACCEPT, BYTES).call();
        self.present(self.answered(sent)?, bytes_max)
    }

    /// The value at a path in canonical bytes; `None` when the server has nothing there.
    ///
    /// # Errors
    /// As [`Remote::bytes`], and [`Error::Reply`] when it does not decode.
    pub fn value<T: BorshDeserialize>(&self, path: &str, bytes_max: usize) -> Result<Option<T>, Error> {
        let Some(bytes) = self.bytes(path, bytes_max)? else { return Ok(None) };
        borsh::from_slice(&bytes).map(Some).map_err(|error| self.unusable(error.to_string()))
    }

    /// The value at a path in JSON; `None` when the server has nothing there.
    ///
    /// # Errors
    /// As [`Remote::value`].
    pub fn json<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, Error> {
        let sent = timed(self.agent.get(self.at(path))).call();
        let Some(bytes) = self.present(self.answered(sent)?, JSON_BYTES_MAX)? else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).map_err(|error| self.unusable(error.to_string()))
    }

    /// The value at a path in JSON that a text is looked for at, as a field of the query string; `None` when the server has
    /// nothing there.
    ///
    /// # Errors
    /// As [`Remote::value`].
    pub(super) fn found_by<T: DeserializeOwned>(
        &self,
        path: &str,
        field: &str,
        text: &str,
    ) -> Result<Option<T>, Error> {
        let sent = timed(self.agent.get(self.at(path)).query(field, text)).call();
        let Some(bytes) = self.present(self.answered(sent)?, JSON_BYTES_MAX)? else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).map_err(|error| self.unusable(error.to_string()))
    }

    /// What a server says of itself, within a time.
    ///
    /// # Errors
    /// As [`Remote::value`].
    pub fn health<T: DeserializeOwned>(&self, time_max: Duration) -> Result<Option<T>, Error> {
        let sent = self.agent.get(self.at("/health")).config().timeout_global(Some(time_left(time_max))).build().call();
        let Some(bytes) = self.present(self.answered(sent)?, HEALTH_BYTES_MAX)? else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).map_err(|error| self.unusable(error.to_string()))
    }

    /// Every row of a listing, a page at a time, up to 10,000. The path ends in `?` or `&`, where the rest is added.
    ///
    /// # Errors
    /// As [`Remote::json`].
    pub fn rows<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, Error> {
        let (mut rows, mut after) = (vec![], String::new());
        while rows.len() < ROWS_MAX {
            let page: Option<Page<T>> = self.json(&format!("{path}limit={PAGE_ROWS_MAX}{after}"))?;
            let Some(page) = page else { break };
            rows.extend(page.items);
            match page.next {
                Some(next) => after = format!("&after={}", next.get()),
                None => break,
            }
        }
        Ok(rows)
    }

    /// Posts bytes and decodes the answer in JSON.
    ///
    /// # Errors
    /// As [`Remote::value`].
    pub fn post<T: DeserializeOwned>(&self, path: &str, body: &[u8]) -> Result<T, Error> {
        let sent = timed(self.agent.post(self.at(path))).content_type(BYTES).send(body);
        let bytes = self.read(self.accepted(self.answered(sent)?)?, JSON_BYTES_MAX)?;
        serde_json::from_slice(&bytes).map_err(|error| self.unusable(error.to_string()))
    }

    /// Posts a value in JSON and decodes the answer in JSON.
    ///
    /// # Errors
    /// As [`Remote::value`].
    pub fn post_json<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Error> {
        let sent = timed(self.agent.post(self.at(path))).send_json(body);
        let bytes = self.read(self.accepted(self.answered(sent)?)?, JSON_BYTES_MAX)?;
        serde_json::from_slice(&bytes).map_err(|error| self.unusable(error.to_string()))
    }

    /// Puts bytes at a path.
    ///
    /// # Errors
    /// As [`Remote::bytes`].
    pub fn put(&self, path: &str, body: &[u8]) -> Result<(), Error> {
        let sent = timed(self.agent.put(self.at(path))).content_type(BYTES).send(body);
        self.accepted(self.answered(sent)?).map(|_| ())
    }

    /// Puts a value in JSON at a path.
    ///
    /// # Errors
    /// As [`Remote::bytes`].
    pub fn put_json(&self, path: &str, body: &impl Serialize) -> Result<(), Error> {
        let sent = timed(self.agent.put(self.at(path))).send_json(body);
        self.accepted(self.answered(sent)?).map(|_| ())
    }

    /// Sends the next piece of what is at a path and decodes the answer in JSON.
    ///
    /// # Errors
    /// As [`Remote::value`].
    pub fn patch<T: DeserializeOwned>(&self, path: &str, body: &[u8]) -> Result<T, Error> {
        let sent = timed(self.agent.patch(self.at(path))).content_type(BYTES).send(body);
        let bytes = self.read(self.accepted(self.answered(sent)?)?, JSON_BYTES_MAX)?;
        serde_json::from_slice(&bytes).map_err(|error| self.unusable(error.to_string()))
    }

    /// The bytes at a path that is asked for with a signature; `None` when there is nothing for the signer.
    ///
    /// # Errors
    /// As [`Remote::bytes`].
    pub(super) fn signed_bytes(
        &self,
        path: &str,
        signed: &SignedHeaders,
        bytes_max: usize,
    ) -> Result<Option<Vec<u8>>, Error> {
        let response = self.signed_get(path, signed, None)?;
        response.map(|response| self.read(response, bytes_max)).transpose()
    }

    /// The answer at a path that is asked for with a signature, and perhaps a range of it, its body unread.
    ///
    /// # Errors
    /// As [`Remote::bytes`].
    pub(super) fn signed_get(
        &self,
        path: &str,
        signed: &SignedHeaders,
        range: Option<&str>,
    ) -> Result<Option<Response<Body>>, Error> {
        let mut request = self.agent.get(self.at(path)).header(header::ACCEPT, BYTES);
        request = request.header("signature-input", &signed.input).header("signature", &signed.signature);
        if let Some(range) = range {
            request = request.header(header::RANGE, range);
        }
        let config = request.config().timeout_global(None).timeout_recv_response(Some(CALL_TIME_MAX));
        let sent = config.timeout_recv_body(Some(STREAM_TIME_MAX)).build().call();
        match self.accepted(self.answered(sent)?) {
            Ok(response) => Ok(Some(response)),
            Err(Error::Remote { problem, .. }) if problem.status == StatusCode::NOT_FOUND.as_u16() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    fn answered(&self, sent: Result<Response<Body>, ureq::Error>) -> Result<Response<Body>, Error> {
        sent.map_err(|error| Error::Unreachable { url: self.url.clone(), why: error.to_string() })
    }

    fn present(&self, response: Response<Body>, bytes_max: usize) -> Result<Option<Vec<u8>>, Error> {
        match self.accepted(response) {
            Ok(response) => self.read(response, bytes_max).map(Some),
            // Only the API's own "nothing here has this name" is absence; another server's 404 page is not.
            Err(Error::Remote { problem, .. }) if problem.status == StatusCode::NOT_FOUND.as_u16() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The response, if the server did what it was asked.
    fn accepted(&self, response: Response<Body>) -> Result<Response<Body>, Error> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let media = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_problem = media.is_some_and(|media| media.starts_with(PROBLEM_JSON));
        let body = self.read(response, PROBLEM_BYTES_MAX)?;
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) if is_problem && problem.status == status.as_u16() => {
                Err(Error::Remote { url: self.url.clone(), problem })
            }
            _ => Err(self.unusable(format!("status {status} without a problem document"))),
        }
    }

    fn read(&self, mut response: Response<Body>, bytes_max: usize) -> Result<Vec<u8>, Error> {
        // The reader fails once it has read its limit, even at the end; hence one byte more.
        let limited = response.body_mut().with_config().limit(bytes_max as u64 + 1).read_to_vec();
        limited.map_err(|error| match error {
            ureq::Error::BodyExceedsLimit(_) => self.unusable(format!("it is longer than {bytes_max} bytes")),
            error => Error::Unreachable { url: self.url.clone(), why: error.to_string() },
        })
    }

    /// That an answer cannot be used.
    pub(super) fn unusable(&self, why: impl Into<String>) -> Error {
        Error::Reply { url: self.url.clone(), why: why.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_within_a_limit_ends_with_whichever_is_first_and_then_the_outer_one_counts_again() {
        assert_eq!(time_left(CALL_TIME_MAX), CALL_TIME_MAX);
        within(Duration::from_secs(5), || {
            assert!(time_left(CALL_TIME_MAX) <= Duration::from_secs(5));
            within(Duration::from_secs(60), || assert!(time_left(CALL_TIME_MAX) <= Duration::from_secs(5)));
            within(Duration::ZERO, || assert_eq!(time_left(CALL_TIME_MAX), CALL_TIME_MIN));
            assert!(time_left(CALL_TIME_MAX) > Duration::from_secs(2));
        });
        assert_eq!(time_left(CALL_TIME_MAX), CALL_TIME_MAX);
    }
}
