//! The queue: each step one SQL transaction.

use std::fmt;

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, delete, dsl::count_star, insert_into,
    update,
};
use node::units::Timestamp;
use rand::Rng;

use super::{
    job::{Job, JobCount, JobId, JobKind, JobPage, JobState, NewJob, kept},
    runner::Policy,
    schema::jobs,
};
use crate::{
    Error,
    database::{Database, DatabaseConnection, Number, on_each, signed},
    index::PAGE_ROWS_MAX,
};

/// How long jobs that are done stay listed, in seconds.
pub const DONE_SECONDS_KEPT: u32 = 7 * 86_400;
/// Jobs that [`Queue::prune`] deletes at once.
const PRUNED_MAX: i64 = 1_000;
/// How often one call of [`Queue::enqueue`] finds that a job is there, and then that it was forgotten.
const ASKS_MAX: usize = 8;
/// Jobs whose worker ended once too often that one call of [`Queue::lease`] gives up.
const GIVEN_UP_MAX: usize = 64;

/// Who works on one attempt at a job, drawn at random for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorkerId([u8; 16]);

impl WorkerId {
    /// A new one.
    pub fn random(rng: &mut (impl Rng + ?Sized)) -> Self {
        let mut bytes = [0; 16];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// The right to work on a job until a time. It is one attempt's: another attempt has another lease, even of one worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The job.
    pub id: JobId,
    /// What it does.
    pub kind: JobKind,
    /// What it does it to.
    pub key: String,
    /// What else it needs.
    pub payload: String,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// When another may take the job, unless the lease is renewed before.
    pub expires: Timestamp,
    pub(super) holder: WorkerId,
}

/// A row to be leased: number, state, attempts, key, payload.
type Candidate = (i64, JobState, Number, String, String);

/// The jobs of a database.
#[derive(Debug, Clone)]
pub struct Queue {
    database: Database,
}

impl Queue {
    /// The jobs in a database.
    #[must_use]
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    /// Asks for a job, and returns whether it will be done because of this call. Asking for one that waits changes nothing; one
    /// that is done or was given up begins again, and one that runs is followed by another run: whoever asks sees that it is
    /// due, and who did it may have seen an older ledger.
    ///
    /// # Errors
    /// [`Error::Job`] for a key or payload beyond its bound, or a job that is forgotten each time that it is found;
    /// [`Error::Database`] when the database fails.
    pub fn enqueue(&self, job: &NewJob, now: Timestamp) -> Result<bool, Error> {
        job.check()?;
        self.database.write(|connection| {
            for _ in 0..ASKS_MAX {
                if insert(connection, job, now)? {
                    return Ok(true);
                }
                // Else it was forgotten after it stood in the way.
                if let Some((id, state)) = found(connection, job)? {
                    return Ok(ask_again(connection, id, state, now)?);
                }
            }
            let why = format!("it was forgotten {ASKS_MAX} times while it was asked for; ask again");
            Err(Error::Job { job: format!("of kind {}", job.kind), why })
        })
    }

    /// Takes the job of a kind that is due longest, if one is. A job whose workers ended without a word as often as the
    /// policy allows attempts is given up instead.
    ///
    /// # Errors
    /// [`Error::Database`] when the database fails.
    pub fn lease(
        &self,
        kind: JobKind,
        holder: WorkerId,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Option<Lease>, Error> {
        self.database.write(|connection| {
            for _ in 0..GIVEN_UP_MAX {
                let Some((id, state, attempts, key, payload)) = first_due(connection, kind, now)? else {
                    return Ok(None);
                };
                let attempts = attempts.try_into().unwrap_or(u32::MAX);
                let this = jobs::table.find(id);
                if state == JobState::Running && attempts >= policy.attempts_max {
                    give_up(connection, id, &format!("its worker ended without a word, {attempts} times"), now)?;
                    continue;
                }
                let expires = now.after(policy.lease_seconds);
                let taken = (
                    jobs::state.eq(JobState::Running.name()),
                    jobs::attempts.eq(i64::from(attempts) + 1),
                    jobs::holder.eq(Some(holder.0.as_slice())),
                    // This attempt answers what was asked for before it.
                    jobs::again.eq(false),
                    jobs::due.eq(Some(signed(expires.get()))),
                    jobs::changed.eq(signed(now.get())),
                );
                update(this).set(taken).execute(connection)?;
                let (id, attempt) = (JobId::new(id.unsigned_abs()), attempts + 1);
                return Ok(Some(Lease { id, kind, key, payload, attempt, expires, holder }));
            }
            Ok(None)
        })
    }

    /// Renews a lease.
    ///
    /// # Errors
    /// [`Error::JobInterrupted`] when another has the job, [`Error::Database`] when the database fails.
    pub fn heartbeat(&self, lease: &Lease, policy: &Policy, now: Timestamp) -> Result<Lease, Error> {
        let expires = now.after(policy.lease_seconds);
        self.settle(lease, |connection| {
            let renewed = jobs::due.eq(Some(signed(expires.get())));
            update(jobs::table.find(signed(lease.id.get()))).set(renewed).execute(connection)
        })?;
        Ok(Lease { expires, ..lease.clone() })
    }

    /// Ends a job that is done. One that was asked for again meanwhile waits for its next run.
    ///
    /// # Errors
    /// As [`Queue::heartbeat`].
    pub fn complete(&self, lease: &Lease, now: Timestamp) -> Result<(), Error> {
        self.settle(lease, |connection| {
            let this = jobs::table.find(signed(lease.id.get()));
            if this.select(jobs::again).first(connection)? {
                return update(this).set(anew(now)).execute(connection).map(drop);
            }
            let done = (
                jobs::state.eq(JobState::Done.name()),
                jobs::holder.eq(None::<Vec<u8>>),
                jobs::due.eq(None::<i64>),
                jobs::error.eq(None::<String>),
                jobs::changed.eq(signed(now.get())),
            );
            update(this).set(done).execute(connection).map(drop)
        })
    }

    /// Notes that an attempt failed: the job waits for its next one, or is given up after the last, unless it was asked for
    /// during that. Returns which.
    ///
    /// # Errors
    /// As [`Queue::heartbeat`].
    pub fn fail(
        &self,
        lease: &Lease,
        error: &str,
        policy: &Policy,
        now: Timestamp,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<JobState, Error> {
        if lease.attempt >= policy.attempts_max {
            return self.settle(lease, |connection| give_up(connection, signed(lease.id.get()), error, now));
        }
        let next = policy.backoff.next(lease.attempt, now, rng);
        self.settle(lease, |connection| {
            let failed = (waiting(next, now), jobs::error.eq(Some(kept(error))));
            update(jobs::table.find(signed(lease.id.get()))).set(failed).execute(connection)?;
            Ok(JobState::Waiting)
        })
    }

    /// Gives a job back that was interrupted for no fault of its own: the attempt does not count.
    ///
    /// # Errors
    /// As [`Queue::heartbeat`].
    pub fn release(&self, lease: &Lease, now: Timestamp) -> Result<(), Error> {
        self.settle(lease, |connection| {
            let released = (waiting(now, now), jobs::attempts.eq(i64::from(lease.attempt) - 1));
            update(jobs::table.find(signed(lease.id.get()))).set(released).execute(connection).map(drop)
        })
    }

    /// Lets a job that was given up begin again.
    ///
    /// # Errors
    /// [`Error::Job`] when there is none or it is in another state, [`Error::Database`] when the database fails.
    pub fn retry(&self, id: JobId, now: Timestamp) -> Result<(), Error> {
        let refused = |why: String| Error::Job { job: id.to_string(), why };
        self.database.write(|connection| {
            let this = jobs::table.find(signed(id.get()));
            let failed = this.filter(jobs::state.eq(JobState::Failed.name()));
            if update(failed).set(anew(now)).execute(connection)? > 0 {
                return Ok(());
            }
            let state: Option<JobState> = this.select(jobs::state).first(connection).optional()?;
            Err(refused(match state {
                None => "there is none with this number; `locus jobs list` shows them".into(),
                Some(state) => format!("it is {state}; only one that failed is retried"),
            }))
        })
    }

    /// Lets every job that was given up begin again, and returns how many there were.
    ///
    /// # Errors
    /// [`Error::Database`] when the database fails.
    pub fn retry_failed(&self, now: Timestamp) -> Result<usize, Error> {
        let failed = jobs::state.eq(JobState::Failed.name());
        self.database.write(|connection| Ok(update(jobs::table.filter(failed)).set(anew(now)).execute(connection)?))
    }

    /// Jobs, the latest first, of one state when named.
    ///
    /// # Errors
    /// [`Error::Page`] for a page of no rows or too many, [`Error::Database`] when the database fails.
    pub fn list(&self, state: Option<JobState>, before: Option<JobId>, limit: usize) -> Result<JobPage, Error> {
        if limit == 0 || limit > PAGE_ROWS_MAX {
            return Err(Error::Page { limit, limit_max: PAGE_ROWS_MAX });
        }
        let columns = (
            jobs::id,
            jobs::kind,
            jobs::key,
            jobs::state,
            jobs::attempts,
            jobs::due,
            jobs::error,
            jobs::created,
            jobs::changed,
        );
        let mut all = jobs::table.select(columns).order(jobs::id.desc()).limit(signed(limit as u64 + 1)).into_boxed();
        if let Some(state) = state {
            all = all.filter(jobs::state.eq(state.name()));
        }
        if let Some(before) = before {
            all = all.filter(jobs::id.lt(signed(before.get())));
        }
        let mut items: Vec<Job> = self.database.read(|connection| all.load(connection))?;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(|job| job.id) } else { None };
        Ok(JobPage { items, next })
    }

    /// How many jobs of each kind are in each state; what is not there is not listed.
    ///
    /// # Errors
    /// [`Error::Database`] when the database fails.
    pub fn counts(&self) -> Result<Vec<JobCount>, Error> {
        let counted = jobs::table
            .group_by((jobs::kind, jobs::state))
            .select((jobs::kind, jobs::state, count_star()))
            .order((jobs::kind, jobs::state));
        let rows: Vec<(JobKind, JobState, i64)> = self.database.read(|connection| counted.load(connection))?;
        let counts = rows.into_iter().map(|(kind, state, count)| JobCount { kind, state, count: count.unsigned_abs() });
        Ok(counts.collect())
    }

    /// Forgets jobs that were done longer ago than [`DONE_SECONDS_KEPT`], some at a time, and returns how many.
    ///
    /// # Errors
    /// [`Error::Database`] when the database fails.
    pub fn prune(&self, now: Timestamp) -> Result<usize, Error> {
        let before = signed(now.get().saturating_sub(DONE_SECONDS_KEPT.into()));
        self.database.write(|connection| {
            let old: Vec<i64> = jobs::table
                .filter(jobs::state.eq(JobState::Done.name()))
                .filter(jobs::changed.lt(before))
                .order((jobs::changed, jobs::id))
                .limit(PRUNED_MAX)
                .select(jobs::id)
                .load(connection)?;
            let mut deleted = 0;
            for id in old {
                let done = jobs::state.eq(JobState::Done.name());
                deleted += delete(jobs::table.find(id).filter(done)).execute(connection)?;
            }
            Ok(deleted)
        })
    }

    /// Changes a job whose lease is still held. Its row is locked first, so that nobody takes it over in between.
    fn settle<T>(
        &self,
        lease: &Lease,
        change: impl FnOnce(&mut DatabaseConnection) -> QueryResult<T>,
    ) -> Result<T, Error> {
        self.database.write(|connection| {
            let held = jobs::table
                .find(signed(lease.id.get()))
                .filter(jobs::holder.eq(Some(lease.holder.0.to_vec())))
                .filter(jobs::attempts.eq(i64::from(lease.attempt)))
                .select(jobs::id);
            let found: Option<i64> = match connection {
                DatabaseConnection::Sqlite(inner) => held.first(inner).optional()?,
                DatabaseConnection::Postgres(inner) => held.for_update().first(inner).optional()?,
            };
            found.ok_or(Error::JobInterrupted)?;
            Ok(change(connection)?)
        })
    }
}

/// The first job of a kind that is due. On PostgreSQL its row is locked, and rows that others hold are passed over.
fn first_due(connection: &mut DatabaseConnection, kind: JobKind, now: Timestamp) -> QueryResult<Option<Candidate>> {
    let due = jobs::table
        .filter(jobs::kind.eq(kind.name()))
        .filter(jobs::due.le(signed(now.get())))
        .order((jobs::due, jobs::id))
        .select((jobs::id, jobs::state, jobs::attempts, jobs::key, jobs::payload));
    match connection {
        DatabaseConnection::Sqlite(inner) => due.first(inner).optional(),
        DatabaseConnection::Postgres(inner) => due.for_update().skip_locked().first(inner).optional(),
    }
}

fn insert(connection: &mut DatabaseConnection, job: &NewJob, now: Timestamp) -> QueryResult<bool> {
    let row = (
        jobs::kind.eq(job.kind.name()),
        jobs::key.eq(&job.key),
        jobs::payload.eq(&job.payload),
        jobs::state.eq(JobState::Waiting.name()),
        jobs::attempts.eq(0),
        jobs::again.eq(false),
        jobs::due.eq(Some(signed(now.get()))),
        jobs::created.eq(signed(now.get())),
        jobs::changed.eq(signed(now.get())),
    );
    let insert = insert_into(jobs::table).values(row).on_conflict_do_nothing();
    Ok(on_each!(connection, inner => insert.execute(inner))? > 0)
}

/// The row of a job, locked on PostgreSQL, so that the job neither ends nor is forgotten before it is changed.
fn found(connection: &mut DatabaseConnection, job: &NewJob) -> QueryResult<Option<(i64, JobState)>> {
    let this = jobs::table
        .filter(jobs::kind.eq(job.kind.name()))
        .filter(jobs::key.eq(&job.key))
        .select((jobs::id, jobs::state));
    match connection {
        DatabaseConnection::Sqlite(inner) => this.first(inner).optional(),
        DatabaseConnection::Postgres(inner) => this.for_update().first(inner).optional(),
    }
}

/// Asks again for a job in this state, whose row is held; returns whether it will be done because of that.
fn ask_again(connection: &mut DatabaseConnection, id: i64, state: JobState, now: Timestamp) -> QueryResult<bool> {
    let this = update(jobs::table.find(id));
    match state {
        JobState::Waiting => return Ok(false),
        JobState::Running => this.set(jobs::again.eq(true)).execute(connection)?,
        JobState::Done | JobState::Failed => this.set(anew(now)).execute(connection)?,
    };
    Ok(true)
}

type Waiting = (
    diesel::dsl::Eq<jobs::state, &'static str>,
    diesel::dsl::Eq<jobs::holder, Option<Vec<u8>>>,
    diesel::dsl::Eq<jobs::due, Option<i64>>,
    diesel::dsl::Eq<jobs::changed, i64>,
);

/// Waiting for its next attempt.
fn waiting(due: Timestamp, now: Timestamp) -> Waiting {
    (
        jobs::state.eq(JobState::Waiting.name()),
        jobs::holder.eq(None),
        jobs::due.eq(Some(signed(due.get()))),
        jobs::changed.eq(signed(now.get())),
    )
}

/// Waiting as when it was first asked for.
fn anew(now: Timestamp) -> (Waiting, diesel::dsl::Eq<jobs::attempts, i64>, diesel::dsl::Eq<jobs::again, bool>) {
    (waiting(now, now), jobs::attempts.eq(0), jobs::again.eq(false))
}

/// Gives up a job whose row is held, until somebody asks for it or retries it; one that was asked for during its last
/// attempt begins again. Returns which.
fn give_up(connection: &mut DatabaseConnection, id: i64, error: &str, now: Timestamp) -> QueryResult<JobState> {
    let this = jobs::table.find(id);
    let why = jobs::error.eq(Some(kept(error)));
    if this.select(jobs::again).first(connection)? {
        update(this).set((anew(now), why)).execute(connection)?;
        return Ok(JobState::Waiting);
    }
    let failed = (
        jobs::state.eq(JobState::Failed.name()),
        jobs::holder.eq(None::<Vec<u8>>),
        jobs::due.eq(None::<i64>),
        jobs::changed.eq(signed(now.get())),
    );
    update(this).set((failed, why)).execute(connection)?;
    Ok(JobState::Failed)
}
