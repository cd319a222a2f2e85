-- Tries at passwords: a row for each bucket of a limit, as the generic cell rate algorithm keeps it.
-- Milliseconds since 1970, by the database's clock.
CREATE TABLE throttles (
    key            TEXT    NOT NULL PRIMARY KEY,
    tat            INTEGER NOT NULL, -- when it is empty: the theoretical arrival time
    taken_at       INTEGER NOT NULL, -- when room in it was last taken,
    taken_by       INTEGER NOT NULL, -- by which process,
    others_took_at INTEGER           -- and when by any other
) STRICT, WITHOUT ROWID;

-- Where users have logged in lately; it goes with the user, or in time.
CREATE TABLE known (
    user_id INTEGER NOT NULL,
    place   TEXT    NOT NULL, -- a network, or the hash of what a device knows
    last    INTEGER NOT NULL,
    PRIMARY KEY (user_id, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX known_last ON known (last);
