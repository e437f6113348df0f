//! Screenings on a ledger.

use circuits::id::ScreeningId;
use node::{
    block::Block,
    state::{ScreeningState, StateRead},
    transaction::{Action, Transaction},
};

use super::{LedgerAccess, tip};
use crate::{
    Error,
    index::{ScreeningFilter, Whose},
};

/// The state of a screening, whose terms are those that its id stands for.
///
/// # Errors
/// [`Error::Ledger`] when the ledger does not know it, or shows another screening under the id.
pub fn require_screening(ledger: &dyn LedgerAccess, id: ScreeningId) -> Result<ScreeningState, Error> {
    let state = ledger.screening(id)?.ok_or_else(|| node::Error::Unknown { what: "screening", id: id.to_string() })?;
    if state.screening.id(&ledger.chain(), &state.sponsor, state.nonce)? == id {
        return Ok(state);
    }
    let why = format!("the screening shown does not hash to {id}");
    Err(node::Error::Corrupt { what: "screening", why }.into())
}

/// The screenings that admit responses today, by id.
///
/// # Errors
/// [`Error::Ledger`] when the ledger cannot be reached.
pub fn open_screenings(ledger: &dyn LedgerAccess) -> Result<Vec<(ScreeningId, ScreeningState)>, Error> {
    filtered_screenings(ledger, &ScreeningFilter { of: None, open: true })
}

/// The screenings of a study or a sponsor, or all of them, by id; with `open`, those that admit responses today.
///
/// # Errors
/// [`Error::Ledger`] when the ledger cannot be reached.
pub fn filtered_screenings(
    ledger: &dyn LedgerAccess,
    filter: &ScreeningFilter,
) -> Result<Vec<(ScreeningId, ScreeningState)>, Error> {
    let today = tip(ledger)?.time.day();
    let mut found = vec![];
    for id in ledger.filtered_screening_ids(filter)? {
        let state = require_screening(ledger, id)?;
        let screening = &state.screening;
        let is_of = match filter.of {
            None => true,
            Some(Whose::Study(study)) => screening.study == study,
            Some(Whose::Account(sponsor)) => state.sponsor == sponsor,
        };
        let admits = !state.has_ended() && (screening.opening..=screening.closing).contains(&today);
        if is_of && (admits || !filter.open) {
            found.push((id, state));
        }
    }
    Ok(found)
}

/// The screenings that a block opened.
pub(super) fn opened_in(block: &Block) -> Result<Vec<ScreeningId>, Error> {
    let mut opened = vec![];
    for transaction in &block.transactions {
        let Transaction::Signed(signed) = transaction else { continue };
        if let Action::OpenScreening(screening) = &signed.action {
            opened.push(screening.id(&signed.chain, &signed.sender, signed.nonce)?);
        }
    }
    Ok(opened)
}
