//! Studies: versions, designs and plans, outcomes, and their end.

use circuits::{
    consent::Regions,
    criteria::{Clause, Criteria},
    id::{QueryId, StudyId},
    layout::Layout,
    quorum::Quorum,
};
use node::{
    analysis,
    event::Event,
    query::CohortQuery,
    state::{Conformance, StateRead, Study, StudyProtocol},
    transaction::{
        Action, AmendStudy, DesignStudy, Governance, OUTCOMES_MAX, PLANNED_MAX, PostOutcome, SITES_MAX, Site,
        StudyDesign,
    },
    units::{OutcomeIndex, StudyVersion},
};

use crate::world::{World, account, digest, refused};

fn study(world: &World) -> Study {
    world.ledger().snapshot().unwrap().study(world.study).unwrap().unwrap()
}

fn version(world: &World, number: u32) -> StudyProtocol {
    world.ledger().snapshot().unwrap().study_protocol(world.study, StudyVersion::new(number)).unwrap().unwrap()
}

pub fn amendment(study: StudyId) -> AmendStudy {
    AmendStudy {
        study,
        protocol: digest("protocol 2"),
        ethics: "EC-1/A1".into(),
        reason: "another laboratory".into(),
        design: StudyDesign::default(),
    }
}

fn site() -> Site {
    Site { name: "Hospital".into(), region: Regions(1) }
}

fn released(world: &mut World) -> QueryId {
    let id = world.aggregated(world.query(), 0..3);
    for member in 0..3 {
        world.act(&format!("member {member}"), world.components(id, member, false)).unwrap();
    }
    world.block();
    id
}

#[test]
fn an_amended_study_keeps_every_version_and_a_query_the_one_it_opened_under() {
    let mut world = World::ready(Quorum::DEFAULT);
    let first = world.open(world.query()).unwrap();
    world.act("researcher", Action::AmendStudy(amendment(world.study))).unwrap();
    let second = world.open(world.query()).unwrap();
    assert_eq!([first, second].map(|id| world.state(id).study_version.get()), [1, 2]);
    assert_eq!(study(&world).version, StudyVersion::new(2));
    let (one, two) = (version(&world, 1), version(&world, 2));
    assert_eq!((one.protocol, one.reason.as_str()), (digest("protocol"), ""));
    assert_eq!((two.protocol, two.reason.as_str()), (digest("protocol 2"), "another laboratory"));
    assert_eq!(study(&world).registration.protocol, digest("protocol"));
}

#[test]
fn only_the_accredited_researcher_of_an_open_study_amends_it_and_says_why() {
    let mut world = World::ready(Quorum::DEFAULT);
    let amend = |amendment| Action::AmendStudy(amendment);
    let good = amendment(world.study);
    refused(world.act("friend", amend(good.clone())), "no accredited researcher");
    let accredit = Governance::AccreditResearcher { account: account("friend"), name: "Dr F".into() };
    world.act("governor", Action::Govern(accredit)).unwrap();
    refused(world.act("friend", amend(good.clone())), "the researcher who registered it does");
    let unknown = AmendStudy { study: StudyId::from_bytes([9; 32]), ..good.clone() };
    refused(world.act("researcher", amend(unknown)), "study");
    refused(world.act("researcher", amend(AmendStudy { reason: String::new(), ..good.clone() })), "the reason");
    refused(world.act("researcher", amend(AmendStudy { ethics: String::new(), ..good.clone() })), "ethics approval");
    refused(world.act("researcher", amend(AmendStudy { reason: "r".repeat(1_025), ..good.clone() })), "limit is 1024");
    world.act("governor", Action::Govern(Governance::SuspendResearcher(account("researcher")))).unwrap();
    refused(world.act("researcher", amend(good)), "no accredited researcher");
}

#[test]
fn a_design_is_bounded_and_comes_before_the_first_query_of_its_version() {
    let mut world = World::ready(Quorum::DEFAULT);
    let study_id = world.study;
    let design = |design| Action::DesignStudy(DesignStudy { study: study_id, design });
    let good = StudyDesign {
        sites: vec![site(), Site { name: "Laboratory".into(), region: Regions(1 << 31) }],
        sponsor: Some(account("sponsor")),
        planned: vec![digest("planned")],
    };
    let broken: [(&str, StudyDesign); 6] = [
        ("the one region", StudyDesign { sites: vec![Site { name: String::new(), ..site() }], ..good.clone() }),
        ("the one region", StudyDesign { sites: vec![Site { region: Regions(3), ..site() }], ..good.clone() }),
        ("the one region", StudyDesign { sites: vec![Site { region: Regions(0), ..site() }], ..good.clone() }),
        ("the limit is 64", StudyDesign { sites: vec![site(); SITES_MAX + 1], ..good.clone() }),
        ("the limit is 256", StudyDesign { planned: vec![digest("p"); PLANNED_MAX + 1], ..good.clone() }),
        ("listed twice", StudyDesign { planned: vec![digest("p"); 2], ..good.clone() }),
    ];
    for (text, broken) in broken {
        refused(world.act("researcher", design(broken)), text);
    }
    refused(world.act("friend", design(good.clone())), "no accredited researcher");
    world.act("researcher", design(StudyDesign::default())).unwrap();
    world.act("researcher", design(good.clone())).unwrap();
    world.open(world.query()).unwrap();
    assert_eq!(version(&world, 1).design, good);
    refused(world.act("researcher", design(good.clone())), "a plan comes before them, so amend the study");
    world.act("researcher", Action::AmendStudy(amendment(study_id))).unwrap();
    world.act("researcher", design(good.clone())).unwrap();
    world.block();
    assert_eq!(version(&world, 2).design, good);
}

#[test]
fn a_query_shows_whether_its_study_had_planned_it() {
    let mut world = World::ready(Quorum::DEFAULT);
    let before = world.open(world.query()).unwrap();
    let planned = vec![analysis(&world.query()).unwrap()];
    let amended = AmendStudy { design: StudyDesign { planned, ..StudyDesign::default() }, ..amendment(world.study) };
    world.act("researcher", Action::AmendStudy(amended)).unwrap();
    let dearer = CohortQuery { price: node::units::Amount::new(7), contributions_max: 3, ..world.query() };
    let planned = world.open(dearer).unwrap();
    let height = world.ledger().snapshot().unwrap().latest().unwrap().height;
    let clause = Clause { attribute: 0, lo: 50, hi: 60, negated: false };
    let subgroup = CohortQuery { criteria: Criteria { groups: vec![vec![clause]] }, ..world.query() };
    let deviating = [
        world.open(subgroup).unwrap(),
        world.open(CohortQuery { parts: vec![Layout::genotypes(0, 0, 32)], ..world.query() }).unwrap(),
        world.open(CohortQuery { issuers: vec![account("issuer 0"), account("issuer 1")], ..world.query() }).unwrap(),
    ];
    assert_eq!(world.state(before).conformance, Conformance::Unplanned);
    assert_eq!(world.state(planned).conformance, Conformance::Planned);
    assert_eq!(deviating.map(|id| world.state(id).conformance), [Conformance::Deviates; 3]);
    let events = world.ledger().snapshot().unwrap().events(height).unwrap().unwrap().transactions.concat();
    let (study, version, conformance) = (world.study, StudyVersion::new(2), Conformance::Planned);
    assert!(events.contains(&Event::QueryCompared { query: planned, study, version, conformance }), "{events:?}");
}

#[test]
fn an_analysis_is_the_question_and_not_its_terms() {
    let world = World::ready(Quorum::DEFAULT);
    let query = CohortQuery { issuers: vec![account("issuer 0"), account("issuer 1")], ..world.query() };
    let same = CohortQuery {
        issuers: vec![account("issuer 1"), account("issuer 0")],
        closing: circuits::consent::Day(20_001),
        privacy: node::query::PrivacyMode::Private { epsilon_milli: circuits::privacy::Epsilon::from_milli(5) },
        ..query.clone()
    };
    assert_eq!(analysis(&query), analysis(&same));
    assert_ne!(analysis(&query), analysis(&world.query()));
}

#[test]
fn outcomes_rest_on_released_queries_of_the_study() {
    let mut world = World::ready(Quorum::DEFAULT);
    let open = world.open(world.query()).unwrap();
    let query = released(&mut world);
    let good = PostOutcome {
        study: world.study,
        document: digest("outcome"),
        summary: "The allele is common.".into(),
        queries: vec![query],
    };
    let post = |outcome: &PostOutcome| Action::PostOutcome(outcome.clone());
    refused(world.act("friend", post(&good)), "the researcher who registered the study does");
    let broken: [(&str, PostOutcome); 6] = [
        ("released queries", PostOutcome { queries: vec![], ..good.clone() }),
        ("give a summary", PostOutcome { summary: String::new(), ..good.clone() }),
        ("listed twice", PostOutcome { queries: vec![query, query], ..good.clone() }),
        ("the limit is 64", PostOutcome { queries: vec![query; 65], ..good.clone() }),
        ("it was not released", PostOutcome { queries: vec![query, open], ..good.clone() }),
        ("not on this ledger", PostOutcome { queries: vec![QueryId::from_bytes([7; 32])], ..good.clone() }),
    ];
    for (text, broken) in broken {
        refused(world.act("researcher", post(&broken)), text);
    }
    world.act("researcher", post(&good)).unwrap();
    refused(world.act("researcher", post(&good)), "already on this ledger");
    world.block();
    let posted = world.ledger().snapshot().unwrap().outcome(world.study, OutcomeIndex::new(0)).unwrap().unwrap();
    assert_eq!((posted.document, posted.queries), (good.document, vec![query]));

    let first = world.study;
    world.register_study();
    refused(world.act("researcher", post(&PostOutcome { study: world.study, ..good.clone() })), "not of this one");
    world.study = first;
    for number in 1..OUTCOMES_MAX {
        world.act("researcher", post(&PostOutcome { document: digest(&number.to_string()), ..good.clone() })).unwrap();
    }
    refused(world.act("researcher", post(&PostOutcome { document: digest("more"), ..good })), "the most there are");
}

#[test]
fn a_closed_study_takes_outcomes_and_nothing_else() {
    let mut world = World::ready(Quorum::DEFAULT);
    let query = released(&mut world);
    refused(world.act("friend", Action::CloseStudy(world.study)), "the researcher who registered it does");
    world.act("governor", Action::Govern(Governance::SuspendResearcher(account("researcher")))).unwrap();
    world.act("researcher", Action::CloseStudy(world.study)).unwrap();
    refused(world.act("researcher", Action::CloseStudy(world.study)), "was closed in block");
    let accredit = Governance::AccreditResearcher { account: account("researcher"), name: "Dr R".into() };
    world.act("governor", Action::Govern(accredit)).unwrap();
    refused(world.act("researcher", Action::AmendStudy(amendment(world.study))), "was closed in block");
    let design = DesignStudy { study: world.study, design: StudyDesign::default() };
    refused(world.act("researcher", Action::DesignStudy(design)), "was closed in block");
    refused(world.open(world.query()), "was closed in block");
    let (study, document) = (world.study, digest("late outcome"));
    let outcome = PostOutcome { study, document, summary: "Late.".into(), queries: vec![query] };
    world.act("researcher", Action::PostOutcome(outcome)).unwrap();
    world.block();
    assert!(study_closed(&world));
}

fn study_closed(world: &World) -> bool {
    study(world).closed.is_some() && study(world).outcomes == 1
}
