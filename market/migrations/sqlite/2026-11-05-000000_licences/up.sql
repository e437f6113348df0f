-- Datasets offered and licences asked for. How each stands, the ledger itself says.

CREATE TABLE datasets (
    sequence INTEGER PRIMARY KEY NOT NULL,
    id BLOB NOT NULL UNIQUE,
    owner BLOB NOT NULL
) STRICT;

CREATE INDEX datasets_of_owner ON datasets (owner, sequence);

CREATE TABLE licences (
    sequence INTEGER PRIMARY KEY NOT NULL,
    id BLOB NOT NULL UNIQUE,
    dataset BLOB NOT NULL REFERENCES datasets (id),
    licensee BLOB NOT NULL
) STRICT;

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
