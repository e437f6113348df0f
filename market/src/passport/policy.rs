//! What a governor demands of a researcher's visas.

use std::collections::BTreeSet;

use node::units::{SECONDS_PER_DAY, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Clause, VerifiedVisa, VisaIdentity, identity::groups, refused};
use crate::Error;

/// Requirements of one policy.
const REQUIREMENTS_MAX: usize = 64;

/// One visa that a researcher must have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    /// Days since the source asserted it, at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asserted_within_days: Option<u32>,
    /// Whether its value is the reference of the approval that the query names, so that a visa of one study shows nothing of
    /// another.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub names_approval: bool,
    /// What it must say.
    #[serde(flatten)]
    pub clause: Clause,
}

impl Requirement {
    /// Whether a visa meets it, where a query names this approval, if any. One that says nothing by the researcher's own word
    /// meets nothing.
    fn is_met_by(&self, visa: &VerifiedVisa, (at, approval): (Timestamp, Option<&str>)) -> bool {
        let oldest = self.asserted_within_days.map(|days| at.get().saturating_sub(u64::from(days) * SECONDS_PER_DAY));
        self.clause.matches(visa.object())
            && !visa.is_own_word()
            && oldest.is_none_or(|oldest| visa.object().asserted >= oldest)
            && (!self.names_approval || approval == Some(visa.object().value.as_str()))
    }

    /// In words.
    #[must_use]
    pub fn in_words(&self) -> String {
        let claims = self.clause.claims.iter().map(|(name, wanted)| format!("{name} {wanted}"));
        let age = self.asserted_within_days.map(|days| format!("asserted within {days} days"));
        let named = self.names_approval.then(|| "the approval that the query names as its value".into());
        let all: Vec<String> = claims.chain(named).chain(age).collect();
        format!("a {} with {}", self.clause.kind, all.join(", "))
    }
}

/// Requirements that one person's visas must all meet. One without requirements accredits nobody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy(Vec<Requirement>);

impl Policy {
    /// A policy.
    ///
    /// # Errors
    /// [`Error::Passport`] beyond 64 requirements, and for one that could match nothing.
    pub fn new(requirements: Vec<Requirement>) -> Result<Self, Error> {
        if requirements.len() > REQUIREMENTS_MAX {
            return Err(refused(format!("a policy has at most {REQUIREMENTS_MAX} requirements")));
        }
        for Requirement { clause, names_approval, .. } in &requirements {
            let known = |(name, wanted): (&String, &String)| {
                let prefix = wanted.split_once(':').map(|(prefix, _)| prefix);
                ["value", "source", "by"].contains(&name.as_str())
                    && prefix.is_some_and(|prefix| ["const", "pattern", "split_pattern"].contains(&prefix))
            };
            if (clause.claims.is_empty() && !names_approval) || !clause.claims.iter().all(known) {
                let why = format!(
                    "the requirement of a {} says nothing that can match; give value, source or by, each beginning with \
                     const:, pattern: or split_pattern:, or names_approval = true",
                    clause.kind
                );
                return Err(refused(why));
            }
        }
        Ok(Self(requirements))
    }

    /// The requirements.
    #[must_use]
    pub fn requirements(&self) -> &[Requirement] {
        &self.0
    }

    /// The identities of the one person whose visas meet every requirement, where a query names this approval, if any.
    ///
    /// # Errors
    /// [`Error::Passport`] that lists every requirement that is not met by the person who meets most, and when the
    /// policy demands nothing.
    pub fn check(
        &self,
        visas: &[&VerifiedVisa],
        (at, approval): (Timestamp, Option<&str>),
    ) -> Result<BTreeSet<VisaIdentity>, Error> {
        if self.0.is_empty() {
            return Err(refused(
                "the policy demands nothing, so it accredits nobody; add [[require]] to the file".into(),
            ));
        }
        let unmet = |person: &BTreeSet<VisaIdentity>| -> Vec<String> {
            let own: Vec<_> = visas.iter().filter(|visa| person.contains(visa.identity())).collect();
            let missing = self.0.iter().filter(|wanted| !own.iter().any(|visa| wanted.is_met_by(visa, (at, approval))));
            missing.map(Requirement::in_words).collect()
        };
        let people = groups(visas.iter().copied());
        let best = people.into_iter().map(|person| (unmet(&person), person)).min_by_key(|(unmet, _)| unmet.len());
        match best {
            Some((unmet, person)) if unmet.is_empty() => Ok(person),
            Some((unmet, _)) => Err(refused(format!("one person's accepted visas lack {}", unmet.join("; and ")))),
            None => Err(refused("no visa of it was accepted".into())),
        }
    }
}
