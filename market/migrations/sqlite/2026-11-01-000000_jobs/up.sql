-- Work to be done once, by whichever process takes it. Times are seconds since 1970.
-- `due` is when a job may be taken: a waiting one at its next attempt, a running one when its lease ends. What is done
-- or failed is never due.

CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    payload TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    again INTEGER NOT NULL CHECK (again IN (0, 1)),
    holder BLOB CHECK (length(holder) = 16),
    due INTEGER CHECK ((due IS NULL) = (state IN ('done', 'failed'))),
    error TEXT,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    UNIQUE (kind, key),
    CHECK ((holder IS NOT NULL) = (state = 'running'))
) STRICT;

CREATE INDEX jobs_due ON jobs (kind, due, id);
CREATE INDEX jobs_in_state ON jobs (state, id);
CREATE INDEX jobs_done ON jobs (state, changed);
