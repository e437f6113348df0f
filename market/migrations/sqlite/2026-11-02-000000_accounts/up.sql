-- The service's own accounts, which no ledger can give back: they are in backups of this database alone.
-- Times are seconds since 1970. No secret lies here: of a session's token only a digest, of a passkey only the public key.

CREATE TABLE accounts (
    id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    role TEXT NOT NULL CHECK (role IN ('person', 'researcher', 'sponsor', 'issuer', 'operator')),
    ledger_account BLOB UNIQUE CHECK (length(ledger_account) = 32),
    display_name TEXT NOT NULL,
    created INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    secret_digest BLOB NOT NULL CHECK (length(secret_digest) = 32),
    account BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    user_agent BLOB NOT NULL CHECK (length(user_agent) = 32)
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_of_account ON sessions (account, last_seen, id);
CREATE INDEX sessions_by_end ON sessions (expires);

CREATE TABLE credentials (
    id BLOB PRIMARY KEY NOT NULL CHECK (length(id) BETWEEN 1 AND 1023),
    account BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    public_key BLOB NOT NULL,
    label TEXT NOT NULL,
    created INTEGER NOT NULL,
    last_used INTEGER
) STRICT;

CREATE INDEX credentials_of_account ON credentials (account, created, id);
