//! What a person's agent spends of the owner's privacy, and that neither retries nor other queries spend it twice.

use std::collections::{BTreeMap, BTreeSet};

use circuits::{
    id::QueryId,
    privacy::{Epsilon, Rho},
    quorum::Quorum,
};
use market::{
    agent::{Outcome, Outlook, Refusal, Rescanned, pay_out, rescan, settle, spent, withdraw},
    wallet::{AnswerStage, Settlement, Wallet},
};
use node::{
    state::{QueryStatus, StateRead as _},
    units::Height,
};
use rand::{RngExt as _, SeedableRng, rngs::StdRng};

use crate::{
    fault::{Fault, FaultyLedger},
    world::{World, four_people, pass_days, protection, wallet_path},
};

fn rng() -> StdRng {
    StdRng::seed_from_u64(78)
}

const fn epsilon(milli: u32) -> Epsilon {
    Epsilon::from_milli(milli)
}

fn asked(folder: &std::path::Path) -> (World, Vec<Wallet>) {
    let mut world = World::ready(folder, Quorum::DEFAULT);
    let wallets = world.people(&four_people());
    (world, wallets)
}

#[test]
fn answers_stop_at_the_owners_budget_and_a_refund_gives_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets) = asked(folder.path());
    let (wallet, mut rng) = (&mut wallets[0], rng());
    wallet.set_budget(epsilon(1_300)).unwrap();
    let first = world.private_query(2, 10, 1_000);
    for _ in 0..2 {
        world.agent().answer(wallet, first, &mut rng).unwrap();
        assert_eq!(spent(wallet, None), epsilon(1_000).rho(), "asked again, it spends nothing more");
    }
    let second = world.private_query(2, 10, 1_000);
    let declined = world.agent().answer(wallet, second, &mut rng).unwrap();
    let Outcome::Declined { reasons } = declined else { panic!("{declined:?}") };
    let [Refusal::Budget { after, limit, .. }] = reasons[..] else { panic!("{reasons:?}") };
    assert!(after > limit && limit == epsilon(1_300), "{after} of {limit}");
    assert!(wallet.answers().get(&second).is_none());

    pass_days(31);
    world.seal(first);
    assert!(matches!(world.state(first).status, QueryStatus::Refunded { .. }));
    let third = world.private_query(2, 10, 1_000);
    let outcome = world.agent().answer(wallet, third, &mut rng).unwrap();
    assert!(matches!(outcome, Outcome::Admitted { .. }), "{outcome:?}");
    assert_eq!(wallet.answers()[&first].settled, Some(Settlement::Refunded));
    assert_eq!(spent(wallet, None), epsilon(1_000).rho());
    withdraw(world.ledger(), wallet, third).unwrap();
    assert_eq!(spent(wallet, None), Rho::default(), "what was taken back is in no sum");
}

#[test]
fn an_agent_that_crashed_after_proving_goes_on_without_spending_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets) = asked(folder.path());
    wallets[0].set_budget(epsilon(1_000)).unwrap();
    let query = world.private_query(2, 10, 1_000);
    let lossy = FaultyLedger::new(world.ledger(), Fault::LostOnTheWay, 1_000);
    world.agent_through(&lossy, &world.committee).answer(&mut wallets[0], query, &mut rng()).unwrap_err();
    assert_eq!(spent(&wallets[0], None), epsilon(1_000).rho(), "noted before it was sent");
    drop(wallets.remove(0));
    let mut reopened = Wallet::open(&wallet_path(&world.root, 0), protection()).unwrap();
    assert!(Wallet::open(&wallet_path(&world.root, 0), protection()).is_err(), "a second agent waits");
    let rival = world.private_query(2, 10, 1_000);
    let outlook = world.outlook(&reopened, rival);
    assert!(matches!(&outlook, Outlook::Decline { reasons } if matches!(reasons[..], [Refusal::Budget { .. }])));
    let outcome = world.agent().answer(&mut reopened, query, &mut rng()).unwrap();
    assert!(matches!(outcome, Outcome::Admitted { .. }), "{outcome:?}");
    assert_eq!(spent(&reopened, None), epsilon(1_000).rho());
}

#[test]
fn repro_an_answer_that_came_too_late_spends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (mut world, mut wallets) = asked(folder.path());
    let query = world.private_query(2, 2, 1_000);
    let lossy = FaultyLedger::new(world.ledger(), Fault::LostOnTheWay, 1_000);
    world.agent_through(&lossy, &world.committee).answer(&mut wallets[0], query, &mut rng()).unwrap_err();
    assert!(matches!(wallets[0].answers()[&query].stage, AnswerStage::Attested(_)));
    world.answer_all(&mut wallets[1..3], query);
    world.seal(query);
    world.aggregate(query).unwrap();
    world.work();
    assert!(matches!(world.state(query).status, QueryStatus::Released { .. }));
    for (place, settled, rho) in
        [(0, Settlement::Missed, Rho::default()), (1, Settlement::Released, epsilon(1_000).rho())]
    {
        settle(world.ledger(), &mut wallets[place]).unwrap();
        assert_eq!(wallets[place].answers()[&query].settled, Some(settled));
        assert_eq!(spent(&wallets[place], None), rho);
    }
}

#[test]
fn copies_of_a_wallet_answer_once_between_them_are_paid_once_and_spend_once() {
    let folder = tempfile::tempdir().unwrap();
    let (mut world, mut wallets) = asked(folder.path());
    let backup = folder.path().join("backup");
    wallets[0].back_up(&backup).unwrap();
    let mut copy = Wallet::recover(&backup, &folder.path().join("copy"), protection()).unwrap();
    let query = world.private_query(2, 10, 1_000);
    // One copy's answer is lost on its way after it was noted, and the other's answer comes first.
    let lossy = FaultyLedger::new(world.ledger(), Fault::LostOnTheWay, 1_000);
    world.agent_through(&lossy, &world.committee).answer(&mut copy, query, &mut rng()).unwrap_err();
    let admitted = world.agent().answer(&mut wallets[0], query, &mut StdRng::seed_from_u64(1)).unwrap();
    let Outcome::Admitted { contribution, .. } = admitted else { panic!("{admitted:?}") };
    for wallet in [&mut copy, &mut wallets[0]] {
        let again = world.agent().answer(wallet, query, &mut rng()).unwrap();
        assert_eq!(again, Outcome::AlreadyAdmitted { contribution });
        assert_eq!(spent(wallet, None), epsilon(1_000).rho());
    }
    // A third one, from before both, learns the same when it tries.
    let mut older = Wallet::recover(&backup, &folder.path().join("older"), protection()).unwrap();
    assert_eq!(world.agent().answer(&mut older, query, &mut rng()).unwrap(), Outcome::AlreadyAdmitted { contribution });
    assert_eq!(world.state(query).admitted, 1);

    world.answer_all(&mut wallets[1..], query);
    world.seal(query);
    world.aggregate(query).unwrap();
    world.work();
    for wallet in [&mut copy, &mut older, &mut wallets[0]] {
        settle(world.ledger(), wallet).unwrap();
        assert_eq!(wallet.answers()[&query].settled, Some(Settlement::Released));
        let paid = world.ledger().account(wallet.answers()[&query].payout_account()).unwrap().unwrap();
        assert_eq!(paid.balance, world.state(query).query.price, "whichever copy is kept has the money's key");
    }
}

#[test]
fn whatever_is_asked_and_taken_back_the_budget_is_never_overdrawn() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut wallets) = asked(folder.path());
    let seed = rand::random::<u64>();
    println!("seed {seed}");
    let (mut random, mut rng) = (StdRng::seed_from_u64(seed), rng());
    let (wallet, limit) = (&mut wallets[0], epsilon(1_500));
    wallet.set_budget(limit).unwrap();
    // What a ledger of the person's own would say.
    let mut counted: BTreeMap<QueryId, Rho> = BTreeMap::new();
    let total = |counted: &BTreeMap<QueryId, Rho>| counted.values().fold(Rho::default(), |sum, rho| sum.plus(*rho));
    let (mut answered, mut declined, mut taken_back) = (0, 0, 0);
    // A decline costs nothing, so all three happen before it ends.
    while answered < 4 || declined == 0 || taken_back == 0 {
        let asked = epsilon(random.random_range(200..1_200));
        let query = world.private_query(2, 10, asked.milli());
        let fits = total(&counted).plus(asked.rho()) <= limit.rho();
        let outcome = world.agent().answer(wallet, query, &mut rng).unwrap();
        assert_eq!(matches!(outcome, Outcome::Admitted { .. }), fits, "{asked} after {:?}: {outcome:?}", counted);
        if fits {
            counted.insert(query, asked.rho());
            answered += 1;
        } else {
            declined += 1;
        }
        if random.random_bool(0.4)
            && let Some((query, _)) = counted.pop_first()
        {
            withdraw(world.ledger(), wallet, query).unwrap();
            taken_back += 1;
        }
        assert_eq!(spent(wallet, None), total(&counted));
        assert!(spent(wallet, None) <= limit.rho());
    }
}

#[test]
fn repro_a_copy_of_a_wallet_took_what_another_withdrew_for_earnings() {
    let folder = tempfile::tempdir().unwrap();
    let (mut world, mut wallets) = asked(folder.path());
    let backup = folder.path().join("backup");
    let query = world.private_query(2, 10, 1_000);
    world.answer_all(&mut wallets, query);
    wallets[0].back_up(&backup).unwrap();
    let mut copy = Wallet::recover(&backup, &folder.path().join("copy"), protection()).unwrap();
    withdraw(world.ledger(), &mut wallets[0], query).unwrap();
    assert_eq!(rescan(world.ledger(), &mut copy, &mut |_| ()).unwrap().withdrawn, [query]);
    assert!(matches!(copy.answers()[&query].stage, AnswerStage::Withdrawn { .. }));
    assert_eq!(spent(&copy, None), Rho::default());

    // One that tries to withdraw it again is refused, and knows by then.
    let mut other = Wallet::recover(&backup, &folder.path().join("other"), protection()).unwrap();
    withdraw(world.ledger(), &mut other, query).unwrap_err();
    assert!(matches!(other.answers()[&query].stage, AnswerStage::Withdrawn { .. }));
}

#[test]
fn a_wallet_from_before_its_answers_finds_them_again_with_their_money_and_their_budget() {
    let folder = tempfile::tempdir().unwrap();
    let (mut world, mut wallets) = asked(folder.path());
    let backup = folder.path().join("backup");
    wallets[0].back_up(&backup).unwrap();
    let (released, withdrawn, exact) =
        (world.private_query(2, 10, 1_000), world.private_query(2, 10, 500), world.query(2, 10));
    for query in [released, withdrawn, exact] {
        world.answer_all(&mut wallets, query);
    }
    withdraw(world.ledger(), &mut wallets[0], withdrawn).unwrap();
    world.seal(released);
    world.aggregate(released).unwrap();
    world.work();
    settle(world.ledger(), &mut wallets[0]).unwrap();

    let mut restored = Wallet::recover(&backup, &folder.path().join("restored"), protection()).unwrap();
    let to = world.keys.researcher.account();
    assert!(pay_out(world.ledger(), &restored, released, to, None).unwrap_err().to_string().contains("wallet rescan"));
    let pruned = FaultyLedger::new(world.ledger(), Fault::BlocksPruned { first: Height::new(3), lists: true }, 0);
    assert!(rescan(&pruned, &mut restored, &mut |_| ()).unwrap_err().to_string().contains("keeps every block"));
    // Whoever names its payout account has not answered for it.
    let mut misled = Wallet::recover(&backup, &folder.path().join("misled"), protection()).unwrap();
    let copying = FaultyLedger::new(world.ledger(), Fault::PayoutsCopied, 0);
    rescan(&copying, &mut misled, &mut |_| ()).unwrap();
    let place = |wallet: &Wallet| wallet.answers()[&exact].contribution().unwrap().get();
    assert_eq!(place(&misled), 2 * place(&wallets[0]) + 1, "each has its copy before it");
    let found = rescan(world.ledger(), &mut restored, &mut |_| ()).unwrap();
    assert_eq!(found.answers.iter().collect::<BTreeSet<_>>(), BTreeSet::from([&released, &withdrawn, &exact]));
    assert_eq!(restored.answers(), wallets[0].answers());
    assert_eq!(spent(&restored, None), epsilon(1_000).rho());
    assert_eq!(pay_out(world.ledger(), &restored, released, to, None).unwrap().0, world.state(released).query.price);
    assert_eq!(rescan(world.ledger(), &mut restored, &mut |_| ()).unwrap(), Rescanned::default());
}
