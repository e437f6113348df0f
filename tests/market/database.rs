//! Opening a database: of both kinds, by several at once, and without a word of its password.

use std::{collections::BTreeSet, sync::Barrier, thread, time::Duration};

use diesel::{
    Connection as _, QueryableByName, RunQueryDsl, SqliteConnection, connection::SimpleConnection as _, sql_query,
    sql_types::Text,
};
use market::{
    Error,
    database::{Database, DatabaseUrl},
    index::TABLES,
};

use crate::{
    ports::free_port,
    postgres::{Backend, PASSWORD, on_both},
};

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// What a query that names its column `line` gives.
pub fn lines(database: &Database, sql: &str) -> Vec<String> {
    let rows = database.read(|connection| sql_query(sql).load::<Line>(connection)).unwrap();
    rows.into_iter().map(|row| row.line).collect()
}

/// The rows of a table, as the database writes them.
pub fn rows(database: &Database, table: &str) -> Vec<String> {
    if database.url().is_shared() {
        return lines(database, &format!("SELECT one::text AS line FROM {table} AS one ORDER BY 1"));
    }
    let columns = lines(database, &format!("SELECT 'quote(' || name || ')' AS line FROM pragma_table_info('{table}')"));
    lines(database, &format!("SELECT {} AS line FROM {table} ORDER BY 1", columns.join(" || ',' || ")))
}

fn execute(database: &Database, sql: &str) -> Result<usize, Error> {
    database.write(|connection| Ok(sql_query(sql).execute(connection)?))
}

/// Tables with their columns, and which of them may be null.
fn columns(database: &Database) -> BTreeSet<String> {
    let sql = if database.url().is_shared() {
        "SELECT table_name || '.' || column_name || ' ' || (is_nullable = 'NO' AND true)::int AS line \
         FROM information_schema.columns WHERE table_schema = 'public'"
    } else {
        "SELECT m.name || '.' || c.name || ' ' || (c.\"notnull\" OR c.pk > 0) AS line \
         FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'"
    };
    lines(database, sql).into_iter().filter(|line| !line.contains("diesel")).collect()
}

#[test]
fn both_databases_have_the_same_tables_and_the_index_owns_all_but_the_services() {
    let [sqlite, postgres] = Backend::BOTH.map(|backend| {
        let database = backend.database();
        columns(&database.open())
    });
    assert_eq!(sqlite, postgres);
    let tables: BTreeSet<&str> = sqlite.iter().filter_map(|line| line.split('.').next()).collect();
    let services = ["accounts", "ceremonies", "credentials", "identities", "introductions", "jobs", "sessions"];
    let expected: BTreeSet<&str> = TABLES.iter().copied().chain(["position"]).chain(services).collect();
    assert_eq!(tables, expected);
}

on_both! {
    fn opening_again_and_at_once_migrates_once(backend) {
        let database = backend.database();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| drop(database.open()));
            }
        });
        let versions = lines(&database.open(), "SELECT version AS line FROM __diesel_schema_migrations ORDER BY 1");
        assert_eq!(versions.len(), 9, "{versions:?}");
    }

    fn a_database_of_a_later_version_is_refused_and_left_alone(backend) {
        let database = backend.database();
        execute(&database.open(), "INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')").unwrap();
        let error = Database::open(&database.url()).unwrap_err().to_string();
        assert!(error.contains("later version") && !error.contains(PASSWORD), "{error}");
    }

    fn what_fails_in_the_middle_changes_nothing(backend) {
        let database = backend.database().open();
        let insert = "INSERT INTO schemas (sequence, id, name) VALUES (1, '1', 'x')";
        let failed: Result<(), Error> = database.write(|connection| {
            let insert = insert.replace("'1'", if database.url().is_shared() { "'\\x01'" } else { "x'01'" });
            sql_query(insert).execute(connection)?;
            assert_eq!(sql_query("SELECT name AS line FROM schemas").load::<Line>(connection)?.len(), 1);
            Err(Error::JobInterrupted)
        });
        assert!(matches!(failed, Err(Error::JobInterrupted)));
        assert!(lines(&database, "SELECT name AS line FROM schemas").is_empty());
        let refused = database.write(|connection| Ok(sql_query("SELECT nothing").execute(connection)?));
        assert!(matches!(refused, Err(Error::Database(_))));
        assert!(lines(&database, "SELECT name AS line FROM schemas").is_empty());
    }
}

/// SQLite itself waits for nobody who writes a new file.
#[test]
fn repro_a_new_file_that_another_just_makes_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.sqlite").display().to_string();
    let mut other = SqliteConnection::establish(&path).unwrap();
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    let opens = Barrier::new(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            opens.wait();
            // Time for the file to be tried, and found locked, many times.
            thread::sleep(Duration::from_millis(500));
            other.batch_execute("COMMIT").unwrap();
        });
        opens.wait();
        Database::open(&format!("sqlite://{path}").parse().unwrap()).unwrap();
    });
}

#[test]
fn a_password_shows_in_no_error_and_no_debug() {
    let right = Backend::Postgres.database().address;
    let wrong = right.replace(PASSWORD, "wr0ng-sesame");
    let nowhere = right.replace("/test_", "/absent_");
    for (address, secret) in [(&wrong, "wr0ng-sesame"), (&nowhere, PASSWORD)] {
        let url: DatabaseUrl = address.parse().unwrap();
        let error = Database::open(&url).unwrap_err();
        assert!(matches!(error, Error::DatabaseOpen { .. }), "to wait does not help: {error}");
        for shown in [format!("{error}"), format!("{error:?}"), format!("{url}"), format!("{url:?}")] {
            assert!(!shown.contains(secret) && shown.contains("***"), "{shown}");
        }
    }
    let opened = Database::open(&right.parse().unwrap()).unwrap();
    assert!(!format!("{opened:?}").contains(PASSWORD));
}

#[test]
fn a_server_that_is_away_is_told_from_one_that_lets_nobody_in_without_the_password() {
    let folder = tempfile::tempdir().unwrap();
    let host = folder.path().to_str().unwrap().replace('/', "%2F");
    for at in [format!("/db?host={host}"), format!("127.0.0.1:{}/db", free_port())] {
        let error = Database::open(&format!("postgres://locus:{PASSWORD}@{at}").parse().unwrap()).unwrap_err();
        assert!(matches!(error, Error::DatabaseUnreachable { .. }), "{error}");
        let error = error.to_string();
        assert!(error.contains("postgres://locus:***@") && !error.contains(PASSWORD), "{error}");
    }
}
