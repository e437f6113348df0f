//! A result's rows as a page shows them.

use market::statistics::export::Row;

use crate::Error;

/// Rows that a page shows of a measure; its CSV has all.
pub(super) const ROWS_SHOWN_MAX: usize = 120;

/// The columns shown of [`market::statistics::export::COLUMNS`], by place: numbers are rounded.
const SHOWN: [(usize, &str, bool); 10] = [
    (1, "Statistic", false),
    (2, "Group", false),
    (3, "Variant", false),
    (5, "Value", true),
    (7, "95 % from", true),
    (8, "to", true),
    (10, "p", true),
    (12, "People", true),
    (13, "Noise, standard deviation", true),
    (14, "Why there is none", false),
];

/// The columns that hold anything, and the first rows.
pub(in crate::pages) struct Table {
    pub(in crate::pages) columns: Vec<(&'static str, bool)>,
    pub(in crate::pages) rows: Vec<Vec<(String, bool)>>,
    pub(in crate::pages) all: usize,
}

impl Table {
    /// The table of these rows.
    ///
    /// # Errors
    /// [`Error::Market`] for a number that is not finite, which no analysis makes.
    pub(super) fn of(rows: &[Row]) -> Result<Self, Error> {
        let refused = |why: String| market::Error::Statistics { what: "the rows of a table", why };
        let shown = rows.iter().take(ROWS_SHOWN_MAX).map(Row::cells).collect::<Result<Vec<_>, _>>();
        let cells = shown.map_err(|undefined| refused(undefined.to_string()))?;
        let held = |place: usize| cells.iter().any(|row| row.get(place).is_some_and(|cell| !cell.is_empty()));
        let shown: Vec<_> = SHOWN.into_iter().filter(|(place, ..)| held(*place)).collect();
        let row = |cells: &[String; 15]| {
            let cell = |(place, _, numeric): &(usize, &str, bool)| {
                let text = cells.get(*place).map_or("", String::as_str);
                (if *numeric { rounded(text) } else { words(text) }, *numeric)
            };
            shown.iter().map(cell).collect()
        };
        Ok(Self {
            columns: shown.iter().map(|(_, name, numeric)| (*name, *numeric)).collect(),
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
