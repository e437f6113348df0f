//! A screening's receipt verifies offline, and no altered one does.

use std::sync::OnceLock;

use circuits::{
    id::{ChainId, ScreeningId},
    quorum::Quorum,
};
use market::{
    Error,
    ledger::act,
    receipt::{
        RECEIPT_BYTES_MAX,
        file::{AnyReceipt, AnyVerifiedReceipt},
        screening::{CertifiedBy, Collected, ScreeningReceipt, collect, collect_watched, verify},
    },
    recruitment::Contact,
};
use node::{
    StateProof,
    screening::RESPONSES_MAX,
    state::StateKey,
    transaction::{Action, ConsortiumChange},
    units::ResponseIndex,
    validator::Validator,
};
use proptest::prelude::*;

use super::{CONTACT, invited, refused, rng, screened, screening};
use crate::world::{World, four_people};

/// Three people of whom one accepted and one declined.
struct Evidence {
    receipt: ScreeningReceipt,
    /// Of the same screening, before anybody answered.
    before: ScreeningReceipt,
    /// Of another screening of the same chain, with one response.
    other: ScreeningReceipt,
}

/// Made once for all tests.
fn evidence() -> &'static Evidence {
    static EVIDENCE: OnceLock<Evidence> = OnceLock::new();
    EVIDENCE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let (world, mut wallets, id) = invited(folder.path(), 3);
        let before = collect(world.ledger(), id).unwrap();
        let agent = world.people_agent();
        agent.accept(&mut wallets[0], id, &Contact::new(CONTACT).unwrap(), &mut rng()).unwrap();
        agent.decline(&mut wallets[1], id).unwrap();
        let receipt = collect(world.ledger(), id).unwrap();
        let (second, _) = world.sponsor().open(screening(&world)).unwrap();
        world.respond(&mut wallets[0], second).unwrap();
        Evidence { receipt, before, other: collect(world.ledger(), second).unwrap() }
    })
}

fn says(receipt: &ScreeningReceipt, says: &str) {
    refused(verify(receipt), says);
}

#[test]
fn a_screenings_receipt_verifies_from_its_text_alone() {
    let Evidence { receipt, before, .. } = evidence();
    let text = receipt.to_json().unwrap();
    let verified = verify(&ScreeningReceipt::from_json(&text).unwrap()).unwrap();
    assert_eq!(verified.chain(), receipt.genesis.chain_id().unwrap());
    assert_eq!((verified.records(), verified.screening()), (3, receipt.screening));
    let state = verified.state();
    assert_eq!((state.eligible, state.invited, state.accepted, state.declined), (3, 3, 1, 1));
    assert_eq!(verified.criteria(), ["age 18 to 65"]);
    assert_eq!(verified.certified_by(), &CertifiedBy::AnyAccredited);
    assert_eq!(verified.checks().iter().map(|check| check.rule).collect::<Vec<_>>(), ["S1", "S2", "S3", "S4"]);
    assert!(verify(before).unwrap().height() < verified.height());
    // The reader of both kinds finds which it is.
    let any = AnyReceipt::from_json(&text).unwrap().verify(None).unwrap();
    let AnyVerifiedReceipt::Screening(any) = any else { panic!("{any:?}") };
    assert_eq!(serde_json::to_value(&any).unwrap(), serde_json::to_value(&verified).unwrap());
}

#[test]
fn a_receipt_tells_of_issuers_what_the_screening_asks_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, _) = screened(folder.path(), 1);
    let issuer = world.keys.issuers[0].account();
    let mut asked = screening(&world);
    asked.issuers = vec![issuer];
    let (of_one, _) = world.sponsor().open(asked.clone()).unwrap();
    world.respond(&mut wallets[0], of_one).unwrap();
    let verified = verify(&collect(world.ledger(), of_one).unwrap()).unwrap();
    assert_eq!((verified.records(), verified.certified_by()), (1, &CertifiedBy::Issuer { issuer }));
    asked.issuers.push(world.keys.issuers[1].account());
    let (of_two, _) = world.sponsor().open(asked.clone()).unwrap();
    world.respond(&mut wallets[0], of_two).unwrap();
    let verified = verify(&collect(world.ledger(), of_two).unwrap()).unwrap();
    assert_eq!(verified.certified_by(), &CertifiedBy::OneOf { issuers: asked.issuers });
    assert!(verified.certified_by().to_string().contains("by which, the proofs hide"));
}

/// The largest screening's receipt is one that is read.
#[test]
fn as_many_responses_as_a_screening_pays_for_fit_into_a_receipt() {
    let Evidence { receipt, .. } = evidence();
    let mut fewer = receipt.clone();
    drop(fewer.responses.pop());
    let each = receipt.to_json().unwrap().len() - fewer.to_json().unwrap().len();
    println!("{each} bytes for each response");
    // Proofs in a larger state have siblings for each doubling: 72 bytes of JSON for each of 20 more.
    let large = each + 20 * 72;
    assert!(large as u64 * u64::from(RESPONSES_MAX) < RECEIPT_BYTES_MAX, "{each} bytes each");
}

#[test]
fn a_screening_that_nobody_answered_has_a_receipt_of_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::ready(folder.path(), Quorum::DEFAULT);
    world.people(&four_people()[..1]);
    let (id, _) = world.sponsor().open(screening(&world)).unwrap();
    assert_eq!(verify(&collect(world.ledger(), id).unwrap()).unwrap().records(), 0);
    refused(collect(world.ledger(), ScreeningId::from_bytes([1; 32])), "is not on this ledger");
}

#[test]
fn whoever_collects_sees_how_far_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, id) = screened(folder.path(), 2);
    for wallet in &mut wallets {
        world.respond(wallet, id).unwrap();
    }
    let mut seen = vec![];
    collect_watched(world.ledger(), id, &mut |collected| seen.push(collected)).unwrap();
    assert_eq!(seen, [0, 1].map(|responses| Collected { responses, of: 2 }));
}

#[test]
fn each_altered_piece_fails_its_own_check() {
    let Evidence { receipt: sound, before, other } = evidence();
    let mut cases: Vec<(ScreeningReceipt, &str)> = vec![];
    let mut alter = |change: &dyn Fn(&mut ScreeningReceipt), says| {
        let mut altered = sound.clone();
        change(&mut altered);
        cases.push((altered, says));
    };
    // Another chain, another block.
    alter(&|receipt| receipt.genesis.name = "another chain".into(), "S1 header");
    alter(&|receipt| receipt.header.header.chain = ChainId::from_bytes([1; 32]), "S1 header");
    alter(&|receipt| receipt.header.header.state = before.header.header.state, "S1 header");
    alter(&|receipt| receipt.header.certificate.signatures.clear(), "S1 header");
    alter(&|receipt| receipt.header = before.header.clone(), "S2 screening");
    // Another screening, other terms, another count.
    alter(&|receipt| receipt.screening = other.screening, "S2 screening");
    alter(&|receipt| receipt.screening_state = other.screening_state.clone(), "S2 screening");
    alter(&|receipt| receipt.screening_state = receipt.responses[0].state.clone(), "S2 screening");
    alter(&|receipt| receipt.screening_state.value = None, "S2 screening");
    alter(&|receipt| receipt.screening_state = before.screening_state.clone(), "S2 screening");
    alter(&|receipt| receipt.schema.name.push('x'), "the schema is not the one that the screening names");
    // A response dropped, added, doubled, exchanged.
    alter(&|receipt| drop(receipt.responses.pop()), "2 responses are here, and the ledger counted 3");
    alter(&|receipt| receipt.responses.clear(), "0 responses are here");
    alter(&|receipt| receipt.responses.push(receipt.responses[0].clone()), "4 responses are here");
    alter(&|receipt| receipt.responses[1] = receipt.responses[0].clone(), "S3 responses");
    alter(&|receipt| receipt.responses[0] = other.responses[0].clone(), "S3 responses");
    alter(&|receipt| receipt.responses.swap(0, 1), "S3 responses");
    alter(&|receipt| receipt.responses[0].state = before.responses[0].state.clone(), "S3 responses");
    alter(&|receipt| receipt.responses[2].state.value = None, "S3 responses");
    // A proof or its root exchanged.
    let swapped = |receipt: &mut ScreeningReceipt| receipt.responses[0].proof = receipt.responses[1].proof;
    alter(&swapped, "response 0 is not the one admitted");
    alter(&|receipt| receipt.responses[1].proof = other.responses[0].proof, "response 1 is not the one admitted");
    alter(&|receipt| receipt.epochs.clear(), "response 0 is against another root");
    alter(&|receipt| receipt.epochs[0] = receipt.screening_state.clone(), "an epoch's proof is of another key");
    alter(&|receipt| receipt.epochs[0] = before.epochs[0].clone(), "does not verify against root");
    for (altered, why) in &cases {
        says(altered, why);
    }
    assert!(verify(sound).is_ok());
}

/// An absence in place of a response, under the same header: the count still tells.
#[test]
fn a_proof_that_there_is_no_such_response_stands_for_none() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, id) = screened(folder.path(), 1);
    world.respond(&mut wallets[0], id).unwrap();
    let mut receipt = collect(world.ledger(), id).unwrap();
    let absent: StateProof =
        world.ledger().prove(receipt.header.header.height, StateKey::Response(id, ResponseIndex::new(1))).unwrap();
    receipt.responses[0].state = absent;
    says(&receipt, "S3 responses");
}

/// The only validator's power changes: from then on another set signs.
#[test]
fn a_receipt_follows_the_validators_across_a_handover() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, id) = screened(folder.path(), 1);
    let validator = world.ledger().genesis().validators.iter().next().unwrap().clone();
    let change =
        ConsortiumChange::SetValidator(Validator { power: 7, address: "/ip4/127.0.0.1/tcp/26656".into(), ..validator });
    act(world.ledger(), &world.keys.validator.signing_key(), Action::ApproveChange(change)).unwrap();
    world.respond(&mut wallets[0], id).unwrap();
    let receipt = collect(world.ledger(), id).unwrap();
    assert_eq!(receipt.handovers.len(), 1);
    let read = ScreeningReceipt::from_json(&receipt.to_json().unwrap()).unwrap();
    assert_eq!(verify(&read).unwrap().records(), 1);
    let mut unled = receipt.clone();
    unled.handovers.clear();
    says(&unled, "S1 header");
    let mut doubled = receipt.clone();
    doubled.handovers.push(receipt.handovers[0].clone());
    says(&doubled, "S1 header");
    let mut forged = receipt;
    forged.handovers[0].validators.value.as_mut().unwrap()[5] ^= 1;
    says(&forged, "S1 header");
}

#[test]
fn a_truncated_file_and_one_of_another_format_are_told_apart_from_a_wrong_one() {
    let text = evidence().receipt.to_json().unwrap();
    for length in [0, 1, text.len() / 2, text.len() - 1] {
        let refused = AnyReceipt::from_json(&text[..length]);
        assert!(matches!(refused, Err(Error::Receipt { check: "format", .. })));
    }
    let later = text.replace("locus/v5/screening-receipt", "locus/v6/screening-receipt");
    refused(ScreeningReceipt::from_json(&later), "this program reads locus/v5/receipt of results");
    assert!(AnyReceipt::from_json(&later).is_err());
    let released = text.replace("locus/v5/screening-receipt", "locus/v5/receipt");
    assert!(AnyReceipt::from_json(&released).is_err(), "its fields are not those of a result's receipt");
    let extended = text.replacen("{\"format\"", "{\"more\":1,\"format\"", 1);
    refused(AnyReceipt::from_json(&extended), "unknown field `more`");
}

#[test]
fn no_byte_of_the_file_can_be_altered() {
    let text = evidence().receipt.to_json().unwrap();
    let mut runner = proptest::test_runner::TestRunner::new_with_rng(
        ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    // Half of the places behind the genesis, whose verifying key is long.
    let behind = text.find("\"handovers\"").unwrap();
    let place = prop_oneof![0..text.len(), behind..text.len()];
    runner
        .run(&(place, 1u8..128), |(place, flip)| {
            let before = text.as_bytes()[place];
            let after = before ^ flip;
            // Hex has two spellings of a letter, which read as one value.
            prop_assume!(!before.eq_ignore_ascii_case(&after));
            let mut altered = text.clone().into_bytes();
            altered[place] = after;
            let altered = String::from_utf8(altered).unwrap();
            let verified = AnyReceipt::from_json(&altered).and_then(|receipt| receipt.verify(None));
            prop_assert!(verified.is_err(), "{before} became {after} at {place}");
            Ok(())
        })
        .unwrap();
}
