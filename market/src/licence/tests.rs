use circuits::{
    consent::{Day, Purposes, Regions},
    id::{AccountId, ChainId, LicenceId},
};
use ed25519_dalek::SigningKey;
use node::{query::DataUse, signature::account_of, transaction::AllowedUse, units::Amount};
use proptest::prelude::*;
use rand::{SeedableRng as _, rngs::StdRng};

use super::*;
use crate::{
    crypt4gh::{BodyManifest, PublicKey, SecretKey, encrypt},
    data_use::{DataUseTerms, DeclaredUse, Modifier, Permission, Refusal, RegionTable, refused_use},
};

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
        allowed: AllowedUse {
            purposes: Purposes::HEALTH_RESEARCH.union(Purposes::NOTHING_REQUIRED),
            disease: 0,
            regions: Regions::ALL,
        },
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
    let silent = Purposes::HEALTH_RESEARCH.union(Purposes::NOTHING_REQUIRED);
    let asked = DataUse { purposes: silent.union(Purposes(1 << 20)), disease: 4, regions: Regions(0b101) };
    let other = "health-research, others (bits 0b100000000000000000000); disease number 4; regions 1, 3";
    assert_eq!(use_in_words(&asked), other);
    let promising = DataUse { purposes: silent.without(Purposes::WITHOUT_PUBLICATION), ..asked };
    assert!(use_in_words(&promising).ends_with("; promises publication"), "{}", use_in_words(&promising));
    let requiring = AllowedUse { purposes: Purposes::HEALTH_RESEARCH, ..terms().allowed };
    let all = "requires genotypes, ethics-approval, publication, collaboration, return-of-results";
    assert!(allowed_in_words(&requiring).ends_with(all), "{}", allowed_in_words(&requiring));
    assert_eq!(allowed_in_words(&terms().allowed), "health-research; any disease; every region");
    let one = AllowedUse { disease: 4, ..terms().allowed };
    assert!(allowed_in_words(&one).contains("only disease number 4"));
}

fn no_methods_but_with_approval(more: Option<Modifier>) -> DataUseTerms {
    let conditions = [Modifier::NoMethods, Modifier::EthicsApproval].into_iter().chain(more);
    DataUseTerms::new(Permission::HealthResearch, conditions).unwrap()
}

#[test]
fn an_offer_in_data_use_terms_says_all_that_they_say_or_is_refused() {
    let table = RegionTable::default();
    let (allowed, embargo) = offered_use(&no_methods_but_with_approval(None), &table).unwrap();
    assert_eq!(allowed.purposes, no_methods_but_with_approval(None).purposes());
    assert_eq!((allowed.disease, allowed.regions, embargo), (0, Regions::ALL, Day(0)));
    let later = no_methods_but_with_approval(Some(Modifier::PublicationFrom(Day(21_000))));
    assert_eq!(offered_use(&later, &table).unwrap().1, Day(21_000));
    let names = || ["uni.example".parse().unwrap()].into();
    for (condition, term) in [
        (Modifier::Users(names()), "DUO:0000026"),
        (Modifier::Projects(names()), "DUO:0000027"),
        (Modifier::Institutions(names()), "DUO:0000028"),
        (Modifier::ResearchKinds(names()), "DUO:0000012"),
        (Modifier::Until(Day(21_000)), "DUO:0000025"),
        (Modifier::Countries(["CH".parse().unwrap()].into()), "no region"),
    ] {
        refused(offered_use(&no_methods_but_with_approval(Some(condition)), &table), term);
    }
}

#[test]
fn a_use_that_an_offer_does_not_allow_is_refused_with_each_term_and_its_remedy() {
    let (allowed, _) = offered_use(&no_methods_but_with_approval(None), &RegionTable::default()).unwrap();
    let text =
        "purpose = \"health-research\"\nmethods = true\nfor_profit = false\ncommercial = false\ngenetic = true\n";
    let methods = DeclaredUse::from_toml("use.toml", text).unwrap();
    let asked = |declared: &DeclaredUse| declared.demand(&RegionTable::default());
    let told: Vec<_> = refused_use(&allowed, &asked(&methods)).iter().map(Refusal::for_researcher).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].contains("DUO:0000015 NMDS, no general methods research: The researcher can ask again"),
        "{told:?}"
    );
    assert!(told[1].contains("DUO:0000021 IRB") && told[1].contains("ethics_approval"), "{told:?}");
    let sound = DeclaredUse { methods: false, ethics_approval: Some("REC-1".into()), ..methods };
    assert_eq!(refused_use(&allowed, &asked(&sound)), []);
}

proptest! {
    /// The words and the ledger decide alike.
    #[test]
    fn a_use_has_a_reason_against_it_exactly_when_the_ledger_refuses_it(
        allowed in (0u32..1 << 14, 0u32..3, 0u32..8),
        asked in (0u32..1 << 14, 0u32..3, 0u32..8),
        keeps in any::<bool>(),
    ) {
        let purposes = Purposes(if keeps { asked.0 & allowed.0 } else { asked.0 });
        let asked = DataUse { purposes, disease: asked.1, regions: Regions(asked.2) };
        let allowed = AllowedUse { purposes: Purposes(allowed.0), disease: allowed.1, regions: Regions(allowed.2) };
        let refusals = refused_use(&allowed, &asked);
        prop_assert_eq!(refusals.is_empty(), allowed.check(&asked).is_ok(), "{:?}", refusals);
    }
}
