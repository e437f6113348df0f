//! What stands before every page: the host and the origin are this site's, and errors are pages.

use actix_web::{
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    middleware::Next,
    web::Data,
};
use askama::Template;

use super::{
    super::{refusal::detail, shell::Shell},
    Part,
    explained::page_with,
};
use crate::{Error, patient::PatientPages};

#[derive(Template)]
#[template(path = "patient/refusal.html")]
struct Refusal {
    shell: Shell,
    title: String,
    detail: &'static str,
    /// What the program said, behind a tap.
    said: Option<String>,
    is_signed_out: bool,
}

fn text<'r>(request: &'r ServiceRequest, name: &HeaderName) -> Option<&'r str> {
    request.headers().get(name)?.to_str().ok()
}

/// Refuses requests that another site's page may have caused: a name of this machine that is not the site's (DNS
/// rebinding), and forms from elsewhere. Browsers name the origin of every form.
fn check(request: &ServiceRequest) -> Result<(), Error> {
    let missing = || Error::Internal { action: "serve pages", why: "they are not set up".into() };
    let origin = request.app_data::<Data<PatientPages>>().ok_or_else(missing)?.origin();
    let foreign = |why: &str| Err(Error::CrossSite { why: format!("{why}; these pages are at {origin}") });
    let host = request.uri().authority().map(|authority| authority.as_str()).or_else(|| text(request, &header::HOST));
    if !host.is_some_and(|host| origin.is_host(host)) {
        return foreign("it was asked for under another name");
    }
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(());
    }
    if text(request, &header::ORIGIN).is_some_and(|sent| origin.is_origin(sent)) {
        Ok(())
    } else {
        foreign("it did not come from a page of this site")
    }
}

/// Lets through what is this site's own. The answer says that nothing of it may be kept, and lets forms name their origin,
/// which a stricter policy of referrers would hide.
pub(super) async fn same_origin(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let mut answered = match check(&request) {
        Ok(()) => next.call(request).await?.map_into_boxed_body(),
        Err(error) => {
            let (request, _) = request.into_parts();
            let answer = refusal(&request, &error.into())?;
            ServiceResponse::new(request, answer)
        }
    };
    answered.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    Ok(answered)
}

const fn title(status: StatusCode, is_signed_out: bool) -> &'static str {
    match status {
        _ if is_signed_out => "You are not signed in",
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => "That did not work",
        StatusCode::FORBIDDEN => "That did not come from your pages",
        StatusCode::NOT_FOUND => "There is nothing here",
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE => "The network does not answer",
        _ => "Something went wrong",
    }
}

/// What is to be done about it.
const fn advice(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => {
            "What was sent cannot be read. Go back, open the page anew, and send it once more."
        }
        StatusCode::FORBIDDEN => "Open the page anew from your own pages, and send it once more from there.",
        StatusCode::NOT_FOUND => "What you look for is not here, or not any more, or it is not yours.",
        StatusCode::PAYLOAD_TOO_LARGE => "That is too much at once. Wait a minute, or send less.",
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE => {
            "So nobody can say how this stands now. Look again later."
        }
        _ => "Try once more later. If it stays so, tell whoever runs your agent.",
    }
}

fn refusal(
    request: &actix_web::HttpRequest,
    error: &actix_web::Error,
) -> Result<actix_web::HttpResponse, actix_web::Error> {
    let status = error.as_response_error().status_code();
    let is_signed_out = matches!(error.as_error::<Error>(), Some(Error::NoVisit));
    let is_busy = matches!(error.as_error::<Error>(), Some(Error::Market(market::Error::FileInUse { .. })));
    let is_misread = match error.as_error::<Error>() {
        Some(error) => matches!(error, Error::Request { .. } | Error::Statement(_)),
        None => matches!(status, StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND),
    };
    let is_no_address = *request.method() == Method::GET && is_misread;
    let (detail, said) = if is_no_address {
        ("This address is not whole. Begin at the home page.", None)
    } else if is_busy {
        ("Another program has your wallet open. It may be the agent that answers for you. Try again in a minute.", None)
    } else {
        (advice(status), Some(detail(error)))
    };
    let title = title(if is_no_address { StatusCode::NOT_FOUND } else { status }, is_signed_out);
    let shell = Shell::of(request, Part::Elsewhere, title);
    let shell = if is_signed_out || status == StatusCode::FORBIDDEN { shell.alone() } else { shell };
    Ok(page_with(status, &Refusal { shell, title: title.into(), detail, said, is_signed_out })?)
}

/// Turns the error of an answer into a page.
pub(super) async fn as_page(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let answered = next.call(request).await?.map_into_boxed_body();
    let Some(error) = answered.response().error() else { return Ok(answered) };
    let response = refusal(answered.request(), error)?;
    Ok(answered.into_response(response))
}
