//! The Beacon that a node serves. It grows while it answers, by receipts that could not be checked when it was opened.

use std::{
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};

use market::beacon::{Beacon, Trusted};

use crate::Error;

/// A Beacon that answers while it grows.
#[derive(Debug, Clone)]
pub struct ServedBeacon(Arc<RwLock<Arc<Beacon>>>);

impl From<Beacon> for ServedBeacon {
    fn from(beacon: Beacon) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(beacon))))
    }
}

impl ServedBeacon {
    /// The Beacon as it is now.
    #[must_use]
    pub fn now(&self) -> Arc<Beacon> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Verifies a receipt, for which no question waits, and serves its release from then on. For one caller at a time: what
    /// another adds meanwhile is lost.
    ///
    /// # Errors
    /// As [`Beacon::add`].
    pub fn add(&self, path: &Path, trusted: Trusted<'_>) -> Result<(), Error> {
        let mut grown = Beacon::clone(&self.now());
        grown.add(path, trusted)?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(grown);
        Ok(())
    }
}
