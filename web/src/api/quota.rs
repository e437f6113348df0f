//! Disk that uploads may fill, and memory that blobs in flight may take.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use circuits::id::Digest;
use market::objects::BlobKind;

use super::{
    memory::{Memory, Room},
    places::{Bounds, Places},
};
use crate::Error;

/// Panels, documents and genomes may fill one of so many parts of the disk for uploads; the rest is for what queries need.
const DOCUMENTS_SHARE: u64 = 16;
/// Uploads of blobs whose digests begin alike are stored one after the other.
const STORING_LANES: usize = 16;

/// Forms with files that are received at once.
const FORMS_MAX: usize = 256;
/// Of these, those of one address.
pub const ADDRESS_FORMS_MAX: usize = 2;
const FORMS: Bounds = Bounds {
    what: "forms with files",
    all: FORMS_MAX,
    address: ADDRESS_FORMS_MAX,
    seconds: 5,
    instead: "try again once they came",
};

const RECEIPTS: Bounds = Bounds {
    what: "receipts in the making",
    all: 4,
    address: 2,
    seconds: 5,
    instead: "try again in a moment, or collect it with `locus screening receipt`",
};

/// A check takes a thread of those that serve every endpoint, for seconds, and runs to its end though its reader left.
const CHECKS: Bounds = Bounds {
    what: "checks of receipts",
    all: 4,
    address: 2,
    seconds: 5,
    instead: "try again in a moment, or check it with `locus verify`",
};

/// Bytes of stored blobs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoredBytes {
    /// Of ciphertexts, sums, components and messages of the key generation.
    pub protocol: u64,
    /// Of panels, documents and genomes.
    pub documents: u64,
}

/// Which share of disk and memory a kind of blob takes.
pub(super) const fn room(kind: BlobKind) -> Room {
    match kind {
        BlobKind::Panel | BlobKind::Blob | BlobKind::Genome | BlobKind::GenomeHeader => Room::Large,
        _ => Room::Small,
    }
}

/// The kinds that hold documents; the others are the protocol's own.
pub(crate) fn is_document(kind: BlobKind) -> bool {
    room(kind) == Room::Large
}

/// A part of the disk.
struct Share {
    limit: u64,
    used: AtomicU64,
}

/// Bounds what anonymous uploads can take from this machine.
pub struct UploadQuota {
    protocol: Share,
    documents: Share,
    storing: [Mutex<()>; STORING_LANES],
    pub(crate) memory: Memory,
    /// Places for forms with files.
    pub(crate) forms: Places,
    /// Places for receipts that are collected and checked while somebody waits.
    pub(crate) receipts: Places,
    /// Places for checks of receipts, wherever a receipt came from.
    pub(crate) checks: Places,
}

/// Disk set aside for one upload; given back unless kept.
pub(super) struct Reservation<'a> {
    share: &'a Share,
    bytes: u64,
}

impl UploadQuota {
    /// A quota of `limit` bytes, of which some are taken.
    #[must_use]
    pub fn new(limit: u64, stored: StoredBytes) -> Self {
        let documents = limit / DOCUMENTS_SHARE;
        let share = |limit, used| Share { limit, used: AtomicU64::new(used) };
        Self {
            protocol: share(limit - documents, stored.protocol),
            documents: share(documents, stored.documents),
            storing: std::array::from_fn(|_| Mutex::default()),
            memory: Memory::default(),
            forms: Places::new(FORMS),
            receipts: Places::new(RECEIPTS),
            checks: Places::new(CHECKS),
        }
    }

    /// Bytes taken.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.protocol.used.load(Ordering::Relaxed).saturating_add(self.documents.used.load(Ordering::Relaxed))
    }

    fn share(&self, kind: BlobKind) -> &Share {
        if is_document(kind) { &self.documents } else { &self.protocol }
    }

    /// Waits until nobody stores the same blob, so that it is counted once.
    pub(super) fn storing(&self, digest: &Digest) -> Option<MutexGuard<'_, ()>> {
        let first = usize::from(digest.as_bytes().first().copied().unwrap_or_default());
        let lane = self.storing.get(first % STORING_LANES)?;
        Some(lane.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sets disk aside.
    pub(super) fn reserve(&self, kind: BlobKind, bytes: u64) -> Result<Reservation<'_>, Error> {
        let share = self.share(kind);
        let fits = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= share.limit);
        match share.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits) {
            Ok(_) => Ok(Reservation { share, bytes }),
            Err(_) => Err(Error::Quota { limit: share.limit }),
        }
    }

    /// Gives back what was kept and is removed now.
    pub(super) fn give_back(&self, kind: BlobKind, bytes: u64) {
        let _ = self
            .share(kind)
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| Some(used.saturating_sub(bytes)));
    }

    /// Sets disk aside beyond the quota, for what the ledger names: who pays for a place on the ledger bounds it.
    pub(super) fn reserve_named(&self, kind: BlobKind, bytes: u64) -> Reservation<'_> {
        let share = self.share(kind);
        share.used.fetch_add(bytes, Ordering::Relaxed);
        Reservation { share, bytes }
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
        self.share.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::{super::places::Place, *};

    const STORED: StoredBytes = StoredBytes { protocol: 4, documents: 1 };

    #[test]
    fn a_failed_upload_gives_its_share_back_and_a_kept_one_does_not() {
        let quota = UploadQuota::new(160, STORED);
        let ciphertext = BlobKind::Ciphertext;
        drop(quota.reserve(ciphertext, 146).unwrap());
        assert_eq!(quota.used(), 5);
        quota.reserve(ciphertext, 145).unwrap().keep();
        assert_eq!(quota.used(), 150);
        assert!(matches!(quota.reserve(ciphertext, 2), Err(Error::Quota { limit: 150 })));
        assert!(quota.reserve(ciphertext, u64::MAX).is_err());
        assert_eq!(quota.used(), 150);
    }

    #[test]
    fn repro_documents_fill_their_share_and_leave_the_protocol_its_own() {
        let quota = UploadQuota::new(160, STORED);
        quota.reserve(BlobKind::Panel, 8).unwrap().keep();
        assert!(matches!(quota.reserve(BlobKind::Blob, 2), Err(Error::Quota { limit: 10 })));
        quota.reserve(BlobKind::Blob, 1).unwrap().keep();
        quota.reserve(BlobKind::SealedComponent, 146).unwrap().keep();
        assert!(quota.reserve(BlobKind::SealedComponent, 1).is_err());
        quota.reserve_named(BlobKind::SealedComponent, 7).keep();
        drop(quota.reserve_named(BlobKind::SealedComponent, 7));
        assert_eq!(quota.used(), 167);
    }

    #[test]
    fn repro_checks_of_many_addresses_are_few_at_once_and_an_address_has_its_share() {
        let quota = UploadQuota::new(160, STORED);
        let check = |address: &str| -> Result<Place, Error> {
            let peer = format!("{address}:1").parse().unwrap();
            quota.checks.take(&TestRequest::default().peer_addr(peer).to_http_request())
        };
        let full = |refused: Result<Place, Error>| match refused {
            Err(Error::Full { what, limit, .. }) => (what, limit),
            other => panic!("{other:?}"),
        };
        let mut held = vec![check("10.0.0.1").unwrap(), check("10.0.0.1").unwrap()];
        assert_eq!(full(check("10.0.0.1")), (CHECKS.what, CHECKS.address));
        held.extend([check("10.0.0.2").unwrap(), check("10.0.0.3").unwrap()]);
        assert_eq!(held.len(), CHECKS.all);
        assert_eq!(full(check("10.0.0.4")), (CHECKS.what, CHECKS.all));
        drop(held.remove(0));
        held.push(check("10.0.0.1").unwrap());
        assert_eq!(full(check("10.0.0.4")), (CHECKS.what, CHECKS.all));
        drop(held);
        assert!(check("10.0.0.4").is_ok());
    }
}
