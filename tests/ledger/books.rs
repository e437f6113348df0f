//! What a node believes of files that others may have written: copies of the chain, and its own store.

use std::path::Path;

use circuits::quorum::Quorum;
use node::{
    Ledger, archive,
    block::Header,
    genesis::Genesis,
    units::{Height, Timestamp},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use redb::{Database, ReadableDatabase as _, ReadableTableMetadata as _};

use crate::{
    consortium::cooked::{UNDECIDED, enrich, plant},
    world::{self, DigestInsteadOfPairing, World, account, digest, refused},
};

/// Proposed blocks of one height that a store keeps, as `node` has it.
pub const UNDECIDED_MAX: u64 = 256;

fn proposed(path: &Path) -> u64 {
    let database = Database::open(path).unwrap();
    database.begin_read().unwrap().open_table(UNDECIDED).unwrap().len().unwrap()
}

fn open(path: &Path, genesis: &Genesis) -> Ledger {
    Ledger::open_with(path, genesis.clone(), Box::new(DigestInsteadOfPairing)).unwrap()
}

/// Fills a store's next height with blocks that nobody judged, under a proposer's name.
fn fill(path: &Path, genesis: &Genesis, proposer: &str) {
    let ledger = open(path, genesis);
    let snapshot = ledger.snapshot().unwrap();
    let tip = snapshot.header(snapshot.latest().unwrap().height).unwrap().unwrap().header;
    drop((snapshot, ledger));
    for number in 0..UNDECIDED_MAX {
        let time = Timestamp::new(tip.time.get() + number);
        let next = Header { height: tip.height.next(), parent: tip.hash().unwrap(), time, ..tip };
        plant(path, account(proposer), Header { state: digest("nobody's"), ..next });
    }
}

#[test]
fn repro_a_copy_brings_no_proposed_block_and_pruning_keeps_ones_own() {
    let folder = tempfile::tempdir().unwrap();
    let genesis = world::genesis(Quorum::DEFAULT);
    let [path, copy, pruned] = ["ledger.redb", "copy", "pruned"].map(|name| folder.path().join(name));
    let mut world = World::on_disk(&path, genesis.clone());
    world.prepare();
    world.ledger().copy_to(&copy, Height::new(1)).unwrap();
    drop(world);
    for file in [&path, &copy] {
        fill(file, &genesis, "validator");
        assert_eq!(proposed(file), UNDECIDED_MAX);
    }
    archive::restore(&copy, &genesis).unwrap();
    assert_eq!(proposed(&copy), 0);

    let ledger = open(&path, &genesis);
    let tip = ledger.snapshot().unwrap().latest().unwrap();
    ledger.prune_to(&pruned, tip.height).unwrap();
    assert_eq!(proposed(&pruned), UNDECIDED_MAX, "a vote for one of them may be in this node's log");
    assert_eq!(open(&pruned, &genesis).first_block().unwrap(), tip.height);
    // What is given to others has none of them.
    let given = folder.path().join("given");
    ledger.copy_to(&given, tip.height).unwrap();
    assert_eq!(proposed(&given), 0);
}

#[test]
fn repro_a_balance_that_no_block_gave_is_found_before_a_node_runs() {
    let folder = tempfile::tempdir().unwrap();
    let genesis = world::genesis(Quorum::DEFAULT);
    let path = folder.path().join("ledger.redb");
    for blocks in [false, true] {
        let mut world = World::on_disk(&path, genesis.clone());
        if blocks {
            world.prepare();
        }
        drop(world);
        open(&path, &genesis).check_state().unwrap();
        let honest = std::fs::read(&path).unwrap();
        enrich(&path, "friend");
        refused(open(&path, &genesis).check_state(), "damaged at state: it is not the one that block");
        std::fs::write(&path, honest).unwrap();
    }
}

#[test]
fn repro_a_bit_that_flipped_in_a_store_that_was_closed_is_found_before_a_node_runs() {
    const FLIPS: usize = 200;
    let folder = tempfile::tempdir().unwrap();
    let genesis = world::genesis(Quorum::DEFAULT);
    let path = folder.path().join("ledger.redb");
    let mut world = World::on_disk(&path, genesis.clone());
    world.prepare();
    drop(world);
    let honest = std::fs::read(&path).unwrap();
    let root = |ledger: &Ledger| {
        let snapshot = ledger.snapshot().unwrap();
        snapshot.header(snapshot.latest().unwrap().height).unwrap().unwrap().header.state
    };
    let expected = root(&Ledger::open_checked(&path, genesis.clone()).unwrap());
    let (mut rng, mut found) = (StdRng::seed_from_u64(3), 0);
    let used: Vec<usize> = (0..honest.len()).filter(|place| honest[*place] != 0).collect();
    for _ in 0..FLIPS {
        let mut bytes = honest.clone();
        bytes[used[rng.random_range(0..used.len())]] ^= 1 << rng.random_range(0..8);
        std::fs::write(&path, bytes).unwrap();
        // What is of no page that is in use changes nothing.
        match Ledger::open_checked(&path, genesis.clone()) {
            Ok(ledger) => assert_eq!(root(&ledger), expected),
            Err(error) => {
                let said = error.to_string();
                assert!(said.contains("damaged") || said.contains("database failed"), "{said}");
                found += 1;
            }
        }
    }
    assert!(found > FLIPS / 4, "{found} of {FLIPS}");
}
