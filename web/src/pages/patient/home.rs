//! Home: what needs the person, and where everything is.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, get};
use askama::Template;
use market::{
    agent::EarningState,
    overview::{Decision, Overview},
};

use super::{
    super::{parts, shell::Shell},
    Part,
    alerts::{Alert, alerts},
    explained::page,
    visit::{Seen, Visit},
};
use crate::{
    Error,
    api::blocking,
    patient::{Licences, Which},
};

#[derive(Template)]
#[template(path = "patient/home.html")]
struct Home {
    shell: Shell,
    seen: Seen,
    overview: Arc<Overview>,
    alerts: Vec<Alert>,
}

impl Home {
    fn answered(&self) -> usize {
        let queries = self.overview.queries.iter().map(|asked| &asked.answer);
        let screenings = self.overview.screenings.iter().map(|asked| &asked.answer);
        queries.chain(screenings).filter(|answer| counts(answer)).count()
    }

    fn asked(&self) -> usize {
        self.overview.queries.len() + self.overview.screenings.len()
    }
}

/// Whether an answer was given and not taken back.
fn counts(answer: &Decision) -> bool {
    matches!(answer, Decision::Answered { earning } if *earning != EarningState::Withdrawn)
}

/// The first page.
#[get("/")]
pub(super) async fn home(request: HttpRequest, visit: Visit) -> Result<HttpResponse, Error> {
    let (seen, overview) = visit.show().await?;
    let licences = match seen.offline.clone() {
        Some(why) => Licences::Unknown(why),
        None => {
            let (pages, owner) = (visit.pages.clone(), overview.owner);
            blocking(move || Ok(pages.licences(owner, Which::All))).await?
        }
    };
    let alerts = alerts(&overview, &licences);
    let shell = Shell::of(&request, Part::Home, "Home");
    page(&Home { shell, seen, overview, alerts })
}
