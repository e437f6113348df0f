//! What an error tells besides its words.

use super::*;

#[test]
fn repro_a_busy_database_and_a_failing_disk_say_nothing_against_a_receipt() {
    let storage = node::Error::Storage { what: "read", why: "the disk failed".into() };
    let file = Error::File { path: "r.json".into(), action: "read", source: io::Error::other("the disk failed") };
    for error in [Error::DatabaseBusy, diesel::result::Error::NotFound.into(), storage.into(), file] {
        assert!(error.unread().is_some_and(|what| what.ends_with("cannot be read")), "{error}");
    }
    let forged = node::Error::Corrupt { what: "query", why: "it does not hash to its id".into() };
    let refused = Error::Receipt { check: "R3 query", why: "its proof fails".into() };
    for error in [forged.into(), refused, Error::Statement(circuits::Error::NonCanonical { what: "sum" })] {
        assert!(error.unread().is_none(), "{error}");
    }
}
