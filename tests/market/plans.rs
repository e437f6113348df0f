//! How the databases go about each listing: by an index, in order, and never through a whole table.

use std::cell::RefCell;

use circuits::id::{AccountId, ChainId, DatasetId, QueryId, StudyId};
use diesel::{
    QueryableByName, RunQueryDsl,
    connection::{InstrumentationEvent, set_default_instrumentation},
    sql_query,
    sql_types::Text,
};
use market::{
    database::Database,
    index::{Index, LicenceFilter, Order, Paging, QueryFilter, Role, ScreeningFilter, Sequence, Stage, Whose},
    jobs::{JobId, JobState, Queue},
};

use crate::{database::lines, postgres::Backend};

thread_local! {
    /// What this thread asked a database, while it listens.
    static ASKED: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

fn listen() {
    let noting = || -> Option<Box<dyn diesel::connection::Instrumentation>> {
        Some(Box::new(|event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::StartQuery { query, .. } = event {
                ASKED.with_borrow_mut(|asked| asked.iter_mut().for_each(|asked| asked.push(query.to_string())));
            }
        }))
    };
    set_default_instrumentation(noting).unwrap();
}

/// The one query that a listing asks.
fn asked(listing: impl FnOnce()) -> String {
    ASKED.set(Some(vec![]));
    listing();
    let asked = ASKED.take().unwrap();
    let mut selects = asked.into_iter().filter(|sql| sql.starts_with("SELECT") && sql.contains(" FROM "));
    let (select, more) = (selects.next().unwrap(), selects.next());
    assert_eq!(more, None);
    select.split(" -- binds").next().unwrap().to_owned()
}

/// Whether a listing's first page may begin at the table's end: nothing is asked of its rows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asks {
    Nothing,
    Something,
}

/// Whose rows a listing can be of.
fn whose(study: StudyId, account: AccountId) -> [Option<Whose>; 3] {
    [None, Some(Whose::Study(study)), Some(Whose::Account(account))]
}

fn listings(index: &Index, queue: &Queue) -> Vec<(&'static str, Asks, String)> {
    let (account, query, study) =
        (AccountId::from_bytes([1; 32]), QueryId::from_bytes([1; 32]), StudyId::from_bytes([1; 32]));
    let dataset = DatasetId::from_bytes([1; 32]);
    let mut all = vec![];
    for order in [Order::Oldest, Order::Newest] {
        for after in [None, Some(Sequence::new(10))] {
            let page = Paging { after, limit: 10, order };
            let asks = if after.is_none() { Asks::Nothing } else { Asks::Something };
            let mut add = |name, asks, listing: &dyn Fn()| all.push((name, asks, asked(listing)));
            add("blocks", asks, &|| drop(index.blocks(&page).unwrap()));
            add("schemas", asks, &|| drop(index.schemas(&page).unwrap()));
            add("studies", asks, &|| drop(index.studies(None, &page).unwrap()));
            for of in whose(study, account) {
                for stage in [None, Some(Stage::Sealed)] {
                    let filter = QueryFilter { stage, of };
                    let asks = if filter == QueryFilter::default() { asks } else { Asks::Something };
                    add("queries", asks, &|| drop(index.queries(&filter, &page).unwrap()));
                }
                for open in [false, true] {
                    let filter = ScreeningFilter { of, open };
                    let asks = if filter == ScreeningFilter::default() { asks } else { Asks::Something };
                    add("screenings", asks, &|| drop(index.screenings(&filter, &page).unwrap()));
                }
            }
            add("inviting", Asks::Something, &|| drop(index.inviting_screenings(&page).unwrap()));
            add("datasets", asks, &|| drop(index.datasets(None, &page).unwrap()));
            let licences = |dataset, licensee| LicenceFilter { dataset, licensee };
            add("licences", asks, &|| drop(index.licences(&licences(None, None), &page).unwrap()));
            let asks = Asks::Something;
            add("account's", asks, &|| drop(index.account_transactions(account, &page).unwrap()));
            add("parties", asks, &|| drop(index.parties(Role::Issuer, &page).unwrap()));
            add("researcher's", asks, &|| drop(index.studies(Some(account), &page).unwrap()));
            add("contributions", asks, &|| drop(index.contributions(query, &page).unwrap()));
            add("statement", asks, &|| drop(index.postings(account, &page).unwrap()));
            add("owner's", asks, &|| drop(index.datasets(Some(account), &page).unwrap()));
            add("of dataset", asks, &|| drop(index.licences(&licences(Some(dataset), None), &page).unwrap()));
            add("licensee's", asks, &|| drop(index.licences(&licences(None, Some(account)), &page).unwrap()));
            let of_both = licences(Some(dataset), Some(account));
            add("licensee's of dataset", asks, &|| drop(index.licences(&of_both, &page).unwrap()));
        }
    }
    let mut add = |name, asks, listing: &dyn Fn()| all.push((name, asks, asked(listing)));
    add("jobs", Asks::Nothing, &|| drop(queue.list(None, None, 10).unwrap()));
    add("later jobs", Asks::Something, &|| drop(queue.list(None, Some(JobId::new(10)), 10).unwrap()));
    add("failed jobs", Asks::Something, &|| drop(queue.list(Some(JobState::Failed), None, 10).unwrap()));
    all
}

fn opened(backend: Backend) -> (crate::postgres::TestDatabase, Database, Vec<(&'static str, Asks, String)>) {
    listen();
    let test = backend.database();
    let database = test.open();
    let index = Index::open(database.clone(), ChainId::from_bytes([1; 32])).unwrap();
    let listings = listings(&index, &Queue::new(database.clone()));
    (test, database, listings)
}

#[derive(QueryableByName)]
struct Detail {
    #[diesel(sql_type = Text)]
    detail: String,
}

#[test]
fn no_listing_reads_a_whole_table_on_sqlite() {
    let (_test, database, listings) = opened(Backend::Sqlite);
    for (name, asks, sql) in listings {
        let explained = database
            .read(|connection| sql_query(format!("EXPLAIN QUERY PLAN {sql}")).load::<Detail>(connection))
            .unwrap();
        let plan: Vec<_> = explained.into_iter().map(|step| step.detail).collect();
        assert!(!plan.is_empty() && plan.iter().all(|step| !step.contains("TEMP B-TREE")), "{name}: {plan:?}");
        let searches = plan.iter().all(|step| step.starts_with("SEARCH"));
        assert!(searches || asks == Asks::Nothing, "{name}: {plan:?} for {sql}");
    }
}

/// Enough rows that reading a whole table would be the worse plan wherever there is a better one. What is asked for by a
/// digest, of `q1`, is there.
const ROWS: &str = "
    INSERT INTO blocks SELECT n * 4096, decode(md5('b' || n), 'hex'), n, 1, 1 FROM generate_series(1, 20000) n;
    INSERT INTO transactions SELECT n * 4096, decode(md5('t' || n), 'hex'), 'transfer' FROM generate_series(1, 20000) n;
    INSERT INTO account_transactions SELECT decode(md5('q' || n % 200), 'hex'), n * 4096 FROM generate_series(1, 20000) n;
    INSERT INTO parties SELECT CASE n % 2 WHEN 0 THEN 'issuer' ELSE 'researcher' END, decode(md5('p' || n), 'hex'), 'x',
        true, n * 4096 FROM generate_series(1, 10000) n;
    INSERT INTO schemas SELECT n * 4096, decode(md5('s' || n), 'hex'), 'x' FROM generate_series(1, 10000) n;
    INSERT INTO studies SELECT n * 4096, decode(md5('y' || n), 'hex'), decode(md5('q' || n % 100), 'hex'), 'x'
        FROM generate_series(1, 10000) n;
    INSERT INTO queries SELECT n * 4096, decode(md5('q' || n), 'hex'), decode(md5('q' || n % 100), 'hex'),
        decode(md5('q' || n % 99), 'hex'), CASE n % 97 WHEN 0 THEN 'sealed' ELSE 'released' END, 9, 9
        FROM generate_series(1, 20000) n;
    INSERT INTO contributions SELECT n * 4096, decode(md5('q' || n % 100 + 1), 'hex'), n, decode(md5('o' || n), 'hex'),
        decode(md5('c' || n), 'hex'), false FROM generate_series(1, 20000) n;
    INSERT INTO postings SELECT CASE n % 200 WHEN 0 THEN 'sealed' ELSE 'a' || n % 200 END, n * 4096, 'fees', true, 1, 'x'
        FROM generate_series(1, 20000) n;
    INSERT INTO datasets SELECT n * 4096, decode(md5('q' || n), 'hex'), decode(md5('q' || n % 100), 'hex')
        FROM generate_series(1, 20000) n;
    INSERT INTO licences SELECT n * 4096, decode(md5('l' || n), 'hex'), decode(md5('q' || n % 100 + 1), 'hex'),
        decode(md5('q' || n % 499), 'hex') FROM generate_series(1, 20000) n;
    INSERT INTO screenings SELECT n * 4096, decode(md5('q' || n), 'hex'), decode(md5('q' || n % 100), 'hex'),
        decode(md5('q' || n % 99), 'hex'), 9, n % 97 = 0, n % 97 = 1 FROM generate_series(1, 20000) n;
    INSERT INTO jobs (kind, key, payload, state, attempts, again, due, created, changed)
        SELECT 'aggregate-query', n::text, '', CASE n % 10 WHEN 0 THEN 'failed' ELSE 'waiting' END, 0, false,
        CASE n % 10 WHEN 0 THEN NULL ELSE n END, n, n FROM generate_series(1, 10000) n;
    ANALYZE";

#[test]
fn no_listing_reads_a_whole_table_on_postgres() {
    let (_test, database, listings) = opened(Backend::Postgres);
    for statement in ROWS.split(';') {
        database.write(|connection| Ok(sql_query(statement).execute(connection)?)).unwrap();
    }
    for (number, (name, _, sql)) in listings.into_iter().enumerate() {
        let plan = database
            .write(|connection| {
                // For a handful of rows it may gather and sort them, which says nothing about many.
                sql_query("SET LOCAL enable_bitmapscan = off").execute(connection)?;
                sql_query(format!("PREPARE listing_{number} AS {sql}")).execute(connection)?;
                // The values are of the kinds that the listing takes: a cursor in the middle, and last a page of ten rows.
                let values = sql_query(format!(
                    "SELECT string_agg(CASE WHEN one.place = cardinality(parameter_types) THEN '10' \
                     WHEN one.kind::text = 'bigint' THEN '20480000' WHEN one.kind::text = 'bytea' THEN \
                     '''\\x' || md5('q1') || '''' WHEN one.kind::text = 'boolean' THEN 'true' ELSE '''sealed''' END, \
                     ', ' ORDER BY one.place) AS detail \
                     FROM pg_prepared_statements, unnest(parameter_types) WITH ORDINALITY AS one (kind, place) \
                     WHERE name = 'listing_{number}'"
                ));
                let values = values.get_result::<Detail>(connection)?.detail;
                let explain = format!("EXPLAIN (COSTS OFF) EXECUTE listing_{number} ({values})");
                Ok(sql_query(explain).load::<Plan>(connection)?)
            })
            .unwrap();
        let plan: Vec<_> = plan.into_iter().map(|step| step.line).collect();
        let bad = ["Seq Scan", "Sort", "Filter:"];
        let whole = plan.iter().any(|step| bad.iter().any(|bad| step.contains(bad)));
        assert!(!whole && !plan.is_empty(), "{name}: {plan:#?} for {sql}");
    }
    assert!(!lines(&database, "SELECT name AS line FROM schemas LIMIT 1").is_empty());
}

#[derive(QueryableByName)]
struct Plan {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    line: String,
}
