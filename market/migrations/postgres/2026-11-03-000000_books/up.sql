-- Double-entry books of the ledger's money. Each entry is two postings of one amount: a debit and a credit. Accounts are
-- ids in hex, or pots by name: escrow:, licence:, screening:, withdrawal:, outside: with an id, fees, genesis.
-- A place is sequence * 1048576 + line. Amounts are unsigned 64-bit integers in the bits of signed ones.

CREATE TABLE postings (
    account TEXT NOT NULL,
    place BIGINT NOT NULL,
    counterpart TEXT NOT NULL,
    credit BOOLEAN NOT NULL,
    amount BIGINT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (account, place)
);

CREATE TABLE balances (
    account TEXT PRIMARY KEY,
    amount BIGINT NOT NULL
);

-- The index is made again from the ledger, so that the books begin with the genesis.
DELETE FROM contributions;
DELETE FROM queries;
DELETE FROM studies;
DELETE FROM schemas;
DELETE FROM parties;
DELETE FROM account_transactions;
DELETE FROM transactions;
DELETE FROM blocks;
UPDATE position SET height = 0, header = chain;
