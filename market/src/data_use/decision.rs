//! The one table that matches what an owner allows against what a query declares.

use std::{collections::BTreeSet, fmt};

use circuits::consent::{Day, Purposes};
use node::{calendar::date, query::DataUse, transaction::AllowedUse};
use serde::Serialize;

use super::{
    Approval, DataUseTerms, DeclaredUse, DiseaseHierarchy, DuoTerm, Enforcement, Modifier, Name, RegionTable,
    Requester, declared::Purpose,
};

/// Why a use is not allowed, in words for the owner, with what the researcher could do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The term of the owner's that forbids it.
    pub term: DuoTerm,
    /// Who enforces it: the proof, or the owner's agent.
    pub enforced_by: Enforcement,
    /// What the owner allows and the study does otherwise.
    pub why: String,
    /// What would make it allowed.
    pub remedy: String,
}

impl Refusal {
    /// The owner's term and the way out, in words for who asks.
    #[must_use]
    pub fn for_researcher(&self) -> String {
        format!("{} {}, {}: {}", self.term.id(), self.term.shorthand(), self.term.label(), self.remedy)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} {}). {}", self.why, self.term.id(), self.term.shorthand(), self.remedy)
    }
}

/// What a decision depends on besides the two sides.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// The query's last day.
    pub closing: Day,
    /// Which disease lies within which.
    pub hierarchy: &'a DiseaseHierarchy,
    /// The network's regions.
    pub regions: &'a RegionTable,
}

/// A bit of a consent's mask: the term it stands for, and the words when a query demands it in vain.
type Words = (Purposes, DuoTerm, &'static str, &'static str);

const WORDS: [Words; 14] = [
    (
        Purposes::GENERAL_RESEARCH,
        DuoTerm::Gru,
        "You do not allow research of every kind, and this study is for research in general",
        "The researcher can narrow the study to what you allow.",
    ),
    (
        Purposes::HEALTH_RESEARCH,
        DuoTerm::Hmb,
        "You do not allow health research of every kind, and this study is for health research",
        ONE_DISEASE,
    ),
    (
        Purposes::DISEASE_SPECIFIC,
        DuoTerm::Ds,
        "You do not allow research on diseases, and this study is on one",
        CHANGE_ALONE,
    ),
    (
        Purposes::ANCESTRY,
        DuoTerm::Npoa,
        "You do not allow research on ancestry and the origins of populations, and this study is that",
        CHANGE_ALONE,
    ),
    (Purposes::CLINICAL_CARE, DuoTerm::Cc, "You do not allow use in clinical care, and this is for care", CHANGE_ALONE),
    (Purposes::ANY_USE, DuoTerm::Nres, "You allow research, and this use is no research", CHANGE_ALONE),
    (
        Purposes::METHODS,
        DuoTerm::Nmds,
        "You do not allow that methods or software are developed with your data, and this study does",
        "The researcher can ask again for a study that develops none.",
    ),
    (
        Purposes::COMMERCIAL,
        DuoTerm::Npu,
        "You do not allow use by organisations that work for profit, and one uses this result",
        "An organisation that does not work for profit can ask.",
    ),
    (
        Purposes::COMMERCIAL_USE,
        DuoTerm::Ncu,
        "You do not allow commercial use, and this use is commercial",
        "The researcher can ask for a use that is not commercial.",
    ),
    (
        Purposes::WITHOUT_GENOTYPES,
        DuoTerm::Gso,
        "You allow genetic studies alone, and this study reads no genotype",
        "The researcher can ask a question that reads genotypes.",
    ),
    (
        Purposes::WITHOUT_ETHICS_APPROVAL,
        DuoTerm::Irb,
        "You allow only studies that an ethics committee approved, and this one names no approval",
        "The researcher can obtain an approval and name it as ethics_approval.",
    ),
    (
        Purposes::WITHOUT_PUBLICATION,
        DuoTerm::Pub,
        "You ask that results are made available to others, and this study does not promise it",
        "The researcher can promise it with publishes.",
    ),
    (
        Purposes::WITHOUT_COLLABORATION,
        DuoTerm::Col,
        "You ask that those who collected the data take part, and this study does not promise it",
        "The researcher can agree with them and promise it with collaborates.",
    ),
    (
        Purposes::WITHOUT_RETURN,
        DuoTerm::Rtn,
        "You ask that what is derived comes back to the resource, and this study does not promise it",
        "The researcher can promise it with returns_results.",
    ),
];

/// What would help who asks for health research, where one disease is allowed.
const ONE_DISEASE: &str = "The researcher can ask for the one disease that you allow.";
/// What would help where nothing narrower is allowed either.
const CHANGE_ALONE: &str = "Only a change of your consent would allow it.";

/// Why a consent's mask does not allow what a query demands, bit by bit; nothing when it does.
#[must_use]
pub fn refused_purposes(allowed: Purposes, demanded: Purposes) -> Vec<Refusal> {
    let lacking = demanded.without(allowed);
    WORDS.iter().filter(|(bit, ..)| lacking.contains(*bit)).map(|words| refusal_of(words.1, words, allowed)).collect()
}

/// What each demanded bit means for who can answer, in the words of a plan.
#[must_use]
pub fn demanded_in_words(demanded: Purposes) -> Vec<String> {
    let uses = Purposes::NAMED.into_iter().map(|(name, bit)| (bit, format!("only owners who allow {name}")));
    let requirements = Purposes::REQUIREMENTS.into_iter();
    let requirements = requirements.map(|(name, bit)| (bit, format!("no owner who requires {name}")));
    let term = |bit| WORDS.iter().find(|(known, ..)| *known == bit).map_or("", |(_, term, ..)| term.id());
    let demanded = uses.chain(requirements).filter(|(bit, _)| demanded.contains(*bit));
    demanded.map(|(bit, words)| format!("{words} ({})", term(bit))).collect()
}

/// Why what the owner of a dataset allows does not cover a use, by the ledger's own terms; nothing when it does.
#[must_use]
pub fn refused_use(allowed: &AllowedUse, asked: &DataUse) -> Vec<Refusal> {
    let by_ledger = |refusal| Refusal { enforced_by: Enforcement::Ledger, ..refusal };
    let mut refusals = refused_purposes(allowed.purposes, asked.purposes);
    if allowed.disease != 0 && allowed.disease != asked.disease {
        let named = if asked.disease == 0 { "none".into() } else { format!("number {}", asked.disease) };
        let why = format!(
            "You allow research on the disease of number {} alone, and this asks under {named}",
            allowed.disease
        );
        refusals.push(refusal(DuoTerm::Ds, why, "A study of that disease, or of one within it, can ask.".into()));
    }
    if !allowed.regions.contains(asked.regions) {
        let why = "You allow use in certain regions alone, and this use goes beyond them".into();
        refusals.push(refusal(DuoTerm::Gs, why, "The researcher can list the countries or regions of use.".into()));
    }
    refusals.into_iter().map(by_ledger).collect()
}

/// Refusals in words, for the owner.
#[must_use]
pub fn in_words(refusals: &[Refusal]) -> String {
    refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// The words for a use that is demanded in vain of who allows these.
fn refusal_of(term: DuoTerm, (bit, _, why, remedy): &Words, allowed: Purposes) -> Refusal {
    let is_narrower_allowed = *bit != Purposes::HEALTH_RESEARCH || allowed.contains(Purposes::DISEASE_SPECIFIC);
    refusal(term, (*why).into(), if is_narrower_allowed { *remedy } else { CHANGE_ALONE }.into())
}

fn refusal(term: DuoTerm, why: String, remedy: String) -> Refusal {
    Refusal { term, enforced_by: term.enforcement(), why, remedy }
}

/// Every reason why a use is not allowed; none when it is. Those that [`Enforcement::Proof`] enforces are there exactly
/// when no proof of the committed terms would pass.
#[must_use]
pub fn decide(
    terms: &DataUseTerms,
    declared: &DeclaredUse,
    requester: &Requester,
    circumstances: &Circumstances<'_>,
) -> Vec<Refusal> {
    let mut refusals = by_permission(terms, declared);
    refusals.extend(by_disease(terms, declared, circumstances.hierarchy));
    for modifier in terms.modifiers() {
        refusals.extend(by_mask(modifier, declared));
        refusals.extend(by_place_and_time(modifier, declared, circumstances));
    }
    refusals.extend(decide_requester(terms, requester));
    refusals
}

/// The permission covers the study's purpose.
fn by_permission(terms: &DataUseTerms, declared: &DeclaredUse) -> Vec<Refusal> {
    let care = terms.modifiers().any(|modifier| *modifier == Modifier::ClinicalCare);
    let covered = terms.permission().allows().contains(declared.purpose.bit());
    if covered || (care && declared.purpose == Purpose::ClinicalCare) {
        return vec![];
    }
    let words = WORDS.iter().filter(|(bit, ..)| *bit == declared.purpose.bit());
    words.map(|words| refusal_of(terms.permission().term(), words, terms.permission().allows())).collect()
}

/// The disease studied is the one allowed or lies within it (the agent's part), and the query asks under that very code
/// (the proof's part, which compares codes).
fn by_disease(terms: &DataUseTerms, declared: &DeclaredUse, hierarchy: &DiseaseHierarchy) -> Option<Refusal> {
    let allowed = terms.disease()?;
    let studied = declared.disease.as_ref();
    let within = studied.is_some_and(|studied| hierarchy.is_within(studied, allowed));
    let asked = declared.asked_disease().is_some_and(|asked| asked.number() == allowed.number());
    if within && asked {
        return None;
    }
    let named = studied.map_or("none".into(), ToString::to_string);
    let (why, remedy) = if within {
        (
            format!(
                "You allow research on {allowed}; the study of {named} lies within it, but asks under another code"
            ),
            format!("The researcher can set asks_under to {allowed}."),
        )
    } else {
        (
            format!("You allow research on {allowed} alone, and the disease of this study is {named}"),
            "A study of that disease, or of one within it, can ask.".into(),
        )
    };
    let enforced_by = if asked { Enforcement::Agent } else { Enforcement::Proof };
    Some(Refusal { enforced_by, ..refusal(DuoTerm::Ds, why, remedy) })
}

/// The query demands no bit that the condition takes away.
fn by_mask(modifier: &Modifier, declared: &DeclaredUse) -> Vec<Refusal> {
    let kept = Purposes(u32::MAX).without(modifier.forbids());
    let demanded = declared.purposes();
    let forbidden = |(bit, ..): &&Words| modifier.forbids().contains(*bit) && demanded.contains(*bit);
    WORDS.iter().filter(forbidden).map(|words| refusal_of(modifier.term(), words, kept)).collect()
}

fn by_place_and_time(modifier: &Modifier, declared: &DeclaredUse, at: &Circumstances<'_>) -> Option<Refusal> {
    let of = |why, remedy: &str| Some(refusal(modifier.term(), why, remedy.into()));
    match modifier {
        Modifier::Countries(allowed)
            if !at.regions.allowing(allowed).contains(at.regions.touched_by(&declared.countries)) =>
        {
            let listed = listed(allowed);
            if declared.countries.is_empty() {
                let why = format!("You allow use in {listed} alone, and this study names no country");
                return of(why, "The researcher can list the countries of use.");
            }
            if declared.countries.is_subset(allowed) {
                let why = format!("You allow use in {listed} alone, and the network's regions are too wide to say so");
                return of(why, "The network can tell these countries apart in its table of regions.");
            }
            let outside: BTreeSet<_> = declared.countries.difference(allowed).copied().collect();
            let why =
                format!("You allow use in {listed} alone, and this study uses the data in {}", self::listed(&outside));
            of(why, "The researcher can leave these countries out.")
        }
        Modifier::Until(day) if at.closing > *day => {
            let why = format!("You allow use until {}, and this query closes on {}", date(*day), date(at.closing));
            of(why, "The researcher can close the query earlier.")
        }
        _ => None,
    }
}

/// The conditions that only the agent can decide: on who asks, for which project, when they publish, and whether an approval
/// is shown where that is asked for. What is not known is not met.
#[must_use]
pub fn decide_requester(terms: &DataUseTerms, requester: &Requester) -> Vec<Refusal> {
    let named = |known: &BTreeSet<Name>, allowed: &BTreeSet<Name>| !known.is_disjoint(allowed);
    let project: BTreeSet<_> = requester.project.iter().cloned().collect();
    let refused = terms.modifiers().filter_map(|modifier| {
        let of = |why: &str, remedy: &str| Some(refusal(modifier.term(), why.into(), remedy.into()));
        match modifier {
            Modifier::Users(allowed) if !named(&requester.users, allowed) => of(
                "You allow named researchers alone, and whoever asks is not shown to be one of them",
                "One of those you named can ask.",
            ),
            Modifier::Projects(allowed) if !named(&project, allowed) => of(
                "You allow named projects alone, and this study is not one of them",
                "The researcher can ask for the study that you named.",
            ),
            Modifier::Institutions(allowed) if !named(&requester.institutions, allowed) => of(
                "You allow named institutions alone, and whoever asks is not shown to belong to one of them",
                "A researcher whose institution vouches for them with a visa can ask.",
            ),
            Modifier::ResearchKinds(allowed)
                if requester.research_kinds.is_empty() || !requester.research_kinds.is_subset(allowed) =>
            {
                of(
                    "You allow certain kinds of research alone, and this study is not shown to be of these kinds",
                    "The researcher can declare the kind of research.",
                )
            }
            Modifier::PublicationFrom(day) if requester.publishes_from.is_none_or(|first| first < *day) => {
                let why = format!("You ask that nothing is published before {}, and this is not promised", date(*day));
                of(&why, "The researcher can promise it with publishes_from.")
            }
            Modifier::EthicsApproval => {
                let Approval::Lacking(why) = &requester.approval else { return None };
                let why = format!(
                    "You allow only studies that an ethics committee approved, and what this agent asks for is not shown: \
                     {why}"
                );
                let remedy = "The researcher can present the visa that shows it, with `locus query introduce`.";
                // The proof knows that an approval is named, and no more.
                Some(Refusal { enforced_by: Enforcement::Agent, ..refusal(modifier.term(), why, remedy.into()) })
            }
            _ => None,
        }
    });
    refused.collect()
}

fn listed<T: fmt::Display>(items: &BTreeSet<T>) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
