//! Bounds of every request, and the headers of every answer.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{self, HeaderName, HeaderValue},
    middleware::Next,
};

use crate::Error;

/// Threads that answer requests; what blocks runs on a pool beside them.
pub const WORKERS: usize = 2;
/// Threads of each worker for what blocks; work beyond them waits.
pub const BLOCKING_THREADS_MAX: usize = 256;
/// Connections that a worker keeps at once.
pub const CONNECTIONS_MAX: usize = 1_024;
/// How long a client may take to send a request's head.
pub const HEAD_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a request may take from its head to its answer's head, uploads included.
pub const TIME_MAX: Duration = Duration::from_secs(120);
/// How long a client may take for each [`PROGRESS_BYTES_MIN`] of a body, whichever way it goes, or for what is left.
pub const BODY_TIME_MAX: Duration = Duration::from_secs(15);
/// How long is taken and thrown away what a client still sends that was refused before its end. A connection that is closed
/// before that loses the refusal, and the client learns no more than that it broke.
pub const LINGER_TIME_MAX: Duration = Duration::from_secs(5);
/// What a client sends or takes of a body in each [`BODY_TIME_MAX`].
pub const PROGRESS_BYTES_MIN: usize = 1 << 20;
/// How long requests in progress may go on once the server stops, in seconds.
pub const SHUTDOWN_SECONDS_MAX: u64 = 10;
/// Leaves of a page: 2 MiB as bytes.
pub const LEAVES_PAGE_MAX: u32 = 65_536;

const _: () = assert!(BODY_TIME_MAX.as_secs() < TIME_MAX.as_secs());

/// The headers that every answer carries. Nothing served here is a page: no script, frame or type guess is allowed.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
];

/// A server that browsers reach over TLS alone, which a proxy in front of it ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encrypted;

/// Keeps browsers to TLS for a year (RFC 6797 §6.1); names below this one are their owner's to decide.
const STRICT_TRANSPORT: &str = "max-age=31536000";

/// Bounds the time of a request and sets the headers of its answer.
pub(crate) async fn answer(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let is_encrypted = request.app_data::<Encrypted>().is_some();
    // The request cannot be kept for an error's response: the routing below needs it unshared. Only time running out is
    // an error here, and the connection makes its response.
    let answered = tokio::time::timeout(TIME_MAX, next.call(request)).await;
    let mut response = answered.map_err(|_| Error::Slow { limit: TIME_MAX })??;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    if is_encrypted {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(STRICT_TRANSPORT));
    }
    Ok(response)
}

/// The answer where no route matches: a known path with another method, or an unknown path.
pub(crate) async fn no_endpoint(request: HttpRequest) -> Result<HttpResponse, Error> {
    let path = request.path().to_owned();
    let error = if request.resource_map().match_pattern(request.path()).is_some() {
        Error::Method { path, method: request.method().to_string() }
    } else {
        Error::NoEndpoint { path }
    };
    let specified = super::beacon::no_endpoint(&request, &error);
    specified.or_else(|| super::drs::no_endpoint(&request, &error)).ok_or(error)
}

/// Whether a path is a root or lies below it.
pub(super) fn is_below(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
