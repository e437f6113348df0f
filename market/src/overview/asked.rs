//! Who asked, what for, and what the owner's agent made of it.

use circuits::{
    consent::{Day, Purposes},
    id::{AccountId, QueryId, ScreeningId, StudyId},
};
use node::{
    query::{DataUse, PrivacyMode},
    state::{QueryState, QueryStatus, ScreeningState},
    units::Amount,
};
use serde::Serialize;

use super::LedgerView;
use crate::{
    Error,
    agent::{EarningState, Outlook, Refusal, statement, weigh},
    introduction::KnownAsker,
    ledger::LedgerAccess,
    recruitment,
    wallet::{AnswerStage, ResponseStage, Wallet},
};

/// Who asks in which study's name, what for, and for how much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asker {
    /// The study.
    pub study: StudyId,
    /// Its title, as its researcher wrote it.
    pub title: String,
    /// Who asks.
    pub researcher: AccountId,
    /// Their name, as governance knows them.
    pub name: String,
    /// What for, by the names of files.
    pub purposes: Vec<&'static str>,
    /// What an owner may ask of a study and this one does not promise, by the names of files.
    pub lacks: Vec<&'static str>,
    /// The disease studied, if one is named.
    pub disease: Option<u32>,
    /// What an answer earns, in minor units.
    pub price: Amount,
    /// First day on which answers are taken.
    pub opening: Day,
    /// Last day on which answers are taken.
    pub closing: Day,
}

/// What the agent made of a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "decision")]
pub enum Decision {
    /// It answered.
    Answered {
        /// What became of the price.
        earning: EarningState,
    },
    /// It began an answer, and goes on when it runs.
    Begun,
    /// The rules allow it: it answers when it runs.
    Allowed,
    /// The rules of today would have allowed it; the question ended without an answer.
    Missed,
    /// It does not answer by the rules of today.
    Declined {
        /// One reason for each record, or one for the question.
        reasons: Vec<Refusal>,
        /// Whether the question ended meanwhile.
        is_over: bool,
    },
    /// The ledger's leaves were not fetched yet.
    Unknown,
}

/// Why a question ended before its last day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EarlyEnd {
    /// It has all the answers it needs.
    Enough,
    /// It was closed, or nothing could come of it.
    Closed,
}

/// A query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AskedQuery {
    /// The query.
    pub query: QueryId,
    /// Who asks.
    #[serde(flatten)]
    pub asker: Asker,
    /// How answers are protected.
    pub privacy: PrivacyMode,
    /// Whether answers may be taken back: it still collects.
    pub is_collecting: bool,
    /// Why it ended before its last day, if it did.
    pub early_end: Option<EarlyEnd>,
    /// What the agent made of it.
    pub answer: Decision,
}

impl AskedQuery {
    /// Whether the agent's answer can still be taken back.
    #[must_use]
    pub fn is_withdrawable(&self) -> bool {
        self.is_collecting && self.answer == Decision::Answered { earning: EarningState::Pending }
    }
}

/// A screening.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AskedScreening {
    /// The screening.
    pub screening: ScreeningId,
    /// Who asks.
    #[serde(flatten)]
    pub asker: Asker,
    /// Why it ended before its last day, if it did.
    pub early_end: Option<EarlyEnd>,
    /// What the agent made of it.
    pub answer: Decision,
}

fn asker(
    view: &LedgerView,
    (study, researcher): (StudyId, AccountId),
    data_use: &DataUse,
    price: Amount,
    (opening, closing): (Day, Day),
) -> Asker {
    let (title, name) = view.names(study, researcher);
    let named = Purposes::NAMED.into_iter().filter(|(_, purpose)| data_use.purposes.contains(*purpose));
    let lacking = Purposes::REQUIREMENTS.into_iter().filter(|(_, without)| data_use.purposes.contains(*without));
    Asker {
        study,
        title,
        researcher,
        name,
        purposes: named.map(|(name, _)| name).collect(),
        lacks: lacking.map(|(name, _)| name).collect(),
        disease: (data_use.disease != 0).then_some(data_use.disease),
        price,
        opening,
        closing,
    }
}

/// The queries asked, the newest first.
///
/// # Errors
/// [`Error::Statement`] for a query whose terms cannot be read.
pub(super) fn queries(ledger: &dyn LedgerAccess, wallet: &Wallet, view: &LedgerView) -> Result<Vec<AskedQuery>, Error> {
    let earnings = statement(wallet)?.earnings;
    let earned = |id: QueryId| earnings.iter().find(|earning| earning.query == id).map(|earning| earning.state);
    view.queries()
        .map(|(id, state)| {
            let query = &state.query;
            let who = (query.study, state.researcher);
            Ok(AskedQuery {
                query: *id,
                asker: asker(view, who, &query.data_use, query.price, (query.opening, query.closing)),
                privacy: query.privacy,
                is_collecting: state.status == QueryStatus::Collecting,
                early_end: early_end(state, view.today()),
                answer: query_decision(ledger, wallet, view, (*id, state), earned(*id))?,
            })
        })
        .collect()
}

/// A query that is full, or that was sealed while its last day is still to come, has enough.
fn early_end(state: &QueryState, today: Day) -> Option<EarlyEnd> {
    let is_full = state.surviving >= state.query.contributions_max;
    match state.status {
        QueryStatus::Refunded { .. } => (today <= state.query.closing).then_some(EarlyEnd::Closed),
        QueryStatus::Collecting => is_full.then_some(EarlyEnd::Enough),
        _ => (is_full || today <= state.query.closing).then_some(EarlyEnd::Enough),
    }
}

/// A screening's sponsor may close it at any time.
fn early_end_of_search(state: &ScreeningState, today: Day) -> Option<EarlyEnd> {
    if state.eligible >= state.screening.responses_max {
        return Some(EarlyEnd::Enough);
    }
    (state.closed.is_some() && today <= state.screening.closing).then_some(EarlyEnd::Closed)
}

fn query_decision(
    ledger: &dyn LedgerAccess,
    wallet: &Wallet,
    view: &LedgerView,
    (id, state): (QueryId, &QueryState),
    earned: Option<EarningState>,
) -> Result<Decision, Error> {
    let query = &state.query;
    let is_full = state.surviving >= query.contributions_max;
    let is_over = state.status != QueryStatus::Collecting || is_full || view.today() > query.closing;
    let stage = wallet.answers().get(&id).map(|answer| &answer.stage);
    let is_begun = matches!(stage, Some(AnswerStage::Proven(_) | AnswerStage::Attested(_)));
    match earned {
        Some(EarningState::Pending) if is_begun => return Ok(Decision::Begun),
        Some(earning) => return Ok(Decision::Answered { earning }),
        None => {}
    }
    let Some(tree) = view.tree() else { return Ok(Decision::Unknown) };
    let who = KnownAsker::of_ledger(&state.researcher, &query.study);
    Ok(match weigh(ledger, wallet, id, state, (tree, &who))? {
        Outlook::Decline { reasons } => Decision::Declined { reasons, is_over },
        Outlook::Answer { .. } | Outlook::Answered { .. } if is_over => Decision::Missed,
        Outlook::Answer { .. } | Outlook::Answered { .. } => Decision::Allowed,
    })
}

/// The screenings, the newest first.
pub(super) fn screenings(ledger: &dyn LedgerAccess, wallet: &Wallet, view: &LedgerView) -> Vec<AskedScreening> {
    let asked = view.screenings().map(|(id, state)| {
        let screening = &state.screening;
        let days = (screening.opening, screening.closing);
        AskedScreening {
            screening: *id,
            asker: asker(view, (screening.study, state.sponsor), &screening.data_use, screening.price, days),
            early_end: early_end_of_search(state, view.today()),
            answer: screening_decision(ledger, wallet, view, (*id, state)),
        }
    });
    asked.collect()
}

fn screening_decision(
    ledger: &dyn LedgerAccess,
    wallet: &Wallet,
    view: &LedgerView,
    (id, state): (ScreeningId, &ScreeningState),
) -> Decision {
    let screening = &state.screening;
    let is_full = state.eligible >= screening.responses_max;
    let is_over = state.closed.is_some() || is_full || view.today() > screening.closing;
    match wallet.responses().get(&id).map(|response| &response.stage) {
        Some(ResponseStage::Proven(_)) => return Decision::Begun,
        Some(ResponseStage::Admitted { .. }) => return Decision::Answered { earning: EarningState::Paid },
        None => {}
    }
    let Some(tree) = view.tree() else { return Decision::Unknown };
    let who = KnownAsker::of_ledger(&state.sponsor, &screening.study);
    match recruitment::weigh(ledger, wallet, id, state, (tree, &who)) {
        recruitment::Outlook::Decline { reasons } => Decision::Declined { reasons, is_over },
        _ if is_over => Decision::Missed,
        _ => Decision::Allowed,
    }
}
