//! What FHIR resources and phenopackets say of a person, in one form that the rules read.

use std::{fmt, sync::Arc};

use dashu::rational::RBig;

use super::{age::Age, cause::Cause, code::Code, mapping::Verification, moment::Moment, report::Place};

/// One person of one source, with all that is said of them.
#[derive(Debug, Clone)]
pub(super) struct Person {
    /// The name by the mapping.
    pub(super) name: String,
    pub(super) place: Arc<Place>,
    pub(super) individual: Individual,
    pub(super) findings: Vec<Placed<Finding>>,
    pub(super) measurements: Vec<Placed<Measurement>>,
}

/// A statement with the place where it stands.
#[derive(Debug, Clone)]
pub(super) struct Placed<T> {
    pub(super) place: Arc<Place>,
    pub(super) fact: T,
}

/// What is said of a person themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Individual {
    pub(super) birth: When,
    /// Administrative gender or sex, in lower case.
    pub(super) sex: Option<String>,
    pub(super) death: Death,
    /// Age at the last encounter.
    pub(super) last_age: Onset,
}

/// A time, where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// Nothing is said.
    Unsaid,
    /// Then.
    At(Moment),
    /// Something is said that is no time.
    Unreadable,
}

impl When {
    /// What a member that holds a date says.
    pub(super) fn read(text: Option<&str>) -> Self {
        text.map_or(Self::Unsaid, |text| Moment::parse(text).map_or(Self::Unreadable, Self::At))
    }

    /// The first of two of which something is said.
    pub(super) fn or(self, other: Self) -> Self {
        if self == Self::Unsaid { other } else { self }
    }
}

/// Whether and when a person died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Death {
    /// Nothing is said.
    Unsaid,
    /// They had not when the source was written.
    Living,
    /// They had, then.
    Died(When),
}

/// When a finding began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Onset {
    Unsaid,
    At(Moment),
    Age(Age),
    /// Something is said that is no day and no age.
    Unreadable,
}

impl From<When> for Onset {
    fn from(when: When) -> Self {
        match when {
            When::Unsaid => Self::Unsaid,
            When::At(moment) => Self::At(moment),
            When::Unreadable => Self::Unreadable,
        }
    }
}

/// What kind of statement a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FindingKind {
    Condition,
    Procedure,
    Medication,
    Feature,
    Disease,
}

/// How a finding is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// It is there.
    Present,
    /// It is there as far as this verification status goes.
    Verified(Verification),
    /// It is said not to be there.
    Absent,
    /// It cannot be told whether it is.
    Doubtful(Cause),
    /// It says nothing.
    Void(Cause),
}

/// A condition, procedure, medication, feature or disease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) kind: FindingKind,
    pub(super) codes: Vec<Code>,
    pub(super) claim: Claim,
    /// Whether a condition is active, where its clinical status says so.
    pub(super) active: Option<bool>,
    pub(super) onset: Onset,
    /// When it was recorded, ordered or done.
    pub(super) recorded: When,
}

/// An observation, one of its components, or a phenopacket's measurement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Measurement {
    pub(super) codes: Vec<Code>,
    /// The value, or why there is none.
    pub(super) value: Result<Value, Cause>,
    pub(super) time: When,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Quantity(RBig, WrittenUnit),
    Coded(CodedValue),
}

/// A code or a truth value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CodedValue {
    Codes(Vec<Code>),
    Boolean(bool),
}

impl fmt::Display for CodedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Codes(codes) => {
                let codes: Vec<_> = codes.iter().map(ToString::to_string).collect();
                f.write_str(&codes.join(", "))
            }
            Self::Boolean(truth) => truth.fmt(f),
        }
    }
}

/// A unit as the source gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum WrittenUnit {
    /// A UCUM code.
    Ucum(String),
    /// Words or a code of another system.
    Other(String),
    /// None.
    Unsaid,
}
