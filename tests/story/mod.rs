//! The whole story with every party in processes of its own: a node on PostgreSQL and S3, four committee members, two
//! hospitals that certify and run their patients' agents, a researcher, a sponsor and somebody who adds up.
//!
//! Node, members and agents are killed in random order, each once before any twice, and come back: while the query
//! collects, and then, with the aggregator, while it is added up. Founding, key generation, certifying and the screening
//! pass without kills, and so do the commands that end by themselves, but for the aggregator's. PostgreSQL and the S3
//! server are never killed: what they acknowledged is theirs to keep.
//!
//! `LOCUS_STORY_PEOPLE` is how many people meet the criteria (12; 200 in the long tier), `LOCUS_STORY_KILLS` how often a
//! process is killed while the query collects (8; once for each process at least), `LOCUS_STORY_SEED` who is killed when.

mod books;
mod chaos;
mod cohort;
mod leaks;
mod people;
mod process;
mod screening;
mod stage;
mod town;

use self::{
    chaos::Chaos,
    people::{truth, wards},
    stage::Stage,
};

/// Kills while the sum is made, beside those while the query collects.
const LATE_KILLS: usize = 2;

/// A number from the environment.
fn number<N: std::str::FromStr>(variable: &str, otherwise: N) -> N {
    let parse = |text: String| text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number"));
    std::env::var(variable).map_or(otherwise, parse)
}

#[test]
fn everybody_is_counted_once_and_nothing_leaks_however_often_processes_die() {
    let (people, kills) = (number("LOCUS_STORY_PEOPLE", 12usize), number("LOCUS_STORY_KILLS", 8usize));
    let wards = wards(people);
    let stage = Stage::build(&wards);
    let node = stage.start_node();
    let mut members = stage.start_members();
    stage.accredit();
    let schema = stage.certify(&wards);
    let response = screening::recruit(&stage, &schema, people);

    let query = cohort::open(&stage, &schema, people);
    let mut processes = vec![node];
    processes.append(&mut members);
    processes.extend(stage.start_agents());
    let mut chaos = Chaos::new(kills.max(processes.len()));
    while chaos.strike(&mut processes) {}
    cohort::await_contributions(&stage, &query, people, &mut processes);
    cohort::everybody_answered_once(&stage, &query, &wards);
    cohort::add_up(&stage, &query, &mut Chaos::new(LATE_KILLS), &mut processes);
    let slots = cohort::result(&stage, &query);
    assert_eq!(slots, truth(stage.hospital_folders(), &wards, cohort::VARIANTS), "the sums are the truth");

    books::money_is_conserved(&stage, &query, people);
    for process in &mut processes {
        process.assert_alive();
        assert!(process.kills > 0, "{} was never killed", process.name());
    }
    processes.into_iter().rev().for_each(process::Process::stop);
    books::index_is_a_function_of_the_ledger(&stage);
    cohort::receipt_holds_for_somebody_else(&stage, people);
    response.holds_for_somebody_else(&stage);
    leaks::nothing_planted_is_anywhere(&stage, &wards);
}
