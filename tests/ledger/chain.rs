//! Blocks, certificates, time, replay, and what a stranger can verify offline.

use circuits::quorum::Quorum;
use node::{
    Error, Ledger, SENDER_WAITING_MAX,
    block::{Block, Certificate, SignedHeader},
    genesis::{Genesis, Network},
    inclusion::{prove_transaction, transactions_root},
    light::LightClient,
    replay,
    state::{Account, QueryState, StateKey, StateRead},
    transaction::{Action, Transaction, Transfer},
    units::{Amount, Height, Timestamp},
};

use crate::world::{DigestInsteadOfPairing, World, account, genesis, key, refused};

fn transfer(amount: u64) -> Action {
    Action::Transfer(Transfer { to: account("heir"), amount: Amount::new(amount) })
}

fn blocks(world: &World) -> Vec<Block> {
    let snapshot = world.ledger().snapshot().unwrap();
    let tip = snapshot.latest().unwrap().height.get();
    (1..=tip).map(|height| snapshot.block(Height::new(height)).unwrap().unwrap()).collect()
}

fn headers(world: &World) -> Vec<SignedHeader> {
    blocks(world).iter().map(Block::signed_header).collect()
}

#[test]
fn replaying_the_blocks_gives_the_same_state_root_and_any_altered_block_does_not() {
    let mut world = World::ready(Quorum::DEFAULT);
    world.aggregated(world.query(), 0..3);
    let blocks = blocks(&world);
    let again = |blocks: Vec<Block>| {
        replay(world.ledger().genesis().clone(), blocks.into_iter().map(Ok), Box::new(DigestInsteadOfPairing))
    };
    assert_eq!(again(blocks.clone()).unwrap(), Some(blocks.last().unwrap().header.state));
    let last = blocks.len() - 1;
    let alterations: [(&str, fn(&mut Block)); 7] = [
        ("state", |block| block.header.state = block.header.parent),
        ("certificate", |block| block.certificate = Certificate::default()),
        ("transaction_count", |block| block.transactions.clear()),
        ("time", |block| block.header.time = Timestamp::new(1)),
        ("parent", |block| block.header.parent = block.header.state),
        ("height", |block| block.header.height = block.header.height.next()),
        ("epoch", |block| block.header.epoch = block.header.epoch.next()),
    ];
    for (field, alter) in alterations {
        let mut altered = blocks.clone();
        alter(&mut altered[last]);
        let error = again(altered).unwrap_err();
        assert!(matches!(error, Error::Block { field: found, .. } if found == field), "{field}: {error}");
    }
}

#[test]
fn a_block_with_a_transaction_that_cannot_run_is_refused() {
    let mut world = World::ready(Quorum::DEFAULT);
    let chain = world.ledger().chain();
    let unfunded = Transaction::sign(chain, &key("pauper"), 0, transfer(5)).unwrap();
    let proposal = world.ledger().propose(vec![unfunded.clone()], world.now).unwrap();
    assert_eq!((proposal.refused().len(), proposal.header().transaction_count), (1, 0));
    let mut header = *proposal.header();
    header.transaction_count = 1;
    header.transactions = transactions_root(std::slice::from_ref(&unfunded)).unwrap();
    refused(world.ledger().check(header, vec![unfunded], world.now).map(|_| ()), "holds 0 and needs 5");
    world.block();
}

#[test]
fn another_validator_accepts_the_blocks_and_a_stale_proposal_is_refused() {
    let mut world = World::ready(Quorum::DEFAULT);
    world.collect(world.query(), 0..2);
    let follower = Ledger::in_memory(world.ledger().genesis().clone(), Box::new(DigestInsteadOfPairing)).unwrap();
    for block in blocks(&world) {
        follower.import(block, world.now).unwrap();
    }
    assert_eq!(follower.leaf_tree().root(), world.root());
    let stale = follower.propose(vec![], world.now).unwrap();
    let fresh = follower.propose(vec![], world.now).unwrap();
    let certificate = Certificate::sign(fresh.header(), [&key("validator")]).unwrap();
    let forged = Certificate::sign(fresh.header(), [&key("friend")]).unwrap();
    let other = follower.propose(vec![], world.now).unwrap();
    refused(follower.commit(other, forged), "has no vote at this height");
    follower.commit(fresh, certificate.clone()).unwrap();
    refused(follower.commit(stale, certificate), "height");
}

#[test]
fn a_block_ahead_of_the_clock_or_behind_its_parent_is_refused() {
    let mut world = World::ready(Quorum::DEFAULT);
    world.pass_days(1);
    let behind = Timestamp::new(world.now.get() - 61);
    refused(world.sequencer.produce_block(behind).map(|_| ()), "check the validator's clock");
    let within = Timestamp::new(world.now.get() - 60);
    assert_eq!(world.sequencer.produce_block(within).unwrap().block.header.time, world.now);
}

#[test]
fn repro_blocks_follow_each_other_no_faster_than_the_genesis_says() {
    let mut paced = genesis(Quorum::DEFAULT);
    paced.parameters.block_seconds_min = 5;
    // Without a drift a block may not be stamped ahead of the clock either.
    paced.parameters.drift_seconds_max = 0;
    let mut world = World::bare(paced.clone());
    let at = |seconds| Timestamp::new(paced.time.get() + seconds);
    let refused_at = |world: &World, seconds| {
        refused(world.sequencer.produce_block(at(seconds)).map(|_| ()), "wait for it, or check the validator's clock");
    };
    refused_at(&world, 0);
    refused_at(&world, 4);
    world.now = at(5);
    assert_eq!(world.block().block.header.time, at(5));
    // However much waits, no second block is made before its time.
    for amount in 1..=SENDER_WAITING_MAX as u64 {
        world.act("friend", transfer(amount)).unwrap();
    }
    refused(world.act("friend", transfer(1)), "128 transactions of this sender wait already");
    refused_at(&world, 9);
    world.now = at(12);
    assert_eq!(world.block().block.transactions.len(), SENDER_WAITING_MAX);
    assert_eq!([16, 17].map(|seconds| world.ledger().is_due(at(seconds)).unwrap()), [false, true]);

    let proposal = world.ledger().propose(vec![], at(17)).unwrap();
    let mut header = *proposal.header();
    header.time = at(16);
    let error = world.ledger().check(header, vec![], at(17)).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Block { field: "time", .. }), "{error}");
    header.time = at(17);
    world.ledger().check(header, vec![], at(17)).unwrap();
}

#[test]
fn a_stranger_verifies_headers_transactions_and_state_from_the_genesis_alone() {
    let mut world = World::ready(Quorum::DEFAULT);
    let query = world.collect(world.query(), 0..2);
    let id = world.act("friend", transfer(40)).unwrap();
    world.block();
    let (headers, genesis) = (headers(&world), world.ledger().genesis());
    let client = LightClient::new(genesis).unwrap();
    for header in &headers {
        client.verify(header).unwrap();
    }
    let mut forged = headers[3].clone();
    forged.header.time = Timestamp::new(forged.header.time.get() + 1);
    refused(client.verify(&forged), "does not verify");
    let mut foreign = genesis.clone();
    foreign.name = "elsewhere".into();
    refused(LightClient::new(&foreign).unwrap().verify(&headers[3]), "make it for this chain");

    let snapshot = world.ledger().snapshot().unwrap();
    let located = snapshot.transaction(id).unwrap().unwrap();
    located.proof.verify(&located.header, located.transaction.id().unwrap()).unwrap();
    assert_eq!(located.transaction.id().unwrap(), id);

    let tip = snapshot.latest().unwrap().height;
    let root = headers.last().unwrap().header.state;
    let mut proof = snapshot.prove(StateKey::Account(account("heir")), tip).unwrap();
    proof.verify(root).unwrap();
    assert_eq!(proof.decode::<Account>().unwrap().balance, Amount::new(40));
    refused(proof.verify(headers[0].header.state), "does not verify against root");
    let json = serde_json::to_string(&proof).unwrap();
    serde_json::from_str::<node::StateProof>(&json).unwrap().verify(root).unwrap();
    proof.value = Some(borsh::to_vec(&Account { balance: Amount::new(41), nonce: 0 }).unwrap());
    refused(proof.verify(root), "does not verify against root");

    let absent = snapshot.prove(StateKey::Account(account("nobody")), tip).unwrap();
    absent.verify(root).unwrap();
    assert!(absent.value.is_none() && absent.decode::<Account>().is_err());
    let mut swapped = snapshot.prove(StateKey::Account(account("nobody")), tip).unwrap();
    swapped.key = StateKey::Account(account("friend"));
    refused(swapped.verify(root), "does not verify against root");

    let state = world.state(query);
    let json = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<QueryState>(&json).unwrap(), state);
    let committee = snapshot.committee(state.committee).unwrap().unwrap();
    let json = serde_json::to_string(&committee).unwrap();
    assert_eq!(serde_json::from_str::<node::state::CommitteeState>(&json).unwrap(), committee);

    let past = snapshot.prove(StateKey::Query(query), Height::new(tip.get() - 1)).unwrap();
    past.verify(headers[headers.len() - 2].header.state).unwrap();
    assert_eq!(past.decode::<QueryState>().unwrap().admitted, 2);
    refused(snapshot.prove(StateKey::Query(query), tip.next()), "block");
}

#[test]
fn a_transaction_is_proven_at_its_place_in_blocks_of_every_width() {
    let mut world = World::ready(Quorum::DEFAULT);
    for width in 1..=9u64 {
        let ids: Vec<_> = (1..=width).map(|amount| world.act("friend", transfer(amount)).unwrap()).collect();
        let block = world.block().block;
        for (index, id) in (0..).zip(&ids) {
            let proof = prove_transaction(&block.transactions, index).unwrap();
            proof.verify(&block.header, *id).unwrap();
            for other in ids.iter().filter(|other| *other != id) {
                assert!(proof.verify(&block.header, *other).is_err());
            }
            let mut moved = proof.clone();
            moved.index = index + 1;
            assert!(moved.verify(&block.header, *id).is_err());
            let mut longer = proof.clone();
            longer.siblings.push(id.digest());
            assert!(longer.verify(&block.header, *id).is_err());
        }
        assert!(prove_transaction(&block.transactions, width as u32).is_err());
    }
}

#[test]
fn a_database_reopens_where_it_was_and_refuses_another_genesis() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.redb");
    let genesis = genesis(Quorum::DEFAULT);
    let mut world = World::on_disk(&path, genesis.clone());
    world.prepare();
    let (tip, root) = (world.ledger().snapshot().unwrap().latest().unwrap(), world.root());
    drop(world);
    let world = World::on_disk(&path, genesis.clone());
    assert_eq!((world.ledger().snapshot().unwrap().latest().unwrap(), world.root()), (tip, root));
    assert_eq!(world.ledger().leaf_tree().root(), root);
    drop(world);
    let mut other = genesis;
    other.name = "other".into();
    let outcome = Ledger::open_with(&path, other, Box::new(DigestInsteadOfPairing));
    assert!(matches!(outcome.map(|_| ()), Err(Error::ForeignChain { what: "database", .. })));
}

#[test]
fn unsound_genesis_files_are_refused() {
    let alterations: [(&str, fn(&mut Genesis)); 5] = [
        ("eligibility", |genesis| genesis.network = Network::Consortium),
        ("contribution", |genesis| {
            genesis.network = Network::Consortium;
            let seeded = serde_json::to_string(&genesis.eligibility).unwrap();
            genesis.eligibility = serde_json::from_str(&seeded.replace("insecure_seed", "ceremony")).unwrap();
        }),
        ("committee", |genesis| drop(genesis.committee.members.pop())),
        ("balances", |genesis| genesis.balances.values_mut().for_each(|balance| *balance = Amount::new(u64::MAX))),
        ("parameters", |genesis| genesis.parameters.epoch_blocks = 0),
    ];
    for (expected, alter) in alterations {
        let mut genesis = genesis(Quorum::DEFAULT);
        alter(&mut genesis);
        let error = genesis.chain_id().unwrap_err();
        assert!(matches!(error, Error::Genesis { field, .. } if field == expected), "{error}");
    }
}

#[test]
fn a_consortium_sets_an_interval_between_blocks() {
    let mut real = genesis(Quorum::DEFAULT);
    real.parameters.block_seconds_min = 3_601;
    refused(real.check(), "block_seconds_min must be at most 3600");
    real.network = Network::Consortium;
    (real.parameters.exact_floor, real.parameters.block_seconds_min) = (20, 0);
    let text = serde_json::to_string(&real).unwrap().replace("insecure_seed", "ceremony");
    let mut real: Genesis = serde_json::from_str(&text).unwrap();
    refused(real.check(), "a consortium's block_seconds_min must be at least 1");
    real.parameters.block_seconds_min = 1;
    real.check().unwrap();
}

#[test]
fn every_field_of_the_genesis_moves_the_chain_id() {
    let base = genesis(Quorum::DEFAULT);
    let alterations: [fn(&mut Genesis); 5] = [
        |genesis| genesis.name.push('!'),
        |genesis| genesis.time = Timestamp::new(1),
        |genesis| genesis.parameters.exact_floor = 3,
        |genesis| genesis.governor = account("friend"),
        |genesis| genesis.network = Network::Demo,
    ];
    for alter in alterations {
        let mut other = base.clone();
        alter(&mut other);
        assert_ne!(other.chain_id().unwrap(), base.chain_id().unwrap());
    }
}
