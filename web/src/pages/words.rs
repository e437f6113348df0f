//! The ledger's terms in plain words.

use circuits::{
    consent::Purposes,
    criteria::{Clause, Criteria, MatchClause},
    layout::{Axis, Layout, Statistic, Subject},
    privacy::DELTA,
    schema::{Attribute, Schema, VariantPanel},
};
use market::{
    data_use::DiseaseNames,
    index::Stage,
    query::{NamedClause, VariantBlock},
    statistics::AxisLabels,
};
use node::{
    query::{CohortQuery, PrivacyMode},
    state::{Conformance, RefundReason},
};

/// Variants of an axis or clause that are named by number when the panel is not at hand.
type Panel<'p> = Option<&'p VariantPanel>;

/// The terms of the Data Use Ontology (DUO) that the protocol knows, by their names in query files.
const PURPOSES: [(&str, &str, &str); 9] = [
    ("general-research", "General research use", "DUO:0000042"),
    ("health-research", "Health, medical or biomedical research", "DUO:0000006"),
    ("disease-specific", "Research on one disease", "DUO:0000007"),
    ("ancestry", "Population origins or ancestry research", "DUO:0000011"),
    ("methods", "Methods development", "allowed, against DUO:0000015"),
    ("commercial", "Use by for-profit organisations", "allowed, against DUO:0000045"),
    ("commercial-use", "Commercial use", "allowed, against DUO:0000046"),
    ("clinical-care", "Clinical care", "DUO:0000043"),
    ("any-use", "A use that is no research", "DUO:0000004"),
];

/// A purpose: its name in files, in words, and its term.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Purpose {
    pub(crate) name: &'static str,
    pub(crate) words: &'static str,
    pub(crate) term: &'static str,
}

/// Every purpose that the protocol knows.
pub(super) fn all_purposes() -> Vec<Purpose> {
    purposes(Purposes(u32::MAX))
}

/// The purposes of a set.
pub(crate) fn purposes(set: Purposes) -> Vec<Purpose> {
    let held = Purposes::NAMED.into_iter().filter(|(_, purpose)| set.contains(*purpose));
    held.map(|(name, _)| {
        let (words, term) =
            PURPOSES.iter().find(|known| known.0 == name).map_or((name, ""), |known| (known.1, known.2));
        Purpose { name, words, term }
    })
    .collect()
}

/// The disease asked under, which is the one studied or contains it, and which the ledger has as a number: what the node's
/// ontology calls it, with its code, and the number itself where there is no ontology or it knows no such disease. None where
/// none is named.
pub(crate) fn disease(number: u32, known: Option<&DiseaseNames>) -> Option<String> {
    if number == 0 {
        return None;
    }
    Some(match known.and_then(|known| known.numbered(number)) {
        Some((code, name)) => format!("{name} ({code})"),
        None => format!("number {number}, made from an ontology’s code"),
    })
}

/// The public criteria of a query.
pub(crate) fn criteria(query: &CohortQuery, schema: &Schema) -> Vec<String> {
    groups(&query.criteria, schema)
}

/// Public criteria: each group in words, its clauses joined by "or".
pub(crate) fn groups(criteria: &Criteria, schema: &Schema) -> Vec<String> {
    let named = |clause: &Clause| NamedClause::of(&MatchClause::from(*clause), schema, None, 0).to_string();
    criteria.groups.iter().map(|group| group.iter().map(named).collect::<Vec<_>>().join(" or ")).collect()
}

/// Match criteria, likewise.
pub(crate) fn matching(query: &CohortQuery, schema: &Schema, panel: Panel<'_>) -> Vec<String> {
    let window = query.parts.first().map_or(0, |layout| layout.window);
    let named = |clause: &MatchClause| NamedClause::of(clause, schema, panel, window).to_string();
    query.matching.groups.iter().map(|group| group.iter().map(named).collect::<Vec<_>>().join(" or ")).collect()
}

/// A part of a query: what is summed.
pub(crate) fn part(layout: &Layout, schema: &Schema) -> String {
    match &layout.statistic {
        Statistic::Count => "How many people there are".into(),
        Statistic::Funnel { groups } => format!("How many people are left after each of {groups} match criteria"),
        Statistic::Moments { attributes } => {
            let name = |index: u8| schema.attributes.get(usize::from(index)).map(|attribute| attribute.name.clone());
            let names: Vec<_> = attributes
                .iter()
                .map(|moment| name(moment.attribute).unwrap_or_else(|| format!("attribute {}", moment.attribute)))
                .collect();
            format!("Sums, squares and products of {}", names.join(", "))
        }
        Statistic::Genotypes { .. } => {
            let block = VariantBlock::of(layout, schema.panel.variants);
            format!("Genotype counts of {}", block.map_or_else(String::new, |block| block.to_string()))
        }
    }
}

/// The axes of a part: each with its cells.
pub(crate) fn axes(layout: &Layout, schema: &Schema, panel: Panel<'_>) -> Vec<String> {
    layout.axes.iter().map(|axis| axis_in_words(axis, layout, schema, panel)).collect()
}

/// Cells that an axis lists one by one.
const CELLS_LISTED_MAX: usize = 6;

fn axis_in_words(axis: &Axis, layout: &Layout, schema: &Schema, panel: Panel<'_>) -> String {
    let labels = AxisLabels::of(axis, schema);
    let name = match axis.subject() {
        Subject::Attribute(_) => labels.name.clone(),
        Subject::Dosage(place) => {
            let clause = MatchClause { subject: Subject::Dosage(place), lo: 0, hi: 0, negated: false };
            NamedClause::of(&clause, schema, panel, layout.window).variant.unwrap_or_else(|| labels.name.clone())
        }
    };
    let cells: Vec<&str> = labels.cells.iter().map(|cell| cell.text.as_str()).collect();
    let listed = match cells.as_slice() {
        [first, .., last] if cells.len() > CELLS_LISTED_MAX => format!("{} cells, {first} to {last}", cells.len()),
        _ => cells.join(", "),
    };
    format!("{name}: {listed}")
}

/// How contributors are protected.
pub(crate) fn privacy(query: &CohortQuery) -> String {
    match query.privacy {
        PrivacyMode::Exact => {
            "Exact. Sums carry no noise. Only public criteria, a high minimum and records of several \
                               issuers are allowed, and no record enters an exact release of the same measure twice in \
                               a period."
                .into()
        }
        PrivacyMode::Private { epsilon_milli } => format!(
            "Differential privacy with ε = {epsilon_milli} and δ = {DELTA:e}. Every sum carries noise that hides what any \
             one record adds."
        ),
    }
}

/// A stage, as a state of affairs.
pub(super) const fn stage(stage: &Stage) -> &'static str {
    match stage {
        Stage::Collecting => "Collecting",
        Stage::Sealed => "Sealed",
        Stage::Aggregated => "Aggregated",
        Stage::Released => "Released",
        Stage::Refunded => "Refunded",
    }
}

/// What a stage means.
pub(super) const fn stage_means(stage: &Stage) -> &'static str {
    match stage {
        Stage::Collecting => "people's agents may contribute, and may still withdraw",
        Stage::Sealed => "nobody joins or leaves any more; the sum is being made",
        Stage::Aggregated => "the committee signed the sum of the ciphertexts; its components are awaited",
        Stage::Released => "the researcher can decrypt the sum, and every contributor is paid",
        Stage::Refunded => "the escrow went back to the researcher; nothing was revealed",
    }
}

/// What it means that a query's days are over though it still collects.
pub(super) const PAST_MEANS: &str = "its last day is over: nobody can contribute any more, and nobody has ended it yet";

/// Why an escrow went back.
pub(crate) const fn refund(reason: RefundReason) -> &'static str {
    match reason {
        RefundReason::BelowMinimum => "fewer people contributed than the minimum",
        RefundReason::NotAggregated => "nobody brought a signed sum by the deadline",
        RefundReason::NotReleased => "not every component came by the deadline",
        RefundReason::ComponentsDisputed => "the committee's components contradict each other beyond decision",
    }
}

/// The least and the greatest value of an attribute in its unit.
pub(super) fn range(attribute: &Attribute) -> String {
    let value = |stored: u32| f64::from(stored) / f64::from(attribute.scale.max(1));
    format!("{} to {}", value(attribute.lo), value(attribute.hi))
}

/// How what a query asks compares with what its study had planned.
pub(super) const fn conformance(conformance: Conformance) -> &'static str {
    match conformance {
        Conformance::Unplanned => "Unplanned: the study had registered no plan when it was asked",
        Conformance::Planned => "Planned: the study registered this question before it was asked",
        Conformance::Deviates => "Not as planned: the study had registered a plan, and this question is not in it",
    }
}

/// A transaction's kind, from its JSON name (`register_study`) to words.
pub(crate) fn action(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use market::data_use::DiseaseCode;

    use super::*;

    #[test]
    fn every_purpose_has_words_and_a_term() {
        let all = all_purposes();
        assert_eq!(all.len(), Purposes::NAMED.len());
        assert!(all.iter().all(|purpose| purpose.words != purpose.name && purpose.term.contains("DUO:")));
    }

    #[test]
    fn repro_the_number_of_a_disease_is_not_called_a_code_and_the_ontologys_name_and_code_stand_for_it() {
        let known = DiseaseNames::from_obo("mondo.obo", &b"[Term]\nid: MONDO:0005148\nname: diabetes\n"[..]).unwrap();
        let number = "MONDO:0005148".parse::<DiseaseCode>().unwrap().number();
        assert_eq!(disease(number, Some(&known)).unwrap(), "diabetes (MONDO:0005148)");
        for (number, known) in [(number, None), (number ^ 1, Some(&known))] {
            let said = disease(number, known).unwrap();
            assert_eq!(said, format!("number {number}, made from an ontology’s code"));
        }
        assert_eq!((disease(0, Some(&known)), disease(0, None)), (None, None));
    }

    #[test]
    fn actions_read_as_words() {
        assert_eq!(action("register_study"), "Register study");
        assert_eq!(action(""), "");
    }
}
