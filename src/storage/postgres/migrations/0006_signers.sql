-- Fingerprints of the signing secrets of those who serve: servers with different ones find each other.
CREATE TABLE signers (
    fingerprint TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    noted       BIGINT NOT NULL -- seconds since 1970, by the database's clock
);
