//! Small parts that many pages show the same way: ids, times, places in the chain, and the ways from page to page.

use std::{borrow::Borrow, fmt::Display};

use actix_web::web::Query;
use askama::{Template, filters::HtmlSafe};
use circuits::{
    consent::Day,
    id::{AccountId, QueryId, SchemaId, ScreeningId, StudyId},
};
use market::index::{Order, Page, Paging, Sequence};
use node::{
    calendar,
    transaction::TransactionId,
    units::{Height, Timestamp},
};
use serde::Deserialize;

use crate::Error;

/// Rows of a listing on one page.
const ROWS: usize = 25;

/// An id that leads to its page. The style sheet shortens it; the whole of it is there to read out, select and copy.
#[derive(Template)]
#[template(ext = "html", source = r#"<a class="id" href="{{ href }}" title="{{ id }}"><code>{{ id }}</code></a>"#)]
pub(super) struct IdLink {
    href: String,
    id: String,
}

impl HtmlSafe for IdLink {}

fn id_link(place: &str, id: &dyn Display) -> IdLink {
    let id = id.to_string();
    IdLink { href: format!("/{place}/{id}"), id }
}

/// An account's link.
pub(super) fn account(id: &AccountId) -> IdLink {
    id_link("accounts", id)
}

/// A query's link.
pub(super) fn query(id: &QueryId) -> IdLink {
    id_link("queries", id)
}

/// A study's link.
pub(super) fn study(id: &StudyId) -> IdLink {
    id_link("studies", id)
}

/// A screening's link.
pub(super) fn screening(id: &ScreeningId) -> IdLink {
    id_link("screenings", id)
}

/// A schema's link.
pub(super) fn schema(id: &SchemaId) -> IdLink {
    id_link("schemas", id)
}

/// A transaction's link.
pub(super) fn transaction(id: &TransactionId) -> IdLink {
    id_link("transactions", id)
}

/// An id without a page, shortened as the others.
#[derive(Template)]
#[template(ext = "html", source = r#"<code class="id" title="{{ id }}">{{ id }}</code>"#)]
pub(super) struct Short {
    id: String,
}

impl HtmlSafe for Short {}

/// A digest or key that leads nowhere.
pub(super) fn short(id: impl Display) -> Short {
    Short { id: id.to_string() }
}

/// An id in full, with room to copy it.
#[derive(Template)]
#[template(ext = "html", source = r#"<code class="whole" data-copy>{{ id }}</code>"#)]
pub(super) struct Whole {
    id: String,
}

impl HtmlSafe for Whole {}

/// An id in full.
pub(super) fn whole(id: impl Display) -> Whole {
    Whole { id: id.to_string() }
}

/// A second in UTC.
#[derive(Template)]
#[template(ext = "html", source = r#"<time datetime="{{ machine }}">{{ people }}</time>"#)]
pub(super) struct When {
    machine: String,
    people: String,
}

impl HtmlSafe for When {}

/// A block's time.
pub(super) fn time(at: &Timestamp) -> When {
    let machine = calendar::utc(*at);
    let people = machine.replacen('T', " ", 1).replacen('Z', " UTC", 1);
    When { machine, people }
}

/// A day.
pub(super) fn day(day: &Day) -> When {
    let date = calendar::date(*day);
    When { machine: date.clone(), people: date }
}

/// A block's link.
#[derive(Template)]
#[template(ext = "html", source = r#"<a href="/blocks/{{ height }}">{{ height }}</a>"#)]
pub(super) struct BlockLink {
    height: u64,
}

impl HtmlSafe for BlockLink {}

/// A block's link.
pub(super) fn block(height: impl Borrow<Height>) -> BlockLink {
    BlockLink { height: height.borrow().get() }
}

/// A number that is counted from listings; a dash on a node that lacks them.
pub(super) fn counted(value: Option<u64>) -> String {
    value.map_or_else(|| "–".into(), number)
}

/// What the program says, as a sentence of a page: with a capital, unless it begins with a name, and a full stop, and with
/// quotes where a terminal shows backticks.
pub(crate) fn sentence(said: &str) -> String {
    let first = said.split(' ').next().unwrap_or_default().trim_end_matches([',', ':', ';']);
    let mut sentence = String::with_capacity(said.len() + 1);
    let mut opens = true;
    for (place, letter) in said.char_indices() {
        match letter {
            '`' => {
                sentence.push(if opens { '“' } else { '”' });
                opens = !opens;
            }
            _ if place == 0 && first.chars().all(|letter| letter.is_ascii_lowercase()) => {
                sentence.push(letter.to_ascii_uppercase());
            }
            _ => sentence.push(letter),
        }
    }
    if !said.ends_with(['.', '!', '?', '”', ':']) {
        sentence.push('.');
    }
    sentence
}

/// A whole number with its thousands apart.
pub(crate) fn number(value: impl Display) -> String {
    let digits = value.to_string();
    let mut spaced = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            spaced.push(',');
        }
        spaced.push(digit);
    }
    spaced
}

/// Where a page of a listing begins, as addresses say it.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(super) struct From {
    after: Option<Sequence>,
}

impl From {
    /// The newest rows behind the place.
    pub(super) const fn paging(self) -> Paging {
        Paging { after: self.after, limit: ROWS, order: Order::Newest }
    }
}

/// What an address says beside its path; what does not decode is the reader's error.
///
/// # Errors
/// [`Error::Request`] for a query string that does not decode.
pub(super) fn asked<T>(query: Result<Query<T>, actix_web::Error>) -> Result<T, Error> {
    query.map(Query::into_inner).map_err(|error| Error::Request { what: "address", why: error.to_string() })
}

/// The ways from a part of a list to the rest of it.
#[derive(Template)]
#[template(path = "ways.html")]
pub(super) struct Ways {
    label: &'static str,
    further: Option<String>,
    beginning: Option<String>,
}

impl HtmlSafe for Ways {}

/// A part of a listing, and the ways to the rest of it.
pub(super) struct Listing<T> {
    pub(super) rows: Vec<T>,
    pub(super) older: Option<String>,
    pub(super) newest: Option<String>,
}

impl<T> Listing<T> {
    /// A page of rows under an address, with what filters it (`stage=released`), if anything does.
    pub(super) fn new(page: Page<T>, from: From, address: &str, filter: &str) -> Self {
        let older = page.next.map(|next| {
            let joint = if filter.is_empty() { "" } else { "&" };
            format!("{address}?{filter}{joint}after={}", next.get())
        });
        let begin = if filter.is_empty() { address.to_owned() } else { format!("{address}?{filter}") };
        Self { rows: page.items, older, newest: from.after.map(|_| begin) }
    }

    /// The part of a list that is at hand whole, behind the row with a key or from the beginning on. The ways lead to an
    /// address with the key as the field `after`, and on to the section with an id.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a key that no row has.
    pub(super) fn behind<K: PartialEq + Display>(
        mut rows: Vec<T>,
        key: impl Fn(&T) -> K,
        after: Option<K>,
        (address, field, section): (&str, &str, &str),
    ) -> Result<Self, Error> {
        if let Some(after) = &after {
            let missing = || Error::NotFound { what: "place in the list", id: after.to_string() };
            let place = rows.iter().position(|row| key(row) == *after).ok_or_else(missing)?;
            rows.drain(..=place);
        }
        let more = rows.len() > ROWS;
        rows.truncate(ROWS);
        let older = rows.last().filter(|_| more).map(|row| format!("{address}?{field}={}#{section}", key(row)));
        Ok(Self { rows, older, newest: after.map(|_| format!("{address}#{section}")) })
    }

    /// The ways to the rest, under a name of their own on a page with several lists.
    pub(super) fn ways(&self, label: &'static str) -> Ways {
        Ways { label, further: self.older.clone(), beginning: self.newest.clone() }
    }

    /// The same ways with other rows.
    pub(super) fn map<U>(self, f: impl FnMut(T) -> U) -> Listing<U> {
        Listing { rows: self.rows.into_iter().map(f).collect(), older: self.older, newest: self.newest }
    }

    /// The same ways with other rows.
    pub(super) fn try_map<U>(self, f: impl FnMut(T) -> Result<U, Error>) -> Result<Listing<U>, Error> {
        let rows = self.rows.into_iter().map(f).collect::<Result<_, _>>()?;
        Ok(Listing { rows, older: self.older, newest: self.newest })
    }

    /// The same ways with other rows, and without those that nothing is to be shown of.
    pub(super) fn try_filter_map<U>(
        self,
        mut f: impl FnMut(T) -> Result<Option<U>, Error>,
    ) -> Result<Listing<U>, Error> {
        let rows = self.rows.into_iter().filter_map(|row| f(row).transpose()).collect::<Result<_, _>>()?;
        Ok(Listing { rows, older: self.older, newest: self.newest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_told_apart() {
        for (value, text) in [(0u64, "0"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678")] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn a_listing_leads_to_older_rows_and_back_to_the_newest() {
        let page = |next| Page { items: vec![1, 2], next };
        let first = Listing::new(page(Some(Sequence::new(7))), From::default(), "/queries", "stage=sealed");
        assert_eq!((first.older.as_deref(), first.newest), (Some("/queries?stage=sealed&after=7"), None));
        let last = Listing::new(page(None), From { after: Some(Sequence::new(7)) }, "/blocks", "");
        assert_eq!((last.older, last.newest.as_deref()), (None, Some("/blocks")));
    }

    #[test]
    fn a_list_at_hand_is_walked_by_key_and_each_row_is_shown_once() {
        let all: Vec<usize> = (0..2 * ROWS + 3).collect();
        let part = |after| Listing::behind(all.clone(), |row| *row, after, ("/money", "after", "answers"));
        let (mut seen, mut after): (Vec<usize>, Option<usize>) = (vec![], None);
        loop {
            let listing = part(after).unwrap();
            assert_eq!(listing.newest.as_deref(), after.map(|_| "/money#answers"));
            seen.extend(&listing.rows);
            let Some(older) = listing.older else { break };
            after = listing.rows.last().copied();
            assert_eq!(older, format!("/money?after={}#answers", after.unwrap()));
        }
        assert_eq!(seen, all);
        assert!(matches!(part(Some(999)), Err(Error::NotFound { .. })));
        let full = Listing::behind(vec![7; ROWS], |row| *row, None, ("/asked", "after", "questions")).unwrap();
        assert!(full.older.is_none() && full.newest.is_none() && full.rows.len() == ROWS);
    }

    #[test]
    fn what_an_id_link_is_made_of_is_text() {
        let link = id_link("accounts", &"\"><script>alert(1)</script>");
        assert!(!link.to_string().contains("<script"), "{link}");
    }

    #[test]
    fn what_the_program_says_is_a_sentence_on_a_page() {
        for (said, shown) in [
            ("Choose a study; `locus study register` makes one", "Choose a study; “locus study register” makes one."),
            ("too many tries; wait a minute", "Too many tries; wait a minute."),
            ("receipt: it ends in a `{`", "Receipt: it ends in a “{”."),
            ("22:16050612 is unknown.", "22:16050612 is unknown."),
            ("a1b2 has ended", "a1b2 has ended."),
        ] {
            assert_eq!(sentence(said), shown);
        }
    }
}
