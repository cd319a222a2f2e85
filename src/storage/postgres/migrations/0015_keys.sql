-- Random keys that seal data, each sealed with a key derived from the signing secret.
CREATE TABLE server_keys (
    name text NOT NULL PRIMARY KEY,
    sealed text NOT NULL
);

-- The asymmetric keys that sign tokens; times in seconds since 1970. The row `HS256` records when
-- tokens signed with the shared secret end to count.
CREATE TABLE signing_keys (
    kid text NOT NULL PRIMARY KEY,
    alg text NOT NULL,
    public text NOT NULL,
    sealed text NOT NULL,
    active_from bigint NOT NULL,
    retired_at bigint
);

-- Work that one server does for all, until when.
CREATE TABLE leases (
    name text NOT NULL PRIMARY KEY,
    until bigint NOT NULL
);
