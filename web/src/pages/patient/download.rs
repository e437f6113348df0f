//! Everything the pages show, as one file.

use actix_web::{HttpResponse, get, http::header};

use super::{everything::Everything, visit::Visit};
use crate::{Error, api::blocking, patient::Which};

/// The file.
#[get("/download")]
pub(super) async fn download(visit: Visit) -> Result<HttpResponse, Error> {
    let (seen, overview) = visit.show().await?;
    let (pages, owner) = (visit.pages.clone(), overview.owner);
    let licences = blocking(move || Ok(pages.licences(owner, Which::All))).await?;
    let everything = Everything::of(&overview, licences, seen.offline, seen.illnesses);
    let failed = |error: serde_json::Error| Error::Internal { action: "write a file", why: error.to_string() };
    let text = serde_json::to_string_pretty(&everything).map_err(failed)?;
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"my-locus-data.json\""))
        .body(text))
}
