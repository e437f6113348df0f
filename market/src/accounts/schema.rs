//! The tables, as `market/migrations` makes them.

diesel::table! {
    accounts (id) {
        id -> Binary,
        role -> Text,
        ledger_account -> Nullable<Binary>,
        display_name -> Text,
        created -> BigInt,
    }
}

diesel::table! {
    sessions (id) {
        id -> Binary,
        secret_digest -> Binary,
        account -> Binary,
        created -> BigInt,
        last_seen -> BigInt,
        expires -> BigInt,
        user_agent -> Binary,
    }
}

diesel::table! {
    credentials (id) {
        id -> Binary,
        account -> Binary,
        public_key -> Binary,
        label -> Text,
        created -> BigInt,
        last_used -> Nullable<BigInt>,
    }
}

diesel::table! {
    ceremonies (digest) {
        digest -> Binary,
        kind -> Text,
        payload -> Binary,
        expires -> BigInt,
    }
}

diesel::table! {
    identities (issuer, subject) {
        issuer -> Text,
        subject -> Text,
        account -> Binary,
        created -> BigInt,
    }
}
