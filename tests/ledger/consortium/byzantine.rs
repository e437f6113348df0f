//! One dishonest validator of four: nothing false is committed, and what can be proven of it is on the ledger.

use std::{
    io::Write as _,
    net::TcpStream,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use circuits::{
    consent::Day,
    groth16::{PROOF_BYTES, ProofBytes},
};
use node::{
    Ledger,
    transaction::Transaction,
    units::{SECONDS_PER_DAY, Timestamp},
};
use rand::{Rng as _, SeedableRng, rngs::StdRng};

use super::{
    crashes::seed,
    process::Plan,
    town::{Town, free_address, listed, name, wait},
    vandal::Vandal,
};
use crate::world::{DigestInsteadOfPairing, World, account, key};

#[test]
fn a_validator_that_proposes_false_proofs_is_outvoted_in_every_round_of_its() {
    let mut town = Town::found();
    // No epoch ends during the test, so that the forged proof stays one against the right root.
    town.genesis.parameters.epoch_blocks = 64;
    std::fs::write(&town.plans[0].genesis, serde_json::to_vec(&town.genesis).unwrap()).unwrap();
    let path = town.ledger_path(0);
    let ledger = Ledger::open_with(&path, town.genesis.clone(), Box::new(DigestInsteadOfPairing)).unwrap();
    let mut world = World::with_keys(ledger, (0..4).map(|number| key(&name(number))).collect());
    world.prepare();
    world.now = Timestamp::new(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs());
    let today = u32::try_from(world.now.get() / SECONDS_PER_DAY).unwrap();
    let mut query = world.query();
    (query.opening, query.closing) = (Day(today), Day(today + 5));
    let id = world.open(query).unwrap();
    let honest = Transaction::Contribute(world.contribution(id, 0));
    let mut forged = world.contribution(id, 1);
    forged.parts[0].contribution.proof = ProofBytes::new([7; PROOF_BYTES]);
    forged.parts[0].receipts = world.receipts(&forged, 0, &[0, 1, 2, 3]);
    let forged = Transaction::Contribute(forged);
    drop(world);
    for number in 1..4 {
        std::fs::copy(&path, town.ledger_path(number)).unwrap();
    }
    town.plans[3].gullible = true;
    (0..4).for_each(|number| town.start(number));

    assert!(town.node(0).submit(&forged).contains("proof"), "an honest validator lets nothing forged wait");
    assert_eq!(town.node(3).submit(&forged), "taken");
    assert_eq!(town.node(0).submit(&honest), "taken");
    town.settle_at(&[0, 1, 2], &honest);
    // Every validator proposes in turn: the dishonest one several times. On a loaded machine some of its turns pass before
    // the others have its block.
    let (mut nonce, mut turns) = (town.account(0, "sponsor").1, 0);
    wait("the others are shown a false proof", || {
        let transfer = town.transfer("sponsor", nonce, 1);
        assert_eq!(town.node(1).submit(&transfer), "taken");
        town.settle_at(&[0, 1, 2], &transfer);
        (nonce, turns) = (nonce + 1, turns + 1);
        turns >= 8 && (0..3).all(|number| town.log(number).contains("a proposed block is refused"))
    });
    assert!((0..3).all(|number| !town.node(number).has(&forged)));
    town.agree();
}

#[test]
fn a_validator_that_runs_twice_contradicts_itself_and_the_ledger_keeps_the_proof() {
    let addresses: Vec<_> = (0..4).map(|_| free_address()).collect();
    let twin = free_address();
    let mut town = Town::at(&addresses, vec![listed("twin", &twin, 0)]);
    (0..4).for_each(|number| town.start(number));
    let directory = town.folder.path().join("twin");
    std::fs::create_dir(&directory).unwrap();
    // A memory of its own too: nothing keeps it from contradicting the other.
    let memory = town.folder.path().join("twin.signed");
    let plan = Plan { links: "twin".into(), listen: twin, directory, memory, ..town.plans[3].clone() };
    town.plans.push(plan);
    town.through.push(vec![]);
    town.nodes.push(None);
    town.start(4);
    // Both of it propose when it is its turn: blocks of their own, with their own times and transactions.
    let accused = account(&name(3));
    let mut nonce = 0;
    wait("the equivocation is on the ledger", || {
        let (mine, twins) = (town.transfer("researcher", nonce, 1), town.transfer("sponsor", nonce, 1));
        let _ = town.node(3).submit(&mine);
        let _ = town.node(4).submit(&twins);
        town.settle_at(&[0, 1, 2], &mine);
        town.settle_at(&[0, 1, 2], &twins);
        nonce += 1;
        town.node(0).ask(&format!("equivocated {accused}")).unwrap() == "true"
    });
    town.nodes[4] = None;
    let last = town.transfer("researcher", nonce, 1);
    assert_eq!(town.node(0).submit(&last), "taken");
    town.settle_at(&[0, 1, 2], &last);
    town.agree();
}

#[test]
fn another_chains_messages_and_garbage_on_the_links_change_nothing() {
    let mut town = Town::found();
    // Validator 3 runs a chain of another name with the same keys and addresses.
    let elsewhere = town.folder.path().join("elsewhere.json");
    let mut genesis = town.genesis.clone();
    genesis.name = "elsewhere".into();
    std::fs::write(&elsewhere, serde_json::to_vec(&genesis).unwrap()).unwrap();
    let right = town.plans[3].clone();
    let directory = town.folder.path().join("elsewhere");
    std::fs::create_dir(&directory).unwrap();
    let memory = town.folder.path().join("elsewhere.signed");
    town.plans[3] = Plan { genesis: elsewhere, directory, memory, ..right.clone() };
    // Two of this chain are no quorum: they are still at the height of the votes that reach them.
    [3, 0, 1].into_iter().for_each(|number| town.start(number));
    wait("its votes arrive and are refused", || {
        [0, 1].iter().all(|number| town.log(*number).contains("Received vote with invalid signature"))
    });
    town.start(2);

    let mut rng = StdRng::seed_from_u64(7);
    for nonce in 0..6 {
        let port: u16 = town.plans[0].listen.rsplit('/').next().unwrap().parse().unwrap();
        let mut link = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let mut garbage = vec![0; 4_096];
        rng.fill_bytes(&mut garbage);
        let _ = link.write_all(&garbage);
        let transfer = town.transfer("researcher", nonce, 1);
        assert_eq!(town.node(0).submit(&transfer), "taken");
        town.settle_at(&[0, 1, 2], &transfer);
        thread::sleep(Duration::from_millis(50));
    }
    let accused = account(&name(3));
    assert_eq!(town.node(0).ask(&format!("equivocated {accused}")).unwrap(), "false");
    town.kill(3);
    town.plans[3] = right;
    town.start(3);
    let last = town.transfer("researcher", 6, 1);
    assert_eq!(town.node(1).submit(&last), "taken");
    town.settle(&last);
    town.agree();
}

/// What nodes log when garbage of each kind reached them.
const ARRIVED: [&str; 8] = [
    "Failed to decode consensus message",
    "Failed to decode stream message",
    "Failed to decode liveness message",
    "Failed to decode status message",
    "Failed to decode sync request",
    "Failed to decode sync response",
    "Failed to decode validator proof",
    "invalid signature",
];

#[test]
fn a_listed_validators_links_in_other_hands_stop_nobody() {
    let seed = seed();
    let mut town = Town::found();
    (0..3).for_each(|number| town.start(number));
    let others = town.plans[..3].iter().map(|plan| plan.listen.clone()).collect();
    let vandal = Vandal::at(&name(3), &town.plans[3].listen, others, seed);
    let mut nonce = 0;
    wait("garbage of each kind arrived", || {
        town.pay(nonce as usize % 3, "researcher", nonce);
        nonce += 1;
        let logs: Vec<_> = (0..3).map(|number| town.log(number)).collect();
        nonce >= 20 && ARRIVED.iter().all(|said| logs.iter().any(|log| log.contains(said)))
    });
    println!("{} messages of garbage, {nonce} blocks", vandal.stop());
    for number in 0..3 {
        assert!(!town.log(number).contains("panicked"));
        for accused in 0..4 {
            let accused = account(&name(accused));
            assert_eq!(town.node(number).ask(&format!("equivocated {accused}")).unwrap(), "false");
        }
    }
    town.start(3);
    town.kill(0);
    town.pay(1, "researcher", nonce);
    town.agree();
}
