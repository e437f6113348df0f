//! A committee member as a party of its own: its key, its folder, and the duties it does as the ledger calls for them.
//!
//! A member trusts no one but the genesis: it verifies what the ledger says against a signed header before it releases
//! anything, and adds up the ciphertexts itself. Its folder holds its shares, the ciphertexts it attested, and a record
//! of every release it took part in; each is on disk before it counts.

mod generation;
mod keeping;
mod offering;
mod release;
mod retention;
mod seats;
mod store;
mod sums;
mod together;
mod uploads;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use circuits::id::{AccountId, QueryId};
use node::{genesis::Committee, units::CommitteeEpoch};
use rand::CryptoRng;
use serde::Serialize;

pub use release::ApprovedRelease;
use store::MemberStore;
use sums::SumsOfSets;
use together::PartVerifier;
use uploads::Uploads;

use crate::{
    Error,
    ledger::{LedgerAccess, QueryWatch},
    objects::BlobAccess,
    wallet::PartyKey,
};

/// Something a member did in a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "duty")]
pub enum Duty {
    /// Committed to the shares of the subsets it leads.
    Committed {
        /// The key in the making.
        epoch: CommitteeEpoch,
    },
    /// Revealed them, since all are committed.
    Revealed {
        /// The key in the making.
        epoch: CommitteeEpoch,
    },
    /// Checked every share and confirmed the key.
    Confirmed {
        /// The key.
        epoch: CommitteeEpoch,
    },
    /// Found a wrong share; the generation starts over.
    Complained {
        /// The key that was abandoned.
        epoch: CommitteeEpoch,
    },
    /// Ended an attempt at a key whose deadline had passed.
    Expired {
        /// The key that was abandoned.
        epoch: CommitteeEpoch,
    },
    /// Computed, sealed and reported the components of a release.
    Reported {
        /// The query.
        query: QueryId,
    },
    /// Deleted everything of a past key: shares, ciphertexts and components.
    Forgot {
        /// The past key.
        epoch: CommitteeEpoch,
    },
    /// Handed out the sealed components, since the ledger accepted them and paid.
    Released {
        /// The query.
        query: QueryId,
    },
    /// Forgot its last key while others sit in the committee: nothing is left to do, and it may stop.
    Left,
}

/// A member, ready for its duties.
#[derive(Debug)]
pub struct Member {
    key: PartyKey,
    store: MemberStore,
    /// Locked while the member does its duties, so that it does them one after the other; what others ask of it meanwhile
    /// does not wait for that.
    queries: Mutex<WatchedQueries>,
    /// Ciphertexts kept of the queries asked for since this member started.
    uploads: Mutex<BTreeMap<QueryId, Uploads>>,
    /// Verifiers of the query parts asked for last.
    verifiers: Mutex<BTreeMap<(QueryId, u8), Arc<PartVerifier>>>,
    sums: SumsOfSets,
    /// The committees of the keys asked for: no more than the ledger began.
    committees: Mutex<BTreeMap<CommitteeEpoch, Arc<Committee>>>,
    /// When it was said last whose messages of the key in the making are missing, or since when they are.
    told: Mutex<Option<Instant>>,
    /// When it looked last whether its own messages of that key are where others find them.
    offered: Mutex<Option<Instant>>,
}

/// The queries that a member follows.
#[derive(Debug, Default)]
struct WatchedQueries {
    watch: QueryWatch,
    /// Queries seen that may still ask something of the member.
    open: BTreeSet<QueryId>,
}

impl Member {
    /// The member whose key this is, with its own folder. It serves every committee key of which it is a member.
    ///
    /// # Errors
    /// [`Error::Refused`] when the account sits in no committee now and the folder holds no key; [`Error::File`] when the
    /// folder cannot be made.
    pub fn open(folder: &Path, key: PartyKey, ledger: &dyn LedgerAccess) -> Result<Self, Error> {
        let store = MemberStore::open(folder, &key)?;
        let (queries, uploads, verifiers) = (Mutex::default(), Mutex::default(), Mutex::default());
        let (sums, committees) = (SumsOfSets::default(), Mutex::default());
        let (told, offered) = (Mutex::default(), Mutex::default());
        let member = Self { key, store, queries, uploads, verifiers, sums, committees, told, offered };
        if !member.has_left(ledger)? {
            return Ok(member);
        }
        let why = "it sits in no committee of this chain now, and its folder holds no key; check key file, folder and \
                   network, or start it once the validators seated it";
        member.refused("serve", why)
    }

    /// The member's account.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.key.account()
    }

    /// Does every duty that the ledger calls for now. Call it again when the ledger grew; it goes on where it stopped,
    /// also after a restart.
    ///
    /// One duty's failure stops no other: whoever poisons a query or a key generation delays nothing else.
    ///
    /// # Errors
    /// The first failure, when no duty could be done; it is tried again at the next call.
    pub fn step(
        &self,
        ledger: &dyn LedgerAccess,
        blobs: &dyn BlobAccess,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<Duty>, Error> {
        let mut queries = self.queries.lock().unwrap_or_else(PoisonError::into_inner);
        let mut outcomes = vec![self.generate(ledger, blobs, rng)];
        match queries.watch.poll(ledger) {
            Ok(opened) => queries.open.extend(opened),
            Err(error) => outcomes.push(Err(error)),
        }
        for query in queries.open.clone() {
            outcomes.push(self.release(ledger, blobs, query).map(|progress| {
                if progress.is_over {
                    queries.open.remove(&query);
                    self.uploads.lock().unwrap_or_else(PoisonError::into_inner).remove(&query);
                }
                progress.duty
            }));
        }
        let forgotten = self.forget_past_key(ledger, &queries);
        let left = if matches!(forgotten, Ok(Some(_))) { self.has_left(ledger) } else { Ok(false) };
        outcomes.extend([forgotten, left.map(|left| left.then_some(Duty::Left))]);
        let (done, failed): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        let duties: Vec<Duty> = done.into_iter().flatten().flatten().collect();
        match failed.into_iter().find_map(Result::err) {
            Some(error) if duties.is_empty() => Err(error),
            _ => Ok(duties),
        }
    }

    fn refused<T>(&self, action: &'static str, why: impl Into<String>) -> Result<T, Error> {
        Err(Error::Refused { who: format!("committee member {}", self.account()), action, why: why.into() })
    }
}
