//! What it may be used for: the rules of each record, changed and withdrawn.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse, get, post,
    web::{Form, Path, Query, ServiceConfig},
};
use askama::Template;
use circuits::consent::{Day, Purposes, Regions};
use market::{
    consent::{ConsentFile, Terms},
    data_use::{RegionTable, with_included},
    overview::{HeldRecord, Overview, RecordStanding},
};
use serde::Deserialize;

use super::{
    super::{
        parts::{self, asked},
        regions::{self, Boxes, Choices, EVERYWHERE},
        shell::Shell,
    },
    Part,
    confirm::{Question, ask, lead_to},
    difference::{changed, unchosen},
    explained::page,
    visit::{Fields, Seen, Visit},
    words,
};
use crate::{
    Error,
    patient::{Act, OperationId, Progress, Running},
    reading::epsilon,
};

/// What a change means for the agent.
const UNTIL_TAKEN_IN: &str = "Until the network takes the new rules in, your agent answers nothing with this record.";
/// The longest that rules may last, in days: ten years.
const DAYS_MAX: u32 = 3_653;
/// The fields of the form.
const FIELDS: [&str; 9] =
    ["before", "purpose", "days", "price_min", "cohort_min", "exact", "screening", regions::NAME, "epsilon_max"];
/// What somebody is told who confirmed what would mean something else by now.
const CHANGED_MEANWHILE: &str =
    "A day went by, or your rules changed, since you looked. Look again: this is what would be set now.";
/// What changes cost.
const FREE: &str = "Nothing. Rules are changed and withdrawn for free.";

#[derive(Template)]
#[template(path = "patient/use.html")]
struct Use {
    shell: Shell,
    seen: Seen,
    overview: Arc<Overview>,
    operations: Vec<Running>,
}

impl Use {
    /// What was done to a record since these pages started, newest first, until the network took it in.
    fn latest(&self, record: &HeldRecord) -> Option<&Running> {
        let of_record = |running: &&Running| match &running.act {
            Act::ChangeConsent { record: number, .. } | Act::Withdraw { record: number } => *number == record.number,
            _ => false,
        };
        let latest = self.operations.iter().find(of_record)?;
        let is_new_picture = self.seen.offline.is_none() && !self.seen.is_busy;
        let is_change = matches!(latest.act, Act::ChangeConsent { .. });
        let is_done = matches!(latest.progress, Progress::Done(_));
        let counts = is_new_picture && is_change && is_done && record.standing == RecordStanding::Counts;
        (!counts).then_some(latest)
    }

    /// The latest change of a record's rules, whose form can be filled with the rules from before it.
    fn undone(&self, record: &HeldRecord) -> Option<OperationId> {
        let latest = self.operations.iter().find(|running| {
            let of_record =
                matches!(&running.act, Act::ChangeConsent { record: number, .. } if *number == record.number);
            of_record && matches!(running.progress, Progress::Done(_) | Progress::Unsure(_))
        });
        latest.map(|running| running.id)
    }

    /// Whether the network has not taken in a record's new rules yet.
    fn is_changing(&self, record: &HeldRecord) -> bool {
        record.standing == RecordStanding::Changing
    }

    /// Within which time a change counts.
    fn soon(&self) -> Option<String> {
        words::soon(self.overview.epoch_seconds)
    }

    /// How many people a result must be about.
    fn least_group(&self, record: &HeldRecord) -> String {
        words::least_group(record.terms.cohort_min)
    }

    /// How much privacy one answer may use.
    fn answer_limit(&self, record: &HeldRecord) -> String {
        words::answer_limit(record.terms.epsilon_max(), self.overview.budget.limit)
    }

    /// Whether nothing can be changed any more.
    fn is_withdrawn(&self, record: &HeldRecord) -> bool {
        let done = self.operations.iter().any(|running| {
            let of_record = matches!(&running.act, Act::Withdraw { record: number } if *number == record.number);
            of_record && matches!(running.progress, Progress::Done(_))
        });
        done || record.standing == RecordStanding::Withdrawn
    }
}

#[get("/use")]
async fn show(request: HttpRequest, visit: Visit) -> Result<HttpResponse, Error> {
    let (seen, overview) = visit.show().await?;
    let shell = Shell::of(&request, Part::Consent, "What it may be used for");
    page(&Use { shell, seen, overview, operations: visit.operations() })
}

/// The form, as it is and as it came.
#[derive(Template)]
#[template(path = "patient/change.html")]
struct Change {
    shell: Shell,
    seen: Seen,
    record: usize,
    /// The change that the form undoes, if it does.
    before: String,
    purposes: Vec<String>,
    days: String,
    price_min: String,
    cohort_min: String,
    exact: bool,
    screening: bool,
    regions: Regions,
    everywhere: bool,
    epsilon_max: String,
    errors: Vec<(&'static str, String)>,
}

impl Change {
    fn error(&self, field: &str) -> Option<&String> {
        self.errors.iter().find(|(name, _)| *name == field).map(|(_, why)| why)
    }

    /// Where it may be used. The agent knows no names of a network's regions.
    fn region_boxes(&self) -> Boxes {
        Boxes {
            legend: "Where it may be used",
            hint: "Untick “Everywhere” to choose regions. Each has a number; your hospital knows which is which.",
            error: self.error(regions::NAME).cloned(),
            everywhere: Some(self.everywhere),
            choices: Choices::of(self.regions, &RegionTable::default()),
        }
    }

    fn is_chosen(&self, purpose: &str) -> bool {
        self.purposes.iter().any(|chosen| chosen == purpose)
    }

    fn of_terms(shell: Shell, seen: Seen, record: usize, terms: &Terms, today: Day) -> Self {
        Self {
            shell,
            seen,
            record,
            before: String::new(),
            purposes: terms.purposes.iter().map(|name| (*name).to_owned()).collect(),
            days: terms.expiry.0.saturating_sub(today.0).to_string(),
            price_min: terms.price_min.to_string(),
            cohort_min: terms.cohort_min.to_string(),
            exact: terms.exact,
            screening: terms.screening,
            // Single regions are chosen anew, so that nobody has to take 32 of them back for one.
            regions: if terms.regions == Regions::ALL { Regions(0) } else { terms.regions },
            everywhere: terms.regions == Regions::ALL,
            epsilon_max: terms.epsilon_max().to_string(),
            errors: vec![],
        }
    }

    fn of_fields(
        shell: Shell,
        seen: Seen,
        record: usize,
        fields: &Fields,
        errors: Vec<(&'static str, String)>,
    ) -> Self {
        Self {
            shell,
            seen,
            record,
            before: fields.get("before").into(),
            purposes: fields.all("purpose").map(str::to_owned).collect(),
            days: fields.get("days").into(),
            price_min: fields.get("price_min").into(),
            cohort_min: fields.get("cohort_min").into(),
            exact: !fields.get("exact").is_empty(),
            screening: !fields.get("screening").is_empty(),
            regions: Regions(fields.all(regions::NAME).filter_map(regions::chosen).fold(0, |all, one| all | one.0)),
            everywhere: fields.all(regions::NAME).any(|one| one == EVERYWHERE),
            epsilon_max: fields.get("epsilon_max").into(),
            errors,
        }
    }
}

/// A whole number of a form, within bounds.
fn number<N: std::str::FromStr + PartialOrd + std::fmt::Display + Copy>(
    fields: &Fields,
    name: &'static str,
    (least, most): (N, N),
) -> Result<N, (&'static str, String)> {
    let wrong = || (name, format!("Write a whole number from {least} to {most}."));
    let value: N = fields.get(name).parse().map_err(|_| wrong())?;
    if (least..=most).contains(&value) { Ok(value) } else { Err(wrong()) }
}

/// The new rules; what the form does not show stays as it is. `undone` are the purposes of the rules that the form goes back to.
fn read(fields: &Fields, before: &Terms, undone: Purposes) -> Result<ConsentFile, Vec<(&'static str, String)>> {
    let purposes = included(fields.all("purpose").map(str::to_owned).collect(), purposes_of(before).union(undone));
    let known = |name: &String| words::all_purposes().any(|(known, _)| known == name);
    let chosen = if !purposes.is_empty() && purposes.iter().all(known) {
        Ok(())
    } else {
        Err(("purpose", "Choose at least one. To allow nothing at all, withdraw the record instead.".to_owned()))
    };
    let days = number(fields, "days", (1, DAYS_MAX));
    let price = number(fields, "price_min", (0, u64::MAX));
    let cohort = number(fields, "cohort_min", (2, u32::MAX));
    let regions = allowed_regions(fields).map_err(|why| (regions::NAME, why.to_owned()));
    let limit = epsilon(fields.get("epsilon_max"))
        .map_err(|_| ("epsilon_max", "Write 0, or a number such as 0.5 or 1.".to_owned()));
    match (chosen, days, price, cohort, regions, limit) {
        (Ok(()), Ok(days), Ok(price_min), Ok(cohort_min), Ok(regions), Ok(limit)) => Ok(ConsentFile {
            purposes,
            days,
            price_min,
            cohort_min,
            exact: !fields.get("exact").is_empty(),
            screening: !fields.get("screening").is_empty(),
            regions: regions.0,
            epsilon_milli_max: limit.milli(),
            ..ConsentFile::of(before, Day(0))
        }),
        (chosen, days, price, cohort, regions, limit) => {
            let errors = [chosen.err(), days.err(), price.err(), cohort.err(), regions.err(), limit.err()];
            Err(errors.into_iter().flatten().collect())
        }
    }
}

/// What the page that asks once more shows and its fields do not say: the last day, which counts from today, and the one
/// illness, which is the record's. The form carries both along, so that what was looked at is what is set.
fn shown(terms: &ConsentFile, today: Day) -> [(String, String); 2] {
    let last_day = today.0.saturating_add(terms.days);
    [("last_day".into(), last_day.to_string()), ("only_disease".into(), terms.only_disease.to_string())]
}

/// Whether a form that confirms means what the page showed that made it.
fn is_as_shown(fields: &Fields, terms: &ConsentFile, today: Day) -> bool {
    shown(terms, today).iter().all(|(name, value)| fields.get(name) == value.as_str())
}

/// The regions that are chosen, or what to do about them.
fn allowed_regions(fields: &Fields) -> Result<Regions, &'static str> {
    let chosen: Vec<_> = fields.all(regions::NAME).collect();
    match chosen.as_slice() {
        [] => Err("Choose at least one. To allow nothing at all, withdraw the record instead."),
        [EVERYWHERE] => Ok(Regions::ALL),
        some if some.contains(&EVERYWHERE) => Err("Choose “Everywhere” or single regions, not both."),
        some => {
            let all = some.iter().try_fold(0, |all, one| regions::chosen(one).map(|one| all | one.0));
            all.map(Regions).ok_or("Choose them from the boxes here.")
        }
    }
}

/// What was chosen, with the kinds of research that each wider one includes which is chosen anew: who has one without the other
/// keeps it so. What is not known stays as it is.
fn included(chosen: Vec<String>, before: Purposes) -> Vec<String> {
    let Ok(uses) = Purposes::from_names(&chosen) else { return chosen };
    let uses = uses.union(with_included(uses.without(before)));
    let named = Purposes::NAMED.into_iter().filter(|(_, purpose)| uses.contains(*purpose));
    named.map(|(name, _)| name.to_owned()).collect()
}

/// The purposes of rules.
fn purposes_of(terms: &Terms) -> Purposes {
    let named = Purposes::NAMED.into_iter().filter(|(name, _)| terms.purposes.contains(name));
    named.fold(Purposes::default(), |all, (_, purpose)| all.union(purpose))
}

/// A record whose rules a form can say: not those that were made from terms for experts, which it would lose.
fn plain(overview: &Overview, number: usize) -> Result<&HeldRecord, Error> {
    let record = held(overview, number)?;
    let missing = || Error::NotFound { what: "form for the rules of record", id: number.to_string() };
    if record.terms.is_plain() { Ok(record) } else { Err(missing()) }
}

/// A record of the session's wallet.
fn held(overview: &Overview, number: usize) -> Result<&HeldRecord, Error> {
    overview.records.get(number).ok_or_else(|| Error::NotFound { what: "record", id: number.to_string() })
}

/// Which change the form is to undo.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Undo {
    before: Option<String>,
}

/// The rules from before a change of a record of this session's wallet.
fn rules_before(visit: &Visit, record: usize, id: &str) -> Result<Terms, Error> {
    let operation: OperationId = id.parse()?;
    let found = visit.pages.operation(operation, visit.wallet()).and_then(|running| match running.act {
        Act::ChangeConsent { record: number, before, .. } if number == record => Some(*before),
        _ => None,
    });
    found.ok_or_else(|| Error::NotFound { what: "change of rules", id: id.into() })
}

#[get("/use/{record}/change")]
async fn ask_change(
    request: HttpRequest,
    visit: Visit,
    record: Path<usize>,
    undo: Result<Query<Undo>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let undo = asked(undo)?;
    let (seen, overview) = visit.show().await?;
    let held = &plain(&overview, *record)?.terms;
    let before = undo.before.as_deref().map(|id| rules_before(&visit, *record, id)).transpose()?;
    let shell = Shell::of(&request, Part::Consent, "Change what it may be used for");
    let form = Change::of_terms(shell, seen, *record, before.as_ref().unwrap_or(held), overview.time.day());
    page(&Change { before: undo.before.unwrap_or_default(), ..form })
}

#[post("/use/{record}/change")]
async fn change(
    request: HttpRequest,
    visit: Visit,
    record: Path<usize>,
    form: Form<Vec<(String, String)>>,
) -> Result<HttpResponse, Error> {
    let fields = visit.sent(form)?;
    let (seen, overview) = visit.show().await?;
    let record = plain(&overview, *record)?;
    let undone = match fields.get("before") {
        // What was looked at once more is what is set, whatever the rules are by now.
        _ if fields.is_confirmed() => Purposes(u32::MAX),
        "" => Purposes::default(),
        id => purposes_of(&rules_before(&visit, record.number, id)?),
    };
    let terms = match read(&fields, &record.terms, undone) {
        Ok(terms) => terms,
        Err(errors) => {
            let shell = Shell::of(&request, Part::Consent, "Change what it may be used for");
            return page(&Change::of_fields(shell, seen, record.number, &fields, errors));
        }
    };
    let (today, budget) = (overview.time.day(), overview.budget.limit);
    if fields.is_confirmed() && is_as_shown(&fields, &terms, today) {
        let before = Box::new(record.terms.clone());
        let act = Act::ChangeConsent { record: record.number, before, terms, from: today };
        return Ok(lead_to(visit.begin(&fields, act)?));
    }
    let mut carried = fields.carry(&FIELDS);
    carried.extend(shown(&terms, today));
    carried.retain(|(name, _)| *name != "purpose");
    carried.extend(terms.purposes.iter().map(|name| ("purpose".into(), name.clone())));
    let changes = changed(&ConsentFile::of(&record.terms, today), &terms, today, budget);
    let again = fields.is_confirmed().then(|| CHANGED_MEANWHILE.to_owned());
    let question = Question {
        title: "Change your rules like this?".into(),
        does: again.into_iter().chain(changes).chain(unchosen(&fields, &terms)).collect(),
        does_not: vec![
            "Answers that were given before stay given. You can take one back while its question still collects."
                .into(),
            match words::soon(overview.epoch_seconds) {
                Some(soon) => format!("{UNTIL_TAKEN_IN} {soon}"),
                None => UNTIL_TAKEN_IN.into(),
            },
        ],
        fee: FREE.into(),
        action: format!("/use/{}/change", record.number),
        fields: carried,
        button: "Yes, set these rules",
        is_final: false,
        back: "/use",
    };
    ask(&request, Part::Consent, seen, question)
}

#[get("/use/{record}/withdraw")]
async fn ask_withdraw(request: HttpRequest, visit: Visit, record: Path<usize>) -> Result<HttpResponse, Error> {
    let (seen, overview) = visit.show().await?;
    let record = held(&overview, *record)?;
    let question = Question {
        title: "Withdraw this record for ever?".into(),
        does: vec![
            "Soon no new question can use this record. The network takes the change in at its next round.".into(),
            "Everybody's software refuses it from then on, not only yours.".into(),
        ],
        does_not: vec![
            "It cannot be undone. To take part again, your hospital has to make you a new record.".into(),
            "Results that are out stay out, and do not change.".into(),
            "Answers to questions that still run are not taken back by this. Do that first, under “Who asked”.".into(),
            "Copies of raw data that you licensed to somebody are not called back.".into(),
            "Money that you earned stays yours.".into(),
        ],
        fee: FREE.into(),
        action: format!("/use/{}/withdraw", record.number),
        fields: vec![],
        button: "Withdraw it for ever",
        is_final: true,
        back: "/use",
    };
    ask(&request, Part::Consent, seen, question)
}

#[post("/use/{record}/withdraw")]
async fn withdraw(visit: Visit, record: Path<usize>, form: Form<Vec<(String, String)>>) -> Result<HttpResponse, Error> {
    let fields = visit.sent(form)?;
    let (_, overview) = visit.show().await?;
    let record = held(&overview, *record)?.number;
    Ok(lead_to(visit.begin(&fields, Act::Withdraw { record })?))
}

pub(super) fn configure(config: &mut ServiceConfig) {
    config.service(show).service(ask_change).service(change).service(ask_withdraw).service(withdraw);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(values: &[&str]) -> Fields {
        Fields::of(values.iter().map(|value| (regions::NAME, *value)))
    }

    #[test]
    fn repro_whoever_allows_anything_anew_allows_research_on_health_too_and_companies_nothing() {
        let none = Purposes::default();
        let of = |chosen: &[&str], before| included(chosen.iter().map(|name| (*name).to_owned()).collect(), before);
        let any = of(&["any-use"], none);
        assert!(any.contains(&"health-research".into()) && any.contains(&"ancestry".into()), "{any:?}");
        assert!(!any.iter().any(|name| name == "methods" || name.starts_with("commercial")), "{any:?}");
        assert_eq!(of(&["health-research"], none), ["health-research", "disease-specific"]);
        assert_eq!(of(&["ancestry"], none), ["ancestry"]);
        assert_eq!(of(&["ancestry", "no such thing"], none), ["ancestry", "no such thing"]);
    }

    #[test]
    fn repro_who_allows_a_wider_use_without_a_narrower_one_keeps_it_so_whatever_else_changes() {
        let uses = ["general-research", "health-research"].map(str::to_owned);
        let before = Purposes::from_names(&uses).unwrap();
        assert_eq!(included(uses.to_vec(), before), uses);
        assert_eq!(included(uses[..1].to_vec(), before), uses[..1]);
    }

    #[test]
    fn repro_what_was_looked_at_is_not_what_a_later_day_or_another_illness_would_set() {
        let text = r#"{ "purposes": ["ancestry"], "days": 10, "price_min": 500, "cohort_min": 50, "only_disease": 7 }"#;
        let terms: ConsentFile = serde_json::from_str(text).unwrap();
        let looked_at = shown(&terms, Day(20_000));
        let confirmed = Fields::of(looked_at.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        assert!(is_as_shown(&confirmed, &terms, Day(20_000)));
        assert!(!is_as_shown(&confirmed, &terms, Day(20_001)));
        assert!(!is_as_shown(&confirmed, &ConsentFile { only_disease: 0, ..terms.clone() }, Day(20_000)));
        assert!(!is_as_shown(&Fields::of(std::iter::empty()), &terms, Day(20_000)));
    }

    #[test]
    fn regions_are_read_from_the_boxes_that_are_ticked_and_nothing_is_not_everything() {
        for (values, allowed) in [
            (&["everywhere"][..], Regions::ALL),
            (&["1"], Regions(1)),
            (&["1", "3"], Regions(0b101)),
            (&["32"], Regions(1 << 31)),
        ] {
            assert_eq!(allowed_regions(&sent(values)), Ok(allowed));
        }
        for wrong in [&[][..], &["everywhere", "1"], &["1", "everywhere"], &["0"], &["1", "33"], &["Basel"], &[""]] {
            assert!(allowed_regions(&sent(wrong)).is_err(), "{wrong:?}");
        }
    }
}
