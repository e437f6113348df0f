//! A node that lacks the first blocks of its chain, or whose index is far behind: what it serves all the same, and what it says
//! that it cannot.

use circuits::quorum::Quorum;
use market::{
    ledger::{LedgerAccess, QueryWatch, open_screenings},
    objects::{BlobAddress, BlobKind},
};
use node::{archive, transaction::Action};
use tempfile::TempDir;
use web::client::RemoteLedger;

use super::{
    blobs::{fill, path, released},
    licences::{Town, drs_refused},
    server::{BYTES, Server, agent, answer, clock, id, world},
};
use crate::{
    operator::listings,
    world::{World, owner_name},
};

/// The world with its latest block alone, as a snapshot of it begins, and the folder where it lies.
fn without_first_blocks(world: &World) -> (TempDir, World) {
    let folder = tempfile::tempdir().unwrap();
    let (file, genesis) = (folder.path().join("ledger.redb"), world.ledger().genesis().clone());
    let tip = world.ledger().snapshot().unwrap().latest().unwrap();
    world.ledger().copy_to(&file, tip.height).unwrap();
    archive::restore(&file, &genesis).unwrap();
    let short = World { now: world.now, study: world.study, ..World::on_disk(&file, genesis) };
    assert_eq!(short.ledger().first_block().unwrap(), tip.height);
    (folder, short)
}

#[test]
fn queries_of_a_node_without_its_first_blocks_are_those_of_its_state() {
    let (world, collecting, aggregated) = world();
    let (_folder, short) = without_first_blocks(&world);
    let server = Server::over(short.sequencer, collecting, aggregated);
    let remote = RemoteLedger::connect(server.remote()).unwrap();
    assert_eq!(QueryWatch::default().poll(&remote).unwrap(), [aggregated, collecting]);
    let mut ids = [aggregated, collecting];
    ids.sort_unstable();
    assert_eq!(remote.queries().unwrap(), ids);
    let behind = server.get(&format!("/v1/query-ids?after={}", ids[0])).json();
    assert_eq!(behind["items"], serde_json::json!([ids[1]]));
    server.get("/v1/query-ids?after=x").refused(400, "query id");
    for path in ["/v1/queries", "/v1/counts"] {
        server.get(path).refused(503, "has not indexed block 1,");
    }
    assert_eq!(server.get("/health").json()["listings"], false);
    // Of a stage in a block that is gone, page and endpoint say the block and not its time.
    let opened = server.get(&format!("/v1/queries/{collecting}")).json()["opened"].clone();
    let stages = server.get(&format!("/v1/queries/{collecting}/stages")).json();
    assert_eq!(
        stages["stages"],
        serde_json::json!([{ "stage": "collecting", "height": opened, "time": null }]),
        "{stages}"
    );
    let page = server.get(&format!("/queries/{collecting}"));
    let text = String::from_utf8(page.body).unwrap();
    assert!(page.status == 200 && text.contains(&format!("in block <a href=\"/blocks/{opened}\">")), "{text}");
}

#[test]
fn agents_find_open_screenings_at_a_node_whose_listings_lack_blocks() {
    let (mut world, collecting, aggregated) = world();
    let mut screening = world.screening();
    screening.closing.0 += 21;
    let (open, closed) =
        (world.open_screening("researcher", screening.clone()), world.open_screening("researcher", screening));
    let (open, closed) = (open.unwrap(), closed.unwrap());
    world.act("researcher", Action::CloseScreening(closed)).unwrap();
    world.block();
    let (_folder, short) = without_first_blocks(&world);
    let state = short.screening_state(open);
    let server = Server::over(short.sequencer, collecting, aggregated);
    server.get("/v1/screenings?open=true").refused(503, "has not indexed block 1,");
    let remote = RemoteLedger::connect(server.remote()).unwrap();
    assert_eq!(open_screenings(&remote).unwrap(), [(open, state)]);
    assert_eq!(remote.latest_screenings(1).unwrap().len(), 2);
    let page = |path: &str| {
        let url = format!("{}{path}", server.running.url());
        answer(agent().get(url).header("accept", "text/html").call())
    };
    assert_eq!(page("/screenings").status, 503);
    let shown = page(&format!("/screenings/{open}"));
    assert!(shown.status == 200 && String::from_utf8(shown.body).unwrap().contains("Listings are missing here"));
}

#[test]
fn owner_and_custodian_need_no_licence_and_so_no_list_of_them() {
    let (_folder, short) = without_first_blocks(&World::ready(Quorum::DEFAULT));
    let town = Town::over(short, clock);
    let id = town.licensed("researcher");
    for name in [owner_name(0), "custodian".into()] {
        assert_eq!(town.get(&name, &town.header_path()).status, 200, "{name}");
    }
    let object = format!("/ga4gh/drs/v1/objects/{}", town.dataset);
    for name in ["researcher", "governor"] {
        town.get(name, &town.header_path()).refused(503, "has not indexed block 1,");
        drs_refused(&town.get(name, &object), 503, "has not indexed block 1,");
    }
    assert_eq!(town.licence(id).accesses, 0);
}

#[test]
fn a_full_store_that_cannot_tell_what_is_named_says_so() {
    let bytes = [7, 8, 9].map(|number| vec![number; 98_304]);
    let kinds = [BlobKind::Ciphertext, BlobKind::Aggregate, BlobKind::SealedComponent];
    let named: [BlobAddress; 3] = std::array::from_fn(|place| BlobAddress::of(kinds[place], &bytes[place]));
    let mut world = World::ready(Quorum::DEFAULT);
    let query = released(&mut world, named[0].digest, named[1].digest, named[2].digest);
    let (_folder, short) = without_first_blocks(&world);
    let server = Server::over(short.sequencer, query, query);
    fill(&server);
    assert_eq!(server.put(&path(named[0]), BYTES, &bytes[0]).status, 201);
    for place in [1, 2] {
        server.put(&path(named[place]), BYTES, &bytes[place]).refused(503, "has not indexed block 1,");
    }
}

/// Blocks that an index may be behind while it lists, and while it says who has a licence.
const LISTINGS_BEHIND_MAX: u32 = 1_024;
const LICENCES_BEHIND_MAX: u32 = 64;

#[test]
fn repro_lists_of_an_index_that_is_made_again_are_refused_and_not_cut_short() {
    let (mut world, collecting, aggregated) = world();
    world.pass_blocks(LISTINGS_BEHIND_MAX + 1);
    let server = Server::over(world.sequencer, collecting, aggregated);
    server.index.follow(server.chain.ledger()).unwrap();
    let page = |path: &str| {
        let url = format!("{}{path}", server.running.url());
        let shown = answer(agent().get(url).header("accept", "text/html").call());
        (shown.status, String::from_utf8(shown.body).unwrap())
    };
    let (paths, pages) = (listings(&id("researcher")), ["/", "/explorer", "/explorer/health"]);
    let study = format!("/v1/studies/{}", server.get("/v1/studies").json()["items"][0]["id"].as_str().unwrap());
    assert_eq!(server.get("/health").json()["listings"], true);
    assert!(server.get(&study).json()["asked"].is_object());

    server.forget_index();
    for path in &paths {
        let refused = server.get(path);
        refused.refused(503, "has not indexed blocks 1 to ");
        assert_eq!(refused.json()["type"], "/problems/incomplete", "{path}");
    }
    let (status, shown) = page("/blocks");
    assert!(status == 503 && shown.contains("This node does not have the whole listing"), "{shown}");
    for path in pages {
        let (status, shown) = page(path);
        assert!(status == 200 && shown.contains("Listings are missing here"), "{path}");
    }
    assert_eq!(server.get("/health").json()["listings"], false);
    assert!(server.get(&study).json()["asked"].is_null(), "what is asked of a study is a list too");

    server.index.follow(server.chain.ledger()).unwrap();
    for path in &paths {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
    for path in pages {
        assert!(!page(path).1.contains("Listings are missing here"), "{path}");
    }
}

#[test]
fn repro_a_licensee_is_not_told_that_there_is_no_dataset_while_the_index_is_made_again() {
    let mut world = World::ready(Quorum::DEFAULT);
    world.pass_blocks(LICENCES_BEHIND_MAX);
    let town = Town::over(world, clock);
    let id = town.licensed("researcher");
    town.server.forget_index();
    for name in ["researcher", "governor"] {
        town.get(name, &town.header_path()).refused(503, "has not indexed blocks 1 to ");
    }
    assert_eq!(town.get("custodian", &town.header_path()).status, 200, "who needs no licence needs no list");
    assert_eq!(town.licence(id).accesses, 0);
    town.server.index.follow(town.server.chain.ledger()).unwrap();
    assert_eq!(town.get("researcher", &town.header_path()).status, 200);
    assert_eq!(town.licence(id).accesses, 1);
    town.get("governor", &town.header_path()).refused(404, "dataset");
}

#[test]
fn repro_a_full_store_does_not_deny_what_an_index_that_is_made_again_may_yet_name() {
    let bytes = vec![8; 98_304];
    let named = BlobAddress::of(BlobKind::Aggregate, &bytes);
    let mut world = World::ready(Quorum::DEFAULT);
    let others = [BlobKind::Ciphertext, BlobKind::SealedComponent].map(|kind| BlobAddress::of(kind, &bytes).digest);
    let query = released(&mut world, others[0], named.digest, others[1]);
    world.pass_blocks(LICENCES_BEHIND_MAX);
    let server = Server::over(world.sequencer, query, query);
    fill(&server);
    server.forget_index();
    server.put(&path(named), BYTES, &bytes).refused(503, "has not indexed blocks 1 to ");
    server.index.follow(server.chain.ledger()).unwrap();
    assert_eq!(server.put(&path(named), BYTES, &bytes).status, 201);
}
