//! Disk that uploads may fill, and memory that blobs in flight may take.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Error;

/// Memory for blobs on their way in or out, in [`UNIT_BYTES`]; requests beyond it wait.
const MEMORY_UNITS: u32 = 256;
/// The unit in which that memory is counted.
const UNIT_BYTES: usize = 1 << 20;

/// Bounds what anonymous uploads can take from this machine.
pub struct UploadQuota {
    limit: u64,
    used: AtomicU64,
    memory: Arc<Semaphore>,
}

/// Disk set aside for one upload; given back unless kept.
pub(super) struct Reservation<'a> {
    quota: &'a UploadQuota,
    bytes: u64,
}

impl UploadQuota {
    /// A quota of `limit` bytes, of which `used` are taken.
    #[must_use]
    pub fn new(limit: u64, used: u64) -> Self {
        Self { limit, used: AtomicU64::new(used), memory: Arc::new(Semaphore::new(MEMORY_UNITS as usize)) }
    }

    /// Bytes taken.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Waits for memory for a blob of at most this size.
    pub(super) async fn memory(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Error> {
        let units = u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(MEMORY_UNITS).clamp(1, MEMORY_UNITS);
        Arc::clone(&self.memory).acquire_many_owned(units).await.map_err(|_| Error::Stopping)
    }

    /// Sets disk aside.
    pub(super) fn reserve(&self, bytes: u64) -> Result<Reservation<'_>, Error> {
        let fits = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= self.limit);
        match self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits) {
            Ok(_) => Ok(Reservation { quota: self, bytes }),
            Err(_) => Err(Error::Quota { limit: self.limit }),
        }
    }
}

impl Reservation<'_> {
    /// The blob is stored: its bytes stay taken.
    pub(super) fn keep(mut self) {
        self.bytes = 0;
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.quota.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_upload_gives_its_share_back_and_a_kept_one_does_not() {
        let quota = UploadQuota::new(10, 4);
        drop(quota.reserve(6).unwrap());
        assert_eq!(quota.used(), 4);
        quota.reserve(5).unwrap().keep();
        assert_eq!(quota.used(), 9);
        assert!(matches!(quota.reserve(2), Err(Error::Quota { limit: 10 })));
        assert!(quota.reserve(u64::MAX).is_err());
        assert_eq!(quota.used(), 9);
    }
}
