-- Sessions of browsers: one row for each browser that has logged in at the login page. Of the cookie only
-- the SHA-256 is stored. Times are seconds since 1970.
CREATE TABLE sessions (
    sid        TEXT    NOT NULL PRIMARY KEY, -- 32 hexadecimal digits
    hash       TEXT    NOT NULL UNIQUE,      -- of the cookie: 64 hexadecimal digits
    user_id    INTEGER NOT NULL,
    epoch      INTEGER NOT NULL, -- the user's at the login: a later one ends the session
    auth_time  INTEGER NOT NULL, -- the last login
    amr        TEXT    NOT NULL, -- how, in words of RFC 8176, separated by spaces
    seen       INTEGER NOT NULL, -- the last use
    idle_until INTEGER NOT NULL, -- its end if it is not used
    expires    INTEGER NOT NULL, -- its end, used or not
    look_at    INTEGER NOT NULL, -- when it may be over: the clean-up looks at it then
    agent      TEXT    NOT NULL  -- what the browser called itself
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_user_id ON sessions (user_id);
CREATE INDEX sessions_look_at ON sessions (look_at);

-- The session that a family ends with; an offline one goes on.
ALTER TABLE refresh_families ADD COLUMN sid TEXT;
ALTER TABLE refresh_families ADD COLUMN offline INTEGER NOT NULL DEFAULT 0;
CREATE INDEX refresh_families_sid ON refresh_families (sid) WHERE sid IS NOT NULL;

CREATE TRIGGER sessions_ended AFTER DELETE ON sessions
BEGIN
    UPDATE refresh_families SET revoked_at = unixepoch()
    WHERE sid = OLD.sid AND offline = 0 AND revoked_at IS NULL;
END;

-- Whoever ends a user's tokens, disables or deletes the user, ends the sessions with the same change.
CREATE TRIGGER users_sessions_ended AFTER UPDATE OF epoch, disabled ON users
WHEN NEW.epoch <> OLD.epoch OR (NEW.disabled AND NOT OLD.disabled)
BEGIN
    DELETE FROM sessions WHERE user_id = OLD.id;
END;
CREATE TRIGGER users_deleted_sessions_ended AFTER DELETE ON users
BEGIN
    DELETE FROM sessions WHERE user_id = OLD.id;
END;
