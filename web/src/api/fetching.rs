//! A node's blobs: those of its own store, and those that it fetches from other nodes.
//!
//! The chain carries what the ledger says, and no blob: each lies at the node that it was uploaded to. A node that is asked
//! for one that it lacks asks the others, each for what its own store has, so that two that both lack it never ask each
//! other in circles. Nobody is trusted: a blob's address says which bytes are right. What is fetched is kept.

use std::{collections::BTreeSet, sync::Arc};

use circuits::id::Digest;
use market::{
    index::Index,
    objects::{self, BlobAccess, BlobAddress, BlobKind, Objects},
};
use node::state::{Admission, QueryStatus, StateRead as _};

use super::{
    Service,
    blobs::bytes_max,
    lanes::{Begun, Fetch, Lane, full},
    named::{all_named, is_named},
    others::{Answer, OtherNodes},
    quota::UploadQuota,
};
use crate::{Error, chain::Chain};

/// How often one reader waits for others' fetches of a blob that this node cannot keep.
const JOINS_MAX: usize = 4;

/// The blobs of a node and of those that it asks. What is written goes to its own store.
#[derive(Clone)]
pub(crate) struct FetchingBlobs {
    own: Arc<Objects>,
    others: Arc<OtherNodes>,
    quota: Arc<UploadQuota>,
    chain: Arc<Chain>,
    index: Arc<Index>,
}

impl Service {
    /// The blobs of this node and of those that it asks.
    pub(crate) fn fetching(&self) -> FetchingBlobs {
        FetchingBlobs {
            own: Arc::clone(&self.blobs),
            others: Arc::clone(&self.others),
            quota: Arc::clone(&self.quota),
            chain: Arc::clone(&self.chain),
            index: Arc::clone(&self.index),
        }
    }
}

impl FetchingBlobs {
    /// The blob at an address, from the own store or from another node's.
    ///
    /// # Errors
    /// As [`objects::get`], and [`Error::Full`] while too many are fetched.
    pub(super) fn get(&self, address: BlobAddress, bytes_max: usize) -> Result<Vec<u8>, Error> {
        match objects::get(self.own.as_ref(), address, bytes_max) {
            Err(market::Error::BlobMissing { .. }) => {
                let fetched = self.fetch(address, bytes_max)?;
                fetched.ok_or(Error::Market(market::Error::BlobMissing { address }))
            }
            got => Ok(got?),
        }
    }

    /// Keeps a blob in the own store, as far as there is room. Whether it is new.
    ///
    /// # Errors
    /// [`Error::Quota`] where there is no room and the ledger does not name it, else as the store.
    pub(super) fn keep(&self, address: BlobAddress, bytes: Vec<u8>) -> Result<bool, Error> {
        self.keep_if_room(address, bytes, || is_named(&self.chain, &self.index, address))
    }

    /// The same; where there is no room, `is_needed` says whether room is made.
    fn keep_if_room(
        &self,
        address: BlobAddress,
        bytes: Vec<u8>,
        is_needed: impl FnOnce() -> Result<bool, Error>,
    ) -> Result<bool, Error> {
        let length = bytes.len();
        let _storing = self.quota.storing(&address.digest);
        if objects::get(self.own.as_ref(), address, length).is_ok() {
            return Ok(false);
        }
        let reservation = match self.quota.reserve(address.kind, length as u64) {
            Err(Error::Quota { .. }) if is_needed()? => self.quota.reserve_named(address.kind, length as u64),
            reserved => reserved?,
        };
        self.own.write(address, bytes)?;
        reservation.keep();
        Ok(true)
    }

    /// The blob from another node; none where nobody has it, or nothing needs it by what the ledger says: what strangers make
    /// up is sought nowhere and spreads nowhere. Whoever reads what is being fetched waits for it.
    fn fetch(&self, address: BlobAddress, limit: usize) -> Result<Option<Vec<u8>>, Error> {
        let Some(lane) = self.lane(address)? else { return Ok(None) };
        for _ in 0..JOINS_MAX {
            let begun = self.others.lanes.of(lane).begin(address)?;
            if matches!(begun, Begun::Missed) {
                return Ok(None);
            }
            // It may have come since this reader looked.
            match objects::get(self.own.as_ref(), address, limit) {
                Err(market::Error::BlobMissing { .. }) => {}
                got => return Ok(Some(got?)),
            }
            if let Begun::Fetch(fetch) = begun {
                return self.ask(lane, fetch, (address, limit));
            }
        }
        Err(full("searches for a blob that it cannot keep", JOINS_MAX))
    }

    /// Asks the other nodes, and keeps what comes.
    fn ask(
        &self,
        lane: Lane,
        fetch: Fetch<'_>,
        (address, limit): (BlobAddress, usize),
    ) -> Result<Option<Vec<u8>>, Error> {
        let bytes = match self.others.ask(lane, address, limit.min(bytes_max(address.kind))) {
            Answer::Has(bytes) => bytes,
            nothing => {
                fetch.missed(nothing == Answer::Lack);
                return Ok(None);
            }
        };
        if let Err(error) = self.keep_if_room(address, bytes.clone(), || self.is_needed(address)) {
            tracing::warn!(%error, "a blob that came from another node is not kept");
        }
        // Those who wait go on only now that it is here.
        drop(fetch);
        Ok(Some(bytes))
    }

    /// Whether other nodes are asked for a blob: there are some, and the ledger names it for something that is not over.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the ledger fails.
    pub(super) fn is_sought(&self, address: BlobAddress) -> Result<bool, Error> {
        Ok(self.lane(address)?.is_some())
    }

    /// What a blob is fetched for; none where it is not.
    fn lane(&self, address: BlobAddress) -> Result<Option<Lane>, Error> {
        if self.others.is_none() {
            return Ok(None);
        }
        let index = match address.kind {
            BlobKind::Ciphertext => return Ok(self.status_of(address.digest)?.and_then(|status| lane_of(&status))),
            BlobKind::KeyGeneration => {
                return Ok(is_named(&self.chain, &self.index, address)?.then_some(Lane::KeyMessage));
            }
            BlobKind::PublicShare | BlobKind::Blob | BlobKind::Genome | BlobKind::GenomeHeader => return Ok(None),
            BlobKind::Aggregate
            | BlobKind::SealedComponent
            | BlobKind::Panel
            | BlobKind::Invitation
            | BlobKind::Contact => self.index.position()?.height,
        };
        let seen = (self.chain.snapshot()?.latest()?.height, index);
        let is_named = self.others.named.contains(address, seen, || {
            match all_named(&self.chain, &self.index, address.kind) {
                // A node that lacks listings looks through none.
                Err(Error::Market(market::Error::IndexGap { .. })) => Ok(BTreeSet::new()),
                named => named,
            }
        });
        Ok(is_named?.then_some(Lane::Rest))
    }

    /// Whether room is made for a blob of another node where there is none: the ledger names it, and of ciphertexts, a sum is still to come.
    fn is_needed(&self, address: BlobAddress) -> Result<bool, Error> {
        if address.kind != BlobKind::Ciphertext {
            return is_named(&self.chain, &self.index, address);
        }
        let status = self.status_of(address.digest)?;
        Ok(status.and_then(|status| lane_of(&status)) == Some(Lane::Awaited))
    }

    /// How far the query is that a ciphertext was admitted to; none where it was withdrawn.
    fn status_of(&self, digest: Digest) -> Result<Option<QueryStatus>, Error> {
        let snapshot = self.chain.snapshot()?;
        let Some(Admission { query, contribution }) = snapshot.ciphertext(digest)? else { return Ok(None) };
        let is_withdrawn =
            snapshot.contribution(query, contribution)?.is_none_or(|contribution| contribution.withdrawn);
        Ok(snapshot.query(query)?.map(|state| state.status).filter(|_| !is_withdrawn))
    }
}

/// What a ciphertext is fetched for, by how far its query is: none where it counts for nothing.
const fn lane_of(status: &QueryStatus) -> Option<Lane> {
    match status {
        QueryStatus::Collecting | QueryStatus::Sealed { .. } | QueryStatus::Aggregated { .. } => Some(Lane::Awaited),
        QueryStatus::Released { .. } => Some(Lane::Released),
        QueryStatus::Refunded { .. } => None,
    }
}

impl BlobAccess for FetchingBlobs {
    fn write(&self, address: BlobAddress, bytes: Vec<u8>) -> Result<(), market::Error> {
        self.own.write(address, bytes)
    }

    fn read(&self, address: BlobAddress, bytes_max: usize) -> Result<Option<Vec<u8>>, market::Error> {
        if let Some(bytes) = self.own.read(address, bytes_max)? {
            return Ok(Some(bytes));
        }
        self.fetch(address, bytes_max).map_err(|error| match error {
            Error::Market(error) => error,
            Error::Full { .. } | Error::Slow { .. } => market::Error::BlobBusy { address, why: error.to_string() },
            error => market::Error::BlobStore { action: "fetch a blob", why: error.to_string() },
        })
    }

    fn list(&self, kind: BlobKind) -> Result<Vec<BlobAddress>, market::Error> {
        self.own.list(kind)
    }

    fn list_after(
        &self,
        kind: BlobKind,
        after: Option<Digest>,
        limit: usize,
    ) -> Result<Vec<BlobAddress>, market::Error> {
        self.own.list_after(kind, after, limit)
    }
}
