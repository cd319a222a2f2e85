-- With REPLACE whoever has the name or the id of the new row is deleted, and SQLite tells no trigger of
-- DELETE: these remember the name. Where the row is refused instead, they note that a user has its own
-- name, which means nothing.
CREATE TRIGGER users_displaced_remember BEFORE INSERT ON users
BEGIN
    INSERT OR IGNORE INTO former_names
    SELECT username, id FROM users WHERE username = NEW.username OR id = NEW.id;
END;
CREATE TRIGGER users_displaced_by_update_remember BEFORE UPDATE OF username, id ON users
BEGIN
    INSERT OR IGNORE INTO former_names
    SELECT username, id FROM users
    WHERE (username = NEW.username OR id = NEW.id) AND username <> OLD.username;
END;
