//! Signing in with a link that works once, and signing out.

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::{StatusCode, header},
    post,
    web::{Data, Form, Path, ServiceConfig},
};
use askama::Template;

use super::{
    super::shell::{Shell, cookie},
    Part,
    explained::{page, page_with},
    visit::Visit,
};
use crate::{
    Error,
    patient::{Origin, PatientPages, SESSION_SECONDS_MAX},
};

#[derive(Template)]
#[template(path = "patient/enter.html")]
struct Enter {
    shell: Shell,
    /// Where the button leads; nothing for a link that is of no use.
    address: Option<String>,
}

/// The session's cookie: for these pages alone, out of reach of scripts, and sent with nothing that another site asks for.
fn cookie_text(origin: &Origin, value: &str, seconds: u64) -> String {
    let secure = if origin.is_secure() { "; Secure" } else { "" };
    format!("{}={value}; Path=/; Max-Age={seconds}; SameSite=Strict; HttpOnly{secure}", origin.cookie())
}

/// A link. Opening it does not use it yet: programs that look at links before people do would use it up.
#[get("/in/{token}")]
async fn open_link(
    request: HttpRequest,
    pages: Data<PatientPages>,
    token: Path<String>,
) -> Result<HttpResponse, Error> {
    let is_good = pages.has_link(&token);
    let title = if is_good { "Welcome" } else { "This link does not work any more" };
    let shell = Shell::of(&request, Part::Elsewhere, title).alone();
    let status = if is_good { StatusCode::OK } else { StatusCode::NOT_FOUND };
    page_with(status, &Enter { shell, address: is_good.then(|| format!("/in/{token}")) })
}

#[post("/in/{token}")]
async fn enter(request: HttpRequest, pages: Data<PatientPages>, token: Path<String>) -> Result<HttpResponse, Error> {
    let Some(cookie) = pages.enter(&token) else {
        let shell = Shell::of(&request, Part::Elsewhere, "This link does not work any more").alone();
        return page_with(StatusCode::NOT_FOUND, &Enter { shell, address: None });
    };
    Ok(HttpResponse::SeeOther()
        .insert_header((header::SET_COOKIE, cookie_text(pages.origin(), &cookie, SESSION_SECONDS_MAX)))
        .insert_header((header::LOCATION, "/"))
        .finish())
}

#[derive(Template)]
#[template(path = "patient/left.html")]
struct Left {
    shell: Shell,
}

#[post("/out")]
async fn leave(request: HttpRequest, visit: Visit, form: Form<Vec<(String, String)>>) -> Result<HttpResponse, Error> {
    let fields = visit.sent(form)?;
    if !fields.get("all").is_empty() {
        visit.pages.leave_all(visit.wallet());
    }
    if let Some(text) = cookie(&request, &visit.pages.origin().cookie()) {
        visit.pages.leave(text);
    }
    let mut response = page(&Left { shell: Shell::of(&request, Part::Elsewhere, "You are signed out").alone() })?;
    let gone = cookie_text(visit.pages.origin(), "", 0);
    if let Ok(gone) = gone.parse() {
        response.headers_mut().append(header::SET_COOKIE, gone);
    }
    Ok(response)
}

pub(super) fn configure(config: &mut ServiceConfig) {
    config.service(open_link).service(enter).service(leave);
}
