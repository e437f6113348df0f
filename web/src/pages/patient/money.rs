//! Money earned and paid out.

use std::{cmp::Reverse, collections::BTreeMap};

use actix_web::{
    HttpRequest, HttpResponse, get, post,
    web::{Form, Path, Query, ServiceConfig},
};
use askama::Template;
use circuits::{
    consent::Day,
    id::{AccountId, QueryId},
};
use market::{agent::EarningState, overview::Overview};
use node::{screening::as_query, units::Amount};
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
use crate::{
    Error,
    api::parse,
    patient::{Act, Sent},
};

/// What one answer or response earned.
struct Earned {
    id: QueryId,
    title: String,
    /// The first day of what was asked; none for what was asked so long ago that the network is not asked for it.
    since: Option<Day>,
    price: Amount,
    state: EarningState,
    /// What is known of its being sent on.
    sent: Option<Sent>,
}

impl Earned {
    /// Whether it can be paid out, as far as is known.
    fn is_here(&self) -> bool {
        self.state == EarningState::Paid && self.sent.is_none()
    }

    /// The class and the name of its state.
    const fn standing(&self) -> (&'static str, &'static str) {
        if self.sent.is_some() { ("", words::SENT_ON) } else { words::earning(&self.state) }
    }
}

#[derive(Template)]
#[template(path = "patient/money.html")]
struct Money {
    shell: Shell,
    seen: Seen,
    earned: Listing<Earned>,
    paid: Amount,
    here: Amount,
    pending: Amount,
}

/// Everything that a wallet's answers and responses earned, the newest first.
fn earned(overview: &Overview, sent: &BTreeMap<QueryId, Sent>) -> Vec<Earned> {
    let queries = overview.queries.iter().map(|asked| (asked.query, &asked.asker));
    let screenings = overview.screenings.iter().map(|asked| (as_query(asked.screening), &asked.asker));
    let askers: BTreeMap<QueryId, _> = queries.chain(screenings).collect();
    let answers = overview.statement.earnings.iter().map(|one| (one.query, one.price, one.state));
    let responses = overview.responses.iter().map(|one| (as_query(one.screening), one.price, one.state));
    let one = |(id, price, state): (QueryId, Amount, EarningState)| {
        let asker = askers.get(&id);
        let title = asker.map_or_else(String::new, |asker| asker.title.clone());
        let sent = sent.get(&id).copied().filter(|_| state == EarningState::Paid);
        Earned { id, title, since: asker.map(|asker| asker.opening), price, state, sent }
    };
    let mut all: Vec<_> = answers.chain(responses).map(one).collect();
    all.sort_by_key(|one| (Reverse(one.since), one.id));
    all
}

fn sum(earned: &[Earned], is_wanted: impl Fn(&Earned) -> bool) -> Result<Amount, Error> {
    let prices = earned.iter().filter(|one| is_wanted(one)).map(|one| one.price);
    Ok(prices.into_iter().try_fold(Amount::default(), Amount::plus)?)
}

/// The same as lines of text, the sums first; nothing where nothing was earned. What the pages sent on, they alone know.
pub(super) fn lines(overview: &Overview) -> Vec<String> {
    let all = earned(overview, &BTreeMap::new());
    let total =
        |state| all.iter().filter(|one| one.state == state).map(|one| u128::from(one.price.get())).sum::<u128>();
    let [paid, pending] = [EarningState::Paid, EarningState::Pending].map(|state| parts::number(total(state)));
    let sums = (!all.is_empty()).then(|| format!("earned and paid {paid}, waiting for results {pending}"));
    let line = |one: &Earned| {
        let title = if one.title.is_empty() { one.id.to_string() } else { one.title.clone() };
        format!("{title}: {}, {}", parts::number(one.price), one.standing().1)
    };
    sums.into_iter().chain(all.iter().map(line)).collect()
}

/// Where the list begins.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Begin {
    after: Option<String>,
}

#[get("/money")]
async fn money(
    request: HttpRequest,
    visit: Visit,
    begin: Result<Query<Begin>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let after: Option<QueryId> = asked(begin)?.after.map(|id| parse("answer", &id)).transpose()?;
    let (seen, overview) = visit.show().await?;
    let all = earned(&overview, &visit.pages.sent_on(visit.wallet()));
    let paid = sum(&all, |one| one.state == EarningState::Paid)?;
    let pending = sum(&all, |one| one.state == EarningState::Pending)?;
    let here = sum(&all, Earned::is_here)?;
    let earned = Listing::behind(all, |one| one.id, after, ("/money", "after", "answers"))?;
    page(&Money { shell: Shell::of(&request, Part::Money, "Money"), seen, earned, paid, here, pending })
}

#[derive(Template)]
#[template(path = "patient/pay_out.html")]
struct PayOut {
    shell: Shell,
    seen: Seen,
    earned: Earned,
    to: String,
    error: Option<String>,
}

/// One of the wallet's own answers that was paid.
fn own(visit: &Visit, overview: &Overview, id: &str) -> Result<Earned, Error> {
    let query: QueryId = parse("answer", id)?;
    let found = earned(overview, &visit.pages.sent_on(visit.wallet()))
        .into_iter()
        .find(|one| one.id == query && one.state == EarningState::Paid);
    found.ok_or_else(|| Error::NotFound { what: "paid answer", id: id.into() })
}

#[get("/money/{id}")]
async fn ask_pay_out(request: HttpRequest, visit: Visit, id: Path<String>) -> Result<HttpResponse, Error> {
    let (seen, overview) = visit.show().await?;
    let earned = own(&visit, &overview, &id)?;
    let shell = Shell::of(&request, Part::Money, "Pay out");
    page(&PayOut { shell, seen, earned, to: String::new(), error: None })
}

#[post("/money/{id}")]
async fn pay_out(
    request: HttpRequest,
    visit: Visit,
    id: Path<String>,
    form: Form<Vec<(String, String)>>,
) -> Result<HttpResponse, Error> {
    let fields = visit.sent(form)?;
    let (seen, overview) = visit.show().await?;
    let earned = own(&visit, &overview, &id)?;
    let to = match fields.get("to").parse::<AccountId>() {
        Ok(to) if to == overview.owner => Err("This is your own account, which your records name. Send it elsewhere."),
        Ok(to) => Ok(to),
        Err(_) => Err("An account has 64 digits and letters from a to f. Copy it whole."),
    };
    let to = match to {
        Ok(to) => to,
        Err(why) => {
            let shell = Shell::of(&request, Part::Money, "Pay out");
            let error = Some(why.into());
            return page(&PayOut { shell, seen, earned, to: fields.get("to").into(), error });
        }
    };
    if fields.is_confirmed() {
        return Ok(lead_to(visit.begin(&fields, Act::PayOut { query: earned.id, to })?));
    }
    let question = Question {
        title: "Send this money?".into(),
        does: vec![
            format!("Everything that this answer earned, {}, goes to the account {to}.", earned.price),
        ],
        does_not: vec![
            "It cannot be taken back. Check the account once more.".into(),
            "If you send the money of two answers to one account, others can see that one person gave both. Use another \
             account for each where that matters to you, and none to which you sent what a licence paid."
                .into(),
        ],
        fee: "Nothing.".into(),
        action: format!("/money/{}", earned.id),
        fields: fields.carry(&["to"]),
        button: "Send it",
        is_final: true,
        back: "/money",
    };
    ask(&request, Part::Money, seen, question)
}

pub(super) fn configure(config: &mut ServiceConfig) {
    config.service(money).service(ask_pay_out).service(pay_out);
}
