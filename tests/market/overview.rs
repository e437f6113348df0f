//! What an owner is shown: everything that happened to the wallet, and none of its secrets.

use std::collections::BTreeSet;

use circuits::{consent::ConsentTerms, privacy::Epsilon, quorum::Quorum};
use market::{
    agent::{EarningState, Refusal, settle, withdraw},
    issuer::{change_consent, revoke},
    ledger::{QueryWatch, tip},
    overview::{Decision, EarlyEnd, LedgerView, Overview, RecordStanding, invitations},
    recruitment::ScreeningAgent,
    wallet::Wallet,
};
use rand::{SeedableRng, rngs::StdRng};

use crate::{
    fault::{Fault, FaultyLedger},
    world::{PRICE, World, four_people},
};

fn overview(world: &World, wallet: &mut Wallet, view: &mut LedgerView) -> Overview {
    let ledger = world.ledger();
    view.refresh(ledger).unwrap();
    view.learn(ledger, wallet).unwrap();
    settle(ledger, wallet).unwrap();
    let agent = ScreeningAgent { ledger, blobs: world.blobs.as_ref() };
    Overview::of(ledger, wallet, view, invitations(&agent, wallet).unwrap()).unwrap()
}

#[test]
fn an_overview_follows_a_wallet_from_question_to_pay() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::ready(folder.path(), Quorum::DEFAULT);
    let mut wallets = world.people(&four_people());
    let mut view = LedgerView::default();
    let query = world.private_query(2, 10, 1_000);
    let before = overview(&world, &mut wallets[0], &mut view);
    assert_eq!(before.queries[0].answer, Decision::Allowed);
    assert_eq!((before.queries[0].query, before.records[0].standing), (query, RecordStanding::Counts));
    assert!(!before.queries[0].asker.title.is_empty() && !before.records[0].issuer_name.is_empty());
    assert!(before.records[0].attributes.iter().any(|attribute| attribute.value.is_some()));
    wallets[3].set_budget(Epsilon::from_milli(1)).unwrap();
    let outsider = overview(&world, &mut wallets[3], &mut view);
    assert!(matches!(outsider.queries[0].answer, Decision::Declined { is_over: false, .. }), "{:?}", outsider.queries);

    let version = view.version();
    world.answer_all(&mut wallets[..3], query);
    let answered = overview(&world, &mut wallets[0], &mut view);
    assert!(view.version() > version, "a count that moved is news");
    assert_eq!(answered.queries[0].answer, Decision::Answered { earning: EarningState::Pending });
    assert!(answered.queries[0].is_withdrawable() && answered.budget.percent > 0);
    withdraw(world.ledger(), &mut wallets[2], query).unwrap();
    let withdrawn = overview(&world, &mut wallets[2], &mut view);
    assert_eq!(withdrawn.queries[0].answer, Decision::Answered { earning: EarningState::Withdrawn });
    assert!(!withdrawn.queries[0].is_withdrawable());

    world.seal(query);
    world.aggregate(query).unwrap();
    world.work();
    let paid = overview(&world, &mut wallets[0], &mut view);
    assert_eq!(paid.queries[0].answer, Decision::Answered { earning: EarningState::Paid });
    assert_eq!((paid.statement.paid.get(), paid.queries[0].is_withdrawable()), (PRICE, false));
    assert_eq!((answered.queries[0].early_end, paid.queries[0].early_end), (None, Some(EarlyEnd::Enough)));
    let late = overview(&world, &mut wallets[3], &mut view);
    assert!(matches!(late.queries[0].answer, Decision::Declined { is_over: true, .. }));
}

#[test]
fn repro_a_view_goes_on_where_the_ledger_stopped_to_answer_and_misses_no_query() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::ready(folder.path(), Quorum::DEFAULT);
    let mut wallets = world.people(&four_people());
    let first = world.query(2, 10);
    world.pass_blocks(1);
    let unread = tip(world.ledger()).unwrap().height;
    let second = world.query(2, 11);
    let stops = || FaultyLedger::new(world.ledger(), Fault::BlockUnread(unread), 1);
    let (mut watch, mut opened) = (QueryWatch::default(), vec![]);
    assert!(watch.follow(&stops(), &mut opened).is_err());
    assert_eq!(opened, [first]);
    // Whoever begins anew comes past this block again.
    let earlier = || FaultyLedger::new(world.ledger(), Fault::BlockUnread(world.state(first).opened), 1);
    assert!(QueryWatch::default().follow(&earlier(), &mut vec![]).is_err());
    watch.follow(&earlier(), &mut opened).unwrap();
    assert_eq!(opened, [first, second]);

    let mut view = LedgerView::default();
    assert!(view.refresh(&stops()).is_err());
    view.refresh(&earlier()).unwrap();
    let shown = overview(&world, &mut wallets[0], &mut view).queries;
    assert_eq!(shown.iter().map(|asked| asked.query).collect::<BTreeSet<_>>(), BTreeSet::from([first, second]));
}

#[test]
fn a_record_that_is_changed_or_withdrawn_is_told_from_one_that_counts() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::ready(folder.path(), Quorum::DEFAULT);
    let mut wallets = world.people(&four_people());
    let mut view = LedgerView::default();
    let terms = |wallet: &Wallet| {
        let mut terms = wallet.holdings()[0].consent.clone();
        terms.salt = ConsentTerms::random_salt(&mut StdRng::seed_from_u64(4));
        terms
    };
    let changed = terms(&wallets[0]);
    change_consent(world.ledger(), &mut wallets[0], 0, changed).unwrap();
    let changing = overview(&world, &mut wallets[0], &mut view);
    assert_eq!(changing.records[0].standing, RecordStanding::Changing);
    revoke(world.ledger(), &wallets[1], 0).unwrap();
    world.pass_epoch();
    let (changed, gone) = (overview(&world, &mut wallets[0], &mut view), overview(&world, &mut wallets[1], &mut view));
    assert_eq!(
        (changed.records[0].standing, gone.records[0].standing),
        (RecordStanding::Counts, RecordStanding::Withdrawn)
    );
    world.private_query(2, 10, 1_000);
    let asked = overview(&world, &mut wallets[1], &mut view);
    assert_eq!(asked.queries[0].answer, Decision::Declined { reasons: vec![Refusal::NotInTree], is_over: false });
}

#[test]
fn an_overview_that_is_saved_holds_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::ready(folder.path(), Quorum::DEFAULT);
    let mut wallets = world.people(&four_people());
    let query = world.query(2, 10);
    world.answer_all(&mut wallets[..1], query);
    let wallet = &mut wallets[0];
    let saved = serde_json::to_string(&overview(&world, wallet, &mut LedgerView::default())).unwrap();
    let holding = &wallet.holdings()[0];
    let answer = &wallet.answers()[&query];
    for secret in [
        wallet.owner_key().to_bytes().to_vec(),
        answer.payout.as_bytes().to_vec(),
        holding.consent.salt.to_vec(),
        borsh::to_vec(&holding.record.nullifier_key).unwrap(),
    ] {
        assert!(!saved.contains(&hex::encode(&secret)), "a secret in hex");
        assert!(!saved.contains(&serde_json::to_string(&secret).unwrap()), "a secret as a list");
    }
    assert!(!saved.contains("salt") && !saved.contains("nullifier") && !saved.contains("dosage"));
}
