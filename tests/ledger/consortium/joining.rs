//! Who comes to a consortium that runs: from nothing, from a snapshot, or not at all.

use std::{
    thread,
    time::{Duration, Instant},
};

use node::{
    transaction::{Action, ConsortiumChange, Transaction},
    validator::Validator,
};

use super::{
    process::links,
    town::{Town, free_address, listed, name, wait},
};
use crate::world::{ENDOWMENT, account, key};

/// Cold starts of one run; `LOCUS_STARTS` asks for more.
fn starts() -> u64 {
    std::env::var("LOCUS_STARTS").map_or(5, |text| text.parse().unwrap())
}

#[test]
fn four_validators_started_from_nothing_commit_a_transfer_time_after_time() {
    for start in 1..=starts() {
        let began = Instant::now();
        let mut town = Town::running();
        town.pay(0, "researcher", 0);
        println!("start {start}: {:.1} s to the first transfer", began.elapsed().as_secs_f64());
        assert_eq!(town.account(3, "friend").0, ENDOWMENT + 1);
        town.agree();
    }
}

/// Three validators vote for a change.
fn approve(town: &mut Town, change: &ConsortiumChange) {
    for number in 0..3 {
        let nonce = town.node(number).ask(&format!("nonce {}", account(&name(number)))).unwrap().parse().unwrap();
        let action = Action::ApproveChange(change.clone());
        let approval = Transaction::sign(town.chain(), &key(&name(number)), nonce, action).unwrap();
        assert_eq!(town.node(number).submit(&approval), "taken");
        town.settle(&approval);
    }
}

#[test]
fn a_newcomer_joins_a_running_consortium_from_a_snapshot_and_is_given_a_vote() {
    let mut town = Town::running();
    (0..12).for_each(|nonce| town.pay(nonce as usize % 4, "researcher", nonce));
    let newcomer = listed("newcomer", &free_address(), 0);
    approve(&mut town, &ConsortiumChange::SetValidator(newcomer.clone()));

    // Taken from a node that runs, while it works, with its latest block only.
    let number = town.add("newcomer", &newcomer.address);
    let path = town.ledger_path(number);
    let during = town.transfer("researcher", 12, 1);
    assert_eq!(town.node(1).submit(&during), "taken");
    let copied: u64 = town.node(0).ask(&format!("copy {} {}", path.display(), u64::MAX)).unwrap().parse().unwrap();
    town.settle(&during);
    assert!(copied >= 13);
    assert_eq!(node::archive::restore(&path, &town.genesis).unwrap().height.get(), copied);

    town.start(number);
    (13..16).for_each(|nonce| town.pay(nonce as usize % 4, "researcher", nonce));
    assert_eq!(town.node(number).ask("first").unwrap(), copied.to_string(), "it has no block before the snapshot");
    let agreed = town.agree_from(copied);
    assert!(agreed > copied, "blocks and state roots after the snapshot are the others'");
    assert_eq!(town.account(number, "friend").0, ENDOWMENT + 16);

    // Four of five are a quorum: without its vote three would be left.
    approve(&mut town, &ConsortiumChange::SetValidator(Validator { power: 1, ..newcomer }));
    town.kill(0);
    (16..20).for_each(|nonce| town.pay(number, "researcher", nonce));
    town.agree_from(copied);
}

#[test]
fn a_snapshot_of_another_chain_or_altered_on_the_way_brings_nobody_in() {
    let mut town = Town::running();
    (0..3).for_each(|nonce| town.pay(0, "researcher", nonce));
    let path = town.folder.path().join("snapshot.redb");
    town.node(0).ask(&format!("copy {} 1", path.display())).unwrap();
    let mut elsewhere = town.genesis.clone();
    elsewhere.name = "elsewhere".into();
    let refused = node::archive::restore(&path, &elsewhere).unwrap_err().to_string();
    assert!(refused.contains("chain"), "{refused}");
    super::cooked::enrich(&path, "thief");
    let refused = node::archive::restore(&path, &town.genesis).unwrap_err().to_string();
    assert!(refused.contains("its state is not the one that its last block commits to"), "{refused}");
}

#[test]
fn a_node_whose_key_the_ledger_does_not_list_gets_no_link() {
    let address = free_address();
    let guest = listed("guest", &address, 0);
    let addresses: Vec<_> = (0..4).map(|_| free_address()).collect();
    let mut town = Town::at(&addresses, vec![guest.clone()]);
    (0..4).for_each(|number| town.start(number));
    town.pay(0, "researcher", 0);

    // The guest's voice and address, and links of another key.
    let number = town.add("guest", &address);
    town.plans[number].links = "stranger".into();
    town.start(number);
    let smuggled = town.transfer("sponsor", 0, 1);
    assert_eq!(town.node(number).submit(&smuggled), "taken");
    let stranger = links("stranger").peer_key().to_string();
    for nonce in 1..5 {
        let transfer = town.transfer("researcher", nonce, 1);
        assert_eq!(town.node(1).submit(&transfer), "taken");
        town.settle_at(&[0, 1, 2, 3], &transfer);
        thread::sleep(Duration::from_millis(700));
        for validator in 0..4 {
            let peers = town.node(validator).ask("peers").unwrap();
            assert!(!peers.contains(&stranger), "validator {validator} shows the stranger as a peer");
            assert!(!town.node(validator).has(&smuggled), "what the stranger sent was passed on");
        }
    }
    assert_eq!(town.node(number).height(), 0, "the stranger heard of no block");
    // It calls again and again, and for a moment it sees a link that is about to be cut.
    wait("its links are cut", || town.node(number).ask("peers").unwrap().is_empty());

    // With the key that the ledger lists the same node follows.
    town.kill(number);
    town.plans[number].links = "guest".into();
    town.start(number);
    town.pay(2, "researcher", 5);
    let peer = guest.peer.to_string();
    wait("the guest has a link", || town.node(0).ask("peers").unwrap().contains(&peer));
    town.agree();
}
