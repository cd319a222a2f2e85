-- Who users are at other providers.
CREATE TABLE identities (
    provider   TEXT    NOT NULL,
    subject    TEXT    NOT NULL,
    user_id    INTEGER NOT NULL,
    label      TEXT    NOT NULL, -- how the user knows it
    scopes     TEXT    NOT NULL, -- that the user has by rules for this identity only
    created_at INTEGER NOT NULL,
    PRIMARY KEY (provider, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX identities_user_id ON identities (user_id);

-- Logins under way at other providers. Nothing here is a secret.
CREATE TABLE journeys (
    hash     TEXT    NOT NULL PRIMARY KEY, -- of the state
    provider TEXT    NOT NULL,
    browser  TEXT    NOT NULL,             -- who began it
    flow     TEXT    NOT NULL,             -- what was asked for before, sealed
    user_id  INTEGER,                      -- who links an identity
    until    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX journeys_until ON journeys (until);
