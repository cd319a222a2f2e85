-- Whatever writes, tells: also COPY, MERGE, and sessions that take the part of a replica
-- (session_replication_role), as programs do that move data.
CREATE TRIGGER users_inserted AFTER INSERT ON users
FOR EACH STATEMENT EXECUTE FUNCTION bailiwick_users_changed();
ALTER TABLE users ENABLE ALWAYS TRIGGER users_inserted;
ALTER TABLE users ENABLE ALWAYS TRIGGER users_changed;
ALTER TABLE user_scopes ENABLE ALWAYS TRIGGER user_scopes_changed;
