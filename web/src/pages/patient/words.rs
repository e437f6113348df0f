//! What the agent, the rules and the money say, in words for everybody.

use circuits::{consent::Regions, privacy::Epsilon};
use market::{
    agent::{ConsentRule, EarningState, Refusal},
    consent::Terms,
    overview::{Asker, Decision, EarlyEnd, HeldRecord, RecordStanding},
    recruitment::CONTACT_BYTES_MAX,
};
use node::{
    calendar::date,
    query::PrivacyMode,
    state::{AccessParty, LicenceStatus, ResponseStatus},
    transaction::AccessKind,
    units::Timestamp,
};

use super::super::parts::number;
use crate::regions::listed;

pub(super) use super::{
    changes::{ActWords, act},
    licence_words::{allowed_use, data_use, promises},
};

/// From how many people on nobody stands out among them.
const PEOPLE_MANY: u32 = 30;

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

/// What a rule that allows it means by a purpose: no rule of a form names the illness.
pub(super) fn allowed_purpose(name: &str) -> &str {
    if name == "disease-specific" { "research on single illnesses, whichever they are" } else { purpose(name) }
}

/// Purposes in one sentence part.
pub(super) fn purposes(names: &[&str]) -> String {
    joined(&names.iter().map(|name| purpose(name)).collect::<Vec<_>>())
}

/// The purposes that rules allow, in one sentence part: `is_one` where they name one illness besides.
pub(super) fn allowed_purposes(names: &[&str], is_one: bool) -> String {
    if is_one { purposes(names) } else { joined(&names.iter().map(|name| allowed_purpose(name)).collect::<Vec<_>>()) }
}

fn joined(words: &[&str]) -> String {
    match words {
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

/// Every purpose there is, by its name in files, as a rule means it.
pub(super) fn all_purposes() -> impl Iterator<Item = (&'static str, &'static str)> {
    PURPOSES.into_iter().map(|(name, _)| (name, allowed_purpose(name)))
}

/// Why the rules of the records in use do not allow what a question is for: what it is for besides, or what it does not
/// promise. Nothing where they do.
pub(super) fn purposes_refused(asker: &Asker, records: &[HeldRecord]) -> Vec<String> {
    let in_use = || records.iter().filter(|record| record.standing != RecordStanding::Withdrawn);
    let is_one = in_use().count() == 1;
    let refused = in_use().filter_map(|record| {
        let who = if is_one { "You allow".into() } else { format!("For record {} you allow", record.number + 1) };
        purpose_refused(asker, &record.terms, &who)
    });
    refused.collect()
}

fn purpose_refused(asker: &Asker, terms: &Terms, who: &str) -> Option<String> {
    let beyond: Vec<_> = asker.purposes.iter().copied().filter(|name| !terms.purposes.contains(name)).collect();
    if !beyond.is_empty() {
        let allowed = allowed_purposes(&terms.purposes, terms.only_disease.is_some());
        return Some(format!("It is for {}. {who} only {allowed}.", purposes(&beyond)));
    }
    let missed: Vec<_> =
        terms.requires.iter().filter(|name| asker.lacks.contains(name)).map(|name| requirement(name)).collect();
    (!missed.is_empty()).then(|| format!("It does not promise what you ask of a study: {}.", missed.join(", ")))
}

/// Something with a colour, a short name, and what it means.
pub(super) struct Said {
    /// A class of the style sheet.
    pub(in crate::pages) class: &'static str,
    pub(in crate::pages) name: &'static str,
    pub(in crate::pages) means: Vec<String>,
    /// Whether a change of the owner's rules would change it.
    pub(in crate::pages) is_by_rules: bool,
}

fn said(class: &'static str, name: &'static str, means: impl Into<String>) -> Said {
    Said { class, name, means: vec![means.into()], is_by_rules: false }
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
        ConsentRule::Purpose => "what it is for, or what it does not promise",
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

/// What the agent made of a question, with what exactly the rules do not allow, and why it ended early, if it did.
pub(super) fn decision(decision: &Decision, refused: &[String], early: Option<EarlyEnd>) -> Said {
    match decision {
        Decision::Answered { earning: EarningState::Withdrawn } => {
            said("", "Taken back", format!("Your agent answered. {}", earning_means(&EarningState::Withdrawn)))
        }
        Decision::Answered { earning } => {
            said("good", "Answered", format!("Your agent answered. {}", earning_means(earning)))
        }
        Decision::Begun => said("collecting", "Answering", "Your agent began to answer, and goes on when it runs."),
        Decision::Allowed => {
            said("collecting", "Allowed", "Your rules allow it. Your agent answers when it runs, if you let it.")
        }
        Decision::Missed => {
            said("", "Missed", "Your rules would have allowed it, but it ended before your agent answered.")
        }
        Decision::Declined { reasons, is_over } => {
            let name = if *is_over { "Not answered" } else { "Says no" };
            let is_purpose = |reason: &&Refusal| matches!(reason, Refusal::Consent(forbidden) if forbidden.rule() == ConsentRule::Purpose);
            let is_told = !refused.is_empty();
            let others = reasons.iter().filter(|reason| !(is_told && is_purpose(reason))).map(refusal);
            let told = refused.iter().filter(|_| reasons.iter().any(|reason| is_purpose(&reason))).cloned();
            let mut means: Vec<String> = told.chain(others).collect();
            means.dedup();
            if *is_over {
                means.push(format!("{} This is what your rules of today say about it.", ended(early)));
            }
            let is_by_rules = reasons.iter().any(|reason| matches!(reason, Refusal::Consent(_)));
            Said { class: "", name, means, is_by_rules }
        }
        Decision::Unknown => said("", "Not known yet", "The network did not say yet what your record counts for."),
    }
}

/// How a question ended.
const fn ended(early: Option<EarlyEnd>) -> &'static str {
    match early {
        Some(EarlyEnd::Enough) => "Ended early: it has all the answers it needs.",
        Some(EarlyEnd::Closed) => "Ended early.",
        None => "It has ended.",
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
pub(super) fn earnings() -> [(&'static str, &'static str); 6] {
    use EarningState::{Missed, Paid, Pending, Refunded, Withdrawn};
    let [paid, pending, refunded, missed, withdrawn] =
        [Paid, Pending, Refunded, Missed, Withdrawn].map(|state| (earning(&state).1, earning_means(&state)));
    [paid, (SENT_ON, "You sent the money to another account."), pending, refunded, missed, withdrawn]
}

/// The state of money that was paid and sent on.
pub(super) const SENT_ON: &str = "Sent on";

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
        RecordStanding::Withdrawn => said("bad", "Withdrawn", "It was withdrawn or replaced. No new question uses it."),
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

/// How much privacy one answer may use, of what all may use together.
pub(super) fn answer_limit(limit: Epsilon, all: Epsilon) -> String {
    if limit == Epsilon::from_milli(0) {
        "No answer with chance mixed in is allowed.".into()
    } else if limit > all {
        format!(
            "One answer may use at most {limit}. That is more than your whole budget of {all}, so the budget decides."
        )
    } else {
        format!("One answer may use at most {limit} of your privacy budget of {all}.")
    }
}

/// How much a number of privacy is: the same for one answer and for all.
pub(super) const PRIVACY_SCALE: &str = "Smaller numbers hide you better. For one answer 1 is common, for all together 3. \
                                        Above 10 little is hidden.";

/// How many people a result must be about.
pub(super) fn least_group(people: u32) -> String {
    let shown = number(people);
    if people >= PEOPLE_MANY {
        format!("{shown} people, so that nobody stands out.")
    } else {
        format!("{shown} people. That is few; you may stand out.")
    }
}

/// Within which time a change counts, from how long the network took the last time; nothing where nobody knows.
pub(super) fn soon(seconds: Option<u64>) -> Option<String> {
    let minutes = seconds?.div_ceil(60);
    Some(match minutes {
        0 => return None,
        1 => "That is within about a minute.".into(),
        2..120 => format!("That is within about {minutes} minutes."),
        120..2_880 => format!("That is within about {} hours.", minutes.div_ceil(60)),
        _ => format!("That is within about {} days.", minutes.div_ceil(1_440)),
    })
}

/// What became of an invitation.
pub(super) const fn invitation(status: &ResponseStatus) -> (&'static str, &'static str) {
    match status {
        ResponseStatus::Eligible | ResponseStatus::Invited { .. } => ("collecting", "New"),
        ResponseStatus::Accepted { .. } => ("good", "You said yes"),
        ResponseStatus::Declined { .. } => ("", "You said no"),
    }
}

/// Why a text is no contact.
pub(super) fn contact_refused(text: &str) -> String {
    if text.trim().is_empty() {
        "Write how they can reach you.".into()
    } else if text.len() > CONTACT_BYTES_MAX {
        format!("That is too long. Write at most {} letters.", number(CONTACT_BYTES_MAX))
    } else {
        "It has a sign in it that letters may not have. Write it anew by hand.".into()
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
            let said = decision(one, &[], None);
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
        let all = Epsilon::from_milli(3_000);
        for milli in [0, 500, 10_000] {
            is_plain(&answer_limit(Epsilon::from_milli(milli), all));
        }
        assert!(answer_limit(Epsilon::from_milli(10_000), all).contains("more than your whole budget of 3"));
        assert!(!answer_limit(all, all).contains("more than"));
    }

    #[test]
    fn repro_a_small_group_is_not_said_to_hide_anybody() {
        assert_eq!(least_group(2), "2 people. That is few; you may stand out.");
        assert_eq!(least_group(29), "29 people. That is few; you may stand out.");
        assert_eq!(least_group(1_000), "1,000 people, so that nobody stands out.");
    }

    #[test]
    fn the_time_until_a_change_counts_is_said_in_whole_numbers() {
        for (seconds, said) in
            [(1, "a minute"), (61, "2 minutes"), (480, "8 minutes"), (7_200, "2 hours"), (172_800, "2 days")]
        {
            let text = soon(Some(seconds)).unwrap();
            assert!(text.contains(said), "{text}");
            is_plain(&text);
        }
        assert_eq!([soon(None), soon(Some(0))], [None, None]);
    }

    /// Somebody who asks for health research and promises nothing.
    fn asker() -> Asker {
        Asker {
            study: circuits::id::StudyId::from_bytes([1; 32]),
            title: String::new(),
            researcher: circuits::id::AccountId::from_bytes([2; 32]),
            name: String::new(),
            purposes: vec!["health-research"],
            lacks: vec!["publication"],
            disease: None,
            price: node::units::Amount::new(0),
            opening: circuits::consent::Day(0),
            closing: circuits::consent::Day(1),
        }
    }

    #[test]
    fn repro_what_a_question_is_for_and_what_it_does_not_promise_are_told_apart() {
        let terms = |purposes: Purposes| {
            let blank = circuits::consent::ConsentTerms {
                salt: [0; 31],
                purposes,
                disease: 0,
                regions: Regions::ALL,
                expiry: circuits::consent::Day(0),
                price_min: 0,
                epsilon_milli_max: 0,
                cohort_min: 0,
                flags: circuits::consent::ConsentFlags::default(),
            };
            Terms::of(&blank, None)
        };
        let ancestry = terms(Purposes::ANCESTRY.union(Purposes::NOTHING_REQUIRED));
        let said = purpose_refused(&asker(), &ancestry, "You allow").unwrap();
        let expected =
            "It is for research on health and illness. You allow only research on where people's families come from.";
        assert_eq!(said, expected);
        let strict = purpose_refused(&asker(), &terms(Purposes::HEALTH_RESEARCH), "You allow").unwrap();
        assert_eq!(strict, "It does not promise what you ask of a study: it must publish what it finds.");
        let open = terms(Purposes::HEALTH_RESEARCH.union(Purposes::NOTHING_REQUIRED));
        assert_eq!(purpose_refused(&asker(), &open, "You allow"), None);
        let reasons = vec![Refusal::Consent(Forbidden::new(ConsentRule::Purpose, Asked::Query))];
        let over = Decision::Declined { reasons, is_over: true };
        let shown = decision(&over, &[said], Some(EarlyEnd::Enough));
        assert_eq!(shown.means.first().map(String::as_str), Some(expected));
        assert!(shown.means.len() == 2 && shown.means[1].starts_with("Ended early:") && shown.is_by_rules);
    }

    #[test]
    fn a_contact_that_is_none_is_refused_in_plain_words() {
        for text in ["", " \n", "\u{202e}ada", &"a".repeat(CONTACT_BYTES_MAX + 1)] {
            is_plain(&contact_refused(text));
        }
        assert_eq!(contact_refused(" "), "Write how they can reach you.");
    }

    #[test]
    fn an_answer_that_was_taken_back_is_not_shown_as_one_that_counts() {
        let said = decision(&Decision::Answered { earning: EarningState::Withdrawn }, &[], None);
        assert_eq!((said.class, said.name), ("", "Taken back"));
    }

    #[test]
    fn a_rule_about_single_illnesses_promises_no_illness_of_its_own() {
        let rule = allowed_purposes(&["disease-specific"], false);
        assert_eq!(rule, "research on single illnesses, whichever they are");
        assert_eq!(allowed_purposes(&["disease-specific"], true), "research on one illness");
        assert_eq!(purposes(&["disease-specific"]), "research on one illness");
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
