//! The tables, as `market/migrations` makes them.

use diesel::{QueryResult, RunQueryDsl, delete};

use crate::database::DatabaseConnection;

diesel::table! {
    position (id) {
        id -> BigInt,
        chain -> Binary,
        height -> BigInt,
        tip -> Binary,
        format -> BigInt,
    }
}

diesel::table! {
    blocks (sequence) {
        sequence -> BigInt,
        header -> Binary,
        time -> BigInt,
        epoch -> BigInt,
        transactions -> BigInt,
    }
}

diesel::table! {
    transactions (sequence) {
        sequence -> BigInt,
        id -> Binary,
        action -> Text,
    }
}

diesel::table! {
    account_transactions (account, sequence) {
        account -> Binary,
        sequence -> BigInt,
    }
}

diesel::table! {
    parties (role, account) {
        role -> Text,
        account -> Binary,
        name -> Text,
        accredited -> Bool,
        sequence -> BigInt,
    }
}

diesel::table! {
    schemas (sequence) {
        sequence -> BigInt,
        id -> Binary,
        name -> Text,
    }
}

diesel::table! {
    studies (sequence) {
        sequence -> BigInt,
        id -> Binary,
        researcher -> Binary,
        title -> Text,
    }
}

diesel::table! {
    queries (sequence) {
        sequence -> BigInt,
        id -> Binary,
        study -> Binary,
        researcher -> Binary,
        stage -> Text,
        admitted -> BigInt,
        surviving -> BigInt,
    }
}

diesel::table! {
    contributions (sequence) {
        sequence -> BigInt,
        query -> Binary,
        number -> BigInt,
        payout -> Binary,
        id -> Binary,
        withdrawn -> Bool,
    }
}

diesel::table! {
    datasets (sequence) {
        sequence -> BigInt,
        id -> Binary,
        owner -> Binary,
    }
}

diesel::table! {
    postings (account, place) {
        account -> Text,
        place -> BigInt,
        counterpart -> Text,
        credit -> Bool,
        amount -> BigInt,
        reason -> Text,
    }
}

diesel::table! {
    licences (sequence) {
        sequence -> BigInt,
        id -> Binary,
        dataset -> Binary,
        licensee -> Binary,
    }
}

diesel::table! {
    screenings (sequence) {
        sequence -> BigInt,
        id -> Binary,
        study -> Binary,
        sponsor -> Binary,
        places -> BigInt,
        open -> Bool,
        invited -> Bool,
    }
}

diesel::table! {
    balances (account) {
        account -> Text,
        amount -> BigInt,
    }
}

diesel::joinable!(account_transactions -> transactions (sequence));
diesel::allow_tables_to_appear_in_same_query!(account_transactions, transactions);

/// Names every table whose rows follow from blocks, those that point to others first.
macro_rules! tables {
    ($($table:ident),* $(,)?) => {
        /// The tables that a rebuild fills anew. `position` is the index's too, and stays.
        pub const TABLES: &[&str] = &[$(stringify!($table)),*];

        /// Empties them.
        pub(super) fn empty(connection: &mut DatabaseConnection) -> QueryResult<()> {
            $(delete($table::table).execute(connection)?;)*
            Ok(())
        }
    };
}

tables![
    screenings,
    licences,
    datasets,
    balances,
    postings,
    contributions,
    queries,
    studies,
    schemas,
    parties,
    account_transactions,
    transactions,
    blocks
];
