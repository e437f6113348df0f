//! The checks of each kind of receipt, as the page explains them, and how they end.

use std::fmt;

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
    /// What it found.
    Held(String),
    /// Why it does not hold.
    Failed(String),
    /// What it could not read: it may hold or not.
    Unread(String),
    /// One before it did not end.
    NotReached,
}

/// Why a receipt is not shown to hold.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotShown {
    /// A check failed.
    Refused(String),
    /// What a check reads is not here now: the receipt may hold or not.
    Unread(String),
}

impl fmt::Display for NotShown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Refused(why) | Self::Unread(why)) = self;
        f.write_str(why)
    }
}
