-- The index of the ledger. Every row follows from the blocks up to `position.height`; nothing here is a source of truth.
-- Ids are 32 bytes. A sequence is height * 4096 + place of the transaction in its block.

CREATE TABLE position (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    chain BLOB NOT NULL CHECK (length(chain) = 32),
    height INTEGER NOT NULL CHECK (height >= 0),
    header BLOB NOT NULL CHECK (length(header) = 32)
) STRICT;

CREATE TABLE blocks (
    sequence INTEGER PRIMARY KEY NOT NULL,
    header BLOB NOT NULL,
    time INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    transactions INTEGER NOT NULL
) STRICT;

CREATE TABLE transactions (
    sequence INTEGER PRIMARY KEY NOT NULL,
    id BLOB NOT NULL UNIQUE,
    action TEXT NOT NULL
) STRICT;

CREATE TABLE account_transactions (
    account BLOB NOT NULL,
    sequence INTEGER NOT NULL REFERENCES transactions (sequence),
    PRIMARY KEY (account, sequence)
) STRICT, WITHOUT ROWID;

-- What a foreign key points from has an index, or deleting what it points to would read the whole table for each row.
CREATE INDEX account_transactions_of_transaction ON account_transactions (sequence);

CREATE TABLE parties (
    role TEXT NOT NULL CHECK (role IN ('issuer', 'researcher')),
    account BLOB NOT NULL,
    name TEXT NOT NULL,
    accredited INTEGER NOT NULL CHECK (accredited IN (0, 1)),
    sequence INTEGER NOT NULL,
    PRIMARY KEY (role, account)
) STRICT, WITHOUT ROWID;

CREATE INDEX parties_in_order ON parties (role, sequence);

CREATE TABLE schemas (
    sequence INTEGER PRIMARY KEY NOT NULL,
    id BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL
) STRICT;

CREATE TABLE studies (
    sequence INTEGER PRIMARY KEY NOT NULL,
    id BLOB NOT NULL UNIQUE,
    researcher BLOB NOT NULL,
    title TEXT NOT NULL
) STRICT;

CREATE INDEX studies_of_researcher ON studies (researcher, sequence);

CREATE TABLE queries (
    sequence INTEGER PRIMARY KEY NOT NULL,
    id BLOB NOT NULL UNIQUE,
    study BLOB NOT NULL,
    researcher BLOB NOT NULL,
    stage TEXT NOT NULL CHECK (stage IN ('collecting', 'sealed', 'aggregated', 'released', 'refunded')),
    admitted INTEGER NOT NULL,
    surviving INTEGER NOT NULL
) STRICT;

CREATE INDEX queries_in_stage ON queries (stage, sequence);
CREATE INDEX queries_of_study ON queries (study, sequence);
CREATE INDEX queries_of_study_in_stage ON queries (study, stage, sequence);

CREATE TABLE contributions (
    sequence INTEGER PRIMARY KEY NOT NULL,
    query BLOB NOT NULL REFERENCES queries (id),
    number INTEGER NOT NULL,
    payout BLOB NOT NULL,
    id BLOB NOT NULL,
    withdrawn INTEGER NOT NULL CHECK (withdrawn IN (0, 1)),
    UNIQUE (query, number)
) STRICT;

CREATE INDEX contributions_in_order ON contributions (query, sequence);
