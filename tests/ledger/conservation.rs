//! No sequence of transactions makes or loses money, and replaying the blocks gives the same state.

use circuits::quorum::Quorum;
use node::{
    query::CohortQuery,
    replay,
    state::{QueryStatus, StateRead},
    transaction::{Action, Transfer, Withdraw},
    units::{Amount, ContributionIndex, Height},
};
use proptest::prelude::*;

use crate::world::{DigestInsteadOfPairing, World, account, payout_name};

/// A step that anyone might try at any time, sensible or not.
#[derive(Debug, Clone)]
enum Op {
    Open { price: u64, min: u32, max: u32 },
    Contribute { query: usize, person: u64 },
    Withdraw { query: usize, contribution: u32, person: u64 },
    Seal { query: usize },
    Aggregate { query: usize, members: u8 },
    Components { query: usize, member: u8, lies: bool },
    Refund { query: usize },
    Transfer { from: u8, to: u8, amount: u64 },
    Block,
    Days(u32),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => (0u64..400, 1u32..4, 1u32..6).prop_map(|(price, min, max)| Op::Open { price, min, max }),
        8 => (0usize..3, 0u64..6).prop_map(|(query, person)| Op::Contribute { query, person }),
        2 => (0usize..3, 0u32..4, 0u64..6)
            .prop_map(|(query, contribution, person)| Op::Withdraw { query, contribution, person }),
        4 => (0usize..3).prop_map(|query| Op::Seal { query }),
        4 => (0usize..3, 0u8..4).prop_map(|(query, members)| Op::Aggregate { query, members }),
        8 => (0usize..3, 0u8..4, prop::bool::weighted(0.2))
            .prop_map(|(query, member, lies)| Op::Components { query, member, lies }),
        2 => (0usize..3).prop_map(|query| Op::Refund { query }),
        2 => (0u8..3, 0u8..3, 0u64..2_000_000).prop_map(|(from, to, amount)| Op::Transfer { from, to, amount }),
        6 => Just(Op::Block),
        1 => (1u32..12).prop_map(Op::Days),
    ]
}

fn perform(world: &mut World, queries: &mut Vec<circuits::id::QueryId>, op: &Op) {
    let names = ["researcher", "sponsor", "friend"];
    let known = |index: usize| queries.get(index).copied();
    match *op {
        Op::Open { price, min, max } => {
            let today = world.now.day();
            let query = CohortQuery {
                price: Amount::new(price),
                contributions_min: min,
                contributions_max: max,
                opening: today,
                closing: circuits::consent::Day(today.0 + 5),
                ..world.query()
            };
            queries.extend(world.open(query));
        }
        Op::Contribute { query, person } => {
            let Some(id) = known(query) else { return };
            let _ = world.contribute(world.contribution(id, person));
        }
        Op::Withdraw { query, contribution, person } => {
            let Some(id) = known(query) else { return };
            let withdraw = Withdraw { query: id, contribution: ContributionIndex::new(contribution) };
            let _ = world.act(&payout_name(person), Action::Withdraw(withdraw));
        }
        Op::Seal { query } => drop(known(query).map(|id| world.act("friend", Action::Seal(id)))),
        Op::Refund { query } => drop(known(query).map(|id| world.act("friend", Action::Refund(id)))),
        Op::Aggregate { query, members } => {
            let Some(id) = known(query) else { return };
            let members: Vec<u8> = (0..members).collect();
            let _ = world.act("friend", Action::Aggregate(world.aggregate(id, &members)));
        }
        Op::Components { query, member, lies } => {
            let Some(id) = known(query) else { return };
            let _ = world.act(&format!("member {member}"), world.components(id, member, lies));
        }
        Op::Transfer { from, to, amount } => {
            let to = account(names[usize::from(to)]);
            let transfer = Transfer { to, amount: Amount::new(amount) };
            let _ = world.act(names[usize::from(from)], Action::Transfer(transfer));
        }
        Op::Block => drop(world.sequencer.produce_block(world.now)),
        Op::Days(days) => {
            world.now = node::units::Timestamp::new(world.now.get() + u64::from(days) * 86_400);
            let _ = world.sequencer.produce_block(world.now);
        }
    }
}

/// Balances, escrows and fees together.
fn money(world: &World) -> u64 {
    let snapshot = world.ledger().snapshot().unwrap();
    let balances: u64 = snapshot.accounts().unwrap().iter().map(|(_, account)| account.balance.get()).sum();
    let queries = snapshot.queries().unwrap();
    for (_, query) in &queries {
        let over = matches!(query.status, QueryStatus::Released { .. } | QueryStatus::Refunded { .. });
        assert!(!over || query.escrow.get() == 0, "{query:?}");
    }
    let escrows: u64 = queries.iter().map(|(_, query)| query.escrow.get()).sum();
    balances + escrows + snapshot.fees().unwrap().unwrap_or_default().get()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn money_is_conserved_and_replay_agrees(
        ops in prop::collection::vec(op(), 1..60),
        quorum in prop::sample::select(vec![(2u8, 4u8), (2, 3)]),
    ) {
        let mut world = World::ready(Quorum::new(quorum.0, quorum.1).unwrap());
        let supply = world.ledger().genesis().supply().unwrap().get();
        let mut queries = vec![];
        for op in &ops {
            perform(&mut world, &mut queries, op);
            prop_assert_eq!(money(&world), supply, "after {:?}", op);
        }
        let _ = world.sequencer.produce_block(world.now);
        prop_assert_eq!(money(&world), supply);

        let snapshot = world.ledger().snapshot().unwrap();
        let tip = snapshot.latest().unwrap().height;
        let blocks = (1..=tip.get()).map(|height| Ok(snapshot.block(Height::new(height))?.unwrap()));
        let root = replay(world.ledger().genesis().clone(), blocks, Box::new(DigestInsteadOfPairing)).unwrap();
        prop_assert_eq!(root, snapshot.header(tip).unwrap().map(|signed| signed.header.state));
    }
}
