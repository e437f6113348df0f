//! Checking a receipt, for those who were shown a number.

use actix_web::{
    HttpRequest, HttpResponse, get, post,
    web::{Data, Payload},
};
use askama::Template;
use circuits::{groth16::KeyOrigin, id::ChainId};
use market::receipt::{self, Receipt, VerifiedReceipt};
use node::genesis::Network;

use super::{
    parts,
    results::{Shown, query_file, shown},
    shell::{Section, Shell, page},
    upload::Upload,
};
use crate::{
    Error,
    api::{Service, blocking},
};

/// The largest receipt that the page takes, in bytes. `locus verify` takes larger ones.
const RECEIPT_BYTES_MAX: usize = 24 << 20;

/// One check of `docs/protocol/receipt.md`, as the page explains it.
struct Rule {
    number: &'static str,
    title: &'static str,
    means: &'static str,
}

const RULES: [Rule; 7] = [
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

/// How a check ended.
enum Outcome {
    Held(String),
    Failed(String),
    NotReached,
}

#[derive(Template)]
#[template(path = "verify.html")]
struct Ask {
    shell: Shell,
    largest: usize,
    problem: Option<String>,
}

fn ask_again(request: &HttpRequest, problem: Option<String>) -> Ask {
    let shell = Shell::of(request, Section::Verify, "Verify a receipt");
    Ask { shell, largest: RECEIPT_BYTES_MAX >> 20, problem }
}

/// The form that takes a receipt.
#[get("/verify")]
pub(super) async fn ask(request: HttpRequest) -> Result<HttpResponse, Error> {
    page(&ask_again(&request, None))
}

#[derive(Template)]
#[template(path = "offline.html")]
struct Offline {
    shell: Shell,
    chain: ChainId,
}

/// How to verify without this server.
#[get("/verify/offline")]
pub(super) async fn offline(request: HttpRequest, service: Data<Service>) -> Result<HttpResponse, Error> {
    let shell = Shell::of(&request, Section::Verify, "Verify without this server");
    page(&Offline { shell, chain: service.chain.ledger().chain() })
}

#[derive(Template)]
#[template(path = "verified.html")]
struct Checked {
    shell: Shell,
    own: ChainId,
    rules: Vec<(&'static Rule, Outcome)>,
    refused: Option<String>,
    verified: Option<VerifiedReceipt>,
    shown: Option<Shown>,
    unread: Option<String>,
}

impl Checked {
    fn network(&self) -> &'static str {
        match self.verified.as_ref().map(VerifiedReceipt::network) {
            Some(Network::Demo) => "a demonstration, played by one machine",
            Some(Network::Test) => "a test network",
            Some(Network::Consortium) => "a consortium's network",
            None => "",
        }
    }

    /// Whether anybody could have forged the proofs.
    fn forgeable(&self) -> bool {
        self.verified.as_ref().is_some_and(|verified| verified.proving_key() == KeyOrigin::InsecureSeed)
    }
}

/// Checks a receipt. It is kept in memory while it is checked and nowhere after.
#[post("/verify")]
pub(super) async fn check_receipt(
    request: HttpRequest,
    service: Data<Service>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let shell = Shell::of(&request, Section::Verify, "What the receipt shows");
    let node = service.clone();
    let checked = Upload::read(&request, &service, payload, RECEIPT_BYTES_MAX, |form| {
        blocking(move || examine(shell, &node, &form))
    });
    match checked.await? {
        Ok(checked) => page(&checked),
        Err(problem) => page(&ask_again(&request, Some(problem))),
    }
}

/// Checks what the form brought; the problem when that is no receipt at all.
fn examine(shell: Shell, service: &Service, form: &Upload) -> Result<Result<Checked, String>, Error> {
    let own = service.chain.ledger().chain();
    let Some(text) = form.file_or_pasted("receipt", "pasted")? else {
        return Ok(Err("Choose a receipt file, or paste its text.".into()));
    };
    let receipt = match Receipt::from_json(text) {
        Ok(receipt) => receipt,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let verified = match receipt::verify(&receipt, Some(&*service.blobs)) {
        Ok(verified) => verified,
        Err(error) => {
            let (rules, refused) = (failed_rules(&error), Some(error.to_string()));
            return Ok(Ok(Checked { shell, own, rules, refused, verified: None, shown: None, unread: None }));
        }
    };
    let held = |rule: &'static Rule| {
        let check = verified.checks().iter().find(|check| check.rule == rule.number);
        (rule, check.map_or(Outcome::NotReached, |check| Outcome::Held(check.says.clone())))
    };
    let rules = RULES.iter().map(held).collect();
    let read = query_file(form).and_then(|file| {
        if verified.chain() == own {
            return shown(service, verified.query(), verified.state(), verified.result(), file);
        }
        let why = "it is of another chain than this node's, whose schemas this node does not know; \
                   its researcher's figures come from `locus result`";
        Err(Error::Request { what: "the numbers cannot be read here", why: why.into() })
    });
    let (shown, unread) = match read {
        Ok(shown) => (Some(shown), None),
        Err(error) => (None, Some(error.to_string())),
    };
    Ok(Ok(Checked { shell, own, rules, refused: None, verified: Some(verified), shown, unread }))
}

/// The checks before the one that failed held; those after it were not reached. An error that names no check leaves all
/// of them open.
fn failed_rules(error: &market::Error) -> Vec<(&'static Rule, Outcome)> {
    let market::Error::Receipt { check, why } = error else {
        return RULES.iter().map(|rule| (rule, Outcome::NotReached)).collect();
    };
    let failing = RULES.iter().position(|rule| check.starts_with(rule.number));
    let outcome = |place: usize| match failing {
        Some(failing) if place < failing => Outcome::Held("It holds.".into()),
        Some(failing) if place == failing => Outcome::Failed(why.clone()),
        _ => Outcome::NotReached,
    };
    RULES.iter().enumerate().map(|(place, rule)| (rule, outcome(place))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_that_failed_is_named_and_those_behind_it_are_open() {
        let error = market::Error::Receipt { check: "R3 contributions", why: "one is missing".into() };
        let rules = failed_rules(&error);
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
        assert!(failed_rules(&other).iter().all(|(_, outcome)| matches!(outcome, Outcome::NotReached)));
    }
}
