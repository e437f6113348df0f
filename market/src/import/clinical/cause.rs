//! Why something is not used as it stands.

use std::fmt;

use serde::Serialize;

/// Whether something was left out by a rule, or could not be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// A rule of the mapping or of the source's own standard leaves it out.
    Skipped,
    /// It was asked for and cannot be taken; somebody should look.
    Refused,
    /// It was taken, but not as it stands.
    Adjusted,
}

/// Why something is not used as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cause {
    /// The same resource stands here again.
    Duplicate,
    /// Its status is `entered-in-error`, or cancelled.
    EnteredInError,
    /// Its status is not final: registered, preliminary, a draft, a plan.
    NotFinal,
    /// Its verification status is not among those that count.
    NotVerified,
    /// It is not active.
    NotActive,
    /// It came after the reference day.
    AfterReferenceDay,
    /// It lies outside the window.
    OutsideWindow,
    /// Another value is the latest, the first, the least or the greatest.
    NotTaken,
    /// The person had died before the reference day.
    Died,
    /// The code is not in the table of values.
    CodeNotMapped,
    /// The source says that there is no value.
    NoValue,
    /// It is the middle of the ages that imprecise dates allow.
    MiddleOfDates,
    /// Two different resources have this type and id.
    ConflictingDuplicate,
    /// The subject is no Patient of these files.
    SubjectUnresolved,
    /// The person has no name by the mapping.
    Unnamed,
    /// It has no date, and one is needed.
    Undated,
    /// Its time is no date and no age: words, a class, or broken.
    UnreadableDate,
    /// Its date leaves open whether it counts, or which age it is.
    ImpreciseDate,
    /// The date lies before birth.
    BeforeBirth,
    /// The date of birth is missing.
    NoBirthDate,
    /// The value has no unit.
    NoUnit,
    /// The unit is no UCUM code, nor among the mapping's units.
    UnknownUnit,
    /// The unit measures something else than the attribute's.
    OtherUnit,
    /// Mass and substance, and the mapping has no `molar_mass`.
    NeedsMolarMass,
    /// Percent and mmol/mol, and the mapping does not say `hba1c = true`.
    NeedsHba1c,
    /// The value is a bound (`<`, `>`), not a number.
    Bound,
    /// The value is of a kind that the rule does not read: words, a ratio, a range, a code or a number.
    OtherKind,
    /// The text is no number.
    NoNumber,
    /// The value lies outside the attribute's range.
    OutOfRange,
    /// The source says that it is there and that it is not.
    Contradiction,
    /// There are several different values, and nothing says which to take.
    SeveralValues,
    /// Two values that differ are both the latest or the first, as far as their times tell.
    SameTime,
    /// Another source gives the person another value.
    SourcesDisagree,
    /// The medication is given by a reference, which is not followed.
    MedicationByReference,
}

impl Cause {
    /// Whether it leaves something out, or refuses it.
    #[must_use]
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::MiddleOfDates => Verdict::Adjusted,
            Self::Duplicate
            | Self::EnteredInError
            | Self::NotFinal
            | Self::NotVerified
            | Self::NotActive
            | Self::AfterReferenceDay
            | Self::OutsideWindow
            | Self::NotTaken
            | Self::Died
            | Self::CodeNotMapped
            | Self::NoValue => Verdict::Skipped,
            _ => Verdict::Refused,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Duplicate => "the same resource again",
            Self::EnteredInError => "entered in error or cancelled",
            Self::NotFinal => "not final",
            Self::NotVerified => "a verification status that does not count; name it under `verification` if it should",
            Self::NotActive => "not active",
            Self::AfterReferenceDay => "after the reference day",
            Self::OutsideWindow => "outside the window",
            Self::NotTaken => "another value is taken",
            Self::Died => "the person had died before the reference day",
            Self::CodeNotMapped => "a code that is not in the table of values; add it under `values`",
            Self::NoValue => "without a value",
            Self::MiddleOfDates => "an age in the middle of what imprecise dates allow",
            Self::ConflictingDuplicate => "two different resources of one type and id; export one version",
            Self::SubjectUnresolved => "about somebody who is no Patient of these files; add the file that has them",
            Self::Unnamed => "a person without a name by the mapping; see [person]",
            Self::Undated => "without a date, which this rule needs",
            Self::UnreadableDate => "a time in words, a class or anything else that is no date and no age",
            Self::ImpreciseDate => {
                "dates too imprecise for this rule; `imprecise = \"middle\"` takes the middle of ages"
            }
            Self::BeforeBirth => "a date before birth",
            Self::NoBirthDate => "without a date of birth",
            Self::NoUnit => "without a unit",
            Self::UnknownUnit => "a unit that is no UCUM code; say under [units] what it means",
            Self::OtherUnit => "a unit that measures something else",
            Self::NeedsMolarMass => "mass and substance; give `molar_mass`",
            Self::NeedsHba1c => "percent and mmol/mol; give `hba1c = true` if it is HbA1c",
            Self::Bound => "a bound (< or >), not a number",
            Self::OtherKind => "a kind of value that this rule does not read",
            Self::NoNumber => "a text that is no number",
            Self::OutOfRange => "outside the attribute's range",
            Self::Contradiction => "said to be there and not to be there",
            Self::SeveralValues => "several different values; say which to `take`",
            Self::SameTime => "different values at one time",
            Self::SourcesDisagree => "another source has another value",
            Self::MedicationByReference => "a medication by reference, which is not followed",
        })
    }
}
