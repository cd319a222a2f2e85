-- A user's id is its identity, whatever its name: no two have the same. Of users who have, as copies of
-- rows by hand do, the first keeps it.
UPDATE users SET id = random() & 0x1FFFFFFFFFFFFF -- below 2^53
WHERE id = 0 OR username NOT IN (SELECT min(username) FROM users GROUP BY id);
CREATE UNIQUE INDEX users_id ON users (id);

-- With REPLACE whoever has the id is deleted, and SQLite tells no other trigger of that.
CREATE TRIGGER users_displaced_tell BEFORE INSERT ON users
WHEN EXISTS (SELECT 1 FROM users WHERE id = NEW.id AND username <> NEW.username)
BEGIN INSERT INTO changed_users (username) SELECT username FROM users WHERE id = NEW.id; END;
CREATE TRIGGER users_displaced_by_update_tell BEFORE UPDATE OF id ON users
WHEN NEW.id <> OLD.id AND EXISTS (SELECT 1 FROM users WHERE id = NEW.id)
BEGIN INSERT INTO changed_users (username) SELECT username FROM users WHERE id = NEW.id; END;

-- Names that users have given up, and whose they were. Tokens without an id, as other applications
-- sign them, are those of the earlier user: whoever has the name now must not be taken for that one.
CREATE TABLE former_names (
    name TEXT    NOT NULL,
    id   INTEGER NOT NULL,
    PRIMARY KEY (name, id)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER users_renamed_remember AFTER UPDATE ON users WHEN OLD.username <> NEW.username
BEGIN INSERT OR IGNORE INTO former_names VALUES (OLD.username, OLD.id); END;
CREATE TRIGGER users_deleted_remember AFTER DELETE ON users
BEGIN INSERT OR IGNORE INTO former_names VALUES (OLD.username, OLD.id); END;
