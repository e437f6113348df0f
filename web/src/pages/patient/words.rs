//! What the agent, the rules and the money say, in words for everybody.

use circuits::{consent::Regions, privacy::Epsilon};
use market::{
    agent::{ConsentRule, EarningState, Refusal},
    overview::{Decision, RecordStanding},
};
use node::{
    calendar::date,
    query::PrivacyMode,
    state::{AccessParty, LicenceStatus},
    transaction::AccessKind,
    units::Timestamp,
};

use crate::regions::listed;

pub(super) use super::{
    changes::{ActWords, act},
    licence_words::{allowed_use, data_use, promises},
};

/// The purposes, by their names in files: what each lets researchers do.
const PURPOSES: [(&str, &str); 9] = [
    ("general-research", "any kind of research"),
    ("health-research", "research on health and illness"),
    ("disease-specific", "research on one illness"),
    ("ancestry", "research on where people's families come from"),
    ("methods", "making the tools of research better"),
    ("commercial", "work of companies that want to earn money"),
    ("commercial-use", "making things to sell out of it, by anybody"),
    ("clinical-care", "treating patients"),
    ("any-use", "anything at all, even what is no research"),
];

/// A purpose in words.
pub(super) fn purpose(name: &str) -> &str {
    PURPOSES.iter().find(|known| known.0 == name).map_or(name, |known| known.1)
}

/// Purposes in one sentence part.
pub(super) fn purposes(names: &[&str]) -> String {
    let words: Vec<_> = names.iter().map(|name| purpose(name)).collect();
    match words.as_slice() {
        [] => "nothing".into(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// What an owner asks of a study beside its purpose, by its name in files.
pub(super) fn requirement(name: &str) -> &str {
    match name {
        "genotypes" => "it must need people's genomes",
        "ethics-approval" => "an ethics committee must have allowed it",
        "publication" => "it must publish what it finds",
        "collaboration" => "it must work together with those who collected the records",
        "return-of-results" => "it must give back what it finds",
        other => other,
    }
}

/// Every purpose there is, by its name in files.
pub(super) fn all_purposes() -> impl Iterator<Item = (&'static str, &'static str)> {
    PURPOSES.into_iter()
}

/// Something with a colour, a short name, and what it means.
pub(super) struct Said {
    /// A class of the style sheet.
    pub(in crate::pages) class: &'static str,
    pub(in crate::pages) name: &'static str,
    pub(in crate::pages) means: Vec<String>,
}

fn said(class: &'static str, name: &'static str, means: impl Into<String>) -> Said {
    Said { class, name, means: vec![means.into()] }
}

/// Why the agent does not answer.
pub(super) fn refusal(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NotCollecting(_) => "It takes no answers now.".into(),
        Refusal::NoRecord => "You have no record here yet.".into(),
        Refusal::OtherSchema => "It asks about another kind of record than yours.".into(),
        Refusal::NotInTree => "The network does not count your record under these rules now. It is new, or its rules \
                               changed a short time ago, or it was withdrawn."
            .into(),
        Refusal::OtherIssuer => "It asks only people of other hospitals.".into(),
        Refusal::TooRecent => "Your record is newer than the question, and only older ones count.".into(),
        Refusal::OutsideCriteria => "It looks for other people than you.".into(),
        Refusal::Consent(forbidden) => format!("Your rules do not allow it: {}.", rule(forbidden.rule())),
        Refusal::ScopeSpent => {
            "You already gave an exact answer to the same question. Two of them could be compared to \
                                find out about you, so your agent gives only one."
                .into()
        }
        Refusal::Budget { .. } => "It would use more of your privacy budget than is left.".into(),
        Refusal::Unanswerable(_) => "Your agent cannot compare its terms with your rules, so it says no.".into(),
    }
}

/// Which rule of the owner says no.
pub(super) const fn rule(rule: ConsentRule) -> &'static str {
    match rule {
        ConsentRule::Purpose => "it is for something that you do not allow, or lacks what you ask of a study",
        ConsentRule::Region => "you do not allow the place where it is done",
        ConsentRule::Disease => "you allow research on another illness only",
        ConsentRule::Kind => "you do not allow this kind of question",
        ConsentRule::Expiry => "it ends after the last day that you allow",
        ConsentRule::Price => "it pays less than you ask",
        ConsentRule::Privacy => "it would use more privacy at once than you allow",
        ConsentRule::Cohort => "it may end with a smaller group than you ask for",
        ConsentRule::Requester => "you do not allow who asks, or how they work",
    }
}

/// What the agent made of a question.
pub(super) fn decision(decision: &Decision) -> Said {
    match decision {
        Decision::Answered { earning } => Said {
            class: "good",
            name: "Answered",
            means: vec![format!("Your agent answered. {}", earning_means(earning))],
        },
        Decision::Begun => said("collecting", "Answering", "Your agent began to answer, and goes on when it runs."),
        Decision::Allowed => {
            said("collecting", "Allowed", "Your rules allow it. Your agent answers when it runs, if you let it.")
        }
        Decision::Missed => {
            said("", "Missed", "Your rules would have allowed it, but it ended before your agent answered.")
        }
        Decision::Declined { reasons, is_over } => {
            let name = if *is_over { "Not answered" } else { "Says no" };
            let mut means: Vec<String> = reasons.iter().map(refusal).collect();
            means.dedup();
            if *is_over {
                means.push("It has ended. This is what your rules of today say about it.".into());
            }
            Said { class: "", name, means }
        }
        Decision::Unknown => said("", "Not known yet", "The network did not say yet what your record counts for."),
    }
}

/// What became of an answer's money.
pub(super) const fn earning(state: &EarningState) -> (&'static str, &'static str) {
    match state {
        EarningState::Pending => ("sealed", "Waiting"),
        EarningState::Paid => ("good", "Paid"),
        EarningState::Refunded => ("", "Not paid"),
        EarningState::Missed => ("", "Not counted"),
        EarningState::Withdrawn => ("", "Taken back"),
    }
}

/// The same in a sentence.
pub(super) const fn earning_means(state: &EarningState) -> &'static str {
    match state {
        EarningState::Pending => "You are paid when the result is out.",
        EarningState::Paid => "You were paid.",
        EarningState::Refunded => "There was no result, so nobody learned anything and nobody was paid.",
        EarningState::Missed => "The answer does not count, and it pays nothing to this wallet.",
        EarningState::Withdrawn => "You took the answer back.",
    }
}

/// Every state of an answer's money: its name, and what it means.
pub(super) fn earnings() -> [(&'static str, &'static str); 5] {
    use EarningState::{Missed, Paid, Pending, Refunded, Withdrawn};
    [Paid, Pending, Refunded, Missed, Withdrawn].map(|state| (earning(&state).1, earning_means(&state)))
}

/// How a result hides each person.
pub(super) const fn privacy(mode: &PrivacyMode) -> &'static str {
    match mode {
        PrivacyMode::Exact => {
            "The result is exact. Many people take part, and nothing is mixed in to hide you among them."
        }
        PrivacyMode::Private { .. } => {
            "Chance is mixed into the result, so that nobody can tell from it whether you took part."
        }
    }
}

/// Whether the network counts a record.
pub(super) fn standing(standing: &RecordStanding) -> Said {
    match standing {
        RecordStanding::Counts => said("good", "In use", "It counts, under your rules."),
        RecordStanding::New => {
            said("collecting", "New", "It counts soon: the network takes in new records from time to time.")
        }
        RecordStanding::Changing => said(
            "sealed",
            "Changing",
            "You changed its rules. Until the network takes the change in, nothing is answered with it. If this stays for a \
             day, set the rules again.",
        ),
        RecordStanding::Withdrawn => {
            said("bad", "Withdrawn", "It was withdrawn or replaced. Nothing uses it any more.")
        }
        RecordStanding::Unknown => said("", "Not known yet", "The network did not say yet."),
    }
}

/// The numbers of regions, from 1 on; nothing for all of them, and 0, which is no region, for none.
pub(super) fn region_numbers(regions: Regions) -> String {
    match regions {
        Regions::ALL => String::new(),
        Regions(0) => "0".into(),
        some => listed(some),
    }
}

/// Where a record may be used.
pub(super) fn regions(regions: impl std::borrow::Borrow<Regions>) -> String {
    match region_numbers(*regions.borrow()).as_str() {
        "0" => "Nowhere.".into(),
        "" => "Everywhere.".into(),
        numbers if numbers.contains(',') => format!("Only in the regions {numbers}."),
        number => format!("Only in region {number}."),
    }
}

/// How much privacy one answer may use.
pub(super) fn answer_limit(limit: Epsilon) -> String {
    if limit == Epsilon::from_milli(0) {
        "No answer with chance mixed in is allowed.".into()
    } else {
        format!("One answer may use at most {limit} of your privacy budget.")
    }
}

/// How a licence stands.
pub(super) const fn licence(status: &LicenceStatus) -> (&'static str, &'static str) {
    match status {
        LicenceStatus::Requested => ("collecting", "Waits for you"),
        LicenceStatus::Granted { .. } => ("good", "Granted"),
        LicenceStatus::Declined { .. } => ("", "You said no"),
        LicenceStatus::Unanswered { .. } => ("", "Not answered in time"),
        LicenceStatus::Revoked { .. } => ("bad", "Ended by you"),
    }
}

/// The units that records often have (UCUM), as people call them.
const UNITS: [(&str, &str); 12] = [
    ("a", "years"),
    ("mo", "months"),
    ("wk", "weeks"),
    ("d", "days"),
    ("h", "hours"),
    ("kg", "kilograms"),
    ("cm", "centimetres"),
    ("%", "percent"),
    ("kg/m2", "kilograms by square metre"),
    ("mm[Hg]", "millimetres of mercury"),
    ("mg/dL", "milligrams in a tenth of a litre"),
    ("mmol/L", "millimoles in a litre"),
];

/// A unit in words, where it is one of those; else as the hospital writes it.
pub(super) fn unit(unit: &str) -> &str {
    UNITS.iter().find(|known| known.0 == unit).map_or(unit, |known| known.1)
}

/// The day of a time.
pub(super) fn day_of(time: &Timestamp) -> String {
    date(time.day())
}

/// A name, when governance knows one.
pub(super) fn who(name: &str) -> &str {
    if name.is_empty() { "somebody without a known name" } else { name }
}

/// What a receipt of access says.
pub(super) const fn access(party: &AccessParty, kind: &AccessKind) -> &'static str {
    match (party, kind) {
        (AccessParty::Custodian, AccessKind::Header) => "the key to your data was handed out",
        (AccessParty::Custodian, AccessKind::Body) => "your encrypted data was handed out",
        (AccessParty::Custodian, AccessKind::Range { .. }) => "a part of your encrypted data was handed out",
        (AccessParty::Licensee, AccessKind::Header) => "they say that the key came",
        (AccessParty::Licensee, AccessKind::Body) => "they say that the data came",
        (AccessParty::Licensee, AccessKind::Range { .. }) => "they say that a part of the data came",
    }
}

#[cfg(test)]
pub(super) mod tests {
    use circuits::consent::Purposes;
    use market::agent::{Asked, Forbidden};

    use super::*;

    /// Words of the trade that stay behind a tap.
    const JARGON: [&str; 16] = [
        "epoch",
        "ledger",
        "nullifier",
        "ciphertext",
        "schema",
        "ε",
        "epsilon",
        "differential",
        "commit",
        "cohort",
        "query",
        "screening",
        "leaf",
        "consent",
        "transaction",
        "--",
    ];

    #[track_caller]
    pub(in crate::pages::patient) fn is_plain(text: &str) {
        assert!(text.len() > 10 && text.ends_with('.'), "{text:?} is no sentence");
        for word in JARGON {
            assert!(!text.to_lowercase().contains(word), "{text:?} says {word:?}");
        }
        for sentence in text.split_inclusive(['.', ':']) {
            assert!(sentence.split_whitespace().count() <= 25, "{sentence:?} is long");
        }
    }

    /// Every reason there is. A new one does not compile until it is here.
    fn reasons() -> Vec<Refusal> {
        let epsilon = Epsilon::from_milli(1);
        let all = [
            Refusal::NotCollecting("its set is frozen".into()),
            Refusal::NoRecord,
            Refusal::OtherSchema,
            Refusal::NotInTree,
            Refusal::OtherIssuer,
            Refusal::TooRecent,
            Refusal::OutsideCriteria,
            Refusal::ScopeSpent,
            Refusal::Budget { spent: epsilon, after: epsilon, limit: epsilon },
            Refusal::Unanswerable("query ε".into()),
        ];
        let consent = [Asked::Query, Asked::Screening]
            .into_iter()
            .flat_map(|asked| ConsentRule::ALL.map(|rule| Refusal::Consent(Forbidden::new(rule, asked))));
        let all: Vec<_> = all.into_iter().chain(consent).collect();
        for reason in &all {
            match reason {
                Refusal::NotCollecting(_)
                | Refusal::NoRecord
                | Refusal::OtherSchema
                | Refusal::NotInTree
                | Refusal::OtherIssuer
                | Refusal::TooRecent
                | Refusal::OutsideCriteria
                | Refusal::Consent(_)
                | Refusal::ScopeSpent
                | Refusal::Budget { .. }
                | Refusal::Unanswerable(_) => {}
            }
        }
        all
    }

    #[test]
    fn every_reason_of_the_agent_has_plain_words_of_its_own() {
        let words: Vec<_> = reasons().iter().map(refusal).collect();
        words.iter().for_each(|text| is_plain(text));
        let distinct: std::collections::BTreeSet<_> = words.iter().collect();
        // The rules of a consent read alike for both kinds of question.
        assert_eq!(distinct.len(), 10 + ConsentRule::ALL.len());
    }

    #[test]
    fn every_decision_and_what_became_of_the_money_has_plain_words() {
        use EarningState::{Missed, Paid, Pending, Refunded, Withdrawn};
        let answered = [Pending, Paid, Refunded, Missed, Withdrawn].map(|earning| Decision::Answered { earning });
        let declined = [true, false].map(|is_over| Decision::Declined { reasons: reasons(), is_over });
        let others = [Decision::Begun, Decision::Allowed, Decision::Missed, Decision::Unknown];
        for one in answered.iter().chain(&declined).chain(&others) {
            let said = decision(one);
            assert!(!said.name.is_empty() && !said.means.is_empty(), "{one:?}");
            said.means.iter().for_each(|text| is_plain(text));
        }
    }

    #[test]
    fn every_standing_of_a_record_has_plain_words() {
        use RecordStanding::{Changing, Counts, New, Unknown, Withdrawn};
        for one in [Counts, New, Changing, Withdrawn, Unknown] {
            standing(&one).means.iter().for_each(|text| is_plain(text));
        }
    }

    #[test]
    fn regions_and_limits_have_plain_words_and_no_region_is_not_every_region() {
        let some = Regions(0b1000_0000_0000_0000_0000_0000_0000_0101);
        assert_eq!([some, Regions::ALL, Regions(0)].map(region_numbers), ["1, 3, 32", "", "0"]);
        for text in [some, Regions(2), Regions::ALL, Regions(0)].map(regions) {
            assert!(text.ends_with('.') && !text.contains("bit"), "{text}");
        }
        for milli in [0, 500] {
            is_plain(&answer_limit(Epsilon::from_milli(milli)));
        }
    }

    #[test]
    fn every_requirement_of_the_protocol_has_words() {
        assert!(Purposes::REQUIREMENTS.iter().all(|(name, _)| requirement(name) != *name));
    }

    #[test]
    fn every_purpose_of_the_protocol_has_words() {
        let names: Vec<_> = Purposes::NAMED.iter().map(|(name, _)| *name).collect();
        assert_eq!(all_purposes().map(|(name, _)| name).collect::<Vec<_>>(), names);
        assert_eq!(purposes(&[]), "nothing");
        assert_eq!(purposes(&names[..1]), "any kind of research");
        assert_eq!(purposes(&names[..2]), "any kind of research and research on health and illness");
    }
}
