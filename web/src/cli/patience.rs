//! Waiting for what may start at the same time as who works with it.

use std::{
    mem, thread,
    time::{Duration, Instant},
};

use super::Output;
use crate::Error;

/// How long a node waits for its database, and a member or a watching agent for its node.
const START_TIME_MAX: Duration = Duration::from_secs(60);
/// How often it is tried again.
const POLL_TIME: Duration = Duration::from_millis(200);

/// Does what needs a server, and begins again as long as nobody answers there. What it waits for is said once.
///
/// # Errors
/// What the work returns, and that nobody answers once [`START_TIME_MAX`] is over.
pub(super) fn patiently<T>(output: &Output, mut work: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
    let started = Instant::now();
    let mut said = false;
    loop {
        match work() {
            Err(error) if is_away(&error) && started.elapsed() < START_TIME_MAX => {
                if !mem::replace(&mut said, true) {
                    output.say(format!("{error}; waiting for up to {} seconds", START_TIME_MAX.as_secs()));
                }
                thread::sleep(POLL_TIME);
            }
            done => return done,
        }
    }
}

const fn is_away(error: &Error) -> bool {
    matches!(
        error,
        Error::Unreachable { .. }
            | Error::Market(
                market::Error::DatabaseUnreachable { .. } | market::Error::Ledger(node::Error::Unreachable { .. })
            )
    )
}
