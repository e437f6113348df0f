//! Opening and closing a screening.

use circuits::id::{AccountId, ScreeningId};

use super::{
    amend_study::{require_open, require_study},
    open_query::check_days,
    study_design::require_protocol,
};
use crate::{
    Error,
    calendar::date,
    event::Event,
    execute::{Context, collect_fee, credit, debit, require_issuer, require_researcher},
    screening::ScreeningQuery,
    state::{Draft, ScreeningState, StateRead, Study},
};

/// Opens a screening: locks price × maximum and pays the opening fee, which is not refunded.
pub(super) fn open(
    screening: &ScreeningQuery,
    sender: AccountId,
    nonce: u64,
    draft: &mut Draft<'_>,
    context: &Context<'_>,
) -> Result<Vec<Event>, Error> {
    require_researcher(draft, sender, "open a screening")?;
    let mut study = require_study(screening.study, draft)?;
    require_open(screening.study, &study)?;
    check_recruits(screening, &study, sender, draft)?;
    let unknown = || Error::Unknown { what: "schema", id: screening.schema.to_string() };
    screening.criteria.check_public(&draft.schema(screening.schema)?.ok_or_else(unknown)?)?;
    check_days(screening.opening, screening.closing, context)?;
    screening.issuers.iter().try_for_each(|issuer| require_issuer(draft, *issuer, "be in an allow-list"))?;

    let id = screening.id(&context.chain, &sender, nonce)?;
    screening.terms(id, context.epoch).check()?;
    let (escrow, fee) = (screening.escrow()?, context.genesis.parameters.opening_fee);
    debit(draft, sender, escrow.plus(fee)?)?;
    collect_fee(draft, fee)?;
    let state = ScreeningState {
        screening: screening.clone(),
        sponsor: sender,
        nonce,
        opened: context.height,
        opening_epoch: context.epoch,
        study_version: study.version,
        escrow,
        eligible: 0,
        invited: 0,
        accepted: 0,
        declined: 0,
        closed: None,
    };
    draft.put_screening(id, &state)?;
    study.opened = study.opened.checked_add(1).ok_or(Error::Overflow { what: "screenings of a study" })?;
    draft.put_study(screening.study, &study)?;
    Ok(vec![Event::ScreeningOpened { screening: id, sponsor: sender, study: screening.study, escrow, fee }])
}

/// The study's researcher recruits for it, or the sponsor that its latest version names.
fn check_recruits(
    screening: &ScreeningQuery,
    study: &Study,
    sender: AccountId,
    draft: &Draft<'_>,
) -> Result<(), Error> {
    let sponsor = require_protocol(screening.study, study.version, draft)?.design.sponsor;
    if sender == study.researcher || sponsor == Some(sender) {
        return Ok(());
    }
    let remedy = "the researcher who registered it does, or the sponsor that it names";
    Err(Error::Unauthorized { account: sender, action: "recruit for this study", remedy })
}

/// Ends a screening and returns what is left. Anyone may once it is full or past its closing day, the sponsor at any
/// time: what it learned it paid for, response by response. Invitations and answers may follow.
pub(super) fn close(
    id: ScreeningId,
    sender: AccountId,
    draft: &mut Draft<'_>,
    context: &Context<'_>,
) -> Result<Vec<Event>, Error> {
    let mut state = require_screening(id, draft)?;
    require_collecting(id, &state)?;
    let screening = &state.screening;
    let over = context.time.day() > screening.closing || state.eligible >= screening.responses_max;
    if !over && sender != state.sponsor {
        let why = format!(
            "it runs until the end of {} or {} responses; before, its sponsor closes it",
            date(screening.closing),
            screening.responses_max
        );
        return Err(refused(id, &why));
    }
    let returned = std::mem::take(&mut state.escrow);
    credit(draft, state.sponsor, returned)?;
    state.closed = Some(context.height);
    draft.put_screening(id, &state)?;
    Ok(vec![Event::ScreeningClosed { screening: id, eligible: state.eligible, returned }])
}

pub(super) fn refused(id: ScreeningId, why: &str) -> Error {
    Error::Refused { what: "screening", why: format!("{id}: {why}") }
}

/// The screening, which must exist.
pub(super) fn require_screening(id: ScreeningId, draft: &Draft<'_>) -> Result<ScreeningState, Error> {
    draft.screening(id)?.ok_or_else(|| Error::Unknown { what: "screening", id: id.to_string() })
}

/// The screening must not be closed.
pub(super) fn require_collecting(id: ScreeningId, state: &ScreeningState) -> Result<(), Error> {
    state.closed.map_or(Ok(()), |height| Err(refused(id, &format!("it was closed in block {height}"))))
}
