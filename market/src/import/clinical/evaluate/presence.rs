//! Whether something is there: a condition, a procedure, a medication, a feature, a disease.

use circuits::schema::Attribute;

use super::{Asked, Outcome};
use crate::import::clinical::{
    cause::Cause,
    facts::{Claim, Finding, Onset, Person, Placed, When},
    mapping::Presence,
    report::Note,
};

/// What one finding says.
pub(super) enum Said {
    /// It is there on the reference day.
    Present,
    /// It is said not to be there.
    Absent,
    /// It cannot be told.
    Doubtful(Cause),
    /// Nothing that counts.
    Nothing(Cause),
}

impl Asked<'_> {
    /// What a finding says under a rule.
    pub(super) fn said(self, finding: &Finding, presence: &Presence) -> Said {
        let claim = match finding.claim {
            Claim::Verified(status) if presence.verification.contains(&status) => Claim::Present,
            Claim::Verified(_) => Claim::Doubtful(Cause::NotVerified),
            claim => claim,
        };
        let dated = match finding.onset {
            Onset::At(moment) => When::At(moment),
            Onset::Unreadable => When::Unreadable,
            Onset::Unsaid | Onset::Age(_) => finding.recorded,
        };
        let reached = match dated {
            When::At(moment) => moment.within(None, self.on).ok_or(Cause::ImpreciseDate),
            When::Unsaid | When::Unreadable => Ok(true),
        };
        match (claim, reached) {
            (Claim::Void(cause), _) => Said::Nothing(cause),
            (_, Ok(false)) => Said::Nothing(Cause::AfterReferenceDay),
            (Claim::Doubtful(cause), _) | (_, Err(cause)) => Said::Doubtful(cause),
            (Claim::Absent, _) => Said::Absent,
            (Claim::Present | Claim::Verified(_), _) => match (presence.active, finding.active) {
                (false, _) | (true, Some(true)) => Said::Present,
                (true, Some(false)) => Said::Nothing(Cause::NotActive),
                (true, None) => Said::Doubtful(Cause::NotActive),
            },
        }
    }

    /// 1 when it is there, 0 when it is said not to be, and the rule's `otherwise` where nothing is said and nothing is
    /// in doubt.
    pub(super) fn presence(self, person: &Person, presence: &Presence, attribute: &Attribute) -> Outcome {
        let (mut present, mut absent, mut doubtful) = (Vec::new(), Vec::new(), false);
        let mut notes = Vec::new();
        for Placed { place, fact } in asked_for(person, presence) {
            match self.said(fact, presence) {
                Said::Present => present.push(place),
                Said::Absent => absent.push(place),
                Said::Doubtful(cause) => {
                    doubtful = true;
                    notes.push(Note::new(cause, place));
                }
                Said::Nothing(cause) => notes.push(Note::new(cause, place)),
            }
        }
        let (stored, from) = match (present.is_empty(), absent.is_empty()) {
            (false, false) => {
                let both = present.iter().chain(&absent);
                notes.extend(both.map(|place| Note::new(Cause::Contradiction, place)));
                (None, Vec::new())
            }
            (false, true) => (Some(attribute.scale), present),
            (true, false) if !doubtful => (Some(0), absent),
            (true, true) if !doubtful => (presence.otherwise, Vec::new()),
            _ => (None, Vec::new()),
        };
        Outcome { stored, from: from.into_iter().cloned().collect(), notes }
    }
}

/// The findings that a rule asks for.
pub(super) fn asked_for<'p>(person: &'p Person, presence: &'p Presence) -> impl Iterator<Item = &'p Placed<Finding>> {
    let asked = |found: &&Placed<Finding>| {
        presence.kinds.contains(&found.fact.kind) && presence.codes.matches(&found.fact.codes)
    };
    person.findings.iter().filter(asked)
}
