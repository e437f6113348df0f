//! Who is asked: criteria in conjunctive normal form over a record's attributes.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    layout::{OpenedRecord, Subject},
    record::{ATTRIBUTES, Attributes, MISSING, WINDOW_VARIANTS},
    schema::{Schema, Sensitivity},
};

/// Clauses of public criteria, over all their groups.
pub const CLAUSES_MAX: usize = 16;
/// Clauses of a query, public and match criteria together.
pub const MATCH_CLAUSES_MAX: usize = 20;

/// `lo ≤ attribute ≤ hi`, or its negation. A missing attribute satisfies neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Clause {
    /// Index of the attribute in the schema.
    pub attribute: u8,
    /// Least value that satisfies the clause.
    pub lo: u32,
    /// Greatest value that satisfies the clause, below [`MISSING`].
    pub hi: u32,
    /// Whether values outside the interval satisfy the clause instead.
    #[serde(default)]
    pub negated: bool,
}

impl Clause {
    /// Whether the attributes satisfy the clause.
    #[must_use]
    pub fn holds(&self, attributes: &Attributes) -> bool {
        let value = attributes.values().get(usize::from(self.attribute)).copied().unwrap_or(MISSING);
        value != MISSING && ((self.lo..=self.hi).contains(&value) != self.negated)
    }
}

/// All groups must hold; a group holds when one of its clauses does. No group at all asks everyone.
#[derive(Debug, Clone, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Criteria {
    /// The groups, joined by AND; the clauses of a group are joined by OR.
    pub groups: Vec<Vec<Clause>>,
}

impl Criteria {
    /// Checks bounds: at most 16 clauses, no empty group, indices below 32, `lo ≤ hi < MISSING`.
    ///
    /// # Errors
    /// [`Error::Malformed`] that names the group and clause.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |why: String| Err(Error::Malformed { what: "criteria", why });
        let clauses: usize = self.groups.iter().map(Vec::len).sum();
        if clauses > CLAUSES_MAX {
            return refuse(format!("{clauses} clauses; at most {CLAUSES_MAX} are possible"));
        }
        for (index, group) in self.groups.iter().enumerate() {
            if group.is_empty() {
                return refuse(format!("group {index} is empty and could never hold; remove it"));
            }
            for clause in group {
                if usize::from(clause.attribute) >= ATTRIBUTES || clause.lo > clause.hi || clause.hi == MISSING {
                    return refuse(format!(
                        "group {index}: {clause:?} needs an index below 32 and lo ≤ hi < 4294967295"
                    ));
                }
            }
        }
        Ok(())
    }

    /// Checks that the criteria may be public: contributions arriving show that they hold.
    ///
    /// # Errors
    /// [`Error::Malformed`] that names an attribute which the schema lacks or calls sensitive.
    pub fn check_public(&self, schema: &Schema) -> Result<(), Error> {
        self.check()?;
        for clause in self.groups.iter().flatten() {
            let attribute = schema.attributes.get(usize::from(clause.attribute));
            let why = match attribute {
                Some(attribute) if attribute.sensitivity == Sensitivity::Public => continue,
                Some(attribute) => {
                    format!("attribute {:?} is sensitive and may not be in public criteria", attribute.name)
                }
                None => format!("the schema has no attribute {}", clause.attribute),
            };
            return Err(Error::Malformed { what: "public criteria", why });
        }
        Ok(())
    }

    /// Whether the attributes satisfy every group.
    #[must_use]
    pub fn hold(&self, attributes: &Attributes) -> bool {
        self.groups.iter().all(|group| group.iter().any(|clause| clause.holds(attributes)))
    }
}

/// `lo ≤ value ≤ hi` of an attribute or of a dosage in the opened window, or its negation. A missing value satisfies
/// neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct MatchClause {
    /// What is compared.
    #[serde(flatten)]
    pub subject: Subject,
    /// Least value that satisfies the clause.
    pub lo: u32,
    /// Greatest value that satisfies the clause, below [`MISSING`].
    pub hi: u32,
    /// Whether values outside the interval satisfy the clause instead.
    #[serde(default)]
    pub negated: bool,
}

impl From<Clause> for MatchClause {
    fn from(Clause { attribute, lo, hi, negated }: Clause) -> Self {
        Self { subject: Subject::Attribute(attribute), lo, hi, negated }
    }
}

impl MatchClause {
    /// Whether the record satisfies the clause.
    #[must_use]
    pub fn holds(&self, record: &OpenedRecord<'_>) -> bool {
        record.value(self.subject).is_some_and(|value| (self.lo..=self.hi).contains(&value) != self.negated)
    }
}

/// Criteria evaluated inside the proof: whoever does not match contributes an encryption of zero, and nobody sees who.
#[derive(Debug, Clone, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MatchCriteria {
    /// The groups, joined by AND; the clauses of a group are joined by OR.
    pub groups: Vec<Vec<MatchClause>>,
}

impl MatchCriteria {
    /// Checks bounds: at most 20 clauses, no empty group, subjects that exist, `lo ≤ hi < MISSING`.
    ///
    /// # Errors
    /// [`Error::Malformed`] that names the group and clause.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |why: String| Err(Error::Malformed { what: "match criteria", why });
        let clauses: usize = self.groups.iter().map(Vec::len).sum();
        if clauses > MATCH_CLAUSES_MAX {
            return refuse(format!("{clauses} clauses; at most {MATCH_CLAUSES_MAX} are possible"));
        }
        for (index, group) in self.groups.iter().enumerate() {
            if group.is_empty() {
                return refuse(format!("group {index} is empty and could never hold; remove it"));
            }
            for clause in group {
                let exists = match clause.subject {
                    Subject::Attribute(attribute) => usize::from(attribute) < ATTRIBUTES,
                    Subject::Dosage(variant) => usize::from(variant) < WINDOW_VARIANTS,
                };
                if !exists || clause.lo > clause.hi || clause.hi == MISSING {
                    return refuse(format!(
                        "group {index}: {clause:?} needs an attribute below {ATTRIBUTES} or a variant below \
                         {WINDOW_VARIANTS}, and lo ≤ hi < {MISSING}"
                    ));
                }
            }
        }
        Ok(())
    }

    /// Checks that the schema has every subject.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] beyond its attributes or its panel, [`Error::Malformed`] as [`MatchCriteria::check`].
    pub fn check_against(&self, schema: &Schema, window: u32) -> Result<(), Error> {
        self.check()?;
        self.groups.iter().flatten().try_for_each(|clause| schema.check_subject(clause.subject, window))
    }

    /// Whether dosages are read.
    #[must_use]
    pub fn reads_dosages(&self) -> bool {
        self.groups.iter().flatten().any(|clause| matches!(clause.subject, Subject::Dosage(_)))
    }

    /// Whether the record satisfies every group.
    #[must_use]
    pub fn hold(&self, record: &OpenedRecord<'_>) -> bool {
        self.groups.iter().all(|group| Self::group_holds(group, record))
    }

    /// Whether the record satisfies one of the clauses.
    pub(crate) fn group_holds(group: &[MatchClause], record: &OpenedRecord<'_>) -> bool {
        group.iter().any(|clause| clause.holds(record))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(value: u32) -> Attributes {
        Attributes::new([value; ATTRIBUTES])
    }

    #[test]
    fn a_missing_value_satisfies_no_clause_negated_or_not() {
        for negated in [false, true] {
            assert!(!Clause { attribute: 0, lo: 0, hi: MISSING - 1, negated }.holds(&with(MISSING)));
        }
    }

    #[test]
    fn groups_are_joined_by_and_and_clauses_by_or() {
        let clause = |lo, hi, negated| Clause { attribute: 3, lo, hi, negated };
        let criteria =
            Criteria { groups: vec![vec![clause(0, 9, false), clause(20, 29, false)], vec![clause(5, 5, true)]] };
        assert_eq!([4, 5, 15, 25].map(|value| criteria.hold(&with(value))), [true, false, false, true]);
    }

    #[test]
    fn out_of_bounds_criteria_are_refused() {
        let clause = Clause { attribute: 0, lo: 0, hi: 1, negated: false };
        let broken = [
            vec![vec![]],
            vec![vec![clause; CLAUSES_MAX + 1]],
            vec![vec![Clause { attribute: 32, ..clause }]],
            vec![vec![Clause { lo: 2, ..clause }]],
            vec![vec![Clause { hi: MISSING, ..clause }]],
        ];
        for groups in broken {
            assert!(Criteria { groups: groups.clone() }.check().is_err(), "{groups:?}");
        }
    }
}
