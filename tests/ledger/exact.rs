//! Opening a query, and the conditions of the exact mode.

use circuits::{
    consent::{ConsentFlags, Day, Purposes, Regions},
    criteria::{Clause, Criteria, MatchClause, MatchCriteria},
    layout::{Axis, Layout, Moment, Statistic, Subject},
    quorum::Quorum,
};
use node::{
    query::CohortQuery,
    state::{QueryState, QueryStatus, StateRead},
    transaction::{Action, Governance},
    units::Amount,
};

use crate::world::{ENDOWMENT, FEE, TODAY, World, account, genesis, refused};

fn by(axes: Vec<Axis>, statistic: Statistic) -> Layout {
    Layout { window: 0, axes, statistic }
}

fn bins(attribute: u8, count: u16) -> Axis {
    Axis::Bins { attribute, lo: 0, width: 1, count }
}

fn moments(attributes: &[u8]) -> Layout {
    let moment = |attribute: &u8| Moment { attribute: *attribute, lo: 0, hi: 120 };
    by(vec![], Statistic::Moments { attributes: attributes.iter().map(moment).collect() })
}

fn matching(attribute: u8) -> MatchCriteria {
    let subject = Subject::Attribute(attribute);
    MatchCriteria { groups: vec![vec![MatchClause { subject, lo: 40, hi: 60, negated: false }]] }
}

fn criteria(attribute: u8) -> Criteria {
    Criteria { groups: vec![vec![Clause { attribute, lo: 40, hi: 60, negated: false }]] }
}

#[test]
fn an_open_query_locks_its_escrow_and_keeps_its_fee() {
    let mut world = World::ready(Quorum::DEFAULT);
    let id = world.open(CohortQuery { criteria: criteria(0), ..world.query() }).unwrap();
    let state = world.state(id);
    assert_eq!(state.status, QueryStatus::Collecting);
    assert_eq!((state.escrow, state.committee_key), (Amount::new(500), world.key_digest(state.committee, "key")));
    assert_eq!((world.balance("researcher"), world.fees()), (ENDOWMENT - 500 - FEE, FEE));
    let terms = state.terms(id, 0).unwrap().eligibility;
    assert!(terms.demand.flags.contains(ConsentFlags::EXACT));
    assert_eq!((terms.registered_before, terms.demand.closing), (state.opening_epoch.epoch.get(), Day(TODAY + 10)));
}

#[test]
fn repro_nobody_shows_another_query_under_the_same_id() {
    let mut world = World::ready(Quorum::DEFAULT);
    let chain = world.ledger().chain();
    let id = world.open(world.query()).unwrap();
    let state = world.state(id);
    state.check_id(&chain, id).unwrap();
    let query = CohortQuery { contributions_min: 3, ..state.query.clone() };
    let altered = [
        QueryState { query, ..state.clone() },
        QueryState { researcher: account("sponsor"), ..state.clone() },
        QueryState { nonce: state.nonce + 1, ..state },
    ];
    for altered in altered {
        refused(altered.check_id(&chain, id), "does not hash to");
    }
}

#[test]
fn unsound_queries_are_refused_with_a_reason() {
    let mut world = World::ready(Quorum::DEFAULT);
    let genotypes = Layout::genotypes;
    type Alter<'a> = Box<dyn Fn(&mut CohortQuery) + 'a>;
    let broken: Vec<(&str, Alter)> = vec![
        ("is sensitive", Box::new(|query| query.criteria = criteria(1))),
        ("the schema has no attribute 2", Box::new(|query| query.criteria = criteria(2))),
        ("needs a minimum of 2", Box::new(|query| query.contributions_min = 1)),
        ("at most the maximum", Box::new(|query| query.contributions_min = 6)),
        ("the limit is 65536", Box::new(|query| query.contributions_max = 65_537)),
        ("name at least one purpose", Box::new(|query| query.data_use.purposes = Purposes::default())),
        ("name at least one purpose", Box::new(|query| query.data_use.purposes = Purposes::NOTHING_REQUIRED)),
        ("name at least one purpose", Box::new(|query| query.data_use.purposes = Purposes::COMMERCIAL)),
        ("and one region", Box::new(|query| query.data_use.regions = Regions::default())),
        ("at least one layout", Box::new(|query| query.parts.clear())),
        ("the limit is 8", Box::new(|query| query.parts = vec![Layout::count(); 9])),
        ("the limit here is 2000", Box::new(|query| query.parts = vec![genotypes(1, 992, 32)])),
        ("whole blocks of 32", Box::new(|query| query.parts = vec![genotypes(0, 1_000, 32)])),
        ("whole blocks of 32", Box::new(|query| query.parts = vec![genotypes(0, 992, 64)])),
        ("a funnel of 1 groups", Box::new(|query| query.parts = vec![by(vec![], Statistic::Funnel { groups: 1 })])),
        ("slots of all cells", Box::new(|query| query.parts = vec![by(vec![bins(0, 2_000); 2], Statistic::Count)])),
        ("public criteria only", Box::new(|query| query.matching = matching(0))),
        ("axis 1 of part 0 groups by \"diagnosis\"", {
            Box::new(|query| query.parts = vec![by(vec![bins(0, 2), bins(1, 2)], Statistic::Count)])
        }),
        ("groups by the dosage of variant 7", {
            Box::new(|query| query.parts = vec![by(vec![Axis::Dosage { variant: 7 }], Statistic::Count)])
        }),
        ("needs a minimum of 6", { Box::new(|query| query.parts = vec![by(vec![bins(0, 3)], Statistic::Count)]) }),
        ("a cell may hold a single person", {
            Box::new(|query| {
                query.parts = vec![Layout { axes: vec![bins(0, 1)], ..moments(&[0]) }];
                query.contributions_min = 4;
            })
        }),
        ("sums products of attributes", Box::new(|query| query.parts = vec![moments(&[0, 1])])),
        ("sums products of attributes", Box::new(|query| query.parts = vec![moments(&[0]), moments(&[0, 1])])),
        ("needs a minimum of 12", {
            Box::new(|query| {
                query.parts = vec![by(vec![bins(0, 2)], Statistic::Count), by(vec![bins(0, 3)], Statistic::Count)]
            })
        }),
        ("before the opening day", Box::new(|query| query.closing = Day(TODAY - 1))),
        ("this chain allows 365", Box::new(|query| query.closing = Day(TODAY + 400))),
        ("1 to 16777216 blocks", Box::new(|query| query.release_blocks_max = 0)),
        ("study", Box::new(|query| query.study = circuits::id::StudyId::from_bytes([3; 32]))),
        ("schema", Box::new(|query| query.schema = circuits::id::SchemaId::from_bytes([3; 32]))),
        ("can come from 1 issuers", Box::new(|query| query.issuers = vec![account("issuer 0")])),
        ("listed twice", Box::new(|query| query.issuers = vec![account("issuer 0"); 2])),
        ("no accredited issuer", Box::new(|query| query.issuers = vec![account("issuer 0"), account("friend")])),
        ("needs 5000000010", Box::new(|query| query.price = Amount::new(1_000_000_000))),
        ("64-bit", Box::new(|query| query.price = Amount::new(u64::MAX))),
        ("sealing key", Box::new(|query| query.sealing = node::query::SealingKey::new(vec![]))),
    ];
    for (text, alter) in broken {
        let mut query = world.query();
        alter(&mut query);
        refused(world.open(query), text);
    }
    assert_eq!((world.balance("researcher"), world.fees()), (ENDOWMENT, 0));
}

#[test]
fn a_query_needs_an_accredited_researcher_with_a_study_of_its_own() {
    let mut world = World::ready(Quorum::DEFAULT);
    let query = Box::new(world.query());
    refused(world.act("sponsor", Action::OpenQuery(query.clone())), "no accredited researcher");
    let accredit = Governance::AccreditResearcher { account: account("sponsor"), name: "S".into() };
    world.act("governor", Action::Govern(accredit)).unwrap();
    refused(world.act("sponsor", Action::OpenQuery(query.clone())), "register a study of your own");
    world.act("governor", Action::Govern(Governance::SuspendResearcher(account("researcher")))).unwrap();
    refused(world.act("researcher", Action::OpenQuery(query)), "no accredited researcher");
}

#[test]
fn an_exact_query_waits_for_the_second_period() {
    let mut world = World::bare(genesis(Quorum::DEFAULT));
    world.accredit();
    world.act("researcher", Action::RegisterSchema(crate::world::schema())).unwrap();
    world.register_study();
    world.generate_key(node::units::CommitteeEpoch::new(0));
    world.block();
    let query = world.query();
    refused(world.open(query.clone()), "wait for epoch 1");
    world.pass_epoch();
    world.open(query).unwrap();
}

#[test]
fn exact_sums_in_groups_are_governances_decision() {
    let mut demonstration = genesis(Quorum::DEFAULT);
    demonstration.parameters.exact_groups_allowed = true;
    let mut world = World::prepared(demonstration);
    let grouped = Layout { axes: vec![bins(0, 2)], ..moments(&[0]) };
    world.open(CohortQuery { parts: vec![grouped], contributions_min: 2, ..world.query() }).unwrap();
}

#[test]
fn exact_genotypes_and_few_issuers_are_governances_decision() {
    let mut strict = genesis(Quorum::DEFAULT);
    strict.parameters.exact_genotypes_allowed = false;
    let mut world = World::prepared(strict);
    let query = CohortQuery { parts: vec![Layout::genotypes(0, 0, 32)], ..world.query() };
    refused(world.open(query), "only with noise");
    world.act("governor", Action::Govern(Governance::SuspendIssuer(account("issuer 1")))).unwrap();
    refused(world.open(world.query()), "can come from 1 issuers");
}

#[test]
fn a_measure_names_what_is_read_and_the_order_among_equal_parts() {
    let mut demonstration = genesis(Quorum::DEFAULT);
    demonstration.parameters.exact_groups_allowed = true;
    let mut world = World::prepared(demonstration);
    let genotypes = Layout::genotypes;
    let parts = vec![
        genotypes(0, 0, 32),
        genotypes(0, 32, 32),
        genotypes(1, 0, 32),
        Layout::count(),
        moments(&[0]),
        moments(&[1]),
    ];
    let id = world.open(CohortQuery { parts, ..world.query() }).unwrap();
    let other =
        world.open(CohortQuery { parts: vec![genotypes(0, 64, 96), moments(&[1, 0])], ..world.query() }).unwrap();
    let measure = |id, part| world.state(id).terms(id, part).unwrap().eligibility.exact.unwrap().measure;
    let of = [0, 1, 2, 3, 4, 5].map(|part| measure(id, part));
    assert_eq!(of.iter().collect::<std::collections::BTreeSet<_>>().len(), 6);
    assert_eq!((measure(other, 0), measure(other, 1)), (of[0], of[4]));
    assert!(world.ledger().snapshot().unwrap().query(other).unwrap().unwrap().terms(other, 2).is_err());
}

#[test]
fn cohorts_of_one_measure_that_overlap_share_nobody_so_their_difference_tells_of_no_one() {
    let mut world = World::ready(Quorum::DEFAULT);
    let aged = |lo, hi| Criteria { groups: vec![vec![Clause { attribute: 0, lo, hi, negated: false }]] };
    let first = world.collect(CohortQuery { criteria: aged(18, 60), ..world.query() }, 0..2);
    let second = world.open(CohortQuery { criteria: aged(18, 61), ..world.query() }).unwrap();
    assert_ne!(first, second);
    for number in 0..2 {
        refused(world.contribute(world.contribution(second, number)), "one exact release of a measure");
    }
    world.contribute(world.contribution(second, 2)).unwrap();
}
