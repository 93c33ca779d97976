-- What a member has let by, for a while or for good (times in milliseconds, UTC).
CREATE TABLE exception (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    member      BLOB NOT NULL REFERENCES holder (id) ON DELETE CASCADE,
    device      TEXT,
    vendor      TEXT,
    kind        TEXT NOT NULL CHECK (kind IN ('pause', 'identity', 'rule', 'slot')),
    what        TEXT,
    since       INTEGER NOT NULL,
    until       INTEGER,
    once        INTEGER NOT NULL CHECK (once IN (0, 1))
) STRICT;
CREATE INDEX exception_member ON exception (member);
