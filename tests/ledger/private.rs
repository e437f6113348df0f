//! Private queries: what the ledger lets them spend, and what it says they spent.

use circuits::{
    layout::{Layout, Statistic},
    privacy::{Epsilon, Rho},
    quorum::Quorum,
};
use node::{
    query::{CohortQuery, PrivacyMode},
    state::{Odometer, QueryStatus, StateRead},
};

use crate::world::{World, account, genesis, refused};

const fn private(milli: u32) -> PrivacyMode {
    PrivacyMode::Private { epsilon_milli: Epsilon::from_milli(milli) }
}

/// Opens, fills and releases a private query, or has it refunded below its minimum.
fn settle(world: &mut World, milli: u32, people: std::ops::Range<u64>) {
    let today = world.now.day();
    let (opening, closing) = (today, circuits::consent::Day(today.0 + 10));
    let query = CohortQuery { privacy: private(milli), opening, closing, ..world.query() };
    if people.end - people.start < 2 {
        world.sealed(query, people);
        return;
    }
    let id = world.aggregated(query, people);
    for member in 0..3 {
        world.act(&format!("member {member}"), world.components(id, member, false)).unwrap();
    }
    world.block();
    assert!(matches!(world.state(id).status, QueryStatus::Released { .. }));
}

fn odometers(world: &World) -> (Odometer, Odometer) {
    let snapshot = world.ledger().snapshot().unwrap();
    let of_study = snapshot.study_odometer(world.study).unwrap().unwrap_or_default();
    (of_study, snapshot.researcher_odometer(account("researcher")).unwrap().unwrap_or_default())
}

#[test]
fn the_odometers_add_up_what_private_releases_spend_and_nothing_else() {
    let mut world = World::ready(Quorum::DEFAULT);
    settle(&mut world, 500, 0..3);
    settle(&mut world, 1_000, 0..1);
    assert_eq!(odometers(&world).0.releases, 1, "a refund releases nothing");
    settle(&mut world, 1_000, 0..2);
    let spent = [500, 1_000].map(|milli| Epsilon::from_milli(milli).rho()).into_iter().fold(Rho::default(), Rho::plus);
    let expected = Odometer { releases: 2, rho: spent };
    assert_eq!(odometers(&world), (expected, expected));
    assert!(expected.rho.epsilon() < Epsilon::from_milli(1_500), "two losses together are less than their sum");

    world.register_study();
    settle(&mut world, 1_000, 0..2);
    assert_eq!((odometers(&world).0.releases, odometers(&world).1.releases), (1, 3), "a study of its own");
}

#[test]
fn a_private_query_is_refused_beyond_the_caps_and_where_noise_would_not_fit() {
    let mut capped = genesis(Quorum::DEFAULT);
    capped.parameters.epsilon_milli_max = Epsilon::from_milli(1_000);
    let mut world = World::prepared(capped);
    let ask = |world: &World, milli| CohortQuery { privacy: private(milli), ..world.query() };
    refused(world.open(ask(&world, 0)), "ε = 0 must be above 0");
    refused(world.open(ask(&world, 1_001)), "this chain allows at most 1 to one query");
    refused(world.open(CohortQuery { contributions_max: 32_769, ..ask(&world, 1_000) }), "the limit is 32768");
    let moments = (0..16).map(|_| circuits::layout::Moment { attribute: 0, lo: 0, hi: 120 }).collect();
    let wide = Layout { statistic: Statistic::Moments { attributes: moments }, ..Layout::count() };
    refused(world.open(CohortQuery { parts: vec![wide; 8], ..ask(&world, 1) }), "privacy noise of a slot");
    world.open(ask(&world, 1_000)).unwrap();
}
