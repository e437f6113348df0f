//! The whole story with every party in processes of its own: a node on PostgreSQL and S3, four committee members, two
//! hospitals that certify and run their patients' agents, a researcher, a sponsor and an onlooker. The node adds up by itself.
//!
//! Node, members, agents, PostgreSQL and the S3 server are killed in random order, each once before any twice, and come back:
//! while the query collects, and then while it is added up. PostgreSQL and the S3 server are killed between the steps of
//! founding, certifying and screening too. What else runs then is not, and neither are the commands that end by themselves.
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
mod store;
mod town;

use self::{
    chaos::{Cast, Chaos, Mortal},
    people::{truth, wards},
    stage::Stage,
};

/// Kills of PostgreSQL and the S3 server before the query.
const EARLY_KILLS: usize = 2;
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
    let mut stores = stage.stores();
    let mut strike_stores = || {
        let mut chaos = Chaos::new(EARLY_KILLS);
        while chaos.strike(&mut stores) {}
    };
    let node = stage.start_node();
    strike_stores();
    let members = stage.start_members();
    stage.accredit();
    strike_stores();
    let schema = stage.certify(&wards);
    strike_stores();
    let response = screening::recruit(&stage, &schema, people);

    let query = cohort::open(&stage, &schema, people);
    let running = [node].into_iter().chain(members).chain(stage.start_agents());
    let mut cast: Cast<'_> = running.map(|process| Box::new(process) as Box<dyn Mortal>).collect();
    cast.extend(stage.stores());
    let mut chaos = Chaos::new(kills.max(cast.len()));
    while chaos.strike(&mut cast) {}
    cohort::await_contributions(&stage, &query, people, &mut cast);
    cohort::add_up(&stage, &query, &mut Chaos::new(LATE_KILLS), &mut cast);
    cohort::everybody_answered_once(&stage, &query, &wards);
    let slots = cohort::result(&stage, &query);
    assert_eq!(slots, truth(stage.hospital_folders(), &wards, cohort::VARIANTS), "the sums are the truth");

    books::money_is_conserved(&stage, &query, people);
    for mortal in &mut cast {
        mortal.assert_alive();
        assert!(mortal.kills() > 0, "{} was never killed", mortal.name());
    }
    cast.into_iter().rev().for_each(Mortal::stop);
    books::index_is_a_function_of_the_ledger(&stage);
    cohort::receipt_holds_for_somebody_else(&stage, people);
    response.holds_for_somebody_else(&stage);
    leaks::nothing_planted_is_anywhere(&stage, &wards);
}
