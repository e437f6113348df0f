//! A member's folder: shares of every epoch, attested ciphertexts, and what it released. Secrets are encrypted.

use std::path::{Path, PathBuf};

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::id::{Digest, QueryId};
use node::units::CommitteeEpoch;

use crate::{
    Error,
    committee::{Dealer, MemberKey},
    objects::Objects,
    wallet::{PartyKey, Protection, load_file, save_file},
};

const DEALER_KIND: &str = "locus/v1/committee/dealer";
const SHARES_KIND: &str = "locus/v1/committee/shares";
const RELEASE_KIND: &str = "locus/v1/committee/release";

/// The folder of one member.
#[derive(Debug)]
pub(super) struct MemberStore {
    folder: PathBuf,
    protection: Protection,
    /// The ciphertexts it attested, apart from everybody else's store.
    pub(super) ciphertexts: Objects,
    /// Sealed components it computed, until the ledger accepts them.
    pub(super) components: Objects,
}

/// What a member committed itself to release of a query: the digests of its sums.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct ReleaseRecord {
    pub(super) aggregates: Vec<Digest>,
}

impl MemberStore {
    pub(super) fn open(folder: &Path, key: &PartyKey) -> Result<Self, Error> {
        let ciphertexts = Objects::directory(&folder.join("ciphertexts"))?;
        let components = Objects::directory(&folder.join("components"))?;
        for name in ["epochs", "releases"] {
            let path = folder.join(name);
            let made = std::fs::create_dir_all(&path);
            made.map_err(|source| Error::File { path, action: "make the directory", source })?;
        }
        Ok(Self {
            folder: folder.into(),
            protection: Protection::StorageKey(key.storage_key()),
            ciphertexts,
            components,
        })
    }

    fn dealer_path(&self, epoch: CommitteeEpoch) -> PathBuf {
        self.folder.join("epochs").join(format!("{epoch}.dealer"))
    }

    fn shares_path(&self, epoch: CommitteeEpoch) -> PathBuf {
        self.folder.join("epochs").join(format!("{epoch}.shares"))
    }

    fn release_path(&self, query: QueryId) -> PathBuf {
        self.folder.join("releases").join(format!("{query}.release"))
    }

    fn load<T: BorshDeserialize>(&self, path: &Path, kind: &str) -> Result<Option<T>, Error> {
        if path.exists() { load_file(path, kind, &self.protection).map(Some) } else { Ok(None) }
    }

    pub(super) fn dealer(&self, epoch: CommitteeEpoch) -> Result<Option<Dealer>, Error> {
        self.load(&self.dealer_path(epoch), DEALER_KIND)
    }

    pub(super) fn save_dealer(&self, epoch: CommitteeEpoch, dealer: &Dealer) -> Result<(), Error> {
        save_file(&self.dealer_path(epoch), DEALER_KIND, dealer, &self.protection)
    }

    /// Deletes what was dealt, once the key is active or abandoned: it would open more than the member's shares.
    pub(super) fn forget_dealer(&self, epoch: CommitteeEpoch) -> Result<(), Error> {
        let path = self.dealer_path(epoch);
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::File { path, action: "delete", source })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn shares(&self, epoch: CommitteeEpoch) -> Result<Option<MemberKey>, Error> {
        self.load(&self.shares_path(epoch), SHARES_KIND)
    }

    pub(super) fn save_shares(&self, epoch: CommitteeEpoch, key: &MemberKey) -> Result<(), Error> {
        save_file(&self.shares_path(epoch), SHARES_KIND, key, &self.protection)
    }

    /// Records a release durably, before its first component; another one for the same query is refused for ever.
    pub(super) fn commit_release(&self, query: QueryId, record: &ReleaseRecord) -> Result<(), Error> {
        let path = self.release_path(query);
        match self.load::<ReleaseRecord>(&path, RELEASE_KIND)? {
            None => save_file(&path, RELEASE_KIND, record, &self.protection),
            Some(earlier) if earlier == *record => Ok(()),
            Some(_) => {
                let why = "this member took part in a release of another sum of it, and never does so twice".into();
                Err(Error::Query { query, why })
            }
        }
    }
}
