//! Checking a receipt, for those who were shown a number.

mod live;
mod rules;
mod screening;

use actix_web::{
    HttpRequest, HttpResponse, get, post,
    web::{Data, Payload},
};
use askama::Template;
use circuits::{groth16::KeyOrigin, id::ChainId};
use market::{
    objects::BlobAccess,
    receipt::{self, VerifiedReceipt, file::AnyReceipt},
};

pub(super) use self::screening::{check_screening, save_screening};
use self::{
    live::Frame,
    rules::{RELEASE, SCREENING},
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
    api::{RECEIPT_BYTES_MAX, Service, blocking},
};

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

/// What the checks of a released result's receipt amount to, and its numbers.
#[derive(Template)]
#[template(path = "verified.html")]
struct Verdict {
    own: ChainId,
    outcome: Result<VerifiedReceipt, String>,
    shown: Option<Shown>,
    unread: Option<String>,
}

impl Verdict {
    /// The numbers of a receipt that holds are read where this node knows their query.
    fn of(service: &Service, outcome: Result<VerifiedReceipt, String>, form: &Upload) -> Self {
        let own = service.chain.ledger().chain();
        let Ok(verified) = &outcome else { return Self { own, outcome, shown: None, unread: None } };
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
        Self { own, outcome, shown, unread }
    }
}

/// Checks a receipt while the page is read. It is kept in memory until the last check ran and nowhere after.
#[post("/verify")]
pub(super) async fn check_receipt(
    request: HttpRequest,
    service: Data<Service>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let form = Upload::receive(&request, &service, payload, RECEIPT_BYTES_MAX).await?;
    let place = service.quota.checks.take(&request)?;
    let opened = blocking(move || {
        let Some(text) = form.file_or_pasted("receipt", "pasted")? else {
            return Ok(Err("Choose a receipt file, or paste its text.".into()));
        };
        Ok(AnyReceipt::from_json(text).map_err(|error| error.to_string()).map(|receipt| (receipt, form, place)))
    });
    let (receipt, form, place) = match opened.await? {
        Ok(opened) => opened,
        Err(problem) => return page(&ask_again(&request, Some(problem))),
    };
    let shell = Shell::of(&request, Section::Verify, "What the receipt shows");
    let frame = Frame { shell, from: ("/verify".into(), "Verify another receipt") };
    match receipt {
        AnyReceipt::Release(receipt) => live::answer(&frame, &RELEASE, move |rows| {
            let _place = place;
            let blobs: &dyn BlobAccess = &*service.blobs;
            let checked = receipt::verify_watched(&receipt, Some(blobs), &mut |check| rows.held(check));
            let outcome = rows.done(checked);
            Verdict::of(&service, outcome, &form).render()
        }),
        AnyReceipt::Screening(receipt) => live::answer(&frame, &SCREENING, move |rows| {
            let _held = (form, place);
            Screened::of(rows, service.chain.ledger().chain(), &receipt).render()
        }),
    }
}
