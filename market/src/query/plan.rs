//! What a query would take and give, before money or privacy is spent.

use circuits::{
    id::AccountId,
    layout::{Layout, Moment, Statistic},
    privacy::{DELTA, Epsilon, Rho, SlotNoise},
    rlwe::params::LAYOUT_SLOTS,
    schema::{Schema, VariantPanel},
};
use node::{
    calendar::date,
    foresee_opening,
    genesis::Genesis,
    query::{CohortQuery, DataUse, SealingKey},
    state::{Odometer, StateRead, StateView, committee_of},
    units::Amount,
};
use serde::Serialize;

use super::{Measure, QueryFile, named::Names, schema_and_panel};
use crate::{
    Error,
    data_use::{DeclaredUse, demanded_in_words},
    objects::BlobAccess,
};

/// What a query costs and takes, what it spends and how precise it can be.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// Parts of the query: each is one ciphertext and one proof of every contributor.
    pub parts: usize,
    /// Slots that each part uses, of 4,032.
    pub slots: Vec<u16>,
    /// Variants of the schema's panel.
    pub panel_variants: u32,
    /// What is locked: price × maximum contributions.
    pub escrow: Amount,
    /// What opening costs; not refunded.
    pub fee: Amount,
    /// The closing day as a date.
    pub closing: String,
    /// What privacy is spent; none for an exact query.
    pub privacy: Option<PrivacyPlan>,
    /// Who can answer, by what its declared use demands of consents.
    pub data_use: Vec<String>,
    /// How precise its measures would be over the supposed cohort.
    pub expectations: Vec<Expectation>,
    /// What is allowed and may still not be meant.
    pub warnings: Vec<String>,
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
    /// Standard deviation of the noise in a count of the noisiest part, all components together.
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
    /// People that it is of, if they spread evenly over the cells: of a count those in a cell, of a share everyone in its
    /// table.
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
    (view, genesis): (&dyn StateView, &Genesis),
    file: &QueryFile,
    (schema, panel): (&Schema, Option<&VariantPanel>),
    (researcher, sealing): (AccountId, SealingKey),
    cohort: u32,
) -> Result<Plan, Error> {
    let missing = || node::Error::Unknown { what: "tip of the chain", id: "latest".into() };
    let query = file.resolve(schema, panel, view.tip()?.ok_or_else(missing)?.time.day(), sealing)?;
    let parts = file.parts(schema, panel)?;
    let key = view.committee_epoch()?.unwrap_or_default();
    let subsets = committee_of(view, key)?.quorum.subset_count();
    let refusal = foresee_opening(view, genesis, &query, researcher).err().map(|error| error.to_string());
    let noise = |layout: &Layout| {
        let noise = query.rho().and_then(|rho| SlotNoise::new(layout, rho, query.parts.len(), subsets).ok());
        move |slot: usize| noise.as_ref().map_or(0.0, |noise| noise.variance(slot, subsets))
    };
    let mut expectations = vec![];
    for (place, (measure, layouts)) in file.measures.iter().zip(&parts).enumerate() {
        // Parts of one measure may differ in their cells' room, and so in noise: the worst is what to expect.
        let Some(layout) = layouts.iter().max_by(|one, other| noise(one)(0).total_cmp(&noise(other)(0))) else {
            continue;
        };
        let precisions = expected(measure, layout, schema, f64::from(cohort), noise(layout));
        expectations.extend(precisions.into_iter().map(|precision| precision.of_measure(place)));
    }
    let names = Names { schema, panel };
    let warnings = file.measures.iter().map(|measure| measure.warnings(names)).collect::<Result<Vec<_>, _>>()?;
    Ok(Plan {
        parts: query.parts.len(),
        slots: query.parts.iter().map(Layout::slots_used).collect(),
        panel_variants: schema.panel.variants,
        escrow: view.fee_schedule()?.unwrap_or_default().escrow(&query).unwrap_or_default(),
        fee: genesis.parameters.opening_fee,
        closing: date(query.closing),
        privacy: privacy(view, &query, researcher, subsets)?,
        data_use: data_use(&query.data_use, file),
        expectations,
        warnings: [warnings.concat(), approval(view, file)?].concat(),
        refusal,
        query,
    })
}

/// Plans for whoever registered the file's study. The result of such a query would be sealed to a key that nobody has.
///
/// # Errors
/// As [`plan`], and [`Error::BlobStore`] when the store of the panel fails.
pub fn plan_of_study(
    (view, genesis): (&dyn StateView, &Genesis),
    blobs: &dyn BlobAccess,
    file: &QueryFile,
    cohort: Option<u32>,
) -> Result<Plan, Error> {
    let (schema, panel) = schema_and_panel(view, blobs, file.schema)?;
    let nobody = AccountId::from_bytes([0; 32]);
    let researcher = view.study(file.study)?.map_or(nobody, |study| study.researcher);
    let parties = (researcher, SealingKey::new(vec![0]));
    let cohort = cohort.unwrap_or(file.contributions_min).max(1);
    plan((view, genesis), file, (&schema, panel.as_ref()), parties, cohort)
}

/// What the query demands of consents, in words.
fn data_use(demanded: &DataUse, file: &QueryFile) -> Vec<String> {
    let mut words = demanded_in_words(demanded.purposes);
    let named = file.data_use.as_ref().and_then(DeclaredUse::asked_disease);
    let disease = named.map_or(demanded.disease.to_string(), |code| format!("{code}, number {}", demanded.disease));
    if demanded.disease != 0 {
        words.push(format!("of owners who allow one disease alone, those who allow {disease}"));
    }
    match file.data_use.as_ref().map(|declared| &declared.countries) {
        Some(countries) if countries.is_empty() => words.push("no owner who limits the countries of use".into()),
        Some(countries) => {
            let countries = countries.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            words.push(format!("only owners who allow use in {countries}"));
        }
        None => words.push(format!("only owners who allow the regions of bits {:#b}", demanded.regions.0)),
    }
    words
}

/// A declared approval is the study's: whoever checks looks it up under the study.
fn approval(view: &dyn StateView, file: &QueryFile) -> Result<Vec<String>, Error> {
    let Some(declared) = file.data_use.as_ref().and_then(DeclaredUse::approval) else { return Ok(vec![]) };
    let registered = view.study(file.study)?.map(|study| study.registration.ethics);
    let other = registered.filter(|registered| registered.trim() != declared);
    let warning = |registered| {
        format!(
            "the file names the ethics approval {declared:?}, and the study registered {registered:?}; name that one"
        )
    };
    Ok(other.map(warning).into_iter().collect())
}

fn privacy(
    view: &dyn StateView,
    query: &CohortQuery,
    researcher: AccountId,
    subsets: usize,
) -> Result<Option<PrivacyPlan>, Error> {
    let Some(rho) = query.rho() else { return Ok(None) };
    let study = view.study_odometer(query.study)?.unwrap_or_default();
    let of_researcher = view.researcher_odometer(researcher)?.unwrap_or_default();
    let noise = query.parts.iter().filter_map(|part| SlotNoise::new(part, rho, query.parts.len(), subsets).ok());
    Ok(Some(PrivacyPlan {
        epsilon_milli: rho.epsilon(),
        delta: DELTA,
        rho_billionths: rho,
        count_deviation: noise.map(|noise| noise.variance(0, subsets).sqrt()).fold(0.0, f64::max),
        study,
        study_epsilon_milli: study.after(rho).rho.epsilon(),
        researcher: of_researcher,
        researcher_epsilon_milli: of_researcher.after(rho).rho.epsilon(),
    }))
}

/// How precise an estimate would be, in variances.
struct Precision {
    what: String,
    people: f64,
    sampling: Option<f64>,
    noise: f64,
}

impl Precision {
    fn of_measure(self, measure: usize) -> Expectation {
        let Self { what, people, sampling, noise } = self;
        Expectation { measure, what, people, sampling_error: sampling.map(f64::sqrt), noise_error: noise.sqrt() }
    }
}

/// The noise's variance in a share `p = s/(s + r)` of so many people, where `s` is one cell and `r` the other cells of its
/// table, each with noise of this variance: `V·((1 − p)² + p²·(cells − 1))/people²`.
fn share_noise(variance: f64, share: f64, cells: f64, people: f64) -> f64 {
    variance * ((1.0 - share).powi(2) + share * share * (cells - 1.0)) / (people * people)
}

/// What is estimated of a cohort that spreads evenly over the cells. Values are supposed to be uniform over their range,
/// and variants to have an allele frequency of a quarter.
fn expected(
    measure: &Measure,
    layout: &Layout,
    schema: &Schema,
    cohort: f64,
    variance: impl Fn(usize) -> f64,
) -> Vec<Precision> {
    let cells = f64::from(layout.cells().max(1));
    let people = cohort / cells;
    match &layout.statistic {
        Statistic::Count | Statistic::Funnel { .. } => {
            let count = Precision { what: "people in a cell".into(), people, sampling: None, noise: variance(0) };
            [Some(count), share(measure, layout, cohort, variance(0))].into_iter().flatten().collect()
        }
        Statistic::Moments { attributes } => {
            let of = |(place, moment)| mean(schema, (place, moment), people, &variance);
            attributes.iter().enumerate().filter_map(of).collect()
        }
        Statistic::Genotypes { .. } => {
            let frequency = 0.25;
            // Of (het + 2·hom)/2n with noise in all three.
            let noise = (5.0 + 4.0 * frequency * frequency) * variance(0) / (4.0 * people * people);
            let sampling = Some(frequency * (1.0 - frequency) / (2.0 * people));
            vec![Precision { what: "an allele frequency of 0.25".into(), people, sampling, noise }]
        }
    }
}

/// A share of a half of those it is a share of: of a table, of a group's curve, of the step before.
fn share(measure: &Measure, layout: &Layout, cohort: f64, variance: f64) -> Option<Precision> {
    const HALF: f64 = 0.5;
    let cells = f64::from(layout.cells().max(1));
    let (what, people, noise) = match measure {
        Measure::Funnel { .. } => {
            // Two sums beside one another, each counted on its own: (V + p²V)/n².
            let before = cohort / cells;
            ("a share of a half of those before", before, variance * (1.0 + HALF * HALF) / (before * before))
        }
        Measure::Survival { groups, .. } => {
            // A curve at a half has half of its group's cells before it and half after, and as much noise as one of them.
            let groups = groups.as_ref().and_then(|_| layout.axes.first()).map_or(1.0, |axis| f64::from(axis.cells()));
            let (people, cells) = (cohort / groups, cells / groups);
            ("survival of a half in a group", people, share_noise(variance, HALF, cells, people))
        }
        // Tables over strata are summed: a cell then has the noise of several, and at a half the whole's is the same.
        _ if cells > 1.0 => ("a share of a half of everyone", cohort, share_noise(variance, HALF, cells, cohort)),
        _ => return None,
    };
    Some(Precision { what: what.into(), people, sampling: Some(HALF * HALF / people), noise })
}

fn mean(
    schema: &Schema,
    (place, moment): (usize, &Moment),
    people: f64,
    variance: impl Fn(usize) -> f64,
) -> Option<Precision> {
    let attribute = schema.attributes.get(usize::from(moment.attribute))?;
    let scale = f64::from(attribute.scale.max(1));
    let range = f64::from(moment.hi - moment.lo);
    // The value's digits come after those of the values and products before it.
    let first = 1 + 2 * place + 2 * place * (place + 1);
    let noise = variance(first) + 65_536.0 * variance(first + 1) + range * range / 4.0 * variance(0);
    Some(Precision {
        what: format!("mean of {}", attribute.name),
        people,
        sampling: Some(range * range / 12.0 / people / (scale * scale)),
        noise: noise / (people * people * scale * scale),
    })
}

const _: () = assert!(LAYOUT_SLOTS == 4032, "as the plan's documentation says");

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;
    use crate::statistics::noise;

    /// One of 20 cells holds a half of 1,000 people, each cell with noise of variance 9.
    #[test]
    fn repro_the_noise_of_a_share_is_that_of_its_cell_beside_all_others() {
        let mut rng = StdRng::seed_from_u64(3);
        let mut draw = || noise::draw(9.0, &mut rng).unwrap();
        let shares: Vec<f64> = (0..20_000)
            .map(|_| {
                let own = 500.0 + draw();
                let others = 500.0 + (0..19).map(|_| draw()).sum::<f64>();
                own / (own + others) - 0.5
            })
            .collect();
        let found = shares.iter().map(|share| share * share).sum::<f64>() / 20_000.0;
        let expected = share_noise(9.0, 0.5, 20.0, 1_000.0);
        assert!((found / expected - 1.0).abs() < 0.05, "{found} and {expected}");
    }
}
