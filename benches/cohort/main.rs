//! A cohort as a consortium would have it: 10,000 registered records and a query of 1,000 contributions, each stage's time
//! and peak memory, on a node with its ledger on disk, a committee of 2 of 4 and two cores.
//!
//! Not criterion: one run that prints a table, and fails where the sums are not the truth. Founding and proving happen once
//! and are kept under `target/cohort`; a run that was interrupted goes on where it was. `LOCUS_COHORT_RECORDS` (10,000),
//! `LOCUS_COHORT_CONTRIBUTIONS` (1,000) and `LOCUS_COHORT_VARIANTS` (3) say how many; of more than 32 variants, cases and
//! controls are counted apart, 512 in each part of a contribution. Node, members and researcher are one process, so a stage's memory
//! is that of all of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub, missing_docs, reason = "a bench")]

mod measure;
mod people;
mod proofs;
mod stages;
#[path = "../../tests/market/world.rs"]
#[allow(dead_code, reason = "each binary uses a part of the world")]
mod world;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use circuits::{id::QueryId, quorum::Quorum};
use serde::{Deserialize, Serialize};

use self::{
    measure::{Measured, Stages},
    world::{World, copy_folder},
};

fn number(variable: &str, otherwise: usize) -> usize {
    env::var(variable).map_or(otherwise, |text| text.parse().expect("a number"))
}

/// What a run measures.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub records: usize,
    pub contributions: usize,
    pub variants: usize,
}

/// A chain with its records and an open query, and what making it took.
#[derive(Serialize, Deserialize)]
struct Founded {
    query: QueryId,
    stages: Vec<Measured>,
}

/// Groups may be counted exactly, as in a demonstration, so that sums can be compared with the truth.
fn open(folder: &Path) -> World {
    World::open_with(folder, Quorum::DEFAULT, |parameters| parameters.exact_groups_allowed = true)
}

/// Founds the chain in a folder, unless it was founded there before.
fn found(folder: &Path, size: Size) -> Founded {
    let noted = folder.join("founded.json");
    if let Ok(text) = fs::read_to_string(&noted) {
        return serde_json::from_str(&text).unwrap();
    }
    // What a broken run left is of no use: its query would be another.
    drop(fs::remove_dir_all(folder));
    let mut stages = Stages::default();
    let world = stages.time("found the chain, make the committee's key", || open(folder).prepared());
    stages.time(&format!("register {} records", size.records), || people::register(&world, size));
    let query = people::ask(&world, size);
    let founded = Founded { query, stages: stages.done() };
    fs::write(noted, serde_json::to_string(&founded).unwrap()).unwrap();
    founded
}

fn main() {
    let size = Size {
        records: number("LOCUS_COHORT_RECORDS", 10_000),
        contributions: number("LOCUS_COHORT_CONTRIBUTIONS", 1_000),
        variants: number("LOCUS_COHORT_VARIANTS", 3),
    };
    assert!((2..=size.records).contains(&size.contributions), "of the records, two at least contribute");
    assert!((3..=1_024).contains(&size.variants), "3 variants at least, and one window at most");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/cohort");
    let root: PathBuf = root.join(format!("{}-{}-{}", size.records, size.contributions, size.variants));
    println!("{size:?}; load {}", fs::read_to_string("/proc/loadavg").unwrap().trim());
    let base = root.join("base");
    let founded = found(&base, size);
    let proven = proofs::prepare(&open(&base), founded.query, size, &root.join("proofs"));
    let run = root.join("run");
    drop(fs::remove_dir_all(&run));
    copy_folder(&base, &run);
    println!("load {}", fs::read_to_string("/proc/loadavg").unwrap().trim());
    let world = open(&run);
    let stages = stages::run(world, founded.query, &proven, size);
    founded.stages.iter().chain(&stages).for_each(Measured::print);
}
