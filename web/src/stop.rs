//! Ending a long command in an orderly way: between two steps, when a signal asks for it.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::Duration,
};

use crate::Error;

/// The exit code of a command that a second signal ends at once.
const INTERRUPTED: i32 = 130;

/// Whether this process was asked to end.
pub(crate) struct Stop {
    asked: Arc<(Mutex<bool>, Condvar)>,
}

impl Stop {
    /// Heeds SIGINT and SIGTERM from now on. The first asks for an end, the second ends the process.
    ///
    /// # Errors
    /// [`Error::Internal`] when the system gives no signals or no thread.
    pub(crate) fn on_signals() -> Result<Self, Error> {
        let failed = |error: std::io::Error| Error::Internal { action: "heed signals", why: error.to_string() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let mut signals = runtime.block_on(async { Signals::listen() }).map_err(failed)?;
        let asked = Arc::new((Mutex::new(false), Condvar::new()));
        let tell = Arc::clone(&asked);
        let heed = move || {
            runtime.block_on(signals.next());
            *tell.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
            tell.1.notify_all();
            runtime.block_on(signals.next());
            std::process::exit(INTERRUPTED);
        };
        thread::Builder::new().name("locus-signals".into()).spawn(heed).map_err(failed)?;
        Ok(Self { asked })
    }

    /// Whether a signal came.
    pub(crate) fn asked(&self) -> bool {
        *self.asked.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps, but not beyond a signal.
    pub(crate) fn sleep(&self, time: Duration) {
        let asked = self.asked.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Waking early or late only changes when somebody looks again.
        drop(self.asked.1.wait_timeout_while(asked, time, |asked| !*asked));
    }
}

/// Signals that ask this process to end.
#[cfg(unix)]
pub(crate) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Hears them from now on; the system's own way to end no longer counts.
    pub(crate) fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
pub(crate) struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    pub(crate) async fn next(&mut self) {
        drop(tokio::signal::ctrl_c().await);
    }
}
