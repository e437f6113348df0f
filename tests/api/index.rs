//! The index: live and rebuilt are equal, pages tile the listing, and a crash leaves it at a whole block.

use circuits::{id::ChainId, quorum::Quorum};
use market::index::{Index, Order, Paging, QueryFilter, Role, Sequence, Stage};
use node::units::Height;
use proptest::prelude::*;

use super::server::{Server, id, world};
use crate::world::{World, account, genesis};

const ALL: Paging = Paging { after: None, limit: 500, order: Order::Oldest };

/// Everything the index lists, as text.
pub fn contents(index: &Index) -> String {
    let queries = index.queries(&QueryFilter::default(), &ALL).unwrap();
    let contributions: Vec<_> =
        queries.items.iter().map(|query| index.contributions(query.id, &ALL).unwrap()).collect();
    let names = ["researcher", "friend", "sponsor", "governor", "issuer 0", "member 0", "payout 0", "payout 1"];
    let accounts: Vec<_> = names.map(|name| index.account_transactions(account(name), &ALL).unwrap()).into();
    format!(
        "{:#?}",
        (
            index.position().unwrap(),
            index.blocks(&ALL).unwrap(),
            (index.schemas(&ALL).unwrap(), index.studies(None, &ALL).unwrap(), queries, contributions),
            (index.parties(Role::Issuer, &ALL).unwrap(), index.parties(Role::Researcher, &ALL).unwrap(), accounts),
        )
    )
}

#[test]
fn the_index_followed_live_equals_the_one_rebuilt() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::bare(genesis(Quorum::DEFAULT));
    let chain = world.ledger().chain();
    let live = Index::open(&directory.path().join("live"), chain).unwrap();
    world.prepare();
    live.follow(world.ledger()).unwrap();
    let query = world.collect(world.query(), 0..3);
    live.follow(world.ledger()).unwrap();
    for _ in 0..3 {
        world.pass_days(4);
        live.follow(world.ledger()).unwrap();
    }
    world.act("friend", node::transaction::Action::Seal(query)).unwrap();
    world.block();
    let height = live.follow(world.ledger()).unwrap();
    assert_eq!(height, world.ledger().snapshot().unwrap().latest().unwrap().height);
    let rebuilt = Index::open(&directory.path().join("rebuilt"), chain).unwrap();
    rebuilt.follow(world.ledger()).unwrap();
    let expected = contents(&live);
    assert!(expected.contains("Sealed"), "{expected}");
    assert_eq!(contents(&rebuilt), expected);
    live.clear().unwrap();
    assert_eq!(live.position().unwrap().height, Height::default());
    live.follow(world.ledger()).unwrap();
    assert_eq!(contents(&live), expected);
}

#[test]
fn the_index_agrees_with_the_ledgers_own_state() {
    let server = Server::start();
    let snapshot = server.chain.snapshot().unwrap();
    let listed = server.index.queries(&QueryFilter::default(), &ALL).unwrap().items;
    assert_eq!(listed.len(), snapshot.queries().unwrap().len());
    for (id, state) in snapshot.queries().unwrap() {
        let row = listed.iter().find(|row| row.id == id).unwrap();
        assert_eq!((row.admitted, row.surviving), (state.admitted, state.surviving));
        assert_eq!((row.study, row.researcher), (state.query.study, state.researcher));
        assert_eq!(row.sequence.height(), state.opened);
        let contributions = server.index.contributions(id, &ALL).unwrap().items;
        for (row, state) in contributions.iter().zip(snapshot.contributions(id).unwrap()) {
            assert_eq!((row.payout, row.withdrawn, row.id), (state.payout, state.withdrawn, state.transaction));
            assert_eq!(row.sequence.height(), state.height);
        }
    }
    let collecting = QueryFilter { stage: Some(Stage::Collecting), study: None };
    let collecting = server.index.queries(&collecting, &ALL).unwrap().items;
    assert_eq!(collecting.iter().map(|row| row.id).collect::<Vec<_>>(), vec![server.collecting]);
    let issuers = server.index.parties(Role::Issuer, &ALL).unwrap().items;
    assert_eq!(issuers.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["issuer 0", "issuer 1"]);
}

#[test]
fn a_block_indexed_twice_changes_nothing_and_one_out_of_order_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (world, ..) = world();
    let snapshot = world.ledger().snapshot().unwrap();
    let index = Index::open(&directory.path().join("index"), world.ledger().chain()).unwrap();
    let block = |height: u64| {
        let height = Height::new(height);
        (snapshot.block(height).unwrap().unwrap(), snapshot.events(height).unwrap().unwrap().transactions)
    };
    let (first, events) = block(1);
    index.append(&first, &events).unwrap();
    let before = contents(&index);
    index.append(&first, &events).unwrap();
    assert_eq!(contents(&index), before);
    let (third, events) = block(3);
    assert!(matches!(index.append(&third, &events), Err(market::Error::IndexOrder { .. })));
    let (mut second, events) = block(2);
    second.header.parent = circuits::id::Digest::from_bytes([1; 32]);
    assert!(matches!(index.append(&second, &events), Err(market::Error::IndexOrder { .. })));
    assert_eq!(contents(&index), before);
}

#[test]
fn an_index_of_another_chain_or_no_index_at_all_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("index");
    drop(Index::open(&path, ChainId::from_bytes([1; 32])).unwrap());
    let error = Index::open(&path, ChainId::from_bytes([2; 32])).err().unwrap().to_string();
    assert!(error.contains("delete it"), "{error}");
    let garbage = directory.path().join("garbage");
    std::fs::write(&garbage, vec![7; 10_000]).unwrap();
    let error = Index::open(&garbage, ChainId::from_bytes([1; 32])).err().unwrap().to_string();
    assert!(error.contains("garbage"), "{error}");
}

#[test]
fn an_index_ahead_of_its_ledger_is_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("index");
    let (longer, ..) = world();
    let index = Index::open(&path, longer.ledger().chain()).unwrap();
    index.follow(longer.ledger()).unwrap();
    let mut shorter = World::bare(genesis(Quorum::DEFAULT));
    shorter.accredit();
    shorter.block();
    assert_eq!(index.follow(shorter.ledger()).unwrap(), Height::new(1));
    assert_eq!(index.blocks(&ALL).unwrap().items.len(), 1);
    assert!(index.queries(&QueryFilter::default(), &ALL).unwrap().items.is_empty());
}

#[test]
fn pages_of_any_size_and_order_tile_the_listing() {
    let directory = tempfile::tempdir().unwrap();
    let (world, ..) = world();
    let index = Index::open(&directory.path().join("index"), world.ledger().chain()).unwrap();
    index.follow(world.ledger()).unwrap();
    let all = index.account_transactions(account("researcher"), &ALL).unwrap().items;
    let blocks = index.blocks(&ALL).unwrap().items;
    assert!(all.len() >= 3 && blocks.len() >= 8);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(64));
    runner
        .run(&(1usize..=20, any::<bool>(), any::<bool>()), |(limit, newest, transactions)| {
            let order = if newest { Order::Newest } else { Order::Oldest };
            let mut paging = Paging { after: None, limit, order };
            let mut found = vec![];
            loop {
                let (page, next): (Vec<Sequence>, _) = if transactions {
                    let page = index.account_transactions(account("researcher"), &paging).unwrap();
                    (page.items.iter().map(|row| row.sequence).collect(), page.next)
                } else {
                    let page = index.blocks(&paging).unwrap();
                    (page.items.iter().map(|row| row.sequence).collect(), page.next)
                };
                prop_assert!(page.len() <= limit);
                found.extend(page);
                let Some(next) = next else { break };
                prop_assert_eq!(found.last(), Some(&next));
                paging.after = Some(next);
            }
            let mut expected: Vec<Sequence> = if transactions {
                all.iter().map(|row| row.sequence).collect()
            } else {
                blocks.iter().map(|row| row.sequence).collect()
            };
            if newest {
                expected.reverse();
            }
            prop_assert_eq!(found, expected);
            Ok(())
        })
        .unwrap();
}

#[test]
fn listings_over_http_are_the_indexs_pages() {
    let server = Server::start();
    let first = server.get("/v1/blocks?limit=2").json();
    assert_eq!(first["items"].as_array().unwrap().len(), 2);
    let second = server.get(&format!("/v1/blocks?limit=2&after={}", first["next"])).json();
    assert_eq!(second["items"][0]["sequence"], 3 * 4_096);
    let contributions = server.get(&format!("/v1/queries/{}/contributions", server.collecting)).json();
    assert_eq!(contributions["items"].as_array().unwrap().len(), 3);
    assert_eq!(contributions["items"][1]["withdrawn"], true);
    let sealed = server.get("/v1/queries?stage=aggregated").json();
    assert_eq!(sealed["items"][0]["id"], server.aggregated.to_string());
    let study = sealed["items"][0]["study"].as_str().unwrap().to_owned();
    assert_eq!(server.get(&format!("/v1/queries?study={study}")).json()["items"].as_array().unwrap().len(), 2);
    let studies = server.get(&format!("/v1/studies?researcher={}", id("researcher"))).json();
    assert_eq!(studies["items"][0]["id"], study);
    assert_eq!(server.get("/v1/schemas").json()["items"][0]["name"], "tests");
    assert_eq!(server.get("/v1/issuers").json()["items"].as_array().unwrap().len(), 2);
    assert_eq!(server.get("/v1/researchers").json()["items"][0]["name"], "Dr R");
    let nobodys = server.get(&format!("/v1/accounts/{}/transactions", id("nobody"))).json();
    assert_eq!(nobodys, serde_json::json!({"items": [], "next": null}));
}

#[test]
fn pages_and_filters_that_make_no_sense_are_refused() {
    let server = Server::start();
    for path in ["/v1/blocks", "/v1/queries", "/v1/studies", "/v1/schemas", "/v1/issuers", "/v1/researchers"] {
        server.get(&format!("{path}?limit=0")).refused(400, "1 to 500");
        server.get(&format!("{path}?limit=501")).refused(400, "1 to 500");
        server.get(&format!("{path}?after=x")).refused(400, "query string");
        server.get(&format!("{path}?order=sideways")).refused(400, "query string");
    }
    server.get("/v1/queries?stage=lost").refused(400, "collecting");
    server.get("/v1/queries?study=1").refused(400, "64 hex digits");
    server.get("/v1/studies?researcher=me").refused(400, "64 hex digits");
    server.get("/v1/queries/1/contributions").refused(400, "64 hex digits");
}

#[test]
fn the_counts_are_those_of_the_listings() {
    let server = Server::start();
    let counts = server.index.counts().unwrap();
    assert_eq!((counts.studies, counts.issuers, counts.researchers), (1, 2, 1));
    let in_stage = |stage| counts.queries_in(stage);
    assert_eq!((in_stage(Stage::Collecting), in_stage(Stage::Aggregated), in_stage(Stage::Released)), (1, 1, 0));
    let blocks = server.index.blocks(&ALL).unwrap().items;
    assert_eq!(counts.transactions, blocks.iter().map(|block| u64::from(block.transactions)).sum::<u64>());
}
