-- The service's own accounts, which no ledger can give back: they are in backups of this database alone.
-- Times are seconds since 1970. No secret lies here: of a session's token only a digest, of a passkey only the public key.

CREATE TABLE accounts (
    id BYTEA PRIMARY KEY CHECK (octet_length(id) = 16),
    role TEXT NOT NULL CHECK (role IN ('person', 'researcher', 'sponsor', 'issuer', 'operator')),
    ledger_account BYTEA UNIQUE CHECK (octet_length(ledger_account) = 32),
    display_name TEXT NOT NULL,
    created BIGINT NOT NULL
);

CREATE TABLE sessions (
    id BYTEA PRIMARY KEY CHECK (octet_length(id) = 16),
    secret_digest BYTEA NOT NULL CHECK (octet_length(secret_digest) = 32),
    account BYTEA NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    user_agent BYTEA NOT NULL CHECK (octet_length(user_agent) = 32)
);

CREATE INDEX sessions_of_account ON sessions (account, last_seen, id);
CREATE INDEX sessions_by_end ON sessions (expires);

CREATE TABLE credentials (
    id BYTEA PRIMARY KEY CHECK (octet_length(id) BETWEEN 1 AND 1023),
    account BYTEA NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    public_key BYTEA NOT NULL,
    label TEXT NOT NULL,
    created BIGINT NOT NULL,
    last_used BIGINT
);

CREATE INDEX credentials_of_account ON credentials (account, created, id);
