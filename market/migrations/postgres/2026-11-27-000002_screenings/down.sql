DROP INDEX queries_of_researcher_in_stage;
DROP INDEX queries_of_researcher;
DROP TABLE screenings;
ALTER TABLE position DROP COLUMN format;
ALTER TABLE position RENAME COLUMN tip TO header;
