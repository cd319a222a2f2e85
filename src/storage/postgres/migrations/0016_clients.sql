-- Clients of the authorization server, in the words of RFC 7591.
CREATE TABLE clients (
    client_id  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    metadata   TEXT   NOT NULL, -- JSON
    epoch      BIGINT NOT NULL, -- of the tokens that count
    created_at BIGINT NOT NULL, -- seconds since 1970
    updated_at BIGINT NOT NULL
);
CREATE TABLE client_secrets (
    client_id  TEXT COLLATE "C" NOT NULL,
    position   BIGINT NOT NULL, -- the oldest first
    hash       TEXT   NOT NULL, -- SHA-256, in hexadecimal digits
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (client_id, position)
);

-- What counts once, by its SHA-256, as long as it could be shown again.
CREATE TABLE seen (
    hash  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    until BIGINT NOT NULL -- seconds since 1970
);
CREATE INDEX seen_until ON seen (until);

-- Replicas learn of changes as of users.
CREATE FUNCTION bailiwick_tell_clients() RETURNS trigger LANGUAGE plpgsql AS
$$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        PERFORM pg_notify('bailiwick_users', '');
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        PERFORM pg_notify('bailiwick_users', 'user ' || left(OLD.client_id, 512));
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM pg_notify('bailiwick_users', 'user ' || left(NEW.client_id, 512));
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER clients_changed_tell AFTER UPDATE OR DELETE ON clients
FOR EACH ROW EXECUTE FUNCTION bailiwick_tell_clients();
CREATE TRIGGER clients_truncated_tell AFTER TRUNCATE ON clients
FOR EACH STATEMENT EXECUTE FUNCTION bailiwick_tell_clients();
CREATE TRIGGER client_secrets_changed_tell AFTER INSERT OR UPDATE OR DELETE ON client_secrets
FOR EACH ROW EXECUTE FUNCTION bailiwick_tell_clients();
CREATE TRIGGER client_secrets_truncated_tell AFTER TRUNCATE ON client_secrets
FOR EACH STATEMENT EXECUTE FUNCTION bailiwick_tell_clients();
ALTER TABLE clients ENABLE ALWAYS TRIGGER clients_changed_tell;
ALTER TABLE clients ENABLE ALWAYS TRIGGER clients_truncated_tell;
ALTER TABLE client_secrets ENABLE ALWAYS TRIGGER client_secrets_changed_tell;
ALTER TABLE client_secrets ENABLE ALWAYS TRIGGER client_secrets_truncated_tell;
