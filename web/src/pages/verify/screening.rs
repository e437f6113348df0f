//! What the receipt of a screening shows: one that somebody brought, or the one that this node collects.

mod code;

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header,
    web::{Data, Path},
};
use askama::Template;
use circuits::{
    groth16::KeyOrigin,
    id::{ChainId, ScreeningId},
};
use market::receipt::screening::{ScreeningReceipt, VerifiedScreeningReceipt, verify_watched};

use self::code::Code;
use super::{
    super::{
        parts,
        shell::{Section, Shell},
    },
    live::{self, Frame, Rows},
    rules::{NotShown, SCREENING},
};
use crate::{
    Error,
    api::{Service, blocking, collected, collected_text, parse},
};

/// Where others look at the same.
struct Shared {
    screening: ScreeningId,
    /// The address, and a picture of it that a camera reads.
    url: String,
    code: Option<Code>,
    /// Whether it leads others to their own machine.
    is_local: bool,
}

/// What the checks of a screening's receipt amount to.
#[derive(Template)]
#[template(path = "screened.html")]
pub(super) struct Screened {
    own: ChainId,
    outcome: Result<VerifiedScreeningReceipt, NotShown>,
    /// Set where this node collected the receipt.
    shared: Option<Shared>,
}

impl Screened {
    /// Checks the receipt on a node that serves the chain `own`, and tells each check as it ends.
    pub(super) fn of(rows: &mut Rows, own: ChainId, receipt: &ScreeningReceipt) -> Self {
        let checked = verify_watched(receipt, &mut |check| rows.held(check));
        Self { own, outcome: rows.done(checked), shared: None }
    }
}

/// Checks the count of a screening, with the receipt that this node collects for it.
#[get("/screenings/{id}/verify")]
pub(in crate::pages) async fn check_screening(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Error> {
    let id: ScreeningId = parse("screening id", &id)?;
    let shell = Shell::of(&request, Section::Screenings, "What the screening’s receipt shows");
    let places = (service.quota.receipts.take(&request)?, service.quota.checks.take(&request)?);
    let node = service.clone();
    let (receipt, places) = blocking(move || Ok((collected(&node, id)?, places))).await?;
    let frame = Frame { shell, from: (format!("/screenings/{id}"), "The screening") };
    live::answer(&request, &frame, &SCREENING, move |rows| {
        let screened = Screened::of(rows, service.chain.ledger().chain(), &receipt);
        let identity = &service.publishing.identity;
        let (url, is_local) = (format!("{}/screenings/{id}/verify", identity.pages_url()), identity.is_local());
        let shared = Shared { screening: id, code: Code::of(&url), url, is_local };
        drop(places);
        Screened { shared: Some(shared), ..screened }.render()
    })
}

/// The receipt itself, to be checked elsewhere.
#[get("/screenings/{id}/receipt.json")]
pub(in crate::pages) async fn save_screening(
    request: HttpRequest,
    service: Data<Service>,
    id: Path<String>,
) -> Result<HttpResponse, Error> {
    let text = collected_text(&request, service, &id).await?;
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"screening-receipt.json\""))
        .body(text))
}
