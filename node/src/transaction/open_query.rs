//! Opening a query: its conditions, its escrow and its fee.

use circuits::{consent::Day, id::AccountId, layout::Layout, privacy::Epsilon};

use super::{amend_study::require_own_study, study_design::require_protocol};
use crate::{
    Error, analysis,
    calendar::date,
    event::Event,
    execute::{Context, collect_fee, debit, require_issuer, require_researcher},
    query::{CohortQuery, OpeningEpoch, PrivacyMode, check_against_schema},
    state::{Conformance, Draft, QueryState, QueryStatus, StateRead, committee_of},
    units::StudyVersion,
};

pub(crate) fn execute(
    query: &CohortQuery,
    sender: AccountId,
    nonce: u64,
    draft: &mut Draft<'_>,
    context: &Context<'_>,
) -> Result<Vec<Event>, Error> {
    require_researcher(draft, sender, "open a query")?;
    let mut study = require_own_study(query.study, sender, "open a query for this study", draft)?;
    let unknown = || Error::Unknown { what: "schema", id: query.schema.to_string() };
    let schema = draft.schema(query.schema)?.ok_or_else(unknown)?;
    check_against_schema(query, &schema, context.genesis.parameters.exact_groups_allowed)?;
    check_days(query.opening, query.closing, context)?;
    query.issuers.iter().try_for_each(|issuer| require_issuer(draft, *issuer, "be in an allow-list"))?;

    let parameters = &context.genesis.parameters;
    let opening_epoch = OpeningEpoch { epoch: context.epoch, exact_period_epochs: parameters.exact_period_epochs };
    match query.privacy {
        PrivacyMode::Exact => check_exact(query, opening_epoch, draft, context)?,
        PrivacyMode::Private { epsilon_milli } => check_private(query, epsilon_milli, draft, context)?,
    }
    let committee = draft.committee_epoch()?.unwrap_or_default();
    let mut key = draft.committee(committee)?.unwrap_or_default();
    let Some(committee_key) = key.active_key() else {
        let why = format!("committee key {committee} is not active; its members must finish generating it");
        return Err(Error::Refused { what: "query", why });
    };
    key.take_releases(committee, query.parts.len())?;
    draft.put_committee(committee, &key)?;

    let id = query.id(&context.chain, &sender, nonce)?;
    let fees = draft.fee_schedule()?.unwrap_or_default();
    let (escrow, fee) = (fees.escrow(query)?, parameters.opening_fee);
    debit(draft, sender, escrow.plus(fee)?)?;
    collect_fee(draft, fee)?;
    let state = QueryState {
        query: query.clone(),
        researcher: sender,
        nonce,
        opened: context.height,
        opening_epoch,
        committee,
        committee_key,
        status: QueryStatus::Collecting,
        escrow,
        admitted: 0,
        surviving: 0,
        liars: vec![],
        study_version: study.version,
        conformance: conformance(query, study.version, draft)?,
        fees,
    };
    for part in (0u8..).take(query.parts.len()) {
        state.terms(id, part)?.check()?;
    }
    draft.put_query(id, &state)?;
    study.opened = study.opened.checked_add(1).ok_or(Error::Overflow { what: "queries of a study" })?;
    draft.put_study(query.study, &study)?;
    let QueryState { study_version: version, conformance, .. } = state;
    Ok(vec![
        Event::QueryOpened { query: id, researcher: sender, study: query.study, escrow, fee },
        Event::QueryCompared { query: id, study: query.study, version, conformance },
    ])
}

/// Whether the latest version of the study had planned the query.
fn conformance(query: &CohortQuery, version: StudyVersion, draft: &Draft<'_>) -> Result<Conformance, Error> {
    let planned = require_protocol(query.study, version, draft)?.design.planned;
    Ok(match planned.contains(&analysis(query)?) {
        _ if planned.is_empty() => Conformance::Unplanned,
        true => Conformance::Planned,
        false => Conformance::Deviates,
    })
}

/// The chain's bound on the days until something closes.
pub(super) fn check_days(opening: Day, closing: Day, context: &Context<'_>) -> Result<(), Error> {
    let refuse = |why: String| Err(Error::Refused { what: "query days", why });
    let (today, limit) = (context.time.day(), context.genesis.parameters.query_days_max);
    if closing < today {
        return refuse(format!("it closes on {}, before today, {}", date(closing), date(today)));
    }
    let days = closing.0.saturating_sub(opening.0.min(today.0));
    if days > limit {
        return refuse(format!("{days} days until it closes; this chain allows {limit}"));
    }
    Ok(())
}

/// The chain's cap on one query's privacy loss, and that the noise fits the slots.
fn check_private(query: &CohortQuery, epsilon: Epsilon, draft: &Draft<'_>, context: &Context<'_>) -> Result<(), Error> {
    let most = context.genesis.parameters.epsilon_milli_max;
    if epsilon > most {
        let why = format!("its ε is {epsilon}; this chain allows at most {most} to one query");
        return Err(Error::Refused { what: "private query", why });
    }
    let subsets = committee_of(draft, draft.committee_epoch()?.unwrap_or_default())?.quorum.subset_count();
    (0u8..).take(query.parts.len()).try_for_each(|part| query.noise(part, subsets).map(|_| ()))
}

/// The conditions of an exact release, which carries no noise.
fn check_exact(
    query: &CohortQuery,
    opening: OpeningEpoch,
    draft: &Draft<'_>,
    context: &Context<'_>,
) -> Result<(), Error> {
    let parameters = &context.genesis.parameters;
    let refuse = |why: String| Err(Error::Refused { what: "exact query", why });
    if opening.registered_before(query.privacy) == 0 {
        return refuse(format!(
            "no record can be older than the first period; wait for epoch {}",
            opening.exact_period_epochs
        ));
    }
    let accredited = draft.issuer_count()?.unwrap_or_default();
    let possible = if query.issuers.is_empty() { accredited } else { u32::try_from(query.issuers.len()).unwrap_or(0) };
    if possible < u32::from(parameters.exact_issuers_min) {
        return refuse(format!(
            "its records can come from {possible} issuers; {} are needed so that no one issuer's people are singled out",
            parameters.exact_issuers_min
        ));
    }
    for (part, layout) in query.parts.iter().enumerate() {
        if layout.reads_dosages() && !parameters.exact_genotypes_allowed {
            return refuse(format!("part {part} measures genotypes, which this chain releases only with noise"));
        }
    }
    // Cells of one part can be subtracted from those of another, down to where both cut.
    let cells = |cells: u64, layout: &Layout| cells.saturating_mul(layout.cells().into());
    let cells = if parameters.exact_groups_allowed { 1 } else { query.parts.iter().fold(1, cells) };
    let floor = cells.saturating_mul(parameters.exact_floor.into());
    if u64::from(query.contributions_min) < floor {
        return refuse(format!(
            "it needs a minimum of {floor} contributions: {} for each of {cells} cells, those of all parts multiplied",
            parameters.exact_floor
        ));
    }
    Ok(())
}
