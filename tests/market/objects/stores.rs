use std::io::{Cursor, Read as _, Seek as _, SeekFrom};

use market::{
    Error,
    crypt4gh::{Header, SecretKey, encrypt},
    objects::{BLOB_BYTES_MAX, BlobAccess as _, BlobAddress, BlobKind, Objects, ObjectsLocation, get, put},
};

use super::{
    bytes, genome,
    s3::{S3Server, settings},
    stores,
};

#[test]
fn what_is_put_is_got_listed_and_counted_on_every_backend() {
    let stores = stores();
    for (name, store) in &stores.all {
        let mut expected = vec![];
        for length in [0, 1, 100_000] {
            let address = put(store, BlobKind::Blob, bytes(length)).unwrap();
            assert_eq!(put(store, BlobKind::Blob, bytes(length)).unwrap(), address, "{name}");
            assert_eq!(get(store, address, BLOB_BYTES_MAX).unwrap(), bytes(length), "{name}");
            expected.push(address);
        }
        expected.sort_unstable();
        assert_eq!(store.list(BlobKind::Blob).unwrap(), expected, "{name}");
        assert_eq!(store.list_after(BlobKind::Blob, Some(expected[0].digest), 1).unwrap(), expected[1..2], "{name}");
        assert!(store.list(BlobKind::Panel).unwrap().is_empty(), "{name}");
        assert_eq!(store.stored_bytes(&BlobKind::ALL).unwrap(), 100_001, "{name}");
        let absent = BlobAddress::of(BlobKind::Blob, b"absent");
        assert!(matches!(get(store, absent, 10), Err(Error::BlobMissing { .. })), "{name}");
    }
}

#[test]
fn a_blob_streams_in_parts_and_is_there_only_if_it_has_its_digest() {
    let stores = stores();
    // Two parts of 8 MiB and a rest.
    let (address, content) = genome((16 << 20) + 5);
    let length = content.len() as u64;
    for (name, store) in &stores.all {
        let mut altered = content.clone();
        altered[9 << 20] ^= 1;
        for wrong in [&altered[..], &content[..content.len() - 1], &[]] {
            let outcome = store.write_stream(address, length, wrong);
            assert!(matches!(outcome, Err(Error::BlobDamaged { .. })), "{name}");
            assert!(store.reader(address).unwrap().is_none(), "{name}");
        }
        assert!(store.list(BlobKind::Genome).unwrap().is_empty(), "{name}");
        assert!(store.write_stream(address, length, content.as_slice()).unwrap(), "{name}");
        assert!(!store.write_stream(address, length, content.as_slice()).unwrap(), "{name}");
        let mut reader = store.reader(address).unwrap().unwrap();
        let mut read = vec![];
        reader.read_to_end(&mut read).unwrap();
        assert!(read == content, "{name}");
        reader.seek(SeekFrom::Start((4 << 20) - 2)).unwrap();
        let mut four = [0; 4];
        reader.read_exact(&mut four).unwrap();
        assert_eq!(four, content[(4 << 20) - 2..(4 << 20) + 2], "{name}");
    }
}

#[test]
fn a_licensee_reads_a_part_of_a_genome_out_of_every_backend() {
    let (patient, licensee) = (SecretKey::random(&mut rand::rng()), SecretKey::random(&mut rand::rng()));
    let plaintext = bytes(300_000);
    let mut file = vec![];
    let manifest = encrypt(&[patient.public_key()], plaintext.as_slice(), &mut file, &mut rand::rng()).unwrap();
    let mut cursor = Cursor::new(file.as_slice());
    let header = Header::read(&mut cursor).unwrap();
    let body = &file[usize::try_from(cursor.position()).unwrap()..];
    let others = market::crypt4gh::Others::Drop;
    let licence = header.reencrypt(&patient, &[licensee.public_key()], others, &mut rand::rng()).unwrap();
    let address = BlobAddress::of(BlobKind::Genome, body);
    let stores = stores();
    for (name, store) in &stores.all {
        store.write_stream(address, body.len() as u64, body).unwrap();
        let reader = store.reader(address).unwrap().unwrap();
        let ranges = licence.open(&licensee).unwrap().range_reader(reader).unwrap();
        let mut part = vec![];
        ranges.verify(&manifest).unwrap().into_inner().read(65_530..200_000, &mut part).unwrap();
        assert!(part == plaintext[65_530..200_000], "{name}");
    }
}

#[test]
fn a_check_reads_everything_and_names_what_is_damaged() {
    let stores = stores();
    for (name, store) in &stores.all {
        for length in 1..5 {
            put(store, BlobKind::Blob, bytes(length)).unwrap();
        }
        let mut seen = 0;
        let checked = store.check(&BlobKind::ALL, |_| seen += 1).unwrap();
        assert_eq!((checked.blobs, checked.bytes, checked.damaged.len(), seen), (4, 10, 0, 4), "{name}");
    }
    let server = S3Server::start();
    let directory = Objects::directory(stores.directory.path()).unwrap();
    for (store, root) in [(directory, stores.directory.path().to_owned()), (server.open(""), server.file(""))] {
        let sound = put(&store, BlobKind::Ciphertext, b"sound".to_vec()).unwrap();
        let damaged = put(&store, BlobKind::Ciphertext, b"whole".to_vec()).unwrap();
        let digest = damaged.digest.to_string();
        std::fs::write(root.join("ciphertext").join(&digest[..2]).join(&digest), b"whale").unwrap();
        let checked = store.check(&[BlobKind::Ciphertext], |_| {}).unwrap();
        assert_eq!(checked.damaged.iter().map(|found| found.address).collect::<Vec<_>>(), [damaged]);
        store.remove(damaged).unwrap();
        assert_eq!(store.list(BlobKind::Ciphertext).unwrap(), [sound]);
        put(&store, BlobKind::Ciphertext, b"whole".to_vec()).unwrap();
        assert!(store.check(&[BlobKind::Ciphertext], |_| {}).unwrap().damaged.is_empty());
    }
}

#[test]
fn a_server_with_other_keys_or_none_is_refused_with_a_reason() {
    let server = S3Server::start();
    let mut wrong = settings(&server.endpoint());
    wrong.secret_access_key = Some("another".to_owned().into());
    let store = Objects::open(&S3Server::location(""), &wrong).unwrap();
    let outcome = put(&store, BlobKind::Blob, b"x".to_vec());
    assert!(
        matches!(&outcome, Err(Error::BlobStore { action: "store a blob", why }) if !why.is_empty()),
        "{outcome:?}"
    );
    assert!(!format!("{wrong:?}").contains("another"));
    let elsewhere = Objects::open(&S3Server::location(""), &settings("http://s3.example.org")).unwrap();
    assert!(put(&elsewhere, BlobKind::Blob, b"x".to_vec()).is_err(), "without TLS to another machine");
}

#[test]
fn locations_are_read_as_people_write_them() {
    let parse = |text: &str| text.parse::<ObjectsLocation>();
    assert_eq!(parse("some/folder").unwrap(), ObjectsLocation::Directory("some/folder".into()));
    assert_eq!(parse("file:///some/folder").unwrap(), ObjectsLocation::Directory("/some/folder".into()));
    let bucket = ObjectsLocation::S3 { bucket: "b".into(), prefix: "c/d".into() };
    assert_eq!(parse("s3://b/c/d/").unwrap(), bucket);
    assert_eq!(bucket.to_string(), "s3://b/c/d");
    for refused in ["", "s3://", "s3:///x", "gs://b", "file://x"] {
        assert!(matches!(parse(refused), Err(Error::BlobStore { .. })), "{refused}");
    }
}
