-- Authorization codes, each known by its SHA-256 and good for one use; afterwards it is kept as long as its
-- tokens live, so that a second use ends them. Times are seconds since 1970.
CREATE TABLE codes (
    hash      TEXT    NOT NULL PRIMARY KEY, -- in hexadecimal digits
    family_id TEXT    NOT NULL,             -- of the tokens that it is redeemed for
    sealed    TEXT    NOT NULL,             -- what was granted, and to whom
    expires   INTEGER NOT NULL,
    used_at   INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX codes_expires ON codes (expires);

-- What users have allowed clients.
CREATE TABLE consents (
    user_id      INTEGER NOT NULL,
    client_id    TEXT    NOT NULL,
    scope        TEXT    NOT NULL,
    client_epoch INTEGER NOT NULL, -- the client's then: a later one is asked for anew
    given_at     INTEGER NOT NULL,
    PRIMARY KEY (user_id, client_id, scope)
) STRICT, WITHOUT ROWID;

-- How the user of a family had logged in, and what its tokens are for beside this server.
ALTER TABLE refresh_families ADD COLUMN amr TEXT NOT NULL DEFAULT 'pwd';
ALTER TABLE refresh_families ADD COLUMN resource TEXT;

-- The clients that are told when a session ends.
CREATE TABLE session_clients (
    sid       TEXT NOT NULL,
    client_id TEXT NOT NULL,
    PRIMARY KEY (sid, client_id)
) STRICT, WITHOUT ROWID;

-- What they are still to be told, until it has arrived or nobody needs to know any more.
CREATE TABLE logout_notices (
    sid       TEXT    NOT NULL,
    client_id TEXT    NOT NULL,
    user_id   INTEGER NOT NULL,
    tries     INTEGER NOT NULL,
    due       INTEGER NOT NULL, -- when it is tried next
    until     INTEGER NOT NULL,
    PRIMARY KEY (sid, client_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX logout_notices_due ON logout_notices (due);

CREATE TRIGGER sessions_ended_told AFTER DELETE ON sessions
BEGIN
    INSERT INTO logout_notices (sid, client_id, user_id, tries, due, until)
    SELECT sid, client_id, OLD.user_id, 0, unixepoch(), unixepoch() + 86400
    FROM session_clients WHERE sid = OLD.sid
    ON CONFLICT DO NOTHING;
    DELETE FROM session_clients WHERE sid = OLD.sid;
END;
