//! Home: what needs the person, and where everything is.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, get};
use askama::Template;
use circuits::consent::Day;
use market::{
    agent::EarningState,
    overview::{Decision, HeldRecord, Overview, RecordStanding},
};
use node::{calendar::date, state::ResponseStatus};

use super::{
    super::{
        parts,
        shell::{Shell, page},
    },
    Part,
    visit::{Seen, Visit},
    words,
};
use crate::{
    Error,
    api::blocking,
    patient::{Licences, Which},
};

/// Days before the end of a consent from which it is said.
const ENDING_DAYS: u32 = 30;
/// The share of the budget from which it is said, in percent.
const BUDGET_PERCENT: u8 = 80;

/// Something that needs the person.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Alert {
    title: String,
    text: String,
    href: &'static str,
    link: &'static str,
}

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

/// What the owner should know of a record whose new rules do not count yet.
fn changing(record: &HeldRecord, epoch_seconds: Option<u64>) -> Alert {
    let text =
        format!("Until the network takes them in, your agent answers nothing with record {}.", record.number + 1);
    let text = [Some(text), words::soon(epoch_seconds)].into_iter().flatten().collect::<Vec<_>>().join(" ");
    Alert { title: "Your new rules do not count yet".into(), text, href: "/use", link: "Look at your rules" }
}

/// What a wallet's rules, budget and invitations ask of its owner.
fn alerts(overview: &Overview, today: Day) -> Vec<Alert> {
    let mut alerts = vec![];
    for received in &overview.invitations {
        if matches!(received.status, ResponseStatus::Invited { .. }) {
            alerts.push(Alert {
                title: "Somebody invites you".into(),
                text: "A study would like you to take part. They do not know who you are, unless you tell them.".into(),
                href: "/invitations",
                link: "Read the invitation",
            });
        }
    }
    let is_changing = |record: &&HeldRecord| record.standing == RecordStanding::Changing;
    alerts.extend(overview.records.iter().filter(is_changing).map(|record| changing(record, overview.epoch_seconds)));
    let in_use = overview.records.iter().filter(|record| record.standing != RecordStanding::Withdrawn);
    for record in in_use {
        let (last, left) = (record.terms.expiry, record.terms.expiry.0.saturating_sub(today.0));
        let (title, text) = if last < today {
            ("Your permission has ended", format!("Its last day was {}. Your agent answers nothing more.", date(last)))
        } else if left <= ENDING_DAYS {
            ("Your permission ends soon", format!("Its last day is {}.", date(last)))
        } else {
            continue;
        };
        let (href, link) = ("/use", "Look at your rules");
        alerts.push(Alert { title: title.into(), text, href, link });
    }
    if overview.budget.percent >= BUDGET_PERCENT {
        alerts.push(Alert {
            title: "Your privacy budget is nearly used".into(),
            text: format!(
                "{} of {} is used. When none is left, your agent says no.",
                overview.budget.spent, overview.budget.limit
            ),
            href: "/privacy",
            link: "What this means",
        });
    }
    alerts
}

/// Requests for a licence that wait.
fn waiting(licences: &Licences) -> Option<Alert> {
    let Licences::Known(offered) = licences else { return None };
    let waiting = offered.iter().flat_map(|one| &one.licences).filter(|one| one.is_waiting()).count();
    (waiting > 0).then(|| Alert {
        title: "Somebody asks for your data".into(),
        text: format!("Requests that wait for your answer: {waiting}."),
        href: "/licences",
        link: "Look at the requests",
    })
}

/// The first page.
#[get("/")]
pub(super) async fn home(request: HttpRequest, visit: Visit) -> Result<HttpResponse, Error> {
    let (seen, overview) = visit.show().await?;
    let mut alerts = alerts(&overview, overview.time.day());
    if seen.offline.is_none() {
        let (pages, owner) = (visit.pages.clone(), overview.owner);
        alerts.extend(waiting(&blocking(move || Ok(pages.licences(owner, Which::All))).await?));
    }
    let shell = Shell::of(&request, Part::Home, "Home");
    page(&Home { shell, seen, overview, alerts })
}
