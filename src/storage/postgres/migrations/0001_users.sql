-- Names compare by bytes (COLLATE "C"), so they are case-sensitive and `ORDER BY` is the order of
-- pages, whatever the database's own collation is.
CREATE TABLE users (
    username      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    email         TEXT,
    full_name     TEXT,
    disabled      BOOLEAN NOT NULL,
    password_hash TEXT    NOT NULL,
    created_at    BIGINT  NOT NULL, -- seconds since 1970
    updated_at    BIGINT  NOT NULL
);

-- A table rather than a column of words: who else holds a scope is then one look into an index,
-- also among a million users.
CREATE TABLE user_scopes (
    username TEXT COLLATE "C" NOT NULL
             REFERENCES users (username) ON UPDATE CASCADE ON DELETE CASCADE,
    position INTEGER NOT NULL,
    scope    TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (username, position),
    UNIQUE (scope, username)
);

-- Tells every replica that users have changed, when the change is committed; several in one
-- transaction arrive as one.
CREATE FUNCTION bailiwick_users_changed() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_notify('bailiwick_users', ''); RETURN NULL; END $$;

CREATE TRIGGER users_changed AFTER UPDATE OR DELETE OR TRUNCATE ON users
FOR EACH STATEMENT EXECUTE FUNCTION bailiwick_users_changed();
CREATE TRIGGER user_scopes_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON user_scopes
FOR EACH STATEMENT EXECUTE FUNCTION bailiwick_users_changed();
