-- Tokens that have ended before they expire. Rows are only added, and removed once the token would have
-- expired anyway; every process holds them in memory and is told of each, when it is committed, in the
-- order of the commits: their numbers have another.
CREATE TABLE revocations (
    seq   BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind  TEXT COLLATE "C" NOT NULL, -- 'token'
    id    TEXT COLLATE "C" NOT NULL, -- 32 hexadecimal digits
    until BIGINT NOT NULL,           -- the second from which nobody needs it any more
    UNIQUE (kind, id)
);
CREATE INDEX revocations_until ON revocations (until);

-- Programs that do not know this table listen to another channel.
CREATE FUNCTION bailiwick_tell_revocation() RETURNS trigger LANGUAGE plpgsql AS
$$
BEGIN
    PERFORM pg_notify('bailiwick_revocations', concat_ws(' ', NEW.kind, NEW.id, NEW.until));
    RETURN NULL;
END
$$;
CREATE TRIGGER revocations_inserted_tell AFTER INSERT ON revocations
FOR EACH ROW EXECUTE FUNCTION bailiwick_tell_revocation();
ALTER TABLE revocations ENABLE ALWAYS TRIGGER revocations_inserted_tell;
