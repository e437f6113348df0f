//! A result's rows as a page shows them.

use market::statistics::export::Row;

use crate::Error;

/// Rows that a page shows of a measure; its CSV has all.
pub(super) const ROWS_SHOWN_MAX: usize = 120;

/// How a column is set: its class in the style sheet. Numbers are rounded.
type Class = &'static str;
const TEXT: Class = "text";
const NUMBER: Class = "num";
const LONG: Class = "long";

/// The columns shown of [`market::statistics::export::COLUMNS`], by place.
const SHOWN: [(usize, &str, Class); 11] = [
    (1, "Statistic", TEXT),
    (2, "Group", TEXT),
    (3, "Variant", TEXT),
    (5, "Value", NUMBER),
    (7, "95 % from", NUMBER),
    (8, "to", NUMBER),
    (15, "Unit", TEXT),
    (10, "p", NUMBER),
    (12, "People", NUMBER),
    (NOISE, "Noise, standard deviation", NUMBER),
    (14, "Why there is none", LONG),
];
/// The place of the noise, which an exact result has none of.
const NOISE: usize = 13;

/// The columns that hold anything, and the first rows.
pub(in crate::pages) struct Table {
    pub(in crate::pages) columns: Vec<(&'static str, Class)>,
    pub(in crate::pages) rows: Vec<Vec<(String, Class)>>,
    pub(in crate::pages) all: usize,
}

impl Table {
    /// The table of these rows.
    ///
    /// # Errors
    /// [`Error::Market`] for a number that is not finite, which no analysis makes.
    pub(super) fn of(rows: &[Row]) -> Result<Self, Error> {
        let refused = |why: String| market::Error::Statistics { what: "the rows of a table", why };
        let cells = rows.iter().take(ROWS_SHOWN_MAX).map(Row::cells).collect::<Result<Vec<_>, _>>();
        let cells = cells.map_err(|undefined| refused(undefined.to_string()))?;
        let holds = |place: usize, cell: &String| !cell.is_empty() && (place != NOISE || cell != "0.0");
        let held = |place: usize| cells.iter().filter_map(|row| row.get(place)).any(|cell| holds(place, cell));
        let shown: Vec<_> = SHOWN.into_iter().filter(|(place, ..)| held(*place)).collect();
        let row = |cells: &[String; 16]| {
            let cell = |(place, _, class): &(usize, &str, Class)| {
                let text = cells.get(*place).map_or("", String::as_str);
                (if *class == NUMBER { rounded(text) } else { words(text) }, *class)
            };
            shown.iter().map(cell).collect()
        };
        Ok(Self {
            columns: shown.iter().map(|(_, name, class)| (*name, *class)).collect(),
            rows: cells.iter().map(row).collect(),
            all: rows.len(),
        })
    }
}

/// A name of the table in words; an apostrophe that keeps spreadsheets from calculating is not for pages.
fn words(text: &str) -> String {
    text.strip_prefix('\'').unwrap_or(text).replace('_', " ")
}

/// A number to four significant digits; whole numbers stay whole.
fn rounded(text: &str) -> String {
    let Ok(value) = text.parse::<f64>() else { return text.into() };
    let size = value.abs();
    if size >= 1e15 || (size > 0.0 && size < 1e-4) {
        return format!("{value:.2e}");
    }
    if value.fract() == 0.0 {
        return format!("{value}");
    }
    let decimals = match size {
        size if size >= 1_000.0 => 0,
        size if size >= 100.0 => 1,
        size if size >= 10.0 => 2,
        size if size >= 1.0 => 3,
        _ => 4,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_for_reading() {
        let cases = [
            ("12", "12"),
            ("0.123456", "0.1235"),
            ("12.3456", "12.35"),
            ("1234.5", "1234"),
            ("0.00000123", "1.23e-6"),
            ("-0.5", "-0.5000"),
            ("", ""),
            ("0", "0"),
        ];
        for (text, expected) in cases {
            assert_eq!(rounded(text), expected, "{text}");
        }
    }
}
