//! Every word that people read.

use circuits::consent::Purposes;
use market::agent::{Asked, Forbidden};

use super::*;

#[track_caller]
pub(in crate::pages::patient) fn is_plain(text: &str) {
    assert!(text.len() > 10 && text.ends_with('.'), "{text:?} is no sentence");
    assert_eq!(plain::of_the_trade(text), None, "{text:?}");
    assert_eq!(plain::too_long(text), None, "{text:?}");
}

#[test]
fn words_of_the_trade_are_found_whole_in_any_case_and_number_and_not_within_others() {
    for (text, word) in [
        ("The Ledger has it.", "ledger"),
        ("two epochs", "epoch"),
        ("a zero-knowledge proof", "zero-knowledge"),
        ("ε = 0.5", "ε"),
        ("start it with --reader", "--"),
        ("your consent, as they say", "consent"),
    ] {
        assert_eq!(plain::of_the_trade(text), Some(word), "{text}");
    }
    assert_eq!(plain::of_the_trade("An ethics committee never leaves; it consented."), None);
}

#[test]
fn a_long_sentence_is_found_and_lines_and_full_stops_end_one() {
    let long = |end: &str| format!("{} word{end} and more", "word ".repeat(plain::WORDS_MAX - 1));
    assert_eq!(plain::too_long(&long("")).map(|found| found.split(' ').count()), Some(plain::WORDS_MAX + 2));
    for end in [".", "?", "!", ".”", "\n"] {
        assert_eq!(plain::too_long(&long(end)), None, "{end:?}");
    }
    assert!(plain::too_long(&long(" 0.5")).is_some(), "a point within a number ends nothing");
}

#[test]
fn the_grade_of_a_text_is_that_of_its_sentences() {
    // Four words of 22 letters.
    let easy = "Your agent says no now.\nA title without a full stop";
    assert!((plain::grade("Your agents always answer.").unwrap() - (4.71 * 5.5 + 2.0 - 21.43)).abs() < 1e-9);
    assert_eq!(plain::grade(easy), plain::grade("Your agent says no now."));
    assert_eq!(plain::grade("Your agent says no 1,172 now."), plain::grade(easy));
    assert!(plain::grade(easy).unwrap() < plain::GRADE_MAX);
    let hard = "Accomplices of a researcher can nevertheless distinguish individual contributions whenever successive \
                releases of overlapping populations are published without additional randomisation.";
    assert!(plain::grade(hard).unwrap() > 2.0 * plain::GRADE_MAX);
    assert_eq!(plain::grade("A title"), None);
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
    assert_eq!(strict, "It does not promise what you ask of a study. It must publish what it finds.");
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
