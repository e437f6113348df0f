//! What a change of rules changes, in words.

use circuits::{
    consent::{Day, Regions},
    privacy::Epsilon,
};
use market::consent::ConsentFile;
use node::calendar::date;

use super::{super::parts, visit::Fields, words};

/// What was allowed without being chosen, since something wider was.
pub(super) fn unchosen(fields: &Fields, rules: &ConsentFile) -> Option<String> {
    let chosen: Vec<&str> = fields.all("purpose").collect();
    let more: Vec<&str> = rules.purposes.iter().map(String::as_str).filter(|name| !chosen.contains(name)).collect();
    let more = (!more.is_empty()).then(|| words::allowed_purposes(&more, rules.only_disease != 0))?;
    Some(format!("What you chose includes more, and you allow that too: {more}."))
}

/// Rules in words, each with what it is about.
fn lines(rules: &ConsentFile, today: Day, budget: Epsilon) -> [(&'static str, String); 8] {
    let names: Vec<&str> = rules.purposes.iter().map(String::as_str).collect();
    let say = |set: bool| if set { "yes" } else { "no" }.to_owned();
    [
        ("What for", words::allowed_purposes(&names, rules.only_disease != 0)),
        ("Last day", date(Day(today.0.saturating_add(rules.days)))),
        ("Least pay for an answer", parts::number(rules.price_min)),
        ("Least number of people in a result", parts::number(rules.cohort_min)),
        ("Exact results of big groups", say(rules.exact)),
        ("Studies may look for people like you and invite you", say(rules.screening)),
        ("Where", words::regions(Regions(rules.regions))),
        ("Privacy", words::answer_limit(Epsilon::from_milli(rules.epsilon_milli_max), budget)),
    ]
}

/// What a change changes, line by line.
pub(super) fn changed(before: &ConsentFile, after: &ConsentFile, today: Day, budget: Epsilon) -> Vec<String> {
    let both = lines(before, today, budget).into_iter().zip(lines(after, today, budget));
    let differing = both.filter(|((_, was), (_, will))| was != will);
    let said = differing.map(|((what, was), (_, will))| {
        format!("{what}. Was: {}. Will be: {}.", was.trim_end_matches('.'), will.trim_end_matches('.'))
    });
    let mut said: Vec<String> = said.collect();
    said.push(match said.len() {
        0 => "Nothing changes: these are the rules that you have.".into(),
        8 => return said,
        _ => "Your other rules stay as they are.".into(),
    });
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(purposes: &[&str]) -> ConsentFile {
        let text = r#"{ "days": 10, "price_min": 500, "cohort_min": 50 }"#;
        let purposes = purposes.iter().map(|name| (*name).to_owned()).collect();
        ConsentFile { purposes, ..serde_json::from_str(text).unwrap() }
    }

    #[test]
    fn a_change_is_said_as_what_was_and_what_will_be_and_only_where_they_differ() {
        let (today, budget) = (Day(20_000), Epsilon::from_milli(3_000));
        let before = rules(&["ancestry"]);
        let after = ConsentFile { price_min: 1_700, exact: true, ..before.clone() };
        let said = changed(&before, &after, today, budget);
        let expected = [
            "Least pay for an answer. Was: 500. Will be: 1,700.",
            "Exact results of big groups. Was: no. Will be: yes.",
            "Your other rules stay as they are.",
        ];
        assert_eq!(said, expected);
        assert_eq!(changed(&before, &before, today, budget).len(), 1);
        let wider = changed(&before, &rules(&["disease-specific"]), today, budget).remove(0);
        assert!(wider.contains("Will be: research on single illnesses, whichever they are."), "{wider}");
    }
}
