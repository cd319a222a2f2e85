-- Clients of the authorization server, in the words of RFC 7591.
CREATE TABLE clients (
    client_id  TEXT    NOT NULL PRIMARY KEY,
    metadata   TEXT    NOT NULL, -- JSON
    epoch      INTEGER NOT NULL, -- of the tokens that count
    created_at INTEGER NOT NULL, -- seconds since 1970
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE client_secrets (
    client_id  TEXT    NOT NULL,
    position   INTEGER NOT NULL, -- the oldest first
    hash       TEXT    NOT NULL, -- SHA-256, in hexadecimal digits
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    PRIMARY KEY (client_id, position)
) STRICT, WITHOUT ROWID;

-- What counts once, by its SHA-256, as long as it could be shown again.
CREATE TABLE seen (
    hash  TEXT    NOT NULL PRIMARY KEY,
    until INTEGER NOT NULL -- seconds since 1970
) STRICT, WITHOUT ROWID;
CREATE INDEX seen_until ON seen (until);

-- Caches in other processes learn of changes by the same log as of users.
CREATE TRIGGER clients_replaced_tell BEFORE INSERT ON clients
WHEN EXISTS (SELECT 1 FROM clients WHERE client_id = NEW.client_id)
BEGIN INSERT INTO changed_users (username) VALUES (NEW.client_id); END;
CREATE TRIGGER clients_updated_tell AFTER UPDATE ON clients
BEGIN INSERT INTO changed_users (username) VALUES (OLD.client_id), (NEW.client_id); END;
CREATE TRIGGER clients_deleted_tell AFTER DELETE ON clients
BEGIN INSERT INTO changed_users (username) VALUES (OLD.client_id); END;
CREATE TRIGGER client_secrets_inserted_tell AFTER INSERT ON client_secrets
BEGIN INSERT INTO changed_users (username) VALUES (NEW.client_id); END;
CREATE TRIGGER client_secrets_updated_tell AFTER UPDATE ON client_secrets
BEGIN INSERT INTO changed_users (username) VALUES (OLD.client_id), (NEW.client_id); END;
CREATE TRIGGER client_secrets_deleted_tell AFTER DELETE ON client_secrets
BEGIN INSERT INTO changed_users (username) VALUES (OLD.client_id); END;
