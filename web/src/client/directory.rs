//! Committee members at addresses that say whose they are, so that a committee that others follow is found as it changes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use circuits::id::AccountId;
use market::committee::access::{CommitteeAccess, KeepCiphertext, SignAggregate};
use node::transaction::{MemberSignature, Receipt};

use super::{Remote, RemoteCommittee, committee::refused};
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
}

impl CommitteeDirectory {
    /// A directory of these addresses. Members may start later.
    ///
    /// # Errors
    /// [`Error::Input`] for no address, too many, or one that is none; and what `addresses` returns.
    pub fn new(addresses: Addresses) -> Result<Self, Error> {
        let directory = Self { addresses, found: Mutex::default() };
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

    /// Asks every address who answers there. Whoever does not answer is away, and is asked where it was before.
    fn look(&self) -> Result<(), Error> {
        let mut found = BTreeMap::new();
        let remotes = self.remotes()?;
        let listed: BTreeSet<String> = remotes.iter().map(|remote| remote.url().to_owned()).collect();
        for remote in remotes {
            match remote.json::<MemberHealth>("/health") {
                Ok(Some(health)) => drop(found.entry(health.member).or_insert(remote)),
                Ok(None) => tracing::warn!(address = remote.url(), "no committee member answers there"),
                Err(error) => tracing::warn!(address = remote.url(), %error, "a committee member is away"),
            }
        }
        let mut known = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, remote| listed.contains(remote.url()));
        known.extend(found);
        Ok(())
    }

    /// Asks a member where it was found, and where it is by now when it is not there any more.
    fn ask<T>(
        &self,
        member: AccountId,
        action: &'static str,
        call: impl Fn(&RemoteCommittee) -> Result<T, market::Error>,
    ) -> Result<T, market::Error> {
        let at = |remote: &Remote| RemoteCommittee::new(BTreeMap::from([(member, remote.clone())]));
        let known = self.known(member);
        let failed = match &known {
            Some(remote) => match call(&at(remote)) {
                Ok(answer) => return Ok(answer),
                Err(error) => Some(error),
            },
            None => None,
        };
        self.look().map_err(|error| refused(member, action, error.to_string()))?;
        let nowhere = "it answers at none of the addresses given; add its own, and see that it runs";
        match (self.known(member), failed) {
            (Some(now), Some(failed)) if known.is_some_and(|before| before.url() == now.url()) => Err(failed),
            (Some(now), _) => call(&at(&now)),
            (None, Some(failed)) => Err(failed),
            (None, None) => Err(refused(member, action, nowhere)),
        }
    }
}

impl CommitteeAccess for CommitteeDirectory {
    fn keep(&self, member: AccountId, request: &KeepCiphertext) -> Result<Receipt, market::Error> {
        self.ask(member, "keep the ciphertext", |committee| committee.keep(member, request))
    }

    fn sign(&self, member: AccountId, request: &SignAggregate) -> Result<MemberSignature, market::Error> {
        self.ask(member, "sign the aggregate", |committee| committee.sign(member, request))
    }
}
