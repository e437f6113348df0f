//! Decoding of what strangers send: canonical, bounded, and never a panic.

use std::sync::OnceLock;

use circuits::quorum::Quorum;
use node::{
    Error,
    block::Block,
    genesis::Genesis,
    transaction::{Action, EVIDENCE_BYTES_MAX, Transaction, Transfer},
    units::{Amount, Height},
};
use proptest::prelude::*;

use crate::world::{World, account, genesis, key, refused};

/// Encodings of real transactions and blocks of a whole query.
fn samples() -> &'static (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    static SAMPLES: OnceLock<(Vec<Vec<u8>>, Vec<Vec<u8>>)> = OnceLock::new();
    SAMPLES.get_or_init(|| {
        let mut world = World::ready(Quorum::DEFAULT);
        let id = world.aggregated(world.query(), 0..2);
        world.act("member 0", world.components(id, 0, false)).unwrap();
        world.block();
        let snapshot = world.ledger().snapshot().unwrap();
        let heights = 1..=snapshot.latest().unwrap().height.get();
        let blocks: Vec<Block> = heights.map(|height| snapshot.block(Height::new(height)).unwrap().unwrap()).collect();
        let transactions = blocks.iter().flat_map(|block| &block.transactions);
        let transactions = transactions.map(|transaction| transaction.to_bytes().unwrap()).collect();
        (transactions, blocks.iter().map(|block| block.to_bytes().unwrap()).collect())
    })
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
