//! A process killed while it writes the index leaves it at some block, whole; several write each block once.

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use circuits::id::ChainId;
use market::{database::Database, index::Index};
use node::{block::Block, event::Event, units::Height};

use super::{
    index::{contents, rows},
    server::world,
};
use crate::postgres::{TestDatabase, on_both};

const FOLDER: &str = "LOCUS_INDEX_CRASH_FOLDER";
const ADDRESS: &str = "LOCUS_INDEX_CRASH_DATABASE";
const ROUNDS: usize = 8;

type Blocks = (ChainId, Vec<(Block, Vec<Vec<Event>>)>);

/// The blocks of a world, in a folder for the other processes.
fn written(folder: &Path) -> Blocks {
    let (world, ..) = world();
    let (chain, snapshot) = (world.ledger().chain(), world.ledger().snapshot().unwrap());
    let heights = (1..=snapshot.latest().unwrap().height.get()).map(Height::new);
    let blocks = heights.map(|height| {
        (snapshot.block(height).unwrap().unwrap(), snapshot.events(height).unwrap().unwrap().transactions)
    });
    let blocks = (chain, blocks.collect::<Vec<_>>());
    std::fs::write(folder.join("blocks"), borsh::to_vec(&blocks).unwrap()).unwrap();
    blocks
}

/// In another process, what to write and where.
fn told() -> Option<(Blocks, Index)> {
    let folder = std::env::var_os(FOLDER).map(PathBuf::from)?;
    let blocks: Blocks = borsh::from_slice(&std::fs::read(folder.join("blocks")).unwrap()).unwrap();
    let database = Database::open(&std::env::var(ADDRESS).unwrap().parse().unwrap()).unwrap();
    let index = Index::open(database, blocks.0).unwrap();
    Some((blocks, index))
}

fn process(test: &str, folder: &Path, database: &TestDatabase) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("api::index_crash::{test}"), "--nocapture", "--test-threads=1"]);
    command.env(FOLDER, folder).env(ADDRESS, &database.address);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// The process that is killed: fills and empties an index for ever when the variable names a folder.
#[test]
fn index_writer_process() {
    let Some(((_, blocks), index)) = told() else { return };
    loop {
        for (block, events) in &blocks {
            index.append(block, events).unwrap();
            writeln!(std::io::stdout().lock(), "indexed").unwrap();
        }
        index.clear().unwrap();
    }
}

/// One of the processes that fill an index together.
#[test]
fn index_follower_process() {
    let Some(((_, blocks), index)) = told() else { return };
    writeln!(std::io::stdout().lock(), "\nready").unwrap();
    drop(std::io::stdin().lock().read_line(&mut String::new()));
    for (block, events) in &blocks {
        index.append(block, events).unwrap();
    }
}

on_both! {
    fn a_killed_writer_leaves_the_index_at_a_whole_block(backend) {
        let (folder, database) = (tempfile::tempdir().unwrap(), backend.database());
        let (chain, blocks) = written(folder.path());
        for round in 0..ROUNDS {
            let mut child = process("index_writer_process", folder.path(), &database);
            // Kill after another number of blocks in each round; the writer goes on meanwhile, so any statement may be
            // hit. The pipe stays open, so that only the signal ends the writer.
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            let indexed = lines.by_ref().filter(|line| line.as_ref().unwrap().ends_with("indexed"));
            assert_eq!(indexed.take(3 + round * 5).count(), 3 + round * 5);
            child.kill().unwrap();
            child.wait().unwrap();
            let left = Index::open(database.open(), chain).unwrap();
            let held = left.position().unwrap();
            let height = usize::try_from(held.height.get()).unwrap();
            let fresh = backend.database();
            let expected = Index::open(fresh.open(), chain).unwrap();
            for (block, events) in &blocks[..height] {
                expected.append(block, events).unwrap();
            }
            // A server may still finish what a killed client had sent; then the index is at a later block, whole.
            if left.position().unwrap() == held {
                assert_eq!(contents(&left), contents(&expected), "after round {round}");
            }
        }
    }

    fn several_processes_that_follow_into_one_database_write_each_block_once(backend) {
        let folder = tempfile::tempdir().unwrap();
        let (chain, blocks) = written(folder.path());
        let alone = backend.database();
        let expected = Index::open(alone.open(), chain).unwrap();
        for (block, events) in &blocks {
            expected.append(block, events).unwrap();
        }
        let database = backend.database();
        let mut followers: Vec<_> =
            (0..3).map(|_| process("index_follower_process", folder.path(), &database)).collect();
        for follower in &mut followers {
            let mut lines = BufReader::new(follower.stdout.as_mut().unwrap()).lines();
            assert!(lines.any(|line| line.unwrap() == "ready"));
        }
        // All at once.
        followers.iter_mut().for_each(|follower| drop(follower.stdin.take()));
        for follower in followers {
            let output = follower.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        }
        assert_eq!(rows(&Index::open(database.open(), chain).unwrap()), rows(&expected));
    }
}
