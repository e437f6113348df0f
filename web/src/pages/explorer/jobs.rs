//! The node's jobs: how many there are, and not what is in them. The same as `/v1/jobs`.

use actix_web::{HttpRequest, HttpResponse, get, web::Data};
use askama::Template;
use market::jobs::{JobCount, JobKind, JobState, Queue};

use crate::{
    Error,
    api::{Service, blocking},
    pages::{
        parts,
        shell::{Section, Shell, page},
    },
};

/// What a job does.
const fn kind(kind: JobKind) -> &'static str {
    match kind {
        JobKind::FollowIndex => "Index the blocks, for listings and searches",
        JobKind::AggregateQuery => "Add up a query's ciphertexts, and hand the sum in",
        JobKind::SealQuery => "Seal a query that is full or past its last day",
        JobKind::RefundQuery => "Return the money of a query that missed a deadline",
    }
}

/// Where jobs stand, in words, and the class that colours it.
const fn state(state: JobState) -> (&'static str, &'static str) {
    match state {
        JobState::Waiting => ("Waiting", ""),
        JobState::Running => ("Running", "collecting"),
        JobState::Done => ("Done", "good"),
        JobState::Failed => ("Failed", "bad"),
    }
}

#[derive(Template)]
#[template(path = "jobs.html")]
struct Jobs {
    shell: Shell,
    counts: Vec<JobCount>,
}

impl Jobs {
    fn does(&self, count: &JobCount) -> &'static str {
        kind(count.kind)
    }

    fn stands(&self, count: &JobCount) -> (&'static str, &'static str) {
        state(count.state)
    }

    fn has_failed(&self) -> bool {
        self.counts.iter().any(|count| count.state == JobState::Failed && count.count > 0)
    }
}

/// How many jobs of each kind wait, run, are done or failed.
#[get("/explorer/jobs")]
pub(super) async fn jobs(request: HttpRequest, service: Data<Service>) -> Result<HttpResponse, Error> {
    let shell = Shell::of(&request, Section::Explorer, "Jobs of this node");
    let counts = blocking(move || Ok(Queue::new(service.index.database().clone()).counts()?)).await?;
    page(&Jobs { shell, counts })
}
