-- When the member first dealt with a vendor, and whether the vendor's cookies came along already: then it knew them before
-- the gateway did.
CREATE TABLE met (
    member      BLOB NOT NULL REFERENCES holder (id) ON DELETE CASCADE,
    vendor      TEXT NOT NULL,
    cookies     INTEGER NOT NULL CHECK (cookies IN (0, 1)),
    since       INTEGER NOT NULL,
    PRIMARY KEY (member, vendor)
) STRICT, WITHOUT ROWID;
