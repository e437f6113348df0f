//! Fees of those who run the network, and money that comes from elsewhere and goes there.

use circuits::{
    id::{AccountId, WithdrawalId},
    quorum::Quorum,
};
use node::{
    Error, Ledger,
    event::Event,
    fees::{ContributionFees, FeeRate, FeeSchedule, Treasury},
    genesis::Genesis,
    state::{StateRead, WithdrawalState, WithdrawalStatus},
    transaction::{Action, Deposit, Governance, RequestWithdrawal, SettleWithdrawal},
    units::Amount,
    validator::ValidatorSet,
};

use crate::world::{
    DigestInsteadOfPairing, ENDOWMENT, FEE, World, account, digest, genesis, key, payout_name, refused, validator,
};

const CAP: u64 = 1_000;

fn units(amount: u64) -> FeeRate {
    FeeRate::Units(Amount::new(amount))
}

/// 10 for the committee, 5 % of 100 for the validators, 3 for the treasury.
fn schedule() -> FeeSchedule {
    let treasury = Some(Treasury { account: account("treasury"), rate: units(3) });
    FeeSchedule { committee: units(10), validators: FeeRate::BasisPoints(500), treasury }
}

fn with_fees() -> Genesis {
    let mut charged = genesis(Quorum::DEFAULT);
    charged.parameters.fees = schedule();
    charged
}

/// Releases a query with three contributions; everyone tries to report, a liar something else.
fn release(world: &mut World, liar: Option<u8>) -> Vec<Event> {
    let id = world.aggregated(world.query(), 0..3);
    for member in 0..4 {
        let _ = world.act(&format!("member {member}"), world.components(id, member, Some(member) == liar));
    }
    let block = world.block().block;
    world.ledger().snapshot().unwrap().events(block.header.height).unwrap().unwrap().transactions.concat()
}

#[test]
fn a_release_pays_committee_validators_and_treasury_for_each_contribution() {
    let mut world = World::prepared(with_fees());
    let id = world.open(world.query()).unwrap();
    assert_eq!(world.state(id).escrow.get(), (100 + 10 + 5 + 3) * 5);
    assert_eq!(world.state(id).fees, schedule());
    let mut world = World::prepared(with_fees());
    let events = release(&mut world, None);
    assert_eq!([0, 1, 2].map(|number| world.balance(&payout_name(number))), [100; 3]);
    // 30 among four members is 7 each; 2 are left for the pot.
    assert_eq!([0, 1, 2, 3].map(|member| world.balance(&format!("member {member}"))), [7; 4]);
    assert_eq!((world.balance("validator"), world.balance("treasury"), world.fees()), (15, 9, FEE + 2));
    assert_eq!(world.balance("researcher"), ENDOWMENT - FEE - 300 - 30 - 15 - 9);
    let fees = ContributionFees { committee: Amount::new(30), validators: Amount::new(15), treasury: Amount::new(9) };
    assert!(events.iter().any(
        |event| matches!(event, Event::FeesPaid { fees: paid, undivided, .. } if *paid == fees && undivided.get() == 2)
    ));
}

#[test]
fn a_member_that_lied_gets_no_share() {
    let mut world = World::prepared(with_fees());
    release(&mut world, Some(1));
    assert_eq!([0, 1, 2, 3].map(|member| world.balance(&format!("member {member}"))), [10, 0, 10, 10]);
    assert_eq!(world.fees(), FEE);
}

#[test]
fn validators_with_a_vote_share_and_observers_do_not() {
    let keys = vec![key("validator"), key("second")];
    let ledger = Ledger::in_memory(two_validators(), Box::new(DigestInsteadOfPairing)).unwrap();
    let mut world = World::with_keys(ledger, keys);
    world.prepare();
    release(&mut world, None);
    assert_eq!(["validator", "second", "observer"].map(|name| world.balance(name)), [7, 7, 0]);
    assert_eq!(world.fees(), FEE + 2 + 1);
}

fn two_validators() -> Genesis {
    let validators = vec![validator("validator", 1), validator("second", 1), validator("observer", 0)];
    Genesis { validators: ValidatorSet::new(validators).unwrap(), ..with_fees() }
}

#[test]
fn a_refund_returns_the_fees_as_well() {
    let mut world = World::prepared(with_fees());
    let id = world.sealed(world.query(), 0..1);
    assert_eq!(world.state(id).escrow.get(), 0);
    assert_eq!((world.balance("researcher"), world.balance("treasury")), (ENDOWMENT - FEE, 0));
}

#[test]
fn a_query_keeps_the_fees_it_opened_under() {
    let mut world = World::ready(Quorum::DEFAULT);
    let before = world.open(world.query()).unwrap();
    refused(world.act("friend", Action::Govern(Governance::SetFees(schedule()))), "the governor of the genesis");
    let greedy = FeeSchedule { committee: FeeRate::BasisPoints(10_001), ..schedule() };
    refused(world.act("governor", Action::Govern(Governance::SetFees(greedy))), "more than the price");
    world.act("governor", Action::Govern(Governance::SetFees(schedule()))).unwrap();
    let after = world.open(world.query()).unwrap();
    assert_eq!([before, after].map(|id| world.state(id).escrow.get()), [500, 590]);
    let overflowing = FeeSchedule { committee: units(u64::MAX), ..schedule() };
    world.act("governor", Action::Govern(Governance::SetFees(overflowing))).unwrap();
    refused(world.open(world.query()), "leaves the range");
    let mut unsound = genesis(Quorum::DEFAULT);
    unsound.parameters.fees.committee = FeeRate::BasisPoints(10_001);
    refused(unsound.check(), "parameters");
}

fn accredit(cap: u64) -> Action {
    let cap = Amount::new(cap);
    Action::Govern(Governance::AccreditSettlement { account: account("bank"), name: "Bank".into(), cap })
}

fn deposit(amount: u64, reference: &str) -> Action {
    let (to, amount, reference) = (account("friend"), Amount::new(amount), digest(reference));
    Action::Deposit(Deposit { to, amount, reference })
}

impl World {
    fn supply(&self) -> u64 {
        self.ledger().snapshot().unwrap().supply().unwrap().unwrap().get()
    }

    fn withdraw_money(&mut self, amount: u64) -> Result<WithdrawalId, Error> {
        let (amount, institution, reference) = (Amount::new(amount), account("bank"), digest("order"));
        let request = RequestWithdrawal { amount, institution, reference };
        let nonce = self.sequencer.mempool().next_nonce(account("friend")).unwrap();
        let id = request.id(&self.ledger().chain(), &account("friend"), nonce).unwrap();
        self.act("friend", Action::RequestWithdrawal(request)).map(|_| id)
    }

    fn withdrawal(&self, id: WithdrawalId) -> WithdrawalState {
        self.ledger().snapshot().unwrap().withdrawal(id).unwrap().unwrap()
    }
}

fn settle(withdrawal: WithdrawalId) -> Action {
    Action::SettleWithdrawal(SettleWithdrawal { withdrawal, receipt: digest("receipt") })
}

#[test]
fn a_deposit_is_minted_once_by_an_accredited_institution_up_to_its_cap() {
    let mut world = World::ready(Quorum::DEFAULT);
    refused(world.act("bank", deposit(1, "one")), "no accredited settlement institution");
    refused(world.act("friend", accredit(CAP)), "the governor of the genesis");
    world.act("governor", accredit(CAP)).unwrap();
    refused(world.act("bank", deposit(0, "zero")), "it moves nothing");
    world.act("bank", deposit(600, "one")).unwrap();
    refused(world.act("bank", deposit(1, "one")), "a payment is credited once");
    refused(world.act("bank", deposit(401, "two")), "its cap is 1000");
    world.act("bank", deposit(400, "two")).unwrap();
    world.block();
    assert_eq!((world.balance("friend"), world.supply()), (ENDOWMENT + CAP, 3 * ENDOWMENT + CAP));
    world.act("governor", Action::Govern(Governance::SuspendSettlement(account("bank")))).unwrap();
    refused(world.act("bank", deposit(1, "three")), "no accredited settlement institution");
    let twice = Action::Govern(Governance::SuspendSettlement(account("bank")));
    refused(world.act("governor", twice), "not on this ledger");
    world.act("governor", accredit(u64::MAX)).unwrap();
    refused(world.act("bank", deposit(u64::MAX - CAP, "four")), "leaves the range");
}

#[test]
fn a_withdrawal_is_locked_and_then_settled_or_given_back_by_its_institution() {
    let mut world = World::ready(Quorum::DEFAULT);
    refused(world.withdraw_money(10), "no accredited settlement institution");
    world.act("governor", accredit(CAP)).unwrap();
    world.act("bank", deposit(CAP, "one")).unwrap();
    refused(world.withdraw_money(0), "it moves nothing");
    refused(world.withdraw_money(ENDOWMENT + CAP + 1), "and needs");
    let (paid, rejected) = (world.withdraw_money(300).unwrap(), world.withdraw_money(50).unwrap());
    world.block();
    assert_eq!((world.balance("friend"), world.supply()), (ENDOWMENT + CAP - 350, 3 * ENDOWMENT + CAP));
    for stranger in ["friend", "governor"] {
        refused(world.act(stranger, settle(paid)), "the institution that the withdrawal names does");
        refused(world.act(stranger, Action::RejectWithdrawal(paid)), "the institution that the withdrawal names does");
    }
    refused(world.act("bank", settle(WithdrawalId::from_bytes([1; 32]))), "not on this ledger");
    world.act("bank", settle(paid)).unwrap();
    refused(world.act("bank", settle(paid)), "was settled in block");
    refused(world.act("bank", Action::RejectWithdrawal(paid)), "was settled in block");
    world.act("bank", Action::RejectWithdrawal(rejected)).unwrap();
    refused(world.act("bank", settle(rejected)), "was rejected in block");
    world.act("bank", deposit(300, "room again")).unwrap();
    refused(world.act("bank", deposit(1, "no more")), "its cap is 1000");
    world.block();
    assert!(matches!(world.withdrawal(paid).status, WithdrawalStatus::Settled { .. }));
    assert_eq!((world.balance("friend"), world.supply()), (ENDOWMENT + CAP, 3 * ENDOWMENT + CAP));
}

#[test]
fn what_waits_for_a_suspended_institution_is_given_back_by_the_governor_alone() {
    let mut world = World::ready(Quorum::DEFAULT);
    world.act("governor", accredit(CAP)).unwrap();
    let id = world.withdraw_money(10).unwrap();
    world.act("governor", Action::Govern(Governance::SuspendSettlement(account("bank")))).unwrap();
    refused(world.act("bank", settle(id)), "no accredited settlement institution");
    refused(world.act("friend", Action::RejectWithdrawal(id)), "the governor once that is suspended");
    refused(world.withdraw_money(1), "no accredited settlement institution");
    world.act("governor", Action::RejectWithdrawal(id)).unwrap();
    world.block();
    assert_eq!((world.balance("friend"), world.supply()), (ENDOWMENT, 3 * ENDOWMENT));
    let bank: AccountId = account("bank");
    assert_eq!(world.ledger().snapshot().unwrap().settlement(bank).unwrap().unwrap().pending.get(), 0);
}
