//! Errors as pages, where the path is a page or whoever asks reads pages.

use actix_web::{
    HttpRequest,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{StatusCode, header},
    middleware::Next,
};
use askama::Template;

use super::{
    parts::sentence,
    shell::{Section, Shell, page_with},
};
use crate::{Error, problem::Problem};

#[derive(Template)]
#[template(path = "refusal.html")]
struct Refusal {
    shell: Shell,
    status: u16,
    title: String,
    detail: String,
}

/// What a status means to who reads a page.
const fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "The address or the form cannot be read",
        StatusCode::UNAUTHORIZED => "That does not sign you in",
        StatusCode::FORBIDDEN => "That was not asked for from here",
        StatusCode::TOO_MANY_REQUESTS => "Too many tries",
        StatusCode::NOT_FOUND => "There is nothing here",
        StatusCode::METHOD_NOT_ALLOWED => "This page cannot be asked for in that way",
        StatusCode::REQUEST_TIMEOUT => "It took too long",
        StatusCode::PAYLOAD_TOO_LARGE => "That is too much at once",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "The form came in another form than a browser sends",
        StatusCode::UNPROCESSABLE_ENTITY => "A rule of the protocol forbids it",
        StatusCode::SERVICE_UNAVAILABLE => "The server is busy",
        _ => "The server failed",
    }
}

/// Whether the answer should be a page: a program that asks for an unknown path gets a problem document, as everywhere
/// under `/v1`.
fn reads_pages(request: &HttpRequest, error: &actix_web::Error) -> bool {
    if request.path().starts_with("/v1/") {
        return false;
    }
    let unknown = matches!(error.as_error::<Error>(), Some(Error::NoEndpoint { .. } | Error::Method { .. }));
    !unknown || accepts_pages(request)
}

fn accepts_pages(request: &HttpRequest) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.contains("text/html")
}

/// What is said of an error, which never is more than the API says of it.
pub(super) fn detail(error: &actix_web::Error) -> String {
    match error.as_error::<Error>() {
        Some(Error::NoEndpoint { path }) => {
            format!("No page has the address {path}. Check it for typing errors, or begin at the home page.")
        }
        Some(Error::Method { path, .. }) => format!("{path} is there, but not for this kind of request."),
        Some(Error::Request { what, why }) => format!("{what}: {why}"),
        Some(Error::SignedOut) => "This page is for who is signed in. Sign in, and open it again.".into(),
        Some(error) => Problem::from(error).detail,
        None if error.as_response_error().status_code().is_server_error() => {
            "Its operator finds the cause in its log. Try again later.".into()
        }
        None => error.to_string(),
    }
}

/// Turns the error of an answer into a page.
pub(super) async fn as_page(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let answered = next.call(request).await?.map_into_boxed_body();
    if answered.response().error().is_some_and(|error| reads_pages(answered.request(), error)) {
        return as_refusal(answered);
    }
    Ok(answered)
}

/// Turns the refusal of a form that another site may have sent into a page, for browsers. It is given before any part of
/// the server is asked, so the pages' own turn does not see it.
pub(crate) async fn cross_site_as_page(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let answered = next.call(request).await?.map_into_boxed_body();
    let is_cross_site = |error: &actix_web::Error| matches!(error.as_error::<Error>(), Some(Error::CrossSite { .. }));
    let asked = answered.request();
    let reads = !asked.path().starts_with("/v1/") && accepts_pages(asked);
    if reads && answered.response().error().is_some_and(is_cross_site) {
        return as_refusal(answered);
    }
    Ok(answered)
}

fn as_refusal(answered: ServiceResponse<BoxBody>) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let Some(error) = answered.response().error() else { return Ok(answered) };
    let status = answered.status();
    let retry_after = answered.headers().get(header::RETRY_AFTER).cloned();
    let title = match error.as_error::<Error>() {
        Some(Error::Market(market::Error::IndexGap { .. } | market::Error::IndexBehind { .. })) => {
            "This node does not have the whole listing"
        }
        Some(Error::SignedOut) => "You are not signed in",
        _ => title(status),
    };
    let refusal = Refusal {
        shell: Shell::of(answered.request(), Section::Elsewhere, title),
        status: status.as_u16(),
        title: title.into(),
        detail: sentence(&detail(error)),
    };
    let mut response = page_with(status, &refusal)?;
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    Ok(answered.into_response(response))
}
