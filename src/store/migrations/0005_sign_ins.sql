-- By way of whom a member signs in at vendors, and what these were asked for (times in milliseconds, UTC).
CREATE TABLE sign_in (
    member      BLOB NOT NULL REFERENCES holder (id) ON DELETE CASCADE,
    vendor      TEXT NOT NULL,
    provider    TEXT NOT NULL,
    scopes      TEXT NOT NULL,
    asked       INTEGER NOT NULL,
    went        INTEGER,
    PRIMARY KEY (member, vendor, provider)
) STRICT, WITHOUT ROWID;
