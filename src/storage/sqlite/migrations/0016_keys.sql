-- Random keys that seal data, each sealed with a key derived from the signing secret.
CREATE TABLE server_keys (
    name TEXT NOT NULL PRIMARY KEY,
    sealed TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The asymmetric keys that sign tokens; times in seconds since 1970. The row `HS256` records when
-- tokens signed with the shared secret end to count.
CREATE TABLE signing_keys (
    kid TEXT NOT NULL PRIMARY KEY,
    alg TEXT NOT NULL,
    public TEXT NOT NULL,
    sealed TEXT NOT NULL,
    active_from INTEGER NOT NULL,
    retired_at INTEGER
) STRICT, WITHOUT ROWID;

-- Work that one server does for all, until when.
CREATE TABLE leases (
    name TEXT NOT NULL PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
