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
    trouble::trouble,
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

/// Requirements, each a sentence of its own: all in one would be too long to read.
pub(super) fn required<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let sentence = |name: &'n str| {
        let (first, rest) = requirement(name).split_at_checked(1).unwrap_or_default();
        format!("{}{rest}.", first.to_uppercase())
    };
    names.map(sentence).collect::<Vec<_>>().join(" ")
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
    let missed = required(terms.requires.iter().copied().filter(|name| asker.lacks.contains(name)));
    (!missed.is_empty()).then(|| format!("It does not promise what you ask of a study. {missed}"))
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
mod plain;
#[cfg(test)]
pub(super) mod tests;
