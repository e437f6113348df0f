//! Whether a wallet's consent and records allow an answer, checked before anything is proven or sent.

use std::fmt;

use circuits::{
    consent::Purposes,
    eligibility::{Clause, EligibilityWitness, binding, check},
    id::{AccountId, Digest, QueryId},
    privacy::{Epsilon, Rho},
};
use node::{
    calendar::date,
    state::{QueryState, QueryStatus, StateRead},
    transaction::Contribution,
    units::ContributionIndex,
};
use serde::{Deserialize, Serialize};

use super::{Asked, ConsentRule, Forbidden, Outlook};
use crate::{
    Error,
    data_use::{decide_requester, in_words, refused_purposes},
    introduction::KnownAsker,
    ledger::{LedgerAccess, SyncedTree, require_query, tip},
    wallet::{Answer, AnswerStage, Holding, Settlement, Wallet},
};

/// Why the agent does not answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "reason", content = "detail")]
pub enum Refusal {
    /// The query or screening does not collect now.
    NotCollecting(String),
    /// The wallet holds no record at all.
    NoRecord,
    /// The record is of another schema.
    OtherSchema,
    /// The leaf on the ledger is not that of the record and its terms: a certification or change of consent that
    /// counts from the next epoch, or a revocation.
    NotInTree,
    /// An issuer outside the query's allow-list certified the record.
    OtherIssuer,
    /// The record was registered too late: in this epoch, or in this period of an `Exact` query.
    TooRecent,
    /// The attributes do not satisfy the public criteria.
    OutsideCriteria,
    /// The consent forbids it; says by which rule.
    Consent(Forbidden),
    /// The owner entered another exact release of the same measure.
    ScopeSpent,
    /// The query would spend more privacy than the owner allows to all queries together.
    Budget {
        /// ε spent so far.
        spent: Epsilon,
        /// ε that would have been spent with this query.
        after: Epsilon,
        /// ε that the owner allows.
        limit: Epsilon,
    },
    /// The consent's terms and the query cannot be compared.
    Unanswerable(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotCollecting(why) => write!(f, "it does not collect now: {why}"),
            Self::NoRecord => f.write_str("the wallet holds no certified record"),
            Self::OtherSchema => f.write_str("the record is of another schema than is asked"),
            Self::NotInTree => f.write_str(
                "the ledger's current epoch does not hold this record under these terms: it was certified or changed \
                 in this epoch (try again in the next) or revoked",
            ),
            Self::OtherIssuer => f.write_str("only records of other issuers are asked"),
            Self::TooRecent => f.write_str("the record was registered too recently"),
            Self::OutsideCriteria => f.write_str("the record is outside the public criteria"),
            Self::Consent(why) => write!(f, "the consent does not allow it: {why}"),
            Self::ScopeSpent => f.write_str(
                "its owner entered another exact release of this measure, and two could be subtracted; private queries \
                 may ask again",
            ),
            Self::Budget { spent, after, limit } => write!(
                f,
                "it would take the privacy spent from ε = {spent} to {after}, and the owner allows {limit} in all; \
                 `locus wallet budget` changes that"
            ),
            Self::Unanswerable(why) => f.write_str(why),
        }
    }
}

/// Why a record does not answer, by the clause that does not hold.
pub(crate) fn refusal(error: &circuits::Error) -> Refusal {
    let circuits::Error::Refuted { clause } = error else { return Refusal::Unanswerable(error.to_string()) };
    match clause {
        Clause::Membership => Refusal::NotInTree,
        Clause::Schema => Refusal::OtherSchema,
        Clause::Issuer => Refusal::OtherIssuer,
        Clause::RegistrationEpoch => Refusal::TooRecent,
        Clause::Criteria => Refusal::OutsideCriteria,
        other => match ConsentRule::of(*other) {
            Some(rule) => Refusal::Consent(Forbidden::new(rule, Asked::Query)),
            None => Refusal::Unanswerable(error.to_string()),
        },
    }
}

/// The witness of a held record against a tree, from what the wallet and the synced tree hold: asking the ledger about
/// one leaf would name the record.
///
/// # Errors
/// The refusal when the tree does not hold the record under its terms.
pub(crate) fn witness(holding: &Holding, tree: &SyncedTree) -> Result<EligibilityWitness, Refusal> {
    let path = tree.tree.path(holding.leaf.get()).map_err(|_| Refusal::NotInTree)?;
    let epoch = holding.registration_epoch.get();
    let witness = EligibilityWitness::new(&holding.record, holding.consent.clone(), epoch, path.clone());
    if path.root(witness.leaf()) == tree.root { Ok(witness) } else { Err(Refusal::NotInTree) }
}

/// Why the owner's data use terms forbid what no proof enforces, by what the agent knows of who asks; and why what they
/// presented counts for nothing, where it does.
pub(crate) fn data_use_refusal(wallet: &Wallet, holding: &Holding, asker: &KnownAsker) -> Option<Refusal> {
    let refusals = decide_requester(wallet.data_use(&holding.consent)?, asker.requester());
    if refusals.is_empty() {
        return None;
    }
    let mut words = in_words(&refusals);
    if let Some(remarks) = asker.remarks_in_words() {
        words = format!("{words} Of what the researcher presents: {remarks}.");
    }
    Some(Refusal::Consent(Forbidden::of_requester(words)))
}

/// A purpose that the consent lacks, each with its term and remedy.
pub(crate) fn purpose_refusal(asked: Asked, holding: &Holding, demanded: Purposes) -> Refusal {
    let lacking = in_words(&refused_purposes(holding.consent.purposes, demanded));
    Refusal::Consent(Forbidden::of_purposes(asked, &lacking))
}

/// Whether a held record may answer; natively, clause by clause.
fn check_holding(
    ledger: &dyn LedgerAccess,
    wallet: &Wallet,
    holding: &Holding,
    id: QueryId,
    state: &QueryState,
    (tree, asker): (&SyncedTree, &KnownAsker),
) -> Result<Result<(), Refusal>, Error> {
    if holding.record.schema != state.query.schema {
        return Ok(Err(Refusal::OtherSchema));
    }
    let witness = match witness(holding, tree) {
        Ok(witness) => witness,
        Err(refusal) => return Ok(Err(refusal)),
    };
    for part in 0..part_count(state) {
        let terms = state.terms(id, part)?.eligibility;
        // What the proof travels with does not matter here.
        let nothing = AccountId::from_bytes([0; 32]);
        let binding = binding(&ledger.chain(), &id, part, &nothing, &Digest::from_bytes([0; 32]));
        let instance = witness.instance(&terms, binding);
        if let Err(error) = check(&terms, &instance, &witness) {
            return Ok(Err(match error {
                circuits::Error::Refuted { clause: Clause::Purpose } => {
                    purpose_refusal(Asked::Query, holding, state.query.data_use.purposes)
                }
                error => refusal(&error),
            }));
        }
    }
    Ok(data_use_refusal(wallet, holding, asker).map_or(Ok(()), Err))
}

/// What an exact query measures, part by part; nothing for a private one.
pub(super) fn measures(id: QueryId, state: &QueryState) -> Result<Vec<Digest>, Error> {
    let mut measures = vec![];
    for part in 0..part_count(state) {
        measures.extend(state.terms(id, part)?.eligibility.exact.map(|scope| scope.measure));
    }
    Ok(measures)
}

/// Whether the owner entered another exact release of what a query measures.
fn is_spent(wallet: &Wallet, id: QueryId, state: &QueryState) -> Result<bool, Error> {
    let measures = measures(id, state)?;
    let shares = |answer: &Answer| answer.measures.iter().any(|measure| measures.contains(measure));
    Ok(wallet.answers().iter().any(|(other, answer)| *other != id && answer.counts() && shares(answer)))
}

/// What the owner's answers to private queries other than this one spent: all that are in a released sum or may yet be.
/// An answer is noted before anything is sent, so neither a crash nor a second agent spends twice. Nobody is asked:
/// [`settle`] notes what came to nothing.
#[must_use]
pub fn spent(wallet: &Wallet, except: Option<QueryId>) -> Rho {
    let counted = wallet.answers().iter().filter(|(query, answer)| except != Some(**query) && answer.counts());
    counted.fold(Rho::default(), |spent, (_, answer)| spent.plus(answer.rho))
}

/// Notes which of the wallet's open answers ended, and how. Only queries whose end it does not know yet are asked about,
/// since the node that is asked learns that one client answered them all.
///
/// # Errors
/// [`Error::Ledger`] when the ledger cannot be reached, [`Error::File`] when the disk refuses.
pub fn settle(ledger: &dyn LedgerAccess, wallet: &mut Wallet) -> Result<(), Error> {
    let open = wallet.answers().iter().filter(|(_, answer)| answer.settled.is_none());
    let open: Vec<QueryId> = open.map(|(query, _)| *query).collect();
    for query in open {
        let state = require_query(ledger, query)?;
        // Once the query is closed, asking for what was proven announces nobody who thinks of answering.
        let place = match wallet.answers().get(&query).map(|answer| &answer.stage) {
            Some(AnswerStage::Proven(proven)) if state.status != QueryStatus::Collecting => place_of(ledger, proven)?,
            _ => admitted(ledger, wallet, query)?,
        };
        let settled = match state.status {
            QueryStatus::Collecting => None,
            QueryStatus::Refunded { .. } => Some(Settlement::Refunded),
            _ if place.is_none() => Some(Settlement::Missed),
            QueryStatus::Released { .. } => Some(Settlement::Released),
            QueryStatus::Sealed { .. } | QueryStatus::Aggregated { .. } => None,
        };
        if let (Some(_), Some(answer)) = (settled, wallet.answers().get(&query)) {
            let answer = Answer { settled, ..answer.clone() };
            wallet.note_answer(query, answer)?;
        }
    }
    Ok(())
}

/// How far an admitted contribution is: its nullifier stays spent when it is withdrawn, by this copy of the wallet or by
/// another. Who asks this of several queries shows the ledger which contributions are one person's, so it is asked of one
/// that is new to the wallet, and of one that is being withdrawn.
///
/// # Errors
/// [`Error::Ledger`] when the ledger cannot be reached or lacks it.
pub(super) fn stage_on_ledger(
    ledger: &dyn LedgerAccess,
    query: QueryId,
    contribution: ContributionIndex,
) -> Result<AnswerStage, Error> {
    let missing = || node::Error::Unknown { what: "contribution", id: format!("{query}/{contribution}") };
    let state = ledger.contribution(query, contribution)?.ok_or_else(missing)?;
    Ok(if state.withdrawn { AnswerStage::Withdrawn { contribution } } else { AnswerStage::Admitted { contribution } })
}

fn place_of(ledger: &dyn LedgerAccess, contribution: &Contribution) -> Result<Option<ContributionIndex>, Error> {
    let Some(part) = contribution.parts.first() else { return Ok(None) };
    Ok(ledger.nullifier(part.nullifier)?.map(|admission| admission.contribution))
}

fn over_budget(wallet: &Wallet, id: QueryId, state: &QueryState) -> Option<Refusal> {
    let rho = state.query.rho()?;
    let spent = spent(wallet, Some(id));
    let (after, limit) = (spent.plus(rho), wallet.budget());
    let refusal = Refusal::Budget { spent: spent.epsilon(), after: after.epsilon(), limit };
    (after > limit.rho()).then_some(refusal)
}

pub(super) fn part_count(state: &QueryState) -> u8 {
    u8::try_from(state.query.parts.len()).unwrap_or(u8::MAX)
}

/// The contribution that the wallet made to a query, if it knows of one or the ledger has what it sent. The ledger is
/// asked only for a nullifier that was sent already: any other would announce who thinks of answering.
pub(super) fn admitted(
    ledger: &dyn LedgerAccess,
    wallet: &Wallet,
    id: QueryId,
) -> Result<Option<ContributionIndex>, Error> {
    let Some(answer) = wallet.answers().get(&id) else { return Ok(None) };
    match &answer.stage {
        AnswerStage::Attested(sent) => place_of(ledger, sent),
        _ => Ok(answer.contribution()),
    }
}

fn closed(state: &QueryState, ledger: &dyn LedgerAccess) -> Result<Option<Refusal>, Error> {
    let refuse = |why: String| Ok(Some(Refusal::NotCollecting(why)));
    if state.status != QueryStatus::Collecting {
        return refuse("its set is frozen".into());
    }
    if state.surviving >= state.query.contributions_max {
        return refuse("it has all contributions it pays for".into());
    }
    let day = tip(ledger)?.time.day();
    if day < state.query.opening {
        return refuse(format!("it opens on {}, and this is {}", date(state.query.opening), date(day)));
    }
    if day > state.query.closing {
        return refuse(format!("it closed on {}, and this is {}", date(state.query.closing), date(day)));
    }
    Ok(None)
}

/// What the agent would do with a query for a wallet, by what it knows of who asks.
///
/// # Errors
/// [`Error::Ledger`] when the ledger cannot be reached.
pub fn consider(
    ledger: &dyn LedgerAccess,
    wallet: &Wallet,
    id: QueryId,
    state: &QueryState,
    (tree, asker): (&SyncedTree, &KnownAsker),
) -> Result<Outlook, Error> {
    if let Some(contribution) = admitted(ledger, wallet, id)? {
        return Ok(Outlook::Answered { contribution });
    }
    match closed(state, ledger)? {
        Some(reason) => Ok(Outlook::Decline { reasons: vec![reason] }),
        None => weigh(ledger, wallet, id, state, (tree, asker)),
    }
}

/// What the owner's records and rules of today say of a query, whether or not it collects now. The ledger is not asked.
///
/// # Errors
/// [`Error::Statement`] for a query whose terms cannot be read.
pub fn weigh(
    ledger: &dyn LedgerAccess,
    wallet: &Wallet,
    id: QueryId,
    state: &QueryState,
    (tree, asker): (&SyncedTree, &KnownAsker),
) -> Result<Outlook, Error> {
    if is_spent(wallet, id, state)? {
        return Ok(Outlook::Decline { reasons: vec![Refusal::ScopeSpent] });
    }
    if let Some(refusal) = over_budget(wallet, id, state) {
        return Ok(Outlook::Decline { reasons: vec![refusal] });
    }
    let begun = wallet.answers().get(&id).map(|answer| answer.holding);
    let mut reasons = vec![];
    for (index, holding) in (0u32..).zip(wallet.holdings()) {
        if begun.is_some_and(|begun| begun != index) {
            continue;
        }
        match check_holding(ledger, wallet, holding, id, state, (tree, asker))? {
            Ok(()) => {
                let (parts, price) = (state.query.parts.len(), state.query.price);
                return Ok(Outlook::Answer { holding: index, parts, price });
            }
            Err(refusal) => reasons.push(refusal),
        }
    }
    if reasons.is_empty() {
        reasons.push(Refusal::NoRecord);
    }
    Ok(Outlook::Decline { reasons })
}
