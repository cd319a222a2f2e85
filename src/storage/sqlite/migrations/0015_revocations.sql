-- Tokens that have ended before they expire. Rows are only added, and removed once the token would have
-- expired anyway; every process holds them in memory and reads on by their number.
CREATE TABLE revocations (
    seq   INTEGER PRIMARY KEY AUTOINCREMENT,
    kind  TEXT    NOT NULL, -- 'token'
    id    TEXT    NOT NULL, -- 32 hexadecimal digits
    until INTEGER NOT NULL, -- the second from which nobody needs it any more
    UNIQUE (kind, id)
) STRICT;
CREATE INDEX revocations_until ON revocations (until);
