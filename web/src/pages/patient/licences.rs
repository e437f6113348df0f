//! Licences of raw data: who asked, what was answered, and who had access.

use actix_web::{
    HttpRequest, HttpResponse, get, post,
    web::{Form, Path, ServiceConfig},
};
use askama::Template;
use circuits::id::LicenceId;
use market::licence::REVOCATION;

use super::{
    super::{
        parts,
        shell::{Shell, page},
    },
    Part,
    confirm::{Question, ask, lead_to},
    visit::{Seen, Visit},
    words,
};
use crate::{
    Error,
    api::{blocking, parse},
    patient::{Act, Licences, Requested},
};

#[derive(Template)]
#[template(path = "patient/licences.html")]
struct All {
    shell: Shell,
    seen: Seen,
    licences: Licences,
}

#[get("/licences")]
async fn list(request: HttpRequest, visit: Visit) -> Result<HttpResponse, Error> {
    let (seen, overview) = visit.show().await?;
    let (pages, owner) = (visit.pages.clone(), overview.owner);
    let licences = blocking(move || Ok(pages.licences(owner))).await?;
    page(&All { shell: Shell::of(&request, Part::Licences, "Licences"), seen, licences })
}

/// A licence of this owner's data. Anybody else's is not there.
async fn own(visit: &Visit, id: &str) -> Result<(Seen, Requested), Error> {
    let id: LicenceId = parse("licence", id)?;
    let (seen, overview) = visit.show().await?;
    let (pages, owner) = (visit.pages.clone(), overview.owner);
    Ok((seen, blocking(move || pages.own_licence(owner, id)).await?))
}

#[get("/licences/{id}/decline")]
async fn ask_decline(request: HttpRequest, visit: Visit, id: Path<String>) -> Result<HttpResponse, Error> {
    let (seen, requested) = own(&visit, &id).await?;
    let question = Question {
        title: "Say no to this request?".into(),
        does: vec![
            format!("{} does not get your data.", words::who(&requested.name)),
            format!("The {} that they set aside goes back to them.", requested.state.request.price),
        ],
        does_not: vec!["They may ask again.".into()],
        fee: "Nothing.".into(),
        action: format!("/licences/{}/decline", requested.id),
        fields: vec![],
        button: "Say no",
        is_final: false,
        back: "/licences",
    };
    ask(&request, Part::Licences, seen, question)
}

#[post("/licences/{id}/decline")]
async fn decline(visit: Visit, id: Path<String>, form: Form<Vec<(String, String)>>) -> Result<HttpResponse, Error> {
    let fields = visit.sent(form)?;
    let (_, requested) = own(&visit, &id).await?;
    Ok(lead_to(visit.begin(&fields, Act::DeclineLicence { licence: requested.id })?))
}

#[get("/licences/{id}/revoke")]
async fn ask_revoke(request: HttpRequest, visit: Visit, id: Path<String>) -> Result<HttpResponse, Error> {
    let (seen, requested) = own(&visit, &id).await?;
    let question = Question {
        title: "End this licence?".into(),
        does: vec![format!("Nothing more is handed out to {} under it.", words::who(&requested.name))],
        does_not: vec![
            "What they fetched before, they can still read. No button can call it back.".into(),
            "The money that they paid stays yours.".into(),
            REVOCATION.into(),
        ],
        fee: "Nothing.".into(),
        action: format!("/licences/{}/revoke", requested.id),
        fields: vec![],
        button: "End it",
        is_final: true,
        back: "/licences",
    };
    ask(&request, Part::Licences, seen, question)
}

#[post("/licences/{id}/revoke")]
async fn revoke(visit: Visit, id: Path<String>, form: Form<Vec<(String, String)>>) -> Result<HttpResponse, Error> {
    let fields = visit.sent(form)?;
    let (_, requested) = own(&visit, &id).await?;
    Ok(lead_to(visit.begin(&fields, Act::RevokeLicence { licence: requested.id })?))
}

pub(super) fn configure(config: &mut ServiceConfig) {
    config.service(list).service(ask_decline).service(decline).service(ask_revoke).service(revoke);
}
