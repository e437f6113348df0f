//! The table, as `market/migrations` makes it.

diesel::table! {
    introductions (query) {
        query -> Binary,
        written -> BigInt,
        versions -> BigInt,
        document -> Text,
    }
}
