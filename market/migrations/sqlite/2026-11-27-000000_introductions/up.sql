-- What researchers say of themselves and promise for queries, the newest of each query. Public, signed by the researcher, and
-- on no ledger: whoever wrote it can send it again.

CREATE TABLE introductions (
    query BLOB PRIMARY KEY NOT NULL CHECK (length(query) = 32),
    written INTEGER NOT NULL,
    document TEXT NOT NULL CHECK (length(document) <= 524288)
) STRICT, WITHOUT ROWID;
