//! Checking a receipt, for those who were shown a number.

mod handed;
mod live;
mod rules;
mod screening;

use std::time::Instant;

use actix_web::{
    HttpRequest, HttpResponse, get, post,
    web::{Data, Payload, Query},
};
use askama::Template;
use circuits::{groth16::KeyOrigin, id::ChainId};
use market::{
    objects::BlobAccess,
    query::QueryFile,
    receipt::{self, VerifiedReceipt, file::AnyReceipt},
};
use serde::Deserialize;

pub(crate) use self::handed::Handed;
pub(super) use self::{
    handed::{KEPT_BYTES_MAX, KEPT_MINUTES, NotKept},
    screening::{check_screening, save_screening},
};
use self::{
    live::Frame,
    rules::{NotShown, RELEASE, SCREENING},
    screening::Screened,
};
use super::{
    parts::{self, asked},
    results::{Shown, query_file, read_query_file, shown},
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

/// What is to be checked: a receipt that was looked at as a result, or what the form will bring.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    receipt: Option<String>,
}

/// The form that takes a receipt; or the checks of one that was looked at as a result a moment ago.
#[get("/verify")]
pub(super) async fn ask(
    request: HttpRequest,
    service: Data<Service>,
    handed: Data<Handed>,
    wanted: Result<Query<Wanted>, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let Some(id) = asked(wanted)?.receipt else { return page(&ask_again(&request, None)) };
    let Some((text, query_file)) = handed.find(&id, Instant::now()) else {
        let gone = format!("The receipt is not here any more: it is kept for {KEPT_MINUTES} minutes. Choose its file.");
        return page(&ask_again(&request, Some(gone)));
    };
    let place = service.quota.checks.take(&request)?;
    let opened = blocking(move || Ok((AnyReceipt::from_json(&text)?, place)));
    let (receipt, place) = opened.await?;
    let file = Some(&*query_file).filter(|text| !text.is_empty()).map(read_query_file).transpose();
    check(&request, service, receipt, file, place)
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

/// Why numbers of another chain are not shown.
const ELSEWHERE: &str = "The receipt is of another chain, whose schemas this node does not know. Open it at a node of that \
                         chain, or ask the researcher for what `locus result` wrote";
/// What somebody is told who chose a picture or a document.
const NO_TEXT: &str = "This is no receipt: it is a picture, a document or another file that is no text. A receipt is the \
                       .json file that `locus result --receipt` or `locus screening receipt` wrote.";

/// What the checks of a released result's receipt amount to, and its numbers.
#[derive(Template)]
#[template(path = "verified.html")]
struct Verdict {
    own: ChainId,
    outcome: Result<VerifiedReceipt, NotShown>,
    shown: Option<Shown>,
    unread: Option<String>,
}

impl Verdict {
    /// The numbers of a receipt that holds are read where this node knows their query.
    fn of(
        service: &Service,
        outcome: Result<VerifiedReceipt, NotShown>,
        file: Result<Option<QueryFile>, Error>,
    ) -> Self {
        let own = service.chain.ledger().chain();
        let Ok(verified) = &outcome else { return Self { own, outcome, shown: None, unread: None } };
        let read = file.and_then(|file| {
            if verified.chain() == own {
                return shown(service, verified.query(), verified.state(), verified.result(), file).map(Some);
            }
            Ok(None)
        });
        let (shown, unread) = match read {
            Ok(Some(shown)) => (Some(shown), None),
            Ok(None) => (None, Some(ELSEWHERE.into())),
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
        let text = match form.file_or_pasted("receipt", "pasted") {
            Ok(Some(text)) => text,
            Ok(None) => return Ok(Err("Choose a receipt file, or paste its text.".into())),
            Err(_) => return Ok(Err(NO_TEXT.into())),
        };
        Ok(AnyReceipt::from_json(text).map_err(|error| error.to_string()).map(|receipt| (receipt, form, place)))
    });
    let (receipt, form, place) = match opened.await? {
        Ok(opened) => opened,
        Err(problem) => return page(&ask_again(&request, Some(problem))),
    };
    let file = query_file(&form);
    check(&request, service, receipt, file, (form, place))
}

/// Checks a receipt while the page is read, and shows what it amounts to. What is held is held until the last check ran.
fn check(
    request: &HttpRequest,
    service: Data<Service>,
    receipt: AnyReceipt,
    file: Result<Option<QueryFile>, Error>,
    held: impl Send + 'static,
) -> Result<HttpResponse, Error> {
    let shell = Shell::of(request, Section::Verify, "What the receipt shows");
    let frame = Frame { shell, from: ("/verify".into(), "Verify another receipt") };
    match receipt {
        AnyReceipt::Release(receipt) => live::answer(request, &frame, &RELEASE, move |rows| {
            let _held = held;
            let blobs: &dyn BlobAccess = &service.fetching();
            let checked = receipt::verify_watched(&receipt, Some(blobs), &mut |check| rows.held(check));
            let outcome = rows.done(checked);
            Verdict::of(&service, outcome, file).render()
        }),
        AnyReceipt::Screening(receipt) => live::answer(request, &frame, &SCREENING, move |rows| {
            let _held = held;
            Screened::of(rows, service.chain.ledger().chain(), &receipt).render()
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(not_shown: NotShown) -> String {
        let own = ChainId::from_bytes([7; 32]);
        Verdict { own, outcome: Err(not_shown), shown: None, unread: None }.render().unwrap()
    }

    #[test]
    fn repro_a_receipt_that_could_not_be_checked_is_not_said_to_fail() {
        let open = verdict(NotShown::Unread("a blob is not here".into()));
        assert!(
            open.contains("The receipt could not be checked now") && open.contains("a blob is not here."),
            "{open}"
        );
        assert!(
            open.contains("Ask again") && !open.contains("does not hold") && !open.contains("Do not rely"),
            "{open}"
        );
        let refused = verdict(NotShown::Refused("a sum is wrong".into()));
        assert!(refused.contains("The receipt does not hold") && refused.contains("a sum is wrong"), "{refused}");
    }
}
