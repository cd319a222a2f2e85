-- Sessions of browsers: one row for each browser that has logged in at the login page. Of the cookie only
-- the SHA-256 is stored. Times are seconds since 1970.
CREATE TABLE sessions (
    sid        TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- 32 hexadecimal digits
    hash       TEXT COLLATE "C" NOT NULL UNIQUE,      -- of the cookie: 64 hexadecimal digits
    user_id    BIGINT NOT NULL,
    epoch      BIGINT NOT NULL, -- the user's at the login: a later one ends the session
    auth_time  BIGINT NOT NULL, -- the last login
    amr        TEXT   NOT NULL, -- how, in words of RFC 8176, separated by spaces
    seen       BIGINT NOT NULL, -- the last use
    idle_until BIGINT NOT NULL, -- its end if it is not used
    expires    BIGINT NOT NULL, -- its end, used or not
    look_at    BIGINT NOT NULL, -- when it may be over: the clean-up looks at it then
    agent      TEXT   NOT NULL  -- what the browser called itself
-- A use changes no column with an index, so the new row fits beside the old one.
) WITH (fillfactor = 80);
CREATE INDEX sessions_user_id ON sessions (user_id);
CREATE INDEX sessions_look_at ON sessions (look_at);

-- The session that a family ends with; an offline one goes on.
ALTER TABLE refresh_families ADD COLUMN sid TEXT COLLATE "C", ADD COLUMN offline BIGINT NOT NULL DEFAULT 0;
CREATE INDEX refresh_families_sid ON refresh_families (sid) WHERE sid IS NOT NULL;

CREATE FUNCTION bailiwick_end_session() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS
$$
BEGIN
    UPDATE refresh_families SET revoked_at = floor(extract(epoch FROM clock_timestamp()))::bigint
    WHERE sid = OLD.sid AND offline = 0 AND revoked_at IS NULL;
    RETURN NULL;
END
$$;
CREATE TRIGGER sessions_ended AFTER DELETE ON sessions
FOR EACH ROW EXECUTE FUNCTION bailiwick_end_session();

-- Whoever ends a user's tokens, disables or deletes the user, ends the sessions with the same change.
CREATE FUNCTION bailiwick_end_sessions() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS
$$
BEGIN
    DELETE FROM sessions WHERE user_id = OLD.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER users_sessions_ended AFTER UPDATE OF epoch, disabled ON users
FOR EACH ROW WHEN (NEW.epoch <> OLD.epoch OR (NEW.disabled AND NOT OLD.disabled))
EXECUTE FUNCTION bailiwick_end_sessions();
CREATE TRIGGER users_deleted_sessions_ended AFTER DELETE ON users
FOR EACH ROW EXECUTE FUNCTION bailiwick_end_sessions();
