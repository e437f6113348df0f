//! A number with the word for what it counts.

use std::fmt::Display;

/// A number with what it counts: `1 response`, `2 responses`. What that does or is may follow in both.
#[must_use]
pub fn so_many(number: impl Display, one: &str, several: &str) -> String {
    let number = number.to_string();
    let counted = if number == "1" { one } else { several };
    format!("{number} {counted}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_one_is_said_what_is_said_of_one() {
        let responses = |number: u64| so_many(number, "response is here", "responses are here");
        assert_eq!(responses(1), "1 response is here");
        assert_eq!(
            [0, 2, 11].map(responses),
            ["0 responses are here", "2 responses are here", "11 responses are here"]
        );
        assert_eq!(so_many("1,001", "record", "records"), "1,001 records");
    }
}
