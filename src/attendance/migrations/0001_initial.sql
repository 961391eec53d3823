-- Instants are milliseconds since 1970-01-01 UTC. Statuses are the codes of `Status::code`.

CREATE TABLE people (
    key        INTEGER PRIMARY KEY,
    person_id  TEXT    NOT NULL UNIQUE,
    name       TEXT    NOT NULL,
    student_id,                          -- no affinity: integer, real or text, as the roster has it
    enrolled   INTEGER NOT NULL CHECK (enrolled IN (0, 1)),
    listed     INTEGER NOT NULL DEFAULT 1 CHECK (listed IN (0, 1)) -- 0: neither enrolled nor on the roster any more
);

CREATE INDEX people_by_name ON people (name);

CREATE TABLE groups (
    key  INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

CREATE TABLE members (
    group_key  INTEGER NOT NULL REFERENCES groups (key) ON DELETE CASCADE,
    person_key INTEGER NOT NULL REFERENCES people (key) ON DELETE CASCADE,
    PRIMARY KEY (group_key, person_key)
) WITHOUT ROWID;

CREATE INDEX members_by_person ON members (person_key);

CREATE TABLE sessions (
    key           INTEGER PRIMARY KEY,
    id            TEXT    NOT NULL UNIQUE,
    title         TEXT    NOT NULL,
    group_key     INTEGER REFERENCES groups (key) ON DELETE SET NULL,
    group_name    TEXT,                  -- as it was, should the group be deleted; NULL: everybody
    zone          TEXT    NOT NULL,      -- IANA name
    local_date    TEXT    NOT NULL,      -- of the start, in that zone
    start_at      INTEGER NOT NULL,
    late_after_ms INTEGER,               -- NULL: nobody is late
    end_at        INTEGER,
    created_at    INTEGER NOT NULL,
    closed_at     INTEGER,               -- NULL: open
    closed_by     TEXT,
    automatic_key TEXT UNIQUE            -- one session for each key, such as a day
);

CREATE INDEX sessions_by_date ON sessions (local_date);
CREATE INDEX sessions_by_group ON sessions (group_key);

-- What cameras saw and what somebody said stand beside each other; `status` is what follows from both: the
-- hand's word if there is one, else `camera_status`. Closing a session freezes `camera_status`.
CREATE TABLE entries (
    session_key  INTEGER NOT NULL REFERENCES sessions (key) ON DELETE CASCADE,
    person_key   INTEGER NOT NULL REFERENCES people (key) ON DELETE CASCADE,
    status       INTEGER NOT NULL,
    camera_status INTEGER NOT NULL,
    member       INTEGER NOT NULL CHECK (member IN (0, 1)),
    -- recognised
    first_seen   INTEGER,
    last_seen    INTEGER,
    -- recognised with doubt
    unsure_first INTEGER,
    unsure_last  INTEGER,
    -- the best photo of those that decide the status
    best_certain INTEGER,
    best_score   REAL,
    best_at      INTEGER,
    best_photo   TEXT,
    best_sha256  BLOB,
    best_face    INTEGER,
    -- by hand
    hand_status  INTEGER,
    hand_by      TEXT,
    hand_at      INTEGER,
    hand_note    TEXT,
    PRIMARY KEY (session_key, person_key)
) WITHOUT ROWID;

CREATE INDEX entries_by_person ON entries (person_key, session_key);
CREATE INDEX entries_for_reports ON entries (session_key, person_key, status, member);

CREATE TABLE photos (
    session_key INTEGER NOT NULL REFERENCES sessions (key) ON DELETE CASCADE,
    sha256      BLOB    NOT NULL,
    photo_id    TEXT    NOT NULL,
    captured_at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    faces       INTEGER NOT NULL,
    unknown     INTEGER NOT NULL,
    PRIMARY KEY (session_key, sha256)
) WITHOUT ROWID;

-- Every change by hand, in order.
CREATE TABLE corrections (
    key         INTEGER PRIMARY KEY,
    session_key INTEGER NOT NULL REFERENCES sessions (key) ON DELETE CASCADE,
    person_key  INTEGER NOT NULL REFERENCES people (key) ON DELETE CASCADE,
    from_status INTEGER,
    to_status   INTEGER NOT NULL,
    by_whom     TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    note        TEXT,
    after_close INTEGER NOT NULL CHECK (after_close IN (0, 1))
);

CREATE INDEX corrections_by_session ON corrections (session_key, person_key);
CREATE INDEX corrections_by_person ON corrections (person_key);

CREATE TABLE requests (
    key            TEXT PRIMARY KEY,
    request_sha256 BLOB    NOT NULL,
    session_id     TEXT,
    status         INTEGER,
    response       BLOB,
    at             INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX requests_by_time ON requests (at);
