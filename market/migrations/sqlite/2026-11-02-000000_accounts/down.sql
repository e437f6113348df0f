DROP TABLE credentials;
DROP TABLE sessions;
DROP TABLE accounts;
