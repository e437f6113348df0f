//! Decoding of what strangers send: canonical, bounded, and never a panic.

use std::sync::OnceLock;

use circuits::quorum::Quorum;
use node::{
    Error,
    block::Block,
    fees::{FeeRate, FeeSchedule, Treasury},
    genesis::Genesis,
    screening::ScreeningQuery,
    transaction::{
        AccessKind, Action, AmendStudy, ConsortiumChange, Deposit, DesignStudy, EVIDENCE_BYTES_MAX, Governance,
        RecordAccess, RequestWithdrawal, SettleWithdrawal, Site, StudyDesign, Transaction, Transfer,
    },
    units::{Amount, Height},
};
use proptest::prelude::*;

use crate::{
    licences, recruitment,
    world::{World, account, digest, genesis, key, refused},
};

/// Encodings of real transactions and blocks of a whole query.
fn samples() -> &'static (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    static SAMPLES: OnceLock<(Vec<Vec<u8>>, Vec<Vec<u8>>)> = OnceLock::new();
    SAMPLES.get_or_init(|| {
        let mut world = World::ready(Quorum::DEFAULT);
        let id = world.aggregated(world.query(), 0..2);
        world.act("member 0", world.components(id, 0, false)).unwrap();
        world.block();
        trade(&mut world);
        let snapshot = world.ledger().snapshot().unwrap();
        let heights = 1..=snapshot.latest().unwrap().height.get();
        let blocks: Vec<Block> = heights.map(|height| snapshot.block(Height::new(height)).unwrap().unwrap()).collect();
        let transactions = blocks.iter().flat_map(|block| &block.transactions);
        let transactions = transactions.map(|transaction| transaction.to_bytes().unwrap()).collect();
        (transactions, blocks.iter().map(|block| block.to_bytes().unwrap()).collect())
    })
}

/// One of each transaction that comes with studies, licences, money, recruitment and another committee.
fn trade(world: &mut World) {
    let study = world.study;
    let site = Site { name: "Hospital".into(), region: circuits::consent::Regions(1) };
    let design = StudyDesign { sites: vec![site], sponsor: Some(account("sponsor")), planned: vec![digest("plan")] };
    let (reason, ethics, protocol) = ("sites".to_string(), "EC-2".to_string(), digest("protocol 2"));
    world
        .act("researcher", Action::AmendStudy(AmendStudy { study, protocol, ethics, reason, design: design.clone() }))
        .unwrap();
    world.act("researcher", Action::DesignStudy(DesignStudy { study, design })).unwrap();

    let dataset = world.offer(licences::offer());
    let [granted, declined] = [0; 2].map(|_| world.request(licences::request(dataset)));
    world.act("owner 0", licences::grant(granted)).unwrap();
    world.act("owner 0", Action::DeclineLicence(declined)).unwrap();
    let kind = AccessKind::Range { first: 0, length: 9 };
    world
        .act("custodian", Action::RecordAccess(RecordAccess { licence: granted, kind, digest: digest("range") }))
        .unwrap();
    world.act("owner 0", Action::RevokeLicence(granted)).unwrap();
    world.act("owner 0", Action::WithdrawDataset(dataset)).unwrap();

    let (bank, amount) = (account("bank"), Amount::new(9));
    let treasury = Some(Treasury { account: account("treasury"), rate: FeeRate::BasisPoints(7) });
    let fees = FeeSchedule { treasury, ..FeeSchedule::default() };
    world.act("governor", Action::Govern(Governance::SetFees(fees))).unwrap();
    let accredit = Governance::AccreditSettlement { account: bank, name: "Bank".into(), cap: amount };
    world.act("governor", Action::Govern(accredit)).unwrap();
    world.act("bank", Action::Deposit(Deposit { to: account("friend"), amount, reference: digest("paid") })).unwrap();
    let request = RequestWithdrawal { amount, institution: bank, reference: digest("order") };
    let chain = world.ledger().chain();
    let ids = [0; 2].map(|_| {
        let nonce = world.sequencer.mempool().next_nonce(account("friend")).unwrap();
        world.act("friend", Action::RequestWithdrawal(request)).unwrap();
        request.id(&chain, &account("friend"), nonce).unwrap()
    });
    let settled = SettleWithdrawal { withdrawal: ids[0], receipt: digest("receipt") };
    world.act("bank", Action::SettleWithdrawal(settled)).unwrap();
    world.act("bank", Action::RejectWithdrawal(ids[1])).unwrap();
    world.act("governor", Action::Govern(Governance::SuspendSettlement(bank))).unwrap();

    let screening = ScreeningQuery { closing: circuits::consent::Day(20_020), ..world.screening() };
    let id = world.open_screening("researcher", screening).unwrap();
    for number in 0..2 {
        world.respond(world.response(id, number)).unwrap();
        world.block();
        world.act("researcher", recruitment::invite(id, number as u32)).unwrap();
        world.act(&format!("reply {number}"), recruitment::answer(id, number as u32, number == 0)).unwrap();
    }
    world.act("researcher", Action::CloseScreening(id)).unwrap();
    let seats = world.ledger().genesis().committee.clone();
    world.act("validator", Action::ApproveChange(ConsortiumChange::SeatCommittee(seats))).unwrap();
    world.act("researcher", Action::CloseStudy(study)).unwrap();
    world.block();
}

fn mutate(bytes: &[u8], edits: &[(prop::sample::Index, u8)], cut: Option<prop::sample::Index>) -> Vec<u8> {
    let mut mutated = bytes.to_vec();
    for (place, value) in edits {
        let place = place.index(mutated.len());
        mutated[place] = *value;
    }
    if let Some(cut) = cut {
        mutated.truncate(cut.index(mutated.len()));
    }
    mutated
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_mutated_transaction_is_refused_or_decodes_to_what_encodes_to_the_same_bytes(
        which in any::<prop::sample::Index>(),
        edits in prop::collection::vec(any::<(prop::sample::Index, u8)>(), 0..6),
        cut in any::<Option<prop::sample::Index>>(),
    ) {
        let sample: &Vec<u8> = which.get(&samples().0);
        let bytes = mutate(sample, &edits, cut);
        if let Ok(transaction) = Transaction::from_bytes(&bytes) {
            prop_assert_eq!(transaction.to_bytes().unwrap(), bytes);
        }
    }

    #[test]
    fn a_mutated_block_is_refused_or_decodes_to_what_encodes_to_the_same_bytes(
        which in any::<prop::sample::Index>(),
        edits in prop::collection::vec(any::<(prop::sample::Index, u8)>(), 0..6),
        cut in any::<Option<prop::sample::Index>>(),
    ) {
        let sample: &Vec<u8> = which.get(&samples().1);
        let bytes = mutate(sample, &edits, cut);
        if let Ok(block) = Block::from_bytes(&bytes) {
            prop_assert_eq!(block.to_bytes().unwrap(), bytes);
        }
    }

    #[test]
    fn noise_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let _ = Transaction::from_bytes(&bytes);
        let _ = Block::from_bytes(&bytes);
        let _ = borsh::from_slice::<Genesis>(&bytes);
    }
}

#[test]
fn json_and_bytes_name_the_same_transaction() {
    for bytes in &samples().0 {
        let transaction = Transaction::from_bytes(bytes).unwrap();
        let json = serde_json::to_string(&transaction).unwrap();
        assert_eq!(serde_json::from_str::<Transaction>(&json).unwrap(), transaction);
    }
    let genesis = genesis(Quorum::DEFAULT);
    let json = serde_json::to_string(&genesis).unwrap();
    assert_eq!(serde_json::from_str::<Genesis>(&json).unwrap().chain_id(), genesis.chain_id());
}

#[test]
fn trailing_bytes_and_oversized_inputs_are_refused() {
    let chain = genesis(Quorum::DEFAULT).chain_id().unwrap();
    let action = Action::Transfer(Transfer { to: account("heir"), amount: Amount::new(1) });
    let transaction = Transaction::sign(chain, &key("friend"), 0, action).unwrap();
    let mut bytes = transaction.to_bytes().unwrap();
    bytes.push(0);
    refused(Transaction::from_bytes(&bytes), "transaction is malformed");
    let oversized = vec![0; EVIDENCE_BYTES_MAX + 1];
    assert!(matches!(Transaction::from_bytes(&oversized), Err(Error::TooLarge { .. })));
}

#[test]
fn a_responses_nullifier_at_the_modulus_does_not_decode() {
    let mut world = World::ready(Quorum::DEFAULT);
    let id = world.open_screening("researcher", world.screening()).unwrap();
    let response = world.response(id, 1);
    let nullifier = response.nullifier.to_bytes();
    let mut bytes = Transaction::Respond(response).to_bytes().unwrap();
    let place = bytes.windows(32).position(|window| window == nullifier).unwrap();
    bytes[place..place + 32].fill(0xff);
    refused(Transaction::from_bytes(&bytes), "not canonical");
}

#[test]
fn encodings_of_what_stood_before_are_the_same_and_an_unknown_action_does_not_decode() {
    let discriminant = |action: &Action| borsh::to_vec(action).unwrap()[0];
    let transfer = Action::Transfer(Transfer { to: account("heir"), amount: Amount::new(1) });
    let study = circuits::id::StudyId::from_bytes([1; 32]);
    let screening = circuits::id::ScreeningId::from_bytes([1; 32]);
    assert_eq!([transfer, Action::CloseStudy(study)].map(|action| discriminant(&action)), [12, 25]);
    let last = discriminant(&Action::CloseScreening(screening));
    assert_eq!(last, 41);
    let mut bytes = vec![last + 1];
    bytes.extend([0; 64]);
    assert!(borsh::from_slice::<Action>(&bytes).is_err());
}

#[test]
fn a_nullifier_at_the_modulus_does_not_decode() {
    let mut world = World::ready(Quorum::DEFAULT);
    let id = world.open(world.query()).unwrap();
    let contribution = world.contribution(id, 1);
    let nullifier = contribution.parts[0].nullifier.to_bytes();
    let mut bytes = Transaction::Contribute(contribution).to_bytes().unwrap();
    let place = bytes.windows(32).position(|window| window == nullifier).unwrap();
    bytes[place..place + 32].fill(0xff);
    refused(Transaction::from_bytes(&bytes), "not canonical");
}
