//! Disk that uploads may fill, and memory that blobs in flight may take.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use circuits::id::Digest;
use market::objects::{BlobKind, Objects};

use super::{
    memory::{Memory, Room},
    places::{Bounds, Places},
};
use crate::Error;

/// Panels, documents and genomes may fill one of so many parts of the disk for uploads; the rest is for what queries need.
const DOCUMENTS_SHARE: u64 = 16;
/// A full share is counted anew once in this time at most: counting looks at each of its blobs.
const RECOUNT_TIME: Duration = Duration::from_secs(60);
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
    taken: Mutex<Taken>,
}

/// What of a share is taken, in bytes.
#[derive(Default)]
struct Taken {
    used: u64,
    /// Of these, what is set aside for uploads under way.
    aside: u64,
    /// When it was last counted anew, and whether it is being counted.
    counted: Option<Instant>,
    is_being_counted: bool,
}

impl Share {
    fn new(limit: u64, used: u64) -> Self {
        Self { limit, taken: Mutex::new(Taken { used, ..Taken::default() }) }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets bytes aside, beyond the limit too.
    fn set_aside(&self, mut taken: MutexGuard<'_, Taken>, bytes: u64) -> Reservation<'_> {
        taken.used = taken.used.saturating_add(bytes);
        taken.aside = taken.aside.saturating_add(bytes);
        Reservation { share: self, bytes, is_kept: false }
    }
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
    is_kept: bool,
}

impl UploadQuota {
    /// A quota of `limit` bytes, of which some are taken.
    #[must_use]
    pub fn new(limit: u64, stored: StoredBytes) -> Self {
        let documents = limit / DOCUMENTS_SHARE;
        Self {
            protocol: Share::new(limit - documents, stored.protocol),
            documents: Share::new(documents, stored.documents),
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
        self.protocol.taken().used.saturating_add(self.documents.taken().used)
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
        let taken = share.taken();
        match taken.used.checked_add(bytes).filter(|sum| *sum <= share.limit) {
            Some(_) => Ok(share.set_aside(taken, bytes)),
            None => Err(Error::Quota { limit: share.limit }),
        }
    }

    /// The same; a share that seems full is counted anew first, unless it was moments ago: `locus objects gc` removes blobs
    /// beside a running node. Blocks.
    pub(super) fn reserve_in(&self, store: &Objects, kind: BlobKind, bytes: u64) -> Result<Reservation<'_>, Error> {
        match self.reserve(kind, bytes) {
            Err(Error::Quota { .. }) if self.recount(kind, Instant::now, |kinds| store.stored_bytes(kinds)) => {
                self.reserve(kind, bytes)
            }
            reserved => reserved,
        }
    }

    /// Counts a kind's share anew: one at a time, and [`RECOUNT_TIME`] after the last. Whether it did; a store that cannot be
    /// counted leaves the share as it is.
    fn recount(
        &self,
        kind: BlobKind,
        now: impl Fn() -> Instant,
        count: impl FnOnce(&[BlobKind]) -> Result<u64, market::Error>,
    ) -> bool {
        let share = self.share(kind);
        let (used, aside) = {
            let mut taken = share.taken();
            let is_late = |counted| now().saturating_duration_since(counted) >= RECOUNT_TIME;
            // Whoever comes while this one counts is refused at once.
            if taken.is_being_counted || !taken.counted.is_none_or(is_late) {
                return false;
            }
            taken.is_being_counted = true;
            (taken.used, taken.aside)
        };
        let kinds: Vec<_> = BlobKind::ALL.into_iter().filter(|one| is_document(*one) == is_document(kind)).collect();
        let found = count(&kinds);
        let mut taken = share.taken();
        (taken.is_being_counted, taken.counted) = (false, Some(now()));
        match found {
            // What was taken since stays. What was under way may count twice, until the next time.
            Ok(found) => {
                taken.used = taken.used.saturating_add(found).saturating_add(aside).saturating_sub(used);
                true
            }
            Err(error) => {
                tracing::warn!(%error, "a full share of the store could not be counted anew");
                false
            }
        }
    }

    /// Gives back what was kept and is removed now. While the share is counted it stays taken: whether it was counted is not
    /// known.
    pub(super) fn give_back(&self, kind: BlobKind, bytes: u64) {
        let mut taken = self.share(kind).taken();
        if !taken.is_being_counted {
            taken.used = taken.used.saturating_sub(bytes);
        }
    }

    /// Sets disk aside beyond the quota, for what the ledger names: who pays for a place on the ledger bounds it.
    pub(super) fn reserve_named(&self, kind: BlobKind, bytes: u64) -> Reservation<'_> {
        let share = self.share(kind);
        share.set_aside(share.taken(), bytes)
    }
}

impl Reservation<'_> {
    /// The blob is stored: its bytes stay taken.
    pub(super) fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let mut taken = self.share.taken();
        taken.aside = taken.aside.saturating_sub(self.bytes);
        if !self.is_kept {
            taken.used = taken.used.saturating_sub(self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use node::units::Height;

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
    fn repro_a_full_share_is_being_counted_anew_once_in_a_minute_and_what_is_under_way_stays_taken() {
        let quota = UploadQuota::new(160, STORED);
        let (kind, begun) = (BlobKind::Ciphertext, Instant::now());
        let recount = |seconds, stored| quota.recount(kind, || begun + Duration::from_secs(seconds), |_| Ok(stored));
        quota.reserve(kind, 100).unwrap().keep();
        let under_way = quota.reserve(kind, 40).unwrap();
        assert!(quota.reserve(kind, 20).is_err());
        // An operator removed what was kept. One upload failed, and another was kept, while somebody counted.
        let recounted = quota.recount(
            kind,
            || begun,
            |kinds| {
                assert!(kinds.contains(&kind) && !kinds.contains(&BlobKind::Panel));
                drop(under_way);
                quota.reserve(kind, 6).unwrap().keep();
                // Nobody counts beside, however long it takes, and what is removed meanwhile stays taken.
                assert!(!quota.recount(kind, || begun + Duration::from_secs(600), |_| panic!("it is being counted")));
                quota.give_back(kind, 3);
                Ok(4)
            },
        );
        assert!(recounted);
        assert_eq!(quota.used(), 11, "4 found, 6 that came, 1 of documents");
        assert!(!recount(59, 0), "once in a minute");
        assert_eq!(quota.used(), 11);
        let under_way = quota.reserve(kind, 40).unwrap();
        assert!(recount(60, 10));
        assert_eq!(quota.used(), 51, "10 found, 40 under way, 1 of documents");
        under_way.keep();
        assert_eq!(quota.used(), 51);
        let failing = |_: &[BlobKind]| Err(market::Error::IndexGap { missing: Height::new(1), first: Height::new(2) });
        assert!(!quota.recount(kind, || begun + Duration::from_secs(200), failing), "a store that fails frees nothing");
        assert_eq!(quota.used(), 51);
        quota.give_back(kind, 3);
        assert_eq!(quota.used(), 48);
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
