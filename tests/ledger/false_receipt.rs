//! A member that attests what its signature refutes is suspended, and nothing it says counts from then on.

use circuits::{
    contribution::Opening,
    id::{Evaluation, QueryId},
    quorum::{MemberIndex, Quorum},
    rlwe::{Ciphertext, params::CIPHERTEXT_BYTES},
};
use node::{
    Error, ProofVerifier, QueryPart,
    event::Event,
    state::{QueryStatus, RefundReason, StateRead},
    transaction::{
        Action, Attestation, CommitteeComplain, EVIDENCE_BYTES_MAX, FalseReceipt, StoredCiphertext,
        TRANSACTION_BYTES_MAX, Transaction,
    },
    units::CommitteeEpoch,
};

use crate::{
    life::opening,
    prover::{groth16, person, proven},
    real_proofs::real_world,
    world::{World, account, element, genesis, key, member_name, refused},
};

fn evaluation(number: u64) -> Evaluation {
    Evaluation::from_bytes(&element(number)).unwrap()
}

/// The zero ciphertext, whose polynomials are zero everywhere.
pub fn zero() -> Vec<u8> {
    vec![0; CIPHERTEXT_BYTES]
}

/// A ciphertext with a spare bit set.
fn malformed() -> Vec<u8> {
    let mut bytes = zero();
    bytes[11] = 0x80;
    bytes
}

/// What a member says of these bytes, as evidence against it.
pub fn evidence(world: &World, member: u8, bytes: Vec<u8>, opening: Opening) -> FalseReceipt {
    let attestation = Attestation {
        committee: CommitteeEpoch::new(0),
        query: QueryId::from_bytes([7; 32]),
        part: 3,
        ciphertext: Ciphertext::digest_of_packed(&bytes),
        gamma: evaluation(11),
        opening,
    };
    FalseReceipt {
        committee: attestation.committee,
        query: attestation.query,
        part: attestation.part,
        ciphertext: StoredCiphertext::new(bytes).unwrap(),
        gamma: attestation.gamma,
        opening,
        receipt: world.receipt(member, &attestation),
    }
}

fn bring(world: &mut World, evidence: &FalseReceipt) -> Result<(), Error> {
    world.act("friend", Action::FalseReceipt(Box::new(evidence.clone()))).map(|_| ())
}

fn suspend(world: &mut World, member: u8) {
    let evidence = evidence(world, member, zero(), opening(5));
    bring(world, &evidence).unwrap();
    world.block();
}

#[test]
fn a_false_opening_and_a_malformed_ciphertext_suspend_the_member_once() {
    let mut world = World::ready(Quorum::DEFAULT);
    let nothing = Opening { c0: evaluation(0), c1: evaluation(0) };
    let cases =
        [(0, zero(), opening(5)), (1, malformed(), nothing), (2, zero(), Opening { c1: evaluation(1), ..nothing })];
    for (member, bytes, opening) in cases {
        let evidence = evidence(&world, member, bytes, opening);
        bring(&mut world, &evidence).unwrap();
        refused(bring(&mut world, &evidence), "suspends a member for ever");
        let block = world.block().block;
        let snapshot = world.ledger().snapshot().unwrap();
        let member = MemberIndex::new(member);
        let suspension = snapshot.suspension(account(&member_name(member.get()))).unwrap().unwrap();
        assert_eq!((suspension.evidence, suspension.height), (evidence.digest().unwrap(), block.header.height));
        let events = snapshot.events(block.header.height).unwrap().unwrap().transactions;
        assert_eq!(events, [[Event::MemberSuspended { member, evidence: suspension.evidence }]]);
        refused(bring(&mut world, &evidence), "suspends a member for ever");
    }
    assert_eq!(world.ledger().snapshot().unwrap().suspension(account(&member_name(3))).unwrap(), None);
}

/// One alteration of sound evidence.
type Alteration = fn(&mut FalseReceipt);

#[test]
fn a_true_receipt_and_words_that_the_member_did_not_sign_are_no_evidence() {
    let mut world = World::ready(Quorum::DEFAULT);
    let nothing = Opening { c0: evaluation(0), c1: evaluation(0) };
    let honest = evidence(&world, 0, zero(), nothing);
    refused(bring(&mut world, &honest), "has the values that member 0 attested");
    let sound = evidence(&world, 0, zero(), opening(5));
    let alterations: [(Alteration, &str); 9] = [
        (|e| e.receipt.member = MemberIndex::new(1), "signature"),
        (|e| e.receipt.member = MemberIndex::new(9), "committee member 9"),
        (|e| e.ciphertext = StoredCiphertext::new(malformed()).unwrap(), "signature"),
        (|e| e.gamma = evaluation(12), "signature"),
        (|e| e.opening = opening(6), "signature"),
        (|e| e.part = 0, "signature"),
        (|e| e.query = QueryId::from_bytes([8; 32]), "signature"),
        (|e| e.committee = CommitteeEpoch::new(1), "committee key 1 is not on this ledger"),
        (|e| e.opening = Opening { c0: evaluation(0), c1: evaluation(0) }, "signature"),
    ];
    for (alter, says) in alterations {
        let mut altered = sound.clone();
        alter(&mut altered);
        refused(bring(&mut world, &altered), says);
    }
    let renamed = node::genesis::Genesis { name: "another chain".into(), ..genesis(Quorum::DEFAULT) };
    let foreign = evidence(&World::prepared(renamed), 0, zero(), opening(5));
    refused(bring(&mut world, &foreign), "signature");
    bring(&mut world, &sound).unwrap();
}

#[test]
fn repro_a_true_receipt_is_refused_before_the_mempool_and_from_memory_whoever_brings_it_again() {
    let mut world = World::ready(Quorum::DEFAULT);
    let nothing = Opening { c0: evaluation(0), c1: evaluation(0) };
    let honest = Action::FalseReceipt(Box::new(evidence(&world, 0, zero(), nothing)));
    // Out of turn: the evidence is looked at before the turn, and so before the mempool.
    let sent = |sender, nonce| {
        let transaction = Transaction::sign(world.ledger().chain(), &key(sender), nonce, honest.clone()).unwrap();
        world.sequencer.mempool().submit(transaction, world.now)
    };
    for (sender, nonce) in [("friend", 0), ("friend", 7), ("sponsor", 0)] {
        refused(sent(sender, nonce), "has the values that member 0 attested");
    }
    assert_eq!(world.sequencer.mempool().waiting(), 0);
    let sound = evidence(&world, 0, zero(), opening(5));
    bring(&mut world, &sound).unwrap();
}

#[test]
fn an_honest_members_receipt_of_a_proven_ciphertext_is_no_evidence_against_it() {
    let people = [person(1)];
    let (_folder, mut world) = real_world(&people, genesis(Quorum::DEFAULT));
    let query = world.open(world.query()).unwrap();
    let (contribution, ciphertext) = proven(&world, query, 0, &people[0]);
    let (snapshot, chain, state) = (world.ledger().snapshot().unwrap(), world.ledger().chain(), world.state(query));
    let part = &contribution.parts[0];
    let instance = part.instance(&chain, &query, 0, &contribution.payout);
    let of = QueryPart::new(&snapshot, chain, query, &state, 0);
    let sound = FalseReceipt {
        committee: state.committee,
        query,
        part: 0,
        ciphertext: StoredCiphertext::new(ciphertext.to_packed_bytes()).unwrap(),
        gamma: groth16().challenge(&of, &instance, &part.contribution.proof).unwrap(),
        opening: part.contribution.opening,
        receipt: part.receipts[0],
    };
    refused(bring(&mut world, &sound), "has the values that member 0 attested");
}

#[test]
fn receipts_of_a_suspended_member_count_no_longer_and_those_before_stand() {
    let mut world = World::ready(Quorum::DEFAULT);
    let id = world.collect(world.query(), 0..1);
    suspend(&mut world, 0);
    let mut contribution = world.contribution(id, 1);
    contribution.parts[0].receipts = world.receipts(&contribution, 0, &[0, 1, 2]);
    refused(world.contribute(contribution.clone()), "has receipts of 2 distinct members in standing and needs 3");
    contribution.parts[0].receipts = world.receipts(&contribution, 0, &[0, 1, 2, 3]);
    world.contribute(contribution).unwrap();
    world.block();
    assert_eq!(world.state(id).surviving, 2);

    suspend(&mut world, 1);
    refused(world.contribute(world.contribution(id, 2)), "has receipts of 2 distinct members in standing and needs 3");
}

#[test]
fn signatures_and_components_of_a_suspended_member_count_no_longer() {
    let mut world = World::ready(Quorum::DEFAULT);
    let id = world.sealed(world.query(), 0..3);
    suspend(&mut world, 0);
    let aggregate = |world: &World, members: &[u8]| Action::Aggregate(world.aggregate(id, members));
    refused(world.act("friend", aggregate(&world, &[0, 1])), "1 distinct members in standing signed the aggregate");
    world.act("friend", aggregate(&world, &[1, 2])).unwrap();
    world.block();
    refused(world.act("member 0", world.components(id, 0, false)), "member 0 is suspended");
    for member in [1, 2, 3] {
        assert!(matches!(world.state(id).status, QueryStatus::Aggregated { .. }), "before member {member}");
        world.act(&member_name(member), world.components(id, member, false)).unwrap();
        world.block();
    }
    assert!(matches!(world.state(id).status, QueryStatus::Released { .. }), "{:?}", world.state(id).status);
}

#[test]
fn components_reported_before_the_suspension_count_no_longer_either() {
    let mut world = World::ready(Quorum::DEFAULT);
    let id = world.aggregated(world.query(), 0..3);
    world.act("member 0", world.components(id, 0, false)).unwrap();
    suspend(&mut world, 0);
    world.act("member 1", world.components(id, 1, false)).unwrap();
    world.act("member 2", world.components(id, 2, false)).unwrap();
    world.block();
    assert!(matches!(world.state(id).status, QueryStatus::Aggregated { .. }), "two members lack the third's holders");
}

#[test]
fn with_fewer_than_the_threshold_in_standing_a_query_ends_in_its_refund() {
    let mut world = World::ready(Quorum::DEFAULT);
    let id = world.aggregated(world.query(), 0..3);
    for member in [0, 1, 2] {
        let evidence = evidence(&world, member, zero(), opening(5));
        bring(&mut world, &evidence).unwrap();
    }
    world.act("member 3", world.components(id, 3, false)).unwrap();
    world.pass_blocks(4);
    world.act("friend", Action::Refund(id)).unwrap();
    world.block();
    assert!(matches!(world.state(id).status, QueryStatus::Refunded { reason: RefundReason::NotReleased, .. }));
}

#[test]
fn evidence_alone_may_be_as_large_as_a_ciphertext() {
    let world = World::ready(Quorum::DEFAULT);
    let chain = world.ledger().chain();
    let evidence = evidence(&world, 0, zero(), opening(5));
    let transaction = Transaction::sign(chain, &key("friend"), 0, Action::FalseReceipt(Box::new(evidence))).unwrap();
    let bytes = transaction.to_bytes().unwrap();
    assert!((TRANSACTION_BYTES_MAX..=EVIDENCE_BYTES_MAX).contains(&bytes.len()));
    assert_eq!(Transaction::from_bytes(&bytes).unwrap(), transaction);
    assert!(StoredCiphertext::new(vec![0; CIPHERTEXT_BYTES - 1]).is_err());
    assert!(StoredCiphertext::new(vec![0; CIPHERTEXT_BYTES + 1]).is_err());

    let complaint = CommitteeComplain {
        epoch: CommitteeEpoch::new(0),
        accused: MemberIndex::new(0),
        reason: "x".repeat(TRANSACTION_BYTES_MAX),
    };
    let large = Transaction::sign(chain, &key("friend"), 0, Action::CommitteeComplain(complaint)).unwrap();
    assert!(matches!(Transaction::from_bytes(&large.to_bytes().unwrap()), Err(Error::TooLarge { .. })));
    assert!(matches!(large.check(&chain), Err(Error::TooLarge { .. })));
    assert!(matches!(Transaction::from_bytes(&vec![0; EVIDENCE_BYTES_MAX + 1]), Err(Error::TooLarge { .. })));
}
