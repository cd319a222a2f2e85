-- Tells caches in other processes which users have changed. The number grows by one with each change,
-- so that whoever reads knows whether a change is missing; the last 10,000 are kept. The count of
-- `user_changes` goes on for programs that do not know this table.
CREATE TABLE changed_users (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    username TEXT NOT NULL
) STRICT;
CREATE TRIGGER changed_users_bounded AFTER INSERT ON changed_users
BEGIN DELETE FROM changed_users WHERE seq <= NEW.seq - 10000; END;

-- A new user is in no cache. With REPLACE an INSERT first deletes whoever has the name, and SQLite
-- tells no other trigger of that.
CREATE TRIGGER users_replaced_tell BEFORE INSERT ON users
WHEN EXISTS (SELECT 1 FROM users WHERE username = NEW.username)
BEGIN INSERT INTO changed_users (username) VALUES (NEW.username); END;
CREATE TRIGGER users_updated_tell AFTER UPDATE ON users
BEGIN INSERT INTO changed_users (username) VALUES (NEW.username); END;
CREATE TRIGGER users_renamed_tell AFTER UPDATE ON users WHEN OLD.username <> NEW.username
BEGIN INSERT INTO changed_users (username) VALUES (OLD.username); END;
CREATE TRIGGER users_deleted_tell AFTER DELETE ON users
BEGIN INSERT INTO changed_users (username) VALUES (OLD.username); END;
CREATE TRIGGER user_scopes_inserted_tell AFTER INSERT ON user_scopes
BEGIN INSERT INTO changed_users (username) VALUES (NEW.username); END;
CREATE TRIGGER user_scopes_updated_tell AFTER UPDATE ON user_scopes
BEGIN INSERT INTO changed_users (username) VALUES (NEW.username); END;
CREATE TRIGGER user_scopes_moved_tell AFTER UPDATE ON user_scopes WHEN OLD.username <> NEW.username
BEGIN INSERT INTO changed_users (username) VALUES (OLD.username); END;
CREATE TRIGGER user_scopes_deleted_tell AFTER DELETE ON user_scopes
BEGIN INSERT INTO changed_users (username) VALUES (OLD.username); END;
