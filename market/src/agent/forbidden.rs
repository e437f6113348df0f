//! Which of an owner's rules a question breaks.

use std::fmt;

use circuits::eligibility::Clause;
use serde::{Deserialize, Serialize};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A query, which measures.
    Query,
    /// A screening, which looks for people.
    Screening,
}

/// A rule of a consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsentRule {
    /// The purposes allowed, and what is required of a study beside them.
    Purpose,
    /// The regions allowed.
    Region,
    /// The one disease allowed.
    Disease,
    /// Exact statistics, or screenings.
    Kind,
    /// The last day.
    Expiry,
    /// The least price.
    Price,
    /// The greatest privacy loss of one query.
    Privacy,
    /// The least cohort.
    Cohort,
    /// What the data use terms say of who asks, which no proof enforces.
    Requester,
}

impl ConsentRule {
    /// Every rule.
    pub const ALL: [Self; 9] = [
        Self::Purpose,
        Self::Region,
        Self::Disease,
        Self::Kind,
        Self::Expiry,
        Self::Price,
        Self::Privacy,
        Self::Cohort,
        Self::Requester,
    ];

    /// The rule that a clause of the eligibility statement checks, if it is one of a consent.
    #[must_use]
    pub const fn of(clause: Clause) -> Option<Self> {
        Some(match clause {
            Clause::Purpose => Self::Purpose,
            Clause::Region => Self::Region,
            Clause::Disease => Self::Disease,
            Clause::Flags => Self::Kind,
            Clause::Expiry => Self::Expiry,
            Clause::Price => Self::Price,
            Clause::Epsilon => Self::Privacy,
            Clause::Cohort => Self::Cohort,
            _ => return None,
        })
    }

    /// How a question breaks it, in the words of the command line.
    const fn words(self, asked: Asked) -> &'static str {
        use Asked::{Query, Screening};
        match (self, asked) {
            (Self::Purpose, Query) => "a purpose of the query is not among those allowed",
            (Self::Purpose, Screening) => "a purpose of the screening is not among those allowed",
            (Self::Region, Query) => "the data would be used in a region that is not allowed",
            (Self::Region, Screening) => "the trial is in a region that is not allowed",
            (Self::Disease, _) => "it is restricted to another disease",
            (Self::Kind, Query) => "it does not permit this kind of release",
            (Self::Kind, Screening) => {
                "it does not allow screening, which can lead to an invitation (`screening` of the consent file)"
            }
            (Self::Expiry, Query) => "it expires before the query closes",
            (Self::Expiry, Screening) => "it expires before the screening closes",
            (Self::Price, _) => "the price is below its minimum",
            (Self::Privacy, _) => "the query's ε is above its maximum for one query (epsilon_milli_max of the consent)",
            (Self::Cohort, _) => "the query's minimum cohort is below its minimum",
            (Self::Requester, _) => "its data use terms do not allow who asks",
        }
    }
}

/// A rule that a question breaks. In text and in JSON it is what people read; read back, the rule is told by how the text
/// begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub struct Forbidden {
    rule: ConsentRule,
    why: String,
}

impl Forbidden {
    /// That a question breaks a rule.
    #[must_use]
    pub fn new(rule: ConsentRule, asked: Asked) -> Self {
        Self { rule, why: rule.words(asked).into() }
    }

    /// That it lacks purposes, each with its term and remedy.
    pub(crate) fn of_purposes(asked: Asked, lacking: &str) -> Self {
        let rule = ConsentRule::Purpose;
        Self { rule, why: format!("{}. {lacking}", rule.words(asked)) }
    }

    /// That data use terms do not allow who asks, with the terms.
    pub(crate) const fn of_requester(why: String) -> Self {
        Self { rule: ConsentRule::Requester, why }
    }

    /// The rule.
    #[must_use]
    pub const fn rule(&self) -> ConsentRule {
        self.rule
    }

    /// How it is broken, for people who know the terms.
    #[must_use]
    pub fn why(&self) -> &str {
        &self.why
    }
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl From<Forbidden> for String {
    fn from(forbidden: Forbidden) -> Self {
        forbidden.why
    }
}

impl From<String> for Forbidden {
    fn from(why: String) -> Self {
        let says = |rule: &ConsentRule| {
            [Asked::Query, Asked::Screening].iter().any(|asked| why.starts_with(rule.words(*asked)))
        };
        let rule = ConsentRule::ALL.into_iter().find(says).unwrap_or(ConsentRule::Requester);
        Self { rule, why }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_rule_is_read_as_it_was_written() {
        let plain = ConsentRule::ALL
            .into_iter()
            .flat_map(|rule| [Asked::Query, Asked::Screening].map(|asked| Forbidden::new(rule, asked)));
        let more = [
            Forbidden::of_purposes(Asked::Screening, "DUO:0000021 asks for approval"),
            Forbidden::of_requester("DUO:0000028 names other institutions".into()),
        ];
        for forbidden in plain.chain(more) {
            let text = serde_json::to_string(&forbidden).unwrap();
            assert_eq!(text, format!("{:?}", forbidden.why()));
            assert_eq!(serde_json::from_str::<Forbidden>(&text).unwrap(), forbidden);
        }
    }
}
