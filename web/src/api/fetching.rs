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
    lanes::{Begun, Fetch, Lane, Reader, full},
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
    reader: Reader,
}

/// What becomes of a blob that was not here.
pub(super) enum Brought<R> {
    /// It is in the own store now.
    Here,
    /// These are its bytes, with the room that was taken for them. They may not have been kept.
    Bytes(Vec<u8>, R),
    /// Nobody has it, or nothing needs it.
    Nowhere,
}

impl Service {
    /// The blobs of this node and of those that it asks, for whoever asked this node.
    pub(crate) fn fetching(&self) -> FetchingBlobs {
        self.fetching_for(Reader::Client)
    }

    /// The same for what the node does by itself, for which places are kept.
    pub(crate) fn fetching_for_duties(&self) -> FetchingBlobs {
        self.fetching_for(Reader::Duty)
    }

    fn fetching_for(&self, reader: Reader) -> FetchingBlobs {
        FetchingBlobs {
            reader,
            own: Arc::clone(&self.blobs),
            others: Arc::clone(&self.others),
            quota: Arc::clone(&self.quota),
            chain: Arc::clone(&self.chain),
            index: Arc::clone(&self.index),
        }
    }
}

impl FetchingBlobs {
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
        let reservation = match self.quota.reserve_in(&self.own, address.kind, length as u64) {
            Err(Error::Quota { .. }) if is_needed()? => self.quota.reserve_named(address.kind, length as u64),
            reserved => reserved?,
        };
        self.own.write(address, bytes)?;
        reservation.keep();
        Ok(true)
    }

    /// Has a blob come from another node, unless nobody has it, or nothing needs it by what the ledger says: what strangers
    /// make up is sought nowhere and spreads nowhere. Whoever reads what is being fetched waits for it, and takes no `room`:
    /// that is for who fetches.
    ///
    /// # Errors
    /// [`market::Error::BlobBusy`] where some could not be asked, so that others may have it; [`Error::Full`] while too many
    /// are fetched; and those of `room`.
    pub(super) fn bring<R>(
        &self,
        address: BlobAddress,
        limit: usize,
        room: impl FnOnce() -> Result<R, Error>,
    ) -> Result<Brought<R>, Error> {
        let Some(lane) = self.lane(address)? else { return Ok(Brought::Nowhere) };
        for _ in 0..JOINS_MAX {
            let begun = self.others.lanes.of(lane).begin(address, self.reader)?;
            if let Begun::Missed { all_lack } = begun {
                return if all_lack { Ok(Brought::Nowhere) } else { Err(unsure(address)) };
            }
            // It may have come since this reader looked.
            if self.own.reader(address)?.is_some() {
                return Ok(Brought::Here);
            }
            if let Begun::Fetch(fetch) = begun {
                let room = room()?;
                let found = self.ask(lane, fetch, (address, limit))?;
                return Ok(found.map_or(Brought::Nowhere, |bytes| Brought::Bytes(bytes, room)));
            }
        }
        Err(full("searches for a blob that it cannot keep", JOINS_MAX))
    }

    /// The blob from another node, or as it came to the own store for another reader; none where there is none.
    fn fetch(&self, address: BlobAddress, limit: usize) -> Result<Option<Vec<u8>>, Error> {
        match self.bring(address, limit, || Ok(()))? {
            Brought::Here => Ok(self.own.read(address, limit)?),
            Brought::Bytes(bytes, ()) => Ok(Some(bytes)),
            Brought::Nowhere => Ok(None),
        }
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
            Answer::Lack => {
                fetch.missed(true);
                return Ok(None);
            }
            Answer::Unsure => {
                fetch.missed(false);
                return Err(unsure(address));
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

/// That some of the other nodes may have a blob and could not be asked.
fn unsure(address: BlobAddress) -> Error {
    let why = "some of the other nodes did not answer; try again in a moment".into();
    Error::Market(market::Error::BlobBusy { address, why })
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
