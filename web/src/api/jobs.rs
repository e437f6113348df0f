//! The node's jobs, as far as they concern everybody: how many there are, and not what is in them.

use actix_web::{HttpResponse, get, web::Data};
use market::jobs::{JobCount, Queue};
use serde::{Deserialize, Serialize};

use super::{Service, blocking, schemas};
use crate::Error;

/// How many jobs there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSummary {
    /// By kind and state; what is not there is not listed.
    pub counts: Vec<JobCount>,
}

/// How many jobs of each kind wait, run, are done or failed. Their payloads and failures are the operator's alone.
#[utoipa::path(
    tag = "operation",
    responses((status = 200, description = "by kind and state", body = schemas::JobSummary))
)]
#[get("/v1/jobs")]
pub(super) async fn count_jobs(service: Data<Service>) -> Result<HttpResponse, Error> {
    let counts = blocking(move || Ok(Queue::new(service.index.database().clone()).counts()?)).await?;
    Ok(HttpResponse::Ok().json(JobSummary { counts }))
}
