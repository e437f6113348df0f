//! Asking once more, and following what was begun.

use actix_web::{HttpRequest, HttpResponse, get, http::header, web::Path};
use askama::Template;

use super::{
    super::{parts, shell::Shell},
    Part,
    explained::page,
    illness::has_illness,
    visit::{Seen, Visit},
    words,
};
use crate::{
    Error,
    patient::{Act, OperationId, Progress, Running},
};

/// What a change does, before it is done.
pub(super) struct Question {
    pub(super) title: String,
    /// What happens.
    pub(super) does: Vec<String>,
    /// What does not happen, and what cannot be taken back.
    pub(super) does_not: Vec<String>,
    /// What it costs.
    pub(super) fee: String,
    /// Where the answer goes.
    pub(super) action: String,
    /// What goes along.
    pub(super) fields: Vec<(String, String)>,
    pub(super) button: &'static str,
    /// Whether it ends something for ever.
    pub(super) is_final: bool,
    /// The way back.
    pub(super) back: &'static str,
}

impl Question {
    /// Whether it speaks of an illness.
    fn has_illness(&self) -> bool {
        self.does.iter().chain(&self.does_not).any(|text| has_illness(text))
    }
}

#[derive(Template)]
#[template(path = "patient/confirm.html")]
struct Confirm {
    shell: Shell,
    seen: Seen,
    question: Question,
    operation: OperationId,
}

/// The page that asks. Its form carries a number of its own: sent twice, it means one change.
pub(super) fn ask(request: &HttpRequest, part: Part, seen: Seen, question: Question) -> Result<HttpResponse, Error> {
    let shell = Shell::of(request, part, question.title.clone());
    page(&Confirm { shell, seen, question, operation: OperationId::random(&mut rand::rng()) })
}

/// Leads to where a change is followed.
pub(super) fn lead_to(operation: OperationId) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, format!("/doing/{operation}"))).finish()
}

#[derive(Template)]
#[template(path = "patient/doing.html")]
struct Doing {
    shell: Shell,
    seen: Seen,
    running: Running,
    epoch_seconds: Option<u64>,
}

impl Doing {
    /// Within which time new rules count, once they are written down.
    fn soon(&self) -> Option<String> {
        let is_change = matches!(self.running.act, Act::ChangeConsent { .. });
        let is_done = matches!(self.running.progress, Progress::Done(_));
        words::soon(self.epoch_seconds.filter(|_| is_change && is_done))
    }

    fn words(&self) -> words::ActWords {
        words::act(&self.running.act)
    }
}

/// How far a change is.
#[get("/doing/{id}")]
pub(super) async fn follow(request: HttpRequest, visit: Visit, id: Path<String>) -> Result<HttpResponse, Error> {
    let missing = || Error::NotFound { what: "change", id: id.clone() };
    let operation: OperationId = id.parse()?;
    let running = visit.pages.operation(operation, visit.wallet()).ok_or_else(missing)?;
    let (seen, overview) = visit.show().await?;
    let shell = Shell::of(&request, Part::Elsewhere, words::act(&running.act).name);
    page(&Doing { shell, seen, running, epoch_seconds: overview.epoch_seconds })
}
