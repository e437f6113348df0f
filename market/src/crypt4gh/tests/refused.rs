use proptest::prelude::*;

use super::*;

const FULL: usize = SEGMENT_BYTES + SEGMENT_OVERHEAD_BYTES;

fn place(outcome: Result<Decrypted<Vec<u8>>, Error>) -> String {
    match outcome {
        Err(Error::Crypt4gh { place, .. }) => place,
        Err(other) => other.to_string(),
        Ok(_) => "accepted".into(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_flipped_bit_anywhere_is_noticed(at in 0..BODY_START + FULL + 128, bit in 0..8_u8) {
        let (mut bytes, manifest) = file(SEGMENT_BYTES + 100);
        prop_assert_eq!(bytes.len(), BODY_START + FULL + 128);
        bytes[at] ^= 1 << bit;
        prop_assert!(decrypt(&bytes, &reader(1)).is_err());
        if at >= BODY_START {
            prop_assert!(manifest.check(&BodyManifest::of(&bytes[BODY_START..]).unwrap()).is_err());
        }
    }

    #[test]
    fn a_file_cut_anywhere_is_noticed_once_a_manifest_is_there(end in 0..BODY_START + FULL + 128) {
        let (bytes, manifest) = file(SEGMENT_BYTES + 100);
        let outcome = decrypt(&bytes[..end], &reader(1)).and_then(|decrypted| decrypted.verify(&manifest));
        prop_assert!(outcome.is_err());
    }

    #[test]
    fn headers_of_arbitrary_bytes_are_refused_or_read_as_they_are(
        head in any::<bool>(),
        count in prop_oneof![0..4_u32, any::<u32>()],
        tail in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let head = if head { [&b"crypt4gh\x01\0\0\0"[..], &count.to_le_bytes()].concat() } else { vec![] };
        let bytes = [head, tail].concat();
        if let Ok(header) = Header::from_bytes(&bytes) {
            prop_assert_eq!(header.to_bytes().unwrap(), bytes);
            prop_assert!(header.open(&reader(1)).is_err());
        }
    }
}

#[test]
fn a_file_cut_between_segments_decrypts_and_does_not_verify() {
    let (bytes, manifest) = file(3 * SEGMENT_BYTES);
    for segments in 0..3 {
        let decrypted = decrypt(&bytes[..BODY_START + segments * FULL], &reader(1)).unwrap();
        assert_eq!(decrypted.written_bytes(), (segments * SEGMENT_BYTES) as u64);
        let outcome = decrypted.verify(&manifest);
        assert!(matches!(outcome, Err(Error::Crypt4ghBody { what: "bytes of the body", .. })));
    }
    decrypt(&bytes, &reader(1)).unwrap().verify(&manifest).unwrap();
}

#[test]
fn segments_that_changed_places_decrypt_and_do_not_verify() {
    let (bytes, manifest) = file(2 * SEGMENT_BYTES);
    let (header, body) = bytes.split_at(BODY_START);
    let swapped = [header, &body[FULL..], &body[..FULL]].concat();
    let doubled = [header, &body[..FULL], &body[..FULL]].concat();
    for twin in [swapped, doubled] {
        let outcome = decrypt(&twin, &reader(1)).unwrap().verify(&manifest);
        assert!(matches!(outcome, Err(Error::Crypt4ghBody { what: "SHA-256 of the body", .. })));
    }
}

#[test]
fn a_cut_segment_is_named() {
    let (bytes, _) = file(SEGMENT_BYTES + 100);
    assert_eq!(place(decrypt(&bytes[..bytes.len() - 1], &reader(1))), "segment 2 of the body");
    assert_eq!(place(decrypt(&bytes[..BODY_START + FULL + 27], &reader(1))), "segment 2 of the body");
    assert_eq!(place(decrypt(&bytes[..BODY_START + FULL - 1], &reader(1))), "segment 1 of the body");
    assert!(matches!(BodyManifest::of(&bytes[..27]), Err(Error::Crypt4gh { .. })));
    assert!(matches!(BodyManifest::of(&[][..]), Ok(manifest) if manifest.plaintext_bytes() == 0));
}

#[test]
fn the_wrong_key_is_told_from_a_damaged_file() {
    let (bytes, _) = file(10);
    assert!(matches!(decrypt(&bytes, &reader(2)), Err(Error::Crypt4ghReader { packets: 1 })));
    let other = file(10).0;
    let mut mixed = Vec::new();
    encrypt(&[reader(1).public_key()], &b"other"[..], &mut mixed, &mut rand::rng()).unwrap();
    let foreign = [&other[..BODY_START], &mixed[BODY_START..]].concat();
    assert_eq!(place(decrypt(&foreign, &reader(1))), "segment 1 of the body");
}

#[test]
fn claims_of_a_header_are_bounded_before_anything_is_read() {
    let head = |version: u32, count: u32| [&b"crypt4gh"[..], &version.to_le_bytes(), &count.to_le_bytes()].concat();
    let why = |bytes: &[u8]| Header::from_bytes(bytes).unwrap_err().to_string();
    assert!(why(&head(1, u32::MAX)).contains("4294967295 packets"));
    assert!(why(&head(1, 1_025)).contains("at most 1024"));
    assert!(why(&head(2, 1)).contains("version 2"));
    assert!(why(&head(1, 1)).contains("ends within"));
    assert!(why(b"crypt4g").contains("crypt4gh"));
    for length in [0_u32, 7, u32::MAX, 1 << 20] {
        let bytes = [head(1, 1).as_slice(), &length.to_le_bytes()].concat();
        assert!(why(&bytes).contains(&format!("claims {length} bytes")));
    }
    let (file, _) = file(1);
    assert!(why(&file).contains("follow it"));
    Header::from_bytes(&file[..BODY_START]).unwrap();
}

#[test]
fn a_stream_that_fails_is_named_and_is_not_the_files_fault() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the cable"))
        }
    }
    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::other("the cable"))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let keys = [reader(1).public_key()];
    for outcome in [encrypt(&keys, Broken, vec![], &mut rng()), encrypt(&keys, &b"x"[..], Broken, &mut rng())] {
        assert!(matches!(outcome, Err(Error::Crypt4ghStream { .. })));
    }
}

#[test]
fn secrets_do_not_show() {
    let shown = format!("{:?} {:?}", reader(7), KeyProtection::Scrypt("words".to_owned().into()));
    assert_eq!(shown, "SecretKey(redacted) KeyProtection(scrypt, redacted)");
}
