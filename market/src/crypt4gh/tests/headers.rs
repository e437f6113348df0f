use super::{
    super::packet::{Content, Packet},
    *,
};

/// The header of a file with one more packet for the first reader.
pub(super) fn with_edit_list(mut file: &[u8], lengths: &[u64]) -> Header {
    let mut bytes = Header::read(&mut file).unwrap().to_bytes().unwrap();
    let content = Content::Edits(EditList::new(lengths.to_vec()).unwrap());
    let packet = Packet::seal(&content, &reader(9), &reader(1).public_key(), &mut rng()).unwrap();
    let count = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) + 1;
    bytes[12..16].copy_from_slice(&count.to_le_bytes());
    packet.encode_into(&mut bytes);
    Header::from_bytes(&bytes).unwrap()
}

fn header_of(mut file: &[u8]) -> Header {
    Header::read(&mut file).unwrap()
}

#[test]
fn a_licensee_reads_by_a_new_header_and_the_body_stays_as_it_is() {
    let (file, manifest) = file(100_000);
    let body = &file[BODY_START..];
    let licensee = reader(2);
    let header = header_of(&file);
    assert!(matches!(header.open(&licensee), Err(Error::Crypt4ghReader { packets: 1 })));
    let readers = [licensee.public_key()];
    let dropped = header.reencrypt(&reader(1), &readers, Others::Drop, &mut rng()).unwrap();
    let kept = header.reencrypt(&reader(1), &readers, Others::Keep, &mut rng()).unwrap();
    for header in [&dropped, &kept] {
        let header = Header::from_bytes(&header.to_bytes().unwrap()).unwrap();
        let decrypted = header.open(&licensee).unwrap().decrypt(body, vec![]).unwrap();
        assert_eq!(decrypted.verify(&manifest).unwrap().into_inner(), plaintext(100_000));
    }
    assert!(matches!(dropped.open(&reader(1)), Err(Error::Crypt4ghReader { packets: 1 })));
    assert_eq!((kept.packet_count(), kept.writers().len()), (2, 2));
    kept.open(&reader(1)).unwrap();
}

#[test]
fn who_cannot_read_cannot_let_others_read() {
    let (file, _) = file(10);
    let outcome = header_of(&file).reencrypt(&reader(3), &[reader(3).public_key()], Others::Keep, &mut rng());
    assert!(matches!(outcome, Err(Error::Crypt4ghReader { .. })));
}

#[test]
fn a_new_reader_sees_what_the_old_one_sees() {
    let (file, _) = file(1_000);
    let header = with_edit_list(&file, &[10, 20]);
    let passed_on = header.reencrypt(&reader(1), &[reader(2).public_key()], Others::Drop, &mut rng()).unwrap();
    assert_eq!(passed_on.packet_count(), 2);
    let decrypted = passed_on.open(&reader(2)).unwrap().decrypt(&file[BODY_START..], vec![]).unwrap();
    assert_eq!(decrypted.into_unverified(), plaintext(1_000)[10..30]);
}

#[test]
fn an_edit_list_that_a_stranger_added_does_not_verify() {
    let (file, manifest) = file(1_000);
    for (lengths, kept) in [(&[0_u64, 999][..], 999), (&[1], 999), (&[1_000], 0)] {
        let header = with_edit_list(&file, lengths);
        let decrypted = header.open(&reader(1)).unwrap().decrypt(&file[BODY_START..], vec![]).unwrap();
        assert_eq!(decrypted.written_bytes(), kept);
        assert!(
            matches!(decrypted.verify(&manifest), Err(Error::Crypt4ghBody { what, .. }) if what.contains("edit list"))
        );
    }
    let header = with_edit_list(&file, &[0, 1_000]);
    let decrypted = header.open(&reader(1)).unwrap().decrypt(&file[BODY_START..], vec![]).unwrap();
    decrypted.verify(&manifest).unwrap();
}

#[test]
fn two_edit_lists_for_one_reader_are_refused() {
    let (file, _) = file(10);
    let once = with_edit_list(&file, &[1]).to_bytes().unwrap();
    let twice = with_edit_list(&once, &[2]);
    assert!(matches!(twice.open(&reader(1)), Err(Error::Crypt4gh { why, .. }) if why.contains("two edit lists")));
}

#[test]
fn a_reader_named_twice_gets_one_packet_and_nobody_gets_none() {
    let key = reader(1).public_key();
    let mut file = vec![];
    encrypt(&[key, key], &b"x"[..], &mut file, &mut rng()).unwrap();
    assert_eq!(header_of(&file).packet_count(), 1);
    assert!(matches!(encrypt(&[], &b"x"[..], vec![], &mut rng()), Err(Error::Crypt4gh { .. })));
    let many: Vec<_> = (0..=1_024_u16)
        .map(|number| {
            let mut bytes = [1; 32];
            // The lowest bits of a key's first byte do not count.
            bytes[1..3].copy_from_slice(&number.to_le_bytes());
            SecretKey::from_bytes(bytes).public_key()
        })
        .collect();
    let mut sink = vec![];
    assert!(matches!(encrypt(&many, &b"x"[..], &mut sink, &mut rng()), Err(Error::Crypt4gh { .. })));
    assert!(sink.is_empty());
}

#[test]
fn a_public_key_of_low_order_is_refused() {
    for low in [[0; 32], {
        let mut one = [0; 32];
        one[0] = 1;
        one
    }] {
        let outcome = encrypt(&[PublicKey::from_bytes(low)], &b"x"[..], vec![], &mut rng());
        assert!(matches!(outcome, Err(Error::Crypt4gh { place, .. }) if place == "public key"));
    }
}
