//! Files and letters: what they mean, and what is refused.

use circuits::{
    consent::{Day, Purposes},
    criteria::Clause,
    domain::ByteTag,
    id::ChainId,
    schema::{Attribute, Schema, Sensitivity, Variant, VariantPanel},
};
use node::query::SealingKey;
use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};

use super::{
    letter::{open_letter, padded, seal_letter, sealed_bytes},
    *,
};
use crate::{
    query::NamedClause,
    sealing::{SealingContext, SealingSecretKey, seal_deterministic},
};

fn attribute(name: &str, scale: u32, sensitivity: Sensitivity) -> Attribute {
    let (name, unit, coding) = (name.into(), "a".into(), String::new());
    Attribute { name, unit, coding, scale, lo: 0, hi: 1_200, digits: 2, sensitivity }
}

fn schema() -> Schema {
    let variant = Variant { chrom: "20".into(), pos: 10, reference: "A".into(), alternate: "G".into() };
    let panel = VariantPanel { build: "GRCh37".into(), variants: [variant].into() };
    let attributes =
        vec![attribute("age", 10, Sensitivity::Public), attribute("viral load", 1, Sensitivity::Sensitive)];
    Schema { name: "tests".into(), attributes, panel: panel.reference().unwrap() }
}

const TEXT: &str = r#"
study = "0101010101010101010101010101010101010101010101010101010101010101"
schema = "0202020202020202020202020202020202020202020202020202020202020202"
purposes = ["health-research"]
price = 500
responses_max = 40
days = 7
criteria = [[{ attribute = "age", lo = 18, hi = 64.5 }]]
"#;

fn sealing() -> SealingKey {
    SealingKey::new(vec![1])
}

#[test]
fn a_file_means_a_screening_that_the_ledger_could_take() {
    let file = ScreeningFile::from_toml("screening.toml", TEXT).unwrap();
    let screening = file.resolve(&schema(), Day(20_000), sealing()).unwrap();
    let clause = Clause { attribute: 0, lo: 180, hi: 645, negated: false };
    assert_eq!(screening.criteria.groups, [vec![clause]]);
    assert_eq!((screening.opening, screening.closing), (Day(20_000), Day(20_007)));
    assert_eq!((screening.price.get(), screening.responses_max, screening.data_use.regions.0), (500, 40, 1));
    let folder = tempfile::tempdir().unwrap();
    let (toml, json) = (folder.path().join("s.toml"), folder.path().join("s.json"));
    std::fs::write(&toml, TEXT).unwrap();
    std::fs::write(&json, serde_json::to_vec(&file).unwrap()).unwrap();
    assert_eq!(ScreeningFile::open(&toml).unwrap(), file);
    assert_eq!(ScreeningFile::open(&json).unwrap(), file);
    let absent = ScreeningFile::open(&folder.path().join("absent.toml")).unwrap_err().to_string();
    assert!(absent.contains("read the screening file"), "{absent}");
}

#[test]
fn what_no_screening_can_have_is_refused_by_name() {
    let altered = |from: &str, to: &str| {
        assert!(TEXT.contains(from));
        ScreeningFile::from_toml("screening.toml", &TEXT.replacen(from, to, 1))
            .and_then(|file| file.resolve(&schema(), Day(20_000), sealing()))
            .unwrap_err()
            .to_string()
    };
    for (from, to, text) in [
        (r#"attribute = "age""#, r#"attribute = "shoe size""#, "no attribute \"shoe size\"; it has age, viral load"),
        (r#"attribute = "age""#, r#"variant = "20:10 A>G""#, "people have 0, 1 or 2 copies"),
        (
            r#"attribute = "age", lo = 18, hi = 64.5"#,
            r#"variant = "20:10 A>G", lo = 1, hi = 2"#,
            "panel is not at hand",
        ),
        (r#"attribute = "age", lo = 18, hi = 64.5"#, r#"attribute = "viral load", lo = 18, hi = 64"#, "sensitive"),
        ("lo = 18", "lo = 80", "holds no value"),
        ("lo = 18", "lo = 18.05", "multiples of 1/10"),
        ("health-research", "marketing", "is none of general-research"),
        ("responses_max = 40", "responses_max = 0", "at least 1"),
        ("responses_max = 40", "responses_max = 65537", "65536"),
        ("days = 7", "days = 7\nepsilon = 1", "unknown field"),
        ("days = 7", "", "missing field"),
        ("price = 500", "price = -1", "screening.toml"),
        ("0101", "01", "screening.toml"),
    ] {
        let refusal = altered(from, to);
        assert!(refusal.contains(text), "{to}: {refusal} does not say {text}");
        assert!(!refusal.contains("query file"), "{refusal}");
    }
}

fn invitation() -> Invitation {
    Invitation { title: "A trial".into(), about: "Two visits.\nNo cost.".into(), answering: "Write an address.".into() }
}

#[test]
fn letters_of_a_kind_have_one_length_and_open_for_their_reader_alone() {
    let (reader, other) = (key(1), key(2));
    let context = |byte| SealingContext::new(ByteTag::Contact, &ChainId::from_bytes([byte; 32]), &[]);
    let mut rng = StdRng::seed_from_u64(3);
    for text in ["a", &"b".repeat(CONTACT_BYTES_MAX)] {
        let contact = Contact::new(text).unwrap();
        let sealed = seal_letter(&reader.public_key(), &context(1), &contact, &mut rng).unwrap();
        assert_eq!(sealed.len(), sealed_bytes::<Contact>());
        assert_eq!(open_letter::<Contact>(&reader, &context(1), &sealed).unwrap(), contact);
        assert!(open_letter::<Contact>(&other, &context(1), &sealed).is_err());
        assert!(open_letter::<Contact>(&reader, &context(2), &sealed).is_err());
        assert!(open_letter::<Invitation>(&reader, &context(1), &sealed).is_err());
        assert_eq!(format!("{contact:?}"), "Contact(redacted)");
    }
}

fn key(seed: u64) -> SealingSecretKey {
    SealingSecretKey::random(&mut StdRng::seed_from_u64(seed))
}

#[test]
fn a_letter_that_a_stranger_sealed_is_checked_again() {
    let (reader, context) = (key(1), SealingContext::new(ByteTag::Invitation, &ChainId::from_bytes([1; 32]), &[]));
    let open = |bytes: &[u8]| {
        let sealed = seal_deterministic(&reader.public_key(), &context, bytes, &[4; 64]).unwrap();
        open_letter::<Invitation>(&reader, &context, &sealed).map_err(|error| error.to_string())
    };
    let sound = padded(&invitation()).unwrap();
    assert_eq!(open(&sound).unwrap(), invitation());
    assert!(open(&sound[1..]).unwrap_err().contains("another length"));
    let mut trailing = sound.to_vec();
    *trailing.last_mut().unwrap() = 1;
    assert!(open(&trailing).unwrap_err().contains("something follows"));
    assert!(open(&vec![255; sound.len()]).unwrap_err().contains("does not decode"));
    let escape = Invitation { title: "\u{1b}[2J".into(), ..invitation() };
    let mut raw = borsh::to_vec(&escape).unwrap();
    raw.resize(sound.len(), 0);
    assert!(open(&raw).unwrap_err().contains("U+001B"));
}

#[test]
fn texts_beyond_their_bounds_are_not_sent() {
    let long = |bytes| "x".repeat(bytes);
    for (broken, text) in [
        (Invitation { title: " \n".into(), ..invitation() }, "its title is empty"),
        (Invitation { title: long(INVITATION_TITLE_BYTES_MAX + 1), ..invitation() }, "at most 200"),
        (Invitation { about: long(INVITATION_TEXT_BYTES_MAX + 1), ..invitation() }, "at most 1920"),
        (Invitation { answering: "left \u{202e}right".into(), ..invitation() }, "U+202E"),
    ] {
        assert!(padded(&broken).unwrap_err().to_string().contains(text), "{text}");
    }
    for contact in ["", "a\rb", &long(CONTACT_BYTES_MAX + 1)] {
        assert!(Contact::new(contact).is_err(), "{contact:?}");
    }
}

prop_compose! {
    fn clause()(lo in 0u32..1_200, width in 0u32..100, negated: bool) -> NamedClause {
        let [lo, hi] = [lo, (lo + width).min(1_200)].map(|stored| f64::from(stored) / 10.0);
        NamedClause { attribute: Some("age".into()), variant: None, lo, hi, negated }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_file_survives_both_formats_and_keeps_its_meaning(
        criteria in proptest::collection::vec(proptest::collection::vec(clause(), 1..3), 0..4),
        issuers in proptest::collection::btree_set(any::<[u8; 32]>(), 0..=8),
        (price, responses_max, days) in (0u64..1 << 40, 1u32..=65_536, 0u32..365),
        (disease, regions) in any::<(u32, u32)>(),
    ) {
        let base = ScreeningFile::from_toml("screening.toml", TEXT).unwrap();
        let issuers = issuers.into_iter().map(circuits::id::AccountId::from_bytes).collect();
        let file = ScreeningFile { criteria, issuers, price, responses_max, days, disease, regions, ..base };
        let toml = ScreeningFile::from_toml("t", &toml::to_string(&file).unwrap()).unwrap();
        let json: ScreeningFile = serde_json::from_str(&serde_json::to_string(&file).unwrap()).unwrap();
        prop_assert_eq!(&toml, &file);
        prop_assert_eq!(&json, &file);
        let screening = file.resolve(&schema(), Day(20_000), sealing()).unwrap();
        prop_assert_eq!(screening.responses_max, responses_max);
        let stored = screening.criteria.groups.iter().flatten().map(|clause| (clause.lo, clause.hi));
        let named = file.criteria.iter().flatten().map(|named| {
            ((named.lo * 10.0).round() as u32, (named.hi * 10.0).round() as u32)
        });
        prop_assert!(stored.eq(named));
    }

    #[test]
    fn no_text_makes_a_file_panic(text in "\\PC{0,200}") {
        prop_assert!(ScreeningFile::from_toml("t", &text).is_err());
        prop_assert!(ScreeningFile::from_toml("t", &TEXT.replacen("health-research", &text, 1))
            .is_ok_and(|file| file.resolve(&schema(), Day(1), sealing()).is_ok()) == (text == "health-research"));
    }
}

#[test]
fn a_screening_that_promises_nothing_demands_that_nobody_requires_anything() {
    let demanded = |text: &str| {
        let file = ScreeningFile::from_toml("screening.toml", text).unwrap();
        file.resolve(&schema(), Day(20_000), sealing()).map(|screening| screening.data_use.purposes)
    };
    let silent = Purposes::HEALTH_RESEARCH.union(Purposes::NOTHING_REQUIRED);
    assert_eq!(demanded(TEXT).unwrap(), silent);
    let declared = "[data_use]\npurpose = \"health-research\"\nmethods = false\nfor_profit = false\n\
                    commercial = false\ngenetic = false\nethics_approval = \"REC-1\"\n";
    let approved = TEXT.replace("purposes = [\"health-research\"]\n", "") + declared;
    assert_eq!(demanded(&approved).unwrap(), silent.without(Purposes::WITHOUT_ETHICS_APPROVAL));
    let twice = demanded(&(TEXT.to_owned() + declared)).unwrap_err().to_string();
    assert!(twice.contains("keep one of the two"), "{twice}");
}
