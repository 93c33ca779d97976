-- Whoever has a key of their own: each member, and the two that are no person (guest, gateway).
-- Deleting a row deletes everything of theirs.
CREATE TABLE holder (
    id          BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    wrapped     BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE member (
    ordinal     INTEGER PRIMARY KEY AUTOINCREMENT,
    id          BLOB NOT NULL UNIQUE REFERENCES holder (id) ON DELETE CASCADE,
    name        TEXT NOT NULL UNIQUE,
    kind        TEXT NOT NULL CHECK (kind IN ('adult', 'child', 'shared')),
    placeholder INTEGER NOT NULL CHECK (placeholder IN (0, 1)),
    created     INTEGER NOT NULL
) STRICT;

CREATE TABLE token (
    ordinal     INTEGER PRIMARY KEY AUTOINCREMENT,
    member      BLOB NOT NULL REFERENCES holder (id) ON DELETE CASCADE,
    tag         BLOB NOT NULL UNIQUE CHECK (length(tag) = 32),
    created     INTEGER NOT NULL
) STRICT;
CREATE INDEX token_member ON token (member);

CREATE TABLE attribute (
    member      BLOB NOT NULL REFERENCES holder (id) ON DELETE CASCADE,
    slot        TEXT NOT NULL,
    sealed      BLOB NOT NULL,
    derived     INTEGER NOT NULL CHECK (derived IN (0, 1)),
    PRIMARY KEY (member, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE relationship (
    member      BLOB NOT NULL REFERENCES holder (id) ON DELETE CASCADE,
    vendor      TEXT NOT NULL,
    epoch       INTEGER NOT NULL DEFAULT 1 CHECK (epoch >= 1),
    level       TEXT CHECK (level IN ('known', 'alias', 'stranger')),
    since       INTEGER NOT NULL,
    terms       TEXT NOT NULL DEFAULT 'none',
    answer      TEXT,
    PRIMARY KEY (member, vendor)
) STRICT, WITHOUT ROWID;

CREATE TABLE vendor_setting (
    member      BLOB NOT NULL REFERENCES holder (id) ON DELETE CASCADE,
    vendor      TEXT NOT NULL,
    key         TEXT NOT NULL,
    value       TEXT NOT NULL,
    PRIMARY KEY (member, vendor, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE pseudonym (
    member      BLOB NOT NULL REFERENCES holder (id) ON DELETE CASCADE,
    vendor      TEXT NOT NULL,
    epoch       INTEGER NOT NULL CHECK (epoch >= 1),
    slot        TEXT NOT NULL,
    format      INTEGER NOT NULL,
    how         TEXT NOT NULL CHECK (how IN ('derived', 'random', 'adopted')),
    sealed      BLOB NOT NULL,
    blind       BLOB NOT NULL CHECK (length(blind) = 32),
    created     INTEGER NOT NULL,
    recorded    INTEGER NOT NULL CHECK (recorded IN (0, 1)), -- whether its `issue` record is durable
    PRIMARY KEY (member, vendor, epoch, slot)
) STRICT, WITHOUT ROWID;

-- Under which name a host met the member first. It stays so however hosts are grouped and vendors named later.
CREATE TABLE known_host (
    member      BLOB NOT NULL REFERENCES holder (id) ON DELETE CASCADE,
    host        TEXT NOT NULL,
    vendor      TEXT NOT NULL,
    since       INTEGER NOT NULL,
    PRIMARY KEY (member, host)
) STRICT, WITHOUT ROWID;

-- Values that may exist once. Says neither whose nor where, and outlives resets and removed members, so that mail to
-- an address once issued can never reach another vendor's or another person's identity.
CREATE TABLE claimed (
    blind       BLOB PRIMARY KEY NOT NULL CHECK (length(blind) = 32)
) STRICT, WITHOUT ROWID;

-- Deleting a row makes the records it seals unreadable for good.
CREATE TABLE month_key (
    id          BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    member      BLOB NOT NULL REFERENCES holder (id) ON DELETE CASCADE,
    vendor      TEXT NOT NULL, -- '' for records about no vendor
    month       INTEGER NOT NULL,
    wrapped     BLOB NOT NULL,
    UNIQUE (member, vendor, month)
) STRICT, WITHOUT ROWID;

CREATE TABLE meta (
    key         TEXT PRIMARY KEY NOT NULL,
    value       BLOB NOT NULL
) STRICT, WITHOUT ROWID;
