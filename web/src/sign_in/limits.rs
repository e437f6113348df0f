//! How often somebody may try to sign in.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use actix_web::HttpRequest;
use market::accounts::ServiceAccountId;
use node::units::Timestamp;

use crate::Error;

/// Tries that one address has at once.
pub const ADDRESS_BURST: u32 = 60;
/// Seconds until an address has one try more.
pub const ADDRESS_SECONDS: u32 = 2;
/// Sign-ins that one account has at once.
pub const ACCOUNT_BURST: u32 = 20;
/// Seconds until an account has one more.
pub const ACCOUNT_SECONDS: u32 = 30;
/// Addresses, and accounts, remembered at a time. More are refused until the tries of others are forgotten.
pub const ADDRESSES_REMEMBERED_MAX: usize = 16_384;

/// Tries by somebody: each moves the time on at which all are had again (the generic cell rate algorithm, ITU-T I.371).
#[derive(Debug)]
struct Tries<K> {
    burst: u32,
    seconds: u32,
    had_again: Mutex<BTreeMap<K, Timestamp>>,
}

impl<K: Ord> Tries<K> {
    const fn new(burst: u32, seconds: u32) -> Self {
        Self { burst, seconds, had_again: Mutex::new(BTreeMap::new()) }
    }

    fn take(&self, key: K, now: Timestamp) -> Result<(), Error> {
        let mut all = self.had_again.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= ADDRESSES_REMEMBERED_MAX && !all.contains_key(&key) {
            all.retain(|_, at| *at > now);
            if all.len() >= ADDRESSES_REMEMBERED_MAX {
                return Err(Error::TooMany { seconds: self.seconds });
            }
        }
        let next = all.get(&key).copied().unwrap_or(now).max(now).after(self.seconds);
        let beyond = next.get().saturating_sub(now.after(self.burst.saturating_mul(self.seconds)).get());
        if beyond > 0 {
            return Err(Error::TooMany { seconds: u32::try_from(beyond).unwrap_or(u32::MAX) });
        }
        all.insert(key, next);
        Ok(())
    }
}

/// Tries by address, and sign-ins by account. An account's are counted once somebody proved to be its owner, so that
/// nobody else can use them up.
#[derive(Debug)]
pub struct Limits {
    addresses: Tries<IpAddr>,
    accounts: Tries<ServiceAccountId>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            addresses: Tries::new(ADDRESS_BURST, ADDRESS_SECONDS),
            accounts: Tries::new(ACCOUNT_BURST, ACCOUNT_SECONDS),
        }
    }
}

impl Limits {
    /// Counts a try of whoever sent a request.
    ///
    /// # Errors
    /// [`Error::TooMany`] with the seconds to wait.
    pub(crate) fn try_from_address(&self, request: &HttpRequest, now: Timestamp) -> Result<(), Error> {
        sender_of(request).map_or(Ok(()), |sender| self.addresses.take(sender, now))
    }

    /// Counts a sign-in to an account.
    ///
    /// # Errors
    /// [`Error::TooMany`] with the seconds to wait.
    pub(crate) fn sign_in_to(&self, account: ServiceAccountId, now: Timestamp) -> Result<(), Error> {
        self.accounts.take(account, now)
    }
}

/// Whom a request counts for. Requests without a peer come from tests that have no connection.
pub(crate) fn sender_of(request: &HttpRequest) -> Option<IpAddr> {
    let forwarded = request.headers().get_all("x-forwarded-for").last().and_then(|field| field.to_str().ok());
    request.peer_addr().map(|peer| sender(peer.ip(), forwarded))
}

/// Whom an address stands for: behind a proxy on this machine, the last one that the proxy added. Whoever has an address of
/// IPv6 has the 2^64 beside it too.
fn sender(peer: IpAddr, forwarded: Option<&str>) -> IpAddr {
    let told = forwarded.and_then(|list| list.rsplit(',').next()).and_then(|last| last.trim().parse().ok());
    let address = if peer.is_loopback() { told.unwrap_or(peer) } else { peer };
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & !u128::from(u64::MAX)).into()),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::new(1_800_000_000);

    #[test]
    fn a_burst_is_had_at_once_and_then_one_try_after_the_other() {
        let tries = Tries::new(3, 10);
        for _ in 0..3 {
            tries.take(1, NOW).unwrap();
        }
        assert!(matches!(tries.take(1, NOW), Err(Error::TooMany { seconds: 10 })));
        tries.take(2, NOW).unwrap();
        assert!(matches!(tries.take(1, NOW.after(7)), Err(Error::TooMany { seconds: 3 })));
        tries.take(1, NOW.after(10)).unwrap();
        assert!(tries.take(1, NOW.after(10)).is_err());
        for _ in 0..3 {
            tries.take(1, NOW.after(1_000)).unwrap();
        }
    }

    #[test]
    fn what_is_remembered_is_bounded_and_forgotten_when_it_does_not_count_any_more() {
        let tries = Tries::new(3, 10);
        for key in 0..ADDRESSES_REMEMBERED_MAX {
            tries.take(key, NOW).unwrap();
        }
        assert!(tries.take(usize::MAX, NOW).is_err());
        tries.take(0, NOW).unwrap();
        tries.take(usize::MAX, NOW.after(11)).unwrap();
    }

    #[test]
    fn a_proxy_on_this_machine_says_who_asks_and_nobody_else_does() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        for (peer, forwarded, who) in [
            ("127.0.0.1", None, "127.0.0.1"),
            ("127.0.0.1", Some("1.2.3.4, 5.6.7.8"), "5.6.7.8"),
            ("127.0.0.1", Some("nonsense"), "127.0.0.1"),
            ("9.9.9.9", Some("1.2.3.4"), "9.9.9.9"),
            ("2001:db8::1:2:3:4", None, "2001:db8::"),
            ("::ffff:9.9.9.9", None, "9.9.9.9"),
        ] {
            assert_eq!(sender(address(peer), forwarded), address(who));
        }
    }
}
