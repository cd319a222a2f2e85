-- Who users are at other providers.
CREATE TABLE identities (
    provider   TEXT COLLATE "C" NOT NULL,
    subject    TEXT COLLATE "C" NOT NULL,
    user_id    BIGINT NOT NULL,
    label      TEXT   NOT NULL, -- how the user knows it
    scopes     TEXT   NOT NULL, -- that the user has by rules for this identity only
    created_at BIGINT NOT NULL,
    PRIMARY KEY (provider, subject)
);
CREATE INDEX identities_user_id ON identities (user_id);

-- Logins under way at other providers. Nothing here is a secret.
CREATE TABLE journeys (
    hash     TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- of the state
    provider TEXT   NOT NULL,
    browser  TEXT   NOT NULL, -- who began it
    flow     TEXT   NOT NULL, -- what was asked for before, sealed
    user_id  BIGINT,          -- who links an identity
    until    BIGINT NOT NULL
);
CREATE INDEX journeys_until ON journeys (until);
