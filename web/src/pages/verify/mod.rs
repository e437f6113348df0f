//! Checking a receipt, for those who were shown a number.

mod rules;
mod screening;

use actix_web::{
    HttpRequest, HttpResponse, get, post,
    web::{Data, Payload},
};
use askama::Template;
use circuits::{groth16::KeyOrigin, id::ChainId};
use market::receipt::{self, Receipt, VerifiedReceipt, file::AnyReceipt};

pub(super) use self::screening::{RESPONSES_MAX, check_screening, save_screening};
use self::{
    rules::{Outcome, RELEASE, Rule},
    screening::Screened,
};
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
        self.verified.as_ref().map_or("", |verified| verified.network().in_words())
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
        Ok(Examined::Release(checked)) => page(&*checked),
        Ok(Examined::Screening(screened)) => page(&*screened),
        Err(problem) => page(&ask_again(&request, Some(problem))),
    }
}

/// A receipt of either kind, checked.
enum Examined {
    Release(Box<Checked>),
    Screening(Box<Screened>),
}

/// Checks what the form brought; the problem when that is no receipt at all.
fn examine(shell: Shell, service: &Service, form: &Upload) -> Result<Result<Examined, String>, Error> {
    let Some(text) = form.file_or_pasted("receipt", "pasted")? else {
        return Ok(Err("Choose a receipt file, or paste its text.".into()));
    };
    Ok(match AnyReceipt::from_json(text) {
        Err(error) => Err(error.to_string()),
        Ok(AnyReceipt::Release(receipt)) => {
            Ok(Examined::Release(Box::new(examine_release(shell, service, form, &receipt))))
        }
        Ok(AnyReceipt::Screening(receipt)) => {
            Ok(Examined::Screening(Box::new(Screened::of(shell, service.chain.ledger().chain(), &receipt))))
        }
    })
}

fn examine_release(shell: Shell, service: &Service, form: &Upload, receipt: &Receipt) -> Checked {
    let own = service.chain.ledger().chain();
    let verified = match receipt::verify(receipt, Some(&*service.blobs)) {
        Ok(verified) => verified,
        Err(error) => {
            let (rules, refused) = (rules::failed(&RELEASE, &error), Some(error.to_string()));
            return Checked { shell, own, rules, refused, verified: None, shown: None, unread: None };
        }
    };
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
    let rules = rules::held(&RELEASE, verified.checks());
    Checked { shell, own, rules, refused: None, verified: Some(verified), shown, unread }
}
