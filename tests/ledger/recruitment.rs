//! Screenings: anonymous responses, invitations, and answers.

use circuits::{
    consent::{ConsentFlags, Day},
    criteria::{Clause, Criteria},
    eligibility::{EligibilityProof, EligibilityVerifier, EligibilityWitness, PROOF_BYTES, prove},
    id::{AccountId, EpochRoot, Nullifier, ScreeningId},
    nullifier::nullifier,
    quorum::Quorum,
};
use node::{
    Error, Ledger,
    inclusion::transactions_root,
    query::SealingKey,
    screening::{ScreeningQuery, as_query},
    state::{ResponseState, ResponseStatus, StateRead},
    transaction::{
        Action, AnswerInvitation, DesignStudy, Governance, InvitationAnswer, Invite, ScreeningResponse, StudyDesign,
        Transaction,
    },
    units::{Amount, Height, ResponseIndex},
};
use rand::{SeedableRng, rngs::StdRng};

use crate::{
    prover::{Person, person},
    real_proofs::real_world,
    screened::reply_name,
    world::{ENDOWMENT, FEE, TODAY, World, account, digest, element, genesis, refused, screening_key},
};

impl World {
    fn response_state(&self, id: ScreeningId, index: u32) -> ResponseState {
        self.ledger().snapshot().unwrap().response(id, ResponseIndex::new(index)).unwrap().unwrap()
    }

    /// A screening with responses of these people.
    fn screened(&mut self, people: std::ops::Range<u64>) -> ScreeningId {
        let id = self.open_screening("researcher", self.screening()).unwrap();
        for number in people {
            self.respond(self.response(id, number)).unwrap();
        }
        self.block();
        id
    }
}

pub fn invite(screening: ScreeningId, response: u32) -> Action {
    let response = ResponseIndex::new(response);
    Action::Invite(Invite { screening, response, invitation: digest("invitation") })
}

pub fn answer(screening: ScreeningId, response: u32, accepts: bool) -> Action {
    let contact = digest("contact");
    let answer = if accepts { InvitationAnswer::Accept { contact } } else { InvitationAnswer::Decline };
    Action::AnswerInvitation(AnswerInvitation { screening, response: ResponseIndex::new(response), answer })
}

#[test]
fn responses_are_paid_when_admitted_and_what_is_left_goes_back() {
    let mut world = World::ready(Quorum::DEFAULT);
    let id = world.screened(0..2);
    assert_eq!([0, 1, 2].map(|number| world.balance(&reply_name(number))), [20, 20, 0]);
    let state = world.screening_state(id);
    assert_eq!((state.eligible, state.escrow.get(), state.study_version.get()), (2, 20, 1));
    refused(world.act("friend", Action::CloseScreening(id)), "before, its sponsor closes it");
    world.pass_days(11);
    world.act("friend", Action::CloseScreening(id)).unwrap();
    refused(world.act("researcher", Action::CloseScreening(id)), "it was closed in block");
    world.block();
    assert_eq!((world.balance("researcher"), world.fees()), (ENDOWMENT - FEE - 40, FEE));
    assert_eq!(world.screening_state(id).escrow.get(), 0);
}

#[test]
fn a_person_who_never_accepts_stays_unknown_and_one_who_does_leaves_a_sealed_contact() {
    let mut world = World::ready(Quorum::DEFAULT);
    let id = world.screened(0..3);
    refused(world.act(&reply_name(0), answer(id, 0, true)), "no invitation to answer yet");
    refused(world.act("friend", invite(id, 0)), "no accredited researcher");
    for response in 0..2 {
        world.act("researcher", invite(id, response)).unwrap();
    }
    refused(world.act("researcher", invite(id, 0)), "once is enough");
    refused(world.act("researcher", invite(id, 3)), "screening response 3 is not on this ledger");
    refused(world.act("researcher", invite(ScreeningId::from_bytes([2; 32]), 0)), "not on this ledger");
    refused(world.act(&reply_name(1), answer(id, 0, true)), "the one-time key of the response does");
    refused(world.act("researcher", answer(id, 0, true)), "the one-time key of the response does");
    world.act(&reply_name(0), answer(id, 0, true)).unwrap();
    world.act(&reply_name(1), answer(id, 1, false)).unwrap();
    for number in 0..2 {
        refused(world.act(&reply_name(number), answer(id, number as u32, true)), "an answer is final");
    }
    refused(world.act("researcher", invite(id, 1)), "once is enough");
    world.block();
    let invitation = digest("invitation");
    let accepted = world.response_state(id, 0).status;
    assert!(matches!(accepted, ResponseStatus::Accepted { contact, .. } if contact == digest("contact")));
    assert!(
        matches!(world.response_state(id, 1).status, ResponseStatus::Declined { invitation: kept, .. } if kept == invitation)
    );
    assert_eq!(world.response_state(id, 2).status, ResponseStatus::Eligible);
    let state = world.screening_state(id);
    assert_eq!((state.eligible, state.invited, state.accepted, state.declined), (3, 2, 1, 1));
}

#[test]
fn invitations_and_answers_follow_a_closed_screening_and_responses_do_not() {
    let mut world = World::ready(Quorum::DEFAULT);
    let id = world.screened(0..1);
    let late = world.response(id, 1);
    world.act("researcher", Action::CloseScreening(id)).unwrap();
    refused(world.respond(late), "it was closed in block");
    world.act("researcher", invite(id, 0)).unwrap();
    world.act(&reply_name(0), answer(id, 0, true)).unwrap();
    world.block();
    assert_eq!(world.balance("researcher"), ENDOWMENT - FEE - 20);
}

#[test]
fn a_response_binds_its_keys_and_counts_once_within_days_and_maximum() {
    let mut world = World::ready(Quorum::DEFAULT);
    let later = ScreeningQuery { opening: Day(TODAY + 1), ..world.screening() };
    let id = world.open_screening("researcher", later).unwrap();
    refused(world.respond(world.response(id, 0)), "it runs from 2024-10-05 to 2024-10-14");
    world.pass_days(1);
    let alterations: [fn(&mut ScreeningResponse); 4] = [
        |response| response.reply = account("thief"),
        |response| response.sealing = SealingKey::new(vec![77; 32]),
        |response| response.nullifier = Nullifier::from_bytes(&element(1)).unwrap(),
        |response| response.proof = EligibilityProof::from_bytes([1; PROOF_BYTES]),
    ];
    for alter in alterations {
        let mut response = world.response(id, 0);
        alter(&mut response);
        refused(world.respond(response), "does not verify");
    }
    let stale = ScreeningResponse { root: EpochRoot::from_bytes(&element(1)).unwrap(), ..world.response(id, 0) };
    refused(world.respond(stale), "the latest epoch root");
    let keyless = ScreeningResponse { sealing: SealingKey::new(vec![]), ..world.response(id, 0) };
    refused(world.respond(keyless), "it is empty");
    let unknown = ScreeningResponse { screening: ScreeningId::from_bytes([3; 32]), ..world.response(id, 0) };
    refused(world.respond(unknown), "not on this ledger");
    world.respond(world.response(id, 0)).unwrap();
    refused(world.respond(world.response(id, 0)), "need not be sent again");
    let mut again = world.response(id, 0);
    again.reply = account("second reply");
    again.proof = world.double(&again);
    refused(world.respond(again), "a record answers each screening once");
    for number in 1..3 {
        world.respond(world.response(id, number)).unwrap();
    }
    refused(world.respond(world.response(id, 3)), "all 3 responses it pays for");
    world.act("friend", Action::CloseScreening(id)).unwrap();
}

#[test]
fn a_screening_opens_for_the_studys_researcher_or_sponsor_with_public_criteria() {
    let mut world = World::ready(Quorum::DEFAULT);
    let good = world.screening();
    refused(world.open_screening("sponsor", good.clone()), "no accredited researcher");
    let accredit = Governance::AccreditResearcher { account: account("sponsor"), name: "Sponsor".into() };
    world.act("governor", Action::Govern(accredit)).unwrap();
    refused(world.open_screening("sponsor", good.clone()), "or the sponsor that it names");
    let design = StudyDesign { sponsor: Some(account("sponsor")), ..StudyDesign::default() };
    world.act("researcher", Action::DesignStudy(DesignStudy { study: world.study, design })).unwrap();
    let id = world.open_screening("sponsor", good.clone()).unwrap();
    assert_eq!(
        (world.balance("sponsor"), world.screening_state(id).sponsor),
        (ENDOWMENT - FEE - 60, account("sponsor"))
    );
    refused(world.act("researcher", invite(id, 0)), "the account that opened the screening does");
    let sensitive = Criteria { groups: vec![vec![Clause { attribute: 1, lo: 0, hi: 1, negated: false }]] };
    let broken: [(&str, ScreeningQuery); 9] = [
        ("sensitive", ScreeningQuery { criteria: sensitive, ..good.clone() }),
        ("listed twice", ScreeningQuery { issuers: vec![account("issuer 0"); 2], ..good.clone() }),
        ("no accredited issuer", ScreeningQuery { issuers: vec![account("friend")], ..good.clone() }),
        ("at least 1", ScreeningQuery { responses_max: 0, ..good.clone() }),
        ("the limit is 65536", ScreeningQuery { responses_max: 65_537, ..good.clone() }),
        ("before the opening day", ScreeningQuery { closing: Day(TODAY - 1), ..good.clone() }),
        ("this chain allows 365", ScreeningQuery { closing: Day(TODAY + 366), ..good.clone() }),
        ("leaves the range", ScreeningQuery { price: Amount::new(u64::MAX), ..good.clone() }),
        ("and needs", ScreeningQuery { price: Amount::new(ENDOWMENT), ..good.clone() }),
    ];
    for (text, broken) in broken {
        refused(world.open_screening("researcher", broken), text);
    }
    let schema = circuits::id::SchemaId::from_bytes([1; 32]);
    refused(world.open_screening("researcher", ScreeningQuery { schema, ..good.clone() }), "schema");
    world.act("researcher", Action::CloseStudy(world.study)).unwrap();
    refused(world.open_screening("researcher", good), "was closed in block");
}

#[test]
fn a_response_for_another_chain_is_refused() {
    let mut world = World::ready(Quorum::DEFAULT);
    let mut renamed = genesis(Quorum::DEFAULT);
    renamed.name = "another chain".into();
    let mut other = World::prepared(renamed);
    let here = world.open_screening("researcher", world.screening()).unwrap();
    let there = other.open_screening("researcher", other.screening()).unwrap();
    let mut foreign = other.response(there, 0);
    refused(world.respond(foreign.clone()), "not on this ledger");
    foreign.screening = here;
    refused(world.respond(foreign), "does not verify");
}

#[test]
fn a_revoked_record_answers_no_more_once_its_epoch_ended() {
    let mut world = World::ready(Quorum::DEFAULT);
    let id = world.open_screening("researcher", world.screening()).unwrap();
    let early = world.response(id, 0);
    world.act("owner 0", Action::RevokeConsent(node::units::LeafIndex::new(0))).unwrap();
    world.pass_epoch();
    refused(world.respond(early), "the latest epoch root");
}

/// A person whose consent allows screening, or not.
fn willing(number: u64, flags: ConsentFlags) -> Person {
    let mut person = person(number);
    person.consent.flags = flags;
    person
}

fn real_response(
    world: &World,
    id: ScreeningId,
    place: u32,
    person: &Person,
) -> Result<ScreeningResponse, circuits::Error> {
    let chain = world.ledger().chain();
    let terms = world.screening_state(id).terms(id);
    let path = world.ledger().leaf_tree().path(place).unwrap();
    let witness = EligibilityWitness::new(&person.record, person.consent.clone(), 0, path);
    let unbound = witness.instance(&terms, digest("nothing"));
    let mut response = ScreeningResponse {
        screening: id,
        reply: account(&reply_name(u64::from(place))),
        sealing: SealingKey::new(vec![5; 1_216]),
        root: unbound.root,
        nullifier: unbound.nullifier,
        proof: EligibilityProof::from_bytes([0; PROOF_BYTES]),
    };
    let instance = response.instance(&chain).unwrap();
    let mut rng = StdRng::seed_from_u64(u64::from(place));
    response.proof = prove(screening_key(), &terms, &instance, &witness, &mut rng)?;
    Ok(response)
}

/// Both verify with one product of pairings, and not with each other's proof.
fn check_batch(world: &World, id: ScreeningId, responses: [&ScreeningResponse; 2]) {
    let chain = world.ledger().chain();
    let mut claims = responses.map(|response| (response.instance(&chain).unwrap(), response.proof));
    let terms = world.screening_state(id).terms(id);
    let verifier = EligibilityVerifier::new(screening_key().verifying_key(), &terms).unwrap();
    assert_eq!(verifier.verify_batch(&claims).unwrap().len(), 2);
    claims.swap(0, 1);
    assert_eq!(verifier.verify_batch(&claims).unwrap().len(), 2);
    (claims[0].1, claims[1].1) = (claims[1].1, claims[0].1);
    assert!(verifier.verify_batch(&claims).is_err());
}

#[test]
fn real_responses_are_verified_alone_and_together_and_consent_decides() {
    let flags = ConsentFlags::SCREENING;
    let people = [willing(1, flags), willing(2, flags), willing(3, ConsentFlags::EXACT)];
    let (_folder, mut world) = real_world(&people, genesis(Quorum::DEFAULT));
    let id = world.open_screening("researcher", world.screening()).unwrap();
    let other = world.open_screening("researcher", world.screening()).unwrap();
    let unwilling = real_response(&world, id, 2, &people[2]).unwrap_err();
    assert!(unwilling.to_string().contains("Flags"), "{unwilling}");

    let good = real_response(&world, id, 0, &people[0]).unwrap();
    let key = &people[0].record.nullifier_key;
    assert_ne!(good.nullifier, nullifier(key, &as_query(id), 0), "a contribution's nullifier is another");
    let thief: AccountId = account("thief");
    refused(world.respond(ScreeningResponse { reply: thief, ..good.clone() }), "does not verify");
    refused(world.respond(ScreeningResponse { screening: other, ..good.clone() }), "does not verify");
    let second = real_response(&world, id, 1, &people[1]).unwrap();
    check_batch(&world, id, [&good, &second]);
    world.respond(good).unwrap();
    world.respond(second).unwrap();
    let sound = world.block().block;
    assert_eq!(world.screening_state(id).eligible, 2);

    // Another validator has seen none of the proofs.
    let folder = tempfile::tempdir().unwrap();
    let validator = Ledger::open(&folder.path().join("ledger.redb"), genesis(Quorum::DEFAULT)).unwrap();
    for height in 1..sound.header.height.get() {
        let block = world.ledger().snapshot().unwrap().block(Height::new(height)).unwrap().unwrap();
        validator.import(block, world.now).unwrap();
    }
    let mut wrong = sound.clone();
    let Transaction::Respond(second) = &mut wrong.transactions[1] else { panic!() };
    second.reply = thief;
    wrong.header.transactions = transactions_root(&wrong.transactions).unwrap();
    let outcome = validator.check(wrong.header, wrong.transactions, world.now).map(|_| ());
    let Err(Error::Block { why, .. }) = outcome else { panic!("{outcome:?}") };
    assert!(why.contains("number 1 is refused") && why.contains("does not verify"), "{why}");
    validator.import(sound, world.now).unwrap();
}

#[test]
fn screenings_are_read_by_id_some_at_a_time() {
    let mut world = World::ready(Quorum::DEFAULT);
    let mut ids: Vec<_> = (0..3).map(|_| world.open_screening("researcher", world.screening()).unwrap()).collect();
    ids.sort();
    let snapshot = world.ledger().snapshot().unwrap();
    let read = |after: Option<ScreeningId>, most| -> Vec<ScreeningId> {
        snapshot.screenings_after(after, most).unwrap().into_iter().map(|(id, _)| id).collect()
    };
    assert_eq!(read(None, 2), ids[..2]);
    assert_eq!(read(Some(ids[1]), 2), ids[2..]);
    assert_eq!(read(Some(ids[2]), 2), []);
    assert_eq!(read(Some(ScreeningId::from_bytes([0; 32])), 9), ids, "behind one that nobody opened");
    let all: Vec<_> = snapshot.screenings().unwrap().into_iter().map(|(id, _)| id).collect();
    assert_eq!(all, ids);
}
