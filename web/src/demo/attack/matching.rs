//! The attack on match criteria, which takes a private query: an exact one has none.

use circuits::{
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
    /// Lets itself be counted by a query that counts who matches, with a record that does not.
    ///
    /// # Errors
    /// As [`super::carry_out`].
    pub(super) fn not_matching(&self, rng: &mut StdRng) -> Result<Vec<Attempt>, Error> {
        let attack = Attack::NotMatching;
        let query = open_private(self.roles, &self.plan(self.roles.attacker)?.holding.record)?;
        let roles = Roles { query, ..*self.roles };
        let scene = Scene { prover: DishonestProver::open(&roles)?, roles: &roles };
        let does = "encrypts that it matches, with the proof of the zero that its record implies";
        let mut attempts = scene.false_ciphertext(attack, does, Sends::Matching, rng)?;
        let does = "proves what its ciphertext says, for the same query without its match criteria";
        let alter = |terms: &mut circuits::contribution::ContributionTerms| terms.matching = MatchCriteria::default();
        let plan = Plan { alter, ..scene.plan(roles.attacker)? };
        attempts.extend(scene.other_statement(attack, does, plan, rng)?);
        Ok(attempts)
    }
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
