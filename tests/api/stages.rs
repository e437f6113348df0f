//! The stages that a query went through are the same on its page, at its endpoint and by its command, however it ended.

use circuits::{id::QueryId, quorum::Quorum};
use node::{
    calendar::utc,
    query::PrivacyMode,
    state::{QueryStatus, RefundReason},
    transaction::Action,
    units::Timestamp,
};
use serde_json::{Value, json};

use super::shown_alike::{Seen, question, released, says_all};
use crate::world::{World, genesis};

/// A stage by its name, the event of the block that brought it, and what the page calls it.
type Stage = (&'static str, &'static str, &'static str);

const OPENED: Stage = ("collecting", "query_opened", "Opened");
const SEALED: Stage = ("sealed", "query_sealed", "Sealed");
const AGGREGATED: Stage = ("aggregated", "query_aggregated", "Aggregated");
const RELEASED: Stage = ("released", "query_released", "Released");
const REFUNDED: Stage = ("refunded", "query_refunded", "Refunded");

/// The blocks of a query's stages, once endpoint, page and command say just these, with the blocks that did them.
#[track_caller]
fn blocks_of(seen: &Seen, id: QueryId, expected: &[Stage]) -> Vec<u64> {
    let said = seen.said(&format!("/v1/queries/{id}/stages"));
    let stages = said["stages"].as_array().unwrap();
    assert_eq!(stages.len(), expected.len(), "{said}");
    let page = seen.page(&format!("/queries/{id}"));
    let timeline = page.split("<ol class=\"timeline\">").nth(1).unwrap().split("</ol>").next().unwrap();
    let steps: Vec<&str> = timeline.split("<li>").skip(1).collect();
    assert_eq!(steps.len(), expected.len(), "{timeline}");
    for ((stage, (name, event, words)), step) in stages.iter().zip(expected).zip(steps) {
        let (height, time) = (&stage["height"], stage["time"].as_u64().unwrap());
        assert_eq!(stage["stage"], *name);
        // The block did it, at that time.
        let events = seen.said(&format!("/v1/blocks/{height}/events"));
        let mut did = events["transactions"].as_array().unwrap().iter().flat_map(|one| one.as_array().unwrap());
        assert!(did.any(|one| one["event"] == *event && one["query"] == json!(id)), "{event}: {events}");
        assert_eq!(seen.said(&format!("/v1/blocks/{height}"))["header"]["time"], time);
        let (block, time) = (format!("href=\"/blocks/{height}\""), utc(Timestamp::new(time)));
        says_all(step, &[&format!("<strong>{words}</strong>"), &block, &time]);
    }
    let command = ["query", "stages", &id.to_string()];
    assert_eq!(seen.printed(&command), said);
    let told = seen.told(&command);
    assert_eq!(told.lines().count(), expected.len(), "{told}");
    for (line, stage) in told.lines().zip(stages) {
        let (height, time) = (&stage["height"], utc(Timestamp::new(stage["time"].as_u64().unwrap())));
        assert!(line.starts_with(stage["stage"].as_str().unwrap()), "{told}");
        assert!(line.ends_with(&format!("  block {height}, {time}")), "{told}");
    }
    let blocks: Vec<u64> = stages.iter().map(|stage| stage["height"].as_u64().unwrap()).collect();
    assert!(blocks.is_sorted(), "{said}");
    blocks
}

/// Lets the deadline of what a query waits for pass, and refunds it.
#[track_caller]
fn refund(world: &mut World, id: QueryId, why: RefundReason) {
    world.pass_blocks(world.query().release_blocks_max + 1);
    world.act("friend", Action::Refund(id)).unwrap();
    world.block();
    assert!(matches!(world.state(id).status, QueryStatus::Refunded { reason, .. } if reason == why));
}

#[test]
fn a_released_query_went_through_four_stages_and_one_that_collects_through_one() {
    let mut world = World::ready(Quorum::DEFAULT);
    let id = released(&mut world);
    let collecting = world.open(question(&world, PrivacyMode::Exact)).unwrap();
    let seen = Seen::over(world);
    blocks_of(&seen, id, &[OPENED, SEALED, AGGREGATED, RELEASED]);
    blocks_of(&seen, collecting, &[OPENED]);
    seen.server.get(&format!("/v1/queries/{}/stages", "77".repeat(32))).refused(404, "query");
    seen.server.get("/v1/queries/x/stages").refused(400, "query id");
}

#[test]
fn a_query_that_its_researcher_ended_before_its_last_day_is_sealed_then() {
    let mut lenient = genesis(Quorum::DEFAULT);
    lenient.parameters.early_sealing_allowed = true;
    let mut world = World::prepared(lenient);
    let id = world.collect(world.query(), 0..3);
    let state = world.state(id);
    assert!(!state.has_collected(world.now.day()), "others would wait for its last day");
    world.act("researcher", Action::Seal(id)).unwrap();
    world.block();
    let seen = Seen::over(world);
    let blocks = blocks_of(&seen, id, &[OPENED, SEALED]);
    let at = |height: u64| seen.said(&format!("/v1/blocks/{height}"))["header"]["time"].as_u64().map(Timestamp::new);
    assert!(blocks.iter().all(|height| at(*height).unwrap().day() < state.query.closing));
}

#[test]
fn a_query_that_too_few_answered_collected_and_was_refunded() {
    let mut world = World::ready(Quorum::DEFAULT);
    let id = world.sealed(world.query(), 0..1);
    let QueryStatus::Refunded { reason: RefundReason::BelowMinimum, .. } = world.state(id).status else {
        panic!("{:?}", world.state(id).status)
    };
    blocks_of(&Seen::over(world), id, &[OPENED, REFUNDED]);
}

#[test]
fn a_query_whose_sum_or_release_never_came_was_refunded_after_what_it_had_reached() {
    let mut world = World::ready(Quorum::DEFAULT);
    let without_sum = world.sealed(world.query(), 0..3);
    refund(&mut world, without_sum, RefundReason::NotAggregated);
    blocks_of(&Seen::over(world), without_sum, &[OPENED, SEALED, REFUNDED]);

    let mut world = World::ready(Quorum::DEFAULT);
    let without_release = world.aggregated(world.query(), 0..3);
    refund(&mut world, without_release, RefundReason::NotReleased);
    blocks_of(&Seen::over(world), without_release, &[OPENED, SEALED, AGGREGATED, REFUNDED]);
}

#[test]
fn two_stages_that_one_block_brought_are_told_in_their_order() {
    let mut world = World::ready(Quorum::DEFAULT);
    let id = world.collect(world.query(), 0..3);
    world.pass_days(11);
    world.act("friend", Action::Seal(id)).unwrap();
    world.act("friend", Action::Aggregate(world.aggregate(id, &[0, 1]))).unwrap();
    world.block();
    let seen = Seen::over(world);
    let blocks = blocks_of(&seen, id, &[OPENED, SEALED, AGGREGATED]);
    assert_eq!(blocks[1], blocks[2]);
    let events: Value = seen.said(&format!("/v1/blocks/{}/events", blocks[1]));
    let names = [&events["transactions"][0][0]["event"], &events["transactions"][1][0]["event"]];
    assert_eq!(names, ["query_sealed", "query_aggregated"]);
}
