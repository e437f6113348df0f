//! The checks of each kind of receipt, as the page explains them, and how they ended.

use market::receipt::Check;

/// One check of a receipt's protocol page.
pub(super) struct Rule {
    pub(super) number: &'static str,
    pub(super) title: &'static str,
    pub(super) means: &'static str,
}

/// Those of a released result: `docs/protocol/receipt.md`.
pub(super) const RELEASE: [Rule; 7] = [
    Rule {
        number: "R1",
        title: "The block is final",
        means: "The block that released the result is signed by the validators of its chain, who follow from its genesis.",
    },
    Rule {
        number: "R2",
        title: "The ledger released this query",
        means: "The query shown is the one on the ledger, to the letter, and it was released, not refunded.",
    },
    Rule {
        number: "R3",
        title: "Everybody counts once",
        means: "The contributions are the whole set that the ledger froze: none is left out, added or counted twice.",
    },
    Rule {
        number: "R4",
        title: "Every contribution is proven",
        means: "Each is from a certified record that meets the criteria, whose holder agreed to this use, and encrypts \
                exactly what the record says.",
    },
    Rule {
        number: "R5",
        title: "The sum is the sum",
        means: "The ciphertexts are those proven, and they add up to what a threshold of the committee signed.",
    },
    Rule {
        number: "R6",
        title: "The committee's parts are the accepted ones",
        means: "What the committee handed out to open the sum is what the ledger accepted.",
    },
    Rule {
        number: "R7",
        title: "The result is what the sum decrypts to",
        means: "Sum and parts together give exactly the numbers in the receipt.",
    },
];

/// Those of a screening: `docs/protocol/screening-receipt.md`.
pub(super) const SCREENING: [Rule; 4] = [
    Rule {
        number: "S1",
        title: "The block is final",
        means: "The block that the count is of is signed by the validators of its chain, who follow from its genesis.",
    },
    Rule {
        number: "S2",
        title: "The ledger asked exactly this",
        means: "The screening shown is the one on the ledger, to the letter, with the schema whose attributes it names.",
    },
    Rule {
        number: "S3",
        title: "Everybody counts once",
        means: "The responses are all that the ledger admitted: none is left out, added or counted twice.",
    },
    Rule {
        number: "S4",
        title: "Everybody is proven to be eligible",
        means: "Each response is from a certified record that meets the criteria, whose holder allows to be asked for \
                this use.",
    },
];

/// How a check ended.
pub(super) enum Outcome {
    Held(String),
    Failed(String),
    NotReached,
}

/// What each rule of a receipt that holds found.
pub(super) fn held(rules: &'static [Rule], checks: &[Check]) -> Vec<(&'static Rule, Outcome)> {
    let held = |rule: &'static Rule| {
        let check = checks.iter().find(|check| check.rule == rule.number);
        (rule, check.map_or(Outcome::NotReached, |check| Outcome::Held(check.says.clone())))
    };
    rules.iter().map(held).collect()
}

/// The checks before the one that failed held; those after it were not reached. An error that names no check leaves all
/// of them open.
pub(super) fn failed(rules: &'static [Rule], error: &market::Error) -> Vec<(&'static Rule, Outcome)> {
    let market::Error::Receipt { check, why } = error else {
        return rules.iter().map(|rule| (rule, Outcome::NotReached)).collect();
    };
    let failing = rules.iter().position(|rule| check.starts_with(rule.number));
    let outcome = |place: usize| match failing {
        Some(failing) if place < failing => Outcome::Held("It holds.".into()),
        Some(failing) if place == failing => Outcome::Failed(why.clone()),
        _ => Outcome::NotReached,
    };
    rules.iter().enumerate().map(|(place, rule)| (rule, outcome(place))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_that_failed_is_named_and_those_behind_it_are_open() {
        let error = market::Error::Receipt { check: "R3 contributions", why: "one is missing".into() };
        let rules = failed(&RELEASE, &error);
        let said: Vec<_> = rules
            .iter()
            .map(|(_, outcome)| match outcome {
                Outcome::Held(_) => 'h',
                Outcome::Failed(_) => 'f',
                Outcome::NotReached => '-',
            })
            .collect();
        assert_eq!(said, ['h', 'h', 'f', '-', '-', '-', '-']);
        let other = market::Error::Refused { who: "node".into(), action: "prove", why: "no".into() };
        assert!(failed(&RELEASE, &other).iter().all(|(_, outcome)| matches!(outcome, Outcome::NotReached)));
    }
}
