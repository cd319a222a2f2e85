-- What the audit log tells, for as many days as audit.retain_days says. A process gives no two events the
-- same time, so the two columns of the key name an event, whoever writes it and however often.
CREATE TABLE audit_events (
    at      INTEGER NOT NULL, -- microseconds since 1970
    process INTEGER NOT NULL, -- a random number of the process that told of it
    who     TEXT,
    whom    TEXT,
    fields  TEXT    NOT NULL, -- a JSON object of texts
    PRIMARY KEY (at, process)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_events_who ON audit_events (who, at, process) WHERE who IS NOT NULL;
CREATE INDEX audit_events_whom ON audit_events (whom, at, process) WHERE whom IS NOT NULL;
