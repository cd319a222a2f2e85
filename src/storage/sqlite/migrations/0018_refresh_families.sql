-- Families of refresh tokens: one row for each login that may be renewed. Its tokens are not stored: a
-- token names its family and its generation. Times are seconds since 1970.
CREATE TABLE refresh_families (
    id           TEXT    NOT NULL PRIMARY KEY, -- 32 hexadecimal digits
    client_id    TEXT,                         -- absent: a client that is not registered
    client_epoch INTEGER,                      -- the client's at the login: a later one ends the family
    user_id      INTEGER NOT NULL,
    epoch        INTEGER NOT NULL,             -- the user's at the login: a later one ends the family
    scope        TEXT    NOT NULL,
    auth_time    INTEGER NOT NULL,             -- the login
    generation   INTEGER NOT NULL,             -- of the newest token
    rotated_at   INTEGER NOT NULL,             -- when that was made
    repeats      INTEGER NOT NULL,             -- how often it was asked for again since
    access_until INTEGER NOT NULL,             -- from then on, nobody needs to know its access tokens
    seen         INTEGER NOT NULL,             -- the last use
    expires      INTEGER NOT NULL,             -- its end, used or not
    revoked_at   INTEGER,                      -- when it was ended before
    look_at      INTEGER NOT NULL              -- when it may be over: the clean-up looks at it then
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_families_user_id ON refresh_families (user_id);
CREATE INDEX refresh_families_look_at ON refresh_families (look_at);

-- Its access tokens end with it, and the clean-up need not wait for its end.
CREATE TRIGGER refresh_families_revoked AFTER UPDATE OF revoked_at ON refresh_families
WHEN OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL
BEGIN
    INSERT INTO revocations (kind, id, until) VALUES ('family', NEW.id, NEW.access_until)
    ON CONFLICT DO NOTHING;
    UPDATE refresh_families SET look_at = NEW.revoked_at WHERE id = NEW.id;
END;
