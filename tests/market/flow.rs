//! The whole flow, from certification to a result that equals the truth.

use circuits::{id::AccountId, quorum::Quorum, record::Dosage};
use market::{
    agent::{Outcome, Outlook, Refusal, withdraw},
    ledger::act_all,
    researcher::decrypt,
    wallet::AnswerStage,
};
use node::{
    SENDER_WAITING_MAX,
    state::{QueryStatus, RefundReason, StateRead},
    transaction::{Action, Transfer},
    units::Amount,
};

use rand::{SeedableRng, rngs::StdRng};

use crate::world::{FEE, FOUR_PEOPLE_SUMS, PRICE, TOO_OLD, World, four_people, pass_days, person, three_variants};

#[test]
fn the_researcher_learns_exactly_the_sums_and_everybody_is_paid() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::ready(folder.path(), Quorum::DEFAULT);
    let mut people = four_people();
    people.push(person(TOO_OLD, [Dosage::HomAlt; 3]));
    let mut wallets = world.people(&people);
    let query = world.query(2, 10);
    let before = world.ledger().account(world.keys.researcher.account()).unwrap().unwrap().balance;

    let outlook = world.outlook(&wallets[0], query);
    assert_eq!(outlook, Outlook::Answer { holding: 0, parts: 2, price: Amount::new(PRICE) });
    let outcomes = world.answer_all(&mut wallets, query);
    assert!(outcomes[..4].iter().all(|outcome| matches!(outcome, Outcome::Admitted { .. })), "{outcomes:?}");
    assert_eq!(outcomes[4], Outcome::Declined { reasons: vec![Refusal::OutsideCriteria] });
    assert_eq!(world.state(query).admitted, 4);

    world.seal(query);
    world.aggregate(query).unwrap();
    world.work();
    assert!(matches!(world.state(query).status, QueryStatus::Released { .. }));
    let result = decrypt(world.ledger(), world.blobs.as_ref(), &world.keys.researcher, query).unwrap();
    assert_eq!(result.slots(), [vec![4], FOUR_PEOPLE_SUMS.to_vec()]);

    for wallet in &wallets[..4] {
        let answer = &wallet.answers()[&query];
        assert!(matches!(answer.stage, AnswerStage::Admitted { .. }));
        let paid = world.ledger().account(answer.payout_account()).unwrap().unwrap().balance;
        assert_eq!(paid, Amount::new(PRICE));
        assert_ne!(answer.payout_account(), wallet.owner());
    }
    let after = world.ledger().account(world.keys.researcher.account()).unwrap().unwrap().balance;
    assert_eq!(after.get(), before.get() + 10 * PRICE - 4 * PRICE);

    // In a later period the ledger would take it; whoever is in one of the two releases alone would be their difference.
    world.pass_epoch();
    let again = world.query(2, 10);
    assert_ne!(world.state(again).opening_epoch.period(), world.state(query).opening_epoch.period());
    let outlook = world.outlook(&wallets[0], again);
    assert_eq!(outlook, Outlook::Decline { reasons: vec![Refusal::ScopeSpent] });
}

#[test]
fn more_actions_than_may_wait_at_once_are_sent_in_turns() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::ready(folder.path(), Quorum::DEFAULT);
    let (key, heir) = (world.keys.researcher.signing_key(), AccountId::from_bytes([7; 32]));
    let transfer = Action::Transfer(Transfer { to: heir, amount: Amount::new(1) });
    let sent = act_all(world.ledger(), &key, vec![transfer; 2 * SENDER_WAITING_MAX + 1]).unwrap();
    assert_eq!(sent.len(), 2 * SENDER_WAITING_MAX + 1);
    assert_eq!(world.ledger().account(heir).unwrap().unwrap().balance.get(), sent.len() as u64);
}

#[test]
fn a_withdrawn_contribution_is_not_in_the_sum_and_cannot_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::ready(folder.path(), Quorum::DEFAULT);
    let mut wallets = world.people(&four_people());
    let query = world.query(2, 10);
    world.answer_all(&mut wallets, query);
    withdraw(world.ledger(), &mut wallets[3], query).unwrap();
    let again = world.answer_all(&mut wallets[3..], query);
    assert!(matches!(again[0], Outcome::AlreadyAdmitted { .. }));
    world.seal(query);
    world.aggregate(query).unwrap();
    world.work();
    let result = decrypt(world.ledger(), world.blobs.as_ref(), &world.keys.researcher, query).unwrap();
    assert_eq!(result.slots(), [vec![3], three_variants([2, 1, 3, 0, 2, 3, 0, 0, 1]).to_vec()]);
}

#[test]
fn a_record_enters_a_second_release_of_a_measure_only_after_the_first_query_was_refunded() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::ready(folder.path(), Quorum::DEFAULT);
    let mut wallets = world.people(&four_people());
    let query = world.query(3, 10);
    world.answer_all(&mut wallets[..2], query);
    let rival = world.query(2, 10);
    let outlook = world.outlook(&wallets[0], rival);
    assert_eq!(outlook, Outlook::Decline { reasons: vec![Refusal::ScopeSpent] });
    pass_days(31);
    world.seal(query);
    assert!(matches!(world.state(query).status, QueryStatus::Refunded { .. }));
    let next = world.query(2, 10);
    assert_eq!(world.state(next).opening_epoch, world.state(query).opening_epoch);
    let outcome = world.agent().answer(&mut wallets[0], next, &mut StdRng::seed_from_u64(1)).unwrap();
    assert!(matches!(outcome, Outcome::Admitted { .. }), "{outcome:?}");
}

#[test]
fn a_query_below_its_minimum_is_refunded_to_the_unit_but_for_the_fee() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::ready(folder.path(), Quorum::DEFAULT);
    let account = world.keys.researcher.account();
    let balance = |world: &World| world.ledger().account(account).unwrap().unwrap().balance.get();
    let mut wallets = world.people(&four_people());
    let before = balance(&world);
    let query = world.query(3, 10);
    assert_eq!(balance(&world), before - FEE - 10 * PRICE);
    world.answer_all(&mut wallets[..2], query);
    pass_days(31);
    world.seal(query);
    assert!(matches!(world.state(query).status, QueryStatus::Refunded { reason: RefundReason::BelowMinimum, .. }));
    assert_eq!(balance(&world), before - FEE);
    assert!(world.aggregate(query).is_err());
    world.work();
    assert!(decrypt(world.ledger(), world.blobs.as_ref(), &world.keys.researcher, query).is_err());
    let late = world.agent().answer(&mut wallets[2], query, &mut StdRng::seed_from_u64(1)).unwrap();
    assert!(matches!(&late, Outcome::Declined { reasons } if matches!(reasons[..], [Refusal::NotCollecting(_)])));
}
