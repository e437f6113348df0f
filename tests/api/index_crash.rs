//! A process killed while it writes the index leaves it at some block, whole.

use std::{
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Command, Stdio},
};

use circuits::id::ChainId;
use market::index::Index;
use node::{block::Block, event::Event, units::Height};

use super::{index::contents, server::world};

const FOLDER: &str = "LOCUS_INDEX_CRASH_FOLDER";
const ROUNDS: usize = 8;

type Blocks = (ChainId, Vec<(Block, Vec<Vec<Event>>)>);

/// The process that is killed: fills and empties an index for ever when the variable names a folder.
#[test]
fn index_writer_process() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let (chain, blocks): Blocks = borsh::from_slice(&std::fs::read(folder.join("blocks")).unwrap()).unwrap();
    let index = Index::open(&folder.join("index"), chain).unwrap();
    loop {
        for (block, events) in &blocks {
            index.append(block, events).unwrap();
            writeln!(std::io::stdout().lock(), "indexed").unwrap();
        }
        index.clear().unwrap();
    }
}

#[test]
fn a_killed_writer_leaves_the_index_at_a_whole_block() {
    let folder = tempfile::tempdir().unwrap();
    let (world, ..) = world();
    let (chain, snapshot) = (world.ledger().chain(), world.ledger().snapshot().unwrap());
    let heights = (1..=snapshot.latest().unwrap().height.get()).map(Height::new);
    let blocks: Vec<_> = heights
        .map(|height| {
            (snapshot.block(height).unwrap().unwrap(), snapshot.events(height).unwrap().unwrap().transactions)
        })
        .collect();
    std::fs::write(folder.path().join("blocks"), borsh::to_vec(&(chain, &blocks)).unwrap()).unwrap();
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "api::index_crash::index_writer_process", "--nocapture", "--test-threads=1"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Kill after another number of blocks in each round; the writer goes on meanwhile, so any statement may be hit.
        // The pipe stays open, so that only the signal ends the writer.
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let indexed = lines.by_ref().filter(|line| line.as_ref().unwrap().ends_with("indexed"));
        assert_eq!(indexed.take(3 + round * 5).count(), 3 + round * 5);
        child.kill().unwrap();
        child.wait().unwrap();
        let left = Index::open(&folder.path().join("index"), chain).unwrap();
        let height = usize::try_from(left.position().unwrap().height.get()).unwrap();
        let expected = Index::open(&folder.path().join(format!("expected {round}")), chain).unwrap();
        for (block, events) in &blocks[..height] {
            expected.append(block, events).unwrap();
        }
        assert_eq!(contents(&left), contents(&expected), "after round {round}");
    }
}
