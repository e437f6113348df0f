-- What signing in needs beside accounts: ceremonies that were begun and wait for their second half, and whom an institution
-- vouched for. No secret lies here: of a ceremony's token only a digest.

CREATE TABLE ceremonies (
    digest BLOB PRIMARY KEY NOT NULL CHECK (length(digest) = 32),
    kind TEXT NOT NULL CHECK (kind IN ('registration', 'authentication', 'challenge', 'link', 'institution')),
    payload BLOB NOT NULL CHECK (length(payload) <= 2048),
    expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX ceremonies_by_end ON ceremonies (expires);

CREATE TABLE identities (
    issuer TEXT NOT NULL CHECK (length(issuer) BETWEEN 1 AND 512),
    subject TEXT NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
    account BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created INTEGER NOT NULL,
    PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;

CREATE INDEX identities_of_account ON identities (account, created);
