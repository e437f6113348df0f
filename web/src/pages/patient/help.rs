//! Help on people's pages: what each is for, and what words mean, to be read at twelve.
//!
//! Nothing here is anybody's own, so it needs no session, and no wallet is opened for it.

use actix_web::{HttpRequest, HttpResponse, get};
use askama::Template;

use super::{
    super::shell::{Shell, page},
    Part,
    visit::Visit,
};
use crate::Error;

/// A page or a word, and what it is.
pub(super) struct Explained {
    pub(super) id: &'static str,
    name: &'static str,
    /// How pages write it, where it leads here.
    pub(super) forms: &'static [&'static str],
    means: &'static str,
}

const fn word(id: &'static str, name: &'static str, means: &'static str) -> Explained {
    used(id, name, &[], means)
}

const fn used(id: &'static str, name: &'static str, forms: &'static [&'static str], means: &'static str) -> Explained {
    Explained { id, name, forms, means }
}

/// The words that pages lead to.
pub(super) fn words() -> impl Iterator<Item = &'static Explained> {
    WORDS.iter()
}

/// The pages, by their addresses.
const PAGES: [Explained; 9] = [
    word("/", "Home", "What needs you now, and where everything else is."),
    word("/records", "My records", "What your hospital measured and signed. You can read it, and nobody else can."),
    word(
        "/use",
        "What it may be used for",
        "Your rules. You can change them or withdraw a record. Each time you are told first what that cannot undo.",
    ),
    word("/asked", "Who asked", "Every question, who asked it, and what your agent said and why."),
    word("/invitations", "Invitations", "Letters from studies that look for people like you. You may say no to each."),
    word("/licences", "Licences", "Who wants a copy of your data, who has one, and when it was fetched."),
    word("/money", "Money", "What your answers earned, and how to send it to an account of yours."),
    word("/privacy", "Privacy", "How much of your privacy budget is used. You decide how much there is."),
    word("/download", "Download everything", "One file with all that these pages show about you."),
];

/// Words that the pages use.
static WORDS: [Explained; 22] = [
    used(
        "account",
        "Account",
        &["account", "accounts"],
        "A long number to which money can be sent. It has no name on it.",
    ),
    used(
        "agent",
        "Agent",
        &["agent", "agents"],
        "A program that works for you. It has your rules, and answers questions when they allow it.",
    ),
    used(
        "answer",
        "Answer",
        &["answer", "answers"],
        "What your agent sends to a question: numbers from your record, in a locked box.",
    ),
    used("block", "Block", &["block", "blocks"], "One page of the common book. What is written on it stays."),
    used(
        "chance",
        "Chance mixed in",
        &["chance mixed in"],
        "A bit is added or taken off at random, as if dice were thrown. It hides you in the total.",
    ),
    used(
        "book",
        "Common book",
        &["common book"],
        "A list that all hospitals and researchers keep together. It holds no record of anybody.",
    ),
    used(
        "exact",
        "Exact result",
        &["exact result", "exact results"],
        "A result without any chance mixed in. It is only made where many people take part.",
    ),
    used(
        "genome",
        "Genome",
        &["genome", "genomes"],
        "The long text inside your body’s cells that says how you are built. It is nearly the same in everybody.",
    ),
    used(
        "invitation",
        "Invitation",
        &["invitation", "invitations"],
        "A letter from a study to somebody who fits. The study learns who that is only if you say yes.",
    ),
    used(
        "licence",
        "Licence",
        &["licence", "licences"],
        "Your leave for one group of people to get a copy of your data, for some days and one aim.",
    ),
    used(
        "locked-box",
        "Locked box",
        &["locked box", "locked boxes"],
        "A message that is written so that nobody can read it. Boxes can be added up while they are locked.",
    ),
    used(
        "network",
        "Network",
        &["network"],
        "The computers of hospitals and others that keep the common book and check each other.",
    ),
    used(
        "privacy-budget",
        "Privacy budget",
        &["privacy budget"],
        "How much all your answers together may tell about you. When it is used up, your agent says no.",
    ),
    used(
        "question",
        "Question",
        &["question", "questions"],
        "What a researcher wants to know about many people at once. Nobody can ask about you alone.",
    ),
    used(
        "record",
        "Record",
        &["record", "records"],
        "What your hospital wrote down about you and signed. You keep it.",
    ),
    used(
        "region",
        "Region",
        &["region", "regions"],
        "A part of the world. Each has a number, and your hospital knows which is which.",
    ),
    used("result", "Result", &["result", "results"], "The total of many answers. It is all that anybody ever sees."),
    used(
        "rules",
        "Rules",
        &["rule", "rules"],
        "What you allow: what for, for how long, where, and for how much money.",
    ),
    used(
        "seal",
        "Seal",
        &["seal"],
        "A mark that shows that a record is real and was not changed. Nobody can read the record from it.",
    ),
    used(
        "study",
        "Study",
        &["study", "studies"],
        "A plan of researchers to find something out. It is written down before they ask.",
    ),
    used(
        "wallet",
        "Wallet",
        &["wallet", "wallets"],
        "A file with your records and your keys. Who has it and its password can act for you.",
    ),
    used(
        "withdraw",
        "Withdraw",
        &["withdraw", "withdrawn"],
        "To end the use of a record for ever. Results that are out already stay out.",
    ),
];

/// Words for experts, which the pages show behind a tap, in words that are not.
const EXPERT_WORDS: [Explained; 8] = [
    word("consent", "Consent", "Your rules, as experts call them."),
    word(
        "duo",
        "Data Use Ontology (DUO)",
        "A list of short codes for what data may be used for. Hospitals all over the world share it.",
    ),
    word(
        "epoch",
        "Epoch",
        "Some hours or days of the common book. New records and new rules count from the next one on.",
    ),
    word("issuer", "Issuer", "The hospital, or whoever else signed your record."),
    word("query", "Query", "A question to many people, as experts call it."),
    word("schema", "Schema", "The list of what records of one kind hold, such as age and weight."),
    word("screening", "Screening", "A search for people who fit a study. It counts them, and names nobody."),
    word(
        "epsilon",
        "ε (epsilon) and ρ (rho)",
        "Two ways to measure how much an answer can tell. Small numbers tell less.",
    ),
];

#[derive(Template)]
#[template(path = "patient/help.html")]
struct Help {
    shell: Shell,
    pages: &'static [Explained],
    words: &'static [Explained],
    expert_words: &'static [Explained],
    is_signed_in: bool,
}

/// Help.
#[get("/help")]
pub(super) async fn help(request: HttpRequest, visit: Option<Visit>) -> Result<HttpResponse, Error> {
    let shell = Shell::of(&request, Part::Elsewhere, "Help");
    let is_signed_in = visit.is_some();
    let shell = if is_signed_in { shell } else { shell.alone() };
    page(&Help { shell, pages: &PAGES, words: &WORDS, expert_words: &EXPERT_WORDS, is_signed_in })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{
        super::{super::shell::Part as _, words::tests::is_plain},
        *,
    };

    #[test]
    fn every_page_and_word_is_explained_in_plain_sentences_once() {
        for Explained { means, .. } in PAGES.iter().chain(&WORDS) {
            is_plain(means);
        }
        let ids: BTreeSet<_> = WORDS.iter().chain(&EXPERT_WORDS).map(|word| word.id).collect();
        assert_eq!(ids.len(), WORDS.len() + EXPERT_WORDS.len());
        assert!(WORDS.iter().all(|word| !word.forms.is_empty()), "every word leads here");
        assert!(
            WORDS.iter().map(|word| word.name).is_sorted() && EXPERT_WORDS.iter().map(|word| word.name).is_sorted()
        );
    }

    #[test]
    fn every_page_of_the_navigation_is_explained_under_its_name() {
        for (_, href, name) in Part::LISTED {
            assert!(PAGES.iter().any(|page| page.id == *href && page.name == *name), "{name}");
        }
    }
}
