//! The light client believes what a quorum of the right validators signed, and nothing else.

use circuits::{id::ChainId, quorum::Quorum};
use node::{
    Context, Ledger, apply, archive,
    block::{Certificate, Header, SignedHeader},
    inclusion::TransactionProof,
    light::{Handover, LightClient},
    signature::{Signature, sign},
    state::{Account, Draft, StateKey, StateRead, Tip, Upgrade},
    transaction::{
        APPROVAL_BLOCKS_MAX, Action, CHANGES_MAX, ConsortiumChange, Equivocation, SignedStatement, Transaction,
        Transfer, open_votes,
    },
    units::{Amount, Epoch, Height},
    validator::ValidatorSet,
    vote::{Ballot, Statement, VoteKind},
};

use redb::ReadableTable as _;

use crate::world::{self, DigestInsteadOfPairing, World, account, digest, key, refused, validator};

const NAMES: [&str; 4] = ["validator 0", "validator 1", "validator 2", "validator 3"];

/// A chain of four validators that all sign.
fn four() -> World {
    let mut genesis = world::genesis(Quorum::DEFAULT);
    genesis.validators = ValidatorSet::new(NAMES.iter().map(|name| validator(name, 1)).collect()).unwrap();
    let ledger = Ledger::in_memory(genesis, Box::new(DigestInsteadOfPairing)).unwrap();
    World::with_keys(ledger, NAMES.iter().map(|name| key(name)).collect())
}

fn approve(world: &mut World, change: &ConsortiumChange, by: &[&str]) {
    for name in by {
        world.act(name, Action::ApproveChange(change.clone())).unwrap();
    }
}

fn header(world: &World, height: u64) -> SignedHeader {
    world.ledger().snapshot().unwrap().header(Height::new(height)).unwrap().unwrap()
}

fn tip(world: &World) -> u64 {
    world.ledger().snapshot().unwrap().latest().unwrap().height.get()
}

/// A chain on which the newcomer joined, with the handover to it.
fn joined() -> (World, Handover) {
    // The newcomer's signature counts from the block after, and is one too many before.
    let mut world = four();
    let keys: Vec<_> = NAMES.iter().map(|name| key(name)).collect();
    let change = ConsortiumChange::SetValidator(validator("newcomer", 1));
    approve(&mut world, &change, &NAMES[..3]);
    let ledger = world.ledger().clone();
    let proposal = ledger.propose(waiting(&world), world.now).unwrap();
    let certificate = Certificate::sign(proposal.header(), &keys).unwrap();
    ledger.commit(proposal, certificate).unwrap();
    let handover = ledger.snapshot().unwrap().handovers(Height::new(0)).unwrap().pop().unwrap();
    let fresh = World::with_keys(reopened(&ledger), keys.into_iter().chain([key("newcomer")]).collect());
    (fresh, handover)
}

/// The approvals again, as transactions.
fn waiting(world: &World) -> Vec<node::transaction::Transaction> {
    let change = ConsortiumChange::SetValidator(validator("newcomer", 1));
    let sign = |name: &&str| {
        let action = Action::ApproveChange(change.clone());
        node::transaction::Transaction::sign(world.ledger().chain(), &key(name), 0, action).unwrap()
    };
    NAMES[..3].iter().map(sign).collect()
}

/// The chain once more, in a ledger of its own.
fn reopened(ledger: &Ledger) -> Ledger {
    let copy = Ledger::in_memory(ledger.genesis().clone(), Box::new(DigestInsteadOfPairing)).unwrap();
    let snapshot = ledger.snapshot().unwrap();
    for height in (1..=snapshot.latest().unwrap().height.get()).map(Height::new) {
        let block = snapshot.block(height).unwrap().unwrap();
        let time = block.header.time;
        copy.import(block, time).unwrap();
    }
    copy
}

#[test]
fn a_header_is_believed_by_a_quorum_of_its_chains_validators_alone() {
    let mut world = four();
    world.block();
    let client = LightClient::new(world.ledger().genesis()).unwrap();
    let good = header(&world, 1);
    client.verify(&good).unwrap();
    let signed_by = |names: &[&str]| {
        let keys: Vec<_> = names.iter().map(|name| key(name)).collect();
        SignedHeader { certificate: Certificate::sign(&good.header, &keys).unwrap(), ..good.clone() }
    };
    client.verify(&signed_by(&NAMES[..3])).unwrap();
    refused(client.verify(&signed_by(&NAMES[..2])), "validators with 2 of 4 votes signed");
    refused(client.verify(&signed_by(&["validator 0", "validator 1", "stranger"])), "has no vote");

    let mut twice = signed_by(&NAMES[..3]);
    let again = twice.certificate.signatures[0];
    twice.certificate.signatures.insert(0, again);
    refused(client.verify(&twice), "list each validator once");
    let mut forged = good.clone();
    forged.certificate.signatures[1].signature = Signature::from_bytes([3; 64]);
    refused(client.verify(&forged), "does not verify");
    let mut moved = good.clone();
    moved.certificate.round = 1;
    refused(client.verify(&moved), "does not verify");
    let mut altered = good.clone();
    altered.header.state = digest("another state");
    refused(client.verify(&altered), "does not verify");
    let mut elsewhere = world.ledger().genesis().clone();
    elsewhere.name.push('!');
    refused(LightClient::new(&elsewhere).unwrap().verify(&good), "make it for this chain");

    // Prevotes for it are no certificate.
    let statement = Statement::Vote { kind: VoteKind::Prevote, block: Some(good.header.hash().unwrap()) };
    let ballot = Ballot { chain: good.header.chain, height: good.header.height, round: 0, statement };
    let mut prevoted = good.clone();
    for signed in &mut prevoted.certificate.signatures {
        let name = NAMES.iter().find(|name| account(name) == signed.validator).unwrap();
        signed.signature = sign(&key(name), &ballot.message().unwrap());
    }
    refused(client.verify(&prevoted), "does not verify");
}

#[test]
fn handovers_are_followed_in_order_and_a_missed_one_is_noticed() {
    let (mut world, handover) = joined();
    world.block();
    let last = header(&world, tip(&world));
    let mut client = LightClient::new(world.ledger().genesis()).unwrap();
    refused(client.verify(&last), "these are not the validators of its height");

    let mut other_key = handover.clone();
    other_key.validators = world.ledger().snapshot().unwrap().prove(StateKey::Tip(), Height::new(1)).unwrap();
    refused(client.follow(&other_key), "proof that");
    let mut other_set = handover.clone();
    let before = world.ledger().snapshot().unwrap().prove(StateKey::Validators(), Height::new(0)).unwrap();
    other_set.validators = before;
    refused(client.follow(&other_set), "proof that");

    client.follow(&handover).unwrap();
    client.verify(&last).unwrap();
    client.verify(&handover.header).unwrap();
    // Those who were replaced sign a later header all the same: as what they are, and as what they were.
    let old_keys: Vec<_> = NAMES.iter().map(|name| key(name)).collect();
    for validators in [last.header.validators, handover.header.header.validators] {
        let header = Header { validators, state: digest("their own"), ..last.header };
        let stale = SignedHeader { header, certificate: Certificate::sign(&header, &old_keys[..3]).unwrap() };
        let why =
            if validators == last.header.validators { "with 3 of 5 votes" } else { "not the validators of its height" };
        refused(client.verify(&stale), why);
    }
    refused(client.follow(&handover), "it is not after block 1");
    assert_eq!(client.validators(Height::new(1)).iter().count(), 4);
    assert_eq!(client.validators(Height::new(2)).iter().count(), 5);
}

#[test]
fn state_is_believed_under_the_key_asked_for() {
    let mut world = World::ready(Quorum::DEFAULT);
    world.block();
    let (height, client) = (tip(&world), LightClient::new(world.ledger().genesis()).unwrap());
    let believed = client.verify(&header(&world, height)).unwrap();
    let snapshot = world.ledger().snapshot().unwrap();
    let prove = |key| snapshot.prove(key, Height::new(height)).unwrap();
    let friend = StateKey::Account(account("friend"));
    let stranger = StateKey::Account(account("nobody"));
    assert!(believed.read::<Account>(friend, &prove(friend)).unwrap().is_some());
    assert!(believed.read::<Account>(stranger, &prove(stranger)).unwrap().is_none());
    assert_eq!(believed.read::<Tip>(StateKey::Tip(), &prove(StateKey::Tip())).unwrap().unwrap().height.get(), height);
    refused(believed.read::<Account>(friend, &prove(stranger)), "the key asked for");
    let mut richer = prove(friend);
    richer.value = prove(StateKey::Account(account("sponsor"))).value.map(|mut bytes| {
        bytes[0] ^= 1;
        bytes
    });
    refused(believed.read::<Account>(friend, &richer), "proof that");
}

#[test]
fn a_transaction_is_believed_at_its_place_in_its_block() {
    let mut world = World::ready(Quorum::DEFAULT);
    let ids: Vec<_> = (0..3)
        .map(|amount| {
            let action = Action::Transfer(Transfer { to: account("heir"), amount: Amount::new(amount + 1) });
            world.act("friend", action).unwrap()
        })
        .collect();
    world.block();
    let client = LightClient::new(world.ledger().genesis()).unwrap();
    let believed = client.verify(&header(&world, tip(&world))).unwrap();
    let before = client.verify(&header(&world, tip(&world) - 1)).unwrap();
    let proof = world.ledger().snapshot().unwrap().transaction(ids[1]).unwrap().unwrap().proof;
    believed.includes(ids[1], &proof).unwrap();
    refused(believed.includes(ids[0], &proof), "the block holds the transaction");
    refused(before.includes(ids[1], &proof), "the block holds the transaction");
    for index in [0, 2, u32::MAX] {
        let moved = TransactionProof { index, ..proof.clone() };
        refused(believed.includes(ids[1], &moved), "the block holds the transaction");
    }
    let mut short = proof.clone();
    short.siblings.pop();
    refused(believed.includes(ids[1], &short), "the block holds the transaction");
}

#[test]
fn a_change_takes_more_than_two_thirds_of_the_validators_and_each_counts_once() {
    let mut world = four();
    let change = ConsortiumChange::SetValidator(validator("newcomer", 1));
    refused(world.act("friend", Action::ApproveChange(change.clone())), "the validators do");
    approve(&mut world, &change, &NAMES[..2]);
    refused(world.act("validator 0", Action::ApproveChange(change.clone())), "this validator approved it");
    let everyone: Vec<_> = world.ledger().genesis().validators.iter().map(|validator| validator.account).collect();
    assert_eq!(everyone.len(), 4);
    for (bad, why) in [
        (ConsortiumChange::RemoveValidator(account("newcomer")), "validator"),
        (ConsortiumChange::Upgrade(Upgrade { version: 9, height: Height::new(50) }), "name version 2"),
        (ConsortiumChange::Upgrade(Upgrade { version: 2, height: Height::new(1) }), "a height after"),
    ] {
        refused(world.act("validator 3", Action::ApproveChange(bad)), why);
    }
}

#[test]
fn open_votes_are_listed_and_an_approval_may_be_taken_back_until_the_change_is_decided() {
    let mut world = four();
    let change = ConsortiumChange::SetValidator(validator("newcomer", 1));
    let digest = change.digest().unwrap();
    let votes = |world: &mut World| {
        world.block();
        open_votes(&world.ledger().snapshot().unwrap()).unwrap()
    };
    refused(world.act(NAMES[0], Action::WithdrawApproval(digest)), "approval of this validator");
    approve(&mut world, &change, &NAMES[..2]);
    let open = votes(&mut world);
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].change, change);
    assert_eq!(open[0].validators.len(), 2);
    world.act(NAMES[1], Action::WithdrawApproval(digest)).unwrap();
    refused(world.act(NAMES[1], Action::WithdrawApproval(digest)), "approval of this validator");
    refused(world.act("friend", Action::WithdrawApproval(digest)), "approval of this validator");
    // Two of four again: what was withdrawn does not count.
    approve(&mut world, &change, &NAMES[2..3]);
    assert_eq!(votes(&mut world)[0].validators.len(), 2);
    world.act(NAMES[0], Action::WithdrawApproval(digest)).unwrap();
    world.act(NAMES[2], Action::WithdrawApproval(digest)).unwrap();
    assert!(votes(&mut world).is_empty(), "a vote without approvals is gone");
    approve(&mut world, &change, &NAMES[..3]);
    assert!(votes(&mut world).is_empty(), "a decided change waits for nobody");
    refused(world.act(NAMES[0], Action::WithdrawApproval(digest)), "approval of this validator");
}

#[test]
fn only_so_many_changes_wait_at_a_time() {
    let mut world = four();
    for number in 0..CHANGES_MAX {
        let change = ConsortiumChange::SetValidator(validator(&format!("newcomer {number}"), 1));
        world.act(NAMES[0], Action::ApproveChange(change)).unwrap();
    }
    let last = ConsortiumChange::SetValidator(validator("one more", 1));
    refused(world.act(NAMES[0], Action::ApproveChange(last.clone())), "withdraw one");
    let first = ConsortiumChange::SetValidator(validator("newcomer 0", 1));
    world.act(NAMES[0], Action::WithdrawApproval(first.digest().unwrap())).unwrap();
    world.act(NAMES[0], Action::ApproveChange(last)).unwrap();
}

#[test]
fn a_vote_lapses_after_its_blocks_and_starts_over() {
    let mut world = four();
    let changes: Vec<_> = (0..CHANGES_MAX)
        .map(|number| ConsortiumChange::SetValidator(validator(&format!("newcomer {number}"), 1)))
        .collect();
    changes.iter().for_each(|change| approve(&mut world, change, &NAMES[..1]));
    approve(&mut world, &changes[0], &NAMES[1..2]);
    world.block();
    let ledger = world.ledger().clone();
    let snapshot = ledger.snapshot().unwrap();
    let opened = open_votes(&snapshot).unwrap()[0].opened;
    let third = |change: &ConsortiumChange, blocks| {
        let height = opened.after(blocks);
        let epoch = Epoch::of(height, ledger.genesis().parameters.epoch_blocks);
        let (chain, genesis) = (ledger.chain(), ledger.genesis());
        let context = Context { chain, genesis, height, time: world.now, epoch, proofs: &DigestInsteadOfPairing };
        let approval = Transaction::sign(chain, &key(NAMES[2]), 0, Action::ApproveChange(change.clone())).unwrap();
        apply(&snapshot, &approval, &context).map(|(state, _)| Draft::resume(&snapshot, state))
    };
    let counted = |state: &Draft<'_>| state.approvals(changes[0].digest().unwrap()).unwrap();

    let decided = third(&changes[0], APPROVAL_BLOCKS_MAX).unwrap();
    assert!(counted(&decided).is_none() && decided.validators().unwrap().unwrap().iter().count() == 5);
    let over = third(&changes[0], APPROVAL_BLOCKS_MAX + 1).unwrap();
    let vote = counted(&over).unwrap();
    assert_eq!(vote.validators, [account(NAMES[2])].into(), "what lapsed counts no more");
    assert_eq!(vote.opened, opened.after(APPROVAL_BLOCKS_MAX + 1));
    assert_eq!(over.validators().unwrap().unwrap(), ledger.genesis().validators);
    assert_eq!(over.changes().unwrap().unwrap().len(), 1, "the others lapsed with it");

    let one_more = ConsortiumChange::SetValidator(validator("one more", 1));
    refused(third(&one_more, APPROVAL_BLOCKS_MAX).map(drop), "withdraw one");
    third(&one_more, APPROVAL_BLOCKS_MAX + 1).unwrap();
}

#[test]
fn an_upgrade_stops_a_node_that_does_not_speak_it_and_says_what_to_install() {
    let mut world = World::bare(world::genesis(Quorum::DEFAULT));
    let change = ConsortiumChange::Upgrade(Upgrade { version: 2, height: Height::new(4) });
    world.act("validator", Action::ApproveChange(change)).unwrap();
    world.pass_blocks(3);
    let stopped = world.sequencer.produce_block(world.now).map(drop);
    refused(stopped, "block 4 is of protocol version 2, and this program speaks 1: install the release for it");
}

#[test]
fn only_statements_that_exclude_each_other_are_evidence() {
    let mut world = four();
    let chain = world.ledger().chain();
    let vote = |kind, block: &str| Statement::Vote { kind, block: Some(digest(block)) };
    let evidence = |signer: &str, first: Statement, second: Statement| {
        let signed = |statement| {
            let ballot = Ballot { chain, height: Height::new(1), round: 0, statement };
            SignedStatement { statement, signature: sign(&key(signer), &ballot.message().unwrap()) }
        };
        let (first, second) = (signed(first), signed(second));
        Equivocation { validator: account(signer), height: Height::new(1), round: 0, first, second }
    };
    let mut bring = |found: Equivocation| world.act("friend", Action::Equivocation(Box::new(found)));
    let both = [vote(VoteKind::Prevote, "one"), vote(VoteKind::Prevote, "other")];
    refused(bring(evidence("validator 1", both[0], both[0])), "exclude each other");
    refused(bring(evidence("validator 1", both[0], vote(VoteKind::Precommit, "other"))), "exclude each other");
    refused(bring(evidence("stranger", both[0], both[1])), "no validator now");
    let mut framed = evidence("validator 1", both[0], both[1]);
    framed.validator = account("validator 2");
    refused(bring(framed), "does not verify");
    let mut moved = evidence("validator 1", both[0], both[1]);
    moved.round = 1;
    refused(bring(moved), "does not verify");
    // What it said on another chain is nothing against it here.
    let mut elsewhere = evidence("validator 1", both[0], both[1]);
    for said in [&mut elsewhere.first, &mut elsewhere.second] {
        let chain = ChainId::from_bytes([9; 32]);
        let ballot = Ballot { chain, height: elsewhere.height, round: 0, statement: said.statement };
        said.signature = sign(&key("validator 1"), &ballot.message().unwrap());
    }
    refused(bring(elsewhere), "does not verify");
    bring(evidence("validator 1", both[0], both[1])).unwrap();
    refused(bring(evidence("validator 1", both[1], both[0])), "one proof for a height is enough");
}

#[test]
fn a_copy_is_believed_no_more_than_a_peer() {
    let folder = tempfile::tempdir().unwrap();
    let genesis = world::genesis(Quorum::DEFAULT);
    let mut world = World::on_disk(&folder.path().join("ledger.redb"), genesis.clone());
    world.prepare();
    let tip = world.ledger().snapshot().unwrap().latest().unwrap();
    for (name, first) in [("backup", Height::new(1)), ("snapshot", tip.height)] {
        let path = folder.path().join(name);
        world.ledger().copy_to(&path, first).unwrap();
        assert_eq!(archive::restore(&path, &genesis).unwrap(), tip);
        let mut restored = World::on_disk(&path, genesis.clone());
        assert_eq!(restored.ledger().first_block().unwrap(), first);
        restored.now = world.now;
        restored.block();
        let client = LightClient::new(&genesis).unwrap();
        client.verify(&header(&restored, tip.height.get() + 1)).unwrap();
    }
    // One balance higher by a bit, as a thief would have it.
    let path = folder.path().join("altered");
    world.ledger().copy_to(&path, tip.height).unwrap();
    let state = redb::TableDefinition::<&[u8], &[u8]>::new("state");
    let database = redb::Database::create(&path).unwrap();
    let write = database.begin_write().unwrap();
    {
        let key = StateKey::Account(account("friend")).encode().unwrap();
        let mut table = write.open_table(state).unwrap();
        let mut value = table.get(key.as_slice()).unwrap().unwrap().value().to_vec();
        value[3] ^= 1;
        table.insert(key.as_slice(), value.as_slice()).unwrap();
    }
    write.commit().unwrap();
    drop(database);
    refused(archive::restore(&path, &genesis), "its state is not the one that its last block commits to");
    let path = folder.path().join("foreign");
    world.ledger().copy_to(&path, tip.height).unwrap();
    let mut other = genesis;
    other.name.push('!');
    refused(archive::restore(&path, &other), "make it for this chain");
}
