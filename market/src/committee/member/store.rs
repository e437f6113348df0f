//! A member's folder: for each committee key a folder with its shares, attested ciphertexts and computed components;
//! and what it released. Secrets are encrypted.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

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
}

/// What a member committed itself to release of a query: the digests of its sums.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct ReleaseRecord {
    pub(super) aggregates: Vec<Digest>,
}

impl MemberStore {
    pub(super) fn open(folder: &Path, key: &PartyKey) -> Result<Self, Error> {
        let store = Self { folder: folder.into(), protection: Protection::StorageKey(key.storage_key()) };
        for path in [store.epochs_path(), folder.join("releases")] {
            make_folder(&path)?;
        }
        Ok(store)
    }

    fn epochs_path(&self) -> PathBuf {
        self.folder.join("epochs")
    }

    /// Everything of one committee key, and nothing else, so that it can be deleted together.
    fn epoch_path(&self, epoch: CommitteeEpoch) -> PathBuf {
        self.epochs_path().join(epoch.to_string())
    }

    fn dealer_path(&self, epoch: CommitteeEpoch) -> PathBuf {
        self.epoch_path(epoch).join("dealer")
    }

    fn shares_path(&self, epoch: CommitteeEpoch) -> PathBuf {
        self.epoch_path(epoch).join("shares")
    }

    /// The ciphertexts under a key that the member attested, apart from everybody else's store.
    pub(super) fn ciphertexts(&self, epoch: CommitteeEpoch) -> Result<Objects, Error> {
        Objects::directory(&self.epoch_path(epoch).join("ciphertexts"))
    }

    /// Where the ciphertexts kept of a query are counted.
    pub(super) fn uploads_path(&self, epoch: CommitteeEpoch, query: QueryId) -> Result<PathBuf, Error> {
        let folder = self.epoch_path(epoch).join("uploads");
        make_folder(&folder)?;
        Ok(folder.join(query.to_string()))
    }

    /// Sealed components that the member computed under a key, until the ledger accepts them.
    pub(super) fn components(&self, epoch: CommitteeEpoch) -> Result<Objects, Error> {
        Objects::directory(&self.epoch_path(epoch).join("components"))
    }

    /// The member's own messages of the key in the making, as it announced them.
    pub(super) fn messages(&self, epoch: CommitteeEpoch) -> Result<Objects, Error> {
        Objects::directory(&self.messages_path(epoch))
    }

    fn messages_path(&self, epoch: CommitteeEpoch) -> PathBuf {
        self.epoch_path(epoch).join("messages")
    }

    /// The keys of which the member holds anything.
    pub(super) fn epochs(&self) -> Result<BTreeSet<CommitteeEpoch>, Error> {
        let path = self.epochs_path();
        let failed = |source| Error::File { path: path.clone(), action: "list the directory", source };
        let mut epochs = BTreeSet::new();
        for entry in fs::read_dir(&path).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            epochs.extend(name.to_str().and_then(|name| name.parse().ok()).map(CommitteeEpoch::new));
        }
        Ok(epochs)
    }

    /// Deletes everything of a key. Interrupted, it goes on at the next call.
    pub(super) fn forget_epoch(&self, epoch: CommitteeEpoch) -> Result<(), Error> {
        deleted(self.epoch_path(epoch), |path| fs::remove_dir_all(path))
    }

    fn release_path(&self, query: QueryId) -> PathBuf {
        self.folder.join("releases").join(format!("{query}.release"))
    }

    /// What a file holds, if it is there. One that cannot be looked at is not absent: a release's record that was taken
    /// for absent would be overwritten.
    fn load<T: BorshDeserialize>(&self, path: &Path, kind: &str) -> Result<Option<T>, Error> {
        if is_there(path)? { load_file(path, kind, &self.protection).map(Some) } else { Ok(None) }
    }

    pub(super) fn dealer(&self, epoch: CommitteeEpoch) -> Result<Option<Dealer>, Error> {
        self.load(&self.dealer_path(epoch), DEALER_KIND)
    }

    pub(super) fn save_dealer(&self, epoch: CommitteeEpoch, dealer: &Dealer) -> Result<(), Error> {
        make_folder(&self.epoch_path(epoch))?;
        save_file(&self.dealer_path(epoch), DEALER_KIND, dealer, &self.protection)
    }

    /// Deletes what was dealt, once the key is active or abandoned: it would open more than the member's shares. Its
    /// messages serve nobody then.
    pub(super) fn forget_dealer(&self, epoch: CommitteeEpoch) -> Result<(), Error> {
        deleted(self.messages_path(epoch), |path| fs::remove_dir_all(path))?;
        deleted(self.dealer_path(epoch), |path| fs::remove_file(path))
    }

    pub(super) fn shares(&self, epoch: CommitteeEpoch) -> Result<Option<MemberKey>, Error> {
        self.load(&self.shares_path(epoch), SHARES_KIND)
    }

    pub(super) fn has_shares(&self, epoch: CommitteeEpoch) -> Result<bool, Error> {
        is_there(&self.shares_path(epoch))
    }

    pub(super) fn save_shares(&self, epoch: CommitteeEpoch, key: &MemberKey) -> Result<(), Error> {
        make_folder(&self.epoch_path(epoch))?;
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

fn is_there(path: &Path) -> Result<bool, Error> {
    path.try_exists().map_err(|source| Error::File { path: path.into(), action: "look for the file", source })
}

fn make_folder(path: &Path) -> Result<(), Error> {
    let made = fs::create_dir_all(path);
    made.map_err(|source| Error::File { path: path.into(), action: "make the directory", source })
}

/// What was not there is deleted.
fn deleted(path: PathBuf, delete: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), Error> {
    match delete(&path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(Error::File { path, action: "delete", source }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use circuits::id::QueryId;
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;
    use crate::wallet::Role;

    #[test]
    fn repro_a_release_record_that_cannot_be_looked_at_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let key = PartyKey::random(Role::Member, &mut StdRng::seed_from_u64(1));
        let store = MemberStore::open(folder.path(), &key).unwrap();
        let (query, releases) = (QueryId::from_bytes([1; 32]), folder.path().join("releases"));
        let record = |byte| ReleaseRecord { aggregates: vec![Digest::from_bytes([byte; 32])] };
        store.commit_release(query, &record(1)).unwrap();
        // A file where the folder was: looking for anything in it fails otherwise than with absence.
        fs::rename(&releases, folder.path().join("away")).unwrap();
        fs::write(&releases, b"").unwrap();
        let error = store.commit_release(query, &record(2)).unwrap_err();
        assert!(matches!(error, Error::File { action: "look for the file", .. }), "{error}");
        fs::remove_file(&releases).unwrap();
        fs::rename(folder.path().join("away"), &releases).unwrap();
        assert!(matches!(store.commit_release(query, &record(2)), Err(Error::Query { .. })));
        store.commit_release(query, &record(1)).unwrap();
    }
}
