//! What a query would take and give, before money or privacy is spent.

use circuits::{
    id::AccountId,
    layout::{Layout, Statistic},
    privacy::{DELTA, Epsilon, Rho, SlotNoise},
    rlwe::params::LAYOUT_SLOTS,
    schema::{Schema, VariantPanel},
};
use node::{
    calendar::date,
    foresee_opening,
    query::{CohortQuery, SealingKey},
    state::{Odometer, StateRead},
    units::Amount,
};
use serde::Serialize;

use super::{Measure, QueryFile};
use crate::{
    Error,
    ledger::{LedgerAccess, tip},
};

/// What a query costs and takes, what it spends and how precise it can be.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// Parts of the query: each is one ciphertext and one proof of every contributor.
    pub parts: usize,
    /// Slots that each part uses, of 4,032.
    pub slots: Vec<u16>,
    /// What is locked: price × maximum contributions.
    pub escrow: Amount,
    /// What opening costs; not refunded.
    pub fee: Amount,
    /// The closing day as a date.
    pub closing: String,
    /// What privacy is spent; none for an exact query.
    pub privacy: Option<PrivacyPlan>,
    /// How precise its measures would be over the supposed cohort.
    pub expectations: Vec<Expectation>,
    /// Why the ledger would refuse it now; none if it would not.
    pub refusal: Option<String>,
    /// The query itself.
    pub query: CohortQuery,
}

/// What a private query spends.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PrivacyPlan {
    /// ε of the query.
    pub epsilon_milli: Epsilon,
    /// δ of every query.
    pub delta: f64,
    /// The same in zero-concentrated differential privacy, in billionths.
    pub rho_billionths: Rho,
    /// Standard deviation of the noise in a count, all components together.
    pub count_deviation: f64,
    /// What the study's released queries spent before.
    pub study: Odometer,
    /// ε that the study will have spent with this one.
    pub study_epsilon_milli: Epsilon,
    /// What the researcher's released queries spent before, over all studies.
    pub researcher: Odometer,
    /// ε that the researcher will have spent with this one.
    pub researcher_epsilon_milli: Epsilon,
}

/// The precision of one measure over a supposed cohort.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Expectation {
    /// The measure's place in the file.
    pub measure: usize,
    /// What is estimated.
    pub what: String,
    /// People in each cell, if they spread evenly.
    pub people: f64,
    /// Standard error from sampling alone; none for a count of the cohort itself.
    pub sampling_error: Option<f64>,
    /// Standard error from privacy noise alone; 0 for an exact query.
    pub noise_error: f64,
}

/// Plans a query for a cohort of this many people.
///
/// # Errors
/// [`Error::QueryFile`] for what cannot be resolved, [`Error::Ledger`] when the ledger cannot be reached. What the ledger
/// itself would refuse is in the plan.
pub fn plan(
    ledger: &dyn LedgerAccess,
    file: &QueryFile,
    (schema, panel): (&Schema, Option<&VariantPanel>),
    (researcher, sealing): (AccountId, SealingKey),
    cohort: u32,
) -> Result<Plan, Error> {
    let query = file.resolve(schema, panel, tip(ledger)?.time.day(), sealing)?;
    let parts = file.parts(schema, panel)?;
    let subsets = ledger.genesis().committee.quorum.subset_count();
    let refusal = foresee_opening(ledger, ledger.genesis(), &query, researcher).err().map(|error| error.to_string());
    let mut expectations = vec![];
    for (place, (measure, layouts)) in file.measures.iter().zip(&parts).enumerate() {
        let Some(layout) = layouts.first() else { continue };
        let noise = query.rho().and_then(|rho| SlotNoise::new(layout, rho, query.parts.len(), subsets).ok());
        let variance = |slot| noise.as_ref().map_or(0.0, |noise| noise.variance(slot, subsets));
        let people = f64::from(cohort) / f64::from(layout.cells().max(1));
        expectations.extend(expected(measure, layout, schema, people, variance).into_iter().map(
            |(what, sampling, noise): (String, Option<f64>, f64)| Expectation {
                measure: place,
                what,
                people,
                sampling_error: sampling.map(f64::sqrt),
                noise_error: noise.sqrt(),
            },
        ));
    }
    Ok(Plan {
        parts: query.parts.len(),
        slots: query.parts.iter().map(Layout::slots_used).collect(),
        escrow: query.escrow().unwrap_or_default(),
        fee: ledger.genesis().parameters.opening_fee,
        closing: date(query.closing),
        privacy: privacy(ledger, &query, researcher, subsets)?,
        expectations,
        refusal,
        query,
    })
}

fn privacy(
    ledger: &dyn LedgerAccess,
    query: &CohortQuery,
    researcher: AccountId,
    subsets: usize,
) -> Result<Option<PrivacyPlan>, Error> {
    let Some(rho) = query.rho() else { return Ok(None) };
    let study = ledger.study_odometer(query.study)?.unwrap_or_default();
    let of_researcher = ledger.researcher_odometer(researcher)?.unwrap_or_default();
    let noise = query.parts.first().and_then(|part| SlotNoise::new(part, rho, query.parts.len(), subsets).ok());
    Ok(Some(PrivacyPlan {
        epsilon_milli: rho.epsilon(),
        delta: DELTA,
        rho_billionths: rho,
        count_deviation: noise.map_or(0.0, |noise| noise.variance(0, subsets).sqrt()),
        study,
        study_epsilon_milli: study.after(rho).rho.epsilon(),
        researcher: of_researcher,
        researcher_epsilon_milli: of_researcher.after(rho).rho.epsilon(),
    }))
}

/// What is estimated, with the variances of sampling and of noise. Values are supposed to be uniform over their range,
/// and variants to have an allele frequency of a quarter.
fn expected(
    measure: &Measure,
    layout: &Layout,
    schema: &Schema,
    people: f64,
    variance: impl Fn(usize) -> f64,
) -> Vec<(String, Option<f64>, f64)> {
    let squared = people * people;
    match &layout.statistic {
        Statistic::Count | Statistic::Funnel { .. } => {
            let mut expected = vec![("people in a cell".into(), None, variance(0))];
            if matches!(measure, Measure::Survival { .. } | Measure::Contingency { .. } | Measure::Histogram { .. }) {
                // Of a share p = s/n with noise in s and n alike: (V + p²V)/n².
                expected.push(("a share of a half".into(), Some(0.25 / people), 1.25 * variance(0) / squared));
            }
            expected
        }
        Statistic::Moments { attributes } => {
            let of = |place: usize, moment: &circuits::layout::Moment| {
                let attribute = schema.attributes.get(usize::from(moment.attribute))?;
                let scale = f64::from(attribute.scale.max(1));
                let range = f64::from(moment.hi - moment.lo);
                // The value's digits come after those of the values and products before it.
                let first = 1 + 2 * place + 2 * place * (place + 1);
                let noise = variance(first) + 65_536.0 * variance(first + 1) + range * range / 4.0 * variance(0);
                let sampling = range * range / 12.0 / people / (scale * scale);
                Some((format!("mean of {}", attribute.name), Some(sampling), noise / squared / (scale * scale)))
            };
            attributes.iter().enumerate().filter_map(|(place, moment)| of(place, moment)).collect()
        }
        Statistic::Genotypes { .. } => {
            let frequency = 0.25;
            // Of (het + 2·hom)/2n with noise in all three.
            let noise = (5.0 + 4.0 * frequency * frequency) * variance(0) / (4.0 * squared);
            let sampling = frequency * (1.0 - frequency) / (2.0 * people);
            vec![("an allele frequency of 0.25".into(), Some(sampling), noise)]
        }
    }
}

const _: () = assert!(LAYOUT_SLOTS == 4032, "as the plan's documentation says");
