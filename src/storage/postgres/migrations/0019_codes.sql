-- Authorization codes, each known by its SHA-256 and good for one use; afterwards it is kept as long as its
-- tokens live, so that a second use ends them. Times are seconds since 1970.
CREATE TABLE codes (
    hash      TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- in hexadecimal digits
    family_id TEXT   NOT NULL, -- of the tokens that it is redeemed for
    sealed    TEXT   NOT NULL, -- what was granted, and to whom
    expires   BIGINT NOT NULL,
    used_at   BIGINT
);
CREATE INDEX codes_expires ON codes (expires);

-- What users have allowed clients.
CREATE TABLE consents (
    user_id      BIGINT NOT NULL,
    client_id    TEXT COLLATE "C" NOT NULL,
    scope        TEXT COLLATE "C" NOT NULL,
    client_epoch BIGINT NOT NULL, -- the client's then: a later one is asked for anew
    given_at     BIGINT NOT NULL,
    PRIMARY KEY (user_id, client_id, scope)
);

-- How the user of a family had logged in, and what its tokens are for beside this server.
ALTER TABLE refresh_families ADD COLUMN amr TEXT NOT NULL DEFAULT 'pwd', ADD COLUMN resource TEXT;

-- The clients that are told when a session ends.
CREATE TABLE session_clients (
    sid       TEXT COLLATE "C" NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (sid, client_id)
);

-- What they are still to be told, until it has arrived or nobody needs to know any more.
CREATE TABLE logout_notices (
    sid       TEXT COLLATE "C" NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL,
    user_id   BIGINT NOT NULL,
    tries     BIGINT NOT NULL,
    due       BIGINT NOT NULL, -- when it is tried next
    until     BIGINT NOT NULL,
    PRIMARY KEY (sid, client_id)
);
CREATE INDEX logout_notices_due ON logout_notices (due);

CREATE FUNCTION bailiwick_note_logout() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS
$$
DECLARE
    moment CONSTANT BIGINT := floor(extract(epoch FROM clock_timestamp()))::bigint;
BEGIN
    INSERT INTO logout_notices (sid, client_id, user_id, tries, due, until)
    SELECT sid, client_id, OLD.user_id, 0, moment, moment + 86400 FROM session_clients WHERE sid = OLD.sid
    ON CONFLICT DO NOTHING;
    DELETE FROM session_clients WHERE sid = OLD.sid;
    RETURN NULL;
END
$$;
CREATE TRIGGER sessions_ended_told AFTER DELETE ON sessions
FOR EACH ROW EXECUTE FUNCTION bailiwick_note_logout();
