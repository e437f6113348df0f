-- How often a query was introduced; the latest is what is kept.

ALTER TABLE introductions ADD COLUMN versions INTEGER NOT NULL DEFAULT 1 CHECK (versions >= 1);
