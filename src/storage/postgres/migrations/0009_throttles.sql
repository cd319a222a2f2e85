-- Tries at passwords: a row for each bucket of a limit, as the generic cell rate algorithm keeps it.
-- Milliseconds since 1970, by the database's clock.
CREATE TABLE throttles (
    key            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    tat            BIGINT NOT NULL, -- when it is empty: the theoretical arrival time
    taken_at       BIGINT NOT NULL, -- when room in it was last taken,
    taken_by       BIGINT NOT NULL, -- by which process,
    others_took_at BIGINT           -- and when by any other
) WITH (fillfactor = 70);

-- Where users have logged in lately; it goes with the user, or in time.
CREATE TABLE known (
    user_id BIGINT NOT NULL,
    place   TEXT COLLATE "C" NOT NULL, -- a network, or the hash of what a device knows
    last    BIGINT NOT NULL,
    PRIMARY KEY (user_id, place)
);
CREATE INDEX known_last ON known (last);
