-- What researchers say of themselves and promise for queries, the newest of each query. Public, signed by the researcher, and
-- on no ledger: whoever wrote it can send it again.

CREATE TABLE introductions (
    query BYTEA PRIMARY KEY CHECK (octet_length(query) = 32),
    written BIGINT NOT NULL,
    document TEXT NOT NULL CHECK (length(document) <= 524288)
);
