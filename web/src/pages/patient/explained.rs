//! A person's page as an answer: where it first says a word that the help explains, the word leads there.
//!
//! Whoever writes a template or a sentence need not think of it, and no page can forget one.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;

use super::{
    super::shell::{answer, rendered},
    help::{Explained, words},
};
use crate::Error;

/// Elements in whose text nothing becomes a link: those that lead somewhere or name something, and those that people or programs
/// filled. A fold is itself a tap, and its words are explained in it.
const QUIET: [&str; 15] = [
    "a", "button", "code", "details", "dt", "h1", "h2", "h3", "label", "legend", "option", "pre", "strong", "table",
    "textarea",
];
/// The same of whatever has such a class.
const QUIET_CLASSES: [&str; 5] = ["class=\"cards", "class=\"hidden", "class=\"id", "class=\"letter", "class=\"state"];

/// A page as an answer.
///
/// # Errors
/// [`Error::Internal`] when it cannot be rendered.
pub(super) fn page(template: &impl Template) -> Result<HttpResponse, Error> {
    page_with(StatusCode::OK, template)
}

/// A page as an answer of this status.
///
/// # Errors
/// As [`page`].
pub(super) fn page_with(status: StatusCode, template: &impl Template) -> Result<HttpResponse, Error> {
    Ok(answer(status, linked(&rendered(template)?)))
}

/// A page whose main part leads from the first use of each word to what the help says of it.
fn linked(page: &str) -> String {
    let Some((before, rest)) = page.split_once("<main") else { return page.to_owned() };
    let Some((main, after)) = rest.split_once("</main>") else { return page.to_owned() };
    let mut linked = format!("{before}<main");
    let mut open = Open::default();
    let mut left: Vec<&Explained> = words().collect();
    // The first piece is the rest of a tag, and so is what each of the others begins with.
    for (place, piece) in main.split('<').enumerate() {
        let (tag, text) = split_tag(piece);
        if place > 0 {
            linked.push('<');
            open.note(tag);
        }
        linked.push_str(tag);
        if open.is_quiet() { linked.push_str(text) } else { link_text(text, &mut left, &mut linked) }
    }
    linked + "</main>" + after
}

/// Parts what follows a `<` into the rest of its tag and the text behind it. Texts that people wrote are escaped, and have no
/// `<`; a `>` in quotes ends no tag.
fn split_tag(piece: &str) -> (&str, &str) {
    let mut is_quoted = false;
    let end = piece.find(|letter: char| {
        is_quoted ^= letter == '"';
        letter == '>' && !is_quoted
    });
    piece.split_at(end.map_or(piece.len(), |end| end + 1))
}

/// The quiet element that is open, if one is, and how many of its name are open within each other.
#[derive(Default)]
struct Open<'p> {
    name: &'p str,
    depth: usize,
}

impl<'p> Open<'p> {
    const fn is_quiet(&self) -> bool {
        self.depth > 0
    }

    /// Notes a tag, without its `<`.
    fn note(&mut self, tag: &'p str) {
        let (is_end, tag) = tag.strip_prefix('/').map_or((false, tag), |tag| (true, tag));
        let name = tag.split(|letter: char| !letter.is_ascii_alphanumeric()).next().unwrap_or_default();
        if self.is_quiet() {
            match (name == self.name, is_end) {
                (true, true) => self.depth -= 1,
                (true, false) => self.depth += 1,
                (false, _) => {}
            }
        } else if !is_end && (QUIET.contains(&name) || QUIET_CLASSES.iter().any(|class| tag.contains(class))) {
            *self = Self { name, depth: 1 };
        }
    }
}

/// Adds a text, with a link at the first use of each word that is left to explain. A capital begins a name or a title as
/// often as a sentence, and is left alone.
fn link_text(text: &str, left: &mut Vec<&Explained>, into: &mut String) {
    let (mut rest, mut last) = (text, ' ');
    while let Some(letter) = rest.chars().next() {
        // What comes behind these is a part of a word, of an entity or of an address.
        let begins = !last.is_alphanumeric() && !['&', '#', '-', '/', '.', '_'].contains(&last);
        let found = if begins { longest(rest, left) } else { None };
        if let Some((place, length)) = found {
            let (said, behind) = rest.split_at(length);
            let word = left.remove(place);
            into.push_str(&format!("<a href=\"/help#{}\">{said}</a>", word.id));
            (rest, last) = (behind, 'a');
        } else {
            into.push(letter);
            (rest, last) = (rest.get(letter.len_utf8()..).unwrap_or_default(), letter);
        }
    }
}

/// Which word a text begins with, by its place, and how long it is: of several the longest.
fn longest(text: &str, left: &[&Explained]) -> Option<(usize, usize)> {
    let is_whole =
        |behind: &str| !behind.starts_with(|next: char| next.is_alphanumeric() || next == '-' || next == '_');
    let forms = left.iter().enumerate().flat_map(|(place, word)| word.forms.iter().map(move |form| (place, *form)));
    let said = forms.filter(|(_, form)| text.strip_prefix(form).is_some_and(is_whole));
    said.map(|(place, form)| (place, form.len())).max_by_key(|(_, length)| *length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page with this in its main part, and what becomes of that.
    #[track_caller]
    fn main(text: &str) -> String {
        let around = |main: &str| format!("<nav>your agent</nav><main id=\"content\">{main}</main><p>your wallet</p>");
        let linked = linked(&around(text));
        let main = linked.strip_prefix("<nav>your agent</nav><main id=\"content\">");
        main.and_then(|rest| rest.strip_suffix("</main><p>your wallet</p>")).expect("the rest stays").to_owned()
    }

    fn link(id: &str, said: &str) -> String {
        format!("<a href=\"/help#{id}\">{said}</a>")
    }

    #[test]
    fn the_first_use_of_a_word_leads_to_the_help_and_no_other_does() {
        let agent = link("agent", "agent");
        assert_eq!(
            main("<p>Your agent.</p><p>An agent, agents.</p>"),
            format!("<p>Your {agent}.</p><p>An agent, agents.</p>")
        );
        assert_eq!(main("<li>two studies</li>"), format!("<li>two {}</li>", link("study", "studies")));
    }

    #[test]
    fn of_words_within_each_other_the_longest_is_explained() {
        let (exact, result) = (link("exact", "exact results"), link("result", "result"));
        assert_eq!(main("<p>no exact results, no result</p>"), format!("<p>no {exact}, no {result}</p>"));
        let budget = link("privacy-budget", "privacy budget");
        assert_eq!(main("<p>of your privacy budget of 3</p>"), format!("<p>of your {budget} of 3</p>"));
    }

    #[test]
    fn titles_controls_folds_tables_and_what_people_wrote_stay_as_they_are() {
        for text in [
            "<h1>Your agent</h1>",
            "<a href=\"/use\">your agent</a>",
            "<label for=\"x\">your <b>agent</b></label>",
            "<details><summary>Why?</summary><p>your <details>agent</details> agent</p></details>",
            "<table><tr><td>agent</td></tr></table>",
            "<p class=\"letter\">your agent</p>",
            "<span class=\"state good\">agent</span>",
            "<p>Agent, reagent, agent-like, /agent, &agent; and my.agent</p>",
            "<input name=\"agent\" value=\"a > agent\">",
        ] {
            assert_eq!(main(text), text);
        }
        let after = main("<h2>agent</h2><p>agent</p>");
        assert_eq!(after, format!("<h2>agent</h2><p>{}</p>", link("agent", "agent")));
    }

    #[test]
    fn a_page_without_a_main_part_stays_as_it_is() {
        assert_eq!(linked("<p>your agent</p>"), "<p>your agent</p>");
    }
}
