//! Waiting for a server that may start at the same time as who works with it.

use std::{
    mem, thread,
    time::{Duration, Instant},
};

use crate::Error;

/// How long a node waits for its database, and a member or a watching agent for its node.
const START_TIME_MAX: Duration = Duration::from_secs(60);
/// How often it is tried again.
const POLL_TIME: Duration = Duration::from_millis(200);

/// Does what needs a server, and begins again as long as nobody answers there. What it waits for is said once.
///
/// # Errors
/// What the work returns, and that nobody answers once [`START_TIME_MAX`] is over.
pub(super) fn patiently<T>(mut work: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
    let started = Instant::now();
    let mut said = false;
    loop {
        match work() {
            Err(error) if is_away(&error) && started.elapsed() < START_TIME_MAX => {
                if !mem::replace(&mut said, true) {
                    tracing::warn!(%error, "waiting for up to {} seconds", START_TIME_MAX.as_secs());
                }
                thread::sleep(POLL_TIME);
            }
            done => return done,
        }
    }
}

const fn is_away(error: &Error) -> bool {
    matches!(error, Error::Unreachable { .. } | Error::Market(market::Error::DatabaseUnreachable { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_answer_yet_is_waited_for_and_any_other_failure_is_told_at_once() {
        let node = || Error::Unreachable { url: "http://node".into(), why: "refused".into() };
        let database = || {
            let (database, why) = ("postgres://db/locus".into(), "Connection refused".into());
            Error::from(market::Error::DatabaseUnreachable { database, why })
        };
        let password = || {
            let (database, why) = ("postgres://db/locus".into(), "password authentication failed".into());
            Error::from(market::Error::DatabaseOpen { database, why })
        };
        let mut outcomes = [Err(node()), Err(database()), Ok(7)].into_iter();
        assert_eq!(patiently(|| outcomes.next().unwrap()).unwrap(), 7);
        let mut outcomes = [Err(node()), Err(password()), Ok(7)].into_iter();
        let refused = patiently(|| outcomes.next().unwrap()).unwrap_err().to_string();
        assert!(refused.contains("password"), "{refused}");
        assert_eq!(outcomes.count(), 1);
    }
}
