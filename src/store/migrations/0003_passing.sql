-- What passes uninspected because inspection did not work there: by device (`name:` or `address:`) and host.
CREATE TABLE passing (
    member      BLOB NOT NULL REFERENCES holder (id) ON DELETE CASCADE,
    device      TEXT NOT NULL,
    host        TEXT NOT NULL,
    why         TEXT NOT NULL CHECK (why IN ('pinned', 'client-certificate', 'challenged')),
    since       INTEGER NOT NULL,
    PRIMARY KEY (member, device, host)
) STRICT, WITHOUT ROWID;
