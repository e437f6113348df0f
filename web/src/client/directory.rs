//! Committee members at addresses that say whose they are, so that a committee that others follow is found as it changes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use circuits::id::AccountId;
use market::committee::access::{CommitteeAccess, KeepCiphertext, Patience, SignAggregate};
use node::{
    genesis::Committee,
    transaction::{MemberSignature, Receipt},
};

use super::{
    Remote, RemoteCommittee,
    committee::{KEEP, SIGN, refused},
};
use crate::{Error, member::MemberHealth};

/// Addresses of a directory: those of a committee, of the one before and of the one to come, and room.
pub const ADDRESSES_MAX: usize = 64;
/// How long an address may take to say whose it is.
const HEALTH_TIME_MAX: Duration = Duration::from_secs(3);
/// How long what was found counts, while the addresses are the same.
const FOUND_TIME: Duration = Duration::from_secs(5);

/// Where a directory's addresses come from; asked again whenever a member is not where it was.
pub type Addresses = Box<dyn Fn() -> Result<Vec<String>, Error> + Send + Sync>;

/// Members found by asking each address who answers there. After a handover the ledger names other members, and they are
/// looked for once they are asked: at the addresses that are given by then.
///
/// An address that claims another's account gains nothing, for signatures are checked by account. It is in the way only where
/// it forges answers, which whoever asked refuses, or never answers: `ACCOUNT=http://host:port` in place of an address says
/// whose it is, and then no other claim to that account counts.
pub struct CommitteeDirectory {
    addresses: Addresses,
    found: Mutex<Found>,
    /// Locked while addresses are asked, so that they are asked once for many who wait.
    looking: Mutex<()>,
}

/// Who answered where.
#[derive(Default)]
struct Found {
    /// The addresses that claim an account, in the order in which they are given.
    members: BTreeMap<AccountId, Vec<Remote>>,
    addresses: Vec<String>,
    at: Option<Instant>,
}

impl CommitteeDirectory {
    /// A directory of these addresses. Members may start later.
    ///
    /// # Errors
    /// [`Error::Input`] for no address, too many, or one that is none; and what `addresses` returns.
    pub fn new(addresses: Addresses) -> Result<Self, Error> {
        let directory = Self { addresses, found: Mutex::default(), looking: Mutex::default() };
        for address in directory.given()? {
            place(&address)?;
        }
        Ok(directory)
    }

    fn given(&self) -> Result<Vec<String>, Error> {
        let given = (self.addresses)()?;
        if (1..=ADDRESSES_MAX).contains(&given.len()) {
            return Ok(given);
        }
        let why = format!("{} addresses are given; give 1 to {ADDRESSES_MAX}", given.len());
        Err(Error::Input { what: "members", why })
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, member: AccountId) -> Vec<Remote> {
        self.found().members.get(&member).cloned().unwrap_or_default()
    }

    /// Asks every address who answers there, all side by side, unless that was done a moment ago. Whoever does not answer is
    /// asked where it was before.
    fn look(&self) -> Result<(), Error> {
        let _looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        let addresses = self.given()?;
        let is_fresh = |found: &Found| found.at.is_some_and(|at| at.elapsed() < FOUND_TIME);
        if is_fresh(&self.found()) && self.found().addresses == addresses {
            return Ok(());
        }
        let places = addresses.iter().map(|address| place(address)).collect::<Result<Vec<_>, _>>()?;
        let whose: Vec<_> = thread::scope(|scope| {
            let whose =
                |(pinned, remote): &(Option<AccountId>, Remote)| answers(remote).map(|says| pinned.unwrap_or(says));
            let asked = places.iter().map(|place| scope.spawn(move || whose(place)));
            let asked: Vec<_> = asked.collect();
            asked.into_iter().map(|asked| asked.join().ok().flatten()).collect()
        });
        let urls: BTreeSet<String> = places.iter().map(|(_, remote)| remote.url().to_owned()).collect();
        let pinned: BTreeSet<AccountId> = places.iter().filter_map(|(pinned, _)| *pinned).collect();
        let mut members: BTreeMap<AccountId, Vec<Remote>> = BTreeMap::new();
        for ((pin, remote), member) in places.into_iter().zip(whose) {
            let Some(member) = member else { continue };
            if pin.is_some() || !pinned.contains(&member) {
                members.entry(member).or_default().push(remote);
            }
        }
        for (member, claims) in members.iter().filter(|(_, claims)| claims.len() > 1) {
            let addresses: Vec<_> = claims.iter().map(Remote::url).collect();
            tracing::warn!(%member, ?addresses, "several addresses claim one account; say whose is which: ACCOUNT=ADDRESS");
        }
        let mut found = self.found();
        let before = std::mem::take(&mut found.members).into_iter().filter(|(member, _)| !pinned.contains(member));
        for (member, before) in before {
            let given = |remote: &Remote| urls.contains(remote.url());
            members.entry(member).or_insert_with(|| before.into_iter().filter(given).collect());
        }
        *found = Found { members, addresses, at: Some(Instant::now()) };
        Ok(())
    }

    /// Refuses when fewer members of a committee answer than must attest a ciphertext.
    fn check(&self, committee: &Committee) -> Result<(), Error> {
        self.look()?;
        let away = committee.members.iter().filter(|member| self.known(member.account).is_empty());
        let away: Vec<_> = away.map(|member| member.account.to_string()).collect();
        let needed = usize::from(committee.quorum.receipts_min());
        if committee.members.len() - away.len() >= needed {
            return Ok(());
        }
        let why = format!(
            "{needed} members of the committee must answer; at none of the addresses given does {}; `locus committee show` \
             lists the members of a key, and each one's operator knows its address",
            away.join(", nor ")
        );
        Err(Error::Input { what: "members", why })
    }

    /// Asks a member wherever it was found, and wherever it is by now when it is not there any more and somebody still
    /// waits. The last refusal counts.
    fn ask<T>(
        &self,
        member: AccountId,
        action: &'static str,
        waits: impl Fn() -> bool,
        call: impl Fn(&RemoteCommittee) -> Result<T, market::Error>,
    ) -> Result<T, market::Error> {
        let nowhere = "it answers at none of the addresses given; add its own, and see that it runs";
        let mut refusal = refused(member, action, nowhere);
        let mut asked: Vec<String> = vec![];
        for look in [false, true] {
            if look && waits() {
                self.look().map_err(|error| refused(member, action, error.to_string()))?;
            }
            for remote in self.known(member) {
                if asked.iter().any(|url| url == remote.url()) || (!asked.is_empty() && !waits()) {
                    continue;
                }
                asked.push(remote.url().to_owned());
                match call(&RemoteCommittee::new(BTreeMap::from([(member, remote)]))) {
                    Ok(answer) => return Ok(answer),
                    Err(error) => refusal = error,
                }
            }
        }
        Err(refusal)
    }
}

/// An address, and whose it is where that is said.
fn place(address: &str) -> Result<(Option<AccountId>, Remote), Error> {
    let Some((account, url)) = address.split_once('=') else { return Ok((None, Remote::new(address)?)) };
    let named = account.parse().map_err(|error: circuits::Error| Error::Input {
        what: "members",
        why: format!("{address}: {error}; write ACCOUNT=http://host:port, or the address alone"),
    });
    Ok((Some(named?), Remote::new(url)?))
}

/// Who answers at an address, if a committee member does.
fn answers(remote: &Remote) -> Option<AccountId> {
    match remote.health::<MemberHealth>(HEALTH_TIME_MAX) {
        Ok(Some(health)) => return Some(health.member),
        Ok(None) => tracing::warn!(address = remote.url(), "no committee member answers there"),
        Err(error) => tracing::warn!(address = remote.url(), %error, "a committee member is away"),
    }
    None
}

impl CommitteeAccess for CommitteeDirectory {
    fn require(&self, committee: &Committee) -> Result<(), market::Error> {
        let refuse = |error: Error| market::Error::Refused {
            who: "the committee".into(),
            action: "attest ciphertexts",
            why: error.to_string(),
        };
        self.check(committee).map_err(refuse)
    }

    fn keep(&self, member: AccountId, request: &KeepCiphertext) -> Result<Receipt, market::Error> {
        self.ask(member, KEEP.0, || true, |committee| committee.keep(member, request))
    }

    fn keep_within(
        &self,
        member: AccountId,
        request: &KeepCiphertext,
        patience: &Patience,
    ) -> Result<Receipt, market::Error> {
        let waits = || !patience.is_over();
        self.ask(member, KEEP.0, waits, |committee| committee.keep_within(member, request, patience))
    }

    fn sign(&self, member: AccountId, request: &SignAggregate) -> Result<MemberSignature, market::Error> {
        self.ask(member, SIGN.0, || true, |committee| committee.sign(member, request))
    }
}
