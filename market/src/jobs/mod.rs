//! Work that must be done once although processes end at any instant: a queue in the database, and who works on it.
//!
//! A job has a kind and a key, unique together, so that however often it is asked for, one waits. Whoever works on it holds a
//! lease and renews it. A process that is killed renews nothing, so that another takes the job over when the lease ends;
//! a lease that was lost cannot complete the job any more. A job that fails is tried again after growing pauses, and ends
//! as `failed` after a bound, where it is listed until somebody asks for it again or retries it. What a job does must
//! therefore be safe to do again from the start.
//!
//! Time is what the caller's clock says. Processes that share a database should agree on it within a second or two, as
//! validators must: a clock that is further ahead takes jobs over too early, which costs work and nothing else.

mod aggregate;
mod backoff;
mod follow;
mod job;
mod lookout;
mod queue;
mod runner;
mod schema;
mod step;

pub use self::{
    aggregate::{AggregateDuty, aggregate_job},
    backoff::Backoff,
    follow::{FollowDuty, follow_job},
    job::{
        ERROR_CHARS_MAX, Job, JobCount, JobId, JobKind, JobPage, JobState, KEY_BYTES_MAX, NewJob, PAYLOAD_BYTES_MAX,
    },
    lookout::{Lookout, QUERIES_PER_ROUND},
    queue::{DONE_SECONDS_KEPT, Lease, Queue, WorkerId},
    runner::{Duty, Policy, Runner, RunnerOptions, WORKERS_MAX, Work},
    step::{StepDuty, due},
};
