DROP TABLE identities;
DROP TABLE ceremonies;
