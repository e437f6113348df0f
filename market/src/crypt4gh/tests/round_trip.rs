use std::io::Cursor;

use proptest::prelude::*;

use super::*;

/// Lengths about the bounds of segments, and any up to three segments.
fn arb_length() -> impl Strategy<Value = usize> {
    let bounds = (0..4_usize, -2..3_isize);
    let near = bounds.prop_map(|(segments, off)| (segments * SEGMENT_BYTES).saturating_add_signed(off));
    prop_oneof![2 => near, 1 => 0..3 * SEGMENT_BYTES]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_encrypted_is_decrypted_by_each_reader_whatever_its_length(length in arb_length()) {
        let readers = [reader(1), reader(2)].map(|key| key.public_key());
        let mut file = vec![];
        let manifest = encrypt(&readers, plaintext(length).as_slice(), &mut file, &mut rng()).unwrap();
        prop_assert_eq!(manifest.plaintext_bytes(), length as u64);
        for number in [1, 2] {
            let verified = decrypt(&file, &reader(number)).unwrap().verify(&manifest).unwrap();
            prop_assert_eq!(verified.manifest(), &manifest);
            prop_assert_eq!(verified.into_inner(), plaintext(length));
        }
        let body = &file[file.len() - usize::try_from(manifest.body_bytes()).unwrap()..];
        prop_assert_eq!(BodyManifest::of(body).unwrap(), manifest);
    }

    #[test]
    fn a_range_is_that_part_of_the_plaintext(length in arb_length(), start in 0..200_000_u64, count in 0..200_000_u64) {
        let (bytes, _) = file(length);
        let mut cursor = Cursor::new(bytes);
        let header = Header::read(&mut cursor).unwrap().open(&reader(1)).unwrap();
        let mut ranges = header.range_reader(cursor).unwrap();
        prop_assert_eq!(ranges.readable_bytes(), length as u64);
        let mut part = vec![];
        let read = ranges.read(start..start + count, &mut part).unwrap();
        let expected: Vec<u8> = plaintext(length).into_iter().skip(start as usize).take(count as usize).collect();
        prop_assert_eq!(read, part.len() as u64);
        prop_assert_eq!(part, expected);
    }

    #[test]
    fn an_edit_list_keeps_what_the_specification_says(
        length in arb_length(),
        lengths in proptest::collection::vec(prop_oneof![0..100_000_u64, Just(u64::MAX), Just(65_536)], 0..7),
        start in 0..150_000_usize,
    ) {
        let expected = edited(&lengths, &plaintext(length));
        let file = with_edits(length, &lengths);
        let whole = decrypt(&file, &reader(1)).unwrap();
        prop_assert_eq!(whole.written_bytes(), expected.len() as u64);
        prop_assert_eq!(&whole.into_unverified(), &expected);
        let mut cursor = Cursor::new(file);
        let header = Header::read(&mut cursor).unwrap().open(&reader(1)).unwrap();
        let mut ranges = header.range_reader(cursor).unwrap();
        prop_assert_eq!(ranges.readable_bytes(), expected.len() as u64);
        let mut part = vec![];
        ranges.read(start as u64..u64::MAX, &mut part).unwrap();
        prop_assert_eq!(part, expected.get(start..).unwrap_or_default());
    }
}

/// A file whose header has an edit list for the first reader.
fn with_edits(length: usize, lengths: &[u64]) -> Vec<u8> {
    let (file, _) = file(length);
    let header = headers::with_edit_list(&file, lengths);
    [header.to_bytes().unwrap().as_slice(), &file[BODY_START..]].concat()
}

/// The algorithm of section 4.3, as it is written there.
fn edited(lengths: &[u64], input: &[u8]) -> Vec<u8> {
    let substr = |position: u64, count: u64| {
        let skip = usize::try_from(position).unwrap_or(usize::MAX);
        input.iter().copied().skip(skip).take(usize::try_from(count).unwrap_or(usize::MAX)).collect::<Vec<u8>>()
    };
    if lengths.is_empty() {
        return input.to_vec();
    }
    let (mut list, mut output, mut position) = (lengths.iter(), vec![], 0_u64);
    while let Some(discard) = list.next() {
        position = position.saturating_add(*discard);
        let keep = list.next().copied();
        output.extend(substr(position, keep.unwrap_or(u64::MAX)));
        position = position.saturating_add(keep.unwrap_or_default());
    }
    output
}

#[test]
fn the_example_of_the_specification_keeps_its_three_parts() {
    let list = EditList::new(vec![0, 7_853, 71_721, 307_929, 51_299, 38]).unwrap();
    assert_eq!(list.kept(438_840), [0..7_853, 79_574..387_503, 438_802..438_840]);
    for (lengths, part) in [(vec![5], 5..10), (vec![], 0..10), (vec![0, 7], 0..7)] {
        assert_eq!(EditList::new(lengths).unwrap().kept(10), std::slice::from_ref(&part));
    }
    assert!(EditList::new(vec![10, 0]).unwrap().kept(10).is_empty());
    assert!(EditList::new(vec![u64::MAX, u64::MAX, 1]).unwrap().kept(10).is_empty());
}

#[test]
fn a_segment_that_is_left_out_is_authenticated_all_the_same() {
    let mut file = with_edits(2 * SEGMENT_BYTES, &[SEGMENT_BYTES as u64]);
    let body = file.len() - 2 * (SEGMENT_BYTES + SEGMENT_OVERHEAD_BYTES);
    file[body + 100] ^= 1;
    assert!(
        matches!(decrypt(&file, &reader(1)), Err(Error::Crypt4gh { place, .. }) if place == "segment 1 of the body")
    );
}

#[test]
fn a_range_reader_verifies_the_whole_body_and_refuses_a_cut_one() {
    let (bytes, manifest) = file(2 * SEGMENT_BYTES + 5);
    let ranges = |bytes: &[u8]| {
        let mut cursor = Cursor::new(bytes.to_vec());
        let header = Header::read(&mut cursor).unwrap().open(&reader(1)).unwrap();
        header.range_reader(cursor).unwrap()
    };
    let mut verified = ranges(&bytes).verify(&manifest).unwrap().into_inner();
    let mut part = vec![];
    assert_eq!(verified.read(SEGMENT_BYTES as u64 - 1..SEGMENT_BYTES as u64 + 1, &mut part).unwrap(), 2);
    assert_eq!(part, plaintext(2 * SEGMENT_BYTES)[SEGMENT_BYTES - 1..=SEGMENT_BYTES]);
    let cut = &bytes[..bytes.len() - 5 - SEGMENT_OVERHEAD_BYTES];
    assert!(matches!(ranges(cut).verify(&manifest), Err(Error::Crypt4ghBody { what: "bytes of the body", .. })));
}
