//! The privacy that answers spent, and the limit that the owner sets.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse, get, post,
    web::{Form, ServiceConfig},
};
use askama::Template;
use market::overview::{Overview, RecordStanding};

use super::{
    super::{parts, shell::Shell},
    Part,
    confirm::{Question, ask, lead_to},
    explained::page,
    visit::{Seen, Visit},
    words,
};
use crate::{Error, patient::Act, reading::epsilon};

#[derive(Template)]
#[template(path = "patient/privacy.html")]
struct Privacy {
    shell: Shell,
    seen: Seen,
    overview: Arc<Overview>,
    limit: String,
    error: Option<String>,
}

impl Privacy {
    /// So many hundredths of the bar, which is as long as the limit in thousandths, and never without length.
    fn part(&self, percent: u64) -> u64 {
        u64::from(self.overview.budget.limit.milli().max(1)) * percent / 100
    }

    /// Rules that allow one answer more than all may use together.
    fn beyond(&self) -> Vec<String> {
        let all = self.overview.budget.limit;
        let in_use = self.overview.records.iter().filter(|record| record.standing != RecordStanding::Withdrawn);
        let beyond = in_use.filter(|record| record.terms.epsilon_max() > all);
        beyond
            .map(|record| {
                let (one, number) = (record.terms.epsilon_max(), record.number + 1);
                format!(
                    "By the rules of record {number}, one answer may use {one}. That is more than your whole budget of \
                     {all}, so the budget decides."
                )
            })
            .collect()
    }
}

fn shell(request: &HttpRequest) -> Shell {
    Shell::of(request, Part::Privacy, "Your privacy budget")
}

#[get("/privacy")]
async fn privacy(request: HttpRequest, visit: Visit) -> Result<HttpResponse, Error> {
    let (seen, overview) = visit.show().await?;
    let limit = overview.budget.limit.to_string();
    page(&Privacy { shell: shell(&request), seen, overview, limit, error: None })
}

#[post("/privacy")]
async fn set_limit(
    request: HttpRequest,
    visit: Visit,
    form: Form<Vec<(String, String)>>,
) -> Result<HttpResponse, Error> {
    let fields = visit.sent(form)?;
    let (seen, overview) = visit.show().await?;
    let Ok(limit) = epsilon(fields.get("limit")) else {
        let error = Some("Write 0, or a number such as 0.5 or 3, with at most three digits behind the point.".into());
        let limit = fields.get("limit").into();
        return page(&Privacy { shell: shell(&request), seen, overview, limit, error });
    };
    if fields.is_confirmed() {
        return Ok(lead_to(visit.begin(&fields, Act::SetBudget { limit })?));
    }
    let (before, spent) = (overview.budget.limit, overview.budget.spent);
    let then = if limit <= spent {
        "That much is used already. So your agent says no to every question of this kind from now on."
    } else {
        "Your agent says yes only as long as all answers together stay below it."
    };
    let turn = if limit > before {
        "A higher limit lets more be found out about you. Lowering it later takes nothing back."
    } else {
        "A lower limit takes nothing back: what your answers told stays told."
    };
    let question = Question {
        title: "Set this limit?".into(),
        does: vec![format!("Your limit becomes {limit}. It was {before}, and {spent} of it is used."), then.into()],
        does_not: vec![
            turn.into(),
            "Answers that were given before stay given.".into(),
            "You can change it again.".into(),
        ],
        fee: "Nothing.".into(),
        action: "/privacy".into(),
        fields: fields.carry(&["limit"]),
        button: "Yes, set it",
        is_final: false,
        back: "/privacy",
    };
    ask(&request, Part::Privacy, seen, question)
}

pub(super) fn configure(config: &mut ServiceConfig) {
    config.service(privacy).service(set_limit);
}
