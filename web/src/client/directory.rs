//! Committee members at addresses that say whose they are, so that a committee that others follow is found as it changes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
    thread,
    time::Instant,
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

/// Where a directory's addresses come from; asked again whenever a member is not where it was.
pub type Addresses = Box<dyn Fn() -> Result<Vec<String>, Error> + Send + Sync>;

/// Members found by asking each address who answers there. After a handover the ledger names other members, and they are
/// looked for once they are asked: at the addresses that are given by then. An address that claims another's account
/// gains nothing, for signatures are checked by account; it is only in the way, so list none that you do not trust to
/// answer.
pub struct CommitteeDirectory {
    addresses: Addresses,
    found: Mutex<BTreeMap<AccountId, Remote>>,
    /// When all addresses were last asked. Locked meanwhile, so that they are asked once for many who wait.
    looked: Mutex<Option<Instant>>,
}

impl CommitteeDirectory {
    /// A directory of these addresses. Members may start later.
    ///
    /// # Errors
    /// [`Error::Input`] for no address, too many, or one that is none; and what `addresses` returns.
    pub fn new(addresses: Addresses) -> Result<Self, Error> {
        let directory = Self { addresses, found: Mutex::default(), looked: Mutex::default() };
        directory.remotes()?;
        Ok(directory)
    }

    fn remotes(&self) -> Result<Vec<Remote>, Error> {
        let given = (self.addresses)()?;
        if !(1..=ADDRESSES_MAX).contains(&given.len()) {
            let why = format!("{} addresses are given; give 1 to {ADDRESSES_MAX}", given.len());
            return Err(Error::Input { what: "members", why });
        }
        given.iter().map(|url| Remote::new(url)).collect()
    }

    fn known(&self, member: AccountId) -> Option<Remote> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).get(&member).cloned()
    }

    /// Asks every address who answers there, all side by side, unless somebody did since `started`. Whoever does not answer
    /// is asked where it was before.
    fn look(&self, started: Instant) -> Result<(), Error> {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if looked.is_some_and(|at| at >= started) {
            return Ok(());
        }
        let began = Instant::now();
        let remotes = self.remotes()?;
        let found: Vec<_> = thread::scope(|scope| {
            let asked: Vec<_> = remotes.iter().map(|remote| scope.spawn(|| answers(remote))).collect();
            asked.into_iter().map(|asked| asked.join().ok().flatten()).collect()
        });
        let listed: BTreeSet<String> = remotes.iter().map(|remote| remote.url().to_owned()).collect();
        let mut known = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, remote| listed.contains(remote.url()));
        // Of two addresses that claim one account the first counts.
        known.extend(found.into_iter().zip(remotes).rev().filter_map(|(member, remote)| Some((member?, remote))));
        *looked = Some(began);
        Ok(())
    }

    /// Refuses when fewer members of a committee answer than must attest a ciphertext.
    ///
    /// # Errors
    /// [`Error::Input`] that says who does not answer, and what `addresses` returns.
    pub fn require(&self, committee: &Committee) -> Result<(), Error> {
        self.look(Instant::now())?;
        let away = committee.members.iter().filter(|member| self.known(member.account).is_none());
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

    /// Asks a member where it was found, and where it is by now when it is not there any more and somebody still waits.
    fn ask<T>(
        &self,
        member: AccountId,
        action: &'static str,
        waits: impl Fn() -> bool,
        call: impl Fn(&RemoteCommittee) -> Result<T, market::Error>,
    ) -> Result<T, market::Error> {
        let at = |remote: &Remote| RemoteCommittee::new(BTreeMap::from([(member, remote.clone())]));
        let (started, known) = (Instant::now(), self.known(member));
        if let Some(remote) = &known {
            match call(&at(remote)) {
                Ok(answer) => return Ok(answer),
                Err(refusal) if !waits() || answers(remote) == Some(member) => return Err(refusal),
                Err(_) => {}
            }
        }
        self.look(started).map_err(|error| refused(member, action, error.to_string()))?;
        let nowhere = "it answers at none of the addresses given; add its own, and see that it runs";
        let now = self.known(member).ok_or_else(|| refused(member, action, nowhere))?;
        call(&at(&now))
    }
}

/// Who answers at an address, if a committee member does.
fn answers(remote: &Remote) -> Option<AccountId> {
    match remote.json::<MemberHealth>("/health") {
        Ok(Some(health)) => return Some(health.member),
        Ok(None) => tracing::warn!(address = remote.url(), "no committee member answers there"),
        Err(error) => tracing::warn!(address = remote.url(), %error, "a committee member is away"),
    }
    None
}

impl CommitteeAccess for CommitteeDirectory {
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
