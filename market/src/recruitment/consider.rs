//! Whether a wallet's consent and records allow a response, checked before anything is proven or sent.

use circuits::{
    eligibility::{binding, check},
    id::{AccountId, Digest, ScreeningId},
};
use node::{
    calendar::date,
    screening::as_query,
    state::{ScreeningState, StateRead},
    units::ResponseIndex,
};

use super::Outlook;
use crate::{
    Error,
    agent::{Asked, ConsentRule, Forbidden, Refusal, data_use_refusal, purpose_refusal, refusal, witness},
    introduction::KnownAsker,
    ledger::{LedgerAccess, SyncedTree, tip},
    wallet::{Holding, ResponseStage, Wallet},
};

/// Why a record does not respond: as of a query, in a screening's words.
fn reason(error: &circuits::Error, holding: &Holding, state: &ScreeningState) -> Refusal {
    match refusal(error) {
        Refusal::Consent(forbidden) if forbidden.rule() == ConsentRule::Purpose => {
            purpose_refusal(Asked::Screening, holding, state.screening.data_use.purposes)
        }
        Refusal::Consent(forbidden) => Refusal::Consent(Forbidden::new(forbidden.rule(), Asked::Screening)),
        other => other,
    }
}

/// Whether a held record may respond; natively, clause by clause.
fn check_holding(
    ledger: &dyn LedgerAccess,
    wallet: &Wallet,
    holding: &Holding,
    id: ScreeningId,
    state: &ScreeningState,
    (tree, asker): (&SyncedTree, &KnownAsker),
) -> Result<(), Refusal> {
    if holding.record.schema != state.screening.schema {
        return Err(Refusal::OtherSchema);
    }
    let witness = witness(holding, tree)?;
    let terms = state.terms(id);
    // What the proof travels with does not matter here.
    let nothing = AccountId::from_bytes([0; 32]);
    let binding = binding(&ledger.chain(), &as_query(id), 0, &nothing, &Digest::from_bytes([0; 32]));
    check(&terms, &witness.instance(&terms, binding), &witness).map_err(|error| reason(&error, holding, state))?;
    data_use_refusal(wallet, holding, asker).map_or(Ok(()), Err)
}

/// The place of the wallet's response, if it knows of one or the ledger has what it sent. The ledger is asked only for a
/// nullifier that is ready to be sent or was: any other would announce who thinks of responding.
pub(super) fn admitted(
    ledger: &dyn LedgerAccess,
    wallet: &Wallet,
    id: ScreeningId,
) -> Result<Option<ResponseIndex>, Error> {
    Ok(match wallet.responses().get(&id).map(|response| &response.stage) {
        None => None,
        Some(ResponseStage::Admitted { response }) => Some(*response),
        Some(ResponseStage::Proven(sent)) => {
            ledger.screening_nullifier(sent.nullifier)?.map(|admission| admission.response)
        }
    })
}

fn closed(state: &ScreeningState, ledger: &dyn LedgerAccess) -> Result<Option<Refusal>, Error> {
    let refuse = |why: String| Ok(Some(Refusal::NotCollecting(why)));
    let screening = &state.screening;
    if let Some(height) = state.closed {
        return refuse(format!("it was closed in block {height}"));
    }
    if state.eligible >= screening.responses_max {
        return refuse("it has all responses it pays for".into());
    }
    let day = tip(ledger)?.time.day();
    if day < screening.opening {
        return refuse(format!("it opens on {}, and this is {}", date(screening.opening), date(day)));
    }
    if day > screening.closing {
        return refuse(format!("it closed on {}, and this is {}", date(screening.closing), date(day)));
    }
    Ok(None)
}

/// What the agent would do with a screening for a wallet.
///
/// # Errors
/// [`Error::Ledger`] when the ledger cannot be reached.
pub fn consider(
    ledger: &dyn LedgerAccess,
    wallet: &Wallet,
    id: ScreeningId,
    state: &ScreeningState,
    (tree, asker): (&SyncedTree, &KnownAsker),
) -> Result<Outlook, Error> {
    if let Some(response) = admitted(ledger, wallet, id)? {
        return Ok(Outlook::Responded { response });
    }
    match closed(state, ledger)? {
        Some(reason) => Ok(Outlook::Decline { reasons: vec![reason] }),
        None => Ok(weigh(ledger, wallet, id, state, (tree, asker))),
    }
}

/// What the owner's records and rules of today say of a screening, whether or not it admits responses now. The ledger is not
/// asked.
#[must_use]
pub fn weigh(
    ledger: &dyn LedgerAccess,
    wallet: &Wallet,
    id: ScreeningId,
    state: &ScreeningState,
    (tree, asker): (&SyncedTree, &KnownAsker),
) -> Outlook {
    let begun = wallet.responses().get(&id).map(|response| response.holding);
    let mut reasons = vec![];
    for (holding, held) in (0u32..).zip(wallet.holdings()) {
        if begun.is_some_and(|begun| begun != holding) {
            continue;
        }
        match check_holding(ledger, wallet, held, id, state, (tree, asker)) {
            Ok(()) => return Outlook::Respond { holding, price: state.screening.price },
            Err(refusal) => reasons.push(refusal),
        }
    }
    if reasons.is_empty() {
        reasons.push(Refusal::NoRecord);
    }
    Outlook::Decline { reasons }
}
