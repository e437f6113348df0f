-- The index of the ledger. Every row follows from the blocks up to `position.height`; nothing here is a source of truth.
-- Ids are 32 bytes. A sequence is height * 4096 + place of the transaction in its block.

CREATE TABLE position (
    id BIGINT PRIMARY KEY CHECK (id = 0),
    chain BYTEA NOT NULL CHECK (octet_length(chain) = 32),
    height BIGINT NOT NULL CHECK (height >= 0),
    header BYTEA NOT NULL CHECK (octet_length(header) = 32)
);

CREATE TABLE blocks (
    sequence BIGINT PRIMARY KEY,
    header BYTEA NOT NULL,
    time BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    transactions BIGINT NOT NULL
);

CREATE TABLE transactions (
    sequence BIGINT PRIMARY KEY,
    id BYTEA NOT NULL UNIQUE,
    action TEXT NOT NULL
);

CREATE TABLE account_transactions (
    account BYTEA NOT NULL,
    sequence BIGINT NOT NULL REFERENCES transactions (sequence),
    PRIMARY KEY (account, sequence)
);

-- What a foreign key points from has an index, or deleting what it points to would read the whole table for each row.
CREATE INDEX account_transactions_of_transaction ON account_transactions (sequence);

CREATE TABLE parties (
    role TEXT NOT NULL CHECK (role IN ('issuer', 'researcher')),
    account BYTEA NOT NULL,
    name TEXT NOT NULL,
    accredited BOOLEAN NOT NULL,
    sequence BIGINT NOT NULL,
    PRIMARY KEY (role, account)
);

CREATE INDEX parties_in_order ON parties (role, sequence);

CREATE TABLE schemas (
    sequence BIGINT PRIMARY KEY,
    id BYTEA NOT NULL UNIQUE,
    name TEXT NOT NULL
);

CREATE TABLE studies (
    sequence BIGINT PRIMARY KEY,
    id BYTEA NOT NULL UNIQUE,
    researcher BYTEA NOT NULL,
    title TEXT NOT NULL
);

CREATE INDEX studies_of_researcher ON studies (researcher, sequence);

CREATE TABLE queries (
    sequence BIGINT PRIMARY KEY,
    id BYTEA NOT NULL UNIQUE,
    study BYTEA NOT NULL,
    researcher BYTEA NOT NULL,
    stage TEXT NOT NULL CHECK (stage IN ('collecting', 'sealed', 'aggregated', 'released', 'refunded')),
    admitted BIGINT NOT NULL,
    surviving BIGINT NOT NULL
);

CREATE INDEX queries_in_stage ON queries (stage, sequence);
CREATE INDEX queries_of_study ON queries (study, sequence);
CREATE INDEX queries_of_study_in_stage ON queries (study, stage, sequence);

CREATE TABLE contributions (
    sequence BIGINT PRIMARY KEY,
    query BYTEA NOT NULL REFERENCES queries (id),
    number BIGINT NOT NULL,
    payout BYTEA NOT NULL,
    id BYTEA NOT NULL,
    withdrawn BOOLEAN NOT NULL,
    UNIQUE (query, number)
);

CREATE INDEX contributions_in_order ON contributions (query, sequence);
