//! Everything the pages show, as one file.

use actix_web::{HttpResponse, get, http::header};
use market::overview::Overview;
use serde::Serialize;

use super::visit::Visit;
use crate::{
    Error,
    api::blocking,
    patient::{Licences, Which},
};

/// The file: what is shown, without a secret. The wallet itself is backed up with `locus wallet backup`.
#[derive(Serialize)]
struct Everything<'o> {
    format: &'static str,
    /// Why the network was not reached, when it was not: parts are of before then.
    offline: Option<String>,
    #[serde(flatten)]
    overview: &'o Overview,
    licences: Licences,
}

/// The file.
#[get("/download")]
pub(super) async fn download(visit: Visit) -> Result<HttpResponse, Error> {
    let (seen, overview) = visit.show().await?;
    let (pages, owner) = (visit.pages.clone(), overview.owner);
    let licences = blocking(move || Ok(pages.licences(owner, Which::All))).await?;
    let everything = Everything { format: "locus/v1/my-data", offline: seen.offline, overview: &overview, licences };
    let failed = |error: serde_json::Error| Error::Internal { action: "write a file", why: error.to_string() };
    let text = serde_json::to_string_pretty(&everything).map_err(failed)?;
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"my-locus-data.json\""))
        .body(text))
}
