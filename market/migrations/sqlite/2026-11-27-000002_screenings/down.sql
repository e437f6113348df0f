DROP INDEX queries_of_researcher_in_stage;
DROP INDEX queries_of_researcher;
DROP TABLE screenings;
