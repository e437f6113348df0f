//! A process killed in the middle of writing loses no block it reported and keeps no half of one.

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use circuits::quorum::Quorum;
use node::{
    genesis::Genesis,
    replay,
    state::StateRead,
    transaction::{Action, Transfer},
    units::{Amount, Height},
};

use crate::world::{DigestInsteadOfPairing, ENDOWMENT, World, account, genesis, record};

const DATABASE: &str = "LOCUS_RECOVERY_DATABASE";
const ROUNDS: u64 = 8;

/// Where the genesis lies, so that no process makes the keys again.
fn genesis_path(database: &Path) -> PathBuf {
    database.with_extension("json")
}

fn stored_genesis(database: &Path) -> Genesis {
    serde_json::from_slice(&std::fs::read(genesis_path(database)).unwrap()).unwrap()
}

fn open(path: &Path) -> World {
    World::on_disk(path, stored_genesis(path))
}

/// The process that is killed: a writer when the variable names a database, nothing otherwise.
#[test]
fn writer_process() {
    let Some(path) = std::env::var_os(DATABASE).map(PathBuf::from) else { return };
    let mut world = open(&path);
    if world.ledger().snapshot().unwrap().latest().unwrap().height == Height::default() {
        world.accredit();
    }
    for number in 0.. {
        let transfer = Transfer { to: account("heir"), amount: Amount::new(1) };
        for _ in 0..5 {
            world.act("friend", Action::Transfer(transfer)).unwrap();
        }
        let height = world.ledger().snapshot().unwrap().latest().unwrap().height;
        if number % 2 == 0 && height > Height::default() {
            let _ = world.act("issuer 0", Action::RegisterRecord(record(height.get())));
        }
        let block = world.block().block;
        let mut output = std::io::stdout().lock();
        writeln!(output, "committed {} {}", block.header.height, block.header.state).unwrap();
        output.flush().unwrap();
    }
}

#[test]
fn a_killed_writer_recovers_exactly_to_its_last_block() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.redb");
    std::fs::write(genesis_path(&path), serde_json::to_vec(&genesis(Quorum::DEFAULT)).unwrap()).unwrap();
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "recovery::writer_process", "--nocapture", "--test-threads=1"])
            .env(DATABASE, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let committed = lines.by_ref().map_while(Result::ok).filter(|line| line.starts_with("committed "));
        let reported = committed.take(2 + 3 * round as usize % 11).last().unwrap();
        // Each round hits another point of the next block's writing; the pipe stays open, so that only the signal ends
        // the writer.
        std::thread::sleep(std::time::Duration::from_micros(700 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        check(&path, &reported);
    }
}

fn check(path: &Path, reported: &str) {
    let mut words = reported.split_whitespace().skip(1);
    let height = Height::new(words.next().unwrap().parse().unwrap());
    let root: circuits::id::Digest = words.next().unwrap().parse().unwrap();
    let world = open(path);
    let snapshot = world.ledger().snapshot().unwrap();
    assert_eq!(snapshot.header(height).unwrap().unwrap().header.state, root);
    let tip = snapshot.latest().unwrap().height;
    assert!(tip >= height && snapshot.block(tip.next()).unwrap().is_none());
    let blocks = (1..=tip.get()).map(|height| Ok(snapshot.block(Height::new(height))?.unwrap()));
    let replayed = replay(stored_genesis(path), blocks, Box::new(DigestInsteadOfPairing)).unwrap();
    assert_eq!(replayed, Some(snapshot.header(tip).unwrap().unwrap().header.state));
    let balance = |name| snapshot.account(account(name)).unwrap().unwrap_or_default().balance.get();
    assert_eq!(balance("friend") + balance("heir"), ENDOWMENT);
    assert_eq!(balance("heir"), 5 * tip.get());
}
