//! The whole story with every party in processes of its own: a node on PostgreSQL and S3, four committee members, two
//! hospitals that certify and run their patients' agents, a researcher, a sponsor and an onlooker. The node adds up by itself.
//!
//! Whatever runs is killed in random order, each once before any twice, and comes back: PostgreSQL, the S3 server, the node
//! and the members while the committee makes its key, hospitals are accredited and certify, a sponsor recruits and a
//! researcher opens the query; the agents too while the query collects, spread over its contributions, and while it is added
//! up. Of the commands that end by themselves each hospital's first `record certify` is killed at some moment; the others are
//! not killed, but fail with what they need. All are given again as their operators would. Nothing is killed while the node
//! starts for the first time, nor once the query is released.
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
    chaos::{Chaos, Mortal},
    people::{truth, wards},
    process::Process,
    stage::Stage,
};

/// Kills while the sum is made, beside those while the query collects.
const LATE_KILLS: usize = 2;

/// A number from the environment.
fn number<N: std::str::FromStr>(variable: &str, otherwise: N) -> N {
    let parse = |text: String| text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number"));
    std::env::var(variable).map_or(otherwise, parse)
}

/// A process among those that are killed.
fn mortal(process: Process<'_>) -> Box<dyn Mortal + '_> {
    Box::new(process)
}

#[test]
fn everybody_is_counted_once_and_nothing_leaks_however_often_processes_die() {
    let (people, kills) = (number("LOCUS_STORY_PEOPLE", 12usize), number("LOCUS_STORY_KILLS", 8usize));
    let wards = wards(people);
    let stage = Stage::build(&wards);
    let mut chaos = Chaos::new(people);
    let mut cast = stage.stores();
    cast.push(mortal(stage.start_node()));
    cast.extend(stage.start_members().map(mortal));
    let (query, screening) = chaos.during(&mut cast, || {
        stage.await_key();
        stage.accredit();
        let schema = stage.certify(&wards);
        let screening = screening::recruit(&stage, &schema, people);
        (cohort::open(&stage, &schema, people), screening)
    });
    let certified = wards.iter().map(|ward| ward.people.len()).sum::<usize>();
    assert_eq!(stage.records(), certified, "each person has one record");
    let responses = screening::Responses::read(&stage, &screening, people);

    cast.extend(stage.start_agents().map(mortal));
    let kills = kills.max(cast.len());
    let left = cohort::await_contributions(&stage, &query, (people, kills), (&mut chaos, &mut cast));
    println!("story: {} of {kills} kills while it collected, the others follow", kills - left);
    cohort::add_up(&stage, &query, left + LATE_KILLS, (&mut chaos, &mut cast));
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
    responses.holds_for_somebody_else(&stage);
    leaks::nothing_planted_is_anywhere(&stage, &wards);
}
