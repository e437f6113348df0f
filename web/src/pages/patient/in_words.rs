//! Everything that the pages show, as a terminal prints it: in the words of the pages.

use market::{
    overview::{Asker, AttributeValue, HeldRecord, Overview},
    recruitment::ReceivedInvitation,
};
use node::calendar::date;

use super::{super::parts::number, everything::Everything, illness::Illnesses, money, words};
use crate::patient::{Licences, Offered, Requested};

impl Everything<'_> {
    /// The same for people to read.
    pub(crate) fn in_words(&self) -> String {
        let overview = self.overview;
        let needs = self.alerts.iter().map(|alert| format!("{}. {}", alert.title, alert.text)).collect();
        let budget = &overview.budget;
        let parts = [
            format!("wallet of {}, at block {} of {}", overview.label, overview.height, words::day_of(&overview.time)),
            part("What needs you", needs, "Nothing now."),
            part(
                "My records",
                overview.records.iter().map(|one| record(one, &self.illnesses)).collect(),
                "There is no record yet.",
            ),
            part("Who asked", asked(overview, &self.illnesses), "Nobody has asked yet."),
            part("Invitations", invitations(overview), "There is none."),
            part("Licences", licences(&self.licences, &self.illnesses), "You offer no raw data to anybody."),
            part("Money", money::lines(overview), "Your agent has not answered yet, so there is nothing here."),
            part("Privacy", vec![format!("{} of {} is used.", budget.spent, budget.limit)], ""),
        ];
        parts.join("\n\n")
    }
}

/// A title with what is below it, or with what is said where nothing is.
fn part(title: &str, below: Vec<String>, nothing: &str) -> String {
    let below = if below.is_empty() { indented(nothing) } else { indented(&below.join("\n")) };
    format!("{title}\n{below}")
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

fn record(record: &HeldRecord, illnesses: &Illnesses) -> String {
    let standing = words::standing(&record.standing);
    let since = record.since.map_or_else(String::new, |since| format!(", on or soon after {}", words::day_of(&since)));
    let (genome, terms) = (&record.genome, &record.terms);
    let purposes = words::allowed_purposes(&terms.purposes, terms.only_disease.is_some());
    let only = illnesses.only(terms).map_or_else(String::new, |illness| format!(", only for {illness}"));
    let mut lines = vec![format!("signed by {}{since}: {}", words::who(&record.issuer_name), record.schema_name)];
    lines.extend(record.attributes.iter().map(attribute));
    lines.push(format!(
        "genome: {} places were looked at, at {} you differ from the usual, {} could not be read",
        number(genome.variants),
        number(genome.differing),
        number(genome.missing)
    ));
    lines.push(format!(
        "may be used for {purposes}{only}, until {}; `locus consent show` has all rules",
        terms.last_day
    ));
    part(&format!("Record {}: {}. {}", record.number + 1, standing.name, standing.means.join(" ")), lines, "")
}

fn attribute(attribute: &AttributeValue) -> String {
    let value = attribute.value.as_deref().unwrap_or("not measured");
    format!("{}: {value} {}", attribute.name, words::unit(&attribute.unit)).trim_end().to_owned()
}

/// Every question and every search, with what the agent made of it.
fn asked(overview: &Overview, illnesses: &Illnesses) -> Vec<String> {
    let told = |asker: &Asker, said: &words::Said, id: String| {
        let disease =
            asker.disease.map_or_else(String::new, |disease| format!(", about {}", illnesses.numbered(&disease)));
        let lines = vec![
            said.means.join(" "),
            format!("{} asks, for {}{disease}", words::who(&asker.name), words::purposes(&asker.purposes)),
            format!(
                "pays {}; open, at most, {} to {}; number {id}",
                number(asker.price),
                date(asker.opening),
                date(asker.closing)
            ),
        ];
        part(&format!("{}: {}", asker.title, said.name), lines, "")
    };
    let refused = |asker: &Asker| words::purposes_refused(asker, &overview.records);
    let queries = overview.queries.iter().map(|one| {
        told(&one.asker, &words::decision(&one.answer, &refused(&one.asker), one.early_end), one.query.to_string())
    });
    let searches = overview.screenings.iter().map(|one| {
        told(&one.asker, &words::decision(&one.answer, &refused(&one.asker), one.early_end), one.screening.to_string())
    });
    queries.chain(searches).collect()
}

fn invitations(overview: &Overview) -> Vec<String> {
    let told = |received: &ReceivedInvitation| {
        let (_, state) = words::invitation(&received.status);
        let contact = overview.contacts.get(&received.screening).map(|left| format!("your contact: {}", left.text()));
        let begun = overview.is_begun(received).then(|| begun(contact.is_some()));
        let screening = format!("number {}", received.screening);
        let Some(letter) = &received.invitation else {
            let why = received.problem.clone().unwrap_or_else(|| "it is absent".into());
            return part(&format!("A letter that cannot be read: {state}"), vec![why, screening], "");
        };
        let lines = [letter.about.clone(), letter.answering.clone(), screening].into_iter().chain(contact).chain(begun);
        part(&format!("{}: {state}", letter.title), lines.collect(), "")
    };
    overview.invitations.iter().map(told).collect()
}

/// How an answer that was begun is finished.
fn begun(is_yes: bool) -> String {
    if is_yes {
        "you began to say yes; `locus screening accept` with this contact sends it again".into()
    } else {
        "you began to say no; `locus screening decline` sends it again".into()
    }
}

fn licences(licences: &Licences, illnesses: &Illnesses) -> Vec<String> {
    match licences {
        Licences::Unknown(why) => vec![format!("What you offered is not known now: {why}")],
        Licences::Known(offered) => offered.iter().map(|one| offer(one, illnesses)).collect(),
    }
}

fn offer(one: &Offered, illnesses: &Illnesses) -> String {
    let terms = &one.dataset.offer;
    let mut lines = vec![
        format!("you allow {}", words::allowed_use(&terms.allowed, illnesses)),
        format!(
            "{} bytes, for at least {} and at most {} days",
            number(terms.plaintext_bytes),
            number(terms.price_min),
            terms.term_days_max
        ),
    ];
    lines.extend(one.licences.iter().map(|one| requested(one, illnesses)));
    let withdrawn = if one.dataset.withdrawn.is_some() { ": Not offered any more" } else { "" };
    part(&format!("Data {}{withdrawn}", one.id), lines, "")
}

fn requested(one: &Requested, illnesses: &Illnesses) -> String {
    let (_, state) = words::licence(&one.state.status);
    let asked = &one.state.request;
    let mut lines = vec![
        format!("for {}", words::data_use(one.data_use(), illnesses)),
        format!("pays {} for {} days; number {}", number(asked.price), asked.term_days, one.id),
    ];
    if one.earlier() > 0 {
        lines.push(format!("{} had access before these; `locus licence accesses` lists all", one.earlier()));
    }
    lines.extend(one.receipts.iter().map(|access| {
        let day = one.days.get(&access.height).map_or_else(String::new, |day| format!("{}, ", date(*day)));
        format!("{day}block {}: {}", access.height, words::access(&access.party, &access.receipt.kind))
    }));
    part(&format!("{}: {state}", words::who(&one.name)), lines, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_below_a_title_is_indented() {
        assert_eq!(part("Money", vec!["a\nb".into(), "c".into()], "none"), "Money\n  a\n  b\n  c");
        assert_eq!(part("Money", vec![], "There is none."), "Money\n  There is none.");
    }
}
