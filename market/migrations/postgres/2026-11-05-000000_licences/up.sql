-- Datasets offered and licences asked for. How each stands, the ledger itself says.

CREATE TABLE datasets (
    sequence BIGINT PRIMARY KEY,
    id BYTEA NOT NULL UNIQUE,
    owner BYTEA NOT NULL
);

CREATE INDEX datasets_of_owner ON datasets (owner, sequence);

CREATE TABLE licences (
    sequence BIGINT PRIMARY KEY,
    id BYTEA NOT NULL UNIQUE,
    dataset BYTEA NOT NULL REFERENCES datasets (id),
    licensee BYTEA NOT NULL
);

CREATE INDEX licences_of_dataset ON licences (dataset, sequence);
CREATE INDEX licences_of_licensee ON licences (licensee, sequence);
CREATE INDEX licences_of_dataset_and_licensee ON licences (dataset, licensee, sequence);

-- The index is of every block: it is made again, so that blocks before this table are in it.
DELETE FROM balances;
DELETE FROM postings;
DELETE FROM contributions;
DELETE FROM queries;
DELETE FROM studies;
DELETE FROM schemas;
DELETE FROM parties;
DELETE FROM account_transactions;
DELETE FROM transactions;
DELETE FROM blocks;
UPDATE position SET height = 0, header = chain;
