DROP TABLE licences;
DROP TABLE datasets;
