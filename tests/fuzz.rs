//! A fuzz target for each decoder of untrusted bytes. Under `cargo test` each runs briefly on mutated valid inputs and
//! random bytes; `cargo bolero test` drives the same targets with libFuzzer. (VCF import has its targets beside it.)

use std::{fs, sync::OnceLock};

use bolero::check;
use circuits::{
    consent::Day,
    contribution::{self, CONTRIBUTION_BYTES, ContributionTerms, ContributionVerifier, UnverifiedContribution},
    eligibility::{
        EligibilityProof, EligibilityVerifier, PROOF_BYTES, ProvingKey, VerifyingKey, insecure_proving_key_from_seed,
    },
    id::{AccountId, ChainId},
    layout::Layout,
    rlwe::{Ciphertext, params::CIPHERTEXT_BYTES},
    schema::{Schema, VariantPanel},
};
use market::{
    crypt4gh::{self, Header, SecretKey, encrypt},
    data_use::{DataUseTerms, DiseaseHierarchy, DuoDocument, Modifier, Permission, fhir},
    import::clinical::{CheckedMapping, ClinicalFile, MAPPING_EXAMPLE, Mapping, convert},
    passport::{TrustedIssuers, UnverifiedVisa, check_passport},
    receipt::{Receipt, file::AnyReceipt, screening},
};
use node::{
    block::Block,
    transaction::{Action, Transaction, Transfer},
    units::{Amount, Timestamp},
};

use super::statements;

/// Rounds of each target under `cargo test`.
const ITERATIONS: usize = 2_000;

/// A valid input with some bytes replaced and its tail cut or grown.
fn mutated(valid: &[u8], edits: &[(u32, u8)], length_change: i8) -> Vec<u8> {
    let mut bytes = valid.to_vec();
    let length = bytes.len().max(1);
    for (place, value) in edits {
        if let Some(byte) = bytes.get_mut(*place as usize % length) {
            *byte = *value;
        }
    }
    bytes.resize(bytes.len().saturating_add_signed(length_change.into()), 0xa5);
    bytes
}

type Edits = (Vec<(u32, u8)>, i8);

fn transaction() -> Vec<u8> {
    let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    let transfer = Transfer { to: AccountId::from_bytes([1; 32]), amount: Amount::new(5) };
    let signed = Transaction::sign(ChainId::from_bytes([2; 32]), &key, 3, Action::Transfer(transfer)).unwrap();
    signed.to_bytes().unwrap()
}

#[test]
fn transactions_decode_or_are_refused_and_reencode_to_themselves() {
    let valid = transaction();
    assert!(Transaction::from_bytes(&valid).is_ok());
    check!().with_iterations(ITERATIONS).with_type::<Edits>().for_each(|(edits, change)| {
        let bytes = mutated(&valid, edits, *change);
        if let Ok(decoded) = Transaction::from_bytes(&bytes) {
            assert_eq!(decoded.to_bytes().unwrap(), bytes, "a second encoding of one transaction");
        }
    });
    check!().with_iterations(ITERATIONS).for_each(|bytes: &[u8]| drop(Transaction::from_bytes(bytes)));
}

#[test]
fn blocks_decode_or_are_refused_and_reencode_to_themselves() {
    let valid = crate::api::server::Server::start().get_bytes("/v1/blocks/1").body;
    assert!(!Block::from_bytes(&valid).unwrap().transactions.is_empty());
    check!().with_iterations(ITERATIONS).with_type::<Edits>().for_each(|(edits, change)| {
        let bytes = mutated(&valid, edits, *change);
        if let Ok(block) = Block::from_bytes(&bytes) {
            assert_eq!(block.to_bytes().unwrap(), bytes, "a second encoding of one block");
        }
    });
    check!().with_iterations(ITERATIONS).for_each(|bytes: &[u8]| drop(Block::from_bytes(bytes)));
}

#[test]
fn proofs_of_altered_or_arbitrary_bytes_never_verify_and_never_panic() {
    let key = eligibility_key();
    let verifier = EligibilityVerifier::new(key.verifying_key(), &statements::terms()).unwrap();
    let (instance, proof) = statements::proven(key);
    let valid = *proof.as_bytes();
    check!().with_iterations(200).with_type::<Vec<(u32, u8)>>().for_each(|edits| {
        let bytes: [u8; PROOF_BYTES] = mutated(&valid, edits, 0).try_into().unwrap();
        let verdict = verifier.verify(&instance, &EligibilityProof::from_bytes(bytes));
        assert_eq!(verdict.is_ok(), bytes == valid, "{edits:?}");
    });
    check!().with_iterations(200).with_type::<[u8; PROOF_BYTES]>().for_each(|bytes| {
        assert!(verifier.verify(&instance, &EligibilityProof::from_bytes(*bytes)).is_err());
    });
}

#[test]
fn contributions_of_altered_proofs_and_openings_never_verify_and_never_panic() {
    let key = contribution::insecure_proving_key_from_seed([0; 32]).unwrap();
    let (terms, committee) = (statements::contribution_terms(), statements::committee());
    let verifier = ContributionVerifier::new(key.verifying_key(), &terms, &committee).unwrap();
    let (instance, proven) = statements::contributed(&key);
    let valid = borsh::to_vec(&proven).unwrap();
    assert_eq!(valid.len(), CONTRIBUTION_BYTES);
    check!().with_iterations(200).with_type::<Edits>().for_each(|(edits, change)| {
        let bytes = mutated(&valid, edits, *change);
        if let Ok(contribution) = borsh::from_slice::<UnverifiedContribution>(&bytes) {
            assert_eq!(verifier.verify(&instance, &contribution).is_ok(), bytes == valid, "{edits:?}");
            assert_eq!(borsh::to_vec(&contribution).unwrap(), bytes);
        }
    });
}

#[test]
fn terms_of_arbitrary_bytes_are_refused_or_checked_without_panic() {
    let terms = ContributionTerms { layout: Layout::genotypes(0, 0, 1024), ..statements::contribution_terms() };
    let valid = borsh::to_vec(&terms).unwrap();
    check!().with_iterations(ITERATIONS).with_type::<Edits>().for_each(|(edits, change)| {
        if let Ok(terms) = borsh::from_slice::<ContributionTerms>(&mutated(&valid, edits, *change)) {
            drop(terms.check());
            assert_eq!(borsh::from_slice::<ContributionTerms>(&borsh::to_vec(&terms).unwrap()).unwrap(), terms);
        }
    });
}

#[test]
fn verifying_keys_decode_only_to_themselves() {
    let valid = borsh::to_vec(eligibility_key().verifying_key()).unwrap();
    check!().with_iterations(50).with_type::<Edits>().for_each(|(edits, change)| {
        let bytes = mutated(&valid, edits, *change);
        if let Ok(key) = borsh::from_slice::<VerifyingKey>(&bytes) {
            assert_eq!(borsh::to_vec(&key).unwrap(), bytes);
        }
    });
}

#[test]
fn ciphertexts_decode_only_from_their_canonical_bytes() {
    let valid = vec![0; CIPHERTEXT_BYTES];
    assert!(Ciphertext::from_packed_bytes(&valid).is_ok());
    check!().with_iterations(200).with_type::<Edits>().for_each(|(edits, change)| {
        let bytes = mutated(&valid, edits, *change);
        if let Ok(ciphertext) = Ciphertext::from_packed_bytes(&bytes) {
            assert_eq!(ciphertext.to_packed_bytes(), bytes);
        }
    });
}

#[test]
fn receipts_of_arbitrary_text_are_refused() {
    check!().with_iterations(ITERATIONS).for_each(|bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        assert!(Receipt::from_json(&text).is_err());
        assert!(AnyReceipt::from_json(&text).is_err());
    });
}

/// The world's double accepts the proofs in it, and no receipt's check does: it holds up to its last rule.
fn screening_receipt() -> String {
    let server = crate::api::server::Server::start();
    let id = crate::api::screenings::screened(&server, 2);
    let ledger = web::client::RemoteLedger::connect(server.remote()).unwrap();
    let receipt = screening::collect(&ledger, id).unwrap();
    let refused = screening::verify(&receipt).unwrap_err().to_string();
    assert!(refused.contains("S4 proofs"), "{refused}");
    receipt.to_json().unwrap()
}

/// A receipt with some bytes replaced, half of the time cut.
fn altered(valid: &str, edits: &[(u16, u8)], cut: u16) -> String {
    let mut bytes = valid.as_bytes().to_vec();
    let place = |share: u16| usize::from(share) * valid.len() / (usize::from(u16::MAX) + 1);
    edits.iter().for_each(|(share, value)| bytes[place(*share)] = *value);
    bytes.truncate(if cut.is_multiple_of(2) { valid.len() } else { place(cut) });
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn altered_receipts_of_screenings_are_refused_without_panic() {
    let valid = screening_receipt();
    check!().with_iterations(ITERATIONS).with_type::<(Vec<(u16, u8)>, u16)>().for_each(|(edits, cut)| {
        let receipt = AnyReceipt::from_json(&altered(&valid, edits, *cut));
        assert!(receipt.and_then(|receipt| receipt.verify(None)).is_err());
    });
}

#[test]
fn altered_receipts_of_releases_are_refused_or_say_the_same_without_panic() {
    let valid = fs::read_to_string(crate::demo::eight().receipt()).unwrap();
    let expected = Receipt::from_json(&valid).unwrap().result;
    check!().with_iterations(150).with_type::<(Vec<(u16, u8)>, u16)>().for_each(|(edits, cut)| {
        if let Ok(receipt) = Receipt::from_json(&altered(&valid, edits, *cut))
            && AnyReceipt::Release(Box::new(receipt.clone())).verify(None).is_ok()
        {
            assert_eq!(receipt.result, expected);
        }
    });
}

/// A Crypt4GH file for a key.
fn crypt4gh_file(key: &SecretKey) -> Vec<u8> {
    let mut file = vec![];
    encrypt(&[key.public_key()], &b"a genome"[..], &mut file, &mut rand::rng()).unwrap();
    file
}

#[test]
fn crypt4gh_files_decrypt_only_as_they_were_written() {
    let key = SecretKey::from_bytes([5; 32]);
    let valid = crypt4gh_file(&key);
    check!().with_iterations(ITERATIONS).with_type::<Edits>().for_each(|(edits, change)| {
        let bytes = mutated(&valid, edits, *change);
        let mut body = bytes.as_slice();
        let Ok(header) = Header::read(&mut body) else { return };
        assert_eq!(bytes, [header.to_bytes().unwrap().as_slice(), body].concat());
        if let Ok(decrypted) = header.open(&key).and_then(|header| header.decrypt(body, vec![])) {
            // A body may lose its only segment; nothing else passes.
            assert!([&b""[..], b"a genome"].contains(&decrypted.into_unverified().as_slice()));
        }
    });
    check!().with_iterations(ITERATIONS).for_each(|bytes: &[u8]| drop(Header::from_bytes(bytes)));
}

#[test]
fn crypt4gh_key_files_of_arbitrary_text_are_refused_or_read() {
    let path = std::path::Path::new("key");
    let valid = SecretKey::from_bytes([5; 32]).to_file(&crypt4gh::KeyProtection::None, &mut rand::rng()).unwrap();
    check!().with_iterations(ITERATIONS).with_type::<Edits>().for_each(|(edits, change)| {
        let bytes = mutated(valid.as_bytes(), edits, *change);
        let text = String::from_utf8_lossy(&bytes);
        let no_passphrase = || Err(market::Error::WrongPassphrase { path: path.into() });
        if let Ok(key) = SecretKey::from_file(path, &text, no_passphrase) {
            assert_eq!(crypt4gh::PublicKey::from_file(path, &key.public_key().to_file()).unwrap(), key.public_key());
        }
        drop(crypt4gh::PublicKey::from_file(path, &text));
    });
}

fn clinical_mapping() -> CheckedMapping {
    let mapping = Mapping::parse("mapping", MAPPING_EXAMPLE).unwrap();
    let panel = VariantPanel { build: "GRCh37".into(), variants: vec![] }.reference().unwrap();
    let schema = Schema { name: "fuzz".into(), attributes: mapping.definitions("mapping").unwrap(), panel };
    mapping.check("mapping", &schema).unwrap()
}

fn assert_clinical_file_is_converted_or_refused_by_name(name: &str, bytes: Vec<u8>, mapping: &CheckedMapping) {
    match convert(&[ClinicalFile { name: name.into(), bytes }], mapping, None, Day(18_262)) {
        Ok(conversion) => assert_eq!(conversion.rows.len(), conversion.report.people.len()),
        Err(error) => assert!(error.to_string().starts_with(name), "{error}"),
    }
}

#[test]
fn clinical_files_of_any_bytes_are_converted_or_refused() {
    let (mapping, data) = (clinical_mapping(), concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/clinical"));
    let valid = ["hl7/patient-examples-general.json", "phenopackets/covid19.json"];
    for (place, path) in valid.iter().enumerate() {
        let valid = std::fs::read(format!("{data}/{path}")).unwrap();
        let name = ["bundle.json", "packet.json"][place];
        check!().with_iterations(200).with_type::<Edits>().for_each(|(edits, change)| {
            assert_clinical_file_is_converted_or_refused_by_name(name, mutated(&valid, edits, *change), &mapping);
        });
    }
    for name in ["any.json", "any.ndjson", "any.csv", "any.tsv"] {
        check!().with_iterations(200).for_each(|bytes: &[u8]| {
            assert_clinical_file_is_converted_or_refused_by_name(name, bytes.to_vec(), &mapping);
        });
    }
}

#[test]
fn mappings_of_any_text_are_read_or_refused() {
    check!().with_iterations(200).with_type::<Edits>().for_each(|(edits, change)| {
        let bytes = mutated(MAPPING_EXAMPLE.as_bytes(), edits, *change);
        if let Ok(mapping) = Mapping::parse("mapping", &String::from_utf8_lossy(&bytes)) {
            drop(mapping.definitions("mapping"));
        }
    });
}

#[test]
fn consent_documents_of_arbitrary_text_give_terms_or_are_refused() {
    let terms =
        DataUseTerms::new(Permission::HealthResearch, [Modifier::EthicsApproval, Modifier::NoAncestry]).unwrap();
    let valid = fhir::write(&terms, Day(20_000)).unwrap().to_string();
    check!().with_iterations(ITERATIONS).with_type::<Edits>().for_each(|(edits, change)| {
        let text = String::from_utf8_lossy(&mutated(valid.as_bytes(), edits, *change)).into_owned();
        if let Ok(fhir::Imported { terms: Some(read), .. }) = fhir::read(&text, Day(20_000)) {
            let again = fhir::write(&read, Day(20_000)).unwrap().to_string();
            assert_eq!(fhir::read(&again, Day(20_000)).unwrap().terms, Some(read));
        }
    });
    check!().with_iterations(ITERATIONS).for_each(|bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        assert!(fhir::read(&text, Day(20_000)).is_err());
        if let Ok(document) = serde_json::from_str::<DuoDocument>(&text) {
            drop(document.terms(Day(20_000)));
        }
        assert!(DiseaseHierarchy::from_obo("fuzz", bytes).is_err());
    });
}

#[test]
fn passports_of_arbitrary_text_are_refused() {
    let trust = TrustedIssuers::default();
    check!().with_iterations(ITERATIONS).for_each(|bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let visas = check_passport(&text, &trust, Timestamp::new(0)).unwrap_or_default();
        assert!(visas.iter().all(|visa| visa.outcome.is_err()), "{text}");
        assert!(UnverifiedVisa::parse(&text).is_err());
    });
}

fn eligibility_key() -> &'static ProvingKey {
    static KEY: OnceLock<ProvingKey> = OnceLock::new();
    KEY.get_or_init(|| insecure_proving_key_from_seed([0; 32]).unwrap())
}
