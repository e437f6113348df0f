//! The plan beside the form: the same as `POST /v1/plans` gives.

use askama::{Template, filters::HtmlSafe};
use circuits::{rlwe::params::LAYOUT_SLOTS, schema::Schema};
use market::query::{Plan, PrivacyPlan, QueryFile, groups_in_words, plan_of_study};

use super::{
    draft::Draft,
    fields::field_id,
    file::{FieldErrors, of_draft},
};
use crate::{Error, api::Service, pages::parts};

/// What is said of a draft.
#[derive(Template)]
#[template(path = "builder_plan.html")]
pub(super) struct Planned {
    outcome: Outcome,
    address: String,
}

impl HtmlSafe for Planned {}

#[allow(clippy::large_enum_variant, reason = "a page holds one")]
enum Outcome {
    /// Some fields mean nothing yet.
    Unfinished(Vec<(String, String)>),
    /// The query means nothing under its schema.
    Refused(String),
    /// What it would cost and tell.
    Plan { plan: Plan, file: String, asked: Asked },
}

/// Whom a query asks and counts, in words.
struct Asked {
    whom: String,
    counted: Option<String>,
}

impl Asked {
    fn of(file: &QueryFile) -> Self {
        let whom = Some(&file.criteria).filter(|criteria| !criteria.is_empty());
        let counted = Some(&file.matching).filter(|matching| !matching.is_empty());
        Self {
            whom: whom.map_or_else(|| "everybody".into(), |criteria| groups_in_words(criteria)),
            counted: counted.map(|matching| groups_in_words(matching)),
        }
    }
}

impl Planned {
    /// Plans a draft; errors that belong to fields are returned by the fields' names.
    ///
    /// # Errors
    /// [`Error`] when the ledger or the blobs cannot be read.
    pub(super) fn of(
        service: &Service,
        draft: &Draft,
        schema: Option<&Schema>,
        address: String,
    ) -> Result<(Self, FieldErrors), Error> {
        let cohort = draft.cohort.trim();
        let cohort: Option<u32> = if cohort.is_empty() { None } else { cohort.parse().ok() };
        let errors = match of_draft(draft, schema) {
            Ok(file) => {
                let outcome = plan(service, &file, cohort)?;
                return Ok((Self { outcome, address }, FieldErrors::new()));
            }
            Err(errors) => errors,
        };
        let unfinished = errors.iter().map(|(name, why)| (field_id(name), why.clone())).collect();
        Ok((Self { outcome: Outcome::Unfinished(unfinished), address }, errors))
    }

    fn slots_all(&self) -> usize {
        LAYOUT_SLOTS
    }

    fn epsilon_after(&self, privacy: &PrivacyPlan) -> [String; 4] {
        [
            privacy.study.rho.epsilon().to_string(),
            privacy.study_epsilon_milli.to_string(),
            privacy.researcher.rho.epsilon().to_string(),
            privacy.researcher_epsilon_milli.to_string(),
        ]
    }
}

/// An error in a few digits.
fn few(value: &f64) -> String {
    if *value >= 100.0 {
        format!("{value:.0}")
    } else if *value >= 1.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.4}")
    }
}

/// The plan, or why the file means no query.
fn plan(service: &Service, file: &QueryFile, cohort: Option<u32>) -> Result<Outcome, Error> {
    let (snapshot, genesis) = (service.chain.snapshot()?, service.chain.ledger().genesis());
    match plan_of_study((&snapshot, genesis), &service.fetching(), file, cohort) {
        Ok(plan) => {
            let failed =
                |error: serde_json::Error| Error::Internal { action: "write a query file", why: error.to_string() };
            let asked = Asked::of(file);
            Ok(Outcome::Plan { plan, file: serde_json::to_string(file).map_err(failed)?, asked })
        }
        Err(error @ (market::Error::QueryFile { .. } | market::Error::Statement(_))) => {
            Ok(Outcome::Refused(error.to_string()))
        }
        Err(market::Error::Ledger(error @ (node::Error::Unknown { .. } | node::Error::Refused { .. }))) => {
            Ok(Outcome::Refused(error.to_string()))
        }
        Err(error) => Err(error.into()),
    }
}
