-- Families of refresh tokens: one row for each login that may be renewed. Its tokens are not stored: a
-- token names its family and its generation. Times are seconds since 1970.
CREATE TABLE refresh_families (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- 32 hexadecimal digits
    client_id    TEXT COLLATE "C",                      -- absent: a client that is not registered
    client_epoch BIGINT,          -- the client's at the login: a later one ends the family
    user_id      BIGINT NOT NULL,
    epoch        BIGINT NOT NULL, -- the user's at the login: a later one ends the family
    scope        TEXT   NOT NULL,
    auth_time    BIGINT NOT NULL, -- the login
    generation   BIGINT NOT NULL, -- of the newest token
    rotated_at   BIGINT NOT NULL, -- when that was made
    repeats      BIGINT NOT NULL, -- how often it was asked for again since
    access_until BIGINT NOT NULL, -- from then on, nobody needs to know its access tokens
    seen         BIGINT NOT NULL, -- the last use
    expires      BIGINT NOT NULL, -- its end, used or not
    revoked_at   BIGINT,          -- when it was ended before
    look_at      BIGINT NOT NULL  -- when it may be over: the clean-up looks at it then
-- A rotation changes no column with an index, so the new row fits beside the old one.
) WITH (fillfactor = 80);
CREATE INDEX refresh_families_user_id ON refresh_families (user_id);
CREATE INDEX refresh_families_look_at ON refresh_families (look_at);

-- Its access tokens end with it, and the clean-up need not wait for its end.
CREATE FUNCTION bailiwick_revoke_family() RETURNS trigger LANGUAGE plpgsql AS
$$
BEGIN
    INSERT INTO revocations (kind, id, until) VALUES ('family', NEW.id, NEW.access_until)
    ON CONFLICT DO NOTHING;
    UPDATE refresh_families SET look_at = NEW.revoked_at WHERE id = NEW.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER refresh_families_revoked AFTER UPDATE OF revoked_at ON refresh_families
FOR EACH ROW WHEN (OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL)
EXECUTE FUNCTION bailiwick_revoke_family();
