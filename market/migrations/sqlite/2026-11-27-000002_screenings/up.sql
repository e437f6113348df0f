-- Who writes the index holds the position: it comes first, so that a block is indexed before this or after, and not meanwhile.
-- A node of a version before the format number does not know the column under its new name, and stops at it instead of
-- indexing without what it does not know. Later ones compare the number.
ALTER TABLE position RENAME COLUMN header TO tip;
ALTER TABLE position ADD COLUMN format INTEGER NOT NULL DEFAULT 1;
UPDATE position SET height = 0, tip = chain;

-- Screenings, and whether each is open: neither closed nor full. `places` is how many more responses it pays for, `invited`
-- whether anybody was invited. How it stands besides, the ledger itself says.

CREATE TABLE screenings (
    sequence INTEGER PRIMARY KEY NOT NULL,
    id BLOB NOT NULL UNIQUE,
    study BLOB NOT NULL,
    sponsor BLOB NOT NULL,
    places INTEGER NOT NULL,
    open INTEGER NOT NULL CHECK (open IN (0, 1)),
    invited INTEGER NOT NULL CHECK (invited IN (0, 1))
) STRICT;

CREATE INDEX screenings_of_study ON screenings (study, sequence);
CREATE INDEX screenings_of_sponsor ON screenings (sponsor, sequence);
CREATE INDEX screenings_open ON screenings (open, sequence);
CREATE INDEX screenings_invited ON screenings (invited, sequence);
CREATE INDEX screenings_of_study_open ON screenings (study, open, sequence);
CREATE INDEX screenings_of_sponsor_open ON screenings (sponsor, open, sequence);

-- Queries by who opened them.
CREATE INDEX queries_of_researcher ON queries (researcher, sequence);
CREATE INDEX queries_of_researcher_in_stage ON queries (researcher, stage, sequence);

-- The index is of every block: it is made again, so that blocks before this table are in it.
DELETE FROM licences;
DELETE FROM datasets;
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
