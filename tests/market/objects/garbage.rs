use std::{collections::BTreeSet, time::Duration};

use market::objects::{BlobAccess as _, BlobKind, Removed, put};
use node::units::Timestamp;

use super::{bytes, genome, stores};

const HOUR: Duration = Duration::from_secs(3_600);

/// A moment so many hours from now; the stores' clocks are this machine's.
fn hence(hours: u64) -> Timestamp {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::new(now.as_secs() + hours * 3_600)
}

#[test]
fn what_nothing_refers_to_goes_once_its_grace_is_over_and_nothing_else() {
    let stores = stores();
    for (name, store) in &stores.all {
        let kinds = [BlobKind::Ciphertext];
        let blobs: Vec<_> = (1..5).map(|length| put(store, kinds[0], bytes(length)).unwrap()).collect();
        let document = put(store, BlobKind::Blob, bytes(9)).unwrap();
        let referred = BTreeSet::from([blobs[0]]);
        assert_eq!(
            store.find_garbage(&kinds, &referred, HOUR, hence(0)).unwrap().total(),
            Removed::default(),
            "{name}"
        );
        let garbage = store.find_garbage(&kinds, &referred, HOUR, hence(2)).unwrap();
        assert_eq!(garbage.total(), Removed { blobs: 3, remains: 0, bytes: 2 + 3 + 4 }, "{name}");
        assert_eq!(store.list(kinds[0]).unwrap().len(), 4, "{name}: a search removes nothing");
        // The ledger names another one before anything is removed.
        let referred = BTreeSet::from([blobs[0], blobs[3]]);
        let removed = store.remove_garbage(garbage, &referred).unwrap();
        assert_eq!(removed, Removed { blobs: 2, remains: 0, bytes: 2 + 3 }, "{name}");
        let mut left = vec![blobs[0], blobs[3]];
        left.sort_unstable();
        assert_eq!(store.list(kinds[0]).unwrap(), left, "{name}");
        assert_eq!(store.list(BlobKind::Blob).unwrap(), [document], "{name}: other kinds stay");
    }
}

#[test]
fn an_upload_that_nobody_goes_on_with_is_garbage_and_a_young_one_is_not() {
    let stores = stores();
    let (address, content) = genome(200_000);
    for (name, store) in &stores.all {
        let session = store.upload(address, content.len() as u64).unwrap();
        session.append(0, content[..100_000].to_vec().into()).unwrap();
        let find = |hours| store.find_garbage(&[BlobKind::Genome], &BTreeSet::new(), HOUR, hence(hours)).unwrap();
        assert_eq!(find(0).total(), Removed::default(), "{name}");
        assert_eq!(find(2).total(), Removed { blobs: 0, remains: 1, bytes: 100_000 }, "{name}");
        store.remove_garbage(find(2), &BTreeSet::new()).unwrap();
        assert_eq!(session.progress().unwrap().received_bytes, 0, "{name}");
    }
}

#[test]
fn what_a_crash_left_of_a_write_is_garbage() {
    let stores = stores();
    let (_, store) = &stores.all[1];
    let blob = put(store, BlobKind::Blob, bytes(3)).unwrap();
    let digest = blob.digest.to_string();
    let unfinished = stores.directory.path().join("blob").join(&digest[..2]).join(format!("{digest}#1"));
    std::fs::write(&unfinished, b"half").unwrap();
    let referred = BTreeSet::from([blob]);
    let find = |hours| store.find_garbage(&[BlobKind::Blob], &referred, HOUR, hence(hours)).unwrap();
    assert_eq!(find(0).total(), Removed::default());
    assert_eq!(store.remove_garbage(find(2), &referred).unwrap(), Removed { blobs: 0, remains: 1, bytes: 4 });
    assert!(!unfinished.exists());
    assert_eq!(store.list(BlobKind::Blob).unwrap(), [blob]);
}
