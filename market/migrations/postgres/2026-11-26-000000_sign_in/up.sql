-- What signing in needs beside accounts: ceremonies that were begun and wait for their second half, and whom an institution
-- vouched for. No secret lies here: of a ceremony's token only a digest.

CREATE TABLE ceremonies (
    digest BYTEA PRIMARY KEY CHECK (octet_length(digest) = 32),
    kind TEXT NOT NULL CHECK (kind IN ('registration', 'authentication', 'challenge', 'link', 'institution')),
    payload BYTEA NOT NULL CHECK (octet_length(payload) <= 2048),
    expires BIGINT NOT NULL
);

CREATE INDEX ceremonies_by_end ON ceremonies (expires);

CREATE TABLE identities (
    issuer TEXT NOT NULL CHECK (length(issuer) BETWEEN 1 AND 512),
    subject TEXT NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
    account BYTEA NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);

CREATE INDEX identities_of_account ON identities (account, created);
