//! The index: live and rebuilt are equal, pages tile the listing, and a crash leaves it at a whole block.

use circuits::{
    id::{ChainId, Digest, SchemaId},
    quorum::Quorum,
};
use diesel::{RunQueryDsl as _, sql_query};
use market::{
    accounts::{self, Accounts, NewAccount},
    database::{Database, DatabaseUrl},
    index::{Index, LicenceFilter, Order, Paging, QueryFilter, Role, ScreeningFilter, Sequence, Stage, TABLES, Whose},
    jobs::{Queue, follow_job},
};
use node::{
    event::Event,
    transaction::Invite,
    units::{Height, ResponseIndex, Timestamp},
};
use proptest::prelude::*;
use rand::{SeedableRng as _, rngs::StdRng};

use super::{
    licences::offer_and_request,
    server::{Server, id, world},
};
use crate::{
    postgres::{Backend, PASSWORD, TestDatabase, on_both},
    world::{World, account, genesis},
};

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
            (index.datasets(None, &ALL).unwrap(), index.licences(&LicenceFilter::default(), &ALL).unwrap()),
            index.screenings(&ScreeningFilter::default(), &ALL).unwrap(),
        )
    )
}

/// A row, as its database writes it.
#[derive(diesel::QueryableByName)]
struct Line {
    #[diesel(sql_type = diesel::sql_types::Text)]
    line: String,
}

fn lines(index: &Index, sql: &str) -> Vec<String> {
    let rows = index.database().read(|connection| sql_query(sql).load::<Line>(connection)).unwrap();
    rows.into_iter().map(|row| row.line).collect()
}

/// Every row of every table, column by column.
pub fn rows(index: &Index) -> Vec<(&'static str, Vec<String>)> {
    let tables = TABLES.iter().chain(&["position"]);
    tables.map(|table| (*table, table_rows(index, table))).collect()
}

fn table_rows(index: &Index, table: &str) -> Vec<String> {
    if index.database().url().is_shared() {
        return lines(index, &format!("SELECT one::text AS line FROM {table} AS one ORDER BY 1"));
    }
    let columns = lines(index, &format!("SELECT 'quote(' || name || ')' AS line FROM pragma_table_info('{table}')"));
    lines(index, &format!("SELECT {} AS line FROM {table} ORDER BY 1", columns.join(" || ',' || ")))
}

/// Changes rows behind the index's back; there are some to change.
pub fn execute(index: &Index, sql: &str) -> usize {
    let changed = index.database().write(|connection| Ok(sql_query(sql).execute(connection)?)).unwrap();
    assert_ne!(changed, 0, "{sql}");
    changed
}

fn open(database: &TestDatabase, world: &World) -> Index {
    Index::open(database.open(), world.ledger().chain()).unwrap()
}

on_both! {
    fn the_index_followed_live_equals_the_one_rebuilt(backend) {
        let (database, other) = (backend.database(), backend.database());
        let mut world = World::bare(genesis(Quorum::DEFAULT));
        let live = open(&database, &world);
        world.prepare();
        live.follow(world.ledger()).unwrap();
        let query = world.collect(world.query(), 0..3);
        offer_and_request(&mut world);
        world.open_screening("researcher", world.screening()).unwrap();
        live.follow(world.ledger()).unwrap();
        for _ in 0..3 {
            world.pass_days(4);
            live.follow(world.ledger()).unwrap();
        }
        world.act("friend", node::transaction::Action::Seal(query)).unwrap();
        world.block();
        let height = live.follow(world.ledger()).unwrap();
        assert_eq!(height, world.ledger().snapshot().unwrap().latest().unwrap().height);
        let (expected, expected_rows) = (contents(&live), rows(&live));
        assert!(expected.contains("Sealed"), "{expected}");
        assert!(expected_rows.iter().all(|(_, rows)| !rows.is_empty()), "{expected_rows:?}");
        assert_eq!(live.rebuild(world.ledger()).unwrap(), height);
        assert_eq!(rows(&live), expected_rows);
        let books = live.reconcile(world.ledger()).unwrap();
        assert_eq!((books.height, &books.differences[..]), (height, &[][..]));
        assert!(books.purses > 5, "{books:?}");
        let elsewhere = open(&other, &world);
        assert_eq!(elsewhere.rebuild(world.ledger()).unwrap(), height);
        assert_eq!((contents(&elsewhere), rows(&elsewhere)), (expected.clone(), expected_rows.clone()));
        live.clear().unwrap();
        assert_eq!(live.position().unwrap().height, Height::default());
        live.follow(world.ledger()).unwrap();
        assert_eq!((contents(&live), rows(&live)), (expected, expected_rows));
    }

    fn a_balance_that_somebody_changed_is_named_when_the_books_are_reconciled(backend) {
        let database = backend.database();
        let (world, ..) = world();
        let index = open(&database, &world);
        index.follow(world.ledger()).unwrap();
        assert_eq!(index.reconcile(world.ledger()).unwrap().differences, []);
        let friend = account("friend").to_string();
        let change = format!("UPDATE balances SET amount = amount + 1 WHERE account = '{friend}'");
        assert_eq!(database.open().write(|connection| Ok(sql_query(&change).execute(connection)?)).unwrap(), 1);
        let found = index.reconcile(world.ledger()).unwrap().differences;
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].purse.as_str(), found[0].balance), (friend.as_str(), found[0].ledger + 1));
        assert_eq!(found[0].postings, found[0].ledger);
        // Another node, whose ledger is longer, shares the index.
        let further = "UPDATE position SET height = height + 1";
        assert_eq!(database.open().write(|connection| Ok(sql_query(further).execute(connection)?)).unwrap(), 1);
        let refused = index.reconcile(world.ledger());
        assert!(matches!(refused, Err(market::Error::IndexElsewhere { .. })), "{refused:?}");
    }

    fn a_screening_is_listed_as_open_until_it_is_closed_or_full(backend) {
        let database = backend.database();
        let mut world = World::ready(Quorum::DEFAULT);
        let mut opened = vec![];
        for _ in 0..3 {
            opened.push(world.open_screening("researcher", world.screening()).unwrap());
        }
        world.act("researcher", node::transaction::Action::CloseScreening(opened[0])).unwrap();
        for number in 0..3 {
            world.respond(world.response(opened[1], number)).unwrap();
        }
        world.block();
        let index = open(&database, &world);
        index.follow(world.ledger()).unwrap();
        let invite = Invite { screening: opened[1], response: ResponseIndex::new(0), invitation: Digest::from_bytes([1; 32]) };
        world.act("researcher", node::transaction::Action::Invite(invite)).unwrap();
        world.block();
        assert_eq!(index.inviting_screenings(&ALL).unwrap().items, []);
        index.follow(world.ledger()).unwrap();
        let listed = |of, open| index.screenings(&ScreeningFilter { of, open }, &ALL).unwrap().items;
        let rows = listed(None, false);
        assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), opened);
        assert_eq!(rows.iter().map(|row| (row.places, row.open)).collect::<Vec<_>>(), [(3, false), (0, false), (3, true)]);
        assert_eq!(rows.iter().map(|row| row.invited).collect::<Vec<_>>(), [false, true, false]);
        for row in &rows {
            let state = world.screening_state(row.id);
            assert_eq!((row.study, row.sponsor, row.open), (state.screening.study, state.sponsor, !state.has_ended()));
            assert_eq!(row.sequence.height(), state.opened);
            assert_eq!(index.screening_place(row.id).unwrap(), Some(row.sequence));
        }
        for of in [Whose::Study(world.study), Whose::Account(account("researcher"))] {
            assert_eq!(listed(Some(of), false), rows);
            assert_eq!(listed(Some(of), true), rows[2..]);
        }
        assert_eq!(listed(None, true), rows[2..]);
        assert_eq!(index.inviting_screenings(&ALL).unwrap().items, rows[1..2]);
        index.rebuild(world.ledger()).unwrap();
        assert_eq!(listed(None, false), rows);
        assert_eq!(listed(Some(Whose::Account(account("sponsor"))), false), []);
        assert_eq!(index.screening_place(circuits::id::ScreeningId::from_bytes([1; 32])).unwrap(), None);
    }

    fn repro_a_block_that_changes_a_screening_which_the_index_lacks_is_an_error(backend) {
        let database = backend.database();
        let mut world = World::ready(Quorum::DEFAULT);
        let id = world.open_screening("researcher", world.screening()).unwrap();
        world.block();
        let index = open(&database, &world);
        let before = index.follow(world.ledger()).unwrap();
        execute(&index, "DELETE FROM screenings");
        world.act("researcher", node::transaction::Action::CloseScreening(id)).unwrap();
        world.block();
        let followed = index.follow(world.ledger());
        assert!(matches!(followed, Err(market::Error::IndexLacks { screening }) if screening == id), "{followed:?}");
        assert_eq!(index.position().unwrap().height, before);
        assert_eq!(index.rebuild(world.ledger()).unwrap(), before.next());
        assert_eq!(index.screenings(&ScreeningFilter::default(), &ALL).unwrap().items.len(), 1);
    }

    fn an_index_that_another_version_writes_is_left_alone(backend) {
        let database = backend.database();
        let (world, ..) = world();
        let index = open(&database, &world);
        execute(&index, "UPDATE position SET format = 2");
        let before = rows(&index);
        let other = |written| matches!(written, Err(market::Error::IndexFormat { found: 2, known: 1 }));
        assert!(other(index.follow(world.ledger())) && other(index.rebuild(world.ledger())));
        assert_eq!(rows(&index), before);
    }

    fn whoever_reads_during_a_rebuild_sees_a_whole_index(backend) {
        let database = backend.database();
        let (world, ..) = world();
        let index = open(&database, &world);
        let height = index.follow(world.ledger()).unwrap();
        let (expected, whole) = (rows(&index), format!("{height} {height} at {height}"));
        let seen = "SELECT (SELECT count(*) FROM blocks) || ' ' || (SELECT max(sequence) / 4096 FROM blocks) || ' at ' || \
                    (SELECT height FROM position) AS line";
        std::thread::scope(|scope| {
            let rebuilds = scope.spawn(|| (0..20).map(|_| index.rebuild(world.ledger()).unwrap()).max());
            let mut reads = 0;
            while !rebuilds.is_finished() || reads == 0 {
                assert_eq!(lines(&index, seen), std::slice::from_ref(&whole));
                reads += 1;
            }
        });
        assert_eq!(rows(&index), expected);
    }

    fn a_rebuild_leaves_jobs_and_accounts_alone(backend) {
        let database = backend.database();
        let (world, ..) = world();
        let index = open(&database, &world);
        let (queue, accounts) = (Queue::new(index.database().clone()), Accounts::new(index.database().clone()));
        queue.enqueue(&follow_job(), Timestamp::new(7)).unwrap();
        let new = NewAccount { role: accounts::Role::Sponsor, ledger_account: None, display_name: "Ada".into() };
        let made = accounts.create(&new, Timestamp::new(7), &mut StdRng::seed_from_u64(1)).unwrap();
        let jobs = queue.list(None, None, 10).unwrap();
        index.follow(world.ledger()).unwrap();
        index.rebuild(world.ledger()).unwrap();
        assert_eq!(queue.list(None, None, 10).unwrap(), jobs);
        assert_eq!(accounts.account(made.id).unwrap(), Some(made));
    }

    fn a_name_with_a_nul_does_not_stop_the_index(backend) {
        let database = backend.database();
        let (world, ..) = world();
        let snapshot = world.ledger().snapshot().unwrap();
        let first = snapshot.block(Height::new(1)).unwrap().unwrap();
        let mut events = snapshot.events(Height::new(1)).unwrap().unwrap().transactions;
        let named = |number, name: &str| Event::SchemaRegistered { schema: SchemaId::from_bytes([number; 32]), name: name.into() };
        events[0].push(named(1, "a\0b"));
        let index = open(&database, &world);
        index.append(&first, &events).unwrap();
        let listed = index.schemas(&ALL).unwrap().items;
        assert!(listed.iter().any(|row| row.name == "a\u{fffd}b"), "{listed:?}");
    }

    fn a_block_indexed_twice_changes_nothing_and_one_out_of_order_is_refused(backend) {
        let database = backend.database();
        let (world, ..) = world();
        let snapshot = world.ledger().snapshot().unwrap();
        let index = open(&database, &world);
        let block = |height: u64| {
            let height = Height::new(height);
            (snapshot.block(height).unwrap().unwrap(), snapshot.events(height).unwrap().unwrap().transactions)
        };
        let (first, events) = block(1);
        index.append(&first, &events).unwrap();
        let before = rows(&index);
        index.append(&first, &events).unwrap();
        assert_eq!(rows(&index), before);
        let (third, events) = block(3);
        assert!(matches!(index.append(&third, &events), Err(market::Error::IndexOrder { .. })));
        let (mut second, events) = block(2);
        second.header.parent = Digest::from_bytes([1; 32]);
        assert!(matches!(index.append(&second, &events), Err(market::Error::IndexOrder { .. })));
        assert_eq!(rows(&index), before);
    }

    fn an_index_of_another_chain_is_refused(backend) {
        let database = backend.database();
        drop(Index::open(database.open(), ChainId::from_bytes([1; 32])).unwrap());
        let error = Index::open(database.open(), ChainId::from_bytes([2; 32])).err().unwrap().to_string();
        assert!(error.contains("a database of its own") && !error.contains(PASSWORD), "{error}");
    }

    fn an_index_that_holds_other_blocks_than_its_ledger_is_made_again(backend) {
        let database = backend.database();
        let (longer, ..) = world();
        let index = open(&database, &longer);
        index.follow(longer.ledger()).unwrap();
        let mut shorter = World::bare(genesis(Quorum::DEFAULT));
        shorter.pass_days(3);
        let height = shorter.ledger().snapshot().unwrap().latest().unwrap().height;
        assert_eq!(index.follow(shorter.ledger()).unwrap(), height);
        assert_eq!(index.blocks(&ALL).unwrap().items.len() as u64, height.get());
        assert!(index.queries(&QueryFilter::default(), &ALL).unwrap().items.is_empty());
    }

    fn a_ledger_that_is_behind_takes_nothing_from_the_index_of_one_that_is_ahead(backend) {
        let database = backend.database();
        let (longer, ..) = world();
        let index = open(&database, &longer);
        let ahead = index.follow(longer.ledger()).unwrap();
        let expected = rows(&index);
        let mut behind = World::bare(genesis(Quorum::DEFAULT));
        assert_eq!(index.follow(behind.ledger()).unwrap(), ahead);
        behind.prepare();
        assert_eq!(index.follow(behind.ledger()).unwrap(), ahead);
        assert_eq!(rows(&index), expected);
    }

    fn pages_of_any_size_and_order_tile_the_listing(backend) {
        let database = backend.database();
        let (world, ..) = world();
        let index = open(&database, &world);
        index.follow(world.ledger()).unwrap();
        tile(&index);
    }
}

#[test]
fn both_databases_list_the_same() {
    let [sqlite, postgres] = Backend::BOTH.map(Backend::database);
    let (world, ..) = world();
    let (one, other) = (open(&sqlite, &world), open(&postgres, &world));
    one.follow(world.ledger()).unwrap();
    other.follow(world.ledger()).unwrap();
    assert_eq!(contents(&one), contents(&other));
}

#[test]
fn what_is_no_database_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let garbage = directory.path().join("garbage");
    std::fs::write(&garbage, vec![7; 10_000]).unwrap();
    let error = Database::open(&DatabaseUrl::file(&garbage).unwrap()).err().unwrap().to_string();
    assert!(error.contains("garbage"), "{error}");
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
    let collecting = QueryFilter { stage: Some(Stage::Collecting), of: None };
    let collecting = server.index.queries(&collecting, &ALL).unwrap().items;
    assert_eq!(collecting.iter().map(|row| row.id).collect::<Vec<_>>(), vec![server.collecting]);
    let issuers = server.index.parties(Role::Issuer, &ALL).unwrap().items;
    assert_eq!(issuers.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["issuer 0", "issuer 1"]);
}

/// Pages of any size, in both orders, are the whole listing.
fn tile(index: &Index) {
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
    let of_researcher = |name, more| server.get(&format!("/v1/queries?researcher={}{more}", id(name))).json();
    assert_eq!(of_researcher("researcher", "")["items"].as_array().unwrap().len(), 2);
    assert_eq!(of_researcher("researcher", "&stage=aggregated")["items"], sealed["items"]);
    assert_eq!(of_researcher("sponsor", "")["items"], serde_json::json!([]));
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
    server.get("/v1/queries?researcher=me").refused(400, "64 hex digits");
    let both = format!("/v1/queries?researcher={}&study={}", id("researcher"), "11".repeat(32));
    server.get(&both).refused(400, "a study or a researcher, not both");
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
