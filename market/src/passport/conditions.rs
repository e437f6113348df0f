//! Conditions of a visa on other visas (GA4GH Passport v1.2, "conditions"), and the matching that policies use too.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::VisaObject;

/// Clauses of a visa's conditions, all together.
pub const CLAUSES_MAX: usize = 64;

/// What one visa must say: its `type`, and how its other claims match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clause {
    /// The visa type, letter by letter.
    #[serde(rename = "type")]
    pub kind: String,
    /// Of `value`, `source` and `by` each a match: `const:` and the text, `pattern:` with `?` and `*`, or
    /// `split_pattern:` for one of the pieces between semicolons.
    #[serde(flatten)]
    pub claims: BTreeMap<String, String>,
}

impl Clause {
    /// Whether a visa says it. A clause without any match, or with one that is not known, matches nothing.
    #[must_use]
    pub fn matches(&self, visa: &VisaObject) -> bool {
        let says = |(name, wanted): (&String, &String)| {
            let said = match name.as_str() {
                "value" => Some(visa.value.as_str()),
                "source" => Some(visa.source.as_str()),
                "by" => visa.by.map(|by| by.name()),
                _ => None,
            };
            said.is_some_and(|said| matched(wanted, said))
        };
        self.kind == visa.kind && !self.claims.is_empty() && self.claims.iter().all(says)
    }
}

/// Alternatives, each of clauses that must all be met.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Conditions(Vec<Vec<Clause>>);

impl Conditions {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Clauses in all.
    #[must_use]
    pub fn clauses(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }

    /// Whether other visas, which have no conditions themselves, meet one of the alternatives.
    #[must_use]
    pub fn are_met_by(&self, visas: &[&VisaObject]) -> bool {
        let met = |clause: &Clause| visas.iter().any(|visa| visa.conditions.is_empty() && clause.matches(visa));
        self.0.iter().any(|all| !all.is_empty() && all.iter().all(met))
    }
}

fn matched(wanted: &str, said: &str) -> bool {
    match wanted.split_once(':') {
        Some(("const", text)) => text == said,
        Some(("pattern", pattern)) => pattern_matches(pattern, said),
        Some(("split_pattern", pattern)) => said.split(';').any(|piece| pattern_matches(pattern, piece)),
        _ => false,
    }
}

/// `?` is any one character, `*` any run of them. In time proportional to the product of both lengths, which the length
/// of a token bounds: after a mismatch only the last `*` takes one character more.
fn pattern_matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut read) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(letter) if *letter == '?' || Some(letter) == text.get(read) => {
                at += 1;
                read += 1;
            }
            _ => {
                let Some((place, from)) = star else { return false };
                star = Some((place, from + 1));
                (at, read) = (place + 1, from + 1);
            }
        }
    }
    pattern.iter().skip(at).all(|letter| *letter == '*')
}
