//! Which signed requests were taken.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use circuits::id::AccountId;
use node::units::Timestamp;

use crate::Error;

/// How far the time of a request may be from the server's.
pub const CLOCK_SECONDS_MAX: u64 = 60;
/// Requests remembered at a time; more are refused until older ones are too old to be replayed.
pub const REQUESTS_REMEMBERED_MAX: usize = 65_536;

/// The requests that were taken and could still be replayed.
#[derive(Debug, Default)]
pub struct Replay(Mutex<BTreeSet<(Timestamp, AccountId, String)>>);

impl Replay {
    /// Takes a request, once.
    ///
    /// # Errors
    /// [`Error::Unsigned`] for a time that is not now or a request that was taken, [`Error::Stopping`] when full.
    pub(super) fn take(
        &self,
        account: AccountId,
        created: Timestamp,
        nonce: String,
        now: Timestamp,
    ) -> Result<(), Error> {
        if created.get().abs_diff(now.get()) > CLOCK_SECONDS_MAX {
            let why = format!("it was created at {created}, more than {CLOCK_SECONDS_MAX} s from this server's {now}");
            return Err(Error::Unsigned { why });
        }
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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
}
