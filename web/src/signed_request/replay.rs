//! Which signed requests were taken.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use circuits::id::AccountId;
use node::units::Timestamp;

use crate::Error;

/// How old a request may be, in seconds.
pub const CLOCK_SECONDS_MAX: u64 = 60;
/// How far a request's time may be ahead of the server's, in seconds. For as long a server that starts takes none.
pub const AHEAD_SECONDS_MAX: u64 = 5;
/// Requests remembered at a time; more are refused until older ones are too old to be replayed.
pub const REQUESTS_REMEMBERED_MAX: usize = 65_536;

/// The requests that were taken and could still be replayed.
#[derive(Debug)]
pub struct Replay {
    began: Timestamp,
    taken: Mutex<BTreeSet<(Timestamp, AccountId, String)>>,
}

impl Replay {
    /// Nothing is taken yet by a process that begins now. What another took before it was created at most
    /// [`AHEAD_SECONDS_MAX`] later than that, so nothing of that time is taken.
    #[must_use]
    pub const fn new(began: Timestamp) -> Self {
        Self { began, taken: Mutex::new(BTreeSet::new()) }
    }

    /// Takes a request, once.
    ///
    /// # Errors
    /// [`Error::Unsigned`] for a time that is not now, one that an earlier process may have taken, or a request that was
    /// taken; [`Error::Stopping`] when full.
    pub(super) fn take(
        &self,
        account: AccountId,
        created: Timestamp,
        nonce: String,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.check_time(created, now)?;
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = Timestamp::new(now.get().saturating_sub(CLOCK_SECONDS_MAX));
        *taken = taken.split_off(&(oldest, AccountId::from_bytes([0; 32]), String::new()));
        if taken.len() >= REQUESTS_REMEMBERED_MAX {
            return Err(Error::Stopping);
        }
        if taken.insert((created, account, nonce)) {
            return Ok(());
        }
        Err(Error::Unsigned { why: "it was taken before; sign again with another nonce".into() })
    }

    fn check_time(&self, created: Timestamp, now: Timestamp) -> Result<(), Error> {
        let (at, here) = (created.get(), now.get());
        let refused = |why: String| Err(Error::Unsigned { why });
        if at.saturating_add(CLOCK_SECONDS_MAX) < here {
            return refused(format!(
                "it was created at {created}, more than {CLOCK_SECONDS_MAX} s before this server's time, {now}: sign when \
                 sending, and set that machine's clock if it is {} s behind",
                here - at
            ));
        }
        if here.saturating_add(AHEAD_SECONDS_MAX) < at {
            return refused(format!(
                "it was created at {created}, more than {AHEAD_SECONDS_MAX} s after this server's time, {now}: set that \
                 machine's clock, which is {} s ahead of this one",
                at - here
            ));
        }
        let last = self.began.get().saturating_add(AHEAD_SECONDS_MAX);
        if at <= last {
            return refused(format!(
                "this server began at {} and cannot know whether one created at {created} was taken before: sign again, \
                 after {}; its time is {now}",
                self.began,
                Timestamp::new(last)
            ));
        }
        Ok(())
    }
}
