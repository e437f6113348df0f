//! Receipts that were looked at as results, kept for a moment, so that whoever looked checks them without choosing them again.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use market::query::QueryFile;
use rand::Rng as _;
use subtle::ConstantTimeEq as _;

/// How long a receipt is kept.
pub(in crate::pages) const KEPT_MINUTES: u64 = 10;
/// Receipts that are kept at once; one more takes the place of the oldest.
const KEPT_MAX: usize = 8;
/// The largest receipt that is kept, in bytes: all together take 32 MiB of memory.
pub(in crate::pages) const KEPT_BYTES_MAX: usize = 4 << 20;

/// A receipt with the query file that came with it.
type Given = (Arc<str>, Option<QueryFile>);

struct Kept {
    id: String,
    since: Instant,
    given: Given,
}

/// The receipts, in memory alone and by ids that nobody can guess.
#[derive(Default)]
pub(crate) struct Handed(Mutex<VecDeque<Kept>>);

impl Handed {
    /// Keeps a receipt, and returns its id; nothing for one that is too large.
    pub(in crate::pages) fn keep(&self, receipt: &str, file: Option<QueryFile>, now: Instant) -> Option<String> {
        if receipt.len() > KEPT_BYTES_MAX {
            return None;
        }
        let mut random = [0; 32];
        rand::rng().fill_bytes(&mut random);
        let id = URL_SAFE_NO_PAD.encode(random);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|one| !one.is_over(now));
        if kept.len() == KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back(Kept { id: id.clone(), since: now, given: (receipt.into(), file) });
        Some(id)
    }

    /// The receipt with an id, which is compared in a time that tells nothing of any.
    pub(super) fn find(&self, id: &str, now: Instant) -> Option<Given> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|one| !one.is_over(now));
        kept.iter().find(|one| one.id.as_bytes().ct_eq(id.as_bytes()).into()).map(|one| one.given.clone())
    }
}

impl Kept {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= Duration::from_secs(60 * KEPT_MINUTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_found_by_its_id_until_its_time_is_over() {
        let (handed, now) = (Handed::default(), Instant::now());
        let [first, second] = ["one", "two"].map(|text| handed.keep(text, None, now).unwrap());
        assert_ne!(first, second);
        for (id, text) in [(&first, "one"), (&second, "two"), (&first, "one")] {
            assert_eq!(&*handed.find(id, now).unwrap().0, text);
        }
        for wrong in ["", "x", &first[1..], &format!("{first}x")] {
            assert!(handed.find(wrong, now).is_none(), "{wrong}");
        }
        let later = now + Duration::from_secs(60 * KEPT_MINUTES - 1);
        assert!(handed.find(&first, later).is_some());
        assert!(handed.find(&first, later + Duration::from_secs(1)).is_none());
    }

    #[test]
    fn only_so_many_and_none_too_large_are_kept() {
        let (handed, now) = (Handed::default(), Instant::now());
        let ids: Vec<_> = (0..=KEPT_MAX).map(|_| handed.keep("text", None, now).unwrap()).collect();
        assert!(handed.find(&ids[0], now).is_none(), "the oldest gives way");
        assert!(ids[1..].iter().all(|id| handed.find(id, now).is_some()));
        assert!(handed.keep(&"x".repeat(KEPT_BYTES_MAX + 1), None, now).is_none());
        assert!(handed.keep(&"x".repeat(KEPT_BYTES_MAX), None, now).is_some());
    }
}
