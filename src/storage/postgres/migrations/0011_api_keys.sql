-- API keys, whose secrets are known to their owners only.
CREATE TABLE api_keys (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    user_id    BIGINT NOT NULL, -- without this user the key is nobody's, and counts for nothing
    hash       TEXT   NOT NULL, -- SHA-256, in hexadecimal digits
    name       TEXT   NOT NULL,
    scopes     TEXT   NOT NULL, -- separated by spaces
    created_at BIGINT NOT NULL, -- seconds since 1970
    expires_at BIGINT,
    last_day   BIGINT           -- days since 1970
) WITH (fillfactor = 80);
CREATE INDEX api_keys_user_id ON api_keys (user_id);

-- Replicas learn of changes as of users; a user whose name is that of a key is forgotten with it, which
-- costs a read. The day of the last use is no change. By row: triggers with transition tables cannot
-- be for some columns only.
CREATE FUNCTION bailiwick_tell_api_keys() RETURNS trigger LANGUAGE plpgsql AS
$$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        PERFORM pg_notify('bailiwick_users', '');
        RETURN NULL;
    END IF;
    PERFORM pg_notify('bailiwick_users', 'user ' || left(OLD.id, 512));
    IF TG_OP = 'UPDATE' THEN
        PERFORM pg_notify('bailiwick_users', 'user ' || left(NEW.id, 512));
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER api_keys_updated_tell
AFTER UPDATE OF id, user_id, hash, name, scopes, created_at, expires_at ON api_keys
FOR EACH ROW EXECUTE FUNCTION bailiwick_tell_api_keys();
CREATE TRIGGER api_keys_deleted_tell AFTER DELETE ON api_keys
FOR EACH ROW EXECUTE FUNCTION bailiwick_tell_api_keys();
CREATE TRIGGER api_keys_truncated_tell AFTER TRUNCATE ON api_keys
FOR EACH STATEMENT EXECUTE FUNCTION bailiwick_tell_api_keys();
ALTER TABLE api_keys ENABLE ALWAYS TRIGGER api_keys_updated_tell;
ALTER TABLE api_keys ENABLE ALWAYS TRIGGER api_keys_deleted_tell;
ALTER TABLE api_keys ENABLE ALWAYS TRIGGER api_keys_truncated_tell;
