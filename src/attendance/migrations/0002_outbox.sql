-- Messages that wait for their receivers. A delivered one is deleted.
CREATE TABLE outbox (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT, -- the order in which they were written
    id          TEXT    NOT NULL UNIQUE,
    channel     INTEGER NOT NULL,                  -- `Channel::code`
    event       TEXT    NOT NULL,
    lane        TEXT    NOT NULL,                  -- messages of one lane are delivered in order
    person_key  INTEGER REFERENCES people (key) ON DELETE CASCADE,
    body        TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    due_at      INTEGER NOT NULL,
    last_error  TEXT,
    dead_at     INTEGER                            -- NULL: pending
);

CREATE INDEX outbox_pending ON outbox (channel, lane, seq) WHERE dead_at IS NULL;
CREATE INDEX outbox_due ON outbox (channel, due_at) WHERE dead_at IS NULL;
CREATE INDEX outbox_dead ON outbox (dead_at) WHERE dead_at IS NOT NULL;
CREATE INDEX outbox_by_person ON outbox (person_key);
