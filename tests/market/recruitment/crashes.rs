//! What a crash leaves: one response, one invitation, one answer, or words that say what is missing.

use std::sync::Mutex;

use circuits::id::Digest;
use market::{
    Error,
    agent::rescan,
    issuer::change_consent,
    ledger::tip,
    objects::{BlobAccess, BlobKind},
    overview::{LedgerView, Overview},
    recruitment::{Answered, Contact, Invitation, Invited, Outcome, ScreeningAgent},
    wallet::{InvitationReply, ResponseStage, Wallet},
};
use node::{
    state::{ResponseStatus, StateRead},
    units::ResponseIndex,
};

use super::{CONTACT, Recorded, invitation, invited, places, refused, rng, screened, willing};
use crate::{
    fault::{Fault, FaultyLedger},
    world::{World, protection, wallet_path},
};

/// Closes the first wallet and opens its file again, as after a crash.
fn reopen(world: &World, wallets: &mut Vec<Wallet>) {
    drop(wallets.remove(0));
    wallets.insert(0, Wallet::open(&wallet_path(&world.root, 0), protection()).unwrap());
}

#[test]
fn a_crash_around_sending_leaves_one_response_under_the_same_keys() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, id) = screened(folder.path(), 2);
    let lost = FaultyLedger::new(world.ledger(), Fault::LostOnTheWay, 1);
    assert!(world.respond_through(&lost, &mut wallets[0], id).is_err());
    assert_eq!(world.screening_state(id).eligible, 0);
    let begun = wallets[0].responses()[&id].clone();
    assert!(matches!(begun.stage, ResponseStage::Proven(_)), "the keys are kept before anything is sent");
    reopen(&world, &mut wallets);
    assert_eq!(wallets[0].responses()[&id], begun);
    // The epoch ends in between: proven anew, for the same keys.
    change_consent(world.ledger(), &mut wallets[1], 0, willing()).unwrap();
    world.pass_epoch();
    let Outcome::Admitted { response, .. } = world.respond(&mut wallets[0], id).unwrap() else { panic!() };
    for _ in 0..2 {
        reopen(&world, &mut wallets);
        assert_eq!(world.respond(&mut wallets[0], id).unwrap(), Outcome::AlreadyAdmitted { response });
    }
    let state = world.ledger().response(id, response).unwrap().unwrap();
    assert_eq!(state.reply, begun.reply_account());
    let told_otherwise = FaultyLedger::new(world.ledger(), Fault::AnswerLost, 1);
    let second = world.respond_through(&told_otherwise, &mut wallets[1], id).unwrap();
    assert_eq!(second, Outcome::AlreadyAdmitted { response: ResponseIndex::new(1) });
    assert_eq!(wallets[1].responses()[&id].place(), Some(ResponseIndex::new(1)));
    assert_eq!(world.screening_state(id).eligible, 2);
}

#[test]
fn a_wallet_restored_from_an_older_backup_has_the_keys_of_its_response() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, id) = screened(folder.path(), 1);
    let backup = folder.path().join("backup");
    wallets[0].back_up(&backup).unwrap();
    world.respond(&mut wallets[0], id).unwrap();
    let mut restored = Wallet::recover(&backup, &folder.path().join("restored"), protection()).unwrap();
    let mut rescanned = Wallet::recover(&backup, &folder.path().join("rescanned"), protection()).unwrap();
    assert_eq!(rescan(world.ledger(), &mut rescanned, &mut |_| ()).unwrap().responses, [id]);
    assert_eq!(rescanned.responses(), wallets[0].responses());
    let response = ResponseIndex::new(0);
    for _ in 0..2 {
        assert_eq!(world.respond(&mut restored, id).unwrap(), Outcome::AlreadyAdmitted { response });
    }
    assert_eq!(world.screening_state(id).eligible, 1);
    assert_eq!(restored.responses()[&id].reply_account(), wallets[0].responses()[&id].reply_account());
    world.sponsor().invite(id, &places(&[0]), &invitation()).unwrap();
    assert!(world.people_agent().mailbox(id, [&restored]).unwrap().open(&restored).is_some());
    world.people_agent().decline(&mut restored, id).unwrap();
}

#[test]
fn a_crash_around_an_invitation_sends_the_same_one_and_no_second() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, id) = screened(folder.path(), 1);
    let nobody = world.people_agent().mailbox(id, &wallets).unwrap();
    assert!(nobody.open(&wallets[0]).is_none());
    refused(world.sponsor().invite(id, &places(&[0]), &invitation()), "screening response 0");
    world.respond(&mut wallets[0], id).unwrap();
    for fault in [Fault::LostOnTheWay, Fault::AnswerLost] {
        let faulty = FaultyLedger::new(world.ledger(), fault, 1);
        assert!(world.sponsor_through(&faulty).invite(id, &places(&[0]), &invitation()).is_err());
    }
    let response = ResponseIndex::new(0);
    let again = world.sponsor().invite(id, &places(&[0]), &invitation()).unwrap();
    assert_eq!(again, [Invited::AlreadyInvited { response }]);
    let other = Invitation { title: "Another".into(), ..invitation() };
    let other = world.sponsor().invite(id, &places(&[0]), &other).unwrap();
    assert_eq!(other, [Invited::InvitedOtherwise { response }]);
    assert_eq!(world.blobs.list(BlobKind::Invitation).unwrap().len(), 1);
    let received = world.people_agent().mailbox(id, &wallets).unwrap().open(&wallets[0]).unwrap();
    assert_eq!(received.invitation, Some(invitation()));
}

#[test]
fn a_crash_around_accepting_leaves_one_contact_and_one_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, id) = invited(folder.path(), 2);
    let contact = Contact::new(CONTACT).unwrap();
    let lost = FaultyLedger::new(world.ledger(), Fault::LostOnTheWay, 1);
    assert!(world.people_agent_through(&lost).accept(&mut wallets[0], id, &contact, &mut rng()).is_err());
    assert_eq!(world.screening_state(id).accepted, 0);
    reopen(&world, &mut wallets);
    let agent = world.people_agent();
    let other = Contact::new("another address").unwrap();
    refused(agent.accept(&mut wallets[0], id, &other, &mut rng()), "another answer was begun");
    refused(agent.decline(&mut wallets[0], id), "another answer was begun");
    let first = agent.accept(&mut wallets[0], id, &contact, &mut rng()).unwrap();
    reopen(&world, &mut wallets);
    assert_eq!(agent.accept(&mut wallets[0], id, &contact, &mut rng()).unwrap(), first);
    assert_eq!(world.blobs.list(BlobKind::Contact).unwrap().len(), 1);
    // The ledger took the second person's answer, and nobody heard.
    let told_otherwise = FaultyLedger::new(world.ledger(), Fault::AnswerLost, 1);
    let status = world.people_agent_through(&told_otherwise).decline(&mut wallets[1], id).unwrap();
    assert!(matches!(status, ResponseStatus::Declined { .. }));
    assert_eq!(agent.decline(&mut wallets[1], id).unwrap(), status);
    let state = world.screening_state(id);
    assert_eq!((state.eligible, state.accepted, state.declined), (2, 1, 1));
}

#[test]
fn an_answer_that_another_copy_of_the_wallet_gave_is_not_shown_as_this_ones() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, id) = invited(folder.path(), 2);
    let agent = world.people_agent();
    agent.accept(&mut wallets[0], id, &Contact::new(CONTACT).unwrap(), &mut rng()).unwrap();
    agent.decline(&mut wallets[1], id).unwrap();
    let mut view = LedgerView::default();
    view.refresh(world.ledger()).unwrap();
    // Whether a wallet's contact and its decline are shown where the ledger has a status.
    let shown = |wallet: usize, change: fn(&mut ResponseStatus)| {
        let mut received = agent.mailbox(id, &wallets).unwrap().open(&wallets[wallet]).unwrap();
        change(&mut received.status);
        let overview = Overview::of(world.ledger(), &wallets[wallet], &view, vec![received]).unwrap();
        (overview.contacts.contains_key(&id), overview.declines.contains(&id))
    };
    let accepted: fn(&mut ResponseStatus) = |status| {
        let (ResponseStatus::Accepted { height, invitation, .. } | ResponseStatus::Declined { height, invitation }) =
            *status
        else {
            panic!("{status:?}")
        };
        *status = ResponseStatus::Accepted { height, invitation, contact: Digest::from_bytes([7; 32]) };
    };
    let declined: fn(&mut ResponseStatus) = |status| {
        let ResponseStatus::Accepted { height, invitation, .. } = *status else { panic!("{status:?}") };
        *status = ResponseStatus::Declined { height, invitation };
    };
    assert_eq!(
        (shown(0, |_| ()), shown(0, accepted), shown(0, declined)),
        ((true, false), (false, false), (false, false))
    );
    assert_eq!((shown(1, |_| ()), shown(1, accepted)), ((false, true), (false, false)));
}

#[test]
fn a_contact_that_was_never_stored_is_said_to_be_missing() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, id) = invited(folder.path(), 1);
    let full = Recorded { inner: world.blobs.as_ref(), full: true, read: Mutex::default() };
    let agent = ScreeningAgent { blobs: &full, ..world.people_agent() };
    let contact = Contact::new(CONTACT).unwrap();
    assert!(agent.accept(&mut wallets[0], id, &contact, &mut rng()).is_err());
    let answers = world.sponsor().answers(id).unwrap();
    let [Answered { contact: None, problem: Some(problem), .. }] = answers.as_slice() else { panic!("{answers:?}") };
    assert!(problem.contains("is not in the object store"), "{problem}");
    // Once there is room, the same call mends it.
    world.people_agent().accept(&mut wallets[0], id, &contact, &mut rng()).unwrap();
    assert_eq!(world.sponsor().answers(id).unwrap()[0].contact, Some(contact));
}

#[test]
fn an_answer_that_the_ledger_refused_is_kept_nowhere_and_another_can_be_given() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, id) = invited(folder.path(), 1);
    let refusing = FaultyLedger::new(world.ledger(), Fault::Refused, 2);
    let agent = world.people_agent_through(&refusing);
    let is_forgotten = |answer: Result<ResponseStatus, Error>, wallet: &Wallet| {
        assert!(matches!(answer, Err(Error::AnswerRefused { screening, .. }) if screening == id), "{answer:?}");
        assert_eq!(wallet.responses()[&id].answer, None);
        assert!(world.blobs.list(BlobKind::Contact).unwrap().is_empty(), "no contact left the wallet");
    };
    let contact = Contact::new(CONTACT).unwrap();
    let accepted = agent.accept(&mut wallets[0], id, &contact, &mut rng());
    is_forgotten(accepted, &wallets[0]);
    let declined = agent.decline(&mut wallets[0], id);
    is_forgotten(declined, &wallets[0]);
    reopen(&world, &mut wallets);
    assert_eq!(wallets[0].responses()[&id].answer, None);
    let other = Contact::new("another address").unwrap();
    world.people_agent().accept(&mut wallets[0], id, &other, &mut rng()).unwrap();
    assert_eq!(world.sponsor().answers(id).unwrap()[0].contact, Some(other));
}

#[test]
fn an_answer_that_may_be_under_way_outlives_a_refusal_and_is_sent_again_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, id) = invited(folder.path(), 1);
    let contact = Contact::new(CONTACT).unwrap();
    let lost = FaultyLedger::new(world.ledger(), Fault::LostOnTheWay, 1);
    assert!(world.people_agent_through(&lost).accept(&mut wallets[0], id, &contact, &mut rng()).is_err());
    let kept = wallets[0].responses()[&id].clone();
    let Some(InvitationReply::Accept { sealed, .. }) = &kept.answer else { panic!("{kept:?}") };
    for _ in 0..2 {
        let refusing = FaultyLedger::new(world.ledger(), Fault::Refused, 1);
        let again = world.people_agent_through(&refusing).accept(&mut wallets[0], id, &contact, &mut rng());
        assert!(matches!(again, Err(Error::Ledger(_))), "{again:?}");
        reopen(&world, &mut wallets);
        assert_eq!(wallets[0].responses()[&id], kept);
    }
    refused(world.people_agent().decline(&mut wallets[0], id), "another answer was begun");
    let status = world.people_agent().finish(&wallets[0], id).unwrap();
    let ResponseStatus::Accepted { contact: given, .. } = status else { panic!("{status:?}") };
    assert_eq!(given, BlobKind::Contact.digest(sealed));
    let height = tip(world.ledger()).unwrap().height;
    assert_eq!(world.people_agent().finish(&wallets[0], id).unwrap(), status);
    assert_eq!(tip(world.ledger()).unwrap().height, height, "nothing is sent twice");
    assert_eq!(world.sponsor().answers(id).unwrap()[0].contact, Some(contact));
}

#[test]
fn an_answer_that_was_taken_although_a_refusal_was_told_is_given_with_its_contact() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, id) = invited(folder.path(), 1);
    let contact = Contact::new(CONTACT).unwrap();
    let told_otherwise = FaultyLedger::new(world.ledger(), Fault::AnswerRefused, 1);
    let agent = world.people_agent_through(&told_otherwise);
    let status = agent.accept(&mut wallets[0], id, &contact, &mut rng()).unwrap();
    assert!(matches!(status, ResponseStatus::Accepted { .. }), "{status:?}");
    assert_eq!(world.sponsor().answers(id).unwrap()[0].contact, Some(contact));
}

#[test]
fn a_wallet_that_keeps_no_answer_has_none_to_finish() {
    let folder = tempfile::tempdir().unwrap();
    let (world, wallets, id) = invited(folder.path(), 1);
    refused(world.people_agent().finish(&wallets[0], id), "the wallet began no answer");
    assert_eq!(world.screening_state(id).accepted, 0);
}
