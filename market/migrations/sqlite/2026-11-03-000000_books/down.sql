DROP TABLE balances;
DROP TABLE postings;
