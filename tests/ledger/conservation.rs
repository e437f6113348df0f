//! No sequence of transactions makes or loses money, and replaying the blocks gives the same state.

use circuits::{
    id::{LicenceId, QueryId, ScreeningId, WithdrawalId},
    quorum::Quorum,
};
use node::{
    fees::{FeeRate, FeeSchedule, Treasury},
    query::CohortQuery,
    replay,
    screening::ScreeningQuery,
    state::{LicenceStatus, QueryState, QueryStatus, StateRead},
    transaction::{
        Action, Deposit, Governance, OfferDataset, RequestLicence, RequestWithdrawal, SettleWithdrawal, Transfer,
        Withdraw,
    },
    units::{Amount, ContributionIndex, Height},
};
use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};

use crate::{
    licences,
    world::{DigestInsteadOfPairing, World, account, digest, payout_name},
};

/// A step that anyone might try at any time, sensible or not.
#[derive(Debug, Clone)]
enum Op {
    Open {
        price: u64,
        min: u32,
        max: u32,
    },
    Contribute {
        query: usize,
        person: u64,
    },
    Withdraw {
        query: usize,
        contribution: u32,
        person: u64,
    },
    Seal {
        query: usize,
    },
    Aggregate {
        query: usize,
        members: u8,
    },
    Components {
        query: usize,
        member: u8,
        lies: bool,
    },
    Refund {
        query: usize,
    },
    /// Whatever takes a query on to its release.
    Advance {
        query: usize,
    },
    Transfer {
        from: u8,
        to: u8,
        amount: u64,
    },
    Request {
        price: u64,
    },
    Answer {
        licence: usize,
        grants: bool,
    },
    Reclaim {
        licence: usize,
    },
    Fees {
        committee: u64,
        points: u16,
    },
    Deposit {
        amount: u64,
        reference: u8,
    },
    TakeOut {
        from: u8,
        amount: u64,
    },
    PayOut {
        withdrawal: usize,
        settles: bool,
    },
    Screen {
        price: u64,
        max: u32,
    },
    Respond {
        screening: usize,
        person: u64,
    },
    CloseScreening {
        screening: usize,
    },
    Block,
    Days(u32),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        5 => (0u64..400, 1u32..4, 1u32..6).prop_map(|(price, min, max)| Op::Open { price, min, max }),
        8 => (0usize..3, 0u64..6).prop_map(|(query, person)| Op::Contribute { query, person }),
        2 => (0usize..3, 0u32..4, 0u64..6)
            .prop_map(|(query, contribution, person)| Op::Withdraw { query, contribution, person }),
        4 => (0usize..3).prop_map(|query| Op::Seal { query }),
        4 => (0usize..3, 0u8..4).prop_map(|(query, members)| Op::Aggregate { query, members }),
        8 => (0usize..3, 0u8..4, prop::bool::weighted(0.2))
            .prop_map(|(query, member, lies)| Op::Components { query, member, lies }),
        2 => (0usize..3).prop_map(|query| Op::Refund { query }),
        16 => (0usize..3).prop_map(|query| Op::Advance { query }),
        2 => (0u8..3, 0u8..3, 0u64..2_000_000).prop_map(|(from, to, amount)| Op::Transfer { from, to, amount }),
        2 => (0u64..400).prop_map(|price| Op::Request { price }),
        2 => (0usize..3, any::<bool>()).prop_map(|(licence, grants)| Op::Answer { licence, grants }),
        1 => (0usize..3).prop_map(|licence| Op::Reclaim { licence }),
        2 => (0u64..50, 0u16..10_000).prop_map(|(committee, points)| Op::Fees { committee, points }),
        2 => (0u64..3_000, 0u8..4).prop_map(|(amount, reference)| Op::Deposit { amount, reference }),
        2 => (0u8..3, 0u64..2_000_000).prop_map(|(from, amount)| Op::TakeOut { from, amount }),
        2 => (0usize..3, any::<bool>()).prop_map(|(withdrawal, settles)| Op::PayOut { withdrawal, settles }),
        1 => (0u64..400, 1u32..4).prop_map(|(price, max)| Op::Screen { price, max }),
        4 => (0usize..2, 0u64..4).prop_map(|(screening, person)| Op::Respond { screening, person }),
        1 => (0usize..2).prop_map(|screening| Op::CloseScreening { screening }),
        6 => Just(Op::Block),
        1 => (1u32..12).prop_map(Op::Days),
    ]
}

/// What the steps before made.
#[derive(Default)]
struct Made {
    queries: Vec<QueryId>,
    licences: Vec<LicenceId>,
    withdrawals: Vec<WithdrawalId>,
    screenings: Vec<ScreeningId>,
}

const NAMES: [&str; 3] = ["researcher", "sponsor", "friend"];

/// The steps of queries, and of time.
fn perform(world: &mut World, made: &mut Made, op: &Op) {
    let Made { queries, .. } = made;
    let names = NAMES;
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
        Op::Advance { query } => drop(known(query % queries.len().max(1)).map(|id| advance(world, id))),
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
        _ => trade(world, made, op),
    }
}

/// The next step of a query whose parties do what they should.
fn advance(world: &mut World, id: QueryId) {
    let _ = world.sequencer.produce_block(world.now);
    let Some(state) = world.ledger().snapshot().unwrap().query(id).unwrap() else { return };
    match state.status {
        QueryStatus::Collecting if state.surviving < state.query.contributions_min => {
            for person in 0..6 {
                let _ = world.contribute(world.contribution(id, person));
            }
        }
        QueryStatus::Collecting => {
            world.now = node::units::Timestamp::new(world.now.get() + 6 * 86_400);
            let _ = world.sequencer.produce_block(world.now);
            let _ = world.act("friend", Action::Seal(id));
        }
        QueryStatus::Sealed { .. } => {
            let _ = world.act("friend", Action::Aggregate(world.aggregate(id, &[0, 1])));
        }
        QueryStatus::Aggregated { .. } => {
            for member in 0..world.ledger().genesis().committee.members.len() as u8 {
                let _ = world.act(&format!("member {member}"), world.components(id, member, false));
            }
        }
        QueryStatus::Released { .. } | QueryStatus::Refunded { .. } => {}
    }
    let _ = world.sequencer.produce_block(world.now);
}

/// The steps of licences, settlement and recruitment.
fn trade(world: &mut World, made: &mut Made, op: &Op) {
    match *op {
        Op::Request { price } => {
            let Some((dataset, _)) = world.ledger().snapshot().unwrap().datasets().unwrap().pop() else { return };
            let request = RequestLicence { price: Amount::new(price), ..licences::request(dataset) };
            let nonce = world.sequencer.mempool().next_nonce(account("researcher")).unwrap();
            let id = request.id(&world.ledger().chain(), &account("researcher"), nonce).unwrap();
            made.licences.extend(world.act("researcher", Action::RequestLicence(request)).map(|_| id));
        }
        Op::Answer { licence, grants } => {
            let Some(id) = made.licences.get(licence).copied() else { return };
            let _ = world.act("owner 0", if grants { licences::grant(id) } else { Action::DeclineLicence(id) });
        }
        Op::Reclaim { licence } => {
            let Some(id) = made.licences.get(licence).copied() else { return };
            let _ = world.act("researcher", Action::ReclaimLicence(id));
        }
        Op::Fees { committee, points } => {
            let treasury = Some(Treasury { account: account("treasury"), rate: FeeRate::BasisPoints(points / 2) });
            let committee = FeeRate::Units(Amount::new(committee));
            let fees = FeeSchedule { committee, validators: FeeRate::BasisPoints(points), treasury };
            let _ = world.act("governor", Action::Govern(Governance::SetFees(fees)));
        }
        Op::Deposit { amount, reference } => {
            let reference = digest(&format!("payment {reference}"));
            let deposit = Deposit { to: account("friend"), amount: Amount::new(amount), reference };
            let _ = world.act("bank", Action::Deposit(deposit));
        }
        Op::TakeOut { from, amount } => {
            let (from, amount) = (NAMES[usize::from(from)], Amount::new(amount));
            let request = RequestWithdrawal { amount, institution: account("bank"), reference: digest("order") };
            let nonce = world.sequencer.mempool().next_nonce(account(from)).unwrap();
            let id = request.id(&world.ledger().chain(), &account(from), nonce).unwrap();
            made.withdrawals.extend(world.act(from, Action::RequestWithdrawal(request)).map(|_| id));
        }
        Op::PayOut { withdrawal, settles } => {
            let Some(withdrawal) = made.withdrawals.get(withdrawal).copied() else { return };
            let settled = SettleWithdrawal { withdrawal, receipt: digest("receipt") };
            let rejected = Action::RejectWithdrawal(withdrawal);
            let _ = world.act("bank", if settles { Action::SettleWithdrawal(settled) } else { rejected });
        }
        Op::Screen { price, max } => {
            let (today, price) = (world.now.day(), Amount::new(price));
            let closing = circuits::consent::Day(today.0 + 5);
            let screening = ScreeningQuery { price, responses_max: max, opening: today, closing, ..world.screening() };
            made.screenings.extend(world.open_screening("researcher", screening));
        }
        Op::Respond { screening, person } => {
            let Some(id) = made.screenings.get(screening).copied() else { return };
            let _ = world.respond(world.response(id, person));
        }
        Op::CloseScreening { screening } => {
            let Some(id) = made.screenings.get(screening).copied() else { return };
            let _ = world.act("friend", Action::CloseScreening(id));
        }
        _ => unreachable!("the steps of queries"),
    }
}

/// A dataset to license, and an institution that may move money.
fn furnish(world: &mut World) {
    world.offer(OfferDataset { price_min: Amount::new(1), ..licences::offer() });
    let cap = Amount::new(5_000);
    let accredit = Governance::AccreditSettlement { account: account("bank"), name: "Bank".into(), cap };
    world.act("governor", Action::Govern(accredit)).unwrap();
    world.block();
}

/// What the ledger says that there is: the genesis' money and deposits, without what was settled.
fn supply(world: &World) -> u64 {
    let snapshot = world.ledger().snapshot().unwrap();
    let bank = snapshot.settlement(account("bank")).unwrap().unwrap();
    let genesis = world.ledger().genesis().supply().unwrap().get();
    let supply = snapshot.supply().unwrap().unwrap().get();
    assert_eq!(supply, genesis + bank.deposited.get() - bank.settled.get());
    supply
}

/// Balances, escrows, fees and pending withdrawals together.
fn money(world: &World) -> u64 {
    let snapshot = world.ledger().snapshot().unwrap();
    let balances: u64 = snapshot.accounts().unwrap().iter().map(|(_, account)| account.balance.get()).sum();
    let queries = snapshot.queries().unwrap();
    for (_, query) in &queries {
        let over = matches!(query.status, QueryStatus::Released { .. } | QueryStatus::Refunded { .. });
        assert!(!over || query.escrow.get() == 0, "{query:?}");
    }
    let escrows: u64 = queries.iter().map(|(_, query)| query.escrow.get()).sum();
    let licences = snapshot.licences().unwrap();
    for (_, licence) in &licences {
        assert!(licence.status == LicenceStatus::Requested || licence.escrow.get() == 0, "{licence:?}");
    }
    let licences: u64 = licences.iter().map(|(_, licence)| licence.escrow.get()).sum();
    let screenings = snapshot.screenings().unwrap();
    assert!(screenings.iter().all(|(_, state)| state.closed.is_none() || state.escrow.get() == 0));
    let screenings: u64 = screenings.iter().map(|(_, screening)| screening.escrow.get()).sum();
    let pending: u64 = snapshot.settlements().unwrap().iter().map(|(_, bank)| bank.pending.get()).sum();
    let fees = snapshot.fees().unwrap().unwrap_or_default().get();
    balances + escrows + licences + screenings + pending + fees
}

/// Takes the steps, and checks after each that no money was made or lost, and at the end that replaying the blocks gives
/// the same state. Returns the stages that queries ended in.
fn conserves(ops: &[Op], (threshold, members): (u8, u8)) -> Vec<&'static str> {
    let mut world = World::ready(Quorum::new(threshold, members).unwrap());
    furnish(&mut world);
    let mut made = Made::default();
    for op in ops {
        perform(&mut world, &mut made, op);
        assert_eq!(money(&world), supply(&world), "after {op:?}");
    }
    let _ = world.sequencer.produce_block(world.now);
    assert_eq!(money(&world), supply(&world));

    let snapshot = world.ledger().snapshot().unwrap();
    let tip = snapshot.latest().unwrap().height;
    let blocks = (1..=tip.get()).map(|height| Ok(snapshot.block(Height::new(height))?.unwrap()));
    let root = replay(world.ledger().genesis().clone(), blocks, Box::new(DigestInsteadOfPairing)).unwrap();
    assert_eq!(root, snapshot.header(tip).unwrap().map(|signed| signed.header.state));
    let paid_and_over = |state: &QueryState| match state.status {
        QueryStatus::Released { .. } if state.query.price.get() > 0 => "released",
        QueryStatus::Refunded { .. } => "refunded",
        _ => "open",
    };
    snapshot.queries().unwrap().iter().map(|(_, state)| paid_and_over(state)).collect()
}

fn steps() -> impl Strategy<Value = (Vec<Op>, (u8, u8))> {
    (prop::collection::vec(op(), 1..80), prop::sample::select(vec![(2u8, 4u8), (2, 3)]))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn money_is_conserved_and_replay_agrees((ops, quorum) in steps()) {
        conserves(&ops, quorum);
    }
}

#[test]
fn repro_random_steps_never_came_as_far_as_a_payout() {
    let mut runner = TestRunner::deterministic();
    let ends = (0..32).flat_map(|_| {
        let (ops, quorum) = steps().new_tree(&mut runner).unwrap().current();
        conserves(&ops, quorum)
    });
    let ends: Vec<_> = ends.collect();
    for end in ["released", "refunded"] {
        assert!(ends.iter().filter(|found| **found == end).count() >= 2, "{ends:?}");
    }
}
