//! My records.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, get};
use askama::Template;
use circuits::schema::Sensitivity;
use market::overview::Overview;

use super::{
    super::{parts, shell::Shell},
    Part,
    explained::page,
    visit::{Seen, Visit},
    words,
};
use crate::Error;

#[derive(Template)]
#[template(path = "patient/records.html")]
struct Records {
    shell: Shell,
    seen: Seen,
    overview: Arc<Overview>,
}

/// The records.
#[get("/records")]
pub(super) async fn records(request: HttpRequest, visit: Visit) -> Result<HttpResponse, Error> {
    let (seen, overview) = visit.show().await?;
    page(&Records { shell: Shell::of(&request, Part::Records, "My records"), seen, overview })
}
