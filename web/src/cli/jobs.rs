//! The jobs of a node.

use clap::{Args, Subcommand};
use market::{
    index::PAGE_ROWS_MAX,
    jobs::{Job, JobCount, JobId, JobPage, JobState, Queue},
    so_many,
};

use super::{Home, Output, database::DatabaseOption};
use crate::{Error, api::JobSummary, chain::now, client::Remote};

/// Show and retry the jobs of a node.
#[derive(Debug, Subcommand)]
pub enum Jobs {
    /// List jobs, the latest first, with why they failed; of a node at --url, how many there are in each state.
    List(List),
    /// Let jobs that were given up begin again.
    Retry(Retry),
}

/// Which jobs.
#[derive(Debug, Args)]
pub struct List {
    /// Only those in this state: waiting, running, done or failed.
    #[arg(long, value_name = "STATE")]
    state: Option<JobState>,
    /// Only those before this number, as `next` of the page before.
    #[arg(long, value_name = "NUMBER")]
    before: Option<u64>,
    /// Jobs on a page.
    #[arg(long, default_value_t = 50, value_name = "JOBS", value_parser = clap::value_parser!(u16).range(1..=PAGE_ROWS_MAX as i64))]
    limit: u16,
    #[command(flatten)]
    database: DatabaseOption,
}

/// Which failed jobs.
#[derive(Debug, Args)]
#[group(id = "which", required = true, multiple = false, args = ["job", "all"])]
pub struct Retry {
    /// A job's number.
    job: Option<u64>,
    /// Every job that failed.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    database: DatabaseOption,
}

impl Jobs {
    pub(super) fn run(&self, home: &Home, output: &Output) -> Result<(), Error> {
        match self {
            Self::List(list) => list.run(home, output),
            Self::Retry(retry) => retry.run(home, output),
        }
    }
}

impl List {
    fn run(&self, home: &Home, output: &Output) -> Result<(), Error> {
        if let Some(url) = home.url() {
            let remote = Remote::new(url)?;
            let none = || Error::Reply { url: url.into(), why: "it lists no jobs".into() };
            let summary: JobSummary = remote.json("/v1/jobs")?.ok_or_else(none)?;
            return output.result(&summary, |summary| described(&summary.counts));
        }
        let queue = Queue::new(self.database.open(home)?);
        let page = queue.list(self.state, self.before.map(JobId::new), self.limit.into())?;
        output.result(&page, listed)
    }
}

impl Retry {
    fn run(&self, home: &Home, output: &Output) -> Result<(), Error> {
        if let Some(url) = home.url() {
            let why = format!("jobs are retried on the machine of their database; leave out --url, here {url}");
            return Err(Error::Input { what: "address", why });
        }
        let queue = Queue::new(self.database.open(home)?);
        let retried = match self.job {
            Some(job) => queue.retry(JobId::new(job), now()).map(|()| 1)?,
            None => queue.retry_failed(now())?,
        };
        output.result(&serde_json::json!({ "retried": retried }), |_| format!("{retried} jobs begin again"))
    }
}

fn described(counts: &[JobCount]) -> String {
    if counts.is_empty() {
        return "no jobs".into();
    }
    let lines = counts.iter().map(|count| format!("{:<16} {:<8} {:>8}", count.kind.name(), count.state, count.count));
    lines.collect::<Vec<_>>().join("\n")
}

fn listed(page: &JobPage) -> String {
    if page.items.is_empty() {
        return "no jobs".into();
    }
    let mut lines: Vec<_> = page.items.iter().map(line).collect();
    lines.extend(page.next.map(|next| format!("more: --before {next}")));
    lines.join("\n")
}

fn line(job: &Job) -> String {
    let attempts = so_many(job.attempts, "attempt", "attempts");
    let why = job.error.as_ref().map_or(String::new(), |error| format!("  {error}"));
    format!("{:>6}  {:<8} {:<16} {}  {attempts}{why}", job.id.get(), job.state.name(), job.kind.name(), job.key)
}
