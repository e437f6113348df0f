//! The attack on match criteria, which takes a private query: an exact one has none.

use circuits::{
    contribution::ContributionTerms,
    criteria::{MatchClause, MatchCriteria},
    id::QueryId,
    layout::{Layout, OpenedRecord, Subject},
    privacy::Epsilon,
    record::Record,
};
use market::ledger::{act, next_nonce, require_query, tip};
use node::{
    query::{CohortQuery, PrivacyMode},
    transaction::Action,
};
use rand::rngs::StdRng;

use super::{
    Attack,
    attempt::{Attempt, Roles, Scene},
    prover::{DishonestProver, Plan, Sends},
};
use crate::Error;

/// ε of the query that is attacked, in thousandths.
const EPSILON_MILLI: u32 = 1_000;

impl Scene<'_> {
    /// Lets itself be counted by a query that counts who matches, with a record that does not. That the query then admits
    /// the zero of the same record shows that it was the lie that was refused.
    ///
    /// # Errors
    /// As [`super::carry_out`].
    pub(super) fn not_matching(&self, rng: &mut StdRng) -> Result<Vec<Attempt>, Error> {
        let attack = Attack::NotMatching;
        let query = open_private(self.roles, &self.plan(self.roles.attacker)?.holding.record)?;
        let roles = Roles { query, ..*self.roles };
        let scene = Scene { prover: DishonestProver::open(&roles)?, roles: &roles };
        let honest = scene.plan(roles.attacker)?;
        let does = "asks the proof system to prove that a ciphertext which counts it is what its record implies";
        let proven = scene.refuted(attack, does, &Plan { claims: unmatched, ..honest }, rng)?;
        let does = "encrypts that it matches, with the proof of the zero that its record implies";
        let mut attempts = vec![proven];
        attempts.extend(scene.false_ciphertext(attack, does, Sends::Matching, rng)?);
        let does = "proves what its ciphertext says, for the same query without its match criteria";
        attempts.extend(scene.other_statement(attack, does, Plan { alter: unmatched, ..honest }, rng)?);
        scene.contribute(&honest, rng)?;
        Ok(attempts)
    }
}

/// Forgets the match criteria.
fn unmatched(terms: &mut ContributionTerms) {
    terms.matching = MatchCriteria::default();
}

/// Opens a count of people who differ from the record at the panel's first variant, otherwise as the demo's query is.
fn open_private(roles: &Roles<'_>, record: &Record) -> Result<QueryId, Error> {
    let (ledger, researcher) = (&*roles.town.ledger, &roles.town.parties.researcher);
    let first = Subject::Dosage(0);
    // A missing value satisfies no clause, whichever it is.
    let own = OpenedRecord::new(&record.attributes, &record.genotypes, 0).value(first).unwrap_or_default();
    let differs = MatchClause { subject: first, lo: own, hi: own, negated: true };
    let query = CohortQuery {
        matching: MatchCriteria { groups: vec![vec![differs]] },
        parts: vec![Layout::count()],
        privacy: PrivacyMode::Private { epsilon_milli: Epsilon::from_milli(EPSILON_MILLI) },
        opening: tip(ledger)?.time.day(),
        ..require_query(ledger, roles.query)?.query
    };
    let key = researcher.signing_key();
    let id = query.id(&ledger.chain(), &researcher.account(), next_nonce(ledger, &key)?)?;
    act(ledger, &key, Action::OpenQuery(Box::new(query)))?;
    Ok(id)
}
