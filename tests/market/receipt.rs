//! A receipt verifies offline, and no altered one does.

use std::sync::OnceLock;

use circuits::{
    contribution::{ContributionStatement, ContributionVerifier, ContributionWitness, prove},
    eligibility::binding,
    id::{AccountId, ChainId, Evaluation, QueryId},
    quorum::Quorum,
    rlwe::{Plaintext, encrypt},
};
use market::{
    Error,
    ledger::{LedgerAccess, settle, sync_tree},
    objects::{BlobKind, Objects, put},
    receipt::{Receipt, collect, verify, verify_watched},
    researcher::decrypt,
    wallet::Wallet,
};
use node::{
    block::SignedHeader,
    committee_key,
    signature::sign,
    transaction::{Attestation, Contribution, ContributionPart, Receipt as AvailabilityReceipt, Transaction},
    units::Height,
};
use proptest::prelude::*;

use crate::world::{FOUR_PEOPLE_SUMS, World, four_people, member, proving_key};

/// The receipt of a released query, made once for all tests.
fn released() -> Receipt {
    evidence().0
}

/// That receipt, and the header of the block before the release.
fn evidence() -> (Receipt, SignedHeader) {
    static EVIDENCE: OnceLock<(Receipt, SignedHeader)> = OnceLock::new();
    EVIDENCE.get_or_init(release).clone()
}

fn release() -> (Receipt, SignedHeader) {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::ready(folder.path(), Quorum::DEFAULT);
    let mut wallets = world.people(&four_people());
    let query = world.query(2, 10);
    world.answer_all(&mut wallets, query);
    world.seal(query);
    world.aggregate(query).unwrap();
    world.work();
    let result = decrypt(world.ledger(), world.blobs.as_ref(), &world.keys.researcher, query).unwrap();
    let receipt = collect(world.ledger(), world.blobs.as_ref(), query, result.components(), result.slots()).unwrap();
    let before = Height::new(receipt.header.header.height.get() - 1);
    (receipt, world.ledger().header(before).unwrap().unwrap())
}

fn refused(receipt: &Receipt, says: &str) {
    let error = verify(receipt, None).unwrap_err().to_string();
    assert!(error.contains(says), "{error:?} does not say {says:?}");
}

#[test]
fn a_receipt_verifies_from_its_text_alone() {
    let receipt = released();
    let read = Receipt::from_json(&receipt.to_json().unwrap()).unwrap();
    let verified = verify(&read, None).unwrap();
    assert_eq!(verified.chain(), receipt.genesis.chain_id().unwrap());
    assert_eq!(verified.records(), 4);
    assert_eq!(verified.result(), [vec![4], FOUR_PEOPLE_SUMS.to_vec()]);
    assert_eq!(
        verified.checks().iter().map(|check| check.rule).collect::<Vec<_>>(),
        ["R1", "R2", "R3", "R4", "R5", "R6", "R7"]
    );
}

#[test]
fn each_check_is_told_as_it_ends_and_none_behind_the_one_that_fails() {
    let heard = |receipt: &Receipt| {
        let mut heard = vec![];
        let outcome = verify_watched(receipt, None, &mut |check| heard.push(check.clone()));
        (outcome, heard)
    };
    let mut receipt = released();
    let (verified, whole) = heard(&receipt);
    assert_eq!(whole, verified.unwrap().checks());
    receipt.result[0][0] += 1;
    let (refused, all_but_the_last) = heard(&receipt);
    assert!(refused.unwrap_err().to_string().contains("R7"));
    assert_eq!(all_but_the_last, whole[..6]);
    receipt.contributions.pop();
    let (refused, first_two) = heard(&receipt);
    assert!(refused.unwrap_err().to_string().contains("R3"));
    assert_eq!(first_two, whole[..2]);
}

/// An answer whose first ciphertext encrypts nothing, while its proof is of another one: no member looked.
fn unchecked(world: &mut World, wallet: &Wallet, query: QueryId) -> Contribution {
    let (state, chain, tree) = (world.state(query), world.ledger.chain(), sync_tree(world.ledger()).unwrap());
    let key = committee_key(world.ledger(), chain, &state).unwrap();
    let (holding, payout) = (&wallet.holdings()[0], AccountId::from_bytes([7; 32]));
    let mut contribution = Contribution { query, payout, parts: vec![] };
    for part in 0..2 {
        let terms = state.terms(query, part).unwrap();
        let record = &holding.record;
        let plaintext = terms.layout.plaintext(&terms.matching, &record.attributes, &record.genotypes).unwrap();
        let (proven, randomness) = encrypt(&key, &plaintext, &mut world.rng);
        let path = tree.tree.path(holding.leaf.get()).unwrap();
        let encrypted = (&key, &proven, randomness);
        let epoch = holding.registration_epoch.get();
        let witness =
            ContributionWitness::new(&terms, record, holding.consent.clone(), epoch, path, encrypted).unwrap();
        let nothing = encrypt(&key, &Plaintext::new(vec![]).unwrap(), &mut world.rng).0;
        let sent = if part == 0 { nothing } else { proven.clone() };
        let ciphertext = put(world.blobs.as_ref(), BlobKind::Ciphertext, sent.to_packed_bytes()).unwrap().digest;
        let instance = witness.instance(&terms, binding(&chain, &query, part, &payout, &ciphertext));
        let statement = ContributionStatement { terms: &terms, key: &key, instance: &instance };
        let unverified = prove(proving_key(), &statement, &proven, &witness, &mut world.rng).unwrap();
        let verifier = ContributionVerifier::new(proving_key().verifying_key(), &terms, &key).unwrap();
        let gamma = Evaluation::from_element(verifier.challenges(&instance, &unverified.proof).unwrap().gamma);
        let (committee, opening) = (state.committee, unverified.opening);
        let message = Attestation { committee, query, part, ciphertext, gamma, opening }.message(&chain);
        let receipts = (0..).zip(&world.keys.members).map(|(index, key)| AvailabilityReceipt {
            member: member(index),
            signature: sign(&key.signing_key(), &message),
        });
        contribution.parts.push(ContributionPart {
            root: instance.root,
            nullifier: instance.nullifier,
            scope_nullifier: instance.scope_nullifier,
            ciphertext,
            contribution: unverified,
            receipts: receipts.collect(),
        });
    }
    contribution
}

#[test]
fn a_ciphertext_other_than_the_one_proven_is_found_though_every_member_attested_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::ready(folder.path(), Quorum::DEFAULT);
    let mut wallets = world.people(&four_people());
    let query = world.query(2, 10);
    world.answer_all(&mut wallets[1..], query);
    let contribution = unchecked(&mut world, &wallets[0], query);
    let sent = world.ledger().submit(Transaction::Contribute(contribution)).unwrap();
    settle(world.ledger(), sent).unwrap();
    world.seal(query);
    world.aggregate(query).unwrap();
    world.work();
    let result = decrypt(world.ledger(), world.blobs.as_ref(), &world.keys.researcher, query).unwrap();
    assert_eq!(result.slots()[0], [3], "one of four is missing");
    let receipt = collect(world.ledger(), world.blobs.as_ref(), query, result.components(), result.slots()).unwrap();
    refused(&receipt, "is not the one proven");
}

#[test]
fn ciphertexts_may_lie_beside_the_receipt() {
    let mut receipt = released();
    let blobs = Objects::memory();
    for bytes in receipt.contributions.iter().flat_map(|evidence| &evidence.ciphertexts) {
        put(&blobs, BlobKind::Ciphertext, bytes.0.clone()).unwrap();
    }
    receipt.contributions.iter_mut().for_each(|evidence| evidence.ciphertexts.clear());
    refused(&receipt, "give the folder that holds the blobs");
    assert!(verify(&receipt, Some(&blobs)).is_ok());
    assert!(matches!(verify(&receipt, Some(&Objects::memory())), Err(Error::BlobMissing { .. })));
}

#[test]
fn each_altered_piece_fails_its_own_check() {
    let (sound, before) = evidence();
    let mut cases: Vec<(Receipt, &str)> = vec![];
    let mut alter = |change: &dyn Fn(&mut Receipt), says| {
        let mut altered = sound.clone();
        change(&mut altered);
        cases.push((altered, says));
    };
    alter(&|receipt| receipt.result[1][0] += 1, "R7");
    alter(&|receipt| receipt.result[0][0] -= 1, "R7");
    alter(&|receipt| drop(receipt.result.pop()), "R7");
    alter(&|receipt| receipt.genesis.name = "another chain".into(), "this is chain");
    alter(&|receipt| receipt.header = before.clone(), "does not verify against root");
    alter(&|receipt| receipt.header.header.state = before.header.state, "signature");
    alter(&|receipt| receipt.header.certificate = before.certificate.clone(), "signature");
    alter(&|receipt| receipt.header.certificate.signatures.clear(), "certificate");
    alter(&|receipt| receipt.header.header.chain = ChainId::from_bytes([1; 32]), "make it for this chain");
    alter(&|receipt| receipt.query = circuits::id::QueryId::from_bytes([1; 32]), "R2");
    alter(&|receipt| receipt.query_state = receipt.contributions[0].state.clone(), "R2");
    alter(&|receipt| receipt.committee_key = receipt.query_state.clone(), "its committee is not of key 0");
    alter(&|receipt| receipt.committee_key.value = None, "does not verify against root");
    alter(&|receipt| receipt.committee_members = receipt.committee_key.clone(), "not those seated");
    alter(&|receipt| receipt.committee_members.value.as_mut().unwrap()[0] ^= 3, "does not verify against root");
    alter(&|receipt| drop(receipt.contributions.pop()), "not the whole set");
    alter(&|receipt| receipt.contributions.swap(0, 1), "R3");
    alter(&|receipt| receipt.contributions.push(receipt.contributions[0].clone()), "appears twice");
    alter(&|receipt| receipt.contributions[0].contribution = receipt.contributions[1].contribution.clone(), "R3");
    alter(&|receipt| receipt.contributions[0].contribution.parts[0].receipts.clear(), "R3");
    alter(&|receipt| receipt.epochs.clear(), "R4");
    alter(&|receipt| receipt.committee_polynomial.0[7] ^= 1, "the committee's key is not the one");
    alter(&|receipt| receipt.committee_polynomial.0.truncate(7), "committee polynomial");
    alter(&|receipt| receipt.contributions[0].ciphertexts[0].0[5] ^= 1, "R5");
    alter(&|receipt| receipt.contributions[0].ciphertexts.swap(0, 1), "R5");
    alter(&|receipt| receipt.aggregate.signatures.truncate(1), "R5");
    alter(&|receipt| receipt.aggregate.signatures[1] = receipt.aggregate.signatures[0], "R5");
    alter(&|receipt| receipt.aggregate.parts.swap(0, 1), "R5");
    alter(&|receipt| drop(receipt.components[0].pop()), "R6");
    alter(&|receipt| receipt.components[0].swap(0, 1), "R6");
    alter(&|receipt| receipt.components[1][0].0[40] ^= 1, "R6");
    for (altered, says) in &cases {
        refused(altered, says);
    }
}

#[test]
fn a_truncated_file_and_one_of_another_format_are_told_apart_from_a_wrong_one() {
    let receipt = released();
    let text = receipt.to_json().unwrap();
    for length in [0, 1, text.len() / 2, text.len() - 1] {
        assert!(matches!(Receipt::from_json(&text[..length]), Err(Error::Receipt { check: "format", .. })));
    }
    let later = text.replace("locus/v5/receipt", "locus/v6/receipt");
    assert!(Receipt::from_json(&later).unwrap_err().to_string().contains("this program reads locus/v5/receipt"));
    assert!(Receipt::from_json("{}").is_err());
    let headless = text.replace("\"header\":{\"header\"", "\"headers\":{\"header\"");
    assert!(Receipt::from_json(&headless).unwrap_err().to_string().contains("headers"));
}

#[test]
fn no_altered_character_of_the_file_verifies() {
    let receipt = released();
    let text = receipt.to_json().unwrap();
    let mut runner = proptest::test_runner::TestRunner::new_with_rng(
        ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    // Half of the places in the short evidence before the first ciphertext, where a field's letters are.
    let evidence = text.find("\"ciphertexts\"").unwrap();
    let place = prop_oneof![0..evidence, 0..text.len()];
    runner
        .run(&(place, "[0-9a-zA-Z]"), |(place, letter)| {
            let before = text.as_bytes()[place];
            let after = letter.as_bytes()[0];
            // Hex has two spellings of a letter, which read as one value.
            prop_assume!(before.is_ascii_alphanumeric() && !before.eq_ignore_ascii_case(&after));
            let mut altered = text.clone().into_bytes();
            altered[place] = after;
            let altered = String::from_utf8(altered).unwrap();
            let verified = Receipt::from_json(&altered).and_then(|receipt| verify(&receipt, None));
            prop_assert!(verified.is_err(), "{before} became {after} at {place}");
            Ok(())
        })
        .unwrap();
}
