use market::{
    Error,
    objects::{BlobAddress, BlobKind, CHUNK_BYTES_MAX, ChunkOutcome, Objects, get},
};

use super::{bytes, genome, stores};

const CHUNK: usize = 1 << 16;

/// Where the next chunk begins.
fn received(store: &Objects, address: BlobAddress, length: usize) -> usize {
    let progress = store.upload(address, length as u64).unwrap().progress().unwrap();
    usize::try_from(progress.received_bytes).unwrap()
}

#[test]
fn an_upload_goes_on_where_it_came_to_and_stores_with_the_last_chunk() {
    let stores = stores();
    let (address, content) = genome(3 * CHUNK + 10);
    for (name, store) in &stores.all {
        for place in 0..4 {
            let offset = received(store, address, content.len());
            assert_eq!(offset, place * CHUNK, "{name}");
            assert!(store.reader(address).unwrap().is_none(), "{name}");
            // A session is nothing but an address and a length: whoever takes it up again goes on.
            let session = store.upload(address, content.len() as u64).unwrap();
            let chunk = content[offset..content.len().min(offset + CHUNK)].to_vec();
            let outcome = session.append(offset as u64, chunk.into()).unwrap();
            assert_eq!(outcome == ChunkOutcome::Stored, place == 3, "{name}");
        }
        let progress = store.upload(address, content.len() as u64).unwrap().progress().unwrap();
        assert!(progress.stored, "{name}");
        assert_eq!(get(store, address, 1 << 20).unwrap(), content, "{name}");
        assert_eq!(store.stored_bytes(&[BlobKind::Genome]).unwrap(), content.len() as u64, "{name}: no chunk is left");
    }
}

#[test]
fn a_chunk_elsewhere_too_short_or_too_long_is_refused_and_changes_nothing() {
    let stores = stores();
    let (address, content) = genome(2 * CHUNK);
    for (name, store) in &stores.all {
        let session = store.upload(address, content.len() as u64).unwrap();
        let append = |offset: usize, length: usize| session.append(offset as u64, bytes(length).into());
        for offset in [1, CHUNK, 2 * CHUNK] {
            let outcome = append(offset, CHUNK);
            assert!(matches!(outcome, Err(Error::UploadOffset { expected: 0, .. })), "{name}");
        }
        for length in [0, 1, CHUNK - 1, 2 * CHUNK + 1, CHUNK_BYTES_MAX + 1] {
            assert!(matches!(append(0, length), Err(Error::UploadChunk { .. })), "{name}");
        }
        assert_eq!(received(store, address, content.len()), 0, "{name}");
        append(0, CHUNK).unwrap();
        assert!(matches!(append(0, CHUNK), Err(Error::UploadOffset { expected, .. }) if expected == CHUNK as u64));
    }
}

#[test]
fn chunks_of_another_blob_are_refused_at_the_end_and_forgotten() {
    let stores = stores();
    let (address, content) = genome(CHUNK + 1);
    for (name, store) in &stores.all {
        let session = store.upload(address, content.len() as u64).unwrap();
        session.append(0, vec![7; CHUNK].into()).unwrap();
        let outcome = session.append(CHUNK as u64, vec![7].into());
        assert!(matches!(outcome, Err(Error::BlobDamaged { address: found, .. }) if found == address), "{name}");
        assert_eq!(received(store, address, content.len()), 0, "{name}");
        assert_eq!(store.stored_bytes(&BlobKind::ALL).unwrap(), 0, "{name}");
        session.append(0, content[..CHUNK].to_vec().into()).unwrap();
        assert_eq!(session.append(CHUNK as u64, content[CHUNK..].to_vec().into()).unwrap(), ChunkOutcome::Stored);
    }
}

#[test]
fn an_empty_blob_is_an_empty_chunk_and_one_beyond_the_limit_has_no_upload() {
    let stores = stores();
    for (name, store) in &stores.all {
        let (address, _) = genome(0);
        let session = store.upload(address, 0).unwrap();
        assert_eq!(session.append(0, bytes::Bytes::new()).unwrap(), ChunkOutcome::Stored, "{name}");
        assert_eq!(get(store, address, 10).unwrap(), b"", "{name}");
        assert!(matches!(store.upload(address, u64::MAX), Err(Error::BlobStore { .. })), "{name}");
    }
}
