-- Tells every replica which users have changed, when the change is committed: `user ` and the name, or
-- nothing at all where it may be anybody. Triggers with transition tables are for one event each, and
-- the latter have the same names, so that one function serves all.
CREATE FUNCTION bailiwick_tell_users() RETURNS trigger LANGUAGE plpgsql AS
$$
DECLARE
    most CONSTANT integer := 100;
    names text[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        names := ARRAY(SELECT username FROM present LIMIT most + 1);
    ELSIF TG_OP = 'DELETE' THEN
        names := ARRAY(SELECT username FROM past LIMIT most + 1);
    ELSE
        names := ARRAY(SELECT username FROM past LIMIT most + 1)
            || ARRAY(SELECT username FROM present LIMIT most + 1);
    END IF;
    -- A payload has less than 8,000 bytes; no name of this program has more than 512.
    IF cardinality(names) > 2 * most
        OR (TG_OP <> 'UPDATE' AND cardinality(names) > most)
        OR EXISTS (SELECT 1 FROM unnest(names) AS name WHERE octet_length(name) > 512)
    THEN
        PERFORM pg_notify('bailiwick_users', '');
    ELSE
        PERFORM pg_notify('bailiwick_users', 'user ' || name) FROM unnest(names) AS name;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER users_inserted_tell AFTER INSERT ON users
REFERENCING NEW TABLE AS present FOR EACH STATEMENT EXECUTE FUNCTION bailiwick_tell_users();
CREATE TRIGGER users_updated_tell AFTER UPDATE ON users
REFERENCING OLD TABLE AS past NEW TABLE AS present
FOR EACH STATEMENT EXECUTE FUNCTION bailiwick_tell_users();
CREATE TRIGGER users_deleted_tell AFTER DELETE ON users
REFERENCING OLD TABLE AS past FOR EACH STATEMENT EXECUTE FUNCTION bailiwick_tell_users();
CREATE TRIGGER user_scopes_inserted_tell AFTER INSERT ON user_scopes
REFERENCING NEW TABLE AS present FOR EACH STATEMENT EXECUTE FUNCTION bailiwick_tell_users();
CREATE TRIGGER user_scopes_updated_tell AFTER UPDATE ON user_scopes
REFERENCING OLD TABLE AS past NEW TABLE AS present
FOR EACH STATEMENT EXECUTE FUNCTION bailiwick_tell_users();
CREATE TRIGGER user_scopes_deleted_tell AFTER DELETE ON user_scopes
REFERENCING OLD TABLE AS past FOR EACH STATEMENT EXECUTE FUNCTION bailiwick_tell_users();

-- As their predecessors, also for sessions that take the part of a replica.
ALTER TABLE users ENABLE ALWAYS TRIGGER users_inserted_tell;
ALTER TABLE users ENABLE ALWAYS TRIGGER users_updated_tell;
ALTER TABLE users ENABLE ALWAYS TRIGGER users_deleted_tell;
ALTER TABLE user_scopes ENABLE ALWAYS TRIGGER user_scopes_inserted_tell;
ALTER TABLE user_scopes ENABLE ALWAYS TRIGGER user_scopes_updated_tell;
ALTER TABLE user_scopes ENABLE ALWAYS TRIGGER user_scopes_deleted_tell;

-- These tell of TRUNCATE alone from now on: it has no transition tables. To drop them would lock the
-- tables of the replicas that serve.
CREATE OR REPLACE FUNCTION bailiwick_users_changed() RETURNS trigger LANGUAGE plpgsql AS
$$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        PERFORM pg_notify('bailiwick_users', '');
    END IF;
    RETURN NULL;
END
$$;
