-- Whether a program of the member's holds the credential, which speaks to vendors' interfaces.
ALTER TABLE token ADD COLUMN agent INTEGER NOT NULL DEFAULT 0 CHECK (agent IN (0, 1));

-- Where in JSON a member's programs sent which slot to the identity's vendor, sealed: only there it is shown to them again.
CREATE TABLE sent_place (
    member      BLOB NOT NULL REFERENCES holder (id) ON DELETE CASCADE,
    vendor      TEXT NOT NULL,
    epoch       INTEGER NOT NULL CHECK (epoch >= 1),
    sealed      BLOB NOT NULL,
    PRIMARY KEY (member, vendor, epoch)
) STRICT, WITHOUT ROWID;
