-- Names compare by bytes (BINARY), so they are case-sensitive and `ORDER BY` is the order of pages.
CREATE TABLE users (
    username      TEXT    NOT NULL PRIMARY KEY,
    email         TEXT,
    full_name     TEXT,
    disabled      INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    password_hash TEXT    NOT NULL,
    created_at    INTEGER NOT NULL, -- seconds since 1970
    updated_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A table rather than a column of words: who else holds a scope is then one look into an index,
-- also among a million users.
CREATE TABLE user_scopes (
    username TEXT    NOT NULL REFERENCES users (username) ON UPDATE CASCADE ON DELETE CASCADE,
    position INTEGER NOT NULL,
    scope    TEXT    NOT NULL,
    PRIMARY KEY (username, position),
    UNIQUE (scope, username)
) STRICT, WITHOUT ROWID;

-- Counts the changes of users. Caches in other processes compare it with what they last saw; unlike
-- `PRAGMA data_version` it stands still while other tables are written.
CREATE TABLE user_changes (count INTEGER NOT NULL) STRICT;
INSERT INTO user_changes VALUES (0);

CREATE TRIGGER users_updated AFTER UPDATE ON users
BEGIN UPDATE user_changes SET count = count + 1; END;
CREATE TRIGGER users_deleted AFTER DELETE ON users
BEGIN UPDATE user_changes SET count = count + 1; END;
CREATE TRIGGER user_scopes_inserted AFTER INSERT ON user_scopes
BEGIN UPDATE user_changes SET count = count + 1; END;
CREATE TRIGGER user_scopes_updated AFTER UPDATE ON user_scopes
BEGIN UPDATE user_changes SET count = count + 1; END;
CREATE TRIGGER user_scopes_deleted AFTER DELETE ON user_scopes
BEGIN UPDATE user_changes SET count = count + 1; END;
