-- A user's id is its identity, whatever its name: no two have the same. Of users who have, as copies of
-- rows by hand do, the first keeps it.
UPDATE users SET id = DEFAULT
WHERE username IN (
    SELECT username
    FROM (SELECT username, row_number() OVER (PARTITION BY id ORDER BY username) AS place FROM users)
        AS numbered
    WHERE place > 1
);
CREATE UNIQUE INDEX users_id ON users (id);

-- Names that users have given up, and whose they were. Tokens without an id, as other applications
-- sign them, are those of the earlier user: whoever has the name now must not be taken for that one.
CREATE TABLE former_names (
    name TEXT COLLATE "C" NOT NULL,
    id   BIGINT NOT NULL,
    PRIMARY KEY (name, id)
);

-- Whoever may delete a user need have no right on this table, nor the schema in its search path.
CREATE FUNCTION bailiwick_remember_names() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        EXECUTE format('INSERT INTO %1$I.former_names SELECT username, id FROM %1$I.users
            ON CONFLICT DO NOTHING', TG_TABLE_SCHEMA);
    ELSE
        EXECUTE format('INSERT INTO %I.former_names VALUES ($1, $2) ON CONFLICT DO NOTHING',
            TG_TABLE_SCHEMA) USING OLD.username, OLD.id;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER users_renamed_remember AFTER UPDATE ON users
FOR EACH ROW WHEN (OLD.username <> NEW.username) EXECUTE FUNCTION bailiwick_remember_names();
CREATE TRIGGER users_deleted_remember AFTER DELETE ON users
FOR EACH ROW EXECUTE FUNCTION bailiwick_remember_names();
CREATE TRIGGER users_truncated_remember BEFORE TRUNCATE ON users
FOR EACH STATEMENT EXECUTE FUNCTION bailiwick_remember_names();
ALTER TABLE users ENABLE ALWAYS TRIGGER users_renamed_remember;
ALTER TABLE users ENABLE ALWAYS TRIGGER users_deleted_remember;
ALTER TABLE users ENABLE ALWAYS TRIGGER users_truncated_remember;
