//! Whether a wallet's consent and records allow an answer, checked before anything is proven or sent.

use std::fmt;

use circuits::{
    eligibility::{Clause, EligibilityWitness, binding, check},
    id::{AccountId, Digest, QueryId},
    nullifier::{nullifier, scope_nullifier},
};
use node::{
    state::{QueryState, QueryStatus, StateRead},
    units::ContributionIndex,
};
use serde::{Deserialize, Serialize};

use super::Outlook;
use crate::{
    Error,
    ledger::{LedgerAccess, SyncedTree, tip},
    wallet::{Holding, Wallet},
};

/// Why the agent does not answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "reason", content = "detail")]
pub enum Refusal {
    /// The query does not collect now.
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
    /// The consent forbids it; says which term.
    Consent(String),
    /// The record entered another exact release of the same measure in this period.
    ScopeSpent,
    /// The consent's terms and the query cannot be compared.
    Unanswerable(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotCollecting(why) => write!(f, "the query does not collect now: {why}"),
            Self::NoRecord => f.write_str("the wallet holds no certified record"),
            Self::OtherSchema => f.write_str("the record is of another schema than the query asks"),
            Self::NotInTree => f.write_str(
                "the ledger's current epoch does not hold this record under these terms: it was certified or changed \
                 in this epoch (try again in the next) or revoked",
            ),
            Self::OtherIssuer => f.write_str("the query asks only records of other issuers"),
            Self::TooRecent => f.write_str("the record was registered too recently for this query"),
            Self::OutsideCriteria => f.write_str("the record is outside the query's public criteria"),
            Self::Consent(why) => write!(f, "the consent does not allow it: {why}"),
            Self::ScopeSpent => f.write_str("the record entered another exact release of this measure in this period"),
            Self::Unanswerable(why) => f.write_str(why),
        }
    }
}

fn consent_reason(clause: Clause) -> &'static str {
    match clause {
        Clause::Purpose => "a purpose of the query is not among those allowed",
        Clause::Region => "the data would be used in a region that is not allowed",
        Clause::Disease => "it is restricted to another disease",
        Clause::Flags => "it does not permit this kind of release",
        Clause::Expiry => "it expires before the query closes",
        Clause::Price => "the price is below its minimum",
        Clause::Epsilon => "the privacy loss is above its maximum",
        Clause::Cohort => "the query's minimum cohort is below its minimum",
        _ => "a term does not hold",
    }
}

fn refusal(error: &circuits::Error) -> Refusal {
    let circuits::Error::Refuted { clause } = error else { return Refusal::Unanswerable(error.to_string()) };
    match clause {
        Clause::Membership => Refusal::NotInTree,
        Clause::Schema => Refusal::OtherSchema,
        Clause::Issuer => Refusal::OtherIssuer,
        Clause::RegistrationEpoch => Refusal::TooRecent,
        Clause::Criteria => Refusal::OutsideCriteria,
        other => Refusal::Consent(consent_reason(*other).into()),
    }
}

/// The witness of a held record against a tree.
///
/// # Errors
/// The refusal when the tree does not hold the record under its terms.
pub(super) fn witness(
    ledger: &dyn LedgerAccess,
    holding: &Holding,
    tree: &SyncedTree,
) -> Result<Result<EligibilityWitness, Refusal>, Error> {
    let Some(registration) = ledger.registration(holding.leaf)? else { return Ok(Err(Refusal::NotInTree)) };
    let Ok(path) = tree.tree.path(holding.leaf.get()) else { return Ok(Err(Refusal::NotInTree)) };
    let epoch = registration.registration_epoch.get();
    let witness = EligibilityWitness::new(&holding.record, holding.consent.clone(), epoch, path.clone());
    Ok(if path.root(witness.leaf()) == tree.root { Ok(witness) } else { Err(Refusal::NotInTree) })
}

/// Whether a held record may answer; natively, clause by clause.
fn check_holding(
    ledger: &dyn LedgerAccess,
    holding: &Holding,
    id: QueryId,
    state: &QueryState,
    tree: &SyncedTree,
) -> Result<Result<(), Refusal>, Error> {
    if holding.record.schema != state.query.schema {
        return Ok(Err(Refusal::OtherSchema));
    }
    let witness = match witness(ledger, holding, tree)? {
        Ok(witness) => witness,
        Err(refusal) => return Ok(Err(refusal)),
    };
    for part in 0..part_count(state) {
        let terms = state.terms(id, part)?;
        // What the proof travels with does not matter here.
        let nothing = AccountId::from_bytes([0; 32]);
        let binding = binding(&ledger.chain(), &id, part, &nothing, &Digest::from_bytes([0; 32]));
        if let Err(error) = check(&terms, &witness.instance(&terms, binding), &witness) {
            return Ok(Err(refusal(&error)));
        }
        if terms.exact.is_some() {
            let scope = scope_nullifier(&holding.record.nullifier_key, terms.exact.as_ref());
            if ledger.scope_nullifier(scope)?.is_some_and(|spent| spent.query != id) {
                return Ok(Err(Refusal::ScopeSpent));
            }
        }
    }
    Ok(Ok(()))
}

pub(super) fn part_count(state: &QueryState) -> u8 {
    u8::try_from(state.query.parts.len()).unwrap_or(u8::MAX)
}

/// The contribution that one of the wallet's records made to a query, if the ledger has it.
pub(super) fn admitted(
    ledger: &dyn LedgerAccess,
    wallet: &Wallet,
    id: QueryId,
) -> Result<Option<ContributionIndex>, Error> {
    for holding in wallet.holdings() {
        if let Some(admission) = ledger.nullifier(nullifier(&holding.record.nullifier_key, &id, 0))? {
            return Ok(Some(admission.contribution));
        }
    }
    Ok(None)
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
        return refuse(format!("it opens on day {}, and this is day {}", state.query.opening.0, day.0));
    }
    if day > state.query.closing {
        return refuse(format!("it closed on day {}, and this is day {}", state.query.closing.0, day.0));
    }
    Ok(None)
}

/// What the agent would do with a query for a wallet.
///
/// # Errors
/// [`Error::Ledger`] when the ledger cannot be reached.
pub fn consider(
    ledger: &dyn LedgerAccess,
    wallet: &Wallet,
    id: QueryId,
    state: &QueryState,
    tree: &SyncedTree,
) -> Result<Outlook, Error> {
    if let Some(contribution) = admitted(ledger, wallet, id)? {
        return Ok(Outlook::Answered { contribution: Some(contribution) });
    }
    if let Some(reason) = closed(state, ledger)? {
        return Ok(Outlook::Decline { reasons: vec![reason] });
    }
    let begun = wallet.answers().get(&id).map(|answer| answer.holding);
    let mut reasons = vec![];
    for (index, holding) in (0u32..).zip(wallet.holdings()) {
        if begun.is_some_and(|begun| begun != index) {
            continue;
        }
        match check_holding(ledger, holding, id, state, tree)? {
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
