use std::path::Path;

use circuits::schema::{Variant, VariantPanel};
use proptest::prelude::*;

use super::{store::location, *};

fn stored_file(root: &Path, address: BlobAddress) -> std::path::PathBuf {
    root.join(location(address).to_string())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn what_is_put_is_got_and_putting_it_again_changes_nothing(bytes in any::<Vec<u8>>()) {
        let store = Objects::memory();
        let address = put(&store, BlobKind::Ciphertext, bytes.clone()).unwrap();
        prop_assert_eq!(put(&store, BlobKind::Ciphertext, bytes.clone()).unwrap(), address);
        prop_assert_eq!(get(&store, address, BLOB_BYTES_MAX).unwrap(), bytes);
        prop_assert_eq!(store.list(BlobKind::Ciphertext).unwrap(), vec![address]);
        prop_assert!(store.list(BlobKind::Blob).unwrap().is_empty());
    }
}

#[test]
fn a_damaged_blob_is_named_and_a_second_put_heals_it() {
    let root = tempfile::tempdir().unwrap();
    let store = Objects::directory(root.path()).unwrap();
    let address = put(&store, BlobKind::Blob, b"sound".to_vec()).unwrap();
    std::fs::write(stored_file(root.path(), address), b"altered").unwrap();
    assert!(matches!(get(&store, address, 100), Err(Error::BlobDamaged { address: found, .. }) if found == address));
    put(&store, BlobKind::Blob, b"sound".to_vec()).unwrap();
    assert_eq!(get(&store, address, 100).unwrap(), b"sound");
}

#[test]
fn a_truncated_blob_is_damaged_and_an_absent_one_missing() {
    let root = tempfile::tempdir().unwrap();
    let store = Objects::directory(root.path()).unwrap();
    let address = put(&store, BlobKind::Blob, b"sound".to_vec()).unwrap();
    std::fs::write(stored_file(root.path(), address), b"").unwrap();
    assert!(matches!(get(&store, address, 100), Err(Error::BlobDamaged { .. })));
    std::fs::remove_file(stored_file(root.path(), address)).unwrap();
    assert!(matches!(get(&store, address, 100), Err(Error::BlobMissing { .. })));
}

#[test]
fn stored_bytes_count_every_blob_once() {
    let root = tempfile::tempdir().unwrap();
    let store = Objects::directory(root.path()).unwrap();
    assert_eq!(store.stored_bytes(&BlobKind::ALL).unwrap(), 0);
    for (kind, bytes) in [(BlobKind::Blob, 10), (BlobKind::Ciphertext, 20), (BlobKind::Blob, 10)] {
        put(&store, kind, vec![1; bytes]).unwrap();
    }
    assert_eq!(store.stored_bytes(&BlobKind::ALL).unwrap(), 30);
    assert_eq!(store.stored_bytes(&[BlobKind::Blob, BlobKind::Panel]).unwrap(), 10);
}

#[test]
fn pages_of_addresses_make_the_whole_listing() {
    let root = tempfile::tempdir().unwrap();
    let store = Objects::directory(root.path()).unwrap();
    for number in 0..40u32 {
        put(&store, BlobKind::Blob, number.to_le_bytes().to_vec()).unwrap();
    }
    let (mut listed, mut after) = (vec![], None);
    loop {
        let page = store.list_after(BlobKind::Blob, after, 7).unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 7);
        after = Some(last.digest);
        listed.extend(page);
    }
    assert_eq!(listed, store.list(BlobKind::Blob).unwrap());
    assert_eq!(listed.len(), 40);
    assert!(store.list_after(BlobKind::Panel, None, 7).unwrap().is_empty());
}

#[test]
fn the_same_bytes_of_another_kind_have_another_address() {
    let tagged = BlobKind::ALL.into_iter().filter(|kind| kind.is_public());
    let digests: std::collections::BTreeSet<_> = tagged.clone().map(|kind| kind.digest(b"x")).collect();
    assert_eq!(digests.len(), tagged.count());
    // Crypt4GH files have the SHA-256 that others know them by (FIPS 180-4, of "x").
    let plain = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
    assert_eq!(BlobKind::Genome.digest(b"x").to_string(), plain);
    assert_eq!(BlobKind::GenomeHeader.digest(b"x").to_string(), plain);
    for kind in BlobKind::ALL {
        assert_eq!(kind.name().parse::<BlobKind>().unwrap(), kind);
    }
    assert!("secret".parse::<BlobKind>().is_err());
}

#[test]
fn repro_a_panel_is_found_by_the_digest_that_schemas_name() {
    let variant = Variant { chrom: "22".into(), pos: 7, reference: "A".into(), alternate: "C".into() };
    let panel = VariantPanel { build: "GRCh37".into(), variants: vec![variant] };
    let store = Objects::memory();
    put(&store, BlobKind::Panel, borsh::to_vec(&panel).unwrap()).unwrap();
    let address = BlobAddress { kind: BlobKind::Panel, digest: panel.reference().unwrap().digest };
    let bytes = get(&store, address, BLOB_BYTES_MAX).unwrap();
    assert_eq!(borsh::from_slice::<VariantPanel>(&bytes).unwrap(), panel);
}

#[test]
fn a_blob_above_the_readers_bound_is_refused_unread() {
    let store = Objects::memory();
    let address = put(&store, BlobKind::Blob, vec![0; 101]).unwrap();
    assert!(matches!(get(&store, address, 100), Err(Error::BlobStore { .. })));
}

#[test]
fn a_strangers_file_among_the_blobs_is_not_listed() {
    let root = tempfile::tempdir().unwrap();
    let store = Objects::directory(root.path()).unwrap();
    std::fs::create_dir_all(root.path().join("blob/aa")).unwrap();
    std::fs::write(root.path().join("blob/aa/notes.txt"), b"hello").unwrap();
    assert!(store.list(BlobKind::Blob).unwrap().is_empty());
}
