-- API keys, whose secrets are known to their owners only.
CREATE TABLE api_keys (
    id         TEXT    NOT NULL PRIMARY KEY,
    user_id    INTEGER NOT NULL, -- without this user the key is nobody's, and counts for nothing
    hash       TEXT    NOT NULL, -- SHA-256, in hexadecimal digits
    name       TEXT    NOT NULL,
    scopes     TEXT    NOT NULL, -- separated by spaces
    created_at INTEGER NOT NULL, -- seconds since 1970
    expires_at INTEGER,
    last_day   INTEGER           -- days since 1970
) STRICT, WITHOUT ROWID;
CREATE INDEX api_keys_user_id ON api_keys (user_id);

-- Caches in other processes learn of changes by the same log as of users; a user whose name is that of
-- a key is forgotten with it, which costs a read. The day of the last use is no change.
CREATE TRIGGER api_keys_replaced_tell BEFORE INSERT ON api_keys
WHEN EXISTS (SELECT 1 FROM api_keys WHERE id = NEW.id)
BEGIN INSERT INTO changed_users (username) VALUES (NEW.id); END;
CREATE TRIGGER api_keys_updated_tell
AFTER UPDATE OF id, user_id, hash, name, scopes, created_at, expires_at ON api_keys
BEGIN INSERT INTO changed_users (username) VALUES (OLD.id), (NEW.id); END;
CREATE TRIGGER api_keys_deleted_tell AFTER DELETE ON api_keys
BEGIN INSERT INTO changed_users (username) VALUES (OLD.id); END;
