//! Regions of use to choose from, by the names that a network's table gives them: in a researcher's query and in an owner's rules.

use askama::{Template, filters::HtmlSafe};
use circuits::consent::Regions;
use market::data_use::{REGIONS_MAX, RegionTable};

use crate::regions::{numbered, numbers};

/// The number of what is in no region of the table.
const ELSEWHERE: u32 = REGIONS_MAX as u32 + 1;
/// Regions that are offered at once where no table names them.
const OFFERED: u32 = 8;

/// What forms call a region that is chosen.
pub(super) const NAME: &str = "region";
/// Instead of a number, for all of them.
pub(super) const EVERYWHERE: &str = "everywhere";

/// The region that a chosen box stands for, by its number; none for what is no region.
pub(super) fn chosen(value: &str) -> Option<Regions> {
    numbered(value.parse().ok()?)
}

/// The boxes of a form, with what is said about them.
#[derive(Template)]
#[template(path = "regions.html")]
pub(super) struct Boxes {
    pub(super) legend: &'static str,
    pub(super) hint: &'static str,
    pub(super) error: Option<String>,
    /// Whether everywhere is chosen, where that may be.
    pub(super) everywhere: Option<bool>,
    pub(super) choices: Choices,
}

impl HtmlSafe for Boxes {}

/// A region that may be chosen.
#[derive(Debug, PartialEq, Eq, Template)]
#[template(
    ext = "html",
    source = r#"<label><input type="checkbox" name="region" value="{{ number }}"{% if is_chosen %} checked{% endif %}> {{ words }}</label>"#
)]
pub(super) struct Choice {
    pub(super) number: u32,
    pub(super) words: String,
    pub(super) is_chosen: bool,
}

impl HtmlSafe for Choice {}

/// Regions that may be chosen.
pub(super) struct Choices {
    /// Those that are shown at once.
    pub(super) offered: Vec<Choice>,
    /// Those without a name that few networks have.
    pub(super) further: Vec<Choice>,
    /// Whether the table names them.
    pub(super) is_named: bool,
}

impl Choices {
    /// All regions, by the names that the network's table gives them. Those that it does not name are further ones, unless
    /// it names none at all.
    pub(super) fn of(chosen: Regions, table: &RegionTable) -> Self {
        let table = table.to_string();
        let names: Vec<&str> = table.lines().collect();
        let is_named = !names.is_empty();
        let choice = |number: u32| {
            let name = usize::try_from(number - 1).ok().and_then(|place| names.get(place));
            let words = match name {
                Some(countries) => format!("Region {number}: {}", countries.replace(' ', ", ")),
                None if number == ELSEWHERE => "Everywhere else".into(),
                None => format!("Region {number}"),
            };
            Choice { number, words, is_chosen: numbers(chosen).any(|one| one == number) }
        };
        let is_offered = |number: u32| {
            let named = usize::try_from(number).is_ok_and(|number| number <= names.len());
            named || number == ELSEWHERE || (!is_named && number <= OFFERED)
        };
        let (offered, further) = (1..=ELSEWHERE).partition::<Vec<u32>, _>(|number| is_offered(*number));
        let choices = |numbers: Vec<u32>| numbers.into_iter().map(choice).collect();
        Self { offered: choices(offered), further: choices(further), is_named }
    }

    /// Whether one of the further ones is chosen, so that they are shown.
    pub(super) fn is_open(&self) -> bool {
        self.further.iter().any(|choice| choice.is_chosen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_gives_regions_their_names_and_without_one_they_have_numbers() {
        let of = |choices: &[Choice]| -> Vec<_> { choices.iter().map(|one| one.words.clone()).collect() };
        let table: RegionTable = "CH\nAT DE".parse().unwrap();
        let named = Choices::of(Regions(0b10), &table);
        assert_eq!(of(&named.offered), ["Region 1: CH", "Region 2: AT, DE", "Everywhere else"]);
        assert_eq!(named.offered.iter().map(|one| one.is_chosen).collect::<Vec<_>>(), [false, true, false]);
        assert!(named.is_named && !named.is_open() && named.further.len() == 29);
        assert!(Choices::of(Regions(0b1000), &table).is_open(), "what is chosen is shown");
        let plain = Choices::of(Regions(1 << 31), &RegionTable::default());
        assert_eq!((plain.offered.len(), plain.further.len()), (9, 23));
        let last = plain.offered.last().unwrap();
        assert_eq!((last.number, last.words.as_str(), last.is_chosen), (32, "Everywhere else", true));
        assert_eq!(plain.offered[0].words, "Region 1");
    }
}
