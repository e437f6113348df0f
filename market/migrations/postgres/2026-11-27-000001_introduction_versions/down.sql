ALTER TABLE introductions DROP COLUMN versions;
