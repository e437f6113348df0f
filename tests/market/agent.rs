//! The agent answers once, whatever fails, and declines with reasons.

use std::sync::Mutex;

use circuits::{
    consent::{ConsentFlags, Day, Purposes, Regions},
    id::QueryId,
    quorum::Quorum,
    record::{ATTRIBUTES, Attributes, Dosage, Genotypes, MISSING},
};
use market::{
    Error,
    agent::{OpenQuery, Outcome, Outlook, Refusal},
    issuer::{Measurements, certify, change_consent, revoke},
    ledger::{QueryWatch, settle, tip},
    objects::{BlobAccess, BlobKind},
    overview::{LedgerView, Overview},
    wallet::{AnswerStage, Wallet},
};
use node::{transaction::Transaction, units::Height};
use rand::{SeedableRng, rngs::StdRng};

use crate::{
    fault::{
        Fault, FaultyLedger, ForgingCommittee, HangingCommittee, PartialCommittee, RecordingCommittee, UnknownCommittee,
    },
    world::{PRICE, Person, World, four_people, member, person, protection, terms, wallet_path},
};

fn rng() -> StdRng {
    StdRng::seed_from_u64(77)
}

/// A world with four people and a query that asks them.
fn asked(folder: &std::path::Path) -> (World, Vec<Wallet>, QueryId) {
    let mut world = World::ready(folder, Quorum::DEFAULT);
    let wallets = world.people(&four_people());
    let query = world.query(2, 10);
    (world, wallets, query)
}

/// Closes the first wallet and opens its file again, as after a crash.
fn reopen(world: &World, wallets: &mut Vec<Wallet>) {
    drop(wallets.remove(0));
    wallets.insert(0, Wallet::open(&wallet_path(&world.root, 0), protection()).unwrap());
}

#[test]
fn however_often_it_is_asked_a_wallet_contributes_once() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, query) = asked(folder.path());
    let first = world.agent().answer(&mut wallets[0], query, &mut rng()).unwrap();
    let Outcome::Admitted { contribution, .. } = first else { panic!("{first:?}") };
    for _ in 0..2 {
        reopen(&world, &mut wallets);
        let again = world.agent().answer(&mut wallets[0], query, &mut rng()).unwrap();
        assert_eq!(again, Outcome::AlreadyAdmitted { contribution });
    }
    let outlook = world.outlook(&wallets[0], query);
    assert_eq!(outlook, Outlook::Answered { contribution });
    assert_eq!(world.state(query).admitted, 1);
}

#[test]
fn repro_a_query_seen_before_the_node_went_away_is_not_missed() {
    let folder = tempfile::tempdir().unwrap();
    let (world, _, query) = asked(folder.path());
    let beyond = tip(world.ledger()).unwrap().height.next();
    let faulty = FaultyLedger::new(world.ledger(), Fault::BlockUnread(beyond), 1);
    let mut watch = QueryWatch::default();
    assert!(watch.poll(&faulty).is_err());
    assert_eq!(watch.poll(&faulty).unwrap(), [query]);
    assert!(watch.poll(&faulty).unwrap().is_empty());
}

#[test]
fn repro_a_node_without_its_first_blocks_shows_the_queries_of_its_state_and_those_that_open_later() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, query) = asked(folder.path());
    world.pass_blocks(1);
    let (opened, latest) = (world.state(query).opened, tip(world.ledger()).unwrap().height);
    assert!(opened < latest);
    // A node that is behind others at its address lacks blocks too, but those to come.
    let behind = FaultyLedger::new(world.ledger(), Fault::BlocksHidden(opened), 0);
    let mut follower = QueryWatch::default();
    assert!(follower.poll(&behind).unwrap().is_empty());

    let pruned = FaultyLedger::new(world.ledger(), Fault::BlocksPruned { first: latest, lists: true }, 0);
    let mut watch = QueryWatch::default();
    assert_eq!(watch.poll(&pruned).unwrap(), [query]);
    let next = world.query(2, 10);
    assert_eq!(watch.poll(&pruned).unwrap(), [next]);
    assert!(watch.poll(&pruned).unwrap().is_empty());
    assert!(!watch.has_seen(opened), "a list is no proof that there are no others");
    assert_eq!(follower.poll(world.ledger()).unwrap(), [query, next]);
    assert!(follower.has_seen(opened));

    let mut view = LedgerView::default();
    view.refresh(&pruned).unwrap();
    assert_eq!(view.tip(), tip(world.ledger()).unwrap());
    let agent = world.agent_through(&pruned, &world.committee);
    assert!(matches!(agent.answer(&mut wallets[0], query, &mut rng()).unwrap(), Outcome::Admitted { .. }));
}

#[test]
fn repro_one_false_gap_in_a_ledger_made_a_watch_trust_its_list_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let (world, wallets, query) = asked(folder.path());
    world.pass_blocks(1);
    let latest = tip(world.ledger()).unwrap().height;
    // It leaves out the only query while it lasts.
    let withholding = FaultyLedger::new(world.ledger(), Fault::BlocksPruned { first: latest, lists: false }, 0);
    let mut watch = QueryWatch::default();
    assert!(watch.poll(&withholding).unwrap().is_empty());
    assert!(!watch.has_seen(latest));
    assert_eq!(watch.poll(world.ledger()).unwrap(), [query]);
    assert!(watch.has_seen(latest));
    assert!(watch.poll(world.ledger()).unwrap().is_empty());

    // One that lists what there is not, and what there is twice, for one look.
    let making_up = || FaultyLedger::new(world.ledger(), Fault::ListMadeUp(latest), 2);
    let mut watch = QueryWatch::default();
    assert_eq!(watch.poll(&making_up()).unwrap(), [query]);
    assert!(!watch.has_seen(latest));
    // What opens meanwhile waits for no block behind, and a block that cannot be read is asked for again.
    let next = world.query(2, 10);
    let first = FaultyLedger::new(world.ledger(), Fault::BlockUnread(Height::new(1)), 1);
    assert_eq!({ watch }.poll(world.ledger()).unwrap(), [query, next], "what may be known already comes first");
    assert_eq!(watch.poll(&first).unwrap(), [next]);
    assert!(!watch.has_seen(latest));
    assert_eq!(watch.poll(world.ledger()).unwrap(), [query], "its block is looked at now");
    assert!(watch.has_seen(latest));

    // A person is shown each query once, however often the watch tells of it.
    let mut view = LedgerView::default();
    view.refresh(&making_up()).unwrap();
    world.pass_blocks(1);
    view.refresh(world.ledger()).unwrap();
    view.learn(world.ledger(), &wallets[0]).unwrap();
    let shown = Overview::of(world.ledger(), &wallets[0], &view, vec![]).unwrap();
    assert_eq!(shown.queries.iter().map(|asked| asked.query).collect::<Vec<_>>(), [next, query], "the newest first");
}

#[test]
fn repro_a_query_kept_open_by_an_agent_is_refreshed_and_answered_once() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, query) = asked(folder.path());
    let agent = world.agent();
    let mut rng = rng();
    let mut opened = OpenQuery::fetch(agent.ledger, query).unwrap();
    for (answered, wallet) in wallets.iter_mut().take(2).enumerate() {
        opened.refresh(agent.ledger).unwrap();
        assert_eq!(opened.state().surviving, u32::try_from(answered).unwrap());
        assert!(matches!(opened.outlook(agent.ledger, wallet).unwrap(), Outlook::Answer { .. }));
        assert!(matches!(agent.answer_opened(wallet, &opened, &mut rng).unwrap(), Outcome::Admitted { .. }));
    }
    assert_eq!(world.state(query).admitted, 2);
}

#[test]
fn a_lost_transaction_is_sent_again_with_the_same_ciphertexts_and_payout() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, query) = asked(folder.path());
    let faulty = FaultyLedger::new(world.ledger(), Fault::LostOnTheWay, 1);
    assert!(world.agent_through(&faulty, &world.committee).answer(&mut wallets[0], query, &mut rng()).is_err());
    assert_eq!(world.state(query).admitted, 0);
    reopen(&world, &mut wallets);
    let begun = wallets[0].answers()[&query].clone();
    let AnswerStage::Attested(sent) = &begun.stage else { panic!("{begun:?}") };
    world.agent().answer(&mut wallets[0], query, &mut rng()).unwrap();
    let admitted = market::ledger::surviving(world.ledger(), query, &world.state(query)).unwrap();
    assert_eq!(admitted.len(), 1);
    assert_eq!(admitted[0].1.payout, begun.payout_account());
    let ciphertexts: Vec<_> = sent.parts.iter().map(|part| part.ciphertext).collect();
    assert_eq!(admitted[0].1.parts.iter().map(|part| part.ciphertext).collect::<Vec<_>>(), ciphertexts);
}

#[test]
fn a_lost_answer_does_not_make_a_second_contribution() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, query) = asked(folder.path());
    let faulty = FaultyLedger::new(world.ledger(), Fault::AnswerLost, 1);
    let found = world.agent_through(&faulty, &world.committee).answer(&mut wallets[0], query, &mut rng()).unwrap();
    assert!(matches!(found, Outcome::AlreadyAdmitted { .. }));
    reopen(&world, &mut wallets);
    let again = world.agent().answer(&mut wallets[0], query, &mut rng()).unwrap();
    assert!(matches!(again, Outcome::AlreadyAdmitted { .. }));
    assert!(matches!(wallets[0].answers()[&query].stage, AnswerStage::Admitted { .. }));
    assert_eq!(world.state(query).admitted, 1);
}

#[test]
fn an_answer_of_a_past_epoch_is_encrypted_and_proven_anew_for_the_same_payout() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, query) = asked(folder.path());
    let mut rng = rng();
    let faulty = FaultyLedger::new(world.ledger(), Fault::LostOnTheWay, 1);
    world.agent_through(&faulty, &world.committee).answer(&mut wallets[0], query, &mut rng).unwrap_err();
    let before = wallets[0].answers()[&query].clone();
    // Another person's certification changes the root.
    let issuer = world.keys.issuers[0].clone();
    let path = folder.path().join("newcomer.wallet");
    let mut other = Wallet::create(&path, protection(), wallets[0].chain(), "late", &mut rng).unwrap();
    let enrolment = other.enrol(terms(Purposes::default(), &mut rng), None, &mut rng).unwrap();
    let measured = Measurements {
        schema: wallets[0].holdings()[0].record.schema,
        attributes: wallets[0].holdings()[0].record.attributes.clone(),
        genotypes: wallets[0].holdings()[0].record.genotypes.clone(),
    };
    certify(world.ledger(), &issuer, &[(measured, enrolment)]).unwrap();
    world.pass_epoch();
    let outcome = world.agent().answer(&mut wallets[0], query, &mut rng).unwrap();
    assert!(matches!(outcome, Outcome::Admitted { .. }));
    assert_eq!(wallets[0].answers()[&query].payout, before.payout);
    let AnswerStage::Attested(stale) = &before.stage else { panic!("{before:?}") };
    let admitted = market::ledger::surviving(world.ledger(), query, &world.state(query)).unwrap();
    assert_eq!(admitted[0].1.payout, stale.payout);
    assert_ne!(admitted[0].1.parts[0].ciphertext, stale.parts[0].ciphertext);
}

#[test]
fn too_few_receipts_admit_nothing_and_enough_later_do() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, query) = asked(folder.path());
    let two = PartialCommittee { inner: &world.committee, present: &world.keys.members[..2] };
    let error = world.agent_through(world.ledger(), &two).answer(&mut wallets[0], query, &mut rng()).unwrap_err();
    assert!(error.to_string().contains("2 members attest the ciphertext, 3 must"), "{error}");
    assert_eq!(world.state(query).admitted, 0);
    reopen(&world, &mut wallets);
    let three = PartialCommittee { inner: &world.committee, present: &world.keys.members[..3] };
    let outcome = world.agent_through(world.ledger(), &three).answer(&mut wallets[0], query, &mut rng()).unwrap();
    assert!(matches!(outcome, Outcome::Admitted { .. }));
}

#[test]
fn repro_nothing_is_encrypted_to_the_key_of_a_committee_that_nobody_told_the_agent_of() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, query) = asked(folder.path());
    let error = world.agent_through(world.ledger(), &UnknownCommittee).answer(&mut wallets[0], query, &mut rng());
    assert!(error.unwrap_err().to_string().contains("none of its members is known"));
    assert!(wallets[0].answers().is_empty());
    let kept = world.blobs.list(BlobKind::Ciphertext).unwrap();
    assert!(kept.is_empty(), "{kept:?}");
}

#[test]
fn consent_that_forbids_the_purpose_is_honoured_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::ready(folder.path(), Quorum::DEFAULT);
    let forbidding = Person { purposes: Purposes::METHODS, ..person(44, [Dosage::Het; 3]) };
    let mut wallets = world.people(&[forbidding, person(44, [Dosage::Het; 3])]);
    let query = world.query(2, 10);
    let outcome = world.agent().answer(&mut wallets[0], query, &mut rng()).unwrap();
    let Outcome::Declined { reasons } = outcome else { panic!("{outcome:?}") };
    assert!(reasons[0].to_string().contains("a purpose of the query is not among those allowed"), "{reasons:?}");
    assert!(wallets[0].answers().is_empty());
}

#[test]
fn each_term_of_the_consent_declines_with_its_own_reason() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, query) = asked(folder.path());
    let sound = terms(Purposes::HEALTH_RESEARCH, &mut rng());
    let mut variants = vec![];
    let mut vary = |change: fn(&mut circuits::consent::ConsentTerms), reason| {
        let mut changed = sound.clone();
        change(&mut changed);
        variants.push((changed, reason));
    };
    vary(|terms| terms.price_min = PRICE + 1, "the price is below its minimum");
    vary(|terms| terms.expiry = Day(1), "it expires before the query closes");
    vary(|terms| terms.regions = Regions(2), "a region that is not allowed");
    vary(|terms| terms.cohort_min = 1_000, "minimum cohort is below");
    vary(|terms| terms.flags = ConsentFlags::default(), "does not permit this kind of release");
    for (terms, reason) in variants {
        change_consent(world.ledger(), &mut wallets[0], 0, terms).unwrap();
        let early = world.outlook(&wallets[0], query);
        assert_eq!(early, Outlook::Decline { reasons: vec![Refusal::NotInTree] }, "before the epoch ends");
        world.pass_epoch();
        let Outlook::Decline { reasons } = world.outlook(&wallets[0], query) else { panic!() };
        assert!(reasons[0].to_string().contains(reason), "{reasons:?}");
    }
    change_consent(world.ledger(), &mut wallets[0], 0, sound.clone()).unwrap();
    world.pass_epoch();
    assert!(matches!(world.outlook(&wallets[0], query), Outlook::Answer { .. }));
}

#[test]
fn a_revoked_record_answers_nothing_from_the_next_epoch_on() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, query) = asked(folder.path());
    revoke(world.ledger(), &wallets[0], 0).unwrap();
    world.pass_epoch();
    let outcome = world.agent().answer(&mut wallets[0], query, &mut rng()).unwrap();
    assert_eq!(outcome, Outcome::Declined { reasons: vec![Refusal::NotInTree] });
    let error = change_consent(world.ledger(), &mut wallets[0], 0, terms(Purposes::default(), &mut rng())).unwrap_err();
    assert!(matches!(error, Error::Ledger(_)), "{error}");
}

#[test]
fn repro_terms_are_kept_where_it_is_not_known_that_the_ledger_refused_them() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, query) = asked(folder.path());
    for fault in [Fault::StatusRefused, Fault::AnswerRefused, Fault::RefusedUntold] {
        let faulty = FaultyLedger::new(world.ledger(), fault, 1);
        let changed = terms(Purposes::HEALTH_RESEARCH, &mut rng());
        let error = change_consent(&faulty, &mut wallets[0], 0, changed.clone()).unwrap_err();
        assert!(matches!(error, Error::Unsettled { .. }), "{error}");
        assert!(wallets[0].holdings()[0].consent == changed, "a block has the new ones, or will");
        world.pass_epoch();
        assert!(matches!(world.outlook(&wallets[0], query), Outlook::Answer { .. }));
    }
}

#[test]
fn terms_stay_as_they_are_while_the_ledger_is_away() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, _) = asked(folder.path());
    let before = wallets[0].holdings()[0].consent.clone();
    let away = FaultyLedger::new(world.ledger(), Fault::Away, 0);
    let changed = terms(Purposes::METHODS, &mut rng());
    assert!(change_consent(&away, &mut wallets[0], 0, changed).is_err());
    assert!(wallets[0].holdings()[0].consent == before, "nothing was sent");
}

#[test]
fn repro_nobody_is_told_to_send_again_what_others_may_have() {
    let folder = tempfile::tempdir().unwrap();
    let (world, ..) = asked(folder.path());
    let unheard_of = "07".repeat(32).parse().unwrap();
    let error = settle(world.ledger(), unheard_of).unwrap_err();
    assert!(error.to_string().ends_with("others may; look it up before sending again"), "{error}");
}

#[test]
fn a_wallet_of_another_chain_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (world, _, query) = asked(folder.path());
    let path = folder.path().join("other.wallet");
    let chain = circuits::id::ChainId::from_bytes([1; 32]);
    let mut wallet = Wallet::create(&path, protection(), chain, "other", &mut rng()).unwrap();
    let error = world.agent().answer(&mut wallet, query, &mut rng()).unwrap_err();
    assert!(error.to_string().contains("the wallet is of chain"), "{error}");
}

#[test]
fn a_restored_wallet_that_forgot_its_answer_finds_it_on_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, query) = asked(folder.path());
    let backup = folder.path().join("backup");
    wallets[0].back_up(&backup).unwrap();
    let Outcome::Admitted { contribution, .. } = world.agent().answer(&mut wallets[0], query, &mut rng()).unwrap()
    else {
        panic!()
    };
    let mut restored = Wallet::recover(&backup, &folder.path().join("restored"), protection()).unwrap();
    assert!(restored.answers().is_empty());
    let again = world.agent().answer(&mut restored, query, &mut rng()).unwrap();
    assert_eq!(again, Outcome::AlreadyAdmitted { contribution });
    assert_eq!(world.state(query).admitted, 1);
}

#[test]
fn a_member_whose_receipt_does_not_verify_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, query) = asked(folder.path());
    let forging = ForgingCommittee { inner: &world.committee, forgers: &world.keys.members[..1] };
    let outcome = world.agent_through(world.ledger(), &forging).answer(&mut wallets[0], query, &mut rng()).unwrap();
    assert!(matches!(outcome, Outcome::Admitted { .. }));
    let forging = ForgingCommittee { inner: &world.committee, forgers: &world.keys.members[..2] };
    let error = world.agent_through(world.ledger(), &forging).answer(&mut wallets[1], query, &mut rng()).unwrap_err();
    assert!(error.to_string().contains("2 members attest the ciphertext, 3 must"), "{error}");
}

#[test]
fn repro_a_member_that_never_answers_stops_no_agent() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, query) = asked(folder.path());
    let recording = RecordingCommittee { inner: &world.committee, asked: Mutex::default() };
    let hanging = HangingCommittee { inner: &recording, hanging: world.account(1) };
    let outcome = world.agent_through(world.ledger(), &hanging).answer(&mut wallets[0], query, &mut rng()).unwrap();
    assert!(matches!(outcome, Outcome::Admitted { .. }));
    assert_eq!(recording.asked.into_inner().unwrap().len(), 2 * 3, "three of four keep each of two parts");
    // Receipts are in the members' order, whoever was first.
    let tip = tip(world.ledger()).unwrap().height;
    let transactions = world.ledger().block(tip).unwrap().unwrap().transactions;
    let Transaction::Contribute(contribution) = &transactions[0] else { panic!("{transactions:?}") };
    for part in &contribution.parts {
        let members: Vec<_> = part.receipts.iter().map(|receipt| receipt.member).collect();
        assert_eq!(members, [0, 2, 3].map(member));
    }
}

#[test]
fn an_enrolment_that_would_replace_anothers_record_is_not_certified() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets, _) = asked(folder.path());
    let victim = wallets[0].holdings()[0].leaf;
    let measured = Measurements {
        schema: wallets[2].holdings()[0].record.schema,
        attributes: wallets[2].holdings()[0].record.attributes.clone(),
        genotypes: wallets[2].holdings()[0].record.genotypes.clone(),
    };
    let consent = terms(Purposes::HEALTH_RESEARCH, &mut rng());
    let stolen = wallets[2].enrol(consent.clone(), Some(victim), &mut rng()).unwrap();
    let error = certify(world.ledger(), &world.keys.issuers[0], &[(measured.clone(), stolen)]).unwrap_err();
    assert!(error.to_string().contains("is not one of owner"), "{error}");
    let own = wallets[2].holdings()[0].leaf;
    let rotated = wallets[2].enrol(consent, Some(own), &mut rng()).unwrap();
    certify(world.ledger(), &world.keys.issuers[0], &[(measured, rotated)]).unwrap();
}

#[test]
fn a_value_outside_the_schemas_range_is_not_certified() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::ready(folder.path(), Quorum::DEFAULT);
    let schema = world.people(&four_people()[..1]).remove(0).holdings()[0].record.schema;
    let mut wallet =
        Wallet::create(&wallet_path(&world.root, 9), protection(), world.ledger().chain(), "", &mut rng()).unwrap();
    let enrolment = wallet.enrol(terms(Purposes::HEALTH_RESEARCH, &mut rng()), None, &mut rng()).unwrap();
    for (place, value, why) in [(0, 121, "\"age\" has a stored value outside 0 to 120"), (1, 0, "attribute 1, which")] {
        let mut attributes = [MISSING; ATTRIBUTES];
        attributes[place] = value;
        let genotypes = Genotypes::new(&[Dosage::Het; 3]).unwrap();
        let measured = Measurements { schema, attributes: Attributes::new(attributes), genotypes };
        let refused =
            certify(world.ledger(), &world.keys.issuers[0], &[(measured, enrolment)]).unwrap_err().to_string();
        assert!(refused.contains(why) && !refused.contains("121"), "{refused}");
    }
}
