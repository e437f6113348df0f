//! The table, as `market/migrations` makes it.

diesel::table! {
    jobs (id) {
        id -> BigInt,
        kind -> Text,
        key -> Text,
        payload -> Text,
        state -> Text,
        attempts -> BigInt,
        again -> Bool,
        holder -> Nullable<Binary>,
        due -> Nullable<BigInt>,
        error -> Nullable<Text>,
        created -> BigInt,
        changed -> BigInt,
    }
}
