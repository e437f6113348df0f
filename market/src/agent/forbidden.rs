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
    /// The purposes allowed.
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
    /// A rule that this version does not know by name.
    Other,
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
        Self::Other,
    ];

    /// The rule that a clause checks.
    #[must_use]
    pub const fn of(clause: Clause) -> Self {
        match clause {
            Clause::Purpose => Self::Purpose,
            Clause::Region => Self::Region,
            Clause::Disease => Self::Disease,
            Clause::Flags => Self::Kind,
            Clause::Expiry => Self::Expiry,
            Clause::Price => Self::Price,
            Clause::Epsilon => Self::Privacy,
            Clause::Cohort => Self::Cohort,
            _ => Self::Other,
        }
    }
}

/// A rule that a question breaks; in text and in JSON as people read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Forbidden {
    /// Who asks.
    pub asked: Asked,
    /// The rule.
    pub rule: ConsentRule,
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Asked::{Query, Screening};
        f.write_str(match (self.rule, self.asked) {
            (ConsentRule::Purpose, Query) => "a purpose of the query is not among those allowed",
            (ConsentRule::Purpose, Screening) => "a purpose of the screening is not among those allowed",
            (ConsentRule::Region, Query) => "the data would be used in a region that is not allowed",
            (ConsentRule::Region, Screening) => "the trial is in a region that is not allowed",
            (ConsentRule::Disease, _) => "it is restricted to another disease",
            (ConsentRule::Kind, Query) => "it does not permit this kind of release",
            (ConsentRule::Kind, Screening) => {
                "it does not allow screening, which can lead to an invitation (`screening` of the consent file)"
            }
            (ConsentRule::Expiry, Query) => "it expires before the query closes",
            (ConsentRule::Expiry, Screening) => "it expires before the screening closes",
            (ConsentRule::Price, _) => "the price is below its minimum",
            (ConsentRule::Privacy, _) => {
                "the query's ε is above its maximum for one query (epsilon_milli_max of the consent)"
            }
            (ConsentRule::Cohort, _) => "the query's minimum cohort is below its minimum",
            (ConsentRule::Other, _) => "a term does not hold",
        })
    }
}

impl From<Forbidden> for String {
    fn from(forbidden: Forbidden) -> Self {
        forbidden.to_string()
    }
}

impl TryFrom<String> for Forbidden {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let of = |asked: Asked| ConsentRule::ALL.map(|rule| Self { asked, rule });
        let known = of(Asked::Query).into_iter().chain(of(Asked::Screening)).find(|known| known.to_string() == text);
        known.ok_or_else(|| format!("{text:?} is no rule of a consent that this version knows"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_rule_is_read_as_it_was_written() {
        for asked in [Asked::Query, Asked::Screening] {
            for rule in ConsentRule::ALL {
                let text = serde_json::to_string(&Forbidden { asked, rule }).unwrap();
                let read: Forbidden = serde_json::from_str(&text).unwrap();
                // Some rules read alike for both.
                assert_eq!((read.rule, read.to_string()), (rule, Forbidden { asked, rule }.to_string()));
            }
        }
        assert!(serde_json::from_str::<Forbidden>("\"it is a Monday\"").is_err());
    }
}
