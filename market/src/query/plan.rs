//! What a query would take and give, before money or privacy is spent.

use circuits::{
    id::AccountId,
    layout::Layout,
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

use super::{
    QueryFile,
    named::Names,
    precision::{Expectation, Supposed},
    schema_and_panel,
};
use crate::{
    Error,
    data_use::{DeclaredUse, demanded_in_words, regions_in_words},
    objects::BlobAccess,
    so_many,
    statistics::accounting::tight_epsilon,
};

/// What a query costs and takes, what it spends and how precise it can be.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// Parts of the query: each is one ciphertext and one proof of every contributor.
    pub parts: usize,
    /// Proofs of all contributors together, at most: parts × maximum contributions.
    pub proofs: u64,
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
    /// The same three as opendp accounts for them at the same δ: never more than the ledger, which counts in whole numbers.
    pub tight: TightEpsilon,
}

/// The least ε that is kept, by [`tight_epsilon`]; none where that is no finite one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TightEpsilon {
    /// Of the query.
    pub query: Option<f64>,
    /// Of the study, with this query.
    pub study: Option<f64>,
    /// Of the researcher, with this query.
    pub researcher: Option<f64>,
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
    let supposed = Supposed { schema, people: cohort, rho: query.rho(), parts: query.parts.len(), subsets };
    let (expectations, drowned) = supposed.foresee(&file.measures, &parts)?;
    let names = Names { schema, panel };
    let warnings = file.measures.iter().map(|measure| measure.warnings(names)).collect::<Result<Vec<_>, _>>()?;
    Ok(Plan {
        parts: query.parts.len(),
        proofs: query.parts.len() as u64 * u64::from(query.contributions_max),
        slots: query.parts.iter().map(Layout::slots_used).collect(),
        panel_variants: schema.panel.variants,
        escrow: view.fee_schedule()?.unwrap_or_default().escrow(&query).unwrap_or_default(),
        fee: genesis.parameters.opening_fee,
        closing: date(query.closing),
        privacy: privacy(view, &query, researcher, subsets)?,
        data_use: data_use(&query.data_use, file),
        expectations,
        warnings: [drowned, warnings.concat(), approval(view, file)?, reach(view, file)?].concat(),
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
    let disease =
        named.map_or(format!("number {}", demanded.disease), |code| format!("{code}, number {}", demanded.disease));
    if demanded.disease != 0 {
        words.push(format!("of owners who allow one disease alone, those who allow {disease}"));
    }
    match file.data_use.as_ref().map(|declared| &declared.countries) {
        Some(countries) if countries.is_empty() => words.push("no owner who limits the countries of use".into()),
        Some(countries) => {
            let countries = countries.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            words.push(format!("only owners who allow use in {countries}"));
        }
        None => words.push(format!("only owners who allow use in {}", regions_in_words(demanded.regions))),
    }
    words
}

/// That fewer records are registered than the query waits for.
fn reach(view: &dyn StateView, file: &QueryFile) -> Result<Vec<String>, Error> {
    let epoch = view.tip()?.map(|tip| tip.epoch).unwrap_or_default();
    let records = view.epoch_snapshot(epoch)?.map_or(0, |snapshot| snapshot.leaves);
    let warning = || {
        let (least, counted) = (file.contributions_min, so_many(records, "record counts", "records count"));
        format!("{counted} on this ledger now, so {least} contributions cannot come from them alone")
    };
    Ok((records < file.contributions_min).then(warning).into_iter().collect())
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
    let (study_after, researcher_after) = (study.after(rho).rho, of_researcher.after(rho).rho);
    let noise = query.parts.iter().filter_map(|part| SlotNoise::new(part, rho, query.parts.len(), subsets).ok());
    Ok(Some(PrivacyPlan {
        epsilon_milli: rho.epsilon(),
        delta: DELTA,
        rho_billionths: rho,
        count_deviation: noise.map(|noise| noise.variance(0, subsets).sqrt()).fold(0.0, f64::max),
        study,
        study_epsilon_milli: study_after.epsilon(),
        researcher: of_researcher,
        researcher_epsilon_milli: researcher_after.epsilon(),
        tight: TightEpsilon {
            query: tight_epsilon(rho),
            study: tight_epsilon(study_after),
            researcher: tight_epsilon(researcher_after),
        },
    }))
}

const _: () = assert!(LAYOUT_SLOTS == 4032, "as the plan's documentation says");
