//! What an agent knows of who asks.

use std::collections::BTreeSet;

use circuits::id::{AccountId, StudyId};
use node::{
    state::{QueryState, ScreeningState},
    units::Timestamp,
};

use super::VerifiedIntroduction;
use crate::{
    Error,
    data_use::{Approval, DeclaredUse, Requester},
    passport::{CheckedVisa, TrustedIssuers, VerifiedVisa, check_passport, places_of_account},
};

/// Remarks of which words are made; a passport can give one for each of its visas.
const REMARKS_MAX: usize = 4;
/// Characters of a remark: it tells of what others wrote, in their words too.
const REMARK_CHARACTERS_MAX: usize = 400;

/// Who asks, as far as an agent can tell, and why what they presented counts for nothing where it does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownAsker {
    requester: Requester,
    remarks: Vec<String>,
}

impl KnownAsker {
    /// What the ledger says of an account that asks in a study's name.
    #[must_use]
    pub fn of_ledger(researcher: &AccountId, study: &StudyId) -> Self {
        Self { requester: Requester::of_ledger(researcher, study), remarks: vec![] }
    }

    /// What an agent knows of a query's researcher at a time: by the ledger, by the introduction as it was found or refused,
    /// and by the issuers that it trusts, if it trusts any.
    #[must_use]
    pub fn of_query(
        state: &QueryState,
        introduction: Option<Result<VerifiedIntroduction, Error>>,
        trust: Option<&TrustedIssuers>,
        at: Timestamp,
    ) -> Self {
        Self::of_account((&state.researcher, &state.query.study), introduction, trust, at)
    }

    /// What an agent knows of a screening's sponsor at a time: by the ledger alone, since nobody introduces themselves for a
    /// screening. What the agent demands to be shown is lacking then.
    #[must_use]
    pub fn of_screening(state: &ScreeningState, trust: Option<&TrustedIssuers>, at: Timestamp) -> Self {
        Self::of_account((&state.sponsor, &state.screening.study), None, trust, at)
    }

    fn of_account(
        (account, study): (&AccountId, &StudyId),
        introduction: Option<Result<VerifiedIntroduction, Error>>,
        trust: Option<&TrustedIssuers>,
        at: Timestamp,
    ) -> Self {
        let mut known = Self::of_ledger(account, study);
        let mut approval = None;
        let passport = match introduction {
            None => None,
            Some(Err(error)) => {
                known.remark(&format!("what the researcher introduces themselves with counts for nothing: {error}"));
                None
            }
            Some(Ok(introduction)) => {
                known.promised(&introduction);
                approval = introduction.declared().and_then(DeclaredUse::approval).map(String::from);
                introduction.passport
            }
        };
        let visas = match (&passport, trust) {
            (None, _) => vec![],
            (Some(_), None) => {
                let why = "a passport is presented, and this agent trusts no issuer of visas (--trust)";
                known.remark(why);
                vec![]
            }
            (Some(passport), Some(trust)) => known.counted(passport, (trust, at), account),
        };
        known.requester = known.requester.with_visas(&visas);
        if let Some(trust) = trust.filter(|trust| !trust.policy().requirements().is_empty()) {
            let shown = trust.policy().check(&visas.iter().collect::<Vec<_>>(), (at, approval.as_deref()));
            known.requester.approval =
                shown.map_or_else(|error| Approval::Lacking(error.to_string()), |_| Approval::Shown);
        }
        known
    }

    /// What is decided on.
    #[must_use]
    pub const fn requester(&self) -> &Requester {
        &self.requester
    }

    /// Why what was presented counts for nothing, in words; nothing where all of it counts.
    #[must_use]
    pub fn remarks_in_words(&self) -> Option<String> {
        let shown = self.remarks.iter().take(REMARKS_MAX).map(String::as_str).collect::<Vec<_>>().join("; ");
        match self.remarks.len().saturating_sub(REMARKS_MAX) {
            0 if self.remarks.is_empty() => None,
            0 => Some(shown),
            more => Some(format!("{shown}; and {more} more")),
        }
    }

    /// Notes why something counts for nothing, as a terminal may show it.
    fn remark(&mut self, why: &str) {
        let plain = |letter: char| if letter.is_control() { '?' } else { letter };
        let mut remark: String = why.chars().take(REMARK_CHARACTERS_MAX).map(plain).collect();
        if why.chars().nth(REMARK_CHARACTERS_MAX).is_some() {
            remark.push('…');
        }
        self.remarks.push(remark);
    }

    /// Adds the promises.
    fn promised(&mut self, introduction: &VerifiedIntroduction) {
        let Some(declared) = introduction.declared() else { return };
        match self.requester.clone().with_declared(declared) {
            Ok(requester) => self.requester = requester,
            Err(error) => self.remark(&format!("what is promised counts for nothing: {error}")),
        }
    }

    /// The visas of a passport that count for an account; a remark for each other one.
    fn counted(
        &mut self,
        passport: &str,
        (trust, at): (&TrustedIssuers, Timestamp),
        account: &AccountId,
    ) -> Vec<VerifiedVisa> {
        let checked = match check_passport(passport, trust, at) {
            Ok(checked) => checked,
            Err(error) => {
                self.remark(&format!("the passport counts for nothing: {error}"));
                return vec![];
            }
        };
        let own: BTreeSet<usize> = places_of_account(&checked, trust.register(), account);
        let mut counted = vec![];
        for CheckedVisa { place, claimed_issuer, outcome } in checked {
            let issuer = claimed_issuer.unwrap_or_else(|| "an issuer that cannot be read".into());
            match outcome {
                Ok(visa) if own.contains(&place) => {
                    if visa.is_own_word() {
                        self.remark(&format!(
                            "visa {place} of {issuer} shows no {}: the researcher says it of themselves (by is self)",
                            visa.object().kind
                        ));
                    }
                    counted.push(visa);
                }
                Ok(visa) => self.remark(&format!(
                    "visa {place} of {issuer} counts for nothing: it is of {}, and nothing shows that this is account \
                     {account}",
                    visa.identity()
                )),
                Err(error) => self.remark(&format!("visa {place} of {issuer} counts for nothing: {error}")),
            }
        }
        counted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repro_a_remark_shows_no_control_character_and_is_short() {
        let mut known = KnownAsker::default();
        known.remark(&format!("a \u{1b}[2J\u{9b}b\n{}", "x".repeat(1_000)));
        let said = known.remarks_in_words().unwrap();
        assert!(said.starts_with("a ?[2J?b?x") && said.ends_with("x…"), "{said}");
        assert_eq!(said.chars().count(), REMARK_CHARACTERS_MAX + 1);
    }

    #[test]
    fn a_long_passport_makes_few_words() {
        let said = |count: usize| {
            let remarks = (0..count).map(|number| format!("visa {number}")).collect();
            KnownAsker { remarks, ..KnownAsker::default() }.remarks_in_words()
        };
        assert_eq!(said(0), None);
        assert_eq!(said(1).as_deref(), Some("visa 0"));
        assert_eq!(said(4).as_deref(), Some("visa 0; visa 1; visa 2; visa 3"));
        assert_eq!(said(128).as_deref(), Some("visa 0; visa 1; visa 2; visa 3; and 124 more"));
    }
}
