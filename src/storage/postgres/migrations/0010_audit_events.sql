-- What the audit log tells, for as many days as audit.retain_days says. A process gives no two events the
-- same time, so the two columns of the key name an event, whoever writes it and however often.
CREATE TABLE audit_events (
    at      BIGINT NOT NULL, -- microseconds since 1970
    process BIGINT NOT NULL, -- a random number of the process that told of it
    who     TEXT COLLATE "C",
    whom    TEXT COLLATE "C",
    fields  TEXT COLLATE "C" NOT NULL, -- a JSON object of texts
    PRIMARY KEY (at, process)
);
CREATE INDEX audit_events_who ON audit_events (who, at, process) WHERE who IS NOT NULL;
CREATE INDEX audit_events_whom ON audit_events (whom, at, process) WHERE whom IS NOT NULL;
