use circuits::{
    consent::{Day, Purposes, Regions},
    id::{AccountId, ChainId, LicenceId},
};
use ed25519_dalek::SigningKey;
use node::{query::DataUse, signature::account_of, transaction::AllowedUse, units::Amount};
use proptest::prelude::*;
use rand::{SeedableRng as _, rngs::StdRng};

use super::*;
use crate::crypt4gh::{BodyManifest, PublicKey, SecretKey, encrypt};

const CHAIN: ChainId = ChainId::from_bytes([1; 32]);
const LICENCE: LicenceId = LicenceId::from_bytes([2; 32]);

fn licensee() -> SigningKey {
    SigningKey::from_bytes(&[3; 32])
}

fn document() -> UnverifiedReaderKey {
    UnverifiedReaderKey::sign(CHAIN, LICENCE, &PublicKey::from_bytes([9; 32]), &licensee())
}

#[track_caller]
fn refused<T: std::fmt::Debug>(outcome: Result<T, Error>, why: &str) {
    let said = outcome.unwrap_err().to_string();
    assert!(said.contains(why), "{said}");
}

#[test]
fn a_reader_key_counts_for_the_licensee_that_signed_it_alone() {
    let text = document().to_text().unwrap();
    let read = UnverifiedReaderKey::from_text(text.as_bytes()).unwrap();
    let key = read.verify(&CHAIN, LICENCE, account_of(&licensee())).unwrap();
    assert_eq!((key.licence(), key.key()), (LICENCE, PublicKey::from_bytes([9; 32])));
    refused(read.verify(&ChainId::from_bytes([7; 32]), LICENCE, account_of(&licensee())), "for chain");
    refused(read.verify(&CHAIN, LicenceId::from_bytes([7; 32]), account_of(&licensee())), "for licence");
    let stranger = account_of(&SigningKey::from_bytes(&[4; 32]));
    refused(read.verify(&CHAIN, LICENCE, stranger), "reader key");
    let swapped = text.replace(&"09".repeat(32), &"08".repeat(32));
    let swapped = UnverifiedReaderKey::from_text(swapped.as_bytes()).unwrap();
    refused(swapped.verify(&CHAIN, LICENCE, account_of(&licensee())), "reader key");
}

#[test]
fn what_is_no_reader_key_is_refused() {
    for text in ["", "{}", "[]", "{\"chain\": 1}"] {
        refused(UnverifiedReaderKey::from_text(text.as_bytes()), "ask the licensee");
    }
    refused(UnverifiedReaderKey::from_text(&[b' '; READER_KEY_BYTES_MAX + 1]), "longer than 4096");
}

proptest! {
    #[test]
    fn any_bytes_are_read_as_a_reader_key_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = UnverifiedReaderKey::from_text(&bytes);
    }
}

fn terms() -> OfferTerms {
    OfferTerms {
        record: None,
        allowed: AllowedUse { purposes: Purposes::HEALTH_RESEARCH, disease: 0, regions: Regions::ALL },
        price_min: Amount::new(1),
        term_days_max: 30,
        embargo: Day(0),
        custodian: AccountId::from_bytes([5; 32]),
    }
}

#[test]
fn an_offer_says_what_the_file_is_and_a_cut_file_is_not_offered() {
    let mut rng = StdRng::seed_from_u64(1);
    let key = SecretKey::random(&mut rng);
    let (mut file, plaintext) = (vec![], vec![7; 70_000]);
    let manifest = encrypt(&[key.public_key()], &plaintext[..], &mut file, &mut rng).unwrap();
    let prepared = prepare(&file[..], &manifest, &terms()).unwrap();
    let body = &file[prepared.header.len()..];
    assert_eq!((prepared.offer.body, prepared.offer.header), (sha256(body), sha256(&prepared.header)));
    assert_eq!((prepared.offer.body_bytes, prepared.offer.plaintext_bytes), (body.len() as u64, 70_000));
    let cut = &file[..prepared.header.len() + 65_564];
    assert!(matches!(prepare(cut, &manifest, &terms()), Err(Error::Crypt4ghBody { .. })));
    assert!(matches!(prepare(&b"no file"[..], &manifest, &terms()), Err(Error::Crypt4gh { .. })));
    let other = BodyManifest::new(manifest.plaintext_bytes(), manifest.body_bytes(), sha256(b"other"));
    assert!(matches!(prepare(&file[..], &other, &terms()), Err(Error::Crypt4ghBody { .. })));
}

#[test]
fn uses_are_told_in_the_words_of_consents_and_none_is_left_out() {
    let asked = DataUse { purposes: Purposes(0b1000_0010), disease: 4, regions: Regions(0b101) };
    assert_eq!(use_in_words(&asked), "health-research, others (bits 0b10000000); disease 4; regions 0b101");
    assert_eq!(allowed_in_words(&terms().allowed), "health-research; any disease; every region");
    let one = AllowedUse { disease: 4, ..terms().allowed };
    assert!(allowed_in_words(&one).contains("only disease 4"));
}
