//! Receipts that were looked at as results, kept for a moment, so that whoever looked checks them without choosing them again.
//!
//! Whoever looks at one more than they may have here loses their own oldest, and nobody loses anything to somebody else.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::Rng as _;
use subtle::ConstantTimeEq as _;

/// How long a receipt is kept.
pub(in crate::pages) const KEPT_MINUTES: u64 = 10;
/// Receipts of one client that are kept at once.
const OF_CLIENT_MAX: usize = 2;
/// The largest receipt that is kept, with its query file, in bytes.
pub(in crate::pages) const KEPT_BYTES_MAX: usize = 8 << 20;
/// What the receipts and query files of all clients take at most, in bytes.
const ALL_BYTES_MAX: usize = 64 << 20;

/// A receipt, and the query file that came with it as JSON; empty when none did.
type Given = (Arc<str>, Arc<str>);

struct Kept {
    id: String,
    /// Whose it is, as everywhere where clients are told apart.
    client: Option<IpAddr>,
    since: Instant,
    given: Given,
}

/// Why a receipt is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::pages) enum NotKept {
    /// It is too large.
    TooLarge,
    /// Others' take all the room.
    NoRoom,
}

/// The receipts, in memory alone and by ids that nobody can guess; the oldest first.
#[derive(Default)]
pub(crate) struct Handed(Mutex<Vec<Kept>>);

impl Handed {
    /// Keeps what a client gave, and returns its id.
    ///
    /// # Errors
    /// [`NotKept`], and then everything is as it was.
    pub(in crate::pages) fn keep(
        &self,
        client: Option<IpAddr>,
        (receipt, query_file): (&str, &str),
        now: Instant,
    ) -> Result<String, NotKept> {
        let bytes = receipt.len() + query_file.len();
        if bytes > KEPT_BYTES_MAX {
            return Err(NotKept::TooLarge);
        }
        let mut random = [0; 32];
        rand::rng().fill_bytes(&mut random);
        let id = URL_SAFE_NO_PAD.encode(random);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|one| !one.is_over(now));
        let own = kept.iter().filter(|one| one.client == client);
        let oldest = (own.count() >= OF_CLIENT_MAX).then(|| kept.iter().position(|one| one.client == client)).flatten();
        let freed = oldest.and_then(|place| kept.get(place)).map_or(0, Kept::bytes);
        if kept.iter().map(Kept::bytes).sum::<usize>() - freed + bytes > ALL_BYTES_MAX {
            return Err(NotKept::NoRoom);
        }
        if let Some(place) = oldest {
            kept.remove(place);
        }
        kept.push(Kept { id: id.clone(), client, since: now, given: (receipt.into(), query_file.into()) });
        Ok(id)
    }

    /// What was given under an id, which is compared in a time that tells nothing of any.
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

    fn bytes(&self) -> usize {
        self.given.0.len() + self.given.1.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(number: u8) -> Option<IpAddr> {
        Some([192, 0, 2, number].into())
    }

    #[test]
    fn a_receipt_is_found_by_its_id_until_its_time_is_over() {
        let (handed, now) = (Handed::default(), Instant::now());
        let [first, second] = ["one", "two"].map(|text| handed.keep(client(1), (text, "file"), now).unwrap());
        assert_ne!(first, second);
        for (id, text) in [(&first, "one"), (&second, "two"), (&first, "one")] {
            let (receipt, query_file) = handed.find(id, now).unwrap();
            assert_eq!((&*receipt, &*query_file), (text, "file"));
        }
        for wrong in ["", "x", &first[1..], &format!("{first}x")] {
            assert!(handed.find(wrong, now).is_none(), "{wrong}");
        }
        let later = now + Duration::from_secs(60 * KEPT_MINUTES - 1);
        assert!(handed.find(&first, later).is_some());
        assert!(handed.find(&first, later + Duration::from_secs(1)).is_none());
    }

    #[test]
    fn repro_one_client_pushes_out_its_own_receipts_and_nobody_elses() {
        let (handed, now) = (Handed::default(), Instant::now());
        let of_other = handed.keep(client(1), ("text", ""), now).unwrap();
        let own: Vec<_> = (0..20).map(|_| handed.keep(client(2), ("text", ""), now).unwrap()).collect();
        assert!(handed.find(&of_other, now).is_some());
        let there = own.iter().map(|id| handed.find(id, now).is_some()).collect::<Vec<_>>();
        assert_eq!((&there[..18], &there[18..]), (&[false; 18][..], &[true; 2][..]), "the newest are there");
    }

    #[test]
    fn a_receipt_is_too_large_when_it_is_with_its_query_file() {
        let (handed, now, text) = (Handed::default(), Instant::now(), "x".repeat(KEPT_BYTES_MAX));
        assert_eq!(handed.keep(client(1), (&text, "x"), now), Err(NotKept::TooLarge));
        assert_eq!(handed.keep(client(1), ("x", &text), now), Err(NotKept::TooLarge));
        assert!(handed.keep(client(1), (&text, ""), now).is_ok());
    }

    #[test]
    fn where_there_is_no_room_the_new_one_is_not_kept_and_all_others_stay() {
        let (handed, now, half) = (Handed::default(), Instant::now(), "x".repeat(KEPT_BYTES_MAX / 2));
        let whole = (half.as_str(), half.as_str());
        let clients = (ALL_BYTES_MAX / KEPT_BYTES_MAX / OF_CLIENT_MAX) as u8;
        let keep_two = |number| [0; OF_CLIENT_MAX].map(|_| handed.keep(client(number), whole, now).unwrap());
        let ids: Vec<_> = (0..clients).flat_map(keep_two).collect();
        assert_eq!(handed.keep(client(clients), ("x", ""), now), Err(NotKept::NoRoom));
        assert!(ids.iter().all(|id| handed.find(id, now).is_some()));
        // Who has some here may put one in the place of their own.
        let newer = handed.keep(client(0), whole, now).unwrap();
        assert!(handed.find(&newer, now).is_some() && handed.find(&ids[0], now).is_none());
        assert!(ids[1..].iter().all(|id| handed.find(id, now).is_some()));
        // A small one in the place of a large one leaves room, and not enough for a large one.
        let one = handed.keep(client(0), ("x", ""), now).unwrap();
        assert!(handed.find(&ids[1], now).is_none() && handed.find(&one, now).is_some());
        assert_eq!(handed.keep(client(clients), whole, now), Err(NotKept::NoRoom));
        let later = now + Duration::from_secs(60 * KEPT_MINUTES);
        assert!(handed.keep(client(clients), whole, later).is_ok(), "time makes room");
    }
}
