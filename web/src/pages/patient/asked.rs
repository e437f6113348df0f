//! Who asked, what for, and what the agent made of it.

use std::{borrow::Borrow, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse, get, post,
    web::{Form, Path, Query, ServiceConfig},
};
use askama::Template;
use circuits::id::{QueryId, ScreeningId};
use market::overview::{AskedQuery, AskedScreening, Asker, Decision, EarlyEnd, Overview};
use serde::Deserialize;

use super::{
    super::{
        parts::{self, Listing, asked},
        shell::Shell,
    },
    Part,
    confirm::{Question, ask, lead_to},
    explained::page,
    visit::{Seen, Visit},
    words,
};
use crate::{Error, api::parse, patient::Act};

#[derive(Template)]
#[template(path = "patient/asked.html")]
struct Asked {
    shell: Shell,
    seen: Seen,
    nobody_asked: bool,
    questions: Listing<AskedQuery>,
    searches: Listing<AskedScreening>,
    overview: Arc<Overview>,
}

impl Asked {
    /// What the agent made of a question, with what of it the rules do not allow.
    fn said(&self, answer: &Decision, asker: &Asker, early: impl Borrow<Option<EarlyEnd>>) -> words::Said {
        words::decision(answer, &words::purposes_refused(asker, &self.overview.records), *early.borrow())
    }
}

/// Where each of the two lists begins.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Begin {
    after: Option<String>,
    after_search: Option<String>,
}

#[get("/asked")]
async fn show(
    request: HttpRequest,
    visit: Visit,
    begin: Result<Query<Begin>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let begin = asked(begin)?;
    let after: Option<QueryId> = begin.after.map(|id| parse("query id", &id)).transpose()?;
    let after_search: Option<ScreeningId> = begin.after_search.map(|id| parse("screening id", &id)).transpose()?;
    let (seen, overview) = visit.show().await?;
    let Overview { queries, screenings, .. } = &*overview;
    let way = ("/asked", "after", "questions");
    let questions = Listing::behind(queries.iter().collect(), |asked| asked.query, after, way)?.map(AskedQuery::clone);
    let way = ("/asked", "after_search", "searches");
    let searches = Listing::behind(screenings.iter().collect(), |asked| asked.screening, after_search, way)?;
    page(&Asked {
        shell: Shell::of(&request, Part::Asked, "Who asked"),
        seen,
        nobody_asked: queries.is_empty() && screenings.is_empty(),
        questions,
        searches: searches.map(AskedScreening::clone),
        overview: Arc::clone(&overview),
    })
}

/// A question whose answer can be taken back.
fn withdrawable(overview: &Overview, id: &str) -> Result<AskedQuery, Error> {
    let query: QueryId = parse("query id", id)?;
    let asked = overview.queries.iter().find(|asked| asked.query == query && asked.is_withdrawable());
    asked.cloned().ok_or_else(|| Error::NotFound { what: "answer that can be taken back of", id: id.into() })
}

#[get("/asked/{query}/take-back")]
async fn ask_take_back(request: HttpRequest, visit: Visit, query: Path<String>) -> Result<HttpResponse, Error> {
    let (seen, overview) = visit.show().await?;
    let asked = withdrawable(&overview, &query)?;
    let question = Question {
        title: "Take this answer back?".into(),
        does: vec![
            format!("Your answer to “{}” will not be in the result.", asked.asker.title),
            "The privacy that it used is yours again.".into(),
        ],
        does_not: vec![
            "You are not paid for it.".into(),
            "This record can never answer this question again.".into(),
            "Others see that some answer was taken back. They do not see whose.".into(),
        ],
        fee: "Nothing.".into(),
        action: format!("/asked/{}/take-back", asked.query),
        fields: vec![],
        button: "Take it back",
        is_final: true,
        back: "/asked",
    };
    ask(&request, Part::Asked, seen, question)
}

#[post("/asked/{query}/take-back")]
async fn take_back(
    visit: Visit,
    query: Path<String>,
    form: Form<Vec<(String, String)>>,
) -> Result<HttpResponse, Error> {
    let fields = visit.sent(form)?;
    let query = parse("query id", &query)?;
    Ok(lead_to(visit.begin(&fields, Act::TakeBack { query })?))
}

pub(super) fn configure(config: &mut ServiceConfig) {
    config.service(show).service(ask_take_back).service(take_back);
}
