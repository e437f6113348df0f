//! Places for what is held open at once: so many in all, and so many for one address, so that no single one takes all.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use actix_web::HttpRequest;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{Error, sign_in::sender_of};

/// What is held, how much of it, and what to do when there is no more.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// What is held, in the plural.
    pub(crate) what: &'static str,
    /// Of all addresses together.
    pub(crate) all: usize,
    /// Of one address.
    pub(crate) address: usize,
    /// After how many seconds one may be free.
    pub(crate) seconds: u32,
    /// What to do instead.
    pub(crate) instead: &'static str,
}

impl Bounds {
    pub(crate) const fn full(&self, limit: usize) -> Error {
        Error::Full { what: self.what, limit, seconds: self.seconds, instead: self.instead }
    }
}

/// The places.
#[derive(Debug)]
pub(crate) struct Places {
    bounds: Bounds,
    all: Arc<Semaphore>,
    taken: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
}

impl Places {
    /// All places free.
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { bounds, all: Arc::new(Semaphore::new(bounds.all)), taken: Arc::default() }
    }

    /// A place for one more of whoever sent a request. Nobody waits for one.
    ///
    /// # Errors
    /// [`Error::Full`] when there is none, or none for that address.
    pub(crate) fn take(&self, request: &HttpRequest) -> Result<Place, Error> {
        let Bounds { all, address, .. } = self.bounds;
        let permit = Arc::clone(&self.all).try_acquire_owned().map_err(|_| self.bounds.full(all))?;
        let sender = sender_of(request);
        if let Some(sender) = sender {
            let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
            let of_sender = taken.entry(sender).or_default();
            if *of_sender >= address {
                return Err(self.bounds.full(address));
            }
            *of_sender += 1;
        }
        Ok(Place { sender, taken: Arc::clone(&self.taken), _permit: permit })
    }
}

/// A place, free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    sender: Option<IpAddr>,
    taken: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(sender) = self.sender else { return };
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let left = taken.get(&sender).map_or(0, |of_sender| of_sender.saturating_sub(1));
        let _ = if left == 0 { taken.remove(&sender) } else { taken.insert(sender, left) };
    }
}
